//! CometBFT seen from the application: a client of its RPC.
//!
//! 1. Connections are kept and shared; an answer comes within the given time and [`ANSWER_BYTES_MAX`].
//! 2. Only loopback or trusted networks: the RPC is CometBFT's own, without TLS.
//! 3. A refusal is CometBFT's own JSON-RPC error, passed on as it is; no answer is a [`CometBftError`].

use axum::http::{Method, Request, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use prost::bytes::Bytes;
use serde_json::{Value, json};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tendermint::block::{self, signed_header::SignedHeader};
use tendermint::validator;

/// How long an answer may take unless told otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read: a block of the largest size in base64, with its results.
const ANSWER_BYTES_MAX: usize = 268_435_456;
/// Connections that are kept open without a request.
const IDLE_CONNECTIONS: usize = 64;
/// Validators of one page, CometBFT's most.
const PAGE: usize = 100;

/// CometBFT at the address of its RPC, such as `127.0.0.1:26657`; clones share its connections.
#[derive(Clone, Debug)]
pub struct CometBft {
    authority: String,
    client: Arc<Client<HttpConnector, Full<Bytes>>>,
}

/// Why CometBFT did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CometBFT's RPC at {addr}: {reason}")]
pub struct CometBftError {
    addr: String,
    reason: String,
}

/// A call that brought no result (rule 3).
#[derive(Clone, Debug, PartialEq)]
pub enum CallError {
    /// CometBFT's JSON-RPC error object.
    Refused(Value),
    /// No answer.
    Silent(CometBftError),
}

impl From<CometBftError> for CallError {
    fn from(error: CometBftError) -> CallError {
        CallError::Silent(error)
    }
}

/// The text of a JSON-RPC error.
fn refusal_text(error: &Value) -> String {
    let text = error["data"].as_str().filter(|text| !text.is_empty());
    text.or_else(|| error["message"].as_str()).unwrap_or("refused").to_string()
}

impl FromStr for CometBft {
    type Err = crate::error::NodeError;

    fn from_str(text: &str) -> Result<CometBft, Self::Err> {
        let authority = text.strip_prefix("http://").or_else(|| text.strip_prefix("tcp://"));
        let authority = authority.unwrap_or(text).trim_end_matches('/');
        let usable = authority
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if !usable || Uri::from_str(&format!("http://{authority}/")).is_err() {
            return Err(crate::error::NodeError::Config(format!(
                "\"{text}\" is not the address of CometBFT's RPC; write http://127.0.0.1:26657"
            )));
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            // CometBFT closes connections that idle for 10 s.
            .pool_idle_timeout(Duration::from_secs(5))
            .build(connector);
        Ok(CometBft { authority: authority.into(), client: Arc::new(client) })
    }
}

/// Runs a call on the caller's thread, which is one of blocking work.
fn wait<T>(call: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(call)
}

impl CometBft {
    fn failed(&self, reason: impl std::fmt::Display) -> CometBftError {
        CometBftError { addr: self.authority.clone(), reason: reason.to_string() }
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Bytes, CometBftError> {
        let response = self.client.request(request).await.map_err(|error| {
            // The client's own text names no cause.
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            self.failed(cause.unwrap_or_else(|| error.to_string()))
        })?;
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect();
        body.await.map(http_body_util::Collected::to_bytes).map_err(|error| self.failed(error))
    }

    async fn request(
        &self,
        method: Method,
        target: &str,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Value, CallError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}/{target}", self.authority))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| self.failed(error))?;
        let Ok(answer) = tokio::time::timeout(timeout, self.answer(request)).await else {
            return Err(self.failed(format!("no answer within {} s", timeout.as_secs())).into());
        };
        let mut answer: Value =
            serde_json::from_slice(&answer?).map_err(|error| self.failed(error))?;
        let error = answer["error"].take();
        if !error.is_null() {
            return Err(CallError::Refused(error));
        }
        Ok(answer["result"].take())
    }

    /// Calls a method.
    pub async fn call(
        &self,
        method: &str,
        params: &Value,
        timeout: Duration,
    ) -> Result<Value, CallError> {
        let request = json!({ "jsonrpc": "2.0", "id": 0, "method": method, "params": params });
        self.request(Method::POST, "", request.to_string().into_bytes(), timeout).await
    }

    /// Calls a method in the URI form, with the query as it was received.
    pub async fn get(
        &self,
        method: &str,
        query: &str,
        timeout: Duration,
    ) -> Result<Value, CallError> {
        self.request(Method::GET, &format!("{method}?{query}"), Vec::new(), timeout).await
    }

    /// Calls a method; a refusal is an error as well.
    pub async fn demand(&self, method: &str, params: &Value) -> Result<Value, CometBftError> {
        self.call(method, params, TIMEOUT).await.map_err(|why| match why {
            CallError::Refused(error) => self.failed(refusal_text(&error)),
            CallError::Silent(error) => error,
        })
    }

    /// Hands a transaction to the mempool: the result of `CheckTx` as (code, codespace, log), or the text
    /// of a refusal. Blocks.
    pub fn broadcast(
        &self,
        tx: &[u8],
    ) -> Result<Result<(u32, String, String), String>, CometBftError> {
        let params = json!({ "tx": BASE64.encode(tx) });
        match wait(self.call("broadcast_tx_sync", &params, TIMEOUT)) {
            Ok(result) => {
                let text = |name: &str| result[name].as_str().unwrap_or("").to_string();
                let code = result["code"].as_u64().and_then(|code| u32::try_from(code).ok());
                let code = code.ok_or_else(|| self.failed("an answer without a code"))?;
                Ok(Ok((code, text("codespace"), text("log"))))
            }
            Err(CallError::Refused(error)) => Ok(Err(refusal_text(&error))),
            Err(CallError::Silent(error)) => Err(error),
        }
    }

    /// The genesis document.
    pub async fn genesis(&self) -> Result<Value, CometBftError> {
        Ok(self.demand("genesis", &json!({})).await?["genesis"].take())
    }

    /// The newest signed header. Blocks.
    pub fn newest(&self) -> Result<SignedHeader, CometBftError> {
        let mut answer = wait(self.demand("commit", &json!({})))?;
        serde_json::from_value(answer["signed_header"].take()).map_err(|error| self.failed(error))
    }

    /// CometBFT's status. Blocks.
    pub fn status(&self) -> Result<Value, CometBftError> {
        wait(self.demand("status", &json!({})))
    }

    /// A block and its id, by default the newest. Blocks.
    pub fn block(
        &self,
        height: Option<u64>,
    ) -> Result<(block::Id, tendermint::Block), CometBftError> {
        let params = height.map_or(json!({}), |height| json!({ "height": height.to_string() }));
        let mut answer = wait(self.demand("block", &params))?;
        let id = serde_json::from_value(answer["block_id"].take());
        let block = serde_json::from_value(answer["block"].take());
        let failed = |error| self.failed(error);
        Ok((id.map_err(failed)?, block.map_err(failed)?))
    }

    /// The validators of a height. Blocks.
    pub fn validators(&self, height: u64) -> Result<validator::Set, CometBftError> {
        let mut infos: Vec<validator::Info> = Vec::new();
        for page in 1.. {
            let params = json!({
                "height": height.to_string(), "page": page.to_string(), "per_page": PAGE.to_string()
            });
            let mut answer = wait(self.demand("validators", &params))?;
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
        for bad in ["", "http://", "127.0.0.1", "http://:1", "http://a:99999", "a b:1"] {
            assert!(bad.parse::<CometBft>().is_err(), "{bad}");
        }
    }
}
