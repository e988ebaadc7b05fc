//! `dadbs keys`: make, list, show and recover keys.

use super::context::{Globals, secret_line};
use super::exit::{Failure, Outcome};
use super::output;
use dadbs_client::keyring::KeyInfo;
use dadbs_client::{Backend, Keyring, SecretKey, key};
use serde_json::json;
use std::io::IsTerminal;
use zeroize::Zeroizing;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Keys {
    /// Make a key and show its mnemonic once
    Add {
        /// Name of the key
        name: String,
        /// Recover it from a mnemonic, read from the terminal or from stdin
        #[arg(long)]
        recover: bool,
        /// Number of the key of the mnemonic: the last part of m/44'/118'/0'/0/INDEX
        #[arg(long, default_value_t = 0)]
        index: u32,
    },
    /// Recover a key from a mnemonic, read from the terminal or from stdin
    Import {
        /// Name of the key
        name: String,
        /// Number of the key of the mnemonic
        #[arg(long, default_value_t = 0)]
        index: u32,
    },
    /// List names and addresses
    List,
    /// Show one key
    Show {
        /// Name of the key
        name: String,
        /// Print the address only
        #[arg(long, short)]
        address: bool,
    },
    /// Print the secret of a key as hex
    Export {
        /// Name of the key
        name: String,
        /// Say that you know what it means
        #[arg(long)]
        unsafe_secret: bool,
    },
}

pub(crate) fn run(globals: &Globals, command: &Keys) -> Outcome {
    match command {
        Keys::Add { name, recover: false, index } => add(globals, name, *index),
        Keys::Add { name, recover: true, index } | Keys::Import { name, index } => {
            let words = secret_line("Mnemonic: ")?;
            let key = SecretKey::from_mnemonic(&words, *index)?;
            let info = store(&globals.keyring()?, name, &key)?;
            print(globals, &info);
            Ok(())
        }
        Keys::List => list(globals),
        Keys::Show { name, address } => {
            let info = find(globals, name)?.info(name)?;
            if *address {
                globals.print(&json!(info.address.to_string()), || info.address.to_string());
            } else {
                print(globals, &info);
            }
            Ok(())
        }
        Keys::Export { name, unsafe_secret } => export(globals, name, *unsafe_secret),
    }
}

fn add(globals: &Globals, name: &str, index: u32) -> Outcome {
    let ring = globals.keyring()?;
    if ring.contains(name) {
        return Err(dadbs_client::KeyringError::Exists(name.into()).into());
    }
    let words = key::new_mnemonic()?;
    let key = SecretKey::from_mnemonic(&words, index)?;
    let info = store(&ring, name, &key)?;
    print(globals, &info);
    eprintln!(
        "\nWrite these words down and keep them secret: they are the key, and they are not shown again.\n\n{}",
        *words
    );
    Ok(())
}

fn store(ring: &Keyring, name: &str, key: &SecretKey) -> Outcome<KeyInfo> {
    let passphrase = match ring.backend() {
        Backend::Test => {
            eprintln!("warning: the key is stored in plain text in {}", ring.folder().display());
            Zeroizing::new(String::new())
        }
        Backend::File => new_passphrase()?,
    };
    Ok(ring.add(name, key, &passphrase)?)
}

fn new_passphrase() -> Outcome<Zeroizing<String>> {
    let passphrase = secret_line("New passphrase, at least 8 characters: ")?;
    if passphrase.chars().count() < 8 {
        return Err(Failure::usage(
            "the passphrase has fewer than 8 characters; give it on the terminal or as one line of stdin",
        ));
    }
    if std::io::stdin().is_terminal() && *secret_line("The same passphrase again: ")? != *passphrase
    {
        return Err(Failure::usage("the passphrases differ; nothing was stored"));
    }
    Ok(passphrase)
}

fn find(globals: &Globals, name: &str) -> Outcome<Keyring> {
    let rings = globals.keyrings()?;
    let found = rings.iter().find(|ring| ring.contains(name)).or(rings.last());
    found.cloned().ok_or_else(|| Failure::other("no keyring"))
}

fn list(globals: &Globals) -> Outcome {
    let mut keys = Vec::new();
    for ring in globals.keyrings()? {
        for info in ring.list()? {
            keys.push((info, ring.backend()));
        }
    }
    let json: Vec<_> = keys.iter().map(|(info, backend)| describe(info, *backend)).collect();
    globals.print(&json!(json), || {
        if keys.is_empty() {
            return "no keys yet: `dadbs keys add NAME` makes one".into();
        }
        let mut table = output::table(["name", "address", "stored"]);
        for (info, backend) in &keys {
            table.add_row([&info.name, &info.address.to_string(), stored(*backend)]);
        }
        table.to_string()
    });
    Ok(())
}

fn stored(backend: Backend) -> &'static str {
    match backend {
        Backend::File => "encrypted",
        Backend::Test => "plain text",
    }
}

fn describe(info: &KeyInfo, backend: Backend) -> serde_json::Value {
    json!({
        "name": info.name,
        "address": info.address.to_string(),
        "public_key": hex::encode(&info.public_key),
        "stored": stored(backend),
    })
}

fn print(globals: &Globals, info: &KeyInfo) {
    let public_key = hex::encode(&info.public_key);
    let address = info.address.to_string();
    let json = json!({ "name": info.name, "address": address, "public_key": public_key });
    globals.print(&json, || {
        format!("name        {}\naddress     {address}\npublic key  {public_key}", info.name)
    });
}

fn export(globals: &Globals, name: &str, unsafe_secret: bool) -> Outcome {
    if !unsafe_secret {
        return Err(Failure::usage(
            "whoever has the secret has the money: add --unsafe-secret to print it",
        ));
    }
    let ring = find(globals, name)?;
    let passphrase = match ring.backend() {
        Backend::Test => Zeroizing::new(String::new()),
        Backend::File => secret_line(&format!("Passphrase of key \"{name}\": "))?,
    };
    let key = ring.unlock(name, &passphrase)?;
    let secret = Zeroizing::new(hex::encode(*key.to_bytes()));
    globals.print(&json!({ "name": name, "secret": *secret }), || secret.to_string());
    Ok(())
}
