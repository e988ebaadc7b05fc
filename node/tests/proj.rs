//! Whole SQLite files go in through the command line, answer as their source, are proved row by row,
//! and come out equal: a small one every day, `proj.db` in the slow suite.

mod common;

use common::cli::{Dev, command};
use common::selects::{Graph, Table, quoted};
use dadbs_client::{Client, ClientError};
use dadbs_types::{Key, Value};
use dadbs_verifier::{Time, Trust, TrustedValidators, verify};
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::Value as Json;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const DATABASE: &str = "copy";
const SEED: u64 = 20_240_229;

/// A chain of its own with a client, and the file that goes in.
struct Chain {
    dev: Dev,
    client: Client,
    runtime: Runtime,
    source: Connection,
    file: String,
    begin: Instant,
}

impl Chain {
    fn start(file: &Path) -> Chain {
        let dev = Dev::start();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(Client::connect(&dev.grpc)).unwrap();
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let source = Connection::open_with_flags(file, flags).unwrap();
        let file = file.to_str().unwrap().to_owned();
        Chain { dev, client, runtime, source, file, begin: Instant::now() }
    }

    fn passed(&self, what: &str) {
        eprintln!("{:7.1} s  {what}", self.begin.elapsed().as_secs_f64());
    }

    fn import<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["import", &self.file, "--database", DATABASE], more].concat()
    }

    fn height(&self) -> u64 {
        self.runtime.block_on(self.client.status()).unwrap().height
    }

    /// Without acceptance nothing is sent and the losses are named.
    fn refuses(&self, losses: &[String]) {
        let height = self.height();
        let refused = self.dev.fails(8, &self.import(&[]));
        let begin = format!("{} objects cannot be imported", losses.len());
        assert!(refused.contains(&begin) && refused.contains("nothing was sent"), "{refused}");
        assert!(self.dev.json(&["contract", "list"]).as_array().unwrap().is_empty());
        assert_eq!(self.height(), height);
        let dry = self.dev.json(&self.import(&["--accept-losses", "--dry-run"]));
        let objects = dry["objects"].as_array().unwrap();
        let refused = objects.iter().filter(|object| object["verdict"] == "refused");
        let mut refused: Vec<_> = refused.map(|o| o["name"].as_str().unwrap()).collect();
        refused.sort_unstable();
        assert_eq!(refused, losses);
        assert!(self.dev.json(&["contract", "list"]).as_array().unwrap().is_empty());
        self.passed("without acceptance: exit code 8, nothing sent");
    }

    /// Kills the import when it is so far, and runs it again.
    fn imports_though_killed(&self, at: i64, rows: u64) {
        let batch = (rows * 10).clamp(10_000, 200_000).to_string();
        let import = self.import(&["--accept-losses", "--batch-bytes", &batch]);
        let mut child = command(self.dev.home.path())
            .args(["--node", &self.dev.grpc])
            .args(&import)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let progress = "SELECT done FROM dadbs_import";
        let done = loop {
            let answer = self.runtime.block_on(self.client.query(DATABASE, progress, Vec::new()));
            let rows = answer.map(|answer| answer.rows).unwrap_or_default();
            let rows: Vec<Vec<Value>> = rows.into_iter().map(Into::into).collect();
            match rows.first().map(Vec::as_slice) {
                Some(&[Value::Integer(done)]) if done >= at => break done,
                _ => std::thread::sleep(Duration::from_millis(2)),
            }
            assert!(child.try_wait().unwrap().is_none(), "the import ended before it was killed");
        };
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        self.passed(&format!("killed after {done} items"));
        let again = self.dev.json(&import);
        assert_eq!(again["equal"], true);
        let sent = again["sent"]["rows"].as_u64().unwrap();
        assert!(sent > 0 && sent < rows, "{sent} of {rows} rows were sent again");
        self.passed(&format!("{sent} of {rows} rows sent in the second run"));
        let checked = self.dev.json(&self.import(&["--check"]));
        assert_eq!((&checked["equal"], &checked["sent"]), (&Json::Bool(true), &Json::Null));
        let cells = checked["tables"].as_array().unwrap().iter();
        let cells: u64 = cells.map(|table| table["cells"].as_u64().unwrap()).sum();
        self.passed(&format!("--check: {cells} cells equal"));
    }

    /// The exported file is the source but for the losses.
    fn exports_equal(&self, losses: &[String]) {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out.db");
        self.dev.json(&["export", DATABASE, out.to_str().unwrap()]);
        let copy = Connection::open(&out).unwrap();
        let check = answer_of(&copy, "PRAGMA integrity_check").1;
        assert_eq!(check, [[Value::Text("ok".into())]]);
        let objects = "SELECT type, name, tbl_name, trim(sql, char(9, 10, 13, 32) || ';') \
                       FROM sqlite_master WHERE name <> 'sqlite_stat1' ORDER BY 1, 2";
        let mut here = answer_of(&self.source, objects).1;
        let lost = |name: &Value| matches!(name, Value::Text(name) if losses.contains(name));
        here.retain(|object| !lost(&object[1]));
        let there = answer_of(&copy, objects).1;
        assert_eq!(here, there);
        let mut count = 0;
        for table in &Graph::read(&self.source).tables {
            let (name, order) = (quoted(&table.name), key_list(table));
            let rowid = if table.without_rowid { "" } else { "rowid, " };
            let sql = format!("SELECT {rowid}* FROM {name} ORDER BY {order}");
            let (here, there) = (answer_of(&self.source, &sql), answer_of(&copy, &sql));
            assert_same(&here, &there, &sql);
            count += here.1.len();
        }
        self.passed(&format!("export: {count} rows and {} objects equal", there.len()));
    }

    fn ask(&self, sql: &str) -> Result<Answer, ClientError> {
        let answer = self.runtime.block_on(self.client.query(DATABASE, sql, Vec::new()))?;
        Ok((answer.columns, answer.rows.into_iter().map(Into::into).collect()))
    }

    /// Generated SELECTs answer as in the source.
    fn answers_selects(&self, count: usize) {
        let (mut rows, mut empty, mut codes) = (0, 0, 0);
        for sql in Graph::read(&self.source).selects(&self.source, SEED, count) {
            let here = answer_of(&self.source, &sql);
            let there = self.ask(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert_same(&here, &there, &sql);
            rows += here.1.len();
            empty += usize::from(here.1.is_empty());
            codes += usize::from(!here.1.is_empty() && sql.contains("code\" = '"));
        }
        assert!(empty * 2 < count, "{empty} of {count} answers are empty");
        // A mixed column that is compared with text, as `code = '4326'`.
        assert!(codes * 20 > count, "only {codes} of {count} find a code by text");
        self.passed(&format!(
            "{count} SELECTs with {rows} rows equal; {empty} are empty, {codes} find a code by text"
        ));
    }

    /// Every view answers as in the source, page by page where one answer is too long.
    fn answers_views(&self) {
        let names = "SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name";
        let views = answer_of(&self.source, names).1;
        assert!(!views.is_empty());
        for view in &views {
            let Value::Text(name) = &view[0] else { panic!("{view:?} is no name") };
            let sql = format!("SELECT * FROM {}", quoted(name));
            let mut here = answer_of(&self.source, &sql);
            let mut there = self.ask(&sql).or_else(|_| self.pages(&sql, here.0.len())).unwrap();
            assert_eq!(here.0.len(), there.0.len(), "{sql}");
            here.1.sort_by_cached_key(|row| dadbs_types::value::encode_row(row));
            there.1.sort_by_cached_key(|row| dadbs_types::value::encode_row(row));
            assert_same(&here, &there, &sql);
            self.passed(&format!("{sql}: {} rows equal", here.1.len()));
        }
    }

    fn pages(&self, sql: &str, columns: usize) -> Result<Answer, ClientError> {
        const PAGE: usize = 2_000;
        let order: Vec<String> = (1..=columns).map(|column| column.to_string()).collect();
        let mut all: Answer = Default::default();
        loop {
            let (order, offset) = (order.join(", "), all.1.len());
            let page = self.ask(&format!("{sql} ORDER BY {order} LIMIT {PAGE} OFFSET {offset}"))?;
            let count = page.1.len();
            all.0 = page.0;
            all.1.extend(page.1);
            if count < PAGE {
                return Ok(all);
            }
        }
    }

    /// What a user trusts who has the genesis: its validator, here read from the node's own key.
    fn trust(&self) -> Trust {
        let seed = std::fs::read_to_string(self.dev.home.path().join("dev/validator.key")).unwrap();
        let seed: [u8; 32] = hex::decode(seed.trim()).unwrap().try_into().unwrap();
        let key = ed25519_consensus::SigningKey::from(seed).verification_key().to_bytes();
        Trust {
            chain_id: "dadbs-dev-1".into(),
            height: 0,
            time: Time::unix_epoch(),
            validators: TrustedValidators::of_genesis([(key, 10)]).unwrap(),
            trusting_period: Duration::from_hours(100 * 365 * 24),
            clock_drift: Duration::from_secs(10),
            age_max: None,
        }
    }

    /// One row of each table is proved; no changed byte is accepted, in one bundle at every position.
    fn proves_rows(&self) {
        let trust = self.trust();
        let objects = self.runtime.block_on(self.client.schema(DATABASE)).unwrap().objects;
        let (mut proved, mut refused) = (0, 0);
        for table in &Graph::read(&self.source).tables {
            let object =
                objects.iter().find(|o| o.kind == "table" && o.name == table.name).unwrap();
            let list = |names: &[String]| -> Vec<String> {
                names.iter().map(|name| quoted(name)).collect()
            };
            let key = if object.key.is_empty() { vec!["rowid".into()] } else { list(&object.key) };
            let rowid = if object.hidden_rowid { "rowid" } else { "NULL" };
            let columns = [key.clone(), vec![rowid.into()], list(&object.columns)].concat();
            let sql = format!(
                "SELECT {} FROM {} ORDER BY {} LIMIT 1 OFFSET {}",
                columns.join(", "),
                quoted(&table.name),
                key_list(table),
                table.rows / 2
            );
            let mut rows = answer_of(&self.source, &sql).1;
            // Of an empty table the absence of a row is proved.
            let row = rows.pop();
            let wanted = row.clone().unwrap_or_else(|| vec![Value::Integer(1); key.len()]);
            let wanted = Key(wanted[..key.len()].to_vec());
            let wire = wanted.0.iter().cloned().map(Into::into).collect();
            let bundle = self.client.prove(DATABASE, &table.name, wire);
            let bundle = self.runtime.block_on(bundle).unwrap();
            let verified = verify(&bundle, &trust, Time::now()).unwrap();
            assert!(verified.answers(&object.physical, &wanted), "{sql}");
            let Some(row) = row else {
                assert!(verified.row.is_none(), "{sql}");
                for at in (0..bundle.len()).step_by(13) {
                    // A true statement about another row that is not there is not refused.
                    let verified = verify(&changed(&bundle, at), &trust, Time::now());
                    let answers = verified.is_ok_and(|v| v.answers(&object.physical, &wanted));
                    assert!(!answers, "{}: byte {at} changed", table.name);
                }
                continue;
            };
            let found = verified.row.unwrap();
            // NULLs at the end are left out.
            let mut values = found.values;
            values.resize(object.columns.len(), Value::Null);
            values.insert(0, found.rowid.map_or(Value::Null, Value::Integer));
            let shown = (columns[key.len()..].to_vec(), vec![values]);
            assert_same(&(shown.0.clone(), vec![row[key.len()..].to_vec()]), &shown, &sql);
            let step = if proved == 0 { 1 } else { 13 };
            proved += 1;
            for at in (0..bundle.len()).step_by(step) {
                let verdict = verify(&changed(&bundle, at), &trust, Time::now());
                assert!(verdict.is_err(), "{}: byte {at} changed", table.name);
                refused += 1;
            }
        }
        self.passed(&format!("{proved} rows proved, {refused} changed bundles refused"));
    }
}

fn changed(bundle: &[u8], at: usize) -> Vec<u8> {
    let mut changed = bundle.to_vec();
    changed[at] ^= 1 << (at % 8);
    changed
}

/// Names of the columns, and rows.
type Answer = (Vec<String>, Vec<Vec<Value>>);

fn answer_of(connection: &Connection, sql: &str) -> Answer {
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let columns: Vec<String> = statement.column_names().map(Into::into).collect();
    let value = |cell| match cell {
        Cell::Null => Value::Null,
        Cell::Integer(integer) => Value::Integer(integer),
        Cell::Real(real) => Value::Real(real),
        Cell::Text(text) => Value::Text(text),
        Cell::Blob(bytes) => Value::Blob(bytes),
    };
    let row = |row: &rusqlite::Row<'_>| {
        (0..columns.len()).map(|index| row.get(index).map(value)).collect()
    };
    let rows = statement.query_map([], row).unwrap().map(Result::unwrap).collect();
    (columns, rows)
}

/// By storage class and bits.
fn assert_same(here: &Answer, there: &Answer, sql: &str) {
    assert_eq!(here.0, there.0, "{sql}");
    assert_eq!(here.1.len(), there.1.len(), "{sql}");
    for (number, (ours, theirs)) in here.1.iter().zip(&there.1).enumerate() {
        let same =
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| a.same_bits(b));
        assert!(same, "{sql}\nrow {number}: {ours:?} here, {theirs:?} there");
    }
}

fn key_list(table: &Table) -> String {
    table.key.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(", ")
}

fn triggers(source: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name";
    let text = |mut row: Vec<Value>| match row.remove(0) {
        Value::Text(name) => name,
        other => panic!("{other:?} is no name"),
    };
    answer_of(source, sql).1.into_iter().map(text).collect()
}

/// The whole journey of a file.
fn journey(file: &Path, killed_at: i64, selects: usize) -> Chain {
    let chain = Chain::start(file);
    let losses = triggers(&chain.source);
    let rows = Graph::read(&chain.source).tables.iter().map(|table| table.rows as u64).sum();
    chain.refuses(&losses);
    chain.imports_though_killed(killed_at, rows);
    chain.exports_equal(&losses);
    chain.answers_selects(selects);
    chain.answers_views();
    chain.proves_rows();
    chain
}

/// What `proj.db` lacks: BLOBs, decimals, names with spaces and quotes, a reference to itself, NULL keys in
/// a table that is referred to, a generated column, dates as text.
const SMALL: &str = "
    CREATE TABLE \"my items\" (id INTEGER PRIMARY KEY, \"the \"\"name\"\"\" TEXT NOT NULL, picture BLOB,
        price DECIMAL(10, 2), \"price text\" TEXT, weight REAL, cents INTEGER, bought DATE,
        \"item's parent\" INT REFERENCES \"my items\", double_cents INT AS (cents * 2),
        label TEXT AS (\"the \"\"name\"\"\" || ' of ' || bought) STORED, kind_code INTEGER_OR_TEXT,
        kind_part TEXT, FOREIGN KEY (kind_code, kind_part) REFERENCES kind (code, part));
    CREATE TABLE kind (code INTEGER_OR_TEXT NOT NULL, part TEXT, title TEXT, PRIMARY KEY (code, part))
        WITHOUT ROWID;
    CREATE TABLE nullable (code INTEGER_OR_TEXT, x ANY_THING, PRIMARY KEY (code));
    CREATE TABLE note (text_code INTEGER_OR_TEXT REFERENCES nullable (code), item INT REFERENCES
        \"my items\" (id) ON DELETE CASCADE, body BLOB, at TEXT);
    CREATE TABLE empty (a TEXT, b BLOB, PRIMARY KEY (b, a)) WITHOUT ROWID;
    INSERT INTO kind VALUES (1, 'a', 'one'), ('1x', 'a', 'it''s'), ('x', 'b', NULL), (4326, 'b', 'WGS 84');
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
        INSERT INTO \"my items\" (id, \"the \"\"name\"\"\", picture, price, \"price text\", weight, cents, bought,
            \"item's parent\", kind_code, kind_part)
        SELECT i * 3, 'item ' || i, CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN x'' ELSE CAST(x'00ff80' || i AS BLOB) END,
            CASE i % 4 WHEN 0 THEN '1.10' WHEN 1 THEN i || '.00' WHEN 2 THEN 'free' ELSE i / 7.0 END,
            printf('%d.%02d', i, i % 100), i * 0.1, i * 1000000007,
            date('2024-02-29', i || ' days'), CASE WHEN i > 5 THEN (i / 5) * 3 END,
            CASE i % 5 WHEN 0 THEN 1 WHEN 1 THEN '1x' WHEN 2 THEN 'x' WHEN 3 THEN '4326' END,
            CASE i % 5 WHEN 0 THEN 'a' WHEN 1 THEN 'a' WHEN 2 THEN 'b' WHEN 3 THEN 'b' END FROM n;
    INSERT INTO nullable VALUES (NULL, 1), (NULL, 2.5), ('4326', x'01'), ('abc', 'x'), (7, -0.0);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
        INSERT INTO note (rowid, text_code, item, body, at) SELECT i * i - 20,
            CASE i % 4 WHEN 0 THEN '4326' WHEN 1 THEN 'abc' WHEN 2 THEN 7 END, (i % 1500 + 1) * 3,
            zeroblob(i % 90), datetime(1700000000 + i * 1234567, 'unixepoch') FROM n;
    CREATE INDEX \"by date; of\" ON \"my items\" (bought DESC, price) WHERE cents > 5;
    CREATE VIEW \"dear items\" AS SELECT i.\"the \"\"name\"\"\", i.price, k.title, strftime('%Y', i.bought) AS year,
        i.double_cents FROM \"my items\" AS i LEFT JOIN kind AS k ON k.code = i.kind_code
        AND k.part = i.kind_part WHERE i.price > 5;
    CREATE VIEW per_year (year, items, cents) AS SELECT substr(bought, 1, 4), count(*), sum(cents)
        FROM \"my items\" GROUP BY 1;
    CREATE TRIGGER refused AFTER INSERT ON note BEGIN SELECT 1; END;
    ANALYZE;";

#[test]
fn a_small_file_is_imported_answers_is_proved_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.db");
    let source = Connection::open(&file).unwrap();
    source.execute_batch("PRAGMA foreign_keys = 0").unwrap();
    source.execute_batch(SMALL).unwrap();
    drop(source);
    journey(&file, 1, 100);
}

#[test]
#[ignore = "slow: needs /usr/share/proj/proj.db of the package proj-data"]
fn proj_db_is_imported_answers_is_proved_and_exported() {
    let chain = journey(Path::new("/usr/share/proj/proj.db"), 25_000, 200);
    // What people look for.
    let wgs =
        "SELECT name, typeof(code) FROM geodetic_crs WHERE auth_name = 'EPSG' AND code = '4326'";
    let found = [["WGS 84", "integer"].map(|text| Value::Text(text.into()))];
    assert_eq!(chain.ask(wgs).unwrap().1, found);
}
