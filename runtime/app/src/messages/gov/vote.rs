//! Votes on the wire: weights are texts of decimals.

use crate::electorate;
use dadbs_modules::votes::{Counts, Vote, WHOLE, Weights, age_rule};
use dadbs_modules::{Context, gov};
use dadbs_proto::cosmos::gov::v1::WeightedVoteOption;
use dadbs_types::coin::DENOM;
use dadbs_types::gas::price;
use dadbs_types::{AccountAddress, Code, Error, Rejection};

/// A weight of 0 to 1 with at most 18 places, in 10^-18.
fn weight(text: &str) -> Option<u64> {
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(places) || whole.len() > 1 || places.len() > 18 {
        return None;
    }
    let places: u64 = format!("{places:0<18}").parse().ok()?;
    let weight = whole.parse::<u64>().ok()?.checked_mul(WHOLE)?.checked_add(places)?;
    (1..=WHOLE).contains(&weight).then_some(weight)
}

/// A weight on the wire.
pub(crate) fn weight_text(weight: u64) -> String {
    format!("{}.{:018}", weight / WHOLE, weight % WHOLE)
}

fn weights(options: &[WeightedVoteOption]) -> Result<Weights, Rejection> {
    let refuse = |message: String| Rejection::new(Code::InvalidVote, message);
    let mut weights: Counts = [0; 4];
    for WeightedVoteOption { option, weight: text } in options {
        let index = usize::try_from(*option).ok().and_then(|option| option.checked_sub(1));
        let slot = index.and_then(|index| weights.get_mut(index)).ok_or_else(|| {
            refuse(format!("{option} is no option: 1 yes, 2 abstain, 3 no, 4 no with veto"))
        })?;
        if *slot != 0 {
            return Err(refuse(format!("option {option} is named twice")));
        }
        *slot = weight(text).ok_or_else(|| {
            refuse(format!("\"{text}\" is no weight: above 0, at most 1, at most 18 places"))
        })?;
    }
    Weights::new(weights)
}

pub(super) fn vote(
    context: &mut Context<'_>,
    voter: AccountAddress,
    ballot: u64,
    options: &[WeightedVoteOption],
    locked: u64,
    metadata: &str,
) -> Result<(), Error> {
    let weights = weights(options)?;
    if i64::try_from(locked).is_err() {
        let message = format!("{locked}{DENOM} are beyond 2^63 - 1");
        return Err(Error::rejected(Code::InvalidCoins, message));
    }
    let stake = electorate::stake_of(context.store, voter)?;
    let of_each = if age_rule(context.store, ballot)?.is_some() { 2 } else { 1 };
    let rows = (stake.delegations.len() as u64).saturating_mul(of_each).saturating_add(3);
    context.gas.charge_times(price::ROW_WRITE, rows)?;
    let vote = Vote { ballot, voter, weights, locked, metadata: metadata.into() };
    gov::vote(context.store, context.events, context.block, &vote, &stake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_exact() {
        assert_eq!(weight("1"), Some(WHOLE));
        assert_eq!(weight("1.000000000000000000"), Some(WHOLE));
        assert_eq!(weight("0.5"), Some(WHOLE / 2));
        assert_eq!(weight("0.000000000000000001"), Some(1));
        for bad in [
            "",
            ".",
            "0",
            "0.0",
            "1.1",
            "-1",
            "+1",
            "1e0",
            "01",
            ".5",
            "0.",
            "2",
            "0.0000000000000000001",
        ] {
            assert_eq!(weight(bad), None, "{bad}");
        }
        assert_eq!(weight_text(WHOLE), "1.000000000000000000");
        assert_eq!(weight_text(1), "0.000000000000000001");
    }

    #[test]
    fn options_sum_to_one_and_are_named_once() {
        let option = |option, weight: &str| WeightedVoteOption { option, weight: weight.into() };
        assert!(weights(&[option(1, "0.3"), option(4, "0.7")]).is_ok());
        for bad in [
            vec![],
            vec![option(0, "1")],
            vec![option(5, "1")],
            vec![option(-1, "1")],
            vec![option(1, "0.5")],
            vec![option(1, "0.5"), option(1, "0.5")],
            vec![option(1, "0.5"), option(2, "0.6")],
        ] {
            assert_eq!(weights(&bad).unwrap_err().code, Code::InvalidVote, "{bad:?}");
        }
    }
}
