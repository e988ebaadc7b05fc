//! The state before the first block.
//!
//! 1. Accounts are numbered in the order of the genesis, from 0.
//! 2. Codes are numbered in the order of the genesis, from 1; code 1 is the stock `database` contract.
//! 3. Validators are made in the order of the genesis, each with its operator's delegation, whose coins come on top
//!    of what the accounts hold. Operators without an account get one after all accounts.
//! 4. `chain.params` keeps what genesis fixed, with a hash of the whole genesis.

use crate::app::ChainParams;
use crate::export;
use crate::upgrades::Software;
use dadbs_modules::params::{self, Definition, Param, fact};
use dadbs_modules::staking::{self, GenesisValidator};
use dadbs_modules::{
    Context, Writer, auth, bank, circuit, consensus, contract, distribution, feegrant, fees, gov,
    mint, rent, rewards, slashing, upgrade, votes,
};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::value::encode_rows;
use dadbs_types::{
    AccountAddress, Amount, BlockInfo, ConsensusParams, Error, Fatal, GasMeter, Hash,
    ValidatorUpdate, Value,
};
use dadbs_vm::Vm;
use std::collections::BTreeMap;

/// What the first state is made of. Its JSON form lives in `dadbs-genesis`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Names the chain in every signature, 1 to 48 characters.
    pub chain_id: String,
    /// Genesis time, nanoseconds since 1970-01-01 UTC.
    pub time_ns: i64,
    /// Height of the first block, at least 1.
    pub initial_height: u64,
    /// Least fee for 1,000,000 gas, in udadb.
    pub min_fee_per_million_gas: u64,
    /// Parameters that differ from their defaults, by name.
    pub params: BTreeMap<String, u64>,
    /// Who may pause in an emergency, if anybody.
    pub guardian: Option<AccountAddress>,
    /// Prefunded accounts, in udadb; numbered in this order.
    pub accounts: Vec<(AccountAddress, Amount)>,
    /// The validators that the chain begins with.
    pub validators: Vec<GenesisValidator>,
    /// Modules stored as code 1, 2, ... in this order; the first is the stock `database` contract.
    pub codes: Vec<Vec<u8>>,
    /// The state of another chain with which this one begins, instead of accounts and codes (see `export`).
    pub state: Option<ExportedState>,
}

/// The state that a chain takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportedState {
    /// The root over its rows.
    pub app_hash: Hash,
    /// How many upgrades it has taken up.
    pub app_version: u64,
}

impl Genesis {
    /// BLAKE3 over all of it, in hexadecimal (rule 4).
    pub fn hash(&self) -> String {
        let integer = |n: u64| Value::Text(n.to_string());
        let mut rows = vec![vec![
            Value::Text(self.chain_id.clone()),
            Value::Integer(self.time_ns),
            integer(self.initial_height),
            integer(self.min_fee_per_million_gas),
        ]];
        for (address, amount) in &self.accounts {
            rows.push(vec![Value::Text(address.to_string()), Value::Text(amount.to_string())]);
        }
        for validator in &self.validators {
            rows.push(vec![
                Value::Text(validator.operator.to_string()),
                Value::Blob(validator.consensus_key.to_vec()),
                integer(validator.tokens),
                Value::Text(validator.moniker.clone()),
                integer(validator.commission_ppm),
            ]);
        }
        let params = self.params.iter();
        rows.extend(params.map(|(name, value)| vec![Value::Text(name.clone()), integer(*value)]));
        if let Some(guardian) = self.guardian {
            rows.push(vec![Value::Text("guardian".into()), Value::Text(guardian.to_string())]);
        }
        if let Some(ExportedState { app_hash, app_version }) = self.state {
            rows.push(vec![Value::Blob(app_hash.to_vec()), integer(app_version)]);
        }
        rows.extend(self.codes.iter().map(|wasm| vec![Value::Blob(wasm.clone())]));
        dadbs_types::row::leaf_value(&encode_rows(&rows))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// What the consensus engine holds the first blocks to.
    pub fn consensus_params(&self) -> ConsensusParams {
        let value = |param: Param| {
            let Definition { name, default, .. } = param.definition();
            self.params.get(name).copied().unwrap_or(default)
        };
        consensus::of(value, self.state.map_or(0, |state| state.app_version))
    }

    /// What the state says of the genesis itself (rule 4).
    pub(crate) fn facts(&self) -> [(&'static str, String); 3] {
        [
            ("chain_id", self.chain_id.clone()),
            ("genesis_hash", self.hash()),
            ("initial_height", self.initial_height.to_string()),
        ]
    }

    /// The validator set that the chain begins with, sorted by key.
    pub fn validator_updates(&self) -> Vec<ValidatorUpdate> {
        staking::updates_of(&self.validators)
    }
}

/// Writes the genesis state into the open block of height 0.
pub(crate) fn apply(
    store: &mut Store,
    vm: &Vm,
    software: &Software,
    genesis: &Genesis,
) -> Result<(), Fatal> {
    store.begin_tx([0; 32])?;
    if genesis.state.is_some() {
        export::adopt(store, software, genesis)?;
        return fatal(store.commit_tx());
    }
    let genesis_s = u64::try_from(genesis.time_ns.div_euclid(1_000_000_000)).unwrap_or(0);
    let mut chosen = genesis.params.clone();
    let least_price = Param::LeastGasPrice.definition().name.to_string();
    chosen.insert(least_price, genesis.min_fee_per_million_gas);
    fatal(params::init(store, &chosen))?;
    auth::init(store)?;
    bank::init(store)?;
    votes::init(store)?;
    gov::init(store)?;
    upgrade::init(store)?;
    upgrade::record_versions(store, &software.versions())?;
    circuit::init(store)?;
    circuit::set_guardian(store, genesis.guardian)?;
    fees::init(store, genesis.initial_height)?;
    mint::init(store, genesis.time_ns.div_euclid(1_000_000))?;
    distribution::init(store)?;
    feegrant::init(store)?;
    contract::init(store)?;
    rent::init(store, genesis_s)?;
    for (name, value) in genesis.facts() {
        params::write_fact(store, name, &value)?;
    }
    for (address, amount) in &genesis.accounts {
        auth::create_account(store, *address)?;
        let amount = u64::try_from(amount.0)
            .map_err(|_| Fatal::new(format!("genesis gives {address} more than 2^63 - 1")))?;
        bank::mint(store, *address, DENOM, amount)?;
    }
    for name in bank::MODULE_ACCOUNTS {
        auth::create_account(store, AccountAddress::of_module(name))?;
    }
    let block = BlockInfo {
        height: genesis.initial_height.saturating_sub(1),
        time_ns: genesis.time_ns,
        ..BlockInfo::default()
    };
    let mut writer = Writer { store, block: &block, events: &mut Vec::new(), rows: 0 };
    fatal(staking::init(&mut writer, &genesis.validators))?;
    slashing::init(store)?;
    rewards::init(store)?;
    store_codes(store, vm, genesis)?;
    fatal(store.commit_tx())
}

fn store_codes(store: &mut Store, vm: &Vm, genesis: &Genesis) -> Result<(), Fatal> {
    let block = BlockInfo { time_ns: genesis.time_ns, ..BlockInfo::default() };
    for wasm in &genesis.codes {
        let mut context = Context {
            store: &mut *store,
            vm,
            block: &block,
            chain_id: &genesis.chain_id,
            fee_per_million_gas: genesis.min_fee_per_million_gas,
            tx_hash: [0; 32],
            gas: &mut GasMeter::new(u64::MAX),
            events: &mut Vec::new(),
        };
        fatal(contract::store_code(&mut context, bank::fee_collector(), wasm))?;
    }
    Ok(())
}

/// Genesis is not a transaction: what it cannot do is a fault.
fn fatal<T>(result: Result<T, Error>) -> Result<T, Fatal> {
    result.map_err(|error| match error {
        Error::Fatal(fatal) => fatal,
        Error::Rejected(rejection) => Fatal::new(format!("genesis is invalid: {rejection}")),
    })
}

/// What genesis fixed, if it was applied.
pub(crate) fn load_params(store: &Store) -> Result<Option<ChainParams>, Fatal> {
    if store.is_new() {
        return Ok(None);
    }
    let number = |name: &'static str| -> Result<u64, Fatal> {
        fact(store, name)?
            .parse()
            .map_err(|_| Fatal::new(format!("chain.params: {name} is no number")))
    };
    Ok(Some(ChainParams {
        chain_id: fact(store, "chain_id")?,
        initial_height: number("initial_height")?,
    }))
}

/// Refuses a genesis other than the one that was applied.
pub(crate) fn check_same(store: &Store, genesis: &Genesis) -> Result<(), Fatal> {
    let applied = fact(store, "genesis_hash")?;
    if applied == genesis.hash() {
        return Ok(());
    }
    Err(Fatal::new(format!(
        "this home holds chain \"{}\" of another genesis (hash {applied}): use another --home, or this chain's genesis file",
        fact(store, "chain_id")?
    )))
}
