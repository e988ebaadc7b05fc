//! Everything from outside has a bound; this is the table of all of them.

macro_rules! limits {
    ($($name:ident: $type:ty = $value:expr, $unit:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: $type = $value;)*

        /// The limits as rows (name, value, unit, meaning), for documentation and `dadbs query limits`.
        pub const TABLE: &[(&str, u64, &str, &str)] =
            &[$((stringify!($name), $value as u64, $unit, $meaning),)*];
    };
}

limits! {
    TX_BYTES_MAX: usize = 1_048_576, "bytes", "A transaction on the wire.";
    TX_MESSAGES_MAX: usize = 64, "messages", "Messages in one transaction.";
    MEMO_BYTES_MAX: usize = 512, "bytes", "The memo of a transaction.";
    TX_GAS_MAX: u64 = 2_000_000_000, "gas", "The gas limit that one transaction may ask for.";
    BLOCK_GAS_MAX: u64 = 2_000_000_000, "gas", "The gas limits of all transactions of a block together.";
    BLOCK_BYTES_MAX: usize = 8_388_608, "bytes", "A block's transactions.";
    TX_FAILURE_LOG_BYTES_MAX: usize = 2_048, "bytes", "The log text of a failed transaction.";
    DATABASE_NAME_BYTES_MAX: usize = 63, "bytes", "The name of a database.";

    SQL_TEXT_BYTES_MAX: usize = 65_536, "bytes", "The text of one statement.";
    SQL_NESTING_MAX: usize = 64, "levels", "Nested brackets, CASEs and subqueries in a statement.";
    SQL_STATEMENTS_MAX: usize = 1_000, "statements", "Statements in one message.";
    SQL_PARAMETERS_MAX: usize = 1_024, "parameters", "Parameters of one statement.";
    SQL_COLUMNS_MAX: usize = 256, "columns", "Columns of a table, index or result.";
    SQL_FROM_TERMS_MAX: usize = 256, "tables", "Tables in a statement, with views expanded.";
    SQL_JOIN_TERMS_MAX: usize = 32, "tables", "Tables in one FROM clause.";
    SQL_COMPOUND_MAX: usize = 64, "selects", "Terms of a compound SELECT.";
    SQL_VALUE_BYTES_MAX: usize = 1_048_576, "bytes", "One value, and one row.";
    SQL_IDENTIFIER_BYTES_MAX: usize = 128, "bytes", "A name of a table, column, index or view.";
    SQL_OBJECTS_MAX: usize = 1_000, "objects", "Tables, indexes, views and triggers of one database.";
    SQL_RESULT_ROWS_MAX: usize = 100_000, "rows", "Rows that one statement returns to a contract or a reader.";
    SQL_RESULT_BYTES_MAX: usize = 1_048_576, "bytes", "Bytes that one statement returns to a contract.";

    WASM_CODE_BYTES_MAX: usize = 524_288, "bytes", "A contract's module.";
    WASM_MEMORY_PAGES_MAX: u32 = 512, "64 KiB pages", "A contract's memory.";
    WASM_STACK_BYTES_MAX: u32 = 262_144, "bytes", "A contract's logical stack.";
    WASM_INPUT_BYTES_MAX: usize = 1_048_576, "bytes", "Input of a contract call.";
    WASM_OUTPUT_BYTES_MAX: usize = 1_048_576, "bytes", "Output of a contract call.";
    WASM_EVENTS_MAX: usize = 256, "events", "Events of one transaction.";
    WASM_EVENT_BYTES_MAX: usize = 65_536, "bytes", "Event bytes of one transaction.";

    QUERY_ROWS_MAX: usize = 10_000, "rows", "Rows in one answer of the read API.";
    QUERY_BYTES_MAX: usize = 3_145_728, "bytes", "Bytes in one answer of the read API.";
    QUERY_STEPS_MAX: u64 = 200_000_000, "steps", "Work of one read, in steps of SQLite's virtual machine.";
    VALIDATORS_MAX: usize = 500, "validators", "Validators of a set, so that a commit can be verified in bounded time.";
    MERKLE_PROOF_BYTES_MAX: usize = 8_482, "bytes", "The Merkle proof of one row; no path is longer.";
    BUNDLE_BYTES_MAX: usize = 2_359_296, "bytes", "A proof bundle: row, key, Merkle proof, signed header, validator set.";
    VERSIONS_KEPT: usize = 16, "heights", "Versions of the state tree that proofs can be made at.";
}
