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
    SQL_PHYSICAL_BYTES_MAX: usize = 262_144, "bytes", "The text of one statement after renaming.";
    SQL_DEPTH_MAX: usize = 200, "levels", "Operators on top of each other in an expression, as in a chain of ORs.";
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
    SQL_DECIMAL_DIGITS_MAX: u32 = 38, "digits", "Digits of a decimal number, before and behind the point together.";
    SQL_RESULT_ROWS_MAX: usize = 100_000, "rows", "Rows that one statement returns to a contract or a reader.";
    SQL_RESULT_BYTES_MAX: usize = 1_048_576, "bytes", "Bytes that one statement returns to a contract.";

    WASM_CODE_BYTES_MAX: usize = 524_288, "bytes", "A contract's module.";
    WASM_MEMORY_PAGES_MAX: u32 = 512, "64 KiB pages", "A contract's memory.";
    WASM_INITIAL_PAGES_MAX: u32 = 64, "64 KiB pages", "The memory that a contract starts with.";
    WASM_STACK_BYTES_MAX: u32 = 262_144, "bytes", "A contract's logical stack.";
    WASM_TYPES_MAX: u32 = 1_024, "types", "Function types of a module.";
    WASM_PARAMETERS_MAX: usize = 32, "parameters", "Parameters of a function type.";
    WASM_FUNCTIONS_MAX: u32 = 4_000, "functions", "Functions of a module.";
    WASM_GLOBALS_MAX: u32 = 64, "globals", "Globals of a module.";
    WASM_TABLE_ELEMENTS_MAX: u32 = 4_096, "elements", "The one table of a module.";
    WASM_ELEMENTS_MAX: u32 = 8_192, "functions", "Functions in the element segments of a module.";
    WASM_EXPORTS_MAX: u32 = 256, "exports", "Exports of a module.";
    WASM_NAME_BYTES_MAX: usize = 64, "bytes", "The name of an export.";
    WASM_DATA_SEGMENTS_MAX: u32 = 1_024, "segments", "Data and element segments, each.";
    WASM_DATA_BYTES_MAX: usize = 262_144, "bytes", "The data segments of a module.";
    WASM_CUSTOM_SECTIONS_MAX: usize = 8, "sections", "Custom sections of a module.";
    WASM_CUSTOM_BYTES_MAX: usize = 65_536, "bytes", "The custom sections of a module.";
    WASM_BODY_BYTES_MAX: usize = 98_304, "bytes", "The body of one function.";
    WASM_BODY_OPERATORS_MAX: u32 = 32_768, "operators", "Operators of one function.";
    WASM_LOCALS_MAX: u32 = 256, "locals", "Parameters and locals of one function.";
    WASM_MODULE_LOCALS_MAX: u64 = 20_000, "locals", "Parameters and locals of all functions.";
    WASM_BLOCKS_MAX: u32 = 3_072, "blocks", "Basic blocks, `br_table` targets and float operators of one function.";
    WASM_MODULE_BLOCKS_MAX: u64 = 40_000, "blocks", "Basic blocks, `br_table` targets and float operators of all functions.";
    WASM_BLOCK_LOCALS_MAX: u64 = 131_072, "blocks x locals", "Work of the register allocator for one function.";
    WASM_MODULE_BLOCK_LOCALS_MAX: u64 = 2_000_000, "blocks x locals", "Work of the register allocator for a module.";
    WASM_LOOP_NESTING_MAX: u32 = 8, "levels", "Loops inside loops.";
    WASM_BLOCK_NESTING_MAX: usize = 256, "levels", "Blocks inside blocks.";
    WASM_BRANCH_TABLE_MAX: u32 = 1_024, "targets", "Targets of one `br_table`.";
    WASM_HOST_BYTES_MAX: usize = 1_048_576, "bytes", "Bytes that one host call takes from a contract.";
    WASM_LOG_BYTES_MAX: usize = 2_048, "bytes", "One log line or abort message of a contract; the rest is cut off.";
    WASM_INPUT_BYTES_MAX: usize = 1_048_576, "bytes", "Input of a contract call.";
    WASM_OUTPUT_BYTES_MAX: usize = 1_048_576, "bytes", "Output of a contract call.";
    WASM_EVENTS_MAX: usize = 256, "events", "Events of one transaction.";
    WASM_EVENT_BYTES_MAX: usize = 65_536, "bytes", "Event bytes of one transaction.";

    CALL_DEPTH_MAX: u32 = 8, "levels", "Contract calls and triggers on top of each other, the first one included.";
    RULE_BATCH_BYTES_MAX: usize = 262_144, "bytes", "Changed rows that a rule of a table is given at once, unless one alone is larger.";
    PREDICATE_BYTES_MAX: usize = 4_096, "bytes", "A predicate of row access.";
    SCHEDULES_MAX: usize = 100, "schedules", "Schedules of one contract, parked ones included.";
    SCHEDULE_GAS_MIN: u64 = 100_000, "gas", "The least gas of a scheduled call.";
    SCHEDULE_GAS_MAX: u64 = 50_000_000, "gas", "The most gas of a scheduled call.";
    SCHEDULE_ATTEMPTS_MAX: u64 = 3, "attempts", "Times that a scheduled call fails before it is parked.";
    SCHEDULE_ARGUMENT_BYTES_MAX: usize = 4_096, "bytes", "Arguments of a scheduled call.";

    PROPOSAL_MESSAGES_MAX: usize = 10, "messages", "Messages of one proposal.";
    PROPOSAL_TITLE_BYTES_MAX: usize = 255, "bytes", "The title of a proposal.";
    PROPOSAL_SUMMARY_BYTES_MAX: usize = 10_200, "bytes", "The summary of a proposal.";
    PROPOSAL_METADATA_BYTES_MAX: usize = 255, "bytes", "The metadata of a proposal or a vote.";
    VOTES_OPEN_MAX: u64 = 64, "votes", "Open proposals that one account may have voted on.";
    PROPOSALS_BLOCK_MAX: u64 = 100, "proposals", "Steps of proposals at the end of one block: expiries, results, executions.";
    SETTLED_BLOCK_MAX: u64 = 1_000, "rows", "Deposits and votes of ended proposals that one block settles.";
    PARAM_CHANGES_MAX: usize = 32, "changes", "Parameters that one message changes.";
    UPGRADE_NAME_BYTES_MAX: usize = 64, "bytes", "The name of a software upgrade.";
    UPGRADE_INFO_BYTES_MAX: usize = 4_096, "bytes", "What a software upgrade says to operators.";
    PAUSES_MAX: u64 = 128, "pauses", "Pauses that stand at once.";

    STORAGE_BLOCK_MAX: usize = 100, "contracts", "Contracts whose storage rent has run out, or whose grace is over, that one block moves on; the others follow in the next.";

    QUERY_ROWS_MAX: usize = 10_000, "rows", "Rows in one answer of the read API.";
    QUERY_BYTES_MAX: usize = 3_145_728, "bytes", "Bytes in one answer of the read API.";
    QUERY_STEPS_MAX: u64 = 200_000_000, "steps", "Work of one read, in steps of SQLite's virtual machine.";
    QUERY_GAS_MAX: u64 = 500_000_000, "gas", "Work of one view query.";
    VALIDATOR_TEXT_BYTES_MAX: usize = 280, "bytes", "One text of a validator's description; the moniker has 70.";
    MATURITIES_BLOCK_MAX: usize = 500, "entries", "Unbondings, redelegations and validators that mature in one block; the others follow in the next.";
    SLASHED_BLOCK_MAX: usize = 100, "entries", "Unbondings and redelegations that one block looks at to slash them; the others follow in the next.";
    FAULTS_BLOCK_MAX: usize = 10, "faults", "Faults whose time is over that one block executes; the others follow in the next.";
    FAULT_EVIDENCE_BYTES_MAX: usize = 2_048, "bytes", "What a fault that a vote attributes rests on, in words.";
    VALIDATORS_MAX: usize = 500, "validators", "Validators of a set, so that a commit can be verified in bounded time.";
    MERKLE_PROOF_BYTES_MAX: usize = 8_482, "bytes", "The Merkle proof of one row; no path is longer.";
    BUNDLE_BYTES_MAX: usize = 2_359_296, "bytes", "A proof bundle: row, key, Merkle proof, signed header, validator set.";
    VERSIONS_KEPT: usize = 16, "heights", "Versions of the state tree that proofs can be made at.";
}
