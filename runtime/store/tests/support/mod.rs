//! What several tests of the store share.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    unreachable_pub,
    reason = "a module that several test binaries include"
)]
#![allow(dead_code, reason = "each test binary uses its part")]

use dadbs_store::{Executed, Queried, Store, StoreConfig};
use dadbs_types::{Code, Error, GasMeter, Hash, Value};
use std::collections::BTreeMap;
use std::path::Path;

pub const GAS: u64 = 1_000_000_000_000;

pub fn run(store: &mut Store, sql: &str, rows: &[Vec<Value>]) -> Result<Executed, Error> {
    store.exec(1, sql, rows, &mut GasMeter::new(GAS))
}

pub fn exec(store: &mut Store, sql: &str) -> u64 {
    run(store, sql, &[]).unwrap_or_else(|error| panic!("{error}: {sql}")).changes
}

pub fn query(store: &mut Store, sql: &str) -> Queried {
    store.query_user(1, sql, &[], None, &mut GasMeter::new(GAS)).unwrap()
}

pub fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    match result {
        Err(Error::Rejected(rejection)) => rejection.code,
        other => panic!("{other:?}"),
    }
}

pub fn begin(store: &mut Store) {
    let height = store.height() + 1;
    store.begin_block(height, 1_700_000_000_000 + 1_000 * height as i64).unwrap();
    store.begin_tx([height as u8; 32]).unwrap();
}

pub fn end(store: &mut Store) -> Hash {
    store.commit_tx().unwrap();
    let hash = store.finish_block().unwrap();
    store.commit().unwrap();
    hash
}

pub fn block(store: &mut Store, statements: &[&str]) -> Hash {
    begin(store);
    for sql in statements {
        exec(store, sql);
    }
    end(store)
}

pub fn config(folder: &Path, checkpoint_interval: u64) -> StoreConfig {
    StoreConfig { checkpoint_interval, ..StoreConfig::new(folder) }
}

pub type Dump = BTreeMap<(String, Vec<u8>), Vec<u8>>;

pub fn dump(store: &Store) -> Dump {
    let mut dump = Dump::new();
    let mut add = |table: &str, key: &[u8], row: &[u8]| {
        dump.insert((table.into(), key.into()), row.into());
    };
    store.each_row(&mut add).unwrap();
    dump
}
