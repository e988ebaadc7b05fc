//! Epochs: how they begin, what they pay, and how they end.

use super::{CHALLENGES_MAX, account, pool};
use crate::bank;
use crate::context::{Rows, Table, Writer, certain, integer, operator_key};
use crate::distribution::{self, Share};
use crate::params::{self, Param};
use crate::staking::{self, POWER_REDUCTION, Status, Validator};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::{AccountAddress, Event, Fatal, Hash, OperatorAddress, Value};

const EPOCH: Table = Table("chain.reward_epoch");
const SCORES: Table = Table("chain.storage_scores");

/// An epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its number; 0 until the first block with transactions (rule 12).
    pub number: u64,
    /// The height that began it.
    pub height: u64,
    /// The root that answers are proven under (rule 5).
    pub root: Hash,
    /// When it ends at the earliest, milliseconds since 1970.
    pub ends_ms: u64,
    /// Challenges of each validator.
    pub challenges: u64,
    /// The last height at which answers count (rule 6).
    pub last_height: u64,
}

/// How a validator stands in the running epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// The validator.
    pub operator: AccountAddress,
    /// Its consensus address when the epoch began.
    pub consensus_address: [u8; 20],
    /// Its power then.
    pub power: u64,
    /// A bit for each challenge that was answered.
    pub answered: u64,
}

/// Makes the module's tables, with epoch 0 (rule 12).
pub fn init(store: &mut Store) -> Result<(), Fatal> {
    super::SCHEMA.iter().try_for_each(|sql| store.execute(sql, &[]).map(drop))?;
    store.execute(
        "INSERT INTO chain_reward_epoch (id, epoch, height, root, ends_ms, challenges, last_height)
         VALUES (1, 0, 0, zeroblob(32), 0, 0, 0)",
        &[],
    )?;
    Ok(())
}

fn damaged(table: Table) -> Fatal {
    Fatal::new(format!("{} is damaged: restore the store from a copy", table.0))
}

/// The running epoch.
pub fn epoch(rows: &impl Rows) -> Result<Epoch, Fatal> {
    let found = rows.rows(
        "SELECT epoch, height, root, ends_ms, challenges, last_height FROM chain_reward_epoch",
        &[],
    )?;
    let row = found.first().ok_or_else(|| damaged(EPOCH))?;
    Ok(Epoch {
        number: EPOCH.count(row, 0)?,
        height: EPOCH.count(row, 1)?,
        root: EPOCH.blob(row, 2)?.try_into().map_err(|_| damaged(EPOCH))?,
        ends_ms: EPOCH.count(row, 3)?,
        challenges: EPOCH.count(row, 4)?,
        last_height: EPOCH.count(row, 5)?,
    })
}

fn score_of(row: &[Value]) -> Result<Score, Fatal> {
    Ok(Score {
        operator: SCORES.operator(row, 0)?.0,
        consensus_address: SCORES.blob(row, 1)?.try_into().map_err(|_| damaged(SCORES))?,
        power: SCORES.count(row, 2)?,
        answered: SCORES.count(row, 3)?,
    })
}

/// The validators of the running epoch, by operator.
pub fn scores(rows: &impl Rows) -> Result<Vec<Score>, Fatal> {
    let found = rows.rows(
        "SELECT validator, consensus_address, power, answered FROM chain_storage_scores
         ORDER BY validator",
        &[],
    )?;
    found.iter().map(|row| score_of(row)).collect()
}

/// A validator of the running epoch; `None` if it has no challenges.
pub fn score(rows: &impl Rows, operator: AccountAddress) -> Result<Option<Score>, Fatal> {
    let found = rows.rows(
        "SELECT validator, consensus_address, power, answered FROM chain_storage_scores
         WHERE validator = ?1",
        &[&operator_key(operator)],
    )?;
    found.first().map(|row| score_of(row)).transpose()
}

impl Score {
    /// What it counts with the validator as it is now (rule 8): below 2^49, since all power is below 2^44.
    pub fn worth(&self, validator: &Validator) -> u64 {
        if validator.jailed || validator.status != Status::Bonded {
            return 0;
        }
        let power = self.power.min(validator.tokens / POWER_REDUCTION);
        power.saturating_mul(u64::from(self.answered.count_ones()))
    }
}

/// Ends the epoch if it is time, and begins the next one (rule 2); once in a block that settles.
pub fn end_block(writer: &mut Writer<'_>) -> Result<(), Fatal> {
    let epoch = epoch(writer.store)?;
    let over = writer.block.unix_ms() >= epoch.ends_ms && writer.block.height > epoch.last_height;
    if !over {
        return Ok(());
    }
    pay(writer, &epoch)?;
    begin(writer, epoch.number.saturating_add(1))
}

/// Rules 8 and 9.
fn pay(writer: &mut Writer<'_>, epoch: &Epoch) -> Result<(), Fatal> {
    let amount = pool(writer.store)?;
    let mut earners = Vec::new();
    for score in scores(writer.store)? {
        let Some(validator) = staking::validator(writer.store, score.operator)? else { continue };
        let worth = score.worth(&validator);
        if worth > 0 {
            let share = Share {
                operator: score.operator,
                power: worth,
                shares: validator.shares,
                commission_ppm: validator.commission.ppm,
            };
            earners.push((score.answered.count_ones(), share));
        }
    }
    certain(bank::take(writer.store, account(), amount))?;
    let shares: Vec<Share> = earners.iter().map(|(_, share)| *share).collect();
    let Writer { store, events, .. } = writer;
    let given = distribution::distribute(store, events, &shares, None, amount, 0)?;
    for ((answered, share), given) in earners.iter().zip(given) {
        events.push(
            Event::new("epoch_reward")
                .with("epoch", epoch.number)
                .with("class", "storage")
                .with("validator", OperatorAddress(share.operator))
                .with("answered", answered)
                .with("score", share.power)
                .with("amount", format!("{given}{DENOM}")),
        );
    }
    Ok(())
}

/// Rules 3 and 5.
fn begin(writer: &mut Writer<'_>, number: u64) -> Result<(), Fatal> {
    let height = writer.block.height;
    let challenges = params::get(writer.store, Param::RewardChallenges)?;
    let blocks = params::get(writer.store, Param::ChallengeBlocks)?;
    let ends_ms =
        writer.block.unix_ms().saturating_add(params::millis(writer.store, Param::RewardEpoch)?);
    let last_height = height.saturating_add(blocks);
    // The root before this block.
    let root = Value::Blob(writer.store.app_hash().to_vec());
    writer.store.execute(
        "UPDATE chain_reward_epoch SET epoch = ?1, height = ?2, root = ?3, ends_ms = ?4,
         challenges = ?5, last_height = ?6 WHERE id = 1",
        &[
            &integer(number)?,
            &integer(height)?,
            &root,
            &integer(ends_ms)?,
            &integer(challenges)?,
            &integer(last_height)?,
        ],
    )?;
    writer.store.execute("DELETE FROM chain_storage_scores", &[])?;
    for validator in staking::bonded_validators(writer.store)? {
        let power = validator.tokens / POWER_REDUCTION;
        if power == 0 || validator.jailed {
            continue;
        }
        writer.store.execute(
            "INSERT INTO chain_storage_scores (validator, consensus_address, power, answered)
             VALUES (?1, ?2, ?3, 0)",
            &[
                &operator_key(validator.operator),
                &Value::Blob(validator.consensus_address().0.to_vec()),
                &integer(power)?,
            ],
        )?;
    }
    writer.events.push(
        Event::new("reward_epoch")
            .with("epoch", number)
            .with("height", height)
            .with("challenges", challenges)
            .with("last_height", last_height),
    );
    Ok(())
}

/// The module's invariants; a message for each that is broken. That the account holds what was collected and not paid is
/// the supply's invariant, since nothing else reaches or leaves it.
pub fn invariant(rows: &impl Rows) -> Result<Vec<String>, Fatal> {
    let mut broken = Vec::new();
    let epoch = epoch(rows)?;
    let scores = scores(rows)?;
    if epoch.challenges > CHALLENGES_MAX {
        broken.push(format!("the epoch has {} challenges", epoch.challenges));
    }
    if epoch.number == 0 && !scores.is_empty() {
        broken.push(format!("epoch 0 has {} validators", scores.len()));
    }
    for score in scores {
        if score.answered >> epoch.challenges.min(63) != 0 {
            broken.push(format!("{} has answered what was not asked: {score:?}", score.operator));
        }
    }
    Ok(broken)
}
