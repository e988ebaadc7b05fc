//! Branches: what a condition grants, and what is left when both sides have run.

use crate::dropped::{changes, goes_on};
use crate::rule::Rule;
use crate::value::{ANSWER, CALLER, FALSE_IS_ALLOWED, STATE, TRUE_IS_ALLOWED, Value};
use crate::walk::{Exit, State, Walk};
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::spanned::Spanned;
use syn::{Expr, Stmt};

impl Walk<'_> {
    /// Runs a branch that may not be taken; its state ends with it.
    pub(crate) fn branch<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, State, Exit) {
        let before = self.state.clone();
        let exit = std::mem::replace(&mut self.exit, Exit::None);
        let value = work(self);
        let after = std::mem::replace(&mut self.state, before);
        (value, after, std::mem::replace(&mut self.exit, exit))
    }

    pub(crate) fn branch_off(
        &mut self,
        condition: &Value,
        guarded: bool,
        work: impl FnOnce(&mut Self) -> Value,
    ) {
        let taint = condition.taint;
        self.branch(|walk| {
            walk.state.guard |= guarded;
            walk.state.row_checked |= taint & STATE != 0;
            work(walk)
        });
    }

    /// A condition grants what follows: how far.
    fn granted(&mut self, condition: &Value, guarded: bool) {
        if guarded {
            self.state.by_name = condition.by_name && (!self.state.guard || self.state.by_name);
        }
    }

    /// The other branch has ended the function: the condition is true, or false, from here on.
    pub(crate) fn after_exit(&mut self, condition: &Value, holds: u8, exit: Exit) {
        let guarded = condition.bits() & holds != 0;
        self.granted(condition, guarded);
        self.state.guard |= guarded;
        self.state.hard |= guarded && exit == Exit::Abort;
        self.state.row_checked |= condition.taint & STATE != 0;
        self.state.timed |= condition.due_bits() & holds != 0;
        self.state.mixed |= condition.mixed;
    }

    pub(crate) fn merge(&mut self, one: State, two: State) {
        let mut variables = one.variables;
        for (name, value) in two.variables {
            if let Some(other) = variables.remove(&name) {
                // A row that one branch has changed and the other has not keeps the changes.
                let mut merged = other.clone().either(value.clone());
                if let (Some(a), Some(b)) = (&other.row, &value.row) {
                    let (more, less) =
                        if b.assigned.len() > a.assigned.len() { (b, a) } else { (a, b) };
                    let mut row = more.clone();
                    // What only one of them has changed may be as it was read.
                    for assigned in row.assigned.iter_mut().skip(less.assigned.len()) {
                        assigned.taint |= STATE;
                    }
                    merged.row = Some(row);
                }
                variables.insert(name, merged);
            }
        }
        self.state = State {
            variables,
            guard: one.guard && two.guard,
            by_name: one.by_name || two.by_name,
            hard: one.hard && two.hard,
            row_checked: one.row_checked && two.row_checked,
            timed: one.timed && two.timed,
            mixed: one.mixed || two.mixed,
            external: one.external.or(two.external),
            own_written: one.own_written || two.own_written,
            uncounted: one.uncounted.or(two.uncounted),
        };
    }

    /// These names are capped by a constant from here on.
    pub(crate) fn cap(&mut self, names: &[String]) {
        for name in names {
            if let Some(value) = self.state.variables.get_mut(name) {
                value.capped = true;
            }
        }
    }

    /// Two branches of a condition.
    pub(crate) fn fork(
        &mut self,
        condition: &Value,
        then: impl FnOnce(&mut Self) -> Value,
        otherwise: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        let bits = condition.bits();
        let checked = condition.taint & STATE != 0;
        let due = condition.due_bits();
        let (one, state_one, exit_one) = self.branch(|walk| {
            walk.granted(condition, bits & TRUE_IS_ALLOWED != 0);
            walk.state.guard |= bits & TRUE_IS_ALLOWED != 0;
            walk.state.row_checked |= checked;
            walk.state.timed |= due & TRUE_IS_ALLOWED != 0;
            walk.state.mixed |= condition.mixed;
            walk.cap(&condition.caps[1]);
            then(walk)
        });
        let (two, state_two, exit_two) = self.branch(|walk| {
            walk.granted(condition, bits & FALSE_IS_ALLOWED != 0);
            walk.state.guard |= bits & FALSE_IS_ALLOWED != 0;
            walk.state.row_checked |= checked;
            walk.state.timed |= due & FALSE_IS_ALLOWED != 0;
            walk.state.mixed |= condition.mixed;
            walk.cap(&condition.caps[0]);
            otherwise(walk)
        });
        match (exit_one, exit_two) {
            (Exit::None, Exit::None) if one.is_err != two.is_err => {
                // Whoever goes on behind `?` has taken the branch that has not failed.
                let (good, guarded) =
                    if one.is_err { (two, state_two.guard) } else { (one, state_one.guard) };
                let pending = good.pending || guarded && !self.state.guard;
                self.merge(state_one, state_two);
                Value {
                    pending,
                    outcome: good.outcome.or(Some(crate::value::Outcome::Own)),
                    ..good
                }
            }
            (Exit::None, Exit::None) => {
                // What the condition alone has granted ends with its branches.
                let before = (self.state.guard, self.state.row_checked, self.state.timed);
                self.merge(state_one, state_two);
                self.state.guard &= bits != TRUE_IS_ALLOWED | FALSE_IS_ALLOWED || before.0;
                self.state.row_checked &= !checked || before.1;
                self.state.timed &= due == 0 || before.2;
                // Which variant of an enum it is tells what the condition has told.
                let told = bits != 0
                    && one.ty == two.ty
                    && self.model.enums.contains(&one.ty)
                    && (one.constant && two.constant);
                let mut value = one.either(two);
                if told {
                    value.taint |= CALLER | STATE;
                }
                value
            }
            (Exit::None, exit) => {
                self.state = state_one;
                self.cap(&condition.caps[1]);
                self.after_exit(condition, TRUE_IS_ALLOWED, exit);
                one
            }
            (exit, Exit::None) => {
                self.state = state_two;
                self.cap(&condition.caps[0]);
                self.after_exit(condition, FALSE_IS_ALLOWED, exit);
                two
            }
            (one, two) => {
                self.exit = if one == two { one } else { Exit::Return };
                Value::default()
            }
        }
    }

    pub(crate) fn branch_if(&mut self, branch: &syn::ExprIf) -> Value {
        let condition = self.expr(&branch.cond);
        self.asked(&condition, None);
        if matches!(&*branch.cond, Expr::Let(_)) {
            let otherwise = branch.else_branch.as_ref().map(|(_, otherwise)| &**otherwise);
            self.replaced(&condition, otherwise.is_none_or(is_default), branch.cond.span());
        }
        let failed = on_failure(&branch.cond);
        let outcome = condition.outcome;
        self.looked_at(&condition);
        let then = Expr::Block(syn::ExprBlock {
            attrs: Vec::new(),
            label: None,
            block: branch.then_branch.clone(),
        });
        let checks = outcome.is_some_and(|outcome| outcome != crate::value::Outcome::Read);
        let passes = changes(outcome) && goes_on(&then) || checks && only_tells(&then);
        if failed && branch.else_branch.is_none() && passes {
            let what = "a failure of this is passed over";
            self.report(Rule::IgnoredResult, branch.cond.span(), what);
            // One fault: that the check is there is not asked again.
            self.state.guard |= condition.pending || condition.of_caller();
        }
        if outcome.is_some()
            && let Expr::Let(pattern) = &*branch.cond
        {
            let pattern = pattern.pat.to_token_stream().to_string();
            let empty = branch.then_branch.stmts.is_empty() && pattern.starts_with("Err");
            let no_else = branch.else_branch.is_none() && pattern.starts_with("Ok");
            if empty || no_else && outcome != Some(crate::value::Outcome::Read) {
                self.report(
                    Rule::IgnoredResult,
                    branch.cond.span(),
                    "a failure of this is passed over",
                );
            }
        }
        self.fork(
            &condition,
            |walk| {
                if failed {
                    walk.state.external = None;
                }
                walk.block(&branch.then_branch)
            },
            |walk| match &branch.else_branch {
                Some((_, otherwise)) => walk.expr(otherwise),
                None => Value::default(),
            },
        )
    }

    pub(crate) fn branch_match(&mut self, matching: &syn::ExprMatch) -> Value {
        let value = self.expr(&matching.expr);
        self.asked(&value, None);
        let arms: Vec<&syn::Arm> = matching.arms.iter().collect();
        for arm in &arms {
            let pattern = arm.pat.to_token_stream().to_string();
            let fails = pattern == "_" || pattern == "None" || pattern.starts_with("Err");
            self.replaced(&value, fails && is_default(&arm.body), arm.span());
        }
        let mut passed = BTreeSet::new();
        if value.outcome.is_some() {
            self.looked_at(&value);
            for (at, arm) in arms.iter().enumerate() {
                let pattern = arm.pat.to_token_stream().to_string();
                let body = arm.body.to_token_stream().to_string().replace(' ', "");
                let nothing = matches!(body.as_str(), "{}" | "()")
                    || pattern == "Err (_)"
                        && matches!(
                            body.as_str(),
                            "Ok(())" | "returnOk(())" | "{Ok(())}" | "{returnOk(());}"
                        );
                let on = changes(value.outcome) && pattern.starts_with("Err") && goes_on(&arm.body);
                let zero = is_default(&arm.body) && changes(value.outcome);
                let told = on
                    || zero && pattern.starts_with("Err")
                    || pattern.starts_with("Err")
                        && value.outcome != Some(crate::value::Outcome::Read)
                        && only_tells(&arm.body);
                if (pattern.starts_with("Err") || pattern == "_") && nothing || told {
                    self.report(Rule::IgnoredResult, arm.span(), "a failure is passed over here");
                    passed.insert(arms.len() - at);
                }
            }
        }
        self.arms(&value, &arms, &passed)
    }

    /// The first arm against the others; those in `passed` (counted from the last, which is 1) pass over a failure.
    /// That is told, so what they have not checked is not told again: the walk goes on as if they ended.
    pub(crate) fn arms(
        &mut self,
        value: &Value,
        arms: &[&syn::Arm],
        passed: &BTreeSet<usize>,
    ) -> Value {
        let [arm, rest @ ..] = arms else { return Value::default() };
        let pattern = arm.pat.to_token_stream().to_string();
        let condition = match (&arm.guard, pattern.as_str()) {
            (None, "false") => Value {
                allowed: Some((value.bits() & 1) << 1 | value.bits() >> 1),
                ..value.clone()
            },
            _ => value.clone(),
        };
        let mut guard_value = None;
        let run = |walk: &mut Self, guard_value: &mut Option<Value>| {
            if pattern.starts_with("Err") && value.taint & ANSWER != 0 {
                walk.state.external = None;
            }
            walk.bind(&arm.pat, Value { outcome: None, pending: false, ..value.clone() });
            if let Some((_, guard)) = &arm.guard {
                let guard = walk.expr(guard);
                walk.state.guard |= guard.bits() & TRUE_IS_ALLOWED != 0;
                *guard_value = Some(guard);
            }
            let answer = walk.expr(&arm.body);
            if passed.contains(&(rest.len() + 1)) && walk.exit == Exit::None {
                walk.exit = Exit::Return;
            }
            answer
        };
        if rest.is_empty() {
            return run(self, &mut guard_value);
        }
        // The guard of an arm is a part of the condition.
        let condition = match &arm.guard {
            Some((_, guard)) => {
                let ((), _, _) = self.branch(|walk| {
                    walk.bind(&arm.pat, value.clone());
                    guard_value = Some(walk.expr(guard));
                });
                let guard = guard_value.take().unwrap_or_default();
                // That `true if ..` was not taken does not tell why.
                let one_of_many = matches!(arm.pat, syn::Pat::Lit(_) | syn::Pat::Path(_));
                let excluded = if one_of_many { TRUE_IS_ALLOWED } else { !0 };
                Value {
                    allowed: Some(guard.bits() & excluded | condition.bits()),
                    taint: condition.taint | guard.taint,
                    ..condition
                }
            }
            None => condition,
        };
        self.fork(&condition, |walk| run(walk, &mut None), |walk| walk.arms(value, rest, passed))
    }
}

/// A value that says nothing: a number, a constant or `default()`, also in a block.
pub(crate) fn is_default(body: &Expr) -> bool {
    match body {
        Expr::Lit(literal) => matches!(literal.lit, syn::Lit::Int(_)),
        Expr::Path(path) => {
            let last = path.path.segments.last().map(|last| last.ident.to_string());
            last.is_some_and(|name| name != "None" && name == name.to_uppercase())
        }
        Expr::Call(call) => call.func.to_token_stream().to_string().ends_with("default"),
        Expr::Block(block) => match &block.block.stmts[..] {
            [] => true,
            [Stmt::Expr(expr, None)] => is_default(expr),
            _ => false,
        },
        Expr::Tuple(tuple) => tuple.elems.is_empty(),
        _ => false,
    }
}

/// Nothing but `log` and `emit`.
pub(crate) fn only_tells(body: &Expr) -> bool {
    match body {
        Expr::Call(call) => {
            let name = call.func.to_token_stream().to_string();
            matches!(name.rsplit(' ').next(), Some("log" | "emit"))
        }
        Expr::Block(block) => block.block.stmts.iter().all(|statement| match statement {
            Stmt::Expr(expr, _) => only_tells(expr),
            _ => false,
        }),
        _ => false,
    }
}

/// The condition holds if something has failed.
pub(crate) fn on_failure(condition: &Expr) -> bool {
    match condition {
        Expr::Let(condition) => condition.pat.to_token_stream().to_string().starts_with("Err"),
        Expr::MethodCall(call) => call.method == "is_err",
        _ => false,
    }
}
