//! What this software does with planned upgrades.
//!
//! 1. [`UPGRADES`] lists every upgrade of the chain that this software knows, and what each changes.
//! 2. At the height of a plan that it does not know it halts before the block: the state is that of the height
//!    before, and the software that knows the plan goes on from there.
//! 3. At the height of a plan that it knows it makes the changes before anything else in the block.
//! 4. It halts, too, while the height of a plan that it knows has not come: the blocks before are the old
//!    software's.
//! 5. It does not open a state whose last upgrade it does not know, nor one where rule 2 or 4 halts the next
//!    block.
//! 6. Gas schedule, SQLite and wasmtime decide results. Genesis notes their versions in the state, an upgrade
//!    moves them to those of the software that takes it up, and software with others does not open the state.

use dadbs_modules::upgrade::{self, Plan, Version};
use dadbs_store::{SQLITE_PATCH, SQLITE_SOURCE, Store};
use dadbs_types::gas::SCHEDULE_VERSION;
use dadbs_types::{Error, Event, Fatal, Halt};
use dadbs_vm::WASMTIME;

/// An upgrade that the software knows.
#[derive(Clone, Copy, Debug)]
pub struct Upgrade {
    /// The plan's name.
    pub name: &'static str,
    /// What changes in the state, inside the block's transaction. A refusal halts the node.
    pub migrate: fn(&mut Store) -> Result<(), Error>,
}

/// The upgrades of this software (rule 1).
pub const UPGRADES: &[Upgrade] = &[];

/// What decides how a version of the software continues a chain.
#[derive(Clone, Copy, Debug)]
pub struct Software {
    /// The upgrades that it knows.
    pub upgrades: &'static [Upgrade],
    /// The gas schedule (rule 6).
    pub gas_schedule: u32,
}

impl Software {
    /// This one.
    pub const THIS: Software = Software { upgrades: UPGRADES, gas_schedule: SCHEDULE_VERSION };

    fn known(&self, name: &str) -> Option<&'static Upgrade> {
        self.upgrades.iter().find(|upgrade| upgrade.name == name)
    }

    /// The versions that results depend on (rule 6).
    pub(crate) fn versions(&self) -> [Version; 4] {
        [
            ("gas_schedule", self.gas_schedule.to_string()),
            ("sqlite", SQLITE_SOURCE.into()),
            ("sqlite_patch", SQLITE_PATCH.to_string()),
            ("wasmtime", WASMTIME.into()),
        ]
    }
}

fn halt(plan: &Plan, message: String) -> Fatal {
    let Plan { name, height, info } = plan.clone();
    Fatal::halt(message, Halt { name, height, info })
}

/// Rules 2 and 4: the plan that the block of a height begins with, if it is this one's.
fn due(
    store: &Store,
    software: &Software,
    height: u64,
) -> Result<Option<(Plan, &'static Upgrade)>, Fatal> {
    let Some(plan) = upgrade::plan(store)? else { return Ok(None) };
    let Plan { name, height: planned, info } = &plan;
    match (software.known(name), *planned <= height) {
        (Some(upgrade), true) => Ok(Some((plan, upgrade))),
        (None, false) => Ok(None),
        (None, true) => {
            let message = format!(
                "UPGRADE \"{name}\" NEEDED at height {planned}: the state rests at height {}, start the software \
                 that knows \"{name}\" on this home. {info}",
                height.saturating_sub(1)
            );
            Err(halt(&plan, message))
        }
        (Some(_), false) => {
            let message = format!(
                "this software is for upgrade \"{name}\" and too early: its height is {planned}, the next block \
                 is {height}; run the software before it until then"
            );
            Err(halt(&plan, message))
        }
    }
}

/// Rules 5 and 6; `height` is that of the next block.
pub(crate) fn check_opened(store: &Store, software: &Software, height: u64) -> Result<(), Fatal> {
    if let Some(name) = upgrade::last_applied(store)?
        && software.known(&name).is_none()
    {
        let height = upgrade::applied(store, &name)?.unwrap_or(0);
        let message = format!(
            "this software is too old: the state took up upgrade \"{name}\" at height {height}; start the \
             software that knows it"
        );
        return Err(halt(&Plan { name, height, info: String::new() }, message));
    }
    match due(store, software, height)? {
        // It moves the versions.
        Some(_) => Ok(()),
        None => check_versions(store, software),
    }
}

/// Rule 6.
fn check_versions(store: &Store, software: &Software) -> Result<(), Fatal> {
    let recorded = upgrade::recorded_versions(store)?;
    let recorded_of = |name: &str| {
        let found = recorded.iter().find(|(recorded, _)| recorded == name);
        found.map_or("none", |(_, version)| version)
    };
    let versions = software.versions();
    let other = versions.iter().find(|(name, version)| recorded_of(name) != version);
    let Some((name, version)) = other else { return Ok(()) };
    let last = upgrade::last_applied(store)?;
    let since = last.map_or_else(|| "its genesis".into(), |name| format!("upgrade \"{name}\""));
    Err(Fatal::new(format!(
        "this software has {name} {version}, the chain has {name} {} since {since}: it would compute other \
         results; start the software of {since}, a vote on an upgrade moves the chain to another",
        recorded_of(name)
    )))
}

/// Rules 2 to 4 and 6, at the beginning of a block.
pub(crate) fn begin(
    store: &mut Store,
    software: &Software,
    height: u64,
    events: &mut Vec<Event>,
) -> Result<(), Fatal> {
    let Some((plan, upgrade)) = due(store, software, height)? else { return Ok(()) };
    match (upgrade.migrate)(store) {
        Ok(()) => {
            upgrade::record_versions(store, &software.versions())?;
            upgrade::apply(store, events, &plan)
        }
        Err(Error::Fatal(fatal)) => Err(fatal),
        Err(Error::Rejected(rejection)) => Err(Fatal::new(format!(
            "upgrade \"{}\" cannot be made: {rejection}; start software with a mended one",
            plan.name
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_6_wasmtime_is_the_one_that_is_linked() {
        let lock = include_str!("../../../Cargo.lock");
        let named = format!("name = \"wasmtime\"\nversion = \"{WASMTIME}\"\n");
        assert!(lock.contains(&named), "Cargo.lock has another wasmtime than {WASMTIME}");
    }
}
