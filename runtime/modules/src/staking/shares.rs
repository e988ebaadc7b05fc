//! The arithmetic of shares: whole numbers, products in 128 bits.
//!
//! 1. New shares are `floor(amount * S / T)`, the first ones are the amount; so `T <= S` always, and a share is
//!    worth at most one unit.
//! 2. Shares are worth `floor(shares * T / S)`; all of them are worth all tokens.
//! 3. An amount is withdrawn by `ceil(amount * S / T)` shares, which are worth exactly the amount; where that
//!    leaves shares that are worth nothing, all go.
//! 4. No shares are made where `T = 0 < S`, where a unit costs more than [`PRICE_MAX`] shares, or where `S` would
//!    leave 63 bits.

use dadbs_types::{Code, Error};

/// Shares that one unit may cost (rule 4).
pub const PRICE_MAX: u64 = 1_000_000_000;

/// What a validator holds: `T` tokens in `S` shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// `T`, in the base denomination.
    pub tokens: u64,
    /// `S`.
    pub shares: u64,
}

/// `floor(a * b / c)`, and whether something was cut off; the caller knows that it fits.
fn mul_div(a: u64, b: u64, c: u64) -> Option<(u64, bool)> {
    let product = u128::from(a).checked_mul(u128::from(b))?;
    let quotient = product.checked_div(u128::from(c))?;
    Some((u64::try_from(quotient).ok()?, !product.is_multiple_of(u128::from(c))))
}

fn broken(pool: Pool) -> Error {
    Error::fatal(format!(
        "a validator holds {} tokens in {} shares, more than there can be: restore the store from a copy",
        pool.tokens, pool.shares
    ))
}

impl Pool {
    /// The shares that an amount buys (rules 1 and 4).
    pub fn shares_for(self, amount: u64) -> Result<u64, Error> {
        if self.tokens.saturating_mul(PRICE_MAX) < self.shares {
            let message = "the validator's stake was slashed to nearly nothing: choose another one";
            return Err(Error::rejected(Code::Worthless, message));
        }
        let bought = match self.shares {
            0 => Some(amount),
            _ => mul_div(amount, self.shares, self.tokens).map(|(shares, _)| shares),
        };
        let fits = |shares: &u64| {
            let sum = self.shares.checked_add(*shares);
            sum.is_some_and(|sum| i64::try_from(sum).is_ok())
        };
        bought.filter(fits).ok_or_else(|| {
            let message = "the validator would have more than 2^63 shares: choose another one";
            Error::rejected(Code::Worthless, message)
        })
    }

    /// What shares are worth (rule 2).
    pub fn worth(self, shares: u64) -> Result<u64, Error> {
        if shares == self.shares {
            return Ok(self.tokens);
        }
        let worth = mul_div(shares, self.tokens, self.shares).map(|(tokens, _)| tokens);
        worth.filter(|_| shares < self.shares).ok_or_else(|| broken(self))
    }

    /// The shares of a holder of `held` that an amount takes (rule 3).
    pub fn shares_of(self, amount: u64, held: u64) -> Result<u64, Error> {
        let worth = self.worth(held)?;
        if amount > worth {
            let message = format!("the delegation is worth {worth}, {amount} are asked for");
            return Err(Error::rejected(Code::DelegationNotFound, message));
        }
        if amount == worth {
            return Ok(held);
        }
        let (floor, is_cut) =
            mul_div(amount, self.shares, self.tokens).ok_or_else(|| broken(self))?;
        let shares = floor.saturating_add(u64::from(is_cut)).min(held);
        let (rest, left) = (self.without(shares)?.0, held.saturating_sub(shares));
        Ok(if rest.worth(left)? == 0 { held } else { shares })
    }

    /// The pool after `amount` came in for `shares`.
    pub fn with(self, amount: u64, shares: u64) -> Result<Pool, Error> {
        let tokens = self.tokens.checked_add(amount);
        let shares = self.shares.checked_add(shares);
        match (tokens, shares) {
            (Some(tokens), Some(shares)) => Ok(Pool { tokens, shares }),
            _ => Err(broken(self)),
        }
    }

    /// The pool without `shares`, and what they were worth.
    pub fn without(self, shares: u64) -> Result<(Pool, u64), Error> {
        let worth = self.worth(shares)?;
        let tokens = self.tokens.checked_sub(worth);
        let shares = self.shares.checked_sub(shares);
        match (tokens, shares) {
            (Some(tokens), Some(shares)) => Ok((Pool { tokens, shares }, worth)),
            _ => Err(broken(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::part;
    use crate::random::Random;

    fn pool(tokens: u64, shares: u64) -> Pool {
        Pool { tokens, shares }
    }

    fn code(result: Result<u64, Error>) -> Code {
        match result {
            Err(Error::Rejected(rejection)) => rejection.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rule_1_the_first_shares_are_the_amount_and_the_next_are_as_many_as_it_buys() {
        assert_eq!(Pool::default().shares_for(7), Ok(7));
        assert_eq!(pool(95, 100).shares_for(95), Ok(100));
        assert_eq!(pool(95, 100).shares_for(1), Ok(1));
    }

    #[test]
    fn rule_2_the_last_share_takes_all() {
        assert_eq!(pool(95, 100).worth(1), Ok(0));
        assert_eq!(pool(95, 100).worth(100), Ok(95));
        assert_eq!(pool(0, 100).worth(100), Ok(0));
        assert!(matches!(pool(95, 100).worth(101), Err(Error::Fatal(_))));
    }

    #[test]
    fn rule_3_an_amount_is_withdrawn_exactly_and_no_worthless_rest_stays() {
        let of = |amount, held| pool(95, 100).shares_of(amount, held);
        assert_eq!(of(10, 50), Ok(11));
        assert_eq!(pool(95, 100).without(11).unwrap().1, 10);
        // 50 shares are worth 47; 46 of these take 49 shares, and the last share alone is worth nothing.
        assert_eq!(of(46, 50), Ok(50));
        assert_eq!(of(47, 50), Ok(50));
        assert_eq!(code(of(48, 50)), Code::DelegationNotFound);
    }

    #[test]
    fn rule_4_worthless_and_too_many_shares_are_refused() {
        assert_eq!(code(pool(0, 1).shares_for(1)), Code::Worthless);
        assert_eq!(code(pool(1, PRICE_MAX + 1).shares_for(1)), Code::Worthless);
        assert!(pool(1, PRICE_MAX).shares_for(1).is_ok());
        let most = u64::try_from(i64::MAX).unwrap();
        assert!(pool(most - 1, most - 1).shares_for(1).is_ok());
        assert_eq!(code(pool(most, most).shares_for(1)), Code::Worthless);
        assert_eq!(code(pool(1 << 40, 1 << 60).shares_for(1 << 45)), Code::Worthless);
    }

    /// Random deposits, withdrawals and slashes: `T <= S`, nobody gains by rounding, all can leave.
    #[test]
    fn rules_1_to_4_hold_for_random_histories() {
        for seed in 0..2_000_u64 {
            let mut random = Random(seed);
            let (mut pool, mut held) = (Pool::default(), [0_u64; 4]);
            let (mut paid_in, mut paid_out, mut burned) = (0_u128, 0_u128, 0_u128);
            let size = 1 << (1 + random.below(50));
            for _ in 0..60 {
                let who = usize::try_from(random.below(4)).unwrap();
                let amount = 1 + random.below(size);
                match random.below(5) {
                    0 | 1 => {
                        let Ok(shares) = pool.shares_for(amount) else { continue };
                        assert!(shares >= amount, "seed {seed}");
                        let after = pool.with(amount, shares).unwrap();
                        assert!(after.worth(shares).unwrap() <= amount, "seed {seed}: no gain");
                        assert!(
                            amount - after.worth(shares).unwrap() <= 1,
                            "seed {seed}: one unit"
                        );
                        (pool, held[who]) = (after, held[who] + shares);
                        paid_in += u128::from(amount);
                    }
                    2 | 3 => {
                        let Ok(shares) = pool.shares_of(amount, held[who]) else { continue };
                        let (after, worth) = pool.without(shares).unwrap();
                        assert!(shares <= held[who] && worth >= amount, "seed {seed}");
                        assert!(shares == held[who] || worth == amount, "seed {seed}: exactly");
                        (pool, held[who]) = (after, held[who] - shares);
                        paid_out += u128::from(worth);
                    }
                    _ => {
                        let cut = part(pool.tokens, random.below(1_000_001));
                        pool.tokens -= cut;
                        burned += u128::from(cut);
                    }
                }
                assert!(pool.tokens <= pool.shares, "seed {seed}: T <= S");
                assert_eq!(held.iter().sum::<u64>(), pool.shares, "seed {seed}");
                assert_eq!(paid_in, paid_out + burned + u128::from(pool.tokens), "seed {seed}");
            }
            for shares in held {
                let (after, worth) = pool.without(shares).unwrap();
                pool = after;
                paid_out += u128::from(worth);
            }
            assert_eq!((pool, paid_in), (Pool::default(), paid_out + burned), "seed {seed}");
        }
    }
}
