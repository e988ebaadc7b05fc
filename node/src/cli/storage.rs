//! `dadbs tx storage` and `dadbs query storage`.

use super::context::Globals;
use super::exit::{Failure, Outcome};
use super::output::grouped;
use dadbs_client::proto::dadbs::storage::v1::{
    MsgFundStorage, MsgWithdrawStorage, PriceRequest, StorageRequest,
};
use dadbs_client::tx::{UnsignedTx, any};
use dadbs_types::coin::DENOM;
use prost_types::Any;
use serde_json::json;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Tx {
    /// Prepay storage rent of a contract
    Fund {
        /// The contract's name
        contract: String,
        /// Amount in udadb
        amount: String,
    },
    /// Take back what is prepaid beyond 30 days
    Withdraw {
        /// The contract's name; its admin signs, or who made it if it has none
        contract: String,
        /// Amount in udadb
        amount: String,
    },
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Query {
    /// Bytes of a contract, what is prepaid, and until when
    Show {
        /// The contract's name
        contract: String,
    },
    /// What storage costs
    Price,
}

fn udadb(text: &str) -> Outcome<u64> {
    let amount = text.strip_suffix(DENOM).unwrap_or(text).parse::<u64>().ok();
    amount.filter(|amount| *amount > 0).ok_or_else(|| {
        Failure::usage(format!("\"{text}\" is not an amount: write a number of udadb"))
    })
}

/// The message that prepays for a contract that is made in the same transaction, if it is asked for.
pub(crate) fn prepaid(sender: &str, contract: &str, amount: Option<&str>) -> Outcome<Option<Any>> {
    let Some(amount) = amount else { return Ok(None) };
    let (sender, contract, amount) = (sender.to_owned(), contract.to_owned(), udadb(amount)?);
    Ok(Some(any(&MsgFundStorage { sender, contract, amount })))
}

pub(crate) async fn run(globals: &Globals, command: &Tx) -> Outcome {
    let session = globals.session().await?;
    let (ring, name) = globals.signing_key()?;
    let sender = ring.info(&name)?.address.to_string();
    let (message, done) = match command {
        Tx::Fund { contract, amount } => {
            let (contract, amount) = (contract.clone(), udadb(amount)?);
            let done = format!("{} udadb are prepaid for {contract}", grouped(amount.into()));
            (any(&MsgFundStorage { sender, contract, amount }), done)
        }
        Tx::Withdraw { contract, amount } => {
            let (contract, amount) = (contract.clone(), udadb(amount)?);
            let done = format!("{} udadb came back from {contract}", grouped(amount.into()));
            (any(&MsgWithdrawStorage { sender, contract, amount }), done)
        }
    };
    let tx = UnsignedTx::new(vec![message]);
    if let Some(included) = globals.submit(&session, &tx, None).await? {
        globals.print_included(&included, json!({}), &done);
    }
    Ok(())
}

pub(crate) async fn query(globals: &Globals, query: &Query) -> Outcome {
    let client = globals.session().await?.client;
    match query {
        Query::Show { contract } => {
            let info = client.storage(StorageRequest { contract: contract.clone() }).await?;
            let json = json!({
                "contract": contract,
                "state": info.state,
                "bytes": info.bytes,
                "balance": info.balance.to_string(),
                "debt": info.debt.to_string(),
                "least": info.least.to_string(),
                "paid_until": info.paid_until,
                "frozen_from": info.frozen_from,
            });
            globals.print(&json, || {
                let money = |amount: u64| grouped(amount.into());
                let mut lines = vec![
                    format!("{contract}: {}", info.state),
                    format!("bytes     {}", money(info.bytes)),
                    format!("prepaid   {} udadb", money(info.balance)),
                    format!("30 days   {} udadb at this size", money(info.least)),
                ];
                if info.debt > 0 {
                    lines.push(format!("owes      {} udadb", money(info.debt)));
                }
                if let Some(until) = info.paid_until {
                    lines.push(format!("paid      until {until} s since 1970"));
                }
                if let Some(from) = info.frozen_from {
                    lines.push(format!("freezes   at {from} s since 1970"));
                }
                lines.join("\n")
            });
        }
        Query::Price => {
            let price = client.storage_price(PriceRequest {}).await?;
            let json = json!({ "price": price.price.to_string(), "grace": price.grace });
            globals.print(&json, || match price.price {
                0 => "storage costs nothing".into(),
                udadb => format!(
                    "{} udadb for a GiB and 30 days; {} s of grace",
                    grouped(udadb.into()),
                    price.grace
                ),
            });
        }
    }
    Ok(())
}
