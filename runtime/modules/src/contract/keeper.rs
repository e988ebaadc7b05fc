//! Stores code, makes contracts and calls them.

use super::host::CallHost;
use super::query::{Contract, contract_by_name, load_module, output_rows};
use super::{SCHEMA, check_name};
use crate::auth;
use crate::context::{Context, integer};
use dadbs_abi::entry;
use dadbs_store::Store;
use dadbs_types::gas::price;
use dadbs_types::value::{encode_row, encode_rows};
use dadbs_types::{AccountAddress, Code, Error, Event, Fatal, Hash, Value};
use dadbs_vm::Access;
use sha2::{Digest, Sha256};

/// Makes the module's tables.
pub fn init(store: &mut Store) -> Result<(), Fatal> {
    SCHEMA.iter().try_for_each(|sql| store.execute(sql, &[]).map(drop))
}

/// Stores a module (rule 1); returns its id and hash.
pub fn store_code(
    context: &mut Context<'_>,
    creator: AccountAddress,
    wasm: &[u8],
) -> Result<(u64, Hash), Error> {
    let len = u64::try_from(wasm.len()).unwrap_or(u64::MAX);
    let info = context.vm.validate(wasm)?;
    context.gas.charge(info.store_gas)?;
    context.gas.charge_times(price::ROW_WRITE, 2)?;
    let code_hash: Hash = Sha256::digest(wasm).into();
    // Here, where it is paid for.
    context.vm.compile_new(&code_hash, wasm)?;
    let id = auth::next_number(context.store, "code")?;
    context.store.execute(
        "INSERT INTO chain_codes (id, hash, creator, bytes) VALUES (?1, ?2, ?3, ?4)",
        &[
            &integer(id)?,
            &Value::Blob(code_hash.to_vec()),
            &Value::Text(creator.to_string()),
            &integer(len)?,
        ],
    )?;
    context.store.execute(
        "INSERT INTO chain_modules (code_id, wasm) VALUES (?1, ?2)",
        &[&integer(id)?, &Value::Blob(wasm.to_vec())],
    )?;
    context.events.push(
        Event::new("contract.store_code").with("code_id", id).with("code_hash", hex(&code_hash)),
    );
    Ok((id, code_hash))
}

/// What `MsgInstantiate` asks for.
#[derive(Clone, Copy, Debug)]
pub struct Instantiate<'a> {
    /// Who asks, and is the caller of `init`.
    pub creator: AccountAddress,
    /// The code.
    pub code_id: u64,
    /// The name (rule 2).
    pub name: &'a str,
    /// Who may migrate it (rule 5).
    pub admin: Option<AccountAddress>,
    /// The arguments of `init`.
    pub arguments: &'a [Value],
}

/// Makes a contract (rules 2 to 4).
pub fn instantiate(
    context: &mut Context<'_>,
    request: &Instantiate<'_>,
) -> Result<(Contract, Vec<Vec<Value>>), Error> {
    check_name(request.name)?;
    context.gas.charge_times(price::ROW_WRITE, 3)?;
    if contract_by_name(context.store, request.name)?.is_some() {
        return Err(Error::rejected(
            Code::NameTaken,
            format!("a database \"{}\" exists already: choose another name", request.name),
        ));
    }
    load_module(context.store, request.code_id)?;
    let id = auth::next_number(context.store, "contract")?;
    let contract = Contract {
        id,
        name: request.name.into(),
        address: AccountAddress::of_contract(id),
        code_id: request.code_id,
        admin: request.admin,
        creator: request.creator.to_string(),
    };
    context.store.execute(
        "INSERT INTO chain_contracts (id, name, address, code_id, admin, creator)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            &integer(id)?,
            &Value::Text(contract.name.clone()),
            &Value::Text(contract.address.to_string()),
            &integer(contract.code_id)?,
            &Value::from(contract.admin.map(|admin| admin.to_string())),
            &Value::Text(contract.creator.clone()),
        ],
    )?;
    auth::create_account(context.store, contract.address)?;
    context.events.push(
        Event::new("contract.instantiate")
            .with("name", &contract.name)
            .with("contract_id", id)
            .with("code_id", contract.code_id),
    );
    let output =
        call(context, &contract, request.creator, entry::INIT, &encode_row(request.arguments))?;
    let rows = output_rows(&output)?;
    Ok((contract, rows))
}

/// Runs `call_<name>` (rule 6).
pub fn execute(
    context: &mut Context<'_>,
    sender: AccountAddress,
    name: &str,
    entry_name: &str,
    arguments: &[Value],
) -> Result<Vec<Vec<Value>>, Error> {
    let contract = require(context, name)?;
    let entry = format!("{}{entry_name}", entry::CALL_PREFIX);
    context
        .events
        .push(Event::new("contract.execute").with("name", name).with("entry", entry_name));
    let output = call(context, &contract, sender, &entry, &encode_row(arguments))?;
    output_rows(&output)
}

/// One statement of `dadbs.sql.v1.MsgExec` with its rows of parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The text.
    pub sql: String,
    /// One execution per row; one without parameters if there are none.
    pub rows: Vec<Vec<Value>>,
}

/// Runs statements through the entry point `batch`; returns the changed rows of each.
pub fn sql_exec(
    context: &mut Context<'_>,
    sender: AccountAddress,
    name: &str,
    statements: &[Statement],
) -> Result<Vec<u64>, Error> {
    let mut arguments = Vec::with_capacity(statements.len().saturating_mul(2));
    for statement in statements {
        arguments.push(Value::Text(statement.sql.clone()));
        arguments.push(match &statement.rows[..] {
            [] => Value::Null,
            rows => Value::Blob(encode_rows(rows)),
        });
    }
    let results = execute(context, sender, name, "batch", &arguments)?;
    results
        .iter()
        .map(|row| match row.first() {
            Some(Value::Integer(changes)) => Ok(u64::try_from(*changes).unwrap_or(0)),
            _ => Err(Error::rejected(
                Code::WasmAbort,
                format!("the entry point `batch` of {name} answers no count of changes: call it with `dadbs contract call`"),
            )),
        })
        .collect()
}

/// Moves a contract to other code (rule 5).
pub fn migrate(
    context: &mut Context<'_>,
    sender: AccountAddress,
    name: &str,
    code_id: u64,
    arguments: &[Value],
) -> Result<Vec<Vec<Value>>, Error> {
    let mut contract = require(context, name)?;
    if contract.admin != Some(sender) {
        let admin = contract.admin.map_or("nobody".to_owned(), |admin| admin.to_string());
        return Err(Error::rejected(
            Code::NotAdmin,
            format!("{sender} may not migrate {name}: its admin is {admin}"),
        ));
    }
    context.gas.charge(price::ROW_WRITE)?;
    load_module(context.store, code_id)?;
    context.store.execute(
        "UPDATE chain_contracts SET code_id = ?2 WHERE id = ?1",
        &[&integer(contract.id)?, &integer(code_id)?],
    )?;
    contract.code_id = code_id;
    context.events.push(Event::new("contract.migrate").with("name", name).with("code_id", code_id));
    let output = call(context, &contract, sender, entry::MIGRATE, &encode_row(arguments))?;
    output_rows(&output)
}

fn require(context: &mut Context<'_>, name: &str) -> Result<Contract, Error> {
    contract_by_name(context.store, name)?.ok_or_else(|| {
        Error::rejected(
            Code::ContractNotFound,
            format!("there is no database \"{name}\": `dadbs contract list` shows all"),
        )
    })
}

/// Calls one entry point (rules 6 and 8).
fn call(
    context: &mut Context<'_>,
    contract: &Contract,
    caller: AccountAddress,
    entry: &str,
    input: &[u8],
) -> Result<Vec<u8>, Error> {
    let code = load_module(context.store, contract.code_id)?.load(context.vm, context.store)?;
    let mut gas = context.gas.clone();
    let vm = context.vm;
    let result = {
        let _span = tracing::trace_span!("contract").entered();
        let mut host = CallHost::new(context, contract, caller);
        vm.call(&code, entry, input, &mut host, &mut gas, Access::Write)
    };
    *context.gas = gas;
    result
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
