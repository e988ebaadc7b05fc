//! Bounties: who offers one pays it in, and awards it or takes it back.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod bounties {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// Coins for whoever does what is asked.
    #[table(name = "bounties")]
    struct Bounty {
        #[key(auto)]
        id: i64,
        #[index]
        sponsor: String,
        task: String,
        #[check("amount > 0")]
        amount: i64,
        winner: Option<String>,
    }

    #[error]
    enum BountyError {
        /// There is no such bounty.
        NotFound { id: i64 },
        /// Only its sponsor ends a bounty.
        NotSponsor { id: i64 },
        /// The bounty has ended.
        Ended { id: i64 },
        /// The coins could not be sent.
        NotSent { id: i64 },
    }

    /// A bounty was awarded.
    #[event]
    struct Awarded<'a> {
        id: i64,
        winner: &'a str,
    }

    /// Has nothing to do: the table is made from its struct.
    #[init]
    fn init() {}

    /// Offers what comes along; answers the number of the bounty.
    #[call(payable)]
    fn offer(ctx: &Context, task: String) -> Result<i64, Refusal> {
        let (sponsor, amount) = (ctx.caller.clone(), calls::paid(DENOM)?);
        ctx.db.bounties().insert(&Bounty { id: 0, sponsor, task, amount, winner: None })
    }

    fn open(ctx: &Context, id: i64) -> Result<Bounty, Refusal> {
        let bounty = ctx.db.bounties().get(id)?.ok_or(BountyError::NotFound { id })?;
        if bounty.sponsor != ctx.caller {
            return Err(BountyError::NotSponsor { id }.into());
        }
        if bounty.winner.is_some() {
            return Err(BountyError::Ended { id }.into());
        }
        Ok(bounty)
    }

    /// True if the coins have gone.
    fn sent(to: &str, amount: i64) -> bool {
        match calls::transfer(to, &[(DENOM, amount)]) {
            Ok(()) => true,
            Err(error) => {
                log(&error.text);
                false
            }
        }
    }

    fn end(ctx: &Context, mut bounty: Bounty, winner: &str) -> Result<i64, Refusal> {
        let _before = bounty.winner.replace(winner.to_owned());
        ctx.db.bounties().update(&bounty)?;
        Ok(bounty.amount)
    }

    /// Awards a bounty.
    #[call]
    fn award(ctx: &Context, id: i64, winner: &str) -> Result<(), Refusal> {
        let amount = end(ctx, open(ctx, id)?, winner)?;
        sent(winner, amount);
        Awarded { id, winner }.emit();
        Ok(())
    }

    /// Takes a bounty back.
    #[call]
    fn take_back(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let amount = end(ctx, open(ctx, id)?, &ctx.caller)?;
        if sent(&ctx.caller, amount) { Ok(()) } else { Err(BountyError::NotSent { id }.into()) }
    }

    /// One bounty.
    #[view]
    fn bounty(ctx: &Context, id: i64) -> Result<Option<Bounty>, Refusal> {
        ctx.db.bounties().get(id)
    }
}
