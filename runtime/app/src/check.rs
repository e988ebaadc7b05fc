//! CheckTx: ante checks against the last committed state and what is pending.
//!
//! 1. A transaction passes if it would pass ante after the pending transactions of its sender.
//! 2. A pass makes it pending: the next sequence and the fee count for what follows.
//! 3. After a commit nothing is pending; the mempool's transactions are rechecked in its order.
//! 4. Decoding and the signature need no order: [`Precheck`] does both on any thread, and [`Checker`] does
//!    the rest, one transaction after the other.
//! 5. A recheck verifies no signature, and decodes only what was forgotten.
//! 6. A new transaction pays the price of gas of the next block. One that waits may stay until its fee is below a
//!    third of it: prices come back, and proposals leave it out until then.

use crate::ante::{self, AnteParams};
use crate::known::KnownTxs;
use crate::outcome::{TxResult, rejection};
use crate::signatures::{AccountNumbers, VerifiedSignatures};
use crate::tx::Tx;
use crate::{ChainParams, CheckKind};
use dadbs_modules::auth::{self, Account};
use dadbs_modules::feegrant::{self, Allowance};
use dadbs_modules::params::{Param, get};
use dadbs_modules::{bank, fees};
use dadbs_store::{Readers, View};
use dadbs_types::{AccountAddress, Error, Fatal, Rejection};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// Rule 6.
const RECHECK_PRICE_DIVISOR: u64 = 3;

/// What is shared by checks, proposals and blocks, and changes no result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memories {
    pub(crate) known: KnownTxs,
    pub(crate) verified: VerifiedSignatures,
    pub(crate) numbers: AccountNumbers,
}

impl Memories {
    /// Verifies the signature if the sender's account is committed, as `load` says where it is not
    /// remembered; false if there is no such account.
    pub(crate) fn verify(
        &self,
        tx: &Tx,
        chain_id: &str,
        load: impl FnOnce() -> Result<Option<Account>, Error>,
    ) -> Result<bool, Error> {
        let number = match self.numbers.get(tx.sender) {
            Some(number) => number,
            None => match load()? {
                Some(account) => {
                    self.numbers.remember(tx.sender, account.number);
                    account.number
                }
                None => return Ok(false),
            },
        };
        self.verified.verify(tx, tx.sign_hash(chain_id, number))?;
        Ok(true)
    }
}

/// The part of CheckTx that needs no order (rule 4); clones share what they found out.
#[derive(Clone)]
pub struct Precheck {
    readers: Readers,
    params: ChainParams,
    memories: Memories,
}

/// A transaction after [`Precheck`], or why it does not decode.
pub type Prechecked = Result<Decoded, Rejection>;

/// A decoded transaction.
#[derive(Clone, Debug)]
pub struct Decoded {
    tx: Arc<Tx>,
    /// Why the signature does not verify; told only where ante would tell it.
    forged: Option<Rejection>,
}

impl Precheck {
    pub(crate) fn new(readers: Readers, params: ChainParams, memories: Memories) -> Precheck {
        Precheck { readers, params, memories }
    }

    /// Decodes transactions, and verifies the signatures of those that are new.
    pub fn run(&self, txs: &[(&[u8], CheckKind)]) -> Result<Vec<Prechecked>, Fatal> {
        let mut view = None;
        txs.iter().map(|(bytes, kind)| self.one(&mut view, bytes, *kind)).collect()
    }

    fn one(
        &self,
        view: &mut Option<View>,
        bytes: &[u8],
        kind: CheckKind,
    ) -> Result<Prechecked, Fatal> {
        let decoded = self.memories.known.decode(bytes).map_err(Error::from);
        rejection(decoded.and_then(|tx| {
            let mut forged = None;
            if kind == CheckKind::New {
                forged = rejection(self.verify(&tx, view))?.err();
            }
            Ok(Decoded { tx, forged })
        }))
    }

    /// Verifies the signature if the account is committed; otherwise [`Checker`] judges.
    fn verify(&self, tx: &Tx, view: &mut Option<View>) -> Result<(), Error> {
        let load = || {
            let opened = match view.take() {
                Some(view) => view,
                None => self.readers.view()?,
            };
            Ok(auth::load_account(view.insert(opened), tx.sender)?)
        };
        self.memories.verify(tx, &self.params.chain_id, load).map(drop)
    }
}

/// An account with its pending transactions.
struct Pending {
    account: Account,
    sequence: u64,
}

/// The part of CheckTx that follows the order of the mempool.
pub struct Checker {
    precheck: Precheck,
    view: Option<View>,
    /// The price of gas in the next block, once it was read.
    gas_price: Option<u64>,
    /// The gas of the next block.
    block_gas: Option<u64>,
    pending: BTreeMap<AccountAddress, Pending>,
    /// What accounts hold after the pending fees.
    funds: BTreeMap<AccountAddress, u64>,
    /// Allowances after the pending fees, by granter and grantee.
    allowances: BTreeMap<(AccountAddress, Option<AccountAddress>), Allowance>,
}

impl Checker {
    pub(crate) fn new(precheck: Precheck) -> Checker {
        Checker {
            precheck,
            view: None,
            gas_price: None,
            block_gas: None,
            pending: BTreeMap::new(),
            funds: BTreeMap::new(),
            allowances: BTreeMap::new(),
        }
    }

    /// Both parts, for one transaction.
    pub fn check_tx(&mut self, bytes: &[u8], kind: CheckKind) -> Result<TxResult, Fatal> {
        let tx = self.precheck.one(&mut None, bytes, kind)?;
        self.in_order(tx, kind)
    }

    /// Checks one transaction and, if it passes, counts it as pending (rules 1 and 2).
    pub fn in_order(&mut self, tx: Prechecked, kind: CheckKind) -> Result<TxResult, Fatal> {
        let checked = tx.map_err(Error::from).and_then(|tx| {
            let gas_limit = tx.tx.gas_limit;
            self.check(&tx.tx, tx.forged, kind)?;
            Ok(gas_limit)
        });
        Ok(match rejection(checked)? {
            Ok(gas_wanted) => TxResult { gas_wanted, ..TxResult::default() },
            Err(rejection) => TxResult::rejected(&rejection),
        })
    }

    /// Forgets what is pending; called after each commit, before rechecks (rule 3).
    pub fn reset(&mut self) {
        self.pending.clear();
        self.funds.clear();
        self.allowances.clear();
        self.view = None;
        self.gas_price = None;
        self.block_gas = None;
    }

    fn check(&mut self, tx: &Tx, forged: Option<Rejection>, kind: CheckKind) -> Result<(), Error> {
        let view = match self.view.take() {
            Some(view) => view,
            None => self.precheck.readers.view()?,
        };
        let view = self.view.insert(view);
        let Precheck { params, memories, .. } = &self.precheck;
        let height = view.height().saturating_add(1);
        let price = match self.gas_price {
            Some(price) => price,
            None => fees::price(view, height)?,
        };
        self.gas_price = Some(price);
        let gas_price = match kind {
            CheckKind::New => price,
            CheckKind::Recheck => price / RECHECK_PRICE_DIVISOR,
        };
        let block_gas = match self.block_gas {
            Some(gas) => gas,
            None => get(view, Param::BlockGas)?,
        };
        self.block_gas = Some(block_gas);
        let chain_id = &params.chain_id;
        let params = AnteParams { chain_id, height, gas_price, block_gas, signed: true };
        ante::check_stateless(tx, &params)?;
        if let Entry::Vacant(first) = self.pending.entry(tx.sender)
            && let Some(account) = auth::load_account(view, tx.sender)?
        {
            first.insert(Pending { sequence: account.sequence, account });
        }
        let pending = self.pending.get_mut(&tx.sender);
        let account = pending.as_ref().map(|pending| &pending.account);
        let next = pending.as_ref().map_or(0, |pending| pending.sequence);
        match kind {
            CheckKind::New => {
                ante::check_account(tx, account, next, &params, |sign_hash| match forged {
                    Some(rejection) => Err(rejection),
                    None => memories.verified.verify(tx, sign_hash),
                })?;
            }
            CheckKind::Recheck => ante::check_sequence(tx, next)?,
        }
        let Some(pending) = pending else { return Ok(()) };
        let paid = match tx.granter {
            Some(granter) => {
                let stored = feegrant::for_payment(view, granter, tx.sender)?;
                let known = self.allowances.get(&(granter, stored.grantee)).cloned();
                let mut allowance = known.unwrap_or(stored);
                let now = u64::try_from(view.time_ms()).unwrap_or(0);
                ante::check_allowance(tx, &mut allowance, price, now)?;
                Some(allowance)
            }
            None => None,
        };
        let held = match self.funds.entry(tx.payer()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(first) => first.insert(bank::spendable(view, tx.payer())?),
        };
        ante::check_funds(tx, *held)?;
        let fee = u64::try_from(tx.fee.0).unwrap_or(u64::MAX);
        *held = held.saturating_sub(fee);
        if let Some(allowance) = paid {
            self.allowances.insert((allowance.granter, allowance.grantee), allowance);
        }
        pending.sequence = pending.sequence.saturating_add(1);
        Ok(())
    }
}
