//! The contract VM: validation, instrumentation, host interface.
//!
//! 1. Gas is a function of module, input, what the host answers, and the schedule version: never of
//!    caches, platform or engine. Instrumentation charges it inside the module (see `instrument`).
//! 2. Every call charges `price::WASM_CALL`, and `price::WASM_PAGE` for each initial page beyond
//!    `price::WASM_CALL_PAGES`.
//! 3. A call has its own instance; it leaves nothing behind but what its host keeps.
//! 4. [`Vm`] is shared by threads: writers never wait for readers. A call inside another one waits for
//!    nobody, and shares the logical stack of the outer one.
//! 5. Code is compiled when it is stored. Code that passed validation and does not compile, or makes the
//!    compiler panic, is rejected: all nodes run the same compiler, and a fault would let one transaction
//!    stop them all. Stored code that does not compile later is a fault.

mod between;
mod cache;
mod engine;
mod host;
mod instrument;
mod metering;
mod operators;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod validate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use dadbs_types::{Error, Fatal, GasMeter, Rejection, limits};
use wasmtime::{Engine, Linker, Module};

pub use crate::engine::{Code, NATIVE_STACK_BYTES};
pub use crate::host::{Access, Answer, Host, Schedule, Stack};
pub use crate::validate::{CodeInfo, Entry, EntryKind, FEATURES, Size, validate};

use crate::cache::{Disk, Recent};
use crate::host::CallState;

/// The engine's version, which `Cargo.toml` pins.
pub const WASMTIME: &str = "48.0.8";

/// Readers at the same time, each with calls inside it; the rest of the pool is the writer's.
const READERS_MAX: u32 = engine::CONCURRENT_CALLS_MAX / limits::CALL_DEPTH_MAX - 1;

/// The contract VM of a node.
pub struct Vm {
    engine: Engine,
    linker: Linker<CallState>,
    recent: Recent,
    disk: Option<Disk>,
    readers: Readers,
}

impl Vm {
    /// Starts the engine; compiled code is kept in `cache_dir`, if given.
    pub fn new(cache_dir: Option<&Path>) -> Result<Vm, Fatal> {
        Vm::on(engine::engine()?, cache_dir)
    }

    fn on(engine: Engine, cache_dir: Option<&Path>) -> Result<Vm, Fatal> {
        let disk = cache_dir.map(|directory| Disk::open(directory, &engine)).transpose()?;
        let linker = host::linker(&engine)?;
        let recent = Recent::new(cache::MEMORY_BYTES_MAX);
        Ok(Vm { engine, linker, recent, disk, readers: Readers::default() })
    }

    /// Checks a module before it is stored (see [`validate()`]).
    pub fn validate(&self, wasm: &[u8]) -> Result<CodeInfo, Rejection> {
        validate(wasm)
    }

    /// The code of a stored module: from memory, from this node's disk, or compiled from the validated
    /// bytes that `wasm` fetches. `code_hash` identifies the bytes; the caller's store guarantees it.
    pub fn load(
        &self,
        code_hash: &[u8; 32],
        wasm: &mut dyn FnMut() -> Result<Vec<u8>, Error>,
    ) -> Result<Arc<Code>, Error> {
        if let Some(code) = self.recent.get(code_hash) {
            return Ok(code);
        }
        let code = match self.read_disk(code_hash)? {
            Some(code) => code,
            None => self.compile(code_hash, &wasm()?)?.map_err(|why| {
                Fatal::new(format!(
                    "stored code does not compile: {why}; report this with the code"
                ))
            })?,
        };
        let code = Arc::new(code);
        self.recent.put(*code_hash, Arc::clone(&code));
        Ok(code)
    }

    /// Compiles validated code that is about to be stored (rule 5).
    pub fn compile_new(&self, code_hash: &[u8; 32], wasm: &[u8]) -> Result<(), Error> {
        if self.recent.get(code_hash).is_some() {
            return Ok(());
        }
        let code = self.compile(code_hash, wasm)?.map_err(|why| {
            Rejection::new(
                dadbs_types::Code::WasmInvalid,
                format!("the module does not compile: {why}"),
            )
        })?;
        self.recent.put(*code_hash, Arc::new(code));
        Ok(())
    }

    fn read_disk(&self, code_hash: &[u8; 32]) -> Result<Option<Code>, Fatal> {
        let Some(artifact) = self.disk.as_ref().and_then(|disk| disk.read(code_hash)) else {
            return Ok(None);
        };
        // SAFETY: `Disk::read` returns only what `Disk::write` of this node wrote, by a keyed MAC, and
        // `Disk::write` is only given what `Engine::precompile_module` returned.
        #[allow(unsafe_code)]
        let module = unsafe { Module::deserialize(&self.engine, &artifact) };
        match module {
            Ok(module) => Code::new(&self.linker, &module, artifact.len()).map(Some),
            Err(error) => {
                tracing::warn!(%error, "compiled code does not load; compiling again");
                Ok(None)
            }
        }
    }

    /// The inner error is the compiler's.
    fn compile(&self, code_hash: &[u8; 32], wasm: &[u8]) -> Result<Result<Code, String>, Fatal> {
        let instrumented = instrument::instrument(wasm)?;
        let artifact = match compiled(|| self.engine.precompile_module(&instrumented)) {
            Ok(artifact) => artifact,
            Err(why) => return Ok(Err(why)),
        };
        let fatal = |error| Fatal::new(format!("compiled code does not load: {error:#}"));
        // SAFETY: the bytes come from the line above, by the same engine.
        #[allow(unsafe_code)]
        let module = unsafe { Module::deserialize(&self.engine, &artifact) }.map_err(fatal)?;
        if let Some(disk) = &self.disk {
            disk.write(code_hash, &artifact);
        }
        Code::new(&self.linker, &module, artifact.len()).map(Ok)
    }

    /// Calls the entry point that is exported as `entry` (see [`Entry::export`]) and returns its output.
    /// Gas is charged whether it succeeds or not. With [`Access::Read`] it waits while too many others
    /// read.
    pub fn call(
        &self,
        code: &Code,
        entry: &str,
        input: &[u8],
        host: &mut dyn Host,
        gas: &mut GasMeter,
        access: Access,
    ) -> Result<Vec<u8>, Error> {
        let _reader = (access == Access::Read).then(|| self.readers.enter());
        self.call_within(code, entry, input, host, gas, access, Stack::FULL)
    }

    /// As [`Vm::call`] for a call inside another one, whose host was told what is left of the stack.
    #[expect(clippy::too_many_arguments, reason = "those of a call and one more")]
    pub fn call_within(
        &self,
        code: &Code,
        entry: &str,
        input: &[u8],
        host: &mut dyn Host,
        gas: &mut GasMeter,
        access: Access,
        stack: Stack,
    ) -> Result<Vec<u8>, Error> {
        let request = engine::Request { entry, input, access, stack };
        engine::call(&self.engine, code, &request, host, gas)
    }
}

/// What the compiler gives, or why it gives nothing, its panics included (rule 5).
fn compiled(compile: impl FnOnce() -> wasmtime::Result<Vec<u8>>) -> Result<Vec<u8>, String> {
    match catch_unwind(AssertUnwindSafe(compile)) {
        Ok(compiled) => compiled.map_err(|error| format!("{error:#}")),
        Err(_) => Err("the compiler panicked".into()),
    }
}

/// Bounds the calls that read.
#[derive(Default)]
struct Readers {
    count: Mutex<u32>,
    left: Condvar,
}

struct Reader<'a>(&'a Readers);

impl Readers {
    fn enter(&self) -> Reader<'_> {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |count: &mut u32| *count >= READERS_MAX;
        let mut count = self.left.wait_while(count, full).unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        Reader(self)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_5_errors_and_panics_of_the_compiler_reach_who_stores_the_code() {
        assert_eq!(compiled(|| Ok(vec![1])), Ok(vec![1]));
        assert_eq!(compiled(|| Err(wasmtime::Error::msg("no"))), Err("no".into()));
        assert_eq!(compiled(|| panic!("a bug")), Err("the compiler panicked".into()));
    }
}
