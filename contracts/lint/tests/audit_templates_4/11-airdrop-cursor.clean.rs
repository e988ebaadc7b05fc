// class: 3
// Right: one call credits one page and keeps its place in a cursor row, for the next call to go on from.
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod airdrop {
    use super::*;

    const PAGE: u32 = 50;

    #[table(name = "plan")]
    struct Plan {
        #[key]
        id: i64,
        sponsor: String,
        #[check("gift BETWEEN 1 AND 1000000000")]
        gift: i64,
        cursor: String,
        done: bool,
        closed: bool,
    }

    /// Whoever wants some signs up.
    #[table(name = "claimants")]
    struct Claimant {
        #[key]
        address: String,
        invited_by: Option<String>,
    }

    #[table(name = "gifts")]
    struct Gift {
        #[key]
        address: String,
        amount: i64,
    }

    #[error]
    enum AirdropError {
        NotSponsor,
        NotClosed,
        Closed,
        Done,
    }

    #[init]
    fn init(ctx: &Context, gift: i64) -> Result<(), Refusal> {
        ctx.db.plan().insert(&Plan {
            id: 1,
            sponsor: ctx.caller.clone(),
            gift,
            cursor: String::new(),
            done: false,
            closed: false,
        })
    }

    fn plan(ctx: &Context) -> Result<Plan, Refusal> {
        match ctx.db.plan().get(1)? {
            Some(plan) => Ok(plan),
            None => abort("init makes the plan"),
        }
    }

    fn sponsored(ctx: &Context) -> Result<Plan, Refusal> {
        let plan = plan(ctx)?;
        if plan.sponsor == ctx.caller { Ok(plan) } else { Err(AirdropError::NotSponsor.into()) }
    }

    #[call]
    fn sign_up(ctx: &Context, invited_by: Option<String>) -> Result<(), Refusal> {
        if plan(ctx)?.closed {
            return Err(AirdropError::Closed.into());
        }
        ctx.db.claimants().insert(&Claimant { address: ctx.caller.clone(), invited_by })
    }

    #[call]
    fn close(ctx: &Context) -> Result<(), Refusal> {
        let mut plan = sponsored(ctx)?;
        plan.closed = true;
        ctx.db.plan().update(&plan)?;
        Ok(())
    }

    fn gift_for(claimant: &Claimant, base: i64) -> i64 {
        // At most 1.1 billion: `base` is checked by the table.
        if claimant.invited_by.is_some() { base + base / 10 } else { base }
    }

    /// Writes gifts for claimants; answers for how many.
    #[call]
    fn credit_all(ctx: &Context) -> Result<i64, Refusal> {
        let mut plan = sponsored(ctx)?;
        if !plan.closed {
            return Err(AirdropError::NotClosed.into());
        }
        if plan.done {
            return Err(AirdropError::Done.into());
        }
        let mut credited = 0;
        let page = ctx.db.claimants().scan_after(&plan.cursor, PAGE)?;
        match page.last() {
            Some(last) => plan.cursor.clone_from(&last.address),
            None => plan.done = true,
        }
        for claimant in &page {
            let amount = gift_for(claimant, plan.gift);
            ctx.db.gifts().insert(&Gift { address: claimant.address.clone(), amount })?;
            credited += 1;
        }
        ctx.db.plan().update(&plan)?;
        Ok(credited)
    }

    #[view]
    fn gift(ctx: &Context, address: &str) -> Result<Option<Gift>, Refusal> {
        ctx.db.gifts().get(address)
    }
}
