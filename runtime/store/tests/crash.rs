//! The process dies at every named step, by panic, SIGABRT and SIGKILL, and at random times. Reopened,
//! the store is at the height before or after; replaying the lost blocks gives the app hashes of a
//! twin that never crashed.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    unreachable_pub,
    reason = "numbers in tests are small, and modules are shared"
)]

mod support;

use dadbs_store::Store;
use dadbs_store::failpoint::{self, Action, NAMES};
use dadbs_types::{Error, GasMeter, Hash};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::*;

const HEIGHTS: u64 = 14;

/// The load of a height: a function of seed and height alone.
fn load(store: &mut Store, seed: u64, height: u64) {
    let mix = |n: u64| (seed ^ (height << 8) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    if height == 1 {
        store.begin_tx([1; 32]).unwrap();
        exec(
            store,
            "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL, c) STRICT"
                .replace(", c)", ", c ANY)")
                .as_str(),
        );
        store.commit_tx().unwrap();
    }
    store
        .execute("CREATE TABLE IF NOT EXISTS chain_count(id INTEGER PRIMARY KEY, n INTEGER)", &[])
        .unwrap();
    store
        .execute("INSERT INTO chain_count VALUES (1, 1) ON CONFLICT DO UPDATE SET n = n + 1", &[])
        .unwrap();
    for tx in 0..4 {
        store.begin_tx([tx as u8; 32]).unwrap();
        let key = mix(tx) % 50;
        store.savepoint().unwrap();
        let statements = [
            format!(
                "INSERT OR REPLACE INTO t VALUES ({key}, hex(randomblob({})), {height})",
                mix(tx) % 900
            ),
            format!("UPDATE t SET c = random() WHERE a % 3 = {}", tx % 3),
            format!("DELETE FROM t WHERE a = {}", mix(tx + 9) % 50),
            "INSERT INTO t VALUES (1, NULL, 2)".into(),
        ];
        for sql in statements {
            let result = store.exec(1, &sql, &[], &mut GasMeter::new(GAS));
            assert!(!matches!(result, Err(Error::Fatal(_))), "{result:?}");
        }
        if tx == 1 {
            store.rollback_to().unwrap();
        } else {
            store.release().unwrap();
        }
        if tx == 3 && height.is_multiple_of(4) {
            exec(store, &format!("CREATE TABLE IF NOT EXISTS u{height}(a)"));
            exec(store, "ALTER TABLE t ADD COLUMN d ANY DEFAULT 5");
            exec(store, "ALTER TABLE t DROP COLUMN d");
        }
        if tx == 2 { store.rollback_tx().unwrap() } else { store.commit_tx().unwrap() }
    }
}

fn one_block(store: &mut Store, seed: u64) -> Hash {
    let height = store.height() + 1;
    store.begin_block(height, height as i64).unwrap();
    load(store, seed, height);
    let hash = store.finish_block().unwrap();
    store.commit().unwrap();
    hash
}

fn open(folder: &Path) -> Store {
    let mut config = config(folder, 3);
    config.journal_heights = 16;
    Store::open(config).unwrap()
}

/// The hashes of all heights without a crash.
fn undisturbed(seed: u64) -> Vec<Hash> {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut hashes = vec![store.app_hash()];
    hashes.extend((0..HEIGHTS).map(|_| one_block(&mut store, seed)));
    hashes
}

/// What the child process does; it is started again by the tests below.
#[test]
#[ignore = "slow: the child of the crash tests, which does nothing alone"]
fn child() {
    let Ok(task) = std::env::var("DADBS_CRASH") else { return };
    let parts: Vec<&str> = task.split('|').collect();
    let [folder, seed, point, nth, action] = parts[..] else { panic!("{task}") };
    let mut store = open(Path::new(folder));
    let action = match action {
        "panic" => Action::Panic,
        "abort" => Action::Abort,
        _ => Action::Kill,
    };
    if let Some(name) = NAMES.iter().find(|name| **name == point) {
        failpoint::arm(name, nth.parse().unwrap(), action);
    }
    while store.height() < HEIGHTS {
        one_block(&mut store, seed.parse().unwrap());
    }
}

fn spawn(folder: &Path, seed: u64, point: &str, nth: u64, action: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env("DADBS_CRASH", format!("{}|{seed}|{point}|{nth}|{action}", folder.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reopens after a crash and replays to the end; the answer is the height that was found.
fn recover(folder: &Path, seed: u64, hashes: &[Hash], what: &str) -> u64 {
    let mut store = open(folder);
    let found = store.height();
    assert_eq!(store.app_hash(), hashes[found as usize], "{what} at height {found}");
    store.verify_rows().unwrap().check().unwrap_or_else(|error| panic!("{what}: {error}"));
    while store.height() < HEIGHTS {
        let hash = one_block(&mut store, seed);
        assert_eq!(hash, hashes[store.height() as usize], "{what} at height {}", store.height());
    }
    found
}

fn matrix(actions: &[&str], nths: &[u64], seed: u64) {
    let hashes = undisturbed(seed);
    let mut cells = 0;
    for point in NAMES {
        for action in actions {
            for nth in nths {
                let what = format!("{action} at {point} for the {nth}th time, seed {seed}");
                let folder = tempfile::tempdir().unwrap();
                let status = spawn(folder.path(), seed, point, *nth, action).wait().unwrap();
                assert!(!status.success(), "not reached: {what}");
                recover(folder.path(), seed, &hashes, &what);
                cells += 1;
            }
        }
    }
    println!("{cells} crashes at {} points, all recovered", NAMES.len());
}

#[test]
fn every_point_is_survived() {
    matrix(&["kill"], &[2], 1);
}

#[test]
#[ignore = "slow: all points by panic, abort and kill, three times each"]
fn every_point_is_survived_long() {
    matrix(&["panic", "abort", "kill"], &[1, 2, 3], 2);
}

fn random_kills(count: u64) {
    let mut cut = 0;
    for seed in 0..count {
        let hashes = undisturbed(seed);
        let folder = tempfile::tempdir().unwrap();
        let mut child = spawn(folder.path(), seed, "", 0, "");
        std::thread::sleep(Duration::from_millis(3 + seed.wrapping_mul(37) % 160));
        child.kill().unwrap();
        child.wait().unwrap();
        cut += u64::from(recover(folder.path(), seed, &hashes, &format!("seed {seed}")) < HEIGHTS);
    }
    println!("{count} kills at random times, {cut} before the end, all recovered");
}

#[test]
fn random_kills_are_survived() {
    random_kills(10);
}

#[test]
#[ignore = "slow: 500 kills at random times"]
fn random_kills_are_survived_long() {
    random_kills(500);
}
