//! Writes the seed corpus of the fuzz target `bundle`, and the keys that it trusts:
//! `cargo run -p dadbs-verifier --example fuzz_bundles`.

#[path = "../tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;

use dadbs_verifier::Bundle;
use prost::Message as _;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    let folder = corpus.join("bundle");
    fs::create_dir_all(&folder)?;
    let put = |name: &str, bundle: Bundle| fs::write(folder.join(name), bundle.encode_to_vec());

    let validators = common::validators(0, 4);
    let keys = validators.keys.iter().flat_map(|key| *key.verification_key().as_bytes());
    fs::write(corpus.join("bundle.trust"), keys.collect::<Vec<u8>>())?;
    put("present", common::bundle(&validators, 4, 5))?;
    put("three_votes", common::bundle(&validators, 3, 99))?;
    let mut absent = common::bundle(&validators, 4, 100);
    absent.row.clear();
    put("absent", absent)?;
    put("unknown_validators", common::bundle(&common::validators(4, 4), 4, 5))
}
