//! The page that says what is offered and refused, rendered from the tables that the code uses.

use std::fmt::Write as _;

use dadbs_types::limits;

use crate::functions::FUNCTIONS;
use crate::refusals;

const OFFERED: &[(&str, &str)] = &[
    (
        "Queries",
        "SELECT and VALUES with joins of every kind, subqueries, WITH, compound, GROUP BY, window functions, ORDER BY, LIMIT, INDEXED BY",
    ),
    (
        "Writes",
        "INSERT, REPLACE, UPSERT, UPDATE (also FROM), DELETE, each with RETURNING; OR ABORT, IGNORE, REPLACE",
    ),
    (
        "Tables",
        "CREATE TABLE with STRICT, WITHOUT ROWID, DEFAULT, CHECK, UNIQUE, generated columns, foreign keys with all actions; IF NOT EXISTS; DROP",
    ),
    ("Changes", "ALTER TABLE RENAME TO, RENAME COLUMN, ADD COLUMN, DROP COLUMN"),
    ("Indexes", "CREATE INDEX, also UNIQUE, partial and over expressions; DROP INDEX"),
    ("Views", "CREATE VIEW, DROP VIEW"),
    ("Parameters", "? and ?1; values are bound, never spliced"),
    ("Chain tables", "chain.name in queries, on both the write and the read path"),
];

const DIFFERENCES: &[(&str, &str)] = &[
    (
        "Case",
        "tables, views and indexes are kept in ASCII lower case; SQLite ignores the case too, so only their spelling in messages differs",
    ),
    (
        "RETURNING",
        "a FROM term of a subquery hides the target of the same name, also for columns that only the target has: give the term an alias",
    ),
    ("NOT DEFERRABLE", "it is the default, so it is accepted and left out"),
    (
        "Foreign names in messages",
        "a name that begins like the database's own prefix (d3_) is shown without it",
    ),
];

/// The whole page in Markdown.
pub fn document() -> String {
    let mut page = String::from(
        "# SQL\n\nThis page is rendered from the code; `cargo run -p dadbs-sql --example document` writes it.\n\n\
         Statements are SQLite's, in the user's own names. A statement that is refused says where, why and \
         what to do instead.\n\n## Offered\n\n| what | forms |\n|---|---|\n",
    );
    for (what, forms) in OFFERED {
        row(&mut page, what, forms);
    }
    page.push_str("\n## Refused\n\n| what | why, and what to do instead |\n|---|---|\n");
    for (what, why) in refusals() {
        row(&mut page, what, why);
    }
    page.push_str("\n## Differences from SQLite\n\n| where | what |\n|---|---|\n");
    for (what, how) in DIFFERENCES {
        row(&mut page, what, how);
    }
    page.push_str("\n## Functions\n\n| kind | names |\n|---|---|\n");
    for (kind, names) in FUNCTIONS {
        row(&mut page, kind, &names.join(", "));
    }
    page.push_str("\n## Limits\n\n| limit | value | unit | meaning |\n|---|---|---|---|\n");
    for (name, value, unit, meaning) in limits::TABLE.iter().filter(|row| row.0.starts_with("SQL_"))
    {
        page.push_str(&format_row(&[name, &value.to_string(), unit, meaning]));
    }
    page
}

fn row(page: &mut String, left: &str, right: &str) {
    page.push_str(&format_row(&[left, right]));
}

fn format_row(cells: &[&str]) -> String {
    let mut line = String::from("|");
    for cell in cells {
        // Writing to a String cannot fail.
        let _ = write!(line, " {} |", cell.replace('|', "\\|"));
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_is_fresh() {
        let written = include_str!("../SQL.md");
        assert!(written == super::document(), "run: cargo run -p dadbs-sql --example document");
    }
}
