#[table(name = "$table1")]
struct $Row1 { #[key] $owner1: String, #[check("$money1 >= 0")] $money1: i64 }
#[error]
enum Wrong1 { Nothing1 }
fn $help1($money1: i64, percent: i64) -> i64 {
    //@ faulty
    //@ any
    ($money1 as f64 * (percent as f64 / 100.0)) as i64
    //@ or
    let part = $money1 as f64 * 0.01;
    (part * percent as f64).round() as i64
    //@ end
    //@ clean
    //@ any
    $money1 * percent / 100
    //@ or
    let part = $money1 * percent;
    part / 100
    //@ end
    //@ end
}
#[call]
fn $call1(ctx: &Context, percent: i64) -> Result<i64, Refusal> {
    let mut row = ctx.db.$table1().get(&ctx.caller)?.ok_or(Wrong1::Nothing1)?;
    //~
    row.$money1 += $help1(row.$money1, percent);
    ctx.db.$table1().update(&row)?;
    Ok(row.$money1)
}
