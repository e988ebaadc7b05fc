// class: 3
// Closing a thread deletes all its comments at once, and anybody adds comments: a long thread cannot be closed any more (gas griefing by growing a list).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod threads {
    use super::*;

    const PIECE: u32 = 50;

    #[table(name = "threads")]
    struct Thread {
        #[key(auto)]
        id: i64,
        author: String,
        #[check("length(title) BETWEEN 1 AND 200")]
        title: String,
        closed: bool,
    }

    #[table(name = "comments")]
    struct Comment {
        #[key(auto)]
        id: i64,
        #[index]
        thread: i64,
        author: String,
        text: String,
    }

    #[table(name = "follows")]
    struct Follow {
        #[key]
        thread: i64,
        #[key]
        reader: String,
    }

    #[init]
    fn init() {}

    fn open_thread(ctx: &Context, id: i64) -> Result<Thread, Refusal> {
        match ctx.db.threads().get(id)? {
            Some(thread) if !thread.closed => Ok(thread),
            Some(_) => Err("the thread is closed".into()),
            None => Err("there is no such thread".into()),
        }
    }

    #[call]
    fn start(ctx: &Context, title: String) -> Result<i64, Refusal> {
        let author = ctx.caller.clone();
        ctx.db.threads().insert(&Thread { id: 0, author, title, closed: false })
    }

    #[call]
    fn comment(ctx: &Context, thread: i64, text: String) -> Result<i64, Refusal> {
        open_thread(ctx, thread)?;
        ctx.db.comments().insert(&Comment { id: 0, thread, author: ctx.caller.clone(), text })
    }

    #[call]
    fn follow(ctx: &Context, thread: i64) -> Result<(), Refusal> {
        open_thread(ctx, thread)?;
        ctx.db.follows().insert(&Follow { thread, reader: ctx.caller.clone() })
    }

    #[call]
    fn unfollow(ctx: &Context, thread: i64) -> Result<bool, Refusal> {
        // Both columns of the key: one row.
        Ok(sql!("DELETE FROM follows WHERE thread = ? AND reader = ?", thread, ctx.caller)? > 0)
    }

    #[call]
    fn close(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut thread = open_thread(ctx, id)?;
        if thread.author != ctx.caller {
            return Err("only its author closes a thread".into());
        }
        thread.closed = true;
        ctx.db.threads().update(&thread)?;
        sql!("DELETE FROM comments WHERE thread = ?", id)?; // FAULT
        Ok(())
    }

    #[view]
    fn comments(ctx: &Context, thread: i64) -> Result<Vec<Comment>, Refusal> {
        ctx.db.comments().by_thread(thread, 100)
    }
}
