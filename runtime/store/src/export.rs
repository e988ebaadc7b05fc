//! The committed rows in a file of their own, from which another chain begins.
//!
//! 1. The file has every row that the root commits to, with its rowid, the catalog, and the height, time and root of the
//!    state; not the journal.
//! 2. A store that opens on such a file is not committed: it is the state of the height before the first block, whose
//!    root the store has compared with the rows, and its first block may still change it.
//! 3. SQLite copies page by page: memory does not grow with the rows.

use crate::Store;
use dadbs_sqlite::Connection;
use dadbs_types::Fatal;
use std::fs;
use std::path::Path;

fn copy(from: &Connection, to: &Path) -> Result<(), Fatal> {
    let Some(name) = to.to_str() else {
        return Err(Fatal::new(format!("{}: choose a name in UTF-8", to.display())));
    };
    // Into another file it keeps rowids, which rows without a key are known by.
    from.batch(&format!("VACUUM INTO '{}'", name.replace('\'', "''")))
}

impl Store {
    /// Writes the committed rows into a new file (rule 1); no block may be open.
    ///
    /// # Errors
    /// If the file exists or cannot be written.
    pub fn export(&self, path: &Path) -> Result<(), Fatal> {
        if self.check_open().is_ok() {
            return Err(Fatal::new("export while a block is open"));
        }
        let whole = path.with_extension("whole");
        for file in [path, &whole] {
            if file.exists() {
                return Err(Fatal::new(format!("{} exists: choose another name", file.display())));
            }
        }
        copy(&self.connection, &whole)?;
        let rows = Connection::open_writer(&whole)?;
        rows.batch(
            "DELETE FROM node_journal; DELETE FROM node_block; UPDATE node_state SET committed = 0",
        )?;
        copy(&rows, path)?;
        drop(rows);
        fs::remove_file(&whole)
            .map_err(|error| Fatal::new(format!("cannot remove {}: {error}", whole.display())))
    }

    /// True for a store that was opened on an exported file and has no commit of its own (rule 2).
    pub fn is_exported(&self) -> bool {
        self.is_new() && self.leaves() > 0
    }
}
