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

use dadbs_modules::upgrade::{self, Plan};
use dadbs_store::Store;
use dadbs_types::{Error, Event, Fatal, Halt};

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

fn known<'a>(upgrades: &'a [Upgrade], name: &str) -> Option<&'a Upgrade> {
    upgrades.iter().find(|upgrade| upgrade.name == name)
}

fn halt(plan: &Plan, message: String) -> Fatal {
    let Plan { name, height, info } = plan.clone();
    Fatal::halt(message, Halt { name, height, info })
}

/// Rules 2 and 4: the plan that the block of a height begins with, if it is this one's.
fn due<'a>(
    store: &Store,
    upgrades: &'a [Upgrade],
    height: u64,
) -> Result<Option<(Plan, &'a Upgrade)>, Fatal> {
    let Some(plan) = upgrade::plan(store)? else { return Ok(None) };
    let Plan { name, height: planned, info } = &plan;
    match (known(upgrades, name), *planned <= height) {
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

/// Rule 5; `height` is that of the next block.
pub(crate) fn check_opened(store: &Store, upgrades: &[Upgrade], height: u64) -> Result<(), Fatal> {
    if let Some(name) = upgrade::last_applied(store)?
        && known(upgrades, &name).is_none()
    {
        let height = upgrade::applied(store, &name)?.unwrap_or(0);
        let message = format!(
            "this software is too old: the state took up upgrade \"{name}\" at height {height}; start the \
             software that knows it"
        );
        return Err(halt(&Plan { name, height, info: String::new() }, message));
    }
    due(store, upgrades, height).map(drop)
}

/// Rules 2 to 4, at the beginning of a block.
pub(crate) fn begin(
    store: &mut Store,
    upgrades: &[Upgrade],
    height: u64,
    events: &mut Vec<Event>,
) -> Result<(), Fatal> {
    let Some((plan, upgrade)) = due(store, upgrades, height)? else { return Ok(()) };
    match (upgrade.migrate)(store) {
        Ok(()) => upgrade::apply(store, events, &plan),
        Err(Error::Fatal(fatal)) => Err(fatal),
        Err(Error::Rejected(rejection)) => Err(Fatal::new(format!(
            "upgrade \"{}\" cannot be made: {rejection}; start software with a mended one",
            plan.name
        ))),
    }
}
