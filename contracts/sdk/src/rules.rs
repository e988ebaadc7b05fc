//! Rules of tables: what the code behind `#[validate]`, `#[on_insert]`, `#[on_update]` and `#[on_delete]`
//! calls.
//!
//! 1. A rule is shown the net changes of one statement, as rows of its table; many come in several calls.
//! 2. It returns nothing, or a `Result` of nothing: an error undoes the statement, which fails with it.
//! 3. `#[validate]` runs before the others and may not write.
//! 4. A rule sees and touches all rows, whatever the caller may.

use crate::calls::changes;
use crate::entry::{Refusal, tell_panics};
use crate::table::Row;
use alloc::vec::Vec;

/// A row that a statement has written: what `#[validate]` is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<T> {
    /// The row before; `None` if it was added.
    pub old: Option<T>,
    /// The row as it would be kept.
    pub new: T,
}

/// A row that a statement has changed: what `#[on_update]` is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated<T> {
    /// The row before.
    pub old: T,
    /// The row now.
    pub new: T,
}

/// What a rule returns (rule 2).
#[doc(hidden)]
pub trait Verdict {
    /// Ends the call, unless all is well.
    fn give(self);
}

impl Verdict for () {
    fn give(self) {}
}

impl<E: Into<Refusal>> Verdict for Result<(), E> {
    fn give(self) {
        if let Err(refusal) = self {
            refusal.into().end();
        }
    }
}

/// Runs a rule: the body of every generated export.
#[doc(hidden)]
pub fn run<T: Verdict>(body: impl FnOnce() -> T) {
    tell_panics();
    body().give();
}

/// The input of `validate_`.
#[doc(hidden)]
pub fn written<T: Row>() -> Vec<Written<T>> {
    let rows = changes().into_iter();
    rows.filter_map(|(old, new)| {
        Some(Written { old: old.map(|row| T::read(&row)), new: T::read(&new?) })
    })
    .collect()
}

/// The input of `on_insert_`.
#[doc(hidden)]
pub fn inserted<T: Row>() -> Vec<T> {
    changes().into_iter().filter_map(|(_, new)| Some(T::read(&new?))).collect()
}

/// The input of `on_update_`.
#[doc(hidden)]
pub fn updated<T: Row>() -> Vec<Updated<T>> {
    let rows = changes().into_iter();
    rows.filter_map(|(old, new)| Some(Updated { old: T::read(&old?), new: T::read(&new?) }))
        .collect()
}

/// The input of `on_delete_`.
#[doc(hidden)]
pub fn deleted<T: Row>() -> Vec<T> {
    changes().into_iter().filter_map(|(old, _)| Some(T::read(&old?))).collect()
}
