//! Code and contracts. A contract is a database: its tables, and the code that guards them.
//!
//! State: `chain.codes(id, hash, creator, bytes, rules)`, `chain.modules(code_id, wasm)`,
//! `chain.contracts(id, name, address, code_id, admin, creator)`, and the schedules (see `schedule`).
//!
//! Messages: `dadbs.contract.v1.{MsgStoreCode, MsgInstantiate, MsgExecute, MsgMigrate}` and
//! `dadbs.sql.v1.MsgExec`, which calls the entry point `batch`.
//!
//! Events: `contract.store_code(code_id, code_hash)`, `contract.instantiate(name, contract_id, code_id)`,
//! `contract.execute(name, entry)`, `contract.migrate(name, code_id)`, and what contracts emit as
//! `wasm.<type>`, with the contract's name first.
//!
//! 1. Code is validated and compiled when it is stored and never changes; its id counts from 1; its hash is SHA-256.
//! 2. A database name is 1 to 63 characters: a lower-case letter, then lower-case letters, digits and
//!    underscores; it is unique for ever, and `chain` and `main` are reserved.
//! 3. A contract's id counts from 1; its tables are reached through its id alone.
//! 4. `init` runs once, in the transaction that makes the contract.
//! 5. Only the admin may move a contract to other code; `migrate` of the new code runs in the same
//!    transaction. A contract without an admin never moves. The hashes of the new and the old code may be
//!    named; then they must be those.
//! 6. A call runs in the transaction's savepoint: if it fails, nothing of the transaction remains.
//! 7. Views see committed state, cannot write, and are bounded by gas like calls.
//! 8. Gas does not depend on which code is compiled or cached.
//! 9. Coins move before the code runs, and only to entry points that are payable.
//! 10. A call of another contract is a savepoint: what fails leaves no row, coin, event or schema behind, and
//!     the contract around may go on. It shares gas and stack, may not come back to a contract that is being
//!     called, and views call views only. Out of gas ends the transaction.
//! 11. A statement whose rows have rules of tables is a savepoint with them: see `triggers`.
//! 12. Predicates of row access (`dadbs_sql::RowAccess`) hold for the statements of calls and views, of their
//!     caller, until the contract switches them off for its own; and for reads without a contract. They
//!     must compile after `init`, `migrate`, and each change of the schema.

mod host;
mod keeper;
mod name;
mod query;
mod rules;
mod schedule;
mod triggers;
mod view_host;

pub use keeper::{
    Instantiate, Migrate, Statement, execute, init, instantiate, migrate, sql_exec, store_code,
};
pub use name::check_name;
pub use query::{
    Contract, StoredCode, ViewCall, code_info, contract_by_name, contracts, require, row_access,
    view,
};
pub use schedule::{
    Due, begin as begin_scheduled, escrow, finish as finish_scheduled, next_due,
    run as run_scheduled,
};

/// The module's tables.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE chain_codes (
        id INTEGER PRIMARY KEY NOT NULL,
        hash BLOB NOT NULL,
        creator TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        rules BLOB NOT NULL,
        UNIQUE (hash, id)
    ) STRICT",
    "CREATE TABLE chain_modules (
        code_id INTEGER PRIMARY KEY NOT NULL,
        wasm BLOB NOT NULL
    ) STRICT",
    "CREATE TABLE chain_contracts (
        id INTEGER PRIMARY KEY NOT NULL,
        name TEXT NOT NULL UNIQUE,
        address TEXT NOT NULL,
        code_id INTEGER NOT NULL,
        admin TEXT,
        creator TEXT NOT NULL
    ) STRICT",
    "CREATE TABLE chain_schedules (
        clock TEXT NOT NULL,
        due INTEGER NOT NULL,
        id INTEGER NOT NULL,
        contract INTEGER NOT NULL,
        entry TEXT NOT NULL,
        arguments BLOB NOT NULL,
        every INTEGER NOT NULL,
        gas INTEGER NOT NULL,
        prepaid INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        by_time INTEGER NOT NULL,
        PRIMARY KEY (clock, due, id),
        UNIQUE (contract, id)
    ) STRICT, WITHOUT ROWID",
];
