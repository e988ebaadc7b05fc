//! The chain's own SQL functions on SQLite connections of the command line.
//!
//! 1. Functions of their arguments alone are the chain's: a CHECK or an index of an exported file holds
//!    what the chain holds.
//! 2. `uuid()` and `uuid7()` follow from a transaction, `decimal_sum` and `decimal_avg` from many rows: here
//!    they can be compiled and not run.

use dadbs_sqlite::ValueRef;
use dadbs_sqlite::functions::{Pure, pure_functions};
use dadbs_types::Value;
use dadbs_types::functions::ADDED;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::{Connection, Error, Result};

/// Adds them.
pub(crate) fn add(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    let mut named = Vec::new();
    for (name, arguments, body) in pure_functions() {
        let name = name.to_str()?;
        let deterministic = flags | FunctionFlags::SQLITE_DETERMINISTIC;
        connection.create_scalar_function(name, arguments, deterministic, move |context| {
            call(context, body)
        })?;
        named.push(name);
    }
    for name in ADDED.iter().filter(|name| !named.contains(name)) {
        match *name {
            "decimal_sum" => connection.create_aggregate_function(*name, 1, flags, Elsewhere)?,
            "decimal_avg" => connection.create_aggregate_function(*name, 2, flags, Elsewhere)?,
            _ => {
                connection
                    .create_scalar_function(*name, 0, flags, |_| Err::<i64, _>(elsewhere()))?;
            }
        }
    }
    Ok(())
}

fn elsewhere() -> Error {
    Error::UserFunctionError("the function runs on the chain only".into())
}

fn call(context: &Context<'_>, body: Pure) -> Result<rusqlite::types::Value> {
    use rusqlite::types::{Value as Theirs, ValueRef as Their};
    let mut arguments = Vec::with_capacity(context.len());
    for index in 0..context.len() {
        arguments.push(match context.get_raw(index) {
            Their::Null => return Ok(Theirs::Null),
            Their::Integer(integer) => ValueRef::Integer(integer),
            Their::Real(real) => ValueRef::Real(real),
            Their::Text(text) => ValueRef::Text(std::str::from_utf8(text)?),
            Their::Blob(bytes) => ValueRef::Blob(bytes),
        });
    }
    let value = body(&arguments).map_err(|why| Error::UserFunctionError(why.into()))?;
    Ok(match value {
        Value::Null => Theirs::Null,
        Value::Integer(integer) => Theirs::Integer(integer),
        Value::Real(real) => Theirs::Real(real),
        Value::Text(text) => Theirs::Text(text),
        Value::Blob(bytes) => Theirs::Blob(bytes),
    })
}

/// Rule 2.
struct Elsewhere;

impl Aggregate<(), i64> for Elsewhere {
    fn init(&self, _: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    fn step(&self, _: &mut Context<'_>, (): &mut ()) -> Result<()> {
        Err(elsewhere())
    }

    fn finalize(&self, _: &mut Context<'_>, _: Option<()>) -> Result<i64> {
        Err(elsewhere())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_1_and_2() {
        let connection = Connection::open_in_memory().unwrap();
        add(&connection).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t(id TEXT DEFAULT (uuid7()), price TEXT CHECK (decimal_valid(price, 5, 2)),
                     month TEXT AS (date_trunc('month', '2024-02-29')) STORED);
                 CREATE INDEX i ON t(decimal_key(price));
                 INSERT INTO t(id, price) VALUES ('a', '10.00'), ('b', '9.00')",
            )
            .unwrap();
        let first = "SELECT price || month FROM t ORDER BY decimal_key(price)";
        let first: String = connection.query_row(first, [], |row| row.get(0)).unwrap();
        assert_eq!(first, "9.002024-02-01");
        assert!(connection.execute_batch("INSERT INTO t(id, price) VALUES ('c', '9')").is_err());
        assert!(
            connection
                .prepare("SELECT decimal_sum(price), decimal_avg(price, 2), uuid() FROM t")
                .is_ok()
        );
        let run = "SELECT decimal_sum(price) FROM t";
        assert!(connection.query_row(run, [], |row| row.get::<_, String>(0)).is_err());
    }
}
