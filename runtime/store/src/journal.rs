//! The journal: the net changes of one block, in the block's own transaction.
//!
//! ```text
//! journal = 0x01                                      version
//!           u32 tables, then per table, sorted by name:
//!             u16 length, name                        physical, lower case
//!             u32 rows, then per row, sorted by key:
//!               u32 length, key bytes
//!               u8 sides                              1 = old, 2 = new, 3 = both
//!               [u32 length, old row bytes]
//!               [u32 length, new row bytes]
//!           32 bytes                                  BLAKE3 of all before
//! ```
//!
//! 1. One history has one encoding; the decoder refuses every other.
//! 2. A flipped bit is found: the hash at the end covers all bytes.
//! 3. It is stored in chunks of [`CHUNK_BYTES`], cut anywhere, so that no value meets a limit.

use crate::change::Change;
use dadbs_types::value::Reader;
use std::sync::Arc;

/// The size of a stored chunk; the last one is shorter.
pub const CHUNK_BYTES: usize = 256 * 1024;

const VERSION: u8 = 1;
const OLD: u8 = 1;
const NEW: u8 = 2;

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let len = u32::try_from(bytes.len()).expect("keys and rows are bounded by SQLITE_LIMIT_LENGTH");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_count(count: usize, out: &mut Vec<u8>) {
    let count = u32::try_from(count).expect("a block's gas bounds its changes far below 4 G");
    out.extend_from_slice(&count.to_le_bytes());
}

/// The journal of net changes, which are sorted by table and key.
///
/// # Panics
/// If a block changed more than 4 G rows or a row has 4 GiB, which gas and limits exclude.
pub fn encode(changes: &[Change]) -> Vec<u8> {
    let mut out = vec![VERSION];
    let tables: Vec<&[Change]> = changes.chunk_by(|a, b| a.table == b.table).collect();
    put_count(tables.len(), &mut out);
    for rows in tables {
        let name = rows.first().map_or("", |change| &*change.table);
        let len = u16::try_from(name.len()).expect("a table name is short");
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        put_count(rows.len(), &mut out);
        for change in rows {
            put_bytes(&change.key, &mut out);
            let side = |row: &Option<Vec<u8>>, bit| if row.is_some() { bit } else { 0 };
            out.push(side(&change.old, OLD) | side(&change.new, NEW));
            for row in [&change.old, &change.new].into_iter().flatten() {
                put_bytes(row, &mut out);
            }
        }
    }
    let hash = blake3::hash(&out);
    out.extend_from_slice(hash.as_bytes());
    out
}

/// The changes of exactly these bytes; the error says what is wrong with them.
pub fn decode(bytes: &[u8]) -> Result<Vec<Change>, &'static str> {
    let (body, hash) = bytes.split_last_chunk::<32>().ok_or("it is too short")?;
    if blake3::hash(body).as_bytes() != hash {
        return Err("its hash does not match its bytes");
    }
    let mut reader = Reader::new(body);
    decode_body(&mut reader).map_err(|_| "it ends too early").and_then(|changes| {
        let changes = changes?;
        reader.finish().map_err(|_| "bytes follow its end")?;
        let sorted = changes.is_sorted_by(|a, b| (&a.table, &a.key) < (&b.table, &b.key));
        if sorted { Ok(changes) } else { Err("its entries are not sorted") }
    })
}

type Body = Result<Vec<Change>, &'static str>;

fn decode_body(reader: &mut Reader<'_>) -> Result<Body, dadbs_types::DecodeError> {
    if reader.u8()? != VERSION {
        return Ok(Err("its version is unknown to this build"));
    }
    let mut changes = Vec::new();
    for _ in 0..reader.u32()? {
        let len = usize::from(reader.u16()?);
        let Ok(name) = std::str::from_utf8(reader.take(len)?) else {
            return Ok(Err("a table name is not UTF-8"));
        };
        if changes.last().is_some_and(|last: &Change| &*last.table >= name) {
            return Ok(Err("its tables are not sorted, each once"));
        }
        let table: Arc<str> = name.into();
        let rows = reader.u32()?;
        if rows == 0 {
            return Ok(Err("a table without rows"));
        }
        for _ in 0..rows {
            let key = reader.bytes()?.to_vec();
            let sides = reader.u8()?;
            if !(1..=3).contains(&sides) {
                return Ok(Err("a row without sides"));
            }
            let mut side = |bit| {
                if sides & bit == 0 { Ok(None) } else { reader.bytes().map(|b| Some(b.to_vec())) }
            };
            let (old, new) = (side(OLD)?, side(NEW)?);
            changes.push(Change { table: table.clone(), key, old, new });
        }
    }
    Ok(Ok(changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Change> {
        let row = |byte: u8| Some(vec![byte, 0]);
        let change = |table: &str, key: u8, old, new| Change {
            table: table.into(),
            key: vec![key],
            old,
            new,
        };
        vec![
            change("chain_account", 1, row(1), row(2)),
            change("d1_t", 1, None, row(3)),
            change("d1_t", 2, row(4), None),
        ]
    }

    #[test]
    fn golden() {
        let bytes = encode(&sample());
        let (body, hash) = bytes.split_last_chunk::<32>().unwrap();
        let hex = crate::restore::hex;
        assert_eq!(
            hex(body),
            "01020000000d00636861696e5f6163636f756e74010000000100000001030200000001000200000002\
             00040064315f7402000000010000000102020000000300010000000201020000000400"
        );
        assert_eq!(hash, blake3::hash(body).as_bytes());
        assert_eq!(decode(&bytes), Ok(sample()));
        assert_eq!(decode(&encode(&[])), Ok(vec![]));
    }

    #[test]
    fn rule_1_other_encodings_are_refused() {
        let sealed = |body: &[u8]| {
            let mut bytes = body.to_vec();
            bytes.extend_from_slice(blake3::hash(body).as_bytes());
            bytes
        };
        let mut reversed = sample();
        reversed.reverse();
        assert_eq!(decode(&encode(&reversed)), Err("its tables are not sorted, each once"));
        assert_eq!(decode(&encode(&reversed[..2])), Err("its entries are not sorted"));
        let one = |key| [&[1, 0, b't', 1, 0, 0, 0, 1, 0, 0, 0, key][..], &[1, 0, 0, 0, 0]].concat();
        let twice = [&[1, 2, 0, 0, 0][..], &one(1), &one(2)].concat();
        assert_eq!(decode(&sealed(&twice)), Err("its tables are not sorted, each once"));
        assert_eq!(decode(&sealed(&[1, 0, 0, 0, 0, 9])), Err("bytes follow its end"));
        assert_eq!(decode(&sealed(&[2])), Err("its version is unknown to this build"));
        assert_eq!(decode(&sealed(&[1, 1, 0, 0, 0])), Err("it ends too early"));
        assert_eq!(decode(&[0; 31]), Err("it is too short"));
    }

    #[test]
    fn rule_2_every_flipped_bit_is_found() {
        let bytes = encode(&sample());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
        }
    }
}
