// class: 6
// Fault: `setup` writes the guardians and the limit for whoever calls it, as often as they like (modelled on the Parity wallet's `initWallet`, Wormhole's uninitialised proxy and OpenZeppelin's initializer notes).
#![cfg_attr(target_arch = "wasm32", no_std)]
//! Guardians release what came over a bridge.
use dadbs_sdk::prelude::*;

#[contract]
mod bridge {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "bridge")]
    struct Bridge {
        #[key]
        #[check("id = 1")]
        id: i64,
        deployer: String,
        #[check("state IN ('new', 'ready')")]
        state: String,
        most: i64,
    }

    #[table(name = "guardians")]
    struct Guardian {
        #[key]
        address: String,
    }

    #[table(name = "releases")]
    struct Release {
        #[key]
        message: String,
        guardian: String,
        to_address: String,
        amount: i64,
    }

    #[error]
    enum BridgeError {
        NotReady,
        NotGuardian,
        BadAmount { most: i64 },
        Guardians,
    }

    #[init(payable)]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let (deployer, state) = (ctx.caller.clone(), "new".into());
        ctx.db.bridge().insert(&Bridge { id: 1, deployer, state, most: 0 })
    }

    fn load(ctx: &Context) -> Result<Bridge, Refusal> {
        ctx.db.bridge().get(1).and_then(|found| found.ok_or_else(|| BridgeError::NotReady.into()))
    }

    /// The second step: three guardians and the most that one release pays.
    #[call]
    fn setup(ctx: &Context, most: i64, a: &str, b: &str, c: &str) -> Result<(), Refusal> {
        let guardians = [a, b, c];
        if a == b || b == c || a == c {
            return Err(BridgeError::Guardians.into());
        }
        for guardian in guardians {
            dadbs_sdk::address::check(guardian)?;
        }
        let mut bridge = load(ctx)?;
        bridge.most = most;
        bridge.state = "ready".into();
        ctx.db.bridge().update(&bridge)?; // FAULT
        for guardian in guardians {
            if ctx.db.guardians().get(guardian)?.is_none() {
                ctx.db.guardians().insert(&Guardian { address: guardian.into() })?;
            }
        }
        Ok(())
    }

    /// Pays what a message of the other side says, once per message.
    #[call]
    fn release(ctx: &Context, message: String, to_address: String, amount: i64) -> Result<(), Refusal> {
        let bridge = load(ctx)?;
        if bridge.state != "ready" {
            return Err(BridgeError::NotReady.into());
        }
        let Some(Guardian { address: guardian }) = ctx.db.guardians().get(&ctx.caller)? else {
            return Err(BridgeError::NotGuardian.into());
        };
        if !(1..=bridge.most).contains(&amount) {
            return Err(BridgeError::BadAmount { most: bridge.most }.into());
        }
        let release = Release { message, guardian, to_address, amount };
        // The message is the key: a second release of it fails here.
        ctx.db.releases().insert(&release)?;
        calls::transfer(&release.to_address, &[(DENOM, amount)])?;
        Ok(())
    }

    #[view]
    fn released(ctx: &Context, message: &str) -> Result<Option<Release>, Refusal> {
        ctx.db.releases().get(message)
    }
}
