//! The rules of allowances.

use super::*;
use crate::{auth, params};
use dadbs_store::Store;
use dadbs_types::{Error, Event};
use std::collections::BTreeMap;

fn address(number: u8) -> AccountAddress {
    AccountAddress([number; 20])
}

fn store() -> Store {
    let mut store = Store::memory().unwrap();
    store.begin_block(0, 0).unwrap();
    params::init(&mut store, &BTreeMap::new()).unwrap();
    auth::init(&mut store).unwrap();
    init(&mut store).unwrap();
    store
}

fn basic(granter: u8, grantee: u8, limit: Option<u64>, expires_ms: Option<u64>) -> Allowance {
    Allowance {
        granter: address(granter),
        grantee: Some(address(grantee)),
        limit,
        expires_ms,
        period: None,
        messages: Vec::new(),
        contracts: Vec::new(),
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, impl Into<Error>>) -> Code {
    match result.map_err(Into::into) {
        Err(Error::Rejected(rejection)) => rejection.code,
        other => panic!("{other:?}"),
    }
}

fn send() -> [Purpose<'static>; 1] {
    [Purpose { type_url: "/cosmos.bank.v1beta1.MsgSend".into(), contract: None }]
}

#[test]
fn rule_1_one_allowance_and_none_for_oneself() {
    let mut store = store();
    let mut events: Vec<Event> = Vec::new();
    let mut granted = |allowance| grant(&mut store, &mut events, allowance, 50);
    granted(basic(1, 2, Some(10), None)).unwrap();
    for refused in [
        basic(1, 2, Some(11), None),
        basic(1, 1, Some(11), None),
        basic(1, 3, Some(0), None),
        basic(1, 3, None, Some(49)),
        Allowance {
            period: Some(Period { ms: 0, limit: 1, left: 0, reset_ms: 0 }),
            ..basic(1, 3, None, None)
        },
        Allowance {
            period: Some(Period { ms: 1, limit: 6, left: 0, reset_ms: 0 }),
            ..basic(1, 3, Some(5), None)
        },
        Allowance { messages: vec!["/a\n/b".into()], ..basic(1, 3, None, None) },
        Allowance { contracts: vec!["a".into(); ALLOWED_MAX + 1], ..basic(1, 3, None, None) },
    ] {
        assert_eq!(code(granted(refused.clone())), Code::InvalidFeeAllowance, "{refused:?}");
    }
    assert!(auth::load_account(&store, address(2)).unwrap().is_some());
    assert_eq!(auth::load_account(&store, address(3)), Ok(None));
}

#[test]
fn rules_2_and_3_an_allowance_pays_until_nothing_is_left() {
    let mut store = store();
    let mut events = Vec::new();
    grant(&mut store, &mut events, basic(1, 2, Some(10), Some(100)), 50).unwrap();
    let load = |store: &Store| for_payment(store, address(1), address(2));
    let mut allowance = load(&store).unwrap();
    assert_eq!(code(allowance.pay(11, 60, &send())), Code::FeeAllowanceSpent);
    assert_eq!(code(allowance.pay(1, 101, &send())), Code::FeeAllowanceExpired);
    assert_eq!(allowance, load(&store).unwrap(), "a refusal changes nothing");
    allowance.pay(4, 100, &send()).unwrap();
    save_paid(&mut store, &allowance).unwrap();
    assert_eq!(load(&store).unwrap().limit, Some(6));
    allowance.pay(6, 100, &send()).unwrap();
    save_paid(&mut store, &allowance).unwrap();
    assert_eq!(code(load(&store)), Code::NoFeeAllowance);
}

#[test]
fn rule_4_a_period_is_full_again_when_it_is_over() {
    let mut store = store();
    let period = Period { ms: 100, limit: 10, left: 3, reset_ms: 1 };
    let granted = Allowance { period: Some(period), ..basic(1, 2, Some(25), None) };
    grant(&mut store, &mut Vec::new(), granted, 50).unwrap();
    let mut allowance = for_payment(&store, address(1), address(2)).unwrap();
    assert_eq!(allowance.period, Some(Period { left: 10, reset_ms: 150, ..period }));
    allowance.pay(10, 149, &send()).unwrap();
    assert_eq!(code(allowance.pay(1, 149, &send())), Code::FeeAllowanceSpent);
    allowance.pay(10, 150, &send()).unwrap();
    assert_eq!(allowance.period, Some(Period { left: 0, reset_ms: 250, ..period }));
    // Much later: full, but not above what is left in all.
    allowance.pay(1, 1_000, &send()).unwrap();
    assert_eq!(allowance.period, Some(Period { left: 4, reset_ms: 1_100, ..period }));
    assert_eq!(allowance.limit, Some(4));
}

#[test]
fn rule_5_lists_name_what_is_paid_for() {
    let call = |contract| Purpose { type_url: "/dadbs.sql.v1.MsgExec".into(), contract };
    let mut sends = Allowance {
        messages: vec!["/cosmos.bank.v1beta1.MsgSend".into()],
        ..basic(1, 2, None, None)
    };
    sends.pay(1, 0, &send()).unwrap();
    assert_eq!(code(sends.pay(1, 0, &[call(Some("shop"))])), Code::FeeNotAllowed);
    let mut calls = Allowance { contracts: vec!["shop".into()], ..basic(1, 2, None, None) };
    calls.pay(1, 0, &[call(Some("shop")), call(Some("shop"))]).unwrap();
    for refused in [vec![call(Some("shop")), call(Some("other"))], send().to_vec()] {
        assert_eq!(code(calls.pay(1, 0, &refused)), Code::FeeNotAllowed);
    }
}

#[test]
fn rule_6_an_own_allowance_comes_before_the_one_for_everyone() {
    let mut store = store();
    let mut events = Vec::new();
    let everyone = Allowance { grantee: None, ..basic(1, 2, Some(5), None) };
    grant(&mut store, &mut events, everyone.clone(), 0).unwrap();
    grant(&mut store, &mut events, basic(1, 2, Some(7), None), 0).unwrap();
    let limit = |grantee| for_payment(&store, address(1), address(grantee)).unwrap().limit;
    assert_eq!((limit(2), limit(3)), (Some(7), Some(5)));
    assert_eq!(by_granter(&store, address(1), (0, 9)).unwrap().len(), 2);
    assert_eq!(by_granter(&store, address(1), (0, 1)).unwrap(), [everyone]);
    assert_eq!(by_grantee(&store, address(2), (0, 9)).unwrap().len(), 1);
    revoke(&mut store, &mut events, address(1), None).unwrap();
    assert_eq!(code(revoke(&mut store, &mut events, address(1), None)), Code::NoFeeAllowance);
    assert_eq!(code(for_payment(&store, address(1), address(3))), Code::NoFeeAllowance);
}

#[test]
fn rule_7_expired_allowances_go_a_bounded_number_at_once() {
    let mut store = store();
    let mut events = Vec::new();
    for grantee in 2..=251 {
        grant(&mut store, &mut events, basic(1, grantee, None, Some(50)), 0).unwrap();
    }
    grant(&mut store, &mut events, basic(1, 252, None, Some(51)), 0).unwrap();
    grant(&mut store, &mut events, basic(1, 253, None, None), 0).unwrap();
    let count = |store: &Store| by_granter(store, address(1), (0, 1_000)).unwrap().len();
    for left in [152, 52, 2, 2] {
        prune(&mut store, 51).unwrap();
        assert_eq!(count(&store), left);
    }
}
