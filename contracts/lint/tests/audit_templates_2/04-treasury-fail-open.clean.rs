//! The treasury of a club: members with a budget spend it, others may be blocked.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod treasury {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// The one who keeps the list of members.
    #[table(name = "chair")]
    struct Chair {
        #[key]
        #[check("id = 1")]
        id: i64,
        address: String,
    }

    /// Who belongs to the club.
    #[table(name = "members")]
    struct Member {
        #[key]
        address: String,
        blocked: bool,
    }

    /// What was spent.
    #[table(name = "expenses")]
    struct Expense {
        #[key(auto)]
        id: i64,
        #[index]
        by: String,
        payee: String,
        #[check("amount BETWEEN 1 AND 50000000")]
        amount: i64,
        at_ms: i64,
    }

    #[error]
    enum TreasuryError {
        /// Only the chair keeps the list.
        NotChair,
        /// Only members spend.
        NotMember,
        /// The member is blocked.
        Blocked,
    }

    /// The caller is the chair.
    #[init(payable)]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.chair().insert(&Chair { id: 1, address: ctx.caller.clone() })
    }

    /// Adds, blocks or unblocks a member.
    #[call]
    fn set_member(ctx: &Context, address: String, blocked: bool) -> Result<(), Refusal> {
        let chair = ctx.db.chair().get(1)?.ok_or(TreasuryError::NotChair)?;
        if chair.address != ctx.caller {
            return Err(TreasuryError::NotChair.into());
        }
        let member = Member { address, blocked };
        if !ctx.db.members().update(&member)? {
            ctx.db.members().insert(&member)?;
        }
        Ok(())
    }

    fn may_spend(ctx: &Context) -> Result<(), Refusal> {
        let found = ctx.db.members().get(&ctx.caller)?;
        let Some(member) = found else { return Err(TreasuryError::NotMember.into()) };
        if member.blocked {
            return Err(TreasuryError::Blocked.into());
        }
        Ok(())
    }

    /// Spends; answers the number of the expense.
    #[call]
    fn spend(ctx: &Context, payee: String, amount: i64) -> Result<i64, Refusal> {
        may_spend(ctx)?;
        let by = ctx.caller.clone();
        let expense = Expense { id: 0, by, payee, amount, at_ms: ctx.time_ms };
        let id = ctx.db.expenses().insert(&expense)?;
        calls::transfer(&expense.payee, &[(DENOM, amount)])?;
        Ok(id)
    }

    /// At most 50 expenses of a member.
    #[view]
    fn expenses_of(ctx: &Context, member: &str) -> Result<Vec<Expense>, Refusal> {
        ctx.db.expenses().by_by(member, 50)
    }
}
