// class: 3
// Old lines, which anybody may add, are deleted in one statement without a limit: the sweep outgrows the gas (unbounded storage clearing).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod journal {
    use super::*;

    const KEEP_MS: i64 = 7 * 86_400_000;
    const SWEEP: u32 = 100;

    #[table(name = "lines")]
    struct Line {
        #[key(auto)]
        id: i64,
        #[index]
        author: String,
        #[check("length(text) BETWEEN 1 AND 500")]
        text: String,
        #[index]
        at_ms: i64,
    }

    #[table(name = "pins")]
    struct Pin {
        #[key]
        author: String,
        line: i64,
    }

    #[error]
    enum JournalError {
        /// There is no such line.
        NotFound { id: i64 },
        /// Only its author may do this.
        NotAuthor { id: i64 },
    }

    #[event]
    struct Swept {
        lines: i64,
    }

    #[init]
    fn init() {}

    fn mine(ctx: &Context, id: i64) -> Result<Line, Refusal> {
        let Some(line) = ctx.db.lines().get(id)? else {
            return Err(JournalError::NotFound { id }.into());
        };
        if line.author == ctx.caller { Ok(line) } else { Err(JournalError::NotAuthor { id }.into()) }
    }

    #[call]
    fn write(ctx: &Context, text: String) -> Result<i64, Refusal> {
        let author = ctx.caller.clone();
        ctx.db.lines().insert(&Line { id: 0, author, text, at_ms: ctx.time_ms })
    }

    #[call]
    fn pin(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let line = mine(ctx, id)?;
        let pin = Pin { author: line.author, line: id };
        if !ctx.db.pins().update(&pin)? {
            ctx.db.pins().insert(&pin)?;
        }
        Ok(())
    }

    #[call]
    fn strike(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        mine(ctx, id)?;
        // One row: the key.
        Ok(sql!("DELETE FROM lines WHERE id = ? AND author = ?", id, ctx.caller)? > 0)
    }

    /// Anybody may sweep what is over its time.
    #[call]
    fn sweep(ctx: &Context) -> Result<i64, Refusal> {
        let end = ctx.time_ms - KEEP_MS;
        let gone = sql!("DELETE FROM lines WHERE at_ms < ?", end)?; // FAULT
        let lines = i64::from(gone);
        Swept { lines }.emit();
        Ok(lines)
    }

    #[view]
    fn of(ctx: &Context, author: &str) -> Result<Vec<Line>, Refusal> {
        ctx.db.lines().by_author(author, 100)
    }
}
