//! What a module must be to be stored: checked once, at upload, without the engine.
//!
//! 1. It is a valid core module with the proposals of [`FEATURES`] and the operators of
//!    `operators::weight`; floats are allowed, SIMD is not.
//! 2. It is inside every `WASM_*` limit of `dadbs_types::limits`; together they bound compile time.
//! 3. It imports functions of `dadbs_abi::HOST_FUNCTIONS` only, with exactly their types.
//! 4. It exports its memory as `memory`, the marker, and entry points of type `() -> ()`; no other
//!    function, so that a misspelt entry point is found here. Globals and the table may be exported.
//! 5. It has exactly one memory, at most one table of functions with a maximum, and no start function.
//! 6. Data and elements lie inside the initial memory and table, at constant offsets; so making an
//!    instance cannot fail.
//! 7. The custom section that describes the contract, if present, decodes (`dadbs_abi::section`); its
//!    entry points exist, and nothing is described twice. Other custom sections are kept, never read.
//! 8. Whatever passes compiles: a failure to compile is a fault of the node.
//!
//! A rejection names the function and the limit.

use std::collections::BTreeSet;

use dadbs_abi::entry;
use dadbs_abi::section::{self, Kind, Row};
use dadbs_types::gas::price;
use dadbs_types::{Code, Rejection, limits};
use wasmparser::{
    CustomSectionReader, DataKind, ElementItems, ElementKind, ExternalKind, FuncType, FunctionBody,
    GlobalSectionReader, MemoryType, Operator, Parser, Payload, RefType, TypeRef, ValType,
    ValidPayload, Validator, WasmFeatures,
};

use crate::metering::{self, Body, Limits, Refused};

/// The proposals that contracts may use; every other one is off, whatever a parser's default is.
pub const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::GC_TYPES);

/// When an entry point runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// When the contract is instantiated.
    Init,
    /// When the contract moves to new code.
    Migrate,
    /// When a transaction calls it; may write.
    Call,
    /// When anybody asks; reads only.
    View,
    /// Before changed rows of a table are kept.
    Validate,
    /// After rows of a table were added.
    OnInsert,
    /// After rows of a table were changed.
    OnUpdate,
    /// After rows of a table were removed.
    OnDelete,
    /// When the chain finds it due.
    Scheduled,
}

impl EntryKind {
    /// The kinds whose exports are a prefix and a name.
    const PREFIXED: [EntryKind; 7] = [
        EntryKind::Call,
        EntryKind::View,
        EntryKind::Validate,
        EntryKind::OnInsert,
        EntryKind::OnUpdate,
        EntryKind::OnDelete,
        EntryKind::Scheduled,
    ];

    /// The kind's name in the description section.
    pub fn name(self) -> &'static str {
        self.kind().name()
    }

    /// The kind in the description section.
    fn kind(self) -> Kind {
        match self {
            EntryKind::Init => Kind::Init,
            EntryKind::Migrate => Kind::Migrate,
            EntryKind::Call => Kind::Call,
            EntryKind::View => Kind::View,
            EntryKind::Validate => Kind::Validate,
            EntryKind::OnInsert => Kind::OnInsert,
            EntryKind::OnUpdate => Kind::OnUpdate,
            EntryKind::OnDelete => Kind::OnDelete,
            EntryKind::Scheduled => Kind::Scheduled,
        }
    }
}

/// An entry point.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// When it runs.
    pub kind: EntryKind,
    /// Its name without the prefix: `transfer` of `call_transfer`; `init` and `migrate` are their own.
    pub name: String,
}

impl Entry {
    /// The entry point behind an export's name, if it is one.
    pub fn of_export(export: &str) -> Option<Entry> {
        let (kind, name) = if export == entry::INIT {
            (EntryKind::Init, export)
        } else if export == entry::MIGRATE {
            (EntryKind::Migrate, export)
        } else {
            EntryKind::PREFIXED.into_iter().find_map(|kind| {
                let name = export.strip_prefix(kind.name())?.strip_prefix('_')?;
                Some((kind, name))
            })?
        };
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let fits = !name.is_empty() && name.bytes().all(known);
        fits.then(|| Entry { kind, name: name.into() })
    }

    /// The export's name, which [`crate::Vm::call`] takes.
    pub fn export(&self) -> String {
        match self.kind {
            EntryKind::Init | EntryKind::Migrate => self.name.clone(),
            kind => format!("{}_{}", kind.name(), self.name),
        }
    }
}

/// What a module is, once it has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// The entry points, sorted.
    pub entries: Vec<Entry>,
    /// The description section, in its own order; empty without one.
    pub description: Vec<Row>,
    /// Gas for storing the code: validation and one compilation on every node.
    pub store_gas: u64,
    /// Its sizes.
    pub size: Size,
}

/// The sizes that price and limits look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes of the module.
    pub bytes: u64,
    /// Functions with a body.
    pub functions: u64,
    /// Operators of all bodies.
    pub operators: u64,
    /// Parameters and locals of all bodies.
    pub locals: u64,
    /// Basic blocks of all bodies.
    pub blocks: u64,
    /// The sum over functions of blocks x locals.
    pub block_locals: u64,
}

impl Size {
    fn add(&mut self, body: &Body) {
        self.functions += 1;
        self.operators += u64::from(body.operators);
        self.locals += u64::from(body.locals);
        self.blocks += u64::from(body.blocks());
        self.block_locals += body.block_locals();
    }

    /// What storing such a module costs.
    pub fn store_gas(&self) -> u64 {
        price::CODE_BASE
            + self.bytes * price::CODE_BYTE
            + self.functions * price::CODE_FUNCTION
            + self.operators * price::CODE_OP
            + self.block_locals * price::CODE_BLOCK_LOCAL
    }
}

pub(crate) fn invalid(error: &wasmparser::Error) -> Rejection {
    let text = format!("not a valid module: {} at offset {:#x}", error.message(), error.offset());
    Rejection::new(Code::WasmInvalid, text)
}

fn refused(function: u32, reason: Refused) -> Rejection {
    match reason {
        Refused::Invalid(error) => {
            let text =
                format!("function {function}: {} at offset {:#x}", error.message(), error.offset());
            Rejection::new(Code::WasmInvalid, text)
        }
        Refused::Limit(limit, value, max) => Rejection::new(
            Code::WasmLimit,
            format!("function {function}: {limit} is {max}, this has {value}"),
        ),
        Refused::Operator(name) => Rejection::new(
            Code::WasmInvalid,
            format!("function {function}: operator {name} is not allowed in contracts"),
        ),
    }
}

fn at_most(
    limit: &'static str,
    value: impl TryInto<u64>,
    max: impl TryInto<u64>,
) -> Result<(), Rejection> {
    let value = value.try_into().unwrap_or(u64::MAX);
    let max = max.try_into().unwrap_or(u64::MAX);
    if value <= max {
        return Ok(());
    }
    Err(Rejection::new(Code::WasmLimit, format!("module: {limit} is {max}, this has {value}")))
}

/// Checks a module (rules 1 to 7).
pub fn validate(wasm: &[u8]) -> Result<CodeInfo, Rejection> {
    at_most("WASM_CODE_BYTES_MAX", wasm.len(), limits::WASM_CODE_BYTES_MAX)?;
    if !wasm.starts_with(b"\0asm") {
        let text = "not a valid module: it does not begin with the bytes 00 61 73 6d, as every .wasm file does";
        return Err(Rejection::new(Code::WasmInvalid, text));
    }
    let mut check = Check::default();
    check.size.bytes = wasm.len() as u64;
    let mut validator = Validator::new_with_features(FEATURES);
    let mut function_allocations = wasmparser::FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| invalid(&error))?;
        // Limits first: they bound what the validator allocates.
        check.before(&payload)?;
        match validator.payload(&payload).map_err(|error| invalid(&error))? {
            ValidPayload::Func(function, body) => {
                let mut function = function.into_validator(function_allocations);
                check.body(&mut function, &body)?;
                function_allocations = function.into_allocations();
            }
            ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => {}
        }
        check.after(payload)?;
    }
    check.finish()
}

/// What has been seen of the module.
#[derive(Default)]
struct Check {
    size: Size,
    types: Vec<FuncType>,
    /// Type indices of all functions, imported ones first.
    functions: Vec<u32>,
    imports: u32,
    memory: Option<MemoryType>,
    /// The initial size of the table.
    table: Option<u64>,
    entries: BTreeSet<Entry>,
    exports_memory: bool,
    exports_marker: bool,
    custom_sections: usize,
    custom_bytes: usize,
    data_bytes: usize,
    elements: u64,
    description: Option<Vec<Row>>,
}

impl Check {
    /// Limits that stand in the sections' heads.
    fn before(&mut self, payload: &Payload<'_>) -> Result<(), Rejection> {
        match payload {
            Payload::TypeSection(section) => {
                at_most("WASM_TYPES_MAX", section.count(), limits::WASM_TYPES_MAX)
            }
            // More than one import of each host function has no use.
            Payload::ImportSection(section) => at_most(
                "the number of host functions",
                section.count(),
                dadbs_abi::HOST_FUNCTIONS.len(),
            ),
            Payload::FunctionSection(section) => {
                at_most("WASM_FUNCTIONS_MAX", section.count(), limits::WASM_FUNCTIONS_MAX)
            }
            Payload::GlobalSection(section) => {
                at_most("WASM_GLOBALS_MAX", section.count(), limits::WASM_GLOBALS_MAX)
            }
            Payload::ExportSection(section) => {
                at_most("WASM_EXPORTS_MAX", section.count(), limits::WASM_EXPORTS_MAX)
            }
            Payload::DataSection(section) => {
                at_most("WASM_DATA_SEGMENTS_MAX", section.count(), limits::WASM_DATA_SEGMENTS_MAX)
            }
            Payload::ElementSection(section) => {
                at_most("WASM_DATA_SEGMENTS_MAX", section.count(), limits::WASM_DATA_SEGMENTS_MAX)
            }
            Payload::CustomSection(section) => self.custom(section),
            Payload::StartSection { func, .. } => Err(Rejection::new(
                Code::WasmInvalid,
                format!("function {func} is a start function; contracts have none (use `init`)"),
            )),
            _ => Ok(()),
        }
    }

    /// Meanings, once the validator has accepted the section.
    fn after(&mut self, payload: Payload<'_>) -> Result<(), Rejection> {
        let read = |error: wasmparser::Error| invalid(&error);
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    self.add_type(ty.map_err(read)?)?;
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(read)?;
                    self.import(import.module, import.name, import.ty)?;
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(ty.map_err(read)?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let table = table.map_err(read)?;
                    self.add_table(&table)?;
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.add_memory(memory.map_err(read)?)?;
                }
            }
            Payload::GlobalSection(section) => globals(section)?,
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.map_err(read)?;
                    self.export(export.name, export.kind, export.index)?;
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    self.element(element.map_err(read)?)?;
                }
            }
            Payload::DataSection(section) => {
                for data in section {
                    self.data(&data.map_err(read)?)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn body(
        &mut self,
        validator: &mut wasmparser::FuncValidator<wasmparser::ValidatorResources>,
        body: &FunctionBody<'_>,
    ) -> Result<(), Rejection> {
        let index = validator.index();
        let body = metering::analyse(validator, body, self.imports, Limits::Checked)
            .map_err(|reason| refused(index, reason))?;
        self.size.add(&body);
        at_most("WASM_MODULE_LOCALS_MAX", self.size.locals, limits::WASM_MODULE_LOCALS_MAX)?;
        at_most("WASM_MODULE_BLOCKS_MAX", self.size.blocks, limits::WASM_MODULE_BLOCKS_MAX)?;
        at_most(
            "WASM_MODULE_BLOCK_LOCALS_MAX",
            self.size.block_locals,
            limits::WASM_MODULE_BLOCK_LOCALS_MAX,
        )
    }

    fn add_type(&mut self, ty: FuncType) -> Result<(), Rejection> {
        let index = self.types.len();
        at_most("WASM_PARAMETERS_MAX", ty.params().len(), limits::WASM_PARAMETERS_MAX)?;
        at_most("the number of results of a function type", ty.results().len(), 1u64)?;
        if ty.params().iter().chain(ty.results()).any(|value| !is_number(*value)) {
            let text =
                format!("type {index}: parameters and results are i32, i64, f32 and f64 only");
            return Err(Rejection::new(Code::WasmInvalid, text));
        }
        self.types.push(ty);
        Ok(())
    }

    fn import(&mut self, module: &str, name: &str, ty: TypeRef) -> Result<(), Rejection> {
        let reject = |text: String| Err(Rejection::new(Code::WasmImport, text));
        let (module_text, name_text) = (module.escape_debug(), name.escape_debug());
        if module != dadbs_abi::MODULE {
            return reject(format!(
                "import {module_text}.{name_text}: only the module {} is offered",
                dadbs_abi::MODULE
            ));
        }
        let TypeRef::Func(index) = ty else {
            return reject(format!("import {name_text}: only functions are offered"));
        };
        let Some(function) = dadbs_abi::host_function(name) else {
            return reject(format!("import {name_text}: no such host function"));
        };
        let same = self.types.get(index as usize).is_some_and(|ty| {
            let fits = |value: &ValType| *value == ValType::I32;
            ty.params().len() == function.params.len()
                && ty.params().iter().all(fits)
                && ty.results().len() == usize::from(function.result.is_some())
                && ty.results().iter().all(fits)
        });
        if !same {
            let result = if function.result.is_some() { "i32" } else { "nothing" };
            let count = function.params.len();
            return reject(format!("import {name_text}: its type is {count} x i32 -> {result}"));
        }
        self.imports += 1;
        self.functions.push(index);
        Ok(())
    }

    fn add_table(&mut self, table: &wasmparser::Table<'_>) -> Result<(), Rejection> {
        let reject = |text: &str| Err(Rejection::new(Code::WasmInvalid, text));
        if self.table.is_some() {
            return reject("a contract has at most one table");
        }
        if table.ty.element_type != RefType::FUNCREF
            || !matches!(table.init, wasmparser::TableInit::RefNull)
        {
            return reject("the table holds functions (funcref) and starts empty");
        }
        let Some(maximum) = table.ty.maximum else {
            return reject("the table has no maximum; link with one");
        };
        at_most("WASM_TABLE_ELEMENTS_MAX", maximum, limits::WASM_TABLE_ELEMENTS_MAX)?;
        self.table = Some(table.ty.initial);
        Ok(())
    }

    fn add_memory(&mut self, memory: MemoryType) -> Result<(), Rejection> {
        if self.memory.is_some()
            || memory.shared
            || memory.memory64
            || memory.page_size_log2.is_some()
        {
            let text = "a contract has one memory: 32 bit, not shared, pages of 64 KiB";
            return Err(Rejection::new(Code::WasmInvalid, text));
        }
        at_most("WASM_INITIAL_PAGES_MAX", memory.initial, limits::WASM_INITIAL_PAGES_MAX)?;
        self.memory = Some(memory);
        Ok(())
    }

    fn export(&mut self, name: &str, kind: ExternalKind, index: u32) -> Result<(), Rejection> {
        at_most("WASM_NAME_BYTES_MAX", name.len(), limits::WASM_NAME_BYTES_MAX)?;
        let reject = |text: String| Err(Rejection::new(Code::WasmExport, text));
        if name == "memory" {
            self.exports_memory = kind == ExternalKind::Memory;
            return Ok(());
        }
        if kind != ExternalKind::Func {
            return Ok(());
        }
        let marker = name == dadbs_abi::MARKER;
        let entry = Entry::of_export(name);
        if !marker && entry.is_none() {
            return reject(format!(
                "export {}: not an entry point (init, migrate, call_<name>, view_<name>, validate_<table>, on_insert_<table>, on_update_<table>, on_delete_<table>, scheduled_<name>)",
                name.escape_debug()
            ));
        }
        let ty = self.functions.get(index as usize).and_then(|ty| self.types.get(*ty as usize));
        if !ty.is_some_and(|ty| ty.params().is_empty() && ty.results().is_empty()) {
            return reject(format!("export {name}: its type is () -> ()"));
        }
        self.exports_marker |= marker;
        self.entries.extend(entry);
        Ok(())
    }

    fn element(&mut self, element: wasmparser::Element<'_>) -> Result<(), Rejection> {
        let reject = |text: &str| Err(Rejection::new(Code::WasmInvalid, text));
        let ElementKind::Active { table_index, offset_expr } = element.kind else {
            return reject("element segments are active ones");
        };
        let ElementItems::Functions(functions) = element.items else {
            return reject("element segments list functions, not expressions");
        };
        let count = u64::from(functions.count());
        self.elements += count;
        at_most("WASM_ELEMENTS_MAX", self.elements, limits::WASM_ELEMENTS_MAX)?;
        let end = constant_offset(&offset_expr)?.saturating_add(count);
        if table_index.unwrap_or(0) != 0 || end > self.table.unwrap_or(0) {
            return reject("an element segment lies outside the table's initial size");
        }
        Ok(())
    }

    fn data(&mut self, data: &wasmparser::Data<'_>) -> Result<(), Rejection> {
        self.data_bytes += data.data.len();
        at_most("WASM_DATA_BYTES_MAX", self.data_bytes, limits::WASM_DATA_BYTES_MAX)?;
        let DataKind::Active { offset_expr, .. } = &data.kind else { return Ok(()) };
        let end = constant_offset(offset_expr)?.saturating_add(data.data.len() as u64);
        let bytes = self.memory.map_or(0, |memory| memory.initial * 65_536);
        if end > bytes {
            let text = format!("a data segment ends at {end}, the initial memory at {bytes}");
            return Err(Rejection::new(Code::WasmInvalid, text));
        }
        Ok(())
    }

    fn custom(&mut self, section: &CustomSectionReader<'_>) -> Result<(), Rejection> {
        self.custom_sections += 1;
        self.custom_bytes += section.name().len() + section.data().len();
        at_most(
            "WASM_CUSTOM_SECTIONS_MAX",
            self.custom_sections,
            limits::WASM_CUSTOM_SECTIONS_MAX,
        )?;
        at_most("WASM_CUSTOM_BYTES_MAX", self.custom_bytes, limits::WASM_CUSTOM_BYTES_MAX)?;
        if section.name() != dadbs_abi::SECTION {
            return Ok(());
        }
        if self.description.is_some() {
            let text = format!("the custom section {} is there twice", dadbs_abi::SECTION);
            return Err(Rejection::new(Code::WasmInvalid, text));
        }
        let rows = section::decode(section.data()).map_err(|error| {
            Rejection::new(Code::WasmInvalid, format!("{}: {error}", dadbs_abi::SECTION))
        })?;
        self.description = Some(rows);
        Ok(())
    }

    fn finish(self) -> Result<CodeInfo, Rejection> {
        let missing = |what: String| Err(Rejection::new(Code::WasmExport, what));
        if self.memory.is_none() || !self.exports_memory {
            return missing("the module does not export a memory as `memory`".into());
        }
        if !self.exports_marker {
            return missing(format!(
                "the module does not export the function {}, the mark of this interface",
                dadbs_abi::MARKER
            ));
        }
        let description = self.description.unwrap_or_default();
        let mut described = BTreeSet::new();
        for row in &description {
            let exported = row.export().is_none_or(|export| {
                Entry::of_export(&export).is_some_and(|entry| self.entries.contains(&entry))
            });
            if !exported || !described.insert((row.kind, &row.name)) {
                let text = format!(
                    "{}: {} {} is not exported, or is described twice",
                    dadbs_abi::SECTION,
                    row.kind.name(),
                    row.name.escape_debug()
                );
                return missing(text);
            }
        }
        Ok(CodeInfo {
            entries: self.entries.into_iter().collect(),
            description,
            store_gas: self.size.store_gas(),
            size: self.size,
        })
    }
}

fn is_number(ty: ValType) -> bool {
    matches!(ty, ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64)
}

fn globals(section: GlobalSectionReader<'_>) -> Result<(), Rejection> {
    for global in section {
        let global = global.map_err(|error| invalid(&error))?;
        if !is_number(global.ty.content_type) {
            let text = "globals are i32, i64, f32 and f64 only";
            return Err(Rejection::new(Code::WasmInvalid, text));
        }
        // A number that the validator accepted, with nothing to import, is one constant or a sum of
        // other globals: the latter is refused.
        let mut operators = global.init_expr.get_operators_reader();
        match operators.read().map_err(|error| invalid(&error))? {
            Operator::I32Const { .. }
            | Operator::I64Const { .. }
            | Operator::F32Const { .. }
            | Operator::F64Const { .. } => {}
            _ => {
                let text = "globals start as constants";
                return Err(Rejection::new(Code::WasmInvalid, text));
            }
        }
    }
    Ok(())
}

fn constant_offset(expression: &wasmparser::ConstExpr<'_>) -> Result<u64, Rejection> {
    let mut operators = expression.get_operators_reader();
    match operators.read().map_err(|error| invalid(&error))? {
        Operator::I32Const { value } => Ok(u64::from(value.cast_unsigned())),
        _ => Err(Rejection::new(Code::WasmInvalid, "segments start at constant offsets")),
    }
}
