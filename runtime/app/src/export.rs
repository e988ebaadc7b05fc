//! A chain that goes on under another name: the genesis of a state, and that state in a file.
//!
//! 1. The state is every row of the last committed height: accounts and sequences, stake, votes, parameters, contracts,
//!    tables and rows of users, what waits for a height or a time. The file carries the rows, the genesis their root.
//! 2. The new chain begins at the next height and at the time of the last block, so that what waits for a height or a time
//!    goes on waiting for it.
//! 3. The validators are those that the consensus engine was told last, the consensus parameters those that hold. Blocks,
//!    transactions and evidence stay behind, and with them who signed the last block.
//! 4. Three rows differ afterwards: `chain_id`, `genesis_hash` and `initial_height` of `chain.params`. With another chain
//!    id no transaction and no vote of the old chain counts on the new one.
//! 5. A state whose file, validators, consensus parameters or software are not those that the genesis names is refused.

use crate::app::AppConfig;
use crate::genesis::{ExportedState, Genesis};
use crate::upgrades::{self, Software};
use dadbs_modules::consensus;
use dadbs_modules::params::{self, Param};
use dadbs_modules::staking::{self, GenesisValidator, POWER_REDUCTION};
use dadbs_store::{Store, StoreConfig};
use dadbs_types::Fatal;
use std::path::Path;

/// Writes the last committed state of a stopped node into `file`, and gives the genesis that begins with it.
///
/// # Errors
/// If the store cannot be opened, has no genesis, or the file cannot be written.
pub fn export(config: &AppConfig, chain_id: &str, file: &Path) -> Result<Genesis, Fatal> {
    let store = Store::open(StoreConfig {
        verify_rows: config.verify_rows,
        ..StoreConfig::new(&config.dir)
    })?;
    if store.is_new() {
        return Err(Fatal::new(format!("{} has no state yet", config.dir.display())));
    }
    let genesis = genesis_of(&store, chain_id)?;
    store.export(file)?;
    Ok(genesis)
}

/// Rules 1 to 3.
fn genesis_of(store: &Store, chain_id: &str) -> Result<Genesis, Fatal> {
    let before = params::fact(store, "chain_id")?;
    if before == chain_id {
        return Err(Fatal::new(format!(
            "the chain is called \"{before}\" already: its validators would sign other blocks of the same name and \
             height; give the new chain another id"
        )));
    }
    let mut chosen = std::collections::BTreeMap::new();
    for param in Param::ALL.iter().filter(|param| **param != Param::LeastGasPrice) {
        let value = params::get(store, *param)?;
        if value != param.definition().default {
            chosen.insert(param.definition().name.to_string(), value);
        }
    }
    let validators = staking::bonded_validators(store)?.into_iter();
    let validators: Vec<GenesisValidator> = validators
        .filter(|validator| validator.tokens >= POWER_REDUCTION)
        .map(|validator| GenesisValidator {
            operator: validator.operator,
            consensus_key: validator.consensus_key,
            tokens: validator.tokens,
            moniker: validator.description.moniker,
            commission_ppm: validator.commission.ppm,
        })
        .collect();
    if staking::updates_of(&validators) != staking::told_updates(store)? {
        return Err(Fatal::new(
            "no validator is left that could begin a chain: the consensus engine keeps an older set",
        ));
    }
    Ok(Genesis {
        chain_id: chain_id.into(),
        time_ns: store.time_ms().saturating_mul(1_000_000),
        initial_height: store.height().saturating_add(1),
        min_fee_per_million_gas: params::get(store, Param::LeastGasPrice)?,
        params: chosen,
        guardian: None,
        accounts: Vec::new(),
        validators,
        codes: Vec::new(),
        state: Some(ExportedState {
            app_hash: store.app_hash(),
            app_version: consensus::params(store)?.app_version,
        }),
    })
}

/// Takes the exported state up into the open block of the height before the first one (rules 4 and 5).
pub(crate) fn adopt(
    store: &mut Store,
    software: &Software,
    genesis: &Genesis,
) -> Result<(), Fatal> {
    upgrades::check_opened(store, software, genesis.initial_height)?;
    if consensus::params(store)? != genesis.consensus_params() {
        return Err(other("other consensus parameters"));
    }
    if staking::told_updates(store)? != genesis.validator_updates() {
        return Err(other("other validators"));
    }
    for (name, value) in genesis.facts() {
        params::replace_fact(store, name, &value)?;
    }
    Ok(())
}

/// Refuses a store that is not what the genesis names (rule 5).
pub(crate) fn check_file(store: &Store, genesis: &Genesis) -> Result<(), Fatal> {
    match &genesis.state {
        None if store.is_exported() => Err(other("no state at all")),
        None => Ok(()),
        Some(state) => {
            let before_first = genesis.initial_height.checked_sub(1);
            if store.is_exported()
                && Some(store.height()) == before_first
                && store.app_hash() == state.app_hash
            {
                return Ok(());
            }
            Err(other("another state"))
        }
    }
}

fn other(what: &str) -> Fatal {
    Fatal::new(format!(
        "the genesis names {what} than app/state.db has: begin the home again with `dadbs init --exported` and both \
         files of one export"
    ))
}
