//! The index of transactions and events: a SQLite file of its own, outside the root.
//!
//! 1. A transaction is found by hash, by height and by the events' `type.key` = value. Of two with one hash
//!    the one that passed is found. Key and value are kept as one hash, their [`term`]: texts of any length cost
//!    the same, and a block's terms are sorted before they are added, since most transactions share most of them.
//! 2. The index keeps the newest [`INDEXED_TXS_MAX`] transactions and forgets older ones.
//! 3. Blocks are added in order, each whole and once; nothing is missing up to [`TxIndex::height`]. The index
//!    may lag or be lost: what it lacks is added again from the engine's blocks.
//! 4. A search answers at most [`PAGE_MAX`] transactions, counts at most [`COUNT_MAX`], and is given up after
//!    [`SEARCH_TIME`].

mod query;

pub use query::{CONDITIONS_MAX, Condition, parse_query};

use crate::convert::{height_i64, tx_hash};
use dadbs_types::{Code, Error, Fatal};
use prost::Message;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tendermint_proto::v0_38::abci::{ExecTxResult, ResponseFinalizeBlock};
use tokio::sync::watch;

/// Transactions that are kept (rule 2).
pub const INDEXED_TXS_MAX: i64 = 10_000_000;
/// Transactions of one answer (rule 4).
pub const PAGE_MAX: u64 = 100;
/// Found transactions that are counted, and reached by pages (rule 4).
pub const COUNT_MAX: u64 = 100_000;
/// How long a search may take (rule 4).
pub const SEARCH_TIME: Duration = Duration::from_secs(2);
/// Longer attribute values are not found by search.
const VALUE_BYTES_MAX: usize = 512;
/// A transaction's number is its height times this plus its index in the block.
const TXS_PER_HEIGHT: i64 = 1 << 20;
/// Blocks between two prunings.
const PRUNE_INTERVAL: u64 = 256;
/// Instructions between two looks at the clock.
const CLOCK_INSTRUCTIONS: i32 = 100_000;
/// The version of the schema; a file of another one is emptied and filled again (rule 3).
const VERSION: i64 = 3;
/// Memory for pages of the file, KiB: a block's changes stay in it until they are committed.
const CACHE_KIB: i64 = 16_384;
/// Pages of the log between two checkpoints, 16 MiB: pages that many blocks change are copied once.
const LOG_PAGES: i64 = 4_096;

const SCHEMA: &str = "
    CREATE TABLE txs (
        id INTEGER PRIMARY KEY, hash BLOB NOT NULL, code INTEGER NOT NULL, time_ns INTEGER NOT NULL,
        tx BLOB NOT NULL, result BLOB NOT NULL
    ) STRICT;
    CREATE INDEX txs_by_hash ON txs (hash);
    CREATE TABLE attributes (
        term BLOB NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (term, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE blocks (height INTEGER PRIMARY KEY, outcome BLOB NOT NULL) STRICT;
    CREATE TABLE indexed (one INTEGER PRIMARY KEY CHECK (one = 1), height INTEGER NOT NULL) STRICT;
    INSERT INTO indexed VALUES (1, 0);";

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

/// The index.
pub struct TxIndex {
    path: PathBuf,
    writer: Mutex<Connection>,
    /// Looks up by hash and height: never behind a search.
    reader: Mutex<Connection>,
    searcher: Mutex<Connection>,
    height: watch::Sender<u64>,
}

fn locked(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the tables; those of another version are dropped.
fn make_tables(connection: &mut Connection) -> rusqlite::Result<()> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == VERSION {
        return Ok(());
    }
    let change = connection.transaction()?;
    let tables: Vec<String> = change
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in tables {
        change.execute_batch(&format!("DROP TABLE \"{table}\""))?;
    }
    change.execute_batch(SCHEMA)?;
    change.pragma_update(None, "user_version", VERSION)?;
    change.commit()
}

fn newest(connection: &Connection) -> rusqlite::Result<u64> {
    let height: i64 = connection.query_row("SELECT height FROM indexed", [], |row| row.get(0))?;
    Ok(u64::try_from(height).unwrap_or(0))
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
            // After a loss of power the file is whole and older: rule 3 fills it again.
            connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
            Ok(connection)
        };
        let mut writer = open().map_err(failed)?;
        writer.pragma_update(None, "cache_size", -CACHE_KIB).map_err(failed)?;
        writer.pragma_update(None, "wal_autocheckpoint", LOG_PAGES).map_err(failed)?;
        make_tables(&mut writer).map_err(failed)?;
        let height = newest(&writer).map_err(failed)?;
        let [reader, searcher] = [open().map_err(failed)?, open().map_err(failed)?];
        for connection in [&reader, &searcher] {
            connection.pragma_update(None, "query_only", true).map_err(failed)?;
        }
        Ok(TxIndex {
            path: path.to_path_buf(),
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
            searcher: Mutex::new(searcher),
            height: watch::channel(height).0,
        })
    }

    fn failed(&self, error: impl std::fmt::Display) -> Fatal {
        Fatal::new(format!("the index {}: {error}; remove it, it is rebuilt", self.path.display()))
    }

    /// The newest height that is indexed; nothing is missing below it.
    pub fn height(&self) -> u64 {
        *self.height.borrow()
    }

    /// What [`TxIndex::height`] answers, after every block.
    pub fn heights(&self) -> watch::Receiver<u64> {
        self.height.subscribe()
    }

    /// Adds the block that follows; one that is in already changes nothing.
    pub fn add(
        &self,
        height: u64,
        time_ns: i64,
        txs: &[Vec<u8>],
        outcome: &ResponseFinalizeBlock,
    ) -> Result<(), Fatal> {
        if height <= self.height() {
            return Ok(());
        }
        if txs.len() != outcome.tx_results.len() {
            let (txs, results) = (txs.len(), outcome.tx_results.len());
            return Err(Fatal::new(format!(
                "block {height} has {txs} transactions and {results} results"
            )));
        }
        let mut writer = locked(&self.writer);
        add_block(&mut writer, height, time_ns, txs, outcome)
            .map_err(|error| self.failed(error))?;
        self.height.send_replace(height);
        Ok(())
    }

    /// A transaction by its hash.
    pub fn get(&self, hash: &[u8]) -> Result<Option<IndexedTx>, Fatal> {
        let reader = locked(&self.reader);
        let get = || {
            let sql = "SELECT id, time_ns, tx, result FROM txs WHERE hash = ?1
                       ORDER BY code = 0 DESC, id DESC LIMIT 1";
            reader.prepare_cached(sql)?.query_row([hash], indexed_tx).optional()
        };
        get().map_err(|error| self.failed(error))
    }

    /// The outcome of a block with its transactions' results; `None` if it is not in the index.
    pub fn outcome(&self, height: u64) -> Result<Option<ResponseFinalizeBlock>, Fatal> {
        let get = |reader: &Connection| {
            let sql = "SELECT outcome FROM blocks WHERE height = ?1";
            let height = height_i64(height);
            reader.prepare_cached(sql)?.query_row([height], |row| row.get(0)).optional()
        };
        let outcome: Option<Vec<u8>> =
            get(&locked(&self.reader)).map_err(|error| self.failed(error))?;
        let Some(outcome) = outcome else { return Ok(None) };
        let mut outcome =
            ResponseFinalizeBlock::decode(&outcome[..]).map_err(|error| self.failed(error))?;
        outcome.tx_results = self.txs_of(height)?.into_iter().map(|tx| tx.result).collect();
        Ok(Some(outcome))
    }

    /// The transactions of a block.
    pub fn txs_of(&self, height: u64) -> Result<Vec<IndexedTx>, Fatal> {
        let get = |reader: &Connection| -> rusqlite::Result<Vec<IndexedTx>> {
            let sql =
                "SELECT id, time_ns, tx, result FROM txs WHERE id >= ?1 AND id < ?2 ORDER BY id";
            let ids = [first_id(height), first_id(height.saturating_add(1))];
            reader.prepare_cached(sql)?.query_map(ids, indexed_tx)?.collect()
        };
        get(&locked(&self.reader)).map_err(|error| self.failed(error))
    }

    /// Transactions that meet every condition, and how many there are; pages count from 1.
    ///
    /// # Errors
    /// A rejection if the search takes too long (rule 4).
    pub fn search(
        &self,
        conditions: &[Condition],
        page: u64,
        per_page: u64,
        newest_first: bool,
    ) -> Result<(Vec<IndexedTx>, u64), Error> {
        let (ids, values) = ids_of(conditions);
        let per_page = per_page.clamp(1, PAGE_MAX);
        let offset = page.max(1).saturating_sub(1).saturating_mul(per_page).min(COUNT_MAX);
        let order = if newest_first { "DESC" } else { "ASC" };
        let count = format!("SELECT count(*) FROM (SELECT 1 {ids} LIMIT {COUNT_MAX})");
        let select = format!(
            "SELECT id, time_ns, tx, result FROM txs
             WHERE id IN (SELECT a.id {ids} ORDER BY a.id {order} LIMIT {per_page} OFFSET {offset})
             ORDER BY id {order}"
        );
        let mut searcher = locked(&self.searcher);
        let until = Instant::now() + SEARCH_TIME;
        let late = move || Instant::now() > until;
        searcher
            .progress_handler(CLOCK_INSTRUCTIONS, Some(late))
            .map_err(|error| self.failed(error))?;
        let run = || -> rusqlite::Result<(Vec<IndexedTx>, i64)> {
            let bound = || rusqlite::params_from_iter(values.iter());
            let total = searcher.prepare_cached(&count)?.query_row(bound(), |row| row.get(0))?;
            let mut select = searcher.prepare_cached(&select)?;
            let found = select.query_map(bound(), indexed_tx)?.collect::<Result<_, _>>()?;
            Ok((found, total))
        };
        match run() {
            Ok((found, total)) => Ok((found, u64::try_from(total).unwrap_or(0))),
            Err(_) if late() => Err(Error::rejected(
                Code::OutOfGas,
                format!(
                    "the search took longer than {} s: narrow it by tx.height",
                    SEARCH_TIME.as_secs()
                ),
            )),
            Err(error) => Err(self.failed(error).into()),
        }
    }
}

fn first_id(height: u64) -> i64 {
    height_i64(height).saturating_mul(TXS_PER_HEIGHT)
}

/// `FROM ... WHERE ...` of the numbers that a search finds, in the order of an index, and its values.
fn ids_of(conditions: &[Condition]) -> (String, Vec<Value>) {
    let (mut filter, mut values) = (String::new(), Vec::new());
    let attributes = || {
        conditions.iter().filter_map(|condition| match condition {
            Condition::Attribute(key, value) => Some((key, value)),
            _ => None,
        })
    };
    match attributes().next() {
        Some((key, value)) => {
            filter.push_str("FROM attributes a WHERE a.term = ?");
            values.push(Value::Blob(term(key, value).to_vec()));
        }
        None => filter.push_str("FROM txs a WHERE 1"),
    }
    for (key, value) in attributes().skip(1) {
        filter
            .push_str(" AND EXISTS (SELECT 1 FROM attributes b WHERE b.term = ? AND b.id = a.id)");
        values.push(Value::Blob(term(key, value).to_vec()));
    }
    for condition in conditions {
        match condition {
            Condition::Hash(hash) => {
                filter.push_str(" AND a.id IN (SELECT id FROM txs WHERE hash = ?)");
                values.push(Value::Blob(hash.clone()));
            }
            Condition::Height(from, to) => {
                filter.push_str(" AND a.id >= ? AND a.id < ?");
                values.push(Value::Integer(first_id(*from)));
                values.push(Value::Integer(first_id(to.saturating_add(1))));
            }
            Condition::Attribute(..) => {}
        }
    }
    (filter, values)
}

/// What an attribute is found by: the first half of a SHA-256 of key and value (rule 1).
fn term(key: &str, value: &str) -> [u8; 16] {
    let mut hasher = Sha256::new();
    hasher.update((key.len() as u64).to_le_bytes());
    hasher.update(key);
    hasher.update(value);
    let mut term = [0; 16];
    term.copy_from_slice(&hasher.finalize()[..16]);
    term
}

/// The terms of a transaction's events.
fn terms(result: &ExecTxResult) -> impl Iterator<Item = [u8; 16]> {
    result.events.iter().flat_map(|event| {
        let short = event.attributes.iter().filter(|found| found.value.len() <= VALUE_BYTES_MAX);
        short.map(|found| term(&format!("{}.{}", event.r#type, found.key), &found.value))
    })
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
    outcome: &ResponseFinalizeBlock,
) -> rusqlite::Result<()> {
    let change = writer.transaction()?;
    {
        let mut insert_tx =
            change.prepare_cached("INSERT INTO txs VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        let mut found = Vec::new();
        for ((tx, result), index) in txs.iter().zip(&outcome.tx_results).zip(0i64..) {
            let id = first_id(height).saturating_add(index);
            let hash = tx_hash(tx);
            let encoded = result.encode_to_vec();
            insert_tx.execute(params![id, &hash[..], result.code, time_ns, tx, encoded])?;
            found.extend(terms(result).map(|term| (term, id)));
        }
        found.sort_unstable();
        found.dedup();
        let mut insert_term = change.prepare_cached("INSERT INTO attributes VALUES (?1, ?2)")?;
        for (term, id) in found {
            insert_term.execute(params![&term[..], id])?;
        }
        let block = ResponseFinalizeBlock {
            events: outcome.events.clone(),
            tx_results: Vec::new(),
            validator_updates: outcome.validator_updates.clone(),
            consensus_param_updates: outcome.consensus_param_updates.clone(),
            app_hash: outcome.app_hash.clone(),
        };
        change
            .prepare_cached("INSERT INTO blocks VALUES (?1, ?2)")?
            .execute(params![height_i64(height), block.encode_to_vec()])?;
        change.prepare_cached("UPDATE indexed SET height = ?1")?.execute([height_i64(height)])?;
    }
    if height.is_multiple_of(PRUNE_INTERVAL) {
        prune(&change, INDEXED_TXS_MAX)?;
    }
    change.commit()
}

/// Forgets all but the newest `keep` transactions, and the blocks that are not whole any more.
fn prune(connection: &Connection, keep: i64) -> rusqlite::Result<()> {
    let edge: Option<i64> = connection
        .prepare_cached("SELECT id FROM txs ORDER BY id DESC LIMIT 1 OFFSET ?1")?
        .query_row([keep], |row| row.get(0))
        .optional()?;
    if let Some(edge) = edge {
        let mut old =
            connection.prepare_cached("SELECT id, time_ns, tx, result FROM txs WHERE id <= ?1")?;
        let mut forget =
            connection.prepare_cached("DELETE FROM attributes WHERE term = ?1 AND id = ?2")?;
        for tx in old.query_map([edge], |row| Ok((row.get::<_, i64>(0)?, indexed_tx(row)?)))? {
            let (id, tx) = tx?;
            for term in terms(&tx.result) {
                forget.execute(params![&term[..], id])?;
            }
        }
        connection.execute("DELETE FROM txs WHERE id <= ?1", [edge])?;
        connection.execute("DELETE FROM blocks WHERE height <= ?1", [edge / TXS_PER_HEIGHT])?;
    }
    Ok(())
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

    fn outcome(results: &[ExecTxResult]) -> ResponseFinalizeBlock {
        ResponseFinalizeBlock { tx_results: results.to_vec(), ..ResponseFinalizeBlock::default() }
    }

    fn filled(heights: u64) -> (tempfile::TempDir, TxIndex) {
        let dir = tempfile::tempdir().unwrap();
        let index = TxIndex::open(&dir.path().join("index.db")).unwrap();
        for height in 1..=heights {
            let txs = vec![height.to_le_bytes().to_vec(), format!("b{height}").into_bytes()];
            index.add(height, 7, &txs, &outcome(&[result("a"), result("b")])).unwrap();
        }
        (dir, index)
    }

    #[test]
    fn rule_1_by_hash_height_and_event() {
        let (_dir, index) = filled(3);
        assert_eq!(index.height(), 3);
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
    fn rule_1_what_passed_is_found_not_its_replay() {
        let (_dir, index) = filled(1);
        let refused = ExecTxResult { code: 32, ..ExecTxResult::default() };
        index.add(2, 7, &[b"b1".to_vec()], &outcome(&[refused])).unwrap();
        let found = index.get(&tx_hash(b"b1")).unwrap().unwrap();
        assert_eq!((found.height, found.result.code), (1, 0));
    }

    #[test]
    fn rule_3_an_index_of_another_version_is_emptied() {
        let (dir, index) = filled(2);
        drop(index);
        let path = dir.path().join("index.db");
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 1).unwrap();
        let index = TxIndex::open(&path).unwrap();
        assert_eq!((index.height(), index.get(&tx_hash(b"b1")).unwrap()), (0, None));
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
        index.add(1, 7, &[b"other".to_vec()], &outcome(&[result("a")])).unwrap();
        let found = index.outcome(1).unwrap().unwrap();
        assert_eq!(found, outcome(&[result("a"), result("b")]));
        assert_eq!(index.outcome(3).unwrap(), None);
        let uneven = index.add(3, 7, &[b"other".to_vec()], &outcome(&[]));
        assert!(uneven.unwrap_err().to_string().contains("0 results"));
        let all = [Condition::Height(0, u64::MAX)];
        assert_eq!((index.search(&all, 1, 100, false).unwrap().1, index.height()), (4, 2));
    }
}
