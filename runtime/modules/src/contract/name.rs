//! Names of databases (rule 2).

use dadbs_types::limits::DATABASE_NAME_BYTES_MAX;
use dadbs_types::{Code, Rejection};

/// Names that statements use for other things.
const RESERVED: [&str; 4] = ["chain", "main", "temp", "node"];

/// Refuses what is not a database name.
pub fn check_name(name: &str) -> Result<(), Rejection> {
    let refuse = |why: &str| {
        Err(Rejection::new(Code::InvalidName, format!("\"{name}\" is not a database name: {why}")))
    };
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return refuse("it begins with a lower-case letter");
    }
    if name.len() > DATABASE_NAME_BYTES_MAX {
        return refuse("it has at most 63 characters");
    }
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        return refuse("it has lower-case letters, digits and underscores only");
    }
    if RESERVED.contains(&name) {
        return refuse("it is reserved");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_2_names() {
        for good in ["a", "shop", "proj_9", &"x".repeat(63)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "9a", "_a", "Shop", "a-b", "a b", "chain", "main", "é", &"x".repeat(64)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
