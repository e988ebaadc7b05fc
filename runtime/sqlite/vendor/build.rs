//! Compiles the amalgamation with one fixed list of flags: what SQLite computes, and what it costs
//! in steps, must be the same on every node, so nothing here reads the environment. The crate
//! `dadbs-sqlite` compares the resulting compile options with its own list when a file is opened.

/// What the preprocessor is told. Every option that changes results, plans or steps is named, also
/// where it repeats SQLite's default.
const DEFINES: &[(&str, Option<&str>)] = &[
    // Capture: rows reach us as SQLite changes them.
    ("SQLITE_ENABLE_PREUPDATE_HOOK", None),
    // Schema hash tables grow beyond 64 buckets, or 50,000 tables take seconds to load.
    ("SQLITE_MALLOC_SOFT_LIMIT", Some("0")),
    // "x" is a name and never a string.
    ("SQLITE_DQS", Some("0")),
    ("SQLITE_OMIT_LOAD_EXTENSION", None),
    ("SQLITE_OMIT_SHARED_CACHE", None),
    ("SQLITE_OMIT_DEPRECATED", None),
    ("SQLITE_DEFAULT_MEMSTATUS", Some("0")),
    ("SQLITE_DEFAULT_FOREIGN_KEYS", Some("1")),
    ("SQLITE_DEFAULT_WAL_SYNCHRONOUS", Some("1")),
    ("SQLITE_MAX_WORKER_THREADS", Some("0")),
    ("SQLITE_TEMP_STORE", Some("3")),
    // One connection is used by one thread at a time; allocator and page cache are shared.
    ("SQLITE_THREADSAFE", Some("2")),
    ("HAVE_USLEEP", Some("1")),
    // Local time is UTC on every node.
    ("HAVE_LOCALTIME_R", Some("1")),
    ("localtime_r", Some("gmtime_r")),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=sqlite3.c");
    println!("cargo:rerun-if-changed=sqlite3.h");
    println!("cargo:include={}", env!("CARGO_MANIFEST_DIR"));
    let mut build = cc::Build::new();
    build.file("sqlite3.c").warnings(false);
    // The profile does not decide: a debug node must be as fast as its steps say.
    build.opt_level(3).debug(false);
    // Fused multiply-add rounds once where two operations round twice.
    build.flag("-ffp-contract=off");
    build.flag("-fno-fast-math");
    for (name, value) in DEFINES {
        build.define(name, *value);
    }
    build.compile("dadbs_sqlite3");
}
