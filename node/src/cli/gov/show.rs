//! What governance shows.

use crate::cli::context::{Globals, Session};
use crate::cli::exit::Outcome;
use crate::cli::output::{self, grouped};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs_client::proto::FILE_DESCRIPTOR_SET;
use dadbs_client::proto::cosmos::base::query::v1beta1::PageRequest;
use dadbs_client::proto::cosmos::gov::v1::{Proposal, QueryProposalRequest, QueryProposalsRequest};
use dadbs_client::proto::cosmos::upgrade::v1beta1::QueryCurrentPlanRequest;
use dadbs_client::proto::dadbs::circuit::v1::PausesRequest;
use dadbs_client::proto::dadbs::gov::v1::{TallyRequest, TallyResponse};
use dadbs_client::proto::dadbs::params::v1::ParamsRequest;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use prost_types::Any;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::time::Duration;

/// Fields of messages that hold code or a hash of it.
const BYTES: [&str; 4] = ["wasm", "code_hash", "replaces_hash", "evidence_hash"];

/// Between two looks at a tally.
const WATCH: Duration = Duration::from_secs(1);

/// A time for people.
fn time(ms: i64) -> String {
    match tendermint::Time::from_unix_timestamp(ms.div_euclid(1_000), 0) {
        Ok(time) if ms > 0 => time.to_rfc3339(),
        _ => "-".into(),
    }
}

/// Millionths as percent.
fn percent(ppm: u128) -> String {
    format!("{}.{} %", ppm / 10_000, ppm % 10_000 / 1_000)
}

fn part(votes: u128, of: u128) -> String {
    let ppm = (votes * 1_000_000).checked_div(of).unwrap_or(0);
    percent(ppm)
}

async fn standing(session: &Session, proposal_id: u64) -> Outcome<TallyResponse> {
    Ok(session.client.tally(TallyRequest { proposal_id }).await?)
}

fn tally_json(id: u64, tally: &TallyResponse) -> Json {
    json!({
        "proposal_id": id, "status": tally.status, "kind": tally.kind, "outlook": tally.outlook,
        "yes": tally.yes.to_string(), "abstain": tally.abstain.to_string(),
        "no": tally.no.to_string(), "veto": tally.veto.to_string(),
        "yes_age": tally.yes_age.to_string(), "abstain_age": tally.abstain_age.to_string(),
        "no_age": tally.no_age.to_string(), "veto_age": tally.veto_age.to_string(),
        "power": tally.power.to_string(), "quorum_ppm": tally.quorum,
        "threshold_ppm": tally.threshold, "veto_threshold_ppm": tally.veto_threshold,
        "voting_end_ms": tally.voting_end_ms, "eta_ms": tally.eta_ms,
        "failed_reason": tally.failed_reason,
    })
}

fn tally_text(id: u64, tally: &TallyResponse) -> String {
    let votes = [tally.yes, tally.no, tally.veto, tally.abstain].map(u128::from);
    let ages = [tally.yes_age, tally.no_age, tally.veto_age, tally.abstain_age].map(u128::from);
    let [yes, no, veto, abstain] = std::array::from_fn(|option| votes[option] + ages[option]);
    let (turnout, voted) = (votes.iter().sum::<u128>(), yes + no + veto + abstain);
    let mut table = output::table(["option", "udadb", "by age", "of the votes"]);
    for (index, option) in ["yes", "no", "no with veto", "abstain"].into_iter().enumerate() {
        let (plain, age) = (votes[index], ages[index]);
        let row = [option.into(), grouped(plain), grouped(age), part(plain + age, voted)];
        table.add_row(row);
    }
    let outlook = match tally.outlook.as_str() {
        "" => String::new(),
        outlook => format!("; as it stands it {outlook}"),
    };
    let ends = match tally.eta_ms {
        0 => format!("the vote ends {}", time(tally.voting_end_ms)),
        eta => format!("executed from {}", time(eta)),
    };
    let reason = match tally.failed_reason.as_str() {
        "" => String::new(),
        reason => format!("\nfailed     {reason}"),
    };
    format!(
        "proposal {id} ({}): {}{outlook}\n{table}\nturnout    {} of {} needed\nyes        {} of {} needed\nveto       {} of {} allowed\ntime       {ends}{reason}",
        tally.kind,
        tally.status,
        part(turnout, tally.power.into()),
        percent(tally.quorum.into()),
        part(yes, yes + no + veto),
        percent(tally.threshold.into()),
        part(veto, voted),
        percent(tally.veto_threshold.into()),
    )
}

/// Shows how a vote stands; if it is watched, every change until the proposal has ended.
pub(super) async fn tally(globals: &Globals, id: u64, watch: bool) -> Outcome {
    let session = globals.session().await?;
    let mut shown: Option<TallyResponse> = None;
    loop {
        let tally = standing(&session, id).await?;
        if shown.as_ref() != Some(&tally) {
            globals.print(&tally_json(id, &tally), || tally_text(id, &tally));
        }
        let goes_on = matches!(tally.status.as_str(), "deposit" | "voting" | "queued");
        if !watch || !goes_on {
            return Ok(());
        }
        shown = Some(tally);
        tokio::time::sleep(WATCH).await;
    }
}

/// A message in the form of a file that `gov submit` takes; one of an unknown type with its bytes in hex.
fn message_json(any: &Any) -> Json {
    let decoded = DescriptorPool::decode(FILE_DESCRIPTOR_SET).ok().and_then(|pool| {
        let descriptor = pool.get_message_by_name(any.type_url.trim_start_matches('/'))?;
        let message = DynamicMessage::decode(descriptor, any.value.as_slice()).ok()?;
        let options = SerializeOptions::new().use_proto_field_name(true);
        message.serialize_with_options(serde_json::value::Serializer, &options).ok()
    });
    let mut json = json!({ "@type": any.type_url });
    match (json.as_object_mut(), decoded) {
        (Some(json), Some(Json::Object(fields))) => json.extend(fields),
        (Some(json), _) => drop(json.insert("value".into(), hex::encode(&any.value).into())),
        (None, _) => {}
    }
    json
}

/// A message for people: code and hashes as voters compare them.
fn message_text(any: &Any) -> String {
    let Json::Object(fields) = message_json(any) else { return any.type_url.clone() };
    let mut text = format!("message    {}", any.type_url);
    for (name, value) in fields.iter().filter(|(name, _)| *name != "@type") {
        let bytes = value.as_str().filter(|_| BYTES.contains(&name.as_str()));
        let shown = match bytes.and_then(|text| BASE64.decode(text).ok()) {
            Some(hash) if hash.len() == 32 => hex::encode(hash),
            Some(code) => {
                format!("{} bytes, sha256 {}", code.len(), hex::encode(Sha256::digest(&code)))
            }
            None => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n           {name}: {shown}");
    }
    text
}

fn proposal_json(proposal: &Proposal) -> Json {
    let deposit = proposal.total_deposit.first().map_or("0", |coin| coin.amount.as_str());
    let messages: Vec<_> = proposal.messages.iter().map(message_json).collect();
    json!({
        "id": proposal.id, "title": proposal.title, "summary": proposal.summary,
        "metadata": proposal.metadata, "proposer": proposal.proposer, "deposit": deposit,
        "expedited": proposal.expedited, "messages": messages,
    })
}

pub(super) async fn proposal(globals: &Globals, id: u64) -> Outcome {
    let session = globals.session().await?;
    let answer = session.client.proposal(QueryProposalRequest { proposal_id: id }).await?;
    let proposal = answer.proposal.unwrap_or_default();
    let tally = standing(&session, id).await?;
    let mut json = proposal_json(&proposal);
    if let (Some(json), Json::Object(tally)) = (json.as_object_mut(), tally_json(id, &tally)) {
        json.extend(tally);
    }
    globals.print(&json, || {
        let deposit = proposal.total_deposit.first().map_or("0", |coin| coin.amount.as_str());
        let messages: Vec<_> =
            proposal.messages.iter().map(|any| format!("\n{}", message_text(any))).collect();
        format!(
            "title      {}\nsummary    {}\nproposer   {}\ndeposit    {deposit} udadb{}\n\n{}",
            proposal.title,
            proposal.summary,
            proposal.proposer,
            messages.concat(),
            tally_text(id, &tally)
        )
    });
    Ok(())
}

pub(super) async fn proposals(globals: &Globals, limit: u64) -> Outcome {
    let session = globals.session().await?;
    let pagination = Some(PageRequest { limit, reverse: true, ..PageRequest::default() });
    let request = QueryProposalsRequest { pagination, ..QueryProposalsRequest::default() };
    let proposals = session.client.proposals(request).await?.proposals;
    let mut rows = Vec::new();
    for proposal in &proposals {
        rows.push((proposal, standing(&session, proposal.id).await?));
    }
    let json: Vec<Json> = rows
        .iter()
        .map(|(proposal, tally)| {
            json!({
                "id": proposal.id, "title": proposal.title, "status": tally.status,
                "kind": tally.kind, "outlook": tally.outlook,
            })
        })
        .collect();
    globals.print(&json!(json), || {
        let mut table = output::table(["id", "title", "kind", "status", "as it stands"]);
        for (proposal, tally) in &rows {
            let id = proposal.id.to_string();
            table.add_row([&id, &proposal.title, &tally.kind, &tally.status, &tally.outlook]);
        }
        table.to_string()
    });
    Ok(())
}

/// The parameters whose names begin so.
pub(crate) async fn params(globals: &Globals, prefix: &str) -> Outcome {
    let mut params = globals.session().await?.client.params(ParamsRequest {}).await?.params;
    params.retain(|param| param.name.starts_with(prefix));
    let json: Vec<Json> = params
        .iter()
        .map(|p| {
            json!({
                "name": p.name, "value": p.value, "default": p.default, "least": p.least,
                "greatest": p.greatest, "unit": p.unit, "meaning": p.meaning,
            })
        })
        .collect();
    globals.print(&json!(json), || {
        let mut table = output::table([
            "parameter",
            "value",
            "default",
            "least",
            "greatest",
            "unit",
            "meaning",
        ]);
        for param in &params {
            let number = |number: u64| grouped(number.into());
            table.add_row([
                param.name.clone(),
                number(param.value),
                number(param.default),
                number(param.least),
                number(param.greatest),
                param.unit.clone(),
                param.meaning.clone(),
            ]);
        }
        table.to_string()
    });
    Ok(())
}

/// What is paused.
pub(crate) async fn pauses(globals: &Globals) -> Outcome {
    let answer = globals.session().await?.client.pauses(PausesRequest {}).await?;
    let pauses: Vec<Json> = answer
        .pauses
        .iter()
        .map(|pause| json!({ "scope": pause.scope, "ends_ms": pause.ends_ms, "by": pause.by }))
        .collect();
    globals.print(&json!({ "guardian": answer.guardian, "pauses": pauses }), || {
        let mut table = output::table(["paused", "until", "by"]);
        for pause in &answer.pauses {
            table.add_row([pause.scope.clone(), time(pause.ends_ms), pause.by.clone()]);
        }
        let guardian = if answer.guardian.is_empty() { "nobody" } else { &answer.guardian };
        format!("guardian   {guardian}\n{table}")
    });
    Ok(())
}

/// The planned upgrade.
pub(crate) async fn upgrade(globals: &Globals) -> Outcome {
    let answer = globals.session().await?.client.upgrade_plan(QueryCurrentPlanRequest {}).await?;
    let json = answer.plan.as_ref().map_or(
        Json::Null,
        |plan| json!({ "name": plan.name, "height": plan.height, "info": plan.info }),
    );
    globals.print(&json, || match &answer.plan {
        None => "no upgrade is planned".into(),
        Some(plan) => format!("{} at height {}\n{}", plan.name, plan.height, plan.info),
    });
    Ok(())
}
