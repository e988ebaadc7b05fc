// class: 4
//! An archive of letters and pictures, each in a table of its own.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod archive {
    use super::*;

    /// A text.
    #[table(name = "letters")]
    struct Letter {
        #[key(auto)]
        id: i64,
        owner: String,
        content: String,
    }

    /// The hash of a picture.
    #[table(name = "pictures")]
    struct Picture {
        #[key(auto)]
        id: i64,
        owner: String,
        content: String,
    }

    #[error]
    enum ArchiveError {
        /// Shelves are letters and pictures.
        UnknownShelf { shelf: String },
        /// The caller has no such piece.
        NotFound { id: i64 },
    }

    /// A table of the archive.
    struct Shelf {
        table: String,
    }

    impl Shelf {
        const ALL: [&'static str; 2] = ["letters", "pictures"];

        fn of(name: &str) -> Result<Shelf, ArchiveError> {
            if name.is_empty() {
                return Err(ArchiveError::UnknownShelf { shelf: name.into() });
            }
            Ok(Shelf { table: name.to_lowercase() })
        }

        fn discard(&self, owner: &str, id: i64) -> Result<(), Refusal> {
            let statement =
                String::from("DELETE FROM ") + &self.table + " WHERE id = ? AND owner = ?";
            if sql::exec(&statement, params![id, owner])? == 0 {
                return Err(ArchiveError::NotFound { id }.into());
            }
            Ok(())
        }
    }

    #[init]
    fn init() {}

    /// Keeps a letter of the caller.
    #[call]
    fn keep_letter(ctx: &Context, content: String) -> Result<i64, Refusal> {
        ctx.db.letters().insert(&Letter { id: 0, owner: ctx.caller.clone(), content })
    }

    /// Keeps the hash of a picture of the caller.
    #[call]
    fn keep_picture(ctx: &Context, content: String) -> Result<i64, Refusal> {
        ctx.db.pictures().insert(&Picture { id: 0, owner: ctx.caller.clone(), content })
    }

    /// Throws a piece of the caller away.
    #[call]
    fn discard(ctx: &Context, shelf: &str, id: i64) -> Result<(), Refusal> {
        Shelf::of(shelf)?.discard(&ctx.caller, id)
    }

    /// The newest pieces of every shelf.
    #[view]
    fn newest() -> Result<Rows, Refusal> {
        let mut rows = Rows::new();
        for table in Shelf::ALL {
            let select = format!("SELECT id, owner FROM {table} ORDER BY id DESC LIMIT 10");
            for row in sql::query(&select, &[])?.rows() {
                rows.push(&row);
            }
        }
        Ok(rows)
    }
}
