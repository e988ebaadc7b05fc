//! The index of transactions and events: a SQLite file of its own, outside the root.
//!
//! 1. A transaction is found by hash, by height and by the events' `type.key` = value.
//! 2. The index keeps the newest [`INDEXED_TXS_MAX`] transactions and forgets older ones.
//! 3. It may lag or be lost: blocks above [`TxIndex::height`] are added again from the block store.
//! 4. A search has at most [`CONDITIONS_MAX`] conditions and answers at most [`PAGE_MAX`] transactions.

use crate::convert::{height_i64, tx_hash};
use dadbs_types::Fatal;
use prost::Message;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tendermint_proto::v0_38::abci::ExecTxResult;

/// Transactions that are kept (rule 2).
pub const INDEXED_TXS_MAX: i64 = 1_000_000;
/// Conditions of one search (rule 4).
pub const CONDITIONS_MAX: usize = 8;
/// Transactions of one answer (rule 4).
pub const PAGE_MAX: u64 = 100;
/// Longer attribute values are not found by search.
const VALUE_BYTES_MAX: usize = 512;
/// A transaction's number is its height times this plus its index in the block.
const TXS_PER_HEIGHT: i64 = 1 << 20;
/// Blocks between two prunings.
const PRUNE_INTERVAL: u64 = 256;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS txs (
        id INTEGER PRIMARY KEY, hash BLOB NOT NULL, time_ns INTEGER NOT NULL,
        tx BLOB NOT NULL, result BLOB NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS txs_by_hash ON txs (hash);
    CREATE TABLE IF NOT EXISTS attributes (
        key TEXT NOT NULL, value TEXT NOT NULL, id INTEGER NOT NULL,
        PRIMARY KEY (key, value, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS attributes_by_id ON attributes (id);
    CREATE TABLE IF NOT EXISTS indexed (one INTEGER PRIMARY KEY CHECK (one = 1), height INTEGER NOT NULL) STRICT;
    INSERT OR IGNORE INTO indexed VALUES (1, 0);";

/// A committed transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexedTx {
    /// Height of its block.
    pub height: u64,
    /// Position in the block.
    pub index: u32,
    /// Time of the block, nanoseconds since 1970.
    pub time_ns: i64,
    /// The transaction.
    pub tx: Vec<u8>,
    /// What came of it.
    pub result: ExecTxResult,
}

/// One condition of a search; all of a search must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The transaction has this hash.
    Hash(Vec<u8>),
    /// The height is in this range, ends included.
    Height(u64, u64),
    /// An event has this `type.key` and value.
    Attribute(String, String),
}

/// The index.
pub struct TxIndex {
    path: PathBuf,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

fn locked(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TxIndex {
    /// Opens or makes the file.
    pub fn open(path: &Path) -> Result<TxIndex, Fatal> {
        let failed = |error: rusqlite::Error| {
            let path = path.display();
            Fatal::new(format!("cannot open the index {path}: {error}; remove it, it is rebuilt"))
        };
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(path)?;
            connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")?;
            Ok(connection)
        };
        let writer = open().map_err(failed)?;
        writer.execute_batch(SCHEMA).map_err(failed)?;
        let reader = open().map_err(failed)?;
        reader.pragma_update(None, "query_only", true).map_err(failed)?;
        let (writer, reader) = (Mutex::new(writer), Mutex::new(reader));
        Ok(TxIndex { path: path.to_path_buf(), writer, reader })
    }

    fn failed(&self, error: impl std::fmt::Display) -> Fatal {
        Fatal::new(format!("the index {}: {error}; remove it, it is rebuilt", self.path.display()))
    }

    /// The newest height that is indexed.
    pub fn height(&self) -> Result<u64, Fatal> {
        let height: i64 = locked(&self.reader)
            .query_row("SELECT height FROM indexed", [], |row| row.get(0))
            .map_err(|error| self.failed(error))?;
        Ok(u64::try_from(height).unwrap_or(0))
    }

    /// Adds a block.
    pub fn add(
        &self,
        height: u64,
        time_ns: i64,
        txs: &[Vec<u8>],
        results: &[ExecTxResult],
    ) -> Result<(), Fatal> {
        let mut writer = locked(&self.writer);
        add_block(&mut writer, height, time_ns, txs, results).map_err(|error| self.failed(error))
    }

    /// A transaction by its hash.
    pub fn get(&self, hash: &[u8]) -> Result<Option<IndexedTx>, Fatal> {
        let found = self.search(&[Condition::Hash(hash.to_vec())], 1, 1, true)?;
        Ok(found.0.into_iter().next())
    }

    /// Transactions that meet every condition, and how many there are; pages count from 1.
    pub fn search(
        &self,
        conditions: &[Condition],
        page: u64,
        per_page: u64,
        newest_first: bool,
    ) -> Result<(Vec<IndexedTx>, u64), Fatal> {
        let mut filter = String::from("1");
        let mut values = Vec::new();
        for condition in conditions {
            match condition {
                Condition::Hash(hash) => {
                    filter.push_str(" AND hash = ?");
                    values.push(Value::Blob(hash.clone()));
                }
                Condition::Height(from, to) => {
                    filter.push_str(" AND id >= ? AND id < ?");
                    values.push(Value::Integer(first_id(*from)));
                    values.push(Value::Integer(first_id(to.saturating_add(1))));
                }
                Condition::Attribute(key, value) => {
                    filter.push_str(
                        " AND id IN (SELECT id FROM attributes WHERE key = ? AND value = ?)",
                    );
                    values.push(Value::Text(key.clone()));
                    values.push(Value::Text(value.clone()));
                }
            }
        }
        let per_page = per_page.clamp(1, PAGE_MAX);
        let offset = page.max(1).saturating_sub(1).saturating_mul(per_page);
        let order = if newest_first { "DESC" } else { "ASC" };
        let select = format!(
            "SELECT id, time_ns, tx, result FROM txs WHERE {filter} ORDER BY id {order} LIMIT {per_page} OFFSET {}",
            i64::try_from(offset).unwrap_or(i64::MAX)
        );
        let reader = locked(&self.reader);
        let run = || -> rusqlite::Result<(Vec<IndexedTx>, i64)> {
            let sql = format!("SELECT count(*) FROM txs WHERE {filter}");
            let bound = || rusqlite::params_from_iter(values.iter());
            let total = reader.prepare_cached(&sql)?.query_row(bound(), |row| row.get(0))?;
            let mut select = reader.prepare_cached(&select)?;
            let found = select.query_map(bound(), indexed_tx)?.collect::<Result<_, _>>()?;
            Ok((found, total))
        };
        let (found, total) = run().map_err(|error| self.failed(error))?;
        Ok((found, u64::try_from(total).unwrap_or(0)))
    }
}

fn first_id(height: u64) -> i64 {
    height_i64(height).saturating_mul(TXS_PER_HEIGHT)
}

fn indexed_tx(row: &Row<'_>) -> rusqlite::Result<IndexedTx> {
    let id: i64 = row.get(0)?;
    let result: Vec<u8> = row.get(3)?;
    let damaged = |error: prost::DecodeError| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Blob, Box::new(error))
    };
    Ok(IndexedTx {
        height: u64::try_from(id / TXS_PER_HEIGHT).unwrap_or(0),
        index: u32::try_from(id % TXS_PER_HEIGHT).unwrap_or(0),
        time_ns: row.get(1)?,
        tx: row.get(2)?,
        result: ExecTxResult::decode(&result[..]).map_err(damaged)?,
    })
}

fn add_block(
    writer: &mut Connection,
    height: u64,
    time_ns: i64,
    txs: &[Vec<u8>],
    results: &[ExecTxResult],
) -> rusqlite::Result<()> {
    let change = writer.transaction()?;
    {
        let mut insert_tx =
            change.prepare_cached("INSERT OR REPLACE INTO txs VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let mut insert_attribute =
            change.prepare_cached("INSERT OR IGNORE INTO attributes VALUES (?1, ?2, ?3)")?;
        for ((tx, result), index) in txs.iter().zip(results).zip(0i64..) {
            let id = first_id(height).saturating_add(index);
            let hash = tx_hash(tx);
            insert_tx.execute(params![id, &hash[..], time_ns, tx, result.encode_to_vec()])?;
            for event in &result.events {
                for attribute in &event.attributes {
                    if attribute.value.len() <= VALUE_BYTES_MAX {
                        let key = format!("{}.{}", event.r#type, attribute.key);
                        insert_attribute.execute(params![key, attribute.value, id])?;
                    }
                }
            }
        }
        change
            .prepare_cached("UPDATE indexed SET height = max(height, ?1)")?
            .execute([height_i64(height)])?;
    }
    if height.is_multiple_of(PRUNE_INTERVAL) {
        prune(&change, INDEXED_TXS_MAX)?;
    }
    change.commit()
}

/// Forgets all but the newest `keep` transactions.
fn prune(connection: &Connection, keep: i64) -> rusqlite::Result<()> {
    let edge: Option<i64> = connection
        .prepare_cached("SELECT id FROM txs ORDER BY id DESC LIMIT 1 OFFSET ?1")?
        .query_row([keep], |row| row.get(0))
        .optional()?;
    if let Some(edge) = edge {
        connection.execute("DELETE FROM attributes WHERE id <= ?1", [edge])?;
        connection.execute("DELETE FROM txs WHERE id <= ?1", [edge])?;
    }
    Ok(())
}

/// Parses CometBFT's query language as far as it is offered: `key = 'value'` and comparisons of
/// `tx.height`, joined by `AND`. An error says what to write instead.
pub fn parse_query(text: &str) -> Result<Vec<Condition>, String> {
    let mut conditions = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if conditions.len() >= CONDITIONS_MAX {
            return Err(format!("a search has at most {CONDITIONS_MAX} conditions"));
        }
        let (condition, after) = parse_condition(rest)?;
        conditions.push(condition);
        rest = after.trim_start();
        if rest.is_empty() {
            break;
        }
        let joined = rest.strip_prefix("AND ").or_else(|| rest.strip_prefix("and "));
        rest = joined.ok_or_else(|| format!("expected AND before \"{rest}\""))?.trim_start();
    }
    if conditions.is_empty() {
        return Err("the search is empty; write for example message.sender = 'dadbs1...'".into());
    }
    Ok(conditions)
}

fn parse_condition(text: &str) -> Result<(Condition, &str), String> {
    let name_end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)))
        .ok_or_else(|| format!("\"{text}\" lacks a comparison"))?;
    let (name, rest) = text.split_at(name_end);
    if name.is_empty() {
        return Err(format!("\"{text}\" does not begin with a key"));
    }
    let rest = rest.trim_start();
    let operators = [">=", "<=", "=", ">", "<"];
    let operator = operators
        .into_iter()
        .find(|operator| rest.starts_with(operator))
        .ok_or_else(|| format!("\"{text}\": only =, and <, <=, >, >= of tx.height are offered"))?;
    let rest = rest[operator.len()..].trim_start();
    let (value, rest) = if let Some(quoted) = rest.strip_prefix('\'') {
        quoted.split_once('\'').ok_or_else(|| format!("\"{text}\" lacks the closing quote"))?
    } else {
        rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()))
    };
    Ok((condition(name, operator, value)?, rest))
}

fn condition(name: &str, operator: &str, value: &str) -> Result<Condition, String> {
    if name == "tx.height" {
        let height: u64 =
            value.parse().map_err(|_| format!("tx.height: \"{value}\" is not a height"))?;
        return Ok(match operator {
            ">=" => Condition::Height(height, u64::MAX),
            ">" => Condition::Height(height.saturating_add(1), u64::MAX),
            "<=" => Condition::Height(0, height),
            "<" if height == 0 => Condition::Height(1, 0),
            "<" => Condition::Height(0, height - 1),
            _ => Condition::Height(height, height),
        });
    }
    if operator != "=" {
        return Err(format!("{name}: only tx.height has an order; write {name} = '...'"));
    }
    if name == "tx.hash" {
        let hash = hex::decode(value).map_err(|_| "tx.hash is not hexadecimal".to_string())?;
        return Ok(Condition::Hash(hash));
    }
    Ok(Condition::Attribute(name.into(), value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tendermint_proto::v0_38::abci::{Event, EventAttribute};

    fn result(sender: &str) -> ExecTxResult {
        let attribute = EventAttribute { key: "sender".into(), value: sender.into(), index: true };
        let event = Event { r#type: "message".into(), attributes: vec![attribute] };
        ExecTxResult { events: vec![event], ..ExecTxResult::default() }
    }

    fn filled(heights: u64) -> (tempfile::TempDir, TxIndex) {
        let dir = tempfile::tempdir().unwrap();
        let index = TxIndex::open(&dir.path().join("index.db")).unwrap();
        for height in 1..=heights {
            let txs = vec![height.to_le_bytes().to_vec(), format!("b{height}").into_bytes()];
            index.add(height, 7, &txs, &[result("a"), result("b")]).unwrap();
        }
        (dir, index)
    }

    #[test]
    fn rule_1_by_hash_height_and_event() {
        let (_dir, index) = filled(3);
        assert_eq!(index.height().unwrap(), 3);
        let found = index.get(&tx_hash(b"b2")).unwrap().unwrap();
        assert_eq!((found.height, found.index, found.tx.as_slice()), (2, 1, &b"b2"[..]));
        assert_eq!(found.result, result("b"));
        assert_eq!(index.get(&[0; 32]).unwrap(), None);
        let query = |text: &str, page, newest_first| {
            let conditions = parse_query(text).unwrap();
            let (found, total) = index.search(&conditions, page, 2, newest_first).unwrap();
            (found.iter().map(|tx| (tx.height, tx.index)).collect::<Vec<_>>(), total)
        };
        assert_eq!(query("message.sender='a'", 1, false), (vec![(1, 0), (2, 0)], 3));
        assert_eq!(query("message.sender='a'", 2, false), (vec![(3, 0)], 3));
        assert_eq!(query("message.sender='a'", 1, true), (vec![(3, 0), (2, 0)], 3));
        assert_eq!(query("tx.height=2", 1, false), (vec![(2, 0), (2, 1)], 2));
        assert_eq!(query("message.sender = 'b' AND tx.height >= 3", 1, false), (vec![(3, 1)], 1));
        assert_eq!(query("tx.height > 1 AND tx.height < 3", 1, false).1, 2);
        assert_eq!(query("message.sender='c'", 1, false), (vec![], 0));
    }

    #[test]
    fn rule_2_old_transactions_are_forgotten() {
        let (_dir, index) = filled(5);
        prune(&locked(&index.writer), 4).unwrap();
        let all = [Condition::Height(0, u64::MAX)];
        let (found, total) = index.search(&all, 1, 100, false).unwrap();
        assert_eq!((found[0].height, total), (4, 4));
        let left: i64 = locked(&index.writer)
            .query_row("SELECT count(*) FROM attributes", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 4);
    }

    #[test]
    fn rule_3_a_block_that_comes_again_changes_nothing() {
        let (_dir, index) = filled(2);
        index
            .add(1, 7, &[1u64.to_le_bytes().to_vec(), b"b1".to_vec()], &[result("a"), result("b")])
            .unwrap();
        let all = [Condition::Height(0, u64::MAX)];
        assert_eq!((index.search(&all, 1, 100, false).unwrap().1, index.height().unwrap()), (4, 2));
    }

    #[test]
    fn rule_4_searches_are_bounded_and_say_what_is_wrong() {
        let many = ["a.b='c'"; CONDITIONS_MAX + 1].join(" AND ");
        for (text, why) in [
            ("", "empty"),
            (many.as_str(), "at most"),
            ("a.b", "comparison"),
            ("a.b='c", "closing quote"),
            ("a.b='c' OR a.b='d'", "expected AND"),
            ("a.b='c' AND ", "AND"),
            ("a.b>'c'", "only tx.height"),
            ("tx.height='x'", "not a height"),
            ("tx.hash='zz'", "hexadecimal"),
            ("='c'", "begin with a key"),
        ] {
            let error = parse_query(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        let quoted = parse_query("a.b='it has AND inside' AND tx.height<0").unwrap();
        assert_eq!(quoted.len(), 2);
        assert_eq!(quoted[1], Condition::Height(1, 0));
    }
}
