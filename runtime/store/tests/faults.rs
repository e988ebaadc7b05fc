//! Damaged, foreign, truncated and full: the store says so and stops, or is right; never silent.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    unreachable_pub,
    reason = "numbers in tests are small, and modules are shared"
)]

mod support;

use dadbs_store::{Store, StoreConfig};
use dadbs_types::{Fatal, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::*;

/// A closed store of some pages with checkpoints at heights 2 and 4, and its dump at height 5.
fn sample(folder: &Path) -> (Dump, [u8; 32]) {
    let mut store = Store::open(config(folder, 2)).unwrap();
    block(&mut store, &["CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c ANY UNIQUE) STRICT"]);
    for height in 2..=5i64 {
        begin(&mut store);
        let row = |a: i64| vec![a.into(), format!("row {a}").repeat(20).into(), (a * 7).into()];
        let rows: Vec<Vec<Value>> = (height * 100..height * 100 + 60).map(row).collect();
        run(&mut store, "INSERT INTO t VALUES (?, ?, ?)", &rows).unwrap();
        end(&mut store);
    }
    (dump(&store), store.app_hash())
}

fn open(folder: &Path) -> Result<Store, Fatal> {
    open_with(&StoreConfig { verify_rows: true, ..config(folder, 2) })
}

/// Opens again while the lock seems taken: a child that another test starts holds a copy of every
/// open file between fork and exec.
fn open_with(config: &StoreConfig) -> Result<Store, Fatal> {
    let mut opened = Store::open(config.clone());
    for _ in 0..100 {
        match &opened {
            Err(fatal) if fatal.message.contains("another process") => {}
            _ => return opened,
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        opened = Store::open(config.clone());
    }
    opened
}

fn refused(folder: &Path) -> String {
    match open(folder) {
        Ok(store) => panic!("opened at height {}", store.height()),
        Err(fatal) => fatal.message,
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_damaged_checkpoint_is_never_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, hash) = sample(folder.path());
    let file = |height: u64| folder.path().join(format!("checkpoints/{height}.tree"));
    let good = |height| fs::read(file(height)).unwrap();
    let (four, two) = (good(4), good(2));
    let check = |what: &str| {
        let store = open(folder.path()).unwrap_or_else(|fatal| panic!("{what}: {fatal}"));
        assert_eq!((store.app_hash(), &dump(&store)), (hash, &rows), "{what}");
    };
    check("untouched");
    for at in (0..four.len()).step_by(997) {
        let mut flipped = four.clone();
        flipped[at] ^= 4;
        fs::write(file(4), &flipped).unwrap();
        check(&format!("bit at {at}"));
    }
    for end in [0, 1, 30, four.len() / 2, four.len() - 1] {
        fs::write(file(4), &four[..end]).unwrap();
        check(&format!("cut at {end}"));
    }
    fs::write(file(4), [&four[..], b"x"].concat()).unwrap();
    check("one byte more");
    // A whole checkpoint of another history: its root does not lead to the stored one.
    let other = tempfile::tempdir().unwrap();
    let mut store = Store::open(config(other.path(), 4)).unwrap();
    for height in 1..=4 {
        block(&mut store, &[&format!("CREATE TABLE x{height}(a)")]);
    }
    fs::copy(other.path().join("checkpoints/4.tree"), file(4)).unwrap();
    check("another history");
    fs::write(file(2), &two[..100]).unwrap();
    check("both damaged: rebuilt from the rows");
    fs::write(file(2), two).unwrap();
    fs::write(file(4), &four).unwrap();
    fs::copy(file(4), file(900)).unwrap();
    check("a checkpoint above the height");
    assert!(!file(900).exists());
    fs::remove_dir_all(folder.path().join("checkpoints")).unwrap();
    check("no checkpoint");
}

/// Damages a copy of the store; the answer is true if it was found, false if nothing was lost.
fn damaged(
    original: &Path,
    rows: &Dump,
    hash: [u8; 32],
    file: &str,
    damage: &dyn Fn(&mut Vec<u8>),
) -> bool {
    let folder = tempfile::tempdir().unwrap();
    copy(original, folder.path());
    let path = folder.path().join(file);
    let mut bytes = fs::read(&path).unwrap();
    damage(&mut bytes);
    fs::write(&path, &bytes).unwrap();
    match open(folder.path()) {
        Err(fatal) => {
            assert!(fatal.message.len() > 20, "{fatal}");
            true
        }
        Ok(store) => {
            assert_eq!((store.height(), store.app_hash()), (5, hash), "silent: another state");
            assert_eq!(&dump(&store), rows, "silent: other rows");
            false
        }
    }
}

fn damages(count: u64) {
    let folder = tempfile::tempdir().unwrap();
    let (rows, hash) = sample(folder.path());
    let (mut found, mut harmless) = (0, 0);
    for n in 0..count {
        let place = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let damage = |bytes: &mut Vec<u8>| {
            let at = (place >> 16) as usize % bytes.len();
            match n % 3 {
                0 => bytes[at] ^= 1 << (n % 8),
                1 => {
                    let page = at / 4096 * 4096;
                    let end = bytes.len().min(page + 4096);
                    bytes[page..end].fill(0);
                }
                _ => bytes.truncate(at),
            }
        };
        let kind = damaged(folder.path(), &rows, hash, "state.db", &damage);
        *(if kind { &mut found } else { &mut harmless }) += 1;
    }
    println!("{count} damages of state.db: {found} found, {harmless} without effect on any row");
    assert!(found > count / 3);
}

#[test]
fn a_damaged_database_is_never_silent() {
    damages(90);
}

#[test]
#[ignore = "slow: 3,000 damages"]
fn a_damaged_database_is_never_silent_long() {
    damages(3_000);
}

#[test]
fn rows_changed_behind_the_store_are_found() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let change = |sql: &str| {
        let connection =
            dadbs_sqlite::Connection::open_writer(&folder.path().join("state.db")).unwrap();
        connection.batch(sql).unwrap();
    };
    change("UPDATE d1_t SET b = 'forged' WHERE a = 301");
    let message = refused(folder.path());
    assert!(message.contains("1 of ") && message.contains("d1_t"), "{message}");
    // Without the check of all rows the checkpoint hides it, but a rebuild does not.
    fs::remove_dir_all(folder.path().join("checkpoints")).unwrap();
    let Err(fatal) = open_with(&config(folder.path(), 2)) else { panic!("opened") };
    assert!(fatal.message.contains("restore it from a backup"), "{fatal}");
    change("CREATE TABLE mine(a)");
    assert!(refused(folder.path()).contains("not in the catalog"));
}

#[test]
fn foreign_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    fs::write(
        &path,
        "this is a text and no database, but long enough to have a header".repeat(100),
    )
    .unwrap();
    assert!(refused(folder.path()).contains("SQLite"));
    fs::remove_file(&path).unwrap();
    let other = dadbs_sqlite::Connection::open_writer(&path).unwrap();
    other.batch("CREATE TABLE theirs(a)").unwrap();
    drop(other);
    assert!(refused(folder.path()).contains("another program"));
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let own = dadbs_sqlite::Connection::open_writer(&folder.path().join("state.db")).unwrap();
    own.batch("UPDATE node_state SET format = 99").unwrap();
    drop(own);
    assert!(refused(folder.path()).contains("format 99"));
}

#[test]
#[ignore = "slow: the child of the disk tests, which does nothing alone"]
fn child_fills_the_disk() {
    let Ok(folder) = std::env::var("DADBS_FULL") else { return };
    let mut store = match Store::open(config(Path::new(&folder), 2)) {
        Ok(store) => store,
        Err(fatal) => return println!("FATAL {fatal}"),
    };
    let filled = (|| -> Result<(), Fatal> {
        loop {
            let height = store.height() + 1;
            store.begin_block(height, 0)?;
            store.begin_tx([0; 32])?;
            let sql = if height == 1 {
                "CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB)"
            } else {
                "INSERT INTO t(b) VALUES (randomblob(20000))"
            };
            match run(&mut store, sql, &[]) {
                Err(dadbs_types::Error::Fatal(fatal)) => return Err(fatal),
                other => drop(other.unwrap()),
            }
            store.commit_tx().map_err(|error| Fatal::new(error.to_string()))?;
            store.finish_block()?;
            store.commit()?;
            println!("COMMITTED {height}");
        }
    })();
    println!("FATAL {}", filled.unwrap_err());
}

/// `RLIMIT_FSIZE` makes writes beyond a size fail as a full disk does.
#[test]
fn a_full_disk_stops_the_store_and_space_cures_it() {
    let exe: PathBuf = std::env::current_exe().unwrap();
    for blocks_of_512 in [90, 200, 700, 1_500] {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "trap '' XFSZ; ulimit -f {blocks_of_512}; exec {} --exact child_fills_the_disk --ignored --nocapture",
            exe.display()
        );
        let output = Command::new("bash")
            .args(["-c", &script])
            .env("DADBS_FULL", folder.path())
            .env("POSIXLY_CORRECT", "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("FATAL "), "{text} {}", String::from_utf8_lossy(&output.stderr));
        let committed = text.lines().filter_map(|line| line.split("COMMITTED ").nth(1)).next_back();
        let committed: u64 = committed.map_or(0, |height| height.parse().unwrap());
        let mut store = open(folder.path()).unwrap();
        assert!(
            store.height() == committed || store.height() == committed + 1,
            "{}: {text}",
            store.height()
        );
        block(&mut store, &["CREATE TABLE after(a)"]);
    }
}
