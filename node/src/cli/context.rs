//! What every command shares: global flags, keys, the connection, sending a transaction.
//!
//! 1. A key named by `--from` is looked for in the encrypted keyring, then in the `test` keyring; a key of
//!    the latter is used with a warning.
//! 2. Without `--from` the only encrypted key is used, else `dev0`, which `dadbs dev` makes.
//! 3. A passphrase is asked for on the terminal, or read as one line of stdin if that is no terminal;
//!    it is never an argument.
//! 4. A transaction is simulated first unless `--gas` is a number, and waited for unless `--no-wait`.
//! 5. With `--sign-only` a command prints its first transaction, signed, and sends nothing.

use super::exit::{Exit, Failure, Outcome};
use super::output::{self, Format};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs_client::proto::dadbs::node::v1::StatusResponse;
use dadbs_client::tx::{self, Fee, GasPrice, Signer, UnsignedTx};
use dadbs_client::{Backend, Client, ClientError, Included, Keyring, SecretKey};
use dadbs_types::{AccountAddress, limits};
use serde_json::{Value as Json, json};
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// Flags that every command takes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Folder of keys and of the dev chain [default: ~/.dadbs]
    #[arg(long, global = true, env = "DADBS_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// gRPC endpoint of the node
    #[arg(
        long,
        global = true,
        env = "DADBS_NODE",
        default_value = "http://127.0.0.1:9090",
        value_name = "URL"
    )]
    pub(crate) node: String,
    /// Refuse a node of another chain
    #[arg(long, global = true, env = "DADBS_CHAIN_ID", value_name = "ID")]
    pub(crate) chain_id: Option<String>,
    /// Key that signs [default: the only key, else dev0]
    #[arg(long, global = true, env = "DADBS_FROM", value_name = "KEY")]
    pub(crate) from: Option<String>,
    /// Where keys are: file (encrypted), test (plain text) [default: file, then test]
    #[arg(long, global = true, env = "DADBS_KEYRING_BACKEND", value_name = "BACKEND")]
    pub(crate) keyring_backend: Option<BackendArg>,
    /// Tables for people or JSON for programs
    #[arg(long, short, global = true, value_enum, default_value = "table")]
    pub(crate) output: Format,
    /// Do not ask for confirmation
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
    /// Gas limit: auto simulates first
    #[arg(long, global = true, default_value = "auto", value_name = "auto|N", value_parser = parse_gas)]
    pub(crate) gas: GasLimit,
    /// Factor on simulated gas
    #[arg(long, global = true, default_value_t = 1.2, value_name = "FACTOR")]
    pub(crate) gas_adjustment: f64,
    /// Fee in udadb [default: gas limit * the present gas price, rounded up; more while blocks are full]
    #[arg(long, global = true, value_name = "UDADB")]
    pub(crate) fees: Option<u128>,
    /// Who pays the fee, by an allowance: address or key name
    #[arg(long, global = true, value_name = "GRANTER")]
    pub(crate) fee_granter: Option<String>,
    /// Sign and print the transaction, as `tx broadcast` and `BroadcastTx` take it; send nothing
    #[arg(long, global = true)]
    pub(crate) sign_only: bool,
    /// Do not wait until a block holds the transaction
    #[arg(long, global = true)]
    pub(crate) no_wait: bool,
    /// How long to wait for a block
    #[arg(long, global = true, default_value_t = 60, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}

/// The keyring backends on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum BackendArg {
    /// Encrypted by a passphrase.
    File,
    /// Plain text, for devnets and tests.
    Test,
}

/// `--gas`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GasLimit {
    /// Simulated gas times the adjustment.
    Auto,
    /// Exactly this.
    Exactly(u64),
}

fn parse_gas(text: &str) -> Result<GasLimit, String> {
    if text == "auto" {
        return Ok(GasLimit::Auto);
    }
    text.parse().map(GasLimit::Exactly).map_err(|_| "write auto or a number".into())
}

/// The key of the dev chain that signs by default (rule 2).
pub(crate) const DEFAULT_DEV_KEY: &str = "dev0";

/// A connection with what signing needs to know of the chain.
pub(crate) struct Session {
    /// The connection.
    pub(crate) client: Client,
    /// The node's status when the session began.
    pub(crate) status: StatusResponse,
    /// The least gas price.
    pub(crate) price: GasPrice,
}

/// An unlocked key and its account.
pub(crate) struct Account {
    /// The secret.
    pub(crate) key: SecretKey,
    /// Account number and sequence.
    pub(crate) signer: Signer,
}

impl Globals {
    /// The home folder.
    pub(crate) fn home(&self) -> Outcome<PathBuf> {
        match (&self.home, std::env::var_os("HOME")) {
            (Some(home), _) => Ok(home.clone()),
            (None, Some(home)) => Ok(PathBuf::from(home).join(".dadbs")),
            (None, None) => Err(Failure::usage("HOME is not set: name a folder with --home")),
        }
    }

    /// The keyring that new keys go to.
    pub(crate) fn keyring(&self) -> Outcome<Keyring> {
        let backend = match self.keyring_backend {
            Some(BackendArg::Test) => Backend::Test,
            Some(BackendArg::File) | None => Backend::File,
        };
        Ok(Keyring::new(&self.home()?, backend))
    }

    /// The keyrings to look for a key in (rule 1).
    pub(crate) fn keyrings(&self) -> Outcome<Vec<Keyring>> {
        let backends: &[Backend] = match self.keyring_backend {
            Some(BackendArg::Test) => &[Backend::Test],
            Some(BackendArg::File) => &[Backend::File],
            None => &[Backend::File, Backend::Test],
        };
        let home = self.home()?;
        Ok(backends.iter().map(|backend| Keyring::new(&home, *backend)).collect())
    }

    /// The keyring and name of the key that signs (rules 1 and 2).
    pub(crate) fn signing_key(&self) -> Outcome<(Keyring, String)> {
        let rings = self.keyrings()?;
        if let Some(name) = &self.from {
            let found = rings.iter().find(|ring| ring.contains(name));
            // The last one says that there is no such key.
            let ring = found.or(rings.last()).cloned();
            let ring = ring.ok_or_else(|| Failure::other("no keyring"))?;
            ring.info(name)?;
            return Ok((ring, name.clone()));
        }
        for ring in &rings {
            let keys = ring.list()?;
            if let [only] = keys.as_slice() {
                return Ok((ring.clone(), only.name.clone()));
            }
            if ring.backend() == Backend::Test && ring.contains(DEFAULT_DEV_KEY) {
                return Ok((ring.clone(), DEFAULT_DEV_KEY.into()));
            }
        }
        Err(Failure::usage(
            "which key signs? Name one with --from; `dadbs keys list` shows them, `dadbs keys add NAME` makes one",
        ))
    }

    /// The secret key that signs.
    pub(crate) fn unlock(&self) -> Outcome<SecretKey> {
        let (ring, name) = self.signing_key()?;
        let passphrase = match ring.backend() {
            Backend::Test => {
                if self.from.is_some() || name != DEFAULT_DEV_KEY {
                    eprintln!("warning: key \"{name}\" is stored in plain text");
                }
                Zeroizing::new(String::new())
            }
            Backend::File => secret_line(&format!("Passphrase of key \"{name}\": "))?,
        };
        Ok(ring.unlock(&name, &passphrase)?)
    }

    /// An address: bech32, or the name of a key.
    pub(crate) fn address(&self, text: &str) -> Outcome<AccountAddress> {
        let malformed = match text.parse() {
            Ok(address) => return Ok(address),
            Err(malformed) => malformed,
        };
        for ring in self.keyrings()? {
            if ring.contains(text) {
                return Ok(ring.info(text)?.address);
            }
        }
        Err(Failure::usage(format!("{malformed}, and no key has this name")))
    }

    /// Who pays the fee instead of the key that signs.
    pub(crate) fn granter(&self) -> Outcome<Option<AccountAddress>> {
        self.fee_granter.as_ref().map(|granter| self.address(granter)).transpose()
    }

    /// Connects, and checks the chain id.
    pub(crate) async fn session(&self) -> Outcome<Session> {
        let client = Client::connect(&self.node).await?;
        let status = client.status().await?;
        if let Some(expected) = &self.chain_id
            && *expected != status.chain_id
        {
            return Err(Failure::usage(format!(
                "{} is a node of chain \"{}\", not of \"{expected}\": check --node and --chain-id",
                self.node, status.chain_id
            )));
        }
        let price = status.min_gas_price.parse().map_err(|e| Failure::other(format!("{e}")))?;
        Ok(Session { client, status, price })
    }

    /// Unlocks the key and looks up its account.
    pub(crate) async fn account(&self, session: &Session) -> Outcome<Account> {
        let key = self.unlock()?;
        let signer = account_of(session, key.address()).await?;
        Ok(Account { key, signer })
    }

    /// The fee of a transaction: simulated, or as the flags say (rule 4).
    pub(crate) async fn fee(
        &self,
        session: &Session,
        tx: &UnsignedTx,
        public_key: &[u8],
        signer: &Signer,
    ) -> Outcome<Fee> {
        let gas_limit = match self.gas {
            GasLimit::Exactly(gas) => gas,
            GasLimit::Auto => {
                let simulated = session.client.simulate(tx, public_key, signer).await?;
                dadbs_client::grpc::adjusted(simulated.gas_used, self.gas_adjustment)
                    .min(limits::TX_GAS_MAX)
            }
        };
        let amount = self.fees.unwrap_or_else(|| session.price.fee(gas_limit));
        Ok(Fee { gas_limit, amount })
    }

    /// Signs, broadcasts and waits (rules 4 and 5). `None` if it is not sent or not waited for: the transaction or its
    /// hash was printed.
    pub(crate) async fn submit(
        &self,
        session: &Session,
        tx: &UnsignedTx,
        question: Option<&str>,
    ) -> Outcome<Option<Included>> {
        let account = self.account(session).await?;
        let public_key = account.key.public_key();
        let tx = &UnsignedTx { granter: self.granter()?, ..tx.clone() };
        let fee = self.fee(session, tx, &public_key, &account.signer).await?;
        if let Some(question) = question.filter(|_| !self.sign_only) {
            let fee = output::grouped(fee.amount);
            self.confirm(&format!("{question} The fee is {fee} udadb."))?;
        }
        let bytes = tx.sign(&account.key, &account.signer, &fee, &session.status.chain_id);
        if self.sign_only {
            let tx_bytes = BASE64.encode(&bytes);
            let json = json!({ "txhash": tx::hash(&bytes), "tx_bytes": tx_bytes });
            self.print(&json, || tx_bytes.clone());
            return Ok(None);
        }
        let sent = session.client.broadcast(bytes).await?;
        self.settle(session, &sent).await
    }

    /// Waits for a transaction that the node took, or prints its hash.
    pub(crate) async fn settle(&self, session: &Session, hash: &str) -> Outcome<Option<Included>> {
        if self.no_wait {
            self.print(&json!({ "txhash": hash }), || format!("sent: {hash}"));
            return Ok(None);
        }
        let timeout = Duration::from_secs(self.timeout);
        Ok(Some(session.client.wait(hash, timeout).await?))
    }

    /// Asks on the terminal unless `--yes` or there is none.
    pub(crate) fn confirm(&self, question: &str) -> Outcome {
        if self.yes || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Ok(());
        }
        eprint!("{question} Go on? [y/N] ");
        std::io::stderr().flush().map_err(|e| Failure::other(format!("stderr: {e}")))?;
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.map_err(|e| Failure::other(format!("stdin: {e}")))?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(Failure::other("stopped; nothing was sent")),
        }
    }

    /// True if programs read stdout.
    pub(crate) fn is_json(&self) -> bool {
        self.output == Format::Json
    }

    /// Prints for programs or for people.
    pub(crate) fn print(&self, json: &Json, people: impl FnOnce() -> String) {
        let text = if self.is_json() { json.to_string() } else { output::plain(&people()) };
        // A reader that went away (`| head`) is no failure of the command.
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// Prints that a transaction is in a block, with more facts for programs.
    pub(crate) fn print_included(&self, included: &Included, facts: Json, people: &str) {
        let mut json = json!({
            "txhash": included.hash,
            "height": included.height,
            "gas_used": included.gas_used,
            "gas_wanted": included.gas_wanted,
        });
        if let (Some(json), Json::Object(facts)) = (json.as_object_mut(), facts) {
            json.extend(facts);
        }
        self.print(&json, || {
            let gas = output::grouped(u128::from(included.gas_used.unsigned_abs()));
            format!("{people} (block {}, {gas} gas, tx {})", included.height, included.hash)
        });
    }
}

/// The account of an address; says how to make one.
pub(crate) async fn account_of(session: &Session, address: AccountAddress) -> Outcome<Signer> {
    session.client.account(address).await.map_err(|error| match error {
        ClientError::NotFound(_) => Failure::new(
            Exit::NotFound,
            format!(
                "{address} has no account on {} yet: send coins to it; on a dev chain `dadbs faucet {address}` does",
                session.status.chain_id
            ),
        ),
        error => error.into(),
    })
}

/// One secret line from the terminal, or from stdin (rule 3).
pub(crate) fn secret_line(prompt: &str) -> Outcome<Zeroizing<String>> {
    let read = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(prompt)
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    };
    let line = Zeroizing::new(read.map_err(|e| Failure::other(format!("stdin: {e}")))?);
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}
