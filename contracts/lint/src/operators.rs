//! Operators: comparisons that check the caller, and arithmetic.

use crate::arithmetic::is_amount;
use crate::model::Kind;
use crate::rule::Rule;
use crate::value::{
    ANSWER, CALLER, FALSE_IS_ALLOWED, FLOAT, LENGTH, MONEY, NAMED, PARAM, STATE, TIME,
    TRUE_IS_ALLOWED, Value,
};
use crate::walk::Walk;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{BinOp, Expr};

impl Walk<'_> {
    pub(crate) fn binary(&mut self, binary: &syn::ExprBinary) -> Value {
        let left = self.expr(&binary.left);
        if let BinOp::And(_) | BinOp::Or(_) = binary.op {
            return self.joined(binary, &left);
        }
        let right = self.expr(&binary.right);
        let taint = left.taint | right.taint;
        if self.entry == Kind::Migrate {
            self.compared_version(binary, &left, &right);
        }
        match binary.op {
            BinOp::Eq(_) | BinOp::Ne(_) => self.equality(binary, &left, &right),
            BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) => {
                if !left.constant && !right.constant {
                    self.compared.extend(idents(&binary.left));
                    self.compared.extend(idents(&binary.right));
                } else {
                    let literal = |expr: &Expr| self.number(expr).is_some_and(|number| number < 2);
                    if !literal(&binary.left) && !literal(&binary.right) {
                        self.capped.extend(idents(&binary.left).pop());
                        self.capped.extend(idents(&binary.right).pop());
                    }
                    // `left < 0` looks at a difference.
                    for side in [&left, &right] {
                        self.compared.extend(side.minus.last().cloned());
                    }
                }
                let due = due(binary, &left, &right);
                Value { caps: capped(binary, &left, &right), due, ..Value::of(taint) }
            }
            BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_) => {
                self.assign_operator(binary, &left, &right);
                Value::default()
            }
            _ => {
                let mut value =
                    Value { taint, constant: left.constant && right.constant, ..Value::default() };
                value.capped = matches!(binary.op, BinOp::Rem(_)) && right.constant;
                value.number =
                    left.number.zip(right.number).and_then(|(one, two)| match binary.op {
                        BinOp::Mul(_) => one.checked_mul(two),
                        BinOp::Add(_) => one.checked_add(two),
                        BinOp::Sub(_) => one.checked_sub(two),
                        BinOp::Div(_) => one.checked_div(two),
                        BinOp::Shl(_) => Some(one << two.min(32)),
                        _ => None,
                    });
                if matches!(binary.op, BinOp::Shl(_))
                    && left.taint & MONEY != 0
                    && is_amount(&left)
                    && !self.hashes()
                {
                    let what = "`<<` drops the bits of an amount that do not fit";
                    self.report(Rule::AmountArithmetic, binary.span(), what);
                }
                if matches!(binary.op, BinOp::Mul(_) | BinOp::Div(_)) && taint & MONEY != 0 {
                    // An amount for a time is an amount.
                    value.taint &= !(TIME | LENGTH);
                }
                value.ty = if left.ty.is_empty() || left.constant {
                    right.ty.clone()
                } else {
                    left.ty.clone()
                };
                if matches!(left.ty.as_str(), "String" | "str")
                    && let ([one], [two]) = (&left.texts[..], &right.texts[..])
                {
                    value.texts = vec![format!("{one}{two}")];
                }
                if matches!(binary.op, BinOp::Sub(_)) {
                    value.less = true;
                    value.minus = subtracted(&left, &right, &binary.right);
                }
                self.float_arithmetic(&left, &right, binary.span());
                let whole = taint & FLOAT == 0;
                if whole && matches!(binary.op, BinOp::Div(_)) {
                    value.divided = binary.right.to_token_stream().to_string();
                }
                if whole && matches!(binary.op, BinOp::Mul(_)) && is_amount(&value) {
                    for (quotient, other) in [(&left, &binary.right), (&right, &binary.left)] {
                        let same = quotient.divided == other.to_token_stream().to_string();
                        if !quotient.divided.is_empty() && !same && self.entry != Kind::View {
                            self.report(
                                Rule::AmountArithmetic,
                                binary.span(),
                                "a quotient is multiplied: what the division has cut off is lost",
                            );
                        }
                    }
                }
                value
            }
        }
    }

    /// `==` and `!=`.
    fn equality(&mut self, binary: &syn::ExprBinary, left: &Value, right: &Value) -> Value {
        self.learn_owner(left, right);
        self.learn_owner(right, left);
        let allowed = same_caller(left, right, matches!(binary.op, BinOp::Eq(_)));
        let mut by_name = false;
        for (value, expr) in [(left, &binary.left), (right, &binary.right)] {
            let given = allowed.is_some() && value.taint & !NAMED == PARAM;
            by_name |= given && self.names_caller(expr);
        }
        Value { allowed, by_name, ..Value::of(left.taint | right.taint) }
    }

    /// `&&` and `||`.
    fn joined(&mut self, binary: &syn::ExprBinary, left: &Value) -> Value {
        let (right, after, _) = self.branch(|walk| walk.expr(&binary.right));
        self.state.variables = after.variables;
        let (l, r) = (left.bits(), right.bits());
        let join = |l: u8, r: u8| {
            let (all, any) = (l & r, l | r);
            if matches!(binary.op, BinOp::And(_)) {
                any & TRUE_IS_ALLOWED | all & FALSE_IS_ALLOWED
            } else {
                all & TRUE_IS_ALLOWED | any & FALSE_IS_ALLOWED
            }
        };
        let bits = join(l, r);
        // The owner may come before the time that others wait for.
        let due = left.due.or(right.due).map(|_| join(l | left.due_bits(), r | right.due_bits()));
        let mixed = bits == 0 && l | r != 0 || left.mixed || right.mixed;
        // Both hold behind a true `&&`, neither behind a false `||`.
        let side = usize::from(matches!(binary.op, BinOp::And(_)));
        let mut caps = [Vec::new(), Vec::new()];
        caps[side] = [&left.caps[side][..], &right.caps[side][..]].concat();
        let by_name = left.by_name || right.by_name;
        let taint = left.taint | right.taint;
        Value { allowed: Some(bits), by_name, due, mixed, caps, ..Value::of(taint) }
    }

    /// `+=` and its like.
    fn assign_operator(&mut self, binary: &syn::ExprBinary, left: &Value, right: &Value) {
        let mut value =
            Value { taint: left.taint | right.taint, ty: left.ty.clone(), ..Value::default() };
        if matches!(binary.op, BinOp::SubAssign(_)) {
            value.less = true;
            value.minus = subtracted(left, right, &binary.right);
        }
        if !right.constant && right.ty == "str" || left.ty == "String" {
            value.texts = Vec::new();
            value.constant = left.constant && right.constant;
            value.ty = "String".into();
            if let ([one], [two]) = (&left.texts[..], &right.texts[..]) {
                value.texts = vec![format!("{one}{two}")];
            }
        }
        self.assign(&binary.left, value, true, binary.span());
    }

    /// The variable of an argument that is compared with the caller; true if it is one.
    fn names_caller(&mut self, expr: &Expr) -> bool {
        let name = idents(expr).into_iter().next().unwrap_or_default();
        let Some(value) = self.state.variables.get_mut(&name) else { return false };
        value.taint |= NAMED;
        true
    }

    /// A comparison of the caller with a column tells whose the rows are.
    pub(crate) fn learn_owner(&mut self, caller: &Value, other: &Value) {
        if caller.taint & CALLER != 0
            && !caller.of_caller()
            && let Some((table, column)) = &other.column
        {
            if let Kind::Rule(_, ruled) = &self.entry {
                self.facts.guarded.insert(ruled.clone());
            }
            self.facts.owners.insert((table.clone(), column.clone()));
            if other.checked {
                self.facts.authorities.insert(table.clone());
            }
        }
    }
}

/// What a comparison with a constant caps if it is false, and if it is true.
fn capped(binary: &syn::ExprBinary, left: &Value, right: &Value) -> [Vec<String>; 2] {
    let less = matches!(binary.op, BinOp::Lt(_) | BinOp::Le(_));
    let (name, side) = match (left.constant, right.constant) {
        (false, true) => (idents(&binary.left).pop(), usize::from(less)),
        (true, false) => (idents(&binary.right).pop(), usize::from(!less)),
        _ => return [Vec::new(), Vec::new()],
    };
    let mut caps = [Vec::new(), Vec::new()];
    caps[side].extend(name);
    caps
}

/// What the comparison of now with a time that a row names tells: whether that time has come.
fn due(binary: &syn::ExprBinary, left: &Value, right: &Value) -> Option<u8> {
    let now = |value: &Value| value.taint & (TIME | STATE) == TIME;
    let less = matches!(binary.op, BinOp::Lt(_) | BinOp::Le(_));
    let come = match (now(left), now(right)) {
        (true, false) if right.taint & STATE != 0 => !less,
        (false, true) if left.taint & STATE != 0 => less,
        _ => return None,
    };
    Some(if come { TRUE_IS_ALLOWED } else { FALSE_IS_ALLOWED })
}

/// What the equality of two values tells about the caller.
pub(crate) fn same_caller(left: &Value, right: &Value, equal: bool) -> Option<u8> {
    let other = match (left.taint & CALLER != 0, right.taint & CALLER != 0) {
        (true, false) => right,
        (false, true) => left,
        _ => return None,
    };
    let caller = if std::ptr::eq(other, left) { right } else { left };
    if caller.of_caller() {
        return None;
    }
    // An argument that is the caller's address names what is the caller's.
    let given = other.taint & !NAMED == PARAM;
    let stored = other.taint & (STATE | ANSWER) != 0 || other.taint == 0 || given;
    let bits = if equal { TRUE_IS_ALLOWED } else { FALSE_IS_ALLOWED };
    Some(if stored { bits } else { 0 })
}

/// The right side names the place itself.
pub(crate) fn idents_same(left: &Expr, right: &Expr) -> bool {
    let (left, right) = (left.to_token_stream().to_string(), right.to_token_stream().to_string());
    right.contains(&left)
}

pub(crate) fn idents(expr: &Expr) -> Vec<String> {
    fn collect(tokens: proc_macro2::TokenStream, names: &mut Vec<String>) {
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Ident(ident) => names.push(ident.to_string()),
                proc_macro2::TokenTree::Group(group) => collect(group.stream(), names),
                _ => {}
            }
        }
    }
    let mut names = Vec::new();
    collect(expr.to_token_stream(), &mut names);
    names
}

/// The names of what was subtracted, if that is an amount that somebody gives.
fn subtracted(left: &Value, right: &Value, expr: &Expr) -> Vec<String> {
    let unsigned = left.ty.starts_with('u');
    let counts = left.taint & STATE != 0 && right.taint & PARAM != 0;
    let clock = (left.taint | right.taint) & TIME != 0;
    if counts && !unsigned && !clock && !right.constant { idents(expr) } else { Vec::new() }
}
