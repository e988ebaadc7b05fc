// class: 4
// The board is an enum with one constant statement each; the list of boards is fixed.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod boards {
    use super::*;
    use dadbs_sdk::sql;

    #[table(name = "daily")]
    struct Daily {
        #[key]
        player: String,
        #[index]
        #[check("score BETWEEN 0 AND 1000000")]
        score: i64,
    }

    #[table(name = "weekly")]
    struct Weekly {
        #[key]
        player: String,
        #[index]
        #[check("score BETWEEN 0 AND 1000000")]
        score: i64,
    }

    #[table(name = "referee")]
    struct Referee {
        #[key]
        address: String,
    }

    const TOP_DAILY: &str = "SELECT player, score FROM daily ORDER BY score DESC LIMIT 10";
    const TOP_WEEKLY: &str = "SELECT player, score FROM weekly ORDER BY score DESC LIMIT 10";

    enum Board {
        Daily,
        Weekly,
    }

    impl Board {
        fn of(name: &str) -> Option<Board> {
            [("daily", Board::Daily), ("weekly", Board::Weekly)]
                .into_iter()
                .find_map(|(known, board)| (known == name).then_some(board))
        }

        fn top(&self) -> &'static str {
            match self {
                Board::Daily => TOP_DAILY,
                Board::Weekly => TOP_WEEKLY,
            }
        }
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.referee().insert(&Referee { address: ctx.caller.clone() })
    }

    #[call]
    fn score(ctx: &Context, board: &str, player: String, score: i64) -> Result<(), Refusal> {
        if ctx.db.referee().get(&ctx.caller)?.is_none() {
            return Err("only a referee writes scores".into());
        }
        match Board::of(board).ok_or("there is no such board")? {
            Board::Daily => {
                let row = Daily { player, score };
                if !ctx.db.daily().update(&row)? {
                    ctx.db.daily().insert(&row)?;
                }
            }
            Board::Weekly => {
                let row = Weekly { player, score };
                if !ctx.db.weekly().update(&row)? {
                    ctx.db.weekly().insert(&row)?;
                }
            }
        }
        Ok(())
    }

    #[view]
    fn best() -> Result<Table, Refusal> {
        Ok(sql::query(Board::Weekly.top(), &[])?)
    }

    #[view]
    fn top(board: &str) -> Result<Table, Refusal> {
        let Some(board) = Board::of(board) else {
            return Err("there is no such board".into());
        };
        Ok(sql::query(board.top(), &[])?)
    }
}
