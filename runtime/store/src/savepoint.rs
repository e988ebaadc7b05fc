//! Transactions and the savepoints inside them.
//!
//! 1. A transaction is a savepoint of the block; inside it savepoints nest to any depth.
//! 2. Undoing cuts the changes back to the savepoint, and forgets what depended on the schema if the
//!    schema changed since.
//! 3. A transaction that leaves a foreign key violated is undone and rejected: else the violation
//!    would surface in the block's COMMIT, after the answer.
//! 4. `random()` draws from the seed of the transaction.

use crate::Store;
use crate::failpoint::failpoint;
use dadbs_types::{Code, Error, Fatal};

/// What to cut back to.
pub(crate) struct Savepoint {
    changes: usize,
    growth: usize,
    schema_changes: u64,
    transaction: bool,
}

impl Store {
    /// Begins a transaction.
    pub fn begin_tx(&mut self, seed: [u8; 32]) -> Result<(), Fatal> {
        if !self.savepoints.is_empty() {
            return Err(Fatal::new("begin_tx inside a transaction or savepoint"));
        }
        self.push_savepoint(true)?;
        self.connection.set_seed(seed);
        failpoint!("begin_tx");
        Ok(())
    }

    /// Keeps the transaction's work (rule 3: or undoes it and rejects).
    pub fn commit_tx(&mut self) -> Result<(), Error> {
        self.check_depth(1)?;
        if self.connection.deferred_foreign_keys() != 0 {
            self.rollback_tx()?;
            return Err(Error::rejected(
                Code::SqlForeignKey,
                "a foreign key is violated at the end of the transaction, which was undone",
            ));
        }
        self.keep_growth()?;
        self.pop_release()?;
        failpoint!("commit_tx");
        Ok(())
    }

    /// Undoes the transaction with all savepoints in it.
    pub fn rollback_tx(&mut self) -> Result<(), Fatal> {
        if !self.savepoints.first().is_some_and(|savepoint| savepoint.transaction) {
            return Err(Fatal::new("rollback_tx outside a transaction"));
        }
        while !self.savepoints.is_empty() {
            self.rollback_to()?;
        }
        failpoint!("rollback_tx");
        Ok(())
    }

    /// Begins a savepoint, inside a transaction or not.
    pub fn savepoint(&mut self) -> Result<(), Fatal> {
        self.push_savepoint(false)
    }

    /// Keeps the work since the last savepoint.
    pub fn release(&mut self) -> Result<(), Fatal> {
        if self.savepoints.last().is_none_or(|savepoint| savepoint.transaction) {
            return Err(Fatal::new("release without savepoint"));
        }
        self.pop_release()?;
        failpoint!("savepoint_release");
        Ok(())
    }

    /// Undoes the work since the last savepoint, which ends (rule 2).
    pub fn rollback_to(&mut self) -> Result<(), Fatal> {
        let Some(savepoint) = self.savepoints.pop() else {
            return Err(Fatal::new("rollback_to without savepoint"));
        };
        // Not through the statement cache: the engine must see that this is a rollback.
        self.connection.batch("ROLLBACK TO s; RELEASE s")?;
        self.connection.capture_truncate(0);
        self.capture.truncate(savepoint.changes);
        self.capture.growths.truncate(savepoint.growth);
        if self.schema_changes != savepoint.schema_changes {
            self.flush();
        }
        failpoint!("savepoint_rollback");
        Ok(())
    }

    /// How many savepoints are open, the transaction included.
    pub fn savepoint_depth(&self) -> usize {
        self.savepoints.len()
    }

    fn push_savepoint(&mut self, transaction: bool) -> Result<(), Fatal> {
        self.check_open()?;
        // Events so far belong before the mark.
        self.capture.absorb(&self.connection, None)?;
        // All have one name: RELEASE and ROLLBACK TO take the innermost.
        self.connection.execute("SAVEPOINT s", &[])?;
        self.savepoints.push(Savepoint {
            changes: self.capture.mark(),
            growth: self.capture.growths.mark(),
            schema_changes: self.schema_changes,
            transaction,
        });
        Ok(())
    }

    fn pop_release(&mut self) -> Result<(), Fatal> {
        self.connection.execute("RELEASE s", &[])?;
        self.savepoints.pop();
        Ok(())
    }

    fn check_depth(&self, depth: usize) -> Result<(), Fatal> {
        let open = self.savepoints.len();
        let transaction = self.savepoints.first().is_some_and(|savepoint| savepoint.transaction);
        if open == depth && transaction {
            return Ok(());
        }
        Err(Fatal::new(format!(
            "commit_tx with {open} savepoints open, of which one is to be a tx"
        )))
    }
}
