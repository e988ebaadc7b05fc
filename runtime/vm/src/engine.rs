//! The engine: its configuration, compiled code, and one call.
//!
//! 1. Every proposal is switched explicitly; NaNs are canonical; no fuel, epochs, back traces or caches
//!    of the engine's own.
//! 2. Each call gets a fresh instance from a pool, so that nothing survives it.
//! 3. Growth of memory is refused by the memory's maximum only; a growth that this machine cannot do
//!    is a fault.
//! 4. The logical stack is exhausted first: a call runs on at least [`NATIVE_STACK_BYTES`] of native
//!    stack, mapped for the call if the thread has less.
//! 5. A trap that the module's semantics define is a rejection with a text of ours. Anything else (stack
//!    overflow, interrupt, unknown) is a fault: nodes could disagree on it.
//! 6. Negative gas means out of gas whatever ended the call; else a negative stack means `WasmStack`.
//! 7. Gas used until a trap or a rejection is charged.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use dadbs_types::gas::price;
use dadbs_types::{Code as Number, Error, Fatal, GasMeter, OutOfGas, Result, limits};
use wasmtime::{
    Config, Enabled, Engine, ExternType, InstanceAllocationStrategy, InstancePre, Linker, Module,
    ModuleExport, OptLevel, PoolingAllocationConfig, ResourceLimiter, Store, Trap,
    WasmBacktraceDetails, WasmFeatures,
};

use crate::host::{Access, CallState, Growth, Handles, Host, Stack};
use crate::instrument::{GAS, STACK};
use crate::metering::NATIVE_PER_LOGICAL;

/// Calls that run at the same time; the pool's size.
pub(crate) const CONCURRENT_CALLS_MAX: u32 = 128;

/// Room for the top frame, which the logical stack does not count (see `instrument`, rule 3).
const TOP_FRAME_BYTES: usize = 4 << 20;

/// The native stack that the engine lets a contract use: what the logical stack may stand for.
const WASM_STACK_BYTES: usize =
    limits::WASM_STACK_BYTES_MAX as usize * NATIVE_PER_LOGICAL + TOP_FRAME_BYTES;

/// The native stack that a call needs. A thread that has it saves each call a mapping.
pub const NATIVE_STACK_BYTES: usize = WASM_STACK_BYTES + (4 << 20);

const PAGE_BYTES: usize = 65_536;

fn pool() -> PoolingAllocationConfig {
    let memory = limits::WASM_MEMORY_PAGES_MAX as usize * PAGE_BYTES;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(CONCURRENT_CALLS_MAX);
    pool.total_memories(CONCURRENT_CALLS_MAX);
    pool.total_tables(CONCURRENT_CALLS_MAX);
    pool.total_component_instances(0);
    pool.max_memories_per_module(1);
    pool.max_tables_per_module(1);
    pool.max_memory_size(memory);
    pool.table_elements(limits::WASM_TABLE_ELEMENTS_MAX as usize);
    pool.max_core_instance_size(1 << 20);
    pool.linear_memory_keep_resident(256 << 10);
    pool.table_keep_resident(64 << 10);
    pool.pagemap_scan(Enabled::Auto);
    pool
}

/// Rule 1.
fn config(optimization: OptLevel) -> Config {
    let on = [
        WasmFeatures::MUTABLE_GLOBAL,
        WasmFeatures::SATURATING_FLOAT_TO_INT,
        WasmFeatures::SIGN_EXTENSION,
        WasmFeatures::MULTI_VALUE,
        WasmFeatures::BULK_MEMORY,
        WasmFeatures::FLOATS,
    ];
    let mut config = Config::new();
    for feature in WasmFeatures::all().iter() {
        config.wasm_features(feature, false);
    }
    for feature in on {
        config.wasm_features(feature, true);
    }
    config
        .cranelift_nan_canonicalization(true)
        .cranelift_opt_level(optimization)
        .compiler_inlining(wasmtime::Inlining::No)
        .consume_fuel(false)
        .epoch_interruption(false)
        .signals_based_traps(true)
        .macos_use_mach_ports(false)
        .memory_init_cow(true)
        .memory_may_move(false)
        // With 4 GiB of addresses for each memory the guard pages are the bounds check.
        .memory_reservation(4 << 30)
        .guard_before_linear_memory(true)
        .generate_address_map(false)
        .native_unwind_info(false)
        .debug_info(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(None)
        .parallel_compilation(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        // Not used without async, but it may not be smaller.
        .async_stack_size(WASM_STACK_BYTES)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    config
}

/// The engine of a node.
pub(crate) fn engine() -> Result<Engine, Fatal> {
    engine_at(OptLevel::Speed)
}

/// An engine that optimizes otherwise: machine code differs, results and gas do not.
pub(crate) fn engine_at(optimization: OptLevel) -> Result<Engine, Fatal> {
    Engine::new(&config(optimization)).map_err(|error| {
        Fatal::new(format!("the contract engine does not start: {error:#}; it needs x86-64 or aarch64 and 1 TiB of address space"))
    })
}

/// Compiled code, ready to be called.
pub struct Code {
    pre: InstancePre<CallState>,
    entries: BTreeMap<String, ModuleExport>,
    memory: ModuleExport,
    gas: ModuleExport,
    stack: ModuleExport,
    initial_pages: u64,
    /// Bytes of machine code and metadata.
    bytes: usize,
}

impl core::fmt::Debug for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Code")
            .field("entries", &self.entries.keys())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Code {
    /// Links a compiled, instrumented module; `bytes` is the size of its machine code.
    pub(crate) fn new(
        linker: &Linker<CallState>,
        module: &Module,
        bytes: usize,
    ) -> Result<Code, Fatal> {
        let export = |name: &str| {
            module
                .get_export_index(name)
                .ok_or_else(|| Fatal::new(format!("compiled code has no export {name}")))
        };
        let mut entries = BTreeMap::new();
        let mut initial_pages = 0;
        for item in module.exports() {
            match item.ty() {
                ExternType::Func(_) => {
                    entries.insert(item.name().to_owned(), export(item.name())?);
                }
                ExternType::Memory(memory) => initial_pages = memory.minimum(),
                _ => {}
            }
        }
        let pre = linker
            .instantiate_pre(module)
            .map_err(|error| Fatal::new(format!("compiled code does not link: {error:#}")))?;
        let (memory, gas, stack) = (export("memory")?, export(GAS)?, export(STACK)?);
        Ok(Code { pre, entries, memory, gas, stack, initial_pages, bytes })
    }

    /// Bytes of machine code and metadata.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The exports that can be called.
    pub fn entries(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
}

/// Rule 3.
impl ResourceLimiter for Growth {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.refused = maximum.is_none_or(|maximum| desired > maximum);
        Ok(!self.refused)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        if self.refused { Ok(()) } else { Err(error) }
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        // Instances start with their table; no operator grows it.
        Ok(true)
    }
}

/// The native stack for a logical one (rule 4).
fn native_stack_bytes(stack: Stack) -> usize {
    NATIVE_STACK_BYTES
        - (limits::WASM_STACK_BYTES_MAX.saturating_sub(stack.0)) as usize * NATIVE_PER_LOGICAL
}

/// What is asked of a contract.
pub(crate) struct Request<'a> {
    /// The export.
    pub(crate) entry: &'a str,
    pub(crate) input: &'a [u8],
    pub(crate) access: Access,
    pub(crate) stack: Stack,
}

/// Runs one entry point.
pub(crate) fn call(
    engine: &Engine,
    code: &Code,
    request: &Request<'_>,
    host: &mut dyn Host,
    gas: &mut GasMeter,
) -> Result<Vec<u8>> {
    let Some(entry) = code.entries.get(request.entry) else {
        let text = format!("no entry point {}", request.entry.escape_debug());
        return Err(Error::rejected(Number::EntryNotFound, text));
    };
    let len = request.input.len();
    if len > limits::WASM_INPUT_BYTES_MAX {
        let max = limits::WASM_INPUT_BYTES_MAX;
        let text = format!("the input has {len} bytes; WASM_INPUT_BYTES_MAX is {max}");
        return Err(Error::rejected(Number::WasmHost, text));
    }
    gas.charge(price::WASM_CALL)?;
    gas.charge_times(price::WASM_PAGE, code.initial_pages.saturating_sub(price::WASM_CALL_PAGES))?;
    // SAFETY: only the lifetime changes. The reference lives in the store's data, the store is dropped
    // in `run` on every path, unwinding included, before `host` can be used again; `CallState` is
    // private to this crate, which only reborrows the field for the time of one host call.
    #[allow(unsafe_code)]
    let host = unsafe { core::mem::transmute::<&mut dyn Host, &'static mut dyn Host>(host) };
    let state = CallState::new(host, gas.clone(), request);
    on_native_stack(native_stack_bytes(request.stack), || run(engine, code, entry, state, gas))
}

/// Runs `work` on at least this many bytes of native stack (rule 4). A panic of `work` goes on; a stack
/// that this machine cannot map is a fault, since other nodes can.
fn on_native_stack<T>(bytes: usize, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let mut begun = false;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        stacker::maybe_grow(bytes, bytes + (1 << 20), || {
            begun = true;
            work()
        })
    }));
    match outcome {
        Ok(outcome) => outcome,
        Err(panic) if begun => resume_unwind(panic),
        Err(_) => Err(Error::fatal(format!(
            "a native stack of {bytes} bytes for a contract's call cannot be mapped: give the node \
             more memory"
        ))),
    }
}

fn run(
    engine: &Engine,
    code: &Code,
    entry: &ModuleExport,
    state: CallState,
    gas: &mut GasMeter,
) -> Result<Vec<u8>> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.growth);
    let fatal = |error: wasmtime::Error| Fatal::new(format!("a contract's instance: {error:#}"));
    let instance = code.pre.instantiate(&mut store).map_err(fatal)?;
    let mut export = |index: &ModuleExport| instance.get_module_export(&mut store, index);
    let handles = Handles {
        memory: export(&code.memory).and_then(wasmtime::Extern::into_memory).ok_or_else(missing)?,
        gas: export(&code.gas).and_then(wasmtime::Extern::into_global).ok_or_else(missing)?,
        stack: export(&code.stack).and_then(wasmtime::Extern::into_global).ok_or_else(missing)?,
    };
    let function = export(entry).and_then(wasmtime::Extern::into_func).ok_or_else(missing)?;
    let function = function.typed::<(), ()>(&store).map_err(fatal)?;
    store.data_mut().handles = Some(handles);
    let left = store.data_mut().give_gas();
    handles.gas.set(&mut store, wasmtime::Val::I64(left)).map_err(fatal)?;
    let stack = i32::try_from(store.data().stack.0).unwrap_or(0);
    handles.stack.set(&mut store, wasmtime::Val::I32(stack)).map_err(fatal)?;

    let outcome = function.call(&mut store, ());
    let failure = store.data_mut().failure.take();
    if failure.is_none() {
        let left = handles.gas.get(&mut store).i64().unwrap_or(-1);
        let stack = handles.stack.get(&mut store).i32().unwrap_or(-1);
        let settled = store.data_mut().take_gas(left);
        gas.clone_from(&store.data().gas);
        if let Err(error) = outcome {
            return Err(trapped(&error, settled.is_err(), stack < 0));
        }
        settled?;
        return Ok(core::mem::take(&mut store.data_mut().output));
    }
    gas.clone_from(&store.data().gas);
    Err(failure.unwrap_or_else(|| missing().into()))
}

fn missing() -> Fatal {
    Fatal::new("a contract's instance lacks what instrumentation adds; this is a bug of the node")
}

/// Rules 5 and 6.
fn trapped(error: &wasmtime::Error, out_of_gas: bool, out_of_stack: bool) -> Error {
    let text = match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => "an unreachable instruction (a panic, if Rust)",
        Some(Trap::MemoryOutOfBounds) => "an access outside the memory",
        Some(Trap::TableOutOfBounds) => "an indirect call outside the table",
        Some(Trap::IndirectCallToNull) => "an indirect call of an empty table element",
        Some(Trap::BadSignature) => "an indirect call of a function of another type",
        Some(Trap::IntegerOverflow) => "an integer overflow",
        Some(Trap::IntegerDivisionByZero) => "a division by zero",
        Some(Trap::BadConversionToInteger) => "a float that is no integer",
        _ => return Error::fatal(format!("the contract engine failed: {error:#}")),
    };
    if out_of_gas {
        return OutOfGas.into();
    }
    if out_of_stack {
        let max = limits::WASM_STACK_BYTES_MAX;
        let text =
            format!("the contract's stack of WASM_STACK_BYTES_MAX = {max} bytes is exhausted");
        return Error::rejected(Number::WasmStack, text);
    }
    Error::rejected(Number::WasmTrap, format!("the contract trapped: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_4_a_stack_that_cannot_be_mapped_is_a_fault_and_a_panic_stays_one() {
        assert_eq!(on_native_stack(1 << 20, || Ok(7)), Ok(7));
        let impossible = on_native_stack(1 << 60, || Ok(7)).unwrap_err();
        assert!(matches!(&impossible, Error::Fatal(_)), "{impossible}");
        let panic = catch_unwind(|| on_native_stack::<()>(1 << 20, || panic!("of the host")));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"of the host"));
    }
}
