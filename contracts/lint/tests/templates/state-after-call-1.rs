#[table(name = "$table1")]
struct $Row1 { #[key] $owner1: String, #[check("$money1 >= 0")] $money1: i64, $time1: i64 }
#[error]
enum Wrong1 { Nothing1 }
fn $help1(ctx: &Context, to: &str, coins: i64) -> Result<(), Refusal> {
    //@ any
    calls::transfer(to, &[("udadb", coins)])?;
    //@ or
    calls::call("hook", "$call3", params![to, coins], &[])?;
    //@ end
    log(&ctx.contract_name);
    Ok(())
}
fn $help2(ctx: &Context, row: &$Row1) -> Result<(), Refusal> {
    ctx.db.$table1().update(row)?;
    Ok(())
}
#[call(payable)]
fn $call1(ctx: &Context) -> Result<(), Refusal> {
    let sent: i64 = calls::invocation().funds.iter().map(|(_, n)| *n).sum();
    ctx.db.$table1().insert(&$Row1 { $owner1: ctx.caller.clone(), $money1: sent, $time1: ctx.time_ms })
}
#[call]
fn $call2(ctx: &Context) -> Result<(), Refusal> {
    let mut row = ctx.db.$table1().get(&ctx.caller)?.ok_or(Wrong1::Nothing1)?;
    let coins = row.$money1;
    if coins == 0 { return Err(Wrong1::Nothing1.into()); }
    //~
    //@ faulty
    $help1(ctx, &ctx.caller, coins)?;
    row.$money1 = 0;
    row.$time1 = ctx.time_ms;
    //@ any
    $help2(ctx, &row)?;
    //@ or
    ctx.db.$table1().update(&row)?;
    //@ or
    sql!("UPDATE $table1 SET $money1 = 0 WHERE $owner1 = ?", ctx.caller)?;
    //@ or
    ctx.db.$table1().delete(&ctx.caller)?;
    //@ end
    //@ clean
    row.$money1 = 0;
    row.$time1 = ctx.time_ms;
    //@ any
    $help2(ctx, &row)?;
    //@ or
    ctx.db.$table1().update(&row)?;
    //@ or
    sql!("UPDATE $table1 SET $money1 = 0 WHERE $owner1 = ?", ctx.caller)?;
    //@ end
    $help1(ctx, &ctx.caller, coins)?;
    //@ end
    //~
    Ok(())
}
