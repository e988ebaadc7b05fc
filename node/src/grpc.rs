//! The gRPC server.
//!
//! 1. Every path of [`crate::api::paths`] is routed; reflection lists exactly their services, and those
//!    of health and reflection themselves.
//! 2. gRPC-Web and CORS are on: a browser may call any method.
//! 3. Health says whether the node is caught up ([`crate::readiness`]).
//! 4. Requests are at most [`REQUEST_BYTES_MAX`] long, [`CALLS_MAX`] run at once, and each is answered
//!    within [`CALL_TIMEOUT`].

use crate::api::{self, Api, ApiError};
use crate::error::NodeError;
use crate::readiness::Readiness;
use prost::bytes::{Buf, BufMut};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http;
use tonic::server::{Grpc, UnaryService};
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_server::HealthServer;
use tower_http::cors::CorsLayer;

/// Bytes of a request (rule 4): a transaction and its envelope.
pub const REQUEST_BYTES_MAX: usize = 2_097_152;
/// Calls that run at once (rule 4); others wait for [`QUEUE_TIMEOUT`].
pub const CALLS_MAX: usize = 32;
/// How long a call waits for its turn.
pub const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long open connections may linger when the node stops.
const DRAIN: Duration = Duration::from_secs(2);

/// Runs calls of the [`Api`] on threads of their own, a bounded number at once.
#[derive(Clone)]
pub struct Calls {
    api: Arc<Api>,
    turns: Arc<Semaphore>,
}

impl Calls {
    /// Calls of `api`.
    pub fn new(api: Arc<Api>) -> Calls {
        Calls { api, turns: Arc::new(Semaphore::new(CALLS_MAX)) }
    }

    /// Answers a path.
    pub async fn call(&self, path: &str, request: Vec<u8>) -> api::Answer {
        let began = Instant::now();
        let answer = self.answer(path, request).await;
        let status = answer.as_ref().map_or_else(|error| error.status().code(), |_| Code::Ok);
        // What is not served may be any text of a stranger.
        let path = if status == Code::Unimplemented { "other" } else { path };
        self.api.metrics().called(path, &format!("{status:?}"), began);
        answer
    }

    async fn answer(&self, path: &str, request: Vec<u8>) -> api::Answer {
        let turn = tokio::time::timeout(QUEUE_TIMEOUT, self.turns.clone().acquire_owned());
        let Ok(Ok(turn)) = turn.await else {
            return Err(ApiError::busy("the node is busy; try again in a moment"));
        };
        let (api, path) = (self.api.clone(), path.to_string());
        let work = tokio::task::spawn_blocking(move || {
            let answer = api.call(&path, &request);
            drop(turn);
            answer
        });
        match tokio::time::timeout(CALL_TIMEOUT, work).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(ApiError::unavailable("the call panicked; see the node's log")),
            Err(_) => Err(ApiError::unavailable("the call took too long")),
        }
    }
}

/// Messages as bytes: the table decodes them.
#[derive(Clone, Copy, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Bytes;
    type Decoder = Bytes;

    fn encoder(&mut self) -> Bytes {
        Bytes
    }

    fn decoder(&mut self) -> Bytes {
        Bytes
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut bytes);
        Ok(Some(bytes))
    }
}

/// One method of the table.
struct Method {
    calls: Calls,
    path: Arc<str>,
}

impl UnaryService<Vec<u8>> for Method {
    type Response = Vec<u8>;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, Status>> + Send>>;

    fn call(&mut self, request: Request<Vec<u8>>) -> Self::Future {
        let (calls, path) = (self.calls.clone(), self.path.clone());
        Box::pin(async move {
            let answered = calls.call(&path, request.into_inner()).await;
            let (height, answer) = answered.map_err(|error| error.status())?;
            let mut response = Response::new(answer);
            if let Ok(height) = height.to_string().parse() {
                response.metadata_mut().insert("x-cosmos-block-height", height);
            }
            Ok(response)
        })
    }
}

fn routes(calls: &Calls, readiness: &Readiness) -> Result<Routes, NodeError> {
    let mut reflection = [(); 2].map(|()| {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(dadbs_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health")
            .with_service_name("grpc.reflection.v1.ServerReflection")
            .with_service_name("grpc.reflection.v1alpha.ServerReflection")
    });
    for service in api::services() {
        reflection = reflection.map(|builder| builder.with_service_name(service.clone()));
    }
    let [v1, v1alpha] = reflection;
    let unusable = |error| NodeError::Config(format!("the descriptor set is unusable: {error}"));
    let health = HealthServer::new(readiness.clone());
    let mut routes = Routes::new(v1.build_v1().map_err(unusable)?)
        .add_service(v1alpha.build_v1alpha().map_err(unusable)?)
        .add_service(health);
    let mut router = std::mem::take(routes.axum_router_mut());
    for path in api::paths() {
        let (calls, shared): (Calls, Arc<str>) = (calls.clone(), path.as_str().into());
        let method = axum::routing::post(move |request: http::Request<axum::body::Body>| {
            let method = Method { calls, path: shared };
            async move {
                let mut grpc = Grpc::new(Bytes).max_decoding_message_size(REQUEST_BYTES_MAX);
                Ok::<_, Infallible>(grpc.unary(method, request).await.map(axum::body::Body::new))
            }
        });
        router = router.route(&path, method);
    }
    *routes.axum_router_mut() = router;
    Ok(routes)
}

/// Serves until `stop` resolves.
pub async fn serve(
    listener: TcpListener,
    calls: Calls,
    readiness: Readiness,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), NodeError> {
    let routes = routes(&calls, &readiness)?;
    let router = routes
        .into_axum_router()
        .layer(tonic_web::GrpcWebLayer::new())
        .layer(CorsLayer::permissive());
    crate::http::serve("gRPC", listener, router, stop, DRAIN).await
}
