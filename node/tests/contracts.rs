//! Contracts from an empty folder to typed clients, through the real binary. Slow: contracts are compiled.
//!
//! 1. Three commands make a row: new, publish, call; and nothing but the binary is needed.
//! 2. The same sources in two folders are the same bytes.
//! 3. A wrong column, a table that SQLite refuses and a forbidden import are told before anything is paid.
//! 4. An upgrade shows its plan with the gas of each step, loses nothing unless that is accepted, and keeps every row.
//! 5. Generated clients compile and make a round trip, with coins where a call is payable; wrong types are refused.
//! 6. A contract in C runs, and refuses what it must.
//! 7. The client of encrypted records makes a round trip: readers decrypt, nobody else does.
//! 8. A contract with the standard library runs; a panic in it is told.

mod common;
#[rustfmt::skip]
#[path = "generated/invoices.rs"]
mod invoices;
#[rustfmt::skip]
#[path = "generated/sensors.rs"]
mod sensors;

use common::cli::{BINARY, Dev, text};
use dadbs_client::contract::{Contract, Sender};
use dadbs_client::{Client, SecretKey};
use dadbs_types::Value;
use dadbs_types::gas::price::ROW_WRITE;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs `dadbs contract` in a folder, with the environment that compilers need.
fn contract(folder: &Path, node: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    // What cargo sets for this test is not meant for the contract.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_")) {
        if name != "CARGO_HOME" {
            command.env_remove(name);
        }
    }
    command.args(["--node", node, "contract"]).args(arguments).current_dir(folder);
    command.env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN").output().unwrap()
}

fn passes(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn fails(output: &Output) -> String {
    assert!(!output.status.success(), "{}", text(&output.stdout));
    text(&output.stderr)
}

fn replace(path: &Path, from: &str, to: &str) {
    let source = std::fs::read_to_string(path).unwrap();
    assert!(source.contains(from), "{from} is not in {}", path.display());
    std::fs::write(path, source.replace(from, to)).unwrap();
}

fn in_home(dev: &Dev, folder: &Path, arguments: &[&str]) -> Output {
    let home = dev.home.path().to_str().unwrap();
    contract(folder, &dev.grpc, &[arguments, &["--home", home]].concat())
}

#[test]
fn rule_1_cargo_takes_a_new_crate_and_its_sdk_without_a_registry() {
    let folder = tempfile::tempdir().unwrap();
    passes(&contract(folder.path(), "http://127.0.0.1:1", &["new", "book"]));
    let metadata = Command::new("cargo")
        .args(["metadata", "--offline", "--format-version", "1"])
        .current_dir(folder.path().join("book"))
        .output()
        .unwrap();
    assert!(passes(&metadata).contains("dadbs-sdk-macros"));
}

#[test]
#[ignore = "slow: compiles contracts"]
fn rules_1_to_4_from_an_empty_folder_to_an_upgrade() {
    let dev = Dev::start();
    let folder = tempfile::tempdir().unwrap();
    let book = folder.path().join("book");
    let run = |arguments: &[&str]| in_home(&dev, &book, arguments);
    passes(&contract(folder.path(), &dev.grpc, &["new", "book"]));
    passes(&run(&["publish", "book"]));
    assert!(passes(&run(&["call", "book", "sign", "hello"])).starts_with("1\ndone"));
    let read = passes(&run(&["call", "book", "newest", "9"]));
    assert!(read.contains("| hello\n"), "{read}");
    assert!(passes(&run(&["logs", "book"])).contains("sign ok\n    Signed {"));

    let elsewhere = folder.path().join("a/longer/path");
    std::fs::create_dir_all(&elsewhere).unwrap();
    passes(&contract(&elsewhere, &dev.grpc, &["new", "book"]));
    passes(&contract(&elsewhere.join("book"), &dev.grpc, &["build"]));
    let module = |folder: &Path| std::fs::read(folder.join("target/dadbs/book.wasm")).unwrap();
    assert!(module(&book) == module(&elsewhere.join("book")), "the bytes depend on the folder");

    let source = book.join("src/lib.rs");
    replace(&source, "SELECT id, author, text FROM", "SELECT id, autor, text FROM");
    let message = fails(&run(&["build"]));
    let line = std::fs::read_to_string(&source).unwrap();
    let line = 1 + line.lines().position(|line| line.contains("autor")).unwrap();
    assert!(message.contains("no such column: autor"), "{message}");
    assert!(message.contains(&format!("src/lib.rs:{line}:")), "{message}");
    replace(&source, "SELECT id, autor, text FROM", "SELECT id, author, text FROM");
    replace(&source, "length(text) BETWEEN", "size(text) BETWEEN");
    let message = fails(&run(&["build"]));
    assert!(message.contains("table entries") && message.contains("size"), "{message}");
    replace(&source, "size(text) BETWEEN", "length(text) BETWEEN");

    replace(
        &source,
        "        time_ms: i64,",
        "        time_ms: i64,\n        #[default(\"7\")]\n        likes: u32,",
    );
    replace(&source, "time_ms: ctx.time_ms }", "time_ms: ctx.time_ms, likes: 0 }");
    let upgraded = run(&["upgrade", "book"]);
    passes(&upgraded);
    let plan = text(&upgraded.stderr);
    assert!(plan.contains("safe      add the column entries.likes ("), "{plan}");
    assert!(plan.contains("simulated on the real state"), "{plan}");
    let rows =
        || dev.json(&["sql", "query", "book", "SELECT text, likes FROM entries"])["rows"].clone();
    assert_eq!(rows(), serde_json::json!([["hello", 7]]));
    replace(&source, "        time_ms: i64,\n", "");
    replace(&source, " time_ms: ctx.time_ms,", "");
    let refused = fails(&run(&["upgrade", "book"]));
    assert!(
        refused.contains("LOSES     rewrite the table entries without time_ms (1 rows)"),
        "{refused}"
    );
    // The gas of a rewrite is that of its rows, on the state as it is.
    let planned = || {
        let arguments = ["upgrade", "book", "--accept-losses", "--dry-run", "-o", "json"];
        let plan: serde_json::Value = serde_json::from_str(&passes(&run(&arguments))).unwrap();
        let [step] = &plan["steps"].as_array().unwrap()[..] else { panic!("{plan}") };
        assert_eq!(step["class"], "loses");
        let gas = step["gas"].as_u64().unwrap();
        assert!(gas < plan["gas"].as_u64().unwrap(), "{plan}");
        gas
    };
    let of_one = planned();
    for _ in 0..10 {
        passes(&run(&["call", "book", "sign", "hello"]));
    }
    let per_row = (planned() - of_one) / 10;
    assert!((ROW_WRITE..10 * ROW_WRITE).contains(&per_row), "{per_row}");
    let upgraded = run(&["upgrade", "book", "--accept-losses"]);
    passes(&upgraded);
    let plan = text(&upgraded.stderr);
    let step = "LOSES     rewrite the table entries without time_ms (11 rows, ";
    assert!(plan.contains(step), "{plan}");
    assert_eq!(rows().as_array().unwrap().len(), 11);
    assert!(fails(&run(&["upgrade", "book"])).contains("runs this very code"));

    // What fails halfway is found by the simulation, is shown with its plan, and nothing is sent.
    replace(&source, "length(text) BETWEEN 1", "length(text) BETWEEN 9");
    let refused = fails(&run(&["upgrade", "book"]));
    assert!(refused.contains("rewrites  rewrite the table entries (11 rows)"), "{refused}");
    assert!(
        refused.contains("rewrite the table entries: ") && refused.contains("CHECK"),
        "{refused}"
    );
    assert_eq!(rows().as_array().unwrap().len(), 11);
}

#[test]
#[ignore = "slow: compiles a contract"]
fn rule_3_a_forbidden_import_is_told_before_anything_is_paid() {
    let folder = tempfile::tempdir().unwrap();
    passes(&contract(folder.path(), "http://127.0.0.1:1", &["new", "spy"]));
    let spy = folder.path().join("spy");
    let source = spy.join("src/lib.rs");
    let mut text = std::fs::read_to_string(&source).unwrap();
    text.push_str(
        "#[link(wasm_import_module = \"wasi\")]\nunsafe extern \"C\" { fn clock() -> i64; }\n",
    );
    std::fs::write(
        &source,
        text.replace("time_ms: ctx.time_ms", "time_ms: unsafe { super::clock() }"),
    )
    .unwrap();
    let message = fails(&contract(&spy, "http://127.0.0.1:1", &["publish", "spy"]));
    assert!(message.contains("import wasi.clock: only the module dadbs_1 is offered"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: compiles a contract, installs npm packages"]
async fn rule_5_generated_clients_make_a_round_trip() {
    let dev = Dev::start();
    let project = root().join("tests/typescript");
    for (example, name) in [("invoices", "bills"), ("sensors", "market")] {
        let folder = root().join("contracts/examples").join(example);
        passes(&in_home(&dev, &folder, &["publish", name]));
        let file = format!("tests/generated/{example}.rs");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let rust = passes(&in_home(&dev, &folder, &["generate", name, "--lang", "rust"]));
        if std::env::var("UPDATE_EXPECT").is_ok_and(|value| value == "1") {
            std::fs::write(&file, rust.trim_end().to_owned() + "\n").unwrap();
        } else {
            let committed = std::fs::read_to_string(&file).unwrap();
            assert!(committed.trim() == rust.trim(), "UPDATE_EXPECT=1 rewrites {}", file.display());
        }
        let out = project.join(format!("{example}.ts"));
        let out = out.to_str().unwrap();
        passes(&in_home(&dev, &folder, &["generate", name, "--lang", "typescript", "--out", out]));
    }
    rust_round_trip(&dev).await;
    rust_pays(&dev).await;
    let run = |program: &str, arguments: &[&str]| {
        passes(&Command::new(program).args(arguments).current_dir(&project).output().unwrap())
    };
    run("npm", &["ci", "--no-audit", "--no-fund"]);
    run("npx", &["tsc", "--project", "."]);
    assert!(
        run("node", &["out/test.js", &dev.rpc, &dev.mnemonic, "bills", "market"])
            .contains("typescript ok")
    );
}

async fn rust_round_trip(dev: &Dev) {
    let key = SecretKey::from_mnemonic(&dev.mnemonic, 1).unwrap();
    let address = key.address().to_string();
    let sender = Sender { key };
    let client = Client::connect(&dev.grpc).await.unwrap();
    let client = invoices::Client(Contract { client, name: "bills".into(), reader: None });
    let id = client.draft(&sender, "rust".into()).await.unwrap();
    client.line(&sender, id, "1 hour".into(), 900).await.unwrap();
    assert_eq!(client.issue(&sender, id).await.unwrap(), 900);
    assert_eq!(client.pay(&sender, id, 100).await.unwrap(), 800);
    let rows = client.of_customer("rust".into()).await.unwrap();
    assert_eq!((rows.len(), rows[0].total, rows[0].issuer.as_str()), (1, 900, address.as_str()));
    let error = client.pay(&sender, id, 801).await.unwrap_err();
    assert_eq!(invoices::ContractError::of(&error), Some(invoices::ContractError::Overpaid));
    let error = client.pay(&sender, id, -1).await.unwrap_err();
    assert_eq!(invoices::ContractError::of(&error), None, "{error}");
    // What a client of another version would send.
    for (arguments, why) in [
        (vec![], "argument 1 `id` is missing, it must be INTEGER"),
        (vec!["1".into(), 5.into()], "argument 1 `id` must be INTEGER, not TEXT"),
        (vec![id.into(), Value::Null], "argument 2 `amount` must be INTEGER, not NULL"),
        (vec![id.into(), 0.5.into()], "argument 2 `amount` must be INTEGER, not REAL"),
        (vec![id.into(), (1i64 << 32).into()], "argument 2 `amount` is out of range"),
        (vec![id.into(), 5.into(), 6.into()], "3 arguments were given, 2 are taken"),
    ] {
        let error = client.0.call(&sender, "pay", arguments, &[]).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    let error = client.0.call(&sender, "pay", vec![id.into(), 5.into()], &[("udadb", 1)]).await;
    assert!(error.unwrap_err().to_string().contains("payable"));
    let error = client.0.view("paid", vec![]).await.unwrap_err();
    assert!(error.to_string().contains("paid"), "{error}");
}

/// Coins go with the call, and a view tells what its reader may see.
async fn rust_pays(dev: &Dev) {
    let [seller, buyer] =
        [1, 2].map(|index| Sender { key: SecretKey::from_mnemonic(&dev.mnemonic, index).unwrap() });
    let client = Client::connect(&dev.grpc).await.unwrap();
    let reader = Some(buyer.key.address());
    let market = sensors::Client(Contract { client, name: "market".into(), reader });
    let roof = || "roof".to_owned();
    market.register(&seller, roof(), "C".into(), 5).await.unwrap();
    assert_eq!(market.add(&seller, roof(), 1_700_000_000_000, 20_500).await.unwrap(), 1);
    for coins in [&[("udadb", 4)][..], &[("udadb", 6)], &[]] {
        let error = market.buy(&buyer, coins, roof(), 1, 1).await.unwrap_err();
        assert_eq!(sensors::ContractError::of(&error), Some(sensors::ContractError::WrongPrice));
    }
    assert!(market.read(roof(), 1).await.unwrap().is_empty());
    for coins in [&[("gold", 5)][..], &[("udadb", u64::MAX)], &[("udadb", 2), ("udadb", 3)]] {
        let error = market.buy(&buyer, coins, roof(), 1, 1).await.unwrap_err();
        assert_eq!(sensors::ContractError::of(&error), None, "{error}");
    }
    market.buy(&buyer, &[("udadb", 5)], roof(), 1, 1).await.unwrap();
    let rows = market.read(roof(), 1).await.unwrap();
    assert_eq!((rows.len(), rows[0].number, rows[0].milli), (1, 1, 20_500));
}

#[test]
#[ignore = "slow: compiles a contract in C"]
fn rule_6_a_contract_in_c_runs() {
    let script = root().join("contracts/examples/c_counter/build.sh");
    if Command::new("clang").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no clang; {} installs it on Debian", script.display());
        return;
    }
    let dev = Dev::start();
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("counter.wasm");
    let built = Command::new(script).arg(&module).output().unwrap();
    assert!(built.status.success(), "{}", text(&built.stderr));
    let run = |arguments: &[&str]| in_home(&dev, folder.path(), arguments);
    passes(&run(&["publish", "counter", "--path", module.to_str().unwrap()]));
    passes(&run(&["call", "counter", "create", "cups"]));
    assert!(passes(&run(&["call", "counter", "add", "cups", "3"])).starts_with("3\n"));
    assert!(passes(&run(&["call", "counter", "add", "cups", "4"])).starts_with("7\n"));
    assert!(passes(&run(&["call", "counter", "get", "cups"])).starts_with("7\n"));
    for (arguments, why) in [
        (&["create", "cups"][..], "UNIQUE"),
        (&["add", "plates", "1"], "there is no such counter"),
        (&["add", "cups", "-1"], "a counter only grows"),
        (&["add", "cups"], "another number of arguments"),
        (&["add", "cups", "x'00'"], "must be INTEGER"),
        (&["add", "cups", "9223372036854775807"], "REAL"),
        (&["get", "plates"], "there is no such counter"),
        (&["create", &"c".repeat(2_000)], "too long"),
    ] {
        let message = fails(&run(&[&["call", "counter"], arguments].concat()));
        assert!(message.contains(why), "{arguments:?}: {message}");
    }
    assert!(passes(&run(&["call", "counter", "get", "cups"])).starts_with("7\n"));
}

#[test]
#[ignore = "slow: compiles a contract, needs Node.js"]
fn rule_7_only_chosen_readers_decrypt() {
    let dev = Dev::start();
    let example = root().join("contracts/examples/health");
    passes(&in_home(&dev, &example, &["publish", "health"]));
    let key = |who: &str| dev.home.path().join(format!("{who}.pem")).display().to_string();
    let client = |who: &str, command: &str, arguments: &[&str]| {
        let mut node = Command::new("node");
        node.arg(example.join("client.mjs")).args(["health", command, &key(who)]).args(arguments);
        node.env("DADBS", BINARY).env("DADBS_HOME", dev.home.path());
        node.env("DADBS_NODE", &dev.grpc).env("DADBS_FROM", who).output().unwrap()
    };
    let address =
        |who: &str| dev.json(&["keys", "show", who])["address"].as_str().unwrap().to_owned();
    for who in ["dev0", "dev1", "dev2"] {
        passes(&client(who, "announce", &[]));
    }
    let record = passes(&client("dev0", "add", &["blood", "0 negative"]));
    let record = record.trim();
    assert_eq!(passes(&client("dev0", "read", &[record])).trim(), "0 negative");
    fails(&client("dev1", "read", &[record]));
    passes(&client("dev0", "share", &[record, &address("dev1"), "30"]));
    assert_eq!(passes(&client("dev1", "read", &[record])).trim(), "0 negative");
    fails(&client("dev2", "read", &[record]));
    // A replica's file shows ciphertext to whoever runs it, and what was wrapped for another is of no use.
    let stored = in_home(&dev, &example, &["call", "health", "open", record, "--from", "dev1"]);
    assert!(!passes(&stored).contains("negative"), "the chain holds the text");
    std::fs::copy(key("dev2"), key("dev1")).unwrap();
    fails(&client("dev1", "read", &[record]));
}

#[test]
#[ignore = "slow: compiles a contract with the standard library"]
fn rule_8_a_contract_may_use_std() {
    let dev = Dev::start();
    let folder = tempfile::tempdir().unwrap();
    passes(&contract(folder.path(), &dev.grpc, &["new", "words"]));
    let words = folder.path().join("words");
    let sdk = "dadbs-sdk/contracts/sdk\"";
    replace(&words.join("Cargo.toml"), sdk, &format!("{sdk}, features = [\"std\"]"));
    let source = words.join("src/lib.rs");
    replace(&source, "#![cfg_attr(target_arch = \"wasm32\", no_std)]\n", "");
    replace(
        &source,
        "    /// The newest entries.",
        "    /// How many different words there are.
    #[view]
    fn different(text: &str) -> i64 {
        let words: std::collections::HashSet<&str> = text.split(' ').collect();
        assert!(!words.contains(\"never\"), \"a word that is never said\");
        words.len() as i64
    }

    /// The newest entries.",
    );
    let run = |arguments: &[&str]| in_home(&dev, &words, arguments);
    passes(&run(&["publish", "words"]));
    assert!(passes(&run(&["call", "words", "different", "a b a"])).starts_with("2\n"));
    assert!(fails(&run(&["call", "words", "different", "never"])).contains("never said"));
}
