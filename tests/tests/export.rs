//! A chain that goes on under another name.
//!
//! 1. The exported file has every row; the new chain begins with them and differs in three rows.
//! 2. Both chains do the same with the same blocks from then on.
//! 3. What is not of one export is refused.
#![allow(clippy::too_many_lines, reason = "a journey is long")]

use dadbs_app::{App, AppConfig, Genesis, Software, export};
use dadbs_tests::{Chain, key};
use std::fs;
use std::path::Path;

const OTHER: &str = "dadbs-other";

fn open(home: &Path) -> App {
    App::open(&AppConfig::new(home)).unwrap()
}

/// A home that holds the exported file.
fn home_of(folder: &Path, name: &str) -> std::path::PathBuf {
    let home = folder.join(name);
    fs::create_dir_all(&home).unwrap();
    fs::copy(folder.join("state.db"), home.join("state.db")).unwrap();
    home
}

#[test]
fn rules_1_to_3_a_state_moves_to_another_chain() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("old");
    let mut chain = Chain::at(&old, 3);
    chain.create_database(0, "shop");
    for sql in [
        "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE)",
        // Rows that only their hidden rowid tells apart, with a gap.
        "CREATE TABLE log (line TEXT)",
        "INSERT INTO item VALUES (1, 'bolt'), (7, 'nut')",
        "INSERT INTO log VALUES ('a'), ('b'), ('c'), ('a')",
        "DELETE FROM log WHERE rowid = 2",
        "CREATE INDEX by_line ON log (line)",
        "CREATE VIEW names AS SELECT name FROM item",
    ] {
        let result = chain.sql(0, "shop", sql);
        assert!(result.is_ok(), "{sql}: {}", result.log);
    }
    let before = chain.app.info();
    let time = chain.app.store().time_ms();
    drop(chain);

    let file = folder.path().join("state.db");
    let config = AppConfig::new(&old);
    let same = export(&config, dadbs_tests::CHAIN_ID, &file).unwrap_err();
    assert!(same.message.contains("give the new chain another id"), "{same}");
    let genesis = export(&config, OTHER, &file).unwrap();
    let state = genesis.state.unwrap();
    assert_eq!((state.app_hash, state.app_version), (before.app_hash, 0));
    assert_eq!((genesis.initial_height, genesis.time_ns), (before.height + 1, time * 1_000_000));
    assert!(export(&config, OTHER, &file).unwrap_err().message.contains("exists"));

    // Rule 1.
    let home = home_of(folder.path(), "new");
    let mut app = open(&home);
    assert_eq!(app.store().app_hash(), before.app_hash);
    assert_eq!(app.info().height, 0);
    app.init_chain(&genesis).unwrap();
    let journal = app.store().journal(before.height).unwrap().unwrap();
    let tables: Vec<_> = journal.iter().map(|change| change.table.to_string()).collect();
    assert_eq!(tables, ["chain_params"; 3]);
    assert_eq!(app.info().height, 0, "the first block comes");
    // Again, as after a crash before the first block; and another start.
    let hash = app.store().app_hash();
    assert_eq!(app.init_chain(&genesis).unwrap(), hash);
    drop(app);
    let mut app = open(&home);
    assert_eq!((app.info().height, app.init_chain(&genesis).unwrap()), (0, hash));

    // Rule 2; with transactions in the simulation of the long run.
    let mut old_app = open(&old);
    let block = dadbs_app::Block {
        info: dadbs_types::BlockInfo {
            height: before.height + 1,
            time_ns: (time + 1_000) * 1_000_000,
            ..dadbs_types::BlockInfo::default()
        },
        txs: Vec::new(),
    };
    let (theirs, ours) =
        (old_app.finalize_block(&block).unwrap(), app.finalize_block(&block).unwrap());
    assert_eq!((theirs.events, theirs.validator_updates), (ours.events, ours.validator_updates));
    app.commit().unwrap();
    drop(app);
    let mut chain = Chain::of_exported(open(&home), &genesis, 3);
    let result = chain.sql(0, "shop", "INSERT INTO log VALUES ('d')");
    assert!(result.is_ok(), "{}", result.log);
    let rows = chain.rows("shop", "SELECT rowid, line FROM log ORDER BY rowid");
    assert_eq!(format!("{rows:?}").matches("Integer").count(), 4);
    assert_eq!(chain.rows("shop", "SELECT max(rowid) FROM log"), [[5.into()]]);
    let send = chain.send(1, key(2).address(), 5);
    assert!(chain.run(1, vec![send]).is_ok(), "sequences went along");
    assert_eq!(chain.app.invariants().unwrap(), Vec::<String>::new());
    drop(chain);

    // Rule 3.
    let refuse = |name: &str, change: fn(&mut Genesis)| {
        let home = home_of(folder.path(), name);
        let mut genesis = genesis.clone();
        change(&mut genesis);
        open(&home).init_chain(&genesis).unwrap_err().message
    };
    assert!(
        refuse("root", |g| g.state.as_mut().unwrap().app_hash[0] ^= 1).contains("another state")
    );
    assert!(refuse("height", |g| g.initial_height += 1).contains("another state"));
    assert!(refuse("none", |g| g.state = None).contains("no state at all"));
    let unlike =
        refuse("params", |g| g.params.extend([("consensus.block_gas".into(), 1_500_000_000)]));
    assert!(unlike.contains("other consensus parameters"), "{unlike}");
    let home = home_of(folder.path(), "software");
    let software = Software { gas_schedule: 99, ..Software::THIS };
    let config = AppConfig { software, ..AppConfig::new(&home) };
    let other = App::open(&config).unwrap().init_chain(&genesis).unwrap_err();
    assert!(other.message.contains("gas_schedule 99"), "{other}");
    // A changed row does not open at all.
    let home = home_of(folder.path(), "damaged");
    let rows = dadbs_sqlite::Connection::open_writer(&home.join("state.db")).unwrap();
    rows.batch("UPDATE chain_supply SET amount = amount + 1").unwrap();
    drop(rows);
    let damaged = App::open(&AppConfig::new(&home)).err().unwrap();
    assert!(damaged.message.contains("damaged"), "{damaged}");
}
