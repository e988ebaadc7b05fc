//! Amounts that a statement computes as REAL.
//!
//! 1. A statement is read in parts, between its commas, clauses and conditions.
//! 2. A part computes as REAL if it has an operator and a number with a point, a cast to REAL, a function that gives
//!    REAL, a column of floats, or a parameter that is a float.
//! 3. What is written to a column of floats may be one. To another column it may not, if an amount or a column of
//!    whole numbers takes part or the column is money; elsewhere only words for money tell that it is an amount.

use crate::arithmetic::is_amount;
use crate::names::money;
use crate::rule::Rule;
use crate::statement::Statement;
use crate::types::inner;
use crate::value::{FLOAT, Value};
use crate::walk::Walk;
use proc_macro2::Span;

/// Words that end a part.
const ENDS: &[&str] = &[
    ",",
    "select",
    "from",
    "where",
    "set",
    "and",
    "or",
    "group",
    "order",
    "limit",
    "values",
    "when",
    "then",
    "else",
    "on",
    "having",
    "returning",
];
/// Functions whose answer is REAL.
const REAL: &[&str] = &["round", "avg", "total", "pow", "power", "exp", "sqrt", "ln", "log"];

impl Walk<'_> {
    /// See the module.
    pub(crate) fn real_sql(&mut self, statement: &Statement, parameters: &Value, span: Span) {
        let numbers = statement.parameters_by_word();
        let words = statement.words();
        let mut start = 0;
        for end in 0..=words.len() {
            if end < words.len() && !ENDS.contains(&words[end].as_str()) {
                continue;
            }
            if self.is_real(statement, &words[start..end], &numbers[start..end], parameters) {
                self.report(Rule::FloatMoney, span, "this statement computes an amount as REAL");
                return;
            }
            start = end + 1;
        }
    }

    fn is_real(
        &self,
        statement: &Statement,
        part: &[String],
        numbers: &[Option<usize>],
        parameters: &Value,
    ) -> bool {
        let table = self.model.tables.get(&statement.table);
        let column = |word: &String| table.and_then(|table| table.column(word));
        let is_float = |word: &String| {
            column(word).is_some_and(|column| matches!(inner(&column.ty), "f64" | "f32" | "real"))
        };
        let given = |number: &Option<usize>| parameters.items.get((*number)?);
        let target = part
            .first()
            .filter(|_| statement.writes() && part.get(1).is_some_and(|word| word == "="));
        let computes =
            part.iter().any(|word| matches!(word.as_str(), "*" | "/" | "+" | "-" | "cast"))
                || part.windows(2).any(|pair| REAL.contains(&pair[0].as_str()) && pair[1] == "(");
        let float = part.iter().any(|word| is_point(word))
            || part.windows(2).any(|pair| {
                REAL.contains(&pair[0].as_str()) && pair[1] == "("
                    || pair[0] == "as" && matches!(pair[1].as_str(), "real" | "float" | "double")
            })
            || part.iter().any(is_float)
            || numbers.iter().filter_map(given).any(|value| value.taint & FLOAT != 0);
        if !computes || !float || target.is_some_and(is_float) {
            return false;
        }
        let says = |word: &String| money(word) != 0 && !is_float(word);
        let amount =
            |value: &Value| value.taint & FLOAT == 0 && is_amount(value) && !value.constant;
        let whole = part.iter().any(|word| column(word).is_some() && !is_float(word))
            || numbers.iter().filter_map(given).any(amount);
        part.iter().any(says)
            || whole
                && (target.is_some() || statement.writes() && numbers.iter().any(Option::is_some))
    }
}

/// A number with a point or an exponent.
fn is_point(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && (word.contains('.')
            || word.split_once('e').is_some_and(|(mantissa, _)| {
                !mantissa.starts_with("0x") && mantissa.chars().all(|c| c.is_ascii_digit())
            }))
}
