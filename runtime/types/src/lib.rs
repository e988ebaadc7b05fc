//! The words of the core: values and their one codec, rows and leaf hashes, addresses, coins, gas,
//! limits and rejection codes. `no_std`, no I/O; contracts use the same value codec as the node.
#![cfg_attr(not(test), no_std)]
extern crate alloc;

pub mod value;

#[cfg(feature = "host")]
pub mod address;
#[cfg(feature = "host")]
pub mod block;
#[cfg(feature = "host")]
pub mod coin;
#[cfg(feature = "host")]
pub mod decimal;
#[cfg(feature = "host")]
pub mod error;
#[cfg(feature = "host")]
pub mod event;
#[cfg(feature = "host")]
pub mod functions;
#[cfg(feature = "host")]
pub mod gas;
#[cfg(feature = "host")]
pub mod limits;
#[cfg(feature = "host")]
pub mod row;

pub use value::{DecodeError, Value};

#[cfg(feature = "host")]
pub use {
    address::{AccountAddress, ConsensusAddress, OperatorAddress},
    block::{BlockInfo, ConsensusParams, Misbehavior, MisbehaviorKind, ValidatorUpdate, Vote},
    coin::{Amount, Coin},
    error::{Code, Error, Fatal, Halt, Rejection, Result},
    event::Event,
    gas::{GasMeter, OutOfGas},
    row::{Hash, Key, Row},
};
