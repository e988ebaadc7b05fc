//! Blocks from begin to reopen, through the store's public face.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    unreachable_pub,
    reason = "numbers in tests are small, and modules are shared"
)]

use dadbs_store::{Store, StoreConfig};
use dadbs_types::{Code, Error, GasMeter, Value};

const GAS: u64 = 1_000_000_000;

fn exec(store: &mut Store, sql: &str, rows: &[Vec<Value>]) -> Result<u64, Error> {
    store.exec(1, sql, rows, &mut GasMeter::new(GAS)).map(|executed| executed.changes)
}

fn rows(store: &mut Store, sql: &str) -> Vec<Vec<Value>> {
    store.query_user(1, sql, &[], None, &mut GasMeter::new(GAS)).unwrap().rows
}

fn in_block(store: &mut Store, work: impl FnOnce(&mut Store)) -> [u8; 32] {
    let height = store.height() + 1;
    store.begin_block(height, 1_700_000_000_000 + height as i64).unwrap();
    store.begin_tx([7; 32]).unwrap();
    work(store);
    store.commit_tx().unwrap();
    let hash = store.finish_block().unwrap();
    store.commit().unwrap();
    hash
}

fn code(result: Result<u64, Error>) -> Code {
    match result {
        Err(Error::Rejected(rejection)) => rejection.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_block_survives_a_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig { checkpoint_interval: 2, ..StoreConfig::new(folder.path()) };
    let mut store = Store::open(config.clone()).unwrap();
    assert_eq!((store.height(), store.app_hash()), (0, [0; 32]));
    in_block(&mut store, |store| {
        exec(store, "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT) STRICT", &[]).unwrap();
        let two = [vec![1.into(), "one".into()], vec![2.into(), "two".into()]];
        assert_eq!(exec(store, "INSERT INTO items VALUES (?, ?)", &two), Ok(2));
    });
    let hash = in_block(&mut store, |store| {
        exec(store, "UPDATE items SET name = 'zwei' WHERE id = 2", &[]).unwrap();
    });
    assert_eq!(store.leaves(), 3, "two rows and the table itself");
    assert_eq!(in_block(&mut store, |_| {}), hash, "an empty block does not move the root");
    drop(store);
    let mut store = Store::open(config).unwrap();
    assert_eq!((store.height(), store.app_hash()), (3, hash));
    store.verify_rows().unwrap().check().unwrap();
    store.begin_block(4, 0).unwrap();
    assert_eq!(rows(&mut store, "SELECT name FROM items WHERE id = 2"), [["zwei".into()]]);
    store.drop_block().unwrap();
}

#[test]
fn a_dropped_block_leaves_no_trace() {
    let mut store = Store::memory().unwrap();
    in_block(&mut store, |store| {
        exec(store, "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT) STRICT", &[]).unwrap();
    });
    let hash = store.app_hash();
    for finish in [false, true] {
        store.begin_block(2, 0).unwrap();
        store.begin_tx([0; 32]).unwrap();
        exec(&mut store, "INSERT INTO items VALUES (1, 'x')", &[]).unwrap();
        exec(&mut store, "CREATE TABLE orders(id INTEGER PRIMARY KEY) STRICT", &[]).unwrap();
        store.commit_tx().unwrap();
        if finish {
            assert_ne!(store.finish_block().unwrap(), hash);
        }
        store.drop_block().unwrap();
        assert_eq!((store.height(), store.app_hash()), (1, hash));
    }
    in_block(&mut store, |store| {
        assert_eq!(rows(store, "SELECT count(*) FROM items"), [[0.into()]]);
        assert_eq!(code(exec(store, "INSERT INTO orders VALUES (1)", &[])), Code::SqlError);
    });
    assert_eq!(store.app_hash(), hash);
}
