//! Coins: checked integers and a denomination.

use alloc::string::String;
use core::fmt;

/// The base denomination: fees and stake are counted in it; 1 DADB = 1,000,000 udadb.
pub const DENOM: &str = "udadb";

/// An amount of one denomination. All arithmetic is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub u128);

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);

    /// The sum, or `None` beyond 2^128 - 1.
    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).map(Amount)
    }

    /// The difference, or `None` below zero.
    pub fn checked_sub(self, other: Amount) -> Option<Amount> {
        self.0.checked_sub(other.0).map(Amount)
    }

    /// An amount in its only spelling: decimal digits, no sign, no leading zero.
    pub fn parse(text: &str) -> Option<Amount> {
        let canonical = !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        if canonical { text.parse().ok().map(Amount) } else { None }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An amount with its denomination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coin {
    /// The denomination, as in [`valid_denom`].
    pub denom: String,
    /// How much of it.
    pub amount: Amount,
}

impl fmt::Display for Coin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.amount, self.denom)
    }
}

/// True for 3 to 128 characters of `[a-zA-Z0-9/:._-]` that begin with a letter, as in Cosmos.
pub fn valid_denom(denom: &str) -> bool {
    (3..=128).contains(&denom.len())
        && denom.starts_with(|c: char| c.is_ascii_alphabetic())
        && denom.bytes().all(|b| b.is_ascii_alphanumeric() || b"/:._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_one_spelling() {
        assert_eq!(Amount::parse("0"), Some(Amount(0)));
        assert_eq!(
            Amount::parse("340282366920938463463374607431768211455"),
            Some(Amount(u128::MAX))
        );
        for bad in ["", "01", "+1", "-1", "1.0", " 1", "340282366920938463463374607431768211456"] {
            assert_eq!(Amount::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn arithmetic_is_checked() {
        assert_eq!(Amount(1).checked_sub(Amount(2)), None);
        assert_eq!(Amount(u128::MAX).checked_add(Amount(1)), None);
    }

    #[test]
    fn denoms() {
        assert!(valid_denom(DENOM));
        assert!(!valid_denom("1ab") && !valid_denom("ab") && !valid_denom("a b"));
    }
}
