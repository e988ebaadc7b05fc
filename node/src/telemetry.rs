//! Logs: standard error, plain or JSON; one line per block at `info`. Never a memo, a parameter or a key.

use crate::error::NodeError;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Plain,
    /// One JSON object per line.
    Json,
}

/// Starts logging. `filter` is in the form of `tracing`'s directives, such as `info,dadbs=debug`.
pub fn init(format: Format, filter: &str) -> Result<(), NodeError> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        NodeError::Config(format!("\"{filter}\" is not a log filter: {error}; try \"info\""))
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let started = match format {
        Format::Plain => builder.try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| NodeError::Config(format!("logging is already started: {error}")))
}
