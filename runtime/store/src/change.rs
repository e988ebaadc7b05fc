//! Changes of rows, and their net effect on a block.
//!
//! 1. A change names a row by table (lower case) and encoded key, and holds its row bytes before
//!    and after: nothing before an insert, nothing after a delete.
//! 2. An update that moves a row to another key is two changes: the old key ends, the new one begins.
//! 3. The net change of a key is its first `old` and its last `new`; equal bytes are no change.
//! 4. Net changes are sorted by table and key, so they do not depend on the order of execution.

use std::sync::Arc;

/// One row before and after (rule 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Physical table, lower case.
    pub table: Arc<str>,
    /// [`dadbs_types::Key::encode`].
    pub key: Vec<u8>,
    /// [`dadbs_types::Row::encode`] of the row before, if there was one.
    pub old: Option<Vec<u8>>,
    /// The row after, if there is one.
    pub new: Option<Vec<u8>>,
}

impl Change {
    /// Bytes of both rows, as gas counts them.
    pub fn row_bytes(&self) -> u64 {
        let len = |row: &Option<Vec<u8>>| row.as_ref().map_or(0, Vec::len) as u64;
        len(&self.old) + len(&self.new)
    }
}

/// The net changes of a history of changes (rules 3 and 4).
pub fn net(mut changes: Vec<Change>) -> Vec<Change> {
    // The sort is stable: changes of one key stay in the order they happened.
    changes.sort_by(|a, b| (&*a.table, &a.key).cmp(&(&*b.table, &b.key)));
    let mut net: Vec<Change> = Vec::with_capacity(changes.len());
    for change in changes {
        match net.last_mut() {
            Some(last) if last.table == change.table && last.key == change.key => {
                last.new = change.new;
            }
            _ => net.push(change),
        }
    }
    net.retain(|change| change.old != change.new);
    net
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(table: &str, key: u8, old: Option<u8>, new: Option<u8>) -> Change {
        let row = |byte: Option<u8>| byte.map(|byte| vec![byte]);
        Change { table: table.into(), key: vec![key], old: row(old), new: row(new) }
    }

    #[test]
    fn rule_3_first_old_and_last_new() {
        let history = vec![
            change("t", 1, Some(1), Some(2)),
            change("t", 2, None, Some(1)),
            change("t", 1, Some(2), Some(3)),
            change("t", 2, Some(1), None),
            change("t", 3, Some(7), None),
            change("t", 3, None, Some(7)),
        ];
        assert_eq!(net(history), [change("t", 1, Some(1), Some(3))]);
    }

    #[test]
    fn rule_4_sorted_by_table_and_key() {
        let history = vec![
            change("u", 1, None, Some(1)),
            change("t", 2, None, Some(1)),
            change("t", 1, None, Some(1)),
        ];
        let order: Vec<_> = net(history).into_iter().map(|c| (c.table, c.key[0])).collect();
        assert_eq!(order, [("t".into(), 1), ("t".into(), 2), ("u".into(), 1)]);
    }
}
