//! The dev engine's block store: blocks, commits and results in one SQLite file of its own.
//!
//! 1. A block and its commit are durable before the core executes it.
//! 2. Its results are durable before the core commits.
//! 3. Consensus parameters are kept where they change, under the first height that they hold for.
//! 4. Readers open their own connection and see whole blocks only.

use super::header::Decided;
use dadbs_types::Fatal;
use prost::Message;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tendermint::block::{self, Commit, Header};
use tendermint_proto::v0_38::abci::ResponseFinalizeBlock;
use tendermint_proto::v0_38::types as pb;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS blocks (
        height INTEGER PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        block BLOB NOT NULL,
        block_id BLOB NOT NULL,
        seen_commit BLOB NOT NULL,
        results BLOB
    ) STRICT;
    CREATE TABLE IF NOT EXISTS consensus_params (
        height INTEGER PRIMARY KEY,
        params BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;";

/// A stored block.
#[derive(Clone, Debug)]
pub struct StoredBlock {
    /// The header.
    pub header: Header,
    /// The transactions.
    pub txs: Vec<Vec<u8>>,
    /// The commit of the block before, as the block carries it.
    pub last_commit: Commit,
    /// The block's id.
    pub id: block::Id,
    /// The commit of this block.
    pub commit: Commit,
    /// The results; `None` if the node stopped before they were known.
    pub results: Option<ResponseFinalizeBlock>,
    /// Bytes of the encoded block.
    pub bytes: usize,
}

/// The store; reads and writes take a lock of their own.
pub struct BlockStore {
    path: PathBuf,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

fn locked(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BlockStore {
    /// Opens or makes the file.
    pub fn open(path: &Path) -> Result<BlockStore, Fatal> {
        let failed = |error: rusqlite::Error| {
            Fatal::new(format!("cannot open the block store {}: {error}", path.display()))
        };
        let writer = Connection::open(path).map_err(failed)?;
        writer
            .execute_batch(&format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {SCHEMA}"
            ))
            .map_err(failed)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(path, flags).map_err(failed)?;
        Ok(BlockStore {
            path: path.to_path_buf(),
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
        })
    }

    fn failed(&self, error: impl std::fmt::Display) -> Fatal {
        Fatal::new(format!("the block store {}: {error}", self.path.display()))
    }

    /// Stores a decided block (rule 1).
    pub fn append(&self, height: u64, decided: &Decided) -> Result<(), Fatal> {
        let id = pb::BlockId::from(decided.id).encode_to_vec();
        let commit = pb::Commit::from(decided.commit.clone()).encode_to_vec();
        let height = crate::convert::height_i64(height);
        locked(&self.writer)
            .prepare_cached(
                "INSERT INTO blocks (height, hash, block, block_id, seen_commit)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut insert| {
                let hash = decided.id.hash.as_bytes();
                insert.execute(params![height, hash, decided.encoded, id, commit])
            })
            .map(drop)
            .map_err(|error| self.failed(error))
    }

    /// Stores the results of a block (rules 2 and 3).
    pub fn put_results(&self, height: u64, results: &ResponseFinalizeBlock) -> Result<(), Fatal> {
        if let Some(params) = &results.consensus_param_updates {
            let from = crate::convert::height_i64(height.saturating_add(1));
            locked(&self.writer)
                .execute(
                    "INSERT OR REPLACE INTO consensus_params (height, params) VALUES (?1, ?2)",
                    params![from, params.encode_to_vec()],
                )
                .map_err(|error| self.failed(error))?;
        }
        let height = crate::convert::height_i64(height);
        locked(&self.writer)
            .execute(
                "UPDATE blocks SET results = ?2 WHERE height = ?1",
                params![height, results.encode_to_vec()],
            )
            .map(drop)
            .map_err(|error| self.failed(error))
    }

    /// The consensus parameters of a height; `None` if they are those of genesis.
    pub fn consensus_params(&self, height: u64) -> Result<Option<pb::ConsensusParams>, Fatal> {
        let found: Option<Vec<u8>> = locked(&self.reader)
            .query_row(
                "SELECT params FROM consensus_params WHERE height <= ?1 ORDER BY height DESC LIMIT 1",
                [crate::convert::height_i64(height)],
                |row| row.get(0),
            )
            .optional()
            .map_err(|error| self.failed(error))?;
        found
            .map(|bytes| pb::ConsensusParams::decode(&bytes[..]))
            .transpose()
            .map_err(|_| self.failed("consensus parameters are damaged"))
    }

    /// The newest height, 0 if there is none.
    pub fn newest(&self) -> Result<u64, Fatal> {
        self.edge("SELECT max(height) FROM blocks")
    }

    /// The oldest height, 0 if there is none.
    pub fn oldest(&self) -> Result<u64, Fatal> {
        self.edge("SELECT min(height) FROM blocks")
    }

    fn edge(&self, sql: &str) -> Result<u64, Fatal> {
        let height: Option<i64> = locked(&self.reader)
            .query_row(sql, [], |row| row.get(0))
            .map_err(|error| self.failed(error))?;
        Ok(height.and_then(|height| u64::try_from(height).ok()).unwrap_or(0))
    }

    /// The block of a height.
    pub fn get(&self, height: u64) -> Result<Option<StoredBlock>, Fatal> {
        type Columns = (Vec<u8>, Vec<u8>, Vec<u8>, Option<Vec<u8>>);
        let columns: Option<Columns> = locked(&self.reader)
            .prepare_cached(
                "SELECT block, block_id, seen_commit, results FROM blocks WHERE height = ?1",
            )
            .and_then(|mut select| {
                select
                    .query_row([crate::convert::height_i64(height)], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                    })
                    .optional()
            })
            .map_err(|error| self.failed(error))?;
        let Some((block, id, commit, results)) = columns else { return Ok(None) };
        let damaged = |what: &str| self.failed(format!("the {what} of height {height} is damaged"));
        let bytes = block.len();
        let block = pb::Block::decode(&block[..]).map_err(|_| damaged("block"))?;
        let header = block.header.and_then(|header| Header::try_from(header).ok());
        let last_commit = block.last_commit.and_then(|commit| Commit::try_from(commit).ok());
        let id = pb::BlockId::decode(&id[..]).ok().and_then(|id| block::Id::try_from(id).ok());
        let commit =
            pb::Commit::decode(&commit[..]).ok().and_then(|commit| Commit::try_from(commit).ok());
        let results = results
            .map(|results| ResponseFinalizeBlock::decode(&results[..]))
            .transpose()
            .map_err(|_| damaged("result"))?;
        Ok(Some(StoredBlock {
            header: header.ok_or_else(|| damaged("header"))?,
            txs: block.data.unwrap_or_default().txs,
            last_commit: last_commit.unwrap_or_default(),
            id: id.ok_or_else(|| damaged("block id"))?,
            commit: commit.ok_or_else(|| damaged("commit"))?,
            results,
            bytes,
        }))
    }

    /// The height of the block with this hash.
    pub fn height_of(&self, hash: &[u8]) -> Result<Option<u64>, Fatal> {
        let height: Option<i64> = locked(&self.reader)
            .query_row("SELECT height FROM blocks WHERE hash = ?1", [hash], |row| row.get(0))
            .optional()
            .map_err(|error| self.failed(error))?;
        Ok(height.and_then(|height| u64::try_from(height).ok()))
    }

    /// A fact that was stored.
    pub fn fact(&self, name: &str) -> Result<Option<Vec<u8>>, Fatal> {
        locked(&self.reader)
            .query_row("SELECT value FROM facts WHERE name = ?1", [name], |row| row.get(0))
            .optional()
            .map_err(|error| self.failed(error))
    }

    /// Stores a fact.
    pub fn put_fact(&self, name: &str, value: &[u8]) -> Result<(), Fatal> {
        locked(&self.writer)
            .execute("INSERT OR REPLACE INTO facts VALUES (?1, ?2)", params![name, value])
            .map(drop)
            .map_err(|error| self.failed(error))
    }
}
