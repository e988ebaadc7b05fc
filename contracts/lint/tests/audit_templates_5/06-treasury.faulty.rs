// class: 6
// The set-up is a call that anybody may repeat, and who runs it last owns the treasury (Parity multisig initWallet).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod treasury {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "config")]
    struct Config {
        #[key]
        #[check("id = 1")]
        id: i64,
        owner: String,
        heir: Option<String>,
        #[check("limit_per_spend > 0")]
        limit_per_spend: i64,
    }

    #[table(name = "spends")]
    struct Spend {
        #[key(auto)]
        id: i64,
        to: String,
        amount: i64,
    }

    fn owned(ctx: &Context) -> Result<Config, Refusal> {
        let config = ctx.db.config().get(1)?.ok_or("the treasury is not set up")?;
        if config.owner != ctx.caller {
            return Err("only the owner may do this".into());
        }
        Ok(config)
    }

    #[init]
    fn init() {}

    #[call]
    fn set_up(ctx: &Context, limit: i64) -> Result<(), Refusal> {
        let config = Config { id: 1, owner: ctx.caller.clone(), heir: None, limit_per_spend: limit };
        if !ctx.db.config().update(&config)? { // FAULT
            ctx.db.config().insert(&config)?;
        }
        Ok(())
    }

    #[call]
    fn propose_owner(ctx: &Context, heir: String) -> Result<(), Refusal> {
        let mut config = owned(ctx)?;
        address::check(&heir)?;
        config.heir = Some(heir);
        ctx.db.config().update(&config)?;
        Ok(())
    }

    #[call]
    fn accept_owner(ctx: &Context) -> Result<(), Refusal> {
        let mut config = ctx.db.config().get(1)?.ok_or("the treasury is not set up")?;
        if config.heir.as_deref() != Some(ctx.caller.as_str()) {
            return Err("the owner has not named you".into());
        }
        config.owner = ctx.caller.clone();
        config.heir = None;
        ctx.db.config().update(&config)?;
        Ok(())
    }

    #[call]
    fn spend(ctx: &Context, to: String, amount: i64) -> Result<i64, Refusal> {
        let config = owned(ctx)?;
        address::check(&to)?;
        if !(1..=config.limit_per_spend).contains(&amount) {
            return Err(format!("spend 1 to {}", config.limit_per_spend).into());
        }
        let spend = Spend { id: 0, to, amount };
        let id = ctx.db.spends().insert(&spend)?;
        calls::transfer(&spend.to, &[(DENOM, amount)])?;
        Ok(id)
    }

    #[call(payable)]
    fn fund() -> Result<i64, Refusal> {
        calls::paid(DENOM)
    }
}
