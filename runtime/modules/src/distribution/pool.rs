//! Where rewards go, and what the community pool takes and gives.

use super::community_pool;
use crate::context::{Rows, Table, account_key};
use crate::{auth, bank};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::{AccountAddress, Amount, Code, Coin, Error, Event, Fatal};

const ADDRESSES: Table = Table("chain.withdraw_addresses");

/// Where an account's rewards go (rule 7).
pub fn withdraw_address(
    rows: &impl Rows,
    delegator: AccountAddress,
) -> Result<AccountAddress, Fatal> {
    let found = rows.rows(
        "SELECT address FROM chain_withdraw_addresses WHERE delegator = ?1",
        &[&account_key(delegator)],
    )?;
    let Some(row) = found.first() else { return Ok(delegator) };
    ADDRESSES.address(row, 0)
}

/// `MsgSetWithdrawAddress` (rule 7).
pub fn set_withdraw_address(
    store: &mut Store,
    events: &mut Vec<Event>,
    delegator: AccountAddress,
    address: AccountAddress,
) -> Result<(), Error> {
    bank::check_recipient(address)?;
    if address == delegator {
        store.execute(
            "DELETE FROM chain_withdraw_addresses WHERE delegator = ?1",
            &[&account_key(delegator)],
        )?;
    } else {
        store.execute(
            "INSERT INTO chain_withdraw_addresses (delegator, address) VALUES (?1, ?2)
             ON CONFLICT (delegator) DO UPDATE SET address = excluded.address",
            &[&account_key(delegator), &account_key(address)],
        )?;
    }
    events.push(
        Event::new("set_withdraw_address")
            .with("delegator", delegator)
            .with("withdraw_address", address),
    );
    Ok(())
}

/// The one coin of a message about the pool.
fn amount_of(coins: &[Coin]) -> Result<u64, Error> {
    bank::check_coins(coins)?;
    match coins {
        [Coin { denom, amount: Amount(amount) }] if denom == DENOM => u64::try_from(*amount)
            .map_err(|_| Error::rejected(Code::InvalidCoins, "the amount is beyond 2^63 - 1")),
        _ => Err(Error::rejected(
            Code::InvalidCoins,
            format!("the community pool holds {DENOM} only: name one amount of it"),
        )),
    }
}

/// `MsgFundCommunityPool`.
pub fn fund_pool(
    store: &mut Store,
    events: &mut Vec<Event>,
    depositor: AccountAddress,
    coins: &[Coin],
) -> Result<(), Error> {
    let amount = amount_of(coins)?;
    bank::deposit(store, depositor, community_pool(), amount)?;
    events.push(
        Event::new("fund_community_pool")
            .with("amount", format!("{amount}{DENOM}"))
            .with("depositor", depositor),
    );
    Ok(())
}

/// `MsgCommunityPoolSpend`, whose authority the caller has checked (rule 9).
pub fn spend_pool(
    store: &mut Store,
    events: &mut Vec<Event>,
    recipient: AccountAddress,
    coins: &[Coin],
) -> Result<(), Error> {
    let amount = amount_of(coins)?;
    bank::check_recipient(recipient)?;
    bank::deposit(store, community_pool(), recipient, amount)?;
    auth::create_account(store, recipient)?;
    events.push(
        Event::new("community_pool_spend")
            .with("amount", format!("{amount}{DENOM}"))
            .with("recipient", recipient),
    );
    Ok(())
}
