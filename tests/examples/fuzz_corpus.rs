//! Writes the seed corpus of the fuzz targets: `cargo run -p dadbs-tests --example fuzz_corpus`; that of
//! bundles is written by the example `fuzz_bundles` of `dadbs-verifier`.
//!
//! What it writes depends on nothing but the code, so that running it again changes no file unless a
//! format has changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use dadbs_client::key::SecretKey;
use dadbs_client::tx::{Fee, Signer, UnsignedTx, any};
use dadbs_merkle::{Tree, write_checkpoint};
use dadbs_proto::cosmos::bank::v1beta1::MsgSend;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::dadbs::contract::v1::{MsgExecute, MsgInstantiate, MsgMigrate, MsgStoreCode};
use dadbs_proto::dadbs::sql::v1::{MsgExec, Statement};
use dadbs_store::change::Change;
use dadbs_types::value::{encode_row, encode_rows};
use dadbs_types::{Key, Row, Value};

/// SQL of every kind, offered and refused.
const SQL: &[&str] = &[
    "SELECT 1",
    "SELECT t.a, u.*, count(*) FILTER (WHERE a > 1) OVER (PARTITION BY b ORDER BY c ROWS 2 PRECEDING) FROM t, u",
    "WITH x(a) AS MATERIALIZED (SELECT 1 UNION ALL VALUES (2), (3)) SELECT DISTINCT x.a FROM x LEFT JOIN t USING (a) WHERE a IN t OR a NOT IN (SELECT b FROM u) GROUP BY a HAVING max(a) > 0 ORDER BY 1 DESC NULLS LAST LIMIT 3 OFFSET ?1",
    "SELECT CASE a WHEN 1 THEN 'x' ELSE x'00ff' END, CAST(b AS TEXT) COLLATE NOCASE, a BETWEEN 1 AND 2, b LIKE 'a%' ESCAPE '!', c IS NOT DISTINCT FROM NULL, ~a->>'$.b' FROM v AS \"w x\" NATURAL FULL OUTER JOIN [t] INDEXED BY i",
    "SELECT address FROM chain.accounts EXCEPT SELECT chain.accounts.address FROM chain.accounts",
    "INSERT INTO t (a, b) VALUES (?, ?), (3, NULL)",
    "INSERT OR REPLACE INTO t AS n SELECT * FROM u WHERE true ON CONFLICT (a COLLATE NOCASE) WHERE a > 0 DO UPDATE SET (a, b) = (excluded.a, n.b), c = 1 WHERE n.a < 2 ON CONFLICT DO NOTHING RETURNING *, a AS z, t.b",
    "REPLACE INTO t DEFAULT VALUES",
    "UPDATE OR IGNORE t AS x SET a = x.a + u.b, (b, c) = (SELECT 1, 2) FROM u, (SELECT 1 AS one) AS y WHERE x.a = y.one RETURNING rowid",
    "DELETE FROM t INDEXED BY i WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a) RETURNING t.a",
    "CREATE TABLE IF NOT EXISTS \"order\" (id INTEGER PRIMARY KEY DESC ON CONFLICT REPLACE, a TEXT NOT NULL DEFAULT ('x' || 'y') COLLATE NOCASE CHECK (\"order\".a <> ''), g INT GENERATED ALWAYS AS (id * 2) STORED, p REFERENCES t (a) ON DELETE CASCADE ON UPDATE SET NULL MATCH FULL, CONSTRAINT k UNIQUE (a, g DESC) ON CONFLICT IGNORE, FOREIGN KEY (a) REFERENCES u) STRICT",
    "CREATE TABLE w (a DECIMAL(10, 2), b, PRIMARY KEY (a, b)) WITHOUT ROWID",
    "CREATE UNIQUE INDEX IF NOT EXISTS i2 ON t (a COLLATE RTRIM DESC, lower(b)) WHERE t.a > 0",
    "CREATE VIEW v2 (p, q) AS SELECT a, b FROM t JOIN u ON t.a = u.a",
    "DROP TABLE IF EXISTS t",
    "ALTER TABLE t RENAME TO u2",
    "ALTER TABLE t RENAME COLUMN a TO \"b c\"",
    "ALTER TABLE t ADD COLUMN d INT NOT NULL DEFAULT 7 REFERENCES u",
    "ALTER TABLE t DROP COLUMN b",
    "PRAGMA user_version = 1",
    "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; DELETE FROM t; END; SELECT 2",
    "SELECT * FROM d2_secret, main.t, sqlite_schema, \"d3_t\" -- comment",
    "SELECT /* c */ 'it''s', \"a\"\"b\", [c], `d`, 0x1F, 1_000, .5e-3 ; ; SELECT 2",
    "SELECT strftime('%s', CURRENT_TIMESTAMP), random(), json_extract(a, '$[0]'), group_concat(a, ',' ORDER BY b), abs(-9223372036854775807 - 1) FROM t WINDOW w AS (ORDER BY a)",
];

/// Contracts in text: what instrumentation treats differently.
const WAT: &[(&str, &str)] = &[
    ("empty", ""),
    (
        "loop",
        "(local i32) (loop $l (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 9))))",
    ),
    (
        "branch",
        "(block $a (block $b (br_table $a $b $a (i32.const 1))) (return)) (if (i32.const 0) (then (unreachable)) (else nop))",
    ),
    (
        "memory",
        "(drop (memory.grow (i32.const 1))) (memory.fill (i32.const 0) (i32.const 7) (i32.const 99)) (memory.copy (i32.const 5) (i32.const 0) (i32.const 9)) (i64.store (i32.const 8) (i64.load (i32.const 0)))",
    ),
    (
        "float",
        "(f64.store (i32.const 0) (f64.div (f64.sqrt (f64.const -1)) (f64.const 0))) (drop (i32.trunc_sat_f64_s (f64.load (i32.const 0)))) (drop (i32.div_s (i32.const 1) (i32.load (i32.const 9))))",
    ),
    ("indirect", "(call_indirect (type $void) (i32.const 0)) (call $host)"),
];

struct Corpus {
    folder: PathBuf,
}

impl Corpus {
    fn put(&self, target: &str, name: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder)?;
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(|| path.display().to_string())
    }
}

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let corpus = Corpus { folder };
    transactions(&corpus)?;
    for (at, sql) in SQL.iter().enumerate() {
        corpus.put("sql", &format!("{at:02}"), sql)?;
    }
    contracts(&corpus)?;
    values(&corpus)?;
    trees(&corpus)?;
    println!("{}", corpus.folder.display());
    Ok(())
}

fn transactions(corpus: &Corpus) -> Result<()> {
    let key = SecretKey::from_bytes(&[7; 32])?;
    let sender = key.address().to_string();
    let signer = Signer { address: key.address(), account_number: 1, sequence: 3 };
    let arguments = [Value::from("INSERT INTO t VALUES (1)"), Value::Null];
    let arguments: Vec<_> = arguments.into_iter().map(Into::into).collect();
    let coin = Coin { denom: "udadbs".into(), amount: "12".into() };
    let statement = Statement {
        sql: "INSERT INTO t VALUES (?)".into(),
        rows: vec![vec![Value::Integer(1)].into()],
    };
    let messages = [
        (
            "send",
            any(&MsgSend {
                from_address: sender.clone(),
                to_address: sender.clone(),
                amount: vec![coin],
            }),
        ),
        (
            "store_code",
            any(&MsgStoreCode { sender: sender.clone(), wasm: b"\0asm\x01\0\0\0".into() }),
        ),
        (
            "instantiate",
            any(&MsgInstantiate {
                sender: sender.clone(),
                code_id: 1,
                name: "shop".into(),
                ..Default::default()
            }),
        ),
        (
            "execute",
            any(&MsgExecute {
                sender: sender.clone(),
                contract: "shop".into(),
                entry: "exec".into(),
                arguments,
                funds: Vec::new(),
            }),
        ),
        (
            "migrate",
            any(&MsgMigrate {
                sender: sender.clone(),
                contract: "shop".into(),
                code_id: 2,
                ..Default::default()
            }),
        ),
        ("sql", any(&MsgExec { sender, database: "shop".into(), statements: vec![statement] })),
    ];
    let all: Vec<_> = messages.iter().map(|(_, message)| message.clone()).collect();
    let fee = Fee { amount: 5, gas_limit: 200_000 };
    let put = |name: &str, tx: &UnsignedTx| {
        corpus.put("tx", name, tx.sign(&key, &signer, &fee, "dadbs-fuzz"))
    };
    for (name, message) in messages {
        put(name, &UnsignedTx::new(vec![message]))?;
    }
    put(
        "all",
        &UnsignedTx {
            messages: all,
            memo: "note".into(),
            timeout_height: 9,
            ..UnsignedTx::default()
        },
    )
}

fn contracts(corpus: &Corpus) -> Result<()> {
    for (name, body) in WAT {
        let text = format!(
            r#"(module (type $void (func)) (import "dadbs_1" "context" (func $host))
                (table 2 2 funcref) (elem (i32.const 0) $leaf) (global (mut i64) (i64.const 5))
                (memory (export "memory") 1) (data (i32.const 3) "seed")
                (func $leaf) (func (export "dadbs_abi_1")) (func (export "call_run") {body}))"#
        );
        corpus.put("wasm", name, wat::parse_str(&text)?)?;
    }
    // Any other bytes are for the generator of modules.
    let mut seed = blake3::Hasher::new().finalize_xof();
    for at in 0..4 {
        let mut bytes = vec![0; 1_000];
        seed.fill(&mut bytes);
        corpus.put("wasm", &format!("generated_{at}"), bytes)?;
    }
    // The stock contract is large, so it is where it is and not copied; `run.sh` adds it.
    Ok(())
}

fn row() -> Vec<Value> {
    vec![Value::Null, (-5).into(), Value::Real(0.5), "text".into(), Value::Blob(vec![0, 255])]
}

fn values(corpus: &Corpus) -> Result<()> {
    corpus.put("values", "row", encode_row(&row()))?;
    corpus.put("values", "rows", encode_rows(&[row(), vec![], row()]))?;
    corpus.put("values", "with_rowid", Row { rowid: Some(7), values: row() }.encode())?;
    corpus.put("values", "without_rowid", Row { rowid: None, values: row() }.encode())?;
    corpus.put("values", "key", Key(row()).encode())
}

fn trees(corpus: &Corpus) -> Result<()> {
    // The leaves that `targets/checkpoint.rs` has.
    let leaf = |n: u8| (*blake3::hash(&[n]).as_bytes(), [n; 32]);
    let tree = Tree::from_leaves((1..=100).map(leaf));
    for n in [1, 50, 200] {
        let proof = [vec![n], tree.prove(&leaf(n).0)].concat();
        corpus.put("checkpoint", &format!("proof_{n}"), proof)?;
    }
    let mut small = Vec::new();
    write_checkpoint(&Tree::from_leaves((1..=9).map(leaf)), 3, &mut small)?;
    // With and without the hash at the end, which the target adds.
    corpus.put("checkpoint", "whole", &small)?;
    corpus.put("checkpoint", "unsealed", &small[..small.len() - 32])?;

    let change = |table: &str, key: i64, old: bool, new: bool| Change {
        table: Arc::from(table),
        key: Key(vec![key.into()]).encode(),
        old: old.then(|| Row { rowid: None, values: row() }.encode()),
        new: new.then(|| Row { rowid: Some(1), values: row() }.encode()),
    };
    let changes = [
        change("d1_t", 1, false, true),
        change("d1_t", 2, true, true),
        change("d2_u", 1, true, false),
    ];
    let journal = dadbs_store::journal::encode(&changes);
    corpus.put("journal", "whole", &journal)?;
    corpus.put("journal", "unsealed", &journal[..journal.len() - 32])
}
