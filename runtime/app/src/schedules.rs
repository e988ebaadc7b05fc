//! Scheduled calls at the end of a block.
//!
//! 1. They run one after the other within the budget `contract.schedule_block_gas`; one that
//!    does not fit waits, and all after it.
//! 2. Each is three transactions of the store: its fee and mark, the call, and what becomes of it. The call
//!    alone is undone when it fails.
//! 3. A panic inside a call is a failure like any other.
//! 4. The seed of `random()` is a hash of height and number.

use crate::execute::{BlockContext, caught};
use dadbs_modules::certain;
use dadbs_modules::contract::{self, Due};
use dadbs_modules::params::{self, Param};
use dadbs_types::{Error, Event, Fatal, GasMeter, Hash};
use sha2::{Digest, Sha256};

impl BlockContext<'_> {
    /// Runs what is due (rule 1); gives the events.
    pub(crate) fn run_due(&mut self) -> Result<Vec<Event>, Fatal> {
        let mut events = Vec::new();
        let Some(mut due) = contract::next_due(self.store, self.info)? else { return Ok(events) };
        let mut left = params::get(self.store, Param::ScheduleBlockGas)?;
        while due.gas <= left {
            left -= due.gas;
            self.run_one(&due, &mut events)?;
            match contract::next_due(self.store, self.info)? {
                Some(next) => due = next,
                None => break,
            }
        }
        Ok(events)
    }

    /// Rule 2.
    fn run_one(&mut self, due: &Due, events: &mut Vec<Event>) -> Result<(), Fatal> {
        let seed = seed(self.info.height, due.id);
        self.store.begin_tx(seed)?;
        let fee = certain(contract::begin_scheduled(self.store, due))?;
        self.paid.scheduled_fee(fee);
        certain(self.store.commit_tx())?;

        let mut gas = GasMeter::new(due.gas);
        let kept = events.len();
        self.store.begin_tx(seed)?;
        let run =
            caught(|| contract::run_scheduled(&mut self.context(seed, &mut gas, events), due));
        let outcome = match run {
            Ok(()) => self.store.commit_tx(),
            Err(error) => self.roll_back(error)?,
        };
        let failure = outcome.err();
        if let Some(Error::Fatal(fatal)) = failure {
            return Err(fatal);
        }
        if failure.is_some() {
            events.truncate(kept);
        }
        self.store.begin_tx(seed)?;
        let mut context = self.context(seed, &mut gas, events);
        certain(contract::finish_scheduled(&mut context, due, failure.as_ref()))?;
        certain(self.store.commit_tx())
    }
}

/// Rule 4.
fn seed(height: u64, id: i64) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(b"dadbs schedule 1");
    hasher.update(height.to_le_bytes());
    hasher.update(id.to_le_bytes());
    hasher.finalize().into()
}
