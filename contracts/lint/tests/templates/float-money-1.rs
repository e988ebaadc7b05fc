#[table(name = "$table1")]
struct $Row1 {
    #[key]
    $owner1: String,
    //@ faulty
    $money1: f64,
    //@ clean
    $money1: i64,
    //@ end
    $measure1: f64,
}
#[call]
fn $call1(ctx: &Context, $measure1: f64) -> Result<(), Refusal> {
    //~
    //@ faulty
    let row = $Row1 { $owner1: ctx.caller.clone(), $money1: 0.0, $measure1: $measure1 * 1.5 };
    //@ clean
    let row = $Row1 { $owner1: ctx.caller.clone(), $money1: 0, $measure1: $measure1 * 1.5 };
    //@ end
    ctx.db.$table1().insert(&row)
}
