// class: 4
// The word is a parameter of constant text; joining happens on the parameter only.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod notes_search {
    use super::*;
    use dadbs_sdk::sql;

    const LATEST: &str = "SELECT id, title, body FROM notes WHERE owner = ? ORDER BY id DESC LIMIT 20";

    #[table(name = "notes")]
    struct Note {
        #[key(auto)]
        id: i64,
        #[index]
        owner: String,
        #[check("length(title) BETWEEN 1 AND 100")]
        title: String,
        body: String,
    }

    #[init]
    fn init() {}

    fn owned(ctx: &Context, id: i64) -> Result<Note, Refusal> {
        ctx.db
            .notes()
            .get(id)?
            .filter(|note| note.owner == ctx.caller)
            .ok_or_else(|| Refusal::new(format!("you have no note {id}")))
    }

    #[call]
    fn add(ctx: &Context, title: String, body: String) -> Result<i64, Refusal> {
        ctx.db.notes().insert(&Note { id: 0, owner: ctx.caller.clone(), title, body })
    }

    #[call]
    fn edit(ctx: &Context, id: i64, body: String) -> Result<(), Refusal> {
        let note = Note { body, ..owned(ctx, id)? };
        ctx.db.notes().update(&note)?;
        Ok(())
    }

    #[call]
    fn remove(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let note = owned(ctx, id)?;
        ctx.db.notes().delete(note.id)?;
        Ok(())
    }

    /// At most 20 notes of an owner with a word in the title.
    #[view]
    fn search(owner: &str, word: &str) -> Result<Table, Refusal> {
        if word.len() > 40 {
            return Err("a word has at most 40 letters".into());
        }
        let mut pattern = String::from("%");
        pattern.push_str(word);
        pattern.push('%');
        Ok(sql!(
            "SELECT id, title FROM notes WHERE owner = ? AND title LIKE ? ORDER BY id DESC LIMIT 20",
            owner,
            pattern
        )?)
    }

    #[view]
    fn latest(owner: &str) -> Result<Table, Refusal> {
        Ok(sql::query(LATEST, params![owner])?)
    }
}
