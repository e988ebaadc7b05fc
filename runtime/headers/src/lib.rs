//! Headers and votes of the consensus engine: what the chain and its clients verify of them.
//!
//! It reads any bytes without panic, has no clock, files or network, and says the same on every machine: signatures
//! are verified as CometBFT does (ZIP-215). In order:
//!
//! 1. A part is no longer than its limit and in its one encoding: what it decodes to encodes to the same bytes. So
//!    nothing that no signature covers can be slipped in.
//! 2. A validator set has no validator twice, no proposer and no priorities, which no hash covers.
//! 3. Every vote of a commit is for its block, in the place of its validator, and its signature verifies.
//! 4. A header is the chain's if more than 2/3 of the power of the set that it names has signed it.
//! 5. An [`Accusation`] holds if its header is of the height of the chain's own header, has another app hash or
//!    another hash of results, and a vote for it is signed by a validator of that height.

mod accusation;
mod set;
mod votes;
mod wire;

pub use accusation::{Accusation, Accused, Doubt, Parts};
pub use set::{set_hash, stripped};
pub use votes::{VoteError, verify_commit_votes, verify_vote};
pub use wire::{
    PartError, SIGNED_HEADER_BYTES_MAX, VALIDATOR_SET_BYTES_MAX, decode_strictly, signed_header,
    validator_set,
};
