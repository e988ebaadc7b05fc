#[table(name = "$table1")]
struct $Row1 { #[key] id: i64, $money1: i64, $owner1: String }
#[table(name = "$table2")]
struct $Row2 { #[key] id: i64, version: i64 }
#[call]
fn $call1(ctx: &Context, id: i64) -> Result<(), Refusal> {
    ctx.db.$table1().insert(&$Row1 { id, $money1: 0, $owner1: ctx.caller.clone() })
}
fn $help1() -> Result<(), Refusal> {
    //@ any
    sql!("UPDATE $table1 SET $money1 = $money1 * 100 WHERE id > 0 AND id IN (SELECT id FROM $table1 LIMIT 500)")?;
    //@ or
    sql!("INSERT INTO $table1 ($money1, $owner1) SELECT $money1, $owner1 FROM $table1 LIMIT 10")?;
    //@ end
    Ok(())
}
#[migrate]
fn migrate(ctx: &Context) -> Result<(), Refusal> {
    //~
    //@ clean
    //@ any
    let version = ctx.db.$table2().get(1)?.map_or(1, |row| row.version);
    if version != 1 { return Err("this is not version 1".into()); }
    //@ or
    if ctx.db.$table2().get(1)?.is_some_and(|row| row.version >= 2) { return Ok(()); }
    //@ end
    $help1()?;
    ctx.db.$table2().update(&$Row2 { id: 1, version: 2 })?;
    //@ faulty
    $help1()?;
    log(&ctx.caller);
    //@ end
    Ok(())
}
