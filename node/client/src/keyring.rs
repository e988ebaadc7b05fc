//! Named keys in a folder.
//!
//! 1. A key is one JSON file `<name>.json` of mode 0600 in a folder of mode 0700. A file that others may
//!    read is refused with the command that repairs it.
//! 2. Backend `file`: the secret is encrypted with `XChaCha20-Poly1305` under a key that Argon2id makes of
//!    the passphrase and a random salt (64 MiB, 3 passes, 1 lane); name and address are authenticated too.
//! 3. Backend `test`: the secret is plain hex; for devnets and tests only.
//! 4. A file is written whole or not at all, and an existing key is never overwritten.
//! 5. Names are 1 to 64 characters of `[A-Za-z0-9._-]` and begin with a letter or a digit.

use crate::key::{KeyError, SecretKey};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use dadbs_types::AccountAddress;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, Zeroizing};

/// How secrets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Encrypted by a passphrase (rule 2).
    File,
    /// In plain text (rule 3).
    Test,
}

/// Why a key cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// No such key.
    #[error("no key \"{name}\" in {folder}; list the keys with `dadbs keys list`")]
    NotFound {
        /// The name that was asked for.
        name: String,
        /// Where it was looked for.
        folder: String,
    },
    /// The name is taken (rule 4).
    #[error("a key \"{0}\" exists already; choose another name, or remove its file first")]
    Exists(String),
    /// The name is not allowed (rule 5).
    #[error("\"{0}\" is not a key name: use letters, digits, '.', '_' and '-'")]
    Name(String),
    /// Others may read the file (rule 1).
    #[error("{path} has mode {mode:04o}: others may read it. Run: chmod {want:o} {path}")]
    Mode {
        /// The file or folder.
        path: String,
        /// Its permission bits.
        mode: u32,
        /// What they must be.
        want: u32,
    },
    /// The passphrase is wrong, or the file was changed.
    #[error("wrong passphrase for key \"{0}\", or its file was changed")]
    Passphrase(String),
    /// The file is not a key file.
    #[error("{path} is not a key file: {why}")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong in it.
        why: String,
    },
    /// The file system failed.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: String,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// The key itself.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A key as `keys list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: AccountAddress,
    /// The compressed public key.
    pub public_key: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    version: u32,
    name: String,
    address: String,
    public_key: String,
    secret: StoredSecret,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "backend", rename_all = "lowercase")]
enum StoredSecret {
    Test { hex: String },
    File { salt: String, nonce: String, ciphertext: String },
}

impl Drop for StoredSecret {
    fn drop(&mut self) {
        if let StoredSecret::Test { hex } = self {
            hex.zeroize();
        }
    }
}

/// The keys of one folder.
#[derive(Clone, Debug)]
pub struct Keyring {
    folder: PathBuf,
    backend: Backend,
}

/// Argon2id: KiB of memory, passes, lanes (rule 2).
const ARGON2_COST: (u32, u32, u32) = (64 * 1024, 3, 1);

impl Keyring {
    /// The keyring of a home folder: `<home>/keyring-file` or `<home>/keyring-test`. Nothing is read or made yet.
    pub fn new(home: &Path, backend: Backend) -> Keyring {
        let folder = match backend {
            Backend::File => "keyring-file",
            Backend::Test => "keyring-test",
        };
        Keyring { folder: home.join(folder), backend }
    }

    /// How secrets are kept.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Where the keys are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stores a key. `passphrase` is used by the `file` backend only.
    pub fn add(
        &self,
        name: &str,
        key: &SecretKey,
        passphrase: &str,
    ) -> Result<KeyInfo, KeyringError> {
        let path = self.path(name)?;
        if path.exists() {
            return Err(KeyringError::Exists(name.into()));
        }
        let info = KeyInfo {
            name: name.into(),
            address: key.address(),
            public_key: key.public_key().to_vec(),
        };
        let secret = match self.backend {
            Backend::Test => StoredSecret::Test { hex: hex::encode(*key.to_bytes()) },
            Backend::File => encrypt(&info, key, passphrase)?,
        };
        let file = KeyFile {
            version: 1,
            name: name.into(),
            address: info.address.to_string(),
            public_key: hex::encode(&info.public_key),
            secret,
        };
        self.write(&path, &file)?;
        Ok(info)
    }

    /// True if the folder holds a key of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.path(name).is_ok_and(|path| path.exists())
    }

    /// Name, address and public key; needs no passphrase.
    pub fn info(&self, name: &str) -> Result<KeyInfo, KeyringError> {
        let path = self.path(name)?;
        info_of(&path, &self.read(name, &path)?)
    }

    /// The keys in the order of their names.
    pub fn list(&self) -> Result<Vec<KeyInfo>, KeyringError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io(&self.folder, error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| io(&self.folder, error))?.path();
            let is_key = path.extension().is_some_and(|extension| extension == "json");
            if let (true, Some(stem)) = (is_key, path.file_stem().and_then(|stem| stem.to_str())) {
                names.push(stem.to_owned());
            }
        }
        names.sort();
        names.iter().map(|name| self.info(name)).collect()
    }

    /// The secret key of a name.
    pub fn unlock(&self, name: &str, passphrase: &str) -> Result<SecretKey, KeyringError> {
        let path = self.path(name)?;
        let file = self.read(name, &path)?;
        let info = info_of(&path, &file)?;
        let bytes = match &file.secret {
            StoredSecret::Test { hex } => Zeroizing::new(
                hex::decode(hex.as_bytes()).map_err(|e| malformed(&path, &e.to_string()))?,
            ),
            StoredSecret::File { salt, nonce, ciphertext } => {
                decrypt(&path, &info, passphrase, [salt, nonce, ciphertext])?
            }
        };
        let key = SecretKey::from_bytes(&bytes)?;
        if key.address() != info.address {
            return Err(malformed(&path, "the secret is not that of the address in the file"));
        }
        Ok(key)
    }

    fn path(&self, name: &str) -> Result<PathBuf, KeyringError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = (1..=64).contains(&name.len())
            && name.chars().all(allowed)
            && name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !fits {
            return Err(KeyringError::Name(name.into()));
        }
        Ok(self.folder.join(format!("{name}.json")))
    }

    fn read(&self, name: &str, path: &Path) -> Result<KeyFile, KeyringError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let folder = self.folder.display().to_string();
                return Err(KeyringError::NotFound { name: name.into(), folder });
            }
            Err(error) => return Err(io(path, error)),
        };
        check_mode(&self.folder, 0o700)?;
        check_mode(path, 0o600)?;
        let file: KeyFile =
            serde_json::from_str(&text).map_err(|e| malformed(path, &e.to_string()))?;
        if file.version != 1 {
            return Err(malformed(path, "it was written by a newer version"));
        }
        Ok(file)
    }

    fn write(&self, path: &Path, file: &KeyFile) -> Result<(), KeyringError> {
        if !self.folder.exists() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(&self.folder).map_err(|error| io(&self.folder, error))?;
        }
        check_mode(&self.folder, 0o700)?;
        let text = Zeroizing::new(
            serde_json::to_string_pretty(file).map_err(|e| malformed(path, &e.to_string()))?,
        );
        let partial = path.with_extension("partial");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let written = options.open(&partial).and_then(|mut out| {
            out.write_all(text.as_bytes())?;
            out.sync_all()
        });
        written.map_err(|error| io(&partial, error))?;
        // A hard link fails if the name exists: two writers never overwrite each other (rule 4).
        let linked = fs::hard_link(&partial, path);
        fs::remove_file(&partial).map_err(|error| io(&partial, error))?;
        linked.map_err(|error| io(path, error))
    }
}

fn info_of(path: &Path, file: &KeyFile) -> Result<KeyInfo, KeyringError> {
    let address = file.address.parse().map_err(|e| malformed(path, &format!("{e}")))?;
    let public_key = hex::decode(&file.public_key).map_err(|e| malformed(path, &e.to_string()))?;
    Ok(KeyInfo { name: file.name.clone(), address, public_key })
}

fn check_mode(path: &Path, want: u32) -> Result<(), KeyringError> {
    let metadata = fs::metadata(path).map_err(|error| io(path, error))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyringError::Mode { path: path.display().to_string(), mode, want });
    }
    Ok(())
}

fn cipher(path: &Path, passphrase: &str, salt: &[u8]) -> Result<XChaCha20Poly1305, KeyringError> {
    let (memory, passes, lanes) = ARGON2_COST;
    let params = Params::new(memory, passes, lanes, Some(32))
        .map_err(|e| malformed(path, &e.to_string()))?;
    let mut key = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(|e| malformed(path, &e.to_string()))?;
    XChaCha20Poly1305::new_from_slice(key.as_slice())
        .map_err(|_| malformed(path, "the key of the cipher has the wrong length"))
}

/// What is authenticated beside the secret (rule 2).
fn bound_to(info: &KeyInfo) -> Vec<u8> {
    format!("dadbs key 1 {} {}", info.name, info.address).into_bytes()
}

fn encrypt(
    info: &KeyInfo,
    key: &SecretKey,
    passphrase: &str,
) -> Result<StoredSecret, KeyringError> {
    let mut random = [0u8; 40];
    getrandom::fill(&mut random).map_err(|e| KeyError::Random(e.to_string()))?;
    let (salt, nonce) = random.split_at(16);
    let path = PathBuf::from(&info.name);
    let secret = key.to_bytes();
    let aad = bound_to(info);
    let nonce_of = XNonce::try_from(nonce).map_err(|_| malformed(&path, "nonce"))?;
    let ciphertext = cipher(&path, passphrase, salt)?
        .encrypt(&nonce_of, Payload { msg: secret.as_slice(), aad: &aad })
        .map_err(|_| KeyringError::Passphrase(info.name.clone()))?;
    Ok(StoredSecret::File {
        salt: hex::encode(salt),
        nonce: hex::encode(nonce),
        ciphertext: hex::encode(ciphertext),
    })
}

fn decrypt(
    path: &Path,
    info: &KeyInfo,
    passphrase: &str,
    parts: [&String; 3],
) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let bytes = |text: &String| hex::decode(text).map_err(|e| malformed(path, &e.to_string()));
    let (salt, nonce, ciphertext) = (bytes(parts[0])?, bytes(parts[1])?, bytes(parts[2])?);
    let nonce = XNonce::try_from(nonce.as_slice())
        .map_err(|_| malformed(path, "the nonce is not 24 bytes long"))?;
    let aad = bound_to(info);
    cipher(path, passphrase, &salt)?
        .decrypt(&nonce, Payload { msg: &ciphertext, aad: &aad })
        .map(Zeroizing::new)
        .map_err(|_| KeyringError::Passphrase(info.name.clone()))
}

fn malformed(path: &Path, why: &str) -> KeyringError {
    KeyringError::Malformed { path: path.display().to_string(), why: why.into() }
}

fn io(path: &Path, error: std::io::Error) -> KeyringError {
    KeyringError::Io { path: path.display().to_string(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretKey {
        SecretKey::from_bytes(&[9; 32]).unwrap()
    }

    #[test]
    fn rule_1_a_readable_file_is_refused_with_the_repair() {
        let home = tempfile::tempdir().unwrap();
        let ring = Keyring::new(home.path(), Backend::Test);
        ring.add("alice", &key(), "").unwrap();
        let path = ring.folder().join("alice.json");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = ring.unlock("alice", "").unwrap_err().to_string();
        assert!(error.contains("chmod 600 "), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(ring.folder(), fs::Permissions::from_mode(0o755)).unwrap();
        let error = ring.unlock("alice", "").unwrap_err().to_string();
        assert!(error.contains("chmod 700 "), "{error}");
    }

    #[test]
    fn rule_2_the_file_backend_encrypts_and_binds() {
        let home = tempfile::tempdir().unwrap();
        let ring = Keyring::new(home.path(), Backend::File);
        ring.add("alice", &key(), "correct horse").unwrap();
        let path = ring.folder().join("alice.json");
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&hex::encode([9; 32])));
        assert_eq!(ring.unlock("alice", "correct horse").unwrap().address(), key().address());
        assert!(matches!(ring.unlock("alice", "wrong"), Err(KeyringError::Passphrase(_))));
        // The file of one key under another's name does not open.
        let other = ring.folder().join("bob.json");
        fs::write(&other, text.replace("\"alice\"", "\"bob\"")).unwrap();
        fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(ring.unlock("bob", "correct horse"), Err(KeyringError::Passphrase(_))));
    }

    #[test]
    fn rule_4_a_key_is_never_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let ring = Keyring::new(home.path(), Backend::Test);
        ring.add("alice", &key(), "").unwrap();
        let other = SecretKey::from_bytes(&[8; 32]).unwrap();
        assert!(matches!(ring.add("alice", &other, ""), Err(KeyringError::Exists(_))));
        assert_eq!(ring.unlock("alice", "").unwrap().address(), key().address());
        assert_eq!(fs::read_dir(ring.folder()).unwrap().count(), 1);
    }

    #[test]
    fn rule_5_a_name_cannot_leave_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let ring = Keyring::new(home.path(), Backend::Test);
        for name in ["", "../x", "a/b", ".hidden", "a b", &"x".repeat(65)] {
            assert!(matches!(ring.add(name, &key(), ""), Err(KeyringError::Name(_))), "{name}");
        }
        assert!(matches!(ring.unlock("nobody", ""), Err(KeyringError::NotFound { .. })));
    }

    #[test]
    fn keys_are_listed_by_name_without_a_passphrase() {
        let home = tempfile::tempdir().unwrap();
        let ring = Keyring::new(home.path(), Backend::Test);
        assert_eq!(ring.list().unwrap(), []);
        ring.add("bob", &key(), "").unwrap();
        ring.add("alice", &SecretKey::from_bytes(&[8; 32]).unwrap(), "").unwrap();
        let names: Vec<_> = ring.list().unwrap().into_iter().map(|info| info.name).collect();
        assert_eq!(names, ["alice", "bob"]);
    }
}
