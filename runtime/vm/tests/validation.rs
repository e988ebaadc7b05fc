//! What may be stored, at and beyond each limit.

#![allow(clippy::format_collect, clippy::format_push_string, clippy::type_complexity)]

mod support;

use dadbs_types::Code;
use dadbs_types::value::encode_row;
use dadbs_vm::{Entry, EntryKind, validate};
use support::{VM, contract, load_unchecked, run_body, smith};

fn code_of(wasm: &[u8]) -> Option<Code> {
    validate(wasm).err().map(|rejection| rejection.code)
}

fn raw(fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {fields})")).unwrap_or_else(|error| panic!("{error}\n{fields}"))
}

/// The least that a contract is, beside what is tested.
const LEAST: &str = r#"(memory (export "memory") 1) (func $marker (export "dadbs_abi_1"))"#;

fn with_least(fields: &str) -> Vec<u8> {
    // Imports come first.
    raw(&format!("{fields} {LEAST}"))
}

#[test]
fn rule_1_one_snippet_for_each_forbidden_proposal() {
    for (proposal, fields) in [
        ("SIMD", "(func (drop (v128.const i64x2 0 0)))"),
        ("SIMD type", "(func (param v128))"),
        (
            "relaxed SIMD",
            "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
        ),
        ("threads", "(func (drop (i32.atomic.load (i32.const 0))))"),
        ("atomic fence", "(func (atomic.fence))"),
        ("tail calls", "(func $f (return_call $f))"),
        ("memory64", "(memory i64 1)"),
        ("multi-memory", "(memory 1)"),
        ("custom page sizes", "(memory 1 (pagesize 1))"),
        ("shared memory", "(memory 1 2 shared)"),
        ("extended const", "(global i32 (i32.add (i32.const 1) (i32.const 2)))"),
        ("exceptions", "(tag $t) (func (throw $t))"),
        ("gc", "(type $s (struct (field i32))) (func (drop (struct.new_default $s)))"),
        (
            "function references",
            "(type $t (func)) (func (param (ref null $t)) (call_ref $t (local.get 0)))",
        ),
        (
            "stack switching",
            "(type $f (func)) (type $k (cont $f)) (func (param (ref $k)) (resume $k (local.get 0)))",
        ),
        (
            "wide arithmetic",
            "(func (param i64) (local.get 0) (local.get 0) (i64.mul_wide_u (local.get 0) (local.get 0)) (drop) (drop))",
        ),
        ("table.get", "(table 1 1 funcref) (func (drop (table.get 0 (i32.const 0))))"),
        (
            "table.grow",
            "(table 1 1 funcref) (func (drop (table.grow 0 (ref.null func) (i32.const 0))))",
        ),
        (
            "table.copy",
            "(table 1 1 funcref) (func (table.copy 0 0 (i32.const 0) (i32.const 0) (i32.const 0)))",
        ),
        ("ref.func", "(func $f (drop (ref.func $f))) (elem declare func $f)"),
        ("ref.null", "(func (drop (ref.null func)))"),
        (
            "typed select",
            "(func (drop (select (result i32) (i32.const 0) (i32.const 0) (i32.const 0))))",
        ),
        ("externref", "(func (param externref))"),
        ("two tables", "(table 1 1 funcref) (table 1 1 funcref)"),
        ("two results", "(func (result i32 i32) (i32.const 0) (i32.const 0))"),
        ("global of references", "(global funcref (ref.null func))"),
        (
            "branch on null",
            "(type $t (func)) (func (param (ref null $t)) (block (br_on_null 0 (local.get 0)) (drop)))",
        ),
    ] {
        let wasm = with_least(fields);
        let code = code_of(&wasm);
        assert!(matches!(code, Some(Code::WasmInvalid | Code::WasmLimit)), "{proposal}: {code:?}");
    }
}

#[test]
fn rule_1_what_compilers_emit_today_is_allowed() {
    for fields in [
        "(func (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)))",
        r#"(data $d "ab") (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)) (data.drop $d))"#,
        "(func (drop (i32.extend8_s (i32.const 0))) (drop (i64.trunc_sat_f64_u (f64.const 0))))",
        "(func (param i32) (local.get 0) (block (param i32) (drop)))",
        "(global (mut i32) (i32.const 5)) (table 3 3 funcref) (elem (i32.const 1) $marker $marker)",
    ] {
        let wasm = with_least(fields);
        validate(&wasm).unwrap_or_else(|rejection| panic!("{fields}: {rejection}"));
        load_unchecked(&VM, &wasm);
    }
}

#[test]
fn rule_2_each_limit_holds_exactly() {
    let locals = |count: usize| with_least(&format!("(func (local {}))", "i32 ".repeat(count)));
    let loops = |depth: usize| {
        with_least(&format!("(func {}{})", "(loop ".repeat(depth), ")".repeat(depth)))
    };
    let blocks = |depth: usize| {
        with_least(&format!("(func {}{})", "(block ".repeat(depth), ")".repeat(depth)))
    };
    let operators = |count: usize| with_least(&format!("(func {})", "nop ".repeat(count - 1)));
    let parameters = |count: usize| with_least(&format!("(func (param {}))", "i32 ".repeat(count)));
    let functions = |count: usize| with_least(&"(func)".repeat(count - 1));
    let types = |count: usize| {
        let mut text = String::new();
        for index in 0..count - 1 {
            let list: String =
                (0..10).map(|bit| if index >> bit & 1 == 0 { "i32 " } else { "i64 " }).collect();
            text.push_str(&format!("(type (func (param {list})))"));
        }
        with_least(&text)
    };
    let globals = |count: usize| with_least(&"(global i32 (i32.const 0))".repeat(count));
    let targets = |count: usize| {
        with_least(&format!("(func (block (br_table {} 0 (i32.const 0))))", "0 ".repeat(count)))
    };
    let ifs =
        |count: usize| with_least(&format!("(func {})", "(if (i32.const 0) (then))".repeat(count)));
    let exports = |count: usize| {
        let list: String = (0..count - 2)
            .map(|index| format!(r#"(export "call_{index}" (func $marker))"#))
            .collect();
        with_least(&list)
    };
    let pages = |count: usize| {
        raw(&format!(r#"(memory (export "memory") {count}) (func (export "dadbs_abi_1"))"#))
    };
    let table = |count: usize| with_least(&format!("(table 0 {count} funcref)"));
    let name = |len: usize| {
        with_least(&format!(r#"(export "call_{}" (func $marker))"#, "x".repeat(len - 5)))
    };
    // Without names, which would be a custom section too.
    let nameless = r#"(memory (export "memory") 1) (func (export "dadbs_abi_1"))"#;
    let custom = |count: usize| {
        raw(&(nameless.to_owned() + &r#"(@custom "name it" "bytes")"#.repeat(count)))
    };
    let custom_bytes =
        |len: usize| raw(&format!(r#"{nameless} (@custom "c" "{}")"#, "x".repeat(len - 1)));
    let data = |len: usize| {
        raw(&format!(
            r#"(memory (export "memory") 8) (func (export "dadbs_abi_1")) (data (i32.const 0) "{}")"#,
            "x".repeat(len)
        ))
    };
    let body = |len: usize| {
        // Two bytes for each constant of 5 bytes and its drop; the rest is nops.
        let constants = len / 7 - 10;
        let rest = len - constants * 7 - 2;
        with_least(&format!(
            "(func {} {})",
            "(drop (i32.const -2000000000))".repeat(constants),
            "nop ".repeat(rest)
        ))
    };
    let cases: [(&str, usize, &dyn Fn(usize) -> Vec<u8>); 18] = [
        ("WASM_LOCALS_MAX", 256, &locals),
        ("WASM_LOOP_NESTING_MAX", 8, &loops),
        ("WASM_BLOCK_NESTING_MAX", 256, &blocks),
        ("WASM_BODY_OPERATORS_MAX", 32_768, &operators),
        ("WASM_PARAMETERS_MAX", 32, &parameters),
        ("WASM_FUNCTIONS_MAX", 4_000, &functions),
        ("WASM_TYPES_MAX", 1_024, &types),
        ("WASM_GLOBALS_MAX", 64, &globals),
        ("WASM_BRANCH_TABLE_MAX", 1_024, &targets),
        ("WASM_BLOCKS_MAX", 1_535, &ifs),
        ("WASM_EXPORTS_MAX", 256, &exports),
        ("WASM_INITIAL_PAGES_MAX", 64, &pages),
        ("WASM_TABLE_ELEMENTS_MAX", 4_096, &table),
        ("WASM_NAME_BYTES_MAX", 64, &name),
        ("WASM_CUSTOM_SECTIONS_MAX", 8, &custom),
        ("WASM_CUSTOM_BYTES_MAX", 65_536, &custom_bytes),
        ("WASM_DATA_BYTES_MAX", 262_144, &data),
        ("WASM_BODY_BYTES_MAX", 98_304, &body),
    ];
    for (limit, max, make) in cases {
        let at = make(max);
        validate(&at).unwrap_or_else(|rejection| panic!("{limit} at {max}: {rejection}"));
        let beyond = validate(&make(max + 1)).map(|_| ()).expect_err(limit);
        assert_eq!(beyond.code, Code::WasmLimit, "{limit}");
        assert!(beyond.message.contains(limit), "{limit}: {}", beyond.message);
    }
}

#[test]
fn rule_2_the_products_hold_for_functions_and_modules() {
    let function = |ifs: usize, locals: usize| {
        format!(
            "(func (local {}) {})",
            "i32 ".repeat(locals),
            "(if (i32.const 0) (then))".repeat(ifs)
        )
    };
    // 511 blocks x 256 locals fit into 131,072, 513 do not.
    validate(&with_least(&function(255, 256))).unwrap();
    let rejection = validate(&with_least(&function(256, 256))).unwrap_err();
    assert!(rejection.message.contains("function 0: WASM_BLOCK_LOCALS_MAX"), "{rejection}");
    validate(&with_least(&function(255, 256).repeat(15))).unwrap();
    let rejection = validate(&with_least(&function(255, 256).repeat(16))).unwrap_err();
    assert!(rejection.message.contains("WASM_MODULE_BLOCK_LOCALS_MAX"), "{rejection}");
    let rejection = validate(&with_least(&function(0, 256).repeat(79))).unwrap_err();
    assert!(rejection.message.contains("WASM_MODULE_LOCALS_MAX"), "{rejection}");
    let rejection = validate(&with_least(&function(1_535, 0).repeat(14))).unwrap_err();
    assert!(rejection.message.contains("WASM_MODULE_BLOCKS_MAX"), "{rejection}");
    // 4 billion locals in a few bytes.
    let mut bomb = with_least("(func (local i32))");
    let at = bomb.windows(4).position(|window| window == [4, 1, 1, 0x7f]).unwrap();
    bomb.splice(at..at + 4, [8, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f]);
    assert!(code_of(&bomb).is_some());
    assert_eq!(code_of(&vec![0; 524_289]), Some(Code::WasmLimit));
}

#[test]
fn rule_3_imports_are_host_functions_with_their_types() {
    for fields in [
        r#"(import "env" "log" (func (param i32 i32)))"#,
        r#"(import "dadbs_2" "log" (func (param i32 i32)))"#,
        r#"(import "dadbs_1" "exit" (func))"#,
        r#"(import "dadbs_1" "log" (func (param i32)))"#,
        r#"(import "dadbs_1" "log" (func (param i32 i64)))"#,
        r#"(import "dadbs_1" "log" (func (param i32 i32) (result i32)))"#,
        r#"(import "dadbs_1" "input_len" (func))"#,
        r#"(import "dadbs_1" "input_len" (func (result i64)))"#,
        r#"(import "dadbs_1" "log" (global i32))"#,
        r#"(import "dadbs_1" "log" (memory 1))"#,
        r#"(import "dadbs_1" "log" (table 1 1 funcref))"#,
    ] {
        assert_eq!(code_of(&with_least(fields)), Some(Code::WasmImport), "{fields}");
    }
}

#[test]
fn rule_4_exports_are_memory_marker_and_entry_points() {
    let memory = r#"(memory (export "memory") 1)"#;
    for fields in [
        String::new(),
        memory.into(),
        r#"(memory 1) (func (export "dadbs_abi_1"))"#.into(),
        r#"(func (export "memory")) (memory 1) (func (export "dadbs_abi_1"))"#.into(),
        format!(r#"{memory} (func (export "dadbs_abi_1") (param i32))"#),
        format!(r#"{memory} (func (export "dadbs_abi_1")) (func (export "cal_run"))"#),
        format!(r#"{memory} (func (export "dadbs_abi_1")) (func (export "call_"))"#),
        format!(r#"{memory} (func (export "dadbs_abi_1")) (func (export "call_a b"))"#),
        format!(
            r#"{memory} (func (export "dadbs_abi_1")) (func (export "call_run") (result i32) (i32.const 0))"#
        ),
        format!(r#"{memory} (func (export "dadbs_abi_1")) (func (export "init") (param i32))"#),
    ] {
        assert_eq!(code_of(&raw(&fields)), Some(Code::WasmExport), "{fields}");
    }
    let info = validate(&with_least(
        r#"(func (export "init")) (func (export "migrate")) (func (export "view_a")) (func (export "call_b"))
        (global (export "__heap_base") i32 (i32.const 1))"#,
    ))
    .unwrap();
    let entry = |kind, name: &str| Entry { kind, name: name.into() };
    assert_eq!(
        info.entries,
        [
            entry(EntryKind::Init, "init"),
            entry(EntryKind::Migrate, "migrate"),
            entry(EntryKind::Call, "b"),
            entry(EntryKind::View, "a"),
        ]
    );
    assert_eq!(info.entries[2].export(), "call_b");
}

#[test]
fn rules_5_and_6_an_instance_cannot_fail() {
    for fields in [
        "(func $start) (start $start)",
        "(table 1 funcref)",
        "(table 1 1 externref)",
        r#"(data (i32.const 65535) "ab")"#,
        r#"(data (i32.const -1) "a")"#,
        r#"(global $g i32 (i32.const 0)) (data (global.get $g) "a")"#,
        "(table 1 1 funcref) (elem (i32.const 1) $marker)",
        "(table 1 1 funcref) (elem (i32.const -1) $marker)",
        "(table 1 1 funcref) (elem func $marker)",
        "(table 1 1 funcref) (elem (i32.const 0) funcref (ref.func $marker))",
    ] {
        assert_eq!(code_of(&with_least(fields)), Some(Code::WasmInvalid), "{fields}");
    }
}

#[test]
fn rule_7_the_description_must_decode_and_name_entry_points() {
    let section = |bytes: &[u8]| {
        let data: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        with_least(&format!(r#"(@custom "dadbs_abi" "{data}") (func (export "call_buy"))"#))
    };
    let row = |kind: &str, name: &str| {
        encode_row(&[kind.into(), name.into(), "item INTEGER".into(), "Buys.".into()])
    };
    let info = validate(&section(&row("call", "buy"))).unwrap();
    assert_eq!(info.description[0].fields, "item INTEGER");
    assert_eq!(info.description[0].export().as_deref(), Some("call_buy"));
    assert!(validate(&section(&[])).unwrap().description.is_empty());
    for (bytes, code) in [
        (row("call", "sell"), Code::WasmExport),
        (row("view", "buy"), Code::WasmExport),
        ([row("call", "buy"), row("call", "buy")].concat(), Code::WasmExport),
        (row("cal", "buy"), Code::WasmInvalid),
        (encode_row(&["call".into(), "buy".into()]), Code::WasmInvalid),
        (row("call", "buy")[..9].to_vec(), Code::WasmInvalid),
        (vec![255; 7], Code::WasmInvalid),
    ] {
        assert_eq!(code_of(&section(&bytes)), Some(code), "{bytes:?}");
    }
}

#[test]
fn bytes_that_are_no_module_are_rejected() {
    let whole = run_body("(drop (i32.const 5)) (call $log (i32.const 0) (i32.const 1))");
    // The names come last; without them the module is whole.
    let passing = (0..whole.len()).filter(|end| code_of(&whole[..*end]).is_none()).count();
    assert_eq!(passing, 1);
    assert_eq!(code_of(b"\0asm\x0d\0\x01\0"), Some(Code::WasmInvalid), "a component");
    assert!(validate(&contract("")).unwrap().store_gas > 1_000_000);
}

/// Validates, instruments and compiles random and damaged modules: no panic, and rule 8.
fn fuzz(seeds: std::ops::Range<u64>) -> (usize, usize) {
    let (mut accepted, mut refused) = (0, 0);
    for seed in seeds {
        // Every third module uses what contracts may not, every third is damaged.
        let config = match seed % 3 {
            0 => wasm_smith::Config { max_instructions: 200, ..wasm_smith::Config::default() },
            _ => smith::contract_config(),
        };
        let Some(mut wasm) = smith::module(seed, config) else { continue };
        if seed % 3 == 1 {
            let noise = smith::bytes(seed + 1, 16);
            let at = usize::from(u16::from_le_bytes([noise[0], noise[1]])) % wasm.len();
            wasm[at] ^= noise[2] | 1;
        }
        if validate(&wasm).is_ok() {
            accepted += 1;
            load_unchecked(&VM, &wasm);
        } else {
            refused += 1;
        }
    }
    (accepted, refused)
}

#[test]
fn rule_8_whatever_passes_compiles() {
    let (accepted, refused) = fuzz(0..2_400);
    println!("{accepted} accepted, {refused} refused");
    assert!(accepted > 600 && refused > 600, "{accepted} accepted, {refused} refused");
}

#[test]
#[ignore = "slow: 100,000 random modules"]
fn rule_8_whatever_passes_compiles_long() {
    let (accepted, refused) = fuzz(2_400..102_400);
    println!("{accepted} accepted, {refused} refused");
}
