//! `dadbs tx staking`, `dadbs tx slashing`, `dadbs query staking` and `dadbs query slashing`.

use super::context::Globals;
use super::distribution::{operator, udadb};
use super::exit::{Failure, Outcome};
use super::output::{self, grouped};
use super::query::address_of;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs::network::home::COMET;
use dadbs::network::keys::NodeKeys;
use dadbs_client::proto::cosmos::base::query::v1beta1::PageRequest;
use dadbs_client::proto::cosmos::crypto::ed25519::PubKey;
use dadbs_client::proto::cosmos::slashing::v1beta1::{
    self as slashing, MsgUnjail, QuerySigningInfosRequest,
};
use dadbs_client::proto::cosmos::staking::v1beta1 as staking;
use dadbs_client::proto::cosmos::staking::v1beta1::{
    BondStatus, CommissionRates, Description, MsgBeginRedelegate, MsgCancelUnbondingDelegation,
    MsgCreateValidator, MsgDelegate, MsgEditValidator, MsgUndelegate,
};
use dadbs_client::proto::dadbs::staking::v1::MsgRotateConsPubKey;
use dadbs_client::tx::{UnsignedTx, any};
use dadbs_types::{OperatorAddress, decimal};
use prost_types::{Any, Timestamp};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// What a text says to leave as it is.
const UNCHANGED: &str = "[do-not-modify]";
/// Rows that one list asks for.
const ROWS: u64 = 1_000;

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

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Query {
    /// All validators
    Validators,
    /// One validator
    Validator {
        /// Operator address (dadbsvaloper1...), or address or key name of the operator
        validator: String,
    },
    /// What an account delegates
    Delegations {
        /// Address or key name [default: the key that signs]
        address: Option<String>,
    },
    /// What an account has withdrawn and waits for
    Unbonding {
        /// Address or key name [default: the key that signs]
        address: Option<String>,
    },
    /// What an account has moved
    Redelegations {
        /// Address or key name [default: the key that signs]
        address: Option<String>,
    },
    /// All stake
    Pool,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum SlashingQuery {
    /// Who has missed how many blocks
    SigningInfos,
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

/// A decimal of the wire for people: a rate in percent.
fn percent(text: &str) -> String {
    let ppm = decimal::to_ppm(text).unwrap_or(0);
    format!("{}.{:02} %", ppm / 10_000, ppm % 10_000 / 100)
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
    let SlashingTx::Unjail = command;
    let (ring, name) = globals.signing_key()?;
    let validator_addr = OperatorAddress(ring.info(&name)?.address).to_string();
    let done = format!("{validator_addr} is free");
    submit(globals, any(&MsgUnjail { validator_addr }), &done).await
}

#[expect(clippy::unnecessary_wraps, reason = "a field of the wire")]
fn page() -> Option<PageRequest> {
    Some(PageRequest { limit: ROWS, ..PageRequest::default() })
}

fn seconds(time: Option<&Timestamp>) -> i64 {
    time.map_or(0, |time| time.seconds)
}

fn amount(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), grouped)
}

fn status(validator: &staking::Validator) -> String {
    let name = match validator.status() {
        BondStatus::Bonded => "bonded",
        BondStatus::Unbonding => "unbonding",
        BondStatus::Unbonded => "unbonded",
        BondStatus::Unspecified => "unknown",
    };
    if validator.jailed { format!("{name}, jailed") } else { name.into() }
}

fn validator_json(validator: &staking::Validator) -> Json {
    let key = validator.consensus_pubkey.as_ref().and_then(|any| any.to_msg::<PubKey>().ok());
    let rates = validator.commission.as_ref().and_then(|c| c.commission_rates.clone());
    let ppm = |text: &str| decimal::to_ppm(text).unwrap_or(0);
    let rates = rates.unwrap_or_default();
    let description = validator.description.clone().unwrap_or_default();
    json!({
        "operator": validator.operator_address,
        "consensus_pubkey": key.map(|key| BASE64.encode(key.key)),
        "moniker": description.moniker,
        "status": validator.status().as_str_name(),
        "jailed": validator.jailed,
        "tokens": validator.tokens,
        "commission_ppm": ppm(&rates.rate),
        "max_commission_ppm": ppm(&rates.max_rate),
        "max_commission_change_ppm": ppm(&rates.max_change_rate),
        "min_self_delegation": validator.min_self_delegation,
        "unbonding_time": seconds(validator.unbonding_time.as_ref()),
    })
}

fn validators_table(validators: &[staking::Validator]) -> String {
    let mut table = output::table(["moniker", "operator", "status", "stake, udadb", "commission"]);
    for validator in validators {
        let rates = validator.commission.as_ref().and_then(|c| c.commission_rates.as_ref());
        let moniker = validator.description.as_ref().map_or("", |d| d.moniker.as_str());
        table.add_row([
            moniker.to_owned(),
            validator.operator_address.clone(),
            status(validator),
            amount(&validator.tokens),
            rates.map(|rates| percent(&rates.rate)).unwrap_or_default(),
        ]);
    }
    table.to_string()
}

pub(crate) async fn query(globals: &Globals, query: &Query) -> Outcome {
    match query {
        Query::Validators => {
            let request =
                staking::QueryValidatorsRequest { status: String::new(), pagination: page() };
            let mut found = globals.session().await?.client.validators(request).await?.validators;
            let tokens = |validator: &staking::Validator| validator.tokens.parse().unwrap_or(0u64);
            found.sort_by_key(|validator| std::cmp::Reverse(tokens(validator)));
            let json: Vec<Json> = found.iter().map(validator_json).collect();
            globals.print(&json!(json), || validators_table(&found));
            Ok(())
        }
        Query::Validator { validator } => {
            let validator_addr = operator(globals, validator)?;
            let request = staking::QueryValidatorRequest { validator_addr };
            let found = globals.session().await?.client.validator(request).await?.validator;
            let found = found.unwrap_or_default();
            globals
                .print(&validator_json(&found), || validators_table(std::slice::from_ref(&found)));
            Ok(())
        }
        Query::Delegations { address } => delegations(globals, address.as_deref()).await,
        Query::Unbonding { address } => unbonding(globals, address.as_deref()).await,
        Query::Redelegations { address } => redelegations(globals, address.as_deref()).await,
        Query::Pool => {
            let client = globals.session().await?.client;
            let pool = client.staking_pool(staking::QueryPoolRequest {}).await?.pool;
            let pool = pool.unwrap_or_default();
            let json =
                json!({ "bonded": pool.bonded_tokens, "not_bonded": pool.not_bonded_tokens });
            globals.print(&json, || {
                format!(
                    "bonded {} udadb, not bonded {} udadb",
                    amount(&pool.bonded_tokens),
                    amount(&pool.not_bonded_tokens)
                )
            });
            Ok(())
        }
    }
}

async fn delegations(globals: &Globals, address: Option<&str>) -> Outcome {
    let delegator_addr = address_of(globals, address)?.to_string();
    let request = staking::QueryDelegatorDelegationsRequest { delegator_addr, pagination: page() };
    let client = globals.session().await?.client;
    let found = client.delegations(request).await?.delegation_responses;
    let rows: Vec<(String, String)> = found
        .into_iter()
        .map(|found| {
            let delegation = found.delegation.unwrap_or_default();
            (delegation.validator_address, found.balance.unwrap_or_default().amount)
        })
        .collect();
    let json: Vec<Json> =
        rows.iter().map(|(v, udadb)| json!({ "validator": v, "udadb": udadb })).collect();
    globals.print(&json!(json), || {
        let mut table = output::table(["validator", "udadb"]);
        for (validator, udadb) in &rows {
            table.add_row([validator, &amount(udadb)]);
        }
        table.to_string()
    });
    Ok(())
}

async fn unbonding(globals: &Globals, address: Option<&str>) -> Outcome {
    let delegator_addr = address_of(globals, address)?.to_string();
    let request =
        staking::QueryDelegatorUnbondingDelegationsRequest { delegator_addr, pagination: page() };
    let client = globals.session().await?.client;
    let found = client.unbondings(request).await?.unbonding_responses;
    let mut table = output::table(["validator", "withdrawn at height", "free at", "udadb"]);
    let mut json = Vec::new();
    for pair in &found {
        for entry in &pair.entries {
            let at = seconds(entry.completion_time.as_ref());
            json.push(json!({
                "validator": pair.validator_address, "creation_height": entry.creation_height,
                "completion_time": at, "udadb": entry.balance,
            }));
            table.add_row([
                pair.validator_address.clone(),
                entry.creation_height.to_string(),
                entry.completion_time.as_ref().map(ToString::to_string).unwrap_or_default(),
                amount(&entry.balance),
            ]);
        }
    }
    globals.print(&json!(json), || table.to_string());
    Ok(())
}

async fn redelegations(globals: &Globals, address: Option<&str>) -> Outcome {
    let delegator_addr = address_of(globals, address)?.to_string();
    let request = staking::QueryRedelegationsRequest {
        delegator_addr,
        pagination: page(),
        ..staking::QueryRedelegationsRequest::default()
    };
    let client = globals.session().await?.client;
    let found = client.redelegations(request).await?.redelegation_responses;
    let mut table = output::table(["from", "to", "matures at", "udadb"]);
    let mut json = Vec::new();
    for pair in &found {
        let moved = pair.redelegation.clone().unwrap_or_default();
        for entry in &pair.entries {
            let times = entry.redelegation_entry.clone().unwrap_or_default();
            json.push(json!({
                "from": moved.validator_src_address, "to": moved.validator_dst_address,
                "completion_time": seconds(times.completion_time.as_ref()), "udadb": entry.balance,
            }));
            table.add_row([
                moved.validator_src_address.clone(),
                moved.validator_dst_address.clone(),
                times.completion_time.as_ref().map(ToString::to_string).unwrap_or_default(),
                amount(&entry.balance),
            ]);
        }
    }
    globals.print(&json!(json), || table.to_string());
    Ok(())
}

pub(crate) async fn query_slashing(globals: &Globals, query: &SlashingQuery) -> Outcome {
    let SlashingQuery::SigningInfos = query;
    let request = QuerySigningInfosRequest { pagination: page() };
    let found = globals.session().await?.client.signing_infos(request).await?.info;
    let json: Vec<Json> = found
        .iter()
        .map(|info: &slashing::ValidatorSigningInfo| {
            json!({
                "address": info.address, "start_height": info.start_height,
                "missed_blocks": info.missed_blocks_counter, "tombstoned": info.tombstoned,
                "jailed_until": seconds(info.jailed_until.as_ref()),
            })
        })
        .collect();
    globals.print(&json!(json), || {
        let mut table = output::table(["consensus address", "since", "missed", "state"]);
        for info in &found {
            let state = match seconds(info.jailed_until.as_ref()) {
                _ if info.tombstoned => "tombstoned".into(),
                0 => String::new(),
                _ => format!(
                    "jailed until {}",
                    info.jailed_until.as_ref().map(ToString::to_string).unwrap_or_default()
                ),
            };
            table.add_row([
                info.address.clone(),
                info.start_height.to_string(),
                info.missed_blocks_counter.to_string(),
                state,
            ]);
        }
        table.to_string()
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_shown() {
        for (text, ppm) in [("0.1", 100_000), ("1", 1_000_000), ("0", 0), ("0.000001", 1)] {
            assert_eq!(parse_rate(text), Ok(ppm));
        }
        for wrong in ["", ".1", "1.1", "-1", "0.0000001", "a", "1e-1"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
        assert_eq!(percent("123400000000000000"), "12.34 %");
    }
}
