//! `dadbs contract`: from an empty folder to a contract on the chain, and what follows.

mod build;
mod check;
mod describe;
mod generate;
mod new;
mod send;
mod test;
mod upgrade;

use super::context::Globals;
use super::exit::{Failure, Outcome};
use super::output;
use build::Built;
use dadbs_abi::section::Kind;
use dadbs_client::proto::dadbs::sql::v1::Value;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Contract {
    /// Make the crate of a contract, with the SDK as sources
    New {
        /// The folder; its last part is the contract's name
        folder: PathBuf,
        /// Write only the SDK again, in the folder of a contract
        #[arg(long)]
        sdk: bool,
    },
    /// Build a contract and check everything that the chain would refuse
    Build {
        /// The crate's folder, or a module
        #[arg(default_value = ".")]
        path: PathBuf,
        /// Fail if the lint finds something
        #[arg(long)]
        deny_lints: bool,
    },
    /// Build a contract and run its tests against the module in the real executor
    Test {
        /// The crate's folder
        #[arg(default_value = ".")]
        path: PathBuf,
        /// Arguments of `cargo test`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// The chain in memory that tests talk to
    #[command(hide = true)]
    TestHost,
    /// Build (a crate) and store its code; contracts are made of it by `publish --code-id`
    Store {
        /// The crate's folder, or a module
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// Build (a crate), store its code and make a contract, which is a database with a unique name
    #[command(visible_alias = "instantiate")]
    Publish {
        /// Name: a lower-case letter, then letters, digits and underscores
        name: String,
        /// Arguments of `init`: NULL, numbers, x'hex', 'text' or text
        #[arg(allow_negative_numbers = true)]
        arguments: Vec<String>,
        /// The crate's folder, or a module
        #[arg(long, default_value = ".")]
        path: PathBuf,
        /// Code that is stored already, instead of a path
        #[arg(long, conflicts_with = "path")]
        code_id: Option<u64>,
        /// Address or key that may upgrade it [default: the key that signs]
        #[arg(long, conflicts_with = "immutable")]
        admin: Option<String>,
        /// Nobody may ever upgrade it
        #[arg(long)]
        immutable: bool,
        /// Storage rent to prepay, in udadb; `dadbs query storage price` shows whether there is any
        #[arg(long, value_name = "UDADB")]
        prepay: Option<String>,
        /// Governance may upgrade it, by `gov propose contract`
        #[arg(long, conflicts_with_all = ["admin", "immutable", "watch"])]
        governed: bool,
        /// Go on: build and upgrade whenever a source file is saved
        #[arg(long, conflicts_with_all = ["code_id", "immutable"])]
        watch: bool,
    },
    /// Move a contract to other code; the plan is shown and simulated first
    #[command(visible_alias = "migrate")]
    Upgrade(upgrade::Upgrade),
    /// Call an entry point in a transaction, or ask a view
    #[command(visible_aliases = ["execute", "query"])]
    Call {
        /// Name of the contract
        contract: String,
        /// The entry point
        entry: String,
        /// Arguments: NULL, numbers, x'hex', 'text' or text
        #[arg(allow_negative_numbers = true)]
        arguments: Vec<String>,
        /// Coins that go to the contract with the call, in udadb; the entry point is payable
        #[arg(long, default_value_t = 0)]
        pay: u64,
    },
    /// Show entry points, tables, errors and events
    Describe {
        /// The name of a contract on the chain, the id of a code, or the path of a module
        what: String,
    },
    /// Write a typed client of a contract
    Generate {
        /// The name of a contract on the chain, the id of a code, or the path of a module
        what: String,
        /// The language
        #[arg(long, value_enum)]
        lang: generate::Language,
        /// The file to write [default: stdout]
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Show the latest transactions that called a contract, with their events
    Logs {
        /// Name of the contract
        contract: String,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: u64,
    },
    /// List contracts
    List,
}

pub(crate) async fn run(globals: &Globals, command: &Contract) -> Outcome {
    match command {
        Contract::New { folder, sdk } => make(globals, folder, *sdk),
        Contract::Build { path, deny_lints } => {
            super::lint::warn(path, *deny_lints)?;
            print_built(globals, &build::build(path)?);
            Ok(())
        }
        Contract::Test { path, arguments } => test::test(globals, path, arguments),
        Contract::TestHost => test::host(),
        Contract::Store { path } => send::store_only(globals, path).await,
        Contract::Publish {
            name,
            arguments,
            path,
            code_id,
            admin,
            immutable,
            prepay,
            governed,
            watch,
        } => {
            let admin = match (admin, immutable, governed) {
                (Some(named), ..) => send::Admin::Named(named),
                (None, true, _) => send::Admin::Nobody,
                (None, _, true) => send::Admin::Governance,
                (None, false, false) => send::Admin::Publisher,
            };
            let code = code_id.map_or(send::Source::Path(path), send::Source::Stored);
            send::publish(globals, name, arguments, code, admin, prepay.as_deref()).await?;
            if *watch { upgrade::watch(globals, name, path).await } else { Ok(()) }
        }
        Contract::Upgrade(upgrade) => upgrade::run(globals, upgrade).await,
        Contract::Call { contract, entry, arguments, pay } => {
            send::call(globals, contract, entry, arguments, *pay).await
        }
        Contract::Describe { what } => describe::run(globals, what).await,
        Contract::Generate { what, lang, out } => {
            let text = generate::generate(&describe::rows(globals, what).await?, *lang)?;
            let Some(out) = out else {
                globals.print(&json!({ "client": text }), || text.clone());
                return Ok(());
            };
            std::fs::write(out, &text)
                .map_err(|error| Failure::usage(format!("{}: {error}", out.display())))?;
            globals.print(&json!({ "path": out }), || format!("wrote {}", out.display()));
            Ok(())
        }
        Contract::Logs { contract, limit } => send::logs(globals, contract, *limit).await,
        Contract::List => list(globals).await,
    }
}

/// New code of a crate or a module, and the arguments that its `migrate` takes.
pub(super) fn migration(
    path: &Path,
    arguments: &[String],
    accept_losses: bool,
) -> Outcome<(Vec<u8>, Vec<Value>)> {
    let built = build::build(path)?;
    let migrate = built.info.description.iter().find(|row| row.kind == Kind::Migrate);
    let arguments = upgrade::arguments(migrate, arguments, accept_losses);
    Ok((built.wasm, arguments))
}

fn make(globals: &Globals, folder: &Path, sdk: bool) -> Outcome {
    if sdk {
        new::unpack(&folder.join(new::FOLDER))?;
        globals.print(&json!({ "sdk": folder }), || "the SDK is written again".into());
        return Ok(());
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| Failure::usage("name a folder, such as guestbook"))?;
    new::new(folder, &name)?;
    globals.print(&json!({ "folder": folder, "name": name }), || {
        let folder = folder.display();
        format!(
            "made {folder}; next: dadbs contract publish {name} --path {folder}\n\
             then: dadbs contract call {name} sign 'hello'"
        )
    });
    Ok(())
}

fn print_built(globals: &Globals, built: &Built) {
    let json = json!({
        "path": built.path,
        "bytes": built.wasm.len(),
        "sha256": built.hash(),
        "store_gas": built.info.store_gas,
        "functions": built.info.size.functions,
        "toolchain": built.toolchain,
    });
    globals.print(&json, || {
        format!(
            "{}\n  {} bytes of at most {}, {} functions, storing it costs {} gas\n  sha256 {}\n  {}",
            built.path.display(),
            output::grouped(built.wasm.len() as u128),
            output::grouped(dadbs_types::limits::WASM_CODE_BYTES_MAX as u128),
            built.info.size.functions,
            output::grouped(built.info.store_gas.into()),
            built.hash(),
            built.toolchain
        )
    });
}
async fn list(globals: &Globals) -> Outcome {
    let contracts = globals.session().await?.client.contracts().await?;
    let json: Vec<Json> = contracts
        .iter()
        .map(|c| {
            json!({
                "contract_id": c.contract_id, "name": c.name, "address": c.address,
                "code_id": c.code_id, "admin": c.admin, "creator": c.creator,
            })
        })
        .collect();
    globals.print(&json!(json), || {
        if contracts.is_empty() {
            return "no databases yet: `dadbs sql create NAME` makes one".into();
        }
        let mut table = output::table(["id", "name", "code", "address", "creator", "admin"]);
        for c in &contracts {
            let (id, code) = (c.contract_id.to_string(), c.code_id.to_string());
            table.add_row([&id, &c.name, &code, &c.address, &c.creator, &c.admin]);
        }
        table.to_string()
    });
    Ok(())
}
