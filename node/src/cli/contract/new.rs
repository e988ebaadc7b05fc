//! `dadbs contract new`: a crate that builds without a registry and without this repository.
//!
//! 1. The folder gets a contract with a table, a call and a view, its test, and the SDK as sources.
//! 2. Nothing that exists is overwritten, but the SDK, which `new --sdk` renews.

use super::super::exit::{Failure, Outcome};
use std::path::Path;

/// The sources of the SDK, packed by the build script.
const SDK: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/sdk.archive"));
/// The folder of the SDK in a contract's crate.
pub(super) const FOLDER: &str = "dadbs-sdk";

const LIB: &str = include_str!("template/lib.rs.txt");
const TEST: &str = include_str!("template/test.rs.txt");
const MANIFEST: &str = include_str!("template/Cargo.toml.txt");
const SDK_MANIFEST: &str = include_str!("template/sdk.toml.txt");

fn write(path: &Path, content: &[u8]) -> Outcome {
    let failed = |error: std::io::Error| Failure::other(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, content).map_err(failed)
}

/// Makes the crate `name` in `folder`.
pub(super) fn new(folder: &Path, name: &str) -> Outcome {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.bytes().all(known) {
        return Err(Failure::usage(format!(
            "\"{name}\" cannot name a contract: a lower-case letter, then letters, digits and underscores"
        )));
    }
    if folder.join("Cargo.toml").exists() {
        return Err(Failure::usage(format!(
            "{} has a Cargo.toml already: choose another folder",
            folder.display()
        )));
    }
    write(&folder.join("Cargo.toml"), MANIFEST.replace("{name}", name).as_bytes())?;
    write(&folder.join("src/lib.rs"), LIB.replace("{name}", name).as_bytes())?;
    write(&folder.join("tests/contract.rs"), TEST.replace("{name}", name).as_bytes())?;
    write(&folder.join(".gitignore"), b"/target\n")?;
    unpack(&folder.join(FOLDER))
}

/// Writes the SDK into `folder`.
pub(super) fn unpack(folder: &Path) -> Outcome {
    let mut rest = SDK;
    let mut next = || -> Option<&[u8]> {
        let (len, tail) = rest.split_first_chunk::<4>()?;
        let (bytes, tail) = tail.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        rest = tail;
        Some(bytes)
    };
    while let (Some(path), Some(content)) = (next(), next()) {
        let path = std::str::from_utf8(path).map_err(|error| Failure::other(error.to_string()))?;
        write(&folder.join(path), content)?;
    }
    write(&folder.join("Cargo.toml"), SDK_MANIFEST.as_bytes())
}
