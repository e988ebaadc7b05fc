//! Stores code, makes contracts and calls them.

use super::host::{CallHost, Frame, pay};
use super::query::{Contract, contract_by_name, load_module, newest_of_hash, output_rows};
use super::rules::{Rules, check_path};
use super::{SCHEMA, check_name};
use crate::context::{Context, Rows, integer};
use crate::{auth, circuit};
use dadbs_abi::entry;
use dadbs_store::Store;
use dadbs_types::gas::price;
use dadbs_types::value::{encode_row, encode_rows};
use dadbs_types::{AccountAddress, Code, Coin, Error, Event, Fatal, GasMeter, Hash, Value};
use dadbs_vm::{Access, Stack};
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
    let rules = Rules::of(&info)?.encode();
    let code_hash: Hash = Sha256::digest(wasm).into();
    // Here, where it is paid for.
    context.vm.compile_new(&code_hash, wasm)?;
    let id = auth::next_number(context.store, "code")?;
    context.store.execute(
        "INSERT INTO chain_codes (id, hash, creator, bytes, rules) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            &integer(id)?,
            &Value::Blob(code_hash.to_vec()),
            &Value::Text(creator.to_string()),
            &integer(len)?,
            &Value::Blob(rules),
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
    circuit::check_contract(context.store, request.name)?;
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
    let output = first(context, &contract, request.creator, entry::INIT, request.arguments)?;
    let rows = output_rows(&output)?;
    Ok((contract, rows))
}

/// Runs `call_<name>` with coins of the sender, which may be none (rules 6 and 9).
pub fn execute(
    context: &mut Context<'_>,
    sender: AccountAddress,
    name: &str,
    entry_name: &str,
    arguments: &[Value],
    coins: Vec<Coin>,
) -> Result<Vec<Vec<Value>>, Error> {
    let contract = require(context, name)?;
    let entry = format!("{}{entry_name}", entry::CALL_PREFIX);
    context
        .events
        .push(Event::new("contract.execute").with("name", name).with("entry", entry_name));
    let output = call(context, &contract, sender, &entry, &encode_row(arguments), coins)?;
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
    let results = execute(context, sender, name, "batch", &arguments, Vec::new())?;
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

/// What `MsgMigrate` asks for.
#[derive(Clone, Copy, Debug)]
pub struct Migrate<'a> {
    /// The contract.
    pub name: &'a str,
    /// The new code; 0 for the newest one with the hash `code_hash`.
    pub code_id: u64,
    /// The hash that the new code must have; empty for any.
    pub code_hash: &'a [u8],
    /// The hash that the old code must have; empty for any.
    pub replaces_hash: &'a [u8],
    /// The arguments of `migrate`.
    pub arguments: &'a [Value],
}

/// Refuses code of another hash than the one that was named.
fn check_hash(rows: &impl Rows, code_id: u64, named: &[u8]) -> Result<(), Error> {
    let hash = load_module(rows, code_id)?.code_hash;
    if named.is_empty() || named == hash {
        return Ok(());
    }
    let (hash, named) = (hex(&hash), hex(named));
    let message = format!("code {code_id} has the hash {hash}, not {named}");
    Err(Error::rejected(Code::CodeHash, message))
}

/// Moves a contract to other code (rule 5).
pub fn migrate(
    context: &mut Context<'_>,
    sender: AccountAddress,
    request: &Migrate<'_>,
) -> Result<Vec<Vec<Value>>, Error> {
    let &Migrate { name, arguments, .. } = request;
    let mut contract = require(context, name)?;
    if contract.admin != Some(sender) {
        let admin = contract.admin.map_or("nobody".to_owned(), |admin| admin.to_string());
        return Err(Error::rejected(
            Code::NotAdmin,
            format!("{sender} may not migrate {name}: its admin is {admin}"),
        ));
    }
    context.gas.charge(price::ROW_WRITE)?;
    let code_id = match request.code_id {
        0 => newest_of_hash(context.store, request.code_hash)?,
        code_id => code_id,
    };
    check_hash(context.store, code_id, request.code_hash)?;
    check_hash(context.store, contract.code_id, request.replaces_hash)?;
    context.store.execute(
        "UPDATE chain_contracts SET code_id = ?2 WHERE id = ?1",
        &[&integer(contract.id)?, &integer(code_id)?],
    )?;
    contract.code_id = code_id;
    context.events.push(Event::new("contract.migrate").with("name", name).with("code_id", code_id));
    let output = first(context, &contract, sender, entry::MIGRATE, arguments)?;
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

/// Runs `init` or `migrate`, which see all rows; then predicates must fit the schema (rule 12).
fn first(
    context: &mut Context<'_>,
    contract: &Contract,
    caller: AccountAddress,
    entry: &str,
    arguments: &[Value],
) -> Result<Vec<u8>, Error> {
    let frame = Frame { row_access: false, is_setup: true, ..outermost(contract, caller) };
    metered(context, |context, gas| {
        let output = run(context, contract, frame, entry, &encode_row(arguments), gas)?;
        let rules = load_module(context.store, contract.code_id)?.rules;
        if let Some(access) = rules.row_access(None) {
            context.store.check_row_access(contract.id, &access, false, gas)?;
        }
        Ok(output)
    })
}

/// Calls one entry point for the signer of the transaction.
fn call(
    context: &mut Context<'_>,
    contract: &Contract,
    caller: AccountAddress,
    entry: &str,
    input: &[u8],
    coins: Vec<Coin>,
) -> Result<Vec<u8>, Error> {
    metered(context, |context, gas| {
        pay(context, caller, contract.address, &coins, gas)?;
        let frame = Frame { coins, ..outermost(contract, caller) };
        run(context, contract, frame, entry, input, gas)
    })
}

/// Runs `work` on the transaction's meter.
pub(super) fn metered<T>(
    context: &mut Context<'_>,
    work: impl FnOnce(&mut Context<'_>, &mut GasMeter) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut gas = context.gas.clone();
    let done = work(context, &mut gas);
    *context.gas = gas;
    done
}

/// The frame of a call that no contract makes.
pub(super) fn outermost(contract: &Contract, caller: AccountAddress) -> Frame {
    Frame {
        caller,
        origin: caller,
        coins: Vec::new(),
        path: vec![contract.id],
        access: Access::Write,
        stack: Stack::FULL,
        row_access: true,
        is_setup: false,
    }
}

/// Runs one entry point in its frame (rules 6, 8, 9 and 10). The coins have been moved.
pub(super) fn run(
    context: &mut Context<'_>,
    contract: &Contract,
    frame: Frame,
    entry: &str,
    input: &[u8],
    gas: &mut GasMeter,
) -> Result<Vec<u8>, Error> {
    check_path(&frame.path)?;
    if !frame.is_setup {
        circuit::check_contract(context.store, &contract.name)?;
    }
    let module = load_module(context.store, contract.code_id)?;
    if frame.path.len() > 1 {
        gas.charge_times(price::WASM_LOAD_BYTE, module.bytes)?;
    }
    if !frame.coins.is_empty() && !module.rules.is_payable(entry) {
        let text = format!("{entry} of {} takes no coins: it is not payable", contract.name);
        return Err(Error::rejected(Code::NotPayable, text));
    }
    let code = module.load(context.vm, context.store)?;
    let (vm, access, stack) = (context.vm, frame.access, frame.stack);
    let _span = tracing::trace_span!("contract").entered();
    let mut host = CallHost { context, contract, rules: &module.rules, frame };
    vm.call_within(&code, entry, input, &mut host, gas, access, stack)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
