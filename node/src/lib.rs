//! The dadbs node and command line
