//! Values, rows and keys: what decodes encodes to the same bytes.
#![no_main]

use dadbs_types::value::{decode_row, decode_rows, encode_row, encode_rows};
use dadbs_types::{Key, Row};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(row) = decode_row(bytes) {
        assert_eq!(encode_row(&row), bytes);
        let canonical = Key(row).encode();
        let key = Key(decode_row(&canonical).expect("a key's encoding is a row"));
        assert_eq!(key.encode(), canonical, "a key has one encoding");
    }
    if let Ok(rows) = decode_rows(bytes, 1_000) {
        assert!(rows.len() <= 1_000);
        assert_eq!(encode_rows(&rows), bytes);
    }
    if let Ok(row) = Row::decode(bytes) {
        assert_eq!(row.encode(), bytes);
    }
});
