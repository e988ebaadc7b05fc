//! Proposals from files and from arguments.
//!
//! 1. A message in a file is the JSON form of protobuf with its type in `@type`; the field that names who signs may
//!    be left out: it is governance.
//! 2. Without a deposit a proposal has what begins its vote at once.

use super::{authority, coins, read, signer, submit};
use crate::cli::context::{Globals, Session};
use crate::cli::contract::migration;
use crate::cli::distribution::operator;
use crate::cli::exit::{Exit, Failure, Outcome};
use dadbs_client::proto::FILE_DESCRIPTOR_SET;
use dadbs_client::proto::cosmos::gov::v1::MsgSubmitProposal;
use dadbs_client::proto::cosmos::upgrade::v1beta1::{MsgCancelUpgrade, MsgSoftwareUpgrade, Plan};
use dadbs_client::proto::dadbs::circuit::v1::{MsgPause, MsgResume};
use dadbs_client::proto::dadbs::contract::v1::{MsgMigrate, MsgStoreCode};
use dadbs_client::proto::dadbs::params::v1::msg_update_params::Change;
use dadbs_client::proto::dadbs::params::v1::{MsgUpdateParams, ParamsRequest};
use dadbs_client::proto::dadbs::slashing::v1::{MsgCancelFault, MsgResolveFault};
use dadbs_client::proto::dadbs::sql::v1::Value;
use dadbs_client::tx::any;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use prost_types::Any;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct Propose {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    texts: Texts,
}

#[derive(Debug, clap::Args)]
struct Texts {
    /// One line for people [default: says what is proposed]
    #[arg(long, global = true)]
    title: Option<String>,
    /// More for people
    #[arg(long, global = true, default_value = "")]
    summary: String,
    /// In udadb [default: what begins the vote at once]
    #[arg(long, global = true, value_name = "UDADB")]
    deposit: Option<u64>,
    /// Vote in the short period, with the larger deposit
    #[arg(long, global = true)]
    expedited: bool,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Change parameters; `dadbs query params` lists them
    Params {
        /// Such as `gov.voting_period=86400`
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = parse_param)]
        changes: Vec<(String, u64)>,
    },
    /// Store code and move a contract of governance to it, both named by their hashes
    Contract {
        /// The contract
        name: String,
        /// The crate's folder, or a module
        path: PathBuf,
        /// Arguments of `migrate`, behind `accept_losses`
        #[arg(allow_negative_numbers = true)]
        arguments: Vec<String>,
        /// Drop columns and tables that are no longer declared
        #[arg(long)]
        accept_losses: bool,
    },
    /// Halt at a height for another version of the software
    Upgrade {
        /// The name that the new software knows
        name: String,
        /// The first height of the new software
        height: i64,
        /// For operators: where it is, and its hash
        #[arg(long, default_value = "")]
        info: String,
    },
    /// Take the planned upgrade back
    CancelUpgrade,
    /// Pause `message:/a.type.Url`, `contract:name` or `contracts`
    Pause {
        /// What
        scope: String,
        /// For how long
        seconds: u64,
    },
    /// End a pause
    Resume {
        /// What
        scope: String,
    },
    /// Attribute a fault that no protocol proves; it costs stake when `slashing.fault_delay` is over
    ResolveFault {
        /// Operator address (dadbsvaloper1...), or address or key name of the operator
        validator: String,
        /// `censorship` or `invalid_state`
        kind: String,
        /// The height at which it was done
        height: u64,
        /// Millionths of the stake
        fraction_ppm: u64,
        /// What it rests on
        evidence: String,
        /// A document, whose SHA-256 goes with it
        #[arg(long, value_name = "FILE")]
        document: Option<PathBuf>,
    },
    /// Appeal: cancel a fault that waits; with --expedited, since a fault waits no longer than an ordinary vote
    CancelFault {
        /// Its number
        fault: u64,
    },
    /// Ask without changing anything
    Text,
}

/// `name=value` of a parameter.
pub(crate) fn parse_param(text: &str) -> Result<(String, u64), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let value = value.parse().map_err(|_| format!("\"{value}\" is not a whole number"))?;
    Ok((name.into(), value))
}

pub(super) async fn propose(globals: &Globals, args: &Propose) -> Outcome {
    let session = globals.session().await?;
    let (title, messages) = messages(globals, &session, &args.what).await?;
    let texts = &args.texts;
    let deposit = match texts.deposit {
        Some(deposit) => deposit,
        None => least_deposit(&session, texts.expedited).await?,
    };
    let message = MsgSubmitProposal {
        messages,
        initial_deposit: coins(deposit),
        proposer: signer(globals)?,
        metadata: String::new(),
        title: texts.title.clone().unwrap_or(title),
        summary: texts.summary.clone(),
        expedited: texts.expedited,
    };
    submit(globals, &session, any(&message)).await
}

/// Rule 2.
async fn least_deposit(session: &Session, expedited: bool) -> Outcome<u64> {
    let name = if expedited { "gov.expedited_min_deposit" } else { "gov.min_deposit" };
    let params = session.client.params(ParamsRequest {}).await?.params;
    let param = params.iter().find(|param| param.name == name);
    param.map(|param| param.value).ok_or_else(|| Failure::other(format!("no parameter {name}")))
}

/// A title and the messages.
async fn messages(
    globals: &Globals,
    session: &Session,
    what: &What,
) -> Outcome<(String, Vec<Any>)> {
    let authority = authority();
    Ok(match what {
        What::Params { changes } => {
            let now = session.client.params(ParamsRequest {}).await?.params;
            let change = |(name, value): &(String, u64)| Change {
                name: name.clone(),
                value: *value,
                replaces: now.iter().find(|param| param.name == *name).map(|param| param.value),
            };
            let title: Vec<_> =
                changes.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            let changes = changes.iter().map(change).collect();
            let message = any(&MsgUpdateParams { authority, changes });
            (format!("Set {}", title.join(", ")), vec![message])
        }
        What::Contract { name, path, arguments, accept_losses } => {
            let (wasm, arguments) = migration(path, arguments, *accept_losses)?;
            let messages = contract(session, authority, name, wasm, arguments).await?;
            (format!("Upgrade contract {name}"), messages)
        }
        What::Upgrade { name, height, info } => {
            let (name, info) = (name.clone(), info.clone());
            let title = format!("Upgrade to {name} at height {height}");
            let plan = Some(Plan { name, height: *height, info, ..Plan::default() });
            (title, vec![any(&MsgSoftwareUpgrade { authority, plan })])
        }
        What::CancelUpgrade => {
            ("Cancel the planned upgrade".into(), vec![any(&MsgCancelUpgrade { authority })])
        }
        What::Pause { scope, seconds } => {
            let message = MsgPause { authority, scope: scope.clone(), seconds: *seconds };
            (format!("Pause {scope}"), vec![any(&message)])
        }
        What::Resume { scope } => {
            let message = MsgResume { authority, scope: scope.clone() };
            (format!("End the pause of {scope}"), vec![any(&message)])
        }
        What::ResolveFault { validator, kind, height, fraction_ppm, evidence, document } => {
            let validator_address = operator(globals, validator)?;
            let document = document.as_deref().map(read).transpose()?;
            let title = format!("Attribute {kind} at height {height} to {validator_address}");
            let message = MsgResolveFault {
                authority,
                validator_address,
                kind: kind.clone(),
                height: *height,
                fraction_ppm: *fraction_ppm,
                evidence: evidence.clone(),
                evidence_hash: document.map(|d| Sha256::digest(d).to_vec()).unwrap_or_default(),
            };
            (title, vec![any(&message)])
        }
        What::CancelFault { fault } => {
            let message = MsgCancelFault { authority, fault_id: *fault };
            (format!("Cancel fault {fault}"), vec![any(&message)])
        }
        What::Text => ("A question".into(), Vec::new()),
    })
}

/// The messages that store code and move a contract to it, with the hashes of both codes.
async fn contract(
    session: &Session,
    authority: String,
    name: &str,
    wasm: Vec<u8>,
    arguments: Vec<Value>,
) -> Outcome<Vec<Any>> {
    let found = session.client.contract(name).await?;
    let missing = || Failure::new(Exit::NotFound, format!("there is no contract \"{name}\""));
    let info = found.ok_or_else(missing)?;
    if info.admin != authority {
        let message = format!(
            "governance is not the admin of {name}: `dadbs contract publish {name} --governed` makes a contract whose admin is {authority}"
        );
        return Err(Failure::usage(message));
    }
    let replaces_hash = session.client.code(info.code_id).await?.code_hash;
    let code_hash = Sha256::digest(&wasm).to_vec();
    let migrate = MsgMigrate {
        sender: authority.clone(),
        contract: name.into(),
        code_id: 0,
        arguments,
        code_hash,
        replaces_hash,
    };
    Ok(vec![any(&MsgStoreCode { sender: authority, wasm }), any(&migrate)])
}

/// Makes a proposal of a file.
pub(super) async fn submit_file(globals: &Globals, path: &Path) -> Outcome {
    let wrong = |what: String| Failure::usage(format!("{}: {what}", path.display()));
    let file: Json = serde_json::from_slice(&read(path)?).map_err(|e| wrong(e.to_string()))?;
    let fields = file.as_object().ok_or_else(|| wrong("it is no JSON object".into()))?;
    let known = ["title", "summary", "metadata", "deposit", "expedited", "messages"];
    if let Some(other) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(wrong(format!("\"{other}\" is none of {}", known.join(", "))));
    }
    let text = |name: &str| match fields.get(name) {
        None => Ok(String::new()),
        Some(Json::String(text)) => Ok(text.clone()),
        Some(_) => Err(wrong(format!("{name} is a text"))),
    };
    let messages = match fields.get("messages") {
        None => Vec::new(),
        Some(Json::Array(messages)) => {
            messages.iter().map(message).collect::<Result<_, _>>().map_err(wrong)?
        }
        Some(_) => return Err(wrong("messages is a list".into())),
    };
    let expedited = fields.get("expedited").and_then(Json::as_bool).unwrap_or(false);
    let session = globals.session().await?;
    let deposit = match text("deposit")?.trim_end_matches("udadb") {
        "" => least_deposit(&session, expedited).await?,
        amount => amount
            .parse()
            .map_err(|_| wrong(format!("deposit \"{amount}\" is no number of udadb, as text")))?,
    };
    let message = MsgSubmitProposal {
        messages,
        initial_deposit: coins(deposit),
        proposer: signer(globals)?,
        metadata: text("metadata")?,
        title: text("title")?,
        summary: text("summary")?,
        expedited,
    };
    submit(globals, &session, any(&message)).await
}

/// One message of a file (rule 1).
fn message(json: &Json) -> Result<Any, String> {
    let mut fields: Map<String, Json> =
        json.as_object().cloned().ok_or("a message is a JSON object")?;
    let Some(Json::String(url)) = fields.remove("@type") else {
        return Err("a message has its type in \"@type\"".into());
    };
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).map_err(|error| error.to_string())?;
    let name = url.trim_start_matches('/');
    let descriptor = pool.get_message_by_name(name).ok_or(format!("there is no message {url}"))?;
    for field in ["authority", "sender"] {
        if let Some(field) = descriptor.get_field_by_name(field)
            && !fields.contains_key(field.name())
        {
            fields.insert(field.name().into(), authority().into());
        }
    }
    let message = DynamicMessage::deserialize(descriptor, Json::Object(fields))
        .map_err(|error| format!("{url}: {error}"))?;
    Ok(Any { type_url: format!("/{name}"), value: message.encode_to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rule_1_messages_of_files() {
        let json = json!({
            "@type": "/dadbs.params.v1.MsgUpdateParams",
            "changes": [{ "name": "gov.timelock", "value": "5", "replaces": 7 }, { "name": "x" }],
        });
        let changes = vec![
            Change { name: "gov.timelock".into(), value: 5, replaces: Some(7) },
            Change { name: "x".into(), value: 0, replaces: None },
        ];
        let expected = MsgUpdateParams { authority: authority(), changes };
        assert_eq!(message(&json), Ok(any(&expected)));
        for (bad, why) in [
            (json!(5), "object"),
            (json!({}), "@type"),
            (json!({ "@type": "/x.Y" }), "no message"),
            (json!({ "@type": "/dadbs.circuit.v1.MsgPause", "scop": "" }), "scop"),
        ] {
            let error = message(&bad).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn parameters_are_named_with_their_value() {
        assert_eq!(parse_param("a.b=5"), Ok(("a.b".into(), 5)));
        assert!(parse_param("a.b").is_err() && parse_param("a.b=x").is_err());
    }
}
