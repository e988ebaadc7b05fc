//! One block: every transaction through ante and messages, then the end of the block.
//!
//! 1. A transaction whose ante checks fail changes nothing and uses no gas.
//! 2. Ante writes first: the sequence advances and the fee is taken. Both stay when the messages fail.
//! 3. The messages of a transaction run in one savepoint, all or nothing.
//! 4. A panic inside a transaction undoes its messages and is a rejection at full gas.
//! 5. Inflation is paid before the first transaction's messages, collected fees are divided at the end of the block
//!    (see `settle`).
//! 6. A transaction whose gas limit does not fit what is left of the block's gas is rejected as in rule 1.
//! 7. Scheduled calls that are due run at the end of the block (see `schedules`), then proposals (see
//!    `governance`), then faults cost stake (see `faults`), then storage rent is settled, before fees are divided.
//! 8. A block begins with the upgrade that is planned for it (see `upgrades`), the end of pauses and votes, who signed the block
//!    before and what evidence there is; it ends with the validator set and what matures.

use crate::ante::{self, AnteParams};
use crate::check::Memories;
use crate::messages;
use crate::outcome::{TxResult, rejection};
use crate::settle::Paid;
use crate::tx::Tx;
use crate::upgrades::{self, Software};
use dadbs_modules::{
    Context, Writer, auth, bank, certain, circuit, feegrant, fees, rent, slashing, staking,
};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::limits::TX_GAS_MAX;
use dadbs_types::{
    BlockInfo, Code, Coin, Error, Event, Fatal, GasMeter, Hash, Rejection, ValidatorUpdate,
};
use dadbs_vm::Vm;
use sha2::{Digest, Sha256};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tracing::trace_span;

/// What is the same for every transaction of a block.
pub struct BlockContext<'a> {
    /// The writer, with an open block.
    pub store: &'a mut Store,
    /// The contract VM.
    pub vm: &'a Vm,
    /// The block's facts.
    pub info: &'a BlockInfo,
    /// What ante checks against.
    pub params: AnteParams<'a>,
    /// The upgrades and versions of the software.
    pub(crate) software: Software,
    /// Transactions and signatures seen before.
    pub(crate) memories: &'a Memories,
    /// Gas limits of the transactions so far.
    pub gas_wanted: u64,
    /// What was paid so far.
    pub paid: Paid,
    /// Steps of proposals so far.
    pub(crate) steps: u64,
    /// Events of the block itself so far.
    pub events: Vec<Event>,
}

impl BlockContext<'_> {
    /// Executes one transaction.
    pub fn deliver(&mut self, bytes: &[u8]) -> Result<TxResult, Fatal> {
        let decoded = trace_span!("decode").in_scope(|| self.memories.known.decode(bytes));
        let mut tx = match decoded {
            Ok(tx) => tx,
            Err(rejection) => return Ok(TxResult::rejected(&rejection)),
        };
        if !self.params.signed {
            // Who simulates asks what limit to set.
            let mut unlimited = (*tx).clone();
            unlimited.gas_limit = TX_GAS_MAX.min(self.params.block_gas);
            tx = Arc::new(unlimited);
        }
        let ante = trace_span!("ante").entered();
        self.store.begin_tx(tx.hash)?;
        let passed = self.ante(&tx);
        match passed {
            Ok(()) => certain(self.store.commit_tx())?,
            Err(Error::Rejected(rejection)) => {
                self.store.rollback_tx()?;
                return Ok(TxResult::rejected(&rejection));
            }
            Err(Error::Fatal(fatal)) => return Err(fatal),
        }
        self.settle_inflation()?;
        drop(ante);
        self.run_messages(&tx)
    }

    /// Rules 1, 2 and 6.
    fn ante(&mut self, tx: &Tx) -> Result<(), Error> {
        let gas_wanted = self.gas_wanted.saturating_add(tx.gas_limit);
        if gas_wanted > self.params.block_gas {
            return Err(Error::rejected(
                Code::OutOfGas,
                "the block's gas is used up: send it again",
            ));
        }
        ante::check_stateless(tx, &self.params)?;
        let account = auth::load_account(self.store, tx.sender)?;
        let next = account.as_ref().map_or(0, |account| account.sequence);
        ante::check_account(tx, account.as_ref(), next, &self.params, |sign_hash| {
            self.memories.verified.verify(tx, sign_hash)
        })?;
        if let Some(account) = &account {
            auth::advance_sequence(self.store, account, &tx.public_key)?;
        }
        if self.params.signed {
            self.take_fee(tx)?;
        }
        self.paid.fee(tx.fee, fees::fee(self.params.gas_price, tx.gas_limit));
        self.gas_wanted = gas_wanted;
        Ok(())
    }

    /// The last part of ante: who pays holds the fee, and an allowance of his says so.
    fn take_fee(&mut self, tx: &Tx) -> Result<(), Error> {
        if let Some(granter) = tx.granter {
            let mut allowance = feegrant::for_payment(self.store, granter, tx.sender)?;
            ante::check_allowance(tx, &mut allowance, self.params.gas_price, self.info.unix_ms())?;
            feegrant::save_paid(self.store, &allowance)?;
        }
        if tx.fee.0 > 0 {
            let fee = Coin { denom: DENOM.into(), amount: tx.fee };
            bank::take_fee(self.store, tx.payer(), &fee)?;
        }
        Ok(())
    }

    /// Rules 3 and 4.
    fn run_messages(&mut self, tx: &Tx) -> Result<TxResult, Fatal> {
        let _span = trace_span!("messages").entered();
        let mut gas = GasMeter::new(tx.gas_limit);
        let mut events = fee_events(tx);
        let outcome = self.attempt(tx.hash, &mut events, |block, events| {
            ante::charge(tx, &mut gas)?;
            let mut context = block.context(tx.hash, &mut gas, events);
            let data = messages::run(&mut context, tx)?;
            rent::check_writes(&mut context)?;
            Ok(data)
        })?;
        let gas_used = match &outcome {
            Err(rejection) if rejection.code == Code::Panic => tx.gas_limit,
            _ => gas.used(),
        };
        self.paid.gas(gas_used, tx.gas_limit);
        let result = match outcome {
            Ok(data) => TxResult { data, ..TxResult::default() },
            Err(rejection) => TxResult::rejected(&rejection),
        };
        Ok(TxResult { gas_wanted: tx.gas_limit, gas_used, events, ..result })
    }

    /// Runs what may be refused, or panic, in a transaction of the store: then neither rows nor events of it stay
    /// (rules 3 and 4).
    pub(crate) fn attempt<T>(
        &mut self,
        seed: Hash,
        events: &mut Vec<Event>,
        work: impl FnOnce(&mut Self, &mut Vec<Event>) -> Result<T, Error>,
    ) -> Result<Result<T, Rejection>, Fatal> {
        let kept = events.len();
        self.store.begin_tx(seed)?;
        let outcome = match caught(|| work(self, events)) {
            Ok(done) => self.store.commit_tx().map(|()| done),
            Err(Error::Rejected(rejection)) => {
                self.store.rollback_tx()?;
                Err(Error::Rejected(rejection))
            }
            Err(fatal) => Err(fatal),
        };
        let outcome = rejection(outcome)?;
        if outcome.is_err() {
            events.truncate(kept);
        }
        Ok(outcome)
    }

    /// Keeps the chain's own books in a transaction of the store, which nothing may refuse.
    pub(crate) fn keep_books<T>(
        &mut self,
        seed: Hash,
        work: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Fatal> {
        self.store.begin_tx(seed)?;
        let done = certain(work(self))?;
        certain(self.store.commit_tx())?;
        Ok(done)
    }

    /// What runs in this block sees of it.
    pub(crate) fn context<'a>(
        &'a mut self,
        tx_hash: Hash,
        gas: &'a mut GasMeter,
        events: &'a mut Vec<Event>,
    ) -> Context<'a> {
        Context {
            store: self.store,
            vm: self.vm,
            block: self.info,
            chain_id: self.params.chain_id,
            fee_per_million_gas: self.params.gas_price,
            tx_hash,
            gas,
            events,
        }
    }

    /// What comes before the transactions (rule 8), in this order.
    pub fn begin(&mut self) -> Result<(), Fatal> {
        upgrades::begin(self.store, &self.software, self.info.height, &mut self.events)?;
        circuit::expire(self.store, &mut self.events, self.info)?;
        self.end_votes()?;
        if !self.info.misbehavior.is_empty() {
            self.settle_inflation()?;
        }
        slashing::begin_block(&mut self.writer())
    }

    /// What keepers write to outside of transactions.
    fn writer(&mut self) -> Writer<'_> {
        Writer { store: self.store, block: self.info, events: &mut self.events, rows: 0 }
    }

    /// Storage rent of the contracts that have changed their size, and of those whose time has come.
    fn settle_rent(&mut self, events: &mut Vec<Event>) -> Result<(), Fatal> {
        let grown = self.store.take_growth();
        if grown.values().all(|bytes| *bytes == 0) && !rent::is_due(self.store, self.info.time_s())?
        {
            return Ok(());
        }
        self.keep_books([0; 32], |block| {
            let mut writer = Writer { store: block.store, block: block.info, events, rows: 0 };
            rent::end_block(&mut writer, &grown)
        })
    }

    /// What comes after the transactions (rules 5, 7 and 8), in this order; gives the block's events and what
    /// changes in the validator set.
    pub fn end(mut self) -> Result<(Vec<Event>, Vec<ValidatorUpdate>), Fatal> {
        let mut events = self.run_due()?;
        self.run_proposals(&mut events)?;
        self.run_faults(&mut events)?;
        self.settle_rent(&mut events)?;
        self.settle(&mut events)?;
        self.events.extend(events);
        let updates = staking::end_block(&mut self.writer())?;
        Ok((self.events, updates))
    }
}

/// The seed of `random()` of what runs outside of transactions: a hash of what it is, height and number.
pub(crate) fn seed(domain: &str, height: u64, id: u64) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(format!("dadbs {domain} 1"));
    hasher.update(height.to_le_bytes());
    hasher.update(id.to_le_bytes());
    hasher.finalize().into()
}

/// The events that stay when the messages fail, as Cosmos indexers know them.
fn fee_events(tx: &Tx) -> Vec<Event> {
    let mut events = vec![
        Event::new("tx")
            .with("fee", format!("{}{DENOM}", tx.fee))
            .with("fee_payer", tx.payer())
            .with("acc_seq", format!("{}/{}", tx.sender, tx.sequence)),
    ];
    if let Some(granter) = tx.granter {
        let used = Event::new("use_feegrant").with("granter", granter).with("grantee", tx.sender);
        events.push(used);
    }
    events
}

/// Runs what may panic: then it is a rejection (rule 4).
fn caught<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome,
        #[cfg(feature = "failpoints")]
        Err(crash) if crash.is::<dadbs_store::failpoint::Crash>() => {
            std::panic::resume_unwind(crash)
        }
        Err(panic) => Err(Error::Rejected(panic_rejection(panic.as_ref()))),
    }
}

fn panic_rejection(panic: &(dyn std::any::Any + Send)) -> Rejection {
    let text = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(panic = text, "a transaction panicked; its effects are undone");
    Rejection::new(Code::Panic, "execution panicked; please report it with this transaction's hash")
}

#[cfg(test)]
mod tests {
    use super::seed;

    #[test]
    fn seeds_are_frozen() {
        let first = |domain| u32::from_be_bytes(seed(domain, 7, 9)[..4].try_into().unwrap());
        assert_eq!(first("schedule"), 0x4a00_6302);
        assert_eq!(first("proposal"), 0xa346_8b8a);
        assert_eq!(first("fault"), 0xc955_4280);
    }
}
