//! The disk fails under SQLite: at the n-th read, write, truncation or sync, with every kind of failure,
//! and the process dies there. `read`, `write` and the like of this test binary stand in front of
//! those of the C library, for SQLite as for our own files.
//!
//! 1. A failure is a fault with advice, never a rejection, or it has done no harm.
//! 2. What a read answers meanwhile is right, or a fault.
//! 3. Opened again on a sound disk, the store is at a height of its twin's history with the twin's
//!    root, every row is in the tree, and replaying gives the twin's hashes.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    unsafe_code,
    unreachable_pub,
    reason = "numbers in tests are small, modules are shared, and the C library is replaced"
)]

mod support;

use dadbs_store::{ReadLimits, Store, StoreConfig};
use dadbs_types::{Error, Fatal, GasMeter, Hash};
use libc::{c_int, c_long, c_void, off_t, size_t, ssize_t};
use std::cell::Cell;
use std::path::Path;
use std::process::{Command, Stdio};
use support::*;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    ReadError,
    /// Half of the bytes, and then the end of the file.
    ShortRead,
    WriteError,
    /// Half of the bytes, and then a full disk.
    ShortWrite,
    DiskFull,
    SyncError,
    TruncateError,
    /// The process dies at a write, a truncation or a sync.
    Kill,
}

#[derive(Clone, Copy, PartialEq)]
enum Call {
    Read,
    Write,
    Truncate,
    Sync,
}

impl Fault {
    fn concerns(self, call: Call) -> bool {
        match self {
            Fault::ReadError | Fault::ShortRead => call == Call::Read,
            Fault::WriteError | Fault::ShortWrite | Fault::DiskFull => call == Call::Write,
            Fault::SyncError => call == Call::Sync,
            Fault::TruncateError => call == Call::Truncate,
            Fault::Kill => call != Call::Read,
        }
    }
}

/// What a call is to do.
#[derive(Clone, Copy)]
enum Verdict {
    Pass,
    Half,
    End,
    Fail(c_int),
}

thread_local! {
    /// The fault of this thread, and the calls until it comes; 0 after it has come.
    static ARMED: Cell<Option<(Fault, u64)>> = const { Cell::new(None) };
}

fn arm(fault: Fault, nth: u64) {
    ARMED.set(Some((fault, nth)));
}

/// Ends the faults; true if one has come.
fn disarm() -> bool {
    ARMED.take().is_some_and(|(_, left)| left == 0)
}

/// A disk that has failed goes on failing.
fn verdict(call: Call) -> Verdict {
    let Some((fault, left)) = ARMED.get().filter(|(fault, _)| fault.concerns(call)) else {
        return Verdict::Pass;
    };
    let first = left == 1;
    ARMED.set(Some((fault, left.saturating_sub(1))));
    if left > 1 {
        return Verdict::Pass;
    }
    match fault {
        Fault::ShortRead | Fault::ShortWrite if first => Verdict::Half,
        Fault::ShortRead => Verdict::End,
        Fault::ShortWrite | Fault::DiskFull => Verdict::Fail(libc::ENOSPC),
        // SAFETY: ends the process without running anything more of it.
        Fault::Kill => unsafe { libc::_exit(9) },
        _ => Verdict::Fail(libc::EIO),
    }
}

fn fail(error: c_int) -> c_long {
    // SAFETY: the place of this thread's error number.
    unsafe { *libc::__errno_location() = error };
    -1
}

fn transfer(call: Call, number: c_long, fd: c_int, buffer: *const c_void, len: size_t) -> ssize_t {
    // SAFETY: the caller's arguments, or a shorter length.
    let run = |len: size_t| unsafe { libc::syscall(number, fd, buffer, len) };
    let done = match verdict(call) {
        Verdict::Pass => run(len),
        Verdict::Half => run(len.div_ceil(2)),
        Verdict::End => 0,
        Verdict::Fail(error) => fail(error),
    };
    done as ssize_t
}

fn change(call: Call, run: impl FnOnce() -> c_long) -> c_int {
    let done = match verdict(call) {
        Verdict::Fail(error) => fail(error),
        _ => run(),
    };
    done as c_int
}

#[unsafe(no_mangle)]
extern "C" fn read(fd: c_int, buffer: *mut c_void, len: size_t) -> ssize_t {
    transfer(Call::Read, libc::SYS_read, fd, buffer, len)
}

#[unsafe(no_mangle)]
extern "C" fn write(fd: c_int, buffer: *const c_void, len: size_t) -> ssize_t {
    transfer(Call::Write, libc::SYS_write, fd, buffer, len)
}

/// As [`transfer`], at a place of the file.
fn transfer_at(
    call: Call,
    number: c_long,
    fd: c_int,
    buffer: *const c_void,
    len: size_t,
    at: off_t,
) -> ssize_t {
    // SAFETY: the caller's arguments, or a shorter length.
    let run = |len: size_t| unsafe { libc::syscall(number, fd, buffer, len, at) };
    let done = match verdict(call) {
        Verdict::Pass => run(len),
        Verdict::Half => run(len.div_ceil(2)),
        Verdict::End => 0,
        Verdict::Fail(error) => fail(error),
    };
    done as ssize_t
}

#[unsafe(no_mangle)]
extern "C" fn pread64(fd: c_int, buffer: *mut c_void, len: size_t, at: off_t) -> ssize_t {
    transfer_at(Call::Read, libc::SYS_pread64, fd, buffer, len, at)
}

#[unsafe(no_mangle)]
extern "C" fn pread(fd: c_int, buffer: *mut c_void, len: size_t, at: off_t) -> ssize_t {
    pread64(fd, buffer, len, at)
}

#[unsafe(no_mangle)]
extern "C" fn pwrite64(fd: c_int, buffer: *const c_void, len: size_t, at: off_t) -> ssize_t {
    transfer_at(Call::Write, libc::SYS_pwrite64, fd, buffer, len, at)
}

#[unsafe(no_mangle)]
extern "C" fn pwrite(fd: c_int, buffer: *const c_void, len: size_t, at: off_t) -> ssize_t {
    pwrite64(fd, buffer, len, at)
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate(fd: c_int, len: off_t) -> c_int {
    // SAFETY: the caller's arguments.
    change(Call::Truncate, || unsafe { libc::syscall(libc::SYS_ftruncate, fd, len) })
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate64(fd: c_int, len: off_t) -> c_int {
    ftruncate(fd, len)
}

#[unsafe(no_mangle)]
extern "C" fn fsync(fd: c_int) -> c_int {
    // SAFETY: the caller's argument.
    change(Call::Sync, || unsafe { libc::syscall(libc::SYS_fsync, fd) })
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: c_int) -> c_int {
    // SAFETY: the caller's argument.
    change(Call::Sync, || unsafe { libc::syscall(libc::SYS_fdatasync, fd) })
}

/// The height that the stores begin with, and the last one. SQLite checkpoints its log in between.
const FIRST: u64 = 3;
const LAST: u64 = 9;

/// Between fork and exec a child of another test holds a copy of the lock of a store closed a moment ago.
fn open(folder: &Path) -> Result<Store, Fatal> {
    let mut tries = 0;
    loop {
        let verified = StoreConfig { verify_rows: true, ..config(folder, 2) };
        match Store::open(StoreConfig { journal_heights: 16, ..verified }) {
            Err(fatal) if fatal.message.contains("another process") && tries < 100 => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            opened => return opened,
        }
    }
}

/// A block of rows that fill pages: a function of the height.
fn one_block(store: &mut Store) -> Result<Hash, Error> {
    let height = store.height() + 1;
    store.begin_block(height, height as i64)?;
    store.begin_tx([height as u8; 32])?;
    let mut statement = |sql: &str| store.exec(1, sql, &[], &mut GasMeter::new(GAS));
    if height == 1 {
        statement("CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB, c INT) STRICT")?;
        statement("CREATE INDEX i ON t(c)")?;
    }
    let values = vec!["(randomblob(2500), random() % 100)"; 150].join(",");
    statement(&format!("INSERT INTO t(b, c) VALUES {values}"))?;
    statement("UPDATE t SET c = c + 1, b = CAST(b || x'01' AS BLOB) WHERE a % 7 = 0")?;
    statement("DELETE FROM t WHERE a % 11 = 3")?;
    store.commit_tx()?;
    let hash = store.finish_block()?;
    store.commit()?;
    Ok(hash)
}

/// The hashes of all heights, and a store at [`FIRST`].
fn undisturbed(folder: &Path) -> Vec<Hash> {
    let twin = tempfile::tempdir().unwrap();
    let mut store = open(twin.path()).unwrap();
    let mut hashes = vec![store.app_hash()];
    hashes.extend((0..LAST).map(|_| one_block(&mut store).unwrap()));
    let mut begun = open(folder).unwrap();
    (0..FIRST).for_each(|_| assert!(one_block(&mut begun).is_ok()));
    hashes
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-r").arg(from.join(".")).arg(to).status().unwrap();
    assert!(status.success());
}

/// Rule 3.
fn recover(folder: &Path, hashes: &[Hash], what: &str) {
    let mut store = open(folder).unwrap_or_else(|fatal| panic!("{what}: {fatal}"));
    assert!(store.height() >= FIRST, "{what}: lost height {}", store.height());
    assert_eq!(store.app_hash(), hashes[store.height() as usize], "{what}");
    while store.height() < LAST {
        let hash = one_block(&mut store).unwrap();
        assert_eq!(hash, hashes[store.height() as usize], "{what} at {}", store.height());
    }
}

/// Rule 1: the message says what to do.
fn check_fault(error: Error, what: &str) {
    let Error::Fatal(fatal) = error else { panic!("{what}: a rejection: {error}") };
    let advice = ["restart", "restore", "free disk", "check", "remove"];
    assert!(advice.iter().any(|word| fatal.message.contains(word)), "{what}: {fatal}");
}

/// Opens and writes blocks while the fault is armed; the answer is the first failure.
fn write_blocks(folder: &Path, hashes: &[Hash], what: &str) -> Result<(), Error> {
    let mut store = open(folder)?;
    while store.height() < LAST {
        let height = store.height() as usize + 1;
        assert_eq!(one_block(&mut store)?, hashes[height], "{what}");
        // Rule 2.
        let mut view = store.readers().view()?;
        let sql = "SELECT count(*), sum(length(b)) FROM t";
        let found = view.query(Some(1), sql, &[], ReadLimits::default())?;
        drop(view);
        let armed = ARMED.take();
        let right = store.readers().view()?.query(Some(1), sql, &[], ReadLimits::default())?;
        ARMED.set(armed);
        assert_eq!(found, right, "{what}");
    }
    Ok(())
}

/// Fails at every `step`-th call until no call is left.
fn every(fault: Fault, first: u64, factor: f64) {
    let begun = tempfile::tempdir().unwrap();
    let hashes = undisturbed(begun.path());
    let (mut nth, mut failed) = (first, 0);
    loop {
        let what = format!("{fault:?} at call {nth}");
        let folder = tempfile::tempdir().unwrap();
        copy(begun.path(), folder.path());
        arm(fault, nth);
        let outcome = write_blocks(folder.path(), &hashes, &what);
        let came = disarm();
        if let Err(error) = outcome {
            assert!(came, "{what}: {error}");
            check_fault(error, &what);
            failed += 1;
        }
        recover(folder.path(), &hashes, &what);
        if !came {
            break;
        }
        nth = (nth as f64 * factor) as u64 + 1;
    }
    println!("{fault:?}: {failed} faults until call {nth}, all recovered");
    assert!(failed > 0, "{fault:?} was never noticed");
}

const FAULTS: [Fault; 7] = [
    Fault::ReadError,
    Fault::ShortRead,
    Fault::WriteError,
    Fault::ShortWrite,
    Fault::DiskFull,
    Fault::SyncError,
    Fault::TruncateError,
];

#[test]
fn a_failing_disk_stops_the_store_and_harms_nothing() {
    for fault in FAULTS {
        every(fault, 1, 5.0);
    }
}

#[test]
#[ignore = "slow: seven faults at many more calls"]
fn a_failing_disk_stops_the_store_and_harms_nothing_long() {
    for fault in FAULTS {
        every(fault, 1, 1.08);
    }
}

#[test]
#[ignore = "slow: the child of the tests below, which does nothing alone"]
fn child() {
    let Ok(task) = std::env::var("DADBS_IO_FAULT") else { return };
    let (folder, nth) = task.split_once('|').unwrap();
    arm(Fault::Kill, nth.parse().unwrap());
    let mut store = open(Path::new(folder)).unwrap();
    while store.height() < LAST {
        one_block(&mut store).unwrap();
    }
    // What the test harness writes is not the store's.
    disarm();
}

fn kills(factor: f64) {
    let begun = tempfile::tempdir().unwrap();
    let hashes = undisturbed(begun.path());
    let (mut nth, mut died) = (1u64, true);
    while died {
        let what = format!("killed at write {nth}");
        let folder = tempfile::tempdir().unwrap();
        copy(begun.path(), folder.path());
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env("DADBS_IO_FAULT", format!("{}|{nth}", folder.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        died = child.unwrap().code() == Some(9);
        recover(folder.path(), &hashes, &what);
        nth = (nth as f64 * factor) as u64 + 1;
    }
    println!("killed at writes and syncs up to {nth}, all recovered");
    assert!(nth > 2_000, "the log is never checkpointed");
}

#[test]
fn a_death_at_any_write_is_survived() {
    kills(3.5);
}

#[test]
#[ignore = "slow: killed at many more writes"]
fn a_death_at_any_write_is_survived_long() {
    kills(1.05);
}
