//! Documents with tags, which their owners set and remove, several at once.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod tags {
    use super::*;

    /// Tags that one call sets or removes.
    const TAGS_MAX: usize = 30;

    /// A document.
    #[table(name = "documents")]
    struct Document {
        #[key]
        name: String,
        #[index]
        owner: String,
    }

    /// One tag of a document.
    #[table(name = "tags")]
    struct Tag {
        #[key]
        #[references("documents(name)")]
        document: String,
        #[key]
        tag: String,
    }

    #[error]
    enum TagError {
        /// The caller owns no such document.
        NotOwner { document: String },
        /// So many tags are not taken at once.
        TooMany,
        /// A tag is text.
        NotText,
    }

    /// Tags were removed.
    #[event]
    struct Removed<'a> {
        document: &'a str,
        summary: &'a str,
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    /// Makes a document of the caller.
    #[call]
    fn create(ctx: &Context, name: String) -> Result<(), Refusal> {
        ctx.db.documents().insert(&Document { name, owner: ctx.caller.clone() })
    }

    fn own(ctx: &Context, name: &str) -> Result<Document, Refusal> {
        let found = ctx.db.documents().get(name)?.filter(|document| document.owner == ctx.caller);
        Ok(found.ok_or_else(|| TagError::NotOwner { document: name.into() })?)
    }

    fn texts<'a>(tags: &[ValueRef<'a>]) -> Result<Vec<&'a str>, TagError> {
        if tags.len() > TAGS_MAX {
            return Err(TagError::TooMany);
        }
        tags.iter().map(|tag| tag.text().ok_or(TagError::NotText)).collect()
    }

    /// Sets tags.
    #[call]
    fn set(ctx: &Context, name: &str, tags: Rest<'_>) -> Result<(), Refusal> {
        let document = own(ctx, name)?.name;
        for tag in texts(&tags)? {
            ctx.db.tags().insert(&Tag { document: document.clone(), tag: tag.into() })?;
        }
        Ok(())
    }

    /// Removes tags; answers how many there were.
    #[call]
    fn remove(ctx: &Context, name: &str, tags: Rest<'_>) -> Result<u32, Refusal> {
        let document = own(ctx, name)?.name;
        let listed: Vec<String> =
            texts(&tags)?.into_iter().map(|tag| ["'", tag, "'"].concat()).collect();
        let mut statement = "DELETE FROM tags WHERE document = ? AND tag IN (".to_owned();
        statement += &listed.join(", ");
        statement += ")";
        let removed = sql::exec(&statement, params![document])?;
        let summary = format!("DELETE FROM {document}: {removed} tags");
        Removed { document: name, summary: &summary }.emit();
        Ok(removed)
    }

    /// At most 100 tags of a document.
    #[view]
    fn of(name: &str) -> Result<Table, Refusal> {
        Ok(sql!("SELECT tag FROM tags WHERE document = ? ORDER BY tag LIMIT 100", name)?)
    }
}
