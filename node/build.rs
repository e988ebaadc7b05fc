//! Packs the sources of the contract SDK, and the crates that its macros stand on, into one file, which
//! `dadbs contract new` unpacks: a contract builds without a registry and without this repository.
//!
//! The file is a sequence of (u32 length, path, u32 length, content), little endian.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates of the SDK, in the folders that they have in the repository.
const CRATES: [&str; 5] =
    ["runtime/types", "runtime/abi", "contracts/sdk", "contracts/sdk/macros", "contracts/testkit"];
/// What the macros stand on, and the major versions.
const VENDORED: [(&str, &str); 4] =
    [("unicode-ident", "1."), ("proc-macro2", "1."), ("quote", "1."), ("syn", "2.")];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("..");
    let mut archive = Vec::new();
    for name in CRATES {
        let folder = root.join(name);
        println!("cargo::rerun-if-changed={}", folder.display());
        let manifest = without_tests(&fs::read_to_string(folder.join("Cargo.toml"))?);
        add(&mut archive, &format!("{name}/Cargo.toml"), manifest.as_bytes())?;
        add_sources(&mut archive, &folder.join("src"), &format!("{name}/src"))?;
    }
    for (name, folder) in vendored(&root)? {
        let manifest = with_paths(&fs::read_to_string(folder.join("Cargo.toml"))?);
        add(&mut archive, &format!("vendor/{name}/Cargo.toml"), manifest.as_bytes())?;
        for file in ["LICENSE-APACHE", "LICENSE-MIT", "build.rs"] {
            if let Ok(content) = fs::read(folder.join(file)) {
                add(&mut archive, &format!("vendor/{name}/{file}"), &content)?;
            }
        }
        add_sources(&mut archive, &folder.join("src"), &format!("vendor/{name}/src"))?;
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", root.join("Cargo.lock").display());
    fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("sdk.archive"), archive)?;
    Ok(())
}

fn add(archive: &mut Vec<u8>, path: &str, content: &[u8]) -> Result<()> {
    for bytes in [path.as_bytes(), content] {
        archive.extend_from_slice(&u32::try_from(bytes.len())?.to_le_bytes());
        archive.extend_from_slice(bytes);
    }
    Ok(())
}

/// All files below a folder, in the order of their names.
fn add_sources(archive: &mut Vec<u8>, folder: &Path, name: &str) -> Result<()> {
    let entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let file = path.file_name().and_then(|name| name.to_str()).ok_or("a name is not UTF-8")?;
        let name = format!("{name}/{file}");
        if path.is_dir() {
            add_sources(archive, &path, &name)?;
        } else {
            add(archive, &name, &fs::read(&path)?)?;
        }
    }
    Ok(())
}

/// Where cargo keeps the crates that the workspace is locked to.
fn vendored(root: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let output = Command::new(std::env::var("CARGO")?)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform"])
        .arg(std::env::var("TARGET")?)
        .arg("--manifest-path")
        .arg(root.join("Cargo.toml"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let mut found = Vec::new();
    for (name, major) in VENDORED {
        let version = |package: &serde_json::Value| {
            package["version"].as_str().is_some_and(|version| version.starts_with(major))
        };
        let manifest = packages
            .iter()
            .find(|package| package["name"] == name && version(package))
            .and_then(|package| package["manifest_path"].as_str())
            .ok_or_else(|| format!("Cargo.lock has no {name}"))?;
        let folder = Path::new(manifest).parent().ok_or("a manifest has no folder")?;
        found.push((name, folder.to_path_buf()));
    }
    Ok(found)
}

/// The manifest without what only tests need, which a contract does not have.
fn without_tests(manifest: &str) -> String {
    let Some((before, tests)) = manifest.split_once("[dev-dependencies]\n") else {
        return manifest.to_owned();
    };
    let after = tests.find("\n[").and_then(|at| tests.get(at..)).unwrap_or_default();
    format!("{before}{after}")
}

/// The manifest, with its dependencies taken from beside it.
fn with_paths(manifest: &str) -> String {
    VENDORED.iter().fold(manifest.to_owned(), |manifest, (name, _)| {
        let head = format!("[dependencies.{name}]\n");
        manifest.replace(&head, &format!("{head}path = \"../{name}\"\n"))
    })
}
