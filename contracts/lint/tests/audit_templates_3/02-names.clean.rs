// class: 1
//! Names that point to addresses; whoever registers one owns it.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod names {
    use super::*;
    use dadbs_sdk::address;

    /// A registered name.
    #[table(name = "names")]
    struct Name {
        #[key]
        name: String,
        #[index]
        owner: String,
        target: String,
        changed_ms: i64,
    }

    #[error]
    enum NameError {
        /// There is no such name.
        NotFound { name: String },
        /// The name is taken.
        Taken { name: String },
        /// Only its owner may do this.
        NotOwner { name: String },
    }

    #[event]
    struct HandedOver<'a> {
        name: &'a str,
        to: &'a str,
    }

    #[init]
    fn init() {}

    impl Name {
        fn load(ctx: &Context, name: &str) -> Result<Name, Refusal> {
            match ctx.db.names().get(name)? {
                Some(found) => Ok(found),
                None => Err(NameError::NotFound { name: name.into() }.into()),
            }
        }

        fn require_owner(&self, who: &str) -> Result<(), NameError> {
            if self.owner != who {
                return Err(NameError::NotOwner { name: self.name.clone() });
            }
            Ok(())
        }

        fn save(mut self, ctx: &Context) -> Result<(), Refusal> {
            self.changed_ms = ctx.time_ms;
            ctx.db.names().update(&self)?;
            Ok(())
        }
    }

    /// Registers a free name for the caller.
    #[call]
    fn register(ctx: &Context, name: String, target: String) -> Result<(), Refusal> {
        address::check(&target)?;
        if ctx.db.names().get(&name)?.is_some() {
            return Err(NameError::Taken { name }.into());
        }
        let (owner, changed_ms) = (ctx.caller.clone(), ctx.time_ms);
        ctx.db.names().insert(&Name { name, owner, target, changed_ms })
    }

    /// Points a name elsewhere.
    #[call]
    fn point(ctx: &Context, name: &str, target: String) -> Result<(), Refusal> {
        address::check(&target)?;
        let mut found = Name::load(ctx, name)?;
        found.require_owner(&ctx.caller)?;
        found.target = target;
        found.save(ctx)
    }

    /// Gives a name to another account.
    #[call]
    fn hand_over(ctx: &Context, name: &str, to: String) -> Result<(), Refusal> {
        address::check(&to)?;
        let mut found = Name::load(ctx, name)?;
        found.require_owner(&ctx.caller)?;
        HandedOver { name, to: &to }.emit();
        found.owner = to;
        found.save(ctx)
    }

    /// Where a name points.
    #[view]
    fn resolve(ctx: &Context, name: &str) -> Result<String, Refusal> {
        Name::load(ctx, name).map(|found| found.target)
    }
}
