//! `dadbs verify`: one row with a proof, verified here.
//!
//! 1. The validators are pinned by the hash of their set (`--validators-hash`). Without it the node is asked
//!    and a warning says that the answer is only as trustworthy as the node.
//! 2. The proof must be about the table and key that were asked for.

use super::context::Globals;
use super::exit::{Exit, Failure, Outcome};
use super::output::{self, json_value, literal, shown, to_wire};
use super::sql::explained;
use dadbs_client::proto::dadbs::sql::v1::Object;
use dadbs_types::{Key, Value};
use dadbs_verifier::{Bundle, Time, Trust, TrustedValidators, VerifiedRow};
use prost::Message;
use serde_json::{Value as Json, json};
use std::time::Duration;
use tendermint::Hash;
use tendermint::validator::Set;
use tendermint_proto::v0_38::types::ValidatorSet;

/// The oldest state that is accepted by default: shorter than unbonding will be.
const AGE_MAX: Duration = Duration::from_hours(336);
/// The pinned set is trusted from 1970 for 300 years: how old an answer may be is the age's to say.
const TRUSTING_PERIOD: Duration = Duration::from_hours(300 * 365 * 24);
const CLOCK_DRIFT: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// Name of the database
    database: String,
    /// Name of the table
    table: String,
    /// The values of the key in order, or the rowid: numbers, x'hex', 'text' or text
    #[arg(required = true, allow_negative_numbers = true)]
    key: Vec<String>,
    /// Hash of the validators that you trust, in hex; `dadbs verify` prints the node's
    #[arg(long, env = "DADBS_VALIDATORS_HASH", value_name = "HEX")]
    validators_hash: Option<String>,
    /// Refuse a state older than this
    #[arg(long, value_name = "SECONDS")]
    age_max: Option<u64>,
}

pub(crate) async fn run(globals: &Globals, args: &Verify) -> Outcome {
    let session = globals.session().await?;
    let schema = session.client.schema(&args.database).await;
    let schema = schema.map_err(|e| explained(e, &args.database))?;
    let is_it = |o: &&Object| o.kind == "table" && o.name.eq_ignore_ascii_case(&args.table);
    let table = schema.objects.iter().find(is_it).ok_or_else(|| {
        let why =
            format!("no table \"{}\": `dadbs sql tables {}` lists them", args.table, args.database);
        Failure::new(Exit::NotFound, why)
    })?;
    let key: Vec<Value> = args.key.iter().map(|text| literal(text)).collect();
    if args.key.len() != table.key.len().max(1) {
        let names = if table.key.is_empty() { "the rowid".into() } else { table.key.join(", ") };
        return Err(Failure::usage(format!("the key of \"{}\" is {names}", args.table)));
    }
    let pinned = if let Some(text) = &args.validators_hash {
        hex::decode(text)
            .map_err(|e| Failure::usage(format!("--validators-hash is not hex: {e}")))?
    } else {
        let hash = session.client.trust().await?.validators_hash;
        let text = hex::encode_upper(&hash);
        eprintln!(
            "warning: the validators are the ones that the node names; pin them with --validators-hash {text}"
        );
        hash
    };
    let wire_key = key.iter().map(to_wire).collect();
    let bundle = session.client.prove(&args.database, &args.table, wire_key).await;
    let bundle = bundle.map_err(|e| explained(e, &args.database))?;
    let trust = trust(&bundle, &pinned, &session.status.chain_id, args.age_max)?;
    let row = dadbs_verifier::verify(&bundle, &trust, Time::now());
    let row = row.map_err(|error| invalid(&error.to_string()))?;
    if !row.answers(&table.physical, &Key(key)) {
        return Err(invalid("it is about another row"));
    }
    print(globals, table, &row);
    Ok(())
}

fn invalid(why: &str) -> Failure {
    Failure::new(
        Exit::Proof,
        format!("the proof is invalid: {why}. Do not use this answer; ask another node"),
    )
}

/// What is trusted: the validators of the bundle, if they are the pinned ones (rule 1).
fn trust(bundle: &[u8], pinned: &[u8], chain_id: &str, age_max: Option<u64>) -> Outcome<Trust> {
    let malformed = |why: &dyn std::fmt::Display| invalid(&why.to_string());
    let bundle = Bundle::decode(bundle).map_err(|e| malformed(&e))?;
    let set = ValidatorSet::decode(bundle.validator_set.as_slice()).map_err(|e| malformed(&e))?;
    let set = Set::try_from(set).map_err(|e| malformed(&e))?;
    let hash = set.hash();
    if !matches!(hash, Hash::Sha256(bytes) if bytes == pinned) {
        return Err(invalid(&format!(
            "it is signed by the validators {hash}, not by the pinned ones"
        )));
    }
    Ok(Trust {
        chain_id: chain_id.into(),
        // The proof's own height: validators are pinned, not a header.
        height: bundle.height,
        time: Time::unix_epoch(),
        validators: TrustedValidators::of_set(set),
        trusting_period: TRUSTING_PERIOD,
        clock_drift: CLOCK_DRIFT,
        age_max: Some(age_max.map_or(AGE_MAX, Duration::from_secs)),
    })
}

fn print(globals: &Globals, table: &Object, verified: &VerifiedRow) {
    let height = verified.height;
    let Some(row) = &verified.row else {
        let json = json!({ "verified": true, "height": height, "row": Json::Null });
        globals.print(&json, || format!("no such row\nverified at height {height}"));
        return;
    };
    // Trailing NULLs are left out of the proof.
    let mut values = row.values.clone();
    values.resize(table.columns.len().max(values.len()), Value::Null);
    let json_row: serde_json::Map<String, Json> =
        table.columns.iter().cloned().zip(values.iter().map(json_value)).collect();
    let json = json!({
        "verified": true, "height": height, "time": verified.time.to_rfc3339(),
        "row": json_row, "rowid": row.rowid,
    });
    globals.print(&json, || {
        let mut header: Vec<String> = table.columns.clone();
        let mut cells: Vec<String> = values.iter().map(shown).collect();
        if let Some(rowid) = row.rowid {
            header.insert(0, "rowid".into());
            cells.insert(0, rowid.to_string());
        }
        let mut shown = output::table(header);
        shown.add_row(cells);
        format!("{shown}\nverified at height {height}")
    });
}
