//! Proposals as rows.

use crate::context::{Rows, Table, integer};
use crate::params::Param;
use crate::votes::Counts;
use dadbs_store::Store;
use dadbs_types::{AccountAddress, BlockInfo, Code, Error, Fatal, Value};

const PROPOSALS: Table = Table("chain.proposals");
const DEPOSITS: Table = Table("chain.deposits");

macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$meaning:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $type { $($(#[$meaning])* $variant,)* }

        impl $type {
            /// All of them.
            pub const ALL: &'static [$type] = &[$($type::$variant,)*];

            /// The name in the table.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }

            fn named(name: &str) -> Result<$type, Fatal> {
                $type::ALL.iter().copied().find(|known| known.name() == name).ok_or_else(|| {
                    Fatal::new(format!("chain.proposals: \"{name}\" is unknown: restore the store"))
                })
            }
        }
    };
}

named! {
    /// How far a proposal has come.
    Status {
        /// Waits for its deposit.
        Deposit = "deposit",
        /// Is voted on.
        Voting = "voting",
        /// Has passed and waits for its execution.
        Queued = "queued",
        /// Has passed and was executed.
        Executed = "executed",
        /// Has passed, and its execution failed.
        Failed = "failed",
        /// Has not passed.
        Rejected = "rejected",
        /// Has not passed, and its deposits burn.
        Vetoed = "vetoed",
        /// Did not find its deposit.
        Expired = "expired",
        /// Was taken back by its proposer.
        Canceled = "canceled",
    }
}

named! {
    /// What a proposal is about; of several messages the last kind in this order counts.
    Kind {
        /// Nothing is executed, or what needs no care of its own.
        Text = "text",
        /// A pause, or its end.
        Pause = "pause",
        /// Parameters.
        Params = "params",
        /// Coins of the community.
        Treasury = "treasury",
        /// Contracts.
        Code = "code",
        /// A software upgrade.
        Upgrade = "upgrade",
        /// A fault that no protocol proves.
        Fault = "fault",
    }
}

impl Kind {
    /// What it needs to pass.
    pub(super) fn threshold(self) -> Param {
        match self {
            Kind::Text | Kind::Pause | Kind::Params | Kind::Treasury => Param::GovThreshold,
            Kind::Code | Kind::Upgrade | Kind::Fault => Param::GovCriticalThreshold,
        }
    }

    /// True if it waits between its result and its execution.
    pub fn is_locked(self) -> bool {
        matches!(self, Kind::Params | Kind::Treasury | Kind::Code)
    }
}

/// One proposal; times are milliseconds since 1970, 0 for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number, from 1.
    pub id: u64,
    /// How far it is.
    pub status: Status,
    /// What it is about.
    pub kind: Kind,
    /// Who made it.
    pub proposer: AccountAddress,
    /// One line for people.
    pub title: String,
    /// More for people.
    pub summary: String,
    /// A text, such as an address.
    pub metadata: String,
    /// True while it has the short period.
    pub expedited: bool,
    /// When it was made.
    pub submitted: u64,
    /// Until when it waits for its deposit.
    pub deposit_end: u64,
    /// When its vote began.
    pub voting_start: u64,
    /// When its vote ends.
    pub voting_end: u64,
    /// When it is executed.
    pub eta: u64,
    /// What was deposited, in the base denomination.
    pub deposit: u64,
    /// The result in tokens, once there is one.
    pub counts: Counts,
    /// Why the execution failed.
    pub failed_reason: String,
}

impl Proposal {
    /// When the chain looks at it next; none once it has ended.
    pub(super) fn due(&self) -> Option<u64> {
        match self.status {
            Status::Deposit => Some(self.deposit_end),
            Status::Voting => Some(self.voting_end),
            Status::Queued => Some(self.eta),
            _ => None,
        }
    }
}

fn read(row: &[Value]) -> Result<Proposal, Fatal> {
    let count = |column| PROPOSALS.count(row, column);
    let text = |column| PROPOSALS.text(row, column);
    Ok(Proposal {
        id: count(0)?,
        status: Status::named(&text(1)?)?,
        kind: Kind::named(&text(2)?)?,
        proposer: PROPOSALS.address(row, 3)?,
        title: text(4)?,
        summary: text(5)?,
        metadata: text(6)?,
        expedited: count(7)? != 0,
        submitted: count(8)?,
        deposit_end: count(9)?,
        voting_start: count(10)?,
        voting_end: count(11)?,
        eta: count(12)?,
        deposit: count(13)?,
        counts: [count(14)?, count(15)?, count(16)?, count(17)?],
        failed_reason: text(18)?,
    })
}

/// Writes a proposal over what is kept of it, and where it stands in line.
pub(super) fn write(
    store: &mut Store,
    before: Option<&Proposal>,
    proposal: &Proposal,
) -> Result<(), Fatal> {
    let id = integer(proposal.id)?;
    if let Some(due) = before.and_then(Proposal::due) {
        store.execute(
            "DELETE FROM chain_proposal_queue WHERE due = ?1 AND proposal = ?2",
            &[&integer(due)?, &id],
        )?;
    }
    if let Some(due) = proposal.due() {
        store.execute(
            "INSERT INTO chain_proposal_queue (due, proposal) VALUES (?1, ?2)",
            &[&integer(due)?, &id],
        )?;
    }
    let [yes, abstain, no, veto] = proposal.counts;
    store.execute(
        "INSERT INTO chain_proposals (id, status, kind, proposer, title, summary, metadata, expedited,
         submitted, deposit_end, voting_start, voting_end, eta, deposit, yes, abstain, no, veto,
         failed_reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, expedited = excluded.expedited,
         voting_start = excluded.voting_start, voting_end = excluded.voting_end, eta = excluded.eta,
         deposit = excluded.deposit, yes = excluded.yes, abstain = excluded.abstain,
         no = excluded.no, veto = excluded.veto, failed_reason = excluded.failed_reason",
        &[
            &id,
            &proposal.status.name().into(),
            &proposal.kind.name().into(),
            &Value::Text(proposal.proposer.to_string()),
            &proposal.title.as_str().into(),
            &proposal.summary.as_str().into(),
            &proposal.metadata.as_str().into(),
            &proposal.expedited.into(),
            &integer(proposal.submitted)?,
            &integer(proposal.deposit_end)?,
            &integer(proposal.voting_start)?,
            &integer(proposal.voting_end)?,
            &integer(proposal.eta)?,
            &integer(proposal.deposit)?,
            &integer(yes)?,
            &integer(abstain)?,
            &integer(no)?,
            &integer(veto)?,
            &proposal.failed_reason.as_str().into(),
        ],
    )?;
    Ok(())
}

/// The proposal of a number, if there is one.
pub fn proposal(rows: &impl Rows, id: u64) -> Result<Option<Proposal>, Fatal> {
    // A number beyond 63 bits exists no more than any other unknown one.
    let id = Value::Integer(i64::try_from(id).unwrap_or(-1));
    let found = rows.rows(
        "SELECT id, status, kind, proposer, title, summary, metadata, expedited, submitted, deposit_end,
         voting_start, voting_end, eta, deposit, yes, abstain, no, veto, failed_reason
         FROM chain_proposals WHERE id = ?1",
        &[&id],
    )?;
    found.first().map(|row| read(row)).transpose()
}

/// The proposal of a number.
///
/// # Errors
/// A rejection if there is none.
pub fn require(rows: &impl Rows, id: u64) -> Result<Proposal, Error> {
    proposal(rows, id)?.ok_or_else(|| {
        let message = format!("there is no proposal {id}: `dadbs gov proposals` lists them");
        Error::rejected(Code::ProposalNotFound, message)
    })
}

/// Proposals from a number on, upwards, or downwards if `reverse`.
pub fn proposals(
    rows: &impl Rows,
    from: u64,
    reverse: bool,
    limit: u64,
) -> Result<Vec<Proposal>, Fatal> {
    let from = Value::Integer(i64::try_from(from).unwrap_or(i64::MAX));
    let limit = integer(limit)?;
    let found = if reverse {
        rows.rows(
            "SELECT id, status, kind, proposer, title, summary, metadata, expedited, submitted,
             deposit_end, voting_start, voting_end, eta, deposit, yes, abstain, no, veto, failed_reason
             FROM chain_proposals WHERE id <= ?1 ORDER BY id DESC LIMIT ?2",
            &[&from, &limit],
        )?
    } else {
        rows.rows(
            "SELECT id, status, kind, proposer, title, summary, metadata, expedited, submitted,
             deposit_end, voting_start, voting_end, eta, deposit, yes, abstain, no, veto, failed_reason
             FROM chain_proposals WHERE id >= ?1 ORDER BY id LIMIT ?2",
            &[&from, &limit],
        )?
    };
    found.iter().map(|row| read(row)).collect()
}

/// Notes what age has added to a result.
pub(super) fn write_extra(store: &mut Store, id: u64, extra: Counts) -> Result<(), Fatal> {
    let [yes, abstain, no, veto] = extra;
    store.execute(
        "INSERT INTO chain_proposal_ages (proposal, yes, abstain, no, veto)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        &[&integer(id)?, &integer(yes)?, &integer(abstain)?, &integer(no)?, &integer(veto)?],
    )?;
    Ok(())
}

/// What age has added to the result of a proposal.
pub fn extra_of(rows: &impl Rows, id: u64) -> Result<Counts, Fatal> {
    let found = rows.rows(
        "SELECT yes, abstain, no, veto FROM chain_proposal_ages WHERE proposal = ?1",
        &[&integer(id)?],
    )?;
    let Some(row) = found.first() else { return Ok([0; 4]) };
    let count = |column| Table("chain.proposal_ages").count(row, column);
    Ok([count(0)?, count(1)?, count(2)?, count(3)?])
}

/// The messages of a proposal, as the application encoded them.
pub fn messages(rows: &impl Rows, id: u64) -> Result<Vec<u8>, Fatal> {
    let found = rows.rows(
        "SELECT messages FROM chain_proposal_messages WHERE proposal = ?1",
        &[&integer(id)?],
    )?;
    let row = found.first().ok_or_else(|| {
        Fatal::new(format!("chain.proposal_messages lacks proposal {id}: restore the store"))
    })?;
    Table("chain.proposal_messages").blob(row, 0)
}

/// The next proposal that has something to do (rule 9).
pub fn next_due(rows: &impl Rows, block: &BlockInfo) -> Result<Option<Proposal>, Fatal> {
    let found = rows.rows(
        "SELECT proposal FROM chain_proposal_queue WHERE due <= ?1 ORDER BY due, proposal LIMIT 1",
        &[&integer(block.unix_ms())?],
    )?;
    let Some(row) = found.first() else { return Ok(None) };
    let id = Table("chain.proposal_queue").count(row, 0)?;
    let found = proposal(rows, id)?;
    found.map(Some).ok_or_else(|| {
        Fatal::new(format!("chain.proposals lacks {id}, which is in line: restore the store"))
    })
}

/// Proposals whose vote is over, the earliest first (rule 3).
pub fn ended(rows: &impl Rows, block: &BlockInfo, most: u64) -> Result<Vec<Proposal>, Fatal> {
    let found = rows.rows(
        "SELECT proposal FROM chain_proposal_queue JOIN chain_proposals ON id = proposal
         WHERE due <= ?1 AND status = 'voting' ORDER BY due, proposal LIMIT ?2",
        &[&integer(block.unix_ms())?, &integer(most)?],
    )?;
    let mut ended = Vec::with_capacity(found.len());
    for row in &found {
        ended.extend(proposal(rows, Table("chain.proposal_queue").count(row, 0)?)?);
    }
    Ok(ended)
}

/// When the last of the votes ended that have no result yet, in milliseconds since 1970 (rule 3).
pub fn last_ended(rows: &impl Rows, block: &BlockInfo) -> Result<Option<u64>, Fatal> {
    let found = rows.rows(
        "SELECT due FROM chain_proposal_queue JOIN chain_proposals ON id = proposal
         WHERE due <= ?1 AND status = 'voting' ORDER BY due DESC LIMIT 1",
        &[&integer(block.unix_ms())?],
    )?;
    found.first().map(|row| Table("chain.proposal_queue").count(row, 0)).transpose()
}

/// What an account has deposited on a proposal.
pub fn deposit_of(
    rows: &impl Rows,
    proposal: u64,
    depositor: AccountAddress,
) -> Result<u64, Fatal> {
    let found = rows.rows(
        "SELECT amount FROM chain_deposits WHERE proposal = ?1 AND depositor = ?2",
        &[&integer(proposal)?, &Value::Text(depositor.to_string())],
    )?;
    found.first().map_or(Ok(0), |row| DEPOSITS.count(row, 0))
}

/// Deposits on a proposal in the order of their depositors, from those after `after` on.
pub fn deposits(
    rows: &impl Rows,
    proposal: u64,
    after: &str,
    limit: u64,
) -> Result<Vec<(AccountAddress, u64)>, Fatal> {
    let found = rows.rows(
        "SELECT depositor, amount FROM chain_deposits
         WHERE proposal = ?1 AND depositor > ?2 ORDER BY depositor LIMIT ?3",
        &[&integer(proposal)?, &Value::Text(after.into()), &integer(limit)?],
    )?;
    found.iter().map(|row| Ok((DEPOSITS.address(row, 0)?, DEPOSITS.count(row, 1)?))).collect()
}
