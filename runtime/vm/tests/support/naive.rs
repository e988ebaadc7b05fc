//! Gas counted another way: before every single operator, with a check after each, in a module that is
//! not otherwise changed. Slow, and too simple to be wrong in the same way as segments.

use dadbs_vm::testing::{access_shift, dynamic_gas, weight};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, GlobalSection,
    GlobalType, Instruction, Module, RawSection, ValType,
};
use wasmparser::{Operator, Parser, Payload};

/// How a naive run ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Ended {
    Returned,
    Trapped,
    OutOfGas,
    OutOfStack,
}

const NAIVE: &str = "naive gas";

/// Adds a gas global as the last one and subtracts before every operator.
fn rewrite(wasm: &[u8]) -> Vec<u8> {
    let mut module = Module::new();
    let mut globals = GlobalSection::new();
    let mut code = CodeSection::new();
    let mut parameters = Vec::new();
    let mut types = Vec::new();
    let mut plain = RoundtripReencoder;
    let mut pending = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.unwrap();
        match &payload {
            Payload::TypeSection(section) => {
                for ty in section.clone().into_iter_err_on_gc_types() {
                    types.push(u32::try_from(ty.unwrap().params().len()).unwrap());
                }
            }
            Payload::FunctionSection(section) => {
                parameters
                    .extend(section.clone().into_iter().map(|ty| types[ty.unwrap() as usize]));
            }
            Payload::GlobalSection(section) => {
                plain.parse_global_section(&mut globals, section.clone()).unwrap();
                finish_globals(&mut module, &mut globals);
                continue;
            }
            Payload::ExportSection(section) => {
                if globals.is_empty() {
                    finish_globals(&mut module, &mut globals);
                }
                let mut exports = ExportSection::new();
                plain.parse_export_section(&mut exports, section.clone()).unwrap();
                exports.export(NAIVE, ExportKind::Global, globals.len() - 1);
                module.section(&exports);
                continue;
            }
            Payload::CodeSectionStart { count, .. } => {
                pending = *count;
                continue;
            }
            Payload::CodeSectionEntry(body) => {
                let function = parameters[code.len() as usize];
                code.function(&count(body, function, globals.len() - 1));
                pending -= 1;
                if pending == 0 {
                    module.section(&code);
                }
                continue;
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection { id, data: &wasm[range] });
        }
    }
    module.finish()
}

fn finish_globals(module: &mut Module, globals: &mut GlobalSection) {
    let ty = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
    globals.global(ty, &ConstExpr::i64_const(0));
    module.section(&*globals);
}

fn count(body: &wasmparser::FunctionBody<'_>, parameters: u32, gas: u32) -> Function {
    let mut plain = RoundtripReencoder;
    let mut locals = Vec::new();
    let mut scratch = parameters;
    for group in body.get_locals_reader().unwrap() {
        let (count, ty) = group.unwrap();
        scratch += count;
        locals.push((count, plain.val_type(ty).unwrap()));
    }
    locals.push((1, ValType::I32));
    let mut function = Function::new(locals);
    for operator in body.get_operators_reader().unwrap() {
        let operator = operator.unwrap();
        let weight = weight(&operator).unwrap();
        if weight > 0 {
            let per_unit = dynamic_gas(&operator, 4).cast_signed();
            if per_unit > 0 {
                // Dynamic gas is linear up to the division by four.
                function.instruction(&Instruction::LocalTee(scratch));
            }
            function.instruction(&Instruction::GlobalGet(gas));
            if per_unit > 0 {
                let dynamic: &[Instruction<'_>] = if matches!(operator, Operator::MemoryGrow { .. })
                {
                    &[Instruction::I64Const(per_unit / 4), Instruction::I64Mul]
                } else {
                    &[Instruction::I64Const(4), Instruction::I64DivU]
                };
                function.instruction(&Instruction::LocalGet(scratch));
                function.instruction(&Instruction::I64ExtendI32U);
                for instruction in dynamic {
                    function.instruction(instruction);
                }
                function.instruction(&Instruction::I64Sub);
            }
            if let Some(shift) = access_shift(&operator) {
                function.instruction(&Instruction::MemorySize(0));
                function.instruction(&Instruction::I64ExtendI32U);
                function.instruction(&Instruction::I64Const(1 << shift));
                function.instruction(&Instruction::I64DivU);
                function.instruction(&Instruction::I64Sub);
            }
            function.instruction(&Instruction::I64Const(weight.cast_signed()));
            function.instruction(&Instruction::I64Sub);
            function.instruction(&Instruction::GlobalSet(gas));
            function.instruction(&Instruction::GlobalGet(gas));
            function.instruction(&Instruction::I64Const(0));
            function.instruction(&Instruction::I64LtS);
            function.instruction(&Instruction::If(BlockType::Empty));
            function.instruction(&Instruction::Unreachable);
            function.instruction(&Instruction::End);
        }
        function.instruction(&plain.instruction(operator).unwrap());
    }
    function
}

/// Runs `entry` of a module without imports with this much gas; returns how it ended and gas used.
pub(crate) fn run(engine: &wasmtime::Engine, wasm: &[u8], entry: &str, limit: u64) -> (Ended, u64) {
    let module = wasmtime::Module::new(engine, rewrite(wasm)).unwrap();
    let mut store = wasmtime::Store::new(engine, ());
    let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
    let gas = instance.get_global(&mut store, NAIVE).unwrap();
    gas.set(&mut store, wasmtime::Val::I64(limit.cast_signed())).unwrap();
    let function = instance.get_typed_func::<(), ()>(&mut store, entry).unwrap();
    let outcome = function.call(&mut store, ());
    let left = gas.get(&mut store).unwrap_i64();
    let ended = match outcome {
        _ if left < 0 => Ended::OutOfGas,
        Ok(()) => Ended::Returned,
        Err(error) => match error.downcast_ref::<wasmtime::Trap>().unwrap() {
            wasmtime::Trap::StackOverflow => Ended::OutOfStack,
            _ => Ended::Trapped,
        },
    };
    (ended, limit - u64::try_from(left).unwrap_or(0))
}

pub(crate) fn engine() -> wasmtime::Engine {
    let mut config = wasmtime::Config::new();
    config.cranelift_nan_canonicalization(true).wasm_backtrace_max_frames(None);
    config.cranelift_opt_level(wasmtime::OptLevel::None);
    config.memory_reservation(64 << 20);
    wasmtime::Engine::new(&config).unwrap()
}
