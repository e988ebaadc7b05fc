//! The chain modules: auth, bank, contract
