//! `dadbs.rewards.v1`: the running epoch, its scores and challenges; and the answers, which a node makes for itself.

use super::{Queries, Reading};
use crate::messages::operator;
use dadbs_modules::rewards;
use dadbs_modules::staking;
use dadbs_proto::dadbs::rewards::v1::{
    self as wire, ChallengesRequest, ChallengesResponse, EpochRequest, EpochResponse,
    MsgSubmitStorageProof, ScoresRequest, ScoresResponse,
};
use dadbs_types::{AccountAddress, Error, Hash, OperatorAddress};

fn indexes(answered: u64) -> Vec<u32> {
    (0..u64::BITS).filter(|index| answered >> index & 1 == 1).collect()
}

pub(super) fn epoch(reading: &mut Reading<'_>, _: EpochRequest) -> Result<EpochResponse, Error> {
    let epoch = rewards::epoch(&reading.view)?;
    Ok(EpochResponse {
        epoch: epoch.number,
        height: epoch.height,
        root: epoch.root.to_vec(),
        ends: i64::try_from(epoch.ends_ms).unwrap_or(i64::MAX),
        challenges: u32::try_from(epoch.challenges).unwrap_or(u32::MAX),
        last_height: epoch.last_height,
        pool: rewards::pool(&reading.view)?,
    })
}

pub(super) fn scores(reading: &mut Reading<'_>, _: ScoresRequest) -> Result<ScoresResponse, Error> {
    let epoch = rewards::epoch(&reading.view)?;
    let mut scores = Vec::new();
    for score in rewards::scores(&reading.view)? {
        let validator = staking::validator(&reading.view, score.operator)?;
        scores.push(wire::Score {
            validator_address: OperatorAddress(score.operator).to_string(),
            power: score.power,
            answered: indexes(score.answered),
            score: validator.map_or(0, |validator| score.worth(&validator)),
        });
    }
    Ok(ScoresResponse { epoch: epoch.number, scores })
}

pub(super) fn challenges(
    reading: &mut Reading<'_>,
    request: ChallengesRequest,
) -> Result<ChallengesResponse, Error> {
    let operator = operator(&request.validator_address)?;
    let epoch = rewards::epoch(&reading.view)?;
    let challenges = rewards::issued(&reading.view, &epoch, operator)?
        .into_iter()
        .zip(0..)
        .map(|((target, answered), index)| wire::Challenge {
            index,
            target: target.to_vec(),
            answered,
        })
        .collect();
    Ok(ChallengesResponse { epoch: epoch.number, last_height: epoch.last_height, challenges })
}

/// The open challenges of a validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenChallenges {
    /// The validator's operator.
    pub validator: AccountAddress,
    /// The running epoch.
    pub epoch: u64,
    /// Which of its challenges can be answered in the next block.
    pub indexes: Vec<u32>,
}

impl Queries {
    /// The open challenges of the validator that has a consensus address now; `None` if there are none.
    pub fn open_challenges(
        &self,
        consensus_address: [u8; 20],
    ) -> Result<Option<OpenChallenges>, Error> {
        let view = self.readers.view()?;
        let epoch = rewards::epoch(&view)?;
        if view.height() >= epoch.last_height {
            return Ok(None);
        }
        let Some(validator) = staking::by_consensus_address(&view, consensus_address)? else {
            return Ok(None);
        };
        let validator = validator.operator;
        let issued = rewards::issued(&view, &epoch, validator)?.into_iter().zip(0..);
        let indexes: Vec<u32> =
            issued.filter(|((_, answered), _)| !answered).map(|(_, index)| index).collect();
        let open = OpenChallenges { validator, epoch: epoch.number, indexes };
        Ok(Some(open).filter(|open| !open.indexes.is_empty()))
    }

    /// The answers to the open challenges of a validator, as messages without submitter; none if it has no open
    /// challenge.
    ///
    /// It reads every row of the state if there is an open challenge, so it is nothing for strangers to ask.
    ///
    /// # Errors
    /// A rejection if the epoch's root is not among the versions of the tree that are kept any more.
    pub fn storage_answers(
        &self,
        validator: AccountAddress,
    ) -> Result<Vec<MsgSubmitStorageProof>, Error> {
        let mut view = self.readers.view()?;
        let epoch = rewards::epoch(&view)?;
        if view.height() >= epoch.last_height {
            return Ok(Vec::new());
        }
        let (indexes, targets): (Vec<u32>, Vec<Hash>) = rewards::issued(&view, &epoch, validator)?
            .into_iter()
            .zip(0..)
            .filter(|((_, answered), _)| !answered)
            .map(|((target, _), index)| (index, target))
            .unzip();
        if indexes.is_empty() {
            return Ok(Vec::new());
        }
        let found = view.prove_nearest(&epoch.root, &targets)?;
        let answers = indexes.into_iter().zip(found).map(|(index, found)| MsgSubmitStorageProof {
            submitter: String::new(),
            validator_address: OperatorAddress(validator).to_string(),
            epoch: epoch.number,
            index,
            table: found.table,
            key: found.key,
            row: found.row,
            proof: found.proof,
        });
        Ok(answers.collect())
    }
}
