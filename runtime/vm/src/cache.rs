//! Compiled code: in memory, bounded by bytes, and on this node's disk.
//!
//! 1. The key of a file is the code hash with everything that shapes machine code: gas schedule, limits,
//!    instrumenter, engine configuration and version, target.
//! 2. A file is a MAC and the artifact. The MAC is BLAKE3 keyed by a random key of this node (`key`, mode
//!    0600, beside the files), over the file's key and the artifact: only what this node wrote is loaded.
//! 3. A file that is missing, short, changed or of another key is compiled again; never an error.
//! 4. Files are written beside and renamed, so that a crash leaves the old one or the new one.
//! 5. A cache that cannot be written costs speed only: it is logged, and the node goes on.
//! 6. Memory keeps the most recently used code up to [`MEMORY_BYTES_MAX`]; the last one always stays.
//! 7. What is cached never shows in gas.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::hash::{Hash as _, Hasher};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use dadbs_types::gas::SCHEDULE_VERSION;
use dadbs_types::{Fatal, limits};
use wasmtime::Engine;

use crate::engine::Code;
use crate::instrument;

/// Bytes of machine code that stay in memory.
pub(crate) const MEMORY_BYTES_MAX: usize = 256 << 20;

const KEY_BYTES: usize = 32;
const MAC_BYTES: usize = 32;

/// Feeds a standard hash into BLAKE3.
struct Blake3Hasher(blake3::Hasher);

impl Hasher for Blake3Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        let (head, _) = hash.as_bytes().split_first_chunk().expect("a BLAKE3 hash has 32 bytes");
        u64::from_le_bytes(*head)
    }
}

/// What shapes machine code beside the code itself (rule 1).
fn fingerprint(engine: &Engine) -> [u8; 32] {
    let mut hasher = Blake3Hasher(blake3::Hasher::new_derive_key("dadbs compiled code 1"));
    SCHEDULE_VERSION.hash(&mut hasher);
    instrument::VERSION.hash(&mut hasher);
    for (name, value, ..) in limits::TABLE {
        (name, value).hash(&mut hasher);
    }
    (std::env::consts::ARCH, std::env::consts::OS).hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}

/// Compiled code on disk.
pub(crate) struct Disk {
    directory: PathBuf,
    mac_key: [u8; KEY_BYTES],
    fingerprint: [u8; 32],
}

impl Disk {
    /// Opens or makes the directory and its key.
    pub(crate) fn open(directory: &Path, engine: &Engine) -> Result<Disk, Fatal> {
        let fatal = |error: std::io::Error| {
            Fatal::new(format!(
                "the code cache {}: {error}; check the directory's owner and disk, or remove it",
                directory.display()
            ))
        };
        fs::create_dir_all(directory).map_err(fatal)?;
        let mac_key = mac_key(directory).map_err(fatal)?;
        Ok(Disk { directory: directory.to_owned(), mac_key, fingerprint: fingerprint(engine) })
    }

    fn key(&self, code_hash: &[u8; 32]) -> [u8; 32] {
        blake3::keyed_hash(&self.fingerprint, code_hash).into()
    }

    fn path(&self, key: &[u8; 32]) -> PathBuf {
        self.directory.join(format!("{}.cwasm", blake3::Hash::from_bytes(*key).to_hex()))
    }

    fn mac(&self, key: &[u8; 32], artifact: &[u8]) -> blake3::Hash {
        blake3::Hasher::new_keyed(&self.mac_key).update(key).update(artifact).finalize()
    }

    /// The artifact that this node wrote for this code, if it is whole (rules 2 and 3).
    pub(crate) fn read(&self, code_hash: &[u8; 32]) -> Option<Vec<u8>> {
        let key = self.key(code_hash);
        let mut bytes = fs::read(self.path(&key)).ok()?;
        let (mac, artifact) = bytes.split_first_chunk::<MAC_BYTES>()?;
        // The comparison of `blake3::Hash` takes constant time.
        if self.mac(&key, artifact) != blake3::Hash::from_bytes(*mac) {
            tracing::warn!(path = %self.path(&key).display(), "compiled code was changed; compiling again");
            return None;
        }
        bytes.drain(..MAC_BYTES);
        Some(bytes)
    }

    /// Keeps an artifact (rules 4 and 5).
    pub(crate) fn write(&self, code_hash: &[u8; 32], artifact: &[u8]) {
        let key = self.key(code_hash);
        let path = self.path(&key);
        let mac = self.mac(&key, artifact);
        if let Err(error) = write_renamed(&path, &[mac.as_bytes(), artifact]) {
            tracing::warn!(path = %path.display(), %error, "compiled code was not kept");
        }
    }
}

/// The node's key, made at first use.
fn mac_key(directory: &Path) -> std::io::Result<[u8; KEY_BYTES]> {
    let path = directory.join("key");
    let mut key = [0; KEY_BYTES];
    if let Ok(mut file) = fs::File::open(&path) {
        if file.metadata()?.len() == KEY_BYTES as u64 {
            file.read_exact(&mut key)?;
            return Ok(key);
        }
    }
    getrandom::fill(&mut key).map_err(std::io::Error::other)?;
    write_renamed(&path, &[&key])?;
    Ok(key)
}

fn write_renamed(path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    // Two threads may compile the same code at once: each writes a file of its own.
    let thread = format!("{:?}", std::thread::current().id());
    let beside = path.with_extension(format!("new-{}-{thread}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_data()?;
    drop(file);
    fs::rename(&beside, path)
}

/// Code in memory (rule 6).
pub(crate) struct Recent {
    bytes_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Counts uses; the order of use.
    clock: u64,
    bytes: usize,
    by_hash: BTreeMap<[u8; 32], (u64, Arc<Code>)>,
    by_use: BTreeMap<u64, [u8; 32]>,
}

impl Recent {
    pub(crate) fn new(bytes_max: usize) -> Recent {
        Recent { bytes_max, inner: Mutex::default() }
    }

    /// The code, which becomes the most recently used.
    pub(crate) fn get(&self, code_hash: &[u8; 32]) -> Option<Arc<Code>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        let (used, code) = inner.by_hash.get_mut(code_hash)?;
        inner.clock += 1;
        inner.by_use.remove(used);
        inner.by_use.insert(inner.clock, *code_hash);
        *used = inner.clock;
        Some(Arc::clone(code))
    }

    /// Adds code and drops the least recently used beyond the bound.
    pub(crate) fn put(&self, code_hash: [u8; 32], code: Arc<Code>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        inner.clock += 1;
        inner.bytes += code.bytes();
        inner.by_use.insert(inner.clock, code_hash);
        if let Some((used, old)) = inner.by_hash.insert(code_hash, (inner.clock, code)) {
            inner.by_use.remove(&used);
            inner.bytes -= old.bytes();
        }
        while inner.bytes > self.bytes_max && inner.by_hash.len() > 1 {
            let Some((_, least)) = inner.by_use.pop_first() else { return };
            if let Some((_, old)) = inner.by_hash.remove(&least) {
                inner.bytes -= old.bytes();
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).by_hash.len()
    }
}
