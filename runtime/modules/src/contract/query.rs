//! Reads code and contracts; runs views.

use super::rules::Rules;
use super::view_host::{Reading, ViewFrame};
use crate::context::{Rows, Table, integer};
use dadbs_abi::entry;
use dadbs_store::{RowAccess, View};
use dadbs_types::limits::SQL_RESULT_ROWS_MAX;
use dadbs_types::value::{decode_rows, encode_row};
use dadbs_types::{AccountAddress, Code, Error, Fatal, GasMeter, Hash, Value};
use dadbs_vm::{CodeInfo, Vm};
use std::sync::Arc;

const CODES: Table = Table("chain.codes");
const CONTRACTS: Table = Table("chain.contracts");

/// One contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Its id: the number in the physical names of its tables.
    pub id: u64,
    /// Its unique name.
    pub name: String,
    /// The account that it is.
    pub address: AccountAddress,
    /// The code that it runs.
    pub code_id: u64,
    /// Who may migrate it.
    pub admin: Option<AccountAddress>,
    /// Who made it.
    pub creator: String,
}

/// A stored module, not yet loaded.
#[derive(Clone, Debug)]
pub(super) struct Module {
    code_id: u64,
    /// Its SHA-256.
    pub(super) code_hash: Hash,
    /// Bytes of the module.
    pub(super) bytes: u64,
    /// What the chain does around its entry points.
    pub(super) rules: Rules,
}

impl Module {
    /// The compiled code: from memory, from disk or compiled now.
    pub(super) fn load(&self, vm: &Vm, rows: &impl Rows) -> Result<Arc<dadbs_vm::Code>, Error> {
        vm.load(&self.code_hash, &mut || {
            let found = rows.rows(
                "SELECT wasm FROM chain_modules WHERE code_id = ?1",
                &[&integer(self.code_id)?],
            )?;
            let row = found.first().ok_or_else(|| {
                Fatal::new(format!("chain.modules lacks code {}: restore the store", self.code_id))
            })?;
            Ok(Table("chain.modules").blob(row, 0)?)
        })
    }
}

/// The module of a code id.
pub(super) fn load_module(rows: &impl Rows, code_id: u64) -> Result<Module, Error> {
    // An id beyond 63 bits exists no more than any other unknown one.
    let id = Value::Integer(i64::try_from(code_id).unwrap_or(-1));
    let found = rows.rows("SELECT hash, bytes, rules FROM chain_codes WHERE id = ?1", &[&id])?;
    let Some(row) = found.first() else {
        return Err(Error::rejected(Code::CodeNotFound, format!("there is no code {code_id}")));
    };
    let code_hash = Hash::try_from(CODES.blob(row, 0)?.as_slice())
        .map_err(|_| Fatal::new(format!("the hash of code {code_id} is not 32 bytes")))?;
    let rules = Rules::decode(&CODES.blob(row, 2)?)?;
    Ok(Module { code_id, code_hash, bytes: CODES.count(row, 1)?, rules })
}

/// The newest code of a hash.
pub(super) fn newest_of_hash(rows: &impl Rows, hash: &[u8]) -> Result<u64, Error> {
    let found = rows.rows(
        "SELECT id FROM chain_codes WHERE hash = ?1 ORDER BY id DESC LIMIT 1",
        &[&Value::Blob(hash.to_vec())],
    )?;
    let row = found.first().ok_or_else(|| {
        Error::rejected(Code::CodeNotFound, "no code has this hash: store it before")
    })?;
    Ok(CODES.count(row, 0)?)
}

const COLUMNS: &str = "id, name, address, code_id, admin, creator";
const BY_NAME: &str =
    "SELECT id, name, address, code_id, admin, creator FROM chain_contracts WHERE name = ?1";
const ALL: &str =
    "SELECT id, name, address, code_id, admin, creator FROM chain_contracts ORDER BY id";

fn contract(row: &[Value]) -> Result<Contract, Fatal> {
    let address = |text: String| {
        text.parse::<AccountAddress>()
            .map_err(|error| Fatal::new(format!("chain.contracts ({COLUMNS}): {error}")))
    };
    Ok(Contract {
        id: CONTRACTS.count(row, 0)?,
        name: CONTRACTS.text(row, 1)?,
        address: address(CONTRACTS.text(row, 2)?)?,
        code_id: CONTRACTS.count(row, 3)?,
        admin: CONTRACTS.optional_text(row, 4)?.map(address).transpose()?,
        creator: CONTRACTS.text(row, 5)?,
    })
}

/// The contract of this name, if there is one.
pub fn contract_by_name(rows: &impl Rows, name: &str) -> Result<Option<Contract>, Fatal> {
    let found = rows.rows(BY_NAME, &[&Value::Text(name.into())])?;
    found.first().map(|row| contract(row)).transpose()
}

/// The contract that a client names as its database.
///
/// # Errors
/// A rejection if there is none.
pub fn require(rows: &impl Rows, name: &str) -> Result<Contract, Error> {
    contract_by_name(rows, name)?.ok_or_else(|| {
        Error::rejected(Code::ContractNotFound, format!("there is no database \"{name}\""))
    })
}

/// The contract that another one calls.
pub(super) fn called(rows: &impl Rows, name: &str) -> Result<Contract, Error> {
    contract_by_name(rows, name)?.ok_or_else(|| {
        Error::rejected(Code::ContractNotFound, format!("there is no contract \"{name}\""))
    })
}

/// The contract with this id, if there is one.
pub(super) fn contract_by_id(rows: &impl Rows, id: u64) -> Result<Option<Contract>, Fatal> {
    let found = rows.rows(
        "SELECT id, name, address, code_id, admin, creator FROM chain_contracts WHERE id = ?1",
        &[&integer(id)?],
    )?;
    found.first().map(|row| contract(row)).transpose()
}

/// What statements of this caller on a contract's tables are held to (rule 12).
pub fn row_access(
    rows: &impl Rows,
    contract: &Contract,
    caller: Option<AccountAddress>,
) -> Result<Option<RowAccess>, Error> {
    Ok(load_module(rows, contract.code_id)?.rules.row_access(caller))
}

/// All contracts in the order of their making.
pub fn contracts(rows: &impl Rows) -> Result<Vec<Contract>, Fatal> {
    rows.rows(ALL, &[])?.iter().map(|row| contract(row)).collect()
}

/// A stored code: its hash, creator, size and description.
#[derive(Clone, Debug)]
pub struct StoredCode {
    /// SHA-256 of the module.
    pub hash: Vec<u8>,
    /// Who stored it.
    pub creator: String,
    /// Bytes of the module.
    pub bytes: u64,
    /// Its entry points.
    pub info: CodeInfo,
}

/// What is known of a code.
pub fn code_info(rows: &impl Rows, vm: &Vm, code_id: u64) -> Result<StoredCode, Error> {
    load_module(rows, code_id)?;
    let found = rows.rows(
        "SELECT hash, creator, bytes, wasm FROM chain_codes JOIN chain_modules ON code_id = id
         WHERE id = ?1",
        &[&integer(code_id)?],
    )?;
    let row = found.first().ok_or_else(|| Fatal::new("chain.modules lacks a code"))?;
    Ok(StoredCode {
        hash: CODES.blob(row, 0)?,
        creator: CODES.text(row, 1)?,
        bytes: CODES.count(row, 2)?,
        info: vm.validate(&CODES.blob(row, 3)?)?,
    })
}

/// What `Query/View` asks for.
#[derive(Clone, Copy, Debug)]
pub struct ViewCall<'a> {
    /// The chain's id.
    pub chain_id: &'a str,
    /// Who the contract sees as its caller.
    pub caller: Option<AccountAddress>,
    /// The database.
    pub name: &'a str,
    /// The entry point without its prefix.
    pub entry: &'a str,
    /// Its arguments.
    pub arguments: &'a [Value],
}

/// Runs `view_<entry>` on a committed height (rule 7).
pub fn view(
    view: &mut View,
    vm: &Vm,
    request: &ViewCall<'_>,
    gas: &mut GasMeter,
) -> Result<Vec<Vec<Value>>, Error> {
    let contract = require(view, request.name)?;
    let entry = format!("{}{}", entry::VIEW_PREFIX, request.entry);
    let input = encode_row(request.arguments);
    let mut reading = Reading { view, vm, chain_id: request.chain_id };
    let frame =
        ViewFrame { caller: request.caller, origin: request.caller, path: vec![contract.id] };
    let output = reading.run(&contract, frame, &entry, &input, gas, None)?;
    output_rows(&output)
}

/// The rows that a contract answers; no output is no rows.
pub(super) fn output_rows(output: &[u8]) -> Result<Vec<Vec<Value>>, Error> {
    if output.is_empty() {
        return Ok(Vec::new());
    }
    decode_rows(output, SQL_RESULT_ROWS_MAX.saturating_add(1)).map_err(|error| {
        Error::rejected(Code::WasmHost, format!("the contract's output is not rows: {error}"))
    })
}
