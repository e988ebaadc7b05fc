//! Protobuf messages and services
