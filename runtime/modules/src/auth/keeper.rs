//! Reads and writes accounts.

use crate::context::{Rows, Table, integer};
use dadbs_store::Store;
use dadbs_types::{AccountAddress, Fatal, Value};

const ACCOUNTS: Table = Table("chain.accounts");
const COUNTERS: Table = Table("chain.counters");

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its address.
    pub address: AccountAddress,
    /// Its number (rule 2).
    pub number: u64,
    /// Its compressed secp256k1 key, once known (rule 3).
    pub public_key: Option<Vec<u8>>,
    /// The sequence of its next transaction (rule 4).
    pub sequence: u64,
}

/// Makes the module's tables.
pub fn init(store: &mut Store) -> Result<(), Fatal> {
    super::SCHEMA.iter().try_for_each(|sql| store.execute(sql, &[]).map(drop))
}

/// The account of an address, if it exists.
pub fn load_account(rows: &impl Rows, address: AccountAddress) -> Result<Option<Account>, Fatal> {
    let found = rows.rows(
        "SELECT number, public_key, sequence FROM chain_accounts WHERE address = ?1",
        &[&Value::Text(address.to_string())],
    )?;
    let Some(row) = found.first() else { return Ok(None) };
    Ok(Some(Account {
        address,
        number: ACCOUNTS.count(row, 0)?,
        public_key: ACCOUNTS.optional_blob(row, 1)?,
        sequence: ACCOUNTS.count(row, 2)?,
    }))
}

/// Makes an account if there is none (rules 1 and 2).
pub fn create_account(store: &mut Store, address: AccountAddress) -> Result<(), Fatal> {
    if load_account(store, address)?.is_some() {
        return Ok(());
    }
    let number = next_number(store, "account")?;
    store.execute(
        "INSERT INTO chain_accounts (address, number, public_key, sequence) VALUES (?1, ?2, NULL, 0)",
        &[&Value::Text(address.to_string()), &integer(number)?],
    )?;
    Ok(())
}

/// Counts a transaction (rule 4) and keeps its key (rule 3).
pub fn advance_sequence(
    store: &mut Store,
    account: &Account,
    public_key: &[u8],
) -> Result<(), Fatal> {
    store.execute(
        "UPDATE chain_accounts SET sequence = ?2, public_key = ?3 WHERE address = ?1",
        &[
            &Value::Text(account.address.to_string()),
            &integer(account.sequence.saturating_add(1))?,
            &Value::Blob(public_key.to_vec()),
        ],
    )?;
    Ok(())
}

/// The next number of a kind: accounts from 0, codes and contracts from 1.
pub fn next_number(store: &mut Store, kind: &str) -> Result<u64, Fatal> {
    let rows = store.query(
        "INSERT INTO chain_counters (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
        &[&Value::Text(kind.into()), &Value::Integer(i64::from(kind != "account"))],
    )?;
    let row = rows.first().ok_or_else(|| Fatal::new("chain.counters returned no row"))?;
    COUNTERS.count(row, 0)
}
