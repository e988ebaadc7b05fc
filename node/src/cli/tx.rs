//! `dadbs tx` and `dadbs faucet`.

use super::context::{Globals, Session, account_of};
use super::exit::{Exit, Failure, Outcome};
use super::output::grouped;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs_client::proto::cosmos::bank::v1beta1::MsgSend;
use dadbs_client::proto::cosmos::base::abci::v1beta1::TxResponse;
use dadbs_client::proto::cosmos::base::v1beta1::Coin;
use dadbs_client::tx::{self, UnsignedTx};
use dadbs_types::Amount;
use dadbs_types::coin::DENOM;
use serde_json::json;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Tx {
    /// Send udadb to an address
    Send(Transfer),
    /// Show what a transfer would use
    Simulate(Transfer),
    /// Send a transaction that `--sign-only` printed
    Broadcast {
        /// The transaction's bytes in base64; `-` reads them from stdin
        tx_bytes: String,
    },
    /// Withdraw rewards and commission, fund the community pool
    #[command(subcommand)]
    Distribution(super::distribution::Tx),
    /// Run a validator, delegate stake
    #[command(subcommand)]
    Staking(super::staking::Tx),
    /// End a validator's jail, prove a wrong header
    #[command(subcommand)]
    Slashing(super::staking::SlashingTx),
    /// Pay fees for others
    #[command(subcommand)]
    Feegrant(super::feegrant::Tx),
    /// Prepay storage rent of contracts, take it back
    #[command(subcommand)]
    Storage(super::storage::Tx),
    /// Show a transaction of a block
    Show {
        /// Its hash
        hash: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Transfer {
    /// Address or key name that receives
    to: String,
    /// Amount in udadb; 1 DADB is 1000000 udadb
    amount: String,
    /// Public text
    #[arg(long, default_value = "")]
    memo: String,
    /// The last height that may include it; 0 for any
    #[arg(long, default_value_t = 0)]
    timeout_height: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AdvanceTime {
    /// How far, in seconds: `gov.voting_period` is 604800 by default
    seconds: u64,
    /// Blocks after the one that carries the new time: what it ends is executed in them
    #[arg(long, default_value_t = 2)]
    blocks: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Faucet {
    /// Address or key name that receives [default: the key that signs]
    to: Option<String>,
    /// Amount in udadb; 0 asks for the faucet's default
    #[arg(long, default_value_t = 0)]
    amount: u64,
}

pub(crate) async fn run(globals: &Globals, command: &Tx) -> Outcome {
    match command {
        Tx::Send(transfer) => {
            let session = globals.session().await?;
            let tx = build(globals, transfer)?;
            let question = format!("Send {} udadb to {}?", transfer.amount, transfer.to);
            if let Some(included) = globals.submit(&session, &tx, Some(&question)).await? {
                globals.print_included(
                    &included,
                    json!({}),
                    &format!("sent {} udadb", transfer.amount),
                );
            }
            Ok(())
        }
        Tx::Simulate(transfer) => {
            let session = globals.session().await?;
            let tx = build(globals, transfer)?;
            let (ring, name) = globals.signing_key()?;
            let info = ring.info(&name)?;
            let signer = account_of(&session, info.address).await?;
            let fee = globals.fee(&session, &tx, &info.public_key, &signer).await?;
            let json = json!({ "gas_limit": fee.gas_limit, "fee": fee.amount.to_string() });
            globals.print(&json, || {
                let (gas, fee) = (grouped(fee.gas_limit.into()), grouped(fee.amount));
                format!("gas limit {gas}, fee {fee} udadb")
            });
            Ok(())
        }
        Tx::Broadcast { tx_bytes } => {
            let text = match tx_bytes.as_str() {
                "-" => std::io::read_to_string(std::io::stdin())
                    .map_err(|e| Failure::usage(format!("stdin: {e}")))?,
                text => text.to_owned(),
            };
            let bytes = BASE64.decode(text.trim());
            let bytes =
                bytes.map_err(|e| Failure::usage(format!("the transaction is not base64: {e}")))?;
            let session = globals.session().await?;
            let hash = session.client.broadcast(bytes).await?;
            if let Some(included) = globals.settle(&session, &hash).await? {
                globals.print_included(&included, json!({}), "included");
            }
            Ok(())
        }
        Tx::Distribution(command) => super::distribution::run(globals, command).await,
        Tx::Staking(command) => super::staking::run(globals, command).await,
        Tx::Slashing(command) => super::staking::run_slashing(globals, command).await,
        Tx::Feegrant(command) => super::feegrant::run(globals, command).await,
        Tx::Storage(command) => super::storage::run(globals, command).await,
        Tx::Show { hash } => show(globals, hash).await,
    }
}

fn build(globals: &Globals, transfer: &Transfer) -> Outcome<UnsignedTx> {
    let amount = transfer.amount.strip_suffix(DENOM).unwrap_or(&transfer.amount);
    let amount =
        Amount::parse(amount).filter(|amount| *amount != Amount::ZERO).ok_or_else(|| {
            Failure::usage(format!(
                "\"{}\" is not an amount: write a number of udadb",
                transfer.amount
            ))
        })?;
    let (ring, name) = globals.signing_key()?;
    let message = MsgSend {
        from_address: ring.info(&name)?.address.to_string(),
        to_address: globals.address(&transfer.to)?.to_string(),
        amount: vec![Coin { denom: DENOM.into(), amount: amount.to_string() }],
    };
    let (memo, timeout_height) = (transfer.memo.clone(), transfer.timeout_height);
    let messages = vec![tx::any(&message)];
    Ok(UnsignedTx { messages, memo, timeout_height, granter: globals.granter()? })
}

/// Shows a transaction of a block, failed or not.
pub(crate) async fn show(globals: &Globals, hash: &str) -> Outcome {
    if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Failure::usage(format!(
            "\"{hash}\" is not a hash: write its 64 hexadecimal digits"
        )));
    }
    let session: Session = globals.session().await?;
    let found = session.client.find(&hash.to_uppercase()).await?;
    let tx = found.ok_or_else(|| {
        Failure::new(
            Exit::NotFound,
            format!(
                "no block holds transaction {hash}: it is pending, was rejected, or never sent"
            ),
        )
    })?;
    let events: Vec<_> = tx
        .events
        .iter()
        .map(|event| {
            let attributes: serde_json::Map<_, _> = event
                .attributes
                .iter()
                .map(|attribute| (attribute.key.clone(), json!(attribute.value)))
                .collect();
            json!({ "type": event.r#type, "attributes": attributes })
        })
        .collect();
    let json = json!({
        "txhash": tx.txhash,
        "height": tx.height,
        "code": tx.code,
        "codespace": tx.codespace,
        "log": tx.raw_log,
        "gas_wanted": tx.gas_wanted,
        "gas_used": tx.gas_used,
        "timestamp": tx.timestamp,
        "data": tx.data,
        "events": events,
    });
    globals.print(&json, || describe(&tx));
    Ok(())
}

fn describe(tx: &TxResponse) -> String {
    let outcome = match tx.code {
        0 => "succeeded".to_owned(),
        code => format!("failed with {}/{code}: {}", tx.codespace, tx.raw_log),
    };
    let mut lines = vec![format!(
        "tx      {}\nblock   {} at {}\nresult  {outcome}\ngas     {} of {}",
        tx.txhash,
        tx.height,
        tx.timestamp,
        grouped(tx.gas_used.unsigned_abs().into()),
        grouped(tx.gas_wanted.unsigned_abs().into())
    )];
    for event in &tx.events {
        let pairs: Vec<_> =
            event.attributes.iter().map(|a| format!("{}={}", a.key, a.value)).collect();
        lines.push(format!("event   {}: {}", event.r#type, pairs.join(", ")));
    }
    lines.join("\n")
}

/// Says that only a dev chain serves a method.
fn dev_only(globals: &Globals, lacks: &str, error: dadbs_client::ClientError) -> Failure {
    match error {
        dadbs_client::ClientError::Unserved(_) => {
            Failure::other(format!("{} {lacks}: it is not a dev chain", globals.node))
        }
        error => error.into(),
    }
}

pub(crate) async fn advance_time(globals: &Globals, args: &AdvanceTime) -> Outcome {
    let session = globals.session().await?;
    let advanced = session.client.advance_time(args.seconds, args.blocks).await;
    let tip = advanced.map_err(|error| dev_only(globals, "keeps the time of its clock", error))?;
    let json = json!({ "height": tip.height, "time_ns": tip.time_ns });
    globals
        .print(&json, || format!("block time is {} s ahead; height {}", args.seconds, tip.height));
    Ok(())
}

pub(crate) async fn faucet(globals: &Globals, args: &Faucet) -> Outcome {
    let address = if let Some(to) = &args.to {
        globals.address(to)?
    } else {
        let (ring, name) = globals.signing_key()?;
        ring.info(&name)?.address
    };
    let session = globals.session().await?;
    let given = session.client.faucet(address, args.amount).await;
    let hash = given.map_err(|error| dev_only(globals, "has no faucet", error))?;
    if let Some(included) = globals.settle(&session, &hash).await? {
        let balance = session.client.balance(address).await?;
        let json = json!({ "address": address.to_string(), "balance": balance.to_string() });
        let people = format!("{address} has {} udadb", grouped(balance));
        globals.print_included(&included, json, &people);
    }
    Ok(())
}
