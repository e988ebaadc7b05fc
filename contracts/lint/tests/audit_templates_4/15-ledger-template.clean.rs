// class: 4
// Right: the same constant statement has a parameter where the mark was, and the note is bound.
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

mod text {
    pub const ANNOTATE: &str = "UPDATE entries SET note = ? WHERE id = ? AND clerk = ?";
    pub const PAGE: &str = "SELECT id, clerk, account, debit, credit, note FROM entries \
                            WHERE account = ? AND id > ? ORDER BY id LIMIT 100";
}

#[contract]
mod ledger {
    use super::*;

    #[table(name = "clerks")]
    struct Clerk {
        #[key]
        address: String,
        chief: bool,
    }

    #[table(
        name = "entries",
        index(account, id),
        check("debit >= 0 AND credit >= 0 AND (debit = 0) <> (credit = 0)")
    )]
    struct Entry {
        #[key(auto)]
        id: i64,
        clerk: String,
        account: String,
        debit: i64,
        credit: i64,
        note: String,
    }

    #[event]
    struct Noted {
        id: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.clerks().insert(&Clerk { address: ctx.caller.clone(), chief: true })
    }

    fn clerk(ctx: &Context) -> Result<Clerk, Refusal> {
        let found = ctx.db.clerks().get(&ctx.caller)?;
        found.ok_or_else(|| format!("{} is no clerk", ctx.caller).into())
    }

    #[call]
    fn employ(ctx: &Context, address: String) -> Result<(), Refusal> {
        let Clerk { chief: true, .. } = clerk(ctx)? else {
            return Err("the chief employs".into());
        };
        ctx.db.clerks().insert(&Clerk { address, chief: false })
    }

    #[call]
    fn dismiss(ctx: &Context, address: &str) -> Result<bool, Refusal> {
        if !clerk(ctx)?.chief || ctx.caller == address {
            return Err("the chief dismisses others".into());
        }
        ctx.db.clerks().delete(address)
    }

    /// One posting: two entries, as much on one side as on the other.
    #[call]
    fn post(ctx: &Context, from: String, to: String, amount: i64) -> Result<i64, Refusal> {
        let clerk = clerk(ctx)?.address;
        if amount <= 0 || from == to {
            return Err("a posting moves 1 or more between two accounts".into());
        }
        let row = |account: String, debit: i64, credit: i64| Entry {
            id: 0,
            clerk: clerk.clone(),
            account,
            debit,
            credit,
            note: String::new(),
        };
        ctx.db.entries().insert(&row(from, 0, amount))?;
        ctx.db.entries().insert(&row(to, amount, 0))
    }

    #[call]
    fn annotate(ctx: &Context, id: i64, note: &str) -> Result<(), Refusal> {
        let me = clerk(ctx)?.address;
        if note.chars().count() > 200 {
            return Err("a note has at most 200 letters".into());
        }
        let changed = sql::exec(text::ANNOTATE, params![note, id, me])?;
        if changed != 1 {
            return Err("this is not an entry of yours".into());
        }
        Noted { id }.emit();
        Ok(())
    }

    #[view]
    fn page(account: &str, after: Option<i64>) -> Result<Table, Refusal> {
        Ok(sql::query(text::PAGE, params![account, after.unwrap_or_default()])?)
    }
}
