#[table(name = "$table1")]
struct $Row1 { #[key] id: i64, $owner1: String, $text1: String }
#[error]
enum Wrong1 { Missing1, Denied1 }
fn $help1(ctx: &Context) -> Result<$Row1, Refusal> {
    let row = ctx.db.$table1().get(1)?.ok_or(Wrong1::Missing1)?;
    if row.$owner1 != ctx.caller { return Err(Wrong1::Denied1.into()); }
    Ok(row)
}
#[call]
fn $call1(ctx: &Context, $text1: String) -> Result<(), Refusal> {
    let mut row = $help1(ctx)?;
    row.$text1 = $text1;
    ctx.db.$table1().update(&row)?;
    Ok(())
}
#[call]
fn initialize(ctx: &Context, $text1: String) -> Result<(), Refusal> {
    //~
    //@ clean
    $help1(ctx)?;
    //@ faulty
    //@ any
    if ctx.db.$table1().get(1)?.is_some() { return Err(Wrong1::Denied1.into()); }
    //@ or
    if $text1.is_empty() { return Err(Wrong1::Denied1.into()); }
    //@ end
    //@ end
    let row = $Row1 { id: 1, $owner1: ctx.caller.clone(), $text1 };
    //@ any
    ctx.db.$table1().insert(&row)?;
    //@ or
    if !ctx.db.$table1().update(&row)? { ctx.db.$table1().insert(&row)?; }
    //@ end
    Ok(())
}
