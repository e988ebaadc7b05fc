//! The CometBFT RPC facade: the JSON-RPC methods that cosmjs, cosmrs and tendermint-rpc use.
//!
//! 1. The shapes are those of CometBFT 0.38; `status` says so, because clients choose by it.
//! 2. `POST /` takes one JSON-RPC request or a batch of at most [`BATCH_MAX`]; `GET /<method>` takes the
//!    parameters in the URI.
//! 3. 64-bit numbers are strings, hashes upper-case hex, bytes base64.
//! 4. What the index and our own queries know is answered here; under CometBFT the rest is forwarded to it.
//! 5. `/websocket` takes subscriptions ([`websocket`]).
//! 6. `/healthz` answers 200 while the node is caught up, else 503 and why ([`crate::readiness`]).
//! 7. Bodies are at most [`BODY_BYTES_MAX`] long.

mod comet;
mod dev;
mod methods;
mod params;
mod shapes;
mod websocket;

pub(crate) use dev::node_info as dev_node_info;

use crate::engine::cometbft::CometBft;
use crate::engine::dev::DevEngine;
use crate::error::NodeError;
use crate::grpc::Calls;
use crate::http::HEAD_TIMEOUT;
use crate::index::TxIndex;
use crate::readiness::Readiness;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use dadbs_types::Error;
use params::Params;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_http::cors::CorsLayer;

/// The version that is reported (rule 1).
pub const COMETBFT_VERSION: &str = "0.38.25";
/// Requests of one batch (rule 2).
pub const BATCH_MAX: usize = 32;
/// Bytes of a body (rule 7).
pub const BODY_BYTES_MAX: usize = 2_097_152;

/// How long requests may take when the node stops.
const DRAIN: Duration = Duration::from_secs(1);

/// What knows the blocks and takes transactions.
#[derive(Clone)]
pub enum Source {
    /// The embedded engine.
    Dev(DevEngine),
    /// CometBFT: what is not answered here is forwarded to it.
    CometBft(Box<CometBft>),
}

/// What the methods answer from.
#[derive(Clone)]
pub struct Facade {
    source: Source,
    index: Arc<TxIndex>,
    calls: Calls,
    forwards: Arc<Semaphore>,
    websockets: Arc<Semaphore>,
    readiness: Readiness,
}

impl Facade {
    /// A facade over an engine.
    pub fn new(source: Source, index: Arc<TxIndex>, calls: Calls, readiness: Readiness) -> Facade {
        Facade {
            source,
            index,
            calls,
            forwards: Arc::new(Semaphore::new(comet::FORWARDS_MAX)),
            websockets: Arc::new(Semaphore::new(websocket::CLIENTS_MAX)),
            readiness,
        }
    }

    /// The methods that are served, sorted.
    fn names(&self) -> Vec<&'static str> {
        let engine = match self.source {
            Source::Dev(_) => dev::NAMES,
            Source::CometBft(_) => comet::NAMES,
        };
        let mut names = [engine, methods::NAMES].concat();
        names.sort_unstable();
        names
    }
}

/// A JSON-RPC error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RpcError {
    code: i64,
    message: Cow<'static, str>,
    data: String,
}

impl RpcError {
    fn internal(data: impl Into<String>) -> RpcError {
        RpcError { code: -32603, message: "Internal error".into(), data: data.into() }
    }

    fn params(data: impl Into<String>) -> RpcError {
        RpcError { code: -32602, message: "Invalid params".into(), data: data.into() }
    }

    fn request(data: impl Into<String>) -> RpcError {
        RpcError { code: -32600, message: "Invalid Request".into(), data: data.into() }
    }

    fn parse(error: &serde_json::Error) -> RpcError {
        RpcError { code: -32700, message: "Parse error".into(), data: error.to_string() }
    }

    fn no_method(name: &str) -> RpcError {
        let data = format!("\"{name}\" is not served; see the node's reference for the methods");
        RpcError { code: -32601, message: "Method not found".into(), data }
    }
}

impl From<dadbs_types::Fatal> for RpcError {
    fn from(fatal: dadbs_types::Fatal) -> RpcError {
        tracing::error!(%fatal, "an RPC call met a fault");
        RpcError::internal("the node met a fault; see its log")
    }
}

impl From<Error> for RpcError {
    fn from(error: Error) -> RpcError {
        match error {
            Error::Rejected(rejection) => RpcError::internal(rejection.message),
            Error::Fatal(fatal) => fatal.into(),
        }
    }
}

fn envelope(id: &Value, outcome: Result<Value, RpcError>) -> Value {
    match outcome {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(error) => json!({
            "jsonrpc": "2.0",
            "id": id,
            "error": { "code": error.code, "message": error.message, "data": error.data }
        }),
    }
}

async fn answer_one(facade: &Facade, request: &Value) -> Value {
    let id = request.get("id").unwrap_or(&Value::Null);
    let Some(method) = request.get("method").and_then(Value::as_str) else {
        return envelope(id, Err(RpcError::request("\"method\" is missing")));
    };
    let params = Params::of_json(request.get("params").unwrap_or(&Value::Null));
    envelope(id, methods::call(facade, method, &params).await)
}

async fn post_rpc(State(facade): State<Facade>, body: Body) -> Response {
    let read = tokio::time::timeout(HEAD_TIMEOUT, to_bytes(body, BODY_BYTES_MAX));
    let body = match read.await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let request: Value = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            let error = RpcError::parse(&error);
            return Json(envelope(&Value::Null, Err(error))).into_response();
        }
    };
    match &request {
        Value::Array(batch) if batch.len() > BATCH_MAX => {
            let error = RpcError::request(format!("a batch has at most {BATCH_MAX} requests"));
            Json(envelope(&Value::Null, Err(error))).into_response()
        }
        Value::Array(batch) => {
            let mut answers = Vec::with_capacity(batch.len());
            for request in batch {
                answers.push(answer_one(&facade, request).await);
            }
            Json(answers).into_response()
        }
        request => Json(answer_one(&facade, request).await).into_response(),
    }
}

async fn get_rpc(
    State(facade): State<Facade>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let params = match Params::of_uri(query.as_deref().unwrap_or("")) {
        Ok(params) => params,
        Err(error) => return Json(envelope(&json!(-1), Err(error))).into_response(),
    };
    let outcome = methods::call(&facade, &method, &params).await;
    Json(envelope(&json!(-1), outcome)).into_response()
}

async fn get_healthz(State(facade): State<Facade>) -> Response {
    let state = facade.readiness.state();
    let status = if state.serves { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "serves": state.serves, "why": state.why, "height": facade.index.height().to_string() });
    (status, Json(body)).into_response()
}

async fn get_names(State(facade): State<Facade>) -> String {
    facade.names().join("\n")
}

/// Serves until `stop` resolves.
pub async fn serve(
    listener: TcpListener,
    facade: Facade,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), NodeError> {
    let router = Router::new()
        .route("/", post(post_rpc).get(get_names))
        .route("/healthz", get(get_healthz))
        .route("/websocket", get(websocket::upgrade))
        .route("/{method}", get(get_rpc))
        .layer(CorsLayer::permissive())
        .with_state(facade);
    crate::http::serve("RPC", listener, router, stop, DRAIN).await
}
