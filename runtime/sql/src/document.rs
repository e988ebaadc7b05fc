//! The page that says what is offered and refused, rendered from the tables that the code uses.

use std::fmt::Write as _;

use dadbs_types::limits;

use crate::refusals;
use dadbs_types::functions::FUNCTIONS;

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
    ("Elements of JSON", "FROM json_each(json [, path]) and json_tree(json [, path])"),
    ("Parameters", "? and ?1; values are bound, never spliced"),
    ("Chain tables", "chain.name in queries, on both the write and the read path"),
];

/// What the functions do that SQLite does not have, and how to write a column of type DECIMAL.
const ADDED: &[(&str, &str)] = &[
    (
        "decimal(x)",
        "the canonical text of a TEXT or INTEGER with at most 38 digits (-12.50: no exponent, no needless zeros in front); a REAL is refused, because it is not exact",
    ),
    (
        "decimal_add(a, b), decimal_sub(a, b), decimal_mul(a, b)",
        "exact; sum and difference have the larger scale (digits behind the point), a product the sum of the scales; refused beyond 38 digits",
    ),
    (
        "decimal_div(a, b, scale), decimal_round(a, scale)",
        "rounded half away from zero, with exactly this many digits behind the point",
    ),
    ("decimal_cmp(a, b)", "-1, 0 or 1, by value: 1.5 and 1.50 are equal"),
    (
        "decimal_key(a)",
        "32 bytes in the order of the numbers: for ORDER BY, min, max, and CREATE INDEX ... (decimal_key(price))",
    ),
    ("decimal_sum(a)", "the exact sum, also over windows; NULL of nothing, as sum"),
    (
        "decimal_avg(a, scale)",
        "the exact sum by the number of its terms, rounded once, half away from zero; also over windows; NULL of nothing, as avg",
    ),
    (
        "decimal_valid(a, digits, scale)",
        "1 if a is the canonical text of a DECIMAL(digits, scale): price TEXT CHECK (decimal_valid(price, 12, 2)). One number has one text then, so = and UNIQUE hold",
    ),
    ("uuid()", "a random UUID of version 4, from the transaction's seed: no secret"),
    (
        "uuid7()",
        "a UUID of version 7: the block's time, a counter, random bits; ordered as they were made in the block: id TEXT PRIMARY KEY DEFAULT (uuid7())",
    ),
    ("uuid_str(x), uuid_blob(x)", "a UUID as text or as 16 bytes, from either; NULL if x is none"),
    (
        "date_trunc(unit, t)",
        "the beginning of the year, quarter, month, week (Monday), day, hour, minute or second of a time in text",
    ),
    (
        "date_add(unit, n, t)",
        "n units later; the 31st plus a month is the last day of a shorter month. A date stays a date if the unit is a day or longer",
    ),
    ("date_diff(unit, from, to)", "the whole units between two times, negative if to is earlier"),
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
    (
        "Time zones",
        "there is none but UTC: the modifiers 'localtime' and 'utc' change nothing, and 'now' is the block's time",
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
    page.push_str(
        "\n## Functions that SQLite does not have\n\n| function | what it gives |\n|---|---|\n",
    );
    for (function, what) in ADDED {
        row(&mut page, function, what);
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
