//! The legal order of ABCI 2.0 calls on one connection, as CometBFT specifies it. A call out of order means that
//! the engine and we disagree about the protocol: the node stops before it executes anything.
//!
//! 1. `InitChain` comes first on its connection or not at all: a connection begins with genesis, or with the
//!    replay of what the application lacks.
//! 2. A height is any number of `PrepareProposal` and `ProcessProposal`, then `FinalizeBlock`, then Commit. In
//!    replay and block sync there is no proposal.
//! 3. All calls of a height name it; the next height is one more, the first after `InitChain` the initial one.
//! 4. Between `FinalizeBlock` and Commit nothing else of consensus is legal.
//! 5. Vote extensions are not enabled: their calls are illegal.
//! 6. Calls of the other connections (Echo, Flush, Info, Query, `CheckTx`, snapshots) have no order.

use tendermint_proto::v0_38::abci::request::Value as Asked;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Position {
    /// Nothing of consensus came yet.
    #[default]
    Start,
    /// The next call of consensus must be of this height.
    Height(i64),
    /// Commit of this height must come.
    Executed(i64),
}

/// Follows the calls of one connection.
#[derive(Debug, Default)]
pub(super) struct Grammar {
    position: Position,
}

impl Grammar {
    /// Takes the next call, or says why it is out of order.
    pub(super) fn take(&mut self, call: &Asked) -> Result<(), String> {
        let next = match (call, self.position) {
            (Asked::InitChain(request), Position::Start) => {
                Some(Position::Height(request.initial_height.max(1)))
            }
            (Asked::PrepareProposal(request), position) => {
                position.height_or(request.height).map(Position::Height)
            }
            (Asked::ProcessProposal(request), position) => {
                position.height_or(request.height).map(Position::Height)
            }
            (Asked::FinalizeBlock(request), position) => {
                position.height_or(request.height).map(Position::Executed)
            }
            (Asked::Commit(_), Position::Executed(height)) => {
                Some(Position::Height(height.saturating_add(1)))
            }
            (
                Asked::InitChain(_)
                | Asked::Commit(_)
                | Asked::ExtendVote(_)
                | Asked::VerifyVoteExtension(_),
                _,
            ) => None,
            _ => Some(self.position),
        };
        match next {
            Some(next) => {
                self.position = next;
                Ok(())
            }
            None => Err(format!(
                "the engine broke the order of ABCI 2.0: {} came {}; check that CometBFT is of a supported version",
                name(call),
                self.position.text()
            )),
        }
    }
}

impl Position {
    /// The height of a call, if it is legal here (rules 3 and 4).
    fn height_or(self, height: i64) -> Option<i64> {
        match self {
            Position::Start => Some(height),
            Position::Height(expected) => (height == expected).then_some(height),
            Position::Executed(_) => None,
        }
    }

    fn text(self) -> String {
        match self {
            Position::Start => "first on its connection".into(),
            Position::Height(height) => format!("where a call of height {height} is due"),
            Position::Executed(height) => format!("where Commit of height {height} is due"),
        }
    }
}

fn name(call: &Asked) -> String {
    match call {
        Asked::InitChain(_) => "InitChain".into(),
        Asked::PrepareProposal(request) => format!("PrepareProposal of height {}", request.height),
        Asked::ProcessProposal(request) => format!("ProcessProposal of height {}", request.height),
        Asked::FinalizeBlock(request) => format!("FinalizeBlock of height {}", request.height),
        Asked::Commit(_) => "Commit".into(),
        Asked::ExtendVote(_) => "ExtendVote".into(),
        Asked::VerifyVoteExtension(_) => "VerifyVoteExtension".into(),
        _ => "a call".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tendermint_proto::v0_38::abci as pb;

    fn calls(text: &str) -> Vec<Asked> {
        text.split_whitespace()
            .map(|word| {
                let (kind, height) = word.split_at(1);
                let height = height.parse().unwrap_or(0);
                match kind {
                    "I" => Asked::InitChain(pb::RequestInitChain {
                        initial_height: height,
                        ..Default::default()
                    }),
                    "P" => Asked::PrepareProposal(pb::RequestPrepareProposal {
                        height,
                        ..Default::default()
                    }),
                    "R" => Asked::ProcessProposal(pb::RequestProcessProposal {
                        height,
                        ..Default::default()
                    }),
                    "F" => Asked::FinalizeBlock(pb::RequestFinalizeBlock {
                        height,
                        ..Default::default()
                    }),
                    "C" => Asked::Commit(pb::RequestCommit {}),
                    "E" => Asked::ExtendVote(pb::RequestExtendVote::default()),
                    "V" => Asked::VerifyVoteExtension(pb::RequestVerifyVoteExtension::default()),
                    "q" => Asked::Query(pb::RequestQuery::default()),
                    "i" => Asked::Info(pb::RequestInfo::default()),
                    other => panic!("{other}"),
                }
            })
            .collect()
    }

    /// How many calls are legal.
    fn legal(text: &str) -> usize {
        let mut grammar = Grammar::default();
        let calls = calls(text);
        calls.iter().take_while(|call| grammar.take(call).is_ok()).count()
    }

    #[test]
    fn legal_orders() {
        for text in [
            "I1 P1 R1 F1 C R2 R2 P2 R2 F2 C",
            "I1 F1 C F2 C P3",
            "I0 F1 C",
            "I100 P100 F100 C",
            "F7 C F8 C P9 R9 F9 C",
            "P5 R5 F5 C",
            "i q I1 q i F1 i q C q",
        ] {
            assert_eq!(legal(text), text.split_whitespace().count(), "{text}");
        }
    }

    #[test]
    fn rules_1_to_5_stop_at_the_first_illegal_call() {
        for (text, count) in [
            ("I1 I1", 1),
            ("F1 C I1", 2),
            ("P1 I1", 1),
            ("C", 0),
            ("P1 C", 1),
            ("F1 F1", 1),
            ("F1 P2", 1),
            ("F1 R1", 1),
            ("F1 C C", 2),
            ("F1 C F3", 2),
            ("F2 C R2", 2),
            ("P1 F2", 1),
            ("I5 F1", 1),
            ("P1 E1", 1),
            ("V1", 0),
        ] {
            assert_eq!(legal(text), count, "{text}");
        }
        let mut grammar = Grammar::default();
        grammar.take(&calls("F3")[0]).unwrap();
        let error = grammar.take(&calls("R4")[0]).unwrap_err();
        assert!(error.contains("ProcessProposal of height 4"), "{error}");
        assert!(error.contains("Commit of height 3 is due"), "{error}");
    }
}
