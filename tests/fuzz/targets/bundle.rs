//! Proof bundles: the verifier reads any bytes, and accepts none that differ from what was signed.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use dadbs_verifier::{Time, Trust, TrustedValidators, verify};

/// The client of the corpus' chain: validators with the keys [1; 32] to [4; 32], power 10 each. Their
/// public keys are in `corpus/bundle.trust`.
static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let keys = include_bytes!("../corpus/bundle.trust").as_chunks::<32>().0;
    Trust {
        chain_id: "dadbs-test-1".into(),
        height: 7,
        time: time(7),
        validators: TrustedValidators::of_genesis(keys.iter().map(|key| (*key, 10)))
            .expect("the corpus' validators are a set"),
        trusting_period: Duration::from_secs(1000),
        clock_drift: Duration::from_secs(5),
        age_max: Some(Duration::from_secs(60)),
    }
});

fn time(seconds: i64) -> Time {
    Time::from_unix_timestamp(1_790_000_000 + seconds, 123_456_789).expect("a date of 2026")
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(row) = verify(bytes, &TRUST, time(50)) else { return };
    // Nobody can sign but the corpus' writer, whose chain has one header: what is accepted is about it.
    assert_eq!(row.height, 41);
    assert_eq!(row.table, row.table.to_ascii_lowercase());
    if let (Some(found), [dadbs_types::Value::Integer(n)]) = (&row.row, row.key.0.as_slice()) {
        assert_eq!(row.table, "d3_goods");
        assert_eq!(found.rowid, Some(*n));
        assert_eq!(found.values[0], dadbs_types::Value::Text(format!("row {n}")));
    } else {
        assert!(row.row.is_none(), "a row with a key that no row has");
    }
});
