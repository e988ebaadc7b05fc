//! Reads of governance: proposals, votes, deposits, parameters, upgrades, pauses.

use super::Reading;
use crate::electorate::electorate;
use crate::messages::address;
use crate::messages::gov::{kept, timestamp, weight_text};
use dadbs_modules::gov::{self, Proposal, Status};
use dadbs_modules::params::{self, Param};
use dadbs_modules::votes::{self, Tally};
use dadbs_modules::{circuit, consensus, upgrade};
use dadbs_proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::consensus::v1 as consensus_wire;
use dadbs_proto::cosmos::gov::v1::{
    self as wire, QueryDepositRequest, QueryDepositResponse, QueryDepositsRequest,
    QueryDepositsResponse, QueryParamsRequest, QueryParamsResponse, QueryProposalRequest,
    QueryProposalResponse, QueryProposalsRequest, QueryProposalsResponse, QueryTallyResultRequest,
    QueryTallyResultResponse, QueryVoteRequest, QueryVoteResponse, QueryVotesRequest,
    QueryVotesResponse, WeightedVoteOption,
};
use dadbs_proto::cosmos::upgrade::v1beta1::{
    Plan, QueryAppliedPlanRequest, QueryAppliedPlanResponse, QueryAuthorityRequest,
    QueryAuthorityResponse, QueryCurrentPlanRequest, QueryCurrentPlanResponse,
};
use dadbs_proto::dadbs::circuit::v1::{PausesRequest, PausesResponse, pauses_response::Pause};
use dadbs_proto::dadbs::gov::v1::{TallyRequest, TallyResponse};
use dadbs_proto::dadbs::params::v1::{ParamsRequest, ParamsResponse, params_response};
use dadbs_proto::tendermint::types as tendermint;
use dadbs_types::coin::DENOM;
use dadbs_types::{Code, Error, Fatal, Rejection};
use prost_types::Duration;

/// Rows of a page, unless it is asked for fewer.
const PAGE_ROWS: u64 = 100;
/// Proposals that a filtered page looks at.
const SCANNED_MAX: u64 = 10_000;

fn coins(amount: u64) -> Vec<Coin> {
    if amount == 0 {
        return Vec::new();
    }
    vec![Coin { denom: DENOM.into(), amount: amount.to_string() }]
}

fn time(ms: u64) -> Option<prost_types::Timestamp> {
    (ms > 0).then(|| timestamp(i64::try_from(ms).unwrap_or(i64::MAX)))
}

/// What decides: the votes with what age adds to them.
fn tally_result(tally: &Tally) -> wire::TallyResult {
    let [yes, abstain, no, veto] = tally.weighted();
    wire::TallyResult {
        yes_count: yes.to_string(),
        abstain_count: abstain.to_string(),
        no_count: no.to_string(),
        no_with_veto_count: veto.to_string(),
    }
}

fn status(status: Status) -> wire::ProposalStatus {
    match status {
        Status::Deposit => wire::ProposalStatus::DepositPeriod,
        Status::Voting => wire::ProposalStatus::VotingPeriod,
        Status::Queued | Status::Executed => wire::ProposalStatus::Passed,
        Status::Failed => wire::ProposalStatus::Failed,
        Status::Rejected | Status::Vetoed | Status::Expired | Status::Canceled => {
            wire::ProposalStatus::Rejected
        }
    }
}

/// The tally so far, or the result of a proposal that has ended.
fn counted(reading: &Reading<'_>, proposal: &Proposal) -> Result<Tally, Error> {
    let tally = votes::tally(&reading.view, proposal.id, &electorate(&reading.view)?)?;
    if proposal.status == Status::Voting {
        return Ok(tally);
    }
    let extra = gov::extra_of(&reading.view, proposal.id)?;
    Ok(Tally { counts: proposal.counts, extra, ..tally })
}

fn to_wire(reading: &Reading<'_>, proposal: Proposal) -> Result<wire::Proposal, Error> {
    let messages = kept(&gov::messages(&reading.view, proposal.id)?).map_err(|rejection| {
        Fatal::new(format!("the messages of proposal {}: {rejection}", proposal.id))
    })?;
    let extra = gov::extra_of(&reading.view, proposal.id)?;
    let result = Tally { counts: proposal.counts, extra, ..Tally::default() };
    Ok(wire::Proposal {
        id: proposal.id,
        messages,
        status: status(proposal.status).into(),
        final_tally_result: Some(tally_result(&result)),
        submit_time: time(proposal.submitted),
        deposit_end_time: time(proposal.deposit_end),
        total_deposit: coins(proposal.deposit),
        voting_start_time: time(proposal.voting_start),
        voting_end_time: time(proposal.voting_end),
        metadata: proposal.metadata,
        title: proposal.title,
        summary: proposal.summary,
        proposer: proposal.proposer.to_string(),
        expedited: proposal.expedited,
        failed_reason: proposal.failed_reason,
    })
}

pub(super) fn proposal(
    reading: &mut Reading<'_>,
    request: QueryProposalRequest,
) -> Result<QueryProposalResponse, Error> {
    let proposal = gov::require(&reading.view, request.proposal_id)?;
    Ok(QueryProposalResponse { proposal: Some(to_wire(reading, proposal)?) })
}

/// How many rows a page has.
fn rows_of(page: &PageRequest) -> u64 {
    if page.limit == 0 { PAGE_ROWS } else { page.limit.min(PAGE_ROWS) }
}

fn bad_key() -> Rejection {
    Rejection::new(Code::InvalidRequest, "the page's key is none of this query")
}

/// The key of a page as a proposal's number, else where the first page begins.
fn first_id(reading: &Reading<'_>, page: &PageRequest) -> Result<u64, Error> {
    match &page.key[..] {
        [] if page.reverse => {
            let newest = gov::proposals(&reading.view, u64::MAX, true, 1)?;
            Ok(newest.first().map_or(0, |proposal| proposal.id.saturating_sub(page.offset)))
        }
        [] => Ok(page.offset.saturating_add(1)),
        key => Ok(u64::from_be_bytes(key.try_into().map_err(|_| bad_key())?)),
    }
}

/// The key of a page as text, for lists in the order of accounts.
fn after(page: &PageRequest) -> Result<String, Rejection> {
    if page.offset != 0 || page.reverse {
        let message = "this list is read forward, by the key of the page before";
        return Err(Rejection::new(Code::InvalidRequest, message));
    }
    String::from_utf8(page.key.clone()).map_err(|_| bad_key())
}

fn next(key: Option<Vec<u8>>) -> PageResponse {
    PageResponse { next_key: key.unwrap_or_default(), total: 0 }
}

pub(super) fn proposals(
    reading: &mut Reading<'_>,
    request: QueryProposalsRequest,
) -> Result<QueryProposalsResponse, Error> {
    let page = request.pagination.unwrap_or_default();
    let wanted = request.proposal_status;
    let (voter, depositor) = (request.voter, request.depositor);
    let voter = if voter.is_empty() { None } else { Some(address(&voter)?) };
    let depositor = if depositor.is_empty() { None } else { Some(address(&depositor)?) };
    let mut from = first_id(reading, &page)?;
    let mut found = Vec::new();
    let mut scanned = 0;
    let mut next_id = None;
    'pages: while scanned < SCANNED_MAX {
        let some = gov::proposals(&reading.view, from, page.reverse, PAGE_ROWS)?;
        let Some(last) = some.last().map(|proposal| proposal.id) else { break };
        for proposal in some {
            if found.len() as u64 >= rows_of(&page) {
                next_id = Some(proposal.id);
                break 'pages;
            }
            scanned += 1;
            let is_status = wanted == 0 || i32::from(status(proposal.status)) == wanted;
            let has_voted = match voter {
                Some(voter) => votes::vote(&reading.view, proposal.id, voter)?.is_some(),
                None => true,
            };
            let has_deposited = match depositor {
                Some(who) => gov::deposit_of(&reading.view, proposal.id, who)? > 0,
                None => true,
            };
            if is_status && has_voted && has_deposited {
                found.push(to_wire(reading, proposal)?);
            }
        }
        from = if page.reverse { last.saturating_sub(1) } else { last.saturating_add(1) };
        next_id = Some(from);
        if from == 0 {
            break;
        }
    }
    if scanned < SCANNED_MAX && (found.len() as u64) < rows_of(&page) {
        next_id = None;
    }
    let key = next_id.map(|id| id.to_be_bytes().to_vec());
    Ok(QueryProposalsResponse { proposals: found, pagination: Some(next(key)) })
}

fn vote_to_wire(vote: votes::Vote) -> wire::Vote {
    let options = (1..)
        .zip(vote.weights.parts())
        .filter(|(_, weight)| *weight > 0)
        .map(|(option, weight)| WeightedVoteOption { option, weight: weight_text(weight) });
    wire::Vote {
        proposal_id: vote.ballot,
        voter: vote.voter.to_string(),
        options: options.collect(),
        metadata: vote.metadata,
    }
}

pub(super) fn vote(
    reading: &mut Reading<'_>,
    request: QueryVoteRequest,
) -> Result<QueryVoteResponse, Error> {
    gov::require(&reading.view, request.proposal_id)?;
    let voter = address(&request.voter)?;
    let vote = votes::vote(&reading.view, request.proposal_id, voter)?.ok_or_else(|| {
        let message = format!("{voter} has no vote on proposal {}", request.proposal_id);
        Error::rejected(Code::NotFound, message)
    })?;
    Ok(QueryVoteResponse { vote: Some(vote_to_wire(vote)) })
}

pub(super) fn votes_of(
    reading: &mut Reading<'_>,
    request: QueryVotesRequest,
) -> Result<QueryVotesResponse, Error> {
    let id = gov::require(&reading.view, request.proposal_id)?.id;
    let page = request.pagination.unwrap_or_default();
    let found = votes::votes(&reading.view, id, &after(&page)?, rows_of(&page))?;
    let is_full = found.len() as u64 == rows_of(&page);
    let last = found.last().filter(|_| is_full).map(|vote| vote.voter.to_string().into_bytes());
    let votes = found.into_iter().map(vote_to_wire).collect();
    Ok(QueryVotesResponse { votes, pagination: Some(next(last)) })
}

pub(super) fn deposit(
    reading: &mut Reading<'_>,
    request: QueryDepositRequest,
) -> Result<QueryDepositResponse, Error> {
    let id = gov::require(&reading.view, request.proposal_id)?.id;
    let depositor = address(&request.depositor)?;
    let amount = gov::deposit_of(&reading.view, id, depositor)?;
    if amount == 0 {
        let message = format!("{depositor} has no deposit on proposal {id}");
        return Err(Error::rejected(Code::NotFound, message));
    }
    Ok(QueryDepositResponse { deposit: Some(deposit_to_wire(id, &depositor.to_string(), amount)) })
}

fn deposit_to_wire(proposal_id: u64, depositor: &str, amount: u64) -> wire::Deposit {
    wire::Deposit { proposal_id, depositor: depositor.into(), amount: coins(amount) }
}

pub(super) fn deposits(
    reading: &mut Reading<'_>,
    request: QueryDepositsRequest,
) -> Result<QueryDepositsResponse, Error> {
    let id = gov::require(&reading.view, request.proposal_id)?.id;
    let page = request.pagination.unwrap_or_default();
    let found = gov::deposits(&reading.view, id, &after(&page)?, rows_of(&page))?;
    let is_full = found.len() as u64 == rows_of(&page);
    let last = found.last().filter(|_| is_full).map(|(who, _)| who.to_string().into_bytes());
    let deposits = found
        .into_iter()
        .map(|(depositor, amount)| deposit_to_wire(id, &depositor.to_string(), amount))
        .collect();
    Ok(QueryDepositsResponse { deposits, pagination: Some(next(last)) })
}

/// The result of a proposal that has ended, else the tally so far.
pub(super) fn tally(
    reading: &mut Reading<'_>,
    request: QueryTallyResultRequest,
) -> Result<QueryTallyResultResponse, Error> {
    let proposal = gov::require(&reading.view, request.proposal_id)?;
    Ok(QueryTallyResultResponse { tally: Some(tally_result(&counted(reading, &proposal)?)) })
}

/// What a proposal has come to, and what it takes.
pub(super) fn standing(
    reading: &mut Reading<'_>,
    request: TallyRequest,
) -> Result<TallyResponse, Error> {
    let proposal = gov::require(&reading.view, request.proposal_id)?;
    let tally = counted(reading, &proposal)?;
    let bar = gov::Bar::of(&reading.view, proposal.kind, proposal.expedited)?;
    let outlook = match bar.verdict(tally) {
        _ if proposal.status != Status::Voting => "",
        gov::Verdict::Passed => "passes",
        gov::Verdict::Rejected => "fails",
        gov::Verdict::Vetoed => "is vetoed",
    };
    let [yes, abstain, no, veto] = tally.counts;
    let [yes_age, abstain_age, no_age, veto_age] = tally.extra;
    let ms = |ms| i64::try_from(ms).unwrap_or(i64::MAX);
    Ok(TallyResponse {
        status: proposal.status.name().into(),
        kind: proposal.kind.name().into(),
        yes,
        abstain,
        no,
        veto,
        power: tally.electorate,
        quorum: bar.quorum,
        threshold: bar.threshold,
        veto_threshold: bar.veto,
        outlook: outlook.into(),
        voting_end_ms: ms(proposal.voting_end),
        eta_ms: ms(proposal.eta),
        yes_age,
        abstain_age,
        no_age,
        veto_age,
        failed_reason: proposal.failed_reason,
    })
}

pub(super) fn gov_params(
    reading: &mut Reading<'_>,
    _: QueryParamsRequest,
) -> Result<QueryParamsResponse, Error> {
    let get = |param| params::get(&reading.view, param);
    let seconds = |param| -> Result<_, Fatal> {
        let seconds = i64::try_from(get(param)?).unwrap_or(i64::MAX);
        Ok(Some(Duration { seconds, nanos: 0 }))
    };
    let part = |param| -> Result<_, Fatal> {
        Ok(weight_text(get(param)?.saturating_mul(votes::WHOLE / 1_000_000)))
    };
    let params = wire::Params {
        min_deposit: coins(get(Param::GovMinDeposit)?),
        max_deposit_period: seconds(Param::GovDepositPeriod)?,
        voting_period: seconds(Param::GovVotingPeriod)?,
        quorum: part(Param::GovQuorum)?,
        threshold: part(Param::GovThreshold)?,
        veto_threshold: part(Param::GovVetoThreshold)?,
        min_initial_deposit_ratio: part(Param::GovInitialDeposit)?,
        proposal_cancel_ratio: part(Param::GovCancelBurn)?,
        proposal_cancel_dest: String::new(),
        expedited_voting_period: seconds(Param::GovExpeditedVotingPeriod)?,
        expedited_threshold: part(Param::GovExpeditedThreshold)?,
        expedited_min_deposit: coins(get(Param::GovExpeditedMinDeposit)?),
        burn_vote_quorum: false,
        burn_proposal_deposit_prevote: false,
        burn_vote_veto: true,
        min_deposit_ratio: part(Param::GovDepositStep)?,
    };
    Ok(QueryParamsResponse {
        voting_params: Some(wire::VotingParams { voting_period: params.voting_period }),
        deposit_params: Some(wire::DepositParams {
            min_deposit: params.min_deposit.clone(),
            max_deposit_period: params.max_deposit_period,
        }),
        tally_params: Some(wire::TallyParams {
            quorum: params.quorum.clone(),
            threshold: params.threshold.clone(),
            veto_threshold: params.veto_threshold.clone(),
        }),
        params: Some(params),
    })
}

pub(super) fn all_params(
    reading: &mut Reading<'_>,
    _: ParamsRequest,
) -> Result<ParamsResponse, Error> {
    let params = Param::ALL.iter().map(|param| {
        let definition = param.definition();
        Ok(params_response::Param {
            name: definition.name.into(),
            value: params::get(&reading.view, *param)?,
            default: definition.default,
            least: definition.least,
            greatest: definition.most,
            unit: definition.unit.into(),
            meaning: definition.meaning.into(),
        })
    });
    Ok(ParamsResponse { params: params.collect::<Result<_, Fatal>>()? })
}

pub(super) fn consensus_params(
    reading: &mut Reading<'_>,
    _: consensus_wire::QueryParamsRequest,
) -> Result<consensus_wire::QueryParamsResponse, Error> {
    let params = consensus::params(&reading.view)?;
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let age = Duration { seconds: signed(params.evidence_age), nanos: 0 };
    let params = tendermint::ConsensusParams {
        block: Some(tendermint::BlockParams {
            max_bytes: signed(params.block_bytes),
            max_gas: signed(params.block_gas),
        }),
        evidence: Some(tendermint::EvidenceParams {
            max_age_num_blocks: signed(consensus::EVIDENCE_BLOCKS),
            max_age_duration: Some(age),
            max_bytes: signed(consensus::EVIDENCE_BYTES_MAX),
        }),
        validator: Some(tendermint::ValidatorParams {
            pub_key_types: vec![consensus::KEY_TYPE.into()],
        }),
        version: Some(tendermint::VersionParams { app: params.app_version }),
        abci: Some(tendermint::AbciParams::default()),
    };
    Ok(consensus_wire::QueryParamsResponse { params: Some(params) })
}

pub(super) fn current_plan(
    reading: &mut Reading<'_>,
    _: QueryCurrentPlanRequest,
) -> Result<QueryCurrentPlanResponse, Error> {
    let plan = upgrade::plan(&reading.view)?.map(|plan| Plan {
        name: plan.name,
        height: i64::try_from(plan.height).unwrap_or(i64::MAX),
        info: plan.info,
        ..Plan::default()
    });
    Ok(QueryCurrentPlanResponse { plan })
}

pub(super) fn applied_plan(
    reading: &mut Reading<'_>,
    request: QueryAppliedPlanRequest,
) -> Result<QueryAppliedPlanResponse, Error> {
    let height = upgrade::applied(&reading.view, &request.name)?.unwrap_or(0);
    Ok(QueryAppliedPlanResponse { height: i64::try_from(height).unwrap_or(i64::MAX) })
}

#[expect(clippy::unnecessary_wraps, reason = "every handler has this type")]
pub(super) fn upgrade_authority(
    _: &mut Reading<'_>,
    _: QueryAuthorityRequest,
) -> Result<QueryAuthorityResponse, Error> {
    Ok(QueryAuthorityResponse { address: gov::authority().to_string() })
}

pub(super) fn pauses(reading: &mut Reading<'_>, _: PausesRequest) -> Result<PausesResponse, Error> {
    let pauses = circuit::pauses(&reading.view)?.into_iter().map(|pause| Pause {
        scope: pause.scope,
        ends_ms: i64::try_from(pause.ends).unwrap_or(i64::MAX),
        by: pause.by,
    });
    let guardian = circuit::guardian(&reading.view)?.unwrap_or_default();
    Ok(PausesResponse { guardian, pauses: pauses.collect() })
}
