//! Failures: a numbered rejection that every node agrees on, or the node stops.
//!
//! 1. A [`Rejection`] is deterministic: its code and codespace are hashed into the block's results.
//! 2. Its message goes to `log` only, which no hash covers.
//! 3. A [`Fatal`] is never a result of a transaction: the node logs it and exits non-zero.
//! 4. Codes are append-only. Codespace `sdk` carries the numbers that Cosmos clients know.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

macro_rules! codes {
    ($($name:ident = $codespace:literal $number:literal, $meaning:literal;)*) => {
        /// Why a transaction or query was rejected; the table of all codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $meaning] $name,)* }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The namespace of the number.
            pub fn codespace(self) -> &'static str {
                match self { $(Code::$name => $codespace,)* }
            }

            /// The number, unique within its codespace, never 0.
            pub fn number(self) -> u32 {
                match self { $(Code::$name => $number,)* }
            }

            /// One sentence for people.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => $meaning,)* }
            }
        }
    };
}

codes! {
    TxDecode = "sdk" 2, "The transaction, or a message in it, cannot be decoded.";
    Unauthorized = "sdk" 4, "The signature does not verify, or the signer may not do this.";
    InsufficientFunds = "sdk" 5, "The account holds too little.";
    UnknownRequest = "sdk" 6, "No such message or query.";
    InvalidAddress = "sdk" 7, "An address is malformed.";
    InvalidPubKey = "sdk" 8, "The public key is malformed or not the account's.";
    UnknownAddress = "sdk" 9, "The account does not exist.";
    InvalidCoins = "sdk" 10, "An amount or a denomination is malformed.";
    OutOfGas = "sdk" 11, "The gas limit was reached.";
    MemoTooLarge = "sdk" 12, "The memo is longer than the limit.";
    InsufficientFee = "sdk" 13, "The fee is below gas limit times the least gas price.";
    InvalidRequest = "sdk" 18, "A field of the request has a value that is not allowed.";
    TxTooLarge = "sdk" 21, "The transaction is longer than the limit.";
    TimeoutHeight = "sdk" 30, "The block height is beyond the transaction's timeout height.";
    WrongSequence = "sdk" 32, "The sequence is not the account's next one.";
    NotFound = "sdk" 38, "What was asked for does not exist.";
    Panic = "sdk" 111_222, "Execution panicked; everything it did was undone.";

    SqlSyntax = "sql" 1, "The statement cannot be parsed.";
    SqlRefused = "sql" 2, "The statement uses what this database does not offer.";
    SqlTooLarge = "sql" 3, "The statement, a value or a result is over a limit.";
    SqlError = "sql" 4, "The statement failed: no such table, a wrong type, a bad argument and the like.";
    SqlConstraint = "sql" 5, "A NOT NULL, UNIQUE, CHECK or PRIMARY KEY constraint failed.";
    SqlForeignKey = "sql" 6, "A foreign key constraint failed.";
    SqlParameters = "sql" 7, "The number of parameters does not fit the statement.";
    SqlRule = "sql" 8, "A rule of the table refused the change, or what follows it failed.";
    SqlRowAccess = "sql" 9, "The caller may not write such a row.";

    WasmInvalid = "wasm" 1, "The bytes are not a valid module.";
    WasmLimit = "wasm" 2, "The module is over a limit.";
    WasmImport = "wasm" 3, "The module imports what is not offered.";
    WasmExport = "wasm" 4, "The module lacks an export, or an export has the wrong type.";
    WasmTrap = "wasm" 5, "The contract trapped.";
    WasmStack = "wasm" 6, "The contract's stack is exhausted.";
    WasmAbort = "wasm" 7, "The contract refused; its message says why.";
    WasmMemory = "wasm" 8, "A host call named memory that the contract does not have.";
    WasmHost = "wasm" 9, "A host call was given what it does not accept.";
    WasmReadOnly = "wasm" 10, "A view tried to write.";

    FeeAllowanceSpent = "feegrant" 2, "The fee is more than the allowance has left.";
    FeeAllowanceExpired = "feegrant" 3, "The allowance has expired.";
    InvalidFeeAllowance = "feegrant" 4, "The allowance is not as it may be.";
    NoFeeAllowance = "feegrant" 5, "The granter pays no fees for this account.";
    FeeNotAllowed = "feegrant" 7, "The allowance does not pay for these messages.";

    NoCommission = "distribution" 7, "The validator has no commission to withdraw.";
    NoDelegation = "distribution" 13, "The account delegates nothing to the validator.";

    CodeNotFound = "contract" 1, "No code has this id.";
    ContractNotFound = "contract" 2, "No contract has this name or address.";
    NameTaken = "contract" 3, "The database name is taken.";
    InvalidName = "contract" 4, "The database name is not allowed.";
    NotAdmin = "contract" 5, "Only the contract's admin may do this.";
    EntryNotFound = "contract" 6, "The contract has no such entry point.";
    CallDepth = "contract" 7, "Contract calls are nested too deep or re-enter a contract.";
    NotPayable = "contract" 8, "The entry point takes no coins.";
    InvalidSchedule = "contract" 9, "A schedule is not as it may be, or there is none with this number.";
    InvalidRowAccess = "contract" 10, "A predicate of row access does not fit the schema.";
    CodeHash = "contract" 11, "The hash of a code is not the one that was named.";

    ValidatorNotFound = "staking" 3, "No validator has this address.";
    ValidatorExists = "staking" 4, "The operator runs a validator already.";
    ConsensusKeyUsed = "staking" 5, "The consensus key is or was a validator's.";
    InvalidCommission = "staking" 6, "A commission is out of its bounds, or changes too much or too soon.";
    InvalidDescription = "staking" 7, "A text of the description is too long.";
    SelfDelegation = "staking" 8, "The operator's own delegation is, or would be, too small.";
    NotAdmitted = "staking" 9, "Validators of this chain are admitted by governance.";
    DelegationNotFound = "staking" 10, "There is no such delegation, or it is worth less.";
    Worthless = "staking" 11, "The shares of the validator are worth too little to be counted.";
    TooManyEntries = "staking" 12, "There are too many unbondings or redelegations at once.";
    InvalidRedelegation = "staking" 13, "Stake cannot move from a validator to itself, or on before it has matured.";
    UnbondingNotFound = "staking" 14, "There is no such unbonding, or it holds less.";
    KeyRotation = "staking" 15, "The key cannot be changed now.";
    StakeSlashed = "staking" 16, "The stake is being slashed for a fault of its validator.";

    WrongEpoch = "rewards" 2, "The epoch of a storage proof is not the running one.";
    NoChallenge = "rewards" 3, "The validator has no such storage challenge.";
    ChallengeOver = "rewards" 4, "The time for answers to the storage challenges is over.";
    ChallengeAnswered = "rewards" 5, "The storage challenge is answered already.";
    WrongAnswer = "rewards" 6, "Row and proof are not what the storage challenge selects.";

    NotJailed = "slashing" 1, "The validator is not jailed.";
    StillJailed = "slashing" 2, "The validator is jailed for longer, or for ever.";
    ProofMalformed = "slashing" 3, "A part of a proof cannot be decoded, or is not in its one encoding.";
    ProofForeign = "slashing" 4, "A proof is about another chain, or about a height that this chain has not finalized.";
    ProofUnfounded = "slashing" 5, "The header that a proof calls the chain's own is not shown to be that.";
    ProofUnsigned = "slashing" 6, "The vote of a proof is not a validator's for the header that it accuses.";
    NoFault = "slashing" 7, "The header that a proof accuses says what the chain says.";
    FaultTooOld = "slashing" 8, "The fault is too old: stake could have left since.";
    FaultKnown = "slashing" 9, "The fault was submitted before.";
    FaultNotFound = "slashing" 10, "There is no such fault.";
    FaultSettled = "slashing" 11, "The fault does not wait any more.";
    InvalidFault = "slashing" 12, "A fault that a vote attributes is not as it may be.";
    OutOfReach = "slashing" 13, "The validator is unbonded: its stake is out of reach.";

    ProposalNotFound = "gov" 2, "There is no such proposal.";
    InactiveProposal = "gov" 3, "The proposal does not take this now.";
    InvalidProposal = "gov" 5, "The texts or the number of messages of a proposal are not as they may be.";
    InvalidVote = "gov" 7, "The options of a vote are not as they may be.";
    InvalidProposalMessage = "gov" 12, "A message of a proposal is not open to governance, or not as it may be.";
    DepositTooSmall = "gov" 16, "The deposit is below what is asked for.";
    NotProposer = "gov" 18, "Only the proposer may do this.";
    NoVotingPower = "gov" 50, "The account has neither stake nor locked coins to vote with.";
    TooManyVotes = "gov" 51, "The account has voted on as many open proposals as it may.";

    InvalidUpgrade = "upgrade" 2, "A software upgrade is not as it may be, or there is none.";

    StoragePrepaid = "storage" 2, "The contract may not grow: too little storage rent is prepaid.";
    StorageExhausted = "storage" 3, "The contract may not grow: its storage rent is used up.";
    StorageFrozen = "storage" 4, "The contract may not be written to: its storage rent is not paid.";
    StorageMinimum = "storage" 5, "So much of the prepaid storage rent cannot be withdrawn.";

    Paused = "circuit" 2, "This is paused.";
    InvalidPause = "circuit" 3, "A pause is not as it may be, or there is none.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.codespace(), self.number())
    }
}

/// A deterministic refusal (rule 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The number that all nodes agree on.
    pub code: Code,
    /// What was wrong, where, and what to do next (rule 2).
    pub message: String,
    /// What a contract itself said, which depends on nothing else: other contracts may read it.
    pub said: Option<String>,
}

impl Rejection {
    /// A rejection with its message.
    pub fn new(code: Code, message: impl Into<String>) -> Rejection {
        Rejection { code, message: message.into(), said: None }
    }

    /// The rejection with what the contract said.
    #[must_use]
    pub fn saying(self, said: impl Into<String>) -> Rejection {
        Rejection { said: Some(said.into()), ..self }
    }

    /// The text that all nodes agree on: what the contract said, else the meaning of the code.
    pub fn agreed_text(&self) -> &str {
        self.said.as_deref().unwrap_or_else(|| self.code.meaning())
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl core::error::Error for Rejection {}

/// A fault of this node: disk, memory, engine, broken invariant (rule 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fatal {
    /// What happened and what the operator should do.
    pub message: String,
    /// Set if nothing is wrong but the software: another version goes on.
    pub halt: Option<Box<Halt>>,
}

/// The upgrade for which a node waits with its software.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// The upgrade's name.
    pub name: String,
    /// The first height of the new software.
    pub height: u64,
    /// What the plan says to operators.
    pub info: String,
}

impl Fatal {
    /// A fault with its message.
    pub fn new(message: impl Into<String>) -> Fatal {
        Fatal { message: message.into(), halt: None }
    }

    /// A halt for another version of the software.
    pub fn halt(message: impl Into<String>, halt: Halt) -> Fatal {
        Fatal { message: message.into(), halt: Some(Box::new(halt)) }
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for Fatal {}

/// The two kinds of failure in the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The transaction or query fails, the same on every node.
    Rejected(Rejection),
    /// The node stops.
    Fatal(Fatal),
}

impl Error {
    /// A rejection.
    pub fn rejected(code: Code, message: impl Into<String>) -> Error {
        Error::Rejected(Rejection::new(code, message))
    }

    /// A fault.
    pub fn fatal(message: impl Into<String>) -> Error {
        Error::Fatal(Fatal::new(message))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Rejected(rejection) => rejection.fmt(f),
            Error::Fatal(fatal) => fatal.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Error {
        Error::Rejected(rejection)
    }
}

impl From<Fatal> for Error {
    fn from(fatal: Fatal) -> Error {
        Error::Fatal(fatal)
    }
}

/// The result of everything in the core that can be refused.
pub type Result<T, E = Error> = core::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_4_numbers_are_unique_and_never_zero() {
        let mut seen: Vec<_> = Code::ALL.iter().map(|c| (c.codespace(), c.number())).collect();
        assert!(seen.iter().all(|(_, number)| *number != 0));
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
