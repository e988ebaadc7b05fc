//! SQLite as its authors wrote it, built from the vendored source with our patch taken back, and
//! loaded beside the patched one.
#![allow(dead_code, unreachable_pub, unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr;

use dadbs_types::Value;

/// BLAKE3 of the pristine `sqlite3.c` of libsqlite3-sys 0.39.1.
pub const PRISTINE_BLAKE3: &str =
    "20e340fb5262daf45e2793aa533dac9b9c877752f9c22409042d8fa73c0a3465";

pub fn vendor() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor")
}

/// Takes a unified diff back: the text before it, with every context and added line compared.
pub fn unpatch(patched: &[u8], patch: &str) -> Vec<u8> {
    let lines: Vec<&[u8]> = patched.split_inclusive(|byte| *byte == b'\n').collect();
    let (mut out, mut at) = (Vec::new(), 0);
    for line in patch.split_inclusive('\n').skip(2) {
        if let Some(header) = line.strip_prefix("@@ ") {
            let new = header.split(' ').nth(1).unwrap().trim_start_matches('+');
            let start: usize = new.split(',').next().unwrap().parse().unwrap();
            out.extend(lines[at..start - 1].concat());
            at = start - 1;
            continue;
        }
        let (mark, text) = line.split_at(1);
        if mark != "-" {
            assert_eq!(lines[at], text.as_bytes(), "line {} of sqlite3.c", at + 1);
            at += 1;
        }
        if mark != "+" {
            out.extend_from_slice(text.as_bytes());
        }
    }
    out.extend(lines[at..].concat());
    out
}

pub fn pristine_source() -> Vec<u8> {
    let patched = std::fs::read(vendor().join("sqlite3.c")).unwrap();
    let patch = std::fs::read_to_string(vendor().join("dadbs.patch")).unwrap();
    unpatch(&patched, &patch)
}

/// The pristine library, compiled once per source.
fn library() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = folder.join(format!("pristine-{}.so", &PRISTINE_BLAKE3[..16]));
    if !library.exists() {
        let source = folder.join(format!("pristine-{}.c", std::process::id()));
        let unfinished = source.with_extension("so");
        std::fs::write(&source, pristine_source()).unwrap();
        let status = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-Wl,-Bsymbolic", "-ffp-contract=off"])
            .args(["-DSQLITE_THREADSAFE=2", "-DSQLITE_DQS=0", "-DSQLITE_DEFAULT_FOREIGN_KEYS=1"])
            .args(["-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_TEMP_STORE=3", "-o"])
            .args([&unfinished, &source])
            .status()
            .unwrap();
        assert!(status.success(), "cc cannot build the pristine SQLite");
        std::fs::rename(unfinished, &library).unwrap();
        std::fs::remove_file(source).unwrap();
    }
    library
}

macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) -> $result:ty;)*) => {
        struct Functions { $($name: unsafe extern "C" fn($($argument),*) -> $result,)* }
        impl Functions {
            fn load() -> Functions {
                let path = CString::new(library().to_str().unwrap()).unwrap();
                // SAFETY: a path to a library whose initializers do nothing.
                let handle = unsafe {
                    libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL | libc::RTLD_DEEPBIND)
                };
                assert!(!handle.is_null());
                Functions { $($name: {
                    let name = CString::new(concat!("sqlite3_", stringify!($name))).unwrap();
                    // SAFETY: the symbol is SQLite's function of that name and type.
                    unsafe {
                        let symbol = libc::dlsym(handle, name.as_ptr());
                        assert!(!symbol.is_null());
                        std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) -> $result>(symbol)
                    }
                },)* }
            }
        }
    };
}

type Db = *mut c_void;
type Stmt = *mut c_void;

functions! {
    open: fn(*const c_char, *mut Db) -> c_int;
    close: fn(Db) -> c_int;
    errmsg: fn(Db) -> *const c_char;
    changes64: fn(Db) -> i64;
    prepare_v2: fn(Db, *const c_char, c_int, *mut Stmt, *mut *const c_char) -> c_int;
    step: fn(Stmt) -> c_int;
    finalize: fn(Stmt) -> c_int;
    stmt_readonly: fn(Stmt) -> c_int;
    column_count: fn(Stmt) -> c_int;
    column_type: fn(Stmt, c_int) -> c_int;
    column_int64: fn(Stmt, c_int) -> i64;
    column_double: fn(Stmt, c_int) -> f64;
    column_blob: fn(Stmt, c_int) -> *const u8;
    column_bytes: fn(Stmt, c_int) -> c_int;
}

/// A database in memory on the pristine library.
pub struct Pristine {
    functions: Functions,
    db: Db,
}

impl Pristine {
    pub fn memory() -> Pristine {
        let functions = Functions::load();
        let mut db = ptr::null_mut();
        // SAFETY: a valid name and place.
        assert_eq!(unsafe { (functions.open)(c":memory:".as_ptr(), &raw mut db) }, 0);
        Pristine { functions, db }
    }

    fn message(&self) -> String {
        // SAFETY: the database is open.
        unsafe { CStr::from_ptr((self.functions.errmsg)(self.db)) }.to_str().unwrap().to_owned()
    }

    /// Runs one statement: its rows and changes, or the message.
    pub fn run(&self, sql: &str) -> Result<(Vec<Vec<Value>>, u64), String> {
        let (f, text) = (&self.functions, CString::new(sql).unwrap());
        let mut statement = ptr::null_mut();
        // SAFETY: as SQLite documents each call; the statement is finalized once.
        unsafe {
            let code =
                (f.prepare_v2)(self.db, text.as_ptr(), -1, &raw mut statement, ptr::null_mut());
            if code != 0 {
                return Err(self.message());
            }
            let is_readonly = (f.stmt_readonly)(statement) != 0;
            let mut rows = Vec::new();
            let code = loop {
                let code = (f.step)(statement);
                if code != 100 {
                    break code;
                }
                rows.push(
                    (0..(f.column_count)(statement)).map(|i| self.value(statement, i)).collect(),
                );
            };
            let result = if code == 101 { Ok(()) } else { Err(self.message()) };
            (f.finalize)(statement);
            let changes = if is_readonly { 0 } else { (f.changes64)(self.db) };
            result.map(|()| (rows, u64::try_from(changes).unwrap()))
        }
    }

    unsafe fn value(&self, statement: Stmt, index: c_int) -> Value {
        let f = &self.functions;
        // SAFETY: there is a row, and the index is below the number of columns.
        unsafe {
            let bytes = || {
                let start = (f.column_blob)(statement, index);
                let len = usize::try_from((f.column_bytes)(statement, index)).unwrap();
                if len == 0 { Vec::new() } else { std::slice::from_raw_parts(start, len).to_vec() }
            };
            match (f.column_type)(statement, index) {
                1 => Value::Integer((f.column_int64)(statement, index)),
                2 => Value::Real((f.column_double)(statement, index) + 0.0),
                3 => Value::Text(String::from_utf8(bytes()).unwrap()),
                4 => Value::Blob(bytes()),
                _ => Value::Null,
            }
        }
    }
}

impl Drop for Pristine {
    fn drop(&mut self) {
        // SAFETY: no statement is left.
        unsafe { (self.functions.close)(self.db) };
    }
}

/// A small generator with a seed (xorshift64*), so that a failure can be run again.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    pub fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}
