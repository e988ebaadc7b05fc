// class: 3
// Fault: `distribute` reads all holders and writes each of them, and everybody may become a holder (modelled on SWC-128, block gas limit, and GovernMental's payout to a list without end).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod dividend {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// Earnings per share are kept in millionths.
    const SCALE: i128 = 1_000_000;

    #[table(name = "fund")]
    struct Fund {
        #[key]
        id: i64,
        treasurer: String,
        shares: i64,
        earned_per_share: i64,
    }

    #[table(name = "holders")]
    struct Holder {
        #[key]
        address: String,
        #[check("shares >= 0")]
        shares: i64,
        /// `earned_per_share` up to which `due` is reckoned.
        seen: i64,
        #[check("due >= 0")]
        due: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let treasurer = ctx.caller.clone();
        ctx.db.fund().insert(&Fund { id: 1, treasurer, shares: 0, earned_per_share: 0 })
    }

    fn fund(ctx: &Context) -> Result<Fund, Refusal> {
        ctx.db.fund().get(1)?.ok_or_else(|| "there is no fund".into())
    }

    /// `amount * by / through`, rounded down; refuses what 64 bits do not hold.
    fn portion(amount: i64, by: i128, through: i128) -> Result<i64, Refusal> {
        if through <= 0 {
            return Err("nobody holds shares".into());
        }
        i64::try_from(i128::from(amount) * by / through).map_err(|_| "too much".into())
    }

    impl Holder {
        fn settle(&mut self, fund: &Fund) -> Result<(), Refusal> {
            let earned = fund.earned_per_share - self.seen;
            self.due += portion(earned, i128::from(self.shares), SCALE)?;
            self.seen = fund.earned_per_share;
            Ok(())
        }
    }

    #[call(payable)]
    fn buy(ctx: &Context) -> Result<i64, Refusal> {
        let sent = calls::paid(DENOM)?;
        let mut fund = fund(ctx)?;
        let found = ctx.db.holders().get(&ctx.caller)?;
        let fresh = found.is_none();
        let mut holder = found.unwrap_or(Holder {
            address: ctx.caller.clone(),
            shares: 0,
            seen: fund.earned_per_share,
            due: 0,
        });
        holder.settle(&fund)?;
        holder.shares += sent;
        fund.shares += sent;
        ctx.db.fund().update(&fund)?;
        if fresh {
            ctx.db.holders().insert(&holder)?;
        } else {
            ctx.db.holders().update(&holder)?;
        }
        Ok(holder.shares)
    }

    #[call(payable)]
    fn distribute(ctx: &Context) -> Result<(), Refusal> {
        let fund = fund(ctx)?;
        if fund.treasurer != ctx.caller {
            return Err("the treasurer distributes".into());
        }
        let sent = calls::paid(DENOM)?;
        let all = sql!("SELECT address, shares, seen, due FROM holders WHERE shares > 0")?; // FAULT
        for mut holder in all.decode::<Holder>() {
            holder.due += portion(sent, i128::from(holder.shares), i128::from(fund.shares))?;
            ctx.db.holders().update(&holder)?;
        }
        Ok(())
    }

    #[call]
    fn collect(ctx: &Context) -> Result<i64, Refusal> {
        let fund = fund(ctx)?;
        let mut holder = ctx.db.holders().get(&ctx.caller)?.ok_or("you hold nothing")?;
        holder.settle(&fund)?;
        let due = core::mem::take(&mut holder.due);
        ctx.db.holders().update(&holder)?;
        if due > 0 {
            calls::transfer(&ctx.caller, &[(DENOM, due)])?;
        }
        Ok(due)
    }
}
