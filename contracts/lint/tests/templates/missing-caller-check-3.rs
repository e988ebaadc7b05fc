#[table(name = "$table1")]
struct $Row1 { #[key] $owner1: String, #[check("$money1 >= 0")] $money1: i64 }
#[table(name = "$table2")]
struct $Row2 { #[key] who: String }
#[error]
enum Wrong1 { TooLittle1, Denied1 }
fn $help1(ctx: &Context, who: &str) -> Result<i64, Refusal> {
    Ok(ctx.db.$table1().get(who)?.map_or(0, |row| row.$money1))
}
fn $help2(ctx: &Context, who: &str, $money1: i64) -> Result<(), Refusal> {
    let row = $Row1 { $owner1: who.into(), $money1 };
    if !ctx.db.$table1().update(&row)? { ctx.db.$table1().insert(&row)?; }
    Ok(())
}
#[call]
fn $call1(ctx: &Context, to: &str, $money2: i64) -> Result<(), Refusal> {
    let held = $help1(ctx, &ctx.caller)?;
    if $money2 < 1 || held < $money2 { return Err(Wrong1::TooLittle1.into()); }
    $help2(ctx, &ctx.caller, held - $money2)?;
    $help2(ctx, to, $help1(ctx, to)? + $money2)
}
#[call]
fn $call2(ctx: &Context, to: &str, $money2: i64) -> Result<(), Refusal> {
    //~
    //@ clean
    if ctx.db.$table2().get(&ctx.caller)?.is_none() { return Err(Wrong1::Denied1.into()); }
    //@ faulty
    if ctx.db.$table2().get(to)?.is_none() { return Err(Wrong1::Denied1.into()); }
    //@ end
    if $money2 < 1 { return Err(Wrong1::TooLittle1.into()); }
    //~
    let held = $help1(ctx, to)?;
    $help2(ctx, to, held + $money2)
}
