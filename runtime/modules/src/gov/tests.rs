//! The rules of results.

use super::result::{Bar, Verdict};
use crate::votes::Tally;

const BAR: Bar = Bar { quorum: 334_000, threshold: 500_000, veto: 334_000 };

fn verdict(counts: [u64; 4], electorate: u64) -> Verdict {
    BAR.verdict(Tally { counts, electorate, ..Tally::default() })
}

#[test]
fn rule_4_the_order_of_the_result() {
    assert_eq!(verdict([0; 4], 0), Verdict::Rejected, "nobody has power");
    assert_eq!(verdict([0; 4], 1_000), Verdict::Rejected, "nobody has voted");
    assert_eq!(verdict([333, 0, 0, 0], 1_000), Verdict::Rejected, "no quorum");
    assert_eq!(verdict([334, 0, 0, 0], 1_000), Verdict::Passed, "the quorum to the unit");
    assert_eq!(
        verdict([0, 0, 0, 333], 1_000),
        Verdict::Rejected,
        "a veto without quorum burns nothing"
    );
    assert_eq!(verdict([0, 900, 0, 0], 1_000), Verdict::Rejected, "only abstentions");
    assert_eq!(verdict([1, 900, 0, 0], 1_000), Verdict::Passed, "abstentions are left out");
    assert_eq!(verdict([500, 0, 500, 0], 1_000), Verdict::Rejected, "half is not more than half");
    assert_eq!(verdict([501, 0, 499, 0], 1_000), Verdict::Passed);
    assert_eq!(verdict([666, 0, 0, 334], 1_000), Verdict::Passed, "not more than the veto's part");
    assert_eq!(verdict([665, 0, 0, 335], 1_000), Verdict::Vetoed);
    assert_eq!(verdict([i64::MAX as u64, 0, 0, 0], i64::MAX as u64), Verdict::Passed);
    let huge = Tally { counts: [u64::MAX / 4; 4], electorate: u64::MAX, ..Tally::default() };
    assert_eq!(BAR.verdict(huge), Verdict::Rejected);
}

#[test]
fn rule_4_age_decides_between_the_votes_and_never_makes_a_quorum() {
    let aged = |counts, extra| BAR.verdict(Tally { counts, extra, electorate: 1_000 });
    assert_eq!(aged([333, 0, 0, 0], [333, 0, 0, 0]), Verdict::Rejected, "less than the quorum");
    assert_eq!(aged([334, 0, 0, 0], [334, 0, 0, 0]), Verdict::Passed);
    assert_eq!(aged([400, 0, 500, 0], [0; 4]), Verdict::Rejected);
    assert_eq!(aged([400, 0, 500, 0], [101, 0, 0, 0]), Verdict::Passed, "501 of 1,001");
    assert_eq!(aged([400, 0, 500, 0], [400, 0, 500, 0]), Verdict::Rejected, "alike for all");
    assert_eq!(aged([600, 0, 0, 250], [0, 0, 0, 51]), Verdict::Vetoed, "301 of 901");
    let most = i64::MAX as u64;
    let huge = Tally { counts: [most, 0, 0, 0], extra: [most, 0, 0, 0], electorate: most };
    assert_eq!(BAR.verdict(huge), Verdict::Passed);
}
