// class: 6
// Right: `migrate` compares the stored version first, refuses what it does not know, changes nothing the second time, and stores the new one.
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod members {
    use super::*;

    const VERSION: i64 = 2;

    #[table(name = "meta")]
    struct Meta {
        #[key]
        id: i64,
        owner: String,
        version: i64,
        /// The price of a month, in cents since version 2.
        monthly: i64,
    }

    #[table(name = "members")]
    struct Member {
        #[key]
        address: String,
        until_ms: i64,
        #[check("credit >= 0")]
        credit: i64,
    }

    #[error]
    enum MemberError {
        NotOwner,
        NoMember,
        TooLittle { credit: i64 },
        UnknownVersion { version: i64 },
    }

    #[init]
    fn init(ctx: &Context, monthly: i64) -> Result<(), Refusal> {
        ctx.db.meta().insert(&Meta { id: 1, owner: ctx.caller.clone(), version: 2, monthly })
    }

    fn meta(ctx: &Context) -> Result<Meta, Refusal> {
        ctx.db.meta().get(1)?.ok_or_else(|| "init has not run".into())
    }

    /// Version 1 kept the price in whole coins.
    #[migrate]
    fn migrate(ctx: &Context) -> Result<(), Refusal> {
        let mut meta = meta(ctx)?;
        match meta.version {
            1 => {
                meta.monthly = meta.monthly.checked_mul(100).ok_or("the price is too high")?;
                meta.version = VERSION;
                ctx.db.meta().update(&meta)?;
                Ok(())
            }
            VERSION => Ok(()),
            version => Err(MemberError::UnknownVersion { version }.into()),
        }
    }

    #[call]
    fn set_price(ctx: &Context, monthly: i64) -> Result<(), Refusal> {
        let mut meta = meta(ctx)?;
        if meta.owner != ctx.caller || monthly < 1 {
            return Err(MemberError::NotOwner.into());
        }
        meta.monthly = monthly;
        ctx.db.meta().update(&meta)?;
        Ok(())
    }

    #[call(payable)]
    fn top_up(ctx: &Context) -> Result<i64, Refusal> {
        let sent = calls::paid(calls::DENOM)?;
        let address = ctx.caller.clone();
        let before = ctx.db.members().get(&address)?;
        let member = match &before {
            Some(old) => Member { address, until_ms: old.until_ms, credit: old.credit + sent },
            None => Member { address, until_ms: 0, credit: sent },
        };
        if before.is_none() {
            ctx.db.members().insert(&member)?;
        } else {
            ctx.db.members().update(&member)?;
        }
        Ok(member.credit)
    }

    /// Pays one month from the caller's credit.
    #[call]
    fn renew(ctx: &Context) -> Result<i64, Refusal> {
        let price = meta(ctx)?.monthly;
        let mut member = ctx.db.members().get(&ctx.caller)?.ok_or(MemberError::NoMember)?;
        if member.credit < price {
            return Err(MemberError::TooLittle { credit: member.credit }.into());
        }
        member.credit -= price;
        member.until_ms = member.until_ms.max(ctx.time_ms) + 30 * 86_400_000;
        ctx.db.members().update(&member)?;
        Ok(member.until_ms)
    }

    #[view]
    fn is_member(ctx: &Context, address: &str) -> Result<bool, Refusal> {
        Ok(ctx.db.members().get(address)?.is_some_and(|member| member.until_ms > ctx.time_ms))
    }
}
