// class: 1
// Both role calls ask the same guard; a member may drop his own role, but the founder stays admin.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod roles {
    use super::*;
    use dadbs_sdk::address;

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Role {
        Admin,
        Editor,
    }

    impl Role {
        fn parse(text: &str) -> Result<Role, Refusal> {
            match text {
                "admin" => Ok(Role::Admin),
                "editor" => Ok(Role::Editor),
                other => Err(Refusal::new(format!("there is no role {other}"))),
            }
        }

        const fn name(self) -> &'static str {
            match self {
                Role::Admin => "admin",
                Role::Editor => "editor",
            }
        }
    }

    #[table(name = "grants")]
    struct Grant {
        #[key]
        role: String,
        #[key]
        member: String,
    }

    #[table(name = "founder")]
    struct Founder {
        #[key]
        id: i64,
        address: String,
    }

    #[table(name = "pages")]
    struct Page {
        #[key]
        slug: String,
        text: String,
        edited_by: String,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let address = ctx.caller.clone();
        ctx.db.founder().insert(&Founder { id: 1, address: address.clone() })?;
        ctx.db.grants().insert(&Grant { role: Role::Admin.name().into(), member: address })
    }

    fn require(ctx: &Context, role: Role) -> Result<(), Refusal> {
        if ctx.db.grants().get(role.name(), &ctx.caller)?.is_some() {
            Ok(())
        } else {
            Err(format!("this takes the role {}", role.name()).into())
        }
    }

    #[call]
    fn grant(ctx: &Context, role: &str, member: String) -> Result<(), Refusal> {
        let role = Role::parse(role)?;
        address::check(&member)?;
        require(ctx, Role::Admin)?;
        ctx.db.grants().insert(&Grant { role: role.name().into(), member })
    }

    #[call]
    fn revoke(ctx: &Context, role: &str, member: &str) -> Result<bool, Refusal> {
        let role = Role::parse(role)?;
        if member != ctx.caller {
            require(ctx, Role::Admin)?;
        }
        let founder = ctx.db.founder().get(1)?.ok_or("there is no founder")?;
        if role == Role::Admin && founder.address == member {
            return Err("the founder stays admin".into());
        }
        ctx.db.grants().delete(role.name(), member)
    }

    #[call]
    fn edit(ctx: &Context, slug: String, text: String) -> Result<(), Refusal> {
        require(ctx, Role::Editor)?;
        let page = Page { slug, text, edited_by: ctx.caller.clone() };
        if !ctx.db.pages().update(&page)? {
            ctx.db.pages().insert(&page)?;
        }
        Ok(())
    }

    #[view]
    fn page(ctx: &Context, slug: &str) -> Result<Option<Page>, Refusal> {
        ctx.db.pages().get(slug)
    }
}
