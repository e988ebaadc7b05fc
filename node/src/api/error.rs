//! How a failure is told to clients.
//!
//! 1. A rejection of the core keeps its message; its number and codespace travel in the details.
//! 2. Over ABCI Query the text has the form `rpc error: code = NotFound desc = ...` that Cosmos clients
//!    look for.
//! 3. A fault is told as `INTERNAL` without its text: the node's log has it.

use dadbs_types::{Code, Error, Fatal, Rejection};
use prost::Message;
use tonic::{Code as GrpcCode, Status};

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    grpc: GrpcCode,
    message: String,
    code: Option<Code>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// `google.rpc.ErrorInfo`: reason is the number, domain the codespace.
#[derive(Clone, PartialEq, prost::Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
}

fn grpc_code(code: Code) -> GrpcCode {
    match code {
        Code::NotFound
        | Code::UnknownAddress
        | Code::CodeNotFound
        | Code::ContractNotFound
        | Code::FaultNotFound => GrpcCode::NotFound,
        Code::UnknownRequest => GrpcCode::Unimplemented,
        Code::Unauthorized | Code::NotAdmin => GrpcCode::PermissionDenied,
        Code::OutOfGas | Code::TxTooLarge | Code::SqlTooLarge | Code::WasmLimit => {
            GrpcCode::ResourceExhausted
        }
        Code::Panic => GrpcCode::Internal,
        _ => GrpcCode::InvalidArgument,
    }
}

impl ApiError {
    fn new(grpc: GrpcCode, message: impl Into<String>) -> ApiError {
        ApiError { grpc, message: message.into(), code: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(GrpcCode::InvalidArgument, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new(GrpcCode::NotFound, message)
    }

    pub(crate) fn busy(message: impl Into<String>) -> ApiError {
        ApiError::new(GrpcCode::ResourceExhausted, message)
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> ApiError {
        ApiError::new(GrpcCode::Unavailable, message)
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The gRPC form (rule 1).
    pub fn status(&self) -> Status {
        let Some(code) = self.code else { return Status::new(self.grpc, &self.message) };
        let info = ErrorInfo { reason: code.number().to_string(), domain: code.codespace().into() };
        let details = RpcStatus {
            code: self.grpc.into(),
            message: self.message.clone(),
            details: vec![prost_types::Any {
                type_url: "type.googleapis.com/google.rpc.ErrorInfo".into(),
                value: info.encode_to_vec(),
            }],
        };
        Status::with_details(self.grpc, &self.message, details.encode_to_vec().into())
    }

    /// Code, codespace and log of an ABCI Query (rule 2).
    pub fn abci(&self) -> (u32, &'static str, String) {
        let code = self.code.unwrap_or(match self.grpc {
            GrpcCode::NotFound => Code::NotFound,
            GrpcCode::Unimplemented => Code::UnknownRequest,
            _ => Code::InvalidRequest,
        });
        let log = format!("rpc error: code = {:?} desc = {}", self.grpc, self.message);
        (code.number(), code.codespace(), log)
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> ApiError {
        ApiError {
            grpc: grpc_code(rejection.code),
            message: rejection.message,
            code: Some(rejection.code),
        }
    }
}

impl From<Fatal> for ApiError {
    fn from(fatal: Fatal) -> ApiError {
        tracing::error!(%fatal, "a call met a fault");
        ApiError::new(GrpcCode::Internal, "the node met a fault and stops; see its log")
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> ApiError {
        match error {
            Error::Rejected(rejection) => rejection.into(),
            Error::Fatal(fatal) => fatal.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_the_number_travels_in_the_details() {
        let error = ApiError::from(Rejection::new(Code::WrongSequence, "expected 4"));
        let status = error.status();
        assert_eq!(status.code(), GrpcCode::InvalidArgument);
        assert_eq!(status.message(), "expected 4");
        let details = RpcStatus::decode(status.details()).unwrap();
        let info = ErrorInfo::decode(&details.details[0].value[..]).unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("32", "sdk"));
    }

    #[test]
    fn rule_2_the_text_that_cosmjs_looks_for() {
        let (code, codespace, log) = ApiError::not_found("no account").abci();
        assert_eq!((code, codespace), (38, "sdk"));
        assert_eq!(log, "rpc error: code = NotFound desc = no account");
    }
}
