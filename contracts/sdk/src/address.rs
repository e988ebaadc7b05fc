//! Account addresses, as far as a contract needs them: text that is spelled right.

use crate::Refusal;
use alloc::format;
use bech32::primitives::decode::CheckedHrpstring;

/// The human-readable part of every address.
pub const PREFIX: &str = "dadbs";

/// True if the text is an address: lower case, right prefix, 20 bytes, right checksum.
pub fn is_address(text: &str) -> bool {
    !text.bytes().any(|byte| byte.is_ascii_uppercase())
        && CheckedHrpstring::new::<bech32::Bech32>(text).is_ok_and(|checked| {
            checked.hrp().as_str() == PREFIX && checked.byte_iter().count() == 20
        })
}

/// Refuses text that is not an address.
pub fn check(text: &str) -> Result<(), Refusal> {
    if is_address(text) {
        return Ok(());
    }
    Err(Refusal::new(format!("\"{text}\" is not an address; an address begins with dadbs1, check its spelling")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_letter_is_found() {
        // The address of twenty bytes 7.
        let right = "dadbs1qurswpc8qurswpc8qurswpc8qurswpc8";
        let hrp = bech32::Hrp::parse(PREFIX).unwrap();
        let mut text = String::new();
        bech32::encode_lower_to_fmt::<bech32::Bech32, _>(&mut text, hrp, &[7; 20]).unwrap();
        assert!(text.starts_with(right));
        assert!(is_address(&text));
        assert!(!is_address(&text.to_uppercase()));
        assert!(!is_address(&text.replacen('q', "p", 1)));
        assert!(!is_address(right));
        assert!(!is_address(""));
    }
}
