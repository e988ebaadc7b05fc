//! Faults whose time is over, at the end of a block.
//!
//! 1. At most `FAULTS_BLOCK_MAX` cost stake in one block, the earliest first; the rest in the next.
//! 2. Each has a transaction of the store of its own: one that panics or is refused has failed, and the others go on.
//! 3. They come after proposals: one that is cancelled in the same block costs nothing.
//! 4. The seed of `random()` is a hash of height and number.

use crate::execute::{BlockContext, seed};
use dadbs_modules::{Writer, slashing};
use dadbs_types::limits::FAULTS_BLOCK_MAX;
use dadbs_types::{Event, Fatal};

impl BlockContext<'_> {
    /// Rules 1 to 3.
    pub(crate) fn run_faults(&mut self, events: &mut Vec<Event>) -> Result<(), Fatal> {
        let due = slashing::due_faults(self.store, self.info.time_s(), FAULTS_BLOCK_MAX)?;
        if due.is_empty() {
            return Ok(());
        }
        self.paid.fault();
        self.settle_inflation()?;
        for fault in due {
            let seed = seed("fault", self.info.height, fault.id);
            let outcome = self.attempt(seed, events, |block, events| {
                let mut writer = Writer { store: block.store, block: block.info, events, rows: 0 };
                Ok(slashing::execute_fault(&mut writer, &fault)?)
            })?;
            if let Err(rejection) = outcome {
                let reason = format!("{}: {}", rejection.code, rejection.agreed_text());
                self.keep_books(seed, |block| {
                    let mut writer =
                        Writer { store: block.store, block: block.info, events, rows: 0 };
                    Ok(slashing::fail_fault(&mut writer, &fault, &reason)?)
                })?;
            }
        }
        Ok(())
    }
}
