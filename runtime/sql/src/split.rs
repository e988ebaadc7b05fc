//! A script into its statements.
//!
//! 1. A statement ends at a semicolon outside of quotes, brackets `[...]` and comments; the body of a
//!    trigger (`CREATE TRIGGER ... BEGIN ...; ...; END`) is part of its statement.
//! 2. A piece runs from its first to its last token, without the semicolon; comments between statements
//!    belong to none. Pieces borrow from the script, so `piece.as_ptr() as usize - script.as_ptr() as usize`
//!    is the offset.

use dadbs_types::Rejection;
use sqlite3_parser::dialect::TokenType::{
    TK_BEGIN, TK_CASE, TK_CREATE, TK_END, TK_SEMI, TK_TEMP, TK_TRIGGER,
};

use crate::scan::{self, Token};

/// The statements of a script, in order; none for a script of comments.
///
/// # Errors
/// `SqlSyntax` with line and column for a quote, bracket or comment that is never closed and for bytes
/// that are not part of SQL.
pub fn split(script: &str) -> Result<Vec<&str>, Rejection> {
    let tokens = scan::tokens(script)?;
    let mut pieces = Vec::new();
    let mut first = 0;
    let mut body = Body::default();
    for (at, token) in tokens.iter().enumerate() {
        if token.kind == TK_SEMI {
            if body.is_open() {
                continue;
            }
            push(script, &tokens[first..at], &mut pieces);
            first = at + 1;
            body = Body::default();
        } else {
            body.follow(token);
        }
    }
    push(script, &tokens[first..], &mut pieces);
    Ok(pieces)
}

fn push<'t>(script: &'t str, tokens: &[Token<'t>], pieces: &mut Vec<&'t str>) {
    if let (Some(first), Some(last)) = (tokens.first(), tokens.last()) {
        pieces.push(&script[first.start..last.end]);
    }
}

/// Where in a statement we are, as far as triggers go.
#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    /// At the first token.
    #[default]
    Start,
    /// Behind CREATE, perhaps TEMP.
    Create,
    /// Behind CREATE TRIGGER.
    Trigger,
    /// Behind its BEGIN.
    Body,
    /// Where no more BEGIN can open a body.
    Other,
}

#[derive(Default)]
struct Body {
    place: Place,
    cases: usize,
}

impl Body {
    fn is_open(&self) -> bool {
        self.place == Place::Body
    }

    fn follow(&mut self, token: &Token<'_>) {
        self.place = match (self.place, token.kind) {
            (Place::Start, TK_CREATE) | (Place::Create, TK_TEMP) => Place::Create,
            (Place::Create, TK_TRIGGER) => Place::Trigger,
            (Place::Trigger, TK_BEGIN) => Place::Body,
            (Place::Body, TK_END) if self.cases == 0 => Place::Other,
            (Place::Trigger | Place::Body, _) => self.place,
            (Place::Start | Place::Create | Place::Other, _) => Place::Other,
        };
        if self.is_open() {
            match token.kind {
                TK_CASE => self.cases += 1,
                TK_END => self.cases -= 1,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_semicolons_in_quotes_comments_and_triggers_do_not_end_statements() {
        let script = "-- first; comment\nSELECT ';', \"a;b\", [c;d], `e;f` /* g;h */;;\n\
            CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; \
            DELETE FROM t; END; CREATE TABLE begin(a); BEGIN; COMMIT; SELECT 3";
        let pieces = split(script).unwrap();
        assert_eq!(pieces.len(), 6, "{pieces:?}");
        assert!(pieces[0].starts_with("SELECT ';'") && pieces[0].ends_with('`'));
        assert!(pieces[1].starts_with("CREATE TEMP") && pieces[1].ends_with("END"));
        assert_eq!(&pieces[2..], ["CREATE TABLE begin(a)", "BEGIN", "COMMIT", "SELECT 3"]);
        assert_eq!(split("-- nothing").unwrap(), Vec::<&str>::new());
    }

    #[test]
    fn rule_2_pieces_know_their_offset() {
        let script = " SELECT 1 ; SELECT 2";
        let offsets: Vec<usize> = split(script)
            .unwrap()
            .iter()
            .map(|piece| piece.as_ptr() as usize - script.as_ptr() as usize)
            .collect();
        assert_eq!(offsets, [1, 12]);
    }

    #[test]
    fn an_open_quote_has_a_place() {
        let rejection = split("SELECT 1;\nSELECT 'a").unwrap_err();
        assert!(rejection.message.starts_with("at 2:8: a quote"), "{rejection}");
    }
}
