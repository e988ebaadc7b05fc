//! The `dadbs` binary: the node and its command line.

mod cli;

use std::process::ExitCode;

// The state tree is millions of small nodes, freed in another order than they were made.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
