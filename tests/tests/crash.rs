//! The node dies, and its disk lies: what was committed is there, the rest comes again from the engine.
//!
//! 1. Killed at every named step of execute, hash, journal, commit and checkpoint under a random load, the
//!    state is at the last height that was answered or the one after it. The blocks that the engine kept
//!    are executed again, with the results and app hashes of a node that never died.
//! 2. Nothing is lost and nothing counts twice: rows, balances and sequences are those of the twin.
//! 3. On a full disk the node stops with a message; with space it goes on where it was.
//! 4. Truncated, damaged or foreign files, and folders that cannot be used, stop the node at start with a
//!    message that says what to do; or they are harmless, and every row is what it was.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "test data is small; tables are long"
)]

use dadbs_app::{App, AppConfig, Block, BlockOutcome};
use dadbs_store::failpoint::{self, Action, NAMES};
use dadbs_tests::load::{ACCOUNTS, Load};
use dadbs_tests::{Chain, Random, copy, genesis};
use dadbs_types::{BlockInfo, Fatal, Hash, Value};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Heights of one crash run; a checkpoint is written every third one.
const HEIGHTS: usize = 14;
const CHECKPOINT_INTERVAL: u64 = 3;

/// What the engine keeps: blocks with their results.
struct History {
    genesis_hash: Hash,
    blocks: Vec<(Block, BlockOutcome)>,
    /// Every row of the chain's tables and of the databases after the last block.
    rows: Vec<String>,
}

/// The history of a node that never dies.
fn undisturbed(seed: u64) -> History {
    let mut chain = Chain::memory(ACCOUNTS);
    let genesis_hash = chain.app.info().app_hash;
    let mut load = Load::new(seed, 6);
    let mut blocks = Vec::new();
    for _ in 0..HEIGHTS {
        let txs = load.block(&mut chain);
        let block = chain.next_block(txs);
        let outcome = chain.apply(&block);
        blocks.push((block, outcome));
    }
    let failed = blocks.iter().flat_map(|(_, outcome)| &outcome.tx_results).filter(|r| !r.is_ok());
    assert!(failed.count() > 3, "the load fails too, now and then");
    History { genesis_hash, blocks, rows: dump(&chain.app) }
}

fn select(app: &App, database: &str, sql: &str) -> Result<Vec<Vec<Value>>, String> {
    use dadbs_proto::dadbs::sql::v1::{QueryRequest, QueryResponse};
    use prost::Message;
    let request =
        QueryRequest { database: database.into(), sql: sql.into(), ..QueryRequest::default() };
    let queries = app.queries().map_err(|fatal| fatal.message)?;
    let answer = queries.query("/dadbs.sql.v1.Query/Query", &request.encode_to_vec());
    let (_, bytes) = answer.map_err(|error| error.to_string())?;
    let rows = QueryResponse::decode(bytes.as_slice()).map_err(|error| error.to_string())?.rows;
    Ok(rows.into_iter().map(Vec::from).collect())
}

/// Every row that a reader can see.
fn try_dump(app: &App) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for table in ["accounts", "balances", "supply", "contracts", "codes", "counters", "params"] {
        for row in select(app, "", &format!("SELECT * FROM chain.{table}"))? {
            lines.push(format!("{table} {row:?}"));
        }
    }
    for database in select(app, "", "SELECT name FROM chain.contracts ORDER BY id")? {
        let Some(Value::Text(database)) = database.first() else { return Err("no name".into()) };
        for table in ["a", "b", "c", "e0", "e1", "e2", "_dadbs_grants", "_dadbs_members"] {
            let sql = format!("SELECT * FROM {table} ORDER BY 1, 2");
            match select(app, database, &sql) {
                Ok(rows) => {
                    lines.extend(rows.iter().map(|row| format!("{database}.{table} {row:?}")));
                }
                Err(error) if error.contains("no such table") => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(lines)
}

fn dump(app: &App) -> Vec<String> {
    try_dump(app).unwrap()
}

fn config(dir: &Path) -> AppConfig {
    AppConfig { checkpoint_interval: CHECKPOINT_INTERVAL, ..AppConfig::new(dir) }
}

/// Opens a home that this process may have closed a moment ago: between fork and exec a child of another
/// test holds a copy of its lock.
fn open(dir: &Path) -> Result<App, Fatal> {
    let mut tries = 0;
    loop {
        match App::open(&config(dir)) {
            Err(fatal) if fatal.message.contains("another process") && tries < 100 => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            other => return other,
        }
    }
}

/// The engine's blocks as a file.
fn write_blocks(path: &Path, history: &History) {
    let mut text = String::new();
    for (block, _) in &history.blocks {
        let _ = write!(text, "{}", block.info.time_ns);
        for tx in &block.txs {
            // An empty transaction is a dash.
            let _ = write!(text, " {}", if tx.is_empty() { "-".into() } else { hex::encode(tx) });
        }
        text.push('\n');
    }
    fs::write(path, text).unwrap();
}

fn read_blocks(path: &Path) -> Vec<Block> {
    let text = fs::read_to_string(path).unwrap();
    let block = |(height, line): (u64, &str)| {
        let mut parts = line.split(' ');
        let time_ns = parts.next().unwrap().parse().unwrap();
        let bytes = |tx: &str| if tx == "-" { vec![] } else { hex::decode(tx).unwrap() };
        Block {
            info: BlockInfo { height, time_ns, ..BlockInfo::default() },
            txs: parts.map(bytes).collect(),
        }
    };
    (1..).zip(text.lines()).map(block).collect()
}

/// The node that dies; the tests start it again and again.
#[test]
#[ignore = "slow: the child of the crash tests, which does nothing alone"]
fn child() {
    let Ok(task) = std::env::var("DADBS_CRASH") else { return };
    let parts: Vec<&str> = task.split('|').collect();
    let [folder, point, nth, action] = parts[..] else { panic!("{task}") };
    let folder = Path::new(folder);
    let result = (|| -> Result<(), Fatal> {
        let mut app = open(&folder.join("data"))?;
        app.init_chain(&genesis(ACCOUNTS))?;
        println!("\nCOMMITTED 0");
        if let Some(name) = NAMES.iter().find(|name| **name == point) {
            let action = if action == "kill" { Action::Kill } else { Action::Abort };
            failpoint::arm(name, nth.parse().unwrap(), action);
        }
        for block in read_blocks(&folder.join("blocks")) {
            if block.info.height > app.info().height {
                app.finalize_block(&block)?;
                app.commit()?;
                println!("COMMITTED {}", block.info.height);
            }
        }
        Ok(())
    })();
    match result {
        Ok(()) => println!("DONE"),
        Err(fatal) => {
            println!("FATAL {fatal}");
            std::process::exit(3);
        }
    }
}

fn run_child(folder: &Path, point: &str, nth: u64, action: &str, limit: Option<u64>) -> Output {
    let exe = std::env::current_exe().unwrap();
    let limit = limit.map(|n| format!("trap '' XFSZ; ulimit -f {n}; ")).unwrap_or_default();
    let script = format!("{limit}exec {} --exact child --ignored --nocapture", exe.display());
    Command::new("bash")
        .args(["-c", &script])
        .env("DADBS_CRASH", format!("{}|{point}|{nth}|{action}", folder.display()))
        .env("POSIXLY_CORRECT", "1")
        .output()
        .unwrap()
}

/// The last height that the child answered, if it came to genesis.
fn answered(output: &Output) -> Option<u64> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.strip_prefix("COMMITTED ")).next_back()?.parse().ok()
}

/// Opens after a crash and executes the lost blocks again; the answer is how many there were.
fn recover(folder: &Path, history: &History, answered: Option<u64>, what: &str) -> usize {
    let mut app = open(&folder.join("data")).unwrap_or_else(|e| panic!("{what}: {e}"));
    let found = app.info().height;
    let least = answered.unwrap_or(0);
    assert!(found == least || found == least + 1, "{what}: {found} after {least}");
    let expected = match found {
        0 => history.genesis_hash,
        height => history.blocks[height as usize - 1].1.app_hash,
    };
    if app.info().initialized {
        assert_eq!(app.info().app_hash, expected, "{what} at {found}");
        app.store().verify_rows().unwrap().check().unwrap_or_else(|e| panic!("{what}: {e}"));
    } else {
        assert_eq!(answered, None, "{what}: genesis was answered and is gone");
    }
    let hash = app.init_chain(&genesis(ACCOUNTS)).unwrap();
    assert_eq!(hash, expected, "{what}");
    let lost = &history.blocks[found as usize..];
    for (block, outcome) in lost {
        let again = app.finalize_block(block).unwrap();
        assert_eq!(&again, outcome, "{what} at {}", block.info.height);
        app.commit().unwrap();
    }
    app.store().verify_rows().unwrap().check().unwrap();
    assert_eq!(dump(&app), history.rows, "{what}");
    lost.len()
}

/// Points that blocks of the application do not reach.
const UNREACHED: [&str; 0] = [];

fn matrix(seeds: &[u64], actions: &[&str]) {
    assert!(NAMES.len() - UNREACHED.len() >= 20);
    let (mut crashes, mut replayed) = (0, 0);
    for seed in seeds {
        let history = undisturbed(*seed);
        for point in NAMES.iter().filter(|point| !UNREACHED.contains(point)) {
            for action in actions {
                let nth = 1 + (seed + crashes as u64) % 4;
                let what = format!("{action} at {point} for the {nth}th time, seed {seed}");
                let folder = tempfile::tempdir().unwrap();
                write_blocks(&folder.path().join("blocks"), &history);
                let output = run_child(folder.path(), point, nth, action, None);
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(!output.status.success() && !text.contains("DONE"), "not reached: {what}");
                assert!(!text.contains("FATAL"), "{what}: {text}");
                let lost = recover(folder.path(), &history, answered(&output), &what);
                assert!(lost > 0, "{what}: it died after the end");
                crashes += 1;
                replayed += lost;
            }
        }
    }
    println!("{crashes} deaths at {} points, {replayed} blocks executed again", NAMES.len());
}

#[test]
fn rule_1_killed_at_every_point() {
    matrix(&[3], &["abort"]);
}

#[test]
#[ignore = "slow: all points by abort and kill with five seeds"]
fn rule_1_killed_at_every_point_long() {
    matrix(&[11, 12, 13, 14, 15], &["abort", "kill"]);
}

#[test]
fn rule_1_killed_again_while_replaying() {
    let history = undisturbed(8);
    let folder = tempfile::tempdir().unwrap();
    write_blocks(&folder.path().join("blocks"), &history);
    let mut last = None;
    for (round, point) in
        ["journal_chunk", "commit_start", "checkpoint_renamed", "user_row", "commit_done"]
            .into_iter()
            .enumerate()
    {
        let output = run_child(folder.path(), point, 2, "abort", None);
        assert!(!output.status.success(), "{point}");
        let height = answered(&output);
        // The child prints 0 when it finds genesis.
        assert!(round == 0 || height.is_some(), "{point}");
        last = last.max(height);
    }
    let app = open(&folder.path().join("data")).unwrap();
    let found = app.info().height;
    drop(app);
    assert!(Some(found) >= last);
    recover(folder.path(), &history, Some(found), "five deaths");
}

#[test]
fn rule_3_a_full_disk_stops_the_node() {
    let history = undisturbed(5);
    let mut stopped = 0;
    for blocks_of_512 in [200, 700, 1_400, 2_000, 2_600, 4_000] {
        let folder = tempfile::tempdir().unwrap();
        write_blocks(&folder.path().join("blocks"), &history);
        let output = run_child(folder.path(), "", 0, "", Some(blocks_of_512));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let what = format!("a disk of {blocks_of_512} blocks");
        if text.contains("DONE") {
            continue;
        }
        stopped += 1;
        let message =
            text.lines().find_map(|line| line.strip_prefix("FATAL ")).unwrap_or_else(|| {
                panic!("{what}: {text} {}", String::from_utf8_lossy(&output.stderr))
            });
        assert_eq!(output.status.code(), Some(3), "{what}: {message}");
        println!("{what}: {message}");
        let says = ["disk", "space", "full", "write"].iter().any(|word| message.contains(word));
        assert!(says, "{what}: {message}");
        recover(folder.path(), &history, answered(&output), &what);
    }
    assert!(stopped >= 3, "{stopped} of the disks were too small");
}

/// A closed home after the whole history.
fn home(history: &History) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut app = open(folder.path()).unwrap();
    app.init_chain(&genesis(ACCOUNTS)).unwrap();
    for (block, outcome) in &history.blocks {
        assert_eq!(&app.finalize_block(block).unwrap(), outcome);
        app.commit().unwrap();
    }
    folder
}

/// What a start on a damaged copy comes to: the message of a node that stops, or `None` if every row
/// is what it was.
fn start_damaged(home: &Path, history: &History, damage: &dyn Fn(&Path)) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    copy(home, folder.path());
    damage(folder.path());
    let last = &history.blocks.last().unwrap().1;
    let app = match open(folder.path()) {
        Ok(app) => app,
        Err(fatal) => return Some(fatal.message),
    };
    assert_eq!(app.info().app_hash, last.app_hash, "another state");
    match try_dump(&app) {
        Ok(rows) => assert_eq!(rows, history.rows, "it answers from damaged state"),
        // A read that meets the damage is a fault, which ends the node.
        Err(message) => return Some(message),
    }
    None
}

fn damages(count: u64) {
    let history = undisturbed(6);
    let home = home(&history);
    let (mut stopped, mut harmless) = (0, 0);
    let mut random = Random(1);
    for n in 0..count {
        let (at, bit) = (random.next_u64(), random.below(8));
        let damage = |folder: &Path| {
            let path = folder.join("state.db");
            let mut bytes = fs::read(&path).unwrap();
            let at = (at % bytes.len() as u64) as usize;
            let page = at / 4_096 * 4_096;
            let end = bytes.len().min(page + 4_096);
            match n % 4 {
                0 => bytes[at] ^= 1 << bit,
                1 => bytes[page..end].fill(0),
                2 => bytes[page..end].rotate_left(at % 4_096),
                _ => bytes.truncate(at),
            }
            fs::write(&path, bytes).unwrap();
        };
        match start_damaged(home.path(), &history, &damage) {
            Some(message) => {
                assert!(message.len() > 20, "{message}");
                stopped += 1;
            }
            None => harmless += 1,
        }
    }
    println!("{count} damages of state.db: {stopped} stop the node, {harmless} change no row");
    assert!(stopped > count / 3);
}

#[test]
fn rule_4_damaged_pages_are_never_answered_from() {
    damages(48);
}

#[test]
#[ignore = "slow: 1,500 damages"]
fn rule_4_damaged_pages_are_never_answered_from_long() {
    damages(1_500);
}

type Damage = fn(&mut Vec<u8>);

#[test]
fn rule_4_damaged_checkpoints_are_harmless() {
    let history = undisturbed(6);
    let home = home(&history);
    let checkpoints = |folder: &Path| -> Vec<_> {
        let files = fs::read_dir(folder.join("checkpoints")).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    };
    assert!(!checkpoints(home.path()).is_empty());
    let damages: [Damage; 6] = [
        |bytes| bytes.clear(),
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.push(0),
        |bytes| bytes[0] ^= 1,
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
        },
        |bytes| bytes.fill(0xff),
    ];
    for damage in damages {
        let every = |folder: &Path| {
            for path in checkpoints(folder) {
                let mut bytes = fs::read(&path).unwrap();
                damage(&mut bytes);
                fs::write(&path, bytes).unwrap();
            }
        };
        assert_eq!(start_damaged(home.path(), &history, &every), None);
    }
    let removed = |folder: &Path| fs::remove_dir_all(folder.join("checkpoints")).unwrap();
    assert_eq!(start_damaged(home.path(), &history, &removed), None);
    let cache = |folder: &Path| {
        for file in fs::read_dir(folder.join("code_cache")).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                fs::write(path, b"not compiled code").unwrap();
            }
        }
    };
    assert_eq!(start_damaged(home.path(), &history, &cache), None);
}

/// The message of a start that must fail.
fn refused(dir: &Path) -> String {
    match App::open(&config(dir)) {
        Ok(app) => panic!("opened at height {}", app.info().height),
        Err(fatal) => fatal.message,
    }
}

#[test]
fn rule_4_what_is_not_a_home_is_refused() {
    let history = undisturbed(6);
    let good = home(&history);
    let folder = tempfile::tempdir().unwrap();
    // Foreign files.
    fs::write(folder.path().join("state.db"), "a text, not a database. ".repeat(500)).unwrap();
    let message = refused(folder.path());
    assert!(message.contains("SQLite") && message.contains("state.db"), "{message}");
    fs::remove_file(folder.path().join("state.db")).unwrap();
    let other = dadbs_sqlite::Connection::open_writer(&folder.path().join("state.db")).unwrap();
    other.batch("CREATE TABLE theirs(a); INSERT INTO theirs VALUES (1)").unwrap();
    drop(other);
    let message = refused(folder.path());
    assert!(message.contains("another program"), "{message}");
    // A folder that is a file, a state that is a folder, and a place where nothing can be made.
    let file = folder.path().join("file");
    fs::write(&file, b"x").unwrap();
    let message = refused(&file);
    assert!(message.contains("file"), "{message}");
    let nested = folder.path().join("nested");
    fs::create_dir_all(nested.join("state.db")).unwrap();
    let message = refused(&nested);
    assert!(message.contains("state.db"), "{message}");
    let message = refused(Path::new("/proc/dadbs"));
    assert!(message.contains("/proc/dadbs"), "{message}");
    // One home has one node.
    let running = open(good.path()).unwrap();
    let message = refused(good.path());
    assert!(message.contains("another process"), "{message}");
    drop(running);
    // Another chain's genesis.
    let mut app = open(good.path()).unwrap();
    let mut wrong = genesis(ACCOUNTS);
    wrong.chain_id = "other-1".into();
    let message = app.init_chain(&wrong).unwrap_err().message;
    assert!(message.contains("genesis"), "{message}");
    // A block that does not follow.
    let (block, _) = &history.blocks[3];
    let message = app.finalize_block(block).unwrap_err().message;
    assert!(message.contains("does not follow"), "{message}");
    assert_eq!(dump(&app), history.rows);
}

#[test]
fn rule_4_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let history = undisturbed(6);
    let good = home(&history);
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let state = good.path().join("state.db");
    mode(&state, 0o000);
    // Root reads everything: for it there is nothing to refuse.
    if fs::File::open(&state).is_err() {
        let message = refused(good.path());
        assert!(message.contains("state.db"), "{message}");
        mode(&state, 0o444);
        let message = refused(good.path());
        assert!(message.contains("state.db"), "{message}");
    }
    mode(&state, 0o644);
    let app = open(good.path()).unwrap();
    assert_eq!(dump(&app), history.rows);
}
