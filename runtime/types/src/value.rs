//! SQL values and their canonical codec, the only encoding of values in the chain: statement
//! parameters, result rows, contract arguments, journal entries and leaves all use it.
//!
//! ```text
//! value = 0x00                          NULL
//!       | 0x01 i64 little endian        INTEGER
//!       | 0x02 f64 bits little endian   REAL, never NaN
//!       | 0x03 u32 length, UTF-8        TEXT
//!       | 0x04 u32 length, bytes        BLOB
//! row   = u16 count, count values
//! rows  = u32 count, count rows
//! ```
//!
//! 1. Every value has exactly one encoding; a decoder refuses all others.
//! 2. NaN is encoded as NULL, as SQLite stores it.
//! 3. A decoder reserves no memory that the remaining input could not fill.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// One SQL value, by SQLite's storage classes.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit IEEE 754 float, compared by bits where it is hashed.
    Real(f64),
    /// UTF-8 text, which may hold NUL bytes.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// The number of payload bytes, as gas and limits count them: 0 for NULL, 8 for numbers.
    pub fn len(&self) -> usize {
        match self {
            Value::Null => 0,
            Value::Integer(_) | Value::Real(_) => 8,
            Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
        }
    }

    /// True if there are no payload bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True if storage class and bits are equal: `0.0` and `-0.0` differ, as do `1` and `1.0`.
    pub fn same_bits(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
            _ => self == other,
        }
    }

    /// Appends the canonical encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Value::Real(real) if real.is_nan() => out.push(0),
            Value::Null => out.push(0),
            Value::Integer(integer) => {
                out.push(1);
                out.extend_from_slice(&integer.to_le_bytes());
            }
            Value::Real(real) => {
                out.push(2);
                out.extend_from_slice(&real.to_bits().to_le_bytes());
            }
            Value::Text(text) => encode_bytes(3, text.as_bytes(), out),
            Value::Blob(bytes) => encode_bytes(4, bytes, out),
        }
    }
}

macro_rules! value_from {
    ($($from:ty => |$v:ident| $to:expr;)*) => {
        $(impl From<$from> for Value { fn from($v: $from) -> Value { $to } })*
    };
}

value_from! {
    i64 => |v| Value::Integer(v);
    i32 => |v| Value::Integer(i64::from(v));
    u32 => |v| Value::Integer(i64::from(v));
    bool => |v| Value::Integer(i64::from(v));
    f64 => |v| Value::Real(v);
    &str => |v| Value::Text(v.into());
    String => |v| Value::Text(v);
    &[u8] => |v| Value::Blob(v.into());
    Vec<u8> => |v| Value::Blob(v);
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

fn encode_bytes(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    let len = u32::try_from(bytes.len()).expect("a value is far below 4 GiB: SQLITE_LIMIT_LENGTH");
    out.push(tag);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Why bytes are not a canonical encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The input ended inside a value, row or list.
    Truncated,
    /// The tag is none of 0 to 4.
    UnknownTag(u8),
    /// A TEXT is not UTF-8.
    NotUtf8,
    /// A REAL is NaN.
    Nan,
    /// Bytes follow the encoding.
    TrailingBytes,
    /// More rows or values than the caller allows.
    TooMany,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Truncated => f.write_str("the encoded values end too early"),
            DecodeError::UnknownTag(tag) => write!(f, "unknown value tag {tag}"),
            DecodeError::NotUtf8 => f.write_str("a TEXT value is not UTF-8"),
            DecodeError::Nan => f.write_str("a REAL value is NaN, which is encoded as NULL"),
            DecodeError::TrailingBytes => f.write_str("bytes follow the encoded values"),
            DecodeError::TooMany => f.write_str("more rows or values than allowed"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Reads encoded values from the front of a byte slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// The bytes not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    /// The next little-endian `u16`.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// The next little-endian `u32`.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// The next little-endian `u64`.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// The next bytes behind a `u32` length.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.u32()?;
        self.take(len as usize)
    }

    /// The next value.
    pub fn value(&mut self) -> Result<Value, DecodeError> {
        Ok(match self.u8()? {
            0 => Value::Null,
            1 => Value::Integer(i64::from_le_bytes(self.array()?)),
            2 => {
                let real = f64::from_bits(u64::from_le_bytes(self.array()?));
                if real.is_nan() {
                    return Err(DecodeError::Nan);
                }
                Value::Real(real)
            }
            3 => {
                let text = core::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::NotUtf8)?;
                Value::Text(text.into())
            }
            4 => Value::Blob(self.bytes()?.into()),
            tag => return Err(DecodeError::UnknownTag(tag)),
        })
    }

    /// The next row.
    pub fn row(&mut self) -> Result<Vec<Value>, DecodeError> {
        let count = self.u16()?;
        // One byte is the least a value takes (rule 3).
        let mut row = Vec::with_capacity(usize::from(count).min(self.rest.len()));
        for _ in 0..count {
            row.push(self.value()?);
        }
        Ok(row)
    }

    /// The next rows, at most `rows_max`.
    pub fn rows(&mut self, rows_max: usize) -> Result<Vec<Vec<Value>>, DecodeError> {
        let count = self.u32()? as usize;
        if count > rows_max {
            return Err(DecodeError::TooMany);
        }
        // Two bytes are the least a row takes (rule 3).
        let mut rows = Vec::with_capacity(count.min(self.rest.len() / 2));
        for _ in 0..count {
            rows.push(self.row()?);
        }
        Ok(rows)
    }

    /// Refuses trailing bytes.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes) }
    }
}

/// Appends a row.
///
/// # Panics
/// With more than 65,535 values: SQLite allows 32,767 columns, our limit is far lower.
pub fn encode_row_into(row: &[Value], out: &mut Vec<u8>) {
    let count = u16::try_from(row.len()).expect("a row has at most 32,767 columns");
    out.extend_from_slice(&count.to_le_bytes());
    for value in row {
        value.encode(out);
    }
}

/// The encoding of one row.
pub fn encode_row(row: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_row_into(row, &mut out);
    out
}

/// Exactly one row.
pub fn decode_row(bytes: &[u8]) -> Result<Vec<Value>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let row = reader.row()?;
    reader.finish()?;
    Ok(row)
}

/// The encoding of a list of rows.
///
/// # Panics
/// With more than 4 G rows.
pub fn encode_rows<R: AsRef<[Value]>>(rows: &[R]) -> Vec<u8> {
    let count = u32::try_from(rows.len()).expect("a list has fewer than 4 G rows");
    let mut out = count.to_le_bytes().to_vec();
    for row in rows {
        encode_row_into(row.as_ref(), &mut out);
    }
    out
}

/// Exactly one list of at most `rows_max` rows.
pub fn decode_rows(bytes: &[u8], rows_max: usize) -> Result<Vec<Vec<Value>>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let rows = reader.rows(rows_max)?;
    reader.finish()?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>().prop_filter("NaN is NULL", |v| !v.is_nan()).prop_map(Value::Real),
            ".*".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Blob),
        ]
    }

    proptest! {
        #[test]
        fn decode_inverts_encode(rows in proptest::collection::vec(proptest::collection::vec(value(), 0..6), 0..6)) {
            let bytes = encode_rows(&rows);
            let back = decode_rows(&bytes, 6).unwrap();
            prop_assert_eq!(encode_rows(&back), bytes);
        }

        #[test]
        fn rule_1_whatever_decodes_encodes_to_the_same_bytes(bytes in proptest::collection::vec(0u8..6, 0..60)) {
            if let Ok(row) = decode_row(&bytes) {
                prop_assert_eq!(encode_row(&row), bytes);
            }
        }

        #[test]
        fn every_prefix_is_refused(row in proptest::collection::vec(value(), 1..6)) {
            let bytes = encode_row(&row);
            for end in 0..bytes.len() {
                prop_assert!(decode_row(&bytes[..end]).is_err());
            }
        }
    }

    #[test]
    fn golden() {
        let row = [Value::Null, (-2i64).into(), 0.5.into(), "dé".into(), Value::Blob(vec![0, 255])];
        assert_eq!(
            hex::encode(encode_row(&row)),
            "05000001feffffffffffffff02000000000000e03f030300000064c3a9040200000000ff"
        );
    }

    #[test]
    fn rule_2_nan_is_null() {
        assert_eq!(encode_row(&[Value::Real(f64::NAN)]), encode_row(&[Value::Null]));
        let nan = [&[1, 0, 2][..], &f64::NAN.to_bits().to_le_bytes()].concat();
        assert_eq!(decode_row(&nan), Err(DecodeError::Nan));
    }

    #[test]
    fn rule_3_a_huge_count_allocates_nothing() {
        assert_eq!(decode_rows(&[255; 4], usize::MAX), Err(DecodeError::Truncated));
        assert_eq!(decode_rows(&[255; 4], 10), Err(DecodeError::TooMany));
        assert_eq!(decode_row(&[1, 0, 4, 255, 255, 255, 255]), Err(DecodeError::Truncated));
        assert_eq!(decode_row(&[1, 0, 9]), Err(DecodeError::UnknownTag(9)));
        assert_eq!(decode_row(&[0, 0, 0]), Err(DecodeError::TrailingBytes));
        assert_eq!(decode_row(&[1, 0, 3, 1, 0, 0, 0, 255]), Err(DecodeError::NotUtf8));
    }
}
