// class: 6
//! Licences: an issuer gives them, holders pay for them year by year.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod licences {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    const YEAR_MS: i64 = 365 * 86_400_000;
    const LAYOUT: i64 = 2;

    /// Who issues, for how much, and the layout of the data.
    #[table(name = "office")]
    struct Office {
        #[key]
        id: i64,
        issuer: String,
        #[check("fee > 0")]
        fee: i64,
        layout: i64,
    }

    /// A licence.
    #[table(name = "licences")]
    struct Licence {
        #[key]
        holder: String,
        until_ms: i64,
    }

    #[error]
    enum LicenceError {
        /// Only the issuer may do this.
        NotIssuer,
        /// Send exactly the fee.
        WrongFee { fee: i64 },
        /// The caller has no licence.
        NoLicence,
    }

    #[init]
    fn init(ctx: &Context, fee: i64) -> Result<(), Refusal> {
        let issuer = ctx.caller.clone();
        ctx.db.office().insert(&Office { id: 1, issuer, fee, layout: LAYOUT })
    }

    fn office(ctx: &Context) -> Result<Office, Refusal> {
        ctx.db.office().get(1)?.ok_or_else(|| LicenceError::NotIssuer.into())
    }

    /// Brings the office to the layout of this code, with a new issuer and fee.
    #[migrate]
    fn upgrade(ctx: &Context, issuer: String, fee: i64) -> Result<(), Refusal> {
        address::check(&issuer)?;
        let mut office = office(ctx)?;
        office.layout = LAYOUT;
        office.issuer = issuer;
        office.fee = fee;
        ctx.db.office().update(&office)?;
        Ok(())
    }

    /// Gives a licence for a year.
    #[call]
    fn issue(ctx: &Context, holder: String) -> Result<i64, Refusal> {
        if office(ctx)?.issuer != ctx.caller {
            return Err(LicenceError::NotIssuer.into());
        }
        address::check(&holder)?;
        let until_ms = ctx.time_ms + YEAR_MS;
        ctx.db.licences().insert(&Licence { holder, until_ms })?;
        Ok(until_ms)
    }

    /// Adds a year to the caller's licence for the fee, which goes to the issuer.
    #[call(payable)]
    fn renew(ctx: &Context) -> Result<i64, Refusal> {
        let Office { issuer, fee, .. } = office(ctx)?;
        if calls::paid(DENOM)? != fee {
            return Err(LicenceError::WrongFee { fee }.into());
        }
        let found = ctx.db.licences().get(&ctx.caller)?;
        let mut licence = found.ok_or(LicenceError::NoLicence)?;
        licence.until_ms = licence.until_ms.max(ctx.time_ms) + YEAR_MS;
        ctx.db.licences().update(&licence)?;
        calls::transfer(&issuer, &[(DENOM, fee)])?;
        Ok(licence.until_ms)
    }

    /// True if the account has a licence that lasts.
    #[view]
    fn licensed(ctx: &Context, holder: &str) -> Result<bool, Refusal> {
        let found = ctx.db.licences().get(holder)?;
        Ok(found.is_some_and(|licence| ctx.time_ms < licence.until_ms))
    }
}
