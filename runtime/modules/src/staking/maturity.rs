//! What has matured at the end of a block (rule 9 of the module): validators first, then unbondings, then
//! redelegations, each the earliest first.

use super::entries::{Redelegation, Unbonding};
use super::not_bonded_pool;
use super::set::status_event;
use super::validator::{self, Status, matured, save};
use crate::bank;
use crate::context::Writer;
use dadbs_types::coin::DENOM;
use dadbs_types::limits::MATURITIES_BLOCK_MAX;
use dadbs_types::{Event, Fatal, OperatorAddress};

/// Handles what has matured, up to the block's bound.
pub(super) fn mature(writer: &mut Writer<'_>) -> Result<(), Fatal> {
    let now = writer.block.time_s();
    let mut left = MATURITIES_BLOCK_MAX as u64;
    for mut validator in matured(writer.store, now, left)? {
        left -= 1;
        validator.status = Status::Unbonded;
        status_event(writer, &validator);
        if validator.shares == 0 && !validator.tombstoned {
            validator::remove(writer, validator.operator)?;
        } else {
            save(writer.store, &validator)?;
        }
    }
    for unbonding in Unbonding::matured(writer.store, now, left)? {
        left -= 1;
        unbonding.remove(writer.store)?;
        let (delegator, amount) = (unbonding.delegator, unbonding.balance);
        bank::pay_out(writer.store, not_bonded_pool(), delegator, amount)?;
        writer.events.push(
            Event::new("complete_unbonding")
                .with("validator", OperatorAddress(unbonding.operator))
                .with("delegator", delegator)
                .with("amount", format!("{amount}{DENOM}")),
        );
    }
    for moved in Redelegation::matured(writer.store, now, left)? {
        moved.remove(writer.store)?;
        writer.events.push(
            Event::new("complete_redelegation")
                .with("source_validator", OperatorAddress(moved.from))
                .with("destination_validator", OperatorAddress(moved.to))
                .with("delegator", moved.delegator)
                .with("amount", format!("{}{DENOM}", moved.entry.initial_balance)),
        );
    }
    Ok(())
}
