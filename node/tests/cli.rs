//! Journeys of the command line against `dadbs dev`, through the real binary.

mod common;

use common::cli::{Dev, cells, command, text};
use rusqlite::Connection;
use serde_json::Value as Json;
use std::io::Write;
use std::process::Stdio;

#[test]
fn help_and_exit_codes_are_frozen() {
    let home = tempfile::tempdir().unwrap();
    let help = command(home.path()).arg("--help").output().unwrap();
    assert!(help.status.success());
    let help = text(&help.stdout);
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let expected = [
        "dev",
        "init",
        "join",
        "start",
        "testnet",
        "keys",
        "tx",
        "sql",
        "contract",
        "lint",
        "gov",
        "genesis",
        "import",
        "export",
        "query",
        "doctor",
        "status",
        "verify",
        "faucet",
        "advance-time",
        "help",
    ];
    assert_eq!(commands, expected, "{help}");
    assert!(help.contains("  8  the import refuses objects that were not accepted"), "{help}");
    let wrong = command(home.path()).arg("nonsense").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    let absent =
        command(home.path()).args(["--node", "http://127.0.0.1:1", "status"]).output().unwrap();
    assert_eq!(absent.status.code(), Some(6));
    assert!(text(&absent.stderr).contains("is `dadbs dev` running?"), "{}", text(&absent.stderr));
}

#[test]
fn a_contract_that_describes_itself_commands_no_terminal() {
    let home = tempfile::tempdir().unwrap();
    let artifact = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/artifacts/database.wasm");
    let mut module = std::fs::read(artifact).unwrap();
    let doc = b"Makes the database.";
    let places: Vec<usize> =
        (0..module.len() - doc.len()).filter(|at| module[*at..].starts_with(doc)).collect();
    assert!(!places.is_empty());
    for at in places {
        module[at..at + 5].copy_from_slice(b"\x1b[2J\x07");
    }
    let hostile = home.path().join("hostile.wasm");
    std::fs::write(&hostile, module).unwrap();
    let described = command(home.path()).args(["contract", "describe"]).arg(&hostile).output();
    let described = described.unwrap();
    assert!(described.status.success(), "{}", text(&described.stderr));
    let shown = text(&described.stdout);
    assert!(shown.contains("\\u{1b}[2J\\u{7} the database."), "{shown}");
    assert!(shown.chars().all(|c| !c.is_control() || c == '\n'), "{shown:?}");
}

#[test]
fn keys_are_made_recovered_and_never_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let run = |args: &[&str], stdin: &str| {
        let mut child = command(home.path())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses its arguments reads nothing.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    };
    let made = run(&["keys", "add", "alice", "-o", "json"], "correct horse\n");
    assert!(made.status.success(), "{}", text(&made.stderr));
    let alice: Json = serde_json::from_slice(&made.stdout).unwrap();
    let message = text(&made.stderr);
    let words = message.lines().last().unwrap();
    assert_eq!(words.split(' ').count(), 24, "{message}");
    let input = format!("{words}\ncorrect horse\n");
    let back = run(&["keys", "add", "back", "--recover", "-o", "json"], &input);
    let back: Json = serde_json::from_slice(&back.stdout).unwrap();
    assert_eq!(back["address"], alice["address"]);
    assert_eq!(run(&["keys", "add", "alice"], "correct horse\n").status.code(), Some(1));
    assert_eq!(run(&["keys", "add", "bob"], "short\n").status.code(), Some(2));
    assert_eq!(run(&["keys", "show", "nobody"], "").status.code(), Some(5));
    let list = run(&["keys", "list", "-o", "json"], "");
    let list: Json = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 2);
}

#[test]
fn a_row_is_written_read_and_verified() {
    let dev = Dev::start();
    assert_eq!(dev.json(&["status"])["chain_id"], "dadbs-dev-1");
    assert_eq!(dev.json(&["sql", "create", "library"])["database"], "library");
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../devnet/sample.sql");
    let sent = dev.json(&["sql", "exec", "library", "--file", sample]);
    assert_eq!(sent["changes"].as_array().unwrap().len(), 10);
    let read = dev.json(&["sql", "query", "library", "SELECT count(*), 0.5, NULL FROM open_loan"]);
    assert_eq!(read["rows"], serde_json::json!([[4, 0.5, null]]));
    let verified = dev.json(&["verify", "library", "book", "978-1-4000-3341-6"]);
    assert_eq!(verified["row"]["title"], "Beloved");
    assert_eq!(dev.json(&["verify", "library", "author", "99"])["row"], Json::Null);
    let forged = ["verify", "library", "author", "1", "--validators-hash", "00"];
    assert!(dev.fails(7, &forged).contains("not by the pinned ones"));

    let twice = "INSERT INTO author VALUES (1, 'x', 1, 'x')";
    assert!(dev.fails(3, &["sql", "exec", "library", twice]).contains("UNIQUE"));
    let failed = dev.fails(4, &["sql", "exec", "library", twice, "--gas", "2000000"]);
    assert!(failed.contains("failed in block"), "{failed}");
    assert!(dev.fails(5, &["sql", "query", "nope", "SELECT 1"]).contains("sql create nope"));
    dev.fails(5, &["tx", "show", &"0".repeat(64)]);
    dev.fails(2, &["tx", "show", "0"]);
    dev.fails(2, &["tx", "send", "dev1", "1.5"]);
    dev.fails(2, &["status", "--chain-id", "other"]);

    let before = dev.json(&["query", "balance", "dev1"])["udadb"].as_str().unwrap().to_owned();
    dev.json(&["tx", "send", "dev1", "5", "--yes"]);
    let after = dev.json(&["query", "balance", "dev1"])["udadb"].as_str().unwrap().to_owned();
    assert_eq!(before.parse::<u128>().unwrap() + 5, after.parse::<u128>().unwrap());
    let owner = dev.json(&["contract", "call", "library", "owner"]);
    assert_eq!(owner["rows"][0][0], dev.json(&["keys", "show", "dev0"])["address"]);
}

#[test]
fn fees_have_a_price_and_may_be_another_accounts() {
    let dev = Dev::start();
    let udadb = |name: &str| -> u128 {
        dev.json(&["query", "balance", name])["udadb"].as_str().unwrap().parse().unwrap()
    };
    let fees = dev.json(&["query", "fees"]);
    assert_eq!(
        (&fees["gas_price"], &fees["suggested_gas_price"]),
        (&"0.0025".into(), &"0.0025".into())
    );
    let mint = dev.json(&["query", "mint"]);
    assert!(mint["inflation_percent"].as_str().unwrap().starts_with("13.0"), "{mint}");

    dev.json(&["tx", "feegrant", "grant", "dev1", "--limit", "1000", "--message", SEND]);
    let shown = dev.json(&["query", "feegrant", "dev1"]);
    assert_eq!(shown[0]["pays"], format!("messages {SEND}; 1000 udadb in all"));
    let (granter, grantee) = (udadb("dev0"), udadb("dev1"));
    let paid_for = ["--from", "dev1", "--fee-granter", "dev0"];
    dev.json(&[&["tx", "send", "dev2", "5", "--fees", "600"], &paid_for[..]].concat());
    assert_eq!((udadb("dev0"), udadb("dev1")), (granter - 600, grantee - 5));
    let gift = [&["tx", "distribution", "fund-community-pool", "7"], &paid_for[..]].concat();
    assert!(dev.fails(3, &gift).contains("does not pay for"));
    let much = [&["tx", "send", "dev2", "5", "--fees", "600"], &paid_for[..]].concat();
    assert!(dev.fails(3, &much).contains("has 400udadb left"));
    dev.json(&["tx", "feegrant", "revoke", "dev1"]);
    assert_eq!(dev.json(&["query", "feegrant", "dev1"]), serde_json::json!([]));

    let pool = || -> u128 {
        let pool = dev.json(&["query", "distribution", "community-pool"]);
        pool["udadb"].as_str().unwrap().parse().unwrap()
    };
    let before = pool();
    dev.json(&["tx", "distribution", "fund-community-pool", "1000000"]);
    assert!(pool() > before + 1_000_000, "the gift, and a part of its fee");
    let to = dev.json(&["keys", "show", "dev2"])["address"].clone();
    dev.json(&["tx", "distribution", "set-withdraw-address", "dev2"]);
    let shown = dev.json(&["query", "distribution", "withdraw-address"]);
    assert_eq!(shown["withdraw_address"], to);
    dev.fails(2, &["tx", "distribution", "fund-community-pool", "1.5"]);
    dev.fails(2, &["tx", "feegrant", "grant", "dev1", "--period", "60"]);
}

#[test]
fn storage_rent_is_prepaid_and_comes_back() {
    let dev = Dev::start();
    assert_eq!(dev.json(&["query", "storage", "price"])["price"], "0");
    dev.json(&["sql", "create", "shop", "--prepay", "500"]);
    let shown = dev.json(&["query", "storage", "show", "shop"]);
    assert_eq!((&shown["balance"], &shown["state"]), (&"500".into(), &"active".into()));
    assert!(shown["bytes"].as_u64().unwrap() > 0 && shown["paid_until"].is_null(), "{shown}");
    dev.json(&["tx", "storage", "fund", "shop", "700udadb", "--from", "dev1"]);
    dev.json(&["tx", "storage", "withdraw", "shop", "1000"]);
    assert_eq!(dev.json(&["query", "storage", "show", "shop"])["balance"], "200");
    let refused = dev.fails(3, &["tx", "storage", "withdraw", "shop", "201"]);
    assert!(refused.contains("withdraw 1 to 200udadb"), "{refused}");
    let refused = dev.fails(3, &["tx", "storage", "withdraw", "shop", "1", "--from", "dev1"]);
    assert!(refused.contains("may not withdraw"), "{refused}");
    dev.fails(2, &["tx", "storage", "fund", "shop", "0"]);
    dev.fails(5, &["query", "storage", "show", "nothing"]);
}

/// The type of a transfer.
const SEND: &str = "/cosmos.bank.v1beta1.MsgSend";

/// One of everything that an import keeps or translates, and three refusals.
const SOURCE: &str = "
    CREATE TABLE \"my table\" (\"a \"\"b\" TEXT, c BLOB, d DECIMAL(10, 2), e DATE, f);
    INSERT INTO \"my table\" (rowid, \"a \"\"b\", c, d, e, f) VALUES
        (-5, 'x', x'00ff', '1.10', '2024-02-29', -0.0),
        (7, NULL, x'', 1e300, '', 0.1 + 0.2), (8, 'nul' || char(0) || 'end', NULL, 5, 'z', 9e999);
    CREATE TABLE nullable (code INTEGER_OR_TEXT, PRIMARY KEY (code));
    INSERT INTO nullable VALUES (NULL), (NULL), ('4326'), ('abc');
    CREATE TABLE wr (k TEXT, l INT, v INT AS (l * 2), s TEXT AS (k || '!') STORED,
        PRIMARY KEY (l, k)) WITHOUT ROWID;
    INSERT INTO wr VALUES ('b', 1), ('a', 2), ('a', 1);
    CREATE TABLE seq (id INTEGER PRIMARY KEY AUTOINCREMENT, x);
    INSERT INTO seq VALUES (7, NULL);
    CREATE TABLE circle_a (id INTEGER PRIMARY KEY, b INT NOT NULL REFERENCES circle_b
        DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE circle_b (id INTEGER PRIMARY KEY, a INT REFERENCES circle_a);
    INSERT INTO circle_a VALUES (1, 1); INSERT INTO circle_b VALUES (1, 1), (2, NULL);
    CREATE TABLE tree (id INTEGER PRIMARY KEY, up INT NOT NULL REFERENCES tree);
    INSERT INTO tree VALUES (1, 3), (2, 1), (3, 3), (4, 2);
    CREATE TABLE broken (p INT REFERENCES seq);
    INSERT INTO broken VALUES (99);
    CREATE TABLE many (id INTEGER PRIMARY KEY, x TEXT, y REAL);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        INSERT INTO many SELECT i, hex(zeroblob(40)) || i, i / 7.0 FROM n;
    CREATE INDEX \"an index\" ON many (x, y DESC) WHERE y > 5;
    CREATE VIEW v AS SELECT \"a \"\"b\" AS x, date(e) AS day FROM \"my table\";
    CREATE TRIGGER t AFTER INSERT ON seq BEGIN SELECT 1; END;
    CREATE VIEW lost AS SELECT * FROM nowhere;
    ANALYZE;";

#[test]
fn a_database_goes_in_and_comes_out_equal() {
    let dev = Dev::start();
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("in.db"), folder.path().join("out.db"));
    let source = Connection::open(&file).unwrap();
    source.execute_batch("PRAGMA foreign_keys = 0").unwrap();
    source.execute_batch(SOURCE).unwrap();
    let (file, out_name) = (file.to_str().unwrap(), out.to_str().unwrap());

    let import = ["import", file, "--database", "copy", "--batch-bytes", "50000"];
    let refused = dev.fails(8, &import);
    assert!(refused.contains("3 objects cannot be imported"), "{refused}");
    assert!(dev.json(&["contract", "list"]).as_array().unwrap().is_empty());
    let accept = ["--accept", "t", "--accept", "lost", "--accept", "broken.fk.seq"];
    let dry = dev.json(&[&import[..], &accept[..], &["--dry-run"][..]].concat());
    assert_eq!((&dry["sent"], &dry["quote"]["rows"]), (&Json::Bool(false), &Json::from(3019)));
    let done = dev.json(&[&import[..], &accept[..]].concat());
    assert_eq!(done["equal"], true);
    assert!(done["sent"]["transactions"].as_u64().unwrap() > 4);
    // The same again only compares.
    let again = dev.json(&[&import[..], &accept[..]].concat());
    assert_eq!((&again["equal"], &again["sent"]), (&Json::Bool(true), &Json::Null));

    dev.json(&["export", "copy", out_name]);
    dev.fails(2, &["export", "copy", out_name]);
    let copy = Connection::open(&out).unwrap();
    for table in ["my table", "nullable", "seq", "circle_a", "circle_b", "tree", "broken", "many"] {
        let sql = format!("SELECT rowid, * FROM \"{table}\" ORDER BY rowid");
        assert_eq!(cells(&source, &sql), cells(&copy, &sql), "{table}");
    }
    let wr = "SELECT * FROM wr ORDER BY l, k";
    assert_eq!(cells(&source, wr), cells(&copy, wr));
    let found = cells(&copy, "SELECT typeof(code) FROM nullable WHERE code = '4326'");
    assert_eq!(found, [[rusqlite::types::Value::Text("integer".into())]]);

    // A changed source differs, and is named cell by cell.
    source.execute_batch("UPDATE many SET y = y + 1e-9 WHERE id = 2000").unwrap();
    let check = [&import[..], &["--check"]].concat();
    let output = dev.run(&check);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("1 differences"), "{}", text(&output.stdout));
}

#[test]
fn a_killed_import_goes_on_where_it_stopped() {
    let dev = Dev::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.db");
    let source = Connection::open(&file).unwrap();
    source.execute_batch("PRAGMA foreign_keys = 0").unwrap();
    source.execute_batch(SOURCE).unwrap();
    let file = file.to_str().unwrap();
    let import =
        ["import", file, "--database", "copy", "--accept-losses", "--batch-bytes", "10000"];
    let progress = ["sql", "query", "copy", "SELECT done FROM dadbs_import", "-o", "json"];
    let mut child = command(dev.home.path())
        .args(["--node", &dev.grpc])
        .args(import)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = (0..1_000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        dev.run(&progress).status.success()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(begun, "the import never began");
    // Another source is refused while this one is under way; the same goes on with other batches.
    source.execute_batch("INSERT INTO many VALUES (5000, 'new', 1.0)").unwrap();
    let other = dev.fails(1, &import);
    assert!(other.contains("unfinished import of another file"), "{other}");
    source.execute_batch("DELETE FROM many WHERE id = 5000").unwrap();
    let again = ["import", file, "--database", "copy", "--accept-losses", "--batch-bytes", "30000"];
    let done = dev.json(&again);
    assert_eq!(done["equal"], true);
    let rows = done["sent"]["rows"].as_u64().unwrap();
    assert!(rows < 3019, "{rows} rows were sent again");
    dev.fails(1, &progress);
}

#[test]
fn doctor_says_what_is_missing() {
    let home = tempfile::tempdir().unwrap();
    let output = command(home.path())
        .args(["doctor", "--cometbft", "/nowhere/cometbft", "-o", "json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let checks: Json = serde_json::from_slice(&output.stdout).unwrap();
    let of = |name: &str| {
        let found = checks.as_array().unwrap().iter().find(|check| check["check"] == name);
        let check = found.unwrap_or_else(|| panic!("{name}: {checks}"));
        (check["state"].as_str().unwrap().to_owned(), check["says"].as_str().unwrap().to_owned())
    };
    assert_eq!(of("versions").0, "ok");
    let (state, says) = of("CometBFT");
    assert!(state == "fault" && says.contains("install-cometbft.sh"), "{says}");
    let (state, says) = of("home");
    assert!(state == "fault" && says.contains("dadbs init"), "{says}");
}

#[test]
fn what_is_signed_is_sent_later() {
    let dev = Dev::start();
    let balance = || dev.json(&["query", "balance", "dev1"])["udadb"].clone();
    let before = balance();
    let signed = dev.json(&["tx", "send", "dev1", "5", "--sign-only"]);
    assert_eq!(balance(), before, "nothing was sent");
    let people = text(&dev.run(&["tx", "send", "dev1", "5", "--sign-only"]).stdout);
    assert_eq!(people.trim(), signed["tx_bytes"], "signatures are deterministic");
    let sent = dev.json(&["tx", "broadcast", people.trim()]);
    assert_eq!(sent["txhash"], signed["txhash"]);
    assert_ne!(balance(), before);

    // What may be too long for an argument comes by stdin: code, for one.
    let artifact = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/artifacts/database.wasm");
    let library = dev.home.path().join("copy.wasm");
    let mut module = std::fs::read(artifact).unwrap();
    // Other words in its description, so that it is not stored already.
    let doc = b"Makes the database.";
    let at = (0..module.len()).find(|at| module[*at..].starts_with(doc)).unwrap();
    module[at] = b'm';
    std::fs::write(&library, module).unwrap();
    let signed = dev.run(&["contract", "store", library.to_str().unwrap(), "--sign-only"]);
    assert!(signed.status.success(), "{}", text(&signed.stderr));
    let mut broadcast = command(dev.home.path())
        .args(["--node", &dev.grpc, "tx", "broadcast", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    broadcast.stdin.take().unwrap().write_all(&signed.stdout).unwrap();
    let sent = broadcast.wait_with_output().unwrap();
    assert!(sent.status.success());
    let code = dev.json(&["query", "code", "2"]);
    assert_eq!(code["code_id"], 2, "{code}");

    let garbled = dev.fails(2, &["tx", "broadcast", "?"]);
    assert!(garbled.contains("base64"), "{garbled}");
    let many = dev.fails(2, &["import", "x.db", "--database", "x", "--sign-only"]);
    assert!(many.contains("--sign-only"), "{many}");
}

#[test]
fn a_dev_chain_moves_its_time() {
    let dev = Dev::start();
    let height = dev.json(&["status"])["height"].as_u64().unwrap();
    let moved = dev.json(&["advance-time", "86400", "--blocks", "4"]);
    assert_eq!(moved["height"].as_u64().unwrap(), height + 5, "{moved}");
    let far = dev.fails(1, &["advance-time", "999999999999"]);
    assert!(far.contains("at most"), "{far}");
}
