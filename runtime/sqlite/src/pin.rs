//! The one build of SQLite that nodes agree on.

use std::ffi::CStr;

use dadbs_types::Fatal;
use libsqlite3_sys as ffi;

use crate::meter::dadbs_patch_version;

/// The check-in that the amalgamation was made from.
pub const SOURCE_ID: &str =
    "2026-10-16 14:45:20 555e07ef33f69a0957d24d8e555b702464a131d6f1607f4c3c1e4551e8e6ca76";

/// The version of our patch; a new one may change results or steps, which is a fork of the chain.
pub const PATCH_VERSION: i32 = 7;

/// What `PRAGMA compile_options` lists, except the compiler's name.
pub const COMPILE_OPTIONS: &[&str] = &[
    "ATOMIC_INTRINSICS=1",
    "DEFAULT_AUTOVACUUM",
    "DEFAULT_CACHE_SIZE=-2000",
    "DEFAULT_FILE_FORMAT=4",
    "DEFAULT_FOREIGN_KEYS",
    "DEFAULT_JOURNAL_SIZE_LIMIT=-1",
    "DEFAULT_MEMSTATUS=0",
    "DEFAULT_MMAP_SIZE=0",
    "DEFAULT_PAGE_SIZE=4096",
    "DEFAULT_PCACHE_INITSZ=20",
    "DEFAULT_RECURSIVE_TRIGGERS",
    "DEFAULT_SECTOR_SIZE=4096",
    "DEFAULT_SYNCHRONOUS=2",
    "DEFAULT_WAL_AUTOCHECKPOINT=1000",
    "DEFAULT_WAL_SYNCHRONOUS=1",
    "DEFAULT_WORKER_THREADS=0",
    "DIRECT_OVERFLOW_READ",
    "DQS=0",
    "ENABLE_PREUPDATE_HOOK",
    "MALLOC_SOFT_LIMIT=0",
    "MAX_ATTACHED=10",
    "MAX_COLUMN=2000",
    "MAX_COMPOUND_SELECT=500",
    "MAX_DEFAULT_PAGE_SIZE=8192",
    "MAX_EXPR_DEPTH=1000",
    "MAX_FUNCTION_ARG=1000",
    "MAX_LENGTH=1000000000",
    "MAX_LIKE_PATTERN_LENGTH=50000",
    "MAX_MMAP_SIZE=0x7fff0000",
    "MAX_PAGE_COUNT=0xfffffffe",
    "MAX_PAGE_SIZE=65536",
    "MAX_SCHEMA=10000000",
    "MAX_SQL_LENGTH=1000000000",
    "MAX_TRIGGER_DEPTH=1000",
    "MAX_VARIABLE_NUMBER=32766",
    "MAX_VDBE_OP=250000000",
    "MAX_WORKER_THREADS=0",
    "MUTEX_PTHREADS",
    "OMIT_DEPRECATED",
    "OMIT_LOAD_EXTENSION",
    "OMIT_SHARED_CACHE",
    "SYSTEM_MALLOC",
    "TEMP_STORE=3",
    "THREADSAFE=2",
];

/// The compile options of the SQLite that is linked, except the compiler's name.
pub fn compile_options() -> Vec<String> {
    let mut options = Vec::new();
    for n in 0.. {
        // SAFETY: any index is allowed; the answer is NULL or a static C string.
        let option = unsafe { ffi::sqlite3_compileoption_get(n) };
        if option.is_null() {
            break;
        }
        // SAFETY: not NULL, see above.
        let option = unsafe { CStr::from_ptr(option) }.to_string_lossy().into_owned();
        if !option.starts_with("COMPILER=") {
            options.push(option);
        }
    }
    options
}

/// Refuses every other build (rule 1 of the crate).
pub(crate) fn check() -> Result<(), Fatal> {
    // SAFETY: a static C string.
    let source = unsafe { CStr::from_ptr(ffi::sqlite3_sourceid()) }.to_string_lossy();
    // SAFETY: a function without arguments that reads nothing.
    let patch = unsafe { dadbs_patch_version() };
    let options = compile_options();
    if source == SOURCE_ID && patch == PATCH_VERSION && options == COMPILE_OPTIONS {
        return Ok(());
    }
    Err(Fatal::new(format!(
        "this node was linked with another SQLite than the chain's (source {source}, patch {patch}, \
         options {options:?}): build it from the repository as it is, without LIBSQLITE3_* or other \
         replacements of runtime/sqlite/vendor"
    )))
}
