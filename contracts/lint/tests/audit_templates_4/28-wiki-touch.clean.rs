// class: 8
// Right: the rule writes the old text into another table, which has no rules; the rule of new pages updates pages once, and nothing leads back to it.
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod wiki {
    use super::*;

    #[table(name = "pages")]
    struct Page {
        #[key]
        slug: String,
        author: String,
        body: String,
        edits: i64,
        born_ms: i64,
    }

    #[table(name = "old_bodies")]
    struct OldBody {
        #[key(auto)]
        id: i64,
        #[index]
        slug: String,
        body: String,
        until_ms: i64,
    }

    #[table(name = "editors")]
    struct Editor {
        #[key]
        slug: String,
        #[key]
        address: String,
    }

    #[error]
    enum WikiError {
        NoPage,
        NotEditor,
        BadSlug { slug: String },
        Moved,
    }

    #[init]
    fn init() {}

    #[call]
    fn write(ctx: &Context, slug: String, body: String) -> Result<(), Refusal> {
        let author = ctx.caller.clone();
        ctx.db.pages().insert(&Page { slug, author, body, edits: 0, born_ms: 0 })
    }

    fn may_edit(ctx: &Context, page: &Page) -> Result<(), Refusal> {
        if page.author == ctx.caller || ctx.db.editors().get(&page.slug, &ctx.caller)?.is_some() {
            Ok(())
        } else {
            Err(WikiError::NotEditor.into())
        }
    }

    #[call]
    fn edit(ctx: &Context, slug: &str, body: String) -> Result<i64, Refusal> {
        let mut page = ctx.db.pages().get(slug)?.ok_or(WikiError::NoPage)?;
        may_edit(ctx, &page)?;
        page.body = body;
        page.edits += 1;
        ctx.db.pages().update(&page)?;
        Ok(page.edits)
    }

    #[call]
    fn invite(ctx: &Context, slug: String, address: String) -> Result<(), Refusal> {
        match ctx.db.pages().get(&slug)? {
            Some(page) if page.author == ctx.caller => {
                ctx.db.editors().insert(&Editor { slug, address })
            }
            Some(_) => Err(WikiError::NotEditor.into()),
            None => Err(WikiError::NoPage.into()),
        }
    }

    #[validate(pages)]
    fn well_formed(pages: &[Written<Page>]) -> Result<(), WikiError> {
        for Written { old, new } in pages {
            if new.slug.is_empty() || new.slug.contains(' ') {
                return Err(WikiError::BadSlug { slug: new.slug.clone() });
            }
            if old.as_ref().is_some_and(|old| old.author != new.author) {
                return Err(WikiError::Moved);
            }
        }
        Ok(())
    }

    /// New pages get their time from the block.
    #[on_insert(pages)]
    fn born(ctx: &Context, pages: &[Page]) -> Result<(), Refusal> {
        for page in pages {
            sql!("UPDATE pages SET born_ms = ? WHERE slug = ?", ctx.time_ms, page.slug)?;
        }
        Ok(())
    }

    #[on_update(pages)]
    fn changed(ctx: &Context, pages: &[Updated<Page>]) -> Result<(), Refusal> {
        for Updated { old, new } in pages {
            let (slug, body) = (new.slug.clone(), old.body.clone());
            ctx.db.old_bodies().insert(&OldBody { id: 0, slug, body, until_ms: ctx.time_ms })?;
        }
        Ok(())
    }

    #[view]
    fn history(ctx: &Context, slug: &str) -> Result<Vec<OldBody>, Refusal> {
        ctx.db.old_bodies().by_slug(slug, 20)
    }
}
