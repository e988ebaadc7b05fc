//! SELECTs generated from a seed over the foreign-key graph of a SQLite file.
//!
//! 1. One to four tables, joined along foreign keys. One step at most goes from parent to child, and only
//!    from the first table, so that no answer has more rows than a table.
//! 2. Every answer has one order, down to the keys of all its tables, or one row.
//! 3. Aggregates do not depend on the order of rows: sums are of integers.

use rusqlite::Connection;
use rusqlite::types::Value;

/// `SplitMix64`.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table with rows.
pub struct Table {
    pub name: String,
    pub columns: Vec<String>,
    /// The primary key WITHOUT ROWID, else the rowid's name.
    pub key: Vec<String>,
    pub without_rowid: bool,
    pub rows: usize,
}

/// Child, parent, and pairs of their columns.
struct Edge {
    child: usize,
    parent: usize,
    columns: Vec<(String, String)>,
}

pub struct Graph {
    pub tables: Vec<Table>,
    edges: Vec<Edge>,
}

fn strings(source: &Connection, sql: &str, parameter: &str) -> Vec<String> {
    let mut statement = source.prepare(sql).unwrap();
    statement.query_map([parameter], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

impl Graph {
    pub fn read(source: &Connection) -> Graph {
        let names = "SELECT name FROM sqlite_master WHERE type = ?1 AND name NOT LIKE 'sqlite\\_%' \
                     ESCAPE '\\' ORDER BY name";
        let tables: Vec<Table> =
            strings(source, names, "table").iter().map(|name| Table::read(source, name)).collect();
        let mut edges = Vec::new();
        for (child, table) in tables.iter().enumerate() {
            let mut statement = source
                .prepare("SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1)")
                .unwrap();
            let mut rows = statement.query([&table.name]).unwrap();
            let mut last = None;
            while let Some(row) = rows.next().unwrap() {
                let (id, name): (i64, String) = (row.get(0).unwrap(), row.get(1).unwrap());
                let parent =
                    tables.iter().position(|t| t.name.eq_ignore_ascii_case(&name)).unwrap();
                if last != Some(id) {
                    edges.push(Edge { child, parent, columns: Vec::new() });
                }
                last = Some(id);
                // Without columns it is the parent's key.
                let edge = edges.last_mut().unwrap();
                let to: Option<String> = row.get(3).unwrap();
                let to = to.unwrap_or_else(|| tables[parent].key[edge.columns.len()].clone());
                edge.columns.push((row.get(2).unwrap(), to));
            }
        }
        Graph { tables, edges }
    }

    /// So many SELECTs.
    pub fn selects(&self, source: &Connection, seed: u64, count: usize) -> Vec<String> {
        let mut random = Random(seed);
        (0..count).map(|_| self.select(source, &mut random)).collect()
    }

    fn select(&self, source: &Connection, random: &mut Random) -> String {
        let (terms, from) = self.join(random);
        let mut filters = Vec::new();
        for _ in 0..random.below(3) {
            filters.push(self.filter(source, random, &terms));
        }
        let filter = match filters.as_slice() {
            [] => String::new(),
            several => {
                format!(" WHERE {}", several.join(if random.one_in(4) { " OR " } else { " AND " }))
            }
        };
        let column = |random: &mut Random| self.column(random, &terms);
        match random.below(4) {
            0 => {
                let columns = aggregates(&column(random), &column(random));
                format!("SELECT {columns} FROM {from}{filter}")
            }
            1 => {
                let (group, columns) =
                    (column(random), aggregates(&column(random), &column(random)));
                let having = if random.one_in(3) { " HAVING count(*) > 1" } else { "" };
                format!(
                    "SELECT {group}, {columns} FROM {from}{filter} GROUP BY {group}{having} \
                     ORDER BY {group} LIMIT {}",
                    50 + random.below(500)
                )
            }
            _ => {
                let first = column(random);
                let columns = match random.below(3) {
                    0 => format!("{}.*, {first} AS \"an answer\"", terms[0].alias),
                    1 => format!("{first}, typeof({first}), {} AS x", column(random)),
                    _ => [&first, &column(random), &column(random)].map(String::as_str).join(", "),
                };
                let direction = if random.one_in(2) { " DESC" } else { "" };
                let keys = self.keys(&terms).join(", ");
                let offset = if random.one_in(3) { " OFFSET 7" } else { "" };
                format!(
                    "SELECT {columns} FROM {from}{filter} ORDER BY {first}{direction}, {keys} \
                     LIMIT {}{offset}",
                    1 + random.below(300)
                )
            }
        }
    }

    /// The terms and the text of a FROM clause (rule 1).
    fn join(&self, random: &mut Random) -> (Vec<Term>, String) {
        let aliased = random.one_in(2);
        let mut terms: Vec<Term> = Vec::new();
        let add = |terms: &mut Vec<Term>, table: usize| {
            let name = quoted(&self.tables[table].name);
            if aliased || terms.iter().any(|term| term.table == table) {
                let alias = format!("t{}", terms.len());
                terms.push(Term { table, alias: alias.clone() });
                format!("{name} AS {alias}")
            } else {
                terms.push(Term { table, alias: name.clone() });
                name
            }
        };
        let mut from = add(&mut terms, random.below(self.tables.len()));
        let mut descended = false;
        for _ in 0..random.below(4) {
            let mut steps = Vec::new();
            for (at, term) in terms.iter().enumerate() {
                for edge in &self.edges {
                    if edge.child == term.table {
                        steps.push((at, edge, false));
                    }
                    if edge.parent == term.table && at == 0 && !descended {
                        steps.push((at, edge, true));
                    }
                }
            }
            if steps.is_empty() {
                break;
            }
            let (at, edge, down) = *random.of(&steps);
            descended |= down;
            let here = terms[at].alias.clone();
            let joined = add(&mut terms, if down { edge.child } else { edge.parent });
            let there = terms.last().unwrap().alias.clone();
            let (child, parent) = if down { (&there, &here) } else { (&here, &there) };
            let on: Vec<String> = edge
                .columns
                .iter()
                .map(|(c, p)| format!("{child}.{} = {parent}.{}", quoted(c), quoted(p)))
                .collect();
            let kind = if !down && random.one_in(3) { "LEFT JOIN" } else { "JOIN" };
            from = format!("{from} {kind} {joined} ON {}", on.join(" AND "));
        }
        (terms, from)
    }

    fn column(&self, random: &mut Random, terms: &[Term]) -> String {
        let term = random.of(terms);
        format!("{}.{}", term.alias, quoted(random.of::<String>(&self.tables[term.table].columns)))
    }

    fn keys(&self, terms: &[Term]) -> Vec<String> {
        let keys = |term: &Term| {
            let alias = term.alias.clone();
            self.tables[term.table].key.iter().map(move |key| format!("{alias}.{}", quoted(key)))
        };
        terms.iter().flat_map(keys).collect()
    }

    /// A condition with a value that the source has, as itself or as text.
    fn filter(&self, source: &Connection, random: &mut Random, terms: &[Term]) -> String {
        let term = random.of(terms);
        let table = &self.tables[term.table];
        // Codes are what is looked up most, and what is mixed.
        let codes: Vec<&String> = table.columns.iter().filter(|c| c.ends_with("code")).collect();
        let name = if codes.is_empty() || random.one_in(2) {
            random.of(&table.columns)
        } else {
            random.of(&codes)
        };
        let column = format!("{}.{}", term.alias, quoted(name));
        let (bare, from) = (quoted(name), quoted(&table.name));
        let any = |random: &mut Random| -> Value {
            let row = random.below(table.rows.max(1));
            let order: Vec<String> = table.key.iter().map(|key| quoted(key)).collect();
            let order = order.join(", ");
            let sql = format!("SELECT {bare} FROM {from} ORDER BY {order} LIMIT 1 OFFSET {row}");
            source.query_row(&sql, [], |row| row.get(0)).unwrap_or(Value::Null)
        };
        let value = any(random);
        match random.below(7) {
            0 | 1 => format!("{column} = {}", as_text(&value)),
            2 => format!("{column} = {}", literal(&value)),
            3 => {
                let (a, b, c) = (as_text(&value), literal(&any(random)), as_text(&any(random)));
                format!("{column} IN ({a}, {b}, {c})")
            }
            4 => format!("{column} >= {}", literal(&value)),
            5 => format!("{column} < {}", as_text(&value)),
            _ => format!("{column} IS NOT NULL"),
        }
    }
}

struct Term {
    table: usize,
    alias: String,
}

impl Table {
    fn read(source: &Connection, name: &str) -> Table {
        let columns = strings(source, "SELECT name FROM pragma_table_xinfo(?1)", name);
        let list = "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1";
        let without_rowid = source.query_row(list, [name], |row| row.get(0)).unwrap();
        let key = "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk";
        let key = if without_rowid { strings(source, key, name) } else { vec!["rowid".into()] };
        let count = format!("SELECT count(*) FROM {}", quoted(name));
        let rows: i64 = source.query_row(&count, [], |row| row.get(0)).unwrap();
        Table { name: name.into(), columns, key, without_rowid, rows: rows.try_into().unwrap() }
    }
}

/// Rule 3.
fn aggregates(a: &str, b: &str) -> String {
    format!("count(*), count(DISTINCT {a}) AS different, min({b}), max({b}), sum(length({a}))")
}

/// A literal of the value's storage class.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) if real.is_infinite() => {
            format!("{}9e999", if *real < 0.0 { "-" } else { "" })
        }
        Value::Real(real) => format!("{real:e}"),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Blob(bytes) => format!("x'{}'", hex::encode(bytes)),
    }
}

/// A text literal, also of a number.
fn as_text(value: &Value) -> String {
    match value {
        Value::Integer(_) | Value::Real(_) => format!("'{}'", literal(value)),
        other => literal(other),
    }
}
