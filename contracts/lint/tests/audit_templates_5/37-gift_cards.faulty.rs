// class: 1
// Tokens are taken from an account that the caller names, without an allowance (arbitrary `from` in transferFrom).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod gift_cards {
    use super::*;
    use dadbs_sdk::address;

    #[table(name = "issuer")]
    struct Issuer {
        #[key]
        id: i64,
        address: String,
    }

    #[table(name = "cards")]
    struct Card {
        #[key]
        holder: String,
        #[check("value >= 0")]
        value: i64,
    }

    #[table(name = "permits")]
    struct Permit {
        #[key]
        holder: String,
        #[key]
        spender: String,
        #[check("value >= 0")]
        value: i64,
    }

    #[error]
    enum CardError {
        /// A value is at least 1.
        NoValue,
        /// The card does not hold so much.
        TooLittle { value: i64 },
        /// The holder has not permitted so much.
        NotPermitted { value: i64 },
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.issuer().insert(&Issuer { id: 1, address: ctx.caller.clone() })
    }

    #[call]
    fn load(ctx: &Context, holder: String, value: u32) -> Result<(), Refusal> {
        address::check(&holder)?;
        if ctx.db.issuer().get(1)?.is_none_or(|issuer| issuer.address != ctx.caller) {
            return Err("only the issuer loads cards".into());
        }
        credit(ctx, holder, i64::from(value))
    }

    fn credit(ctx: &Context, holder: String, more: i64) -> Result<(), Refusal> {
        let before = ctx.db.cards().get(&holder)?.map_or(0, |card| card.value);
        let value = before.checked_add(more).ok_or("the card is full")?;
        let card = Card { holder, value };
        if ctx.db.cards().update(&card)? { Ok(()) } else { ctx.db.cards().insert(&card) }
    }

    fn debit(ctx: &Context, holder: &str, less: i64) -> Result<(), Refusal> {
        let mut card = ctx.db.cards().get(holder)?.ok_or(CardError::TooLittle { value: 0 })?;
        if less < 1 {
            return Err(CardError::NoValue.into());
        }
        if card.value < less {
            return Err(CardError::TooLittle { value: card.value }.into());
        }
        card.value -= less;
        ctx.db.cards().update(&card)?;
        Ok(())
    }

    #[call]
    fn permit(ctx: &Context, spender: String, value: i64) -> Result<(), Refusal> {
        let permit = Permit { holder: ctx.caller.clone(), spender, value };
        if !ctx.db.permits().update(&permit)? {
            ctx.db.permits().insert(&permit)?;
        }
        Ok(())
    }

    /// Moves value from a card to a card.
    #[call]
    fn pay_from(ctx: &Context, holder: &str, to: String, value: i64) -> Result<(), Refusal> {
        address::check(&to)?;
        debit(ctx, holder, value)?; // FAULT
        credit(ctx, to, value)
    }

    #[view]
    fn value(ctx: &Context, holder: &str) -> Result<i64, Refusal> {
        Ok(ctx.db.cards().get(holder)?.map_or(0, |card| card.value))
    }
}
