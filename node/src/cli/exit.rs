//! The failure of a command: an exit code, and what to do next.

use dadbs::NodeError;
pub(crate) use dadbs::exit::{Exit, TABLE};
use dadbs_client::{ClientError, KeyError, KeyringError};
use std::fmt;

/// A failure with its exit code and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// For people, on stderr.
    pub(crate) message: String,
}

/// The result of every command.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into() }
    }

    pub(crate) fn other(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Other, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        let exit = match &error {
            ClientError::Unreachable { .. } => Exit::Unreachable,
            ClientError::NotFound(_) => Exit::NotFound,
            ClientError::Rejected(_) => Exit::Rejected,
            ClientError::Failed(_) => Exit::Failed,
            ClientError::Refused(_)
            | ClientError::Unserved(_)
            | ClientError::Malformed(_)
            | ClientError::NotIncluded { .. } => Exit::Other,
        };
        Failure::new(exit, error.to_string())
    }
}

impl From<KeyringError> for Failure {
    fn from(error: KeyringError) -> Failure {
        let exit = match &error {
            KeyringError::NotFound { .. } => Exit::NotFound,
            KeyringError::Name(_) => Exit::Usage,
            _ => Exit::Other,
        };
        Failure::new(exit, error.to_string())
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Failure {
        Failure::new(error.exit(), error.to_string())
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Failure {
        Failure::other(error.to_string())
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure::other(format!("SQLite: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_frozen() {
        let numbers: Vec<u8> = TABLE.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (0..=9).collect::<Vec<u8>>());
        let failure = Failure::from(ClientError::NotFound("x".into()));
        assert_eq!(failure.exit as u8, 5);
    }
}
