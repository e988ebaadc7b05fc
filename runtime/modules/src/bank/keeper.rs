//! Reads and writes balances.

use crate::auth;
use crate::context::{Rows, Table, integer};
use dadbs_store::Store;
use dadbs_types::coin::{DENOM, valid_denom};
use dadbs_types::{AccountAddress, Amount, Code, Coin, Error, Event, Fatal, Rejection, Value};

const BALANCES: Table = Table("chain.balances");
const SUPPLY: Table = Table("chain.supply");
const LOCKS: Table = Table("chain.locks");

/// Makes the module's tables.
pub fn init(store: &mut Store) -> Result<(), Fatal> {
    super::SCHEMA.iter().try_for_each(|sql| store.execute(sql, &[]).map(drop))
}

/// What an account holds of a denomination.
pub fn balance(rows: &impl Rows, address: AccountAddress, denom: &str) -> Result<u64, Fatal> {
    let found = rows.rows(
        "SELECT amount FROM chain_balances WHERE address = ?1 AND denom = ?2",
        &[&Value::Text(address.to_string()), &Value::Text(denom.into())],
    )?;
    found.first().map_or(Ok(0), |row| BALANCES.count(row, 0))
}

/// The largest lock of an account, in the base denomination (rule 6).
pub fn locked(rows: &impl Rows, address: AccountAddress) -> Result<u64, Fatal> {
    let found = rows.rows(
        "SELECT coalesce(max(amount), 0) FROM chain_locks WHERE address = ?1",
        &[&Value::Text(address.to_string())],
    )?;
    found.first().map_or(Ok(0), |row| LOCKS.count(row, 0))
}

/// What an account holds of the base denomination, and its largest lock, in one look-up: every fee asks.
fn held_and_locked(rows: &impl Rows, address: AccountAddress) -> Result<(u64, u64), Fatal> {
    let found = rows.rows(
        "SELECT amount, (SELECT coalesce(max(amount), 0) FROM chain_locks WHERE address = ?1)
         FROM chain_balances WHERE address = ?1 AND denom = ?2",
        &[&Value::Text(address.to_string()), &Value::Text(DENOM.into())],
    )?;
    // A lock is at most the balance, so who holds nothing has none.
    found.first().map_or(Ok((0, 0)), |row| Ok((BALANCES.count(row, 0)?, LOCKS.count(row, 1)?)))
}

/// What an account may spend of the base denomination (rule 6).
pub fn spendable(rows: &impl Rows, address: AccountAddress) -> Result<u64, Fatal> {
    let (held, locked) = held_and_locked(rows, address)?;
    Ok(held.saturating_sub(locked))
}

/// Locks coins of an account, or changes how many are locked for this reason; 0 unlocks (rule 6).
///
/// # Errors
/// A rejection if the account holds less.
pub fn lock(
    store: &mut Store,
    address: AccountAddress,
    reason: &str,
    amount: u64,
) -> Result<(), Error> {
    if amount == 0 {
        return Ok(unlock(store, address, reason)?);
    }
    let held = balance(store, address, DENOM)?;
    if amount > held {
        let message = format!("{address} holds {held}{DENOM}, and cannot lock {amount}{DENOM}");
        return Err(Error::rejected(Code::InsufficientFunds, message));
    }
    store.execute(
        "INSERT INTO chain_locks (address, reason, amount) VALUES (?1, ?2, ?3)
         ON CONFLICT (address, reason) DO UPDATE SET amount = excluded.amount",
        &[&Value::Text(address.to_string()), &Value::Text(reason.into()), &integer(amount)?],
    )?;
    Ok(())
}

/// Ends a lock, if there is one.
pub fn unlock(store: &mut Store, address: AccountAddress, reason: &str) -> Result<(), Fatal> {
    store.execute(
        "DELETE FROM chain_locks WHERE address = ?1 AND reason = ?2",
        &[&Value::Text(address.to_string()), &Value::Text(reason.into())],
    )?;
    Ok(())
}

/// All balances of an account, sorted by denomination.
pub fn balances(rows: &impl Rows, address: AccountAddress) -> Result<Vec<Coin>, Fatal> {
    let found = rows.rows(
        "SELECT denom, amount FROM chain_balances WHERE address = ?1 ORDER BY denom",
        &[&Value::Text(address.to_string())],
    )?;
    coins(BALANCES, &found)
}

/// The supply of every denomination, sorted.
pub fn supply(rows: &impl Rows) -> Result<Vec<Coin>, Fatal> {
    let found = rows.rows("SELECT denom, amount FROM chain_supply ORDER BY denom", &[])?;
    coins(SUPPLY, &found)
}

fn coins(table: Table, rows: &[Vec<Value>]) -> Result<Vec<Coin>, Fatal> {
    rows.iter()
        .map(|row| {
            let amount = Amount(u128::from(table.count(row, 1)?));
            Ok(Coin { denom: table.text(row, 0)?, amount })
        })
        .collect()
}

/// Rules 1 and 3.
pub fn check_coins(coins: &[Coin]) -> Result<(), Rejection> {
    if coins.is_empty() {
        return Err(Rejection::new(Code::InvalidCoins, "no coins are named"));
    }
    for coin in coins {
        if !valid_denom(&coin.denom) {
            let message = format!("\"{}\" is not a denomination", coin.denom);
            return Err(Rejection::new(Code::InvalidCoins, message));
        }
        if coin.amount == Amount::ZERO || i64::try_from(coin.amount.0).is_err() {
            let message = format!("{coin} is not an amount of 1 to 2^63 - 1");
            return Err(Rejection::new(Code::InvalidCoins, message));
        }
    }
    if coins.windows(2).any(|pair| pair[0].denom >= pair[1].denom) {
        let message = "coins must be sorted by denomination, each named once";
        return Err(Rejection::new(Code::InvalidCoins, message));
    }
    Ok(())
}

/// Moves coins (rules 2 and 5).
pub fn transfer(
    store: &mut Store,
    events: &mut Vec<Event>,
    from: AccountAddress,
    to: AccountAddress,
    coins: &[Coin],
) -> Result<(), Error> {
    check_coins(coins)?;
    check_recipient(to)?;
    for coin in coins {
        let amount = in_range(coin)?;
        debit(store, from, &coin.denom, amount)?;
        credit(store, to, &coin.denom, amount)?;
    }
    auth::create_account(store, to)?;
    let amount = coins.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    events.push(
        Event::new("transfer").with("recipient", to).with("sender", from).with("amount", amount),
    );
    Ok(())
}

/// Rule 5.
pub fn check_recipient(to: AccountAddress) -> Result<(), Rejection> {
    if super::is_module_account(to) {
        let message = format!("{to} is an account of the chain itself, which takes no transfers");
        return Err(Rejection::new(Code::Unauthorized, message));
    }
    Ok(())
}

/// Pays the base denomination out of an account of the chain, and creates the recipient's account.
///
/// # Errors
/// A fault if the account holds less: its module has counted wrongly.
pub fn pay_out(
    store: &mut Store,
    from: AccountAddress,
    to: AccountAddress,
    amount: u64,
) -> Result<(), Fatal> {
    deposit(store, from, to, amount).map_err(|error| match error {
        Error::Fatal(fatal) => fatal,
        Error::Rejected(rejection) => Fatal::new(format!("a module account is short: {rejection}")),
    })?;
    auth::create_account(store, to)
}

/// Moves the base denomination between accounts without an event: deposits of the chain's modules.
pub fn deposit(
    store: &mut Store,
    from: AccountAddress,
    to: AccountAddress,
    amount: u64,
) -> Result<(), Error> {
    if amount > 0 {
        debit(store, from, DENOM, amount)?;
        credit(store, to, DENOM, amount)?;
    }
    Ok(())
}

fn in_range(coin: &Coin) -> Result<u64, Rejection> {
    u64::try_from(coin.amount.0)
        .map_err(|_| Rejection::new(Code::InvalidCoins, format!("{coin} is beyond 2^63 - 1")))
}

/// Takes a fee out of an account; the end of the block says where it goes (rule 4).
pub fn take_fee(store: &mut Store, from: AccountAddress, coin: &Coin) -> Result<u64, Error> {
    // More than any account can hold: CheckTx says the same without looking at the range.
    let amount = u64::try_from(coin.amount.0).map_err(|_| {
        let message = format!("{from} does not hold the fee of {coin}");
        Rejection::new(Code::InsufficientFunds, message)
    })?;
    debit(store, from, &coin.denom, amount)?;
    Ok(amount)
}

/// Takes the base denomination out of an account; the caller credits it in the same block.
pub fn take(store: &mut Store, from: AccountAddress, amount: u64) -> Result<(), Error> {
    if amount > 0 {
        debit(store, from, DENOM, amount)?;
    }
    Ok(())
}

fn debit(store: &mut Store, from: AccountAddress, denom: &str, amount: u64) -> Result<(), Error> {
    let (held, locked) = if denom == DENOM {
        held_and_locked(store, from)?
    } else {
        (balance(store, from, denom)?, 0)
    };
    let Some(left) = held.checked_sub(amount).filter(|left| *left >= locked) else {
        let of_which = match locked {
            0 => String::new(),
            locked => format!(", of which {locked}{denom} are locked"),
        };
        return Err(Error::rejected(
            Code::InsufficientFunds,
            format!("{from} holds {held}{denom}{of_which}; {amount}{denom} are needed"),
        ));
    };
    set_balance(store, from, denom, left)?;
    Ok(())
}

/// Adds to a balance; the sum stays within the supply, so it cannot overflow.
pub fn credit(
    store: &mut Store,
    to: AccountAddress,
    denom: &str,
    amount: u64,
) -> Result<(), Fatal> {
    if amount == 0 {
        return Ok(());
    }
    let held = balance(store, to, denom)?;
    let sum = held
        .checked_add(amount)
        .ok_or_else(|| Fatal::new(format!("the balance of {to} overflows: supply is broken")))?;
    set_balance(store, to, denom, sum)
}

fn set_balance(
    store: &mut Store,
    address: AccountAddress,
    denom: &str,
    amount: u64,
) -> Result<(), Fatal> {
    let (address, denom) = (Value::Text(address.to_string()), Value::Text(denom.into()));
    if amount == 0 {
        store.execute(
            "DELETE FROM chain_balances WHERE address = ?1 AND denom = ?2",
            &[&address, &denom],
        )?;
    } else {
        store.execute(
            "INSERT INTO chain_balances (address, denom, amount) VALUES (?1, ?2, ?3)
             ON CONFLICT (address, denom) DO UPDATE SET amount = excluded.amount",
            &[&address, &denom, &integer(amount)?],
        )?;
    }
    Ok(())
}

/// Creates coins in an account: genesis only.
///
/// # Errors
/// A fault if the supply would leave 63 bits: genesis is invalid.
pub fn mint(store: &mut Store, to: AccountAddress, denom: &str, amount: u64) -> Result<(), Fatal> {
    if amount == 0 {
        return Ok(());
    }
    issue(store, denom, amount)?;
    credit(store, to, denom, amount)
}

/// The supply of one denomination.
pub fn supply_of(rows: &impl Rows, denom: &str) -> Result<u64, Fatal> {
    let found = rows
        .rows("SELECT amount FROM chain_supply WHERE denom = ?1", &[&Value::Text(denom.into())])?;
    found.first().map_or(Ok(0), |row| SUPPLY.count(row, 0))
}

/// Raises the supply by coins that the caller credits in the same block.
///
/// # Errors
/// A fault if the supply would leave 63 bits.
pub fn issue(store: &mut Store, denom: &str, amount: u64) -> Result<(), Fatal> {
    let after = supply_of(store, denom)?.checked_add(amount);
    let after = after.filter(|sum| i64::try_from(*sum).is_ok()).ok_or_else(|| {
        Fatal::new(format!("the supply of {denom} would be more than 2^63 - 1: lower the balances"))
    })?;
    set_supply(store, denom, after)
}

/// Lowers the supply by coins that were taken out of a balance in the same block.
///
/// # Errors
/// A fault if there are fewer.
pub fn burn_taken(store: &mut Store, denom: &str, amount: u64) -> Result<(), Fatal> {
    if amount == 0 {
        return Ok(());
    }
    let after = supply_of(store, denom)?.checked_sub(amount).ok_or_else(|| {
        Fatal::new(format!("{amount}{denom} are to be burned, which is more than there are"))
    })?;
    set_supply(store, denom, after)
}

fn set_supply(store: &mut Store, denom: &str, amount: u64) -> Result<(), Fatal> {
    store.execute(
        "INSERT INTO chain_supply (denom, amount) VALUES (?1, ?2)
         ON CONFLICT (denom) DO UPDATE SET amount = excluded.amount",
        &[&Value::Text(denom.into()), &integer(amount)?],
    )?;
    Ok(())
}

/// Takes coins of the base denomination out of an account and out of the supply.
pub fn burn(store: &mut Store, from: AccountAddress, amount: u64) -> Result<(), Error> {
    take(store, from, amount)?;
    Ok(burn_taken(store, DENOM, amount)?)
}

/// The module's invariants; a message for each lock above its balance, and for each denomination that breaks it.
pub fn invariant(rows: &impl Rows) -> Result<Vec<String>, Fatal> {
    let broken = rows.rows(
        "SELECT denom, amount, (SELECT coalesce(sum(amount), 0) FROM chain_balances b WHERE b.denom = s.denom)
         FROM chain_supply s WHERE amount IS NOT
         (SELECT coalesce(sum(amount), 0) FROM chain_balances b WHERE b.denom = s.denom)",
        &[],
    )?;
    let over = rows.rows(
        "SELECT address, reason, amount FROM chain_locks l WHERE amount > coalesce(
         (SELECT b.amount FROM chain_balances b WHERE b.address = l.address AND b.denom = 'udadb'), 0)",
        &[],
    )?;
    let supply = broken.iter().map(|row| {
        let (denom, supply) = (SUPPLY.text(row, 0)?, SUPPLY.count(row, 1)?);
        Ok(format!("supply of {denom} is {supply}, its balances sum to {:?}", row.get(2)))
    });
    let locks = over.iter().map(|row| {
        let (address, reason) = (LOCKS.text(row, 0)?, LOCKS.text(row, 1)?);
        Ok(format!("the lock {reason} of {address} is above its balance"))
    });
    supply.chain(locks).collect()
}
