// class: 3
// One call pays every shareholder: with enough of them it no longer fits a block (SWC-128, "unbounded loop over holders").
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod dividends {
    use super::*;

    #[table(name = "board")]
    struct Board {
        #[key]
        id: i64,
        admin: String,
        round: i64,
        #[check("per_share BETWEEN 0 AND 1000000")]
        per_share: i64,
        cursor: String,
    }

    #[table(name = "holders")]
    struct Holder {
        #[key]
        address: String,
        #[check("shares BETWEEN 1 AND 1000000")]
        shares: i64,
        owed: i64,
        round: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let admin = ctx.caller.clone();
        ctx.db.board().insert(&Board { id: 1, admin, round: 0, per_share: 0, cursor: String::new() })
    }

    fn as_admin(ctx: &Context) -> Result<Board, Refusal> {
        match ctx.db.board().get(1)? {
            Some(board) if board.admin == ctx.caller => Ok(board),
            _ => Err("only the admin may do this".into()),
        }
    }

    /// Anybody enters with one share; the key refuses a second row.
    #[call]
    fn enter(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.holders().insert(&Holder { address: ctx.caller.clone(), shares: 1, owed: 0, round: 0 })
    }

    #[call]
    fn allot(ctx: &Context, address: &str, shares: i64) -> Result<(), Refusal> {
        as_admin(ctx)?;
        let mut holder = ctx.db.holders().get(address)?.ok_or("there is no such holder")?;
        holder.shares = shares;
        ctx.db.holders().update(&holder)?;
        Ok(())
    }

    #[call]
    fn declare(ctx: &Context, per_share: i64) -> Result<i64, Refusal> {
        let mut board = as_admin(ctx)?;
        board.round += 1;
        board.per_share = per_share;
        board.cursor = String::new();
        ctx.db.board().update(&board)?;
        Ok(board.round)
    }

    /// Credits what was declared.
    #[call]
    fn distribute(ctx: &Context) -> Result<i64, Refusal> {
        let board = as_admin(ctx)?;
        let found = sql!("SELECT address, shares, owed, round FROM holders WHERE round < ?", board.round)?; // FAULT
        let mut paid = 0;
        for mut holder in found.decode::<Holder>() {
            let due = holder.shares.checked_mul(board.per_share).ok_or("the dividend is too much")?;
            holder.owed = holder.owed.checked_add(due).ok_or("the holder is owed too much")?;
            holder.round = board.round;
            ctx.db.holders().update(&holder)?;
            paid += 1;
        }
        Ok(paid)
    }

    #[view]
    fn owed(ctx: &Context, address: &str) -> Result<i64, Refusal> {
        Ok(ctx.db.holders().get(address)?.map_or(0, |holder| holder.owed))
    }
}
