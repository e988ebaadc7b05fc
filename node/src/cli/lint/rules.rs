//! The lints that need more than one place: acts of a function with all that it calls.

use super::facts::{Act, Function, Source};
use super::statement::Verb;
use super::{Crate, Finding};
use std::collections::{BTreeMap, BTreeSet};

/// Calls inside each other that are followed.
const DEPTH_MAX: usize = 8;

/// Names of entry points that only their owner may call.
const SETUP: [&str; 14] = [
    "init",
    "initialize",
    "initialise",
    "setup",
    "set_up",
    "configure",
    "set_owner",
    "set_admin",
    "transfer_ownership",
    "change_owner",
    "migrate",
    "upgrade",
    "set_config",
    "reset",
];

/// An act with its place.
struct Placed<'a> {
    file: usize,
    line: usize,
    act: &'a Act,
}

impl Crate {
    fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The acts of a function with those of the functions that it calls, in order.
    fn flat<'a>(
        &'a self,
        function: &'a Function,
        path: &mut Vec<&'a str>,
        out: &mut Vec<Placed<'a>>,
    ) {
        if path.len() > DEPTH_MAX || path.contains(&function.name.as_str()) {
            return;
        }
        path.push(&function.name);
        for (line, act) in &function.acts {
            out.push(Placed { file: function.file, line: *line, act });
            if let Act::Own { name, .. } = act
                && let Some(inner) = self.function(name)
            {
                self.flat(inner, path, out);
            }
        }
        path.pop();
    }

    fn all<'a>(&'a self, function: &'a Function) -> Vec<Placed<'a>> {
        let mut out = Vec::new();
        self.flat(function, &mut Vec::new(), &mut out);
        out
    }

    /// Where it matters to a function what comes from: the caller, or its parameters.
    fn checks<'a>(&'a self, function: &'a Function, path: &mut Vec<&'a str>) -> BTreeSet<Source> {
        let mut found = BTreeSet::new();
        if path.len() > DEPTH_MAX || path.contains(&function.name.as_str()) {
            return found;
        }
        path.push(&function.name);
        for (_, act) in &function.acts {
            match act {
                Act::Check(source) => drop(found.insert(*source)),
                Act::Read { table, as_contract: false }
                    if self.declared.can_read.contains(table) =>
                {
                    found.insert(Source::Caller);
                }
                Act::Own { name, arguments } => {
                    let Some(inner) = self.function(name) else { continue };
                    for source in self.checks(inner, path) {
                        found.extend(match source {
                            Source::Caller => Some(Source::Caller),
                            Source::Parameter(at) => arguments.get(at).copied().flatten(),
                        });
                    }
                }
                _ => {}
            }
        }
        path.pop();
        found
    }

    /// Tables whose `#[validate]` looks at the caller.
    fn validated(&self) -> BTreeSet<String> {
        let rules = self.of_kind("validate");
        rules
            .filter(|rule| self.checks(rule, &mut Vec::new()).contains(&Source::Caller))
            .filter_map(|rule| rule.kind.clone().map(|(_, table)| table))
            .collect()
    }

    fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &Function> {
        self.functions
            .iter()
            .filter(move |function| function.kind.as_ref().is_some_and(|(known, _)| known == kind))
    }

    /// `missing_caller_check` and `unprotected_setup`.
    pub(super) fn callers(&self, findings: &mut Vec<Finding>) {
        let validated = self.validated();
        for entry in self.of_kind("call") {
            if self.checks(entry, &mut Vec::new()).contains(&Source::Caller) {
                continue;
            }
            let acts = self.all(entry);
            let is_paid = acts.iter().any(|placed| *placed.act == Act::Paid);
            let is_setup = SETUP.contains(&entry.name.as_str());
            let open = acts.iter().find_map(|placed| match placed.act {
                Act::Write { verb, table, as_contract } => {
                    let guarded = !as_contract && self.declared.can_write.contains(table)
                        || validated.contains(table);
                    let is_others = *verb != Verb::Insert || is_setup;
                    (is_others && !guarded).then(|| (placed, format!("writes rows of {table}")))
                }
                Act::Transfer if !is_paid => Some((placed, "sends coins".to_owned())),
                _ => None,
            });
            let Some((placed, what)) = open else { continue };
            let schema = matches!(placed.act, Act::Write { verb: Verb::Schema, .. });
            let (lint, advice) = if is_setup || schema {
                ("unprotected_setup", "compare ctx.caller with the owner that #[init] has kept")
            } else {
                (
                    "missing_caller_check",
                    "compare ctx.caller, choose the rows by it, or give the table #[can_write] or #[validate]",
                )
            };
            let message = format!("{} {what} whoever calls: {advice}", entry.name);
            findings.push(Finding { lint, file: placed.file, line: placed.line, message });
        }
    }

    /// `state_after_call`.
    pub(super) fn order(&self, findings: &mut Vec<Finding>) {
        for entry in self.functions.iter().filter(|function| function.kind.is_some()) {
            let acts = self.all(entry);
            let Some(call) = acts.iter().position(|placed| *placed.act == Act::External) else {
                continue;
            };
            let written = acts[call..].iter().find_map(|placed| match placed.act {
                Act::Write { table, .. } => Some((placed, table)),
                _ => None,
            });
            if let Some((placed, table)) = written {
                findings.push(Finding {
                    lint: "state_after_call",
                    file: placed.file,
                    line: placed.line,
                    message: format!(
                        "{} writes {table} after another contract has run: write first, then call",
                        entry.name
                    ),
                });
            }
        }
    }

    /// `trigger_cycle`: rules whose writes come back to them.
    pub(super) fn cycles(&self, findings: &mut Vec<Finding>) {
        let rule = |verb: Verb, table: &str| {
            let kind = match verb {
                Verb::Insert => "on_insert",
                Verb::Update => "on_update",
                Verb::Delete => "on_delete",
                Verb::Schema => return None,
            };
            let known = |known: &&Function| known.kind.as_ref().is_some_and(|(_, t)| t == table);
            self.of_kind(kind).find(known)
        };
        let mut leads: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for kind in ["on_insert", "on_update", "on_delete"] {
            for function in self.of_kind(kind) {
                let next = leads.entry(&function.name).or_default();
                for placed in self.all(function) {
                    if let Act::Write { verb, table, .. } = placed.act {
                        next.extend(rule(*verb, table).map(|rule| rule.name.as_str()));
                    }
                }
            }
        }
        for start in leads.keys() {
            let (mut seen, mut open) = (BTreeSet::new(), vec![*start]);
            while let Some(at) = open.pop() {
                for next in leads.get(at).into_iter().flatten() {
                    if seen.insert(*next) {
                        open.push(next);
                    }
                }
            }
            let Some(function) = self.function(start).filter(|_| seen.contains(start)) else {
                continue;
            };
            findings.push(Finding {
                lint: "trigger_cycle",
                file: function.file,
                line: function.acts.first().map_or(1, |(line, _)| *line),
                message: format!(
                    "what {start} writes makes it run again, until the depth limit ends the call"
                ),
            });
        }
    }

    /// The findings that stand in one place.
    pub(super) fn places(&self, findings: &mut Vec<Finding>) {
        for function in &self.functions {
            let is_view = function.kind.as_ref().is_some_and(|(kind, _)| kind == "view");
            for (line, act) in &function.acts {
                // A view is bounded by its gas and holds nobody up.
                if let Act::Fault(lint, message) = act
                    && !(is_view && *lint == "unbounded")
                {
                    let message = message.clone();
                    findings.push(Finding { lint, file: function.file, line: *line, message });
                }
            }
        }
    }
}
