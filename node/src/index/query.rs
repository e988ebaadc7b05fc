//! CometBFT's query language, as far as it is offered: `key = 'value'` and comparisons of `tx.height` (or
//! `block.height`), joined by `AND`; at most [`CONDITIONS_MAX`] conditions.

/// Conditions of one search.
pub const CONDITIONS_MAX: usize = 8;

/// One condition of a search; all of a search must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The transaction has this hash.
    Hash(Vec<u8>),
    /// The height is in this range, ends included.
    Height(u64, u64),
    /// An event has this `type.key` and value.
    Attribute(String, String),
}

/// Parses CometBFT's query language as far as it is offered: `key = 'value'` and comparisons of
/// `tx.height`, joined by `AND`. An error says what to write instead.
pub fn parse_query(text: &str) -> Result<Vec<Condition>, String> {
    let mut conditions = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if conditions.len() >= CONDITIONS_MAX {
            return Err(format!("a search has at most {CONDITIONS_MAX} conditions"));
        }
        let (condition, after) = parse_condition(rest)?;
        conditions.push(condition);
        rest = after.trim_start();
        if rest.is_empty() {
            break;
        }
        let joined = rest.strip_prefix("AND ").or_else(|| rest.strip_prefix("and "));
        rest = joined.ok_or_else(|| format!("expected AND before \"{rest}\""))?.trim_start();
    }
    if conditions.is_empty() {
        return Err("the search is empty; write for example message.sender = 'dadbs1...'".into());
    }
    Ok(conditions)
}

fn parse_condition(text: &str) -> Result<(Condition, &str), String> {
    let name_end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)))
        .ok_or_else(|| format!("\"{text}\" lacks a comparison"))?;
    let (name, rest) = text.split_at(name_end);
    if name.is_empty() {
        return Err(format!("\"{text}\" does not begin with a key"));
    }
    let rest = rest.trim_start();
    let operators = [">=", "<=", "=", ">", "<"];
    let operator = operators
        .into_iter()
        .find(|operator| rest.starts_with(operator))
        .ok_or_else(|| format!("\"{text}\": only =, and <, <=, >, >= of tx.height are offered"))?;
    let rest = rest[operator.len()..].trim_start();
    let (value, rest) = if let Some(quoted) = rest.strip_prefix('\'') {
        quoted.split_once('\'').ok_or_else(|| format!("\"{text}\" lacks the closing quote"))?
    } else {
        rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()))
    };
    Ok((condition(name, operator, value)?, rest))
}

fn condition(name: &str, operator: &str, value: &str) -> Result<Condition, String> {
    if name == "tx.height" || name == "block.height" {
        let height: u64 =
            value.parse().map_err(|_| format!("{name}: \"{value}\" is not a height"))?;
        return Ok(match operator {
            ">=" => Condition::Height(height, u64::MAX),
            ">" => Condition::Height(height.saturating_add(1), u64::MAX),
            "<=" => Condition::Height(0, height),
            "<" if height == 0 => Condition::Height(1, 0),
            "<" => Condition::Height(0, height - 1),
            _ => Condition::Height(height, height),
        });
    }
    if operator != "=" {
        return Err(format!("{name}: only tx.height has an order; write {name} = '...'"));
    }
    if name == "tx.hash" {
        let hash = hex::decode(value).map_err(|_| "tx.hash is not hexadecimal".to_string())?;
        return Ok(Condition::Hash(hash));
    }
    Ok(Condition::Attribute(name.into(), value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_are_bounded_and_say_what_is_wrong() {
        let many = ["a.b='c'"; CONDITIONS_MAX + 1].join(" AND ");
        for (text, why) in [
            ("", "empty"),
            (many.as_str(), "at most"),
            ("a.b", "comparison"),
            ("a.b='c", "closing quote"),
            ("a.b='c' OR a.b='d'", "expected AND"),
            ("a.b='c' AND ", "AND"),
            ("a.b>'c'", "only tx.height"),
            ("tx.height='x'", "not a height"),
            ("tx.hash='zz'", "hexadecimal"),
            ("='c'", "begin with a key"),
        ] {
            let error = parse_query(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        let quoted = parse_query("a.b='it has AND inside' AND tx.height<0").unwrap();
        assert_eq!(quoted.len(), 2);
        assert_eq!(quoted[1], Condition::Height(1, 0));
    }
}
