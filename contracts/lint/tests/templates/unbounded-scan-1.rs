#[table(name = "$table1", index($owner1, $time1))]
struct $Row1 { #[key(auto)] id: i64, $owner1: String, $time1: i64, $text1: String }
const $CONST1: u32 = 200;
#[call]
fn $call1(ctx: &Context, $text1: String) -> Result<i64, Refusal> {
    ctx.db.$table1().insert(&$Row1 { id: 0, $owner1: ctx.caller.clone(), $time1: ctx.time_ms, $text1 })
}
#[view]
fn $call2(ctx: &Context, $owner1: &str) -> Result<Table, Refusal> {
    //@ clean
    //@ any
    let found = sql!("SELECT id, $text1 FROM $table1 WHERE $owner1 = ? ORDER BY id", $owner1)?;
    //@ or
    let found = sql!("SELECT id, $text1 FROM $table1 WHERE $text1 = ? LIMIT 50", $owner1)?;
    //@ end
    //@ faulty
    //@ any
    let found = sql!("SELECT id, $text1 FROM $table1 WHERE $text1 = ? ORDER BY id", $owner1)?;
    //@ or
    let found = sql!("SELECT id, $text1, $time1 FROM $table1 ORDER BY $time1 DESC")?;
    log($owner1);
    //@ or
    let found = sql::query("SELECT * FROM $table1", &[])?;
    log($owner1);
    //@ end
    //@ end
    log(&ctx.chain_id);
    Ok(found)
}
#[view]
fn $call3(ctx: &Context, more: u32) -> Result<Vec<$Row1>, Refusal> {
    ctx.db.$table1().scan(more.min($CONST1))
}
