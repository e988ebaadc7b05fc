//! Reads of the last committed height, beside the writer.
//!
//! 1. A view is a read transaction on a connection of its own: it keeps its height, and neither
//!    waits for the writer nor makes it wait. Drop it soon: the write-ahead log grows while it lives.
//! 2. At most [`READERS_MAX`] views of one [`Readers`] exist at a time, and those of [`Readers::apart`]
//!    count apart: queries cannot use up the views that CheckTx needs. Up to [`READERS_IDLE_MAX`]
//!    connections wait for the next ones.
//! 3. A read has limits of steps, rows and bytes, and a rejection when it meets one.
//! 4. A row at an earlier kept height is the row now, with the journal since then undone. Before it
//!    is given out it is compared with the tree of that height.

use crate::capture::scan;
use crate::change::Change;
use crate::gas::Spend;
use crate::layout::Layout;
use crate::restore::{self, Head};
use crate::schema::{self, Catalog};
use crate::user::{Collected, Queried, in_users_names, out_of_gas};
use dadbs_merkle::{Tree, Versions};
use dadbs_sql::{Namespace, Purpose, RowAccess};
use dadbs_sqlite::{Connection, SqlFailure};
use dadbs_types::row::{leaf_key, leaf_value};
use dadbs_types::{Code, Error, Fatal, GasMeter, Hash, Key, Value, limits};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Views of one [`Readers`] that may exist at a time (rule 2).
pub const READERS_MAX: usize = 128;
/// Connections that wait for the next view (rule 2).
pub const READERS_IDLE_MAX: usize = 16;

struct Shared {
    path: PathBuf,
    versions: Arc<RwLock<Versions>>,
    idle: Mutex<Vec<Connection>>,
}

/// Opens views; cheap to clone, for any thread.
#[derive(Clone)]
pub struct Readers {
    shared: Arc<Shared>,
    open: Arc<AtomicUsize>,
}

/// Limits of one read (rule 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Steps of SQLite's virtual machine.
    pub steps: u64,
    /// Rows of the result.
    pub rows: usize,
    /// Bytes of the result.
    pub bytes: usize,
}

impl Default for ReadLimits {
    /// The limits of the read API.
    fn default() -> ReadLimits {
        use dadbs_types::limits::{QUERY_BYTES_MAX, QUERY_ROWS_MAX, QUERY_STEPS_MAX};
        ReadLimits { steps: QUERY_STEPS_MAX, rows: QUERY_ROWS_MAX, bytes: QUERY_BYTES_MAX }
    }
}

/// A schema object with the user's own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaObject {
    /// `table`, `index` or `view`.
    pub kind: String,
    /// The user's name.
    pub name: String,
    /// The physical name.
    pub physical: String,
    /// The user's text, or after an ALTER the text that SQLite made of it, in the user's names.
    pub sql: String,
    /// How the rows of a table are committed; `None` for indexes and views.
    pub rows: Option<TableRows>,
}

/// How the rows of a table are committed: what a client needs to read a proof.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableRows {
    /// The columns of the key in order; empty if the key is the rowid.
    pub key: Vec<String>,
    /// The columns of [`dadbs_types::Row::values`].
    pub columns: Vec<String>,
    /// True if [`dadbs_types::Row::rowid`] is there.
    pub hidden_rowid: bool,
}

/// A row, or its absence, with the proof that the root of its height commits to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProof {
    /// The height whose root the proof leads to.
    pub height: u64,
    /// Physical table, lower case.
    pub table: String,
    /// [`Key::encode`].
    pub key: Vec<u8>,
    /// [`dadbs_types::Row::encode`]; empty if there is no row.
    pub row: Vec<u8>,
    /// For [`dadbs_merkle::verify`].
    pub proof: Vec<u8>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, versions: Arc<RwLock<Versions>>) -> Readers {
        let idle = Mutex::new(Vec::new());
        Readers { shared: Arc::new(Shared { path, versions, idle }), open: Arc::default() }
    }

    /// Readers of the same store whose views are counted apart from these (rule 2).
    #[must_use]
    pub fn apart(&self) -> Readers {
        Readers { shared: self.shared.clone(), open: Arc::default() }
    }

    /// A view of the last committed height.
    pub fn view(&self) -> Result<View, Error> {
        let open = self.open.fetch_add(1, Ordering::SeqCst);
        // From here on the place is given back when `slot` is dropped.
        let slot = Slot { readers: self.clone() };
        if open >= READERS_MAX {
            return Err(Error::rejected(
                Code::InvalidRequest,
                format!("{READERS_MAX} reads are in progress: try again later"),
            ));
        }
        let mut idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle.pop();
        drop(idle);
        let connection = match waiting {
            Some(connection) => connection,
            None => Connection::open_reader(&self.shared.path)?,
        };
        connection.execute("BEGIN", &[])?;
        let head = restore::stored_head(&connection)?;
        connection.set_clock(head.time_ms);
        Ok(View { connection: Some(connection), head, slot })
    }
}

/// Counts a view as long as it lives.
struct Slot {
    readers: Readers,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.readers.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The state at one height, as long as it lives (rule 1).
pub struct View {
    /// Present until the view is dropped.
    connection: Option<Connection>,
    head: Head,
    slot: Slot,
}

impl Drop for View {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if let Err(error) = connection.execute("ROLLBACK", &[]) {
            tracing::warn!("a read connection is closed: {error}");
            return;
        }
        let mut idle = self.slot.readers.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS_IDLE_MAX {
            idle.push(connection);
        }
    }
}

impl View {
    /// The height of this view.
    pub fn height(&self) -> u64 {
        self.head.height
    }

    /// The block time of this view, milliseconds since 1970.
    pub fn time_ms(&self) -> i64 {
        self.head.time_ms
    }

    /// The root after this view's block.
    pub fn app_hash(&self) -> Hash {
        self.head.app_hash
    }

    fn connection(&self) -> Result<&Connection, Fatal> {
        self.connection.as_ref().ok_or_else(|| Fatal::new("a dropped view is used"))
    }

    /// The rows of a SELECT in a database, or without one on `chain.*` alone.
    pub fn query(
        &mut self,
        database: Option<u64>,
        sql: &str,
        params: &[Value],
        limits: ReadLimits,
    ) -> Result<Queried, Error> {
        self.query_as(database, sql, params, None, limits)
    }

    /// [`View::query`] for a caller who sees some rows only.
    pub fn query_as(
        &mut self,
        database: Option<u64>,
        sql: &str,
        params: &[Value],
        access: Option<&RowAccess>,
        limits: ReadLimits,
    ) -> Result<Queried, Error> {
        self.read((database, sql, access), params, limits, &mut 0, &mut |_| Ok(()))
    }

    /// [`View::query`] for gas, at the prices and within the limits of a statement of a contract.
    pub fn query_for_gas(
        &mut self,
        database: u64,
        sql: &str,
        params: &[Value],
        access: Option<&RowAccess>,
        gas: &mut GasMeter,
    ) -> Result<Queried, Error> {
        let mut spend = Spend::new(gas);
        spend.text(sql.len())?;
        let limits = ReadLimits {
            steps: spend.steps_max(),
            rows: limits::SQL_RESULT_ROWS_MAX,
            bytes: limits::SQL_RESULT_BYTES_MAX,
        };
        let mut steps = 0;
        let mut charge = |bytes| Ok(spend.row_read(bytes)?);
        let statement = (Some(database), sql, access);
        let read = self.read(statement, params, limits, &mut steps, &mut charge);
        if steps >= limits.steps {
            return Err(out_of_gas(spend.gas));
        }
        spend.steps(steps, 0)?;
        read
    }

    /// Counts into `steps` whatever comes of it.
    fn read(
        &mut self,
        (database, sql, access): (Option<u64>, &str, Option<&RowAccess>),
        params: &[Value],
        limits: ReadLimits,
        steps: &mut u64,
        charge: &mut dyn FnMut(u64) -> Result<(), Error>,
    ) -> Result<Queried, Error> {
        let connection = self.connection()?;
        let namespace = Namespace::database(database.unwrap_or(schema::CHAIN));
        let catalog = Catalog::new(connection);
        let statement = match access {
            None => dadbs_sql::prepare(sql, &namespace, Purpose::Read, &catalog),
            Some(access) => {
                dadbs_sql::prepare_for(sql, &namespace, Purpose::Read, &catalog, access)
            }
        };
        catalog.check()?;
        let statement = statement?;
        if params.len() != statement.parameters {
            return Err(Error::rejected(
                Code::SqlParameters,
                format!(
                    "the statement takes {} parameters, not {}",
                    statement.parameters,
                    params.len()
                ),
            ));
        }
        let failed = |failure| match failure {
            SqlFailure::Steps(_) | SqlFailure::Stopped => Error::rejected(
                Code::SqlTooLarge,
                format!("the read takes more than {} steps: use an index or LIMIT", limits.steps),
            ),
            SqlFailure::Rejected(rejection) => in_users_names(&rejection, &namespace),
            SqlFailure::Fatal(fatal) => fatal.into(),
        };
        let prepared = connection.prepare_user_within(&statement.physical, limits.steps);
        *steps = connection.compile_steps();
        let mut prepared = prepared.map_err(failed)?;
        let mut queried = Queried { columns: prepared.columns(), rows: Vec::new() };
        let mut bytes_left = limits.bytes;
        let mut collected = Collected {
            rows: &mut queried.rows,
            rows_max: limits.rows,
            bytes_left: &mut bytes_left,
            charge,
            stopped: None,
        };
        let steps_max = limits.steps.saturating_sub(*steps);
        let run = prepared.run(params, steps_max, &mut |row| collected.push(row));
        let stopped = collected.stopped;
        *steps = steps.saturating_add(prepared.steps());
        match (run, stopped) {
            (_, Some(error)) => Err(error),
            (Err(failure), None) => Err(failed(failure)),
            (Ok(_), None) => Ok(queried),
        }
    }

    /// Rows of a query on the chain's own tables; physical names, trusted text.
    pub fn chain_query(
        &self,
        sql: &'static str,
        params: &[&Value],
    ) -> Result<Vec<Vec<Value>>, Fatal> {
        schema::rows(self.connection()?, sql, params)
    }

    /// The objects of a database, in the order of creation. Database 0 is the chain itself.
    pub fn schema(&self, database: u64) -> Result<Vec<SchemaObject>, Fatal> {
        let connection = self.connection()?;
        let rows = schema::rows(
            connection,
            "SELECT kind, name, physical, sql FROM chain_schema WHERE database = ?1 ORDER BY seq",
            &[&schema::id(database)],
        )?;
        let object = |row: &Vec<Value>| {
            let (kind, physical) = (schema::text(row.first()), schema::text(row.get(2)));
            let layout = if kind == "table" { Layout::load(connection, &physical)? } else { None };
            Ok(SchemaObject {
                kind,
                name: schema::text(row.get(1)),
                physical,
                sql: schema::text(row.get(3)),
                rows: layout.map(|layout| layout.describe()),
            })
        };
        rows.iter().map(object).collect()
    }

    /// The names of a database's tables, in the order of creation.
    pub fn tables(&self, database: u64) -> Result<Vec<String>, Fatal> {
        let tables = self.schema(database)?.into_iter().filter(|object| object.kind == "table");
        Ok(tables.map(|object| object.name).collect())
    }

    /// Proves the row with this key, or its absence, at a kept height not above the view's (rule 4).
    /// `table` is the physical name; `key` holds the values of the primary key in the order of its
    /// declaration, or the rowid.
    pub fn prove(&mut self, table: &str, key: &[Value], height: u64) -> Result<RowProof, Error> {
        let tree = self.version(height)?;
        let table = table.to_ascii_lowercase();
        if !table.starts_with("chain_") && !table.starts_with('d') {
            return Err(Error::rejected(Code::NotFound, format!("no rows of {table} are proved")));
        }
        let encoded = Key(key.to_vec()).encode();
        let row = match self.change_after(&table, &encoded, height)? {
            Some(change) => change.old,
            None => self.row_now(&table, key, &encoded)?,
        };
        let leaf = leaf_key(&table, &encoded);
        if tree.get(&leaf) != row.as_deref().map(leaf_value) {
            return Err(Error::fatal(format!(
                "the row {} of {table} differs from the state tree of height {height}: state.db is \
                 damaged; restore it from a backup",
                restore::hex(&encoded)
            )));
        }
        let row = row.unwrap_or_default();
        Ok(RowProof { height, table, key: encoded, row, proof: tree.prove(&leaf) })
    }

    /// Proves, under a root whose version is kept and not above the view's, the rows whose leaves are nearest to the
    /// targets, in their order (rule 4). It reads every row, so it is nothing for strangers to ask.
    ///
    /// # Errors
    /// A rejection if the version is not kept; a fault if a row of it is not found.
    pub fn prove_nearest(&mut self, root: &Hash, targets: &[Hash]) -> Result<Vec<RowProof>, Error> {
        let (height, tree) = self.version_of(root)?;
        let leaves: Vec<Hash> =
            targets.iter().filter_map(|target| Some(tree.nearest(target)?.0)).collect();
        let mut found: BTreeMap<Hash, Option<RowProof>> =
            leaves.iter().map(|leaf| (*leaf, None)).collect();
        let mut take = |table: &str, key: &[u8], row: &[u8]| {
            let leaf = leaf_key(table, key);
            if let Some(empty @ None) = found.get_mut(&leaf)
                && tree.get(&leaf) == Some(leaf_value(row))
            {
                let (table, key, row) = (table.to_string(), key.to_vec(), row.to_vec());
                *empty = Some(RowProof { height, table, key, row, proof: tree.prove(&leaf) });
            }
        };
        for later in height.saturating_add(1)..=self.head.height {
            let Some((changes, _)) = restore::changes(self.connection()?, later)? else {
                return Err(Error::fatal(format!("the journal of height {later} is not kept")));
            };
            for change in &changes {
                if let Some(old) = &change.old {
                    take(&change.table, &change.key, old);
                }
            }
        }
        restore::each_row(self.connection()?, &mut take)?;
        let proofs = leaves.iter().map(|leaf| {
            found.get(leaf).cloned().flatten().ok_or_else(|| {
                Error::fatal(format!(
                    "the row of leaf {} is not what the state tree of height {height} says: state.db is damaged; restore \
                     it from a backup",
                    restore::hex(leaf)
                ))
            })
        });
        proofs.collect()
    }

    /// The newest kept version of a root, not above the view's.
    fn version_of(&self, root: &Hash) -> Result<(u64, Tree), Error> {
        let versions =
            self.slot.readers.shared.versions.read().unwrap_or_else(PoisonError::into_inner);
        let found = versions.with_root(root, self.head.height);
        found.map(|(height, tree)| (height, tree.clone())).ok_or_else(|| {
            let kept = dadbs_types::limits::VERSIONS_KEPT;
            Error::rejected(
                Code::NotFound,
                format!("the root {} is not that of the last {kept} heights", restore::hex(root)),
            )
        })
    }

    fn version(&self, height: u64) -> Result<Tree, Error> {
        let versions =
            self.slot.readers.shared.versions.read().unwrap_or_else(PoisonError::into_inner);
        let kept = versions.get(height).filter(|_| height <= self.head.height).cloned();
        let newest = versions.newest().map_or(0, |(newest, _)| newest);
        kept.ok_or_else(|| {
            let oldest = newest.saturating_sub(dadbs_types::limits::VERSIONS_KEPT as u64 - 1);
            Error::rejected(
                Code::NotFound,
                format!("height {height} cannot be proved, only {oldest} to {}", self.head.height),
            )
        })
    }

    /// The first change of a row after a height.
    fn change_after(&self, table: &str, key: &[u8], height: u64) -> Result<Option<Change>, Fatal> {
        for later in height.saturating_add(1)..=self.head.height {
            let Some((changes, _)) = restore::changes(self.connection()?, later)? else {
                return Err(Fatal::new(format!("the journal of height {later} is not kept")));
            };
            let found = changes
                .binary_search_by(|change| (&*change.table, &*change.key).cmp(&(table, key)));
            if let Some(change) = found.ok().and_then(|at| changes.get(at)) {
                return Ok(Some(change.clone()));
            }
        }
        Ok(None)
    }

    /// The row at the view's height.
    fn row_now(
        &self,
        table: &str,
        key: &[Value],
        encoded: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        let connection = self.connection()?;
        let Some(layout) = Layout::load(connection, table)? else { return Ok(None) };
        if layout.key_len() != key.len() {
            return Err(Error::rejected(
                Code::InvalidRequest,
                format!("the key of {table} has {} values, not {}", layout.key_len(), key.len()),
            ));
        }
        let mut found = None;
        scan(connection, &layout.select(true), key, &mut |row| {
            let (key, row) = layout.scanned(row)?;
            // SQLite finds 5 for '5'; the leaf of '5' is another one.
            if key == encoded {
                found = Some(row);
            }
            Ok(())
        })?;
        Ok(found)
    }
}
