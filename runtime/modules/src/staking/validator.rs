//! Validators as rows.

use crate::context::{Rows, Table, Writer, integer, operator_key};
use crate::distribution;
use crate::staking::shares::Pool;
use crate::votes::Ages;
use dadbs_store::Store;
use dadbs_types::{
    AccountAddress, Code, ConsensusAddress, Error, Fatal, OperatorAddress, Rejection, Value,
};
use sha2::{Digest, Sha256};

pub(super) const VALIDATORS: Table = Table("chain.validators");
const KEYS: Table = Table("chain.consensus_keys");

/// Where a validator stands; its tokens are in the pool of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// In the validator set.
    Bonded,
    /// Left the set; its stake can still be slashed for what it did.
    Unbonding,
    /// Outside of the set.
    Unbonded,
}

impl Status {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Status::Bonded => "bonded",
            Status::Unbonding => "unbonding",
            Status::Unbonded => "unbonded",
        }
    }

    fn named(name: &str) -> Option<Status> {
        [Status::Bonded, Status::Unbonding, Status::Unbonded]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

/// What a validator says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub moniker: String,
    /// A name elsewhere, by which its picture is found.
    pub identity: String,
    /// A page.
    pub website: String,
    /// Whom to write to.
    pub security_contact: String,
    /// More words.
    pub details: String,
}

/// The commission and its bounds, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commission {
    /// What the validator keeps of its delegators' rewards.
    pub ppm: u64,
    /// The most that it will ever keep.
    pub max_ppm: u64,
    /// The most by which it grows in a day.
    pub max_change_ppm: u64,
    /// When it was last changed, seconds since 1970.
    pub time: u64,
}

/// One validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// Who runs it.
    pub operator: AccountAddress,
    /// The ed25519 key that it signs blocks with.
    pub consensus_key: [u8; 32],
    /// When that key was last changed, seconds since 1970; 0 if never.
    pub key_time: u64,
    /// Where it stands.
    pub status: Status,
    /// True if it may not be in the set.
    pub jailed: bool,
    /// Until when it stays jailed at least, seconds since 1970.
    pub jailed_until: u64,
    /// True if it is jailed for ever.
    pub tombstoned: bool,
    /// The stake behind it.
    pub tokens: u64,
    /// The shares of its delegators.
    pub shares: u64,
    /// Their ages.
    pub ages: Ages,
    /// What it keeps.
    pub commission: Commission,
    /// The least that the operator's own delegation may be worth.
    pub min_self_delegation: u64,
    /// The height of the block in which it last entered the set.
    pub bonded_height: u64,
    /// The height of the block in which it last left the set.
    pub unbonding_height: u64,
    /// When it will be unbonded, seconds since 1970.
    pub unbonding_time: u64,
    /// What it says of itself.
    pub description: Description,
}

impl Validator {
    /// What its delegators hold.
    pub fn pool(&self) -> Pool {
        Pool { tokens: self.tokens, shares: self.shares }
    }

    pub(super) fn set_pool(&mut self, pool: Pool) {
        self.tokens = pool.tokens;
        self.shares = pool.shares;
    }

    /// The address of its operator as a validator's.
    pub fn address(&self) -> OperatorAddress {
        OperatorAddress(self.operator)
    }

    /// The address of its consensus key.
    pub fn consensus_address(&self) -> ConsensusAddress {
        consensus_address(&self.consensus_key)
    }
}

/// The address of a consensus key: the first 20 bytes of its SHA-256.
pub fn consensus_address(key: &[u8; 32]) -> ConsensusAddress {
    let mut address = [0; 20];
    address.copy_from_slice(&Sha256::digest(key)[..20]);
    ConsensusAddress(address)
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT operator, consensus_key, key_time, status, jailed, jailed_until, tombstoned, tokens,
             shares, commission, max_commission, max_commission_change, commission_time,
             min_self_delegation, bonded_height, unbonding_height, unbonding_time, moniker, identity,
             website, security_contact, details, ages FROM chain_validators ",
            $tail
        )
    };
}

fn key(row: &[Value], column: usize) -> Result<[u8; 32], Fatal> {
    let bytes = VALIDATORS.blob(row, column)?;
    bytes.try_into().map_err(|_| {
        Fatal::new(
            "chain.validators: a consensus key has no 32 bytes: restore the store from a copy",
        )
    })
}

fn of_row(row: &[Value]) -> Result<Validator, Fatal> {
    let count = |column| VALIDATORS.count(row, column);
    let words = |column| VALIDATORS.text(row, column);
    let status = words(3)?;
    Ok(Validator {
        operator: VALIDATORS.operator(row, 0)?.0,
        consensus_key: key(row, 1)?,
        key_time: count(2)?,
        status: Status::named(&status).ok_or_else(|| {
            Fatal::new(format!("chain.validators: \"{status}\" is no status: restore the store"))
        })?,
        jailed: count(4)? == 1,
        jailed_until: count(5)?,
        tombstoned: count(6)? == 1,
        tokens: count(7)?,
        shares: count(8)?,
        commission: Commission {
            ppm: count(9)?,
            max_ppm: count(10)?,
            max_change_ppm: count(11)?,
            time: count(12)?,
        },
        min_self_delegation: count(13)?,
        bonded_height: count(14)?,
        unbonding_height: count(15)?,
        unbonding_time: count(16)?,
        description: Description {
            moniker: words(17)?,
            identity: words(18)?,
            website: words(19)?,
            security_contact: words(20)?,
            details: words(21)?,
        },
        ages: Ages::of_bytes(&VALIDATORS.blob(row, 22)?).ok_or_else(|| {
            Fatal::new("chain.validators: ages are malformed: restore the store from a copy")
        })?,
    })
}

/// The validator of an operator.
pub fn validator(rows: &impl Rows, operator: AccountAddress) -> Result<Option<Validator>, Fatal> {
    let found = rows.rows(select!("WHERE operator = ?1"), &[&operator_key(operator)])?;
    found.first().map(|row| of_row(row)).transpose()
}

/// The validator of an operator, which must exist.
pub fn require(rows: &impl Rows, operator: AccountAddress) -> Result<Validator, Error> {
    validator(rows, operator)?.ok_or_else(|| {
        let message = format!("{} runs no validator", OperatorAddress(operator));
        Rejection::new(Code::ValidatorNotFound, message).into()
    })
}

/// The operator of a consensus address, now or ever; a key that was replaced still names who used it.
pub fn operator_of(
    rows: &impl Rows,
    address: ConsensusAddress,
) -> Result<Option<AccountAddress>, Fatal> {
    let found = rows.rows(
        "SELECT operator FROM chain_consensus_keys WHERE address = ?1",
        &[&Value::Text(address.to_string())],
    )?;
    found.first().map(|row| KEYS.operator(row, 0).map(|operator| operator.0)).transpose()
}

/// The validator of a consensus address, now or before its key was replaced.
pub fn by_consensus_address(
    rows: &impl Rows,
    address: [u8; 20],
) -> Result<Option<Validator>, Fatal> {
    match operator_of(rows, ConsensusAddress(address))? {
        Some(operator) => validator(rows, operator),
        None => Ok(None),
    }
}

/// Every validator that may be in the set, the strongest first; at most `most`.
pub(super) fn candidates(rows: &impl Rows, most: u64) -> Result<Vec<Validator>, Fatal> {
    let found = rows.rows(
        select!("WHERE jailed = 0 AND tokens >= ?2 ORDER BY tokens DESC, operator LIMIT ?1"),
        &[&integer(most)?, &integer(super::POWER_REDUCTION)?],
    )?;
    found.iter().map(|row| of_row(row)).collect()
}

/// The validators of a status, by operator, those that follow the first `offset`.
pub fn validators(
    rows: &impl Rows,
    status: Option<Status>,
    offset: u64,
    limit: u64,
) -> Result<Vec<Validator>, Fatal> {
    let status = status.map_or(Value::Null, |status| Value::Text(status.name().into()));
    let found = rows.rows(
        select!("WHERE ?1 IS NULL OR status = ?1 ORDER BY operator LIMIT ?3 OFFSET ?2"),
        &[&status, &integer(offset)?, &integer(limit)?],
    )?;
    found.iter().map(|row| of_row(row)).collect()
}

/// The validators of the set, the strongest first.
pub fn bonded_validators(rows: &impl Rows) -> Result<Vec<Validator>, Fatal> {
    let found =
        rows.rows(select!("WHERE status = 'bonded' ORDER BY tokens DESC, operator"), &[])?;
    found.iter().map(|row| of_row(row)).collect()
}

/// Validators that have left the set and are unbonded now, the earliest first.
pub(super) fn matured(rows: &impl Rows, now: u64, most: u64) -> Result<Vec<Validator>, Fatal> {
    let found = rows.rows(
        select!(
            "WHERE status = 'unbonding' AND unbonding_time <= ?1 ORDER BY unbonding_time, operator LIMIT ?2"
        ),
        &[&integer(now)?, &integer(most)?],
    )?;
    found.iter().map(|row| of_row(row)).collect()
}

/// Keeps a consensus key as the operator's for ever.
///
/// # Errors
/// A rejection if it is or was a validator's.
pub(super) fn claim_key(
    store: &mut Store,
    operator: AccountAddress,
    key: &[u8; 32],
) -> Result<(), Error> {
    let address = consensus_address(key);
    if let Some(known) = operator_of(store, address)? {
        let message = format!(
            "the consensus key {address} is or was that of {}: make another key",
            OperatorAddress(known)
        );
        return Err(Error::rejected(Code::ConsensusKeyUsed, message));
    }
    store.execute(
        "INSERT INTO chain_consensus_keys (address, operator) VALUES (?1, ?2)",
        &[&Value::Text(address.to_string()), &operator_key(operator)],
    )?;
    Ok(())
}

/// Writes a validator, new or changed.
pub(super) fn save(store: &mut Store, validator: &Validator) -> Result<(), Fatal> {
    let Validator { commission, description, .. } = validator;
    let flag = |flag: bool| Value::Integer(i64::from(flag));
    let words = |words: &str| Value::Text(words.into());
    store.execute(
        "INSERT INTO chain_validators (operator, consensus_key, key_time, status, jailed, jailed_until,
         tombstoned, tokens, shares, commission, max_commission, max_commission_change, commission_time,
         min_self_delegation, bonded_height, unbonding_height, unbonding_time, moniker, identity, website,
         security_contact, details, ages)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
         ?20, ?21, ?22, ?23)
         ON CONFLICT (operator) DO UPDATE SET consensus_key = excluded.consensus_key,
         key_time = excluded.key_time, status = excluded.status, jailed = excluded.jailed,
         jailed_until = excluded.jailed_until, tombstoned = excluded.tombstoned, tokens = excluded.tokens,
         shares = excluded.shares, commission = excluded.commission,
         max_commission = excluded.max_commission,
         max_commission_change = excluded.max_commission_change,
         commission_time = excluded.commission_time,
         min_self_delegation = excluded.min_self_delegation, bonded_height = excluded.bonded_height,
         unbonding_height = excluded.unbonding_height, unbonding_time = excluded.unbonding_time,
         moniker = excluded.moniker, identity = excluded.identity, website = excluded.website,
         security_contact = excluded.security_contact, details = excluded.details, ages = excluded.ages",
        &[
            &operator_key(validator.operator),
            &Value::Blob(validator.consensus_key.to_vec()),
            &integer(validator.key_time)?,
            &words(validator.status.name()),
            &flag(validator.jailed),
            &integer(validator.jailed_until)?,
            &flag(validator.tombstoned),
            &integer(validator.tokens)?,
            &integer(validator.shares)?,
            &integer(commission.ppm)?,
            &integer(commission.max_ppm)?,
            &integer(commission.max_change_ppm)?,
            &integer(commission.time)?,
            &integer(validator.min_self_delegation)?,
            &integer(validator.bonded_height)?,
            &integer(validator.unbonding_height)?,
            &integer(validator.unbonding_time)?,
            &words(&description.moniker),
            &words(&description.identity),
            &words(&description.website),
            &words(&description.security_contact),
            &words(&description.details),
            &Value::Blob(validator.ages.to_bytes()),
        ],
    )?;
    Ok(())
}

/// Removes a validator that nobody delegates to; its keys stay known.
pub(super) fn remove(writer: &mut Writer<'_>, operator: AccountAddress) -> Result<(), Fatal> {
    distribution::remove_validator(writer.store, writer.events, operator)?;
    writer
        .store
        .execute("DELETE FROM chain_validators WHERE operator = ?1", &[&operator_key(operator)])?;
    Ok(())
}
