//! The tables that a contract declares: their text, and how declared tables become other ones.
//!
//! 1. A declaration is a list of [`Part`]s in order: the columns of a table, then its constraints, then
//!    its indexes. The contract keeps the list that was applied last in its table [`KEPT`].
//! 2. [`plan`] compares two lists. New tables, new indexes and new columns at the end that may be NULL or
//!    have a DEFAULT are *safe*: no row is written but the definition. Other changes of a table *rewrite*
//!    its rows: a new table is filled from the old one and takes its name. Columns and tables that are
//!    no longer declared *lose* data.
//! 3. What would make rows up is refused: a new column that is NOT NULL needs a DEFAULT.
//! 4. A table that other tables refer to is not rewritten: dropping it would delete their rows.
//! 5. Tables that were never declared are left alone.
//! 6. A migration emits the event [`MIGRATION`] with the gas of each of its first steps, by what the step does.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The table in which a contract keeps what it has declared.
pub const KEPT: &str = "_dadbs_schema";

/// The event that tells the gas of the steps of a migration.
pub const MIGRATION: &str = "dadbs_migration";
/// So many steps it tells of: events are bounded.
pub const MIGRATION_STEPS_TOLD: usize = 100;

/// One part of a declared table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The table.
    pub table: &'a str,
    /// What it is.
    pub item: Item,
    /// The name of a column or index; empty for constraints.
    pub name: &'a str,
    /// A column behind its name (`TEXT NOT NULL`), a constraint (`CHECK (a > 0)`), or an index: the
    /// whole statement.
    pub definition: &'a str,
}

/// The kinds of [`Part`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A column.
    Column,
    /// A constraint of the table.
    Constraint,
    /// An index.
    Index,
}

impl Item {
    /// The word in [`KEPT`].
    pub fn name(self) -> &'static str {
        match self {
            Item::Column => "column",
            Item::Constraint => "constraint",
            Item::Index => "index",
        }
    }

    /// The kind with this word.
    pub fn of(name: &str) -> Option<Item> {
        [Item::Column, Item::Constraint, Item::Index].into_iter().find(|item| item.name() == name)
    }
}

/// What a step does to rows (rule 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Rows stay as they are.
    Safe,
    /// Every row of the table is written again.
    Rewrites,
    /// Data is gone.
    Loses,
}

/// One step of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does to rows.
    pub class: Class,
    /// The table.
    pub table: String,
    /// What it does, for people.
    pub what: String,
    /// Its statements, in order.
    pub statements: Vec<String>,
}

/// The parts of one table.
fn of<'a>(parts: &[Part<'a>], table: &str, item: Item) -> Vec<Part<'a>> {
    parts.iter().copied().filter(|part| part.table == table && part.item == item).collect()
}

/// The tables, in order.
pub fn tables<'a>(parts: &[Part<'a>]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for part in parts {
        if !names.contains(&part.table) {
            names.push(part.table);
        }
    }
    names
}

/// The statement that makes a table, under the name `name`.
fn create_as(parts: &[Part<'_>], table: &str, name: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for column in of(parts, table, Item::Column) {
        lines.push(format!("\"{}\" {}", column.name, column.definition));
    }
    lines.extend(of(parts, table, Item::Constraint).iter().map(|part| part.definition.into()));
    format!("CREATE TABLE \"{name}\" ({}) STRICT", lines.join(", "))
}

/// The statements that make a table: the table, then its indexes.
pub fn create(parts: &[Part<'_>], table: &str) -> Vec<String> {
    let indexes = of(parts, table, Item::Index);
    let mut statements = alloc::vec![create_as(parts, table, table)];
    statements.extend(indexes.iter().map(|index| index.definition.into()));
    statements
}

/// The parts behind the statements that [`create`] gives; `None` if they are not of this form.
pub fn parse<'a>(table: &'a str, statements: &[&'a str]) -> Option<Vec<Part<'a>>> {
    let (first, indexes) = statements.split_first()?;
    let inside = first.strip_prefix("CREATE TABLE \"")?.strip_prefix(table)?;
    let inside = inside.strip_prefix("\" (")?.strip_suffix(") STRICT")?;
    let mut parts = Vec::new();
    for text in split(inside) {
        let column = text.strip_prefix('"').and_then(|rest| rest.split_once("\" "));
        parts.push(match column {
            Some((name, definition)) => Part { table, item: Item::Column, name, definition },
            None => Part { table, item: Item::Constraint, name: "", definition: text },
        });
    }
    for definition in indexes {
        let name = definition.split('"').nth(1)?;
        parts.push(Part { table, item: Item::Index, name, definition });
    }
    Some(parts)
}

/// A list at its commas outside of brackets and quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0i32, None, 0);
    let mut parts = Vec::new();
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(') => depth = depth.saturating_add(1),
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// True if ALTER TABLE ADD COLUMN takes it and rows stay as they are.
fn is_addable(definition: &str) -> bool {
    let has = |word: &str| definition.contains(word);
    !has("PRIMARY KEY") && !has("UNIQUE") && (!has("NOT NULL") || has("DEFAULT"))
}

/// How the tables `old` become the tables `new`, in order.
///
/// # Errors
/// What cannot be done by rule, and what to do instead (rules 3 and 4).
pub fn plan(old: &[Part<'_>], new: &[Part<'_>]) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let had = tables(old);
    for table in tables(new) {
        if had.contains(&table) {
            change(old, new, table, &mut steps)?;
        } else {
            steps.push(Step {
                class: Class::Safe,
                table: table.into(),
                what: format!("make the table {table}"),
                statements: create(new, table),
            });
        }
    }
    for table in had.into_iter().rev().filter(|table| !tables(new).contains(table)) {
        steps.push(Step {
            class: Class::Loses,
            table: table.into(),
            what: format!("drop the table {table}"),
            statements: alloc::vec![format!("DROP TABLE \"{table}\"")],
        });
    }
    Ok(steps)
}

fn change(
    old: &[Part<'_>],
    new: &[Part<'_>],
    table: &str,
    steps: &mut Vec<Step>,
) -> Result<(), String> {
    let (before, after) = (of(old, table, Item::Column), of(new, table, Item::Column));
    let same_head = after.len() >= before.len() && after[..before.len()] == before[..];
    let same_constraints = of(old, table, Item::Constraint) == of(new, table, Item::Constraint);
    let added = after.iter().filter(|column| !before.iter().any(|b| b.name == column.name));
    if same_head && same_constraints && added.clone().all(|column| is_addable(column.definition)) {
        for column in added {
            let (name, definition) = (column.name, column.definition);
            steps.push(Step {
                class: Class::Safe,
                table: table.into(),
                what: format!("add the column {table}.{name}"),
                statements: alloc::vec![format!(
                    "ALTER TABLE \"{table}\" ADD COLUMN \"{name}\" {definition}"
                )],
            });
        }
        change_indexes(old, new, table, steps);
        return Ok(());
    }
    steps.push(rewrite(old, new, table)?);
    Ok(())
}

fn change_indexes(old: &[Part<'_>], new: &[Part<'_>], table: &str, steps: &mut Vec<Step>) {
    let (before, after) = (of(old, table, Item::Index), of(new, table, Item::Index));
    let mut push = |what: String, statement: String| {
        let statements = alloc::vec![statement];
        steps.push(Step { class: Class::Safe, table: table.into(), what, statements });
    };
    for index in before.iter().filter(|index| !after.contains(index)) {
        push(format!("drop the index {}", index.name), format!("DROP INDEX \"{}\"", index.name));
    }
    for index in after.iter().filter(|index| !before.contains(index)) {
        push(format!("make the index {}", index.name), index.definition.into());
    }
}

fn rewrite(old: &[Part<'_>], new: &[Part<'_>], table: &str) -> Result<Step, String> {
    let refers = format!("REFERENCES \"{table}\"");
    let referring =
        old.iter().find(|part| part.table != table && part.definition.contains(&refers));
    if let Some(part) = referring {
        return Err(format!(
            "table {table} cannot be rewritten, because {}.{} refers to it: change it by statements in #[migrate]",
            part.table, part.name
        ));
    }
    let (before, after) = (of(old, table, Item::Column), of(new, table, Item::Column));
    let mut kept = Vec::new();
    for column in &after {
        if before.iter().any(|old| old.name == column.name) {
            kept.push(format!("\"{}\"", column.name));
        } else if column.definition.contains("NOT NULL") && !column.definition.contains("DEFAULT") {
            return Err(format!(
                "the new column {table}.{} is NOT NULL: give it a #[default(..)], or make it an Option",
                column.name
            ));
        }
    }
    let gone: Vec<&str> = before
        .iter()
        .filter(|old| !after.iter().any(|column| column.name == old.name))
        .map(|column| column.name)
        .collect();
    let (class, what) = if gone.is_empty() {
        (Class::Rewrites, format!("rewrite the table {table}"))
    } else {
        (Class::Loses, format!("rewrite the table {table} without {}", gone.join(", ")))
    };
    let fresh = format!("_dadbs_new_{table}");
    let kept = kept.join(", ");
    let mut statements = alloc::vec![create_as(new, table, &fresh)];
    if !kept.is_empty() {
        statements.push(format!("INSERT INTO \"{fresh}\" ({kept}) SELECT {kept} FROM \"{table}\""));
    }
    statements.push(format!("DROP TABLE \"{table}\""));
    statements.push(format!("ALTER TABLE \"{fresh}\" RENAME TO \"{table}\""));
    statements.extend(of(new, table, Item::Index).iter().map(|index| index.definition.into()));
    Ok(Step { class, table: table.into(), what, statements })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn column<'a>(table: &'a str, name: &'a str, definition: &'a str) -> Part<'a> {
        Part { table, item: Item::Column, name, definition }
    }

    const ID: &str = "INTEGER NOT NULL PRIMARY KEY";

    fn outline(steps: &[Step]) -> Vec<(Class, &str)> {
        steps.iter().map(|step| (step.class, step.what.as_str())).collect()
    }

    #[test]
    fn rule_2_steps_say_what_they_do_to_rows() {
        let a = Part { table: "t", item: Item::Index, name: "t_a", definition: "CREATE INDEX ..." };
        let old = [column("t", "id", ID), column("t", "a", "TEXT NOT NULL")];
        let grown = [old[0], old[1], column("t", "b", "TEXT"), a, column("u", "id", ID)];
        assert!(plan(&old, &old).unwrap().is_empty());
        let steps = plan(&old, &grown).unwrap();
        let expected = [
            (Class::Safe, "add the column t.b"),
            (Class::Safe, "make the index t_a"),
            (Class::Safe, "make the table u"),
        ];
        assert_eq!(outline(&steps), expected);
        assert_eq!(steps[0].statements, ["ALTER TABLE \"t\" ADD COLUMN \"b\" TEXT"]);
        let back = plan(&grown, &old).unwrap();
        let expected =
            [(Class::Loses, "rewrite the table t without b"), (Class::Loses, "drop the table u")];
        assert_eq!(outline(&back), expected);
        let typed = [old[0], column("t", "a", "INTEGER NOT NULL")];
        let steps = plan(&old, &typed).unwrap();
        assert_eq!(outline(&steps), [(Class::Rewrites, "rewrite the table t")]);
        assert_eq!(
            steps[0].statements,
            [
                "CREATE TABLE \"_dadbs_new_t\" (\"id\" INTEGER NOT NULL PRIMARY KEY, \"a\" INTEGER NOT NULL) STRICT",
                "INSERT INTO \"_dadbs_new_t\" (\"id\", \"a\") SELECT \"id\", \"a\" FROM \"t\"",
                "DROP TABLE \"t\"",
                "ALTER TABLE \"_dadbs_new_t\" RENAME TO \"t\"",
            ]
        );
    }

    #[test]
    fn parsing_inverts_making() {
        let parts = [
            column("t", "id", ID),
            column("t", "a", "TEXT NOT NULL CHECK (a IN ('x, (', 'it''s'))"),
            Part { table: "t", item: Item::Constraint, name: "", definition: "CHECK (a <> id, 1)" },
            Part {
                table: "t",
                item: Item::Index,
                name: "t_a",
                definition: "CREATE INDEX \"t_a\" ON \"t\" (\"a\")",
            },
        ];
        let statements = create(&parts, "t");
        let texts: Vec<&str> = statements.iter().map(String::as_str).collect();
        assert_eq!(parse("t", &texts).unwrap(), parts);
        assert_eq!(parse("u", &texts), None);
        assert_eq!(parse("t", &[]), None);
        assert_eq!(parse("t", &["CREATE TABLE \"t\" (((((\"", "x"]), None);
    }

    #[test]
    fn rules_3_and_4_what_cannot_be_done_is_refused() {
        let old = vec![column("t", "id", ID)];
        let new = vec![old[0], column("t", "a", "TEXT NOT NULL")];
        assert!(plan(&old, &new).unwrap_err().starts_with("the new column t.a is NOT NULL"));
        let defaulted = vec![old[0], column("t", "a", "TEXT NOT NULL DEFAULT ''")];
        assert_eq!(plan(&old, &defaulted).unwrap()[0].class, Class::Safe);
        let refers = vec![old[0], column("u", "t", "INTEGER REFERENCES \"t\"(id)")];
        let changed = vec![column("t", "id", "TEXT NOT NULL PRIMARY KEY"), refers[1]];
        assert!(plan(&refers, &changed).unwrap_err().contains("u.t refers to it"));
    }
}
