//! Sending: several transactions in flight with consecutive sequences.
//!
//! 1. The first transaction also makes the database if it does not exist.
//! 2. Transactions are sent without waiting for the one before, up to the number in flight; the guard of each
//!    batch keeps their order ([`super::batch`]).
//! 3. When one fails, the rest in flight is waited for, progress and sequence are read again, and the
//!    import goes on from there: with more gas if it was too little, once more if another transaction of the
//!    account was first. Any other failure ends the import; running it again resumes it.
//! 4. The factor of the gas model follows what transactions used, never below the last ones.

use super::batch::{Batch, next_batch, scaled};
use super::plan::Plan;
use super::source::Source;
use super::stream::Stream;
use crate::cli::context::{Account, Globals, Session};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::output::{from_wire, grouped};
use dadbs_client::proto::dadbs::contract::v1::MsgInstantiate;
use dadbs_client::proto::dadbs::sql::v1 as sql;
use dadbs_client::tx::{self, Fee, UnsignedTx};
use dadbs_client::{ClientError, Included};
use dadbs_types::{Value, limits};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::VecDeque;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Room above the corrected model.
const GAS_MARGIN: f64 = 1.15;
/// Attempts without any progress before the import gives up.
const ATTEMPTS: u32 = 8;
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Where an import stands on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is no such database.
    Absent,
    /// It has no tables.
    Empty,
    /// An import of this source has sent this many items.
    Begun(u64),
    /// An import of something else is under way.
    Other,
    /// It has tables and no import is under way.
    Filled,
}

/// Reads where an import stands.
pub(crate) async fn standing(session: &Session, database: &str, plan: &Plan) -> Outcome<Standing> {
    if session.client.contract(database).await?.is_none() {
        return Ok(Standing::Absent);
    }
    let objects = session.client.schema(database).await?.objects;
    let own: Vec<&str> = objects.iter().map(|o| o.name.as_str()).collect();
    let own: Vec<&str> = own.into_iter().filter(|name| !name.starts_with("_dadbs_")).collect();
    if own.is_empty() {
        return Ok(Standing::Empty);
    }
    if !own.contains(&plan.bookkeeping.as_str()) {
        // Another source has another name for its bookkeeping, if it holds a table of the usual one.
        let of_source = |name: &str| plan.tables.iter().any(|table| table.info.name == name);
        let other = own.iter().any(|name| name.starts_with("dadbs_import") && !of_source(name));
        return Ok(if other { Standing::Other } else { Standing::Filled });
    }
    let read = format!("SELECT source, done FROM {}", plan.bookkeeping);
    let answer = session.client.query(database, &read, Vec::new()).await?;
    let row = answer.rows.into_iter().next().map(|row| row.values).unwrap_or_default();
    let mut values = row.into_iter().map(from_wire);
    match (values.next(), values.next()) {
        (Some(Value::Text(source)), Some(Value::Integer(done))) if source == plan.source_hash => {
            Ok(Standing::Begun(done.cast_unsigned()))
        }
        _ => Ok(Standing::Other),
    }
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sent {
    pub(crate) transactions: u64,
    pub(crate) rows: u64,
    pub(crate) gas_used: u64,
    pub(crate) fee: u128,
    pub(crate) seconds: f64,
}

struct InFlight {
    hash: String,
    rows: u64,
    modelled: u64,
    fee: u128,
}

/// Sends an import.
pub(crate) struct Sender<'a> {
    pub(crate) globals: &'a Globals,
    pub(crate) session: &'a Session,
    pub(crate) account: Account,
    pub(crate) source: &'a Source,
    pub(crate) plan: &'a Plan,
    pub(crate) database: &'a str,
    pub(crate) bytes_max: usize,
    pub(crate) in_flight: usize,
    /// Schema objects of the store, for the gas model.
    pub(crate) objects: u64,
    /// Used gas by modelled gas.
    pub(crate) factor: f64,
}

impl Sender<'_> {
    /// The transaction of a batch; `create` makes the database first (rule 1).
    pub(crate) fn transaction(&self, batch: &Batch, create: bool) -> UnsignedTx {
        let sender = self.account.signer.address.to_string();
        let mut messages = Vec::new();
        if create && batch.from == 0 {
            messages.push(tx::any(&MsgInstantiate {
                sender: sender.clone(),
                code_id: 1,
                name: self.database.into(),
                admin: String::new(),
                arguments: vec![sql::Value { value: None }],
            }));
        }
        messages.push(tx::any(&batch.message(&sender, self.database)));
        UnsignedTx::new(messages)
    }

    /// Learns the factor by simulating the first batch.
    pub(crate) async fn calibrate(&mut self, position: u64, create: bool) -> Outcome {
        let mut stream = Stream::at(&self.source.connection, self.plan, position);
        let batch = next_batch(&mut stream, &mut None, self.bytes_max, 4.0, self.objects)?;
        let Some(batch) = batch else { return Ok(()) };
        let tx = self.transaction(&batch, create);
        let public_key = self.account.key.public_key();
        let simulated =
            self.session.client.simulate(&tx, &public_key, &self.account.signer).await?;
        self.learn(simulated.gas_used, batch.gas);
        Ok(())
    }

    /// Rule 4.
    #[expect(clippy::cast_precision_loss, reason = "a ratio of gas")]
    fn learn(&mut self, used: u64, modelled: u64) {
        let ratio = (used as f64 / modelled.max(1) as f64).max(0.1);
        self.factor = if ratio > self.factor { ratio } else { self.factor * 0.8 + ratio * 0.2 };
    }

    /// Sends everything from an item on (rules 2 and 3).
    pub(crate) async fn send_all(&mut self, mut position: u64, create: bool) -> Outcome<Sent> {
        let begin = Instant::now();
        let bar = Bar::new(self.plan, position);
        let mut sent = Sent::default();
        let mut attempts = 0;
        let mut create = create;
        loop {
            let outcome = self.send_from(position, create, &mut sent, &bar).await;
            let Err(failure) = outcome else { break };
            self.recover(&failure, attempts).await?;
            let (reached, exists) = match standing(self.session, self.database, self.plan).await? {
                Standing::Absent => (Some(0), false),
                Standing::Empty => (Some(0), true),
                Standing::Begun(done) => (Some(done), true),
                // The last transaction dropped the bookkeeping table before its answer was lost.
                Standing::Filled if position > 0 => (None, true),
                Standing::Filled | Standing::Other => return Err(failure.into()),
            };
            create = !exists;
            let Some(reached) = reached else { break };
            attempts = if reached > position { 0 } else { attempts + 1 };
            position = reached;
        }
        sent.seconds = begin.elapsed().as_secs_f64();
        bar.finish();
        Ok(sent)
    }

    /// Decides whether to go on after a failure (rule 3).
    async fn recover(&mut self, failure: &ClientError, attempts: u32) -> Outcome {
        let code = match failure {
            ClientError::Rejected(tx) | ClientError::Failed(tx) => (tx.codespace.as_str(), tx.code),
            ClientError::NotIncluded { .. } => ("", 0),
            _ => return Err(resumable(failure)),
        };
        let is_guard = code == ("sql", 5) || code.0 == "wasm";
        match code {
            ("sdk", 11) => self.factor *= 1.5,
            ("sdk", 32) | ("", 0) => {}
            // What follows a failed batch fails at its guard; the first failure decides.
            _ if is_guard && attempts == 0 => {}
            _ => return Err(resumable(failure)),
        }
        if attempts >= ATTEMPTS {
            return Err(resumable(failure));
        }
        tokio::time::sleep(RETRY_PAUSE).await;
        let address = self.account.signer.address;
        self.account.signer = self.session.client.account(address).await?;
        Ok(())
    }

    async fn send_from(
        &mut self,
        position: u64,
        create: bool,
        sent: &mut Sent,
        bar: &Bar,
    ) -> Result<(), ClientError> {
        let local = |failure: Failure| ClientError::Malformed(failure.message);
        let mut stream = Stream::at(&self.source.connection, self.plan, position);
        let mut pending = None;
        let mut flying: VecDeque<InFlight> = VecDeque::new();
        let mut ended = false;
        loop {
            // The first transactions teach the gas model before many depend on it.
            let wanted = if sent.transactions < 2 { 1 } else { self.in_flight };
            while !ended && flying.len() < wanted {
                let (bytes_max, factor, objects) = (self.bytes_max, self.factor, self.objects);
                let batch = next_batch(&mut stream, &mut pending, bytes_max, factor, objects);
                let Some(batch) = batch.map_err(local)? else {
                    ended = true;
                    break;
                };
                ended = batch.last;
                match self.launch(&batch, create).await {
                    Ok(launched) => flying.push_back(launched),
                    Err(error) => {
                        let first = self.land_all(&mut flying, sent, bar).await;
                        return Err(first.err().unwrap_or(error));
                    }
                }
            }
            let Some(oldest) = flying.pop_front() else { return Ok(()) };
            if let Err(error) = self.land(oldest, sent, bar).await {
                // Their failures follow from this one.
                let _ = self.land_all(&mut flying, sent, bar).await;
                return Err(error);
            }
        }
    }

    async fn launch(&mut self, batch: &Batch, create: bool) -> Result<InFlight, ClientError> {
        let tx = self.transaction(batch, create);
        let gas = scaled(batch.gas, self.factor * GAS_MARGIN).min(limits::TX_GAS_MAX);
        let fee = Fee { gas_limit: gas, amount: self.session.price.fee(gas) };
        let chain_id = &self.session.status.chain_id;
        let Account { key, signer } = &self.account;
        let hash = self.session.client.send(&tx, key, signer, &fee, chain_id).await?;
        self.account.signer.sequence += 1;
        Ok(InFlight { hash, rows: batch.rows, modelled: batch.gas, fee: fee.amount })
    }

    async fn land(&mut self, tx: InFlight, sent: &mut Sent, bar: &Bar) -> Result<(), ClientError> {
        let timeout = Duration::from_secs(self.globals.timeout);
        let included: Included = self.session.client.wait(&tx.hash, timeout).await?;
        let used = included.gas_used.unsigned_abs();
        self.learn(used, tx.modelled);
        sent.transactions += 1;
        sent.rows += tx.rows;
        sent.gas_used += used;
        sent.fee += tx.fee;
        bar.advance(sent);
        Ok(())
    }

    async fn land_all(
        &mut self,
        flying: &mut VecDeque<InFlight>,
        sent: &mut Sent,
        bar: &Bar,
    ) -> Result<(), ClientError> {
        let mut first = Ok(());
        while let Some(tx) = flying.pop_front() {
            let landed = self.land(tx, sent, bar).await;
            first = first.and(landed);
        }
        first
    }
}

fn resumable(failure: &ClientError) -> Failure {
    let mut failure = Failure::from(failure.clone());
    failure.message.push_str(". What is imported stays: run the same command again to go on");
    failure
}

/// Rows done, on the terminal as a bar, else as a line now and then.
struct Bar {
    shown: ProgressBar,
    lines: bool,
    last: std::cell::Cell<Instant>,
    rows: u64,
    before: u64,
}

impl Bar {
    fn new(plan: &Plan, position: u64) -> Bar {
        let rows = plan.rows();
        let terminal = std::io::stderr().is_terminal();
        let target =
            if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let shown = ProgressBar::with_draw_target(Some(rows), target);
        let style =
            ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} rows  {per_sec}  {msg}");
        shown.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let before = position.saturating_sub(plan.tables.len() as u64).min(rows);
        shown.set_position(before);
        Bar { shown, lines: !terminal, last: std::cell::Cell::new(Instant::now()), rows, before }
    }

    fn advance(&self, sent: &Sent) {
        let done = (self.before + sent.rows).min(self.rows);
        let (gas, fee) = (grouped(u128::from(sent.gas_used)), grouped(sent.fee));
        let facts = format!("{} transactions, {gas} gas, {fee} udadb", sent.transactions);
        self.shown.set_position(done);
        if self.lines && self.last.get().elapsed() >= Duration::from_secs(2) {
            eprintln!("{done} of {} rows, {facts}", self.rows);
            self.last.set(Instant::now());
        }
        self.shown.set_message(facts);
    }

    fn finish(&self) {
        self.shown.finish_and_clear();
    }
}
