//! The accounts of chains for trying things out, and the clock of a new chain.
//!
//! 1. They are those of a mnemonic that everyone knows: for trying things out, never for value.
//! 2. Their keys are put into the `test` keyring of the home as `dev0`, `dev1`, ..., so that commands sign with
//!    `dev0` without more flags.

use super::exit::{Failure, Outcome};
use super::output;
use dadbs_client::{Backend, Keyring, KeyringError, SecretKey};
use dadbs_types::AccountAddress;
use serde_json::{Value as Json, json};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Everyone knows these words (rule 1).
pub(crate) const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// An account that the genesis funds.
pub(crate) struct Funded {
    /// The name of its key.
    pub(crate) name: String,
    /// Its address.
    pub(crate) address: AccountAddress,
}

/// Derives the accounts and stores their keys (rule 2).
pub(crate) fn accounts(home: &Path, count: u32) -> Outcome<Vec<Funded>> {
    let ring = Keyring::new(home, Backend::Test);
    let mut funded = Vec::new();
    for index in 0..count {
        let key = SecretKey::from_mnemonic(MNEMONIC, index)?;
        let name = format!("dev{index}");
        match ring.add(&name, &key, "") {
            Ok(_) => {}
            Err(KeyringError::Exists(_)) if ring.info(&name)?.address == key.address() => {}
            Err(error) => return Err(error.into()),
        }
        funded.push(Funded { name, address: key.address() });
    }
    Ok(funded)
}

/// The accounts for programs.
pub(crate) fn to_json(funded: &[Funded]) -> Vec<Json> {
    let account =
        |account: &Funded| json!({ "name": account.name, "address": account.address.to_string() });
    funded.iter().map(account).collect()
}

/// The accounts and their words for people.
pub(crate) fn to_text(funded: &[Funded]) -> String {
    let mut table = output::table(["key", "address"]);
    for account in funded {
        table.add_row([&account.name, &account.address.to_string()]);
    }
    format!(
        "{table}\nmnemonic   {MNEMONIC}\n           Everyone knows these words: never send anything of value to these accounts."
    )
}

/// The time of a new chain, ns since 1970.
pub(crate) fn now_ns() -> Outcome<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let now = now.and_then(|now| i64::try_from(now.as_nanos()).ok());
    now.ok_or_else(|| Failure::other("the clock shows a time before 1970 or after 2262: set it"))
}
