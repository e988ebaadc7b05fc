//! Validators, delegations, and who has missed blocks.

use super::faults;
use crate::cli::context::Globals;
use crate::cli::distribution::operator;
use crate::cli::exit::Outcome;
use crate::cli::output::{self, grouped};
use crate::cli::query::address_of;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs_client::proto::cosmos::base::query::v1beta1::PageRequest;
use dadbs_client::proto::cosmos::crypto::ed25519::PubKey;
use dadbs_client::proto::cosmos::slashing::v1beta1::{self as slashing, QuerySigningInfosRequest};
use dadbs_client::proto::cosmos::staking::v1beta1 as staking;
use dadbs_client::proto::cosmos::staking::v1beta1::BondStatus;
use dadbs_types::decimal;
use prost_types::Timestamp;
use serde_json::{Value as Json, json};

/// Rows that one list asks for.
const ROWS: u64 = 1_000;

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
    /// Faults that wait before they cost stake, and what became of others
    Faults {
        /// `pending`, `executed`, `cancelled` or `failed` [default: all]
        #[arg(long, default_value = "")]
        status: String,
    },
    /// One fault
    Fault {
        /// Its number
        id: u64,
    },
}

/// A decimal of the wire for people: a rate in percent.
fn percent(text: &str) -> String {
    let ppm = decimal::to_ppm(text).unwrap_or(0);
    format!("{}.{:02} %", ppm / 10_000, ppm % 10_000 / 100)
}

#[expect(clippy::unnecessary_wraps, reason = "a field of the wire")]
pub(super) fn page() -> Option<PageRequest> {
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
    match query {
        SlashingQuery::SigningInfos => signing_infos(globals).await,
        SlashingQuery::Faults { status } => faults::list(globals, status).await,
        SlashingQuery::Fault { id } => faults::show(globals, *id).await,
    }
}

async fn signing_infos(globals: &Globals) -> Outcome {
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
    fn rates_are_shown() {
        assert_eq!(percent("123400000000000000"), "12.34 %");
    }
}
