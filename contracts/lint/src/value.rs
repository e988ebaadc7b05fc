//! What the walk knows of a value: where it comes from, not what it is.

/// The address of the caller.
pub(crate) const CALLER: u16 = 1;
/// An argument of the entry point.
pub(crate) const PARAM: u16 = 2;
/// Rows of the contract.
pub(crate) const STATE: u16 = 4;
/// The answer of another contract.
pub(crate) const ANSWER: u16 = 8;
/// Block time or height.
pub(crate) const TIME: u16 = 16;
/// A length or count of something in memory.
pub(crate) const LENGTH: u16 = 32;
/// A floating-point number took part.
pub(crate) const FLOAT: u16 = 64;
/// Named like money, or coins that were sent or are held.
pub(crate) const MONEY: u16 = 128;
/// A whole number was made a float.
pub(crate) const ROUNDED: u16 = 512;
/// An argument that a condition has compared with the caller.
pub(crate) const NAMED: u16 = 1024;
/// Coins that came with the call.
pub(crate) const FUNDS: u16 = 256;

/// "If this is true, the caller was checked".
pub(crate) const TRUE_IS_ALLOWED: u8 = 1;
/// "If this is false, the caller was checked".
pub(crate) const FALSE_IS_ALLOWED: u8 = 2;

/// A field that was assigned after its row was read.
#[derive(Clone, Debug)]
pub(crate) struct Assigned {
    pub(crate) field: String,
    pub(crate) taint: u16,
    /// By subtraction.
    pub(crate) less: bool,
    /// A condition on stored rows has let the walk come there.
    pub(crate) asked: bool,
    /// `x += ...`, or `x = x + ...`.
    pub(crate) relative: bool,
}

/// A row of a declared table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) table: String,
    /// Read with a default in its place if it is not there.
    pub(crate) maybe_new: bool,
    /// Built by a struct literal, not read.
    pub(crate) fresh: bool,
    /// Where the key comes from.
    pub(crate) key: u16,
    /// The key is a literal or a constant.
    pub(crate) key_constant: bool,
    /// Fields of a fresh row, with where they come from.
    pub(crate) fields: Vec<(String, u16)>,
    pub(crate) assigned: Vec<Assigned>,
}

/// What a `Result` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A statement that reads.
    Read,
    /// A statement that writes.
    Write,
    /// Another contract, a transfer or a schedule.
    External,
    /// A function of the contract.
    Own,
    /// A function of the contract that changes nothing.
    Look,
}

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Value {
    pub(crate) taint: u16,
    /// Bits of `TRUE_IS_ALLOWED` and `FALSE_IS_ALLOWED`, for a comparison.
    pub(crate) allowed: Option<u8>,
    /// The same bits for "the time that a row names has come, or the caller was checked", if a comparison tells.
    pub(crate) due: Option<u8>,
    /// It compares the caller with an argument: what that names may be the caller's.
    pub(crate) by_name: bool,
    /// It joins a check of the caller with something else, so that others pass as well.
    pub(crate) mixed: bool,
    /// A difference that `max(0)` has cut off.
    pub(crate) floored: bool,
    /// A difference.
    pub(crate) less: bool,
    /// A number that a constant has capped.
    pub(crate) capped: bool,
    /// Its value, if it is a whole number that is known; the largest of several.
    pub(crate) number: Option<u64>,
    /// Fields of a struct that is no row.
    pub(crate) named: Vec<(String, Value)>,
    /// Names of what is capped by a constant if this condition is false, and if it is true.
    pub(crate) caps: [Vec<String>; 2],
    /// Only literals and constants took part.
    pub(crate) constant: bool,
    /// The texts it may be, if they are known.
    pub(crate) texts: Vec<String>,
    /// A type's name without references; empty if unknown.
    pub(crate) ty: String,
    pub(crate) row: Option<Box<Row>>,
    pub(crate) items: Vec<Value>,
    /// The column it was read from.
    pub(crate) column: Option<(String, String)>,
    /// Set while it is a `Result` that nobody has looked at.
    pub(crate) outcome: Option<Outcome>,
    /// A `?` on it proves that the caller was checked.
    pub(crate) pending: bool,
    /// What the items of an iterator stand for, if they are results.
    pub(crate) each: Option<Outcome>,
    /// An answer that tells of a failure without being a `Result`.
    pub(crate) verdict: bool,
    /// The bool of an update: a row of this table that may not be there.
    pub(crate) missed: Option<String>,
    /// It is `Err(..)`.
    pub(crate) is_err: bool,
    /// A `checked_` operation or conversion whose failure is still to be seen.
    pub(crate) checked: bool,
    /// A closure that has not run yet.
    pub(crate) closure: Option<std::rc::Rc<syn::ExprClosure>>,
    /// The number of rows that a statement has changed, which may be none; true if it takes from what is there.
    pub(crate) counted: Option<bool>,
    /// What it was divided by, as text.
    pub(crate) divided: String,
    /// What was subtracted to get it, by name, as long as nobody has compared.
    pub(crate) minus: Vec<String>,
}

impl Value {
    pub(crate) fn of(taint: u16) -> Value {
        Value { taint, ..Value::default() }
    }

    pub(crate) fn typed(taint: u16, ty: &str) -> Value {
        Value { taint, ty: ty.into(), ..Value::default() }
    }

    pub(crate) fn constant() -> Value {
        Value { constant: true, ..Value::default() }
    }

    pub(crate) fn text(text: &str) -> Value {
        Value { texts: vec![text.into()], ty: "str".into(), ..Value::constant() }
    }

    pub(crate) fn has(&self, bits: u16) -> bool {
        self.taint & bits == bits
    }

    /// Rows that were looked up by the caller's address, coins it has sent, and what follows from both.
    pub(crate) fn of_caller(&self) -> bool {
        self.has(CALLER | STATE) || self.has(FUNDS | STATE)
    }

    /// Who goes on with what it holds was checked.
    pub(crate) fn proven(&self) -> bool {
        self.pending || self.outcome.is_none() && self.of_caller()
    }

    /// How far the value as a condition tells that the caller was checked.
    pub(crate) fn bits(&self) -> u8 {
        let both = TRUE_IS_ALLOWED | FALSE_IS_ALLOWED;
        self.allowed.unwrap_or(if self.of_caller() { both } else { 0 })
    }

    /// How far the value as a condition tells that the time of a row has come; one whose direction is not known may.
    pub(crate) fn due_bits(&self) -> u8 {
        let both = TRUE_IS_ALLOWED | FALSE_IS_ALLOWED;
        self.due.unwrap_or(if self.has(STATE | TIME) { both } else { 0 })
    }

    /// One of two values, after a branch.
    pub(crate) fn either(mut self, other: Value) -> Value {
        self.taint |= other.taint;
        self.allowed = self.allowed.zip(other.allowed).map(|(one, two)| one & two);
        self.due = self.due.zip(other.due).map(|(one, two)| one & two);
        self.constant &= other.constant;
        if self.texts.is_empty() || other.texts.is_empty() {
            self.texts.clear();
        } else {
            self.texts.extend(other.texts);
        }
        if self.ty.is_empty() {
            self.ty = other.ty;
        }
        let reads = [&self.row, &other.row].map(|row| row.as_ref().map(|row| row.fresh));
        self.row = self.row.or(other.row);
        if let (Some(row), [Some(one), Some(two)]) = (&mut self.row, reads)
            && one != two
        {
            row.maybe_new = true;
        }
        self.number = self.number.zip(other.number).map(|(one, two)| one.max(two));
        self.capped &= other.capped;
        self.named = merged(self.named, other.named);
        self.each = self.each.or(other.each);
        self.verdict |= other.verdict;
        self.missed = self.missed.or(other.missed);
        self.column = self.column.or(other.column);
        self.outcome = self.outcome.or(other.outcome);
        self.pending &= other.pending;
        self.is_err &= other.is_err;
        self
    }
}

/// Fields that two values share, each as one or the other.
fn merged(one: Vec<(String, Value)>, mut two: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let mut both = Vec::new();
    for (name, value) in one {
        if let Some(at) = two.iter().position(|(other, _)| *other == name) {
            both.push((name, value.either(two.swap_remove(at).1)));
        }
    }
    both
}
