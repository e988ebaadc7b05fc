//! What has matured at the end of a block (rule 9 of the module): validators first, then redelegations, then
//! unbondings, each the earliest first. What a slash waits for pays it before it is free.

use super::entries::{Redelegation, Unbonding};
use super::instalments::{self, pay_matured, pay_matured_move};
use super::not_bonded_pool;
use super::set::status_event;
use super::validator::{self, Status, matured, save};
use crate::bank;
use crate::context::Writer;
use dadbs_types::coin::DENOM;
use dadbs_types::limits::{MATURITIES_BLOCK_MAX, SLASHED_BLOCK_MAX};
use dadbs_types::{Event, Fatal, OperatorAddress};

/// Handles what has matured, up to the block's bound.
pub(super) fn mature(writer: &mut Writer<'_>) -> Result<(), Fatal> {
    let now = writer.block.time_s();
    let mut slashes = instalments::pending(writer.store)?;
    let most = if slashes.is_empty() { MATURITIES_BLOCK_MAX } else { SLASHED_BLOCK_MAX };
    let mut left = most as u64;
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
    for moved in Redelegation::matured(writer.store, now, left)? {
        left -= 1;
        pay_matured_move(writer, &mut slashes, &moved)?;
        moved.remove(writer.store)?;
        writer.events.push(
            Event::new("complete_redelegation")
                .with("source_validator", OperatorAddress(moved.from))
                .with("destination_validator", OperatorAddress(moved.to))
                .with("delegator", moved.delegator)
                .with("amount", format!("{}{DENOM}", moved.entry.initial_balance)),
        );
    }
    for mut unbonding in Unbonding::matured(writer.store, now, left)? {
        pay_matured(writer, &mut slashes, &mut unbonding)?;
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
    Ok(())
}
