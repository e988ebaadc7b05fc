//! Rules of the crate's documentation that the seeded faults do not show.

fn found(body: &str) -> Vec<String> {
    let text = format!("#[contract]\nmod shop {{\nuse super::*;\n{body}\n}}");
    let found = dadbs_lint::lint_text(&text).unwrap();
    found.iter().map(|finding| format!("{}:{}", finding.rule.name(), finding.line)).collect()
}

const TABLE: &str = "#[table(name = \"notes\")] struct Note { #[key] id: i64, owner: String }";

#[test]
fn rule_2_a_check_that_is_dropped_is_told_once() {
    let check = "fn check(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let note = ctx.db.notes().get(id)?.ok_or(\"none\")?;
        if note.owner != ctx.caller { return Err(\"no\".into()); }
        Ok(())
    }";
    let call = |first: &str| {
        format!(
            "{TABLE}\n{check}\n#[call] fn remove(ctx: &Context, id: i64) -> Result<(), Refusal> {{
            {first}
            ctx.db.notes().delete(id)?;
            Ok(())
        }}"
        )
    };
    assert_eq!(found(&call("check(ctx, id)?;")), [""; 0]);
    assert_eq!(found(&call("let _ = check(ctx, id);")), ["ignored-result:11"]);
    assert_eq!(found(&call("if ctx.height > 5 { check(ctx, id)?; }")), ["missing-caller-check:12"]);
    assert_eq!(found(&call("")), ["missing-caller-check:12"]);
}

#[test]
fn a_predicate_of_the_caller_is_a_check() {
    let contract = |predicate: &str| {
        found(&format!(
            "{TABLE}\n#[can_write(notes)] {predicate}\n#[call] fn remove(ctx: &Context, id: i64) -> Result<(), Refusal> {{
            ctx.db.notes().delete(id)?;
            Ok(())
        }}"
        ))
    };
    for guards in [
        "const OWN: &str = \"owner = caller()\";",
        "fn own(note: &Note, caller: &str) -> bool { note.owner == caller }",
        "fn own(note: &Note, who: &str) -> bool { note.id > 3 && note.owner == who }",
        "fn own(note: &Note) -> bool { sql!(\"owner = caller()\") }",
    ] {
        assert_eq!(contract(guards), [""; 0], "{guards}");
    }
    for does_not in [
        "const OPEN: &str = \"1\";",
        "fn open(note: &Note, caller: &str) -> bool { note.id > 3 }",
        "fn open(note: &Note) -> bool { true }",
    ] {
        assert_eq!(contract(does_not), ["missing-caller-check:7"], "{does_not}");
    }
}

#[test]
fn rule_5_a_comment_with_a_reason_allows_a_finding() {
    let view = |line: &str, before: &str| {
        found(&format!(
            "{TABLE}\n#[view] fn all() -> Result<Table, Refusal> {{\n{before}\nOk(sql!(\"SELECT * FROM notes\")?) {line}\n}}"
        ))
    };
    assert_eq!(view("", ""), ["unbounded-scan:7"]);
    assert_eq!(view("// lint: allow(unbounded-scan): few", ""), [""; 0]);
    assert_eq!(view("", "// lint: allow(built-sql, unbounded-scan): few"), [""; 0]);
    assert_eq!(view("// lint: allow(unbounded-scan):", ""), ["unbounded-scan:7"]);
    assert_eq!(view("// lint: allow(built-sql): few", ""), ["unbounded-scan:7"]);
}

#[test]
fn rule_6_plain_arithmetic_is_no_fault() {
    let body = "#[table] struct Purse { #[key] owner: String, amount: i64 }
        #[call] fn add(ctx: &Context, more: i64) -> Result<(), Refusal> {
            let mut purse = ctx.db.purse().get(&ctx.caller)?.ok_or(\"none\")?;
            purse.amount = OP;
            ctx.db.purse().update(&purse)?;
            Ok(())
        }";
    assert_eq!(found(&body.replace("OP", "purse.amount + more * 2")), [""; 0]);
    assert_eq!(
        found(&body.replace("OP", "purse.amount.wrapping_add(more)")),
        ["amount-arithmetic:7"]
    );
}

#[test]
fn what_is_not_rust_is_an_error_with_its_place() {
    assert!(dadbs_lint::lint_text("fn {").unwrap_err().starts_with("lib.rs:1:"));
}
