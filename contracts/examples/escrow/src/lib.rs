//! An example contract: coins that two of three parties release or give back.
//!
//! 1. A deal holds what its payer sends along; payer, payee and arbiter are three accounts.
//! 2. Each of them votes once, to release or to refund; two equal votes decide and pay.
//! 3. After its deadline the payer takes an undecided deal back alone.
//! 4. What the contract holds is the sum of its open deals.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod escrow {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    /// Coins that wait for a decision.
    #[table(name = "deals", check("payer <> payee AND payer <> arbiter AND payee <> arbiter"))]
    struct Deal {
        #[key(auto)]
        id: i64,
        #[index]
        payer: String,
        #[index]
        payee: String,
        arbiter: String,
        #[check("amount > 0")]
        amount: i64,
        deadline_ms: i64,
        #[check("state IN ('open', 'released', 'refunded')")]
        state: String,
    }

    /// What a party wants.
    #[table(name = "votes")]
    struct Vote {
        #[key]
        #[references("deals(id)")]
        deal: i64,
        #[key]
        party: String,
        #[check("choice IN ('release', 'refund')")]
        choice: String,
    }

    #[error]
    enum EscrowError {
        /// There is no such deal.
        NotFound { id: i64 },
        /// The deal is decided.
        Decided { id: i64, state: String },
        /// Only payer, payee and arbiter vote.
        NotParty { id: i64 },
        /// This party has voted.
        Voted { id: i64 },
        /// Send the amount of the deal along.
        NothingSent,
        /// The deadline is not in the future.
        Past { deadline_ms: i64 },
        /// Only the payer takes back, and only after the deadline.
        TooEarly { deadline_ms: i64 },
    }

    /// Coins came in.
    #[event]
    struct Opened<'a> {
        id: i64,
        payee: &'a str,
        amount: i64,
    }

    /// Coins went out.
    #[event]
    struct Paid<'a> {
        id: i64,
        to: &'a str,
        amount: i64,
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    fn open_deal(ctx: &Context, id: i64) -> Result<Deal, Refusal> {
        let deal = ctx.db.deals().get(id)?.ok_or(EscrowError::NotFound { id })?;
        if deal.state != "open" {
            return Err(EscrowError::Decided { id, state: deal.state }.into());
        }
        Ok(deal)
    }

    /// Ends a deal. The row is written before the coins go: whoever gets them finds it decided.
    fn pay(ctx: &Context, mut deal: Deal, state: &str) -> Result<(), Refusal> {
        deal.state = state.into();
        ctx.db.deals().update(&deal)?;
        let to = if state == "released" { &deal.payee } else { &deal.payer };
        calls::transfer(to, &[(DENOM, deal.amount)])?;
        Paid { id: deal.id, to, amount: deal.amount }.emit();
        Ok(())
    }

    /// Makes a deal of the coins that come along; answers its number.
    #[call(payable)]
    fn open(
        ctx: &Context,
        payee: String,
        arbiter: String,
        deadline_ms: i64,
    ) -> Result<i64, Refusal> {
        address::check(&payee)?;
        address::check(&arbiter)?;
        if deadline_ms <= ctx.time_ms {
            return Err(EscrowError::Past { deadline_ms }.into());
        }
        let amount = calls::paid(DENOM)?;
        if amount == 0 {
            return Err(EscrowError::NothingSent.into());
        }
        let (payer, state) = (ctx.caller.clone(), "open".into());
        let deal = Deal { id: 0, payer, payee, arbiter, amount, deadline_ms, state };
        let id = ctx.db.deals().insert(&deal)?;
        Opened { id, payee: &deal.payee, amount }.emit();
        Ok(id)
    }

    /// Votes to `release` or to `refund`; answers the state of the deal.
    #[call]
    fn vote(ctx: &Context, id: i64, choice: String) -> Result<String, Refusal> {
        let deal = open_deal(ctx, id)?;
        if ![&deal.payer, &deal.payee, &deal.arbiter].contains(&&ctx.caller) {
            return Err(EscrowError::NotParty { id }.into());
        }
        if ctx.db.votes().get(id, &ctx.caller)?.is_some() {
            return Err(EscrowError::Voted { id }.into());
        }
        ctx.db.votes().insert(&Vote {
            deal: id,
            party: ctx.caller.clone(),
            choice: choice.clone(),
        })?;
        let found = sql!("SELECT count(*) FROM votes WHERE deal = ? AND choice = ?", id, choice)?;
        if found.value().integer() != Some(2) {
            return Ok(deal.state);
        }
        let state = if choice == "release" { "released" } else { "refunded" };
        pay(ctx, deal, state)?;
        Ok(state.into())
    }

    /// Takes an undecided deal back after its deadline.
    #[call]
    fn take_back(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let deal = open_deal(ctx, id)?;
        if deal.payer != ctx.caller || ctx.time_ms < deal.deadline_ms {
            return Err(EscrowError::TooEarly { deadline_ms: deal.deadline_ms }.into());
        }
        pay(ctx, deal, "refunded")
    }

    /// One deal.
    #[view]
    fn deal(ctx: &Context, id: i64) -> Result<Option<Deal>, Refusal> {
        ctx.db.deals().get(id)
    }
}
