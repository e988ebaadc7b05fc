//! An example contract: posts that their author shares with readers, by row access.
//!
//! 1. A post is read by its author, by everybody if it is public, and by those whom it is shared with, up
//!    to the end of the share.
//! 2. Only its author changes a post, shares it and takes shares back.
//! 3. No entry point asks who is calling: every statement sees and touches the caller's rows only.
//! 4. Shares are seen by the author of the post and by the reader.
//!
//! Replicas can be read by whoever runs them: what must stay secret is encrypted by its writer first.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod posts {
    use super::*;
    use dadbs_sdk::address;

    const DAY_S: i64 = 86_400;

    /// What somebody wrote.
    #[table(name = "posts")]
    struct Post {
        #[key(auto)]
        id: i64,
        #[index]
        author: String,
        public: bool,
        #[check("length(text) BETWEEN 1 AND 1000")]
        text: String,
        likes: i64,
    }

    /// Who may read a post that is not public.
    #[table(name = "shares")]
    struct Share {
        #[key]
        #[references("posts(id)")]
        post: i64,
        #[key]
        reader: String,
        author: String,
        /// Block time in seconds at which it ends.
        until_s: i64,
    }

    /// Rule 1.
    #[can_read(posts)]
    fn readers(post: &Post, caller: &str) -> bool {
        post.public
            || post.author == caller
            || sql!(
                "EXISTS (SELECT 1 FROM shares s WHERE s.post = posts.id AND s.reader = caller()
                    AND s.until_s > unixepoch())"
            )
    }

    /// Rule 2.
    #[can_write(posts)]
    fn author(post: &Post, caller: &str) -> bool {
        post.author == caller
    }

    /// Rule 4.
    #[can_read(shares)]
    fn parties(share: &Share, caller: &str) -> bool {
        share.author == caller || share.reader == caller
    }

    /// Rule 2: nobody shares what another one wrote.
    #[can_write(shares)]
    fn sharer(share: &Share, caller: &str) -> bool {
        share.author == caller
            && sql!("author = (SELECT p.author FROM posts p WHERE p.id = shares.post)")
    }

    #[error]
    enum PostError {
        /// The caller sees no such post, or may not change it.
        NotFound { id: i64 },
        /// A share lasts 1 to 365 days.
        WrongDays { days: u32 },
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    /// Writes a post; answers its number.
    #[call]
    fn post(ctx: &Context, text: String, public: bool) -> Result<i64, Refusal> {
        let author = ctx.caller.clone();
        ctx.db.posts().insert(&Post { id: 0, author, public, text, likes: 0 })
    }

    /// Writes another text.
    #[call]
    fn edit(id: i64, text: &str) -> Result<(), Refusal> {
        if sql!("UPDATE posts SET text = ? WHERE id = ?", text, id)? == 0 {
            return Err(PostError::NotFound { id }.into());
        }
        Ok(())
    }

    /// Shares a post for some days.
    #[call]
    fn share(ctx: &Context, id: i64, reader: String, days: u32) -> Result<(), Refusal> {
        address::check(&reader)?;
        if !(1..=365).contains(&days) {
            return Err(PostError::WrongDays { days }.into());
        }
        let until_s = ctx.time_ms / 1_000 + i64::from(days) * DAY_S;
        let share = Share { post: id, reader, author: ctx.caller.clone(), until_s };
        if !ctx.db.shares().update(&share)? {
            ctx.db.shares().insert(&share)?;
        }
        Ok(())
    }

    /// Takes a share back; false if there was none.
    #[call]
    fn unshare(ctx: &Context, id: i64, reader: &str) -> Result<bool, Refusal> {
        ctx.db.shares().delete(id, reader)
    }

    /// Likes a post that the caller may read. It is not the caller's row, so the contract writes it.
    #[call]
    fn like(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let mut post = ctx.db.posts().get(id)?.ok_or(PostError::NotFound { id })?;
        post.likes += 1;
        calls::as_contract(|| ctx.db.posts().update(&post))?;
        Ok(post.likes)
    }

    /// The newest posts that the caller may read.
    #[view]
    fn feed(limit: u32) -> Result<Vec<Post>, Refusal> {
        let found = sql!(
            "SELECT id, author, public, text, likes FROM posts ORDER BY id DESC LIMIT ?",
            limit.min(100)
        )?;
        Ok(found.decode())
    }

    /// How many posts there are, for the caller.
    #[view]
    fn count(ctx: &Context) -> Result<i64, Refusal> {
        ctx.db.posts().count()
    }
}
