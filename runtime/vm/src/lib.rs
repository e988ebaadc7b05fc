//! The contract VM: validation, instrumentation, host interface
