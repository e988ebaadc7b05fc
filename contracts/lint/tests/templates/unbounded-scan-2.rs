#[table(name = "$table1")]
struct $Row1 { #[key(auto)] id: i64, #[index] $owner1: String, $time1: i64 }
fn $help1(ctx: &Context, row: &$Row1) -> Result<bool, Refusal> {
    //~
    ctx.db.$table1().delete(row.id)
}
#[call]
fn $call1(ctx: &Context) -> Result<i64, Refusal> {
    ctx.db.$table1().insert(&$Row1 { id: 0, $owner1: ctx.caller.clone(), $time1: ctx.time_ms })
}
#[scheduled]
fn $call2(ctx: &Context) -> Result<(), Refusal> {
    let before = ctx.time_ms - 86_400_000;
    //~
    //@ clean
    //@ any
    for row in ctx.db.$table1().scan(100)? { if row.$time1 < before { $help1(ctx, &row)?; } }
    //@ or
    sql!("DELETE FROM $table1 WHERE id IN (SELECT id FROM $table1 WHERE $time1 < ? ORDER BY id LIMIT 100)", before)?;
    //@ or
    let mut after = 0;
    for _ in 0..5 {
        let rows = ctx.db.$table1().scan_after(after, 20)?;
        for row in rows { after = row.id; if row.$time1 < before { $help1(ctx, &row)?; } }
    }
    //@ end
    //@ faulty
    //@ any
    for row in ctx.db.$table1().scan(u32::MAX)? { if row.$time1 < before { $help1(ctx, &row)?; } }
    //@ or
    sql!("DELETE FROM $table1 WHERE $time1 < ?", before)?;
    //@ or
    let mut after = 0;
    loop {
        let rows = ctx.db.$table1().scan_after(after, 50)?;
        if rows.is_empty() { break; }
        for row in rows { after = row.id; if row.$time1 < before { $help1(ctx, &row)?; } }
    }
    //@ or
    sql::exec("DELETE FROM $table1", &[])?;
    log(&format!("{before}"));
    //@ end
    //@ end
    Ok(())
}
