//! An example contract: goods whose custody is handed over, with a history that nobody changes.
//!
//! 1. An item is in the custody of one registered party, who alone changes it.
//! 2. Its state goes forward only: made, shipped, delivered.
//! 3. Every change is a step of its history, written by the contract; nobody else writes there, and
//!    nothing is ever removed.
//! 4. The rules hold whatever statement a party runs: `run` takes any.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod supply_chain {
    use super::*;
    use dadbs_sdk::address;

    /// In the order in which they follow.
    const STATES: [&str; 3] = ["made", "shipped", "delivered"];

    /// Who registers parties.
    #[table(name = "owner")]
    struct Owner {
        #[key]
        address: String,
    }

    /// Who takes part.
    #[table(name = "parties")]
    struct Party {
        #[key]
        address: String,
        name: String,
    }

    /// One good.
    #[table(name = "items")]
    struct Item {
        #[key(auto)]
        id: i64,
        sku: String,
        #[index]
        #[references("parties(address)")]
        custodian: String,
        #[check("state IN ('made', 'shipped', 'delivered')")]
        state: String,
    }

    /// What happened to an item.
    #[table(name = "steps")]
    struct Step {
        #[key]
        item: i64,
        #[key]
        number: i64,
        by: String,
        custodian: String,
        state: String,
        at_ms: i64,
    }

    /// The contract alone registers.
    #[can_write(owner)]
    const NO_OWNER: &str = "0";

    /// The contract alone registers.
    #[can_write(parties)]
    const NO_PARTY: &str = "0";

    /// Rule 3: the contract alone writes history.
    #[can_write(steps)]
    const NO_STEP: &str = "0";

    #[error]
    enum SupplyError {
        /// Only who made the contract registers parties.
        NotOwner,
        /// Only its custodian changes an item.
        NotCustodian { id: i64 },
        /// An item begins as made, in the custody of its maker.
        NotMade { id: i64 },
        /// The state goes forward only.
        Backward { id: i64, state: String },
        /// Items and their history stay.
        Removed { id: i64 },
    }

    /// An item is in other hands.
    #[event]
    struct HandedOver<'a> {
        id: i64,
        to: &'a str,
    }

    /// The caller registers parties.
    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.owner().insert(&Owner { address: ctx.caller.clone() })
    }

    /// Registers a party.
    #[call]
    fn register(ctx: &Context, address: String, name: String) -> Result<(), Refusal> {
        address::check(&address)?;
        if ctx.db.owner().get(&ctx.caller)?.is_none() {
            return Err(SupplyError::NotOwner.into());
        }
        calls::as_contract(|| ctx.db.parties().insert(&Party { address, name }))
    }

    /// Makes an item; answers its number.
    #[call]
    fn make(ctx: &Context, sku: String) -> Result<i64, Refusal> {
        let (custodian, state) = (ctx.caller.clone(), STATES[0].into());
        ctx.db.items().insert(&Item { id: 0, sku, custodian, state })
    }

    /// Ships an item to another party, or delivers it.
    #[call]
    fn hand_over(id: i64, to: &str, state: &str) -> Result<(), Refusal> {
        sql!("UPDATE items SET custodian = ?, state = ? WHERE id = ?", to, state, id)?;
        Ok(())
    }

    /// Runs any statement, held to the rules; answers the rows that it changed.
    #[call]
    fn run(statement: &str) -> Result<u32, Refusal> {
        // lint: allow(built-sql): the statement is the caller's, and the rules hold whatever it is
        Ok(sql::exec(statement, &[])?)
    }

    /// Rules 1 and 2.
    #[validate(items)]
    fn lawful(ctx: &Context, items: &[Written<Item>]) -> Result<(), SupplyError> {
        let place = |state: &str| STATES.iter().position(|known| *known == state);
        for Written { old, new } in items {
            let id = new.id;
            let Some(old) = old else {
                if new.custodian != ctx.caller || new.state != STATES[0] {
                    return Err(SupplyError::NotMade { id });
                }
                continue;
            };
            if old.custodian != ctx.caller || old.sku != new.sku {
                return Err(SupplyError::NotCustodian { id });
            }
            if place(&new.state) < place(&old.state) {
                return Err(SupplyError::Backward { id, state: old.state.clone() });
            }
        }
        Ok(())
    }

    fn step(ctx: &Context, item: &Item) -> Result<(), Refusal> {
        let found = sql!("SELECT count(*) FROM steps WHERE item = ?", item.id)?;
        ctx.db.steps().insert(&Step {
            item: item.id,
            number: found.value().integer().unwrap_or_default(),
            by: ctx.caller.clone(),
            custodian: item.custodian.clone(),
            state: item.state.clone(),
            at_ms: ctx.time_ms,
        })
    }

    /// Rule 3.
    #[on_insert(items)]
    fn made(ctx: &Context, items: &[Item]) -> Result<(), Refusal> {
        items.iter().try_for_each(|item| step(ctx, item))
    }

    /// Rule 3.
    #[on_update(items)]
    fn changed(ctx: &Context, items: &[Updated<Item>]) -> Result<(), Refusal> {
        for Updated { old, new } in items {
            step(ctx, new)?;
            if old.custodian != new.custodian {
                HandedOver { id: new.id, to: &new.custodian }.emit();
            }
        }
        Ok(())
    }

    /// Rule 3.
    #[on_delete(items)]
    fn stays(items: &[Item]) -> Result<(), SupplyError> {
        items.iter().try_for_each(|item| Err(SupplyError::Removed { id: item.id }))
    }

    /// The history of an item, at most 1,000 steps.
    #[view]
    fn history(id: i64) -> Result<Vec<Step>, Refusal> {
        let found = sql!(
            "SELECT item, number, by, custodian, state, at_ms FROM steps
             WHERE item = ? ORDER BY number LIMIT 1000",
            id
        )?;
        Ok(found.decode())
    }
}
