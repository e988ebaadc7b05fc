//! Every way in which a transaction is refused.
//!
//! 1. A transaction that is refused before its messages has the code of its row in the table, changes
//!    nothing, uses no gas, and `CheckTx` says the same.
//! 2. A block with refused transactions has the results and the root of the block without them.
//! 3. A transaction whose messages fail pays its fee and counts in its account's sequence; nothing else
//!    of it stays.
//! 4. No change of one bit makes another transaction of a signed one.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::too_many_lines,
    reason = "test data is small; tables are long"
)]

use dadbs_app::{CheckKind, TxResult};
use dadbs_client::tx::any;
use dadbs_proto::cosmos::bank::v1beta1::MsgSend;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::consensus::v1::MsgUpdateParams;
use dadbs_proto::cosmos::gov::v1::MsgSubmitProposal;
use dadbs_proto::cosmos::tx::v1beta1::{TxBody, TxRaw, mode_info};
use dadbs_proto::dadbs::contract::v1::{MsgInstantiate, MsgStoreCode};
use dadbs_proto::dadbs::rewards::v1::MsgSubmitStorageProof;
use dadbs_proto::dadbs::slashing::v1::{MsgCancelFault, MsgResolveFault, MsgSubmitInvalidHeader};
use dadbs_proto::dadbs::sql::v1::Statement;
use dadbs_proto::dadbs::storage::v1::{MsgFundStorage, MsgWithdrawStorage};
use dadbs_proto::tendermint::types::{AbciParams, BlockParams, EvidenceParams, ValidatorParams};
use dadbs_tests::craft::{Craft, Encoder, Field, Mutation};
use dadbs_tests::{CHAIN_ID, Chain, GAS, key};
use dadbs_types::{AccountAddress, Code, OperatorAddress, Value, limits};
use prost::Message;
use prost_types::{Any, Duration};

const ACCOUNTS: u8 = 4;

fn send(index: u8) -> Any {
    coins(index, &[("udadb", "5")])
}

fn coins(index: u8, amount: &[(&str, &str)]) -> Any {
    let coin =
        |(denom, amount): &(&str, &str)| Coin { denom: (*denom).into(), amount: (*amount).into() };
    any(&MsgSend {
        from_address: key(index).address().to_string(),
        to_address: key(2).address().to_string(),
        amount: amount.iter().map(coin).collect(),
    })
}

/// A good transaction of account 0, changed and signed.
fn changed(chain: &Chain, change: impl FnOnce(&mut Craft)) -> Vec<u8> {
    let mut craft = Craft::new(0, chain.sequence(0), vec![send(0)], 1_000_000);
    change(&mut craft);
    craft.bytes()
}

/// A good transaction of account 0 whose envelope is changed after signing.
fn enveloped(chain: &Chain, change: impl FnOnce(&mut TxRaw)) -> Vec<u8> {
    let mut raw = Craft::new(0, chain.sequence(0), vec![send(0)], 1_000_000).raw();
    change(&mut raw);
    raw.encode_to_vec()
}

/// The order of the group minus `s`: the other signature that a lax verifier accepts.
fn high_s(signature: &mut [u8]) {
    let order = hex::decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    let mut borrow = 0i16;
    for (s, n) in signature[32..].iter_mut().rev().zip(order.unwrap().iter().rev()) {
        let difference = i16::from(*n) - i16::from(*s) - borrow;
        borrow = i16::from(difference < 0);
        *s = difference.rem_euclid(256) as u8;
    }
}

type Row = (&'static str, Code, Vec<u8>);

/// Refusals of the encoding.
fn encoding_rows(chain: &Chain) -> Vec<Row> {
    let groups = |count| vec![0x0b; count];
    vec![
        ("nothing", Code::Unauthorized, vec![]),
        ("text", Code::TxDecode, b"hello".to_vec()),
        ("zeros", Code::TxDecode, vec![0; 100]),
        ("ones", Code::TxDecode, vec![0xff; 100]),
        ("groups 150 deep", Code::TxDecode, groups(150)),
        ("groups 500,000 deep", Code::TxDecode, groups(500_000)),
        ("a length beyond the end", Code::TxDecode, vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        ("the body is no message", Code::TxDecode, {
            let craft = Craft::new(0, chain.sequence(0), vec![send(0)], 1_000_000);
            craft.raw_of(vec![0xff; 9], craft.raw().auth_info_bytes).encode_to_vec()
        }),
        ("the auth info is no message", Code::TxDecode, {
            let craft = Craft::new(0, chain.sequence(0), vec![send(0)], 1_000_000);
            craft.raw_of(craft.raw().body_bytes, vec![0xff; 9]).encode_to_vec()
        }),
        ("the message is no message", Code::TxDecode, {
            changed(chain, |craft| craft.body.messages[0].value = vec![0xff; 9])
        }),
        ("a memo that is no text", Code::TxDecode, {
            let craft = Craft::new(0, chain.sequence(0), vec![send(0)], 1_000_000);
            let body = [craft.body.encode_to_vec(), vec![0x12, 2, 0xff, 0xfe]].concat();
            craft.raw_of(body, craft.raw().auth_info_bytes).encode_to_vec()
        }),
        ("a transaction over the limit", Code::TxTooLarge, {
            let wasm = vec![0; limits::TX_BYTES_MAX];
            let sender = key(0).address().to_string();
            changed(chain, |craft| craft.body.messages = vec![any(&MsgStoreCode { sender, wasm })])
        }),
        ("a memo over the limit", Code::MemoTooLarge, {
            changed(chain, |craft| craft.body.memo = "m".repeat(limits::MEMO_BYTES_MAX + 1))
        }),
        ("no message", Code::InvalidRequest, changed(chain, |craft| craft.body.messages.clear())),
        ("too many messages", Code::InvalidRequest, {
            changed(chain, |craft| {
                craft.body.messages = vec![send(0); limits::TX_MESSAGES_MAX + 1];
            })
        }),
        ("an extension option", Code::UnknownRequest, {
            changed(chain, |craft| craft.body.extension_options = vec![send(0)])
        }),
        ("a non-critical extension option", Code::UnknownRequest, {
            changed(chain, |craft| craft.body.non_critical_extension_options = vec![send(0)])
        }),
        ("an unknown message", Code::UnknownRequest, {
            changed(chain, |craft| {
                craft.body.messages[0].type_url = "/cosmos.authz.v1beta1.MsgExec".into();
            })
        }),
        ("a message type without its slash", Code::UnknownRequest, {
            changed(chain, |craft| {
                craft.body.messages[0].type_url = "cosmos.bank.v1beta1.MsgSend".into();
            })
        }),
    ]
}

/// Refusals of signer and signature.
fn signer_rows(chain: &Chain) -> Vec<Row> {
    let mode = |number: i32| {
        changed(chain, |craft| {
            let info = craft.auth.signer_infos[0].mode_info.as_mut().unwrap();
            info.sum = Some(mode_info::Sum::Single(mode_info::Single { mode: number }));
        })
    };
    let uncompressed = changed(chain, |craft| {
        let any = craft.auth.signer_infos[0].public_key.as_mut().unwrap();
        any.value = [vec![0x0a, 65], vec![4; 65]].concat();
    });
    vec![
        ("no signer", Code::Unauthorized, changed(chain, |c| c.auth.signer_infos.clear())),
        ("two signers", Code::Unauthorized, {
            changed(chain, |c| c.auth.signer_infos.push(c.auth.signer_infos[0].clone()))
        }),
        ("no signature", Code::Unauthorized, enveloped(chain, |raw| raw.signatures.clear())),
        ("two signatures", Code::Unauthorized, {
            enveloped(chain, |raw| raw.signatures.push(raw.signatures[0].clone()))
        }),
        ("an empty signature", Code::Unauthorized, {
            enveloped(chain, |raw| raw.signatures[0].clear())
        }),
        ("a short signature", Code::Unauthorized, {
            enveloped(chain, |raw| raw.signatures[0].truncate(63))
        }),
        ("a long signature", Code::Unauthorized, {
            enveloped(chain, |raw| raw.signatures[0].push(0))
        }),
        ("a signature of zeros", Code::Unauthorized, {
            enveloped(chain, |raw| raw.signatures[0].fill(0))
        }),
        ("a signature of ones", Code::Unauthorized, {
            enveloped(chain, |raw| raw.signatures[0].fill(0xff))
        }),
        ("a signature with high s", Code::Unauthorized, {
            enveloped(chain, |raw| high_s(&mut raw.signatures[0]))
        }),
        ("no sign mode", Code::Unauthorized, {
            changed(chain, |craft| craft.auth.signer_infos[0].mode_info = None)
        }),
        ("sign mode 0", Code::Unauthorized, mode(0)),
        ("the textual sign mode", Code::Unauthorized, mode(2)),
        ("the amino sign mode", Code::Unauthorized, mode(127)),
        ("another chain's id", Code::Unauthorized, {
            changed(chain, |craft| craft.chain_id = format!("{CHAIN_ID}0"))
        }),
        ("another account number", Code::Unauthorized, {
            changed(chain, |craft| craft.account_number = 1)
        }),
        ("another key's signature", Code::Unauthorized, {
            changed(chain, |craft| craft.signing_key = 1)
        }),
        ("no public key", Code::InvalidPubKey, {
            changed(chain, |craft| craft.auth.signer_infos[0].public_key = None)
        }),
        ("another type of key", Code::InvalidPubKey, {
            changed(chain, |craft| {
                let key = craft.auth.signer_infos[0].public_key.as_mut().unwrap();
                key.type_url = "/cosmos.crypto.ed25519.PubKey".into();
            })
        }),
        ("an uncompressed key", Code::InvalidPubKey, uncompressed),
        ("a key that is no point", Code::InvalidPubKey, {
            changed(chain, |craft| {
                let any = craft.auth.signer_infos[0].public_key.as_mut().unwrap();
                any.value = [vec![0x0a, 33, 5], vec![9; 32]].concat();
            })
        }),
        ("another signer's message", Code::Unauthorized, {
            changed(chain, |craft| craft.body.messages = vec![send(1)])
        }),
        ("governance's message", Code::Unauthorized, {
            let message = any(&consensus_update(|_| ()));
            changed(chain, |craft| craft.body.messages = vec![message])
        }),
        ("another signer's message among own ones", Code::Unauthorized, {
            changed(chain, |craft| craft.body.messages.push(send(1)))
        }),
        ("an account that does not exist", Code::UnknownAddress, {
            Craft::new(99, 0, vec![send(99)], 1_000_000).bytes()
        }),
        ("a sequence behind", Code::WrongSequence, {
            changed(chain, |craft| craft.auth.signer_infos[0].sequence -= 1)
        }),
        ("a sequence ahead", Code::WrongSequence, {
            changed(chain, |craft| craft.auth.signer_infos[0].sequence += 1)
        }),
        ("the last sequence", Code::WrongSequence, {
            changed(chain, |craft| craft.auth.signer_infos[0].sequence = u64::MAX)
        }),
    ]
}

/// Refusals of fee, gas and time.
fn fee_rows(chain: &Chain) -> Vec<Row> {
    let amount = |amount: &[(&str, &str)]| {
        let coin = |(denom, amount): &(&str, &str)| Coin {
            denom: (*denom).into(),
            amount: (*amount).into(),
        };
        let amount = amount.iter().map(coin).collect();
        changed(chain, |craft| craft.fee().amount = amount)
    };
    let gas = |gas_limit| Craft::new(0, chain.sequence(0), vec![send(0)], gas_limit).bytes();
    vec![
        ("no fee", Code::InsufficientFee, changed(chain, |craft| craft.auth.fee = None)),
        ("a fee of nothing", Code::InsufficientFee, amount(&[])),
        ("a fee of zero", Code::InsufficientFee, amount(&[("udadb", "0")])),
        ("a fee one below the least", Code::InsufficientFee, amount(&[("udadb", "2499")])),
        ("a fee in another denomination", Code::InvalidCoins, amount(&[("uatom", "9000")])),
        ("a fee of two coins", Code::InvalidCoins, amount(&[("udadb", "9000"), ("udadc", "1")])),
        ("a fee of one coin twice", Code::InvalidCoins, {
            amount(&[("udadb", "9000"), ("udadb", "9000")])
        }),
        ("a negative fee", Code::InvalidCoins, amount(&[("udadb", "-9000")])),
        ("a fee with a sign", Code::InvalidCoins, amount(&[("udadb", "+9000")])),
        ("a fee with leading zeros", Code::InvalidCoins, amount(&[("udadb", "09000")])),
        ("a fee without digits", Code::InvalidCoins, amount(&[("udadb", "")])),
        ("a fee beyond 128 bits", Code::InvalidCoins, amount(&[("udadb", &"9".repeat(40))])),
        ("a fee beyond 63 bits", Code::InsufficientFunds, {
            amount(&[("udadb", "9223372036854775808")])
        }),
        ("a fee beyond 64 bits", Code::InsufficientFunds, {
            amount(&[("udadb", "18446744073709551617")])
        }),
        ("a fee beyond the balance", Code::InsufficientFunds, {
            amount(&[("udadb", "1000000000001")])
        }),
        ("a payer", Code::InvalidRequest, {
            changed(chain, |craft| craft.fee().payer = key(0).address().to_string())
        }),
        ("a granter that is no address", Code::InvalidAddress, {
            changed(chain, |craft| craft.fee().granter = "dadbs1".into())
        }),
        ("a granter who grants nothing", Code::NoFeeAllowance, {
            changed(chain, |craft| craft.fee().granter = key(1).address().to_string())
        }),
        ("a gas limit of 0", Code::OutOfGas, gas(0)),
        ("a gas limit below the bytes", Code::OutOfGas, gas(70_000)),
        ("a gas limit over the limit", Code::InvalidRequest, gas(limits::TX_GAS_MAX + 1)),
        ("a gas limit of all bits", Code::InvalidRequest, gas(u64::MAX)),
        ("an expired timeout height", Code::TimeoutHeight, {
            changed(chain, |craft| craft.body.timeout_height = chain.height)
        }),
    ]
}

fn verdict(result: &TxResult) -> (&str, u32) {
    (&result.codespace, result.code)
}

fn code(code: Code) -> (&'static str, u32) {
    (code.codespace(), code.number())
}

fn check(chain: &Chain, tx: &[u8]) -> TxResult {
    chain.app.checker().unwrap().check_tx(tx, CheckKind::New).unwrap()
}

/// Two equal chains, some blocks old, so that there is a sequence behind.
fn twins() -> [Chain; 2] {
    [(), ()].map(|()| {
        let mut chain = Chain::memory(ACCOUNTS);
        for index in 0..ACCOUNTS {
            let message = chain.send(index, key(3).address(), 7);
            let result = chain.run(index, vec![message]);
            assert!(result.is_ok(), "{}", result.log);
        }
        chain
    })
}

/// Runs refused transactions in one block with a good one, and the good one alone on the twin.
fn assert_refused(twins: &mut [Chain; 2], rows: &[(String, Code, Vec<u8>)]) {
    let [chain, twin] = twins;
    for (name, expected, tx) in rows {
        let checked = check(chain, tx);
        assert_eq!(verdict(&checked), code(*expected), "CheckTx: {name}: {}", checked.log);
    }
    let message = chain.send(1, key(2).address(), 1);
    let good = chain.sign(1, vec![message.clone()]);
    assert_eq!(twin.sign(1, vec![message]), good);
    let mut txs: Vec<_> = rows.iter().map(|(.., tx)| tx.clone()).collect();
    txs.push(good.clone());
    let outcome = chain.block(txs);
    for ((name, expected, _), result) in rows.iter().zip(&outcome.tx_results) {
        assert_eq!(verdict(result), code(*expected), "{name}: {}", result.log);
        assert_eq!((result.gas_used, result.gas_wanted), (0, 0), "{name}");
        assert!(result.events.is_empty() && result.data.is_empty(), "{name}");
        assert!(!result.log.is_empty() && result.log.len() <= 2_048, "{name}");
    }
    let alone = twin.block(vec![good]);
    assert!(alone.tx_results[0].is_ok());
    assert_eq!(outcome.tx_results.last(), alone.tx_results.last());
    assert_eq!(outcome.app_hash, alone.app_hash, "{:?}", rows.first());
}

fn named(rows: Vec<Row>) -> Vec<(String, Code, Vec<u8>)> {
    rows.into_iter().map(|(name, code, tx)| (name.to_owned(), code, tx)).collect()
}

#[test]
fn rule_1_every_row_of_the_table() {
    let mut twins = twins();
    for rows in [encoding_rows, signer_rows, fee_rows] {
        for row in named(rows(&twins[0])) {
            assert_refused(&mut twins, &[row]);
        }
    }
}

#[test]
fn rule_2_all_rows_in_one_block() {
    let mut twins = twins();
    let mut rows = Vec::new();
    for make in [encoding_rows, signer_rows, fee_rows] {
        rows.extend(named(make(&twins[0])));
    }
    assert_refused(&mut twins, &rows);
}

#[test]
fn rule_1_what_the_table_changes_is_good_before() {
    let chain = &mut twins()[0];
    let good = changed(chain, |_| ());
    assert!(check(chain, &good).is_ok());
    assert!(chain.block(vec![good]).tx_results[0].is_ok());
    // Rows at their limits pass.
    chain.resync();
    let changes: [fn(&mut Craft, u64); 3] = [
        |craft, _| craft.body.memo = "m".repeat(limits::MEMO_BYTES_MAX),
        |craft, _| craft.body.messages = vec![send(0); limits::TX_MESSAGES_MAX],
        |craft, height| craft.body.timeout_height = height + 1,
    ];
    for change in changes {
        let mut craft = Craft::new(0, chain.sequence(0), vec![send(0)], 10_000_000);
        change(&mut craft, chain.height);
        let result = chain.block(vec![craft.bytes()]).tx_results.remove(0);
        assert!(result.is_ok(), "{}", result.log);
        chain.resync();
    }
    let most = Craft::new(0, chain.sequence(0), vec![send(0)], limits::TX_GAS_MAX).bytes();
    assert!(chain.block(vec![most]).tx_results[0].is_ok());
}

#[test]
fn rule_1_a_transaction_runs_once() {
    let [mut chain, mut twin] = twins();
    let message = chain.send(0, key(2).address(), 9);
    let tx = chain.sign(0, vec![message.clone()]);
    assert_eq!(twin.sign(0, vec![message]), tx);
    // Twice in a block.
    let outcome = chain.block(vec![tx.clone(), tx.clone(), tx.clone()]);
    let alone = twin.block(vec![tx.clone()]);
    assert_eq!(outcome.tx_results[0], alone.tx_results[0]);
    for again in &outcome.tx_results[1..] {
        assert_eq!(verdict(again), code(Code::WrongSequence));
    }
    assert_eq!(outcome.app_hash, alone.app_hash);
    // And in every later block.
    for _ in 0..3 {
        assert_eq!(verdict(&check(&chain, &tx)), code(Code::WrongSequence));
        let later = chain.block(vec![tx.clone()]);
        assert_eq!(verdict(&later.tx_results[0]), code(Code::WrongSequence));
        assert_eq!(later.app_hash, alone.app_hash);
    }
    // A checker counts what is pending.
    let next = {
        let message = chain.send(0, key(2).address(), 9);
        chain.sign(0, vec![message])
    };
    let mut checker = chain.app.checker().unwrap();
    assert!(checker.check_tx(&next, CheckKind::New).unwrap().is_ok());
    let again = checker.check_tx(&next, CheckKind::New).unwrap();
    assert_eq!(verdict(&again), code(Code::WrongSequence));
    checker.reset();
    assert!(checker.check_tx(&next, CheckKind::Recheck).unwrap().is_ok());
}

#[test]
fn rule_1_the_gas_of_a_block_is_bounded() {
    let [mut chain, _] = twins();
    let half = limits::BLOCK_GAS_MAX / 2;
    let mut txs = Vec::new();
    for index in 0..3 {
        txs.push(Craft::new(index, chain.sequence(index), vec![send(index)], half).bytes());
    }
    assert!(!chain.app.process_proposal(&txs).unwrap());
    assert_eq!(chain.app.prepare_proposal(txs.clone(), usize::MAX).unwrap(), txs[..2]);
    let small = Craft::new(3, chain.sequence(3), vec![send(3)], 1_000_000).bytes();
    txs.push(small);
    let results = chain.block(txs).tx_results;
    assert!(results[0].is_ok() && results[1].is_ok());
    assert_eq!(verdict(&results[2]), code(Code::OutOfGas));
    assert_eq!(verdict(&results[3]), code(Code::OutOfGas));
    assert!(results[2].log.contains("send it again"), "{}", results[2].log);
    assert_eq!((results[2].gas_used, results[2].gas_wanted), (0, 0));
    // Refused for room only: both pass in the next block.
    let again: Vec<_> = [2, 3]
        .map(|index| Craft::new(index, chain.sequence(index), vec![send(index)], half).bytes())
        .into();
    assert!(chain.block(again).tx_results.iter().all(TxResult::is_ok));
}

/// The transaction of rule 1, as fields: one message that nests values.
fn fields(chain: &Chain) -> (Craft, Vec<Field>, Vec<Field>) {
    let message = chain.exec(
        0,
        "shop",
        &[("INSERT INTO t VALUES (?, ?)", vec![vec![Value::Integer(300), "name".into()]])],
    );
    let craft = Craft::new(0, chain.sequence(0), vec![message], 1_000_000);
    let text = |number, text: &str| Field::Bytes(number, text.as_bytes().to_vec());
    // Integers are zigzag: 300 is 600.
    let row = vec![
        Field::Inside(1, vec![Field::Number(1, 600)]),
        Field::Inside(1, vec![text(3, "name")]),
    ];
    let statement = vec![text(1, "INSERT INTO t VALUES (?, ?)"), Field::Inside(2, row)];
    let sender = key(0).address().to_string();
    let exec = vec![text(1, &sender), text(2, "shop"), Field::Inside(3, statement)];
    let message = vec![text(1, "/dadbs.sql.v1.MsgExec"), Field::Inside(2, exec)];
    let body = vec![Field::Inside(1, message), text(2, "a memo"), Field::Number(3, 5_000)];
    let public_key = vec![
        text(1, "/cosmos.crypto.secp256k1.PubKey"),
        Field::Inside(2, vec![Field::Bytes(1, key(0).public_key().to_vec())]),
    ];
    let mode = vec![Field::Inside(1, vec![Field::Number(1, 1)])];
    let signer = vec![
        Field::Inside(1, public_key),
        Field::Inside(2, mode),
        Field::Number(3, chain.sequence(0)),
    ];
    let coin = vec![text(1, "udadb"), text(2, "2500")];
    let fee = vec![Field::Inside(1, coin), Field::Number(2, 1_000_000)];
    (craft, body, vec![Field::Inside(1, signer), Field::Inside(2, fee)])
}

/// The row's two values change places: another row, and another good transaction.
const SWAPPED: &str = "Reversed(4)";

/// The signed bytes with one mistake in body or auth info, and whether there was a place for it.
fn encoded(parts: &(Craft, Vec<Field>, Vec<Field>), mutation: Mutation) -> (Vec<u8>, bool) {
    let (craft, body, auth) = parts;
    let mut encoder = Encoder::new(mutation);
    let body = encoder.encode(body);
    let auth = encoder.encode(auth);
    let bytes = craft.raw_of(body, auth).encode_to_vec();
    let reached = match mutation {
        Mutation::Canonical => true,
        Mutation::Unknown(at) | Mutation::Reversed(at) => at < encoder.messages,
        Mutation::Overlong(at) | Mutation::OverlongTag(at) | Mutation::Twice(at) => {
            at < encoder.fields
        }
    };
    (bytes, reached)
}

#[test]
fn rule_1_an_encoding_has_one_form() {
    let mut twins = twins();
    let parts = fields(&twins[0]);
    let (good, _) = encoded(&parts, Mutation::Canonical);
    let mut craft = parts.0.clone();
    craft.body.memo = "a memo".into();
    craft.body.timeout_height = 5_000;
    assert_eq!(good, craft.bytes(), "the fields are the transaction");
    assert!(check(&twins[0], &good).is_ok());
    let mut rows = Vec::new();
    let kinds: [fn(usize) -> Mutation; 5] = [
        Mutation::Unknown,
        Mutation::Reversed,
        Mutation::Overlong,
        Mutation::OverlongTag,
        Mutation::Twice,
    ];
    for kind in kinds {
        for at in 0.. {
            let mutation = kind(at);
            let (bytes, reached) = encoded(&parts, mutation);
            if !reached {
                break;
            }
            // A message with one field has one order.
            if bytes != good {
                rows.push((format!("{mutation:?}"), bytes));
            }
        }
    }
    assert!(rows.len() > 80, "{} mutations", rows.len());
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, bytes)| {
            // What is repeated by right decodes, and is refused for being two.
            let checked = check(&twins[0], &bytes);
            let allowed = [Code::TxDecode, Code::Unauthorized, Code::InvalidCoins];
            let known = allowed.into_iter().find(|known| verdict(&checked) == code(*known));
            let twice = name.starts_with("Twice") || name == SWAPPED;
            match known {
                Some(Code::TxDecode) => {}
                Some(_) if twice => {}
                // Two messages, two statements, two rows: another good transaction.
                None if twice && checked.is_ok() => {}
                _ => panic!("{name}: {} {:?}", checked.log, verdict(&checked)),
            }
            (name, known, bytes)
        })
        .filter_map(|(name, known, bytes)| Some((name, known?, bytes)))
        .collect();
    assert!(rows.len() > 75, "{} refusals", rows.len());
    assert_refused(&mut twins, &rows);
    // The envelope itself.
    let raw = Craft::new(0, twins[0].sequence(0), vec![send(0)], 1_000_000).raw();
    let field = |number: u8, bytes: &[u8]| {
        [vec![number * 8 + 2], prost_length(bytes.len()), bytes.to_vec()].concat()
    };
    let (body, auth) = (field(1, &raw.body_bytes), field(2, &raw.auth_info_bytes));
    let signature = field(3, &raw.signatures[0]);
    let join = |parts: &[&[u8]]| parts.concat();
    assert_eq!(join(&[&body, &auth, &signature]), raw.encode_to_vec());
    let unknown: &[u8] = &[0xc0, 0x3e, 1];
    let rows = [
        ("unknown field at the end", join(&[&body, &auth, &signature, unknown])),
        ("unknown field at the start", join(&[unknown, &body, &auth, &signature])),
        ("signature first", join(&[&signature, &body, &auth])),
        ("auth info first", join(&[&auth, &body, &signature])),
        ("two bodies", join(&[&body, &body, &auth, &signature])),
    ];
    let rows = rows.map(|(name, bytes)| (name.to_owned(), Code::TxDecode, bytes));
    assert_refused(&mut twins, &rows);
}

fn prost_length(length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(length as u64, &mut bytes);
    bytes
}

/// Refuses every transaction of the list, and the root of the block is that of an empty one.
fn assert_all_refused(chain: &mut Chain, txs: &[Vec<u8>], allowed: &[Code]) {
    let before = chain.app.info().app_hash;
    let outcome = chain.block(txs.to_vec());
    for (at, (tx, result)) in txs.iter().zip(&outcome.tx_results).enumerate() {
        assert!(
            allowed.iter().any(|allowed| verdict(result) == code(*allowed)),
            "{at}: {:?} {}",
            verdict(result),
            result.log
        );
        let checked = check(chain, tx);
        assert_eq!(verdict(&checked), verdict(result), "{at}: {}", checked.log);
    }
    assert_eq!(outcome.app_hash, before);
}

#[test]
fn rule_1_truncated_at_every_byte() {
    let [mut chain, _] = twins();
    let tx = changed(&chain, |_| ());
    let cut: Vec<_> = (0..tx.len()).map(|end| tx[..end].to_vec()).collect();
    assert_all_refused(&mut chain, &cut, &[Code::TxDecode, Code::Unauthorized]);
    let longer: Vec<_> = (0..=255).map(|byte| [&tx[..], &[byte]].concat()).collect();
    assert_all_refused(&mut chain, &longer, &[Code::TxDecode]);
    assert!(chain.block(vec![tx]).tx_results[0].is_ok());
}

#[test]
fn rule_4_every_bit_counts() {
    let [mut chain, _] = twins();
    let tx = changed(&chain, |_| ());
    let flipped: Vec<_> = (0..tx.len() * 8)
        .map(|bit| {
            let mut flipped = tx.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        })
        .collect();
    let allowed = [
        Code::TxDecode,
        Code::Unauthorized,
        Code::UnknownRequest,
        Code::InvalidPubKey,
        Code::InvalidCoins,
        Code::InsufficientFee,
        Code::InsufficientFunds,
        Code::InvalidRequest,
        Code::OutOfGas,
        Code::UnknownAddress,
        Code::WrongSequence,
        Code::TimeoutHeight,
    ];
    assert_all_refused(&mut chain, &flipped, &allowed);
    assert!(chain.block(vec![tx]).tx_results[0].is_ok());
}

#[test]
fn rule_1_random_bytes_are_refused() {
    let [mut chain, _] = twins();
    let mut random = dadbs_tests::Random(5);
    let mut txs = Vec::new();
    for _ in 0..2_000 {
        let length = random.below(300);
        txs.push((0..length).map(|_| random.next_u64() as u8).collect());
    }
    assert_all_refused(&mut chain, &txs, &[Code::TxDecode, Code::Unauthorized]);
}

fn balance(chain: &Chain, index: u8) -> i64 {
    let address = key(index).address();
    let sql = format!("SELECT amount FROM chain.balances WHERE address = '{address}'");
    match chain.rows("", &sql)[0][0] {
        Value::Integer(amount) => amount,
        ref other => panic!("{other:?}"),
    }
}

/// Consensus parameters that governance may set, changed.
fn consensus_update(change: impl FnOnce(&mut MsgUpdateParams)) -> MsgUpdateParams {
    let mut message = MsgUpdateParams {
        authority: AccountAddress::of_module("gov").to_string(),
        block: Some(BlockParams { max_bytes: 5_000_000, max_gas: 1_500_000_000 }),
        evidence: Some(EvidenceParams {
            max_age_num_blocks: 1,
            max_age_duration: Some(Duration { seconds: 1_000_000, nanos: 0 }),
            max_bytes: 1_048_576,
        }),
        validator: Some(ValidatorParams { pub_key_types: vec!["ed25519".into()] }),
        abci: None,
    };
    change(&mut message);
    message
}

/// A proposal of account 0 with one message.
fn proposal(message: Any) -> Any {
    any(&MsgSubmitProposal {
        messages: vec![message],
        initial_deposit: vec![Coin { denom: "udadb".into(), amount: "100000000".into() }],
        proposer: key(0).address().to_string(),
        title: "Blocks".into(),
        ..MsgSubmitProposal::default()
    })
}

/// Proposals of consensus parameters that are refused when they are made: name, code, a word of the reason, message.
fn consensus_rows() -> Vec<(String, Code, &'static str, Any)> {
    type Change = fn(&mut MsgUpdateParams, i64);
    type Absence = (&'static str, &'static str, fn(&mut MsgUpdateParams));
    let bytes: Change = |m, value| m.block.as_mut().unwrap().max_bytes = value;
    let gas: Change = |m, value| m.block.as_mut().unwrap().max_gas = value;
    let age: Change = |m, value| {
        m.evidence.as_mut().unwrap().max_age_duration = Some(Duration { seconds: value, nanos: 0 });
    };
    let nanos: Change = |m, value| {
        let nanos = i32::try_from(value).unwrap();
        m.evidence.as_mut().unwrap().max_age_duration = Some(Duration { seconds: 5, nanos });
    };
    let blocks: Change = |m, value| m.evidence.as_mut().unwrap().max_age_num_blocks = value;
    let evidence: Change = |m, value| m.evidence.as_mut().unwrap().max_bytes = value;
    let extensions: Change =
        |m, value| m.abci = Some(AbciParams { vote_extensions_enable_height: value });
    let block_bytes = i64::try_from(limits::BLOCK_BYTES_MAX).unwrap();
    let block_gas = i64::try_from(limits::BLOCK_GAS_MAX).unwrap();
    // -1 is without a bound to CometBFT.
    let numbers: [(&str, &str, Change, &[i64]); 7] = [
        (
            "a block of bytes",
            "consensus.block_bytes",
            bytes,
            &[i64::MIN, -1, 0, 1, 4_194_303, block_bytes + 1, i64::MAX],
        ),
        (
            "a block of gas",
            "consensus.block_gas",
            gas,
            &[i64::MIN, -1, 0, 1, 9_999_999, block_gas + 1, i64::MAX],
        ),
        (
            "evidence of seconds",
            "consensus.evidence_age",
            age,
            &[i64::MIN, -1, 0, 31_536_001, i64::MAX],
        ),
        ("evidence of 5 s and ns", "whole seconds", nanos, &[-1, 1, 500_000_000, 999_999_999]),
        ("evidence of blocks", "max_age_num_blocks 1", blocks, &[i64::MIN, -1, 0, 2, i64::MAX]),
        ("bytes of evidence", "max_bytes 1048576", evidence, &[-1, 0, 1_048_575, 1_048_577]),
        ("extensions from height", "no extensions", extensions, &[-1, 1, i64::MAX]),
    ];
    let row = |name: String, word, message: MsgUpdateParams| {
        (name, Code::InvalidRequest, word, proposal(any(&message)))
    };
    let mut rows = Vec::new();
    for (name, word, change, values) in numbers {
        for value in values {
            let message = consensus_update(|message| change(message, *value));
            rows.push(row(format!("{name}: {value}"), word, message));
        }
    }
    for types in [&[][..], &["secp256k1"], &["ed25519", "secp256k1"], &["Ed25519"], &["ed25519"; 2]]
    {
        let message = consensus_update(|message| {
            let types = types.iter().map(ToString::to_string).collect();
            message.validator = Some(ValidatorParams { pub_key_types: types });
        });
        rows.push(row(format!("keys of {types:?}"), "type ed25519", message));
    }
    let absent: [Absence; 4] = [
        ("no block", "as a whole", |message| message.block = None),
        ("no evidence", "as a whole", |message| message.evidence = None),
        ("no validator", "as a whole", |message| message.validator = None),
        ("no age", "whole seconds", |message| {
            message.evidence.as_mut().unwrap().max_age_duration = None;
        }),
    ];
    for (name, word, change) in absent {
        rows.push(row(name.into(), word, consensus_update(change)));
    }
    let own = any(&consensus_update(|message| message.authority = key(0).address().to_string()));
    let refused = (Code::InvalidProposalMessage, "a proposal's messages are signed by");
    rows.push(("another authority".into(), refused.0, refused.1, proposal(own.clone())));
    rows.push(("without a vote".into(), Code::Unauthorized, "governance", own));
    rows
}

/// Messages that fail, with their codes.
fn failing() -> Vec<(&'static str, Code, Any)> {
    let to = |to: &str| {
        any(&MsgSend {
            from_address: key(0).address().to_string(),
            to_address: to.into(),
            amount: vec![Coin { denom: "udadb".into(), amount: "1".into() }],
        })
    };
    let other_prefix = "cosmos1jhg0e7s6gn44tfc5k37kr04sznyhedtc9rzys5";
    vec![
        ("more than the balance", Code::InsufficientFunds, {
            coins(0, &[("udadb", "1000000000001")])
        }),
        ("a denomination not held", Code::InsufficientFunds, coins(0, &[("uatom", "1")])),
        ("an amount of zero", Code::InvalidCoins, coins(0, &[("udadb", "0")])),
        ("a negative amount", Code::InvalidCoins, coins(0, &[("udadb", "-1")])),
        ("an amount beyond 63 bits", Code::InvalidCoins, {
            coins(0, &[("udadb", "9223372036854775808")])
        }),
        ("no coins", Code::InvalidCoins, coins(0, &[])),
        ("a bad denomination", Code::InvalidCoins, coins(0, &[("u d", "1")])),
        ("coins out of order", Code::InvalidCoins, coins(0, &[("udadb", "1"), ("uatom", "1")])),
        ("one coin twice", Code::InvalidCoins, coins(0, &[("udadb", "1"), ("udadb", "1")])),
        ("no recipient", Code::InvalidAddress, to("")),
        ("another chain's recipient", Code::InvalidAddress, to(other_prefix)),
        ("a recipient of hexadecimal", Code::InvalidAddress, to("00112233")),
        ("no such database", Code::ContractNotFound, {
            any(&dadbs_proto::dadbs::sql::v1::MsgExec {
                sender: key(0).address().to_string(),
                database: "nowhere".into(),
                statements: vec![],
            })
        }),
        ("a bad database name", Code::InvalidName, {
            any(&MsgInstantiate {
                sender: key(0).address().to_string(),
                code_id: 1,
                name: "Shop".into(),
                ..MsgInstantiate::default()
            })
        }),
        ("a bad admin", Code::InvalidAddress, {
            any(&MsgInstantiate {
                sender: key(0).address().to_string(),
                code_id: 1,
                name: "shop".into(),
                admin: "me".into(),
                ..MsgInstantiate::default()
            })
        }),
        ("a proof of nothing", Code::ProofMalformed, {
            any(&MsgSubmitInvalidHeader {
                submitter: key(0).address().to_string(),
                ..MsgSubmitInvalidHeader::default()
            })
        }),
        ("a fault attributed without a vote", Code::Unauthorized, {
            any(&MsgResolveFault {
                authority: key(0).address().to_string(),
                ..MsgResolveFault::default()
            })
        }),
        ("a fault cancelled without a vote", Code::Unauthorized, {
            any(&MsgCancelFault { authority: key(0).address().to_string(), fault_id: 1 })
        }),
        ("a storage proof of another epoch", Code::WrongEpoch, {
            any(&MsgSubmitStorageProof {
                submitter: key(0).address().to_string(),
                validator_address: OperatorAddress(key(0).address()).to_string(),
                epoch: 7,
                ..MsgSubmitStorageProof::default()
            })
        }),
        ("a storage proof for nobody's challenge", Code::NoChallenge, {
            any(&MsgSubmitStorageProof {
                submitter: key(0).address().to_string(),
                validator_address: OperatorAddress(key(0).address()).to_string(),
                epoch: 1,
                ..MsgSubmitStorageProof::default()
            })
        }),
        ("a storage proof for no validator", Code::InvalidAddress, {
            any(&MsgSubmitStorageProof {
                submitter: key(0).address().to_string(),
                ..MsgSubmitStorageProof::default()
            })
        }),
        ("too many statements", Code::SqlTooLarge, {
            any(&dadbs_proto::dadbs::sql::v1::MsgExec {
                sender: key(0).address().to_string(),
                database: "nowhere".into(),
                statements: vec![Statement::default(); limits::SQL_STATEMENTS_MAX + 1],
            })
        }),
    ]
}

/// Runs a failing message of account 0 behind a good one; why it was refused.
fn assert_pays(chain: &mut Chain, name: &str, expected: Code, message: Any) -> String {
    let others = |chain: &Chain| [1, 2, 3].map(|index| balance(chain, index));
    let (before, other, sequence) = (balance(chain, 0), others(chain), chain.sequence(0));
    // A good message before the failing one is undone with it.
    let good = chain.send(0, key(1).address(), 77);
    let craft = Craft::new(0, sequence, vec![good, message], 2_000_000);
    assert!(check(chain, &craft.bytes()).is_ok(), "{name}");
    let result = chain.block(vec![craft.bytes()]).tx_results.remove(0);
    assert_eq!(verdict(&result), code(expected), "{name}: {}", result.log);
    assert!(result.gas_used > 70_000 && result.gas_used <= 2_000_000, "{name}");
    assert_eq!(result.gas_wanted, 2_000_000);
    let kinds: Vec<_> = result.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["tx"], "{name}: only the fee's event stays");
    assert!(result.data.is_empty());
    assert_eq!(balance(chain, 0), before - 5_000, "{name}: the fee alone is gone");
    assert_eq!(others(chain), other, "{name}");
    chain.resync();
    assert_eq!(chain.sequence(0), sequence + 1, "{name}");
    result.log
}

#[test]
fn rule_3_consensus_parameters_out_of_bounds_pay() {
    let [mut chain, _] = twins();
    let before = chain.app.consensus_params().unwrap();
    for (name, expected, word, message) in consensus_rows() {
        let log = assert_pays(&mut chain, &name, expected, message);
        assert!(log.contains(word), "{name}: {log}");
    }
    assert_eq!(chain.rows("", "SELECT count(*) FROM chain.proposals"), [[Value::Integer(0)]]);
    assert_eq!(chain.app.consensus_params().unwrap(), before);
    // What the rows change is good, and so is what lies just within the bounds.
    let least = |message: &mut MsgUpdateParams| {
        message.block = Some(BlockParams { max_bytes: 4_194_304, max_gas: 10_000_000 });
    };
    let changes: [fn(&mut MsgUpdateParams); 2] = [|_| (), least];
    for change in changes {
        let result = chain.run(0, vec![proposal(any(&consensus_update(change)))]);
        assert!(result.is_ok(), "{}", result.log);
    }
}

#[test]
fn rule_3_failing_messages_pay() {
    let [mut chain, _] = twins();
    for (name, expected, message) in failing() {
        assert_pays(&mut chain, name, expected, message);
    }
    assert_eq!(
        chain.rows("", "SELECT sum(amount) FROM chain.balances"),
        chain.rows("", "SELECT amount FROM chain.supply")
    );
}

#[test]
fn rule_3_storage_rent_that_is_not_paid() {
    let mut chain = Chain::with_params(ACCOUNTS, &[("storage.price", 1_000_000_000_000)]);
    let sender = key(0).address().to_string();
    let fund = |contract: &str, amount| {
        any(&MsgFundStorage { sender: sender.clone(), contract: contract.into(), amount })
    };
    let take = |contract: &str, amount| {
        any(&MsgWithdrawStorage { sender: sender.clone(), contract: contract.into(), amount })
    };
    let withdraw = |amount| take("shop", amount);
    let other = chain.instantiate(0, 1, "others", key(1).address().to_string().as_str());
    assert!(chain.run(0, vec![other, fund("others", 3_000_000)]).is_ok());
    let make = chain.instantiate(0, 1, "shop", &sender);
    let made = chain.run(0, vec![make, fund("shop", 3_000_000)]);
    assert!(made.is_ok(), "{}", made.log);
    assert!(chain.sql(0, "shop", "CREATE TABLE t (x)").is_ok());
    let write = |chain: &Chain, sql| chain.exec(0, "shop", &[(sql, vec![])]);
    let large = write(&chain, "INSERT INTO t VALUES (zeroblob(90000))");
    for row in [
        ("no room", Code::StoragePrepaid, large.clone()),
        ("no such database", Code::ContractNotFound, fund("nowhere", 1)),
        ("nothing", Code::InvalidCoins, fund("shop", 0)),
        ("beyond 63 bits", Code::InvalidCoins, fund("shop", u64::MAX)),
        ("more than is held", Code::InsufficientFunds, fund("shop", 2_000_000_000_000)),
        ("another's", Code::NotAdmin, take("others", 1)),
        ("what is needed", Code::StorageMinimum, withdraw(3_000_000)),
        ("more than anybody has", Code::StorageMinimum, withdraw(u64::MAX)),
    ] {
        let (name, expected, message) = row;
        assert_pays(&mut chain, name, expected, message);
    }
    chain.skipped_seconds += 400 * 86_400;
    chain.block(vec![]);
    assert_pays(&mut chain, "a debt", Code::StorageExhausted, large);
    assert_pays(&mut chain, "nothing is left", Code::StorageMinimum, withdraw(1));
    chain.skipped_seconds += 31 * 86_400;
    chain.block(vec![]);
    let small = write(&chain, "DELETE FROM t WHERE 1");
    assert!(chain.run(0, vec![small]).is_ok(), "it writes nothing");
    let small = write(&chain, "INSERT INTO t VALUES (1)");
    assert_pays(&mut chain, "a long debt", Code::StorageFrozen, small);
}

#[test]
fn rule_1_the_fee_must_be_held_when_it_is_due() {
    let [mut chain, _] = twins();
    // Account 0 gives away all but one fee, then two of its transactions come.
    let all = u64::try_from(balance(&chain, 0)).unwrap();
    let give = Craft::new(
        0,
        chain.sequence(0),
        vec![coins(0, &[("udadb", &(all - 2_500 - 2_600).to_string())])],
        1_000_000,
    );
    assert!(chain.block(vec![give.bytes()]).tx_results[0].is_ok());
    chain.resync();
    assert_eq!(balance(&chain, 0), 2_600);
    let sequence = chain.sequence(0);
    let txs = [0, 1].map(|n| Craft::new(0, sequence + n, vec![send(0)], 1_000_000).bytes());
    let mut checker = chain.app.checker().unwrap();
    assert!(checker.check_tx(&txs[0], CheckKind::New).unwrap().is_ok());
    let second = checker.check_tx(&txs[1], CheckKind::New).unwrap();
    assert_eq!(verdict(&second), code(Code::InsufficientFunds));
    let results = chain.block(txs.to_vec()).tx_results;
    assert!(results[0].is_ok());
    assert_eq!(verdict(&results[1]), code(Code::InsufficientFunds));
    assert_eq!(balance(&chain, 0), 95);
}

#[test]
fn rule_1_a_proposal_keeps_each_senders_sequences() {
    let [mut chain, _] = twins();
    let tx = |chain: &Chain, ahead| {
        Craft::new(0, chain.sequence(0) + ahead, vec![send(0)], 1_000_000).bytes()
    };
    let [first, second, third] = [0, 1, 2].map(|ahead| tx(&chain, ahead));
    let other = Craft::new(1, chain.sequence(1), vec![send(1)], 1_000_000).bytes();
    let mixed = vec![first.clone(), third.clone(), other.clone(), second.clone()];
    let prepared = chain.app.prepare_proposal(mixed.clone(), usize::MAX).unwrap();
    // What does not follow waits, and so does all that its sender sent after it.
    assert_eq!(prepared, [first.clone(), other.clone()]);
    let ordered = [first.clone(), other.clone(), second.clone(), third.clone()];
    let all = chain.app.prepare_proposal(ordered.to_vec(), usize::MAX).unwrap();
    assert_eq!(all, ordered);
    assert!(chain.app.process_proposal(&ordered).unwrap());
    for impossible in [mixed, vec![first.clone(), first.clone()], vec![second, first]] {
        assert!(!chain.app.process_proposal(&impossible).unwrap());
    }
}

#[test]
fn rule_1_a_proposal_holds_what_its_senders_signed() {
    let [mut chain, _] = twins();
    let good = Craft::new(0, chain.sequence(0), vec![send(0)], 1_000_000).bytes();
    let mut forged = good.clone();
    // The signature ends the bytes.
    *forged.last_mut().unwrap() ^= 1;
    let mut stranger = Chain::memory(ACCOUNTS + 1);
    let message = stranger.send(ACCOUNTS, key(1).address(), 1);
    let stranger = stranger.sign(ACCOUNTS, vec![message]);
    for bad in [forged, stranger] {
        assert!(!chain.app.process_proposal(std::slice::from_ref(&bad)).unwrap());
        let prepared = chain.app.prepare_proposal(vec![bad, good.clone()], usize::MAX).unwrap();
        assert!(prepared.len() <= 1 && prepared.iter().all(|tx| *tx == good));
    }
    assert!(chain.app.process_proposal(&[good]).unwrap());
}

#[test]
fn rule_1_a_proposal_holds_what_decodes() {
    let [mut chain, _] = twins();
    let good = {
        let message = chain.send(1, key(2).address(), 1);
        chain.sign_with_gas(1, vec![message], GAS)
    };
    for (name, _, tx) in named(encoding_rows(&chain)) {
        let prepared =
            chain.app.prepare_proposal(vec![tx.clone(), good.clone()], usize::MAX).unwrap();
        assert_eq!(prepared, std::slice::from_ref(&good), "{name}");
        assert!(!chain.app.process_proposal(&[good.clone(), tx]).unwrap(), "{name}");
    }
    assert!(chain.app.process_proposal(&[good]).unwrap());
    assert!(chain.app.process_proposal(&[]).unwrap());
    // A body that decodes and is empty.
    assert_eq!(TxBody::default().encode_to_vec(), Vec::<u8>::new());
}
