//! Whether the node is caught up, for `/healthz` and gRPC health.
//!
//! 1. Under CometBFT a node serves when CometBFT says that it is not catching up; and, while CometBFT does not
//!    answer, as long as a block was committed within [`RECENT`].
//! 2. gRPC health answers for the empty service name and for every service alike; `Watch` tells every change.

use crate::engine::cometbft::CometBft;
use dadbs_app::Info;
use serde_json::json;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_stream::Stream;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// How long a block speaks for the node without CometBFT (rule 1).
const RECENT: Duration = Duration::from_secs(10);
/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// True if the node is caught up.
    pub serves: bool,
    /// Why, or why not.
    pub why: String,
}

/// The newest state; clones share it.
#[derive(Clone, Debug)]
pub struct Readiness(watch::Receiver<State>);

impl Readiness {
    /// That of a node that is always caught up.
    pub fn caught_up() -> Readiness {
        let state = State { serves: true, why: "the embedded engine makes the blocks".into() };
        Readiness(watch::channel(state).1)
    }

    /// That of a node under CometBFT; must be called inside a runtime.
    pub fn follow(comet: Option<CometBft>, mut committed: watch::Receiver<Info>) -> Readiness {
        let state = State { serves: false, why: "the node has just started".into() };
        let (told, readiness) = watch::channel(state);
        tokio::spawn(async move {
            let mut last_block = None;
            let mut ticks = tokio::time::interval(INTERVAL);
            while !told.is_closed() {
                ticks.tick().await;
                if committed.has_changed().unwrap_or(false) {
                    committed.mark_unchanged();
                    last_block = Some(Instant::now());
                }
                let state = look(comet.as_ref(), last_block).await;
                told.send_if_modified(|last| {
                    let is_new = *last != state;
                    if last.serves != state.serves {
                        tracing::info!(serves = state.serves, why = state.why, "readiness");
                    }
                    *last = state;
                    is_new
                });
            }
        });
        Readiness(readiness)
    }

    /// The newest state.
    pub fn state(&self) -> State {
        self.0.borrow().clone()
    }
}

async fn look(comet: Option<&CometBft>, last_block: Option<Instant>) -> State {
    let silent = match comet {
        None => "the address of CometBFT's RPC is not known".to_string(),
        Some(comet) => match comet.demand("status", &json!({})).await {
            Ok(status) if status["sync_info"]["catching_up"] == false => {
                return State { serves: true, why: "caught up".into() };
            }
            Ok(_) => return State { serves: false, why: "catching up with the network".into() },
            Err(error) => error.to_string(),
        },
    };
    let is_recent = last_block.is_some_and(|block| block.elapsed() < RECENT);
    State { serves: is_recent, why: silent }
}

fn told(state: &State) -> HealthCheckResponse {
    let status = if state.serves { ServingStatus::Serving } else { ServingStatus::NotServing };
    HealthCheckResponse { status: status.into() }
}

/// Rule 2.
fn is_known(request: &HealthCheckRequest) -> Result<(), Status> {
    let name = &request.service;
    if name.is_empty() || crate::api::services().contains(name) {
        return Ok(());
    }
    Err(Status::not_found(format!("\"{name}\" is no service of this node")))
}

#[tonic::async_trait]
impl Health for Readiness {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        is_known(request.get_ref())?;
        Ok(Response::new(told(&self.state())))
    }

    type WatchStream =
        Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send + 'static>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        is_known(request.get_ref())?;
        let states = WatchStream::new(self.0.clone()).map(|state| Ok(told(&state)));
        Ok(Response::new(Box::pin(states)))
    }
}
