//! Rows and coins that change: who asks for it, after what, and how many.

use crate::model::{Kind, Table};
use crate::rule::Rule;
use crate::statement::{self, Statement};
use crate::value::{ANSWER, CALLER, FLOAT, FUNDS, NAMED, PARAM, STATE, TIME, Value};
use crate::walk::Walk;
use proc_macro2::Span;

/// How rows change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Insert,
    Update,
    Delete,
    /// INSERT that may replace or update.
    Upsert,
}

/// One write.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) table: String,
    verb: Verb,
    /// The key, or a column of a new row, is the caller's address.
    pub(crate) own: bool,
    fields: Vec<(String, u16)>,
    key_constant: bool,
    /// All that changes is counted up or down.
    pub(crate) relative: bool,
    /// A whole row from a literal, or INSERT.
    whole: bool,
    /// Doing it again changes nothing.
    pub(crate) idempotent: bool,
    /// All that changes was set behind a condition on stored rows.
    pub(crate) asked: bool,
    taint: u16,
    pub(crate) span: Span,
}

impl Write {
    pub(crate) fn of_row(table: &str, verb: Verb, value: &Value, span: Span) -> Write {
        let mut write = Write {
            table: table.into(),
            verb,
            own: false,
            fields: Vec::new(),
            key_constant: false,
            relative: false,
            whole: verb == Verb::Insert,
            idempotent: false,
            asked: false,
            taint: value.taint,
            span,
        };
        let Some(row) = &value.row else {
            write.own = value.taint & CALLER != 0;
            return write;
        };
        write.key_constant = row.key_constant;
        write.whole = row.fresh;
        write.taint |= row.key & NAMED;
        if row.fresh {
            write.fields.clone_from(&row.fields);
            let mine = |(_, taint): &(String, u16)| taint & CALLER != 0;
            write.own = if verb == Verb::Insert {
                row.fields.iter().any(mine)
            } else {
                row.key & CALLER != 0
            };
        } else {
            write.own = row.key & CALLER != 0;
            write.fields = row.assigned.iter().map(|a| (a.field.clone(), a.taint)).collect();
            write.relative = !row.assigned.is_empty() && row.assigned.iter().all(|a| a.relative);
            let absolute = |a: &crate::value::Assigned| a.taint & STATE == 0 && !a.relative;
            write.asked = row.assigned.iter().any(|a| a.asked)
                && row.assigned.iter().all(|a| a.asked || absolute(a));
        }
        // What whoever upgrades says is the same when it is said again.
        let absolute = write.fields.iter().all(|(_, field)| field & STATE == 0);
        let said = write.fields.iter().any(|(_, field)| field & PARAM != 0);
        write.idempotent = verb == Verb::Update && absolute && said;
        let mut taint = 0;
        for (_, field) in &write.fields {
            taint |= field;
        }
        write.taint |= taint;
        write
    }

    pub(crate) fn delete(table: &str, keys: &[Value], span: Span) -> Write {
        let taint = keys.iter().fold(0, |taint, key| taint | key.taint);
        Write {
            table: table.into(),
            verb: Verb::Delete,
            own: taint & CALLER != 0,
            fields: Vec::new(),
            key_constant: keys.iter().all(|key| key.constant),
            relative: false,
            whole: false,
            idempotent: true,
            asked: false,
            taint,
            span,
        }
    }

    pub(crate) fn of_statement(statement: &Statement, parameters: &Value, span: Span) -> Write {
        let items = &parameters.items;
        let keys = statement.key_parameters();
        let key = |at: &usize| items.get(*at).is_some_and(|value| value.taint & CALLER != 0);
        let unknown = items.is_empty() && parameters.taint & CALLER != 0;
        let upsert = statement.has_all(&["do", "update"]) || statement.has("replace");
        let verb = match statement.verb {
            statement::Verb::Update => Verb::Update,
            statement::Verb::Delete => Verb::Delete,
            _ if upsert => Verb::Upsert,
            _ => Verb::Insert,
        };
        let fields =
            items.iter().enumerate().filter(|(at, _)| !keys.contains(at) || verb != Verb::Update);
        Write {
            table: statement.table.clone(),
            verb,
            own: unknown || keys.iter().any(key) || statement.has_all(&["caller", "(", ")"]),
            fields: fields.map(|(at, value)| (format!("?{at}"), value.taint)).collect(),
            key_constant: statement.has_condition() && keys.is_empty()
                || statement.inserts_number(),
            relative: statement.is_relative(),
            whole: matches!(verb, Verb::Insert | Verb::Upsert),
            idempotent: statement.has_all(&["do", "nothing"])
                || statement.has("ignore")
                || statement.has_all(&["is", "null"])
                || verb == Verb::Delete
                || statement.moves_on()
                || (verb == Verb::Update && !statement.is_relative() && statement.has_condition()),
            asked: false,
            taint: parameters.taint,
            span,
        }
    }

    /// The columns that change; `*` if that is not known.
    pub(crate) fn columns(&self) -> Vec<String> {
        let named = self.fields.iter().map(|(field, _)| field.clone());
        if self.fields.is_empty() || self.fields.iter().any(|(field, _)| field.starts_with('?')) {
            vec!["*".into()]
        } else {
            named.collect()
        }
    }

    fn events(&self) -> Vec<&'static str> {
        match self.verb {
            Verb::Insert => vec!["on_insert"],
            Verb::Update => vec!["on_update"],
            Verb::Delete => vec!["on_delete"],
            Verb::Upsert => vec!["on_insert", "on_update"],
        }
    }
}

/// A column whose name says whose the row is.
pub(crate) fn names_owner(column: &str) -> bool {
    const WORDS: &[&str] = &[
        "owner",
        "creator",
        "author",
        "account",
        "holder",
        "admin",
        "user",
        "issuer",
        "seller",
        "payer",
        "maker",
        "member",
        "address",
        "beneficiary",
        "patient",
        "voter",
        "sender",
        "depositor",
        "staker",
        "lender",
        "borrower",
        "client",
        "employee",
        "operator",
        "controller",
        "manager",
    ];
    column.split('_').any(|part| WORDS.contains(&part))
}

impl Walk<'_> {
    fn is_owner_column(&self, table: &Table, column: &str) -> bool {
        let known = self.facts.owners.contains(&(table.name.clone(), column.to_owned()));
        known || names_owner(column) && table.column(column).is_some_and(|c| c.ty != "i64")
    }

    pub(crate) fn is_owned(&self, table: &str) -> bool {
        let learned = self.facts.owners.iter().any(|(owned, _)| owned == table);
        learned
            || self.model.tables.get(table).is_some_and(|declared| {
                declared.columns.iter().any(|column| self.is_owner_column(declared, &column.name))
            })
    }

    pub(crate) fn write(&mut self, mut write: Write) {
        self.running.effects += 1;
        if write.verb == Verb::Delete
            && (write.key_constant || write.fields.is_empty() && write.taint == 0)
        {
            self.emptied.insert(write.table.clone());
        } else if write.verb == Verb::Insert && self.emptied.contains(&write.table) {
            // The row is replaced.
            write.verb = Verb::Upsert;
        }
        if matches!(write.verb, Verb::Insert | Verb::Upsert) {
            self.inserted.insert(write.table.clone());
            let table = self.model.tables.get(&write.table);
            let counted = table.is_some_and(|table| table.columns.iter().any(|column| column.auto));
            let one = write.key_constant && !counted;
            let rows = if one { &mut self.facts.single } else { &mut self.facts.many };
            rows.insert(write.table.clone());
        }
        if let Some((span, true)) = self.state.uncounted
            && (write.relative || matches!(write.verb, Verb::Insert | Verb::Upsert))
        {
            self.state.uncounted = None;
            let what = "nobody asks how many rows this has changed before the next are written";
            self.report(Rule::IgnoredResult, span, what);
        }
        if let Kind::Rule(rule, table) = &self.entry {
            let start = write.span.start();
            let place = (self.file, start.line, start.column + 1);
            let from = (rule.clone(), table.clone());
            for event in write.events() {
                let edge = (event.to_owned(), write.table.clone(), place.0, place.1, place.2);
                self.facts.edges.entry(from.clone()).or_default().push(edge);
            }
        }
        if let Some(line) = self.state.external
            && write.taint & ANSWER == 0
        {
            let what = format!("{} is written after the call in line {line}", write.table);
            self.report(Rule::StateAfterCall, write.span, what);
        }
        match self.entry {
            Kind::Init => {
                self.facts.set_up.insert(write.table.clone());
                if write.fields.iter().any(|(_, taint)| taint & CALLER != 0) {
                    self.facts.appointed.insert(write.table.clone());
                }
                for (field, taint) in &write.fields {
                    if *taint == 0 {
                        self.facts.blank.insert((write.table.clone(), field.clone()));
                    }
                }
            }
            Kind::Migrate => self.migrates(&write),
            Kind::Call => self.check_caller(&write),
            _ => {}
        }
        self.state.own_written |= write.own || self.state.by_name && write.taint & NAMED != 0;
    }

    /// Rows of others need a check of the caller first.
    fn check_caller(&mut self, write: &Write) {
        let empty = Table::default();
        let table = self.model.tables.get(&write.table).unwrap_or(&empty);
        let authority = self.facts.authorities.contains(&write.table);
        let guarded = self.state.guard && (!self.state.by_name || write.taint & NAMED != 0)
            || (table.guarded && !self.as_contract)
            || self.facts.guarded.contains(&write.table);
        let owned = self.is_owned(&write.table);
        // The one row that says who may do what, or that #[init] has made for its owner.
        let fixed = write.key_constant && (authority || self.facts.set_up.contains(&write.table));
        let whole = authority && write.whole && write.verb != Verb::Update;
        let takes_over = whole || fixed && owned && write.verb != Verb::Delete && !write.relative;
        if takes_over && !guarded && !self.state.row_checked {
            let again = write.verb != Verb::Insert || !self.facts.set_up.contains(&write.table);
            if again && !self.changes_one(write) {
                let what = format!(
                    "`{}` lets whoever comes set up {} (again)",
                    self.entry_name, write.table
                );
                self.report(Rule::UnprotectedInit, write.span, what);
                return;
            }
        }
        if guarded || write.own && !(authority && write.key_constant) {
            return;
        }
        let sets = write.taint & (PARAM | CALLER) != 0 && !write.relative;
        let new = write.key_constant && matches!(write.verb, Verb::Insert | Verb::Upsert);
        let configures = (takes_over || new) && !self.facts.appointed.is_empty();
        let first_comes = takes_over && authority && write.whole;
        let once = self.state.row_checked && !self.state.mixed;
        if once && sets && (configures || first_comes) {
            let what =
                format!("`{}` sets up {} for whoever comes first", self.entry_name, write.table);
            self.report(Rule::UnprotectedInit, write.span, what);
            return;
        }
        if takes_over && once {
            return;
        }
        // Who takes a place that is free, after asking for it.
        let takes = |(field, taint): &(String, u16)| {
            let asked = self.free.contains(&(write.table.clone(), field.clone()));
            asked && taint & (CALLER | PARAM) == CALLER
        };
        if !write.key_constant && self.state.row_checked && write.fields.iter().any(takes) {
            return;
        }
        // Who takes what is over, or was the caller's before.
        let taken = |(field, taint): &(String, u16)| {
            taint & (CALLER | PARAM) == CALLER && self.is_owner_column(table, field)
        };
        if self.state.timed && self.state.mixed && write.fields.iter().any(taken) {
            return;
        }
        let given =
            write.taint & PARAM != 0 || write.fields.iter().any(|(_, taint)| taint & PARAM != 0);
        // Who comes when the time has come chooses nothing, and gains nothing that others were asked for.
        let chosen = if self.state.mixed { PARAM | CALLER } else { PARAM };
        if self.state.timed && write.fields.iter().all(|(_, taint)| taint & chosen == 0) {
            return;
        }
        // A row that is built anew from what it held.
        let carried = |(field, taint): &(String, u16)| {
            taint & STATE != 0 || table.column(field).is_some_and(|column| column.key)
        };
        let adds = write.relative
            || write.whole && write.verb == Verb::Update && write.fields.iter().all(carried);
        let cleans_up = write.verb == Verb::Delete && write.taint & (TIME | PARAM) == TIME;
        let paid_for = write.taint & FUNDS != 0 && (write.verb != Verb::Update || adds);
        if cleans_up || paid_for {
            return;
        }
        let wrong = match write.verb {
            Verb::Insert | Verb::Upsert => {
                let into = |(field, taint): &(String, u16)| {
                    let given = taint & PARAM != 0 && taint & CALLER == 0;
                    let sql = field.starts_with('?') && owned;
                    let references =
                        table.column(field).and_then(|column| column.references.clone());
                    let child = references.is_some_and(|parent| self.is_owned(&parent));
                    given && (sql || child || self.is_owner_column(table, field))
                };
                let counts = write.verb == Verb::Insert || write.relative;
                let takes_part = self.state.own_written && counts;
                write.fields.iter().any(into) && !takes_part
            }
            Verb::Update if adds => owned && given && !self.state.own_written,
            // A counter or cursor of the contract that nobody decides.
            Verb::Update if write.key_constant && !owned => given,
            Verb::Update | Verb::Delete => true,
        };
        if wrong {
            let what = format!(
                "`{}` writes {} and nothing has checked the caller",
                self.entry_name, write.table
            );
            let raw = self.raw(Rule::MissingCallerCheck, write.span, what);
            self.open.push(raw);
        }
    }

    /// A setter of one column that `#[init]` has filled: a missing check, not a second setup.
    fn changes_one(&self, write: &Write) -> bool {
        let blank = |(field, _): &(String, u16)| {
            self.facts.blank.contains(&(write.table.clone(), field.clone()))
        };
        let one = write.fields.len() == 1 && !write.fields.iter().any(blank);
        one && write.taint & CALLER == 0 && !write.whole
    }

    /// Coins leave the contract.
    pub(crate) fn transfer(&mut self, to: &Value, coins: &Value, span: Span) {
        if let Some((span, _)) = self.state.uncounted.take() {
            let what = "nobody asks how many rows this has changed before coins are sent";
            self.report(Rule::IgnoredResult, span, what);
        }
        self.ran(span);
        for coin in coins.items.iter().chain([coins]) {
            if coin.items.get(1).unwrap_or(coin).taint & FLOAT != 0 {
                self.report(Rule::FloatMoney, span, "coins are counted with a float");
                break;
            }
        }
        let covered = coins.of_caller() || coins.taint & FUNDS != 0;
        let crank = self.state.timed && (to.taint | coins.taint) & (CALLER | PARAM) == 0;
        if self.entry == Kind::Call && !self.state.guard && !covered && !crank {
            let what =
                format!("`{}` sends coins and nothing has checked the caller", self.entry_name);
            let raw = self.raw(Rule::MissingCallerCheck, span, what);
            self.open.push(raw);
        }
    }

    /// Another contract runs.
    pub(crate) fn external_call(&mut self, name: &str, arguments: &[Value], span: Span) {
        let name = name.to_lowercase();
        let by_caller = arguments.first().is_some_and(|value| value.taint & CALLER != 0);
        let takes = ["from", "burn", "pull", "charge", "collect", "debit", "pay"];
        if by_caller && takes.iter().any(|word| name.contains(word)) {
            self.paid = true;
        }
        let reads = ["balance", "allowance", "owner_of", "get", "view", "is_"];
        if reads.iter().any(|word| name.starts_with(word)) {
            return;
        }
        self.ran(span);
        let gives = ["transfer", "mint", "send", "withdraw", "payout", "release"];
        let gives = gives.iter().any(|word| name.contains(word));
        let covered = arguments.iter().any(Value::of_caller)
            || arguments.iter().any(|v| v.taint & FUNDS != 0);
        if self.entry == Kind::Call && gives && !self.paid && !self.state.guard && !covered {
            let what = format!(
                "`{}` has another contract move tokens and nothing has checked the caller",
                self.entry_name
            );
            let raw = self.raw(Rule::MissingCallerCheck, span, what);
            self.open.push(raw);
        }
    }

    fn ran(&mut self, span: Span) {
        self.running.effects += 1;
        self.state.external = self.state.external.or(Some(span.start().line));
    }
}
