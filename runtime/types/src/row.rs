//! Rows, their keys, and the two hashes of a leaf of the state tree.
//!
//! ```text
//! leaf key   = BLAKE3("dadbs leaf key 1" ‖ u16 length ‖ table ‖ row(key values))
//! leaf value = BLAKE3("dadbs leaf value 1" ‖ row bytes)
//! row bytes  = 0x00 row(values)                hidden rowid absent
//!            | 0x01 i64 rowid row(values)      rowid table whose key is not the rowid
//! ```
//!
//! 1. `table` is the physical name in ASCII lower case: SQLite's names ignore ASCII case.
//! 2. The key is the NOT NULL primary key in the order of its declaration, else the rowid.
//! 3. A REAL in a key that is an integer exactly is encoded as that INTEGER: SQLite compares them equal.
//! 4. The values are all columns but VIRTUAL generated ones, in the order of the declaration.
//! 5. Trailing NULLs are left out, so that `ADD COLUMN` without a default changes no leaf.
//! 6. The hidden rowid is part of the value: it decides the order of scans.

use crate::value::{DecodeError, Reader, Value, encode_row_into};
use alloc::vec::Vec;

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// The values of a row's key.
#[derive(Clone, Debug, PartialEq)]
pub struct Key(pub Vec<Value>);

/// A row as the state commits it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The rowid, if the table has one and it is not the key (rule 6).
    pub rowid: Option<i64>,
    /// The stored columns (rule 4).
    pub values: Vec<Value>,
}

impl Key {
    /// The key as the leaf hashes it (rule 3).
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let canonical: Vec<Value> = self.0.iter().map(canonical_key_value).collect();
        encode_row_into(&canonical, &mut out);
        out
    }

    /// The key of the leaf in the state tree.
    pub fn leaf_key(&self, table: &str) -> Hash {
        leaf_key(table, &self.encode())
    }
}

/// Rule 3. The bounds are the floats that convert to `i64` exactly.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "within the bounds both conversions are exact or compare unequal"
)]
fn canonical_key_value(value: &Value) -> Value {
    match value {
        Value::Real(real)
            if *real >= i64::MIN as f64
                && *real < i64::MAX as f64
                && *real as i64 as f64 == *real =>
        {
            Value::Integer(*real as i64)
        }
        other => other.clone(),
    }
}

/// The leaf key of an encoded key ([`Key::encode`]).
///
/// # Panics
/// If the table's name is longer than 65,535 bytes, which no limit allows.
pub fn leaf_key(table: &str, encoded_key: &[u8]) -> Hash {
    let table = table.to_ascii_lowercase();
    let len = u16::try_from(table.len()).expect("a table name is short");
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"dadbs leaf key 1");
    hasher.update(&len.to_le_bytes());
    hasher.update(table.as_bytes());
    hasher.update(encoded_key);
    *hasher.finalize().as_bytes()
}

/// The leaf value of encoded row bytes ([`Row::encode`]).
pub fn leaf_value(row_bytes: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"dadbs leaf value 1");
    hasher.update(row_bytes);
    *hasher.finalize().as_bytes()
}

impl Row {
    /// The row bytes (rules 5 and 6).
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self.rowid {
            None => out.push(0),
            Some(rowid) => {
                out.push(1);
                out.extend_from_slice(&rowid.to_le_bytes());
            }
        }
        let end = self.values.iter().rposition(|v| *v != Value::Null).map_or(0, |last| last + 1);
        encode_row_into(&self.values[..end], &mut out);
        out
    }

    /// The row of exactly these bytes; refuses every other encoding of it.
    pub fn decode(bytes: &[u8]) -> Result<Row, DecodeError> {
        let mut reader = Reader::new(bytes);
        let rowid = match reader.u8()? {
            0 => None,
            1 => Some(i64::from_le_bytes(reader.u64()?.to_le_bytes())),
            tag => return Err(DecodeError::UnknownTag(tag)),
        };
        let values = reader.row()?;
        reader.finish()?;
        if values.last() == Some(&Value::Null) {
            return Err(DecodeError::TrailingBytes);
        }
        Ok(Row { rowid, values })
    }

    /// The value of the leaf in the state tree.
    pub fn leaf_value(&self) -> Hash {
        leaf_value(&self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_leaf() {
        let key = Key(vec!["EPSG".into(), 4326.into()]);
        let row = Row { rowid: Some(7), values: vec!["EPSG".into(), 4326.into(), Value::Null] };
        assert_eq!(
            (hex::encode(key.leaf_key("d1_crs")), hex::encode(row.leaf_value())),
            (
                "966a4cf92d9bd8a1f545acec53dd1b96067c87ff0faa2f7d106f25ab67c6a37f".into(),
                "9e067e191fb48ab1a0826866bb1388d65d250940b9108ff54f9cf2188f34c06d".into()
            )
        );
    }

    #[test]
    fn rule_1_table_names_ignore_ascii_case() {
        let key = Key(vec![1.into()]);
        assert_eq!(key.leaf_key("D1_Crs"), key.leaf_key("d1_crs"));
        assert_ne!(key.leaf_key("d1_crs"), key.leaf_key("d1_crs2"));
    }

    #[test]
    fn rule_3_integral_reals_in_keys_are_integers() {
        assert_eq!(Key(vec![1.0.into()]).encode(), Key(vec![1.into()]).encode());
        assert_eq!(Key(vec![(-0.0).into()]).encode(), Key(vec![0.into()]).encode());
        assert_ne!(Key(vec![1.5.into()]).encode(), Key(vec![1.into()]).encode());
        let huge = Key(vec![Value::Real(9.3e18)]);
        assert_eq!(huge.encode()[2], 2, "beyond i64 it stays a REAL");
    }

    #[test]
    fn rule_5_trailing_nulls_are_left_out() {
        let short = Row { rowid: None, values: vec![1.into()] };
        let long = Row { rowid: None, values: vec![1.into(), Value::Null, Value::Null] };
        assert_eq!(short.encode(), long.encode());
        assert_eq!(Row::decode(&short.encode()), Ok(short));
        assert_eq!(Row::decode(&[0, 1, 0, 0]), Err(DecodeError::TrailingBytes));
    }

    #[test]
    fn rule_6_the_hidden_rowid_is_part_of_the_value() {
        let at = |rowid| Row { rowid, values: vec!["x".into()] };
        assert_ne!(at(Some(1)).leaf_value(), at(Some(2)).leaf_value());
        assert_ne!(at(Some(1)).leaf_value(), at(None).leaf_value());
        assert_eq!(Row::decode(&at(Some(-1)).encode()), Ok(at(Some(-1))));
    }
}
