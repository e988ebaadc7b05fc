// class: 2
// The account is debited first, the coins go last; a failed transfer undoes all.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod vault {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "accounts")]
    struct Account {
        #[key]
        holder: String,
        #[check("balance >= 0")]
        balance: i64,
    }

    #[error]
    enum VaultError {
        /// Ask for at least 1.
        Nothing,
        /// The account does not hold so much.
        TooLittle { balance: i64 },
        /// The account cannot hold more.
        Full,
    }

    #[event]
    struct Withdrawn<'a> {
        holder: &'a str,
        amount: i64,
    }

    #[init]
    fn init() {}

    impl Account {
        fn load(ctx: &Context, holder: &str) -> Result<Account, Refusal> {
            let found = ctx.db.accounts().get(holder)?;
            Ok(found.unwrap_or_else(|| Account { holder: holder.into(), balance: 0 }))
        }

        fn save(&self, ctx: &Context) -> Result<(), Refusal> {
            if ctx.db.accounts().update(self)? {
                return Ok(());
            }
            ctx.db.accounts().insert(self)
        }
    }

    #[call(payable)]
    fn deposit(ctx: &Context) -> Result<i64, Refusal> {
        let mut account = Account::load(ctx, &ctx.caller)?;
        account.balance =
            account.balance.checked_add(calls::paid(DENOM)?).ok_or(VaultError::Full)?;
        account.save(ctx)?;
        Ok(account.balance)
    }

    #[call]
    fn withdraw(ctx: &Context, amount: i64) -> Result<i64, Refusal> {
        if amount < 1 {
            return Err(VaultError::Nothing.into());
        }
        let mut account = Account::load(ctx, &ctx.caller)?;
        if account.balance < amount {
            return Err(VaultError::TooLittle { balance: account.balance }.into());
        }
        account.balance -= amount;
        account.save(ctx)?;
        Withdrawn { holder: &account.holder, amount }.emit();
        calls::transfer(&account.holder, &[(DENOM, amount)])?;
        Ok(account.balance)
    }

    #[view]
    fn balance(ctx: &Context, holder: &str) -> Result<i64, Refusal> {
        Account::load(ctx, holder).map(|account| account.balance)
    }
}
