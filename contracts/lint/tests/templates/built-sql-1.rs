#[table(name = "$table1")]
struct $Row1 { #[key(auto)] id: i64, #[index] $owner1: String, $text1: String }
fn $help1(text: &str) -> Result<Table, Refusal> { Ok(sql::query(text, &[])?) }
fn $help2(text: &str, name: &str) -> Result<Table, Refusal> { Ok(sql::query(text, params![name])?) }
#[call]
fn $call1(ctx: &Context, $text1: String) -> Result<i64, Refusal> {
    ctx.db.$table1().insert(&$Row1 { id: 0, $owner1: ctx.caller.clone(), $text1 })
}
#[view]
fn $call2($text1: &str) -> Result<Table, Refusal> {
    //~
    //@ faulty
    //@ any
    $help1(&format!("SELECT id FROM $table1 WHERE $owner1 = '{$text1}' LIMIT 20"))
    //@ or
    let text = String::from("SELECT id FROM $table1 WHERE $owner1 = '") + $text1 + "' LIMIT 20";
    $help1(&text)
    //@ or
    let mut text = String::from("SELECT id FROM $table1 WHERE $owner1 = '");
    text.push_str($text1);
    text.push_str("' LIMIT 20");
    $help1(&text)
    //@ or
    let parts = ["SELECT id FROM $table1 WHERE $owner1 = '", $text1, "' LIMIT 20"];
    $help1(&parts.concat())
    //@ or
    let text = "SELECT id FROM $table1 ORDER BY COLUMN LIMIT 20".replace("COLUMN", $text1);
    Ok(sql::query(&text, &[])?)
    //@ end
    //@ clean
    //@ any
    $help2("SELECT id FROM $table1 WHERE $owner1 = ? LIMIT 20", $text1)
    //@ or
    let text = if $text1.is_empty() { "SELECT id FROM $table1 WHERE $owner1 <> ? LIMIT 20" } else { "SELECT id FROM $table1 WHERE $owner1 = ? LIMIT 20" };
    $help2(text, $text1)
    //@ or
    let text = match $text1 {
        "id" => "SELECT id FROM $table1 ORDER BY id LIMIT 20",
        _ => "SELECT id FROM $table1 ORDER BY $owner1 LIMIT 20",
    };
    $help1(text)
    //@ or
    let mut text = String::from("SELECT id FROM $table1");
    text.push_str(" WHERE $owner1 = ? LIMIT 20");
    $help2(&text, $text1)
    //@ end
    //@ end
}
