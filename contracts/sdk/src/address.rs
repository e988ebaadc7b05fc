//! Account addresses, as far as a contract needs them: text that is spelled right.
//!
//! An address is bech32 (BIP-173) in lower case with the prefix `dadbs`: 32 letters for 20 bytes, then
//! six letters of a checksum that finds every misspelling of up to four letters.

use crate::Refusal;
use alloc::format;

/// What every address begins with: the prefix and the separator.
pub const START: &[u8] = b"dadbs1";
/// The alphabet: the letter at place n stands for the five bits n.
const LETTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// The polynomial of the checksum, one term for each of the five bits that are shifted out.
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];

/// One step of the checksum.
fn step(checksum: u32, five_bits: u8) -> u32 {
    let mut next = (checksum & 0x01ff_ffff) << 5 ^ u32::from(five_bits);
    for (bit, term) in GENERATOR.iter().enumerate() {
        if checksum >> 25 >> bit & 1 == 1 {
            next ^= term;
        }
    }
    next
}

/// True if the text is an address.
pub fn is_address(text: &str) -> bool {
    let Some(letters) = text.as_bytes().strip_prefix(START) else { return false };
    let prefix = &START[..START.len() - 1];
    let mut checksum = 1;
    for byte in prefix {
        checksum = step(checksum, byte >> 5);
    }
    checksum = step(checksum, 0);
    for byte in prefix {
        checksum = step(checksum, byte & 31);
    }
    for letter in letters {
        let Some(five_bits) = (0..32).find(|n| LETTERS[usize::from(*n)] == *letter) else {
            return false;
        };
        checksum = step(checksum, five_bits);
    }
    letters.len() == 38 && checksum == 1
}

/// Refuses text that is not an address.
pub fn check(text: &str) -> Result<(), Refusal> {
    if is_address(text) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "\"{text}\" is not an address: an address begins with dadbs1; check its spelling"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address of twenty bytes 7, as `dadbs_types::AccountAddress` writes it.
    const SEVENS: &str = "dadbs1qurswpc8qurswpc8qurswpc8qurswpc8pfulu6";

    #[test]
    fn a_wrong_letter_is_found() {
        assert!(is_address(SEVENS));
        for place in 0..SEVENS.len() {
            let mut wrong = SEVENS.as_bytes().to_vec();
            wrong[place] = if wrong[place] == b'q' { b'p' } else { b'q' };
            assert!(!is_address(std::str::from_utf8(&wrong).unwrap()));
        }
        assert!(!is_address(&SEVENS.to_uppercase()));
        assert!(!is_address(&SEVENS[..SEVENS.len() - 1]));
        assert!(!is_address("dadbs1"));
        assert!(!is_address(""));
    }
}
