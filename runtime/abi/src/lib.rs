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
//! 8. Rules of tables (`validate_`, `on_insert_`, `on_update_`, `on_delete_`) get rows as input: first
//!    (verb, n), then n pairs of an old row and a new row. The verb is `validate`, `insert`, `update` or
//!    `delete`; a side that does not exist is an empty row. A row has all columns that are stored, in the
//!    order of the declaration. A pair is the net change of one key by one statement; a row that moves
//!    to another key is deleted and inserted. Pairs stand in the order of their keys. Many pairs
//!    come in several calls. `validate_` gets pairs with a new row only; what it aborts with refuses the
//!    statement.
//! 9. `scheduled_` gets the one row of arguments that `schedule` was given.
//! 10. Coins cross as one row of denomination (TEXT) and amount (INTEGER), sorted, for each coin; no
//!     bytes or an empty row are no coins. Only entry points that are described as `payable` take some.
//! 11. `call`, `view`, `transfer`, `schedule` and `cancel` answer 0, or [`status::FAILED`] and leave the row
//!     (codespace, number, text) of the failure; whatever failed has left nothing else behind. Out of gas
//!     ends the transaction.
//! 12. The interface only grows: a function never changes its type or meaning under the same module name.
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
    /// Entry points that the chain calls when they are due.
    pub const SCHEDULED_PREFIX: &str = "scheduled_";
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
    /// A rule of the table refused the change.
    pub const SQL_RULE: i32 = -8;
    /// The caller may not write such a row.
    pub const SQL_ROW_ACCESS: i32 = -9;
    /// A call, transfer or schedule failed (rule 11).
    pub const FAILED: i32 = -1;
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
            invocation(), 500, 1, reads, "Leaves one row in the result slot: address of the account that signed the transaction, 1 if row access is on, and then the coins that came with this call, denomination and amount by turns.";
            call(name_ptr, name_len, entry_ptr, entry_len, args_ptr, args_len, coins_ptr, coins_len) -> i32, 40000, 2, writes, "Runs `call_<entry>` of the contract with this name, with one row of arguments and coins of this contract; leaves its output.";
            view(name_ptr, name_len, entry_ptr, entry_len, args_ptr, args_len) -> i32, 30000, 2, reads, "Runs `view_<entry>` of the contract with this name; leaves its output.";
            transfer(to_ptr, to_len, coins_ptr, coins_len) -> i32, 40000, 1, writes, "Sends coins of this contract to an address.";
            balance(address_ptr, address_len, denom_ptr, denom_len), 40000, 1, reads, "Leaves one row: what the address holds of the denomination.";
            row_access(on), 100, 0, reads, "1: statements from here on see and touch the rows that the caller may; 0: all rows, as the contract itself. A call and a view begin with 1, every other entry point with 0.";
            schedule(entry_ptr, entry_len, args_ptr, args_len, when_ptr, when_len) -> i32, 60000, 2, writes, "Asks for `scheduled_<entry>` with one row of arguments. `when` is the row (`height` or `time`, first height or block time in ms, interval or 0 for once, gas of one call). Takes the price of the first call from this contract; leaves the row (number).";
            cancel(number_ptr, number_len) -> i32, 60000, 1, writes, "Ends the schedule of this contract with the number in the one row; gives back the price of a call that has not begun.";
            gas_used(), 500, 1, reads, "Leaves one row: the gas that the transaction, view or scheduled call has used before this.";
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
            (status::SQL_RULE, Code::SqlRule),
            (status::SQL_ROW_ACCESS, Code::SqlRowAccess),
        ];
        for (status, code) in expected {
            assert_eq!(i64::from(status), -i64::from(code.number()), "{code:?}");
        }
    }

    #[test]
    fn rule_12_the_table_is_frozen() {
        let exec = host_function("sql_exec").unwrap();
        assert_eq!((exec.params.len(), exec.result, exec.writes), (4, Some(Type::I32), true));
        assert!(!host_function("sql_query").unwrap().writes);
        assert!(host_function("exit").is_none());
    }
}
