// class: 2
// The round is marked as won and its pot is emptied before the helper sends the prize.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod guess {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// A hidden number with a hint; the players trust the keeper, who reveals it.
    #[table(name = "rounds")]
    struct Round {
        #[key(auto)]
        id: i64,
        keeper: String,
        #[check("length(hint) BETWEEN 1 AND 200")]
        hint: String,
        answer: Option<i64>,
        #[check("pot >= 0")]
        pot: i64,
        winner: Option<String>,
    }

    #[table(name = "guesses")]
    struct Guess {
        #[key]
        round: i64,
        #[key]
        number: i64,
        player: String,
    }

    #[init]
    fn init() {}

    fn round(ctx: &Context, id: i64) -> Result<Round, Refusal> {
        ctx.db.rounds().get(id)?.ok_or_else(|| format!("there is no round {id}").into())
    }

    #[call(payable)]
    fn open(ctx: &Context, hint: String) -> Result<i64, Refusal> {
        let (keeper, pot) = (ctx.caller.clone(), calls::paid(DENOM)?);
        let round = Round { id: 0, keeper, hint, answer: None, pot, winner: None };
        ctx.db.rounds().insert(&round)
    }

    /// A number belongs to who guesses it first; the key refuses the second.
    #[call]
    fn guess(ctx: &Context, id: i64, number: i64) -> Result<(), Refusal> {
        if round(ctx, id)?.answer.is_some() {
            return Err("the answer is known".into());
        }
        ctx.db.guesses().insert(&Guess { round: id, number, player: ctx.caller.clone() })
    }

    #[call]
    fn reveal(ctx: &Context, id: i64, answer: i64) -> Result<(), Refusal> {
        let mut round = round(ctx, id)?;
        if round.keeper != ctx.caller || round.answer.is_some() {
            return Err("the keeper reveals, once".into());
        }
        round.answer = Some(answer);
        ctx.db.rounds().update(&round)?;
        Ok(())
    }

    fn send_prize(winner: &str, pot: i64) -> Result<(), Refusal> {
        if pot == 0 {
            return Ok(());
        }
        calls::transfer(winner, &[(DENOM, pot)])?;
        Ok(())
    }

    #[call]
    fn claim(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let mut round = round(ctx, id)?;
        let (Some(answer), None) = (round.answer, &round.winner) else {
            return Err("there is nothing to claim".into());
        };
        let hit = ctx.db.guesses().get(id, answer)?.ok_or("nobody guessed it")?;
        if hit.player != ctx.caller {
            return Err("another player guessed it".into());
        }
        let pot = core::mem::take(&mut round.pot);
        round.winner = Some(hit.player.clone());
        ctx.db.rounds().update(&round)?;
        send_prize(&hit.player, pot)?;
        Ok(pot)
    }

    #[view]
    fn pot(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        Ok(round(ctx, id)?.pot)
    }
}
