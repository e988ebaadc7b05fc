//! What every transaction must pass before its messages run, in this order.
//!
//! 1. The timeout height is not behind the block.
//! 2. The gas limit covers the bytes, the signature and the rows that every transaction writes, and fits a block.
//! 3. The fee is at least gas limit times the gas price of the block, rounded up.
//! 4. The signer's account exists; a key that is known already is the one that signs.
//! 5. The sequence is the account's next one.
//! 6. The signature verifies over the sign document of this chain.
//! 7. A granter's allowance pays for these messages, has as much left, and pays at most twice the price.
//! 8. The fee is held by who pays it; it is taken, and the sequence advances, whether or not the messages fail.

use crate::messages::feegrant::purposes;
use crate::tx::Tx;
use dadbs_modules::auth::Account;
use dadbs_modules::feegrant::Allowance;
use dadbs_modules::fees;
use dadbs_types::gas::price;
use dadbs_types::{Amount, Code, GasMeter, Hash, OutOfGas, Rejection};

/// How many times the price of the gas a granter pays at most (rule 7): prices may fall while it waits.
const GRANTED_PRICES_MAX: u128 = 2;

/// What ante checks are made against.
#[derive(Clone, Copy, Debug)]
pub struct AnteParams<'a> {
    /// The chain's id.
    pub chain_id: &'a str,
    /// The height at which the transaction runs, or would run next.
    pub height: u64,
    /// The price of 1,000,000 gas in this block, in the base denomination.
    pub gas_price: u64,
    /// The gas limits of all transactions of a block together.
    pub block_gas: u64,
    /// False only when a transaction is simulated: signature, sequence and fee are not checked.
    pub signed: bool,
}

/// Rules 1 to 3, which need no account.
pub fn check_stateless(tx: &Tx, params: &AnteParams<'_>) -> Result<(), Rejection> {
    if tx.timeout_height != 0 && params.height > tx.timeout_height {
        return Err(Rejection::new(
            Code::TimeoutHeight,
            format!(
                "height {} is beyond the timeout height {}: sign it again",
                params.height, tx.timeout_height
            ),
        ));
    }
    let mut gas = GasMeter::new(tx.gas_limit);
    charge(tx, &mut gas).map_err(|_| {
        Rejection::new(
            Code::OutOfGas,
            format!("the gas limit {} does not cover the transaction itself", tx.gas_limit),
        )
    })?;
    if tx.gas_limit > params.block_gas {
        let message = format!(
            "the gas limit {} is above that of a block, {}: split the transaction",
            tx.gas_limit, params.block_gas
        );
        return Err(Rejection::new(Code::OutOfGas, message));
    }
    if params.signed { check_fee(tx, params.gas_price) } else { Ok(()) }
}

/// Rule 3.
pub fn check_fee(tx: &Tx, gas_price: u64) -> Result<(), Rejection> {
    let least = Amount(fees::fee(gas_price, tx.gas_limit));
    if tx.fee < least {
        return Err(Rejection::new(
            Code::InsufficientFee,
            format!(
                "the fee is {}, at least {least} udadb are needed for gas {}",
                tx.fee, tx.gas_limit
            ),
        ));
    }
    Ok(())
}

/// The gas that every transaction uses (rule 2).
pub fn charge(tx: &Tx, gas: &mut GasMeter) -> Result<(), OutOfGas> {
    let len = u64::try_from(tx.len).unwrap_or(u64::MAX);
    gas.charge_times(price::TX_BYTE, len)?;
    gas.charge(price::SIGNATURE)?;
    gas.charge(price::TX_BASE)
}

/// Rules 4 to 6. `sequence` is the account's next one, with what is pending before it; `verify` answers
/// rule 6 for the hash that must be signed.
pub fn check_account(
    tx: &Tx,
    account: Option<&Account>,
    sequence: u64,
    params: &AnteParams<'_>,
    verify: impl FnOnce(Hash) -> Result<(), Rejection>,
) -> Result<(), Rejection> {
    let Some(account) = account else {
        return Err(Rejection::new(
            Code::UnknownAddress,
            format!("{} has no account yet: send it coins first", tx.sender),
        ));
    };
    if account.public_key.as_ref().is_some_and(|known| *known != tx.public_key) {
        return Err(Rejection::new(
            Code::InvalidPubKey,
            format!("the key is not the one that {} signed with before", tx.sender),
        ));
    }
    if !params.signed {
        return Ok(());
    }
    check_sequence(tx, sequence)?;
    verify(tx.sign_hash(params.chain_id, account.number))
}

/// Rule 5.
pub fn check_sequence(tx: &Tx, sequence: u64) -> Result<(), Rejection> {
    if tx.sequence != sequence {
        return Err(Rejection::new(
            Code::WrongSequence,
            format!(
                "account sequence mismatch, expected {sequence}, got {}: incorrect account sequence",
                tx.sequence
            ),
        ));
    }
    Ok(())
}

/// Rule 7: takes the fee off an allowance. What others pay for is gas, not tips: a proposer who sends the
/// transaction himself would turn an allowance into coins.
pub fn check_allowance(
    tx: &Tx,
    allowance: &mut Allowance,
    gas_price: u64,
    now_ms: u64,
) -> Result<(), Rejection> {
    let most = Amount(fees::fee(gas_price, tx.gas_limit).saturating_mul(GRANTED_PRICES_MAX));
    if tx.fee > most {
        let message =
            format!("the fee is {}, a granter pays at most {most}udadb for this gas", tx.fee);
        return Err(Rejection::new(Code::InvalidRequest, message));
    }
    let fee = u64::try_from(tx.fee.0).unwrap_or(u64::MAX);
    allowance.pay(fee, now_ms, &purposes(&tx.msgs))
}

/// Rule 8, the part that can refuse: the fee is held.
pub fn check_funds(tx: &Tx, held: u64) -> Result<(), Rejection> {
    if tx.fee > Amount(u128::from(held)) {
        return Err(Rejection::new(
            Code::InsufficientFunds,
            format!("{} holds {held}udadb, the fee is {}udadb", tx.payer(), tx.fee),
        ));
    }
    Ok(())
}
