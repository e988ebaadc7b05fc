//! What always holds between blocks.

use super::settle::all;
use super::{collected, escrow};
use crate::bank;
use dadbs_store::Store;
use dadbs_types::Fatal;
use dadbs_types::coin::DENOM;

/// The module's invariants: what is prepaid is in its account, nothing that was charged lies around, no contract has
/// both balance and debt, `covered` is what follows from the rest, and every contract's bytes are those of its rows. A message for
/// each that is broken.
pub fn invariant(store: &Store) -> Result<Vec<String>, Fatal> {
    let mut broken = Vec::new();
    let accounts = all(store)?;
    let sum: u128 = accounts.iter().map(|account| u128::from(account.balance)).sum();
    let held = bank::balance(store, escrow(), DENOM)?;
    if u128::from(held) != sum {
        broken.push(format!("storage: the account holds {held}{DENOM}, {sum}{DENOM} are prepaid"));
    }
    let charged = bank::balance(store, collected(), DENOM)?;
    if charged != 0 {
        broken.push(format!("storage: {charged}{DENOM} were charged and not handed on"));
    }
    for account in &accounts {
        if account.balance > 0 && account.debt > 0 {
            broken.push(format!("storage: balance and debt at once: {account:?}"));
        }
    }
    broken.extend(recounted(store, &accounts)?);
    Ok(broken)
}

fn recounted(store: &Store, accounts: &[super::Account]) -> Result<Vec<String>, Fatal> {
    let mut counted = store.recount()?;
    let mut broken = Vec::new();
    for account in accounts {
        let rows = counted.remove(&account.contract).unwrap_or(0);
        if rows != account.bytes {
            broken.push(format!(
                "storage: contract {} counts {} bytes, its rows have {rows}",
                account.contract, account.bytes
            ));
        }
    }
    broken.extend(counted.iter().map(|(contract, bytes)| {
        format!("storage: contract {contract} has {bytes} bytes of rows and no row")
    }));
    Ok(broken)
}
