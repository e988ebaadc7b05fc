//! The instrumented module in an interpreter that shares no code with the compiler, behind a second,
//! plain writing of the host interface: every function charges its row of the table, and answers
//! like [`dadbs_vm::testing::TestHost`].

use dadbs_abi::{HOST_FUNCTIONS, HostFunction, MODULE};
use dadbs_types::gas::price;
use dadbs_types::value::encode_row;
use dadbs_types::{Code, Value, limits};
use dadbs_vm::Answer;
use dadbs_vm::testing::{GLOBALS, instrument};
use wasmi::{Caller, Config, Engine, Error, FuncType, Linker, Module, Store, Val, ValType};

/// What a call came to: the output or the code of the rejection, and the gas.
#[derive(Debug, PartialEq)]
pub(crate) struct Interpreted {
    pub(crate) result: Result<Vec<u8>, Code>,
    pub(crate) gas: u64,
}

/// What the host knows and keeps.
pub(crate) struct State {
    pub(crate) input: Vec<u8>,
    pub(crate) context: Vec<Value>,
    /// Of SQL calls; then empty ones.
    pub(crate) answers: Vec<Answer>,
    pub(crate) result: Vec<u8>,
    pub(crate) output: Vec<u8>,
    pub(crate) ended: Option<Code>,
}

fn engine() -> Engine {
    let mut config = Config::default();
    config.set_max_recursion_depth(1_000_000).set_max_stack_height(256 << 20);
    config.set_min_stack_height(1 << 20);
    Engine::new(&config)
}

/// Calls an entry point as the VM does.
pub(crate) fn call(wasm: &[u8], entry: &str, limit: u64, state: State) -> Interpreted {
    let engine = engine();
    let module = Module::new(&engine, instrument(wasm).unwrap()).unwrap();
    let mut linker = Linker::new(&engine);
    for function in HOST_FUNCTIONS {
        let parameters = vec![ValType::I32; function.params.len()];
        let results = vec![ValType::I32; usize::from(function.result.is_some())];
        let ty = FuncType::new(parameters, results);
        linker
            .func_new(MODULE, function.name, ty, move |caller, parameters, results| {
                host(caller, function, parameters, results)
            })
            .unwrap();
    }
    let mut store = Store::new(&engine, state);
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let pages = instance.get_memory(&store, "memory").unwrap().size(&store);
    let fixed = price::WASM_CALL + price::WASM_PAGE * pages.saturating_sub(price::WASM_CALL_PAGES);
    if limit < fixed {
        return Interpreted { result: Err(Code::OutOfGas), gas: limit };
    }
    let gas = instance.get_global(&store, GLOBALS.0).unwrap();
    let stack = instance.get_global(&store, GLOBALS.1).unwrap();
    gas.set(&mut store, Val::I64((limit - fixed).cast_signed())).unwrap();
    stack.set(&mut store, Val::I32(limits::WASM_STACK_BYTES_MAX.cast_signed())).unwrap();
    let function = instance.get_func(&store, entry).unwrap();
    let outcome = function.call(&mut store, &[], &mut []);
    let left = gas.get(&store).i64().unwrap();
    let is_over = stack.get(&store).i32().unwrap() < 0;
    let result = match outcome {
        _ if left < 0 => Err(Code::OutOfGas),
        Ok(()) => Ok(std::mem::take(&mut store.data_mut().output)),
        Err(_) if store.data().ended.is_some() => Err(store.data().ended.unwrap()),
        Err(_) if is_over => Err(Code::WasmStack),
        Err(_) => Err(Code::WasmTrap),
    };
    Interpreted { result, gas: u64::try_from(left).map_or(limit, |left| limit - left) }
}

fn host(
    mut caller: Caller<'_, State>,
    function: &'static HostFunction,
    parameters: &[Val],
    results: &mut [Val],
) -> Result<(), Error> {
    let number = |at: usize| parameters[at].i32().unwrap().cast_unsigned() as usize;
    charge(&mut caller, function.gas_base)?;
    let mut taken = Vec::new();
    let gives = function.name.ends_with("_read");
    if !gives {
        for pair in 0..parameters.len() / 2 {
            let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
            let (start, len) = (number(2 * pair), number(2 * pair + 1));
            let bytes = memory.data(&caller).get(start..start + len).map(<[u8]>::to_vec);
            let Some(bytes) = bytes else { return end(&mut caller, Code::WasmMemory) };
            charge(&mut caller, function.gas_byte * len as u64)?;
            taken.push(bytes);
        }
    }
    let answer = match function.name {
        "input_len" => caller.data().input.len(),
        "result_len" => caller.data().result.len(),
        "input_read" | "result_read" => {
            let state = caller.data();
            let bytes = if function.name == "input_read" {
                state.input.clone()
            } else {
                state.result.clone()
            };
            let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
            if number(0) + bytes.len() > memory.data_size(&caller) {
                return end(&mut caller, Code::WasmMemory);
            }
            charge(&mut caller, function.gas_byte * bytes.len() as u64)?;
            memory.write(&mut caller, number(0), &bytes).unwrap();
            0
        }
        "output_write" => {
            caller.data_mut().output = taken.remove(0);
            0
        }
        "context" => {
            let row = encode_row(&caller.data().context);
            leave(&mut caller, function, row)?;
            0
        }
        "sql_query" | "sql_exec" => {
            let answers = &mut caller.data_mut().answers;
            let answer = if answers.is_empty() { Answer::default() } else { answers.remove(0) };
            leave(&mut caller, function, answer.result)?;
            answer.number as usize
        }
        "log" | "emit" => 0,
        "abort" | "abort_sql" => return end(&mut caller, Code::WasmAbort),
        other => panic!("the corpus does not call {other}"),
    };
    if let Some(result) = results.first_mut() {
        *result = Val::I32(i32::try_from(answer).unwrap());
    }
    Ok(())
}

fn leave(
    caller: &mut Caller<'_, State>,
    function: &HostFunction,
    bytes: Vec<u8>,
) -> Result<(), Error> {
    charge(caller, function.gas_byte * bytes.len() as u64)?;
    caller.data_mut().result = bytes;
    Ok(())
}

fn end(caller: &mut Caller<'_, State>, code: Code) -> Result<(), Error> {
    caller.data_mut().ended = Some(code);
    Err(Error::new("the host ends the call"))
}

fn charge(caller: &mut Caller<'_, State>, gas: u64) -> Result<(), Error> {
    let global = caller.get_export(GLOBALS.0).unwrap().into_global().unwrap();
    let left = global.get(&*caller).i64().unwrap() - gas.cast_signed();
    global.set(&mut *caller, Val::I64(left)).unwrap();
    if left < 0 { end(caller, Code::OutOfGas) } else { Ok(()) }
}
