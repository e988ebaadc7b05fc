// class: 5
// A transfer that fails ends the call, and the book is as it was.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod tips {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "jars")]
    struct Jar {
        #[key]
        artist: String,
        #[check("amount >= 0")]
        amount: i64,
        tips: i64,
    }

    /// The last words with a tip.
    #[table(name = "notes")]
    struct Note {
        #[key]
        artist: String,
        #[key]
        giver: String,
        #[check("length(text) <= 140")]
        text: String,
    }

    #[event]
    struct Tipped<'a> {
        artist: &'a str,
        amount: i64,
    }

    #[init]
    fn init() {}

    fn keep_note(ctx: &Context, artist: &str, text: Option<String>) -> Result<(), Refusal> {
        let Some(text) = text else { return Ok(()) };
        let note = Note { artist: artist.into(), giver: ctx.caller.clone(), text };
        if !ctx.db.notes().update(&note)? {
            ctx.db.notes().insert(&note)?;
        }
        Ok(())
    }

    #[call(payable)]
    fn tip(ctx: &Context, artist: &str, text: Option<String>) -> Result<(), Refusal> {
        address::check(artist)?;
        let amount = match calls::paid(DENOM)? {
            0 => return Err("send a tip along".into()),
            amount => amount,
        };
        let jar = match ctx.db.jars().get(artist)? {
            None => Jar { artist: artist.into(), amount, tips: 1 },
            Some(jar) => Jar {
                amount: jar.amount.checked_add(amount).ok_or("the jar is full")?,
                tips: jar.tips + 1,
                ..jar
            },
        };
        if !ctx.db.jars().update(&jar)? {
            ctx.db.jars().insert(&jar)?;
        }
        keep_note(ctx, artist, text)?;
        Tipped { artist, amount }.emit();
        Ok(())
    }

    /// Empties the caller's jar.
    #[call]
    fn empty(ctx: &Context) -> Result<i64, Refusal> {
        let Some(mut jar) = ctx.db.jars().get(&ctx.caller)? else { return Ok(0) };
        let amount = core::mem::take(&mut jar.amount);
        if amount == 0 {
            return Ok(0);
        }
        ctx.db.jars().update(&jar)?;
        match calls::transfer(&jar.artist, &[(DENOM, amount)]) {
            Ok(()) => Ok(amount),
            Err(error) => Err(Refusal::new(format!("the jar stays full: {error}"))),
        }
    }

    #[view]
    fn jar(ctx: &Context, artist: &str) -> Result<Option<Jar>, Refusal> {
        ctx.db.jars().get(artist)
    }
}
