//! What a keeper is given, and how tables are read alike inside a block and on a committed height.

use dadbs_store::{Store, View};
use dadbs_types::{
    AccountAddress, BlockInfo, Error, Event, Fatal, GasMeter, Hash, OperatorAddress, Value,
};
use dadbs_vm::Vm;

/// Everything that the execution of one transaction may touch.
pub struct Context<'a> {
    /// The store, inside the transaction's savepoint.
    pub store: &'a mut Store,
    /// The contract VM.
    pub vm: &'a Vm,
    /// The block's facts.
    pub block: &'a BlockInfo,
    /// The chain's id.
    pub chain_id: &'a str,
    /// Least fee for 1,000,000 gas, in the base denomination.
    pub fee_per_million_gas: u64,
    /// SHA-256 of the transaction.
    pub tx_hash: Hash,
    /// The transaction's gas.
    pub gas: &'a mut GasMeter,
    /// The events of the transaction.
    pub events: &'a mut Vec<Event>,
}

/// What keepers that need neither gas nor contracts write to: also at the begin and end of a block.
pub struct Writer<'a> {
    /// The store.
    pub store: &'a mut Store,
    /// The block's facts.
    pub block: &'a BlockInfo,
    /// Where events go.
    pub events: &'a mut Vec<Event>,
    /// Rows written beyond those that a message is always charged for.
    pub rows: u64,
}

impl Context<'_> {
    /// The part of it that most keepers need.
    pub fn writer(&mut self) -> Writer<'_> {
        Writer { store: self.store, block: self.block, events: self.events, rows: 0 }
    }
}

/// The outcome of the chain's own bookkeeping, which nothing may refuse: what it needs was paid or checked
/// before, and its tables have no foreign keys.
///
/// # Errors
/// A fault, also if it was refused.
pub fn certain<T>(result: Result<T, Error>) -> Result<T, Fatal> {
    result.map_err(|error| match error {
        Error::Fatal(fatal) => fatal,
        Error::Rejected(rejection) => {
            Fatal::new(format!("the chain's own bookkeeping was refused: {rejection}"))
        }
    })
}

/// Chain tables that can be read: the open block's, or a committed height's.
pub trait Rows {
    /// The rows of a trusted query.
    fn rows(&self, sql: &'static str, params: &[&Value]) -> Result<Vec<Vec<Value>>, Fatal>;
}

impl Rows for Store {
    fn rows(&self, sql: &'static str, params: &[&Value]) -> Result<Vec<Vec<Value>>, Fatal> {
        self.query(sql, params)
    }
}

impl Rows for View {
    fn rows(&self, sql: &'static str, params: &[&Value]) -> Result<Vec<Vec<Value>>, Fatal> {
        self.chain_query(sql, params)
    }
}

/// Reads the columns of a chain table's row by their types. A value of another type is a fault: the
/// tables are STRICT and only keepers write them.
#[derive(Clone, Copy)]
pub struct Table(pub &'static str);

impl Table {
    fn fault(self, column: usize) -> Fatal {
        Fatal::new(format!(
            "column {column} of {} has an unexpected type: the store is damaged, restore it from a copy",
            self.0
        ))
    }

    /// An INTEGER that is not negative.
    pub fn count(self, row: &[Value], column: usize) -> Result<u64, Fatal> {
        match row.get(column) {
            Some(Value::Integer(integer)) => {
                u64::try_from(*integer).map_err(|_| self.fault(column))
            }
            _ => Err(self.fault(column)),
        }
    }

    /// A TEXT.
    pub fn text(self, row: &[Value], column: usize) -> Result<String, Fatal> {
        match row.get(column) {
            Some(Value::Text(text)) => Ok(text.clone()),
            _ => Err(self.fault(column)),
        }
    }

    /// An account's address.
    pub fn address(self, row: &[Value], column: usize) -> Result<AccountAddress, Fatal> {
        self.text(row, column)?.parse().map_err(|_| self.fault(column))
    }

    /// A validator's address.
    pub fn operator(self, row: &[Value], column: usize) -> Result<OperatorAddress, Fatal> {
        self.text(row, column)?.parse().map_err(|_| self.fault(column))
    }

    /// An INTEGER that is not negative, or NULL.
    pub fn optional_count(self, row: &[Value], column: usize) -> Result<Option<u64>, Fatal> {
        match row.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.count(row, column).map(Some),
        }
    }

    /// A TEXT or NULL.
    pub fn optional_text(self, row: &[Value], column: usize) -> Result<Option<String>, Fatal> {
        match row.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.text(row, column).map(Some),
        }
    }

    /// A BLOB.
    pub fn blob(self, row: &[Value], column: usize) -> Result<Vec<u8>, Fatal> {
        match row.get(column) {
            Some(Value::Blob(bytes)) => Ok(bytes.clone()),
            _ => Err(self.fault(column)),
        }
    }

    /// A BLOB or NULL.
    pub fn optional_blob(self, row: &[Value], column: usize) -> Result<Option<Vec<u8>>, Fatal> {
        match row.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.blob(row, column).map(Some),
        }
    }
}

/// An account as the tables name it.
pub(crate) fn account_key(address: AccountAddress) -> Value {
    Value::Text(address.to_string())
}

/// An account as the tables name its validator.
pub(crate) fn operator_key(operator: AccountAddress) -> Value {
    Value::Text(OperatorAddress(operator).to_string())
}

/// A count as SQLite stores it.
///
/// # Errors
/// Beyond 2^63 - 1, which no counter of the chain reaches.
pub(crate) fn integer(count: u64) -> Result<Value, Fatal> {
    i64::try_from(count)
        .map(Value::Integer)
        .map_err(|_| Fatal::new(format!("the counter {count} does not fit 63 bits")))
}
