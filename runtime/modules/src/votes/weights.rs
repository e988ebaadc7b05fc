//! How a vote spreads its power.

use dadbs_types::{Code, Rejection};

/// All of a vote's power, as the sum of its weights (rule 2).
pub const WHOLE: u64 = 1_000_000_000_000_000_000;

/// The options in the order of [`Counts`], by the names of their columns.
pub const OPTIONS: [&str; 4] = ["yes", "abstain", "no", "veto"];

/// A number for each option: yes, abstain, no, veto.
pub type Counts = [u64; 4];

/// How a vote spreads its power: parts that sum to [`WHOLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights(pub(super) Counts);

impl Weights {
    /// The weights of a vote.
    ///
    /// # Errors
    /// A rejection if they do not sum to [`WHOLE`].
    pub fn new(weights: Counts) -> Result<Weights, Rejection> {
        if sum(weights) == u128::from(WHOLE) {
            return Ok(Weights(weights));
        }
        let message = "the weights of the options must sum to 1";
        Err(Rejection::new(Code::InvalidVote, message))
    }

    /// The parts, as they sum to [`WHOLE`].
    pub fn parts(self) -> Counts {
        self.0
    }

    /// An amount by options (rule 2).
    pub fn split(self, amount: u64) -> Counts {
        let mut counts = [0; 4];
        let mut left = amount;
        let mut last = 0;
        for (option, weight) in self.0.into_iter().enumerate() {
            if weight > 0 {
                let part = u128::from(amount) * u128::from(weight) / u128::from(WHOLE);
                // A part is at most the amount, and the parts together are too.
                counts[option] = u64::try_from(part).unwrap_or(left).min(left);
                left -= counts[option];
                last = option;
            }
        }
        counts[last] += left;
        counts
    }
}

/// All options together.
pub(super) fn sum(counts: Counts) -> u128 {
    counts.into_iter().map(u128::from).sum()
}
