//! What one verification costs, by the number of validators, beside the signatures alone.
//!
//!     cargo run --release -p dadbs-verifier --example bench_verify [-- --quick]
//!
//! Wall clock, medians. The reference verifies the same number of ed25519 signatures over messages of
//! a vote's length, and nothing else.

#[path = "../tests/common/mod.rs"]
mod common;

use common::{bundle, key_of, now, trust, validators};
use dadbs_verifier::verify;
use ed25519_consensus::SigningKey;
use prost::Message;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let rounds = if quick { 20 } else { 200 };
    println!("validators  bundle B  verify ms  signatures alone ms  ratio");
    for count in [1u8, 4, 32, 100] {
        eprintln!("{count} validators: {rounds} rounds");
        let validators = validators(0, count);
        let bytes = bundle(&validators, count.into(), 5).encode_to_vec();
        let trust = trust(&validators);
        let (mut whole, mut signatures) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let start = Instant::now();
            let verified = verify(&bytes, &trust, now())?;
            whole.push(start.elapsed().as_secs_f64() * 1e3);
            assert!(verified.answers(common::TABLE, &key_of(5)), "another row");
            signatures.push(signatures_alone(&validators.keys)?);
        }
        let (whole, signatures) = (median(whole), median(signatures));
        let (length, ratio) = (bytes.len(), whole / signatures);
        println!("{count:>10} {length:>9} {whole:>10.3} {signatures:>20.3} {ratio:>6.2}");
    }
    Ok(())
}

fn signatures_alone(keys: &[SigningKey]) -> Result<f64, ed25519_consensus::Error> {
    let message = [7; 122];
    let signed: Vec<_> =
        keys.iter().map(|key| (key.verification_key().to_bytes(), key.sign(&message))).collect();
    let start = Instant::now();
    for (key, signature) in &signed {
        ed25519_consensus::VerificationKey::try_from(*key)?.verify(signature, &message)?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
