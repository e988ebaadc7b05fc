//! Consensus engines: what decides the blocks that the core executes.

pub mod dev;
