//! Genesis, the end of a block, and the validator set.

use super::delegation::{genesis_delegation, move_tokens};
use super::validator::{
    Commission, Description, Status, Validator, bonded_validators, candidates, claim_key, save,
};
use super::{POWER_REDUCTION, bonded_pool, history, maturity, not_bonded_pool};
use crate::context::{Rows, Table, Writer, integer};
use crate::params::{self, PPM, Param};
use crate::votes::Ages;
use crate::{auth, context};
use dadbs_store::Store;
use dadbs_types::{AccountAddress, Error, Event, Fatal, ValidatorUpdate, Value};
use std::collections::{BTreeMap, BTreeSet};

const SET: Table = Table("chain.validator_set");

/// From the block that changes the set to the first that the new set signs.
const UPDATE_HEIGHTS: u64 = 2;

/// The most commission, and its most growth in a day, of a validator of genesis.
const GENESIS_COMMISSION: (u64, u64) = (PPM, 10_000);

/// A validator that the chain begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisValidator {
    /// Who runs it.
    pub operator: AccountAddress,
    /// The ed25519 key that it signs blocks with.
    pub consensus_key: [u8; 32],
    /// What its operator delegates to it, beyond what the accounts of the genesis hold.
    pub tokens: u64,
    /// Its name.
    pub moniker: String,
    /// What it keeps of its delegators' rewards, in millionths.
    pub commission_ppm: u64,
}

/// The set that the chain begins with, by key, as the consensus engine is told.
pub fn updates_of(validators: &[GenesisValidator]) -> Vec<ValidatorUpdate> {
    let powers: BTreeMap<_, _> = validators
        .iter()
        .map(|validator| (validator.consensus_key, validator.tokens / POWER_REDUCTION))
        .collect();
    powers.into_iter().map(|(key, power)| ValidatorUpdate { key, power }).collect()
}

/// Makes the module's tables with the validators of a genesis.
///
/// # Errors
/// A rejection if an operator or a key is named twice.
pub fn init(writer: &mut Writer<'_>, validators: &[GenesisValidator]) -> Result<(), Error> {
    for sql in super::SCHEMA {
        writer.store.execute(sql, &[])?;
    }
    let mut operators = BTreeSet::new();
    for genesis in validators {
        if !operators.insert(genesis.operator) {
            let message = format!("{} runs two validators", genesis.operator);
            return Err(Error::rejected(dadbs_types::Code::ValidatorExists, message));
        }
        auth::create_account(writer.store, genesis.operator)?;
        claim_key(writer.store, genesis.operator, &genesis.consensus_key)?;
        let mut validator = of_genesis(genesis, writer.block.height, writer.block.time_s());
        genesis_delegation(writer, &mut validator, genesis.tokens)?;
    }
    let updates = updates_of(validators);
    for update in &updates {
        set_power(writer.store, update)?;
    }
    if updates.is_empty() {
        return Ok(());
    }
    Ok(history::note(writer, writer.block.height.saturating_add(1))?)
}

fn of_genesis(genesis: &GenesisValidator, height: u64, time: u64) -> Validator {
    let (max_ppm, max_change_ppm) = GENESIS_COMMISSION;
    Validator {
        operator: genesis.operator,
        consensus_key: genesis.consensus_key,
        key_time: 0,
        status: Status::Bonded,
        jailed: false,
        jailed_until: 0,
        tombstoned: false,
        tokens: 0,
        shares: 0,
        ages: Ages::default(),
        commission: Commission { ppm: genesis.commission_ppm, max_ppm, max_change_ppm, time },
        min_self_delegation: 1,
        bonded_height: height,
        unbonding_height: 0,
        unbonding_time: 0,
        description: Description { moniker: genesis.moniker.clone(), ..Description::default() },
    }
}

fn set_power(store: &mut Store, update: &ValidatorUpdate) -> Result<(), Fatal> {
    let key = Value::Blob(update.key.to_vec());
    if update.power == 0 {
        store.execute("DELETE FROM chain_validator_set WHERE key = ?1", &[&key])?;
    } else {
        store.execute(
            "INSERT INTO chain_validator_set (key, power) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET power = excluded.power",
            &[&key, &integer(update.power)?],
        )?;
    }
    Ok(())
}

/// The set that the consensus engine has been told, by key.
pub fn told_updates(rows: &impl Rows) -> Result<Vec<ValidatorUpdate>, Fatal> {
    Ok(told(rows)?.into_iter().map(|(key, power)| ValidatorUpdate { key, power }).collect())
}

/// What the consensus engine was told last: powers by key.
pub(super) fn told(rows: &impl Rows) -> Result<BTreeMap<[u8; 32], u64>, Fatal> {
    let found = rows.rows("SELECT key, power FROM chain_validator_set", &[])?;
    found
        .iter()
        .map(|row| {
            let key = SET.blob(row, 0)?.try_into().map_err(|_| {
                Fatal::new(
                    "chain.validator_set: a key has no 32 bytes: restore the store from a copy",
                )
            })?;
            Ok((key, SET.count(row, 1)?))
        })
        .collect()
}

/// The set that should be: at most as many as there may be, the strongest (rule 3 of the module).
pub(super) fn desired(rows: &impl Rows) -> Result<Vec<Validator>, Fatal> {
    candidates(rows, params::get(rows, Param::MaxValidators)?)
}

/// The end of a block: the new set, then what matures. Returns what the consensus engine is told (rule 4 of the
/// module).
pub fn end_block(writer: &mut Writer<'_>) -> Result<Vec<ValidatorUpdate>, Fatal> {
    let updates = change_set(writer)?;
    maturity::mature(writer)?;
    Ok(updates)
}

fn change_set(writer: &mut Writer<'_>) -> Result<Vec<ValidatorUpdate>, Fatal> {
    let desired = desired(writer.store)?;
    let told = told(writer.store)?;
    if desired.is_empty() {
        if !told.is_empty() {
            let message = "no validator may be in the set: the old one stays";
            writer.events.push(Event::new("validator_set_guard").with("why", message));
        }
        return Ok(Vec::new());
    }
    let operators: BTreeSet<_> = desired.iter().map(|validator| validator.operator).collect();
    for leaving in bonded_validators(writer.store)? {
        if !operators.contains(&leaving.operator) {
            leave(writer, leaving)?;
        }
    }
    let mut powers = BTreeMap::new();
    for validator in desired {
        powers.insert(validator.consensus_key, validator.tokens / POWER_REDUCTION);
        if validator.status != Status::Bonded {
            enter(writer, validator)?;
        }
    }
    let updates = difference(&told, &powers);
    for update in &updates {
        set_power(writer.store, update)?;
    }
    if !updates.is_empty() {
        history::note(writer, writer.block.height.saturating_add(UPDATE_HEIGHTS))?;
    }
    Ok(updates)
}

/// What the consensus engine is told so that the set it was `told` becomes that of `powers`: each key at most once,
/// those that are gone first.
pub fn difference(
    told: &BTreeMap<[u8; 32], u64>,
    powers: &BTreeMap<[u8; 32], u64>,
) -> Vec<ValidatorUpdate> {
    let gone = told.keys().filter(|key| !powers.contains_key(*key));
    let mut updates: Vec<_> = gone.map(|key| ValidatorUpdate { key: *key, power: 0 }).collect();
    let changed = powers.iter().filter(|(key, power)| told.get(*key) != Some(*power));
    updates.extend(changed.map(|(key, power)| ValidatorUpdate { key: *key, power: *power }));
    updates
}

pub(super) fn status_event(writer: &mut Writer<'_>, validator: &Validator) {
    writer.events.push(
        Event::new("validator_status")
            .with("validator", validator.address())
            .with("status", validator.status.name()),
    );
}

fn enter(writer: &mut Writer<'_>, mut validator: Validator) -> Result<(), Fatal> {
    context::certain(move_tokens(writer, not_bonded_pool(), bonded_pool(), validator.tokens))?;
    validator.status = Status::Bonded;
    validator.bonded_height = writer.block.height;
    (validator.unbonding_height, validator.unbonding_time) = (0, 0);
    status_event(writer, &validator);
    save(writer.store, &validator)
}

fn leave(writer: &mut Writer<'_>, mut validator: Validator) -> Result<(), Fatal> {
    context::certain(move_tokens(writer, bonded_pool(), not_bonded_pool(), validator.tokens))?;
    let wait = params::get(writer.store, Param::UnbondingTime)?;
    validator.status = Status::Unbonding;
    validator.unbonding_height = writer.block.height;
    validator.unbonding_time = writer.block.time_s().saturating_add(wait);
    status_event(writer, &validator);
    save(writer.store, &validator)
}
