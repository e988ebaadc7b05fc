//! Predicates of row access in Rust and in SQL (rules 2 to 4 of `predicate`): random functions over random
//! rows, compiled by rustc and translated for the store, answer alike.
//!
//! 1. With a caller both answer the same for every row.
//! 2. Without one, a row that SQL allows is one that Rust allows to every caller.
//! 3. Rows are updated and inserted as Rust answers, too.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use dadbs_abi::section::Kind;
use dadbs_store::{RowAccess, Store};
use dadbs_types::{Code, Error, GasMeter, Value};
use quote::quote;

use crate::tests::section;

const PREDICATES: usize = 400;
const ROWS: usize = 64;
const CALLERS: [&str; 4] = ["", "ann", "it's", "\u{e9}"];

/// The columns: the field, its type in Rust, whether it is an Option, and the values it takes.
const COLUMNS: [(&str, Type, bool); 14] = [
    ("n", Type::Integer, false),
    ("m", Type::Integer, false),
    ("maybe_n", Type::Integer, true),
    ("small", Type::Small, false),
    ("maybe_small", Type::Small, true),
    ("rate", Type::Real, false),
    ("maybe_rate", Type::Real, true),
    ("owner", Type::Text, false),
    ("reader", Type::Text, true),
    ("public", Type::Bool, false),
    ("maybe_public", Type::Bool, true),
    ("hash", Type::Bytes, false),
    ("seal", Type::Bytes, false),
    ("maybe_hash", Type::Bytes, true),
];

#[derive(Clone, Copy, PartialEq)]
enum Type {
    Integer,
    Small,
    Real,
    Text,
    Bool,
    Bytes,
}

impl Type {
    fn rust(self) -> &'static str {
        match self {
            Type::Integer => "i64",
            Type::Small => "u32",
            Type::Real => "f64",
            Type::Text => "String",
            Type::Bool => "bool",
            Type::Bytes => "Vec<u8>",
        }
    }

    /// Literals of Rust.
    fn literals(self) -> &'static [&'static str] {
        match self {
            Type::Integer => &[
                "0",
                "1",
                "-1",
                "7",
                "0x7f",
                "1_000",
                "-5i64",
                "9223372036854775807",
                "-9223372036854775807",
                "-9223372036854775808",
            ],
            Type::Small => &["0", "1", "7u32", "2147483648", "4294967295"],
            Type::Real => &[
                "0.0",
                "-0.0",
                "0.1",
                "1.",
                "-1.5e-3",
                "5f64",
                "9007199254740993f64",
                "0.1000000000000000055511151231257827",
                "0.30000000000000004",
                "1e22",
                "1e23",
                "5e-324",
                "2.2250738585072011e-308",
                "1.7976931348623157e308",
                "8_388_609.25",
            ],
            Type::Text => &[
                r#""""#,
                r#""ann""#,
                r#""Ann""#,
                r#""ann ""#,
                r#""it's""#,
                r#""\u{e9}""#,
                r#""e\u{301}""#,
                r#""\u{10ffff}""#,
                r#""\u{ffff}""#,
                r#""10""#,
                r#""9""#,
                r#""a\"b\\c""#,
                r#""--""#,
                r#""caller()""#,
            ],
            Type::Bool => &["true", "false"],
            Type::Bytes => &[r#"b"""#, r#"b"\x00""#, r#"b"\x00\xff""#, r#"b"ann""#],
        }
    }

    /// Values of rows that no literal of a predicate has.
    fn beyond_literals(self) -> &'static [&'static str] {
        match self {
            Type::Real => &["f64::INFINITY", "f64::NEG_INFINITY"],
            Type::Text => &[r#""ann\0""#, r#""\0""#],
            _ => &[],
        }
    }

    /// The value of a literal, as the store binds it.
    fn value(self, literal: &str) -> Value {
        match self {
            Type::Integer | Type::Small => {
                let plain = literal.replace('_', "");
                let plain = plain.trim_end_matches("i64").trim_end_matches("u32");
                let number = match plain.strip_prefix("0x") {
                    Some(digits) => i64::from_str_radix(digits, 16),
                    None => plain.parse(),
                };
                Value::Integer(number.unwrap())
            }
            Type::Real if literal == "f64::INFINITY" => Value::Real(f64::INFINITY),
            Type::Real if literal == "f64::NEG_INFINITY" => Value::Real(f64::NEG_INFINITY),
            Type::Real => {
                Value::Real(literal.replace('_', "").trim_end_matches("f64").parse().unwrap())
            }
            Type::Bool => Value::Integer(i64::from(literal == "true")),
            Type::Text => Value::Text(syn::parse_str::<syn::LitStr>(literal).unwrap().value()),
            Type::Bytes => {
                let bytes = syn::parse_str::<syn::LitByteStr>(literal).unwrap().value();
                Value::Blob(bytes)
            }
        }
    }

    /// A literal as an owned value of Rust.
    fn owned(self, literal: &str) -> String {
        match self {
            Type::Text | Type::Bytes => format!("{literal}.to_owned().into()"),
            _ => literal.to_owned(),
        }
    }
}

/// Numbers that follow from a seed (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn column(&mut self, fits: impl Fn(Type, bool) -> bool) -> (&'static str, Type) {
        loop {
            let (name, ty, nullable) = self.of(&COLUMNS);
            if fits(ty, nullable) {
                return (name, ty);
            }
        }
    }

    /// Something of a type that is no Option, in the form in which it is compared.
    fn plain(&mut self, ty: Type) -> String {
        match self.below(3) {
            0 if ty == Type::Text => "caller".to_owned(),
            0 if ty != Type::Bytes => self.of(ty.literals()).to_owned(),
            1 if ty == Type::Text => self.of(ty.literals()).to_owned(),
            _ => self.field(ty),
        }
    }

    fn field(&mut self, ty: Type) -> String {
        let borrow = match ty {
            Type::Text => ".as_str()",
            Type::Bytes => ".as_slice()",
            _ => "",
        };
        format!("row.{}{borrow}", self.column(|of, nullable| of == ty && !nullable).0)
    }

    fn option(&mut self) -> String {
        let (name, ty) = self.column(|_, nullable| nullable);
        let operator = self.of(&["==", "!="]);
        let borrow = if matches!(ty, Type::Text | Type::Bytes) { ".as_deref()" } else { "" };
        let inner = self.plain(ty);
        match self.below(6) {
            0 => format!("row.{name}.is_none()"),
            1 => format!("row.{name}.is_some()"),
            2 => format!("row.{name} {operator} None"),
            3 => format!("None {operator} row.{name}"),
            4 => format!("Some({inner}) {operator} row.{name}{borrow}"),
            _ => format!("row.{name}{borrow} {operator} Some({inner})"),
        }
    }

    fn comparison(&mut self) -> String {
        let ty = self.of(&[
            Type::Integer,
            Type::Integer,
            Type::Small,
            Type::Real,
            Type::Text,
            Type::Text,
            Type::Bool,
            Type::Bytes,
        ]);
        let operator = self.of(&["==", "!=", "<", "<=", ">", ">="]);
        match (ty, self.below(8)) {
            (Type::Text, 0) => {
                let equality = self.of(&["==", "!="]);
                self.of(&["row.owner OP caller", "caller OP row.owner", "*caller OP row.owner"])
                    .replace("OP", equality)
            }
            (Type::Bytes, 0 | 1) => {
                let (equality, literal) = (self.of(&["==", "!="]), self.of(ty.literals()));
                format!("row.hash {equality} {literal}")
            }
            (_, side) => {
                // Two literals would be of a type that neither says.
                let (one, field) = (self.plain(ty), self.field(ty));
                let (left, right) = if side % 2 == 0 { (one, field) } else { (field, one) };
                format!("{left} {operator} {right}")
            }
        }
    }

    fn boolean(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 4 } else { 8 }) {
            0 => self.option(),
            1 if self.below(4) == 0 => self.of(&["true", "false", "row.public"]).to_owned(),
            1..=3 => self.comparison(),
            4 => format!("!({})", self.boolean(depth - 1)),
            5 => format!("({})", self.boolean(depth - 1)),
            6 => format!("{} && {}", self.boolean(depth - 1), self.boolean(depth - 1)),
            _ => format!("{} || {}", self.boolean(depth - 1), self.boolean(depth - 1)),
        }
    }
}

/// Literals by row and column; `None` is NULL.
type Literals = Vec<Vec<Option<&'static str>>>;

/// What Rust answers: `1` or `0` by predicate, caller and row.
fn in_rust(folder: &Path, predicates: &[String], rows: &Literals) -> Vec<String> {
    let fields = COLUMNS.map(|(name, ty, nullable)| {
        let ty = ty.rust();
        if nullable { format!("{name}: Option<{ty}>") } else { format!("{name}: {ty}") }
    });
    let mut text = format!("struct Row {{ {} }}\n", fields.join(", "));
    for (at, predicate) in predicates.iter().enumerate() {
        writeln!(text, "fn p{at}(row: &Row, caller: &str) -> bool {{ {predicate} }}").unwrap();
    }
    text += "fn rows() -> Vec<Row> { vec![\n";
    for row in rows {
        let fields = COLUMNS.iter().zip(row).map(|((name, ty, nullable), literal)| {
            match literal.map(|literal| ty.owned(literal)) {
                None => format!("{name}: None"),
                Some(value) if *nullable => format!("{name}: Some({value})"),
                Some(value) => format!("{name}: {value}"),
            }
        });
        writeln!(text, "Row {{ {} }},", fields.collect::<Vec<_>>().join(", ")).unwrap();
    }
    let names: Vec<_> = (0..predicates.len()).map(|at| format!("p{at}")).collect();
    write!(
        text,
        "] }}
        fn main() {{
            let rows = rows();
            let all: [fn(&Row, &str) -> bool; {}] = [{}];
            for predicate in all {{
                for caller in {CALLERS:?} {{
                    let answers = rows.iter().map(|row| if predicate(row, caller) {{ '1' }} else {{ '0' }});
                    println!(\"{{}}\", answers.collect::<String>());
                }}
            }}
        }}",
        predicates.len(),
        names.join(", ")
    )
    .unwrap();
    let (source, program) = (folder.join("predicates.rs"), folder.join("predicates"));
    std::fs::write(&source, text).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(rustc)
        .args(["--edition=2024", "-Awarnings", "-o"])
        .args([&program, &source])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let ran = Command::new(&program).output().unwrap();
    String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The table's statement and the SQL of the predicates.
fn translated(predicates: &[String]) -> (String, Vec<String>) {
    let fields = COLUMNS.map(|(name, ty, nullable)| {
        let name = quote::format_ident!("{name}");
        let ty: syn::Type = syn::parse_str(ty.rust()).unwrap();
        if nullable { quote!(#name: Option<#ty>) } else { quote!(#name: #ty) }
    });
    let mut create = String::new();
    let mut found = Vec::new();
    for predicate in predicates {
        let body: syn::Expr = syn::parse_str(predicate).unwrap();
        let rows = section(quote! {
            #[table] struct Row { #[key] id: i64, #(#fields),* }
            #[can_read(row)] fn mine(row: &Row, caller: &str) -> bool { #body }
        });
        for row in rows.unwrap_or_else(|why| panic!("{predicate}: {why}")) {
            match row.kind {
                Kind::Table => create.clone_from(&row.more[0]),
                Kind::CanRead => found.push(row.more[0].clone()),
                _ => {}
            }
        }
    }
    assert_eq!(found.len(), predicates.len());
    (create, found)
}

/// A store with the rows, in an open transaction.
fn store(create: &str, rows: &Literals) -> Store {
    let mut store = Store::memory().unwrap();
    store.begin_block(1, 1_000).unwrap();
    store.begin_tx([0; 32]).unwrap();
    let gas = &mut GasMeter::new(u64::MAX);
    store.exec(1, create, &[], gas).unwrap();
    let values = rows.iter().enumerate().map(|(id, row)| {
        let fields = COLUMNS
            .iter()
            .zip(row)
            .map(|((_, ty, _), literal)| literal.map_or(Value::Null, |literal| ty.value(literal)));
        std::iter::once(Value::Integer(i64::try_from(id).unwrap())).chain(fields).collect()
    });
    let places = ", ?".repeat(COLUMNS.len());
    let insert = format!("INSERT INTO \"row\" VALUES (?{places})");
    store.exec(1, &insert, &values.collect::<Vec<_>>(), gas).unwrap();
    store
}

/// What the store answers for a caller, as `in_rust` does.
fn in_sql(store: &mut Store, predicate: &str, caller: Option<&str>) -> String {
    let access = RowAccess {
        can_read: [("row".to_owned(), predicate.to_owned())].into(),
        caller: caller.map(str::to_owned),
        ..RowAccess::default()
    };
    let gas = &mut GasMeter::new(u64::MAX);
    let found = store.query_user(1, "SELECT id FROM \"row\" ORDER BY id", &[], Some(&access), gas);
    let found = found.unwrap_or_else(|why| panic!("{predicate}: {why:?}"));
    answers(&found.rows)
}

/// `1` for each row whose id is there.
fn answers(rows: &[Vec<Value>]) -> String {
    let mut answers = vec![b'0'; ROWS];
    for row in rows {
        let Value::Integer(id) = row[0] else { panic!("{row:?}") };
        answers[usize::try_from(id).unwrap()] = b'1';
    }
    String::from_utf8(answers).unwrap()
}

/// Rule 3: which rows the caller updates, and whether the caller inserts one like the row `id`.
fn written_in_sql(store: &mut Store, predicate: &str, caller: &str, id: usize) -> (String, bool) {
    let access = RowAccess {
        can_write: [("row".to_owned(), predicate.to_owned())].into(),
        caller: Some(caller.to_owned()),
        ..RowAccess::default()
    };
    let gas = &mut GasMeter::new(u64::MAX);
    let update = "UPDATE \"row\" SET n = n RETURNING id";
    let updated = store.exec_as(1, update, &[], Some(&access), gas);
    let updated = updated.unwrap_or_else(|why| panic!("{predicate}: {why:?}"));
    let fields = COLUMNS.map(|(name, ..)| name).join(", ");
    let insert =
        format!("INSERT INTO \"row\" SELECT {ROWS}, {fields} FROM \"row\" WHERE id = {id}");
    store.savepoint().unwrap();
    let inserted = match store.exec_as(1, &insert, &[], Some(&access), gas) {
        Ok(inserted) => inserted.changes == 1,
        Err(Error::Rejected(why)) if why.code == Code::SqlRowAccess => false,
        Err(why) => panic!("{predicate}: {why:?}"),
    };
    store.rollback_to().unwrap();
    (answers(&updated.rows), inserted)
}

#[test]
fn predicates_answer_in_sql_as_in_rust() {
    let mut random = Random(20_261_123);
    let predicates: Vec<String> = (0..PREDICATES).map(|at| random.boolean(at % 5)).collect();
    let mut row = || {
        let column = |(_, ty, nullable): &(_, Type, bool)| {
            let is_null = *nullable && random.below(3) == 0;
            let values = [ty.literals(), ty.beyond_literals()].concat();
            (!is_null).then(|| random.of(&values))
        };
        COLUMNS.iter().map(column).collect()
    };
    let rows: Literals = (0..ROWS).map(|_| row()).collect();
    let folder = tempfile::tempdir().unwrap();
    let rust = in_rust(folder.path(), &predicates, &rows);
    assert_eq!(rust.len(), PREDICATES * CALLERS.len());
    let (create, translated) = translated(&predicates);
    let mut store = store(&create, &rows);
    let (mut wrong, mut both) = (Vec::new(), 0);
    for (at, (predicate, sql)) in predicates.iter().zip(&translated).enumerate() {
        let of_rust = &rust[at * CALLERS.len()..][..CALLERS.len()];
        for (caller, expected) in CALLERS.iter().zip(of_rust) {
            let answer = in_sql(&mut store, sql, Some(caller));
            both += usize::from(answer.contains('0') && answer.contains('1'));
            if answer != *expected {
                wrong.push(format!("{predicate}\n{sql}\n{caller:?} {expected}\n{answer}"));
            }
        }
        let (caller, id) = (at % CALLERS.len(), at % ROWS);
        let (updated, inserted) = written_in_sql(&mut store, sql, CALLERS[caller], id);
        let may_insert = of_rust[caller].as_bytes()[id] == b'1';
        if updated != of_rust[caller] || inserted != may_insert {
            wrong.push(format!(
                "written: {predicate}\n{sql}\n{:?} {}\n{updated}\n{id}: {inserted}",
                CALLERS[caller], of_rust[caller]
            ));
        }
        let unknown = in_sql(&mut store, sql, None);
        let tells = unknown.bytes().enumerate().any(|(row, allowed)| {
            allowed == b'1' && of_rust.iter().any(|a| a.as_bytes()[row] != b'1')
        });
        if tells {
            wrong.push(format!("without a caller: {predicate}\n{sql}\n{unknown}\n{of_rust:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n\n")
    );
    assert!(both > PREDICATES, "{both} answers allow some rows and hide others");
}
