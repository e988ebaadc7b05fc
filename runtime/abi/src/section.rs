//! The custom section that describes a contract, and its only codec.
//!
//! 1. The section is a sequence of rows. A row is at least four TEXTs, `(kind, name, fields, doc)`, and
//!    further TEXTs by kind: a reader takes what it knows, so kinds may get more of them later.
//! 2. Entry points (`init`, `migrate`, `call`, `view`, `validate`, `on_insert`, `on_update`,
//!    `on_delete`, `scheduled`): fields are parameters as `name TYPE, ...`; a parameter that may be NULL
//!    is `name TYPE NULL`, a variable tail is `...`. Further: what it returns, and `payable`.
//! 3. What an entry point returns is empty for nothing, `TYPE` for one value, `row FIELDS` for one row,
//!    `rows FIELDS` for rows, and `rows` for a result with a row of column names in front. Without a
//!    fifth text it is not known.
//! 4. `table`: fields are columns. Further: the CREATE TABLE, then the CREATE INDEX statements.
//! 5. `error`: further the number. `event`: fields are attributes.
//! 6. `can_read` and `can_write`: the name is a table. Further: the SQL predicate.
//! 7. Sizes are bounded before anything is kept; whatever does not decode is refused, with its row.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use dadbs_types::Value;
use dadbs_types::value::{Reader, encode_row_into};

/// Rows of a section.
pub const ROWS_MAX: usize = 1_024;
/// TEXTs of one row.
pub const TEXTS_MAX: usize = 68;
/// Bytes of a name.
pub const NAME_BYTES_MAX: usize = 128;

macro_rules! kinds {
    ($($kind:ident $name:literal $doc:literal;)*) => {
        /// What a row describes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $(#[doc = $doc] $kind),* }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Kind] = &[$(Kind::$kind),*];

            /// The word in the section.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name),* }
            }
        }
    };
}

kinds! {
    Init "init" "The entry point that runs when the contract is made.";
    Migrate "migrate" "The entry point that runs when the contract moves to other code.";
    Call "call" "An entry point that may write.";
    View "view" "An entry point that only reads.";
    Validate "validate" "The check of rows of a table before they are kept.";
    OnInsert "on_insert" "What follows rows that were added.";
    OnUpdate "on_update" "What follows rows that were changed.";
    OnDelete "on_delete" "What follows rows that were removed.";
    Scheduled "scheduled" "An entry point that the chain calls when it is due.";
    Table "table" "A table.";
    Error "error" "An error that calls end with.";
    Event "event" "An event that calls emit.";
    CanRead "can_read" "Which rows of a table a caller reads.";
    CanWrite "can_write" "Which rows of a table a caller writes.";
}

impl Kind {
    /// The kind with this word.
    pub fn of(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// True if rows of this kind describe exports.
    pub fn is_entry(self) -> bool {
        self <= Kind::Scheduled
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it describes.
    pub kind: Kind,
    /// Its name; a table's name for what belongs to one.
    pub name: String,
    /// Parameters, columns or attributes.
    pub fields: String,
    /// The doc comment, one paragraph.
    pub doc: String,
    /// What the kind has beyond these.
    pub more: Vec<String>,
}

impl Row {
    /// The export behind an entry point: `call_buy`; `init` and `migrate` are their own.
    pub fn export(&self) -> Option<String> {
        match self.kind {
            Kind::Init | Kind::Migrate => Some(self.kind.name().into()),
            kind => kind.is_entry().then(|| format!("{}_{}", kind.name(), self.name)),
        }
    }

    /// What an entry point returns (rule 3); `None` if it is not known.
    pub fn returns(&self) -> Option<&str> {
        self.more.first().map(String::as_str)
    }

    /// True if an entry point takes coins.
    pub fn payable(&self) -> bool {
        self.kind.is_entry() && self.more.get(1).is_some_and(|text| text == "payable")
    }

    /// The fields as (name, type, true if it may be NULL); a variable tail is left out.
    pub fn columns(&self) -> Vec<(&str, &str, bool)> {
        columns(&self.fields)
    }

    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fixed = [self.kind.name(), &self.name, &self.fields, &self.doc];
        let texts = fixed.into_iter().chain(self.more.iter().map(String::as_str));
        let values: Vec<Value> = texts.map(Value::from).collect();
        encode_row_into(&values, out);
    }
}

/// A list `name TYPE [NULL], ...` in its parts; a tail `...` is left out.
pub fn columns(fields: &str) -> Vec<(&str, &str, bool)> {
    let parts = fields.split(", ").filter(|part| *part != "..." && !part.is_empty());
    parts
        .map(|part| {
            let (name, sql_type) = part.split_once(' ').unwrap_or((part, "ANY"));
            match sql_type.strip_suffix(" NULL") {
                Some(sql_type) => (name, sql_type, true),
                None => (name, sql_type, false),
            }
        })
        .collect()
}

/// The rows of a section (rule 7).
///
/// # Errors
/// What is wrong with it, and in which row.
pub fn decode(bytes: &[u8]) -> Result<Vec<Row>, String> {
    let mut reader = Reader::new(bytes);
    let mut rows = Vec::new();
    while !reader.rest().is_empty() {
        let at = rows.len();
        if at == ROWS_MAX {
            return Err(format!("it has more than {ROWS_MAX} rows"));
        }
        let values = reader.row().map_err(|error| format!("row {at}: {error}"))?;
        rows.push(row(values).map_err(|error| format!("row {at}: {error}"))?);
    }
    Ok(rows)
}

fn row(values: Vec<Value>) -> Result<Row, String> {
    if values.len() > TEXTS_MAX {
        return Err(format!("it has more than {TEXTS_MAX} texts"));
    }
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        let Value::Text(text) = value else {
            return Err("its values are not all TEXT".to_string());
        };
        texts.push(text);
    }
    let more = texts.split_off(texts.len().min(4));
    let Ok([kind, name, fields, doc]) = <[String; 4]>::try_from(texts) else {
        return Err("it is not (kind, name, fields, doc, ...)".to_string());
    };
    let Some(kind) = Kind::of(&kind) else {
        return Err(format!("there is no kind \"{}\"", kind.escape_debug()));
    };
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(format!("a name has 1 to {NAME_BYTES_MAX} bytes"));
    }
    let needed = match kind {
        Kind::Table | Kind::Error | Kind::CanRead | Kind::CanWrite => 1,
        _ => 0,
    };
    if more.len() < needed {
        return Err(format!("a row of the kind {} has at least {} texts", kind.name(), 4 + needed));
    }
    Ok(Row { kind, name, fields, doc, more })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use dadbs_types::value::encode_row;

    fn texts(texts: &[&str]) -> Vec<u8> {
        encode_row(&texts.iter().map(|text| Value::from(*text)).collect::<Vec<_>>())
    }

    #[test]
    fn rule_1_rows_of_four_texts_and_of_more_are_read() {
        let bytes = [
            texts(&["call", "buy", "item TEXT, note BLOB NULL, ...", "Buys."]),
            texts(&["call", "pay", "", "", "INTEGER", "payable", "later"]),
            texts(&["table", "orders", "id INTEGER", "", "CREATE TABLE orders (id)"]),
        ]
        .concat();
        let rows = decode(&bytes).unwrap();
        assert_eq!(rows[0].export().as_deref(), Some("call_buy"));
        assert_eq!((rows[0].returns(), rows[0].payable()), (None, false));
        assert_eq!(rows[0].columns(), [("item", "TEXT", false), ("note", "BLOB", true)]);
        assert_eq!((rows[1].returns(), rows[1].payable()), (Some("INTEGER"), true));
        assert_eq!(rows[2].export(), None);
        let mut back = Vec::new();
        for row in &rows {
            row.encode(&mut back);
        }
        assert_eq!(back, bytes);
    }

    #[test]
    fn rule_7_hostile_sections_are_refused_with_their_row() {
        let name = "n".repeat(NAME_BYTES_MAX + 1);
        let wide = vec!["x"; TEXTS_MAX + 1];
        let cases: [(Vec<u8>, &str); 8] = [
            (texts(&["call", "buy", ""]), "row 0: it is not (kind, name"),
            (texts(&["cell", "buy", "", ""]), "row 0: there is no kind \"cell\""),
            (texts(&["call", "", "", ""]), "row 0: a name has 1 to 128 bytes"),
            (texts(&["call", &name, "", ""]), "row 0: a name has 1 to 128 bytes"),
            (texts(&["table", "t", "", ""]), "row 0: a row of the kind table has at least 5"),
            (texts(&wide), "row 0: it has more than 68 texts"),
            (encode_row(&[const { Value::Null }; 4]), "row 0: its values are not all TEXT"),
            (vec![255, 255, 3], "row 0: the encoded values end too early"),
        ];
        for (bytes, expected) in cases {
            let error = decode(&bytes).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        let row = texts(&["call", "a", "", ""]);
        assert!(decode(&row.repeat(ROWS_MAX)).is_ok());
        assert!(decode(&row.repeat(ROWS_MAX + 1)).unwrap_err().contains("more than 1024 rows"));
        for end in 1..row.len() {
            assert!(decode(&row[..end]).is_err());
        }
    }
}
