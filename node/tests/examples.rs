//! The examples of contracts do what their READMEs say, on a dev chain. Slow: contracts are compiled.
//!
//! 1. Every folder of `contracts/examples` has a README with one block of commands, which run as they stand in a shell at
//!    the root of the repository. `dadbs dev &` alone is another one, on free ports and in a home of its own.
//! 2. ` # text` behind a command says what a line of its output begins with.
//! 3. A contract in Rust that declares tables has tests, and its block runs them.
//! 4. The client of another contract is what `generate` writes.

mod common;

use common::cli::{BINARY, Dev, text};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folders of all examples.
fn examples() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("contracts/examples")).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

/// The commands of an example's README.
fn commands(example: &Path) -> Vec<String> {
    let readme = example.join("README.md");
    let readme = std::fs::read_to_string(&readme)
        .unwrap_or_else(|error| panic!("{}: {error}", readme.display()));
    let (_, block) = readme.split_once("```sh\n").expect("a README has a block of commands");
    let (block, _) = block.split_once("\n```").expect("the block ends");
    block.lines().map(str::to_owned).collect()
}

/// Runs a README; each command stands behind a mark in the output.
fn run(example: &Path) {
    let commands = commands(example);
    assert!(commands.iter().any(|command| command == "dadbs dev &"), "{}", example.display());
    let dev = Dev::start();
    let bin = dev.home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(BINARY, bin.join("dadbs")).unwrap();
    let mut script = "set -euo pipefail\nexec 2>&1\n".to_owned();
    for (at, command) in commands.iter().enumerate() {
        let _ = writeln!(script, "echo '@{at}'");
        if command != "dadbs dev &" {
            let _ = writeln!(script, "{command}");
        }
    }
    let mut shell = Command::new("bash");
    // What cargo sets for this test is not meant for the contracts.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_")) {
        if name != "CARGO_HOME" && name != "CARGO_BUILD_JOBS" {
            shell.env_remove(name);
        }
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    shell.env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN").env("PATH", path);
    shell.env("DADBS_HOME", dev.home.path()).env("DADBS_NODE", &dev.grpc).stdin(Stdio::null());
    let output = shell.args(["-c", &script]).current_dir(root()).output().unwrap();
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}:\n{printed}", example.display());
    for (at, command) in commands.iter().enumerate() {
        let Some((_, expected)) = command.rsplit_once(" # ") else { continue };
        let (_, of_command) = printed.split_once(&format!("@{at}\n")).expect("it was run");
        let of_command = of_command.split("\n@").next().unwrap_or_default();
        assert!(
            of_command.lines().any(|line| line.starts_with(expected)),
            "{}: {command}\n{of_command}",
            example.display()
        );
    }
}

#[test]
#[ignore = "slow: compiles contracts, needs Node.js"]
fn rules_1_and_2_readmes_run_as_they_stand() {
    for example in examples() {
        let clang = Command::new("clang").arg("--version").output();
        if example.ends_with("c_counter") && clang.is_err() {
            eprintln!("SKIPPED: there is no clang for {}", example.display());
            continue;
        }
        eprintln!("{}", example.display());
        run(&example);
    }
}

#[test]
fn rule_3_readmes_run_the_tests() {
    let mut tested = 0;
    for example in examples() {
        let Ok(source) = std::fs::read_to_string(example.join("src/lib.rs")) else { continue };
        let commands = commands(&example);
        if source.contains("#[table") {
            let name = example.file_name().unwrap().to_str().unwrap();
            let test = format!("dadbs contract test contracts/examples/{name} -- --test contract");
            assert_eq!(commands.last(), Some(&test));
            assert!(example.join("tests/contract.rs").exists(), "{name}");
            tested += 1;
        }
    }
    assert!(tested >= 10, "{tested} examples");
}

#[test]
#[ignore = "slow: compiles a contract"]
fn rule_4_clients_of_other_contracts_are_generated() {
    let dadbs = |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_")) {
            if name != "CARGO_HOME" {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(root())
            .env_remove("RUSTC")
            .env_remove("RUSTUP_TOOLCHAIN");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    dadbs(&["contract", "build", "contracts/examples/token"]);
    let module = "target/dadbs/dadbs_token.wasm";
    let written = dadbs(&["contract", "generate", module, "--lang", "contract"]);
    let client = root().join("contracts/examples/swap/src/token_client.rs");
    let kept = std::fs::read_to_string(client).unwrap();
    assert_eq!(kept.trim(), written.trim(), "generate it again");
}
