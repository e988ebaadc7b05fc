#[table(name = "$table1")]
struct $Row1 { #[key] $owner1: String, #[check("$money1 >= 0")] $money1: i64 }
#[error]
enum Wrong1 { Nothing1 }
fn $help1(to: &str, coins: i64) -> Result<(), Refusal> {
    calls::transfer(to, &[("udadb", coins)])?;
    Ok(())
}
#[call]
fn $call1(ctx: &Context) -> Result<(), Refusal> {
    let mut row = ctx.db.$table1().get(&ctx.caller)?.ok_or(Wrong1::Nothing1)?;
    let coins = row.$money1;
    row.$money1 = 0;
    //~
    ctx.db.$table1().update(&row)?;
    //@ faulty
    //@ any
    let _ = $help1(&ctx.caller, coins);
    //@ or
    $help1(&ctx.caller, coins).ok();
    //@ or
    calls::transfer(&ctx.caller, &[("udadb", coins)]).unwrap_or_default();
    //@ or
    match $help1(&ctx.caller, coins) { Ok(()) => log("sent"), Err(_) => {} }
    //@ or
    let _sent = calls::transfer(&ctx.caller, &[("udadb", coins)]);
    //@ or
    drop(calls::transfer(&ctx.caller, &[("udadb", coins)]));
    //@ end
    //@ clean
    //@ any
    $help1(&ctx.caller, coins)?;
    //@ or
    if let Err(error) = $help1(&ctx.caller, coins) { return Err(error); }
    //@ or
    calls::transfer(&ctx.caller, &[("udadb", coins)]).map_err(|_| Wrong1::Nothing1)?;
    //@ or
    let sent = calls::transfer(&ctx.caller, &[("udadb", coins)]);
    if sent.is_err() { return Err(Wrong1::Nothing1.into()); }
    //@ or
    $help1(&ctx.caller, coins).expect("the contract holds what the rows say");
    //@ end
    //@ end
    //~
    Ok(())
}
