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
    if let Ok(mut file) = fs::File::open(&path)
        && file.metadata()?.len() == KEY_BYTES as u64
    {
        file.read_exact(&mut key)?;
        return Ok(key);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Vm, engine};

    const HASH: [u8; 32] = [7; 32];

    fn wasm() -> Vec<u8> {
        let text = r#"(module (memory (export "memory") 1) (func (export "dadbs_abi_1")) (func (export "call_run")))"#;
        wat::parse_str(text).unwrap()
    }

    /// Loads with a new VM; true if the disk served it.
    fn served_by_disk(directory: &Path) -> bool {
        let mut fetched = false;
        let vm = Vm::new(Some(directory)).unwrap();
        vm.load(&HASH, &mut || {
            fetched = true;
            Ok(wasm())
        })
        .unwrap();
        !fetched
    }

    fn artifact(directory: &Path) -> PathBuf {
        let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }

    #[test]
    fn rule_1_everything_that_shapes_machine_code_is_in_the_key() {
        let directory = tempfile::tempdir().unwrap();
        let mut disk = Disk::open(directory.path(), &engine::engine().unwrap()).unwrap();
        disk.write(&HASH, b"artifact");
        assert_eq!(disk.read(&HASH).unwrap(), b"artifact");
        assert_eq!(disk.read(&[8; 32]), None);
        disk.fingerprint[0] ^= 1;
        assert_eq!(disk.read(&HASH), None, "another schedule, instrumenter, engine or target");
        let plain = fingerprint(&engine::engine().unwrap());
        let other = Engine::new(wasmtime::Config::new().epoch_interruption(true)).unwrap();
        assert_ne!(plain, fingerprint(&other));
    }

    #[test]
    fn rule_2_code_of_another_node_is_not_loaded() {
        let (mine, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(!served_by_disk(mine.path()));
        assert!(!served_by_disk(theirs.path()));
        let path = artifact(mine.path());
        fs::copy(artifact(theirs.path()), &path).unwrap();
        assert!(!served_by_disk(mine.path()));
        // It was compiled again and kept.
        assert!(served_by_disk(mine.path()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(mine.path().join("key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn rule_3_a_flipped_byte_or_a_short_file_is_compiled_again() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!served_by_disk(directory.path()));
        assert!(served_by_disk(directory.path()));
        let path = artifact(directory.path());
        let whole = fs::read(&path).unwrap();
        for at in [0, 31, 32, 40, whole.len() / 2, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&path, flipped).unwrap();
            assert!(!served_by_disk(directory.path()), "byte {at}");
        }
        for len in [0, 31, 32, whole.len() - 1] {
            fs::write(&path, &whole[..len]).unwrap();
            assert!(!served_by_disk(directory.path()), "{len} bytes");
        }
        assert!(served_by_disk(directory.path()));
        fs::write(directory.path().join("key"), [1; 5]).unwrap();
        assert!(!served_by_disk(directory.path()), "a lost key");
    }

    #[test]
    fn rule_5_a_directory_that_vanishes_costs_speed_only() {
        let directory = tempfile::tempdir().unwrap();
        let vm = Vm::new(Some(directory.path())).unwrap();
        fs::remove_dir_all(directory.path()).unwrap();
        vm.load(&HASH, &mut || Ok(wasm())).unwrap();
        assert!(Vm::new(Some(Path::new("/dev/null/cache"))).is_err());
    }

    #[test]
    fn rule_6_memory_keeps_the_most_recently_used() {
        let vm = Vm::new(None).unwrap();
        let code = vm.load(&HASH, &mut || Ok(wasm())).unwrap();
        let recent = Recent::new(2 * code.bytes());
        for name in 0..3 {
            recent.put([name; 32], Arc::clone(&code));
            assert!(recent.get(&[0; 32]).is_some(), "used again each time");
        }
        assert!(recent.get(&[1; 32]).is_none() && recent.get(&[2; 32]).is_some());
        recent.put([2; 32], Arc::clone(&code));
        assert_eq!(recent.len(), 2);
        let small = Recent::new(1);
        small.put([0; 32], Arc::clone(&code));
        small.put([1; 32], code);
        assert!(small.len() == 1 && small.get(&[1; 32]).is_some());
    }
}
