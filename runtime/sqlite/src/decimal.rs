//! Exact decimal numbers: the arithmetic behind `decimal(...)` and its like.
//!
//! 1. A decimal has at most 38 digits ([`limits::SQL_DECIMAL_DIGITS_MAX`]); its scale is how many of them
//!    stand behind the point. It is written as `-12.50`: a sign, digits, at most one point, no exponent.
//! 2. Every number of one scale has one text: no plus, no needless zeros in front, zero without a sign.
//! 3. Sums and differences have the larger scale, products the sum of the scales. Nothing is rounded:
//!    a result with more digits is refused.
//! 4. A quotient and a rounded number have the scale that is asked for, rounded half away from zero.
//! 5. A key is 32 bytes whose order is that of the numbers; equal numbers of any scale have equal keys.

use std::cmp::Ordering;
use std::fmt;

use dadbs_types::limits::SQL_DECIMAL_DIGITS_MAX as DIGITS_MAX;
use ethnum::I256;

/// Longer texts are not looked at: sign, point, digits and a few zeros in front.
const TEXT_BYTES_MAX: usize = 64;

/// A decimal number: `digits` divided by ten to the power of `scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    digits: I256,
    scale: u32,
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecimalError {
    /// More than the most digits.
    TooLong,
    /// The divisor is 0.
    DivisionByZero,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecimalError::TooLong => {
                write!(
                    f,
                    "the result has more than {DIGITS_MAX} digits; decimal_round() it or an operand"
                )
            }
            DecimalError::DivisionByZero => f.write_str("division by zero; test the divisor first"),
        }
    }
}

/// The least number with more than the most digits.
const END: I256 = I256::new(10i128.pow(DIGITS_MAX));

/// So many digits fit 64 bits.
const SHORT_DIGITS: usize = 19;

/// 10 to the power of `exponent`, if it fits.
fn power(exponent: u32) -> Option<I256> {
    match exponent {
        0..=DIGITS_MAX => Some(I256::new(10i128.pow(exponent))),
        _ => I256::from(10u8).checked_pow(exponent),
    }
}

/// True with at most the most digits.
fn fits(digits: I256) -> bool {
    digits < END && digits > -END
}

/// The number that digits write; `None` if one is no digit or 128 bits are too few.
fn read(mut digits: impl Iterator<Item = u8>, count: usize) -> Option<u128> {
    if count > SHORT_DIGITS {
        return digits.try_fold(0u128, |number, byte| {
            let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
            number.checked_mul(10)?.checked_add(u128::from(digit))
        });
    }
    let number = digits.try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        Some(number * 10 + u64::from(digit))
    });
    number.map(u128::from)
}

/// The quotient rounded half away from zero; `below` is not zero.
fn divide(above: I256, below: I256) -> Option<I256> {
    let quotient = above.checked_div(below)?;
    let rest = above.checked_rem(below)?.checked_abs()?;
    let below_half = rest.checked_mul(I256::from(2u8))? < below.checked_abs()?;
    if below_half {
        return Some(quotient);
    }
    let away = if above.is_negative() == below.is_negative() { 1i8 } else { -1 };
    quotient.checked_add(I256::from(away))
}

impl Decimal {
    fn new(digits: Option<I256>, scale: u32) -> Result<Decimal, DecimalError> {
        match digits {
            Some(digits) if scale <= DIGITS_MAX && fits(digits) => Ok(Decimal { digits, scale }),
            _ => Err(DecimalError::TooLong),
        }
    }

    /// Reads a text (rule 1), also one that is not canonical; `None` if it is no decimal.
    pub(crate) fn parse(text: &str) -> Option<Decimal> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let (negative, number) = match text.as_bytes() {
            [b'-', number @ ..] => (true, number),
            [b'+', number @ ..] | number => (false, number),
        };
        let point = number.iter().position(|byte| *byte == b'.').unwrap_or(number.len());
        let (whole, fraction) = (&number[..point], number.get(point + 1..).unwrap_or_default());
        let count = whole.len() + fraction.len();
        if count == 0 {
            return None;
        }
        // What 128 bits do not hold has more than the most digits.
        let digits = read(whole.iter().chain(fraction).copied(), count)?;
        let digits = I256::from(digits);
        let digits = if negative { -digits } else { digits };
        Decimal::new(Some(digits), u32::try_from(fraction.len()).ok()?).ok()
    }

    /// A whole number.
    pub(crate) fn integer(number: i64) -> Decimal {
        Decimal { digits: I256::from(number), scale: 0 }
    }

    /// The same number with more digits behind the point, without the bound of rule 1.
    fn at(self, scale: u32) -> Option<I256> {
        self.digits.checked_mul(power(scale.checked_sub(self.scale)?)?)
    }

    fn aligned(self, other: Decimal) -> (Option<I256>, Option<I256>, u32) {
        let scale = self.scale.max(other.scale);
        (self.at(scale), other.at(scale), scale)
    }

    /// Rule 3.
    pub(crate) fn add(self, other: Decimal) -> Result<Decimal, DecimalError> {
        let (left, right, scale) = self.aligned(other);
        Decimal::new(left.zip(right).and_then(|(left, right)| left.checked_add(right)), scale)
    }

    /// Rule 3.
    pub(crate) fn subtract(self, other: Decimal) -> Result<Decimal, DecimalError> {
        self.add(Decimal { digits: -other.digits, ..other })
    }

    /// Rule 3.
    pub(crate) fn multiply(self, other: Decimal) -> Result<Decimal, DecimalError> {
        Decimal::new(self.digits.checked_mul(other.digits), self.scale + other.scale)
    }

    /// Rule 4. Where the dividend leaves 256 bits the quotient has more than 38 digits, too.
    pub(crate) fn divide(self, other: Decimal, scale: u32) -> Result<Decimal, DecimalError> {
        if other.digits == I256::ZERO {
            return Err(DecimalError::DivisionByZero);
        }
        let (up, down) = (scale + other.scale, self.scale);
        let above = power(up.saturating_sub(down)).and_then(|by| self.digits.checked_mul(by));
        let below = power(down.saturating_sub(up)).and_then(|by| other.digits.checked_mul(by));
        let quotient = above.zip(below).and_then(|(above, below)| divide(above, below));
        let quotient = if self.digits == I256::ZERO { Some(I256::ZERO) } else { quotient };
        Decimal::new(quotient, scale)
    }

    /// Rule 4.
    pub(crate) fn round(self, scale: u32) -> Result<Decimal, DecimalError> {
        let digits = match self.scale.checked_sub(scale) {
            Some(less) => power(less).and_then(|by| divide(self.digits, by)),
            None => self.at(scale),
        };
        Decimal::new(digits, scale)
    }

    /// By value: 1.5 and 1.50 are equal.
    pub(crate) fn compare(self, other: Decimal) -> Ordering {
        let (left, right, _) = self.aligned(other);
        left.cmp(&right)
    }

    /// True with this scale and at most so many digits.
    pub(crate) fn is_of(self, digits: u32, scale: u32) -> bool {
        let end = power(digits);
        self.scale == scale && end.is_some_and(|end| self.digits < end && -self.digits < end)
    }

    /// Rule 5: at scale 38, with the sign's bit turned so that bytes compare as numbers.
    pub(crate) fn key(self) -> [u8; 32] {
        let mut key = self.at(DIGITS_MAX).unwrap_or(I256::MAX).to_be_bytes();
        key[0] ^= 0x80;
        key
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits.is_negative() { "-" } else { "" };
        let scale = self.scale as usize;
        let digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let point = if scale == 0 { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

/// A sum of decimals, in which order ever they come and go.
pub(crate) struct Sum {
    /// By scale: the sum and how many there are.
    parts: [(I256, u64); DIGITS_MAX as usize + 1],
}

impl Sum {
    pub(crate) fn new() -> Sum {
        Sum { parts: [(I256::ZERO, 0); DIGITS_MAX as usize + 1] }
    }

    /// Adds a number. 10^38 of them would leave the sum's 256 bits.
    pub(crate) fn add(&mut self, number: Decimal) {
        let (sum, count) = &mut self.parts[number.scale as usize];
        (*sum, *count) = (sum.wrapping_add(number.digits), count.wrapping_add(1));
    }

    /// Takes back a number that was added.
    pub(crate) fn remove(&mut self, number: Decimal) {
        let (sum, count) = &mut self.parts[number.scale as usize];
        (*sum, *count) = (sum.wrapping_sub(number.digits), count.wrapping_sub(1));
    }

    /// The sum as digits of the largest scale that is in it, without the bound of rule 1; `None` of
    /// nothing.
    fn digits(&self) -> Option<(Option<I256>, u32)> {
        let scale = u32::try_from(self.parts.iter().rposition(|(_, count)| *count > 0)?).ok()?;
        let total = (0..)
            .zip(&self.parts)
            .take(scale as usize + 1)
            .try_fold(I256::ZERO, |total: I256, (at, (sum, _))| {
                total.checked_add(sum.checked_mul(power(scale - at)?)?)
            });
        Some((total, scale))
    }

    /// The sum, at the largest scale that is in it; `None` of nothing.
    pub(crate) fn total(&self) -> Option<Result<Decimal, DecimalError>> {
        let (total, scale) = self.digits()?;
        Some(Decimal::new(total, scale))
    }

    /// The sum by the number of its terms (rule 4), of which only the result is bounded by rule 1; `None`
    /// of nothing.
    pub(crate) fn average(&self, scale: u32) -> Option<Result<Decimal, DecimalError>> {
        let (total, from) = self.digits()?;
        let count = self.parts.iter().fold(0u64, |all, (_, count)| all.wrapping_add(*count));
        let above = total.zip(power(scale.saturating_sub(from)));
        let above = above.and_then(|(total, by)| total.checked_mul(by));
        let below = power(from.saturating_sub(scale));
        let below = below.and_then(|by| I256::from(count).checked_mul(by));
        let quotient = above.zip(below).and_then(|(above, below)| divide(above, below));
        Some(Decimal::new(quotient, scale))
    }
}
