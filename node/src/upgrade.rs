//! What a node that halts for an upgrade leaves to whoever starts the next software.

use crate::error::NodeError;
use dadbs_types::{Fatal, Halt};
use serde_json::json;
use std::path::Path;

/// The file in the home: name, height and info of the upgrade, in the form that supervisors of Cosmos know.
const FILE: &str = "upgrade-info.json";

/// Writes [`FILE`] if the node halted for an upgrade, and passes the outcome on.
pub(crate) fn noted(home: &Path, outcome: Result<(), NodeError>) -> Result<(), NodeError> {
    if let Err(NodeError::Fatal(Fatal { halt: Some(halt), .. })) = &outcome {
        let Halt { name, height, info } = &**halt;
        let text = json!({ "name": name, "height": height, "info": info }).to_string();
        let path = home.join(FILE);
        if let Err(error) = std::fs::write(&path, text) {
            tracing::warn!("cannot write {}: {error}", path.display());
        }
    }
    outcome
}
