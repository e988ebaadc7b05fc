//! Facts of the chain, and the parameters that governance may change.
//!
//! State: `chain.params(name, value)`; a parameter's name is `module.parameter`, its value a decimal number.
//!
//! 1. Facts are written by genesis and stay: the chain's id, the hash of its genesis and the like.
//! 2. A parameter is a whole number between a least and a greatest value; [`Param`] is the table of all.
//! 3. A genesis may set any of them; the others have their default.
//! 4. A change may name the value that it replaces, so that it does not undo another's change.
//! 5. Governance shortens a period of [`GUARDED`] to no less than half at a time: a devnet may begin with seconds, but no
//!    single vote leaves a chain of days without the time to object to the next one.
//! 6. Changes are applied together or not at all, and what they leave must fit together ([`check`]).

use crate::context::{Rows, Table};
use crate::rewards::CHALLENGES_MAX;
use dadbs_store::Store;
use dadbs_types::limits::{BLOCK_BYTES_MAX, BLOCK_GAS_MAX};
use dadbs_types::{Code, Error, Fatal, Rejection, Value};
use std::collections::BTreeMap;

/// All of something, in millionths.
pub const PPM: u64 = 1_000_000;

/// Seconds of what votes count ages in: 30 days.
pub const MONTH: u64 = 2_592_000;
/// The longest full age, in months.
pub const MONTHS: u64 = 48;

const PARAMS: Table = Table("chain.params");

/// The module's table.
pub const SCHEMA: &str = "CREATE TABLE chain_params (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID";

macro_rules! params {
    ($($param:ident $name:literal = $default:expr, $least:expr, $most:expr, $unit:literal, $meaning:literal;)*) => {
        /// A parameter (rule 2).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Param { $(#[doc = $meaning] $param,)* }

        impl Param {
            /// Every parameter, in the order of the table.
            pub const ALL: &'static [Param] = &[$(Param::$param,)*];

            /// Its name and bounds.
            pub fn definition(self) -> Definition {
                match self {
                    $(Param::$param => Definition {
                        name: $name,
                        default: $default,
                        least: $least,
                        most: $most,
                        unit: $unit,
                        meaning: $meaning,
                    },)*
                }
            }
        }
    };
}

const YEAR: u64 = 31_536_000;
/// The largest transaction and full evidence fit a block.
const BLOCK_BYTES_LEAST: u64 = 4_194_304;

// name = default, least, greatest, unit, meaning; `ppm` are millionths.
params! {
    LeastGasPrice "fees.least_price" = 2_500, 0, 1_000_000_000_000, "udadb per 1,000,000 gas", "The price of gas while blocks are not full.";
    MostGasPriceFactor "fees.most_price_factor" = 1_000_000, 1, 1_000_000, "times the least", "The highest price of gas.";
    TargetGas "fees.target_gas" = 1_000_000_000, 1, 2_000_000_000, "gas", "The gas of a block that leaves the price as it is.";
    GasPriceDenominator "fees.change_denominator" = 8, 2, 50, "", "The price rises by one part in so many after a block of twice the target.";
    BurnedFees "fees.burned" = 500_000, 0, 1_000_000, "ppm", "The part of the gas price that is burned; validators and delegators share the rest.";

    CommunityTax "distribution.community_tax" = 20_000, 0, 1_000_000, "ppm", "The part of fees and inflation that goes to the community pool.";

    InflationMin "mint.inflation_min" = 70_000, 0, 1_000_000, "ppm", "The least inflation of a year.";
    InflationMax "mint.inflation_max" = 200_000, 0, 1_000_000, "ppm", "The greatest inflation of a year.";
    InflationChange "mint.inflation_rate_change" = 130_000, 0, 1_000_000, "ppm", "How much inflation rises in a year while nothing is bonded.";
    GoalBonded "mint.goal_bonded" = 670_000, 1, 1_000_000, "ppm", "The part of the supply that is to be bonded.";
    InflationGap "mint.gap" = 600, 1, 3_600, "seconds", "The longest time between two settlements that inflation is paid for.";
    MaxSupply "mint.max_supply" = 9_223_372_036_854_775_807, 1, 9_223_372_036_854_775_807, "udadb", "The supply at which nothing is minted any more.";

    WeightStorage "rewards.weight_storage" = 400_000, 0, PPM, "ppm", "The part of inflation that storage proofs earn.";
    WeightCompute "rewards.weight_compute" = 300_000, 0, PPM, "ppm", "The part of inflation for compute, which nothing proves yet: it goes to the community pool.";
    WeightUptime "rewards.weight_uptime" = 200_000, 0, PPM, "ppm", "The part of inflation that signatures earn.";
    WeightBandwidth "rewards.weight_bandwidth" = 100_000, 0, PPM, "ppm", "The part of inflation for bandwidth, which nothing proves yet: it goes to the community pool.";
    RewardEpoch "rewards.epoch" = 86_400, 1, YEAR, "seconds", "The time after which storage proofs are paid and asked for again.";
    RewardChallenges "rewards.challenges" = 4, 1, CHALLENGES_MAX, "challenges", "Storage proofs that each validator is asked for in an epoch.";
    ChallengeBlocks "rewards.challenge_blocks" = 100, 1, 100_000, "blocks", "How long storage proofs count after the first block of their epoch.";

    ScheduleBlockGas "contract.schedule_block_gas" = 200_000_000, 0, 2_000_000_000, "gas", "Gas of scheduled calls at the end of one block.";

    UnbondingTime "staking.unbonding_time" = 1_814_400, 1, 31_536_000, "seconds", "How long stake waits, and can be slashed, after it was withdrawn.";
    MaxValidators "staking.max_validators" = 100, 1, 500, "validators", "The most validators of the set.";
    MaxEntries "staking.max_entries" = 7, 1, 100, "entries", "Unbondings, or redelegations, of one delegator between the same validators at once.";
    MinCommission "staking.min_commission" = 50_000, 0, 1_000_000, "ppm", "The least commission of a validator.";
    MinSelfDelegation "staking.min_self_delegation" = 1_000_000, 1, 1_000_000_000_000_000, "udadb", "The least that a new validator's operator delegates to it.";
    AdmissionOpen "staking.admission_open" = 1, 0, 1, "0 or 1", "1: anyone may run a validator; 0: whom governance admits.";
    KeyRotationFee "staking.key_rotation_fee" = 1_000_000, 0, 1_000_000_000_000, "udadb", "The price of a new consensus key, which goes to the community pool.";

    SignedBlocksWindow "slashing.signed_blocks_window" = 10_000, 5, 100_000, "blocks", "The last blocks of which a validator must sign a part.";
    MinSignedPerWindow "slashing.min_signed_per_window" = 50_000, 1, 1_000_000, "ppm", "The part of the window that a validator must sign.";
    DowntimeJailDuration "slashing.downtime_jail_duration" = 600, 1, 31_536_000, "seconds", "How long a validator that signed too little is jailed at least.";
    SlashFractionDoubleSign "slashing.slash_fraction_double_sign" = 50_000, 0, 1_000_000, "ppm", "The part of the stake that is burned for signing against oneself.";
    SlashFractionDowntime "slashing.slash_fraction_downtime" = 10_000, 0, 1_000_000, "ppm", "The part of the stake that is burned for signing too little.";
    SlashFractionInvalidState "slashing.slash_fraction_invalid_state" = 100_000, 0, PPM, "ppm", "The part of the stake that is burned for signing a header with a wrong app hash or hash of results.";
    SlashFractionCensorship "slashing.slash_fraction_censorship" = 20_000, 0, PPM, "ppm", "The most of the stake that a vote burns for leaving transactions out.";
    FaultDelay "slashing.fault_delay" = 604_800, 1, YEAR, "seconds", "How long a fault waits, and can be cancelled by governance, before it costs stake.";
    JailedPowerPerHour "slashing.jailed_power_per_hour" = 100_000, 1, 1_000_000, "ppm", "The part of all power that is jailed for signing too little in one hour, beyond the first validator.";

    StoragePrice "storage.price" = 0, 0, 1_000_000_000_000, "udadb per GiB and 30 days", "The price of storage; 0 for no rent.";
    StorageGrace "storage.grace" = 2_592_000, 1, YEAR, "seconds", "How long a contract may be written to, and not grow, when its storage rent is used up.";

    GovMinDeposit "gov.min_deposit" = 100_000_000, 1, 10_000_000_000_000, "udadb", "Deposit at which a proposal is voted on.";
    GovExpeditedMinDeposit "gov.expedited_min_deposit" = 500_000_000, 1, 10_000_000_000_000, "udadb", "Deposit at which an expedited proposal is voted on.";
    GovInitialDeposit "gov.initial_deposit" = 250_000, 0, PPM, "ppm", "Part of the deposit that comes with the proposal.";
    GovDepositStep "gov.deposit_step" = 10_000, 0, PPM, "ppm", "Part of the deposit that each further deposit is at least.";
    GovDepositPeriod "gov.deposit_period" = 1_209_600, 1, YEAR, "seconds", "Time for a proposal to find its deposit.";
    GovVotingPeriod "gov.voting_period" = 604_800, 1, YEAR, "seconds", "Time for votes.";
    GovExpeditedVotingPeriod "gov.expedited_voting_period" = 86_400, 1, YEAR, "seconds", "Time for votes on an expedited proposal.";
    GovQuorum "gov.quorum" = 334_000, 1, 900_000, "ppm", "Part of the power that must vote.";
    GovExpeditedQuorum "gov.expedited_quorum" = 500_000, 1, 900_000, "ppm", "Part of the power that must vote on an expedited proposal.";
    GovThreshold "gov.threshold" = 500_000, 500_000, 999_999, "ppm", "Part of the votes that must be more than this for, abstentions left out.";
    GovCriticalThreshold "gov.critical_threshold" = 667_000, 500_000, 999_999, "ppm", "The same for code, upgrades and faults.";
    GovExpeditedThreshold "gov.expedited_threshold" = 667_000, 500_000, 999_999, "ppm", "The same for expedited proposals.";
    GovVetoThreshold "gov.veto_threshold" = 334_000, 100_000, PPM, "ppm", "Part of the votes that refuses a proposal and burns its deposits if more than this veto.";
    GovCancelBurn "gov.cancel_burn" = 500_000, 0, PPM, "ppm", "Part of the deposits that is burned when a proposal is cancelled.";
    GovTimelock "gov.timelock" = 172_800, 0, 2_592_000, "seconds", "Wait between the result and the execution for code, parameters and money.";
    GovBlockGas "gov.block_gas" = 200_000_000, 0, 2_000_000_000, "gas", "Once executions of a block have used this, others wait for the next block.";
    GovAgeBonus "gov.age_bonus" = 0, 0, PPM, "ppm", "What stake of full age counts for more in votes begun from then on; the quorum counts plain stake.";
    GovAgeFull "gov.age_full" = YEAR, MONTH, MONTHS * MONTH, "seconds", "The age at which stake has the whole bonus, counted in months of 30 days.";
    BlockBytes "consensus.block_bytes" = BLOCK_BYTES_MAX as u64, BLOCK_BYTES_LEAST, BLOCK_BYTES_MAX as u64, "bytes", "A block, with header, evidence and commit.";
    BlockGas "consensus.block_gas" = BLOCK_GAS_MAX, 10_000_000, BLOCK_GAS_MAX, "gas", "The gas limits of all transactions of a block together.";
    EvidenceAge "consensus.evidence_age" = YEAR, 1, YEAR, "seconds", "How long evidence counts; never longer than stake waits.";
    CircuitGuardianPeriod "circuit.guardian_period" = 259_200, 0, 2_592_000, "seconds", "The emergency in which all pauses of the guardian end, from its first one on.";
    CircuitGuardianRest "circuit.guardian_rest" = 604_800, 0, YEAR, "seconds", "How long the guardian pauses nothing after its emergency.";
}

/// What is fixed about a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name, `module.parameter`.
    pub name: &'static str,
    /// Its value unless a genesis says otherwise.
    pub default: u64,
    /// Its least value.
    pub least: u64,
    /// Its greatest value.
    pub most: u64,
    /// What it counts.
    pub unit: &'static str,
    /// One sentence for people.
    pub meaning: &'static str,
}

/// One change of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is changed.
    pub param: Param,
    /// Its new value.
    pub value: u64,
    /// The value that it must have before (rule 4).
    pub replaces: Option<u64>,
}

impl Param {
    /// The parameter of a name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<Param, Rejection> {
        Param::ALL.iter().copied().find(|param| param.definition().name == name).ok_or_else(|| {
            let message =
                format!("there is no parameter \"{name}\"; `dadbs query params` lists them");
            Rejection::new(Code::InvalidRequest, message)
        })
    }

    /// Refuses a value outside of the bounds (rule 2).
    pub fn bounded(self, value: u64) -> Result<u64, Rejection> {
        let Definition { name, least, most, unit, .. } = self.definition();
        if (least..=most).contains(&value) {
            return Ok(value);
        }
        let message = format!("{name} must be {least} to {most} {unit}, not {value}");
        Err(Rejection::new(Code::InvalidRequest, message))
    }
}

/// Makes the table with the parameters of a genesis (rule 3).
///
/// # Errors
/// A rejection if a parameter is unknown, out of its bounds, or does not fit the others.
pub fn init(store: &mut Store, chosen: &BTreeMap<String, u64>) -> Result<(), Error> {
    store.execute(SCHEMA, &[])?;
    for param in Param::ALL {
        let Definition { name, default, .. } = param.definition();
        write_fact(store, name, &default.to_string())?;
    }
    let changes: Vec<Change> = chosen
        .iter()
        .map(|(name, value)| {
            Ok(Change { param: Param::named(name)?, value: *value, replaces: None })
        })
        .collect::<Result<_, Rejection>>()?;
    apply(store, &changes)
}

/// The value of a parameter.
pub fn get(rows: &impl Rows, param: Param) -> Result<u64, Fatal> {
    let name = param.definition().name;
    fact(rows, name)?.parse().map_err(|_| {
        Fatal::new(format!("chain.params: {name} is no number; restore the store from a copy"))
    })
}

/// The periods of rule 5.
pub const GUARDED: [Param; 5] = [
    Param::UnbondingTime,
    Param::GovVotingPeriod,
    Param::GovExpeditedVotingPeriod,
    Param::FaultDelay,
    Param::StorageGrace,
];

/// The weights of rewards, which sum to [`PPM`].
const WEIGHTS: [Param; 4] =
    [Param::WeightStorage, Param::WeightCompute, Param::WeightUptime, Param::WeightBandwidth];

/// Changes parameters as governance may (rules 2 and 4 to 6); the caller undoes its savepoint when it is refused.
pub fn change(store: &mut Store, changes: &[Change]) -> Result<(), Error> {
    for Change { param, value, .. } in changes.iter().filter(|c| GUARDED.contains(&c.param)) {
        let before = get(store, *param)?;
        if value.saturating_mul(2) < before {
            let name = param.definition().name;
            let message = format!(
                "{name} is {before} s: one change makes it {} s at least",
                before.div_ceil(2)
            );
            return Err(Error::rejected(Code::InvalidRequest, message));
        }
    }
    apply(store, changes)
}

/// Changes parameters (rules 2, 4 and 6); the caller undoes its savepoint when it is refused.
pub fn apply(store: &mut Store, changes: &[Change]) -> Result<(), Error> {
    for Change { param, value, replaces } in changes {
        let name = param.definition().name;
        let value = param.bounded(*value)?;
        let before = get(store, *param)?;
        if replaces.is_some_and(|expected| expected != before) {
            let message =
                format!("{name} is {before} now, not what the change replaces: propose it again");
            return Err(Error::rejected(Code::InvalidRequest, message));
        }
        if value != before {
            store.execute(
                "UPDATE chain_params SET value = ?2 WHERE name = ?1",
                &[&Value::Text(name.into()), &Value::Text(value.to_string())],
            )?;
        }
    }
    check(store)
}

/// What must hold between parameters (rule 6).
pub fn check(rows: &impl Rows) -> Result<(), Error> {
    for (lower, upper) in [
        (Param::InflationMin, Param::InflationMax),
        (Param::GovExpeditedVotingPeriod, Param::GovVotingPeriod),
        (Param::GovMinDeposit, Param::GovExpeditedMinDeposit),
        (Param::GovQuorum, Param::GovExpeditedQuorum),
        (Param::GovThreshold, Param::GovExpeditedThreshold),
        (Param::GovThreshold, Param::GovCriticalThreshold),
        // Or coins could vote as stake and again after they were withdrawn.
        (Param::GovVotingPeriod, Param::UnbondingTime),
        // Or what is withdrawn while a fault waits would be free before it costs.
        (Param::FaultDelay, Param::UnbondingTime),
        // Or the guardian could pause again before governance has decided.
        (Param::GovExpeditedVotingPeriod, Param::CircuitGuardianRest),
        // Or blocks could never be full enough for the price of gas to rise.
        (Param::TargetGas, Param::BlockGas),
    ] {
        if get(rows, lower)? > get(rows, upper)? {
            let (lower, upper) = (lower.definition().name, upper.definition().name);
            let message = format!("{lower} may not be above {upper}: change both together");
            return Err(Error::rejected(Code::InvalidRequest, message));
        }
    }
    let mut weights = 0;
    for weight in WEIGHTS {
        weights += get(rows, weight)?;
    }
    if weights != PPM {
        let message = format!(
            "the weights of rewards must sum to {PPM}, not {weights}: change several together"
        );
        return Err(Error::rejected(Code::InvalidRequest, message));
    }
    let wait = get(rows, Param::UnbondingTime)?;
    if get(rows, Param::EvidenceAge)? < wait.div_ceil(2) {
        // Or who withdraws stake at once would soon be out of reach.
        let message = format!(
            "consensus.evidence_age may not be below half of staking.unbonding_time, {wait} s: change both together"
        );
        return Err(Error::rejected(Code::InvalidRequest, message));
    }
    Ok(())
}

/// The period of a parameter in seconds, as milliseconds.
pub(crate) fn millis(rows: &impl Rows, param: Param) -> Result<u64, Fatal> {
    Ok(get(rows, param)?.saturating_mul(1_000))
}

/// A part of an amount in millionths of it, rounded down.
pub fn part(amount: u64, ppm: u64) -> u64 {
    let part = u128::from(amount) * u128::from(ppm) / u128::from(PPM);
    u64::try_from(part).unwrap_or(u64::MAX)
}

/// A part of an amount in millionths of it, rounded up.
pub(crate) fn part_up(amount: u64, ppm: u64) -> u64 {
    let part = (u128::from(amount) * u128::from(ppm)).div_ceil(u128::from(PPM));
    u64::try_from(part).unwrap_or(u64::MAX)
}

/// Writes what genesis fixes (rule 1).
pub fn write_fact(store: &mut Store, name: &str, value: &str) -> Result<(), Fatal> {
    store.execute(
        "INSERT INTO chain_params (name, value) VALUES (?1, ?2)",
        &[&Value::Text(name.into()), &Value::Text(value.into())],
    )?;
    Ok(())
}

/// Writes what another genesis fixes over what was there.
pub fn replace_fact(store: &mut Store, name: &str, value: &str) -> Result<(), Fatal> {
    store.execute(
        "UPDATE chain_params SET value = ?2 WHERE name = ?1",
        &[&Value::Text(name.into()), &Value::Text(value.into())],
    )?;
    Ok(())
}

/// A fact of the chain (rule 1).
pub fn fact(rows: &impl Rows, name: &'static str) -> Result<String, Fatal> {
    let found =
        rows.rows("SELECT value FROM chain_params WHERE name = ?1", &[&Value::Text(name.into())])?;
    match found.first() {
        Some(row) => PARAMS.text(row, 0),
        None => {
            Err(Fatal::new(format!("chain.params lacks {name}: restore the store from a copy")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        let mut store = Store::memory().unwrap();
        store.begin_block(0, 0).unwrap();
        store
    }

    #[test]
    fn rule_2_defaults_are_within_their_bounds_and_names_are_unique() {
        let mut names: Vec<_> = Param::ALL.iter().map(|param| param.definition().name).collect();
        for param in Param::ALL {
            assert_eq!(param.bounded(param.definition().default), Ok(param.definition().default));
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Param::ALL.len());
    }

    #[test]
    fn rule_3_a_genesis_sets_what_it_names() {
        let mut store = store();
        let chosen = BTreeMap::from([("contract.schedule_block_gas".to_string(), 7)]);
        init(&mut store, &chosen).unwrap();
        assert_eq!(get(&store, Param::ScheduleBlockGas), Ok(7));
        for (name, value) in
            [("contract.unknown", 1), ("contract.schedule_block_gas", 2_000_000_001)]
        {
            let refused = apply_named(&mut store, name, value).unwrap_err();
            assert!(
                matches!(refused, Error::Rejected(r) if r.code == Code::InvalidRequest),
                "{name}"
            );
        }
    }

    #[test]
    fn rule_5_a_period_is_halved_at_most() {
        let mut store = store();
        let chosen = [("gov.voting_period", 101), ("gov.expedited_voting_period", 10)];
        let chosen = chosen.map(|(name, value)| (name.to_string(), value));
        init(&mut store, &BTreeMap::from(chosen)).unwrap();
        let param = Param::GovVotingPeriod;
        let mut to = |value| change(&mut store, &[Change { param, value, replaces: None }]);
        assert!(matches!(to(50), Err(Error::Rejected(r)) if r.code == Code::InvalidRequest));
        to(51).unwrap();
        to(26).unwrap();
        to(604_800).unwrap();
    }

    #[test]
    fn rule_6_weights_of_rewards_sum_to_the_whole() {
        let mut store = store();
        init(&mut store, &BTreeMap::new()).unwrap();
        let change = |param, value| Change { param, value, replaces: None };
        let (more, less) =
            (change(Param::WeightUptime, 300_000), change(Param::WeightCompute, 200_000));
        for alone in [&more, &less] {
            store.begin_tx([0; 32]).unwrap();
            let refused = apply(&mut store, std::slice::from_ref(alone)).unwrap_err();
            assert!(matches!(refused, Error::Rejected(r) if r.code == Code::InvalidRequest));
            store.rollback_tx().unwrap();
        }
        apply(&mut store, &[more, less]).unwrap();
    }

    fn apply_named(store: &mut Store, name: &str, value: u64) -> Result<(), Error> {
        apply(store, &[Change { param: Param::named(name)?, value, replaces: None }])
    }

    #[test]
    fn rule_4_a_change_names_what_it_replaces() {
        let mut store = store();
        init(&mut store, &BTreeMap::new()).unwrap();
        let param = Param::ScheduleBlockGas;
        let change = |value, replaces| [Change { param, value, replaces: Some(replaces) }];
        apply(&mut store, &change(5, 200_000_000)).unwrap();
        assert!(apply(&mut store, &change(6, 200_000_000)).is_err());
        assert_eq!(get(&store, param), Ok(5));
    }
}
