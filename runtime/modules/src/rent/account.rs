//! The storage of one contract, and what it owes.

use super::price::{Price, narrow, wide};
use super::{GIB_PERIOD, PERIOD_S};
use crate::context::{Rows, Table, integer};
use dadbs_store::Store;
use dadbs_types::{Fatal, Value};

const STORAGE: Table = Table("chain.storage");

/// How a contract stands (rule 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Its rent is paid.
    Active,
    /// Its balance is used up: it may not grow.
    Grace,
    /// It may not be written to.
    Frozen,
}

impl State {
    const ALL: [State; 3] = [State::Active, State::Grace, State::Frozen];

    /// Its name in tables, events and answers.
    pub fn name(self) -> &'static str {
        match self {
            State::Active => "active",
            State::Grace => "grace",
            State::Frozen => "frozen",
        }
    }

    fn named(name: &str) -> Result<State, Fatal> {
        Self::ALL.into_iter().find(|state| state.name() == name).ok_or_else(|| {
            Fatal::new(format!("chain.storage has the state \"{name}\": restore the store"))
        })
    }
}

/// The storage of one contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The contract's id.
    pub contract: u64,
    /// Its bytes at the end of the last block (rule 1).
    pub bytes: u64,
    /// What is prepaid, in udadb.
    pub balance: u64,
    /// What is owed beyond it, in udadb.
    pub debt: u64,
    /// What rounding took too much, in parts of [`GIB_PERIOD`] of a udadb (rule 3).
    pub credit: u64,
    /// The index up to which it was charged.
    pub charged_to: u128,
    /// The state that was written down last; see [`Account::state`].
    pub written: State,
    /// When its balance was found used up, seconds since 1970.
    pub since: u64,
}

/// udadb for parts, rounded up; cut to 63 bits.
fn rounded_up(parts: u128) -> u64 {
    u64::try_from(parts.div_ceil(GIB_PERIOD)).unwrap_or(u64::MAX).min(i64::MAX.unsigned_abs())
}

impl Account {
    /// A contract without rows and money.
    pub(super) fn new(contract: u64, price: &Price) -> Account {
        Account {
            contract,
            bytes: 0,
            balance: 0,
            debt: 0,
            credit: 0,
            charged_to: price.index,
            written: State::Active,
            since: 0,
        }
    }

    /// Charges up to now (rule 3); gives what leaves the balance.
    pub(super) fn settle(&mut self, price: &Price) -> u64 {
        let (due, credit) = self.due(price);
        self.credit = credit;
        self.charged_to = self.charged_to.max(price.index);
        self.debt = self.debt.saturating_add(due).min(i64::MAX.unsigned_abs());
        self.pay()
    }

    /// Pays debt from the balance; gives the amount.
    pub(super) fn pay(&mut self) -> u64 {
        let paid = self.debt.min(self.balance);
        self.debt -= paid;
        self.balance -= paid;
        paid
    }

    /// What is due since it was charged, and the credit that remains.
    fn due(&self, price: &Price) -> (u64, u64) {
        let passed = price.index.saturating_sub(self.charged_to);
        let credit = u128::from(self.credit);
        let Some(parts) = u128::from(self.bytes).checked_mul(passed) else {
            return (i64::MAX.unsigned_abs(), 0);
        };
        if parts <= credit {
            return (0, u64::try_from(credit - parts).unwrap_or(0));
        }
        let owed = parts - credit;
        let due = rounded_up(owed);
        // Below GIB_PERIOD, unless the amount was cut.
        let left = (u128::from(due) * GIB_PERIOD).saturating_sub(owed);
        (due, u64::try_from(left).unwrap_or(0))
    }

    /// The index up to which the balance pays; none is left before a debt.
    pub(super) fn covered(&self) -> u128 {
        if self.debt > 0 {
            return 0;
        }
        if self.bytes == 0 {
            return u128::MAX;
        }
        // Below 2^63 * 2^52.
        let parts = u128::from(self.balance) * GIB_PERIOD + u128::from(self.credit);
        self.charged_to.saturating_add(parts / u128::from(self.bytes))
    }

    /// How it stands (rules 4 to 6).
    pub fn state(&self, price: &Price) -> State {
        if price.price == 0 {
            return State::Active;
        }
        match self.written {
            State::Active if self.covered() >= price.index => State::Active,
            State::Active => State::Grace,
            State::Grace | State::Frozen => {
                let passed = price.now.saturating_sub(self.since.max(price.on_since));
                if passed >= price.grace { State::Frozen } else { State::Grace }
            }
        }
    }

    /// When grace ends, seconds since 1970; `None` unless its balance is written down as used up.
    pub fn frozen_from(&self, price: &Price) -> Option<u64> {
        let began = self.since.max(price.on_since);
        (self.written != State::Active).then(|| began.saturating_add(price.grace))
    }

    /// What it has after everything that is due now: balance and debt.
    pub fn standing(&self, price: &Price) -> (u64, u64) {
        let mut now = self.clone();
        now.settle(price);
        (now.balance, now.debt)
    }

    /// When its balance will be used up at this price, seconds since 1970; `None` for never.
    pub fn paid_until(&self, price: &Price) -> Option<u64> {
        let covered = self.covered();
        if price.price == 0 || covered == u128::MAX {
            return None;
        }
        let left = covered.saturating_sub(price.index) / u128::from(price.price);
        Some(price.now.saturating_add(u64::try_from(left).unwrap_or(u64::MAX)))
    }
}

/// What 30 days cost at a size and price (rule 5).
pub(super) fn prepaid_least(bytes: u64, price: &Price) -> u64 {
    let index = u128::from(price.price) * u128::from(PERIOD_S);
    u128::from(bytes).checked_mul(index).map_or(i64::MAX.unsigned_abs(), rounded_up)
}

impl Account {
    /// The least that is to be prepaid at its size.
    pub fn least(&self, price: &Price) -> u64 {
        prepaid_least(self.bytes, price)
    }
}

pub(super) fn read(row: &[Value]) -> Result<Account, Fatal> {
    Ok(Account {
        contract: STORAGE.count(row, 0)?,
        bytes: STORAGE.count(row, 1)?,
        balance: STORAGE.count(row, 2)?,
        debt: STORAGE.count(row, 3)?,
        credit: STORAGE.count(row, 4)?,
        charged_to: narrow(STORAGE, row, 5)?,
        written: State::named(&STORAGE.text(row, 6)?)?,
        since: STORAGE.count(row, 7)?,
    })
}

/// The storage of a contract, if it ever had rows or money.
pub fn account(rows: &impl Rows, contract: u64) -> Result<Option<Account>, Fatal> {
    let found = rows.rows(
        "SELECT contract, bytes, balance, debt, credit, charged_to, state, since
         FROM chain_storage WHERE contract = ?1",
        &[&integer(contract)?],
    )?;
    found.first().map(|row| read(row)).transpose()
}

/// The storage of a contract, which may have nothing yet.
pub(super) fn load(rows: &impl Rows, contract: u64, price: &Price) -> Result<Account, Fatal> {
    Ok(account(rows, contract)?.unwrap_or_else(|| Account::new(contract, price)))
}

pub(super) fn save(store: &mut Store, account: &Account) -> Result<(), Fatal> {
    store.execute(
        "INSERT INTO chain_storage
         (contract, bytes, balance, debt, credit, charged_to, covered, state, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (contract) DO UPDATE SET bytes = excluded.bytes, balance = excluded.balance,
         debt = excluded.debt, credit = excluded.credit, charged_to = excluded.charged_to,
         covered = excluded.covered, state = excluded.state, since = excluded.since",
        &[
            &integer(account.contract)?,
            &integer(account.bytes)?,
            &integer(account.balance)?,
            &integer(account.debt)?,
            &integer(account.credit)?,
            &wide(account.charged_to),
            &wide(account.covered()),
            &Value::Text(account.written.name().into()),
            &integer(account.since)?,
        ],
    )?;
    Ok(())
}
