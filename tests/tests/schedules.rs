//! Calls that contracts have asked for at a later height or time.
//!
//! 1. A call runs at the end of its block, by height or time, once or again and again; the contract is
//!    its caller and origin; each is paid for before it begins.
//! 2. What is not yet begun can be cancelled, and its price comes back.
//! 3. A call that fails leaves nothing, is tried again later, and is parked after the third time.
//! 4. A contract that cannot pay has no schedule, and one that no longer can is parked.
//! 5. What is not as it may be is refused; a contract has a bounded number.
//! 6. A flood neither stops the chain nor grows a block beyond the budget; everyone's turn comes.
//! 7. A block without due calls moves no root, and replays agree.
#![allow(
    clippy::too_many_lines,
    clippy::cast_possible_wrap,
    clippy::wildcard_imports,
    reason = "tests are long"
)]

mod support;

use dadbs_app::BlockOutcome;
use dadbs_tests::Chain;
use dadbs_types::value::encode_row;
use dadbs_types::{AccountAddress, Code, Value, limits};
use support::*;

const GAS: i64 = 1_000_000;

/// `call_plan(entry, arguments, when)` schedules, `call_stop(number row)` cancels.
fn planner(more: &str) -> Vec<u8> {
    let body = r#"
      (func (export "call_plan") (local $a i32) (local $b i32) (local $c i32)
        (call $input_read (i32.const 0))
        (local.set $a (call $field (i32.const 0))) (local.set $b (call $field (i32.const 1)))
        (local.set $c (call $field (i32.const 2)))
        (drop (call $schedule (local.get $a) (call $len (local.get $a))
          (local.get $b) (call $len (local.get $b)) (local.get $c) (call $len (local.get $c))))
        (call $rows (i32.const 1)))
      (func (export "call_stop") (local $a i32)
        (call $input_read (i32.const 0))
        (local.set $a (call $field (i32.const 0)))
        (call $answer (call $cancel (local.get $a) (call $len (local.get $a)))))"#;
    contract(&format!("{body}{more}"), &[])
}

/// A contract `name` whose `scheduled_tick` inserts a row, with 1 DADB.
fn ticking(chain: &mut Chain, name: &str, id: u64) {
    let more = [
        function("init", 510_000, &["CREATE TABLE t (h TEXT DEFAULT CURRENT_TIMESTAMP)"], ""),
        function("scheduled_tick", 520_000, &["INSERT INTO t DEFAULT VALUES"], ""),
        function("scheduled_fail", 530_000, &["INSERT INTO t DEFAULT VALUES"], "unreachable"),
        r#"(func (export "scheduled_spin") (loop $l (br $l)))"#.into(),
    ];
    make(chain, name, planner(&more.concat()));
    let message = chain.send(0, AccountAddress::of_contract(id), 1_000_000);
    assert!(chain.run(0, vec![message]).is_ok());
}

fn when(clock: &str, due: i64, every: i64, gas: i64) -> Value {
    Value::Blob(encode_row(&[clock.into(), due.into(), every.into(), gas.into()]))
}

fn plan(chain: &mut Chain, name: &str, entry: &str, when: Value) -> Vec<Vec<Value>> {
    let arguments = vec![entry.into(), Value::Blob(encode_row(&[])), when];
    rows(&call(chain, name, "plan", arguments))
}

fn count(chain: &Chain, name: &str) -> i64 {
    match chain.rows(name, "SELECT count(*) FROM t")[0][0] {
        Value::Integer(count) => count,
        _ => panic!("a count"),
    }
}

fn schedules(chain: &Chain) -> Vec<Vec<Value>> {
    chain.rows("", "SELECT id, clock, due, prepaid, attempts FROM chain.schedules ORDER BY id")
}

fn escrow(chain: &Chain) -> Vec<Vec<Value>> {
    balance(chain, &AccountAddress::of_module("schedules").to_string())
}

fn kinds(outcome: &BlockOutcome) -> Vec<String> {
    let kinds = outcome.events.iter().map(|event| event.kind.clone());
    kinds.filter(|kind| kind.starts_with("schedule")).collect()
}

fn price(gas: i64) -> i64 {
    i64::try_from(dadbs_tests::least_fee(gas.cast_unsigned())).unwrap()
}

fn invariants(chain: &Chain) {
    let broken = chain.rows(
        "",
        "SELECT amount FROM chain.supply s WHERE amount IS NOT
         (SELECT sum(amount) FROM chain.balances b WHERE b.denom = s.denom)",
    );
    assert!(broken.is_empty(), "supply {broken:?}");
    let held = chain.rows("", "SELECT coalesce(sum(prepaid), 0) FROM chain.schedules");
    let escrow = escrow(chain).first().map_or(Value::Integer(0), |row| row[0].clone());
    assert_eq!(held[0][0], escrow, "the escrow is what is prepaid");
}

#[test]
fn rule_1_by_height_and_time_once_and_again() {
    let mut chain = Chain::memory(2);
    ticking(&mut chain, "a", 1);
    let height = chain.height as i64;
    let id = plan(&mut chain, "a", "tick", when("height", height + 3, 0, GAS));
    assert_eq!(id, [[Value::Integer(1)]]);
    assert_eq!(escrow(&chain), [[Value::Integer(price(GAS))]]);
    let held = balance(&chain, &address(1));
    assert_eq!(held, [[Value::Integer(1_000_000 - price(GAS))]]);
    assert!(chain.block(vec![]).events.is_empty());
    assert_eq!(count(&chain, "a"), 0);
    let outcome = chain.block(vec![]);
    assert_eq!(kinds(&outcome), ["schedule.run"]);
    assert_eq!((count(&chain, "a"), schedules(&chain).len()), (1, 0));
    invariants(&chain);

    // Block h is at second h: every three seconds, three times.
    let time = 1_700_000_000_000 + (chain.height as i64 + 2) * 1_000;
    plan(&mut chain, "a", "tick", when("time", time, 3_000, GAS));
    for _ in 0..8 {
        chain.block(vec![]);
        invariants(&chain);
    }
    assert_eq!(count(&chain, "a"), 4);
    // Nothing between two blocks: the next one that is not past.
    plan(&mut chain, "a", "tick", when("time", time + 60_000, 1, GAS));
    assert_eq!(schedules(&chain).len(), 2);
}

#[test]
fn rule_2_cancelling_gives_the_price_back() {
    let mut chain = Chain::memory(2);
    ticking(&mut chain, "a", 1);
    make(&mut chain, "b", planner(""));
    let height = chain.height as i64;
    plan(&mut chain, "a", "tick", when("height", height + 50, 5, GAS));
    let number = |number: i64| vec![Value::Blob(encode_row(&[number.into()]))];
    let foreign = call(&mut chain, "b", "stop", number(1));
    assert_eq!(rows(&foreign), meaning(Code::InvalidSchedule), "another contract's");
    assert!(rows(&call(&mut chain, "a", "stop", number(1))).is_empty());
    assert_eq!(balance(&chain, &address(1)), [[Value::Integer(1_000_000)]]);
    assert!(schedules(&chain).is_empty() && escrow(&chain).is_empty());
    assert_eq!(rows(&call(&mut chain, "a", "stop", number(1))), meaning(Code::InvalidSchedule));
}

#[test]
fn rule_3_failures_are_retried_and_parked() {
    let mut chain = Chain::memory(2);
    ticking(&mut chain, "a", 1);
    let height = chain.height as i64;
    plan(&mut chain, "a", "fail", when("height", height + 2, 0, GAS));
    let mut failed = Vec::new();
    for _ in 0..115 {
        let outcome = chain.block(vec![]);
        if !outcome.events.is_empty() {
            failed.push((chain.height as i64 - height, kinds(&outcome)));
        }
        invariants(&chain);
    }
    let fail = vec!["schedule.fail".to_owned()];
    let park = vec!["schedule.fail".to_owned(), "schedule.park".to_owned()];
    assert_eq!(failed, [(2, fail.clone()), (12, fail), (112, park)]);
    assert_eq!(count(&chain, "a"), 0);
    assert_eq!(schedules(&chain)[0][1], Value::from("parked"));
    assert_eq!(balance(&chain, &address(1)), [[Value::Integer(1_000_000 - 3 * price(GAS))]]);
    let number = vec![Value::Blob(encode_row(&[1.into()]))];
    assert!(rows(&call(&mut chain, "a", "stop", number)).is_empty());
    assert!(schedules(&chain).is_empty());
}

#[test]
fn rule_4_who_cannot_pay_has_none() {
    let mut chain = Chain::memory(2);
    ticking(&mut chain, "a", 1);
    make(&mut chain, "b", planner(r#"(func (export "scheduled_tick"))"#));
    let height = chain.height as i64;
    let refused = plan(&mut chain, "b", "tick", when("height", height + 9, 0, GAS));
    assert_eq!(refused, meaning(Code::InsufficientFunds));
    let message = chain.send(0, AccountAddress::of_contract(2), price(GAS).cast_unsigned() + 1);
    assert!(chain.run(0, vec![message]).is_ok());
    let height = chain.height as i64;
    plan(&mut chain, "b", "tick", when("height", height + 2, 1, GAS));
    let outcome = chain.block(vec![]);
    assert_eq!(kinds(&outcome), ["schedule.run", "schedule.park"]);
    assert_eq!(schedules(&chain)[0][1], Value::from("parked"));
    invariants(&chain);
    assert!(chain.block(vec![]).events.is_empty());
}

#[test]
fn rule_5_what_may_be_asked_for() {
    let mut chain = Chain::memory(2);
    ticking(&mut chain, "a", 1);
    let height = chain.height as i64;
    let far = height + 1_000;
    for (name, entry, bad) in [
        ("now", "tick", when("height", height + 1, 0, GAS)),
        ("the past", "tick", when("time", 0, 0, GAS)),
        ("an interval below 0", "tick", when("height", far, -1, GAS)),
        ("no clock", "tick", when("moon", far, 0, GAS)),
        ("running", "tick", when("running", far, 0, GAS)),
        ("too little gas", "tick", when("height", far, 0, limits::SCHEDULE_GAS_MIN as i64 - 1)),
        ("too much gas", "tick", when("height", far, 0, limits::SCHEDULE_GAS_MAX as i64 + 1)),
        ("negative gas", "tick", when("height", far, 0, -1)),
        ("no such entry point", "exec", when("height", far, 0, GAS)),
        ("a name that is no name", "", when("height", far, 0, GAS)),
    ] {
        let refused = plan(&mut chain, "a", entry, bad);
        assert_eq!(refused, meaning(Code::InvalidSchedule), "{name}");
    }
    let large = vec!["tick".into(), Value::Blob(vec![0; 4_097]), when("height", far, 0, GAS)];
    assert_eq!(rows(&call(&mut chain, "a", "plan", large)), meaning(Code::InvalidSchedule));
    for (name, bad) in [
        ("not a row", Value::Blob(vec![9])),
        ("too short", Value::Blob(encode_row(&["height".into()]))),
    ] {
        let arguments = vec!["tick".into(), Value::Blob(vec![0, 0]), bad];
        let result = call(&mut chain, "a", "plan", arguments);
        assert_eq!(verdict(&result), number(Code::WasmHost), "{name}");
    }
    // The largest due that there is, and an interval beyond it.
    plan(&mut chain, "a", "tick", when("height", i64::MAX, i64::MAX, 100_000));
    let height = chain.height as i64;
    plan(&mut chain, "a", "tick", when("height", height + 2, i64::MAX, GAS));
    assert_eq!(kinds(&chain.block(vec![])), ["schedule.run"]);
    for _ in 2..limits::SCHEDULES_MAX {
        assert_eq!(plan(&mut chain, "a", "tick", when("height", far * 9, 0, 100_000))[0].len(), 1);
    }
    let refused = plan(&mut chain, "a", "tick", when("height", far * 9, 0, 100_000));
    assert_eq!(refused, meaning(Code::InvalidSchedule));
    invariants(&chain);
}

#[test]
fn rule_6_a_flood_waits_in_line() {
    let mut chain = Chain::memory(2);
    ticking(&mut chain, "a", 1);
    ticking(&mut chain, "b", 2);
    let message = chain.send(0, AccountAddress::of_contract(1), 100_000_000);
    assert!(chain.run(0, vec![message]).is_ok());
    let due = chain.height as i64 + 40;
    // Twenty that burn all their gas: five blocks' worth.
    for _ in 0..20 {
        plan(&mut chain, "a", "spin", when("height", due, 0, limits::SCHEDULE_GAS_MAX as i64));
    }
    plan(&mut chain, "b", "tick", when("time", 1_700_000_000_000 + due * 1_000, 0, GAS));
    plan(&mut chain, "b", "tick", when("height", due, 0, GAS));
    while (chain.height as i64) < due - 1 {
        assert!(chain.block(vec![]).events.is_empty());
    }
    let mut ticks = Vec::new();
    for _ in 0..6 {
        let send = chain.send(1, chain.address(0), 1);
        let tx = chain.sign_with_gas(1, vec![send], 200_000);
        let outcome = chain.block(vec![tx]);
        assert!(outcome.tx_results[0].is_ok(), "transactions go on");
        let fails = kinds(&outcome).iter().filter(|kind| *kind == "schedule.fail").count();
        assert!(fails <= 4, "no block beyond its budget: {fails}");
        ticks.push(count(&chain, "b"));
        invariants(&chain);
    }
    assert!(ticks[1] >= 1, "by time it is its turn in an even block: {ticks:?}");
    assert_eq!(ticks[5], 2, "{ticks:?}");
}

#[test]
fn rule_7_empty_blocks_move_no_root() {
    let run = || {
        let mut chain = Chain::memory(2);
        ticking(&mut chain, "a", 1);
        let height = chain.height as i64;
        plan(&mut chain, "a", "tick", when("height", height + 5, 4, GAS));
        plan(&mut chain, "a", "fail", when("height", height + 6, 4, GAS));
        let mut roots = Vec::new();
        for _ in 0..20 {
            let outcome = chain.block(vec![]);
            roots.push((outcome.app_hash, outcome.events.is_empty()));
        }
        roots
    };
    let roots = run();
    for pair in roots.windows(2) {
        let (moved, quiet) = (pair[0].0 != pair[1].0, pair[1].1);
        assert_eq!(moved, !quiet);
    }
    assert!(roots.iter().any(|(_, quiet)| !quiet));
    assert_eq!(roots, run());
}
