//! No statement outlives its steps: stopped by a budget, it is undone; without one, its time per step
//! stays within a bound that `examples/bench_steps.rs` prints.
#[path = "common/bombs.rs"]
mod bombs;

use std::time::{Duration, Instant};

use dadbs_sqlite::{Connection, SqlFailure};

/// Generous: a release build on an idle machine takes 5 to 60 ns for a step.
const STEP_MAX: Duration = Duration::from_micros(2);

fn open() -> Connection {
    let connection = Connection::memory().unwrap();
    connection
        .batch(
            "CREATE TABLE numbers(value INTEGER PRIMARY KEY);
             INSERT INTO numbers WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 100000)
             SELECT i FROM n",
        )
        .unwrap();
    for sql in bombs::SETUP {
        connection.batch(sql).unwrap();
        connection.capture_truncate(0);
    }
    connection.batch("BEGIN").unwrap();
    connection
}

#[test]
fn user_rule_1_every_bomb_ends_within_its_steps() {
    let connection = open();
    for (name, sql) in bombs::STATEMENTS {
        for budget in [1_000_u64, 300_000] {
            let start = Instant::now();
            let mut statement =
                connection.prepare_user(sql).unwrap_or_else(|why| panic!("{name}: {why:?}"));
            let result = statement.run(&[], budget, &mut |_| Ok(()));
            drop(statement);
            let took = start.elapsed();
            match result {
                Ok(run) => assert!(run.steps < budget, "{name}"),
                Err(SqlFailure::Steps(steps)) => assert_eq!(steps, budget, "{name}"),
                // The row of a temporary table or an index key may be too long, a text too.
                Err(SqlFailure::Rejected(why)) => assert_eq!(why.code.codespace(), "sql", "{name}"),
                Err(why) => panic!("{name}: {why:?}"),
            }
            assert!(connection.is_in_transaction(), "{name}");
            // What is left of the budget's work, one instruction on the longest value, and undoing.
            let steps = u32::try_from(budget).unwrap() + 200_000;
            assert!(took < STEP_MAX * steps, "{name}: {took:?} for {budget} steps");
        }
        connection.batch("ROLLBACK; BEGIN").unwrap();
        connection.capture_truncate(0);
    }
}
