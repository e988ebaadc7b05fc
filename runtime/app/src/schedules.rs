//! Scheduled calls at the end of a block.
//!
//! 1. They run one after the other within the budget `contract.schedule_block_gas`; one that
//!    does not fit waits, and all after it.
//! 2. Each is three transactions of the store: its fee and mark, the call, and what becomes of it. The call
//!    alone is undone when it fails.
//! 3. A panic inside a call is a failure like any other.
//! 4. The seed of `random()` is a hash of height and number.

use crate::execute::{BlockContext, seed};
use dadbs_modules::contract::{self, Due};
use dadbs_modules::params::{self, Param};
use dadbs_modules::rent;
use dadbs_types::{Event, Fatal, GasMeter};

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
        let seed = seed("schedule", self.info.height, due.id.cast_unsigned());
        let fee = self.keep_books(seed, |block| contract::begin_scheduled(block.store, due))?;
        self.paid.scheduled_fee(fee);
        let mut gas = GasMeter::new(due.gas);
        let outcome = self.attempt(seed, events, |block, events| {
            let mut context = block.context(seed, &mut gas, events);
            contract::run_scheduled(&mut context, due)?;
            rent::check_writes(&mut context)
        })?;
        self.keep_books(seed, |block| {
            let mut context = block.context(seed, &mut gas, events);
            contract::finish_scheduled(&mut context, due, outcome.as_ref().err())
        })
    }
}
