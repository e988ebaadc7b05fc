//! Making the tree again when the store opens.
//!
//! 1. The newest readable checkpoint not above the store's height, plus the journal since then.
//! 2. If the result has not the stored root, or the journal has a gap, the next older checkpoint.
//! 3. If none serves, the tree is rebuilt from all rows. If that has not the stored root either,
//!    the rows are damaged: the store does not open.
//! 4. A checkpoint above the store's height belongs to blocks that a power cut took back: removed.
//! 5. The versions before the last height are made by undoing the journal, so that proofs work
//!    right after a start.

use crate::capture::scan;
use crate::change::Change;
use crate::checkpoint::Checkpoints;
use crate::journal;
use crate::layout::Layout;
use crate::schema::{self, FORMAT, TABLES, integer};
use dadbs_merkle::{Tree, Versions};
use dadbs_sqlite::Connection;
use dadbs_types::row::{leaf_key, leaf_value};
use dadbs_types::{Error, Fatal, Hash, Value, limits};
use std::fmt::Write as _;
use std::path::Path;

/// The last committed block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub height: u64,
    pub time_ms: i64,
    pub app_hash: Hash,
    /// False until the first commit.
    pub committed: bool,
}

/// A height as SQLite holds it.
pub(crate) fn signed(height: u64) -> Result<i64, Fatal> {
    i64::try_from(height).map_err(|_| Fatal::new(format!("height {height} is beyond i64")))
}

/// Reads the last committed block, or makes the store's tables in an empty file.
pub(crate) fn head(connection: &Connection, path: &Path) -> Result<Head, Fatal> {
    if schema::count(connection, "SELECT count(*) FROM sqlite_schema", &[])? == 0 {
        connection.batch(&format!(
            "BEGIN IMMEDIATE;{TABLES}\
             INSERT INTO node_state VALUES (1, {FORMAT}, 0, 0, zeroblob(32), 0);\
             COMMIT;"
        ))?;
        connection.capture_truncate(0);
    }
    let own = schema::count(
        connection,
        "SELECT count(*) FROM sqlite_schema WHERE name IN ('node_state', 'chain_schema')",
        &[],
    )?;
    if own != 2 {
        return Err(Fatal::new(format!(
            "{} is a database of another program; give this node a folder of its own",
            path.display()
        )));
    }
    stored_head(connection)
}

/// The last committed block as this connection sees it.
pub(crate) fn stored_head(connection: &Connection) -> Result<Head, Fatal> {
    let rows = schema::rows(
        connection,
        "SELECT format, height, time_ms, app_hash, committed FROM node_state",
        &[],
    )?;
    let row = rows.first().ok_or_else(|| damaged_state("is empty"))?;
    match row.first() {
        Some(Value::Integer(FORMAT)) => {}
        Some(Value::Integer(format @ 1..)) => {
            return Err(Fatal::new(format!(
                "the store has format {format}, this build reads {FORMAT}: use the build that wrote it"
            )));
        }
        _ => return Err(damaged_state("has no format")),
    }
    Ok(Head {
        height: u64::try_from(integer(row.get(1))).unwrap_or(0),
        time_ms: integer(row.get(2)),
        app_hash: hash(row.get(3))?,
        committed: integer(row.get(4)) != 0,
    })
}

fn hash(value: Option<&Value>) -> Result<Hash, Fatal> {
    match value {
        Some(Value::Blob(bytes)) => bytes.as_slice().try_into().ok(),
        _ => None,
    }
    .ok_or_else(|| damaged_state("or a block has an app hash that is not 32 bytes"))
}

/// What a disk that does not give back what was written leaves of the store's own rows.
fn damaged_state(what: &str) -> Fatal {
    Fatal::new(format!(
        "node_state {what}: the file is damaged or was read wrongly; restart, and if this comes again restore \
         state.db from a backup"
    ))
}

/// Which way changes are applied to a tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Forward,
    Back,
}

/// Net changes as changes of leaves.
pub(crate) fn leaves(net: &[Change], direction: Direction) -> Vec<(Hash, Option<Hash>)> {
    let leaf = |change: &Change| {
        let row = if direction == Direction::Forward { &change.new } else { &change.old };
        (leaf_key(&change.table, &change.key), row.as_deref().map(leaf_value))
    };
    net.iter().map(leaf).collect()
}

/// The net changes of a height; `None` if its journal is not kept.
pub(crate) fn changes(
    connection: &Connection,
    height: u64,
) -> Result<Option<(Vec<Change>, Hash)>, Fatal> {
    let number = Value::from(signed(height)?);
    let block = schema::rows(
        connection,
        "SELECT app_hash, changes FROM node_block WHERE height = ?1",
        &[&number],
    )?;
    let Some(block) = block.first() else { return Ok(None) };
    let app_hash = hash(block.first())?;
    let mut bytes = Vec::new();
    connection.query(
        "SELECT bytes FROM node_journal WHERE height = ?1 ORDER BY chunk",
        &[&number],
        &mut |row| {
            if let Some(Value::Blob(chunk)) = row.first() {
                bytes.extend_from_slice(chunk);
            }
            Ok(())
        },
    )?;
    let expected = usize::try_from(integer(block.get(1))).unwrap_or(usize::MAX);
    let damaged = |why: &str| {
        Fatal::new(format!(
            "the journal of height {height} is damaged ({why}); restore state.db from a backup or \
             start this node again from a peer's state"
        ))
    };
    let changes =
        if expected == 0 { Vec::new() } else { journal::decode(&bytes).map_err(damaged)? };
    if changes.len() != expected {
        return Err(damaged("it holds another number of changes"));
    }
    Ok(Some((changes, app_hash)))
}

/// The tree of the stored height (rules 1 to 4).
pub(crate) fn tree(
    connection: &Connection,
    checkpoints: &Checkpoints,
    head: &Head,
) -> Result<Tree, Fatal> {
    for height in checkpoints.heights().into_iter().rev() {
        if height > head.height {
            tracing::warn!(
                height,
                "removing a checkpoint above the store's height {}",
                head.height
            );
            checkpoints.remove(height)?;
            continue;
        }
        match from_checkpoint(connection, checkpoints, height, head) {
            Ok(tree) => return Ok(tree),
            Err(why) => tracing::warn!(height, "the checkpoint does not serve: {why}"),
        }
    }
    if head.committed {
        tracing::info!(height = head.height, "rebuilding the state tree from all rows");
    }
    let tree = from_rows(connection)?;
    if tree.root() == head.app_hash {
        return Ok(tree);
    }
    Err(Fatal::new(format!(
        "the rows of height {} have the root {}, but {} was committed: state.db is damaged; restore \
         it from a backup or start this node again from a peer's state",
        head.height,
        hex(&tree.root()),
        hex(&head.app_hash)
    )))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_checkpoint(
    connection: &Connection,
    checkpoints: &Checkpoints,
    height: u64,
    head: &Head,
) -> Result<Tree, String> {
    let mut tree = checkpoints.read(height)?;
    for next in height.saturating_add(1)..=head.height {
        match changes(connection, next).map_err(|fatal| fatal.message)? {
            Some((net, _)) if net.is_empty() => {}
            Some((net, _)) => tree = tree.update(&leaves(&net, Direction::Forward)),
            None => return Err(format!("the journal of height {next} is not kept")),
        }
    }
    if tree.root() == head.app_hash {
        Ok(tree)
    } else {
        Err(format!("with the journal it has the root {}", hex(&tree.root())))
    }
}

/// The captured tables, which are those of the catalog and the catalog itself.
pub(crate) fn tables(connection: &Connection) -> Result<Vec<String>, Fatal> {
    let strange = schema::rows(
        connection,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'node!_%' ESCAPE '!' \
         AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name <> 'chain_schema' \
         AND name NOT IN (SELECT physical FROM chain_schema)",
        &[],
    )?;
    if let Some(row) = strange.first() {
        return Err(Fatal::new(format!(
            "table {} is not in the catalog: state.db was changed by another program",
            schema::text(row.first())
        )));
    }
    let rows = schema::rows(
        connection,
        "SELECT 'chain_schema' UNION ALL \
         SELECT physical FROM (SELECT physical FROM chain_schema WHERE kind = 'table' ORDER BY seq)",
        &[],
    )?;
    Ok(rows.iter().map(|row| schema::text(row.first())).collect())
}

/// Called with physical table in lower case, key bytes and row bytes.
pub type EachRow<'a> = dyn FnMut(&str, &[u8], &[u8]) + 'a;

/// Calls `leaf` with table, key bytes and row bytes of every captured row.
pub(crate) fn each_row(connection: &Connection, leaf: &mut EachRow<'_>) -> Result<(), Fatal> {
    for name in tables(connection)? {
        let layout = Layout::load(connection, &name)?
            .ok_or_else(|| Fatal::new(format!("table {name} vanished while it was read")))?;
        let read = scan(connection, &layout.select(false), &[], &mut |row| {
            let (key, row) = layout.scanned(row)?;
            leaf(&layout.table, &key, &row);
            Ok(())
        });
        match read {
            Ok(()) => {}
            Err(Error::Fatal(fatal)) => return Err(fatal),
            Err(Error::Rejected(rejection)) => return Err(Fatal::new(rejection.message)),
        }
    }
    Ok(())
}

/// The tree of all rows.
pub(crate) fn from_rows(connection: &Connection) -> Result<Tree, Fatal> {
    let mut leaves = Vec::new();
    each_row(connection, &mut |table, key, row| {
        leaves.push((leaf_key(table, key), leaf_value(row)));
    })?;
    Ok(Tree::from_leaves(leaves))
}

/// The last versions (rule 5).
pub(crate) fn versions(
    connection: &Connection,
    head: &Head,
    tree: &Tree,
) -> Result<Versions, Fatal> {
    let mut newest_first = vec![(head.height, tree.clone())];
    let mut current = tree.clone();
    let oldest = head.height.saturating_sub(limits::VERSIONS_KEPT as u64 - 1);
    for height in (oldest.saturating_add(1)..=head.height).rev() {
        let Some((net, _)) = changes(connection, height)? else { break };
        let before = height.saturating_sub(1);
        let Some((_, app_hash)) = changes(connection, before)? else { break };
        current = current.update(&leaves(&net, Direction::Back));
        if current.root() != app_hash {
            return Err(Fatal::new(format!(
                "undoing the journal of height {height} does not give the root of {before}: \
                 state.db is damaged; restore it from a backup"
            )));
        }
        newest_first.push((before, current.clone()));
    }
    let mut versions = Versions::new();
    if head.committed {
        for (height, tree) in newest_first.into_iter().rev() {
            versions.push(height, tree)?;
        }
    }
    Ok(versions)
}
