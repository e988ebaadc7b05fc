//! CheckTx: ante checks against the last committed state and what is pending.
//!
//! 1. A transaction passes if it would pass ante after the pending transactions of its sender.
//! 2. A pass makes it pending: the next sequence and the fee count for what follows.
//! 3. After a commit nothing is pending; the mempool's transactions are rechecked in its order.
//! 4. A recheck decodes, but does not verify signatures again: they cannot have become invalid.

use crate::ante::{self, AnteParams};
use crate::outcome::{TxResult, rejection};
use crate::signatures::VerifiedSignatures;
use crate::tx::Tx;
use crate::{ChainParams, CheckKind};
use dadbs_modules::auth::{self, Account};
use dadbs_modules::bank;
use dadbs_store::{Readers, View};
use dadbs_types::coin::DENOM;
use dadbs_types::{AccountAddress, Error, Fatal};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// An account with its pending transactions.
struct Pending {
    account: Account,
    sequence: u64,
    funds: u64,
}

/// Answers CheckTx.
pub struct Checker {
    readers: Readers,
    params: ChainParams,
    verified: VerifiedSignatures,
    view: Option<View>,
    pending: BTreeMap<AccountAddress, Pending>,
}

impl Checker {
    pub(crate) fn new(
        readers: Readers,
        params: ChainParams,
        verified: VerifiedSignatures,
    ) -> Checker {
        Checker { readers, params, verified, view: None, pending: BTreeMap::new() }
    }

    /// Checks one transaction and, if it passes, counts it as pending (rules 1 and 2).
    pub fn check_tx(&mut self, bytes: &[u8], kind: CheckKind) -> Result<TxResult, Fatal> {
        let checked = Tx::decode(bytes).map_err(Error::from).and_then(|tx| {
            self.check(&tx, kind)?;
            Ok(tx.gas_limit)
        });
        Ok(match rejection(checked)? {
            Ok(gas_wanted) => TxResult { gas_wanted, ..TxResult::default() },
            Err(rejection) => TxResult::rejected(&rejection),
        })
    }

    /// Forgets what is pending; called after each commit, before rechecks (rule 3).
    pub fn reset(&mut self) {
        self.pending.clear();
        self.view = None;
    }

    fn check(&mut self, tx: &Tx, kind: CheckKind) -> Result<(), Error> {
        let view = match self.view.take() {
            Some(view) => view,
            None => self.readers.view()?,
        };
        let view = self.view.insert(view);
        let params = AnteParams {
            chain_id: &self.params.chain_id,
            height: view.height().saturating_add(1),
            min_fee_per_million_gas: self.params.min_fee_per_million_gas,
            signed: true,
        };
        ante::check_stateless(tx, &params)?;
        if let Entry::Vacant(first) = self.pending.entry(tx.sender)
            && let Some(account) = auth::load_account(view, tx.sender)?
        {
            let funds = bank::balance(view, tx.sender, DENOM)?;
            first.insert(Pending { sequence: account.sequence, account, funds });
        }
        let pending = self.pending.get_mut(&tx.sender);
        let account = pending.as_ref().map(|pending| &pending.account);
        let next = pending.as_ref().map_or(0, |pending| pending.sequence);
        match kind {
            CheckKind::New => {
                ante::check_account(tx, account, next, &params, &self.verified)?;
            }
            CheckKind::Recheck => ante::check_sequence(tx, next)?,
        }
        if let Some(pending) = pending {
            ante::check_funds(tx, pending.funds)?;
            pending.sequence = pending.sequence.saturating_add(1);
            let fee = u64::try_from(tx.fee.0).unwrap_or(u64::MAX);
            pending.funds = pending.funds.saturating_sub(fee);
        }
        Ok(())
    }
}
