//! Protobuf messages and services, generated from the `.proto` files beside this crate.
//!
//! `cosmos.*` and `tendermint.*` are wire-compatible with their originals and hold only what is served;
//! `dadbs.*` is ours. Modules follow the packages: `dadbs_proto::cosmos::tx::v1beta1::TxRaw`.
#![allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, reason = "generated code")]

mod convert;

include!(concat!(env!("OUT_DIR"), "/mod.rs"));

/// The encoded `FileDescriptorSet` of every file, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
