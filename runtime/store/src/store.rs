//! The store's life: open, begin a block, finish it, commit or drop it.
//!
//! 1. A block is one database transaction. `finish_block` computes everything that `commit` will
//!    persist; until then `drop_block` leaves no trace.
//! 2. The root is that of the tree over all captured rows after the block's net changes. A block
//!    without changes has the root of the block before.
//! 3. Journal, height, time and app hash are written in the block's own transaction.
//! 4. The journal is kept for `journal_heights`, and longer where a checkpoint still needs it.
//! 5. Heights follow each other without a gap from the first one on, which may be any.
//! 6. One process opens a store: the second is refused.

use crate::capture::Capture;
use crate::change;
use crate::checkpoint::{CheckpointJob, Checkpoints};
use crate::failpoint::failpoint;
use crate::journal;
use crate::restore::{self, EachRow, Head};
use crate::savepoint::Savepoint;
use crate::schema::{self, Made};
use crate::user::Statements;
use crate::view::Readers;
use dadbs_merkle::{Tree, Versions};
use dadbs_sqlite::Connection;
use dadbs_types::{Fatal, Hash, Value, limits};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tracing::trace_span;

/// Where a store lives and how much of the past it keeps.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Folder of `state.db`, `checkpoints/` and `lock`; made if it is missing.
    pub dir: PathBuf,
    /// Heights between two checkpoints; 0 means never.
    pub checkpoint_interval: u64,
    /// Heights whose journal is kept, at least [`limits::VERSIONS_KEPT`].
    pub journal_heights: u64,
    /// `commit` writes a due checkpoint itself; else the caller takes it from
    /// [`Store::checkpoint_due`] and runs it where it likes.
    pub checkpoint_inline: bool,
    /// Compare every row with the tree when the store opens (seconds per million rows).
    pub verify_rows: bool,
}

impl StoreConfig {
    /// The defaults for a folder.
    pub fn new(dir: impl Into<PathBuf>) -> StoreConfig {
        StoreConfig {
            dir: dir.into(),
            checkpoint_interval: 1_000,
            journal_heights: 10_000,
            checkpoint_inline: true,
            verify_rows: false,
        }
    }
}

/// The open block.
struct Block {
    height: u64,
    time_ms: i64,
    /// Schema changes before this block.
    schema_changes: u64,
    /// What `commit` makes current (rule 1).
    finished: Option<(Tree, Hash)>,
}

/// The one store; owned by one thread.
pub struct Store {
    pub(crate) connection: Connection,
    pub(crate) capture: Capture,
    pub(crate) statements: Statements,
    pub(crate) savepoints: Vec<Savepoint>,
    /// Counts schema changes, also undone ones, so that a savepoint knows whether one happened.
    pub(crate) schema_changes: u64,
    /// See [`Store::statement_gas`].
    pub(crate) statement_gas: u64,
    config: StoreConfig,
    head: Head,
    pub(crate) tree: Tree,
    versions: Arc<RwLock<Versions>>,
    checkpoints: Checkpoints,
    due: Option<CheckpointJob>,
    block: Option<Block>,
    readers: Readers,
    /// Rule 6: locked as long as the store lives.
    _lock: File,
    /// Removes the folder of [`Store::memory`]; the last field, so that it is dropped last.
    _folder: Option<TemporaryFolder>,
}

struct TemporaryFolder(PathBuf);

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!("cannot remove {}: {error}", self.0.display());
        }
    }
}

fn lock(dir: &Path) -> Result<File, Fatal> {
    let path = dir.join("lock");
    let fail = |what: &str| Fatal::new(format!("{}: {what}", path.display()));
    fs::create_dir_all(dir).map_err(|e| fail(&format!("cannot make its folder: {e}")))?;
    let open = File::options().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(|e| fail(&format!("cannot open: {e}")))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(fail(
            "another process has this store open; stop it first, one store has one writer",
        )),
        Err(TryLockError::Error(e)) => Err(fail(&format!("cannot lock: {e}"))),
    }
}

impl Store {
    /// Opens the store of a folder, making it if it is empty: restores the tree from a checkpoint and
    /// the journal, or else from the rows, and compares its root with the stored one.
    pub fn open(config: StoreConfig) -> Result<Store, Fatal> {
        let lock = lock(&config.dir)?;
        Self::open_locked(config, lock, None)
    }

    /// A store in a temporary folder, for tests.
    pub fn memory() -> Result<Store, Fatal> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let dir = loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("dadbs-{}-{number}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            match std::fs::create_dir(&dir) {
                Ok(()) => break dir,
                // A process that was killed left its folder, and its id has come again.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Fatal::new(format!("{}: {error}", dir.display()))),
            }
        };
        let lock = lock(&dir)?;
        let folder = TemporaryFolder(dir.clone());
        let config = StoreConfig { checkpoint_interval: 0, ..StoreConfig::new(dir) };
        Self::open_locked(config, lock, Some(folder))
    }

    fn open_locked(
        config: StoreConfig,
        lock: File,
        folder: Option<TemporaryFolder>,
    ) -> Result<Store, Fatal> {
        let path = config.dir.join("state.db");
        let connection = Connection::open_writer(&path)?;
        let head = restore::head(&connection, &path)?;
        let checkpoints = Checkpoints::open(config.dir.join("checkpoints"))?;
        let tree = restore::tree(&connection, &checkpoints, &head)?;
        let versions = restore::versions(&connection, &head, &tree)?;
        let versions = Arc::new(RwLock::new(versions));
        let store = Store {
            readers: Readers::new(path, versions.clone()),
            connection,
            capture: Capture::default(),
            statements: Statements::default(),
            savepoints: Vec::new(),
            schema_changes: 0,
            statement_gas: 0,
            config,
            head,
            tree,
            versions,
            checkpoints,
            due: None,
            block: None,
            _lock: lock,
            _folder: folder,
        };
        if store.config.verify_rows {
            store.verify_rows()?.check()?;
        }
        Ok(store)
    }

    /// The last committed height; 0 before the first commit.
    pub fn height(&self) -> u64 {
        self.head.height
    }

    /// The time of the last committed block, milliseconds since 1970.
    pub fn time_ms(&self) -> i64 {
        self.head.time_ms
    }

    /// The root after the last committed block; 32 zeros before the first commit.
    pub fn app_hash(&self) -> Hash {
        self.head.app_hash
    }

    /// True until the first commit.
    pub fn is_new(&self) -> bool {
        !self.head.committed
    }

    /// Leaves of the committed tree: rows and schema objects.
    pub fn leaves(&self) -> usize {
        self.tree.len()
    }

    /// Read-only connections, independent of the writer.
    pub fn readers(&self) -> Readers {
        self.readers.clone()
    }

    /// Opens the transaction of a block; `time_ms` is what SQL sees as the current time.
    pub fn begin_block(&mut self, height: u64, time_ms: i64) -> Result<(), Fatal> {
        if self.block.is_some() {
            return Err(Fatal::new("begin_block while a block is open: commit or drop it first"));
        }
        if self.head.committed && self.head.height.checked_add(1) != Some(height) {
            return Err(Fatal::new(format!(
                "block {height} does not follow the committed height {}",
                self.head.height
            )));
        }
        self.connection.execute("BEGIN IMMEDIATE", &[])?;
        self.connection.set_clock(time_ms);
        let schema_changes = self.schema_changes;
        self.block = Some(Block { height, time_ms, schema_changes, finished: None });
        failpoint!("begin_block");
        Ok(())
    }

    /// Refuses work outside an open block.
    pub(crate) fn check_open(&self) -> Result<(), Fatal> {
        match &self.block {
            Some(Block { finished: None, .. }) => Ok(()),
            Some(_) => Err(Fatal::new("the block is finished: commit or drop it")),
            None => Err(Fatal::new("no block is open: call begin_block first")),
        }
    }

    /// Computes the block's net changes, journal and root inside its transaction (rule 1).
    pub fn finish_block(&mut self) -> Result<Hash, Fatal> {
        self.check_open()?;
        if !self.savepoints.is_empty() {
            return Err(Fatal::new("finish_block inside a transaction or savepoint"));
        }
        failpoint!("finish_start");
        self.capture.absorb(&self.connection, None)?;
        let deferred = self.connection.deferred_foreign_keys();
        if deferred != 0 {
            return Err(Fatal::new(format!("{deferred} foreign keys are violated at block end")));
        }
        let root = trace_span!("root").entered();
        let net = change::net(self.capture.take());
        self.capture.growths.clear();
        failpoint!("net_changes");
        let tree = if net.is_empty() {
            self.tree.clone()
        } else {
            self.tree.update(&restore::leaves(&net, restore::Direction::Forward))
        };
        failpoint!("tree_updated");
        let hash = tree.root();
        let Some(block) = &mut self.block else {
            return Err(Fatal::new("no block is open"));
        };
        let (height, time_ms) = (block.height, block.time_ms);
        block.finished = Some((tree, hash));
        drop(root);
        let _journal = trace_span!("journal").entered();
        self.record(height, time_ms, hash, &net)?;
        self.prune(height)?;
        failpoint!("pruned");
        Ok(hash)
    }

    /// Rule 3.
    fn record(
        &self,
        height: u64,
        time_ms: i64,
        hash: Hash,
        net: &[change::Change],
    ) -> Result<(), Fatal> {
        let (number, time) = (Value::from(restore::signed(height)?), Value::from(time_ms));
        let hash = Value::Blob(hash.to_vec());
        if !net.is_empty() {
            let bytes = journal::encode(net);
            for (chunk, bytes) in (0i64..).zip(bytes.chunks(journal::CHUNK_BYTES)) {
                self.connection.execute(
                    "INSERT INTO node_journal(height, chunk, bytes) VALUES (?1, ?2, ?3)",
                    &[&number, &Value::from(chunk), &Value::from(bytes)],
                )?;
                failpoint!("journal_chunk");
            }
        }
        let changes = Value::from(i64::try_from(net.len()).unwrap_or(i64::MAX));
        self.connection.execute(
            "INSERT INTO node_block(height, time_ms, app_hash, changes) VALUES (?1, ?2, ?3, ?4)",
            &[&number, &time, &hash, &changes],
        )?;
        self.connection.execute(
            "UPDATE node_state SET height = ?1, time_ms = ?2, app_hash = ?3, committed = 1",
            &[&number, &time, &hash],
        )?;
        failpoint!("state_row");
        Ok(())
    }

    /// Rule 4.
    fn prune(&self, height: u64) -> Result<(), Fatal> {
        let kept = self.config.journal_heights.max(limits::VERSIONS_KEPT as u64);
        let mut below = height.saturating_sub(kept);
        if let Some(oldest) = self.checkpoints.heights().first() {
            below = below.min(*oldest);
        }
        let below = Value::from(restore::signed(below)?);
        self.connection.execute("DELETE FROM node_journal WHERE height <= ?1", &[&below])?;
        self.connection.execute("DELETE FROM node_block WHERE height <= ?1", &[&below])?;
        Ok(())
    }

    /// Persists the finished block, and writes a checkpoint if one is due.
    pub fn commit(&mut self) -> Result<(), Fatal> {
        let Some(Block { height, time_ms, finished: Some((tree, app_hash)), .. }) =
            self.block.take()
        else {
            return Err(Fatal::new("commit without finish_block"));
        };
        let _span = trace_span!("commit").entered();
        failpoint!("commit_start");
        self.connection.batch("COMMIT")?;
        failpoint!("commit_done");
        self.head = Head { height, time_ms, app_hash, committed: true };
        self.tree = tree.clone();
        let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        versions.push(height, tree)?;
        drop(versions);
        failpoint!("version_pushed");
        let interval = self.config.checkpoint_interval;
        if interval != 0 && height.is_multiple_of(interval) {
            self.due = Some(self.checkpoints.job(height, self.tree.clone()));
        }
        match (self.config.checkpoint_inline, self.due.take()) {
            (true, Some(job)) => job.run(),
            (_, due) => {
                self.due = due;
                Ok(())
            }
        }
    }

    /// The checkpoint that is due, if the configuration leaves it to the caller.
    pub fn checkpoint_due(&mut self) -> Option<CheckpointJob> {
        self.due.take()
    }

    /// The checkpoint of the committed height, for a shutdown that makes the next start fast.
    pub fn checkpoint_now(&self) -> CheckpointJob {
        self.checkpoints.job(self.head.height, self.tree.clone())
    }

    /// Throws the open block away, finished or not (rule 1).
    pub fn drop_block(&mut self) -> Result<(), Fatal> {
        let Some(block) = self.block.take() else {
            return Err(Fatal::new("drop_block while no block is open"));
        };
        self.connection.batch("ROLLBACK")?;
        self.connection.capture_truncate(0);
        self.capture.truncate(0);
        self.capture.growths.clear();
        self.savepoints.clear();
        if self.schema_changes != block.schema_changes {
            self.flush();
        }
        Ok(())
    }

    /// Forgets everything that depends on the schema; the engine does so for itself.
    pub(crate) fn flush(&mut self) {
        self.capture.flush_layouts();
        self.statements.flush();
    }

    /// Runs a statement on the chain's own tables: physical names, all failures fatal. Returns the
    /// number of changed rows.
    pub fn execute(&mut self, sql: &'static str, params: &[&Value]) -> Result<usize, Fatal> {
        self.check_open()?;
        failpoint!("chain_statement");
        let verb = sql.split_ascii_whitespace().next().unwrap_or("").to_ascii_uppercase();
        match verb.as_str() {
            "CREATE" => {
                self.capture.absorb(&self.connection, None)?;
                self.schema_changes = self.schema_changes.saturating_add(1);
                let changed = self.connection.execute(sql, params)?;
                self.flush();
                let made = Made { text: Some(sql.trim()), from_terms: 1 };
                schema::sync(&self.connection, schema::CHAIN, &made)?;
                Ok(changed)
            }
            "DROP" | "ALTER" => Err(Fatal::new(format!(
                "the chain's tables are created once; their rows would change unseen by: {sql}"
            ))),
            _ => self.connection.execute(sql, params),
        }
    }

    /// Rows of a query on the chain's own tables, as the open block sees them.
    pub fn query(&self, sql: &'static str, params: &[&Value]) -> Result<Vec<Vec<Value>>, Fatal> {
        schema::rows(&self.connection, sql, params)
    }

    /// The first row of [`Store::query`].
    pub fn query_row(
        &self,
        sql: &'static str,
        params: &[&Value],
    ) -> Result<Option<Vec<Value>>, Fatal> {
        Ok(self.query(sql, params)?.into_iter().next())
    }

    /// The net changes of a committed height, sorted by table and key; `None` if its journal is no
    /// longer kept.
    pub fn journal(&self, height: u64) -> Result<Option<Vec<change::Change>>, Fatal> {
        Ok(restore::changes(&self.connection, height)?.map(|(changes, _)| changes))
    }

    /// Calls `row` with physical table (lower case), key bytes and row bytes of every row that the
    /// root commits to, as the open block sees them.
    pub fn each_row(&self, row: &mut EachRow<'_>) -> Result<(), Fatal> {
        restore::each_row(&self.connection, row)
    }
}
