//! Giro accounts: payments are booked by rules, and each costs its payer a fee.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod giro {
    use super::*;
    use dadbs_sdk::address;

    /// What a payment costs, in cents.
    const FEE: i64 = 5;
    /// What new accounts have, in cents.
    const GIFT: i64 = 10_000;

    /// An account and its balance in cents.
    #[table(name = "accounts")]
    struct Account {
        #[key]
        holder: String,
        #[check("balance >= -1000000")]
        balance: i64,
    }

    /// Money that one account pays another.
    #[table(name = "payments", check("payer <> payee"))]
    struct Payment {
        #[key(auto)]
        id: i64,
        #[index]
        payer: String,
        payee: String,
        #[check("amount > 0")]
        amount: i64,
    }

    /// What an account was charged.
    #[table(name = "fees")]
    struct Fee {
        #[key(auto)]
        id: i64,
        #[index]
        holder: String,
        #[check("amount > 0")]
        amount: i64,
        at_ms: i64,
    }

    #[error]
    enum GiroError {
        /// There is no such account.
        NoAccount { holder: String },
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    /// Opens an account of the caller.
    #[call]
    fn open(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.accounts().insert(&Account { holder: ctx.caller.clone(), balance: GIFT })
    }

    /// Pays another account; answers the number of the payment.
    #[call]
    fn pay(ctx: &Context, payee: String, amount: i64) -> Result<i64, Refusal> {
        address::check(&payee)?;
        ctx.db.payments().insert(&Payment { id: 0, payer: ctx.caller.clone(), payee, amount })
    }

    fn book(holder: &str, amount: i64) -> Result<(), Refusal> {
        let statement = "UPDATE accounts SET balance = balance + ? WHERE holder = ?";
        if sql::exec(statement, params![amount, holder])? == 0 {
            return Err(GiroError::NoAccount { holder: holder.into() }.into());
        }
        Ok(())
    }

    fn charge(ctx: &Context, holder: &str) -> Result<i64, Refusal> {
        ctx.db.fees().insert(&Fee { id: 0, holder: holder.into(), amount: FEE, at_ms: ctx.time_ms })
    }

    /// Payments are booked on both sides.
    #[on_insert(payments)]
    fn paid(rows: &[Payment]) -> Result<(), Refusal> {
        for Payment { payer, payee, amount, .. } in rows {
            book(payer, -amount)?;
            book(payee, *amount)?;
        }
        Ok(())
    }

    /// Fees are booked.
    #[on_insert(fees)]
    fn charged(rows: &[Fee]) -> Result<(), Refusal> {
        rows.iter().try_for_each(|fee| book(&fee.holder, -fee.amount))
    }

    /// What goes out of an account costs a fee.
    #[on_update(accounts)]
    fn moved(ctx: &Context, rows: &[Updated<Account>]) -> Result<(), Refusal> {
        for Updated { old, new } in rows {
            if new.balance < old.balance {
                charge(ctx, &new.holder)?;
            }
        }
        Ok(())
    }
}
