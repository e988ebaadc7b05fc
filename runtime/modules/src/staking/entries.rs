//! What waits to mature: unbondings and redelegations.

use crate::auth;
use crate::context::{Rows, Table, Writer, account_key, integer, operator_key};
use dadbs_store::Store;
use dadbs_types::{AccountAddress, Fatal, Value};

pub(super) const UNBONDINGS: Table = Table("chain.unbondings");
pub(super) const REDELEGATIONS: Table = Table("chain.redelegations");

/// What both kinds have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From which height on it answers for faults before.
    pub creation_height: u64,
    /// When it matures, seconds since 1970.
    pub completion_time: u64,
    /// The tokens that it began with.
    pub initial_balance: u64,
}

/// Stake that leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbonding {
    /// Its number.
    pub id: u64,
    /// Whose it is.
    pub delegator: AccountAddress,
    /// The operator of the validator that it leaves.
    pub operator: AccountAddress,
    /// When and how much.
    pub entry: Entry,
    /// What is left of it.
    pub balance: u64,
}

/// Stake that has moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redelegation {
    /// Its number.
    pub id: u64,
    /// Whose it is.
    pub delegator: AccountAddress,
    /// The operator of the validator that it left.
    pub from: AccountAddress,
    /// The operator of the validator that it came to.
    pub to: AccountAddress,
    /// When and how much.
    pub entry: Entry,
    /// The shares that it became.
    pub shares: u64,
}

fn entry(table: Table, row: &[Value], column: usize) -> Result<Entry, Fatal> {
    Ok(Entry {
        creation_height: table.count(row, column)?,
        completion_time: table.count(row, column + 1)?,
        initial_balance: table.count(row, column + 2)?,
    })
}

macro_rules! unbondings {
    ($tail:literal) => {
        concat!(
            "SELECT id, delegator, validator, creation_height, completion_time, initial_balance, balance
             FROM chain_unbondings ",
            $tail
        )
    };
}
macro_rules! redelegations {
    ($tail:literal) => {
        concat!(
            "SELECT id, delegator, source, destination, creation_height, completion_time,
             initial_balance, shares FROM chain_redelegations ",
            $tail
        )
    };
}
pub(super) use {redelegations, unbondings};

impl Unbonding {
    pub(super) fn of_row(row: &[Value]) -> Result<Unbonding, Fatal> {
        Ok(Unbonding {
            id: UNBONDINGS.count(row, 0)?,
            delegator: UNBONDINGS.address(row, 1)?,
            operator: UNBONDINGS.operator(row, 2)?.0,
            entry: entry(UNBONDINGS, row, 3)?,
            balance: UNBONDINGS.count(row, 6)?,
        })
    }

    /// Those of a delegator from a validator, the oldest first.
    pub(super) fn of_pair(
        rows: &impl Rows,
        delegator: AccountAddress,
        operator: AccountAddress,
    ) -> Result<Vec<Unbonding>, Fatal> {
        let found = rows.rows(
            unbondings!("WHERE delegator = ?1 AND validator = ?2 ORDER BY id"),
            &[&account_key(delegator), &operator_key(operator)],
        )?;
        found.iter().map(|row| Unbonding::of_row(row)).collect()
    }

    /// Those from a validator whose numbers follow `after`, up to `last`; at most `most`, the oldest first.
    pub(super) fn numbered(
        rows: &impl Rows,
        operator: AccountAddress,
        (after, last): (u64, u64),
        most: u64,
    ) -> Result<Vec<Unbonding>, Fatal> {
        let found = rows.rows(
            unbondings!("WHERE validator = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT ?4"),
            &[&operator_key(operator), &integer(after)?, &integer(last)?, &integer(most)?],
        )?;
        found.iter().map(|row| Unbonding::of_row(row)).collect()
    }

    /// Those that have matured, the earliest first.
    pub(super) fn matured(rows: &impl Rows, now: u64, most: u64) -> Result<Vec<Unbonding>, Fatal> {
        let found = rows.rows(
            unbondings!("WHERE completion_time <= ?1 ORDER BY completion_time, id LIMIT ?2"),
            &[&integer(now)?, &integer(most)?],
        )?;
        found.iter().map(|row| Unbonding::of_row(row)).collect()
    }

    /// Makes one.
    pub(super) fn add(
        writer: &mut Writer<'_>,
        delegator: AccountAddress,
        operator: AccountAddress,
        completion_time: u64,
        amount: u64,
    ) -> Result<(), Fatal> {
        let id = auth::next_number(writer.store, "unbonding")?;
        writer.store.execute(
            "INSERT INTO chain_unbondings (id, delegator, validator, creation_height, completion_time,
             initial_balance, balance) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
            &[
                &integer(id)?,
                &account_key(delegator),
                &operator_key(operator),
                &integer(writer.block.height)?,
                &integer(completion_time)?,
                &integer(amount)?,
            ],
        )?;
        Ok(())
    }

    fn set(&self, store: &mut Store, initial: u64, balance: u64) -> Result<(), Fatal> {
        store.execute(
            "UPDATE chain_unbondings SET initial_balance = ?2, balance = ?3 WHERE id = ?1",
            &[&integer(self.id)?, &integer(initial)?, &integer(balance)?],
        )?;
        Ok(())
    }

    /// More of the same block.
    pub(super) fn grow(&self, store: &mut Store, amount: u64) -> Result<(), Fatal> {
        let initial = self.entry.initial_balance.saturating_add(amount);
        self.set(store, initial, self.balance.saturating_add(amount))
    }

    /// A part, at most the balance, is delegated again.
    pub(super) fn shrink(&self, store: &mut Store, amount: u64) -> Result<(), Fatal> {
        if amount >= self.balance {
            return self.remove(store);
        }
        self.set(
            store,
            self.entry.initial_balance.saturating_sub(amount),
            self.balance.saturating_sub(amount),
        )
    }

    /// Takes up to an amount of what is left, for good; returns how much.
    pub(super) fn cut(&mut self, store: &mut Store, amount: u64) -> Result<u64, Fatal> {
        let cut = amount.min(self.balance);
        if cut > 0 {
            self.balance -= cut;
            self.set(store, self.entry.initial_balance, self.balance)?;
        }
        Ok(cut)
    }

    /// Removes it.
    pub(super) fn remove(&self, store: &mut Store) -> Result<(), Fatal> {
        store.execute("DELETE FROM chain_unbondings WHERE id = ?1", &[&integer(self.id)?])?;
        Ok(())
    }
}

impl Redelegation {
    pub(super) fn of_row(row: &[Value]) -> Result<Redelegation, Fatal> {
        Ok(Redelegation {
            id: REDELEGATIONS.count(row, 0)?,
            delegator: REDELEGATIONS.address(row, 1)?,
            from: REDELEGATIONS.operator(row, 2)?.0,
            to: REDELEGATIONS.operator(row, 3)?.0,
            entry: entry(REDELEGATIONS, row, 4)?,
            shares: REDELEGATIONS.count(row, 7)?,
        })
    }

    /// Those from a validator whose numbers follow `after`, up to `last`; at most `most`, the oldest first.
    pub(super) fn numbered(
        rows: &impl Rows,
        from: AccountAddress,
        (after, last): (u64, u64),
        most: u64,
    ) -> Result<Vec<Redelegation>, Fatal> {
        let found = rows.rows(
            redelegations!("WHERE source = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT ?4"),
            &[&operator_key(from), &integer(after)?, &integer(last)?, &integer(most)?],
        )?;
        found.iter().map(|row| Redelegation::of_row(row)).collect()
    }

    /// Those that have matured, the earliest first.
    pub(super) fn matured(
        rows: &impl Rows,
        now: u64,
        most: u64,
    ) -> Result<Vec<Redelegation>, Fatal> {
        let found = rows.rows(
            redelegations!("WHERE completion_time <= ?1 ORDER BY completion_time, id LIMIT ?2"),
            &[&integer(now)?, &integer(most)?],
        )?;
        found.iter().map(|row| Redelegation::of_row(row)).collect()
    }

    /// Stores it under the next number.
    pub(super) fn add(&self, store: &mut Store) -> Result<(), Fatal> {
        let id = auth::next_number(store, "redelegation")?;
        store.execute(
            "INSERT INTO chain_redelegations (id, delegator, source, destination, creation_height,
             completion_time, initial_balance, shares) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            &[
                &integer(id)?,
                &account_key(self.delegator),
                &operator_key(self.from),
                &operator_key(self.to),
                &integer(self.entry.creation_height)?,
                &integer(self.entry.completion_time)?,
                &integer(self.entry.initial_balance)?,
                &integer(self.shares)?,
            ],
        )?;
        Ok(())
    }

    /// Removes it.
    pub(super) fn remove(&self, store: &mut Store) -> Result<(), Fatal> {
        store.execute("DELETE FROM chain_redelegations WHERE id = ?1", &[&integer(self.id)?])?;
        Ok(())
    }
}

/// When the stake of the delegator that has come to the validator matures, the last of it; `None` if all has.
pub(super) fn moving_until(
    rows: &impl Rows,
    delegator: AccountAddress,
    to: AccountAddress,
) -> Result<Option<u64>, Fatal> {
    let found = rows.rows(
        "SELECT completion_time FROM chain_redelegations WHERE delegator = ?1 AND destination = ?2
         ORDER BY completion_time DESC LIMIT 1",
        &[&account_key(delegator), &operator_key(to)],
    )?;
    found.first().map(|row| REDELEGATIONS.count(row, 0)).transpose()
}

/// How many redelegations of the delegator wait between two validators.
pub(super) fn redelegations_between(
    rows: &impl Rows,
    delegator: AccountAddress,
    from: AccountAddress,
    to: AccountAddress,
) -> Result<u64, Fatal> {
    let found = rows.rows(
        "SELECT count(*) FROM chain_redelegations
         WHERE delegator = ?1 AND source = ?2 AND destination = ?3",
        &[&account_key(delegator), &operator_key(from), &operator_key(to)],
    )?;
    found.first().map_or(Ok(0), |row| REDELEGATIONS.count(row, 0))
}
