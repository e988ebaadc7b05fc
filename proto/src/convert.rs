//! SQL values between the wire and the core.

use crate::dadbs::sql::v1::value::Value as Kind;
use crate::dadbs::sql::v1::{Row, Value as Wire};
use dadbs_types::Value;

impl From<Value> for Wire {
    fn from(value: Value) -> Wire {
        let value = match value {
            Value::Null => None,
            Value::Integer(integer) => Some(Kind::Integer(integer)),
            Value::Real(real) => Some(Kind::Real(real)),
            Value::Text(text) => Some(Kind::Text(text)),
            Value::Blob(bytes) => Some(Kind::Blob(bytes)),
        };
        Wire { value }
    }
}

impl From<Wire> for Value {
    fn from(value: Wire) -> Value {
        match value.value {
            None => Value::Null,
            Some(Kind::Integer(integer)) => Value::Integer(integer),
            // SQLite stores NaN as NULL.
            Some(Kind::Real(real)) if real.is_nan() => Value::Null,
            Some(Kind::Real(real)) => Value::Real(real),
            Some(Kind::Text(text)) => Value::Text(text),
            Some(Kind::Blob(bytes)) => Value::Blob(bytes),
        }
    }
}

impl From<Vec<Value>> for Row {
    fn from(values: Vec<Value>) -> Row {
        Row { values: values.into_iter().map(Into::into).collect() }
    }
}

impl From<Row> for Vec<Value> {
    fn from(row: Row) -> Vec<Value> {
        row.values.into_iter().map(Into::into).collect()
    }
}
