// class: 4
// Fault: the filter is put together from pieces, one of which is the caller's text between quotes (modelled on CWE-89, SQL injection by concatenation in search forms).
#![cfg_attr(target_arch = "wasm32", no_std)]
//! A help desk.
use dadbs_sdk::prelude::*;

#[contract]
mod desk {
    use super::*;

    #[table(name = "agents")]
    struct Agent {
        #[key]
        address: String,
        lead: bool,
    }

    #[table(name = "tickets", index(asker, id))]
    struct Ticket {
        #[key(auto)]
        id: i64,
        asker: String,
        topic: String,
        #[check("state IN ('new', 'open', 'done')")]
        state: String,
        agent: Option<String>,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.agents().insert(&Agent { address: ctx.caller.clone(), lead: true })
    }

    fn agent(ctx: &Context) -> Result<Agent, Refusal> {
        ctx.db.agents().get(&ctx.caller)?.ok_or_else(|| Refusal::new("agents do this"))
    }

    #[call]
    fn hire(ctx: &Context, address: String) -> Result<(), Refusal> {
        if !agent(ctx)?.lead {
            return Err("the lead hires".into());
        }
        ctx.db.agents().insert(&Agent { address, lead: false })
    }

    #[call]
    fn ask(ctx: &Context, topic: String) -> Result<i64, Refusal> {
        let (asker, state) = (ctx.caller.clone(), String::from("new"));
        ctx.db.tickets().insert(&Ticket { id: 0, asker, topic, state, agent: None })
    }

    #[call]
    fn take(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let me = agent(ctx)?.address;
        // The state stands in the condition: of two agents one gets it.
        let taken = sql!(
            "UPDATE tickets SET state = 'open', agent = ? WHERE id = ? AND state = 'new'",
            me,
            id
        )?;
        if taken == 0 { Err("somebody has it, or there is no such ticket".into()) } else { Ok(()) }
    }

    #[call]
    fn finish(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut ticket = ctx.db.tickets().get(id)?.ok_or("no such ticket")?;
        let party = ticket.agent.as_deref() == Some(ctx.caller.as_str()) || ticket.asker == ctx.caller;
        if !party {
            return Err("asker and agent finish a ticket".into());
        }
        ticket.state = "done".into();
        ctx.db.tickets().update(&ticket)?;
        Ok(())
    }

    /// At most 50 of the newest 500 tickets of an asker.
    #[view]
    fn search(asker: &str, state: Option<String>, topic: Option<String>) -> Result<Table, Refusal> {
        let mut text = String::from(
            "SELECT id, topic, state, agent FROM
             (SELECT id, topic, state, agent FROM tickets WHERE asker = ? ORDER BY id DESC LIMIT 500)
             WHERE id > 0",
        );
        if let Some(state) = state.filter(|state| ["new", "open", "done"].contains(&state.as_str())) {
            text += " AND state = '";
            text += &state;
            text.push('\'');
        }
        if let Some(topic) = &topic {
            text.push_str(" AND topic LIKE '%");
            text.push_str(topic);
            text.push_str("%'");
        }
        text += " ORDER BY id DESC LIMIT 50";
        sql::query(&text, params![asker]).map_err(Refusal::from) // FAULT
    }

    #[view]
    fn ticket(ctx: &Context, id: i64) -> Result<Option<Ticket>, Refusal> {
        ctx.db.tickets().get(id)
    }
}
