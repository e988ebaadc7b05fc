//! The decimals of the Cosmos wire: texts of whole numbers of 10^-18.
//!
//! 1. `100000000000000000` is 0.1. There is no point in the text: JSON of other chains has one, protobuf has not.
//! 2. The chain counts fractions in millionths; a finer one is refused.

use crate::coin::Amount;
use alloc::string::{String, ToString};

/// 1 in the wire's unit.
const ONE: u128 = 1_000_000_000_000_000_000;
/// A millionth in the wire's unit.
const MILLIONTH: u128 = 1_000_000_000_000;

/// A fraction of millionths on the wire (rule 1).
pub fn of_ppm(ppm: u64) -> String {
    (u128::from(ppm) * MILLIONTH).to_string()
}

/// A whole number on the wire (rule 1).
pub fn of_whole(number: u64) -> String {
    (u128::from(number) * ONE).to_string()
}

/// The millionths of a fraction of the wire; `None` if it is malformed or finer (rule 2).
pub fn to_ppm(text: &str) -> Option<u64> {
    let Amount(units) = Amount::parse(text)?;
    if !units.is_multiple_of(MILLIONTH) {
        return None;
    }
    u64::try_from(units / MILLIONTH).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_1_and_2() {
        assert_eq!(of_ppm(100_000), "100000000000000000");
        assert_eq!(of_whole(u64::MAX), "18446744073709551615000000000000000000");
        assert_eq!(to_ppm("100000000000000000"), Some(100_000));
        assert_eq!(to_ppm("0"), Some(0));
        for malformed in ["", "0.1", "100000000000000001", "-1", "01"] {
            assert_eq!(to_ppm(malformed), None, "{malformed}");
        }
    }
}
