//! `dadbs contract build`: a crate becomes a module that the chain takes, and every fault is found here.
//!
//! 1. The crate is compiled by `contracts/build.sh`: the same bytes from the same toolchain, whatever the
//!    folder is.
//! 2. The statements of `sql!` are checked against the contract's tables (`check`), then their section
//!    and all others but `dadbs_abi` are removed.
//! 3. The module passes the node's own validation; a rejection names the function.
//! 4. The result is `target/dadbs/<name>.wasm`; its size, its hash and the gas of storing it are printed.

use super::super::exit::{Failure, Outcome};
use super::check;
use dadbs_vm::CodeInfo;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wasmparser::{KnownCustom, Name, Parser, Payload};

/// The one way to compile a contract (rule 1).
const SCRIPT: &str = include_str!("../../../../contracts/build.sh");
/// The section of `sql!`.
const STATEMENTS: &str = "dadbs_sql";

/// Names of functions by index.
type Names = Vec<(u32, String)>;

/// A module that the chain takes.
pub(super) struct Built {
    /// The module.
    pub(super) wasm: Vec<u8>,
    /// Where it is.
    pub(super) path: PathBuf,
    /// What it is.
    pub(super) info: CodeInfo,
    /// The compiler and linker; empty for a module that was given as one.
    pub(super) toolchain: String,
}

impl Built {
    /// The SHA-256 of the module, as the chain names it.
    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.wasm))
    }
}

/// Builds the crate in a folder, or takes a file that is a module.
pub(super) fn build(path: &Path) -> Outcome<Built> {
    if path.extension().is_some_and(|extension| extension == "wasm") {
        let wasm = std::fs::read(path)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        let (wasm, info) = pass(&wasm, path)?;
        return Ok(Built { wasm, path: path.into(), info, toolchain: String::new() });
    }
    let package = Package::of(path)?;
    let toolchain = package.compile()?;
    let target = package.target.join("wasm32-unknown-unknown/contract");
    let compiled = target.join(format!("{}.wasm", package.library));
    let raw = std::fs::read(&compiled)
        .map_err(|error| Failure::other(format!("{}: {error}", compiled.display())))?;
    let (wasm, info) = pass(&raw, &package.root)?;
    let folder = package.target.join("dadbs");
    let path = folder.join(format!("{}.wasm", package.library));
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&path, &wasm))
        .map_err(|error| Failure::other(format!("{}: {error}", path.display())))?;
    Ok(Built { wasm, path, info, toolchain })
}

/// Rules 2 and 3: the module as it is stored.
fn pass(raw: &[u8], root: &Path) -> Outcome<(Vec<u8>, CodeInfo)> {
    let refused =
        |message: &str| Failure::other(format!("the chain would not take the module: {message}"));
    if !raw.starts_with(b"\0asm") {
        dadbs_vm::validate(raw).map_err(|rejection| refused(&rejection.message))?;
    }
    let (wasm, statements, names) = shrink(raw)?;
    let info = dadbs_vm::validate(&wasm)
        .map_err(|rejection| refused(&named(&rejection.message, &names)))?;
    check::check(&info.description, &statements, root)?;
    Ok((wasm, info))
}

/// The module without the sections that are not for the chain, the statements, and the names of
/// functions by index.
fn shrink(raw: &[u8]) -> Outcome<(Vec<u8>, Vec<u8>, Names)> {
    let mut wasm = raw.get(..8).unwrap_or_default().to_vec();
    let (mut statements, mut names) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(raw) {
        let payload = payload.map_err(|error| Failure::other(format!("not a module: {error}")))?;
        let mut kept = true;
        if let Payload::CustomSection(section) = &payload {
            if section.name() == STATEMENTS {
                statements.extend_from_slice(section.data());
            }
            if let KnownCustom::Name(reader) = section.as_known() {
                for part in reader {
                    let Ok(Name::Function(map)) = part else { continue };
                    names.extend(map.into_iter().flatten().map(|n| (n.index, n.name.to_owned())));
                }
            }
            kept = section.name() == dadbs_abi::SECTION;
        }
        if let Some((id, range)) = payload.as_section().filter(|_| kept) {
            wasm.push(id);
            leb128(range.len(), &mut wasm);
            wasm.extend_from_slice(&raw[range]);
        }
    }
    Ok((wasm, statements, names))
}

#[allow(clippy::cast_possible_truncation, reason = "seven bits at a time")]
fn leb128(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A message of the validation with the name behind `function N`.
fn named(message: &str, names: &[(u32, String)]) -> String {
    let number = message.strip_prefix("function ").and_then(|rest| rest.split(':').next());
    let index = number.and_then(|number| number.parse::<u32>().ok());
    match names.iter().find(|(known, _)| Some(*known) == index) {
        Some((_, name)) => format!("{message} (function `{name}`)"),
        None => message.to_owned(),
    }
}

/// A crate, as cargo sees it.
pub(super) struct Package {
    folder: PathBuf,
    /// The root of its workspace.
    pub(super) root: PathBuf,
    /// Cargo's target folder.
    pub(super) target: PathBuf,
    /// The name of its library, which the module has.
    pub(super) library: String,
    /// Other contracts that its tests publish, by name: `[package.metadata.dadbs.test]` with their folders.
    pub(super) tested_with: Vec<(String, PathBuf)>,
}

impl Package {
    /// The package in a folder.
    pub(super) fn of(folder: &Path) -> Outcome<Package> {
        let manifest = folder.join("Cargo.toml");
        let manifest = manifest.canonicalize().map_err(|error| {
            Failure::usage(format!(
                "{}: {error}; `dadbs contract new NAME` makes a contract",
                manifest.display()
            ))
        })?;
        let output = Command::new("cargo")
            .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
            .arg(&manifest)
            .output()
            .map_err(|error| Failure::other(format!("cargo: {error}; install Rust")))?;
        if !output.status.success() {
            return Err(Failure::other(String::from_utf8_lossy(&output.stderr)));
        }
        let metadata: Json = serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::other(format!("cargo metadata: {error}")))?;
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
        let package =
            packages.iter().find(|package| Path::new(&text(&package["manifest_path"])) == manifest);
        let targets = package.and_then(|package| package["targets"].as_array());
        let is_module = |target: &&Json| {
            let types = target["crate_types"].as_array();
            types.is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
        };
        let library =
            targets.and_then(|targets| targets.iter().find(is_module)).ok_or_else(|| {
                Failure::usage(format!(
                    "{}: a contract has `crate-type = [\"cdylib\"]` under [lib]",
                    manifest.display()
                ))
            })?;
        let folder = manifest.parent().unwrap_or(folder).to_path_buf();
        let others = package.and_then(|package| package["metadata"]["dadbs"]["test"].as_object());
        let others = others.into_iter().flatten();
        Ok(Package {
            tested_with: others
                .map(|(name, path)| (name.clone(), folder.join(text(path))))
                .collect(),
            folder,
            root: text(&metadata["workspace_root"]).into(),
            target: text(&metadata["target_directory"]).into(),
            library: text(&library["name"]).replace('-', "_"),
        })
    }

    /// Runs the script (rule 1); answers the toolchain.
    fn compile(&self) -> Outcome<String> {
        let failed = |error: std::io::Error| Failure::other(format!("sh: {error}"));
        let mut child = Command::new("sh")
            .args(["-s", "--", "--crate"])
            .args([&self.folder, &self.root, &self.target])
            // The names of functions, for messages; `shrink` removes them.
            .env("CARGO_PROFILE_CONTRACT_STRIP", "none")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(SCRIPT.as_bytes()).map_err(failed)?;
        }
        let output = child.wait_with_output().map_err(failed)?;
        if !output.status.success() {
            return Err(Failure::other(
                "the contract does not compile; the compiler says why above",
            ));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
