//! Puts gas and the logical stack into a validated module.
//!
//! 1. Two mutable globals are appended, which the contract cannot name: gas left (i64) and logical
//!    stack left (i32, bytes). They are exported as [`GAS`] and [`STACK`]; of the contract's exports only
//!    `memory` and the entry points stay.
//! 2. Every segment (see `metering`) starts with `gas -= cost`, where its loads and stores cost more in a
//!    larger memory; a checked one then traps if gas is negative. Gas stays what it is at a trap: negative means out of gas, whatever the trap was.
//! 3. A function that calls takes its frame from the stack at entry, traps if it is negative, and gives
//!    it back at every exit. A function that calls nothing is the top frame and is not counted; its size
//!    is limited.
//! 4. Operators with a dynamic price charge and check before they run.
//! 5. The memory's maximum is the lesser of the module's own and `WASM_MEMORY_PAGES_MAX`.
//! 6. Custom sections are dropped. Nothing else changes: all indices stay.
//! 7. Other limits are not looked at: a module stays usable when a limit is lowered after it was stored.
//!    The limits that size the engine's pool (pages, table elements, stack) may only rise.
//! 8. A change of the produced code is a new [`VERSION`].

use dadbs_types::gas::price;
use dadbs_types::{Fatal, limits};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ElementSection, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction,
    MemorySection, Module, TableSection, TypeSection, ValType,
};
use wasmparser::{ExternalKind, FunctionBody, Operator, Parser, Payload, ValidPayload, Validator};

use crate::metering::{self, Body, Limits, Segment};
use crate::operators::{self, ACCESS_SHIFT, BULK_SHIFT, Dynamic};
use crate::validate::{Entry, FEATURES};

/// The version of the produced code; part of the key of compiled code.
pub(crate) const VERSION: u32 = 2;
/// The export of the gas that is left.
pub(crate) const GAS: &str = "dadbs gas";
/// The export of the logical stack that is left.
pub(crate) const STACK: &str = "dadbs stack";

/// Instruments a module that has passed validation: a failure is a fault of the node.
pub(crate) fn instrument(wasm: &[u8]) -> Result<Vec<u8>, Fatal> {
    let fatal = |what: String| {
        Fatal::new(format!(
            "stored code cannot be instrumented: {what}; check the node's storage and report this"
        ))
    };
    rewrite(wasm).map_err(|error| match error {
        reencode::Error::UserError(text) => fatal(text),
        other => fatal(other.to_string()),
    })
}

type Failure = reencode::Error<String>;

fn failure(what: impl core::fmt::Debug) -> Failure {
    reencode::Error::UserError(format!("{what:?}"))
}

/// A plain copy of everything but code: the trait's defaults, with our error type.
struct Copy;

impl Reencode for Copy {
    type Error = String;
}

#[derive(Default)]
struct Sections {
    types: TypeSection,
    imports: ImportSection,
    functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    globals: GlobalSection,
    exports: ExportSection,
    elements: ElementSection,
    data_count: Option<u32>,
    code: CodeSection,
    data: DataSection,
    /// The type of each function's result, imports included, by function.
    results: Vec<Option<ValType>>,
    imported: u32,
}

fn rewrite(wasm: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut sections = Sections::default();
    let mut types: Vec<Option<ValType>> = Vec::new();
    let mut validator = Validator::new_with_features(FEATURES);
    let mut allocations = wasmparser::FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            let mut function = function.into_validator(allocations);
            let index = function.index() as usize;
            let metered =
                metering::analyse(&mut function, &body, sections.imported, Limits::Passed)
                    .map_err(failure)?;
            let result = sections.results.get(index).copied().flatten();
            let gas = sections.globals.len() - 2;
            sections.code.function(&emit(&body, &metered, result, gas)?);
            allocations = function.into_allocations();
        }
        // The code follows the globals; a module without globals still gets ours before it.
        if matches!(payload, Payload::CodeSectionStart { .. }) && sections.globals.is_empty() {
            append_globals(&mut sections.globals);
        }
        copy(payload, &mut sections, &mut types)?;
    }
    if sections.globals.is_empty() {
        append_globals(&mut sections.globals);
    }
    let gas = sections.globals.len() - 2;
    sections.exports.export(GAS, ExportKind::Global, gas);
    sections.exports.export(STACK, ExportKind::Global, gas + 1);
    Ok(assemble(&sections))
}

fn append_globals(globals: &mut GlobalSection) {
    let ty = |val_type| GlobalType { val_type, mutable: true, shared: false };
    let stack = i32::try_from(limits::WASM_STACK_BYTES_MAX).expect("the stack is below 2 GiB");
    globals.global(ty(ValType::I64), &ConstExpr::i64_const(0));
    globals.global(ty(ValType::I32), &ConstExpr::i32_const(stack));
}

fn copy(
    payload: Payload<'_>,
    sections: &mut Sections,
    types: &mut Vec<Option<ValType>>,
) -> Result<(), Failure> {
    let mut plain = Copy;
    match payload {
        Payload::TypeSection(section) => {
            for ty in section.clone().into_iter_err_on_gc_types() {
                let result = ty?.results().first().copied();
                types.push(result.map(|result| plain.val_type(result)).transpose()?);
            }
            plain.parse_type_section(&mut sections.types, section)?;
        }
        Payload::ImportSection(section) => {
            for import in section.clone().into_imports() {
                if let wasmparser::TypeRef::Func(ty) = import?.ty {
                    sections.results.push(types.get(ty as usize).copied().flatten());
                    sections.imported += 1;
                }
            }
            plain.parse_import_section(&mut sections.imports, section)?;
        }
        Payload::FunctionSection(section) => {
            for ty in section.clone() {
                sections.results.push(types.get(ty? as usize).copied().flatten());
            }
            plain.parse_function_section(&mut sections.functions, section)?;
        }
        Payload::TableSection(section) => {
            plain.parse_table_section(&mut sections.tables, section)?;
        }
        Payload::MemorySection(section) => {
            for memory in section {
                let mut memory = plain.memory_type(memory?)?;
                let own = memory.maximum.unwrap_or(u64::MAX);
                let most = u64::from(limits::WASM_MEMORY_PAGES_MAX).max(memory.minimum);
                memory.maximum = Some(own.min(most));
                sections.memories.memory(memory);
            }
        }
        Payload::GlobalSection(section) => {
            plain.parse_global_section(&mut sections.globals, section)?;
            append_globals(&mut sections.globals);
        }
        Payload::ExportSection(section) => {
            for export in section {
                let export = export?;
                let kept = match export.kind {
                    ExternalKind::Memory => export.name == "memory",
                    ExternalKind::Func => Entry::of_export(export.name).is_some(),
                    _ => false,
                };
                if kept {
                    plain.parse_export(&mut sections.exports, export)?;
                }
            }
        }
        Payload::ElementSection(section) => {
            plain.parse_element_section(&mut sections.elements, section)?;
        }
        Payload::DataCountSection { count, .. } => sections.data_count = Some(count),
        Payload::DataSection(section) => plain.parse_data_section(&mut sections.data, section)?,
        _ => {}
    }
    Ok(())
}

fn assemble(sections: &Sections) -> Vec<u8> {
    let mut module = Module::new();
    module.section(&sections.types);
    if !sections.imports.is_empty() {
        module.section(&sections.imports);
    }
    module.section(&sections.functions);
    if !sections.tables.is_empty() {
        module.section(&sections.tables);
    }
    module.section(&sections.memories);
    module.section(&sections.globals);
    module.section(&sections.exports);
    if !sections.elements.is_empty() {
        module.section(&sections.elements);
    }
    if let Some(count) = sections.data_count {
        module.section(&wasm_encoder::DataCountSection { count });
    }
    module.section(&sections.code);
    if !sections.data.is_empty() {
        module.section(&sections.data);
    }
    module.finish()
}

/// Writes one function.
struct Emitter {
    function: Function,
    gas: u32,
    stack: u32,
    /// The local that holds the operand of a dynamic price.
    scratch: u32,
}

impl Emitter {
    fn trap_if_negative(&mut self) {
        self.function.instruction(&Instruction::If(BlockType::Empty));
        self.function.instruction(&Instruction::Unreachable);
        self.function.instruction(&Instruction::End);
    }

    fn check_gas(&mut self) {
        self.function.instruction(&Instruction::GlobalGet(self.gas));
        self.function.instruction(&Instruction::I64Const(0));
        self.function.instruction(&Instruction::I64LtS);
        self.trap_if_negative();
    }

    /// Rule 2.
    fn charge(&mut self, segment: Segment) {
        if segment.cost > 0 {
            let cost = segment.cost * price::WASM_OP;
            let cost = i64::try_from(cost).expect("a function's operators and weights are limited");
            self.function.instruction(&Instruction::GlobalGet(self.gas));
            self.function.instruction(&Instruction::I64Const(cost));
            self.function.instruction(&Instruction::I64Sub);
            if segment.accesses > 0 {
                self.function.instruction(&Instruction::MemorySize(0));
                self.function.instruction(&Instruction::I32Const(ACCESS_SHIFT));
                self.function.instruction(&Instruction::I32ShrU);
                self.function.instruction(&Instruction::I64ExtendI32U);
                self.function.instruction(&Instruction::I64Const(i64::from(segment.accesses)));
                self.function.instruction(&Instruction::I64Mul);
                self.function.instruction(&Instruction::I64Sub);
            }
            self.function.instruction(&Instruction::GlobalSet(self.gas));
        }
        if segment.checked {
            self.check_gas();
        }
    }

    /// Rule 4: the same function as `operators::dynamic_gas`.
    fn charge_dynamic(&mut self, dynamic: Dynamic) {
        let (operator, operand) = match dynamic {
            Dynamic::Pages => (Instruction::I64Mul, price::WASM_PAGE.cast_signed()),
            Dynamic::Bytes => (Instruction::I64ShrU, BULK_SHIFT),
        };
        self.function.instruction(&Instruction::LocalSet(self.scratch));
        self.function.instruction(&Instruction::GlobalGet(self.gas));
        self.function.instruction(&Instruction::LocalGet(self.scratch));
        self.function.instruction(&Instruction::I64ExtendI32U);
        self.function.instruction(&Instruction::I64Const(operand));
        self.function.instruction(&operator);
        self.function.instruction(&Instruction::I64Sub);
        self.function.instruction(&Instruction::GlobalSet(self.gas));
        self.check_gas();
        self.function.instruction(&Instruction::LocalGet(self.scratch));
    }

    /// Rule 3: takes the frame.
    fn enter(&mut self, frame: i32, result: Option<ValType>) {
        self.function.instruction(&Instruction::GlobalGet(self.stack));
        self.function.instruction(&Instruction::I32Const(frame));
        self.function.instruction(&Instruction::I32Sub);
        self.function.instruction(&Instruction::GlobalSet(self.stack));
        self.function.instruction(&Instruction::GlobalGet(self.stack));
        self.function.instruction(&Instruction::I32Const(0));
        self.function.instruction(&Instruction::I32LtS);
        self.trap_if_negative();
        self.function
            .instruction(&Instruction::Block(result.map_or(BlockType::Empty, BlockType::Result)));
    }

    /// Rule 3: gives the frame back, behind the block that [`Emitter::enter`] opened.
    fn leave(&mut self, frame: i32) {
        self.function.instruction(&Instruction::End);
        self.function.instruction(&Instruction::GlobalGet(self.stack));
        self.function.instruction(&Instruction::I32Const(frame));
        self.function.instruction(&Instruction::I32Add);
        self.function.instruction(&Instruction::GlobalSet(self.stack));
    }
}

fn emit(
    body: &FunctionBody<'_>,
    metered: &Body,
    result: Option<ValType>,
    gas: u32,
) -> Result<Function, Failure> {
    let mut plain = Copy;
    let mut locals = Vec::new();
    for group in body.get_locals_reader()? {
        let (count, ty) = group?;
        locals.push((count, plain.val_type(ty)?));
    }
    if metered.dynamic > 0 {
        locals.push((1, ValType::I32));
    }
    let frame = i32::try_from(metered.frame).map_err(failure)?;
    let mut emitter =
        Emitter { function: Function::new(locals), gas, stack: gas + 1, scratch: metered.locals };
    let mut segments = metered.segments.iter().peekable();
    let mut nesting = 0u32;
    let mut operators = body.get_operators_reader()?;
    for index in 0u32.. {
        if operators.eof() {
            break;
        }
        while let Some(segment) = segments.next_if(|segment| segment.at == index) {
            emitter.charge(*segment);
        }
        if index == 0 && metered.calls {
            emitter.enter(frame, result);
        }
        let operator = operators.read()?;
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => nesting += 1,
            // The function's own end: no block is open.
            Operator::End if nesting == 0 && metered.calls => emitter.leave(frame),
            Operator::End => nesting = nesting.saturating_sub(1),
            Operator::Return if metered.calls => {
                emitter.function.instruction(&Instruction::Br(nesting));
                continue;
            }
            _ => {}
        }
        if let Some(dynamic) = operators::dynamic(&operator) {
            emitter.charge_dynamic(dynamic);
        }
        emitter.function.instruction(&plain.instruction(operator)?);
    }
    Ok(emitter.function)
}
