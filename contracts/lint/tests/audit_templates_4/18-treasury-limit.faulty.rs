// class: 5
// Fault: the check of the daily limit answers a `Result` that is dropped, so the limit holds nobody (modelled on guard functions that return an error code nobody reads, as Compound forks' `allowed` checks).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod treasury {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    const DAY_MS: i64 = 86_400_000;

    #[table(name = "rules")]
    struct Rules {
        #[key]
        id: i64,
        owner: String,
        #[check("daily >= 0")]
        daily: i64,
    }

    #[table(name = "spenders")]
    struct Spender {
        #[key]
        address: String,
    }

    #[table(name = "days")]
    struct Day {
        #[key]
        number: i64,
        #[check("spent >= 0")]
        spent: i64,
    }

    #[init(payable)]
    fn init(ctx: &Context, daily: i64) -> Result<(), Refusal> {
        ctx.db.rules().insert(&Rules { id: 1, owner: ctx.caller.clone(), daily })
    }

    struct Guard<'a>(&'a Context);

    impl Guard<'_> {
        fn rules(&self) -> Result<Rules, Refusal> {
            self.0.db.rules().get(1)?.ok_or_else(|| "no rules".into())
        }

        fn owner(&self) -> Result<Rules, Refusal> {
            let rules = self.rules()?;
            if rules.owner != self.0.caller {
                return Err("only the owner".into());
            }
            Ok(rules)
        }

        fn spender(&self) -> Result<Spender, Refusal> {
            self.0.db.spenders().get(&self.0.caller)?.ok_or_else(|| "you are no spender".into())
        }

        fn today(&self) -> Result<Day, Refusal> {
            let number = self.0.time_ms / DAY_MS;
            Ok(self.0.db.days().get(number)?.unwrap_or(Day { number, spent: 0 }))
        }

        /// Refuses what goes beyond the limit of the day.
        fn within_limit(&self, day: &Day, amount: i64) -> Result<(), Refusal> {
            let left = self.rules()?.daily - day.spent;
            if amount > left { Err(format!("{left} is left today").into()) } else { Ok(()) }
        }

        fn note(&self, mut day: Day, amount: i64) -> Result<(), Refusal> {
            day.spent += amount;
            if !self.0.db.days().update(&day)? {
                self.0.db.days().insert(&day)?;
            }
            Ok(())
        }
    }

    #[call]
    fn set_daily(ctx: &Context, daily: i64) -> Result<(), Refusal> {
        let mut rules = Guard(ctx).owner()?;
        rules.daily = daily;
        ctx.db.rules().update(&rules)?;
        Ok(())
    }

    #[call]
    fn add_spender(ctx: &Context, address: String) -> Result<(), Refusal> {
        Guard(ctx).owner()?;
        dadbs_sdk::address::check(&address)?;
        ctx.db.spenders().insert(&Spender { address })
    }

    #[call]
    fn remove_spender(ctx: &Context, address: &str) -> Result<bool, Refusal> {
        Guard(ctx).owner().and_then(|_| ctx.db.spenders().delete(address))
    }

    #[call]
    fn spend(ctx: &Context, to: &str, amount: i64) -> Result<(), Refusal> {
        let guard = Guard(ctx);
        guard.spender()?;
        if amount < 1 {
            return Err("spend 1 or more".into());
        }
        let day = guard.today()?;
        guard.within_limit(&day, amount).unwrap_or_default(); // FAULT
        guard.note(day, amount)?;
        calls::transfer(to, &[(DENOM, amount)])?;
        Ok(())
    }

    #[view]
    fn left_today(ctx: &Context) -> Result<i64, Refusal> {
        let guard = Guard(ctx);
        Ok(guard.rules()?.daily - guard.today()?.spent)
    }
}
