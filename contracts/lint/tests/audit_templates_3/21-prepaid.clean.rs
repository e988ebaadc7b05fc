// class: 7
//! Prepaid credit: customers put coins in, and pay merchants from them.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod prepaid {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    /// Credit may be taken back so long after the last payment.
    const QUIET_MS: i64 = 3_600_000;

    /// What a customer has put in.
    #[table(name = "customers")]
    struct Customer {
        #[key]
        account: String,
        credit: u32,
        last_ms: i64,
    }

    #[error]
    enum PrepaidError {
        /// The customer has not so much credit.
        TooLittle { credit: u32 },
        /// Send coins along, but not more than an account holds.
        WrongAmount { paid: i64 },
        /// Wait so long.
        TooEarly { wait_ms: i64 },
    }

    #[init]
    fn init() {}

    impl Customer {
        fn load(ctx: &Context) -> Result<Customer, Refusal> {
            let found = ctx.db.customers().get(&ctx.caller)?;
            found.ok_or_else(|| PrepaidError::TooLittle { credit: 0 }.into())
        }

        /// Takes credit off.
        fn charge(&mut self, amount: u32) -> Result<(), PrepaidError> {
            let left = self.credit.checked_sub(amount);
            self.credit = left.ok_or(PrepaidError::TooLittle { credit: self.credit })?;
            Ok(())
        }

        /// How long to wait before the rest may be taken back.
        fn wait_ms(&self, now_ms: i64) -> i64 {
            QUIET_MS.saturating_sub(now_ms.saturating_sub(self.last_ms)).max(0)
        }
    }

    /// Puts the coins in that come along; answers the credit.
    #[call(payable)]
    fn top_up(ctx: &Context) -> Result<u32, Refusal> {
        let paid = calls::paid(DENOM)?;
        let more = u32::try_from(paid).map_err(|_| PrepaidError::WrongAmount { paid })?;
        let account = ctx.caller.clone();
        let credit = match ctx.db.customers().get(&account)? {
            Some(mut customer) => {
                let sum = customer.credit.checked_add(more);
                customer.credit = sum.ok_or(PrepaidError::WrongAmount { paid })?;
                ctx.db.customers().update(&customer)?;
                customer.credit
            }
            None => {
                ctx.db.customers().insert(&Customer { account, credit: more, last_ms: ctx.time_ms })?;
                more
            }
        };
        Ok(credit)
    }

    /// Pays a merchant.
    #[call]
    fn pay(ctx: &Context, merchant: &str, amount: u32) -> Result<(), Refusal> {
        address::check(merchant)?;
        let mut customer = Customer::load(ctx)?;
        customer.charge(amount)?;
        customer.last_ms = ctx.time_ms;
        ctx.db.customers().update(&customer)?;
        calls::transfer(merchant, &[(DENOM, i64::from(amount))])?;
        Ok(())
    }

    /// Takes the rest back, when it is quiet.
    #[call]
    fn close(ctx: &Context) -> Result<u32, Refusal> {
        let customer = Customer::load(ctx)?;
        let wait_ms = customer.wait_ms(ctx.time_ms);
        if wait_ms > 0 {
            return Err(PrepaidError::TooEarly { wait_ms }.into());
        }
        ctx.db.customers().delete(&customer.account)?;
        calls::transfer(&customer.account, &[(DENOM, i64::from(customer.credit))])?;
        Ok(customer.credit)
    }
}
