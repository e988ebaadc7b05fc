#[table(name = "$table1")]
struct $Row1 { #[key] $owner1: String, $text1: String }
fn $help1(ctx: &Context, $text1: String) -> Result<(), Refusal> {
    ctx.db.$table1().insert(&$Row1 { $owner1: ctx.caller.clone(), $text1 })
}
#[call]
fn $call1(ctx: &Context, $text1: String) -> Result<(), Refusal> {
    //~
    //@ faulty
    //@ any
    let _ = sql::exec("DELETE FROM $table1 WHERE $owner1 = ?", params![ctx.caller]);
    //@ or
    ctx.db.$table1().delete(&ctx.caller).ok();
    //@ or
    ctx.db.$table1().delete(&ctx.caller).unwrap_or(false);
    //@ or
    _ = ctx.db.$table1().delete(&ctx.caller);
    //@ end
    $help1(ctx, $text1)
    //@ clean
    //@ any
    let _ = sql::exec("DELETE FROM $table1 WHERE $owner1 = ?", params![ctx.caller])?;
    //@ or
    let gone = ctx.db.$table1().delete(&ctx.caller)?;
    if gone { log("replaced"); }
    //@ or
    sql!("DELETE FROM $table1 WHERE $owner1 = ?", ctx.caller)?;
    //@ end
    $help1(ctx, $text1)
    //@ end
}
