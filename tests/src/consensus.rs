//! CometBFT's own rules of validator sets, and its idea of time: what the application says at H holds at H + 2.
//!
//! A port of `types/validator_set.go` (`processChanges`, `verifyUpdates`, `verifyRemovals`, `updateWithChangeSet`) of
//! CometBFT 0.38, without the order of proposers.
//!
//! 1. A change names each key once, with a power that is not negative and at most `MaxTotalVotingPower`.
//! 2. Power 0 removes, and only what is there.
//! 3. The sum of all powers, before removals, is at most `MaxTotalVotingPower`.
//! 4. A set is never empty.

use dadbs_app::staking::consensus_address;
use dadbs_types::{ValidatorUpdate, Vote};
use std::collections::{BTreeMap, BTreeSet};

/// `MaxTotalVotingPower`: a sum above it would overflow CometBFT's arithmetic.
pub const TOTAL_POWER_MAX: u64 = 1_152_921_504_606_846_975;

/// A validator set: powers by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidatorSet(pub BTreeMap<[u8; 32], u64>);

impl ValidatorSet {
    /// The set after a change; CometBFT stops at an error.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn update(&self, changes: &[ValidatorUpdate]) -> Result<ValidatorSet, String> {
        let keys: BTreeSet<_> = changes.iter().map(|change| change.key).collect();
        if keys.len() != changes.len() {
            return Err("rule 1: a key is named twice".into());
        }
        let mut set = self.0.clone();
        for change in changes {
            if change.power > TOTAL_POWER_MAX {
                return Err(format!("rule 1: the power {} is too large", change.power));
            }
            if change.power > 0 {
                set.insert(change.key, change.power);
            } else if !self.0.contains_key(&change.key) {
                return Err("rule 2: a key that is not there is removed".into());
            }
        }
        // Removals come after the sum, as in CometBFT.
        let sum = set.values().try_fold(0_u64, |sum, power| sum.checked_add(*power));
        if sum.is_none_or(|sum| sum > TOTAL_POWER_MAX) {
            return Err("rule 3: the powers are too large together".into());
        }
        for change in changes.iter().filter(|change| change.power == 0) {
            set.remove(&change.key);
        }
        if set.is_empty() && !changes.is_empty() {
            return Err("rule 4: the set would be empty".into());
        }
        Ok(ValidatorSet(set))
    }

    /// The power of a consensus address; 0 outside of the set.
    pub fn power(&self, address: [u8; 20]) -> u64 {
        let found = self.0.iter().find(|(key, _)| consensus_address(key).0 == address);
        found.map_or(0, |(_, power)| *power)
    }

    /// Everybody's vote; those of `absent` are missing.
    pub fn votes(&self, absent: &BTreeSet<[u8; 20]>) -> Vec<Vote> {
        let vote = |(key, power): (&[u8; 32], &u64)| {
            let address = consensus_address(key).0;
            Vote { address, power: *power, signed: !absent.contains(&address) }
        };
        self.0.iter().map(vote).collect()
    }
}

/// The sets around a height.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consensus {
    /// Who signed the last block.
    pub last: ValidatorSet,
    /// Who makes and signs the next one.
    pub current: ValidatorSet,
    /// Who does after that.
    pub next: ValidatorSet,
}

impl Consensus {
    /// Before the first block.
    pub fn begin(updates: &[ValidatorUpdate]) -> Consensus {
        let set = ValidatorSet(updates.iter().map(|update| (update.key, update.power)).collect());
        Consensus { last: ValidatorSet::default(), current: set.clone(), next: set }
    }

    /// After a block that said these updates.
    ///
    /// # Panics
    /// Where CometBFT would stop.
    pub fn advance(&mut self, updates: &[ValidatorUpdate]) {
        let next = self.next.update(updates);
        let next = next.unwrap_or_else(|why| panic!("CometBFT refuses {updates:?}: {why}"));
        self.last = std::mem::replace(&mut self.current, std::mem::replace(&mut self.next, next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(key: u8, power: u64) -> ValidatorUpdate {
        ValidatorUpdate { key: [key; 32], power }
    }

    #[test]
    fn rules_1_to_4() {
        let set = ValidatorSet::default().update(&[update(1, 5), update(2, 7)]).unwrap();
        let refused = |changes: &[ValidatorUpdate]| set.update(changes).unwrap_err();
        assert!(refused(&[update(1, 1), update(1, 2)]).starts_with("rule 1"));
        assert!(refused(&[update(1, TOTAL_POWER_MAX + 1)]).starts_with("rule 1"));
        assert!(refused(&[update(3, 0)]).starts_with("rule 2"));
        // What is removed counts still.
        assert!(refused(&[update(3, TOTAL_POWER_MAX - 11), update(2, 0)]).starts_with("rule 3"));
        assert!(refused(&[update(1, 0), update(2, 0)]).starts_with("rule 4"));
        let set = set.update(&[update(1, 0), update(3, 1)]).unwrap();
        assert_eq!(set.0, BTreeMap::from([([2; 32], 7), ([3; 32], 1)]));
        assert_eq!(set.update(&[]), Ok(set));
    }

    #[test]
    fn a_change_holds_two_heights_later() {
        let mut sets = Consensus::begin(&[update(1, 5)]);
        sets.advance(&[update(1, 6)]);
        assert_eq!((sets.current.0[&[1; 32]], sets.next.0[&[1; 32]]), (5, 6));
        sets.advance(&[]);
        assert_eq!((sets.last.0[&[1; 32]], sets.current.0[&[1; 32]]), (5, 6));
    }
}
