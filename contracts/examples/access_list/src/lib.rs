//! An example contract: documents, and who may read, write and share them.
//!
//! 1. Who makes a document owns it. The owner alone shares it and takes rights back.
//! 2. A right is `read` or `write`; write includes read. It ends at its time, if it has one.
//! 3. Writing needs the right at the block's time. Reading is public on every replica, as all tables are:
//!    `may` answers what programs should honour; what must stay secret is encrypted before it is written.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod access_list {
    use super::*;

    /// A document; the content is what its writers make of it.
    #[table(name = "documents")]
    struct Document {
        #[key]
        name: String,
        #[index]
        owner: String,
        content: Vec<u8>,
        version: i64,
    }

    /// A right of one account to one document.
    #[table(name = "grants")]
    struct Grant {
        #[key]
        #[references("documents(name)")]
        document: String,
        #[key]
        grantee: String,
        #[check("right IN ('read', 'write')")]
        right: String,
        expires_ms: Option<i64>,
    }

    #[error]
    enum AccessError {
        /// There is no such document.
        NotFound { document: String },
        /// There is a document of this name already.
        Exists { document: String },
        /// Only the owner may do this.
        NotOwner { document: String },
        /// The caller may not write this document.
        NotWriter { document: String },
        /// The time is in the past.
        Expired { expires_ms: i64 },
    }

    /// A right was given.
    #[event]
    struct Granted<'a> {
        document: &'a str,
        grantee: &'a str,
        right: &'a str,
    }

    /// A right was taken back.
    #[event]
    struct Revoked<'a> {
        document: &'a str,
        grantee: &'a str,
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    fn document(ctx: &Context, name: &str) -> Result<Document, Refusal> {
        let found = ctx.db.documents().get(name)?;
        found.ok_or_else(|| AccessError::NotFound { document: name.into() }.into())
    }

    fn owned(ctx: &Context, name: &str) -> Result<Document, Refusal> {
        let found = document(ctx, name)?;
        if found.owner != ctx.caller {
            return Err(AccessError::NotOwner { document: found.name }.into());
        }
        Ok(found)
    }

    /// True if the account has the right now (rule 2).
    fn holds(ctx: &Context, name: &str, account: &str, right: &str) -> Result<bool, Refusal> {
        let Some(grant) = ctx.db.grants().get(name, account)? else { return Ok(false) };
        let lives = grant.expires_ms.is_none_or(|end| ctx.time_ms < end);
        Ok(lives && (grant.right == "write" || grant.right == right))
    }

    /// Makes a document of the caller.
    #[call]
    fn create(ctx: &Context, name: String, content: Vec<u8>) -> Result<(), Refusal> {
        if ctx.db.documents().get(&name)?.is_some() {
            return Err(AccessError::Exists { document: name }.into());
        }
        let owner = ctx.caller.clone();
        ctx.db.documents().insert(&Document { name, owner, content, version: 1 })
    }

    /// Writes a new version; answers its number.
    #[call]
    fn write(ctx: &Context, name: &str, content: Vec<u8>) -> Result<i64, Refusal> {
        let mut document = document(ctx, name)?;
        if document.owner != ctx.caller && !holds(ctx, name, &ctx.caller, "write")? {
            return Err(AccessError::NotWriter { document: document.name }.into());
        }
        document.content = content;
        document.version += 1;
        ctx.db.documents().update(&document)?;
        Ok(document.version)
    }

    /// Gives a right, or another one; NULL as time is without end.
    #[call]
    fn grant(
        ctx: &Context,
        name: &str,
        grantee: String,
        right: String,
        expires_ms: Option<i64>,
    ) -> Result<(), Refusal> {
        let document = owned(ctx, name)?.name;
        dadbs_sdk::address::check(&grantee)?;
        if let Some(expires_ms) = expires_ms.filter(|end| *end <= ctx.time_ms) {
            return Err(AccessError::Expired { expires_ms }.into());
        }
        Granted { document: &document, grantee: &grantee, right: &right }.emit();
        let grant = Grant { document, grantee, right, expires_ms };
        if !ctx.db.grants().update(&grant)? {
            ctx.db.grants().insert(&grant)?;
        }
        Ok(())
    }

    /// Takes a right back; false if there was none.
    #[call]
    fn revoke(ctx: &Context, name: &str, grantee: &str) -> Result<bool, Refusal> {
        let document = owned(ctx, name)?.name;
        let had = ctx.db.grants().delete(name, grantee)?;
        if had {
            Revoked { document: &document, grantee }.emit();
        }
        Ok(had)
    }

    /// True if the account may do this with the document at the last block's time.
    #[view]
    fn may(ctx: &Context, name: &str, account: &str, right: &str) -> Result<bool, Refusal> {
        Ok(document(ctx, name)?.owner == account || holds(ctx, name, account, right)?)
    }

    /// Who has which right to a document, at most 1,000.
    #[view]
    fn grants_of(name: &str) -> Result<Table, Refusal> {
        Ok(sql!(
            "SELECT grantee, right, expires_ms FROM grants WHERE document = ? ORDER BY grantee LIMIT 1000",
            name
        )?)
    }
}
