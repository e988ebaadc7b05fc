//! Values that borrow: the codec of `dadbs_types::value`, without copies.

use crate::host;
use alloc::string::String;
use alloc::vec::Vec;
use dadbs_types::Value;
use dadbs_types::value::{DecodeError, Reader};

/// One SQL value that borrows its bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// NULL.
    Null,
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float.
    Real(f64),
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

impl<'a> ValueRef<'a> {
    /// Reads the next value.
    pub fn read(reader: &mut Reader<'a>) -> Result<ValueRef<'a>, DecodeError> {
        Ok(match reader.u8()? {
            0 => ValueRef::Null,
            1 => ValueRef::Integer(reader.u64()?.cast_signed()),
            2 => match f64::from_bits(reader.u64()?) {
                real if real.is_nan() => return Err(DecodeError::Nan),
                real => ValueRef::Real(real),
            },
            3 => ValueRef::Text(
                core::str::from_utf8(reader.bytes()?).map_err(|_| DecodeError::NotUtf8)?,
            ),
            4 => ValueRef::Blob(reader.bytes()?),
            tag => return Err(DecodeError::UnknownTag(tag)),
        })
    }

    /// Appends the canonical encoding.
    pub fn encode(self, out: &mut Vec<u8>) {
        let (tag, bytes) = match self {
            ValueRef::Null => return out.push(0),
            ValueRef::Real(real) if real.is_nan() => return out.push(0),
            ValueRef::Integer(integer) => {
                out.push(1);
                return out.extend_from_slice(&integer.to_le_bytes());
            }
            ValueRef::Real(real) => {
                out.push(2);
                return out.extend_from_slice(&real.to_bits().to_le_bytes());
            }
            ValueRef::Text(text) => (3, text.as_bytes()),
            ValueRef::Blob(bytes) => (4, bytes),
        };
        out.push(tag);
        // A wasm32 address space holds less than 4 GiB.
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(bytes);
    }

    /// The name of the storage class.
    pub fn type_name(self) -> &'static str {
        match self {
            ValueRef::Null => "NULL",
            ValueRef::Integer(_) => "INTEGER",
            ValueRef::Real(_) => "REAL",
            ValueRef::Text(_) => "TEXT",
            ValueRef::Blob(_) => "BLOB",
        }
    }

    /// The integer, if it is one.
    pub fn integer(self) -> Option<i64> {
        if let ValueRef::Integer(integer) = self { Some(integer) } else { None }
    }

    /// The number as a float, if it is a number.
    #[allow(clippy::cast_precision_loss)]
    pub fn real(self) -> Option<f64> {
        match self {
            ValueRef::Real(real) => Some(real),
            ValueRef::Integer(integer) => Some(integer as f64),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(self) -> Option<&'a str> {
        if let ValueRef::Text(text) = self { Some(text) } else { None }
    }

    /// The bytes, if it is a BLOB.
    pub fn blob(self) -> Option<&'a [u8]> {
        if let ValueRef::Blob(bytes) = self { Some(bytes) } else { None }
    }

    /// The same value with bytes of its own.
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => Value::Integer(integer),
            ValueRef::Real(real) => Value::Real(real),
            ValueRef::Text(text) => Value::Text(text.into()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.into()),
        }
    }
}

/// What can be a statement parameter or an output.
pub trait AsValue {
    /// The value, borrowed.
    fn as_value(&self) -> ValueRef<'_>;
}

macro_rules! as_value {
    ($($type:ty => |$v:ident| $to:expr;)*) => {
        $(impl AsValue for $type { fn as_value(&self) -> ValueRef<'_> { let $v = self; $to } })*
    };
}

as_value! {
    i64 => |v| ValueRef::Integer(*v);
    i32 => |v| ValueRef::Integer(i64::from(*v));
    u32 => |v| ValueRef::Integer(i64::from(*v));
    bool => |v| ValueRef::Integer(i64::from(*v));
    f64 => |v| ValueRef::Real(*v);
    &str => |v| ValueRef::Text(v);
    String => |v| ValueRef::Text(v);
    &[u8] => |v| ValueRef::Blob(v);
    Vec<u8> => |v| ValueRef::Blob(v);
    ValueRef<'_> => |v| *v;
    Value => |v| match v {
        Value::Null => ValueRef::Null,
        Value::Integer(integer) => ValueRef::Integer(*integer),
        Value::Real(real) => ValueRef::Real(*real),
        Value::Text(text) => ValueRef::Text(text),
        Value::Blob(bytes) => ValueRef::Blob(bytes),
    };
}

impl<T: AsValue> AsValue for Option<T> {
    fn as_value(&self) -> ValueRef<'_> {
        self.as_ref().map_or(ValueRef::Null, AsValue::as_value)
    }
}

/// Appends a row. A row of more than 65,535 values ends the call.
pub(crate) fn encode_row_into(row: &[ValueRef<'_>], out: &mut Vec<u8>) {
    let Ok(count) = u16::try_from(row.len()) else {
        host::abort("a row has more than 65535 values; write fewer at once");
    };
    out.extend_from_slice(&count.to_le_bytes());
    for value in row {
        value.encode(out);
    }
}

pub(crate) fn encode_row(row: &[ValueRef<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_row_into(row, &mut out);
    out
}

fn read_row<'a>(reader: &mut Reader<'a>) -> Result<Vec<ValueRef<'a>>, DecodeError> {
    let count = reader.u16()?;
    // One byte is the least a value takes: a count is never trusted with memory.
    let mut row = Vec::with_capacity(usize::from(count).min(reader.rest().len()));
    for _ in 0..count {
        row.push(ValueRef::read(reader)?);
    }
    Ok(row)
}

/// The number of rows that stand one behind the other, without making them.
fn count_rows(bytes: &[u8]) -> Result<u32, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut rows = 0;
    while !reader.rest().is_empty() {
        for _ in 0..reader.u16()? {
            match reader.u8()? {
                0 => {}
                1 | 2 => drop(reader.take(8)?),
                3 | 4 => drop(reader.bytes()?),
                tag => return Err(DecodeError::UnknownTag(tag)),
            }
        }
        rows += 1;
    }
    Ok(rows)
}

/// What came from the host, which encodes correctly.
fn trusted<T>(decoded: Result<T, DecodeError>) -> T {
    match decoded {
        Ok(value) => value,
        Err(_) => {
            host::abort("the host has answered malformed values; this is a fault of the node")
        }
    }
}

/// One row that came from the host.
pub(crate) fn decode_row(bytes: &[u8]) -> Vec<ValueRef<'_>> {
    trusted(read_row(&mut Reader::new(bytes)))
}

/// A result of the host, still encoded: a row of column names, then the rows.
#[derive(Clone, Debug)]
pub struct Table {
    bytes: Vec<u8>,
}

impl Table {
    pub(crate) fn new(bytes: Vec<u8>) -> Table {
        Table { bytes }
    }

    /// The column names.
    pub fn columns(&self) -> Vec<&str> {
        self.all().next().unwrap_or_default().into_iter().filter_map(ValueRef::text).collect()
    }

    /// The rows, decoded one by one.
    pub fn rows(&self) -> impl Iterator<Item = Vec<ValueRef<'_>>> {
        let mut all = self.all();
        all.next();
        all
    }

    /// The first value of the first row; NULL if there is no row.
    pub fn value(&self) -> ValueRef<'_> {
        self.first(0).unwrap_or(ValueRef::Null)
    }

    /// A value of the first row, by its column from zero.
    pub fn first(&self, column: usize) -> Option<ValueRef<'_>> {
        self.rows().next()?.get(column).copied()
    }

    /// The row of names and the rows.
    fn all(&self) -> RowReader<'_> {
        RowReader { reader: Reader::new(&self.bytes) }
    }
}

/// Rows one behind the other.
pub(crate) struct RowReader<'a> {
    pub(crate) reader: Reader<'a>,
}

impl<'a> Iterator for RowReader<'a> {
    type Item = Vec<ValueRef<'a>>;

    fn next(&mut self) -> Option<Vec<ValueRef<'a>>> {
        if self.reader.rest().is_empty() { None } else { Some(trusted(read_row(&mut self.reader))) }
    }
}

/// Rows that a contract builds: parameter rows of a statement, or an output.
#[derive(Clone, Debug)]
pub struct Rows {
    count: u32,
    bytes: Vec<u8>,
}

impl Default for Rows {
    fn default() -> Rows {
        Rows { count: 0, bytes: [0; 4].into() }
    }
}

impl Rows {
    /// No rows.
    pub fn new() -> Rows {
        Rows::default()
    }

    /// Appends a row.
    pub fn push(&mut self, row: &[ValueRef<'_>]) {
        encode_row_into(row, &mut self.bytes);
        self.grow(1);
    }

    /// Appends a result: its row of column names and its rows.
    pub fn append(&mut self, table: &Table) {
        self.bytes.extend_from_slice(&table.bytes);
        self.grow(trusted(count_rows(&table.bytes)));
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The encoding.
    pub fn encoded(&self) -> &[u8] {
        &self.bytes
    }

    fn grow(&mut self, rows: u32) {
        self.count += rows;
        self.bytes[..4].copy_from_slice(&self.count.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codec_is_the_one_of_the_chain() {
        let row =
            [Value::Null, (-2i64).into(), 0.5.into(), "text".into(), Value::Blob(vec![0, 255])];
        let bytes = dadbs_types::value::encode_row(&row);
        let borrowed: Vec<ValueRef<'_>> = row.iter().map(AsValue::as_value).collect();
        assert_eq!(encode_row(&borrowed), bytes);
        assert_eq!(decode_row(&bytes), borrowed);
        let owned: Vec<Value> = borrowed.iter().map(|value| value.to_value()).collect();
        assert_eq!(owned, row);
        assert_eq!(encode_row(&[ValueRef::Real(f64::NAN)]), encode_row(&[ValueRef::Null]));
        for tag in 5..=255 {
            assert!(ValueRef::read(&mut Reader::new(&[tag])).is_err());
        }
    }

    #[test]
    fn rows_are_what_the_chain_decodes() {
        let mut rows = Rows::new();
        rows.push(&[ValueRef::Integer(1)]);
        let encode = dadbs_types::value::encode_row;
        let name = encode(&["a".into()]);
        let table = Table::new([name, encode(&[Value::Null]), encode(&["x".into()])].concat());
        assert_eq!((table.columns(), table.rows().count()), (vec!["a"], 2));
        assert_eq!((table.value(), table.first(1)), (ValueRef::Null, None));
        rows.append(&table);
        let decoded = dadbs_types::value::decode_rows(rows.encoded(), 9).unwrap();
        assert_eq!(decoded, [[1.into()], ["a".into()], [Value::Null], ["x".into()]]);
    }
}
