//! A host for contracts over SQLite: one database behind the front door, no store and no state tree.
//!
//! 1. A call is a savepoint: a failed call leaves nothing.
//! 2. Every statement passes the front door, which also answers `sql_inspect`; what runs is the text
//!    itself, since one database needs no prefix.
//! 3. SQL costs nothing here: gas is the contract's own and that of the crossings.

use dadbs_sql::{Namespace, Purpose, Statement};
use dadbs_types::value::{decode_rows, encode_row};
use dadbs_types::{AccountAddress, Code, Error, Fatal, GasMeter, Rejection, Result, Value};
use dadbs_vm::{Access, Answer, Host, Vm};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, params_from_iter};
use std::sync::Arc;

/// Gas that no call of the tests reaches.
const GAS: u64 = 1_000_000_000;

/// What a call gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The output rows.
    pub rows: Vec<Vec<Value>>,
    /// Gas used.
    pub gas: u64,
    /// The host functions of SQL and context that were called, in order.
    pub host_calls: Vec<&'static str>,
    /// The types of the events.
    pub events: Vec<String>,
}

/// A contract in the VM, with a database of its own.
pub struct Contract {
    vm: Vm,
    code: Arc<dadbs_vm::Code>,
    database: Connection,
}

impl Contract {
    /// Validates and loads a module; nothing is called.
    ///
    /// # Errors
    /// Whatever the VM says of the module.
    pub fn load(wasm: &[u8]) -> Result<Contract> {
        let vm = Vm::new(None)?;
        vm.validate(wasm)?;
        let code = vm.load(&[0; 32], &mut || Ok(wasm.to_vec()))?;
        let database = Connection::open_in_memory().map_err(|error| fault(&error))?;
        database.execute_batch("PRAGMA foreign_keys = on").map_err(|error| fault(&error))?;
        Ok(Contract { vm, code, database })
    }

    /// Calls an entry point that may write, as `caller`.
    ///
    /// # Errors
    /// The rejection of the contract or of the VM; everything is undone.
    pub fn call(&self, caller: &str, entry: &str, arguments: &[Value]) -> Result<Outcome> {
        self.run(caller, entry, arguments, Access::Write)
    }

    /// Calls a view as nobody.
    ///
    /// # Errors
    /// The rejection of the contract or of the VM.
    pub fn view(&self, entry: &str, arguments: &[Value]) -> Result<Outcome> {
        self.run("", entry, arguments, Access::Read)
    }

    fn run(
        &self,
        caller: &str,
        entry: &str,
        arguments: &[Value],
        access: Access,
    ) -> Result<Outcome> {
        let mut host = SqlHost { database: &self.database, caller, calls: vec![], events: vec![] };
        let mut gas = GasMeter::new(GAS);
        host.batch("SAVEPOINT call")?;
        let input = encode_row(arguments);
        let outcome = self.vm.call(&self.code, entry, &input, &mut host, &mut gas, access);
        let end = if outcome.is_ok() { "RELEASE call" } else { "ROLLBACK TO call; RELEASE call" };
        host.batch(end)?;
        let output = outcome?;
        let rows = if output.is_empty() { vec![] } else { decode(&output)? };
        Ok(Outcome { rows, gas: gas.used(), host_calls: host.calls, events: host.events })
    }
}

fn decode(output: &[u8]) -> Result<Vec<Vec<Value>>> {
    decode_rows(output, 100_000)
        .map_err(|error| Error::fatal(format!("the output is not rows: {error}")))
}

struct SqlHost<'a> {
    database: &'a Connection,
    caller: &'a str,
    calls: Vec<&'static str>,
    events: Vec<String>,
}

fn fault(error: &rusqlite::Error) -> Fatal {
    Fatal::new(format!("the test's database: {error}"))
}

/// The rejection that the chain would give.
fn rejection(error: &rusqlite::Error) -> Error {
    let code = match error {
        rusqlite::Error::SqliteFailure(failure, _)
            if failure.code == ErrorCode::ConstraintViolation =>
        {
            Code::SqlConstraint
        }
        rusqlite::Error::InvalidParameterCount(..) => Code::SqlParameters,
        _ => Code::SqlError,
    };
    Rejection::new(code, error.to_string()).into()
}

/// A value as a parameter.
struct Parameter<'a>(&'a Value);

impl rusqlite::ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(integer) => ValueRef::Integer(*integer),
            Value::Real(real) => ValueRef::Real(*real),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

impl SqlHost<'_> {
    fn batch(&self, sql: &str) -> Result<()> {
        Ok(self.database.execute_batch(sql).map_err(|error| fault(&error))?)
    }

    /// Column names and rows of one run.
    fn run(
        &self,
        sql: &str,
        parameters: &[Value],
    ) -> rusqlite::Result<(Vec<String>, Vec<Vec<Value>>)> {
        let mut statement = self.database.prepare(sql)?;
        let names: Vec<String> = statement.column_names().map(Into::into).collect();
        let mut rows = statement.query(params_from_iter(parameters.iter().map(Parameter)))?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..names.len()).map(|column| Ok(owned(row.get_ref(column)?)));
            out.push(values.collect::<rusqlite::Result<_>>()?);
        }
        Ok((names, out))
    }

    fn exec(&self, sql: &str, rows: &[Vec<Value>]) -> rusqlite::Result<Answer> {
        let once = [vec![]];
        let before = self.database.total_changes();
        let (mut names, mut returned) = (vec![], vec![]);
        for row in if rows.is_empty() { &once } else { rows } {
            let (columns, out) = self.run(sql, row)?;
            names = columns;
            returned.extend(out);
        }
        let changed = self.database.total_changes() - before;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let result = if names.is_empty() { vec![] } else { Answer::encode(&names, &returned) };
        Ok(Answer { number: u32::try_from(changed).unwrap_or(u32::MAX), result })
    }
}

impl Host for SqlHost<'_> {
    fn context(&mut self, _: &mut GasMeter) -> Result<Vec<Value>> {
        self.calls.push("context");
        Ok(vec![
            Value::Integer(7),
            Value::Integer(1_700_000_000_000),
            "dadbs-test-1".into(),
            Value::Blob(vec![9; 32]),
            self.caller.into(),
            "shop".into(),
            AccountAddress::of_contract(3).to_string().into(),
        ])
    }

    fn sql_inspect(&mut self, sql: &str, _: &mut GasMeter) -> Result<Vec<(String, String)>> {
        self.calls.push("sql_inspect");
        let statement = pass(sql, Purpose::Write)?;
        let pair = |access: &dadbs_sql::Access| (access.verb.as_str().into(), access.table.clone());
        Ok(statement.accesses.iter().map(pair).collect())
    }

    fn sql_query(&mut self, sql: &str, parameters: &[Value], _: &mut GasMeter) -> Result<Answer> {
        self.calls.push("sql_query");
        pass(sql, Purpose::Read)?;
        let (names, rows) = self.run(sql, parameters).map_err(|error| rejection(&error))?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let number = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        Ok(Answer { number, result: Answer::encode(&names, &rows) })
    }

    fn sql_exec(&mut self, sql: &str, rows: &[Vec<Value>], _: &mut GasMeter) -> Result<Answer> {
        self.calls.push("sql_exec");
        pass(sql, Purpose::Write)?;
        self.batch("SAVEPOINT statement")?;
        let answer = self.exec(sql, rows).map_err(|error| rejection(&error));
        let end = if answer.is_ok() { "" } else { "ROLLBACK TO statement;" };
        self.batch(&format!("{end} RELEASE statement"))?;
        answer
    }

    fn emit(&mut self, kind: &str, _: &[(String, String)], _: &mut GasMeter) -> Result<()> {
        self.events.push(kind.into());
        Ok(())
    }

    fn log(&mut self, _: &str) {}
}

/// A schema without objects: the front door takes every name for a table.
struct NoSchema;

impl dadbs_sql::Schema for NoSchema {
    fn object(&self, _: &str) -> Option<dadbs_sql::Object> {
        None
    }
}

/// The statement behind the front door.
fn pass(sql: &str, purpose: Purpose) -> Result<Statement> {
    Ok(dadbs_sql::prepare(sql, &Namespace::database(3), purpose, &NoSchema)?)
}
