//! An example contract: two tokens change hands at once, or neither does.
//!
//! 1. An offer says what its maker gives and wants; its maker allows this contract to move what it gives.
//! 2. Who accepts gets what is given and pays what is wanted, in one call: both move or neither.
//! 3. An offer that its maker no longer covers becomes void when somebody accepts it, who loses nothing.
//! 4. Only its maker withdraws an offer.
#![cfg_attr(target_arch = "wasm32", no_std)]

#[rustfmt::skip]
mod token_client;

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod swap {
    use super::*;
    use crate::token_client::{Client as Token, ContractError as TokenError};

    /// Two sides of an exchange; tokens are names of contracts.
    #[table(name = "offers", check("given <> wanted"))]
    struct Offer {
        #[key(auto)]
        id: i64,
        #[index]
        maker: String,
        given: String,
        #[check("given_amount > 0")]
        given_amount: i64,
        wanted: String,
        #[check("wanted_amount > 0")]
        wanted_amount: i64,
        #[check("state IN ('open', 'done', 'void', 'withdrawn')")]
        state: String,
    }

    #[error]
    enum SwapError {
        /// There is no such offer.
        NotFound { id: i64 },
        /// The offer is no longer open.
        Closed { id: i64, state: String },
        /// Only its maker withdraws an offer.
        NotMaker { id: i64 },
        /// Approve this contract for what is given first.
        NotApproved { allowed: i64 },
    }

    /// An offer was accepted.
    #[event]
    struct Swapped<'a> {
        id: i64,
        maker: &'a str,
        taker: &'a str,
    }

    /// An offer was not covered.
    #[event]
    struct Voided<'a> {
        id: i64,
        why: &'a str,
    }

    /// Has nothing to do: the table is made from its struct.
    #[init]
    fn init() {}

    fn open_offer(ctx: &Context, id: i64) -> Result<Offer, Refusal> {
        let offer = ctx.db.offers().get(id)?.ok_or(SwapError::NotFound { id })?;
        if offer.state != "open" {
            return Err(SwapError::Closed { id, state: offer.state }.into());
        }
        Ok(offer)
    }

    fn close(ctx: &Context, mut offer: Offer, state: &str) -> Result<(), Refusal> {
        offer.state = state.into();
        ctx.db.offers().update(&offer)?;
        Ok(())
    }

    /// Offers tokens of the caller; answers the number of the offer.
    #[call]
    fn offer(
        ctx: &Context,
        given: String,
        given_amount: i64,
        wanted: String,
        wanted_amount: i64,
    ) -> Result<i64, Refusal> {
        let allowed = Token(&given).allowance(&ctx.caller, &ctx.contract_address)?;
        if allowed < given_amount {
            return Err(SwapError::NotApproved { allowed }.into());
        }
        let (maker, state) = (ctx.caller.clone(), "open".into());
        let offer = Offer { id: 0, maker, given, given_amount, wanted, wanted_amount, state };
        ctx.db.offers().insert(&offer)
    }

    /// Exchanges; false if the maker does not cover the offer, which is void then. The offer is closed
    /// before the tokens run: whatever they do, it cannot be accepted twice.
    #[call]
    fn accept(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        let offer = open_offer(ctx, id)?;
        let (maker, given, wanted) =
            (offer.maker.clone(), offer.given.clone(), offer.wanted.clone());
        let (given_amount, wanted_amount) = (offer.given_amount, offer.wanted_amount);
        close(ctx, offer, "done")?;
        let given = Token(&given).transfer_from(&maker, &ctx.caller, given_amount);
        if let Err(error) = given {
            let uncovered = matches!(
                TokenError::of(&error),
                Some(TokenError::TooLittle | TokenError::NotAllowed)
            );
            if !uncovered {
                return Err(error.into());
            }
            let mut offer = ctx.db.offers().get(id)?.ok_or(SwapError::NotFound { id })?;
            offer.state = "void".into();
            // lint: allow(state-after-call): the offer was closed before the call, and stays closed
            ctx.db.offers().update(&offer)?;
            Voided { id, why: &error.text }.emit();
            return Ok(false);
        }
        // A failure here ends the call, and what was given goes back with it.
        Token(&wanted).transfer_from(&ctx.caller, &maker, wanted_amount)?;
        Swapped { id, maker: &maker, taker: &ctx.caller }.emit();
        Ok(true)
    }

    /// Takes an offer back.
    #[call]
    fn withdraw(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let offer = open_offer(ctx, id)?;
        if offer.maker != ctx.caller {
            return Err(SwapError::NotMaker { id }.into());
        }
        close(ctx, offer, "withdrawn")
    }

    /// At most 100 offers of a maker.
    #[view]
    fn offers_of(ctx: &Context, maker: &str) -> Result<Vec<Offer>, Refusal> {
        ctx.db.offers().by_maker(maker, 100)
    }
}
