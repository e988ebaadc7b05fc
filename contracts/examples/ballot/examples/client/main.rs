//! The client of the ballot: makes keys, shares, votes and their proofs; the chain sees no secret.
//!
//! ```text
//! client CONTRACT join KEYFILE        a trustee's key; the file is made if there is none
//! client CONTRACT deal KEYFILE        its secret, shared among all trustees
//! client CONTRACT confirm KEYFILE     if what the others have dealt fits what they have committed to
//! client CONTRACT vote yes|no
//! client CONTRACT decrypt KEYFILE     its part of the decryption
//! client CONTRACT verify              every vote's proof, and that the sum is the sum of the votes
//! ```
//!
//! Node and signer are those of the `dadbs` command (`DADBS_NODE`, `DADBS_HOME`, `DADBS_FROM`); `DADBS` names the
//! binary. What the client computes with comes from the node: who does not trust it runs one.

mod prover;

use anyhow::{Context, Result, anyhow, bail};
use dadbs_ballot::proofs::{self, Ciphertext, Point, Whose};
use prover::Secret;
use serde_json::Value as Json;
use std::fs;
use std::process::Command;

/// One answer of the command `dadbs`.
fn dadbs(arguments: &[&str]) -> Result<Json> {
    let binary = std::env::var("DADBS").unwrap_or_else(|_| "dadbs".into());
    let output = Command::new(&binary).args(arguments).args(["-y", "-o", "json"]).output();
    let output = output.with_context(|| format!("{binary} does not start: set DADBS"))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A contract, as the account that signs sees it.
struct Ballot {
    name: String,
    address: String,
    account: String,
}

fn text(value: &Json) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}

fn bytes(value: &Json) -> Result<Vec<u8>> {
    Ok(hex::decode(text(&value["blob"])?)?)
}

fn point(value: &Json) -> Result<Point> {
    proofs::point(&bytes(value)?).context("the chain holds what is no point")
}

/// The columns of a row of `trustees`.
struct Trustee {
    address: String,
    key: Json,
    commitments: Json,
    shares: Json,
}

impl Ballot {
    fn of(name: &str) -> Result<Ballot> {
        let contracts = dadbs(&["contract", "list"])?;
        let found = contracts.as_array().into_iter().flatten().find(|c| c["name"] == name);
        let address =
            text(&found.with_context(|| format!("there is no contract {name}"))?["address"])?;
        let from = std::env::var("DADBS_FROM").unwrap_or_else(|_| "dev0".into());
        let account = dadbs(&["keys", "show", &from])?;
        Ok(Ballot {
            name: name.into(),
            address: address.into(),
            account: text(&account["address"])?.into(),
        })
    }

    fn whose(&self) -> Whose<'_> {
        Whose { contract: &self.address, account: &self.account }
    }

    fn call(&self, entry: &str, arguments: &[&[u8]]) -> Result<Json> {
        let texts: Vec<String> =
            arguments.iter().map(|bytes| format!("x'{}'", hex::encode(bytes))).collect();
        let texts = texts.iter().map(String::as_str);
        let all: Vec<&str> =
            ["contract", "call", &self.name, entry].into_iter().chain(texts).collect();
        Ok(dadbs(&all)?["rows"].clone())
    }

    fn select(&self, sql: &str) -> Result<Vec<Json>> {
        let found = dadbs(&["sql", "query", &self.name, sql])?;
        Ok(found["rows"].as_array().cloned().unwrap_or_default())
    }

    fn trustees(&self) -> Result<Vec<Trustee>> {
        let sql = "SELECT address, key, commitments, shares FROM trustees ORDER BY number";
        let rows = self.select(sql)?.into_iter();
        rows.map(|row| {
            Ok(Trustee {
                address: text(&row[0])?.into(),
                key: row[1].clone(),
                commitments: row[2].clone(),
                shares: row[3].clone(),
            })
        })
        .collect()
    }

    /// Threshold, commitments of all and the sum.
    fn state(&self) -> Result<(usize, Vec<Point>, Ciphertext)> {
        let rows = self.select("SELECT threshold, commitments, sum FROM ballot")?;
        let row = rows.first().context("the ballot is not made")?;
        let threshold = row[0].as_u64().context("no threshold")?;
        let commitments = proofs::points(&bytes(&row[1])?).context("no points")?;
        let sum = Ciphertext::decode(&bytes(&row[2])?).context("no sum")?;
        Ok((usize::try_from(threshold)?, commitments, sum))
    }

    /// The account's share of the key, if all that was dealt fits.
    fn share(&self, secret: &Secret) -> Result<dadbs_ballot::proofs::Scalar> {
        let trustees = self.trustees()?;
        let own = trustees.iter().position(|trustee| trustee.address == self.account);
        let own = own.context("this account is no trustee")?;
        let deals: Result<Vec<_>> = trustees
            .iter()
            .map(|trustee| {
                let points = proofs::points(&bytes(&trustee.commitments)?);
                Ok((points.context("no points")?, bytes(&trustee.shares)?))
            })
            .collect();
        let share = secret.share(&self.address, own + 1, &deals?);
        share.map_err(|number| anyhow!("what trustee {number} dealt does not fit: do not confirm"))
    }
}

/// The secret of a key file.
fn secret(file: &str) -> Result<Secret> {
    let hex = fs::read_to_string(file).with_context(|| format!("{file}: join makes it"))?;
    let bytes = hex::decode(hex.trim())?;
    Ok(Secret(bytes.try_into().map_err(|_| anyhow!("{file} has not 32 bytes"))?))
}

fn fresh() -> Result<Secret> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random numbers: {error}"))?;
    Ok(Secret(bytes))
}

/// The secret of a key file, which is made for its owner alone if there is none.
fn made(file: &str) -> Result<Secret> {
    if fs::exists(file)? {
        return secret(file);
    }
    let made = fresh()?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(file)?, hex::encode(made.0).as_bytes())?;
    Ok(made)
}

fn verify(ballot: &Ballot) -> Result<()> {
    let (_, commitments, sum) = ballot.state()?;
    let mut own = Ciphertext::ZERO;
    let votes = ballot.select("SELECT address, vote, proof FROM voters WHERE vote IS NOT NULL")?;
    for row in &votes {
        let vote = Ciphertext::decode(&bytes(&row[1])?).context("a vote is no ciphertext")?;
        let whose = Whose { contract: &ballot.address, account: text(&row[0])? };
        if !proofs::is_vote(whose, &commitments[0], &vote, &bytes(&row[2])?) {
            bail!("the vote of {} is not proved", row[0]);
        }
        own = own.plus(&vote);
    }
    if own != sum {
        bail!("the sum is not the sum of the votes");
    }
    println!("{} votes are proved, and their sum is the chain's", votes.len());
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [name, rest @ ..] = &words[..] else { bail!("name the contract and a command") };
    let ballot = Ballot::of(name)?;
    match rest {
        ["join", file] => drop(ballot.call("join", &[&proofs::encode(&made(file)?.key())])?),
        ["deal", file] => {
            let keys: Result<Vec<Point>> =
                ballot.trustees()?.iter().map(|trustee| point(&trustee.key)).collect();
            let keys = keys.context("not all trustees have joined")?;
            let deal = secret(file)?.deal(ballot.whose(), ballot.state()?.0, &keys);
            ballot.call("deal", &[&deal.commitments, &deal.proof, &deal.shares])?;
        }
        ["confirm", file] => {
            ballot.share(&secret(file)?)?;
            ballot.call("confirm", &[])?;
        }
        ["vote", answer @ ("yes" | "no")] => {
            let key = ballot.state()?.1[0];
            let (vote, proof) = fresh()?.vote(ballot.whose(), &key, *answer == "yes");
            ballot.call("vote", &[&vote.encode(), &proof])?;
        }
        ["decrypt", file] => {
            let secret = secret(file)?;
            let share = ballot.share(&secret)?;
            let (part, proof) = secret.decrypt(ballot.whose(), share, &ballot.state()?.2);
            ballot.call("decrypt", &[&proofs::encode(&part), &proof])?;
        }
        ["verify"] => return verify(&ballot),
        _ => bail!("the commands are join, deal, confirm, vote, decrypt, verify"),
    }
    println!("done");
    Ok(())
}
