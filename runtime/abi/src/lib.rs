//! The `dadbs_1` host interface: what a contract may import, what it must export, and how bytes cross.
//!
//! 1. A contract is a core WebAssembly module; it imports functions of the module [`MODULE`] only.
//! 2. Memory stays the guest's: the host copies out of a (pointer, length) pair, and leaves what it
//!    answers in the *result slot*, which the guest copies in with `result_read`.
//! 3. A pair that is not wholly inside the memory traps; nothing is read or written.
//! 4. Status results: zero or more is success, a negative number is a [`status`].
//! 5. Entry points are exports of type `() -> ()`, named by their kind: `init`, `migrate`,
//!    `call_<name>`, `view_<name>`, `validate_<table>`, `on_insert_<table>`, `on_update_<table>`,
//!    `on_delete_<table>`, `scheduled_<name>`. The input is one row (`dadbs_types::value`), the output is rows, or
//!    nothing.
//! 6. A module exports its memory as `memory` and the marker function [`MARKER`].
//! 7. The custom section [`SECTION`] describes the contract; see [`mod@section`].
//! 8. The interface only grows: a function never changes its type or meaning under the same module name.
#![no_std]

extern crate alloc;

pub mod schema;
pub mod section;

/// The import module of every host function.
pub const MODULE: &str = "dadbs_1";
/// The export that marks a contract of this interface: a function of type `() -> ()`.
pub const MARKER: &str = "dadbs_abi_1";
/// The custom section that describes the contract (rule 7).
pub const SECTION: &str = "dadbs_abi";

/// Prefixes and names of entry points (rule 5).
pub mod entry {
    /// Runs once, when the contract is instantiated.
    pub const INIT: &str = "init";
    /// Runs when the contract moves to new code.
    pub const MIGRATE: &str = "migrate";
    /// Entry points that may write.
    pub const CALL_PREFIX: &str = "call_";
    /// Entry points that only read.
    pub const VIEW_PREFIX: &str = "view_";
}

/// Negative results of host functions (rule 4): minus the number of the `sql` rejection.
pub mod status {
    /// The statement cannot be parsed.
    pub const SQL_SYNTAX: i32 = -1;
    /// The statement uses what this database does not offer.
    pub const SQL_REFUSED: i32 = -2;
    /// The statement, a value or a result is over a limit.
    pub const SQL_TOO_LARGE: i32 = -3;
    /// The statement failed.
    pub const SQL_ERROR: i32 = -4;
    /// A constraint failed.
    pub const SQL_CONSTRAINT: i32 = -5;
    /// A foreign key failed.
    pub const SQL_FOREIGN_KEY: i32 = -6;
    /// The number of parameters does not fit.
    pub const SQL_PARAMETERS: i32 = -7;
}

/// A WebAssembly value type, as far as the interface uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `i32`: pointers, lengths, counts and statuses.
    I32,
}

/// One function that the host offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostFunction {
    /// The name of the import.
    pub name: &'static str,
    /// Parameter types.
    pub params: &'static [Type],
    /// Result type, if any.
    pub result: Option<Type>,
    /// Gas of one call, before the work itself.
    pub gas_base: u64,
    /// Gas per byte that crosses, either way.
    pub gas_byte: u64,
    /// True if views are not offered it.
    pub writes: bool,
    /// What it does.
    pub doc: &'static str,
}

/// Calls the macro `$then!` with the table of host functions: the one home of names, types and prices.
///
/// A row is `name(parameter, ...) [-> i32], gas base, gas per byte, reads | writes, "doc";`.
#[macro_export]
macro_rules! host_functions {
    ($then:ident) => {
        $then! {
            input_len() -> i32, 50, 0, reads, "Bytes of the input.";
            input_read(ptr), 100, 1, reads, "Copies the whole input to `ptr`.";
            result_len() -> i32, 50, 0, reads, "Bytes in the result slot.";
            result_read(ptr), 100, 1, reads, "Copies the whole result slot to `ptr`.";
            output_write(ptr, len), 100, 1, reads, "Sets the output; the last call counts.";
            abort(ptr, len), 100, 1, reads, "Ends the call as a rejection with this message; never returns.";
            abort_sql(ptr, len), 100, 1, reads, "Ends the call as the rejection of its last statement that failed, with this message in front; never returns. Without one it is `abort`.";
            log(ptr, len), 100, 1, reads, "A line for the node's log at debug level; no part of any result.";
            context(), 500, 1, reads, "Leaves the facts of the call in the result slot: one row of height, block time in ms, chain id, tx hash, caller address, contract name, contract address.";
            sql_inspect(sql_ptr, sql_len) -> i32, 200, 1, reads, "Leaves rows (verb, table) that say what a statement reads and writes; returns their number or a status.";
            sql_query(sql_ptr, sql_len, params_ptr, params_len) -> i32, 500, 6, reads, "Runs a SELECT with one row of parameters; leaves a row of column names and then rows; returns the number of rows or a status.";
            sql_exec(sql_ptr, sql_len, rows_ptr, rows_len) -> i32, 500, 6, writes, "Runs a statement once per row of parameters (once without any if there are no rows), all or nothing; leaves what RETURNING gives as sql_query does; returns the number of changed rows or a status.";
            emit(ptr, len), 500, 10, writes, "Adds an event: one row of its type and then keys and values, all TEXT.";
        }
    };
}

macro_rules! table {
    ($($name:ident($($param:ident),*) $(-> $result:ident)?, $base:literal, $byte:literal, $class:ident, $doc:literal;)*) => {
        /// Every host function, in the order of the documentation.
        pub const HOST_FUNCTIONS: &[HostFunction] = &[$(HostFunction {
            name: stringify!($name),
            params: &[$(table!(@type $param)),*],
            result: table!(@result $($result)?),
            gas_base: $base,
            gas_byte: $byte,
            writes: table!(@$class),
            doc: $doc,
        },)*];
    };
    (@type $param:ident) => { Type::I32 };
    (@result i32) => { Some(Type::I32) };
    (@result) => { None };
    (@reads) => { false };
    (@writes) => { true };
}

host_functions!(table);

/// The host function of this name.
pub fn host_function(name: &str) -> Option<&'static HostFunction> {
    HOST_FUNCTIONS.iter().find(|function| function.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_4_statuses_are_the_numbers_of_the_sql_rejections() {
        use dadbs_types::Code;
        let expected = [
            (status::SQL_SYNTAX, Code::SqlSyntax),
            (status::SQL_REFUSED, Code::SqlRefused),
            (status::SQL_TOO_LARGE, Code::SqlTooLarge),
            (status::SQL_ERROR, Code::SqlError),
            (status::SQL_CONSTRAINT, Code::SqlConstraint),
            (status::SQL_FOREIGN_KEY, Code::SqlForeignKey),
            (status::SQL_PARAMETERS, Code::SqlParameters),
        ];
        for (status, code) in expected {
            assert_eq!(i64::from(status), -i64::from(code.number()), "{code:?}");
        }
    }

    #[test]
    fn rule_8_the_table_is_frozen() {
        let exec = host_function("sql_exec").unwrap();
        assert_eq!((exec.params.len(), exec.result, exec.writes), (4, Some(Type::I32), true));
        assert!(!host_function("sql_query").unwrap().writes);
        assert!(host_function("exit").is_none());
    }
}
