//! `dadbs dev`.

use super::context::Globals;
use super::exit::{Failure, Outcome};

#[derive(Debug, clap::Args)]
pub(crate) struct Dev {}

pub(crate) async fn run(_globals: &Globals, _args: &Dev) -> Outcome {
    Err(Failure::other("not yet"))
}
