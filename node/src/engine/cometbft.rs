//! CometBFT seen from the application: a small client of its RPC.
//!
//! 1. One request per connection, HTTP/1.1, answered within [`TIMEOUT`] and [`ANSWER_BYTES_MAX`].
//! 2. Only loopback or trusted networks: the RPC is CometBFT's own, without TLS.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;
use tendermint::block::signed_header::SignedHeader;
use tendermint::validator;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 8_388_608;
/// Validators of one page, CometBFT's most.
const PAGE: usize = 100;

/// The address of CometBFT's RPC, such as `127.0.0.1:26657`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CometBft {
    authority: String,
}

/// Why CometBFT did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CometBFT's RPC at {addr}: {reason}")]
pub struct CometBftError {
    addr: String,
    reason: String,
}

impl FromStr for CometBft {
    type Err = crate::error::NodeError;

    fn from_str(text: &str) -> Result<CometBft, Self::Err> {
        let authority = text.strip_prefix("http://").or_else(|| text.strip_prefix("tcp://"));
        let authority = authority.unwrap_or(text).trim_end_matches('/');
        if authority
            .rsplit_once(':')
            .is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
        {
            return Err(crate::error::NodeError::Config(format!(
                "\"{text}\" is not the address of CometBFT's RPC; write http://127.0.0.1:26657"
            )));
        }
        Ok(CometBft { authority: authority.into() })
    }
}

impl CometBft {
    fn failed(&self, reason: impl std::fmt::Display) -> CometBftError {
        CometBftError { addr: self.authority.clone(), reason: reason.to_string() }
    }

    fn post(&self, body: &str) -> std::io::Result<Vec<u8>> {
        let mut addrs = self.authority.to_socket_addrs()?;
        let addr = addrs.next().ok_or_else(|| std::io::Error::other("no such host"))?;
        let mut stream = TcpStream::connect_timeout(&addr, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let head = format!(
            "POST / HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.authority,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        Ok(answer)
    }

    /// Calls a method; `Err(Ok(data))` is a refusal with its text, `Err(Err(_))` no answer.
    fn call(&self, method: &str, params: &Value) -> Result<Value, Result<String, CometBftError>> {
        let request = json!({ "jsonrpc": "2.0", "id": 0, "method": method, "params": params });
        let answer = self.post(&request.to_string()).map_err(|error| Err(self.failed(error)))?;
        let body = answer.windows(4).position(|window| window == b"\r\n\r\n");
        let body = body.map_or(&[][..], |end| &answer[end + 4..]);
        let mut answer: Value =
            serde_json::from_slice(body).map_err(|error| Err(self.failed(error)))?;
        let error = answer["error"].take();
        if !error.is_null() {
            let text = error["data"].as_str().or_else(|| error["message"].as_str());
            return Err(Ok(text.unwrap_or("refused").to_string()));
        }
        Ok(answer["result"].take())
    }

    fn demand(&self, method: &str, params: &Value) -> Result<Value, CometBftError> {
        self.call(method, params).map_err(|why| match why {
            Ok(refusal) => self.failed(refusal),
            Err(error) => error,
        })
    }

    /// Hands a transaction to the mempool: the result of `CheckTx` as (code, codespace, log), or the text
    /// of a refusal.
    pub fn broadcast(
        &self,
        tx: &[u8],
    ) -> Result<Result<(u32, String, String), String>, CometBftError> {
        match self.call("broadcast_tx_sync", &json!({ "tx": BASE64.encode(tx) })) {
            Ok(result) => {
                let text = |name: &str| result[name].as_str().unwrap_or("").to_string();
                let code = result["code"].as_u64().and_then(|code| u32::try_from(code).ok());
                let code = code.ok_or_else(|| self.failed("an answer without a code"))?;
                Ok(Ok((code, text("codespace"), text("log"))))
            }
            Err(Ok(refusal)) => Ok(Err(refusal)),
            Err(Err(error)) => Err(error),
        }
    }

    /// The genesis document.
    pub fn genesis(&self) -> Result<Value, CometBftError> {
        Ok(self.demand("genesis", &json!({}))?["genesis"].take())
    }

    /// The newest signed header.
    pub fn newest(&self) -> Result<SignedHeader, CometBftError> {
        let mut answer = self.demand("commit", &json!({}))?;
        serde_json::from_value(answer["signed_header"].take()).map_err(|error| self.failed(error))
    }

    /// The validators of a height.
    pub fn validators(&self, height: u64) -> Result<validator::Set, CometBftError> {
        let mut infos: Vec<validator::Info> = Vec::new();
        for page in 1.. {
            let params = json!({
                "height": height.to_string(), "page": page.to_string(), "per_page": PAGE.to_string()
            });
            let mut answer = self.demand("validators", &params)?;
            let total: usize =
                answer["total"].as_str().and_then(|total| total.parse().ok()).unwrap_or(0);
            let found: Vec<validator::Info> = serde_json::from_value(answer["validators"].take())
                .map_err(|error| self.failed(error))?;
            let is_last = found.is_empty() || infos.len() + found.len() >= total;
            infos.extend(found);
            if is_last {
                break;
            }
        }
        Ok(validator::Set::without_proposer(infos))
    }
}

#[cfg(test)]
mod tests {
    use super::CometBft;

    #[test]
    fn addresses_are_checked() {
        for good in ["http://127.0.0.1:26657", "tcp://node:26657/", "127.0.0.1:1"] {
            assert!(good.parse::<CometBft>().is_ok(), "{good}");
        }
        for bad in ["", "http://", "127.0.0.1", "http://:1", "http://a:99999"] {
            assert!(bad.parse::<CometBft>().is_err(), "{bad}");
        }
    }
}
