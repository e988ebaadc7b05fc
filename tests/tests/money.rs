//! Fees, inflation and allowances, on the application.
//!
//! 1. A part of the fees at the price of gas is burned; without validators the rest, tips and inflation are the
//!    community pool's. The supply is always the sum of the balances.
//! 2. Full blocks raise the price of gas; CheckTx, blocks and proposals follow it, and what waits is evicted below a
//!    third. Empty blocks bring it back, and move no root.
//! 3. Inflation settles in blocks with transactions only.
//! 4. An allowance pays fees of another account as long as it says so, alike in CheckTx and in blocks.
//! 5. A contract pays for calls of it, if its admin says so.
//! 6. The community pool takes gifts, and only governance spends it.
//! 7. What is not as it may be is refused, and the sender pays.

use dadbs_app::{CheckKind, TxResult};
use dadbs_client::tx::any;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::distribution::v1beta1::{
    MsgCommunityPoolSpend, MsgFundCommunityPool, MsgSetWithdrawAddress, MsgWithdrawDelegatorReward,
    MsgWithdrawValidatorCommission, QueryCommunityPoolRequest, QueryCommunityPoolResponse,
};
use dadbs_proto::cosmos::feegrant::v1beta1::{
    AllowedMsgAllowance, BasicAllowance, MsgGrantAllowance, MsgRevokeAllowance, PeriodicAllowance,
    QueryAllowanceRequest, QueryAllowanceResponse, QueryAllowancesByGranterRequest,
    QueryAllowancesByGranterResponse, QueryAllowancesRequest, QueryAllowancesResponse,
};
use dadbs_proto::cosmos::mint::v1beta1::{
    QueryAnnualProvisionsRequest, QueryAnnualProvisionsResponse, QueryInflationRequest,
    QueryInflationResponse,
};
use dadbs_proto::dadbs::fees::v1::{
    AllowedContractAllowance, BaseFeeRequest, BaseFeeResponse, MsgEndSponsorship, MsgSponsorCalls,
};
use dadbs_tests::craft::Craft;
use dadbs_tests::{Chain, least_fee};
use dadbs_types::{AccountAddress, Code, OperatorAddress, Value};
use prost_types::{Any, Duration, Timestamp};

const GAS: u64 = 1_000_000;
/// The fee of it at the least price.
const FEE: u64 = 2_500;

fn count(chain: &Chain, sql: &str) -> u64 {
    match chain.rows("", sql).first().map(|row| row[0].clone()) {
        Some(Value::Integer(count)) => count.cast_unsigned(),
        None | Some(Value::Null) => 0,
        other => panic!("{sql}: {other:?}"),
    }
}

fn balance(chain: &Chain, address: AccountAddress) -> u64 {
    count(chain, &format!("SELECT amount FROM chain.balances WHERE address = '{address}'"))
}

fn pool(chain: &Chain) -> u64 {
    balance(chain, AccountAddress::of_module("community_pool"))
}

fn supply(chain: &Chain) -> u64 {
    let supply = count(chain, "SELECT amount FROM chain.supply");
    assert_eq!(supply, count(chain, "SELECT sum(amount) FROM chain.balances"));
    supply
}

fn price(chain: &Chain) -> BaseFeeResponse {
    chain.query("/dadbs.fees.v1.Query/BaseFee", &BaseFeeRequest {}).unwrap()
}

fn udadb(amount: u64) -> Vec<Coin> {
    vec![Coin { denom: "udadb".into(), amount: amount.to_string() }]
}

fn refused(result: &TxResult, code: Code) {
    let expected = (code.codespace(), code.number());
    assert_eq!((result.codespace.as_str(), result.code), expected, "{}", result.log);
}

fn check(chain: &Chain, tx: &[u8]) -> TxResult {
    chain.app.checker().unwrap().check_tx(tx, CheckKind::New).unwrap()
}

/// A transaction with a fee and a granter of its own; it counts no sequence.
fn offer(chain: &Chain, index: u8, messages: Vec<Any>, fee: u64, granter: &str) -> Vec<u8> {
    let mut craft = Craft::new(index, chain.sequence(index), messages, GAS);
    craft.fee().amount = udadb(fee);
    craft.fee().granter = granter.into();
    craft.bytes()
}

fn run(chain: &mut Chain, tx: Vec<u8>) -> TxResult {
    let checked = check(chain, &tx);
    let result = chain.block(vec![tx]).tx_results.remove(0);
    chain.resync();
    // What CheckTx refuses is refused in the block, and the other way round if ante did it.
    if !checked.is_ok() || result.gas_wanted == 0 {
        assert_eq!((&checked.codespace, checked.code), (&result.codespace, result.code));
    }
    result
}

/// No inflation, so that amounts are exact.
const STILL: [(&str, u64); 2] = [("mint.inflation_min", 0), ("mint.inflation_max", 0)];

#[test]
fn rule_1_fees_are_burned_and_shared() {
    let mut chain = Chain::with_params(2, &STILL);
    let before = supply(&chain);
    let tx = offer(&chain, 0, vec![chain.send(0, chain.address(1), 5)], FEE + 777, "");
    assert!(run(&mut chain, tx).is_ok());
    assert_eq!(supply(&chain), before - FEE / 2);
    assert_eq!(pool(&chain), FEE / 2 + 777);
    assert_eq!(balance(&chain, chain.address(0)), 1_000_000_000_000 - 5 - FEE - 777);
    // A failed transaction pays all the same.
    let tx = offer(&chain, 0, vec![chain.send(0, chain.address(1), u64::MAX / 4)], FEE, "");
    refused(&run(&mut chain, tx), Code::InsufficientFunds);
    assert_eq!(supply(&chain), before - FEE);
    assert_eq!(pool(&chain), FEE + 777);
}

#[test]
fn rule_2_the_price_of_gas_follows_the_blocks() {
    let params = [("fees.target_gas", 10_000_000), ("fees.most_price_factor", 5)];
    let mut chain = Chain::with_params(3, &[params, STILL].concat());
    assert_eq!(price(&chain).gas_price, "0.0025");
    assert_eq!(price(&chain).suggested_gas_price, "0.0025");
    let waiting = offer(&chain, 1, vec![chain.send(1, chain.address(0), 1)], FEE, "");
    let mut checker = chain.app.checker().unwrap();
    assert!(checker.check_tx(&waiting, CheckKind::New).unwrap().is_ok());
    let mut prices = Vec::new();
    let mut evicted = None;
    let mut paid = 2_500;
    while evicted.is_none() {
        // Twice the target: one transaction that asks for four times the target, and uses little.
        let mut craft =
            Craft::new(0, chain.sequence(0), vec![chain.send(0, chain.address(1), 1)], 40_000_000);
        craft.fee().amount = udadb(paid * 40);
        let result = chain.block(vec![craft.bytes()]).tx_results.remove(0);
        assert!(result.is_ok(), "{}", result.log);
        chain.resync();
        paid += paid / 8;
        assert_eq!(chain.rows("", "SELECT price FROM chain.gas_price")[0][0], {
            Value::Integer(paid.cast_signed())
        });
        prices.push(paid);
        checker.reset();
        let recheck = checker.check_tx(&waiting, CheckKind::Recheck).unwrap();
        assert_eq!(recheck.is_ok(), paid / 3 <= 2_500, "at {paid}");
        refused(&check(&chain, &waiting), Code::InsufficientFee);
        // A proposal leaves it out, and nobody accepts one that holds it.
        let proposed = chain.app.prepare_proposal(vec![waiting.clone()], 1 << 20).unwrap();
        assert_eq!(proposed, Vec::<Vec<u8>>::new());
        assert!(!chain.app.process_proposal(std::slice::from_ref(&waiting)).unwrap());
        evicted = (!recheck.is_ok()).then_some(recheck);
    }
    refused(&evicted.unwrap(), Code::InsufficientFee);
    assert_eq!(prices.len(), 10, "{prices:?}");
    // In a block it changes nothing.
    let before = supply(&chain);
    let result = chain.block(vec![waiting.clone()]).tx_results.remove(0);
    refused(&result, Code::InsufficientFee);
    assert_eq!(supply(&chain), before);
    let suggested: f64 = price(&chain).suggested_gas_price.parse().unwrap();
    let now: f64 = price(&chain).gas_price.parse().unwrap();
    assert!((1.24..1.26).contains(&(suggested / now)), "{suggested} of {now}");
    // Empty blocks bring the price back, and move no root.
    let root = chain.app.info().app_hash;
    let mut blocks = 1;
    while price(&chain).gas_price != "0.0025" {
        assert_eq!(chain.block(vec![]).app_hash, root);
        blocks += 1;
    }
    assert!((8..12).contains(&blocks), "{blocks}");
    assert!(check(&chain, &waiting).is_ok());
    assert_eq!(chain.app.prepare_proposal(vec![waiting.clone()], 1 << 20).unwrap().len(), 1);
    assert!(chain.app.process_proposal(std::slice::from_ref(&waiting)).unwrap());
    assert!(run(&mut chain, waiting).is_ok());
}

#[test]
fn rule_2_the_price_has_a_ceiling() {
    let params = [("fees.target_gas", 1), ("fees.most_price_factor", 2)];
    let mut chain = Chain::with_params(1, &[params, STILL].concat());
    let tx = offer(&chain, 0, vec![chain.send(0, chain.address(0), 1)], FEE, "");
    assert!(run(&mut chain, tx).is_ok());
    assert_eq!(price(&chain).gas_price, "0.005");
    let tx = offer(&chain, 0, vec![chain.send(0, chain.address(0), 1)], 2 * FEE, "");
    assert!(run(&mut chain, tx).is_ok());
    assert_eq!(price(&chain).gas_price, "0.005");
}

#[test]
fn rule_3_inflation_settles_with_transactions() {
    let mut chain = Chain::with_params(2, &[("fees.burned", 0)]);
    let before = supply(&chain);
    for _ in 0..50 {
        let root = chain.app.info().app_hash;
        assert_eq!(chain.block(vec![]).app_hash, root);
    }
    assert_eq!(supply(&chain), before);
    let message = chain.send(0, chain.address(1), 1);
    let result = chain.run(0, vec![message]);
    assert!(result.is_ok(), "{}", result.log);
    // 51 seconds of 13 %, which rises a little while nothing is bonded.
    let minted = supply(&chain) - before;
    let least = before / 100 * 13 / 31_557_600 * 51;
    assert!((least..=least + least / 100).contains(&minted), "{minted}, at least {least}");
    assert_eq!(pool(&chain), minted + u64::try_from(least_fee(dadbs_tests::GAS)).unwrap());
    let answer: QueryInflationResponse =
        chain.query("/cosmos.mint.v1beta1.Query/Inflation", &QueryInflationRequest {}).unwrap();
    let inflation: u128 = String::from_utf8(answer.inflation).unwrap().parse().unwrap();
    assert!((130_000_000_000_000_000..130_001_000_000_000_000).contains(&inflation));
    let answer: QueryAnnualProvisionsResponse = chain
        .query("/cosmos.mint.v1beta1.Query/AnnualProvisions", &QueryAnnualProvisionsRequest {})
        .unwrap();
    let year: u128 = String::from_utf8(answer.annual_provisions).unwrap().parse().unwrap();
    assert_eq!(year % 1_000_000_000_000_000_000, 0);
    assert_eq!(year / 1_000_000_000_000_000_000, {
        u128::from(supply(&chain)) * (inflation / 1_000_000) / 1_000_000_000_000
    });
}

fn basic(limit: u64, expires: Option<i64>) -> Any {
    let spend_limit = if limit == 0 { Vec::new() } else { udadb(limit) };
    let expiration = expires.map(|seconds| Timestamp { seconds, nanos: 0 });
    any(&BasicAllowance { spend_limit, expiration })
}

fn grant(chain: &Chain, granter: u8, grantee: u8, allowance: Any) -> Any {
    any(&MsgGrantAllowance {
        granter: chain.address(granter).to_string(),
        grantee: chain.address(grantee).to_string(),
        allowance: Some(allowance),
    })
}

#[test]
fn rule_4_an_allowance_pays_until_it_is_spent() {
    let mut chain = Chain::with_params(3, &STILL);
    let message = grant(&chain, 0, 1, basic(2 * FEE + 1, None));
    assert!(chain.run(0, vec![message.clone()]).is_ok());
    refused(&chain.run(0, vec![message]), Code::InvalidFeeAllowance);
    let granter = chain.address(0).to_string();
    let (paid, kept) = (balance(&chain, chain.address(0)), balance(&chain, chain.address(1)));
    let request =
        QueryAllowanceRequest { granter: granter.clone(), grantee: chain.address(1).to_string() };
    let path = "/cosmos.feegrant.v1beta1.Query/Allowance";
    let allowance = |chain: &Chain| {
        let answer: QueryAllowanceResponse = chain.query(path, &request).unwrap();
        answer.allowance.unwrap().allowance.unwrap()
    };
    assert_eq!(allowance(&chain), basic(2 * FEE + 1, None));
    let send = |chain: &Chain, index| {
        offer(chain, index, vec![chain.send(index, chain.address(2), 1)], FEE, &granter)
    };
    let tx = send(&chain, 1);
    let result = run(&mut chain, tx);
    assert!(result.is_ok(), "{}", result.log);
    let used: Vec<_> = result.events.iter().filter(|e| e.kind == "use_feegrant").collect();
    assert_eq!(used.len(), 1);
    assert_eq!(balance(&chain, chain.address(0)), paid - FEE);
    assert_eq!(balance(&chain, chain.address(1)), kept - 1);
    assert_eq!(allowance(&chain), basic(FEE + 1, None));
    // The mempool counts what is pending: the second fee fits, the third does not.
    let mut checker = chain.app.checker().unwrap();
    let mut craft = Craft::new(1, chain.sequence(1), vec![chain.send(1, chain.address(2), 1)], GAS);
    craft.fee().granter = granter.clone();
    assert!(checker.check_tx(&craft.bytes(), CheckKind::New).unwrap().is_ok());
    craft.auth.signer_infos[0].sequence += 1;
    let third = checker.check_tx(&craft.bytes(), CheckKind::New).unwrap();
    refused(&third, Code::FeeAllowanceSpent);
    // A message that fails is paid by the granter, too.
    let message = chain.send(1, chain.address(2), u64::MAX / 4);
    let tx = offer(&chain, 1, vec![message], FEE, &granter);
    refused(&run(&mut chain, tx), Code::InsufficientFunds);
    assert_eq!(allowance(&chain), basic(1, None));
    let tx = send(&chain, 1);
    refused(&run(&mut chain, tx), Code::FeeAllowanceSpent);
    let tx = send(&chain, 2);
    refused(&run(&mut chain, tx), Code::NoFeeAllowance);
    // What is offered beyond twice the price would be the proposer's: nobody else pays that.
    let message = chain.send(1, chain.address(2), 1);
    let tx = offer(&chain, 1, vec![message], 2 * FEE + 1, &granter);
    refused(&run(&mut chain, tx), Code::InvalidRequest);
    // Who names himself pays himself.
    let own = chain.address(2).to_string();
    let tx = offer(&chain, 2, vec![chain.send(2, chain.address(1), 1)], FEE, &own);
    assert!(run(&mut chain, tx).is_ok());
}

#[test]
fn rule_4_allowances_expire_are_listed_and_revoked() {
    let mut chain = Chain::with_params(3, &STILL);
    // Blocks are a second apart.
    let expires = 1_700_000_000 + i64::try_from(chain.height).unwrap() + 3;
    let only_sends = any(&AllowedMsgAllowance {
        allowance: Some(basic(0, None)),
        allowed_messages: vec!["/cosmos.bank.v1beta1.MsgSend".into()],
    });
    let soon = grant(&chain, 0, 1, basic(0, Some(expires)));
    let sends = grant(&chain, 0, 2, only_sends.clone());
    assert!(chain.run(0, vec![soon, sends]).is_ok());
    let request =
        QueryAllowancesByGranterRequest { granter: chain.address(0).to_string(), pagination: None };
    let path = "/cosmos.feegrant.v1beta1.Query/AllowancesByGranter";
    let answer: QueryAllowancesByGranterResponse = chain.query(path, &request).unwrap();
    assert_eq!(answer.allowances.len(), 2);
    let request =
        QueryAllowancesRequest { grantee: chain.address(2).to_string(), pagination: None };
    let path = "/cosmos.feegrant.v1beta1.Query/Allowances";
    let answer: QueryAllowancesResponse = chain.query(path, &request).unwrap();
    assert_eq!(answer.allowances[0].allowance, Some(only_sends));
    let granter = chain.address(0).to_string();
    let pool = |chain: &Chain, index: u8| {
        let depositor = chain.address(index).to_string();
        offer(
            chain,
            index,
            vec![any(&MsgFundCommunityPool { amount: udadb(1), depositor })],
            FEE,
            &granter,
        )
    };
    let tx = pool(&chain, 1);
    assert!(run(&mut chain, tx).is_ok());
    let tx = pool(&chain, 2);
    refused(&run(&mut chain, tx), Code::FeeNotAllowed);
    let tx = pool(&chain, 1);
    chain.block(vec![]);
    let result = chain.block(vec![tx]).tx_results.remove(0);
    refused(&result, Code::FeeAllowanceExpired);
    // The next block with a transaction removes it.
    let message = chain.send(0, chain.address(1), 1);
    assert!(chain.run(0, vec![message]).is_ok());
    assert_eq!(count(&chain, "SELECT count(*) FROM chain.fee_allowances"), 1);
    let revoke = any(&MsgRevokeAllowance {
        granter: chain.address(0).to_string(),
        grantee: chain.address(2).to_string(),
    });
    assert!(chain.run(0, vec![revoke.clone()]).is_ok());
    refused(&chain.run(0, vec![revoke]), Code::NoFeeAllowance);
    assert_eq!(count(&chain, "SELECT count(*) FROM chain.fee_allowances"), 0);
}

#[test]
fn rule_5_a_contract_pays_for_calls_of_it() {
    let mut chain = Chain::with_params(3, &STILL);
    let made = chain.instantiate(0, 1, "shop", &chain.address(0).to_string());
    assert!(chain.run(0, vec![made]).is_ok());
    let contract = AccountAddress::of_contract(1);
    let funds = chain.send(0, contract, 2 * FEE);
    assert!(chain.run(0, vec![funds]).is_ok());
    let sponsor = |chain: &Chain, sender: u8, allowance: Any| {
        any(&MsgSponsorCalls {
            sender: chain.address(sender).to_string(),
            contract: "shop".into(),
            grantee: String::new(),
            allowance: Some(allowance),
        })
    };
    let message = sponsor(&chain, 1, basic(0, None));
    refused(&chain.run(1, vec![message]), Code::NotAdmin);
    let hour = any(&PeriodicAllowance {
        basic: Some(BasicAllowance::default()),
        period: Some(Duration { seconds: 3_600, nanos: 0 }),
        period_spend_limit: udadb(2 * FEE),
        ..PeriodicAllowance::default()
    });
    let message = sponsor(&chain, 0, hour);
    let result = chain.run(0, vec![message]);
    assert!(result.is_ok(), "{}", result.log);
    let granter = contract.to_string();
    let call = |chain: &Chain, index| {
        let message = chain.exec(index, "shop", &[("SELECT 1", vec![])]);
        offer(chain, index, vec![message], FEE, &granter)
    };
    // The stock contract refuses strangers; the fee is the contract's all the same.
    let kept = balance(&chain, chain.address(1));
    let tx = call(&chain, 1);
    let result = run(&mut chain, tx);
    assert!(result.gas_wanted > 0, "{}", result.log);
    assert_eq!(balance(&chain, chain.address(1)), kept);
    assert_eq!(balance(&chain, contract), FEE);
    let tx = offer(&chain, 1, vec![chain.send(1, chain.address(2), 1)], FEE, &granter);
    refused(&run(&mut chain, tx), Code::FeeNotAllowed);
    // Two callers share what is left, in the mempool already.
    let mut checker = chain.app.checker().unwrap();
    assert!(checker.check_tx(&call(&chain, 2), CheckKind::New).unwrap().is_ok());
    let second = checker.check_tx(&call(&chain, 1), CheckKind::New).unwrap();
    refused(&second, Code::FeeAllowanceSpent);
    let end = any(&MsgEndSponsorship {
        sender: chain.address(0).to_string(),
        contract: "shop".into(),
        grantee: String::new(),
    });
    assert!(chain.run(0, vec![end]).is_ok());
    let tx = call(&chain, 2);
    refused(&run(&mut chain, tx), Code::NoFeeAllowance);
}

#[test]
fn rule_6_the_community_pool_takes_gifts() {
    let mut chain = Chain::with_params(2, &STILL);
    let before = pool(&chain);
    let depositor = chain.address(0).to_string();
    let gift = any(&MsgFundCommunityPool { amount: udadb(1_000_000), depositor });
    let tx = offer(&chain, 0, vec![gift], FEE, "");
    assert!(run(&mut chain, tx).is_ok());
    assert_eq!(pool(&chain), before + 1_000_000 + FEE / 2);
    let answer: QueryCommunityPoolResponse = chain
        .query("/cosmos.distribution.v1beta1.Query/CommunityPool", &QueryCommunityPoolRequest {})
        .unwrap();
    assert_eq!(answer.pool[0].amount, format!("{}000000000000000000", pool(&chain)));
    let send = chain.send(0, AccountAddress::of_module("community_pool"), 5);
    refused(&chain.run(0, vec![send]), Code::Unauthorized);
    let spend = |authority: AccountAddress| {
        any(&MsgCommunityPoolSpend {
            authority: authority.to_string(),
            recipient: authority.to_string(),
            amount: udadb(1),
        })
    };
    let message = spend(chain.address(0));
    refused(&chain.run(0, vec![message]), Code::Unauthorized);
    // In the name of governance it is not even decoded: the signer is another.
    let message = spend(AccountAddress::of_module("gov"));
    refused(&chain.run(0, vec![message]), Code::Unauthorized);
    chain.resync();
    supply(&chain);
}

#[test]
fn rule_7_what_may_not_be_is_refused() {
    let mut chain = Chain::with_params(2, &STILL);
    let own = chain.address(0);
    let operator = OperatorAddress(chain.address(1)).to_string();
    let contracts = any(&AllowedContractAllowance {
        allowance: Some(basic(1, None)),
        contracts: vec!["shop".into()],
    });
    let twice = any(&AllowedContractAllowance {
        allowance: Some(contracts),
        contracts: vec!["shop".into()],
    });
    let other = BasicAllowance { spend_limit: udadb(1), expiration: Some(Timestamp::default()) };
    let withdraw = |to: &str| {
        let (delegator_address, validator_address) = (own.to_string(), to.to_string());
        any(&MsgWithdrawDelegatorReward { delegator_address, validator_address })
    };
    let rows: Vec<(&str, Code, Any)> = vec![
        ("no delegation", Code::NoDelegation, withdraw(&operator)),
        ("an account as a validator", Code::InvalidAddress, withdraw(&own.to_string())),
        ("no commission", Code::NoCommission, {
            let validator_address = OperatorAddress(own).to_string();
            any(&MsgWithdrawValidatorCommission { validator_address })
        }),
        ("a module as withdraw address", Code::Unauthorized, {
            any(&MsgSetWithdrawAddress {
                delegator_address: own.to_string(),
                withdraw_address: AccountAddress::of_module("distribution").to_string(),
            })
        }),
        ("a gift of nothing", Code::InvalidCoins, {
            any(&MsgFundCommunityPool { amount: Vec::new(), depositor: own.to_string() })
        }),
        ("a gift beyond what is held", Code::InsufficientFunds, {
            any(&MsgFundCommunityPool { amount: udadb(u64::MAX / 2), depositor: own.to_string() })
        }),
        (
            "an allowance for oneself",
            Code::InvalidFeeAllowance,
            grant(&chain, 0, 0, basic(1, None)),
        ),
        ("an expired allowance", Code::InvalidFeeAllowance, grant(&chain, 0, 1, any(&other))),
        ("two lists of contracts", Code::InvalidFeeAllowance, grant(&chain, 0, 1, twice)),
        ("no allowance", Code::InvalidFeeAllowance, grant(&chain, 0, 1, withdraw(&operator))),
    ];
    for (name, code, message) in rows {
        let before = supply(&chain);
        let result = chain.run(0, vec![message]);
        let expected = (code.codespace(), code.number());
        assert_eq!((result.codespace.as_str(), result.code), expected, "{name}: {}", result.log);
        assert!(supply(&chain) < before, "{name}: it is paid for");
    }
    // A validator's commission is its operator's alone.
    let message = any(&MsgWithdrawValidatorCommission { validator_address: operator });
    refused(&chain.run(0, vec![message]), Code::Unauthorized);
    supply(&chain);
}
