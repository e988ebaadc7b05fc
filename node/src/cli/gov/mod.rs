//! `dadbs gov`: proposals, votes, tallies.

mod propose;
mod show;

use super::context::{Globals, Session};
use super::exit::{Failure, Outcome};
use dadbs_client::proto::cosmos::base::v1beta1::Coin;
use dadbs_client::proto::cosmos::gov::v1::{
    MsgCancelProposal, MsgDeposit, MsgSubmitProposalResponse, MsgVoteWeighted, VoteOption,
    WeightedVoteOption,
};
use dadbs_client::proto::dadbs::circuit::v1::{MsgPause, MsgResume};
use dadbs_client::proto::dadbs::gov::v1::MsgLockedVote;
use dadbs_client::tx::{UnsignedTx, any};
use dadbs_types::AccountAddress;
use dadbs_types::coin::DENOM;
use prost_types::Any;
use serde_json::json;
use std::path::PathBuf;

pub(super) use propose::parse_param;
pub(super) use show::{params, pauses, upgrade};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Gov {
    /// Make a proposal of a JSON file: title, summary, metadata, deposit, expedited, messages
    Submit {
        /// The file
        file: PathBuf,
    },
    /// Make a common proposal without a file
    Propose(propose::Propose),
    /// Add to the deposit of a proposal
    Deposit {
        /// The proposal
        id: u64,
        /// In udadb
        amount: u64,
    },
    /// Vote: `yes`, `no`, `abstain`, `no_with_veto`, or parts such as `yes=0.7,abstain=0.3`
    Vote {
        /// The proposal
        id: u64,
        /// The option, or several with their weights
        #[arg(value_parser = parse_options)]
        options: Options,
        /// Coins that vote, too, and are locked until the vote ends, in udadb
        #[arg(long, default_value_t = 0, value_name = "UDADB")]
        locked: u64,
    },
    /// Take a proposal back
    Cancel {
        /// The proposal
        id: u64,
    },
    /// Pause something at once, as the guardian: `message:/a.type.Url`, `contract:name`, `contracts`
    Pause {
        /// What
        scope: String,
        /// For how long
        seconds: u64,
    },
    /// End a pause of the guardian
    Resume {
        /// What
        scope: String,
    },
    /// Show a proposal
    Proposal {
        /// The proposal
        id: u64,
    },
    /// List proposals, newest first
    Proposals {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u64,
    },
    /// Show how a vote stands
    Tally {
        /// The proposal
        id: u64,
        /// Show every change until the proposal has ended
        #[arg(long)]
        watch: bool,
    },
    /// The parameters of governance
    Params,
}

/// Options of a vote with their weights as texts.
#[derive(Clone, Debug)]
pub(crate) struct Options(Vec<WeightedVoteOption>);

fn parse_options(text: &str) -> Result<Options, String> {
    let one = |part: &str| {
        let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
        let option = match name {
            "yes" => VoteOption::Yes,
            "abstain" => VoteOption::Abstain,
            "no" => VoteOption::No,
            "no_with_veto" | "veto" => VoteOption::NoWithVeto,
            _ => return Err(format!("\"{name}\" is none of yes, no, abstain, no_with_veto")),
        };
        Ok(WeightedVoteOption { option: option.into(), weight: weight.into() })
    };
    text.split(',').map(one).collect::<Result<_, _>>().map(Options)
}

pub(crate) async fn run(globals: &Globals, command: &Gov) -> Outcome {
    match command {
        Gov::Submit { file } => propose::submit_file(globals, file).await,
        Gov::Propose(args) => propose::propose(globals, args).await,
        Gov::Deposit { id, amount } => {
            let message = |depositor| {
                any(&MsgDeposit { proposal_id: *id, depositor, amount: coins(*amount) })
            };
            send(globals, message, &format!("deposited {amount} udadb on proposal {id}")).await
        }
        Gov::Vote { id, options: Options(options), locked } => {
            let message = |voter| {
                let (proposal_id, options) = (*id, options.clone());
                let metadata = String::new();
                if *locked == 0 {
                    any(&MsgVoteWeighted { proposal_id, voter, options, metadata })
                } else {
                    any(&MsgLockedVote { proposal_id, voter, options, locked: *locked, metadata })
                }
            };
            send(globals, message, &format!("voted on proposal {id}")).await
        }
        Gov::Cancel { id } => {
            let message = |proposer| any(&MsgCancelProposal { proposal_id: *id, proposer });
            send(globals, message, &format!("proposal {id} is taken back")).await
        }
        Gov::Pause { scope, seconds } => {
            let message =
                |authority| any(&MsgPause { authority, scope: scope.clone(), seconds: *seconds });
            send(globals, message, &format!("{scope} is paused for {seconds} seconds")).await
        }
        Gov::Resume { scope } => {
            let message = |authority| any(&MsgResume { authority, scope: scope.clone() });
            send(globals, message, &format!("{scope} is not paused any more")).await
        }
        Gov::Proposal { id } => show::proposal(globals, *id).await,
        Gov::Proposals { limit } => show::proposals(globals, *limit).await,
        Gov::Tally { id, watch } => show::tally(globals, *id, *watch).await,
        Gov::Params => show::params(globals, "gov.").await,
    }
}

/// The account that signs the messages of proposals.
fn authority() -> String {
    AccountAddress::of_module("gov").to_string()
}

fn coins(amount: u64) -> Vec<Coin> {
    vec![Coin { denom: DENOM.into(), amount: amount.to_string() }]
}

fn signer(globals: &Globals) -> Outcome<String> {
    let (ring, name) = globals.signing_key()?;
    Ok(ring.info(&name)?.address.to_string())
}

/// Sends one message of the key that signs.
async fn send(globals: &Globals, message: impl FnOnce(String) -> Any, done: &str) -> Outcome {
    let session = globals.session().await?;
    let tx = UnsignedTx::new(vec![message(signer(globals)?)]);
    if let Some(included) = globals.submit(&session, &tx, None).await? {
        globals.print_included(&included, json!({}), done);
    }
    Ok(())
}

/// Sends a proposal and prints its number.
async fn submit(globals: &Globals, session: &Session, message: Any) -> Outcome {
    let tx = UnsignedTx::new(vec![message]);
    if let Some(included) = globals.submit(session, &tx, None).await? {
        let id = included.message_response::<MsgSubmitProposalResponse>(0)?.proposal_id;
        let people = format!("proposal {id}: `dadbs gov vote {id} yes` votes for it");
        globals.print_included(&included, json!({ "proposal_id": id }), &people);
    }
    Ok(())
}

/// A file that the command line names.
fn read(path: &std::path::Path) -> Outcome<Vec<u8>> {
    std::fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_names_and_weights() {
        let Options(options) = parse_options("yes=0.7,no_with_veto=0.3").unwrap();
        assert_eq!((options[0].option, options[1].option), (1, 4));
        assert_eq!(options[1].weight, "0.3");
        assert_eq!(parse_options("abstain").unwrap().0[0].weight, "1");
        assert!(parse_options("perhaps").is_err() && parse_options("").is_err());
    }
}
