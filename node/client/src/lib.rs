//! Client library: keys, transactions, and the gRPC client.
//!
//! - [`key`]: BIP-39 mnemonics, derivation, signatures.
//! - [`keyring`]: named keys in a folder, encrypted by a passphrase or, for tests, in plain text.
//! - [`tx`]: messages, fees and sign bytes of a transaction.
//! - [`contract`]: what generated clients stand on.
//! - [`grpc`]: accounts, simulation, broadcast, inclusion, reads.

pub mod contract;
mod governance;
pub mod grpc;
pub mod key;
pub mod keyring;
mod money;
pub mod tx;

pub use grpc::{Client, ClientError, Included, Simulated};
pub use key::{KeyError, SecretKey};
pub use keyring::{Backend, Keyring, KeyringError};
pub use tx::{Fee, GasPrice, Signer, UnsignedTx};

pub use dadbs_proto as proto;
