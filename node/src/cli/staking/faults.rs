//! Faults: the proof of a wrong header, and what waits before it costs stake.
//!
//! 1. The file has the accused's header and vote; the chain's own header of that height, its commit and validators are
//!    asked of the node. The chain verifies all of it.

use super::query::page;
use crate::cli::context::{Globals, Session};
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::{self, grouped};
use dadbs_client::proto::cosmos::base::tendermint::v1beta1::Validator;
use dadbs_client::proto::cosmos::crypto::ed25519::PubKey;
use dadbs_client::proto::dadbs::slashing::v1::{
    Fault, FaultRequest, FaultsRequest, MsgSubmitInvalidHeader, MsgSubmitInvalidHeaderResponse,
};
use dadbs_client::tx::{UnsignedTx, any};
use dadbs_types::AccountAddress;
use prost::Message;
use prost_types::Timestamp;
use serde_json::{Value as Json, json};
use std::path::Path;
use tendermint::PublicKey;
use tendermint::block::{Commit, Header, signed_header::SignedHeader};
use tendermint::validator::{Info, Set};
use tendermint::vote::{Power, Vote};
use tendermint_proto::v0_38::types as raw;

/// What accuses a validator.
#[derive(serde::Deserialize)]
struct Accusation {
    header: Header,
    vote: Vote,
}

pub(super) async fn submit(globals: &Globals, submitter: AccountAddress, file: &Path) -> Outcome {
    let wrong = |why: String| Failure::usage(format!("{}: {why}", file.display()));
    let text = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let Accusation { header, vote } =
        serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    let session = globals.session().await?;
    let (signed_header, validators) = finalized(&session, header.height.value()).await?;
    let message = MsgSubmitInvalidHeader {
        submitter: submitter.to_string(),
        header: raw::Header::from(header).encode_to_vec(),
        vote: raw::Vote::from(vote).encode_to_vec(),
        signed_header: raw::SignedHeader::from(signed_header).encode_to_vec(),
        validator_set: raw::ValidatorSet::from(validators).encode_to_vec(),
    };
    let tx = UnsignedTx::new(vec![any(&message)]);
    if let Some(included) = globals.submit(&session, &tx, None).await? {
        let id = included.message_response::<MsgSubmitInvalidHeaderResponse>(0)?.fault_id;
        let people = format!("fault {id}: `dadbs query slashing fault {id}` shows it");
        globals.print_included(&included, json!({ "fault_id": id }), &people);
    }
    Ok(())
}

/// The chain's own header of a height with its commit, which the next block carries, and its validators (rule 1).
async fn finalized(session: &Session, height: u64) -> Outcome<(SignedHeader, Set)> {
    let malformed = |why: &dyn std::fmt::Display| {
        Failure::other(format!("the node's block {height} is malformed: {why}; ask another node"))
    };
    let missing = |what: &str| {
        Failure::new(Exit::NotFound, format!("the node has no {what} of height {height}"))
    };
    let header = session.client.block(height).await?.block.and_then(|block| block.header);
    let header = header.ok_or_else(|| missing("header"))?.encode_to_vec();
    let next = session.client.block(height.saturating_add(1)).await?;
    let commit = next.block.and_then(|block| block.last_commit);
    let commit = commit.ok_or_else(|| missing("commit"))?.encode_to_vec();
    let header = raw::Header::decode(&header[..]).map_err(|error| malformed(&error))?;
    let header = Header::try_from(header).map_err(|error| malformed(&error))?;
    let commit = raw::Commit::decode(&commit[..]).map_err(|error| malformed(&error))?;
    let commit = Commit::try_from(commit).map_err(|error| malformed(&error))?;
    let signed = SignedHeader::new(header, commit).map_err(|error| malformed(&error))?;
    let validators = session.client.validators_at(height).await?;
    let infos = validators.iter().map(info).collect::<Option<Vec<Info>>>();
    let infos = infos.ok_or_else(|| malformed(&"a validator has no ed25519 key or no power"))?;
    Ok(dadbs_headers::stripped(&signed, &Set::without_proposer(infos)))
}

fn info(validator: &Validator) -> Option<Info> {
    let key = validator.pub_key.as_ref()?.to_msg::<PubKey>().ok()?;
    let power = Power::try_from(validator.voting_power).ok()?;
    Some(Info::new(PublicKey::from_raw_ed25519(&key.key)?, power))
}

fn fault_json(fault: &Fault) -> Json {
    json!({
        "fault_id": fault.fault_id,
        "validator": fault.validator_address,
        "kind": fault.kind,
        "height": fault.height,
        "power": fault.power,
        "fraction_ppm": fault.fraction_ppm,
        "due": fault.due,
        "status": fault.status,
        "submitter": fault.submitter,
        "evidence": fault.evidence,
        "evidence_hash": hex::encode_upper(&fault.evidence_hash),
        "burned": fault.burned,
    })
}

fn table(faults: &[Fault]) -> String {
    let head = ["fault", "validator", "kind", "height", "ppm", "status", "due", "burned, udadb"];
    let mut table = output::table(head);
    for fault in faults {
        table.add_row([
            fault.fault_id.to_string(),
            fault.validator_address.clone(),
            fault.kind.clone(),
            fault.height.to_string(),
            fault.fraction_ppm.to_string(),
            fault.status.clone(),
            Timestamp { seconds: fault.due, nanos: 0 }.to_string(),
            grouped(fault.burned.into()),
        ]);
    }
    table.to_string()
}

pub(super) async fn list(globals: &Globals, status: &str) -> Outcome {
    let request = FaultsRequest { status: status.into(), pagination: page() };
    let faults = globals.session().await?.client.faults(request).await?.faults;
    let json: Vec<Json> = faults.iter().map(fault_json).collect();
    globals.print(&json!(json), || table(&faults));
    Ok(())
}

pub(super) async fn show(globals: &Globals, fault_id: u64) -> Outcome {
    let found = globals.session().await?.client.fault(FaultRequest { fault_id }).await?.fault;
    let fault = found.unwrap_or_default();
    globals.print(&fault_json(&fault), || {
        format!(
            "{}\nevidence: {}\nhash: {}\nsubmitted by {}",
            table(std::slice::from_ref(&fault)),
            fault.evidence,
            hex::encode_upper(&fault.evidence_hash),
            fault.submitter
        )
    });
    Ok(())
}
