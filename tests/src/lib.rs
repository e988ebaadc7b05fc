//! The test kit: a chain in this process, without an engine.
//!
//! [`Chain`] drives the application as CometBFT would, one block at a time, with real signatures, the
//! real stock contract and a real store.

use dadbs_app::{App, AppConfig, Block, BlockOutcome, Genesis, TxResult};
use dadbs_client::{Fee, SecretKey, Signer, UnsignedTx, tx::any};
use dadbs_proto::cosmos::bank::v1beta1::MsgSend;
use dadbs_proto::cosmos::base::abci::v1beta1::TxMsgData;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::dadbs::contract::v1::{MsgExecute, MsgInstantiate};
use dadbs_proto::dadbs::sql::v1::{MsgExec, QueryRequest, QueryResponse, Row, Statement};
use dadbs_types::{AccountAddress, Amount, BlockInfo, Value};
use prost::{Message, Name};
use prost_types::Any;
use std::path::Path;

/// The chain id of every test chain.
pub const CHAIN_ID: &str = "dadbs-test-1";

/// The gas limit that tests use where gas is not their subject.
pub const GAS: u64 = 100_000_000;

/// A key that depends on `index` alone.
///
/// # Panics
/// Never: the bytes are a valid scalar.
pub fn key(index: u8) -> SecretKey {
    let mut bytes = [0x11; 32];
    bytes[31] = index;
    SecretKey::from_bytes(&bytes).expect("a small scalar is a key")
}

/// A genesis with `accounts` prefunded accounts of [`key`].
pub fn genesis(accounts: u8) -> Genesis {
    let funded = (0..accounts).map(|index| (key(index).address(), Amount(1_000_000_000_000)));
    dadbs_genesis::genesis(CHAIN_ID, 1_700_000_000_000_000_000, funded.collect())
}

/// A chain whose blocks are made by calls.
pub struct Chain {
    /// The application.
    pub app: App,
    /// The height of the last block.
    pub height: u64,
    keys: Vec<SecretKey>,
    sequences: Vec<u64>,
}

impl Chain {
    /// A chain in memory with `accounts` prefunded accounts.
    ///
    /// # Panics
    /// If genesis fails.
    pub fn memory(accounts: u8) -> Chain {
        Chain::start(App::memory().expect("an application in memory"), accounts)
    }

    /// A chain in a folder, new or resumed.
    ///
    /// # Panics
    /// If it does not open.
    pub fn at(dir: &Path, accounts: u8) -> Chain {
        let config = AppConfig { dir: dir.into(), checkpoint_interval: 10, verify_rows: true };
        Chain::start(App::open(&config).expect("the folder opens"), accounts)
    }

    fn start(mut app: App, accounts: u8) -> Chain {
        let genesis = genesis(accounts);
        app.init_chain(&genesis).expect("genesis applies");
        let height = app.info().height;
        let keys: Vec<_> = (0..accounts).map(key).collect();
        let mut chain = Chain { app, height, keys, sequences: Vec::new() };
        chain.sequences = (0..accounts).map(|index| chain.committed_sequence(index)).collect();
        chain
    }

    fn committed_sequence(&self, index: u8) -> u64 {
        let sql = format!(
            "SELECT sequence FROM chain.accounts WHERE address = '{}'",
            self.address(index)
        );
        match self.select("", &sql).rows.first().and_then(|row| row.values.first().cloned()) {
            Some(value) => match Value::from(value) {
                Value::Integer(sequence) => sequence.unsigned_abs(),
                other => panic!("a sequence is {other:?}"),
            },
            None => 0,
        }
    }

    /// The address of a prefunded account.
    pub fn address(&self, index: u8) -> AccountAddress {
        self.keys[usize::from(index)].address()
    }

    /// Signs messages with the account's next sequence.
    pub fn sign(&mut self, index: u8, messages: Vec<Any>) -> Vec<u8> {
        self.sign_with_gas(index, messages, GAS)
    }

    /// Signs messages with a gas limit; the fee is the least one.
    pub fn sign_with_gas(&mut self, index: u8, messages: Vec<Any>, gas_limit: u64) -> Vec<u8> {
        let at = usize::from(index);
        let signer = Signer {
            address: self.address(index),
            account_number: u64::from(index),
            sequence: self.sequences[at],
        };
        self.sequences[at] += 1;
        let amount = (u128::from(gas_limit)
            * u128::from(dadbs_genesis::MIN_FEE_PER_MILLION_GAS))
        .div_ceil(1_000_000);
        let fee = Fee { gas_limit, amount };
        UnsignedTx::new(messages).sign(&self.keys[at], &signer, &fee, CHAIN_ID)
    }

    /// The facts of the next block.
    pub fn next_block(&self, txs: Vec<Vec<u8>>) -> Block {
        let height = self.height + 1;
        let seconds = i64::try_from(height).expect("a small height");
        let time_ns = 1_700_000_000_000_000_000 + seconds * 1_000_000_000;
        Block { info: BlockInfo { height, time_ns, proposer_address: [7; 20] }, txs }
    }

    /// Executes and commits a block.
    ///
    /// # Panics
    /// If the application stops.
    pub fn block(&mut self, txs: Vec<Vec<u8>>) -> BlockOutcome {
        let block = self.next_block(txs);
        let outcome = self.app.finalize_block(&block).expect("the block executes");
        self.app.commit().expect("the block commits");
        self.height += 1;
        outcome
    }

    /// Runs one transaction in a block of its own.
    pub fn run(&mut self, index: u8, messages: Vec<Any>) -> TxResult {
        let tx = self.sign(index, messages);
        self.block(vec![tx]).tx_results.remove(0)
    }

    /// Makes a database of the stock contract, owned by the account.
    ///
    /// # Panics
    /// If it is rejected.
    pub fn create_database(&mut self, index: u8, name: &str) {
        let message = MsgInstantiate {
            sender: self.address(index).to_string(),
            code_id: 1,
            name: name.into(),
            admin: String::new(),
            arguments: vec![Value::Null.into()],
        };
        let result = self.run(index, vec![any(&message)]);
        assert!(result.is_ok(), "{}", result.log);
    }

    /// A message that runs statements, each with its rows of parameters.
    pub fn exec(&self, index: u8, database: &str, statements: &[(&str, Vec<Vec<Value>>)]) -> Any {
        let statements = statements
            .iter()
            .map(|(sql, rows)| Statement {
                sql: (*sql).into(),
                rows: rows.iter().cloned().map(Row::from).collect(),
            })
            .collect();
        let sender = self.address(index).to_string();
        any(&MsgExec { sender, database: database.into(), statements })
    }

    /// Runs one statement without parameters in a block of its own.
    pub fn sql(&mut self, index: u8, database: &str, sql: &str) -> TxResult {
        let message = self.exec(index, database, &[(sql, Vec::new())]);
        self.run(index, vec![message])
    }

    /// Calls an entry point in a block of its own.
    pub fn call(
        &mut self,
        index: u8,
        contract: &str,
        entry: &str,
        arguments: Vec<Value>,
    ) -> TxResult {
        let message = MsgExecute {
            sender: self.address(index).to_string(),
            contract: contract.into(),
            entry: entry.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        };
        self.run(index, vec![any(&message)])
    }

    /// A message that sends coins.
    pub fn send(&self, index: u8, to: AccountAddress, amount: u64) -> Any {
        any(&MsgSend {
            from_address: self.address(index).to_string(),
            to_address: to.to_string(),
            amount: vec![Coin { denom: "udadb".into(), amount: amount.to_string() }],
        })
    }

    /// Asks a query of the read API.
    ///
    /// # Errors
    /// What the query was rejected with.
    ///
    /// # Panics
    /// If the answer does not decode.
    pub fn query<Response: Message + Default>(
        &self,
        path: &str,
        request: &impl Message,
    ) -> Result<Response, dadbs_types::Error> {
        let queries = self.app.queries()?;
        let (_, bytes) = queries.query(path, &request.encode_to_vec())?;
        Ok(Response::decode(bytes.as_slice()).expect("the answer decodes"))
    }

    /// The rows of a SELECT on committed state; `database` may be empty.
    ///
    /// # Panics
    /// If it is rejected.
    pub fn select(&self, database: &str, sql: &str) -> QueryResponse {
        let request =
            QueryRequest { database: database.into(), sql: sql.into(), parameters: Vec::new() };
        self.query("/dadbs.sql.v1.Query/Query", &request).unwrap_or_else(|error| {
            panic!("{sql}: {error}");
        })
    }

    /// The rows of a SELECT as the core's values.
    pub fn rows(&self, database: &str, sql: &str) -> Vec<Vec<Value>> {
        self.select(database, sql).rows.into_iter().map(Vec::from).collect()
    }
}

/// The response of a transaction's first message.
///
/// # Panics
/// If there is none of this type.
pub fn response<M: Message + Name + Default>(result: &TxResult) -> M {
    let data = TxMsgData::decode(result.data.as_slice()).expect("the data is TxMsgData");
    data.msg_responses[0].to_msg().expect("the response has this type")
}
