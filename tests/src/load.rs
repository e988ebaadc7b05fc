//! A load from a seed: transfers, schema changes, rows, grants, and much that fails.
//!
//! 1. The transactions are a function of the seed and of the state that the chain reached by them.
//! 2. About a third of them fails, in ante, in the contract, in SQL or for gas.
//! 3. A load with stake moves it too: on a chain of [`staked`].
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::too_many_lines,
    reason = "numbers of a load are small; tables are long"
)]

use crate::craft::Craft;
use crate::stake::{self, DADB};
use crate::{Chain, Random, SHORT_VOTES, key, staked_genesis};
use dadbs_app::Genesis;
use dadbs_types::Value;
use prost_types::Any;

/// Accounts that a chain under load needs.
pub const ACCOUNTS: u8 = 5;

/// The databases of the load; number n belongs to account n.
const DATABASES: [&str; 3] = ["alpha", "beta", "gamma"];

/// A genesis of four validators whose stake matures, and whose jails end, within a few blocks (rule 3).
pub fn staked() -> Genesis {
    let mut genesis = staked_genesis(ACCOUNTS, 4);
    for (name, value) in [
        ("staking.unbonding_time", 6),
        ("staking.max_validators", 4),
        ("slashing.signed_blocks_window", 5),
        ("slashing.min_signed_per_window", 500_000),
        ("slashing.downtime_jail_duration", 2),
        ("slashing.jailed_power_per_hour", 1_000_000),
    ] {
        genesis.params.insert(name.into(), value);
    }
    let votes = SHORT_VOTES.iter().map(|(name, value)| ((*name).to_string(), *value));
    genesis.params.extend(votes);
    genesis
}

/// Makes blocks.
#[derive(Clone, Debug)]
pub struct Load {
    random: Random,
    blocks: u64,
    transactions_max: u64,
    with_stake: bool,
}

impl Load {
    /// A load with at most so many transactions in a block.
    pub fn new(seed: u64, transactions_max: u64) -> Load {
        Load { random: Random(seed), blocks: 0, transactions_max, with_stake: false }
    }

    /// A load that moves stake, too (rule 3).
    #[must_use]
    pub fn with_stake(self) -> Load {
        Load { with_stake: true, ..self }
    }

    /// The transactions of the next block; the chain must be at the height before it.
    ///
    /// # Panics
    /// If the committed state cannot be read.
    pub fn block(&mut self, chain: &mut Chain) -> Vec<Vec<u8>> {
        chain.resync();
        self.blocks += 1;
        if self.blocks == 1 {
            return (0u8..)
                .zip(DATABASES)
                .map(|(index, name)| {
                    let message = chain.instantiate(index, 1, name, "");
                    chain.sign(index, vec![message])
                })
                .collect();
        }
        if self.blocks == 2 {
            return (0..3).map(|index| Load::tables(chain, index)).collect();
        }
        let count = self.random.below(self.transactions_max + 1);
        (0..count).map(|_| self.transaction(chain)).collect()
    }

    fn tables(chain: &mut Chain, index: u8) -> Vec<u8> {
        let statements = [
            ("CREATE TABLE a (id INTEGER PRIMARY KEY, t TEXT NOT NULL DEFAULT 'x', v)", vec![]),
            (
                "CREATE TABLE b (k TEXT NOT NULL PRIMARY KEY, r REAL, a REFERENCES a ON DELETE CASCADE) WITHOUT ROWID",
                vec![],
            ),
            ("CREATE TABLE c (x, y, UNIQUE (x, y))", vec![]),
            ("CREATE INDEX a_v ON a (v, t)", vec![]),
        ];
        let message = chain.exec(index, DATABASES[usize::from(index)], &statements);
        chain.sign(index, vec![message])
    }

    fn transaction(&mut self, chain: &mut Chain) -> Vec<u8> {
        let mut index = self.random.below(u64::from(ACCOUNTS)) as u8;
        if self.random.below(3) > 0 {
            // Mostly the owners.
            index %= 3;
        }
        match self.random.below(20) {
            0 => {
                let length = self.random.below(200);
                return (0..length).map(|_| self.random.next_u64() as u8).collect();
            }
            1 => {
                let sequence = chain.sequence(index) + self.random.below(3);
                let message = chain.send(index, key(1).address(), 1);
                let mut craft = Craft::new(index, sequence, vec![message], 1_000_000);
                craft.chain_id.clone_from(&chain.chain_id);
                return craft.bytes();
            }
            2 => {
                let message = self.statements(chain, index);
                let gas = 75_000 + self.random.below(400_000);
                return chain.sign_with_gas(index, vec![message], gas);
            }
            _ => {}
        }
        let count = 1 + self.random.below(3) / 2;
        let messages = (0..count).map(|_| self.message(chain, index)).collect();
        chain.sign_with_gas(index, messages, 40_000_000)
    }

    fn message(&mut self, chain: &Chain, index: u8) -> Any {
        if self.with_stake && self.random.below(2) == 0 {
            return self.stake(chain, index);
        }
        match self.random.below(10) {
            0 => {
                let to = key(self.random.below(12) as u8).address();
                let amount = self.random.below(1 << (1 + self.random.clone().below(50)));
                chain.send(index, to, amount)
            }
            1 | 2 => self.access(chain, index),
            3 if self.random.below(3) == 0 => chain.exec(index, "nowhere", &[("SELECT 1", vec![])]),
            _ => self.statements(chain, index),
        }
    }

    fn stake(&mut self, chain: &Chain, index: u8) -> Any {
        let one = self.random.below(u64::from(ACCOUNTS)) as u8;
        let other = self.random.below(u64::from(ACCOUNTS)) as u8;
        let amount = 1 + self.random.below(40 * DADB);
        match self.random.below(12) {
            0..=3 => stake::delegate(chain, index, one, amount),
            4 | 5 => stake::undelegate(chain, index, one, amount / 2 + 1),
            6 => stake::redelegate(chain, index, one, other, amount / 2 + 1),
            7 => {
                let height = chain.height.saturating_sub(self.random.below(3));
                stake::cancel(chain, index, one, height, 1 + amount / 8)
            }
            8 => stake::rotate(chain, index, 20 + self.random.below(40) as u8),
            9 => stake::create(chain, index, 60 + self.random.below(30) as u8, amount + DADB),
            10 => stake::undelegate(chain, index, index, 100 * DADB),
            _ => stake::unjail(chain, index),
        }
    }

    fn database(&mut self, index: u8) -> &'static str {
        // Mostly the own one.
        match self.random.below(8) {
            0 => DATABASES[self.random.below(3) as usize],
            _ => DATABASES[usize::from(index % 3)],
        }
    }

    fn access(&mut self, chain: &Chain, index: u8) -> Any {
        let database = self.database(index);
        let member = key(self.random.below(u64::from(ACCOUNTS)) as u8).address().to_string();
        let verb = ["select", "insert", "update", "delete", "all"][self.random.below(5) as usize];
        let table = ["a", "b", "c", "*"][self.random.below(4) as usize];
        match self.random.below(5) {
            0 => chain.execute(index, database, "revoke", &[&member, verb, table]),
            1 => chain.execute(index, database, "create_role", &["staff"]),
            2 => chain.execute(index, database, "grant_role", &["staff", &member]),
            3 => chain.execute(index, database, "grant", &["staff", verb, table]),
            _ => chain.execute(index, database, "grant", &[&member, verb, table]),
        }
    }

    fn statements(&mut self, chain: &Chain, index: u8) -> Any {
        let database = self.database(index);
        let count = 1 + self.random.below(5) / 3;
        let statements: Vec<(String, Vec<Vec<Value>>)> =
            (0..count).map(|_| self.statement()).collect();
        let statements: Vec<_> =
            statements.iter().map(|(sql, rows)| (sql.as_str(), rows.clone())).collect();
        chain.exec(index, database, &statements)
    }

    fn statement(&mut self) -> (String, Vec<Vec<Value>>) {
        let n = self.random.below(60);
        let m = self.random.below(40);
        let sql = match self.random.below(30) {
            0 => format!("INSERT INTO a (id, v) VALUES ({n}, {m})"),
            1 => format!("INSERT OR REPLACE INTO a VALUES ({n}, hex(randomblob({m})), random())"),
            2 => {
                format!("INSERT INTO a (t, v) SELECT t || 'y', {n} FROM a WHERE id % 7 = {}", n % 7)
            }
            3 => format!("UPDATE a SET v = v + {m}, t = upper(t) WHERE id > {n}"),
            4 => format!("UPDATE OR IGNORE a SET id = id + {m} WHERE id < {n}"),
            5 => format!("DELETE FROM a WHERE id % 11 = {}", n % 11),
            6 => format!("INSERT INTO b VALUES ('k{n}', {m}.25, (SELECT max(id) FROM a))"),
            7 => format!("INSERT INTO b (k, a) VALUES ('k{n}', {m})"),
            8 => format!(
                "INSERT INTO b VALUES ('k{n}', 1, NULL) ON CONFLICT (k) DO UPDATE SET r = r + 1"
            ),
            9 => format!("UPDATE b SET r = r * 1.5 WHERE k > 'k{n}' RETURNING k, r"),
            10 => "INSERT OR IGNORE INTO c SELECT id % 5, v FROM a".into(),
            11 => format!("INSERT INTO c VALUES ({}, {})", n % 9, m % 9),
            12 => format!("DELETE FROM c WHERE x = {} RETURNING rowid, *", n % 9),
            13 => "UPDATE c SET y = (SELECT count(*) FROM a) WHERE x IN (SELECT id FROM a)".into(),
            14 => format!("CREATE TABLE IF NOT EXISTS e{} (p INTEGER PRIMARY KEY, q TEXT)", n % 3),
            15 => format!("DROP TABLE IF EXISTS e{}", n % 3),
            16 => format!("INSERT INTO e{} (q) VALUES (CURRENT_TIMESTAMP), ('z')", n % 3),
            17 => format!("ALTER TABLE e{} ADD COLUMN w INTEGER DEFAULT {m}", n % 3),
            18 => format!("ALTER TABLE e{} DROP COLUMN w", n % 3),
            19 => format!("ALTER TABLE e{} RENAME TO e{}", n % 3, m % 3),
            20 => format!("CREATE INDEX IF NOT EXISTS i{} ON a (t, v)", n % 2),
            21 => format!("DROP INDEX IF EXISTS i{}", n % 2),
            22 => {
                "CREATE VIEW IF NOT EXISTS w AS SELECT a.id, b.k FROM a JOIN b ON b.a = a.id".into()
            }
            23 => "DROP VIEW IF EXISTS w".into(),
            24 => "UPDATE a SET v = (SELECT count(*) FROM a x, a y, a z, a w, a u)".into(),
            25 => "INSERT INTO a (id, t) VALUES (1, NULL)".into(),
            26 => "SELEKT 1".into(),
            27 => "PRAGMA defer_foreign_keys = on".into(),
            28 => {
                let rows = (0..m as i64).map(|i| vec![Value::Integer(i), Value::Blob(vec![7; 90])]);
                return ("INSERT INTO c VALUES (?, ?)".into(), rows.collect());
            }
            _ => "DELETE FROM a".into(),
        };
        (sql, Vec::new())
    }
}
