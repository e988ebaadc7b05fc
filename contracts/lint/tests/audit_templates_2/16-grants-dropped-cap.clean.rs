//! Grants: an officer pays projects out of the coins of the contract, up to the cap of each.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod grants {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    /// Who pays, and who decides about caps.
    #[table(name = "roles")]
    struct Role {
        #[key]
        name: String,
        address: String,
    }

    /// Who is paid, and how much at most.
    #[table(name = "projects", check("paid >= 0"))]
    struct Project {
        #[key]
        name: String,
        payee: String,
        #[check("cap > 0")]
        cap: i64,
        paid: i64,
    }

    #[error]
    enum GrantError {
        /// The caller does not have this role.
        NoRole { role: String },
        /// There is no such project.
        NotFound { project: String },
        /// The cap of the project does not allow so much.
        OverCap { project: String },
    }

    /// A project was paid.
    #[event]
    struct Paid<'a> {
        project: &'a str,
        amount: i64,
    }

    /// The caller is the board, another account the officer.
    #[init(payable)]
    fn init(ctx: &Context, officer: String) -> Result<(), Refusal> {
        address::check(&officer)?;
        ctx.db.roles().insert(&Role { name: "board".into(), address: ctx.caller.clone() })?;
        ctx.db.roles().insert(&Role { name: "officer".into(), address: officer })
    }

    fn require(ctx: &Context, role: &str) -> Result<(), Refusal> {
        let holder = ctx.db.roles().get(role)?.map(|role| role.address);
        if holder.as_deref() != Some(ctx.caller.as_str()) {
            return Err(GrantError::NoRole { role: role.into() }.into());
        }
        Ok(())
    }

    /// Admits a project.
    #[call]
    fn admit(ctx: &Context, name: String, payee: String, cap: i64) -> Result<(), Refusal> {
        require(ctx, "board")?;
        address::check(&payee)?;
        ctx.db.projects().insert(&Project { name, payee, cap, paid: 0 })
    }

    fn project(ctx: &Context, name: &str) -> Result<Project, Refusal> {
        let found = ctx.db.projects().get(name)?;
        Ok(found.ok_or_else(|| GrantError::NotFound { project: name.into() })?)
    }

    /// True if the cap allows so much more.
    fn fits(ctx: &Context, name: &str, amount: i64) -> Result<bool, Refusal> {
        let Project { cap, paid, .. } = project(ctx, name)?;
        Ok(amount > 0 && paid + amount <= cap)
    }

    /// Pays a project.
    #[call]
    fn pay(ctx: &Context, name: &str, amount: i64) -> Result<(), Refusal> {
        require(ctx, "officer")?;
        if !fits(ctx, name, amount)? {
            return Err(GrantError::OverCap { project: name.into() }.into());
        }
        let mut project = project(ctx, name)?;
        project.paid += amount;
        ctx.db.projects().update(&project)?;
        Paid { project: name, amount }.emit();
        calls::transfer(&project.payee, &[(DENOM, amount)])?;
        Ok(())
    }

    /// What a project may still be paid.
    #[view]
    fn open(ctx: &Context, name: &str) -> Result<i64, Refusal> {
        let project = project(ctx, name)?;
        Ok(project.cap - project.paid)
    }
}
