//! What accounts do in the run: every message, mostly such that it may pass.

use crate::support::{contract, function};
use dadbs_client::tx::any;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::distribution::v1beta1::{
    MsgCommunityPoolSpend, MsgFundCommunityPool, MsgSetWithdrawAddress, MsgWithdrawDelegatorReward,
    MsgWithdrawValidatorCommission,
};
use dadbs_proto::cosmos::feegrant::v1beta1::{
    AllowedMsgAllowance, BasicAllowance, MsgGrantAllowance, MsgRevokeAllowance, PeriodicAllowance,
};
use dadbs_proto::cosmos::gov::v1::{
    MsgCancelProposal, MsgDeposit, MsgSubmitProposal, MsgVote, MsgVoteWeighted, WeightedVoteOption,
};
use dadbs_proto::cosmos::staking::v1beta1::{Description, MsgEditValidator};
use dadbs_proto::cosmos::upgrade::v1beta1::{MsgCancelUpgrade, MsgSoftwareUpgrade, Plan};
use dadbs_proto::dadbs::circuit::v1::{MsgPause, MsgResume, MsgSetGuardian};
use dadbs_proto::dadbs::contract::v1::{MsgExecute, MsgMigrate, MsgStoreCode};
use dadbs_proto::dadbs::fees::v1::{MsgEndSponsorship, MsgSponsorCalls};
use dadbs_proto::dadbs::gov::v1::MsgLockedVote;
use dadbs_proto::dadbs::params::v1::MsgUpdateParams;
use dadbs_proto::dadbs::params::v1::msg_update_params::Change;
use dadbs_proto::dadbs::rewards::v1::MsgSubmitStorageProof;
use dadbs_proto::dadbs::slashing::v1::{MsgCancelFault, MsgResolveFault};
use dadbs_proto::dadbs::staking::v1::MsgAdmitOperator;
use dadbs_proto::dadbs::storage::v1::{MsgFundStorage, MsgWithdrawStorage};
use dadbs_tests::craft::Craft;
use dadbs_tests::headers::Case;
use dadbs_tests::stake::{self, DADB};
use dadbs_tests::{Chain, Random};
use dadbs_types::value::encode_row;
use dadbs_types::{AccountAddress, Value};
use prost_types::{Any, Duration, Timestamp};

/// Prefunded accounts; each may operate a validator.
pub(crate) const ACCOUNTS: u8 = 12;
/// The account that may pause.
pub(crate) const GUARDIAN: u8 = 11;
/// The versions of the run's own contract; the codes of genesis after the stock one.
pub(crate) const VERSIONS: u8 = 3;
/// Contracts of the run: one of an account, one of governance.
pub(crate) const CONTRACTS: [&str; 2] = ["own", "governed"];
const GAS: u64 = 40_000_000;
const DEPOSIT: u64 = 1_000_000;

/// Parameters that proposals change, and the values between which they do.
const PARAMS: [(&str, u64, u64); 34] = [
    ("staking.max_validators", 1, 8),
    ("staking.unbonding_time", 8, 20),
    ("staking.max_entries", 1, 7),
    ("staking.min_commission", 0, 100_000),
    ("staking.admission_open", 0, 1),
    ("slashing.signed_blocks_window", 5, 12),
    ("slashing.min_signed_per_window", 100_000, 800_000),
    ("slashing.downtime_jail_duration", 1, 5),
    ("slashing.slash_fraction_downtime", 0, 200_000),
    ("slashing.slash_fraction_double_sign", 0, 1_000_000),
    ("slashing.slash_fraction_invalid_state", 0, 300_000),
    ("slashing.slash_fraction_censorship", 1, 100_000),
    ("slashing.fault_delay", 4, 8),
    ("fees.burned", 0, 1_000_000),
    ("fees.target_gas", 50_000_000, 1_000_000_000),
    ("distribution.community_tax", 0, 1_000_000),
    ("mint.inflation_min", 0, 70_000),
    ("mint.inflation_max", 70_000, 1_000_000),
    ("mint.gap", 1, 3_600),
    ("contract.schedule_block_gas", 0, 20_000_000),
    ("gov.timelock", 0, 4),
    ("gov.voting_period", 4, 8),
    ("gov.quorum", 1, 334_000),
    ("gov.veto_threshold", 334_000, 900_000),
    ("gov.cancel_burn", 0, 1_000_000),
    ("gov.block_gas", 0, 20_000_000),
    ("circuit.guardian_period", 0, 20),
    ("storage.price", 0, 1_000_000_000),
    ("storage.grace", 5, 20),
    ("circuit.guardian_rest", 4, 20),
    ("gov.age_bonus", 0, 1_000_000),
    ("rewards.epoch", 5, 20),
    ("rewards.challenges", 1, 8),
    ("rewards.challenge_blocks", 1, 8),
];

/// A contract that plans calls of itself; its versions differ.
pub(crate) fn code(version: u8) -> Vec<u8> {
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
        (call $answer (call $cancel (local.get $a) (call $len (local.get $a)))))
      (func (export "scheduled_spin") (loop $l (br $l)))"#;
    let insert = format!("INSERT INTO t VALUES ({version})");
    let more = [
        function("init", 510_000, &["CREATE TABLE t (v INTEGER)"], ""),
        function("migrate", 520_000, &[&insert], ""),
        function("scheduled_tick", 530_000, &[&insert], ""),
        function("scheduled_fail", 540_000, &[&insert], "unreachable"),
        function("call_gift", 550_000, &[&insert], ""),
    ];
    contract(&format!("{body}{}", more.concat()), &["gift"])
}

fn authority() -> String {
    AccountAddress::of_module("gov").to_string()
}

fn coin(amount: u64) -> Coin {
    Coin { denom: "udadb".into(), amount: amount.to_string() }
}

/// Proposals and codes, as the last block left them.
struct Seen {
    deposit: Vec<u64>,
    voting: Vec<u64>,
    hashes: Vec<Vec<u8>>,
    governed: Vec<u8>,
    /// Faults that wait.
    faults: Vec<u64>,
}

impl Seen {
    fn of(chain: &Chain) -> Seen {
        let numbers = |status: &str| {
            let sql = format!("SELECT id FROM chain.proposals WHERE status = '{status}'");
            chain.rows("", &sql).iter().map(|row| number(&row[0])).collect()
        };
        let hashes = |sql: &str| chain.rows("", sql).into_iter().map(|row| blob(&row[0])).collect();
        let governed: Vec<Vec<u8>> = hashes(
            "SELECT c.hash FROM chain.codes c JOIN chain.contracts k ON k.code_id = c.id WHERE k.name = 'governed'",
        );
        Seen {
            deposit: numbers("deposit"),
            voting: numbers("voting"),
            hashes: hashes("SELECT hash FROM chain.codes WHERE id > 1 ORDER BY id"),
            governed: governed.into_iter().next().unwrap_or_default(),
            faults: {
                let sql = "SELECT id FROM chain.faults WHERE status = 'pending'";
                chain.rows("", sql).iter().map(|row| number(&row[0])).collect()
            },
        }
    }
}

fn number(value: &Value) -> u64 {
    match value {
        Value::Integer(number) => number.unsigned_abs(),
        other => panic!("{other:?} is no number"),
    }
}

fn blob(value: &Value) -> Vec<u8> {
    match value {
        Value::Blob(bytes) => bytes.clone(),
        other => panic!("{other:?} are no bytes"),
    }
}

/// The operations of one block after the other, from a seed.
pub(crate) struct Operations {
    random: Random,
    /// False where answers to storage challenges cannot be right.
    pub(crate) proves: bool,
    /// Answers of before, for coming late.
    answers: Vec<MsgSubmitStorageProof>,
}

impl Operations {
    pub(crate) fn new(seed: u64) -> Operations {
        Operations { random: Random(seed), proves: true, answers: Vec::new() }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn account(&mut self) -> u8 {
        self.below(u64::from(ACCOUNTS)) as u8
    }

    fn one_of<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        if items.is_empty() {
            return None;
        }
        items.get(self.below(items.len() as u64) as usize).cloned()
    }

    /// The transactions of a block; the chain must be at the height before it.
    pub(crate) fn block(&mut self, chain: &mut Chain) -> Vec<Vec<u8>> {
        if chain.height == 2 {
            let owner = chain.address(0).to_string();
            let make = [(CONTRACTS[0], owner), (CONTRACTS[1], authority())];
            let made = make.map(|(name, admin)| {
                let message = chain.instantiate(0, 2, name, &admin);
                chain.sign(0, vec![message])
            });
            return made.into();
        }
        let seen = Seen::of(chain);
        let count = self.below(6);
        (0..count).map(|_| self.transaction(chain, &seen)).collect()
    }

    fn transaction(&mut self, chain: &mut Chain, seen: &Seen) -> Vec<u8> {
        if self.below(12) == 0 {
            return self.paid_by_another(chain);
        }
        let index = self.account();
        let (index, message) = match self.below(50) {
            0..=9 => (index, self.stake(chain, index)),
            10..=14 => (index, self.distribution(chain, index)),
            15..=17 => (index, self.feegrant(chain, index)),
            18..=21 => (index, self.submit(chain, seen, index)),
            22..=31 => (index, self.vote(chain, seen, index)),
            32 | 33 => (GUARDIAN, self.circuit(chain.address(GUARDIAN).to_string())),
            34 => (index, self.sponsor(chain)),
            35 => (index, self.accuse(chain, index)),
            36..=38 => self.storage(chain, index),
            39..=44 if self.proves => (index, self.prove(chain, index)),
            _ => (0, self.contract(chain, seen)),
        };
        chain.sign_with_gas(index, vec![message], GAS)
    }

    /// A transaction whose fee another account or a contract pays, if it has said so.
    fn paid_by_another(&mut self, chain: &mut Chain) -> Vec<u8> {
        let index = self.account();
        let granter = match self.below(4) {
            0 => contract_address(chain),
            _ => chain.address(self.account()).to_string(),
        };
        let message = match self.below(2) {
            0 => chain.send(index, chain.address(0), 1 + self.below(1_000)),
            _ => self.plan(chain, index),
        };
        // It counts no sequence: later ones of this account in this block are refused.
        let mut craft = Craft::new(index, chain.sequence(index), vec![message], GAS);
        craft.chain_id.clone_from(&chain.chain_id);
        craft.fee().granter = granter;
        craft.bytes()
    }

    fn stake(&mut self, chain: &Chain, index: u8) -> Any {
        let (one, other) = (self.account(), self.account());
        let amount = 1 + self.below(60 * DADB);
        match self.below(12) {
            0..=3 => stake::delegate(chain, index, one, amount),
            4 | 5 => stake::undelegate(chain, index, one, 1 + amount / 2),
            6 => stake::redelegate(chain, index, one, other, 1 + amount / 2),
            7 => {
                let height = chain.height.saturating_sub(self.below(4));
                stake::cancel(chain, index, one, height, 1 + amount / 8)
            }
            8 => stake::create(chain, index, 100 + self.below(120) as u8, amount + DADB),
            9 => stake::rotate(chain, index, 100 + self.below(120) as u8),
            10 => stake::unjail(chain, index),
            _ => any(&MsgEditValidator {
                description: Some(Description {
                    moniker: format!("v{amount}"),
                    ..Description::default()
                }),
                validator_address: chain.operator(index).to_string(),
                commission_rate: String::new(),
                min_self_delegation: String::new(),
            }),
        }
    }

    fn distribution(&mut self, chain: &Chain, index: u8) -> Any {
        let own = chain.address(index).to_string();
        let other = self.account();
        match self.below(6) {
            0..=2 => any(&MsgWithdrawDelegatorReward {
                delegator_address: own,
                validator_address: chain.operator(other).to_string(),
            }),
            3 => any(&MsgWithdrawValidatorCommission {
                validator_address: chain.operator(index).to_string(),
            }),
            4 => any(&MsgSetWithdrawAddress {
                delegator_address: own,
                withdraw_address: chain.address(other).to_string(),
            }),
            _ => any(&MsgFundCommunityPool {
                amount: vec![coin(1 + self.below(DADB))],
                depositor: own,
            }),
        }
    }

    fn allowance(&mut self, chain: &Chain) -> Any {
        let now = 1_700_000_000 + chain.height.cast_signed() + chain.skipped_seconds;
        let expiration = (self.below(2) == 0)
            .then(|| Timestamp { seconds: now + self.below(30).cast_signed(), nanos: 0 });
        let basic = BasicAllowance { spend_limit: vec![coin(1 + self.below(DADB))], expiration };
        match self.below(4) {
            0 => any(&PeriodicAllowance {
                basic: Some(basic),
                period: Some(Duration { seconds: 1 + self.below(6).cast_signed(), nanos: 0 }),
                period_spend_limit: vec![coin(1 + self.below(300_000))],
                ..PeriodicAllowance::default()
            }),
            1 => any(&AllowedMsgAllowance {
                allowance: Some(any(&basic)),
                allowed_messages: vec!["/cosmos.bank.v1beta1.MsgSend".into()],
            }),
            _ => any(&basic),
        }
    }

    fn feegrant(&mut self, chain: &Chain, index: u8) -> Any {
        let granter = chain.address(index).to_string();
        let grantee = chain.address(self.account()).to_string();
        if self.below(4) == 0 {
            return any(&MsgRevokeAllowance { granter, grantee });
        }
        let allowance = Some(self.allowance(chain));
        any(&MsgGrantAllowance { granter, grantee, allowance })
    }

    fn sponsor(&mut self, chain: &Chain) -> Any {
        let sender = chain.address(0).to_string();
        let (contract, grantee) = (CONTRACTS[0].to_string(), String::new());
        if self.below(3) == 0 {
            return any(&MsgEndSponsorship { sender, contract, grantee });
        }
        let spend_limit = vec![coin(1 + self.below(DADB))];
        let allowance = Some(any(&BasicAllowance { spend_limit, expiration: None }));
        any(&MsgSponsorCalls { sender, contract, grantee, allowance })
    }

    /// What a proposal may do.
    fn content(&mut self, chain: &Chain, seen: &Seen) -> Vec<Any> {
        let authority = authority();
        let account = chain.address(self.account()).to_string();
        if self.below(3) == 0
            && let Some(fault_id) = self.one_of(&seen.faults)
        {
            return vec![any(&MsgCancelFault { authority, fault_id })];
        }
        vec![match self.below(19) {
            0 => return Vec::new(),
            1..=5 => {
                let (name, least, most) = PARAMS[self.below(PARAMS.len() as u64) as usize];
                let value = least + self.below(most - least + 1);
                let replaces = (self.below(8) == 0).then_some(value);
                any(&MsgUpdateParams {
                    authority,
                    changes: vec![Change { name: name.into(), value, replaces }],
                })
            }
            6 | 7 => any(&MsgCommunityPoolSpend {
                authority,
                recipient: account,
                amount: vec![coin(1 + self.below(2 * DADB))],
            }),
            8 | 9 => any(&MsgMigrate {
                sender: authority,
                contract: CONTRACTS[1].into(),
                code_hash: self.one_of(&seen.hashes).unwrap_or_default(),
                replaces_hash: seen.governed.clone(),
                ..MsgMigrate::default()
            }),
            10 => any(&MsgStoreCode {
                sender: authority,
                wasm: code(self.below(u64::from(VERSIONS) + 1) as u8),
            }),
            11 => {
                let height = 1_000_000 + self.below(1_000).cast_signed();
                let plan = Some(Plan { name: "later".into(), height, ..Plan::default() });
                any(&MsgSoftwareUpgrade { authority, plan })
            }
            12 => any(&MsgCancelUpgrade { authority }),
            13 => any(&MsgAdmitOperator {
                authority,
                validator_address: chain.operator(self.account()).to_string(),
                admitted: self.below(3) > 0,
            }),
            14 | 15 => any(&MsgResolveFault {
                authority,
                validator_address: chain.operator(self.below(5) as u8).to_string(),
                kind: ["censorship", "invalid_state"][self.below(2) as usize].into(),
                height: chain.height.saturating_sub(self.below(6)),
                fraction_ppm: 1 + self.below(20_000),
                evidence: "what was seen".into(),
                evidence_hash: Vec::new(),
            }),
            16 => any(&MsgCancelFault { authority, fault_id: 1 + self.below(3) }),
            17 => any(&MsgSetGuardian { authority, guardian: chain.address(GUARDIAN).to_string() }),
            _ => self.circuit(authority),
        }]
    }

    fn submit(&mut self, chain: &Chain, seen: &Seen, index: u8) -> Any {
        let own = chain.address(index).to_string();
        match (self.below(6), self.one_of(&seen.deposit), self.one_of(&seen.voting)) {
            (0, Some(proposal_id), _) => {
                any(&MsgDeposit { proposal_id, depositor: own, amount: vec![coin(DEPOSIT / 2)] })
            }
            (1, _, Some(proposal_id)) => {
                let sql = format!("SELECT proposer FROM chain.proposals WHERE id = {proposal_id}");
                let is_own = chain.rows("", &sql)[0][0] == Value::from(own.as_str());
                let rarely = self.below(4) == 0;
                if is_own || rarely {
                    return any(&MsgCancelProposal { proposal_id, proposer: own });
                }
                self.proposal(chain, seen, own)
            }
            _ => self.proposal(chain, seen, own),
        }
    }

    fn proposal(&mut self, chain: &Chain, seen: &Seen, proposer: String) -> Any {
        let messages = self.content(chain, seen);
        // An ordinary vote takes longer than a fault waits.
        let appeals = messages.iter().any(|any| any.type_url.ends_with("MsgCancelFault"));
        let expedited = appeals || self.below(6) == 0;
        let whole = if expedited { 5 * DEPOSIT } else { DEPOSIT };
        let deposit = if self.below(5) == 0 { whole / 4 } else { whole };
        any(&MsgSubmitProposal {
            messages,
            initial_deposit: vec![coin(deposit)],
            proposer,
            metadata: String::new(),
            title: "a title".into(),
            summary: "a summary".into(),
            expedited,
        })
    }

    fn vote(&mut self, chain: &Chain, seen: &Seen, index: u8) -> Any {
        let voter = chain.address(index).to_string();
        let Some(proposal_id) = self.one_of(&seen.voting) else {
            return chain.send(index, chain.address(self.account()), 1 + self.below(DADB));
        };
        // Mostly for it.
        let option = if self.below(5) == 0 { 1 + self.below(4) as i32 } else { 1 };
        let metadata = String::new();
        let all = |option| vec![WeightedVoteOption { option, weight: "1".into() }];
        match self.below(5) {
            0 => {
                let options = [(option, "0.6"), (option % 4 + 1, "0.4")]
                    .map(|(option, weight)| WeightedVoteOption { option, weight: weight.into() });
                any(&MsgVoteWeighted { proposal_id, voter, options: options.into(), metadata })
            }
            1 => {
                let locked = self.below(50 * DADB);
                any(&MsgLockedVote { proposal_id, voter, options: all(option), locked, metadata })
            }
            _ => any(&MsgVote { proposal_id, voter, option, metadata }),
        }
    }

    /// A header that the chain does not have, signed by a validator of that height; now and then it proves nothing.
    fn accuse(&mut self, chain: &Chain, index: u8) -> Any {
        let height = chain.height.saturating_sub(self.below(6)).max(1);
        // A chain that begins with another's state has no headers of before.
        let Some((_, set)) = chain.past.get(&height) else {
            return chain.send(index, chain.address(self.account()), 1);
        };
        let keys: Vec<[u8; 32]> = set.0.keys().copied().collect();
        let accused = keys[self.below(keys.len() as u64) as usize];
        let mut case = Case::new(chain, height, accused);
        match self.below(8) {
            0 => case.wrong = case.own.clone(),
            1 => case.signing /= 2,
            2 => case.signed_chain = "other-1".into(),
            _ => {}
        }
        any(&case.message(chain.address(index)))
    }

    /// An answer to a storage challenge of some validator: mostly right, or late, or another's, or a wrong row. Two of one
    /// block may be the same.
    fn prove(&mut self, chain: &Chain, index: u8) -> Any {
        let queries = chain.app.queries().unwrap();
        let one = self.below(6) as u8;
        // The tree of the epoch's root may be gone.
        if let Ok(answers) = queries.storage_answers(chain.address(one)) {
            self.answers.extend(answers);
            let most = self.answers.len().saturating_sub(40);
            self.answers.drain(..most);
        }
        let newest = self.answers.len().saturating_sub(1 + self.below(4) as usize);
        let at = if self.below(8) == 0 { 0 } else { newest };
        let Some(mut answer) = self.answers.get(at).cloned() else {
            return chain.send(index, chain.address(one), 1);
        };
        answer.submitter = chain.address(index).to_string();
        match self.below(12) {
            0 => answer.validator_address = chain.operator(self.account()).to_string(),
            1 => answer.row[0] ^= 1,
            2 => answer.index += 1,
            3 => answer.epoch += 1,
            _ => {}
        }
        any(&answer)
    }

    fn circuit(&mut self, authority: String) -> Any {
        let scopes = ["contract:own", "contracts", "message:/cosmos.bank.v1beta1.MsgSend"];
        let scope = scopes[self.below(3) as usize].to_string();
        match self.below(3) {
            0 => any(&MsgResume { authority, scope }),
            _ => any(&MsgPause { authority, scope, seconds: 1 + self.below(6) }),
        }
    }

    fn plan(&mut self, chain: &Chain, index: u8) -> Any {
        let entry = ["tick", "tick", "fail", "spin"][self.below(4) as usize];
        let every = (self.below(3) * 3).cast_signed();
        let due = chain.height.cast_signed() + 2 + self.below(8).cast_signed();
        let gas = 100_000 + self.below(1_000_000).cast_signed();
        let when = encode_row(&["height".into(), due.into(), every.into(), gas.into()]);
        let arguments: Vec<Value> =
            vec![entry.into(), Value::Blob(encode_row(&[])), Value::Blob(when)];
        any(&MsgExecute {
            sender: chain.address(index).to_string(),
            contract: CONTRACTS[0].into(),
            entry: "plan".into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            funds: Vec::new(),
        })
    }

    /// Storage rent of some contract, which account 0 may withdraw.
    fn storage(&mut self, chain: &Chain, index: u8) -> (u8, Any) {
        let contract = match self.below(3) {
            0 => format!("made{}", self.below(20)),
            other => CONTRACTS[other as usize - 1].into(),
        };
        let amount = 1 + self.below(DADB);
        if self.below(3) == 0 {
            let sender = chain.address(0).to_string();
            return (0, any(&MsgWithdrawStorage { sender, contract, amount }));
        }
        let sender = chain.address(index).to_string();
        (index, any(&MsgFundStorage { sender, contract, amount }))
    }

    /// What account 0 does with its contract.
    fn contract(&mut self, chain: &Chain, seen: &Seen) -> Any {
        let sender = chain.address(0).to_string();
        let contract = CONTRACTS[0].to_string();
        match self.below(8) {
            0..=2 => self.plan(chain, 0),
            3 => {
                let planned =
                    chain.rows("", "SELECT id FROM chain.schedules ORDER BY id DESC LIMIT 1");
                let id = planned.first().map_or(1, |row| number(&row[0]).cast_signed());
                let row = Value::Blob(encode_row(&[id.into()]));
                let (entry, arguments) = ("stop".into(), vec![row.into()]);
                any(&MsgExecute { sender, contract, entry, arguments, funds: Vec::new() })
            }
            4 => any(&MsgExecute {
                sender,
                contract,
                entry: "gift".into(),
                arguments: Vec::new(),
                funds: vec![coin(1 + self.below(DADB))],
            }),
            5 => {
                any(&MsgStoreCode { sender, wasm: code(self.below(u64::from(VERSIONS) + 2) as u8) })
            }
            6 => {
                let code_id = 2 + self.below(seen.hashes.len() as u64);
                any(&MsgMigrate { sender, contract, code_id, ..MsgMigrate::default() })
            }
            _ => {
                let name = format!("made{}", self.below(20));
                let code_id = 1 + self.below(4);
                chain.instantiate(0, code_id, &name, &sender)
            }
        }
    }
}

/// The address of the account's own contract; empty before it is there.
fn contract_address(chain: &Chain) -> String {
    let found = chain.rows("", "SELECT id FROM chain.contracts WHERE name = 'own'");
    found
        .first()
        .map_or_else(String::new, |row| AccountAddress::of_contract(number(&row[0])).to_string())
}
