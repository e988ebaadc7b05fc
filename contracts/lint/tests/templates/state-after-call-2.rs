#[table(name = "$table1")]
struct $Row1 { #[key(auto)] id: i64, #[index] $owner1: String, target: String, #[check("state IN ('a', 'b', 'c')")] state: String }
#[error]
enum Wrong1 { Missing1, Denied1 }
fn $help1(ctx: &Context, id: i64) -> Result<$Row1, Refusal> {
    let row = ctx.db.$table1().get(id)?.ok_or(Wrong1::Missing1)?;
    if row.$owner1 != ctx.caller || row.state != "a" { return Err(Wrong1::Denied1.into()); }
    Ok(row)
}
#[call]
fn $call1(ctx: &Context, target: String) -> Result<i64, Refusal> {
    ctx.db.$table1().insert(&$Row1 { id: 0, $owner1: ctx.caller.clone(), target, state: "a".into() })
}
#[call]
fn $call2(ctx: &Context, id: i64) -> Result<bool, Refusal> {
    let mut row = $help1(ctx, id)?;
    let target = row.target.clone();
    //~
    //@ clean
    row.state = "b".into();
    ctx.db.$table1().update(&row)?;
    let answer = calls::call(&target, "$call3", params![id], &[]);
    //@ any
    if let Err(error) = answer {
        log(&error.text);
        row.state = "c".into();
        ctx.db.$table1().update(&row)?;
        return Ok(false);
    }
    //@ or
    match answer {
        Ok(answer) => log(&format!("{:?}", answer.value())),
        Err(error) => {
            row.state = "c".into();
            ctx.db.$table1().update(&row)?;
            log(&error.text);
        }
    }
    //@ or
    answer?;
    //@ end
    //@ faulty
    let answer = calls::call(&target, "$call3", params![id], &[]);
    //@ any
    if answer.is_ok() {
        row.state = "b".into();
        ctx.db.$table1().update(&row)?;
    }
    //@ or
    match answer {
        Ok(_) => { row.state = "b".into(); }
        Err(error) => { log(&error.text); row.state = "c".into(); }
    }
    ctx.db.$table1().update(&row)?;
    //@ or
    answer?;
    row.state = "b".into();
    ctx.db.$table1().update(&row)?;
    //@ end
    //@ end
    //~
    Ok(true)
}
