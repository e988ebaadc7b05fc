//! What the caller of the verifier trusts.

use crate::{Time, VerifyError};
use std::time::Duration;
use tendermint::block::Header;
use tendermint::validator::{Info, Set};
use tendermint::{PublicKey, vote::Power};

/// A header that the caller trusts, known from genesis or from a header verified before, and how far
/// that trust goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The chain's id.
    pub chain_id: String,
    /// The height of the trusted header; for genesis the height before the first.
    pub height: u64,
    /// Its time; only later headers are accepted.
    pub time: Time,
    /// The validators of the next height, who sign what is asked for.
    pub validators: TrustedValidators,
    /// How long the validators are trusted, counted from `time`: shorter than the chain's unbonding
    /// period, because after that they may sign anything without a loss.
    pub trusting_period: Duration,
    /// How far a header may be ahead of the caller's clock.
    pub clock_drift: Duration,
    /// How far a header may be behind the caller's clock, so that no node passes an old state off as
    /// the current one; `None` where old states are asked for.
    pub age_max: Option<Duration>,
}

impl Trust {
    /// The same at a header that was verified, signed by these validators; `None` if others sign the
    /// next height.
    pub(crate) fn advanced(&self, header: &Header, validators: Set) -> Option<Trust> {
        (header.next_validators_hash == validators.hash()).then(|| Trust {
            height: header.height.value(),
            time: header.time,
            validators: TrustedValidators(validators),
            ..self.clone()
        })
    }
}

/// A set of validators that the caller trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedValidators(pub(crate) Set);

impl TrustedValidators {
    /// The set of a genesis: the validators' ed25519 keys and powers.
    pub fn of_genesis(
        validators: impl IntoIterator<Item = ([u8; 32], u64)>,
    ) -> Result<TrustedValidators, VerifyError> {
        let mut infos = Vec::new();
        let mut total = 0u64;
        for (key, power) in validators {
            let key = PublicKey::from_raw_ed25519(&key)
                .ok_or_else(|| VerifyError::Trust("a key is no ed25519 key".into()))?;
            let power = Power::try_from(power).map_err(|error| VerifyError::trust(&error))?;
            total = total.saturating_add(power.value());
            infos.push(Info::new(key, power));
        }
        if infos.is_empty() || total == 0 || total > Set::MAX_TOTAL_VOTING_POWER {
            return Err(VerifyError::Trust(format!(
                "{} validators have a power of {total} together",
                infos.len()
            )));
        }
        Ok(TrustedValidators(Set::without_proposer(infos)))
    }

    /// A set that was verified elsewhere.
    pub fn of_set(set: Set) -> TrustedValidators {
        TrustedValidators(set)
    }
}
