//! The patch is what it says: taken back, the vendored file is the pristine one.
mod common;

#[test]
fn the_patch_taken_back_gives_the_pristine_source() {
    assert_eq!(blake3::hash(&common::pristine_source()).to_string(), common::PRISTINE_BLAKE3);
}
