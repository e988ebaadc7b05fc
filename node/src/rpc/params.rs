//! Parameters of the RPC methods: named, by position, or in the URI.
//!
//! 1. Numbers may be numbers or strings.
//! 2. In JSON bytes are base64 (`data` of `abci_query` is hex); in the URI they are `0x` and hex, or text
//!    in double quotes, as in CometBFT.

use super::RpcError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use std::collections::BTreeMap;

/// The parameters of one request.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Params {
    named: BTreeMap<String, Value>,
    positions: Vec<Value>,
    of_uri: bool,
    received: Received,
}

/// The parameters as they came, to be forwarded.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Received {
    Json(Value),
    Uri(String),
}

impl Default for Received {
    fn default() -> Received {
        Received::Json(Value::Null)
    }
}

/// `%41` and `+` as bytes.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

impl Params {
    pub(super) fn of_json(params: &Value) -> Params {
        let mut found = Params { received: Received::Json(params.clone()), ..Params::default() };
        match params {
            Value::Object(named) => {
                found.named = named.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            }
            Value::Array(positions) => found.positions.clone_from(positions),
            _ => {}
        }
        found
    }

    pub(super) fn of_uri(query: &str) -> Result<Params, RpcError> {
        let received = Received::Uri(query.to_string());
        let mut found = Params { of_uri: true, received, ..Params::default() };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (percent_decoded(key), percent_decoded(value)) {
                (Some(key), Some(value)) => found.named.insert(key, Value::String(value)),
                _ => return Err(RpcError::params(format!("\"{pair}\" is not URI-encoded"))),
            };
        }
        Ok(found)
    }

    pub(super) fn received(&self) -> &Received {
        &self.received
    }

    fn get(&self, name: &str, position: usize) -> Option<&Value> {
        self.named.get(name).or_else(|| self.positions.get(position)).filter(|v| !v.is_null())
    }

    /// Text; quotes around it are dropped in the URI.
    pub(super) fn text(&self, name: &str, position: usize) -> Result<Option<String>, RpcError> {
        match self.get(name, position) {
            None => Ok(None),
            Some(Value::String(text)) if self.of_uri => {
                let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                Ok(Some(inner.unwrap_or(text).to_string()))
            }
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(RpcError::params(format!("\"{name}\" must be a string"))),
        }
    }

    /// A whole number (rule 1).
    pub(super) fn number(&self, name: &str, position: usize) -> Result<Option<u64>, RpcError> {
        let wrong = || RpcError::params(format!("\"{name}\" must be a whole number"));
        match self.get(name, position) {
            Some(Value::Number(number)) => number.as_u64().map(Some).ok_or_else(wrong),
            Some(Value::String(_)) => {
                let text = self.text(name, position)?.unwrap_or_default();
                if text.is_empty() {
                    return Ok(None);
                }
                text.parse().map(Some).map_err(|_| wrong())
            }
            None => Ok(None),
            Some(_) => Err(wrong()),
        }
    }

    /// Bytes (rule 2).
    pub(super) fn bytes(&self, name: &str, position: usize) -> Result<Vec<u8>, RpcError> {
        let raw = match self.get(name, position) {
            Some(Value::String(raw)) => raw,
            Some(_) => return Err(RpcError::params(format!("\"{name}\" must be a string"))),
            None => return Err(RpcError::params(format!("\"{name}\" is missing"))),
        };
        if self.of_uri {
            if let Some(digits) = raw.strip_prefix("0x") {
                return hex::decode(digits)
                    .map_err(|_| RpcError::params(format!("\"{name}\" is not hexadecimal")));
            }
            return Ok(self.text(name, position)?.unwrap_or_default().into_bytes());
        }
        BASE64.decode(raw).map_err(|_| RpcError::params(format!("\"{name}\" is not base64")))
    }

    /// Hex bytes, with or without `0x`; empty if absent.
    pub(super) fn hex(&self, name: &str, position: usize) -> Result<Vec<u8>, RpcError> {
        let text = self.text(name, position)?.unwrap_or_default();
        hex::decode(text.strip_prefix("0x").unwrap_or(&text))
            .map_err(|_| RpcError::params(format!("\"{name}\" is not hexadecimal")))
    }

    /// A hash: hex in the URI, else base64, or hex of 64 digits.
    pub(super) fn hash(&self, name: &str, position: usize) -> Result<Vec<u8>, RpcError> {
        let text = self.text(name, position)?.unwrap_or_default();
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        if digits.len() == 64
            && let Ok(hash) = hex::decode(digits)
        {
            return Ok(hash);
        }
        let hash = self.bytes(name, position)?;
        if hash.len() != 32 {
            return Err(RpcError::params(format!("\"{name}\" must have 32 bytes")));
        }
        Ok(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rule_1_numbers_may_be_strings() {
        let params = Params::of_json(&json!({ "height": "5", "page": 2 }));
        assert_eq!(params.number("height", 0).unwrap(), Some(5));
        assert_eq!(params.number("page", 1).unwrap(), Some(2));
        assert_eq!(params.number("per_page", 2).unwrap(), None);
        assert!(Params::of_json(&json!({ "height": -1 })).number("height", 0).is_err());
        assert!(Params::of_json(&json!({ "height": true })).number("height", 0).is_err());
    }

    #[test]
    fn rule_2_bytes_in_json_and_in_the_uri() {
        assert_eq!(Params::of_json(&json!(["AQI="])).bytes("tx", 0).unwrap(), [1, 2]);
        let uri = |query| Params::of_uri(query).unwrap().bytes("tx", 0).unwrap();
        assert_eq!(uri("tx=0x0102"), [1, 2]);
        assert_eq!(uri("tx=%22a%3Db%22"), b"a=b");
        assert!(Params::of_uri("tx=%2").is_err());
        assert!(Params::of_uri("tx=%ff").is_err());
        let query = Params::of_uri("query=%22tx.height%3D5%22").unwrap();
        assert_eq!(query.text("query", 0).unwrap().unwrap(), "tx.height=5");
    }
}
