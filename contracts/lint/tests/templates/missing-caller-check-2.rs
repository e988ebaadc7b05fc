#[table(name = "$table1")]
struct $Row1 { #[key] id: i64, $owner1: String, #[check("$money1 >= 0")] $money1: i64 }
#[error]
enum Wrong1 { Missing1, Denied1 }
fn $help1(ctx: &Context) -> Result<$Row1, Refusal> { Ok(ctx.db.$table1().get(1)?.ok_or(Wrong1::Missing1)?) }
fn $help2(ctx: &Context) -> Result<bool, Refusal> { Ok($help1(ctx)?.$owner1 == ctx.caller) }
fn $help3(ctx: &Context) -> Result<(), Refusal> {
    if !$help2(ctx)? { return Err(Wrong1::Denied1.into()); }
    Ok(())
}
#[call]
fn $call2(ctx: &Context, $money1: i64) -> Result<(), Refusal> {
    $help3(ctx)?;
    let mut row = $help1(ctx)?;
    row.$money1 = $money1;
    ctx.db.$table1().update(&row)?;
    Ok(())
}
#[call]
fn $call1(ctx: &Context, to: &str, $money2: i64) -> Result<(), Refusal> {
    //~
    //@ clean
    //@ any
    $help3(ctx)?;
    //@ or
    if !$help2(ctx)? { return Err(Wrong1::Denied1.into()); }
    //@ end
    //@ faulty
    //@ any
    let allowed = $help2(ctx)?;
    log(if allowed { "owner" } else { "other" });
    //@ or
    dadbs_sdk::address::check(&ctx.caller)?;
    //@ or
    if ctx.caller == to { return Err(Wrong1::Denied1.into()); }
    //@ end
    //@ end
    if $money2 < 1 { return Err(Wrong1::Missing1.into()); }
    //~
    //@ any
    calls::transfer(to, &[("udadb", $money2)])?;
    //@ or
    let coins = [("udadb", $money2)];
    calls::transfer(to, &coins)?;
    //@ or
    calls::call("vault", "$call3", params![to], &[("udadb", $money2)])?;
    //@ end
    Ok(())
}
