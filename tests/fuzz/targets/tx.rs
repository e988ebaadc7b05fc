//! Transactions: what decodes is in its one encoding, and its accessors do not panic.
#![no_main]

use dadbs_app::tx::Tx;
use dadbs_types::limits::{TX_BYTES_MAX, TX_GAS_MAX, TX_MESSAGES_MAX};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(tx) = Tx::decode(bytes) else { return };
    assert!(tx.len == bytes.len() && tx.len <= TX_BYTES_MAX);
    assert!(tx.gas_limit <= TX_GAS_MAX);
    assert!((1..=TX_MESSAGES_MAX).contains(&tx.msgs.len()));
    assert!(tx.msgs.iter().all(|msg| msg.signer() == tx.sender.to_string()));
    assert!(tx.msgs.iter().all(|msg| !msg.type_url().is_empty()));
    // Accounts differ in what is signed.
    let hash = tx.sign_hash("dadbs-fuzz", 1);
    assert_ne!(hash, tx.sign_hash("dadbs-fuzz", 2));
    let verified = tx.verify_signature(hash).is_ok();
    assert!(!verified || tx.signature().len() == 64);
});
