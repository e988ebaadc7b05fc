//! The test kit: a chain in this process, without an engine.
//!
//! [`Chain`] drives the application as CometBFT would, one block at a time, with real signatures, the
//! real stock contract and a real store. [`craft`] makes transactions that are wrong in one place,
//! [`golden`] freezes formats, [`Random`] makes loads from seeds.

pub mod consensus;
pub mod craft;
pub mod headers;
pub mod load;
pub mod stake;

use consensus::{Consensus, ValidatorSet};
use dadbs_app::{App, AppConfig, Block, BlockOutcome, Genesis, TxResult};
use dadbs_client::{Fee, SecretKey, Signer, UnsignedTx, tx::any};
use dadbs_proto::cosmos::bank::v1beta1::MsgSend;
use dadbs_proto::cosmos::base::abci::v1beta1::TxMsgData;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::dadbs::contract::v1::{
    MsgExecute, MsgInstantiate, MsgStoreCode, MsgStoreCodeResponse,
};
use dadbs_proto::dadbs::sql::v1::{MsgExec, QueryRequest, QueryResponse, Row, Statement};
use dadbs_types::{
    AccountAddress, Amount, BlockInfo, Misbehavior, OperatorAddress, ValidatorUpdate, Value,
};
use prost::{Message, Name};
use prost_types::Any;
use std::collections::{BTreeMap, BTreeSet};
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

/// For chains whose stake matures quickly: votes and faults end before it does, as parameters must have it.
pub const SHORT_VOTES: [(&str, u64); 3] =
    [("gov.voting_period", 1), ("gov.expedited_voting_period", 1), ("slashing.fault_delay", 1)];

/// A consensus key that depends on `index` alone; [`headers`] signs with it.
pub fn consensus_key(index: u8) -> [u8; 32] {
    headers::public_key(index)
}

/// A genesis with `accounts` prefunded accounts, of which the first `validators` operate one each, with
/// [`consensus_key`] and equal power.
pub fn staked_genesis(accounts: u8, validators: u8) -> Genesis {
    let mut genesis = genesis(accounts);
    let validator = |index| {
        let operator = key(index).address();
        dadbs_genesis::validator(format!("v{index}"), operator, consensus_key(index))
    };
    genesis.validators = (0..validators).map(validator).collect();
    genesis
}

/// The least fee of a gas limit, in udadb.
pub fn least_fee(gas_limit: u64) -> u128 {
    (u128::from(gas_limit) * u128::from(dadbs_genesis::MIN_FEE_PER_MILLION_GAS)).div_ceil(1_000_000)
}

/// Copies a folder with all that is in it.
///
/// # Panics
/// If a file cannot be read or written.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder can be made");
    for entry in std::fs::read_dir(from).expect("the folder is readable") {
        let entry = entry.expect("the folder is readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("the entry has a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("the file can be copied");
        }
    }
}

/// Compares a text with `tests/golden/<name>`; with `UPDATE_EXPECT=1` in the environment rewrites it.
///
/// # Panics
/// If they differ or the file cannot be used.
pub fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if std::env::var("UPDATE_EXPECT").is_ok_and(|value| value == "1") {
        std::fs::write(&path, text).expect("the golden file is writable");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = expected.lines().zip(text.lines()).position(|(old, new)| old != new);
    assert!(
        expected == text,
        "{} differs from line {} on: UPDATE_EXPECT=1 rewrites it, if that is meant\n{text}",
        path.display(),
        differs.map_or(expected.lines().count().min(text.lines().count()), |at| at) + 1
    );
}

/// Numbers from a seed (SplitMix64): the same on every machine and in every version.
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

/// A chain whose blocks are made by calls.
pub struct Chain {
    /// The application.
    pub app: App,
    /// The height of the last block.
    pub height: u64,
    /// The validator sets, as the consensus engine keeps them.
    pub consensus: Consensus,
    /// The time and the set of every height that this process has seen.
    pub past: BTreeMap<u64, (i64, ValidatorSet)>,
    /// Consensus addresses whose signatures the next blocks lack.
    pub absent: BTreeSet<[u8; 20]>,
    /// Evidence that the next block carries.
    pub misbehavior: Vec<Misbehavior>,
    /// How many seconds the clock of the chain was moved ahead.
    pub skipped_seconds: i64,
    /// What signatures are for.
    pub chain_id: String,
    keys: Vec<SecretKey>,
    sequences: Vec<u64>,
}

impl Chain {
    /// A chain in memory with `accounts` prefunded accounts.
    ///
    /// # Panics
    /// If genesis fails.
    pub fn memory(accounts: u8) -> Chain {
        Chain::over(App::memory().expect("an application in memory"), accounts)
    }

    /// A chain in a folder, new or resumed.
    ///
    /// # Panics
    /// If it does not open.
    pub fn at(dir: &Path, accounts: u8) -> Chain {
        let config = AppConfig { checkpoint_interval: 10, ..AppConfig::new(dir) };
        Chain::over(App::open(&config).expect("the folder opens"), accounts)
    }

    /// A chain over an application, new or resumed.
    ///
    /// # Panics
    /// If genesis fails.
    pub fn over(app: App, accounts: u8) -> Chain {
        Chain::of(app, &genesis(accounts))
    }

    /// A chain in memory with parameters of its own.
    ///
    /// # Panics
    /// If genesis fails.
    pub fn with_params(accounts: u8, params: &[(&str, u64)]) -> Chain {
        let params = params.iter().map(|(name, value)| ((*name).to_string(), *value)).collect();
        let genesis = Genesis { params, ..genesis(accounts) };
        Chain::of(App::memory().expect("an application in memory"), &genesis)
    }

    /// A chain in memory of [`staked_genesis`], with parameters of its own.
    ///
    /// # Panics
    /// If genesis fails.
    pub fn staked(accounts: u8, validators: u8, params: &[(&str, u64)]) -> Chain {
        let params = SHORT_VOTES.iter().chain(params);
        let params = params.map(|(name, value)| ((*name).to_string(), *value)).collect();
        let genesis = Genesis { params, ..staked_genesis(accounts, validators) };
        Chain::of(App::memory().expect("an application in memory"), &genesis)
    }

    /// A chain of a genesis whose accounts are those of [`key`], new or resumed.
    ///
    /// # Panics
    /// If genesis fails.
    pub fn of(app: App, genesis: &Genesis) -> Chain {
        let accounts = u8::try_from(genesis.accounts.len()).expect("few accounts");
        Chain::of_exported(app, genesis, accounts)
    }

    /// A chain whose genesis may bring its accounts in a state.
    ///
    /// # Panics
    /// If genesis fails.
    pub fn of_exported(mut app: App, genesis: &Genesis, accounts: u8) -> Chain {
        app.init_chain(genesis).expect("genesis applies");
        let height = app.store().height();
        let mut chain = Chain {
            app,
            height,
            consensus: Consensus::default(),
            past: BTreeMap::new(),
            absent: BTreeSet::new(),
            misbehavior: Vec::new(),
            skipped_seconds: 0,
            chain_id: genesis.chain_id.clone(),
            keys: (0..accounts).map(key).collect(),
            sequences: Vec::new(),
        };
        chain.consensus = Consensus::begin(&chain.validator_set());
        chain.sequences = (0..accounts).map(|index| chain.committed_sequence(index)).collect();
        chain
    }

    /// What the consensus engine was told, as the committed state has it.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn validator_set(&self) -> Vec<ValidatorUpdate> {
        let rows = self.rows("", "SELECT key, power FROM chain.validator_set ORDER BY key");
        rows.iter()
            .map(|row| match &row[..] {
                [Value::Blob(key), Value::Integer(power)] => ValidatorUpdate {
                    key: key.as_slice().try_into().expect("a key has 32 bytes"),
                    power: power.unsigned_abs(),
                },
                other => panic!("{other:?}"),
            })
            .collect()
    }

    /// The operator address of an account.
    pub fn operator(&self, index: u8) -> OperatorAddress {
        OperatorAddress(self.address(index))
    }

    /// The sequence that the account's next transaction will be signed with.
    pub fn sequence(&self, index: u8) -> u64 {
        self.sequences[usize::from(index)]
    }

    /// Takes the sequences of the committed state: after transactions that were signed and not run.
    ///
    /// # Panics
    /// If the committed state cannot be read.
    pub fn resync(&mut self) {
        let accounts = u8::try_from(self.sequences.len()).expect("few accounts");
        self.sequences = (0..accounts).map(|index| self.committed_sequence(index)).collect();
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
        let fee = Fee { gas_limit, amount: least_fee(gas_limit) };
        UnsignedTx::new(messages).sign(&self.keys[at], &signer, &fee, &self.chain_id)
    }

    /// The facts of the next block.
    ///
    /// # Panics
    /// Never: heights of tests are small.
    pub fn next_block(&self, txs: Vec<Vec<u8>>) -> Block {
        let height = self.height + 1;
        let seconds = i64::try_from(height).expect("a small height");
        let seconds = seconds + self.skipped_seconds;
        let time_ns = 1_700_000_000_000_000_000 + seconds * 1_000_000_000;
        let info = BlockInfo {
            height,
            time_ns,
            proposer_address: [7; 20],
            votes: self.consensus.last.votes(&self.absent),
            misbehavior: self.misbehavior.clone(),
        };
        Block { info, txs }
    }

    /// Executes and commits a block of transactions.
    pub fn block(&mut self, txs: Vec<Vec<u8>>) -> BlockOutcome {
        let block = self.next_block(txs);
        self.apply(&block)
    }

    /// Executes and commits a decided block.
    ///
    /// # Panics
    /// If the application stops.
    pub fn apply(&mut self, block: &Block) -> BlockOutcome {
        let outcome = self.app.finalize_block(block).expect("the block executes");
        self.app.commit().expect("the block commits");
        self.height += 1;
        self.past.insert(self.height, (block.info.time_ns, self.consensus.current.clone()));
        self.consensus.advance(&outcome.validator_updates);
        self.misbehavior.clear();
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
        let message = self.instantiate(index, 1, name, "");
        let result = self.run(index, vec![message]);
        assert!(result.is_ok(), "{}", result.log);
    }

    /// A message that makes a contract with one NULL as argument; `admin` may be empty.
    pub fn instantiate(&self, index: u8, code_id: u64, name: &str, admin: &str) -> Any {
        any(&MsgInstantiate {
            sender: self.address(index).to_string(),
            code_id,
            name: name.into(),
            admin: admin.into(),
            arguments: vec![Value::Null.into()],
        })
    }

    /// A message that calls an entry point with texts.
    pub fn execute(&self, index: u8, contract: &str, entry: &str, arguments: &[&str]) -> Any {
        any(&MsgExecute {
            sender: self.address(index).to_string(),
            contract: contract.into(),
            entry: entry.into(),
            arguments: arguments.iter().map(|text| Value::from(*text).into()).collect(),
            funds: Vec::new(),
        })
    }

    /// Stores a module in a block of its own; returns its id.
    ///
    /// # Panics
    /// If it is rejected.
    pub fn store_code(&mut self, index: u8, wasm: Vec<u8>) -> u64 {
        let sender = self.address(index).to_string();
        let result = self.run(index, vec![any(&MsgStoreCode { sender, wasm })]);
        assert!(result.is_ok(), "{}", result.log);
        response::<MsgStoreCodeResponse>(&result).code_id
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
            funds: Vec::new(),
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
        self.try_select(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The rows of a SELECT, or what it was rejected with.
    ///
    /// # Errors
    /// The rejection.
    pub fn try_select(
        &self,
        database: &str,
        sql: &str,
    ) -> Result<QueryResponse, dadbs_types::Error> {
        let request =
            QueryRequest { database: database.into(), sql: sql.into(), ..QueryRequest::default() };
        self.query("/dadbs.sql.v1.Query/Query", &request)
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
