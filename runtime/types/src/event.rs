//! Events: what transactions and blocks announce to indexers. No hash covers them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// An event of a transaction or block, in the order in which it was emitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The type, such as `transfer` or `contract.execute`.
    pub kind: String,
    /// Keys and values, in order; all are indexed.
    pub attributes: Vec<(String, String)>,
}

impl Event {
    /// An event without attributes.
    pub fn new(kind: impl Into<String>) -> Event {
        Event { kind: kind.into(), attributes: Vec::new() }
    }

    /// The event with one more attribute.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers pass literals and temporaries")]
    pub fn with(mut self, key: &str, value: impl ToString) -> Event {
        self.attributes.push((key.into(), value.to_string()));
        self
    }
}
