//! Making, changing and backing validators.

use crate::cli::context::Globals;
use crate::cli::distribution::{operator, udadb};
use crate::cli::exit::{Failure, Outcome};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs::network::home::COMET;
use dadbs::network::keys::NodeKeys;
use dadbs_client::proto::cosmos::crypto::ed25519::PubKey;
use dadbs_client::proto::cosmos::slashing::v1beta1::MsgUnjail;
use dadbs_client::proto::cosmos::staking::v1beta1::{
    CommissionRates, Description, MsgBeginRedelegate, MsgCancelUnbondingDelegation,
    MsgCreateValidator, MsgDelegate, MsgEditValidator, MsgUndelegate,
};
use dadbs_client::proto::dadbs::staking::v1::MsgRotateConsPubKey;
use dadbs_client::tx::{UnsignedTx, any};
use dadbs_types::{OperatorAddress, decimal};
use prost_types::Any;
use serde_json::json;
use std::path::PathBuf;

/// What a text says to leave as it is.
const UNCHANGED: &str = "[do-not-modify]";

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Tx {
    /// Make a validator that the signing key operates
    CreateValidator(Box<Create>),
    /// Change the validator that the signing key operates
    EditValidator(Box<Edit>),
    /// Delegate udadb to a validator
    Delegate {
        /// Operator address (dadbsvaloper1...), or address or key name of the operator
        validator: String,
        /// Amount in udadb
        amount: String,
    },
    /// Withdraw stake; it is free after the unbonding time
    Unbond {
        /// Operator address (dadbsvaloper1...), or address or key name of the operator
        validator: String,
        /// Amount in udadb
        amount: String,
    },
    /// Move stake to another validator
    Redelegate {
        /// The validator that it leaves
        from: String,
        /// The validator that it goes to
        to: String,
        /// Amount in udadb
        amount: String,
    },
    /// Delegate again what was withdrawn and still waits
    CancelUnbond {
        /// Operator address (dadbsvaloper1...), or address or key name of the operator
        validator: String,
        /// Amount in udadb
        amount: String,
        /// The height at which it was withdrawn
        height: u64,
    },
    /// Sign blocks with another key
    RotateConsPubkey(Key),
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum SlashingTx {
    /// End the jail of the validator that the signing key operates
    Unjail,
    /// Prove that a validator has signed a header with a wrong app hash or hash of results
    SubmitInvalidHeader {
        /// JSON as CometBFT writes it: `{"header": ..., "vote": ...}`
        file: PathBuf,
    },
}

/// Which key signs blocks.
#[derive(Debug, clap::Args)]
pub(crate) struct Key {
    /// The ed25519 key in base64
    #[arg(long, value_name = "BASE64", conflicts_with = "node_home")]
    pubkey: Option<String>,
    /// Take the key of the node of this home [default: --home]
    #[arg(long, value_name = "DIR")]
    node_home: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Words {
    /// A name elsewhere, by which a picture is found
    #[arg(long)]
    identity: Option<String>,
    /// A page
    #[arg(long)]
    website: Option<String>,
    /// Whom to write to
    #[arg(long)]
    security_contact: Option<String>,
    /// More words
    #[arg(long)]
    details: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// What the operator delegates, in udadb
    #[arg(long)]
    amount: String,
    /// Its name
    #[arg(long)]
    moniker: String,
    /// The part of its delegators' rewards that it keeps
    #[arg(long, default_value = "0.1", value_name = "RATE", value_parser = parse_rate)]
    commission_rate: u64,
    /// The most that it will ever keep
    #[arg(long, default_value = "0.2", value_name = "RATE", value_parser = parse_rate)]
    commission_max_rate: u64,
    /// The most by which the commission grows in a day
    #[arg(long, default_value = "0.01", value_name = "RATE", value_parser = parse_rate)]
    commission_max_change_rate: u64,
    /// The least that the operator's own delegation may be worth, in udadb
    #[arg(long, default_value_t = 1)]
    min_self_delegation: u64,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    words: Words,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Edit {
    /// Its name
    #[arg(long)]
    moniker: Option<String>,
    /// The part of its delegators' rewards that it keeps
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    commission_rate: Option<u64>,
    /// The least that the operator's own delegation may be worth, in udadb
    #[arg(long)]
    min_self_delegation: Option<u64>,
    #[command(flatten)]
    words: Words,
}

/// A rate such as `0.1`, in millionths.
fn parse_rate(text: &str) -> Result<u64, String> {
    let refuse = || format!("\"{text}\" is not a rate: write 0.1 for a tenth, at most 6 digits");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 6 || !is_digits(whole) || !is_digits(fraction) {
        return Err(refuse());
    }
    let whole: u64 = whole.parse().map_err(|_| refuse())?;
    let fraction: u64 = format!("{fraction:0<6}").parse().map_err(|_| refuse())?;
    whole
        .checked_mul(1_000_000)
        .and_then(|ppm| ppm.checked_add(fraction))
        .filter(|ppm| *ppm <= 1_000_000)
        .ok_or_else(refuse)
}

fn pubkey(globals: &Globals, key: &Key) -> Outcome<Any> {
    let bytes = if let Some(text) = &key.pubkey {
        BASE64
            .decode(text)
            .ok()
            .filter(|bytes| bytes.len() == 32)
            .ok_or_else(|| Failure::usage("--pubkey is not an ed25519 key in base64"))?
    } else {
        let home = key.node_home.clone().map_or_else(|| globals.home(), Ok)?;
        NodeKeys::read(&home.join(COMET))?.validator.to_vec()
    };
    Ok(any(&PubKey { key: bytes }))
}

fn described(moniker: String, words: &Words, absent: &str) -> Description {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| absent.to_owned());
    Description {
        moniker,
        identity: text(&words.identity),
        website: text(&words.website),
        security_contact: text(&words.security_contact),
        details: text(&words.details),
    }
}

fn message(globals: &Globals, command: &Tx) -> Outcome<(Any, String)> {
    let (ring, name) = globals.signing_key()?;
    let sender = ring.info(&name)?.address;
    let delegator_address = sender.to_string();
    let validator_address = OperatorAddress(sender).to_string();
    Ok(match command {
        Tx::CreateValidator(create) => {
            let message = MsgCreateValidator {
                description: Some(described(create.moniker.clone(), &create.words, "")),
                commission: Some(CommissionRates {
                    rate: decimal::of_ppm(create.commission_rate),
                    max_rate: decimal::of_ppm(create.commission_max_rate),
                    max_change_rate: decimal::of_ppm(create.commission_max_change_rate),
                }),
                min_self_delegation: create.min_self_delegation.to_string(),
                delegator_address: String::new(),
                validator_address: validator_address.clone(),
                pubkey: Some(pubkey(globals, &create.key)?),
                value: Some(udadb(&create.amount)?),
            };
            (any(&message), format!("made the validator {validator_address}"))
        }
        Tx::EditValidator(edit) => {
            let moniker = edit.moniker.clone().unwrap_or_else(|| UNCHANGED.into());
            let message = MsgEditValidator {
                description: Some(described(moniker, &edit.words, UNCHANGED)),
                validator_address: validator_address.clone(),
                commission_rate: edit.commission_rate.map(decimal::of_ppm).unwrap_or_default(),
                min_self_delegation: edit
                    .min_self_delegation
                    .map(|least| least.to_string())
                    .unwrap_or_default(),
            };
            (any(&message), format!("changed the validator {validator_address}"))
        }
        Tx::Delegate { validator, amount } => {
            let (validator_address, coin) = (operator(globals, validator)?, udadb(amount)?);
            let done = format!("delegated {} udadb to {validator_address}", coin.amount);
            let amount = Some(coin);
            (any(&MsgDelegate { delegator_address, validator_address, amount }), done)
        }
        Tx::Unbond { validator, amount } => {
            let (validator_address, coin) = (operator(globals, validator)?, udadb(amount)?);
            let done = format!("withdrew {} udadb from {validator_address}", coin.amount);
            let amount = Some(coin);
            (any(&MsgUndelegate { delegator_address, validator_address, amount }), done)
        }
        Tx::Redelegate { from, to, amount } => {
            let coin = udadb(amount)?;
            let done = format!("moved {} udadb from {from} to {to}", coin.amount);
            let message = MsgBeginRedelegate {
                delegator_address,
                validator_src_address: operator(globals, from)?,
                validator_dst_address: operator(globals, to)?,
                amount: Some(coin),
            };
            (any(&message), done)
        }
        Tx::CancelUnbond { validator, amount, height } => {
            let coin = udadb(amount)?;
            let done = format!("delegated {} udadb again", coin.amount);
            let message = MsgCancelUnbondingDelegation {
                delegator_address,
                validator_address: operator(globals, validator)?,
                amount: Some(coin),
                creation_height: i64::try_from(*height).unwrap_or(i64::MAX),
            };
            (any(&message), done)
        }
        Tx::RotateConsPubkey(key) => {
            let new_pubkey = Some(pubkey(globals, key)?);
            let done = "the validator signs with the new key two blocks later".into();
            (any(&MsgRotateConsPubKey { validator_address, new_pubkey }), done)
        }
    })
}

async fn submit(globals: &Globals, message: Any, done: &str) -> Outcome {
    let session = globals.session().await?;
    let tx = UnsignedTx::new(vec![message]);
    if let Some(included) = globals.submit(&session, &tx, None).await? {
        globals.print_included(&included, json!({}), done);
    }
    Ok(())
}

pub(crate) async fn run(globals: &Globals, command: &Tx) -> Outcome {
    let (message, done) = message(globals, command)?;
    submit(globals, message, &done).await
}

pub(crate) async fn run_slashing(globals: &Globals, command: &SlashingTx) -> Outcome {
    let (ring, name) = globals.signing_key()?;
    if let SlashingTx::SubmitInvalidHeader { file } = command {
        return super::faults::submit(globals, ring.info(&name)?.address, file).await;
    }
    let validator_addr = OperatorAddress(ring.info(&name)?.address).to_string();
    let done = format!("{validator_addr} is free");
    submit(globals, any(&MsgUnjail { validator_addr }), &done).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        for (text, ppm) in [("0.1", 100_000), ("1", 1_000_000), ("0", 0), ("0.000001", 1)] {
            assert_eq!(parse_rate(text), Ok(ppm));
        }
        for wrong in ["", ".1", "1.1", "-1", "0.0000001", "a", "1e-1"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }
}
