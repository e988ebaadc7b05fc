//! `dadbs query rewards`: epochs, scores and storage challenges; nodes with a prover key answer them.

use super::context::Globals;
use super::distribution::operator;
use super::exit::Outcome;
use super::output::{self, grouped};
use dadbs_client::proto::dadbs::rewards::v1::{ChallengesRequest, EpochRequest, ScoresRequest};
use prost_types::Timestamp;
use serde_json::{Value as Json, json};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Query {
    /// The running epoch, and what storage has earned in it
    Epoch,
    /// How validators stand in the running epoch
    Scores,
    /// A validator's storage challenges
    Challenges {
        /// Operator address (dadbsvaloper1...), or an account or key that runs the validator
        validator: String,
    },
}

pub(crate) async fn query(globals: &Globals, query: &Query) -> Outcome {
    match query {
        Query::Epoch => epoch(globals).await,
        Query::Scores => scores(globals).await,
        Query::Challenges { validator } => challenges(globals, validator).await,
    }
}

async fn epoch(globals: &Globals) -> Outcome {
    let epoch = globals.session().await?.client.reward_epoch(EpochRequest {}).await?;
    let json = json!({
        "epoch": epoch.epoch,
        "height": epoch.height,
        "root": hex::encode(&epoch.root),
        "ends": epoch.ends,
        "challenges": epoch.challenges,
        "last_height": epoch.last_height,
        "pool": epoch.pool.to_string(),
    });
    globals.print(&json, || {
        let ends = Timestamp { seconds: epoch.ends / 1_000, nanos: 0 };
        format!(
            "epoch {} since height {}, to {ends} at least\nstorage has earned {} udadb\n{} challenges for each validator, answers count up to height {}",
            epoch.epoch,
            epoch.height,
            grouped(epoch.pool.into()),
            epoch.challenges,
            epoch.last_height
        )
    });
    Ok(())
}

async fn scores(globals: &Globals) -> Outcome {
    let answer = globals.session().await?.client.reward_scores(ScoresRequest {}).await?;
    let scores: Vec<Json> = answer
        .scores
        .iter()
        .map(|score| {
            json!({
                "validator": score.validator_address,
                "power": score.power,
                "answered": score.answered,
                "score": score.score,
            })
        })
        .collect();
    globals.print(&json!({ "epoch": answer.epoch, "scores": scores }), || {
        let mut table = output::table(["validator", "power", "answered", "score"]);
        for score in &answer.scores {
            table.add_row([
                score.validator_address.clone(),
                grouped(score.power.into()),
                score.answered.len().to_string(),
                grouped(score.score.into()),
            ]);
        }
        format!("epoch {}\n{table}", answer.epoch)
    });
    Ok(())
}

async fn challenges(globals: &Globals, validator: &str) -> Outcome {
    let validator_address = operator(globals, validator)?;
    let request = ChallengesRequest { validator_address };
    let answer = globals.session().await?.client.reward_challenges(request).await?;
    let challenges: Vec<Json> = answer
        .challenges
        .iter()
        .map(|one| {
            json!({ "index": one.index, "target": hex::encode(&one.target), "answered": one.answered })
        })
        .collect();
    let json = json!({
        "epoch": answer.epoch, "last_height": answer.last_height, "challenges": challenges,
    });
    globals.print(&json, || {
        let mut table = output::table(["challenge", "the leaf nearest to", "answered"]);
        for one in &answer.challenges {
            let answered = if one.answered { "yes" } else { "no" };
            table.add_row([one.index.to_string(), hex::encode(&one.target), answered.into()]);
        }
        format!(
            "epoch {}, answers count up to height {}\n{table}",
            answer.epoch, answer.last_height
        )
    });
    Ok(())
}
