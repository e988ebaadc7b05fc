//! Numbers: what wraps, saturates, is cut off, goes below zero, or is a float.

use crate::model::Function;
use crate::model::Kind;
use crate::names::is_number;
use crate::rule::Rule;
use crate::types::inner;
use crate::value::{FLOAT, FUNDS, LENGTH, MONEY, PARAM, ROUNDED, STATE, TIME, Value};
use crate::walk::Walk;
use proc_macro2::Span;

/// Bits of a type and whether it is signed.
fn width(ty: &str) -> Option<(u32, bool)> {
    let (sign, bits) = ty.split_at_checked(1)?;
    let bits = if bits == "size" { 32 } else { bits.parse().ok()? };
    matches!(sign, "i" | "u").then_some((bits, sign == "i"))
}

/// An amount: a stored or given whole number that is neither time nor length.
pub(crate) fn is_amount(value: &Value) -> bool {
    if value.taint & (TIME | LENGTH) != 0 {
        return false;
    }
    let number = value.ty.is_empty() || is_number(&value.ty);
    value.taint & (MONEY | FUNDS) != 0 || number && value.taint & (STATE | PARAM) != 0
}

impl Walk<'_> {
    /// `wrapping_`, `saturating_`, `checked_` and conversions.
    pub(crate) fn arithmetic_method(
        &mut self,
        name: &str,
        receiver: &Value,
        operand: &Value,
        span: Span,
    ) -> Option<Value> {
        let mut taint = receiver.taint | operand.taint;
        if matches!(name.rsplit('_').next(), Some("mul" | "div")) && taint & MONEY != 0 {
            // An amount for a time is an amount.
            taint &= !(TIME | LENGTH);
        }
        let amount = is_amount(receiver) || is_amount(operand);
        let clock = taint & (TIME | LENGTH) != 0;
        let ty =
            if receiver.ty.is_empty() || receiver.constant { &operand.ty } else { &receiver.ty };
        let less = name.ends_with("_sub");
        let result = Value { ty: ty.clone(), less, ..Value::of(taint) };
        match name.split('_').next()? {
            "wrapping" | "overflowing"
                if amount && !self.hashes() && !(operand.constant && taint & MONEY == 0) =>
            {
                self.report(
                    Rule::AmountArithmetic,
                    span,
                    format!("`{name}` on an amount wraps around"),
                );
                Some(result)
            }
            "saturating" => {
                let step =
                    operand.constant && (name == "saturating_add" || receiver.taint & MONEY == 0);
                if amount && !clock && !step && self.entry != Kind::View {
                    self.report(
                        Rule::AmountArithmetic,
                        span,
                        format!("`{name}` hides that an amount does not fit"),
                    );
                }
                Some(result)
            }
            "checked" => Some(Value { checked: true, ..result }),
            "unchecked" => {
                self.report(
                    Rule::AmountArithmetic,
                    span,
                    format!("`{name}` has no meaning on overflow"),
                );
                Some(result)
            }
            "try" if name == "try_into" => {
                Some(Value { checked: true, ty: String::new(), ..result })
            }
            "unwrap"
                if name.starts_with("unwrap_or")
                    && receiver.checked
                    && receiver.column.is_none() =>
            {
                if is_amount(receiver) && receiver.outcome.is_none() {
                    self.report(
                        Rule::AmountArithmetic,
                        span,
                        format!(
                            "`{name}` puts another amount in place of the one that does not fit"
                        ),
                    );
                }
                Some(Value { checked: false, ..receiver.clone() })
            }
            "wrapping" | "overflowing" | "rotate" | "abs" | "pow" | "unsigned" | "signum" => {
                Some(result)
            }
            "round" | "floor" | "ceil" | "trunc" => Some(receiver.clone()),
            _ => None,
        }
    }

    /// Something else stands in place of a checked amount that does not fit.
    pub(crate) fn replaced(&mut self, value: &Value, default: bool, span: Span) {
        let open = value.checked && value.column.is_none() && value.outcome.is_none();
        if open && default && is_amount(value) {
            let what = "another amount stands in place of the one that does not fit";
            self.report(Rule::AmountArithmetic, span, what);
        }
    }

    /// Wrapping arithmetic is right in a hash: the function says so by its name or its large factors.
    pub(crate) fn hashes(&self) -> bool {
        self.current().is_some_and(|function| {
            let text = quote::ToTokens::to_token_stream(&function.block).to_string();
            let name = function.name.to_lowercase();
            ["hash", "mix", "seed", "checksum", "fnv", "digest", "random"]
                .iter()
                .any(|word| name.contains(word))
                || text.contains("rotate_")
                || text.contains(" ^ ")
                || text.contains("^=")
                || text.contains("0x")
        })
    }

    /// `as`.
    pub(crate) fn cast(&mut self, value: Value, to: &str, span: Span) -> Value {
        let float = matches!(to, "f64" | "f32");
        let from_float = matches!(value.ty.as_str(), "f64" | "f32") || value.taint & FLOAT != 0;
        if float && !from_float {
            self.widened(&value, to, span);
        } else if !float && from_float && value.taint & MONEY != 0 {
            self.report(
                Rule::FloatMoney,
                span,
                "an amount was computed as a float and is cut to a whole number",
            );
        } else if !float && !value.constant && !value.capped && is_amount(&value) {
            let narrow = match (width(&value.ty), width(to)) {
                (Some((from, signed)), Some((bits, to_signed))) => {
                    bits < from || (signed && !to_signed) || (!signed && to_signed && bits == from)
                }
                _ => false,
            };
            if narrow && to != "usize" {
                let from = &value.ty;
                self.report(
                    Rule::AmountArithmetic,
                    span,
                    format!("`as {to}` cuts off what does not fit of an amount ({from})"),
                );
            }
        }
        let rounded =
            if float && !from_float && is_amount(&value) && !value.constant { ROUNDED } else { 0 };
        let float = if float { FLOAT | rounded } else { 0 };
        Value { ty: to.into(), taint: value.taint | float, row: None, ..value }
    }

    /// A whole number becomes a float.
    pub(crate) fn widened(&mut self, value: &Value, to: &str, span: Span) {
        if self.entry != Kind::View
            && matches!(to, "f64" | "f32")
            && value.taint & MONEY != 0
            && value.taint & FLOAT == 0
        {
            self.report(Rule::FloatMoney, span, "an amount becomes a float here");
        }
    }

    /// Parameters that are money by their name.
    pub(crate) fn float_parameters(&mut self, function: &Function) {
        self.file = function.file;
        for (name, ty) in &function.parameters {
            if matches!(inner(ty), "f64" | "f32") && crate::names::money(name) != 0 {
                let what = format!("the parameter {name} takes an amount as a float");
                self.report(Rule::FloatMoney, function.span, what);
            }
        }
    }

    /// Amounts and floats in one expression.
    pub(crate) fn float_arithmetic(&mut self, left: &Value, right: &Value, span: Span) {
        for (float, other) in [(left, right), (right, left)] {
            let computes = float.taint & FLOAT != 0 && other.taint & (FLOAT | MONEY) == MONEY;
            if computes {
                self.report(Rule::FloatMoney, span, "an amount is computed with a float");
            }
        }
    }

    /// A value goes into a column.
    pub(crate) fn stored(&mut self, place: &Value, value: &Value, span: Span) {
        let Some((table, column)) = &place.column else { return };
        let declared = self.model.tables.get(table).and_then(|table| table.column(column));
        let Some(declared) = declared else { return };
        if value.floored && is_amount(value) {
            let what = format!("{column} stops at 0 where too much is subtracted");
            self.report(Rule::AmountArithmetic, span, what);
        }
        let seen = value.minus.iter().any(|name| self.compared.contains(name));
        if !value.minus.is_empty() && !seen && !declared.floored && inner(&declared.ty) == "i64" {
            let what = format!(
                "{column} may go below zero: nothing compares it with what is subtracted, and no check keeps it at 0"
            );
            self.report(Rule::AmountArithmetic, span, what);
        }
        let money = value.taint & FLOAT != 0 && value.taint & MONEY != 0;
        if money && matches!(inner(&declared.ty), "f64" | "f32") {
            self.report(Rule::FloatMoney, span, format!("{column} keeps an amount as a float"));
        }
        if value.taint & FLOAT != 0
            && value.taint & (MONEY | ROUNDED) != 0
            && inner(&declared.ty) == "i64"
        {
            self.report(Rule::FloatMoney, span, format!("{column} is computed as a float"));
        }
    }
}
