//! Messages, and what a transaction is held to.

use super::account::{self, Account, State, prepaid_least};
use super::price::{self, Price};
use super::{SCHEMA, collected, escrow};
use crate::bank;
use crate::context::{Context, Rows, integer};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::gas::price as gas_price;
use dadbs_types::{AccountAddress, Code, Error, Event, Fatal, Value};

/// Makes the module's tables, and counts the rows that are there already; `now` is in seconds since 1970.
pub fn init(store: &mut Store, now: u64) -> Result<(), Fatal> {
    SCHEMA.iter().try_for_each(|sql| store.execute(sql, &[]).map(drop))?;
    price::init(store, now)?;
    let price = price::price(store, now)?;
    for (contract, bytes) in store.recount()? {
        account::save(store, &Account { bytes, ..Account::new(contract, &price) })?;
    }
    Ok(())
}

/// A contract as people know it.
pub(super) fn name_of(rows: &impl Rows, contract: u64) -> Result<String, Fatal> {
    let found =
        rows.rows("SELECT name FROM chain_contracts WHERE id = ?1", &[&integer(contract)?])?;
    match found.first().and_then(|row| row.first()) {
        Some(Value::Text(name)) => Ok(name.clone()),
        _ => Err(Fatal::new(format!("contract {contract} has rows and is not in chain.contracts"))),
    }
}

/// Moves what was charged out of the prepaid balances.
pub(super) fn charge(
    store: &mut Store,
    events: &mut Vec<Event>,
    name: &str,
    amount: u64,
) -> Result<(), Error> {
    if amount > 0 {
        bank::deposit(store, escrow(), collected(), amount)?;
        events.push(
            Event::new("storage_charged")
                .with("contract", name)
                .with("amount", format!("{amount}{DENOM}")),
        );
    }
    Ok(())
}

pub(super) fn state_event(name: &str, state: State) -> Event {
    Event::new("storage_state").with("contract", name).with("state", state.name())
}

/// Holds every contract that the transaction has written to, to rules 5 and 9, and charges for the row that the
/// end of the block writes for each whose bytes have changed.
pub fn check_writes(context: &mut Context<'_>) -> Result<(), Error> {
    let written = context.store.written_databases()?;
    if written.is_empty() {
        return Ok(());
    }
    let changed = written.values().filter(|bytes| **bytes != 0).count() as u64;
    context.gas.charge_times(gas_price::ROW_WRITE, changed)?;
    let price = price::price(context.store, context.block.time_s())?;
    written
        .into_iter()
        .try_for_each(|(contract, bytes)| check(context.store, &price, contract, bytes))
}

/// Holds a contract that another one has called to rule 5 (rule 9).
pub fn check_call(context: &mut Context<'_>, contract: u64) -> Result<(), Error> {
    let Some(bytes) = context.store.written_to(contract)? else { return Ok(()) };
    let price = price::price(context.store, context.block.time_s())?;
    check(context.store, &price, contract, bytes)
}

/// Rule 5 for a contract to which the open transaction has added `bytes`.
fn check(store: &Store, price: &Price, contract: u64, bytes: i64) -> Result<(), Error> {
    if price.price == 0 {
        return Ok(());
    }
    let account = account::load(store, contract, price)?;
    let size = size(store, &account, bytes)?;
    let (balance, debt) = account.standing(price);
    let refuse = |code, why: &str, amount: u64| {
        let name = name_of(store, contract)?;
        let message = format!(
            "{name} {why}: fund it with at least {amount}{DENOM} by MsgFundStorage (`dadbs tx storage fund {name} \
             {amount}{DENOM}`), a new one in the transaction that makes it (`--prepay`)"
        );
        Err(Error::rejected(code, message))
    };
    match account.state(price) {
        State::Frozen => refuse(
            Code::StorageFrozen,
            "is frozen, because its storage rent is not paid; it can be read, not written",
            debt.max(1),
        ),
        _ if bytes <= 0 => Ok(()),
        State::Grace => {
            let amount = debt.saturating_add(prepaid_least(size, price));
            let why =
                format!("owes {debt}{DENOM} of storage rent and may not grow to {size} bytes");
            refuse(Code::StorageExhausted, &why, amount.saturating_sub(balance))
        }
        State::Active => {
            let least = prepaid_least(size, price);
            if balance >= least {
                return Ok(());
            }
            let why = format!(
                "would have {size} bytes, which take {least}{DENOM} of prepaid storage rent for 30 days; it has \
                 {balance}{DENOM}"
            );
            refuse(Code::StoragePrepaid, &why, least - balance)
        }
    }
}

/// A contract's bytes with what this block and the open transaction have added.
fn size(store: &Store, account: &Account, open: i64) -> Result<u64, Fatal> {
    let kept = store.kept_growth(account.contract);
    let size =
        account.bytes.checked_add_signed(kept).and_then(|size| size.checked_add_signed(open));
    size.ok_or_else(|| {
        Fatal::new(format!("contract {} has fewer bytes than none", account.contract))
    })
}

/// `MsgFundStorage` (rule 7).
pub fn fund(
    context: &mut Context<'_>,
    sender: AccountAddress,
    contract: u64,
    amount: u64,
) -> Result<(), Error> {
    if amount == 0 || i64::try_from(amount).is_err() {
        let message = format!("{amount}{DENOM} is not an amount of 1 to 2^63 - 1");
        return Err(Error::rejected(Code::InvalidCoins, message));
    }
    let price = price::price(context.store, context.block.time_s())?;
    let name = name_of(context.store, contract)?;
    let mut account = account::load(context.store, contract, &price)?;
    let before = account.state(&price);
    bank::deposit(context.store, sender, escrow(), amount)?;
    let mut charged = account.settle(&price);
    // Below the supply, which is below 2^63: it holds what is in the escrow.
    account.balance = account.balance.saturating_add(amount);
    charged = charged.saturating_add(account.pay());
    if account.debt == 0 {
        account.written = State::Active;
        account.since = 0;
    }
    context.events.push(
        Event::new("fund_storage")
            .with("contract", &name)
            .with("amount", format!("{amount}{DENOM}"))
            .with("sender", sender),
    );
    charge(context.store, context.events, &name, charged)?;
    let after = account.state(&price);
    if after != before {
        context.events.push(state_event(&name, after));
    }
    Ok(account::save(context.store, &account)?)
}

/// `MsgWithdrawStorage` by who may, which the caller has checked (rule 8).
pub fn withdraw(
    context: &mut Context<'_>,
    owner: AccountAddress,
    contract: u64,
    amount: u64,
) -> Result<(), Error> {
    let price = price::price(context.store, context.block.time_s())?;
    let name = name_of(context.store, contract)?;
    let mut account = account::load(context.store, contract, &price)?;
    let open = context.store.written_to(contract)?.unwrap_or(0);
    // What it has shed in this block counts until its end.
    let size = size(context.store, &account, open)?.max(account.bytes);
    let charged = account.settle(&price);
    let least = prepaid_least(size, &price).saturating_add(account.debt);
    let most = account.balance.saturating_sub(least);
    if amount == 0 || amount > most {
        let message = format!(
            "{name} holds {}{DENOM} of prepaid storage rent and must keep {least}{DENOM} for 30 days: withdraw 1 to \
             {most}{DENOM}",
            account.balance
        );
        return Err(Error::rejected(Code::StorageMinimum, message));
    }
    account.balance -= amount;
    charge(context.store, context.events, &name, charged)?;
    bank::pay_out(context.store, escrow(), owner, amount)?;
    context.events.push(
        Event::new("withdraw_storage")
            .with("contract", &name)
            .with("amount", format!("{amount}{DENOM}"))
            .with("recipient", owner),
    );
    Ok(account::save(context.store, &account)?)
}
