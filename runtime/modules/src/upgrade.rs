//! Software upgrades: a plan, the height at which the old software stops, and what was applied.
//!
//! State: `chain.upgrade_plans(id, name, height, info)`, one row at most; `chain.upgrades(name, height)`;
//! `chain.versions(name, version)`.
//!
//! Messages: `cosmos.upgrade.v1beta1.{MsgSoftwareUpgrade, MsgCancelUpgrade}`, by governance.
//!
//! Events: `upgrade_planned(name, height)`, `upgrade_cancelled(name)`, `upgrade_applied(name, height)`.
//!
//! 1. There is one plan; a new one takes the place of the old one.
//! 2. A plan's height is later than the block that makes it, and its name was never applied.
//! 3. What the software does with a plan is the application's: see there.
//! 4. `chain.versions` names the parts of the software that results depend on, as of genesis or the last upgrade.
//! 5. The chain's app version is the number of upgrades that it took up.

use crate::context::{Rows, Table, integer};
use dadbs_store::Store;
use dadbs_types::limits::{UPGRADE_INFO_BYTES_MAX, UPGRADE_NAME_BYTES_MAX};
use dadbs_types::{BlockInfo, Code, Error, Event, Fatal, Value};

const PLANS: Table = Table("chain.upgrade_plans");
const UPGRADES: Table = Table("chain.upgrades");
const VERSIONS: Table = Table("chain.versions");

/// The module's tables.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE chain_upgrade_plans (
        id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
        name TEXT NOT NULL,
        height INTEGER NOT NULL,
        info TEXT NOT NULL
    ) STRICT",
    "CREATE TABLE chain_upgrades (
        name TEXT NOT NULL PRIMARY KEY,
        height INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_versions (
        name TEXT NOT NULL PRIMARY KEY,
        version TEXT NOT NULL
    ) STRICT, WITHOUT ROWID",
];

/// A planned upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The name that the new software knows.
    pub name: String,
    /// The first height that the new software executes.
    pub height: u64,
    /// For operators: where the software is, and its hash.
    pub info: String,
}

fn refuse(message: String) -> Error {
    Error::rejected(Code::InvalidUpgrade, message)
}

/// Makes the module's tables.
pub fn init(store: &mut Store) -> Result<(), Fatal> {
    SCHEMA.iter().try_for_each(|sql| store.execute(sql, &[]).map(drop))
}

/// Refuses a plan that could never be made, whatever the state.
pub fn check(plan: &Plan) -> Result<(), Error> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let name = &plan.name;
    if name.is_empty() || name.len() > UPGRADE_NAME_BYTES_MAX || !name.bytes().all(known) {
        return Err(refuse(format!(
            "an upgrade's name is 1 to {UPGRADE_NAME_BYTES_MAX} letters, digits, dots, dashes and underscores"
        )));
    }
    if plan.info.len() > UPGRADE_INFO_BYTES_MAX {
        return Err(refuse(format!("the info has more than {UPGRADE_INFO_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// Plans an upgrade (rules 1 and 2).
pub fn schedule(
    store: &mut Store,
    events: &mut Vec<Event>,
    block: &BlockInfo,
    plan: &Plan,
) -> Result<(), Error> {
    check(plan)?;
    if plan.height <= block.height || i64::try_from(plan.height).is_err() {
        return Err(refuse(format!(
            "the upgrade is planned for height {}, which is not after this block, {}",
            plan.height, block.height
        )));
    }
    if let Some(height) = applied(store, &plan.name)? {
        let name = &plan.name;
        return Err(refuse(format!("\"{name}\" was applied at height {height}: use a new name")));
    }
    store.execute(
        "INSERT INTO chain_upgrade_plans (id, name, height, info) VALUES (1, ?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, height = excluded.height,
         info = excluded.info",
        &[&plan.name.as_str().into(), &integer(plan.height)?, &plan.info.as_str().into()],
    )?;
    let event = Event::new("upgrade_planned").with("name", &plan.name);
    events.push(event.with("height", plan.height));
    Ok(())
}

/// Takes the plan back.
pub fn cancel(store: &mut Store, events: &mut Vec<Event>) -> Result<(), Error> {
    let plan = plan(store)?.ok_or_else(|| refuse("there is no plan to cancel".into()))?;
    store.execute("DELETE FROM chain_upgrade_plans", &[])?;
    events.push(Event::new("upgrade_cancelled").with("name", plan.name));
    Ok(())
}

/// A part of the software that results depend on, and its version.
pub type Version = (&'static str, String);

/// Notes the versions of the software (rule 4); writes what changes, and forgets what is not named.
pub fn record_versions(store: &mut Store, versions: &[Version]) -> Result<(), Fatal> {
    for (name, _) in recorded_versions(store)? {
        if !versions.iter().any(|(known, _)| *known == name) {
            store.execute("DELETE FROM chain_versions WHERE name = ?1", &[&Value::Text(name)])?;
        }
    }
    for (name, version) in versions {
        store.execute(
            "INSERT INTO chain_versions (name, version) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET version = excluded.version
             WHERE version <> excluded.version",
            &[&Value::Text((*name).into()), &Value::Text(version.clone())],
        )?;
    }
    Ok(())
}

/// The versions that the state was made with, by name (rule 4).
pub fn recorded_versions(rows: &impl Rows) -> Result<Vec<(String, String)>, Fatal> {
    let found = rows.rows("SELECT name, version FROM chain_versions ORDER BY name", &[])?;
    found.iter().map(|row| Ok((VERSIONS.text(row, 0)?, VERSIONS.text(row, 1)?))).collect()
}

/// How many upgrades were taken up (rule 5).
pub fn app_version(rows: &impl Rows) -> Result<u64, Fatal> {
    let found = rows.rows("SELECT count(*) FROM chain_upgrades", &[])?;
    found.first().map_or(Ok(0), |row| UPGRADES.count(row, 0))
}

/// Notes that the software has taken up a plan.
pub fn apply(store: &mut Store, events: &mut Vec<Event>, plan: &Plan) -> Result<(), Fatal> {
    store.execute("DELETE FROM chain_upgrade_plans", &[])?;
    store.execute(
        "INSERT INTO chain_upgrades (name, height) VALUES (?1, ?2)",
        &[&plan.name.as_str().into(), &integer(plan.height)?],
    )?;
    let event = Event::new("upgrade_applied").with("name", &plan.name);
    events.push(event.with("height", plan.height));
    Ok(())
}

/// The plan, if there is one.
pub fn plan(rows: &impl Rows) -> Result<Option<Plan>, Fatal> {
    let found = rows.rows("SELECT name, height, info FROM chain_upgrade_plans", &[])?;
    let Some(row) = found.first() else { return Ok(None) };
    let (name, info) = (PLANS.text(row, 0)?, PLANS.text(row, 2)?);
    Ok(Some(Plan { name, height: PLANS.count(row, 1)?, info }))
}

/// The height at which a name was applied.
pub fn applied(rows: &impl Rows, name: &str) -> Result<Option<u64>, Fatal> {
    let found = rows
        .rows("SELECT height FROM chain_upgrades WHERE name = ?1", &[&Value::Text(name.into())])?;
    found.first().map(|row| UPGRADES.count(row, 0)).transpose()
}

/// The name of the last upgrade that was applied.
pub fn last_applied(rows: &impl Rows) -> Result<Option<String>, Fatal> {
    let found = rows.rows("SELECT name FROM chain_upgrades ORDER BY height DESC LIMIT 1", &[])?;
    found.first().map(|row| UPGRADES.text(row, 0)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: BlockInfo = BlockInfo {
        height: 10,
        time_ns: 0,
        proposer_address: [0; 20],
        votes: Vec::new(),
        misbehavior: Vec::new(),
    };

    fn store() -> Store {
        let mut store = Store::memory().unwrap();
        store.begin_block(0, 0).unwrap();
        init(&mut store).unwrap();
        store
    }

    fn to(name: &str, height: u64) -> Plan {
        Plan { name: name.into(), height, info: "sha256:00".into() }
    }

    #[test]
    fn rule_1_a_new_plan_takes_the_place_of_the_old_one() {
        let mut store = store();
        let events = &mut Vec::new();
        schedule(&mut store, events, &BLOCK, &to("v2", 20)).unwrap();
        schedule(&mut store, events, &BLOCK, &to("v3", 30)).unwrap();
        assert_eq!(plan(&store).unwrap(), Some(to("v3", 30)));
        cancel(&mut store, events).unwrap();
        assert_eq!(plan(&store).unwrap(), None);
        assert!(cancel(&mut store, events).is_err());
    }

    #[test]
    fn rule_2_heights_come_and_names_are_new() {
        let mut store = store();
        let events = &mut Vec::new();
        let long = "v".repeat(UPGRADE_NAME_BYTES_MAX + 1);
        for bad in [to("v2", 10), to("", 20), to(&long, 20), to("v 2", 20), to("v2", u64::MAX)] {
            let refused = schedule(&mut store, events, &BLOCK, &bad).unwrap_err();
            assert!(matches!(refused, Error::Rejected(r) if r.code == Code::InvalidUpgrade));
        }
        apply(&mut store, events, &to("v2", 10)).unwrap();
        assert!(schedule(&mut store, events, &BLOCK, &to("v2", 20)).is_err());
        assert_eq!(last_applied(&store).unwrap().as_deref(), Some("v2"));
        assert_eq!(applied(&store, "v2").unwrap(), Some(10));
    }

    #[test]
    fn rules_4_and_5_versions_are_kept_and_upgrades_counted() {
        let mut store = store();
        assert_eq!(app_version(&store).unwrap(), 0);
        record_versions(&mut store, &[("a", "1".into()), ("b", "1".into())]).unwrap();
        record_versions(&mut store, &[("c", "1".into()), ("b", "2".into())]).unwrap();
        let kept = recorded_versions(&store).unwrap();
        assert_eq!(kept, [("b".into(), "2".into()), ("c".into(), "1".into())]);
        apply(&mut store, &mut Vec::new(), &to("v2", 10)).unwrap();
        assert_eq!(app_version(&store).unwrap(), 1);
    }
}
