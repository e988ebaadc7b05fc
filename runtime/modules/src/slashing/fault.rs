//! Faults as rows.

use crate::context::{Rows, Table, integer, operator_key};
use crate::params::Param;
use dadbs_store::Store;
use dadbs_types::{AccountAddress, Code, Error, Fatal, Rejection, Value};

const FAULTS: Table = Table("chain.faults");

/// What a validator has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// Signed a header with a wrong app hash or hash of results.
    InvalidState,
    /// Left transactions out.
    Censorship,
}

impl FaultKind {
    /// All of them.
    pub const ALL: &'static [FaultKind] = &[FaultKind::InvalidState, FaultKind::Censorship];

    /// Its name in the table, in events and in messages.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::InvalidState => "invalid_state",
            FaultKind::Censorship => "censorship",
        }
    }

    /// The parameter that bounds what it costs.
    pub(super) fn fraction(self) -> Param {
        match self {
            FaultKind::InvalidState => Param::SlashFractionInvalidState,
            FaultKind::Censorship => Param::SlashFractionCensorship,
        }
    }

    /// The kind of a name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<FaultKind, Rejection> {
        FaultKind::ALL.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| {
            let message = format!(
                "\"{}\" is no kind of fault: censorship or invalid_state",
                name.escape_debug()
            );
            Rejection::new(Code::InvalidFault, message)
        })
    }
}

/// What has become of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultStatus {
    /// Waits.
    Pending,
    /// Has cost stake.
    Executed,
    /// Was cancelled by governance.
    Cancelled,
    /// Could not be executed.
    Failed,
}

impl FaultStatus {
    /// All of them.
    pub const ALL: &'static [FaultStatus] =
        &[FaultStatus::Pending, FaultStatus::Executed, FaultStatus::Cancelled, FaultStatus::Failed];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            FaultStatus::Pending => "pending",
            FaultStatus::Executed => "executed",
            FaultStatus::Cancelled => "cancelled",
            FaultStatus::Failed => "failed",
        }
    }

    /// The status of a name; `None` if there is none.
    pub fn named(name: &str) -> Option<FaultStatus> {
        FaultStatus::ALL.iter().copied().find(|status| status.name() == name)
    }
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number, from 1.
    pub id: u64,
    /// Whose validator it was.
    pub operator: AccountAddress,
    /// What was done.
    pub kind: FaultKind,
    /// The height at which it was done.
    pub height: u64,
    /// The validator's power behind it.
    pub power: u64,
    /// What it costs, in millionths of the stake.
    pub ppm: u64,
    /// When it costs that, seconds since 1970.
    pub due: u64,
    /// What has become of it.
    pub status: FaultStatus,
    /// Who proved it, or governance.
    pub submitter: AccountAddress,
    /// What it rests on, in words.
    pub evidence: String,
    /// The hash of the wrong header, or of a document; may be empty.
    pub evidence_hash: Vec<u8>,
    /// What the validator's tokens have paid, udadb.
    pub burned: u64,
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT id, validator, kind, height, power, fraction, due, status, submitter, evidence, evidence_hash,
             burned FROM chain_faults ",
            $tail
        )
    };
}

fn of_row(row: &[Value]) -> Result<Fault, Fatal> {
    let unknown = |name: &str| {
        Fatal::new(format!("chain.faults: \"{name}\" is unknown: restore the store from a copy"))
    };
    let (kind, status) = (FAULTS.text(row, 2)?, FAULTS.text(row, 7)?);
    Ok(Fault {
        id: FAULTS.count(row, 0)?,
        operator: FAULTS.operator(row, 1)?.0,
        kind: FaultKind::named(&kind).map_err(|_| unknown(&kind))?,
        height: FAULTS.count(row, 3)?,
        power: FAULTS.count(row, 4)?,
        ppm: FAULTS.count(row, 5)?,
        due: FAULTS.count(row, 6)?,
        status: FaultStatus::named(&status).ok_or_else(|| unknown(&status))?,
        submitter: FAULTS.address(row, 8)?,
        evidence: FAULTS.text(row, 9)?,
        evidence_hash: FAULTS.blob(row, 10)?,
        burned: FAULTS.count(row, 11)?,
    })
}

/// A fault by its number.
///
/// # Errors
/// If there is none.
pub fn fault(rows: &impl Rows, id: u64) -> Result<Fault, Error> {
    let missing = || Error::rejected(Code::FaultNotFound, format!("there is no fault {id}"));
    let number = i64::try_from(id).map(Value::Integer).map_err(|_| missing())?;
    let found = rows.rows(select!("WHERE id = ?1"), &[&number])?;
    Ok(of_row(found.first().ok_or_else(missing)?)?)
}

/// Faults by their numbers, of a status if one is named, those that follow the first `offset`.
pub fn faults(
    rows: &impl Rows,
    status: Option<FaultStatus>,
    offset: u64,
    limit: u64,
) -> Result<Vec<Fault>, Fatal> {
    let status = status.map_or(Value::Null, |status| Value::Text(status.name().into()));
    let found = rows.rows(
        select!("WHERE ?1 IS NULL OR status = ?1 ORDER BY id LIMIT ?3 OFFSET ?2"),
        &[&status, &integer(offset)?, &integer(limit)?],
    )?;
    found.iter().map(|row| of_row(row)).collect()
}

/// The faults that cost stake now, the earliest first (rule 6).
pub fn due_faults(rows: &impl Rows, now: u64, most: usize) -> Result<Vec<Fault>, Fatal> {
    let found = rows.rows(
        select!("WHERE status = 'pending' AND due <= ?1 ORDER BY due, id LIMIT ?2"),
        &[&integer(now)?, &integer(most as u64)?],
    )?;
    found.iter().map(|row| of_row(row)).collect()
}

/// The number of the validator's fault of this kind at this height, if there is one.
pub(super) fn same_fault(rows: &impl Rows, fault: &Fault) -> Result<Option<u64>, Fatal> {
    let found = rows.rows(
        "SELECT id FROM chain_faults WHERE validator = ?1 AND kind = ?2 AND height = ?3",
        &[
            &operator_key(fault.operator),
            &Value::Text(fault.kind.name().into()),
            &integer(fault.height)?,
        ],
    )?;
    found.first().map(|row| FAULTS.count(row, 0)).transpose()
}

/// Writes a new fault.
pub(super) fn insert(store: &mut Store, fault: &Fault) -> Result<(), Fatal> {
    store.execute(
        "INSERT INTO chain_faults (id, validator, kind, height, power, fraction, due, status, submitter, evidence,
         evidence_hash, burned) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        &[
            &integer(fault.id)?,
            &operator_key(fault.operator),
            &Value::Text(fault.kind.name().into()),
            &integer(fault.height)?,
            &integer(fault.power)?,
            &integer(fault.ppm)?,
            &integer(fault.due)?,
            &Value::Text(fault.status.name().into()),
            &Value::Text(fault.submitter.to_string()),
            &Value::Text(fault.evidence.clone()),
            &Value::Blob(fault.evidence_hash.clone()),
            &integer(fault.burned)?,
        ],
    )?;
    Ok(())
}

/// Writes what has become of a fault.
pub(super) fn settle(
    store: &mut Store,
    id: u64,
    status: FaultStatus,
    burned: u64,
) -> Result<(), Fatal> {
    store.execute(
        "UPDATE chain_faults SET status = ?2, burned = ?3 WHERE id = ?1",
        &[&integer(id)?, &Value::Text(status.name().into()), &integer(burned)?],
    )?;
    Ok(())
}
