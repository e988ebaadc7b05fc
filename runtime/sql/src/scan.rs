//! The first look at a text: tokens, and every bound that must hold before the parser may see it.
//!
//! 1. A text is at most `SQL_TEXT_BYTES_MAX` bytes, without the character 0, which ends a text in SQLite.
//! 2. Brackets and CASEs nest at most `SQL_NESTING_MAX` deep: the parser frees nested nodes recursively.
//! 3. A list in brackets other than `IN (...)` has at most [`LIST_MAX`] commas, and a run of words at most
//!    [`WORDS_MAX`]: the parser compares every column name with all others, and copies a type's name for
//!    each of its words.
//! 4. A text is exactly one statement; semicolons may stand around it.
//! 5. Parameters are `?` or `?1`, at most `SQL_PARAMETERS_MAX`.

use dadbs_types::{Code, Rejection, limits};
#[allow(clippy::enum_glob_use)] // The parser's token names are unique by their TK_.
use sqlite3_parser::dialect::TokenType::{self, *};
use sqlite3_parser::lexer::Scanner;
use sqlite3_parser::lexer::sql::{Error, Tokenizer};

use crate::refusals::Refusal;

/// Commas in one list in brackets (rule 3).
const LIST_MAX: usize = 2 * limits::SQL_COLUMNS_MAX;
/// Words in a row that may all belong to the name of a type (rule 3).
const WORDS_MAX: usize = 80;

/// A token of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'t> {
    pub(crate) kind: TokenType,
    /// As the syntax tree keeps it: a parameter without `?`, a blob without `X''`.
    pub(crate) text: &'t str,
    /// Offsets in bytes.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Token<'_> {
    /// Whether the syntax tree always keeps the token's text.
    pub(crate) fn is_leaf(&self) -> bool {
        matches!(self.kind, TK_ID | TK_STRING | TK_INTEGER | TK_FLOAT | TK_BLOB | TK_VARIABLE)
    }
}

/// `line:column` of an offset, both from 1, the column in characters.
pub(crate) fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!("{line}:{column}")
}

/// The tokens of a text without white space and comments; no bound is checked.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Rejection> {
    let input = text.as_bytes();
    let mut scanner = Scanner::new(Tokenizer::new());
    let mut tokens = Vec::with_capacity(text.len() / 4);
    loop {
        match scanner.scan(input) {
            Ok((start, Some((_, kind)), end)) => {
                let raw = &text[start..end];
                let text = match kind {
                    TK_VARIABLE => raw.strip_prefix('?').unwrap_or(raw),
                    TK_BLOB => &raw[2..raw.len() - 1],
                    _ => raw,
                };
                tokens.push(Token { kind, text, start, end });
            }
            Ok((_, None, _)) => return Ok(tokens),
            Err(error) => return Err(lexical(text, &error)),
        }
    }
}

fn lexical(text: &str, error: &Error) -> Rejection {
    let (what, position) = match error {
        Error::UnrecognizedToken(at) => ("a character that is not part of SQL", at),
        Error::UnterminatedLiteral(at) => ("a quote that is never closed", at),
        Error::UnterminatedBracket(at) => ("a [ that is never closed", at),
        Error::UnterminatedBlockComment(at) => ("a comment that is never closed", at),
        Error::BadVariableName(at) => ("a parameter without a name", at),
        Error::BadNumber(at) => ("a malformed number", at),
        Error::ExpectedEqualsSign(at) => ("a ! without =", at),
        Error::MalformedBlobLiteral(at) => ("a blob that is not pairs of hexadecimal digits", at),
        Error::MalformedHexInteger(at) => ("a malformed hexadecimal number", at),
        _ => ("a text that cannot be read", &None),
    };
    let place = position.as_ref().map_or_else(
        || place(text, 0),
        |position| format!("{}:{}", position.line, position.column),
    );
    Rejection::new(Code::SqlSyntax, format!("at {place}: {what}: correct the statement"))
}

/// The tokens of a text that is within all bounds (rules 1 to 5).
pub(crate) fn bounded(text: &str) -> Result<Vec<Token<'_>>, Rejection> {
    if text.len() > limits::SQL_TEXT_BYTES_MAX {
        return Err(over("the statement", text.len(), limits::SQL_TEXT_BYTES_MAX, "bytes", "1:1"));
    }
    if let Some(at) = text.bytes().position(|byte| byte == 0) {
        return Err(Refusal::NulCharacter.at(&place(text, at)));
    }
    let tokens = tokens(text)?;
    nesting(text, &tokens)?;
    words(text, &tokens)?;
    one_statement(text, &tokens)?;
    parameters(text, &tokens)?;
    Ok(tokens)
}

/// A rejection for something larger than its limit.
pub(crate) fn over(what: &str, size: usize, limit: usize, unit: &str, place: &str) -> Rejection {
    let message = format!(
        "at {place}: {what} has {size} {unit}, more than the limit of {limit}: \
         make it smaller, or use several statements"
    );
    Rejection::new(Code::SqlTooLarge, message)
}

struct Bracket {
    in_list: bool,
    commas: usize,
}

fn nesting(text: &str, tokens: &[Token<'_>]) -> Result<(), Rejection> {
    let mut brackets: Vec<Bracket> = Vec::new();
    let mut cases = 0_usize;
    let mut before = TK_EOF;
    for token in tokens {
        match token.kind {
            TK_LP => brackets.push(Bracket { in_list: before == TK_IN, commas: 0 }),
            TK_RP => {
                brackets.pop();
            }
            TK_CASE => cases += 1,
            TK_END => cases = cases.saturating_sub(1),
            TK_COMMA => {
                if let Some(bracket) = brackets.last_mut()
                    && !bracket.in_list
                    && before != TK_RP
                {
                    bracket.commas += 1;
                    if bracket.commas > LIST_MAX {
                        let place = place(text, token.start);
                        return Err(over("a list", bracket.commas, LIST_MAX, "commas", &place));
                    }
                }
            }
            _ => {}
        }
        let depth = brackets.len() + cases;
        if depth > limits::SQL_NESTING_MAX {
            let place = place(text, token.start);
            return Err(over("the nesting", depth, limits::SQL_NESTING_MAX, "levels", &place));
        }
        before = token.kind;
    }
    Ok(())
}

fn words(text: &str, tokens: &[Token<'_>]) -> Result<(), Rejection> {
    let mut run = 0_usize;
    for token in tokens {
        run = if is_word(token.kind) { run + 1 } else { 0 };
        if run > WORDS_MAX {
            let place = place(text, token.start);
            return Err(over("a run of names", run, WORDS_MAX, "words", &place));
        }
    }
    Ok(())
}

/// Whether the parser may take the token as a word of a type's name.
fn is_word(kind: TokenType) -> bool {
    matches!(
        kind,
        TK_ID
            | TK_STRING
            | TK_ABORT
            | TK_ACTION
            | TK_AFTER
            | TK_ANALYZE
            | TK_ASC
            | TK_ATTACH
            | TK_BEFORE
            | TK_BEGIN
            | TK_BY
            | TK_CASCADE
            | TK_CAST
            | TK_COLUMNKW
            | TK_CONFLICT
            | TK_DATABASE
            | TK_DEFERRED
            | TK_DESC
            | TK_DETACH
            | TK_DO
            | TK_EACH
            | TK_END
            | TK_EXCLUSIVE
            | TK_EXPLAIN
            | TK_FAIL
            | TK_FOR
            | TK_IGNORE
            | TK_IMMEDIATE
            | TK_INITIALLY
            | TK_INSTEAD
            | TK_LIKE_KW
            | TK_MATCH
            | TK_NO
            | TK_PLAN
            | TK_QUERY
            | TK_KEY
            | TK_OF
            | TK_OFFSET
            | TK_PRAGMA
            | TK_RAISE
            | TK_RECURSIVE
            | TK_RELEASE
            | TK_REPLACE
            | TK_RESTRICT
            | TK_ROW
            | TK_ROWS
            | TK_ROLLBACK
            | TK_SAVEPOINT
            | TK_TEMP
            | TK_TRIGGER
            | TK_VACUUM
            | TK_VIEW
            | TK_VIRTUAL
            | TK_WITH
            | TK_WITHOUT
            | TK_NULLS
            | TK_FIRST
            | TK_LAST
            | TK_CURRENT
            | TK_FOLLOWING
            | TK_PARTITION
            | TK_PRECEDING
            | TK_RANGE
            | TK_UNBOUNDED
            | TK_EXCLUDE
            | TK_GROUPS
            | TK_OTHERS
            | TK_TIES
            | TK_GENERATED
            | TK_ALWAYS
            | TK_MATERIALIZED
            | TK_REINDEX
            | TK_RENAME
            | TK_CTIME_KW
            | TK_IF
    )
}

fn one_statement(text: &str, tokens: &[Token<'_>]) -> Result<(), Rejection> {
    let Some(first) = tokens.iter().position(|token| token.kind != TK_SEMI) else {
        return Err(Refusal::NoStatement.at("1:1"));
    };
    let kinds: Vec<TokenType> = tokens[first..].iter().take(3).map(|token| token.kind).collect();
    if matches!(kinds.as_slice(), [TK_CREATE, TK_TRIGGER, ..] | [TK_CREATE, TK_TEMP, TK_TRIGGER]) {
        // Its body has semicolons; the refusal of triggers says more than the one of many statements.
        return Err(Refusal::Trigger.at(&place(text, tokens[first].start)));
    }
    let rest = &tokens[first..];
    let Some(end) = rest.iter().position(|token| token.kind == TK_SEMI) else { return Ok(()) };
    match rest[end..].iter().find(|token| token.kind != TK_SEMI) {
        Some(second) => Err(Refusal::ManyStatements.at(&place(text, second.start))),
        None => Ok(()),
    }
}

fn parameters(text: &str, tokens: &[Token<'_>]) -> Result<(), Rejection> {
    parameter_count(text, tokens).map(|_| ())
}

/// How many values the statement takes: SQLite numbers `?` one above the highest number so far.
pub(crate) fn parameter_count(text: &str, tokens: &[Token<'_>]) -> Result<usize, Rejection> {
    let mut count = 0_usize;
    for token in tokens.iter().filter(|token| token.kind == TK_VARIABLE) {
        let place = || place(text, token.start);
        if text.as_bytes().get(token.start) != Some(&b'?') {
            return Err(Refusal::NamedParameter.at(&place()));
        }
        let number = match token.text {
            "" => count + 1,
            digits => digits.parse().unwrap_or(usize::MAX),
        };
        if number == 0 || number > limits::SQL_PARAMETERS_MAX {
            let message = format!(
                "at {}: parameter numbers go from 1 to {}: number the parameters anew",
                place(),
                limits::SQL_PARAMETERS_MAX
            );
            return Err(Rejection::new(Code::SqlTooLarge, message));
        }
        count = count.max(number);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<Code> {
        bounded(text).err().map(|rejection| rejection.code)
    }

    #[test]
    fn rule_1_length_and_nul() {
        let fits = format!("SELECT '{}'", "a".repeat(limits::SQL_TEXT_BYTES_MAX - 9));
        assert_eq!(code(&fits), None);
        assert_eq!(code(&format!("{fits} ")), Some(Code::SqlTooLarge));
        assert_eq!(code("SELECT '\0'"), Some(Code::SqlRefused));
    }

    #[test]
    fn rule_2_nesting_is_bounded_before_parsing() {
        let nested = |depth| format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(code(&nested(limits::SQL_NESTING_MAX)), None);
        assert_eq!(code(&nested(limits::SQL_NESTING_MAX + 1)), Some(Code::SqlTooLarge));
        let cases =
            |depth| format!("SELECT {}1{}", "CASE WHEN ".repeat(depth), " END".repeat(depth));
        assert_eq!(code(&cases(limits::SQL_NESTING_MAX)), None);
        assert_eq!(code(&cases(limits::SQL_NESTING_MAX + 1)), Some(Code::SqlTooLarge));
    }

    #[test]
    fn rule_3_lists_and_runs_of_words_are_bounded() {
        let columns = |count| format!("INSERT INTO t(a{}) VALUES (1)", ",a".repeat(count));
        assert_eq!(code(&columns(LIST_MAX)), None);
        assert_eq!(code(&columns(LIST_MAX + 1)), Some(Code::SqlTooLarge));
        assert_eq!(code(&format!("SELECT 1 IN (1{})", ",1".repeat(5_000))), None);
        let words = |count| format!("CREATE TABLE t({})", "a ".repeat(count));
        assert_eq!(code(&words(WORDS_MAX)), None);
        assert_eq!(code(&words(WORDS_MAX + 1)), Some(Code::SqlTooLarge));
    }

    #[test]
    fn rule_4_exactly_one_statement() {
        assert_eq!(code(";; SELECT 1; ;-- a comment; with a semicolon"), None);
        assert_eq!(code("SELECT ';'"), None);
        assert_eq!(code("SELECT 1; SELECT 2"), Some(Code::SqlRefused));
        assert_eq!(code(" ; -- nothing"), Some(Code::SqlRefused));
        assert_eq!(code(""), Some(Code::SqlRefused));
    }

    #[test]
    fn rule_5_parameters_are_numbered() {
        let count = |text| parameter_count(text, &tokens(text).unwrap()).unwrap();
        assert_eq!(count("SELECT ?, ?5, ?"), 6);
        assert_eq!(code("SELECT :a"), Some(Code::SqlRefused));
        assert_eq!(code("SELECT ?0"), Some(Code::SqlTooLarge));
        assert_eq!(code("SELECT ?1024"), None);
        assert_eq!(code("SELECT ?1025"), Some(Code::SqlTooLarge));
        assert_eq!(code("SELECT ?99999999999999999999"), Some(Code::SqlTooLarge));
    }

    #[test]
    fn places_count_lines_and_characters() {
        assert_eq!(place("a\n\u{e9}b", 4), "2:2");
        assert_eq!(place("ab", 9), "1:3");
    }
}
