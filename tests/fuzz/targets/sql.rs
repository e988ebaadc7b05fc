//! SQL texts through the front door.
//!
//! 1. Nothing panics, also not the parser, whose panics the front door would turn into a rejection.
//! 2. What is accepted is one statement for SQLite's grammar, and names in the place of a table have the
//!    prefix of this database.
//! 3. The accesses are named as users name tables, and a read has only `select`.
//! 4. What the stock contract takes for a plain insert is one access, to the table that it names.
//! 5. Scripts split into pieces of themselves, in order.
#![no_main]

use dadbs_sql::{
    Kind, Namespace, Object, ObjectKind, Purpose, Schema, Verb, prepare, split, user_text,
};
use sqlite3_parser::ast::Cmd;
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator};

#[allow(dead_code)]
#[path = "../../../contracts/database/src/plain.rs"]
mod plain;

/// Tables t and u, a view v of two tables and an index i.
struct Fixture;

impl Schema for Fixture {
    fn object(&self, physical: &str) -> Option<Object> {
        let (kind, from_terms) = match physical {
            "d3_t" | "d3_u" | "chain_accounts" => (ObjectKind::Table, 1),
            "d3_v" => (ObjectKind::View, 2),
            "d3_i" => (ObjectKind::Index, 1),
            _ => return None,
        };
        Some(Object { kind, from_terms })
    }
}

fn check(text: &str, purpose: Purpose) {
    let namespace = Namespace::database(3);
    let Ok(statement) = prepare(text, &namespace, purpose, &Fixture) else { return };

    let bump = Bump::new();
    let mut parser = Parser::new(&bump, statement.physical.as_bytes());
    let parsed = parser.next();
    assert!(matches!(parsed, Ok(Some(Cmd::Stmt(_)))), "{parsed:?}: {}", statement.physical);
    assert!(matches!(parser.next(), Ok(None)), "two statements: {}", statement.physical);

    for object in [&statement.object, &statement.related].into_iter().flatten() {
        assert!(object.starts_with("d3_") && *object == object.to_ascii_lowercase(), "{object}");
    }
    assert!(statement.accesses.is_sorted() && !statement.user.is_empty());
    for access in &statement.accesses {
        assert_eq!(access.table, access.table.to_ascii_lowercase());
        let read = access.verb == Verb::Select;
        assert!(read || !access.table.starts_with("chain."), "{access:?}");
        assert!(read || purpose == Purpose::Write, "{access:?}");
    }
    if let Some(table) = plain::insert_target(text) {
        let only: Vec<_> = statement.accesses.iter().map(|a| (a.verb, a.table.as_str())).collect();
        assert_eq!(only, [(Verb::Insert, table.to_ascii_lowercase().as_str())]);
    }
    assert!(purpose == Purpose::Write || statement.kind == Kind::Select);
    user_text(&statement.physical, &namespace);
    assert_eq!(prepare(text, &namespace, purpose, &Fixture).as_ref(), Ok(&statement));
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    check(text, Purpose::Write);
    check(text, Purpose::Read);
    user_text(text, &Namespace::database(3));
    if let Ok(pieces) = split(text) {
        let mut end = text.as_ptr() as usize;
        for piece in pieces {
            assert!(!piece.is_empty() && piece.as_ptr() as usize >= end);
            end = piece.as_ptr() as usize + piece.len();
        }
        assert!(end <= text.as_ptr() as usize + text.len());
    }
});
