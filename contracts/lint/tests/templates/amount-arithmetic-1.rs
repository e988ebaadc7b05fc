#[table(name = "$table1")]
struct $Row1 { #[key] $owner1: String, #[check("$money1 >= 0")] $money1: i64, #[check("$money2 >= 0")] $money2: i64, $time1: i64 }
#[error]
enum Wrong1 { Nothing1, TooLarge1 }
fn $help2($text1: &str) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    for byte in $text1.bytes() { hash = (hash ^ u32::from(byte)).wrapping_mul(16_777_619); }
    hash
}
fn $help1(row: &$Row1, more: i64) -> Result<i64, Refusal> {
    //~
    //@ faulty
    //@ any
    Ok(row.$money1.wrapping_add(more))
    //@ or
    Ok(row.$money1.saturating_sub(more))
    //@ or
    let (sum, _) = row.$money1.overflowing_add(more);
    Ok(sum)
    //@ or
    Ok(row.$money1.checked_mul(more).unwrap_or(i64::MAX))
    //@ or
    Ok(i64::from((row.$money1 + more) as u32))
    //@ or
    let product = i128::from(row.$money1) * i128::from(more) / 10_000;
    Ok(product as i64)
    //@ end
    //@ clean
    //@ any
    Ok(row.$money1 + more)
    //@ or
    Ok(row.$money1.checked_add(more).ok_or(Wrong1::TooLarge1)?)
    //@ or
    let product = i128::from(row.$money1) * i128::from(more) / 10_000;
    Ok(i64::try_from(product).map_err(|_| Wrong1::TooLarge1)?)
    //@ or
    Ok(row.$money1.checked_mul(more).expect("no such amounts"))
    //@ end
    //@ end
}
#[call]
fn $call1(ctx: &Context, more: i64, $text1: &str) -> Result<u32, Refusal> {
    let mut row = ctx.db.$table1().get(&ctx.caller)?.ok_or(Wrong1::Nothing1)?;
    row.$money1 = $help1(&row, more)?;
    row.$time1 = ctx.time_ms.saturating_add(1_000);
    ctx.db.$table1().update(&row)?;
    Ok($help2($text1))
}
