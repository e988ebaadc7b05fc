//! `dadbs query` and `dadbs status`.

use super::context::{Globals, account_of};
use super::exit::Outcome;
use super::output::{self, grouped};
use super::{gov, tx};
use dadbs_types::AccountAddress;
use serde_json::{Value as Json, json};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Query {
    /// Account number and sequence
    Account {
        /// Address or key name [default: the key that signs]
        address: Option<String>,
    },
    /// Balance in udadb
    Balance {
        /// Address or key name [default: the key that signs]
        address: Option<String>,
    },
    /// A transaction of a block
    Tx {
        /// Its hash
        hash: String,
    },
    /// The table of limits
    Limits,
    /// Every parameter that governance may change
    Params,
    /// What is paused, and who may pause
    Pauses,
    /// The planned software upgrade
    Upgrade,
    /// Rewards, commission, the community pool
    #[command(subcommand)]
    Distribution(super::distribution::Query),
    /// Validators, delegations, what waits
    #[command(subcommand)]
    Staking(super::staking::Query),
    /// Who signs, who is jailed, and what faults wait
    #[command(subcommand)]
    Slashing(super::staking::SlashingQuery),
    /// What validators earn for storage: epochs, scores, challenges
    #[command(subcommand)]
    Rewards(super::rewards::Query),
    /// The price of gas
    Fees,
    /// Who pays whose fees
    Feegrant {
        /// Address or key name of the account that is paid for, or that pays [default: the key that signs]
        address: Option<String>,
    },
    /// What contracts store, what is prepaid for it, and its price
    #[command(subcommand)]
    Storage(super::storage::Query),
    /// Inflation
    Mint,
    /// Code and its entry points
    Code {
        /// Its id
        code_id: u64,
    },
}

pub(crate) async fn run(globals: &Globals, command: &Query) -> Outcome {
    match command {
        Query::Account { address } => {
            let address = address_of(globals, address.as_deref())?;
            let session = globals.session().await?;
            let account = account_of(&session, address).await?;
            let json = json!({
                "address": address.to_string(),
                "account_number": account.account_number,
                "sequence": account.sequence,
            });
            globals.print(&json, || {
                format!(
                    "{address}: account {}, sequence {}",
                    account.account_number, account.sequence
                )
            });
            Ok(())
        }
        Query::Balance { address } => {
            let address = address_of(globals, address.as_deref())?;
            let balance = globals.session().await?.client.balance(address).await?;
            let json = json!({ "address": address.to_string(), "udadb": balance.to_string() });
            globals.print(&json, || format!("{} udadb", grouped(balance)));
            Ok(())
        }
        Query::Tx { hash } => tx::show(globals, hash).await,
        Query::Limits => limits(globals).await,
        Query::Params => gov::params(globals, "").await,
        Query::Pauses => gov::pauses(globals).await,
        Query::Upgrade => gov::upgrade(globals).await,
        Query::Distribution(query) => super::distribution::query(globals, query).await,
        Query::Staking(query) => super::staking::query(globals, query).await,
        Query::Slashing(query) => super::staking::query_slashing(globals, query).await,
        Query::Rewards(query) => super::rewards::query(globals, query).await,
        Query::Fees => super::distribution::fees(globals).await,
        Query::Feegrant { address } => {
            let address = address_of(globals, address.as_deref())?;
            super::feegrant::query(globals, address).await
        }
        Query::Storage(query) => super::storage::query(globals, query).await,
        Query::Mint => super::distribution::mint(globals).await,
        Query::Code { code_id } => code(globals, *code_id).await,
    }
}

pub(super) fn address_of(globals: &Globals, text: Option<&str>) -> Outcome<AccountAddress> {
    if let Some(text) = text {
        globals.address(text)
    } else {
        let (ring, name) = globals.signing_key()?;
        Ok(ring.info(&name)?.address)
    }
}

async fn limits(globals: &Globals) -> Outcome {
    let limits = globals.session().await?.client.limits().await?.limits;
    let json: Vec<Json> = limits
        .iter()
        .map(|l| json!({ "name": l.name, "value": l.value, "unit": l.unit, "meaning": l.meaning }))
        .collect();
    globals.print(&json!(json), || {
        let mut table = output::table(["limit", "value", "unit", "meaning"]);
        for limit in &limits {
            table.add_row([&limit.name, &grouped(limit.value.into()), &limit.unit, &limit.meaning]);
        }
        table.to_string()
    });
    Ok(())
}

async fn code(globals: &Globals, code_id: u64) -> Outcome {
    let code = globals.session().await?.client.code(code_id).await?;
    let hash = hex::encode(&code.code_hash);
    let entries: Vec<Json> = code
        .entries
        .iter()
        .map(
            |e| json!({ "kind": e.kind, "name": e.name, "parameters": e.parameters, "doc": e.doc }),
        )
        .collect();
    let json = json!({
        "code_id": code.code_id, "code_hash": hash, "creator": code.creator,
        "bytes": code.bytes, "entries": entries,
    });
    globals.print(&json, || {
        let mut table = output::table(["kind", "entry", "parameters", "what it does"]);
        for entry in &code.entries {
            table.add_row([&entry.kind, &entry.name, &entry.parameters, &entry.doc]);
        }
        format!(
            "code {} of {} bytes, sha256 {hash}\n{table}",
            code.code_id,
            grouped(code.bytes.into())
        )
    });
    Ok(())
}

pub(crate) async fn status(globals: &Globals) -> Outcome {
    let session = globals.session().await?;
    let status = &session.status;
    let app_hash = hex::encode_upper(&status.app_hash);
    let json = json!({
        "node": globals.node,
        "chain_id": status.chain_id,
        "height": status.height,
        "app_hash": app_hash,
        "time_ns": status.time_ns,
        "engine": status.engine,
        "version": status.version,
        "min_gas_price": status.min_gas_price,
        "gas_schedule": status.gas_schedule,
    });
    globals.print(&json, || {
        format!(
            "chain      {}\nheight     {}\napp hash   {app_hash}\nengine     {}\nversion    {}\ngas price  {} udadb, schedule {}",
            status.chain_id,
            status.height,
            status.engine,
            status.version,
            status.min_gas_price,
            status.gas_schedule
        )
    });
    Ok(())
}
