//! `dadbs genesis`: the state of a chain as the beginning of another one.
//!
//! 1. The export is a folder with `genesis.json` and `state.db`; it is made beside its place and moved there: it is whole or
//!    absent. The node of the home must be stopped.
//! 2. `dadbs init --exported` makes a home that begins with it.

use super::context::Globals;
use super::exit::{Failure, Outcome};
use dadbs::genesis_doc::Document;
use dadbs::network::create::{EXPORTED_GENESIS, EXPORTED_STATE};
use dadbs::network::home::NodeHome;
use dadbs_app::AppConfig;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Genesis {
    /// Write the last committed state of the home's node, which is stopped, as the genesis of another chain
    Export(Export),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The folder to make
    folder: PathBuf,
    /// The id of the chain that begins with it; another one than the home's
    #[arg(long, value_name = "CHAIN_ID")]
    new_chain_id: String,
}

pub(crate) async fn run(globals: &Globals, command: &Genesis) -> Outcome {
    let Genesis::Export(args) = command;
    let home = globals.home()?;
    let (folder, chain_id) = (args.folder.clone(), args.new_chain_id.clone());
    let made = tokio::task::spawn_blocking(move || export(&home, &folder, &chain_id)).await;
    let (document, bytes) = made.map_err(|e| Failure::other(format!("it panicked: {e}")))??;
    let genesis = &document.genesis;
    let hash = hex::encode(document.hash().map_err(|e| Failure::other(e.to_string()))?);
    let app_hash = genesis.state.map(|state| hex::encode(state.app_hash)).unwrap_or_default();
    let json = json!({
        "chain_id": genesis.chain_id, "initial_height": genesis.initial_height,
        "app_hash": app_hash, "genesis_hash": hash, "validators": genesis.validators.len(),
        "folder": args.folder.display().to_string(), "state_bytes": bytes,
    });
    globals.print(&json, || {
        format!(
            "chain         {} begins at height {}\nstate         {app_hash} ({bytes} bytes)\ngenesis hash  {hash}\n\
             folder        {}\n\nnext: dadbs init --exported {} --keys-of HOME, on each validator with its own keys",
            genesis.chain_id,
            genesis.initial_height,
            args.folder.display(),
            args.folder.display()
        )
    });
    Ok(())
}

/// Rule 1; gives the genesis and the bytes of the state.
fn export(
    home: &std::path::Path,
    folder: &std::path::Path,
    chain_id: &str,
) -> Outcome<(Document, u64)> {
    if folder.exists() {
        let why = format!("{} exists: choose another folder", folder.display());
        return Err(Failure::usage(why));
    }
    let home = NodeHome::open(home, None)?;
    let draft = folder.with_extension("new");
    let io = |e: std::io::Error| Failure::other(format!("{}: {e}", draft.display()));
    if draft.exists() {
        std::fs::remove_dir_all(&draft).map_err(io)?;
    }
    std::fs::create_dir_all(&draft).map_err(io)?;
    let state = draft.join(EXPORTED_STATE);
    let genesis = dadbs_app::export(&AppConfig::new(home.path.join("app")), chain_id, &state)
        .map_err(|fatal| Failure::other(fatal.message))?;
    let document = Document { genesis };
    let text = document.to_json().map_err(|error| Failure::usage(error.to_string()))?;
    std::fs::write(draft.join(EXPORTED_GENESIS), text).map_err(io)?;
    let bytes = std::fs::metadata(&state).map_err(io)?.len();
    std::fs::rename(&draft, folder).map_err(io)?;
    Ok((document, bytes))
}
