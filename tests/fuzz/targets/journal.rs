//! Journals: what decodes encodes to the same bytes.
#![no_main]

use dadbs_store::journal::{decode, encode};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The hash at the end would stop every mutation, so it is put right.
    let mut sealed = bytes.to_vec();
    sealed.extend_from_slice(blake3::hash(bytes).as_bytes());
    for input in [bytes, sealed.as_slice()] {
        if let Ok(changes) = decode(input) {
            assert_eq!(encode(&changes), input);
        }
    }
});
