// class: 4
// One constant statement runs once per tag, of at most ten; rows of parameters carry the values.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod tags {
    use super::*;
    use dadbs_sdk::sql;

    const MOST: usize = 10;

    #[table(name = "photos")]
    struct Photo {
        #[key(auto)]
        id: i64,
        #[index]
        owner: String,
        #[check("length(hash) = 32")]
        hash: Vec<u8>,
    }

    #[table(name = "tags", index(tag, photo))]
    struct Tag {
        #[key]
        photo: i64,
        #[key]
        #[check("length(tag) BETWEEN 1 AND 30")]
        tag: String,
    }

    #[init]
    fn init() {}

    #[call]
    fn add(ctx: &Context, hash: Vec<u8>) -> Result<i64, Refusal> {
        ctx.db.photos().insert(&Photo { id: 0, owner: ctx.caller.clone(), hash })
    }

    fn texts<'a>(given: &[ValueRef<'a>]) -> Result<Vec<&'a str>, Refusal> {
        if given.is_empty() || given.len() > MOST {
            return Err(format!("give 1 to {MOST} tags").into());
        }
        given
            .iter()
            .map(|value| value.text().ok_or_else(|| Refusal::new("a tag is TEXT")))
            .collect()
    }

    /// Tags a photo of the caller.
    #[call]
    fn tag(ctx: &Context, photo: i64, tags: Rest<'_>) -> Result<u32, Refusal> {
        let found = ctx.db.photos().get(photo)?.ok_or("there is no such photo")?;
        if found.owner != ctx.caller {
            return Err("only its owner tags a photo".into());
        }
        let mut rows = Rows::new();
        for tag in texts(&tags)? {
            rows.push(params![photo, tag]);
        }
        Ok(sql::exec_rows("INSERT INTO tags (photo, tag) VALUES (?, ?)", &rows)?)
    }

    #[call]
    fn untag(ctx: &Context, photo: i64, tag: &str) -> Result<bool, Refusal> {
        match ctx.db.photos().get(photo)? {
            Some(row) if row.owner == ctx.caller => ctx.db.tags().delete(photo, tag),
            _ => Err("you have no such photo".into()),
        }
    }

    /// Photos with any of the tags.
    #[view]
    fn with_any(tags: Rest<'_>) -> Result<Rows, Refusal> {
        let mut out = Rows::new();
        for tag in texts(&tags)? {
            let found = sql!("SELECT photo, tag FROM tags WHERE tag = ? ORDER BY photo LIMIT 20", tag)?;
            out.append(&found);
        }
        Ok(out)
    }
}
