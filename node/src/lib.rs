//! The `dadbs` node: consensus engines, gRPC, the CometBFT RPC facade and the ABCI server around the
//! deterministic core.
//!
//! Only this crate reads the clock, the environment and the network. The core runs on one thread
//! ([`core_thread`]); reads and checks run beside it.

pub mod abci;
pub mod api;
pub mod convert;
pub mod core_thread;
pub mod dev;
pub mod disk;
pub mod engine;
pub mod error;
pub mod exit;
pub mod genesis_doc;
pub mod grpc;
pub mod home;
pub mod http;
pub mod index;
pub mod metrics;
pub mod network;
pub mod readiness;
pub mod rpc;
pub mod telemetry;
mod upgrade;

pub use abci::{AbciAddr, AbciConfig, AbciReady, run_abci};
pub use dev::{DevConfig, DevReady, run_dev, shutdown_signal};
pub use error::NodeError;
pub use network::{StartConfig, StartReady, run_node};
