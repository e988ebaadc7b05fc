#[table(name = "$table1")]
struct $Row1 { #[key] id: i64, $text1: String, version: i64 }
#[table(name = "$table2")]
struct $Row2 { #[key] id: i64, version: i64 }
#[on_update($table1)]
fn $call2(ctx: &Context, rows: &[Updated<$Row1>]) -> Result<(), Refusal> {
    for change in rows {
        let id = change.new.id;
        //~
        let row = $Row2 { id, version: change.new.version };
        if !ctx.db.$table2().update(&row)? { ctx.db.$table2().insert(&row)?; }
    }
    Ok(())
}
//@ clean
//@ any
#[validate($table2)]
fn $call3(rows: &[Written<$Row2>]) -> Result<(), Refusal> {
    if rows.iter().any(|row| row.new.version < 0) { return Err("a version is no less than 0".into()); }
    Ok(())
}
//@ or
#[on_delete($table2)]
fn $call3(ctx: &Context, rows: &[$Row2]) -> Result<(), Refusal> {
    for row in rows { sql!("UPDATE $table1 SET version = ? WHERE id = ?", row.version, row.id)?; }
    log(&ctx.chain_id);
    Ok(())
}
//@ end
//@ faulty
//@ any
#[on_update($table2)]
fn $call3(ctx: &Context, rows: &[Updated<$Row2>]) -> Result<(), Refusal> {
    for row in rows { sql!("UPDATE $table1 SET version = version + 1 WHERE id = ?", row.new.id)?; }
//@ or
#[on_insert($table2)]
fn $call3(ctx: &Context, rows: &[$Row2]) -> Result<(), Refusal> {
    for row in rows { sql!("UPDATE $table1 SET version = version + 1 WHERE id = ?", row.id)?; }
//@ end
    log(&ctx.chain_id);
    Ok(())
}
//@ end
