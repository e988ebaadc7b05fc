#[table(name = "$table1")]
struct $Row1 { #[key(auto)] id: i64, #[index] $owner1: String, $text1: String }
#[table(name = "$table2")]
struct $Row2 { #[key(auto)] id: i64, what: i64, $text2: String }
#[table(name = "$table3")]
struct $Row3 { #[key(auto)] id: i64, what: i64 }
fn $help1(ctx: &Context, row: &$Row1) -> Result<(), Refusal> {
    ctx.db.$table2().insert(&$Row2 { id: 0, what: row.id, $text2: row.$text1.clone() })?;
    Ok(())
}
#[call]
fn $call1(ctx: &Context, $text1: String) -> Result<i64, Refusal> {
    ctx.db.$table1().insert(&$Row1 { id: 0, $owner1: ctx.caller.clone(), $text1 })
}
#[on_insert($table1)]
fn $call2(ctx: &Context, rows: &[$Row1]) -> Result<(), Refusal> {
    for row in rows {
        //~
        $help1(ctx, row)?;
    }
    Ok(())
}
#[on_insert($table2)]
fn $call3(ctx: &Context, rows: &[$Row2]) -> Result<(), Refusal> {
    for row in rows {
        //@ faulty
        //@ any
        ctx.db.$table1().insert(&$Row1 { id: 0, $owner1: ctx.caller.clone(), $text1: row.$text2.clone() })?;
        //@ or
        sql!("INSERT INTO $table1 ($owner1, $text1) VALUES (?, ?)", ctx.caller, row.$text2)?;
        //@ or
        ctx.db.$table2().insert(&$Row2 { id: 0, what: row.id, $text2: row.$text2.clone() })?;
        //@ end
        //@ clean
        //@ any
        ctx.db.$table3().insert(&$Row3 { id: 0, what: row.id })?;
        //@ or
        sql!("UPDATE $table1 SET $text1 = ? WHERE id = ?", row.$text2, row.what)?;
        //@ or
        log(&row.$text2);
        //@ end
        //@ end
    }
    Ok(())
}
