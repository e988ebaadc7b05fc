//! The SQL front door: a text from outside becomes a statement that SQLite may execute.
//!
//! 1. A text is bounded before it is parsed ([`scan`]); it is exactly one statement.
//! 2. Only what the printer knows is printed: every match over the syntax tree is exhaustive, and what
//!    is not offered is a [`refusals`] row with its place and what to do instead.
//! 3. Only the printed text ([`Statement::physical`]) is executed, never the user's.
//! 4. Tables, views, indexes and common table expressions get the prefix of the database ([`names`]), and
//!    a renamed table carries `AS` its own name, so that `t.id` keeps its meaning.
//! 5. Result columns have the names that SQLite gives them on the user's text.
//! 6. Expressions are printed as they were written: no function is replaced, no literal changed.
//! 7. Every word, name and literal of the text is accounted for in the print, or the text is rejected.
//! 8. The outcome is a function of text, namespace, purpose, schema and row access ([`RowAccess`]).
//!
//! `SQL.md` lists what is offered and refused.

mod access;
mod count;
mod ddl;
mod dml;
mod document;
mod expression;
mod from;
mod names;
mod printer;
mod refusals;
mod restore;
mod scan;
mod select;
mod split;

use std::panic::{AssertUnwindSafe, catch_unwind};

use dadbs_types::{Code, Rejection};
use sqlite3_parser::ast::{Cmd, Stmt};
use sqlite3_parser::lexer::sql::{Error as ParseError, Parser};
use sqlite3_parser::{Bump, FallibleIterator};

pub use access::{RowAccess, RowCheck, predicate_statements};
pub use document::document;
pub use names::Namespace;
pub use refusals::refusals;
pub use restore::user_text;
pub use split::split;

use printer::Printer;
use refusals::Refusal;

/// What a statement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Everything that is offered.
    Write,
    /// SELECT only.
    Read,
}

/// What the front door must know of the objects that exist.
pub trait Schema {
    /// The object with this physical name (ASCII lower case, without quotes), if there is one.
    fn object(&self, physical: &str) -> Option<Object>;
}

/// A table, view or index that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Tables in its FROM clauses with views expanded: [`Statement::from_terms`] of the statement that
    /// created a view, 1 for a table.
    pub from_terms: usize,
}

/// The kinds of [`Object`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A table.
    Table,
    /// A view.
    View,
    /// An index.
    Index,
}

/// What an access does to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Reads rows; also RETURNING, the parent of a foreign key, and RENAME TO.
    Select,
    /// Adds rows.
    Insert,
    /// Changes rows; also ON CONFLICT DO UPDATE.
    Update,
    /// Removes rows; also REPLACE.
    Delete,
    /// Creates the object.
    Create,
    /// Changes the table's definition; also an index on it, and a foreign key to it.
    Alter,
    /// Drops the object; also RENAME TO, which is every access to the old name.
    Drop,
}

impl Verb {
    /// The verb in SQL, lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Select => "select",
            Verb::Insert => "insert",
            Verb::Update => "update",
            Verb::Delete => "delete",
            Verb::Create => "create",
            Verb::Alter => "alter",
            Verb::Drop => "drop",
        }
    }
}

/// What a statement does to one table or view; what GRANT is checked against.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// What is done.
    pub verb: Verb,
    /// The user's name in ASCII lower case, or `chain.name`.
    pub table: String,
}

/// The kinds of statements that are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SELECT or VALUES.
    Select,
    /// INSERT or REPLACE.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// CREATE TABLE.
    CreateTable,
    /// CREATE INDEX.
    CreateIndex,
    /// CREATE VIEW.
    CreateView,
    /// DROP TABLE.
    DropTable,
    /// DROP INDEX.
    DropIndex,
    /// DROP VIEW.
    DropView,
    /// ALTER TABLE.
    AlterTable(Alter),
}

/// The forms of ALTER TABLE that are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alter {
    /// RENAME TO.
    Rename,
    /// RENAME COLUMN.
    RenameColumn,
    /// ADD COLUMN.
    AddColumn,
    /// DROP COLUMN.
    DropColumn,
}

impl Kind {
    /// Whether the statement changes the schema.
    pub fn is_schema_change(self) -> bool {
        !matches!(self, Kind::Select | Kind::Insert | Kind::Update | Kind::Delete)
    }
}

/// A statement that passed the front door. It borrows nothing, so it may be cached and shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it is.
    pub kind: Kind,
    /// What SQLite executes (rule 3).
    pub physical: String,
    /// The user's text without surrounding white space and semicolons; for the catalog when it is DDL.
    pub user: String,
    /// Distinct and sorted.
    pub accesses: Vec<Access>,
    /// The physical name of the object that DDL creates, alters or drops; for RENAME TO the old name.
    pub object: Option<String>,
    /// For RENAME TO the new physical name, for CREATE INDEX the physical name of the table.
    pub related: Option<String>,
    /// Tables in all FROM clauses, with views and common table expressions expanded.
    pub from_terms: usize,
    /// How many values it takes.
    pub parameters: usize,
    /// What row access asks to compare after it has run.
    pub check: Option<RowCheck>,
}

/// Checks, renames and describes one statement.
///
/// # Errors
/// `SqlSyntax` if it cannot be parsed, `SqlTooLarge` if it is over a limit, `SqlRefused` for the rows of
/// [`refusals`]. Whether tables and columns exist is for SQLite to say.
pub fn prepare(
    text: &str,
    namespace: &Namespace,
    purpose: Purpose,
    schema: &dyn Schema,
) -> Result<Statement, Rejection> {
    prepare_in(text, namespace, purpose, schema, None, false)
}

/// As [`prepare`] for a caller who sees and touches some rows only (see [`RowAccess`]).
///
/// # Errors
/// As [`prepare`].
pub fn prepare_for(
    text: &str,
    namespace: &Namespace,
    purpose: Purpose,
    schema: &dyn Schema,
    access: &RowAccess,
) -> Result<Statement, Rejection> {
    prepare_in(text, namespace, purpose, schema, Some(access), false)
}

fn prepare_in(
    text: &str,
    namespace: &Namespace,
    purpose: Purpose,
    schema: &dyn Schema,
    access: Option<&RowAccess>,
    in_predicate: bool,
) -> Result<Statement, Rejection> {
    let blanked = without_leading_semicolons(text);
    let text = blanked.as_deref().unwrap_or(text);
    let tokens = scan::bounded(text)?;
    // The parser's authors list "does not panic" as unfinished; a panic is a text that it cannot parse.
    let print = || parse_and_print(text, tokens, namespace, purpose, schema, access, in_predicate);
    catch_unwind(AssertUnwindSafe(print))
        .unwrap_or_else(|_| Err(syntax("1:1", "the parser gave up")))
}

/// The text with blanks for semicolons before the statement, which the parser takes for empty statements.
fn without_leading_semicolons(text: &str) -> Option<String> {
    let length = text.find(|byte: char| byte != ';' && !byte.is_ascii_whitespace())?;
    let (before, after) = text.split_at(length);
    before.contains(';').then(|| before.replace(';', " ") + after)
}

fn parse_and_print(
    text: &str,
    tokens: Vec<scan::Token<'_>>,
    namespace: &Namespace,
    purpose: Purpose,
    schema: &dyn Schema,
    access: Option<&RowAccess>,
    in_predicate: bool,
) -> Result<Statement, Rejection> {
    let bump = Bump::new();
    let command = match Parser::new(&bump, text.as_bytes()).next() {
        Ok(Some(command)) => command,
        Ok(None) => return Err(Refusal::NoStatement.at("1:1")),
        Err(error) => return Err(parse_error(text, &error)),
    };
    let first = scan::place(text, tokens.first().map_or(0, |token| token.start));
    let statement = match &command {
        Cmd::Stmt(statement) => statement,
        Cmd::Explain(_) | Cmd::ExplainQueryPlan(_) => return Err(Refusal::Explain.at(&first)),
    };
    if purpose == Purpose::Read && !matches!(statement, Stmt::Select(_)) {
        return Err(Refusal::ReadOnly.at(&first));
    }
    let mut printer = Printer::new(text, tokens, namespace, schema)?;
    printer.row_access = access;
    printer.in_predicate = in_predicate;
    printer.statement(statement)
}

fn parse_error(text: &str, error: &ParseError) -> Rejection {
    match error {
        ParseError::ParserError(error, Some(position)) => {
            syntax(&format!("{}:{}", position.line, position.column), &error.to_string())
        }
        other => syntax(&scan::place(text, 0), &other.to_string()),
    }
}

fn syntax(place: &str, what: &str) -> Rejection {
    Rejection::new(Code::SqlSyntax, format!("at {place}: {what}: correct the statement"))
}
