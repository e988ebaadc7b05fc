//! Real clients in processes of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon \
                         abandon abandon about";

/// The account of [`WORDS`].
pub fn account() -> dadbs_types::AccountAddress {
    dadbs_client::SecretKey::from_mnemonic(WORDS, 0).unwrap().address()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn checked(output: &Output, says: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), says, "{errors}");
}

/// A script of `tests/cosmjs`, whose packages are installed. Needs node and npm.
pub fn cosmjs_script(script: &str) -> Command {
    let folder = root().join("tests/cosmjs");
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let mut node = Command::new("node");
    node.arg(script).current_dir(folder);
    node
}

/// Runs `tests/cosmjs/test.mjs` against an RPC address.
pub async fn cosmjs(url: String, recipient: dadbs_types::AccountAddress) {
    let ran = tokio::task::spawn_blocking(move || {
        let arguments = [&url, WORDS, super::CHAIN, &recipient.to_string()];
        cosmjs_script("test.mjs").args(arguments).output().unwrap()
    });
    checked(&ran.await.unwrap(), "cosmjs ok");
}

/// Runs `tests/cosmrs` against an RPC address.
pub async fn cosmrs(url: String, recipient: dadbs_types::AccountAddress) {
    let ran = tokio::task::spawn_blocking(move || {
        let recipient = recipient.to_string();
        let secret = dadbs_client::SecretKey::from_mnemonic(WORDS, 0).unwrap().to_bytes();
        let secret = hex::encode(*secret);
        Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--manifest-path"])
            .arg(root().join("tests/cosmrs/Cargo.toml"))
            .args(["--", &url, &secret, super::CHAIN, &recipient])
            .env("CARGO_TARGET_DIR", root().join("target/cosmrs"))
            .output()
            .unwrap()
    });
    checked(&ran.await.unwrap(), "cosmrs ok");
}

/// The pinned grpcurl, installed. Needs Go.
pub fn grpcurl_command() -> Command {
    let folder = root().join("target/grpcurl");
    let installed =
        Command::new(root().join("tests/install-grpcurl.sh")).arg(&folder).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let mut grpcurl = Command::new(folder.join("grpcurl"));
    grpcurl.arg("-plaintext");
    grpcurl
}

/// Runs [`grpcurl_command`].
pub async fn grpcurl(arguments: &[&str]) -> String {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let ran =
        tokio::task::spawn_blocking(move || grpcurl_command().args(arguments).output().unwrap());
    let output = ran.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Shows `tests/browser/page.html` in a real browser; what it says about the balance of `address`, and about
/// an address that is none. Needs node, and Chromium or root to install it.
pub async fn browser(grpc: String, address: String) -> String {
    let run = move || {
        let script = root().join("tests/browser/run.sh");
        let output = Command::new(script).args([grpc, address]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}
