#[table(name = "$table1")]
struct $Row1 {
    #[key]
    $owner1: String,
    $money1: i64,
}
#[error]
enum Wrong1 { Nothing1, TooLittle1 }
#[call]
fn $call1(ctx: &Context, much: i64) -> Result<i64, Refusal> {
    let mut row = ctx.db.$table1().get(&ctx.caller)?.ok_or(Wrong1::Nothing1)?;
    //~
    //@ clean
    //@ any
    if much < 1 || row.$money1 < much { return Err(Wrong1::TooLittle1.into()); }
    row.$money1 -= much;
    //@ or
    let left = row.$money1 - much;
    if left < 0 { return Err(Wrong1::TooLittle1.into()); }
    row.$money1 = left;
    //@ end
    //@ faulty
    //@ any
    row.$money1 -= much;
    //@ or
    row.$money1 = row.$money1 - much;
    //@ or
    if much < 1 { return Err(Wrong1::TooLittle1.into()); }
    let left = row.$money1 - much;
    row.$money1 = left;
    //@ end
    //@ end
    ctx.db.$table1().update(&row)?;
    //~
    Ok(row.$money1)
}
