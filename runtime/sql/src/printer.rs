//! The printer: words, names and literals go out while the same ones of the text are ticked off.
//!
//! The parser keeps no positions, but the tree is walked in the order of the text. So a cursor over the
//! tokens gives the place of every refusal and the source text of every result column; and a name or
//! literal of the text that the tree lost, or moved, is found out and rejected.

use std::collections::BTreeSet;

use dadbs_types::{Code, Rejection, limits};
use sqlite3_parser::ast::{Name, Stmt};
use sqlite3_parser::dialect::TokenType::{self, TK_AS, TK_COMMA, TK_SEMI};

use crate::access::{RowAccess, RowCheck};
use crate::count::FromTerms;
use crate::names::{self, Namespace};
use crate::refusals::Refusal;
use crate::scan::{self, Token};
use crate::{Access, Kind, Schema, Statement, Verb};

/// The outcome of printing a part of the tree.
pub(crate) type Printed = Result<(), Rejection>;

/// How many tokens a word of the print may be ahead of the cursor: `NATURAL LEFT OUTER JOIN`.
const WORD_REACH: usize = 4;

/// The table that RETURNING and stored DDL name physically: SQLite ignores its alias there.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The user's name, ASCII lower case.
    pub(crate) user: String,
    /// As it is printed.
    pub(crate) printed: String,
}

/// The state of one print.
pub(crate) struct Printer<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    cursor: usize,
    out: String,
    tight: bool,
    depth: usize,
    parameters: usize,
    pub(crate) namespace: &'a Namespace,
    pub(crate) schema: &'a dyn Schema,
    pub(crate) accesses: BTreeSet<Access>,
    pub(crate) terms: FromTerms,
    pub(crate) target: Option<Target>,
    /// Names of FROM terms around the cursor that hide the target.
    pub(crate) hiding: Vec<Vec<String>>,
    pub(crate) in_view: bool,
    /// Whose rows the statement may see and touch.
    pub(crate) row_access: Option<&'a RowAccess>,
    /// True while a predicate of row access is printed.
    pub(crate) in_predicate: bool,
    pub(crate) check: Option<RowCheck>,
    pub(crate) object: Option<String>,
    pub(crate) related: Option<String>,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(
        text: &'a str,
        tokens: Vec<Token<'a>>,
        namespace: &'a Namespace,
        schema: &'a dyn Schema,
    ) -> Result<Printer<'a>, Rejection> {
        let parameters = scan::parameter_count(text, &tokens)?;
        Ok(Printer {
            text,
            tokens,
            cursor: 0,
            out: String::with_capacity(text.len() + text.len() / 2 + 32),
            tight: true,
            depth: 0,
            parameters,
            namespace,
            schema,
            accesses: BTreeSet::new(),
            terms: FromTerms::new(),
            target: None,
            hiding: Vec::new(),
            in_view: false,
            row_access: None,
            in_predicate: false,
            check: None,
            object: None,
            related: None,
        })
    }

    /// Prints the whole statement and describes it.
    pub(crate) fn statement(mut self, statement: &Stmt<'_>) -> Result<Statement, Rejection> {
        let kind = self.any_statement(statement)?;
        if kind.is_schema_change() {
            self.unprotected_schema()?;
        }
        if let Some(token) = self.tokens[self.cursor..].iter().find(|token| token.is_leaf()) {
            return Err(self.lost(token.start));
        }
        let Some(from_terms) = self.terms.total() else {
            return Err(Refusal::Recursive.at("1:1"));
        };
        if from_terms > limits::SQL_FROM_TERMS_MAX {
            let what = "the statement, with views and common table expressions expanded,";
            return Err(scan::over(what, from_terms, limits::SQL_FROM_TERMS_MAX, "tables", "1:1"));
        }
        if self.out.len() > limits::SQL_PHYSICAL_BYTES_MAX {
            let (size, limit) = (self.out.len(), limits::SQL_PHYSICAL_BYTES_MAX);
            return Err(scan::over("the renamed statement", size, limit, "bytes", "1:1"));
        }
        Ok(Statement {
            kind,
            physical: self.out,
            user: user_part(self.text, &self.tokens).to_owned(),
            accesses: self.accesses.into_iter().collect(),
            object: self.object,
            related: self.related,
            from_terms,
            parameters: self.parameters,
            check: self.check,
        })
    }

    fn any_statement(&mut self, statement: &Stmt<'_>) -> Result<Kind, Rejection> {
        match statement {
            Stmt::Select(select) => self.top_select(select).map(|()| Kind::Select),
            Stmt::Insert { .. } => self.insert(statement),
            Stmt::Update { .. } => self.update(statement),
            Stmt::Delete { .. } => self.delete(statement),
            Stmt::CreateTable { .. } => self.create_table(statement),
            Stmt::CreateIndex { .. } => self.create_index(statement),
            Stmt::CreateView { .. } => self.create_view(statement),
            Stmt::DropTable { .. } | Stmt::DropIndex { .. } | Stmt::DropView { .. } => {
                self.drop_object(statement)
            }
            Stmt::AlterTable(name, body) => self.alter_table(name, body),
            Stmt::Analyze(_) => Err(self.refuse(Refusal::Analyze)),
            Stmt::Attach { .. } | Stmt::Detach(_) => Err(self.refuse(Refusal::Attach)),
            Stmt::Begin(..)
            | Stmt::Commit(_)
            | Stmt::Release(_)
            | Stmt::Rollback { .. }
            | Stmt::Savepoint(_) => Err(self.refuse(Refusal::Transaction)),
            Stmt::CreateTrigger { .. } | Stmt::DropTrigger { .. } => {
                Err(self.refuse(Refusal::Trigger))
            }
            Stmt::CreateVirtualTable { .. } => Err(self.refuse(Refusal::VirtualTable)),
            Stmt::Pragma(..) => Err(self.refuse(Refusal::Pragma)),
            Stmt::Reindex { .. } => Err(self.refuse(Refusal::Reindex)),
            Stmt::Vacuum(..) => Err(self.refuse(Refusal::Vacuum)),
        }
    }

    // ---- places and failures

    /// The offset where the cursor stands.
    pub(crate) fn offset(&self) -> usize {
        self.tokens.get(self.cursor).map_or(self.text.len(), |token| token.start)
    }

    /// `line:column` where the cursor stands.
    pub(crate) fn place(&self) -> String {
        scan::place(self.text, self.offset())
    }

    pub(crate) fn refuse(&self, refusal: Refusal) -> Rejection {
        refusal.at(&self.place())
    }

    pub(crate) fn limit(&self, what: &str, size: usize, limit: usize, unit: &str) -> Printed {
        if size <= limit {
            return Ok(());
        }
        Err(scan::over(what, size, limit, unit, &self.place()))
    }

    fn lost(&self, offset: usize) -> Rejection {
        let place = scan::place(self.text, offset);
        Rejection::new(
            Code::SqlSyntax,
            format!("at {place}: the parser does not account for this: write it another way"),
        )
    }

    /// The source text from `start` to the cursor, as SQLite takes it for the name of a column.
    pub(crate) fn source(&self, start: usize) -> &'a str {
        let space = |c: char| c.is_ascii_whitespace() || c == '\u{b}';
        self.text[start..self.offset()].trim_matches(space)
    }

    /// Enters one level of an expression; every call is paired with [`Printer::rise`].
    pub(crate) fn sink(&mut self) -> Printed {
        self.depth += 1;
        self.limit("the expression", self.depth, limits::SQL_DEPTH_MAX, "levels")
    }

    pub(crate) fn rise(&mut self) {
        self.depth -= 1;
    }

    // ---- output

    fn push(&mut self, word: &str) {
        if !self.tight {
            self.out.push(' ');
        }
        self.out.push_str(word);
        self.tight = false;
    }

    /// Bytes printed so far.
    pub(crate) fn printed_len(&self) -> usize {
        self.out.len()
    }

    /// Prints the schema before a name: only the file's own tables have it.
    pub(crate) fn put_main(&mut self) {
        self.push("main.");
        self.tight = true;
    }

    /// Prints what the text does not have.
    pub(crate) fn put(&mut self, word: &str) {
        self.push(word);
    }

    /// Prints a word or sign, and ticks it off if it is near.
    pub(crate) fn word(&mut self, word: &str) {
        self.push(word);
        self.skip(word);
    }

    /// Prints words one after the other.
    pub(crate) fn words(&mut self, words: &str) {
        for word in words.split(' ') {
            self.word(word);
        }
    }

    /// Ticks off a word or sign that is not printed; says whether it was there.
    pub(crate) fn skip(&mut self, word: &str) -> bool {
        let near = self.tokens[self.cursor..].iter().take(WORD_REACH);
        for (ahead, token) in near.enumerate() {
            if self.text[token.start..token.end].eq_ignore_ascii_case(word) {
                self.cursor += ahead + 1;
                return true;
            }
            if token.is_leaf() {
                break;
            }
        }
        false
    }

    /// Whether the token at the cursor is of this kind.
    pub(crate) fn next_is(&self, kind: TokenType) -> bool {
        self.tokens.get(self.cursor).is_some_and(|token| token.kind == kind)
    }

    /// Prints a bracket right behind the word before it.
    pub(crate) fn open_tight(&mut self) {
        self.tight = true;
        self.open();
    }

    pub(crate) fn open(&mut self) {
        self.word("(");
        self.tight = true;
    }

    pub(crate) fn close(&mut self) {
        self.tight = true;
        self.word(")");
    }

    pub(crate) fn comma(&mut self) {
        self.tight = true;
        self.word(",");
    }

    pub(crate) fn dot(&mut self) {
        self.tight = true;
        self.word(".");
        self.tight = true;
    }

    /// Prints a comma that the text may not have.
    pub(crate) fn put_comma(&mut self) {
        self.tight = true;
        self.push(",");
        self.tight = false;
    }

    /// Ticks off everything that is left, for what the caller prints from flags.
    pub(crate) fn skip_rest(&mut self) {
        self.cursor = self.tokens.len();
    }

    /// Prints a sign with nothing between it and what follows.
    pub(crate) fn prefix_sign(&mut self, sign: &str) {
        self.word(sign);
        self.tight = true;
    }

    /// Prints the items with commas between them.
    pub(crate) fn list<T>(
        &mut self,
        items: &[T],
        mut print: impl FnMut(&mut Self, &T) -> Printed,
    ) -> Printed {
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.comma();
            }
            print(self, item)?;
        }
        Ok(())
    }

    // ---- leaves

    /// Ticks off a name or literal of the tree; only words and signs may stand before it.
    pub(crate) fn tick(&mut self, raw: &str) -> Printed {
        for (ahead, token) in self.tokens[self.cursor..].iter().enumerate() {
            if token.text == raw {
                self.cursor += ahead + 1;
                return Ok(());
            }
            if token.is_leaf() {
                return Err(self.lost(token.start));
            }
        }
        Err(self.lost(self.text.len()))
    }

    /// Moves the cursor in front of a name, for the place of a refusal.
    pub(crate) fn seek(&mut self, raw: &str) {
        for (ahead, token) in self.tokens[self.cursor..].iter().enumerate() {
            if token.text == raw {
                self.cursor += ahead;
                return;
            }
            if token.is_leaf() {
                return;
            }
        }
    }

    /// Prints a literal as it was written.
    pub(crate) fn literal(&mut self, raw: &str, printed: &str) -> Printed {
        self.tick(raw)?;
        self.push(printed);
        Ok(())
    }

    /// Ticks a name off and gives it without quotes.
    pub(crate) fn read_name(&mut self, raw: &str) -> Result<String, Rejection> {
        self.seek(raw);
        let name = names::dequote(raw).into_owned();
        self.limit("the name", name.len(), limits::SQL_IDENTIFIER_BYTES_MAX, "bytes")?;
        self.tick(raw)?;
        Ok(name)
    }

    /// Prints the name of a column, alias, constraint or window.
    pub(crate) fn name(&mut self, raw: &str) -> Printed {
        let name = self.read_name(raw)?;
        if names::is_quoted(raw) {
            self.push(&names::quoted(&name));
        } else {
            self.push(raw);
        }
        Ok(())
    }

    /// Prints a list of column names in brackets.
    pub(crate) fn names(&mut self, names: &[Name<'_>]) -> Printed {
        self.limit("the list", names.len(), limits::SQL_COLUMNS_MAX, "columns")?;
        self.open();
        self.list(names, |printer, name| printer.name(name.0))?;
        self.close();
        Ok(())
    }

    /// Prints a name that is defined as a column of a table: it may not look like one SQLite makes up.
    pub(crate) fn column_name(&mut self, raw: &str) -> Printed {
        self.seek(raw);
        let name = names::dequote(raw);
        if names::base_name(&name).len() != name.len() {
            return Err(self.refuse(Refusal::NumberedColumn));
        }
        self.name(raw)
    }

    /// Prints the physical name of a table, view, index or common table expression; gives the user's in
    /// ASCII lower case.
    pub(crate) fn object_name(&mut self, raw: &str) -> Result<String, Rejection> {
        self.seek(raw);
        let lower = names::dequote(raw).to_ascii_lowercase();
        if lower.starts_with("sqlite_") || lower.starts_with("pragma_") {
            return Err(self.refuse(Refusal::SystemTable));
        }
        if lower.is_empty() {
            let message = format!("at {}: an empty name: give the object a name", self.place());
            return Err(Rejection::new(Code::SqlSyntax, message));
        }
        let name = self.read_name(raw)?.to_ascii_lowercase();
        let physical = self.namespace.physical(&name);
        self.push(&names::identifier(&physical));
        Ok(name)
    }

    /// `AS name` for a renamed table.
    pub(crate) fn put_alias(&mut self, name: &str) {
        self.push("AS");
        self.push(&names::identifier(name));
    }

    /// Prints the words of a type's name, which the parser joins with blanks.
    pub(crate) fn type_name(&mut self, joined: &str) -> Printed {
        let mut rest = joined;
        while !rest.is_empty() {
            let Some(token) = self.tokens.get(self.cursor).copied() else {
                return Err(self.lost(self.text.len()));
            };
            let Some(after) = rest.strip_prefix(token.text) else {
                return Err(self.lost(token.start));
            };
            self.push(token.text);
            self.cursor += 1;
            rest = after.trim_start_matches(' ');
        }
        Ok(())
    }

    /// The separator of LIMIT's two numbers in the text, since the tree does not tell which it was.
    pub(crate) fn limit_separator(&mut self) -> Printed {
        if self.next_is(TK_COMMA) {
            self.comma();
            return Ok(());
        }
        if self.next_is(TokenType::TK_OFFSET) {
            self.word("OFFSET");
            return Ok(());
        }
        Err(self.lost(self.offset()))
    }

    /// `AS`, whether or not the text has it.
    pub(crate) fn optional_as(&mut self) {
        self.push("AS");
        if self.next_is(TK_AS) {
            self.cursor += 1;
        }
    }

    // ---- description

    pub(crate) fn access(&mut self, verb: Verb, table: &str) {
        self.accesses.insert(Access { verb, table: table.to_owned() });
    }
}

/// The text from its first to its last token, without semicolons.
fn user_part<'t>(text: &'t str, tokens: &[Token<'t>]) -> &'t str {
    let mut kept = tokens.iter().filter(|token| token.kind != TK_SEMI);
    let Some(first) = kept.next() else { return "" };
    let last = kept.next_back().unwrap_or(first);
    &text[first.start..last.end]
}
