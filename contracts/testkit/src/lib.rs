//! Tests of contracts: the built module runs in the real executor of `dadbs`, over a store in memory.
//!
//! 1. `dadbs contract test` builds the module and runs `cargo test`; a [`Chain`] is a process of that
//!    same `dadbs`, so that a contract's tests compile nothing of the node.
//! 2. Transactions are signed by real keys and pay fees; every one has a block of its own. Block time
//!    stands still but for one second per block and [`Chain::advance`].
//! 3. A rejection is an [`Error`] with the chain's code and, if it is the contract's, its number.
//! 4. The gas of every call is kept, and how much of it was SQL: [`Chain::gas`] compares it with a file,
//!    which `UPDATE_EXPECT=1` rewrites.
//! 5. [`Random`] makes the calls of property tests from a seed.
//!
//! ```no_run
//! # use dadbs_testkit::Chain;
//! let mut chain = Chain::start(3);
//! chain.publish(0, "shop", &[]);
//! let id = chain.call(1, "shop", "draft", &["carol".into()]).unwrap().integer();
//! assert_eq!(chain.call(2, "shop", "issue", &[id.into()]).unwrap_err().number, Some(2));
//! ```

use dadbs_types::value::{decode_row, decode_rows, encode_row, encode_rows};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

pub use dadbs_types::Value;

/// Rows that an answer may have.
const ROWS_MAX: usize = 1_000_000;

/// A chain in memory with funded accounts, numbered from 0.
pub struct Chain {
    process: Child,
    input: ChildStdin,
    output: ChildStdout,
    gas: Vec<(String, u64, u64)>,
}

/// What a call or query gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The rows.
    pub rows: Vec<Vec<Value>>,
    /// Gas used; 0 for a query.
    pub gas: u64,
    /// What of it was used by SQL; 0 for a query and for a view.
    pub sql_gas: u64,
    /// The contract's events: name and fields.
    pub events: Vec<(String, Vec<(String, String)>)>,
}

impl Answer {
    /// The first value; NULL if there is none.
    pub fn value(&self) -> Value {
        self.rows.first().and_then(|row| row.first().cloned()).unwrap_or(Value::Null)
    }

    /// The first value.
    ///
    /// # Panics
    /// If it is no integer.
    pub fn integer(&self) -> i64 {
        match self.value() {
            Value::Integer(integer) => integer,
            other => panic!("the answer is {other:?}, not an integer"),
        }
    }
}

/// Why a call was rejected; everything it did is undone.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// The chain's code, as `codespace/number`.
    pub code: String,
    /// The message.
    pub message: String,
    /// The number of the contract's own error, if it is one.
    pub number: Option<u32>,
}

impl Error {
    fn new(code: String, message: String) -> Error {
        let number = message.match_indices("): ").find_map(|(end, _)| {
            let open = message[..end].rfind(" (")?;
            message[open + 2..end].parse().ok()
        });
        Error { code, message, number }
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::Text(text)) => text.clone(),
        other => panic!("the test host has answered {other:?}"),
    }
}

fn bytes(value: Option<&Value>) -> &[u8] {
    match value {
        Some(Value::Blob(bytes)) => bytes,
        other => panic!("the test host has answered {other:?}"),
    }
}

impl Chain {
    /// A new chain with so many accounts.
    ///
    /// # Panics
    /// If it does not start: the tests are run by `dadbs contract test`.
    pub fn start(accounts: u8) -> Chain {
        let host = std::env::var_os("DADBS_TEST_HOST")
            .expect("DADBS_TEST_HOST is not set: run the tests with `dadbs contract test`");
        let mut process = Command::new(host)
            .args(["contract", "test-host"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("dadbs starts");
        let input = process.stdin.take().expect("stdin is piped");
        let output = process.stdout.take().expect("stdout is piped");
        let mut chain = Chain { process, input, output, gas: Vec::new() };
        chain.ask(&["start".into(), i64::from(accounts).into()]).expect("a chain starts");
        chain
    }

    fn ask(&mut self, request: &[Value]) -> Result<Answer, Error> {
        let request = encode_row(request);
        let len = u32::try_from(request.len()).expect("a request is below 4 GiB");
        self.input.write_all(&len.to_le_bytes()).expect("the test host reads");
        self.input.write_all(&request).expect("the test host reads");
        self.input.flush().expect("the test host reads");
        let mut len = [0; 4];
        self.output.read_exact(&mut len).expect("the test host answers");
        let mut answer = vec![0; u32::from_le_bytes(len) as usize];
        self.output.read_exact(&mut answer).expect("the test host answers");
        let row = decode_row(&answer).expect("the test host answers a row");
        if text(row.first()) != "ok" {
            return Err(Error::new(text(row.first()), text(row.get(1))));
        }
        let Some(Value::Integer(gas)) = row.get(2) else { panic!("the answer has no gas") };
        let rows = decode_rows(bytes(row.get(1)), ROWS_MAX).expect("the answer has rows");
        let events = decode_rows(bytes(row.get(3)), ROWS_MAX).expect("the answer has events");
        let events = events.into_iter().map(|event| {
            let texts: Vec<String> = event.iter().map(|value| text(Some(value))).collect();
            let pairs = texts[1..].chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()));
            (texts[0].clone(), pairs.collect())
        });
        let Some(Value::Integer(sql_gas)) = row.get(4) else {
            panic!("the answer has no gas of SQL")
        };
        let (gas, sql_gas) = (gas.unsigned_abs(), sql_gas.unsigned_abs());
        Ok(Answer { rows, gas, sql_gas, events: events.collect() })
    }

    /// The address of an account.
    ///
    /// # Panics
    /// If there is no such account.
    pub fn address(&mut self, account: u8) -> String {
        let answer = self.ask(&["address".into(), i64::from(account).into()]);
        text(Some(&answer.expect("the account exists").value()))
    }

    /// Stores the module under test and makes a contract of it; the account is its admin.
    ///
    /// # Panics
    /// If it is rejected: see [`Chain::try_publish`].
    pub fn publish(&mut self, account: u8, name: &str, arguments: &[Value]) {
        self.try_publish(account, name, arguments)
            .unwrap_or_else(|error| panic!("publish {name}: {}", error.message));
    }

    /// Stores the module under test and makes a contract of it, or says why not.
    ///
    /// # Errors
    /// The rejection of the code or of `init`.
    ///
    /// # Panics
    /// If there is no module: the tests are run by `dadbs contract test`.
    pub fn try_publish(
        &mut self,
        account: u8,
        name: &str,
        arguments: &[Value],
    ) -> Result<Answer, Error> {
        self.instantiate(account, name, "DADBS_TEST_WASM", arguments)
    }

    /// Makes a contract of another module, which `[package.metadata.dadbs.test]` names.
    ///
    /// # Panics
    /// If it is rejected, or was not built.
    pub fn publish_other(&mut self, account: u8, module: &str, name: &str, arguments: &[Value]) {
        let module = format!("DADBS_TEST_WASM_{module}");
        self.instantiate(account, name, &module, arguments)
            .unwrap_or_else(|error| panic!("publish {name}: {}", error.message));
    }

    fn instantiate(
        &mut self,
        account: u8,
        name: &str,
        module: &str,
        arguments: &[Value],
    ) -> Result<Answer, Error> {
        let Some(module) = std::env::var_os(module) else {
            panic!("{module} is not set: run the tests with `dadbs contract test`");
        };
        let module = std::fs::read(module).expect("the module is readable");
        let arguments = Value::Blob(encode_row(arguments));
        let answer = self.ask(&[
            "publish".into(),
            i64::from(account).into(),
            name.into(),
            Value::Blob(module),
            arguments,
        ])?;
        self.gas.push(("init".into(), answer.gas, answer.sql_gas));
        Ok(answer)
    }

    /// Calls an entry point in a signed transaction with a block of its own.
    ///
    /// # Errors
    /// The rejection.
    pub fn call(
        &mut self,
        account: u8,
        contract: &str,
        entry: &str,
        arguments: &[Value],
    ) -> Result<Answer, Error> {
        self.pay(account, contract, entry, arguments, 0)
    }

    /// As [`Chain::call`], with so much of the account's udadb for the contract.
    ///
    /// # Errors
    /// The rejection.
    pub fn pay(
        &mut self,
        account: u8,
        contract: &str,
        entry: &str,
        arguments: &[Value],
        amount: i64,
    ) -> Result<Answer, Error> {
        let answer = self.ask(&[
            "call".into(),
            i64::from(account).into(),
            contract.into(),
            entry.into(),
            Value::Blob(encode_row(arguments)),
            amount.into(),
        ])?;
        self.gas.push((entry.into(), answer.gas, answer.sql_gas));
        Ok(answer)
    }

    /// Asks a view as an account.
    ///
    /// # Errors
    /// The rejection.
    pub fn view(
        &mut self,
        account: u8,
        contract: &str,
        entry: &str,
        arguments: &[Value],
    ) -> Result<Answer, Error> {
        self.ask(&[
            "view".into(),
            i64::from(account).into(),
            contract.into(),
            entry.into(),
            Value::Blob(encode_row(arguments)),
        ])
    }

    /// Runs a SELECT on the committed state of a contract; what invariants are checked with.
    ///
    /// # Panics
    /// If it is rejected.
    pub fn select(&mut self, contract: &str, sql: &str) -> Vec<Vec<Value>> {
        let answer = self.ask(&["select".into(), contract.into(), sql.into(), (-1).into()]);
        answer.unwrap_or_else(|error| panic!("{sql}: {}", error.message)).rows
    }

    /// Runs a SELECT that sees the rows which an account may read.
    ///
    /// # Errors
    /// The rejection.
    pub fn select_as(
        &mut self,
        account: u8,
        contract: &str,
        sql: &str,
    ) -> Result<Vec<Vec<Value>>, Error> {
        let account = i64::from(account).into();
        Ok(self.ask(&["select".into(), contract.into(), sql.into(), account])?.rows)
    }

    /// The address of a contract.
    ///
    /// # Panics
    /// If there is no such contract.
    pub fn contract_address(&mut self, contract: &str) -> String {
        let sql = format!("SELECT address FROM chain.contracts WHERE name = '{contract}'");
        text(self.select("", &sql).first().and_then(|row| row.first()))
    }

    /// What an address holds, in udadb.
    pub fn balance(&mut self, address: &str) -> i64 {
        let sql = format!(
            "SELECT amount FROM chain.balances WHERE address = '{address}' AND denom = 'udadb'"
        );
        match self.select("", &sql).first().and_then(|row| row.first()) {
            Some(Value::Integer(amount)) => *amount,
            _ => 0,
        }
    }

    /// Makes an empty block, in which due schedules run; its events, as their full names and fields.
    ///
    /// # Panics
    /// If the block fails.
    pub fn block(&mut self) -> Vec<(String, Vec<(String, String)>)> {
        self.ask(&["block".into()]).expect("a block is made").events
    }

    /// Lets block time pass; the next block has the later time.
    ///
    /// # Panics
    /// If the time is beyond what a block can have.
    pub fn advance(&mut self, time: Duration) {
        let time = i64::try_from(time.as_millis()).expect("less than 292 million years");
        self.ask(&["advance".into(), time.into()]).expect("time passes");
    }

    /// Makes empty blocks up to a height.
    ///
    /// # Panics
    /// If a block fails.
    pub fn advance_to(&mut self, height: u64) {
        let height = i64::try_from(height).expect("a height has 63 bits");
        self.ask(&["height".into(), height.into()]).expect("blocks are made");
    }

    /// Compares the gas of all calls so far and its part of SQL, line by line, with a file; with `UPDATE_EXPECT=1` in the
    /// environment rewrites it.
    ///
    /// # Panics
    /// If they differ.
    pub fn gas(&self, file: impl AsRef<Path>) {
        let file = file.as_ref();
        let mut lines = String::new();
        for (entry, gas, sql) in &self.gas {
            let _ = writeln!(lines, "{entry} {gas} sql {sql}");
        }
        println!("{lines}");
        if std::env::var("UPDATE_EXPECT").is_ok_and(|value| value == "1") {
            std::fs::write(file, &lines).expect("the file is writable");
            return;
        }
        let expected = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            expected == lines,
            "the gas differs from {}: UPDATE_EXPECT=1 rewrites it, if that is meant\n{lines}",
            file.display()
        );
    }

    /// The rows as the encoding of the chain: equal states are equal bytes.
    pub fn snapshot(&mut self, contract: &str, sql: &str) -> Vec<u8> {
        encode_rows(&self.select(contract, sql))
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Numbers from a seed (SplitMix64): the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }
}
