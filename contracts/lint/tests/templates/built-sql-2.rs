#[table(name = "$table1")]
struct $Row1 { #[key] $owner1: String, $text1: String }
#[call]
fn $call1(ctx: &Context, $text1: &str, which: &str) -> Result<(), Refusal> {
    //~
    //@ faulty
    //@ any
    sql::exec(&format!("UPDATE $table1 SET $text1 = ? WHERE $owner1 = '{}'", ctx.caller), params![$text1])?;
    log(which);
    //@ or
    let column = which.trim();
    let text = format!("UPDATE $table1 SET {column} = ?1 WHERE $owner1 = ?2");
    sql::exec(&text, params![$text1, ctx.caller])?;
    //@ end
    //@ clean
    //@ any
    sql::exec("UPDATE $table1 SET $text1 = ? WHERE $owner1 = ?", params![$text1, ctx.caller])?;
    log(which);
    //@ or
    let text = match which { "$text1" => "UPDATE $table1 SET $text1 = ?1 WHERE $owner1 = ?2", _ => abort("no such column") };
    sql::exec(text, params![$text1, ctx.caller])?;
    //@ or
    log(&format!("UPDATE of {which}"));
    sql!("UPDATE $table1 SET $text1 = ? WHERE $owner1 = ?", $text1, ctx.caller)?;
    //@ end
    //@ end
    //~
    Ok(())
}
