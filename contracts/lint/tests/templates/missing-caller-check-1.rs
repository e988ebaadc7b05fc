#[table(name = "$table1")]
struct $Row1 {
    #[key(auto)]
    id: i64,
    //@ any
    #[index]
    //@ or
    //@ end
    $owner1: String,
    $text1: String,
}
#[error]
enum Wrong1 { Missing1 { id: i64 }, Denied1 { id: i64 } }
fn $help1(ctx: &Context, id: i64) -> Result<$Row1, Refusal> {
    Ok(ctx.db.$table1().get(id)?.ok_or(Wrong1::Missing1 { id })?)
}
fn $help2(ctx: &Context, row: &$Row1) -> Result<(), Refusal> {
    //@ any
    if row.$owner1 != ctx.caller { return Err(Wrong1::Denied1 { id: row.id }.into()); }
    Ok(())
    //@ or
    if ctx.caller == row.$owner1 { Ok(()) } else { Err(Wrong1::Denied1 { id: row.id }.into()) }
    //@ or
    match row.$owner1 == ctx.caller { true => Ok(()), false => Err(Wrong1::Denied1 { id: row.id }.into()) }
    //@ end
}
#[call]
fn $call1(ctx: &Context, $text1: String) -> Result<i64, Refusal> {
    ctx.db.$table1().insert(&$Row1 { id: 0, $owner1: ctx.caller.clone(), $text1 })
}
#[call]
fn $call2(ctx: &Context, id: i64) -> Result<(), Refusal> {
    let row = $help1(ctx, id)?;
    $help2(ctx, &row)?;
    ctx.db.$table1().delete(row.id)?;
    Ok(())
}
#[call]
fn $call3(ctx: &Context, id: i64, $text1: String) -> Result<(), Refusal> {
    let mut row = $help1(ctx, id)?;
    //~
    //@ clean
    //@ any
    $help2(ctx, &row)?;
    //@ or
    if row.$owner1 != ctx.caller { return Err(Wrong1::Denied1 { id }.into()); }
    //@ or
    if $text1.len() > 80 || row.$owner1 != ctx.caller { abort("no"); }
    //@ end
    //@ faulty
    if $text1.len() > 80 { return Err(Wrong1::Missing1 { id }.into()); }
    //@ end
    //~
    //@ any
    row.$text1 = $text1;
    ctx.db.$table1().update(&row)?;
    //@ or
    row.$text1 = $text1;
    if !ctx.db.$table1().update(&row)? { ctx.db.$table1().insert(&row)?; }
    //@ or
    sql!("UPDATE $table1 SET $text1 = ? WHERE id = ?", $text1, id)?;
    //@ or
    let _kept = &$text1;
    ctx.db.$table1().delete(id)?;
    //@ end
    Ok(())
}
