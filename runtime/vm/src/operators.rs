//! The operators that contracts may use, and what each costs: one table.
//!
//! 1. An operator that [`weight`] does not name is refused, whatever the parser can read.
//! 2. A proposal that the parser learns makes [`group`] fail to compile, so that somebody decides.
//! 3. A weight is in units of `price::WASM_OP`. It covers the operator's worst case: a branch that is
//!    predicted wrong, a division of large numbers, a product of subnormal floats. `bench_shapes` prints what the weights come to.
//! 4. `memory.grow`, `memory.copy`, `memory.fill` and `memory.init` cost their weight and, before they
//!    run, [`Dynamic`] gas for their operand.
//! 5. Markers without machine code of their own (`block`, `loop`, `else`, `end`, `nop`) are free.
//! 6. A load or store also costs one gas for every `1 << ACCESS_SHIFT` pages that the memory has then:
//!    a larger memory is outside of more caches.

#[cfg(any(test, feature = "testing"))]
use dadbs_types::gas::price;
use wasmparser::Operator;

/// Gas that depends on the operand on top of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dynamic {
    /// `operand * price::WASM_PAGE`.
    Pages,
    /// `operand >> BULK_SHIFT`.
    Bytes,
}

/// Bulk operators cost one gas for `1 << BULK_SHIFT` bytes.
pub(crate) const BULK_SHIFT: i64 = 2;

/// The gas for an operand, as tests and other counters compute it.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn dynamic_gas(dynamic: Dynamic, operand: u32) -> u64 {
    match dynamic {
        Dynamic::Pages => u64::from(operand) * price::WASM_PAGE,
        Dynamic::Bytes => u64::from(operand) >> BULK_SHIFT,
    }
}

/// A load or store costs one gas for `1 << ACCESS_SHIFT` pages of memory (rule 6).
pub(crate) const ACCESS_SHIFT: i32 = 2;

/// The dynamic part of an operator's price (rule 4).
pub(crate) fn dynamic(operator: &Operator<'_>) -> Option<Dynamic> {
    match operator {
        Operator::MemoryGrow { .. } => Some(Dynamic::Pages),
        Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } | Operator::MemoryInit { .. } => {
            Some(Dynamic::Bytes)
        }
        _ => None,
    }
}

/// True for a load or store (rule 6).
pub(crate) fn accesses_memory(operator: &Operator<'_>) -> bool {
    macro_rules! any {
        ($($name:ident)*) => { matches!(operator, $(Operator::$name { .. })|*) };
    }
    any!(I32Load I64Load F32Load F64Load I32Load8S I32Load8U I32Load16S I32Load16U
         I64Load8S I64Load8U I64Load16S I64Load16U I64Load32S I64Load32U
         I32Store I64Store F32Store F64Store I32Store8 I32Store16 I64Store8 I64Store16 I64Store32)
}

/// True if the result may be a NaN, which the engine then makes canonical.
pub(crate) fn makes_nan(operator: &Operator<'_>) -> bool {
    macro_rules! any {
        ($($name:ident)*) => { matches!(operator, $(Operator::$name)|*) };
    }
    any!(F32Add F32Sub F32Mul F32Div F32Min F32Max F32Sqrt F32Ceil F32Floor F32Trunc F32Nearest
         F64Add F64Sub F64Mul F64Div F64Min F64Max F64Sqrt F64Ceil F64Floor F64Trunc F64Nearest
         F32DemoteF64 F64PromoteF32)
}

macro_rules! weights {
    ($($weight:literal: $($operator:ident)+;)*) => {
        /// The weight of an operator; `None` if contracts may not use it (rule 1).
        pub(crate) fn weight(operator: &Operator<'_>) -> Option<u64> {
            match operator {
                $($(Operator::$operator { .. })|+ => Some($weight),)*
                _ => None,
            }
        }
    };
}

weights! {
    0: Nop Block Loop Else End;
    1: Drop Select LocalGet LocalSet LocalTee GlobalGet GlobalSet
       I32Const I64Const F32Const F64Const
       I32Eqz I32Eq I32Ne I32LtS I32LtU I32GtS I32GtU I32LeS I32LeU I32GeS I32GeU
       I64Eqz I64Eq I64Ne I64LtS I64LtU I64GtS I64GtU I64LeS I64LeU I64GeS I64GeU
       I32Clz I32Ctz I32Popcnt I32Add I32Sub I32Mul I32And I32Or I32Xor
       I32Shl I32ShrS I32ShrU I32Rotl I32Rotr
       I64Clz I64Ctz I64Popcnt I64Add I64Sub I64Mul I64And I64Or I64Xor
       I64Shl I64ShrS I64ShrU I64Rotl I64Rotr
       I32WrapI64 I64ExtendI32S I64ExtendI32U
       I32Extend8S I32Extend16S I64Extend8S I64Extend16S I64Extend32S
       I32ReinterpretF32 I64ReinterpretF64 F32ReinterpretI32 F64ReinterpretI64
       Unreachable Return;
    2: Br F32Eq F32Ne F32Lt F32Gt F32Le F32Ge F64Eq F64Ne F64Lt F64Gt F64Le F64Ge
       F32Abs F32Neg F64Abs F64Neg F32Copysign F64Copysign MemorySize;
    4: If BrIf
       F32Ceil F32Floor F32Trunc F32Nearest F64Ceil F64Floor F64Trunc F64Nearest
       F32Add F32Sub F64Add F64Sub F32Min F32Max F64Min F64Max
       F32ConvertI32S F32ConvertI32U F32ConvertI64S F32ConvertI64U
       F64ConvertI32S F64ConvertI32U F64ConvertI64S F64ConvertI64U F64PromoteF32
       I32TruncF32S I32TruncF32U I32TruncF64S I32TruncF64U
       I64TruncF32S I64TruncF32U I64TruncF64S I64TruncF64U
       I32TruncSatF32S I32TruncSatF32U I32TruncSatF64S I32TruncSatF64U
       I64TruncSatF32S I64TruncSatF32U I64TruncSatF64S I64TruncSatF64U;
    6: BrTable;
    8: Call
       I32Load I64Load F32Load F64Load I32Load8S I32Load8U I32Load16S I32Load16U
       I64Load8S I64Load8U I64Load16S I64Load16U I64Load32S I64Load32U
       I32Store I64Store F32Store F64Store I32Store8 I32Store16 I64Store8 I64Store16 I64Store32;
    10: I32DivS I32DivU I32RemS I32RemU I64DivS I64DivU I64RemS I64RemU;
    12: CallIndirect;
    50: F32Mul F64Mul F32Div F64Div F32Sqrt F64Sqrt F32DemoteF64;
    150: MemoryFill MemoryCopy MemoryInit DataDrop;
    1000: MemoryGrow;
}

macro_rules! groups {
    ($(@$group:ident $operator:ident $({ $($argument:ident: $type:ty),* })? => $visit:ident ($($arity:tt)*))*) => {
        /// The proposal that brought an operator, as the message of a refusal names it.
        pub(crate) fn group(operator: &Operator<'_>) -> &'static str {
            match operator {
                $(Operator::$operator { .. } => groups!(@known $group),)*
                _ => "an unknown proposal",
            }
        }
    };
    (@known mvp) => { "mvp" };
    (@known sign_extension) => { "sign extension" };
    (@known saturating_float_to_int) => { "saturating float to int" };
    (@known bulk_memory) => { "bulk memory" };
    (@known reference_types) => { "reference types" };
    // Everything below is refused as a whole.
    (@known exceptions) => { "exceptions" };
    (@known legacy_exceptions) => { "legacy exceptions" };
    (@known tail_call) => { "tail calls" };
    (@known threads) => { "threads" };
    (@known shared_everything_threads) => { "shared-everything threads" };
    (@known function_references) => { "function references" };
    (@known gc) => { "garbage collection" };
    (@known custom_descriptors) => { "custom descriptors" };
    (@known memory_control) => { "memory control" };
    (@known simd) => { "SIMD" };
    (@known relaxed_simd) => { "relaxed SIMD" };
    (@known stack_switching) => { "stack switching" };
    (@known wide_arithmetic) => { "wide arithmetic" };
}

wasmparser::for_each_operator!(groups);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_only_named_operators_have_a_weight() {
        assert_eq!(weight(&Operator::I32Add), Some(1));
        assert_eq!(weight(&Operator::I64DivS), Some(10));
        assert_eq!(weight(&Operator::MemoryGrow { mem: 0 }), Some(1000));
        for refused in [
            Operator::RefFunc { function_index: 0 },
            Operator::TableGrow { table: 0 },
            Operator::TableGet { table: 0 },
            Operator::ReturnCall { function_index: 0 },
            Operator::I8x16Splat,
            Operator::I64Add128,
            Operator::AtomicFence,
        ] {
            assert_eq!(weight(&refused), None, "{refused:?}");
            assert_ne!(group(&refused), "an unknown proposal");
        }
    }

    #[test]
    fn rule_4_dynamic_gas() {
        assert_eq!(dynamic_gas(Dynamic::Bytes, 1023), 255);
        assert_eq!(dynamic_gas(Dynamic::Pages, u32::MAX), u64::from(u32::MAX) * price::WASM_PAGE);
        assert_eq!(dynamic(&Operator::MemoryFill { mem: 0 }), Some(Dynamic::Bytes));
        assert_eq!(dynamic(&Operator::MemorySize { mem: 0 }), None);
    }
}
