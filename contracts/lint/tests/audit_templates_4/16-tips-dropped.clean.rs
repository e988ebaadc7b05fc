// class: 5
// Right: a transfer that fails ends the call with the reason, and the balance stays.
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod tips {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "creators")]
    struct Creator {
        #[key]
        address: String,
        name: String,
        #[check("tips >= 0")]
        tips: i64,
        given: i64,
    }

    #[event]
    struct Tipped<'a> {
        from: &'a str,
        to: &'a str,
        amount: i64,
    }

    #[event]
    struct CashedOut<'a> {
        who: &'a str,
        amount: i64,
    }

    #[error]
    enum TipError {
        NoSuchCreator,
        NoTip,
        NothingThere,
        NotSent { why: String },
    }

    #[init]
    fn init() {}

    #[call]
    fn join(ctx: &Context, name: String) -> Result<(), Refusal> {
        ctx.db.creators().insert(&Creator { address: ctx.caller.clone(), name, tips: 0, given: 0 })
    }

    #[call(payable)]
    fn tip(ctx: &Context, to: &str) -> Result<i64, Refusal> {
        let amount = calls::paid(DENOM)?;
        if amount == 0 {
            return Err(TipError::NoTip.into());
        }
        // Additions only: whoever tips gives, and the statement takes from nobody.
        match sql!("UPDATE creators SET tips = tips + ?, given = given + 1 WHERE address = ?", amount, to) {
            Ok(1) => {}
            Ok(_) => return Err(TipError::NoSuchCreator.into()),
            Err(error) => return Err(Refusal::from(error).at("tip")),
        }
        Tipped { from: &ctx.caller, to, amount }.emit();
        Ok(amount)
    }

    #[call]
    fn rename(ctx: &Context, name: &str) -> Result<(), Refusal> {
        let mut me = ctx.db.creators().get(&ctx.caller)?.ok_or(TipError::NoSuchCreator)?;
        name.clone_into(&mut me.name);
        ctx.db.creators().update(&me)?;
        Ok(())
    }

    /// Sends the caller's tips to the caller.
    #[call]
    fn cash_out(ctx: &Context) -> Result<i64, Refusal> {
        let mut me = ctx.db.creators().get(&ctx.caller)?.ok_or(TipError::NoSuchCreator)?;
        let amount = core::mem::replace(&mut me.tips, 0);
        if amount == 0 {
            return Err(TipError::NothingThere.into());
        }
        ctx.db.creators().update(&me)?;
        if let Err(error) = calls::transfer(&me.address, &[(DENOM, amount)]) {
            return Err(TipError::NotSent { why: error.text }.into());
        }
        CashedOut { who: &me.address, amount }.emit();
        Ok(amount)
    }

    /// The creators behind a name's address, 50 at a time.
    #[view]
    fn creators(ctx: &Context, after: &str) -> Result<Vec<Creator>, Refusal> {
        ctx.db.creators().scan_after(after, 50)
    }
}
