//! Client library: keyring, tx builder, gRPC client
