//! The client of the ballot: makes keys, shares, votes and their proofs; the chain sees no secret.
//!
//! ```text
//! client CONTRACT join KEYFILE        a trustee's key; the file is made if there is none
//! client CONTRACT deal KEYFILE        its secret, shared among all trustees; `cheat NUMBER` behind it spoils one share
//! client CONTRACT confirm KEYFILE     if what the others have dealt fits what they have committed to
//! client CONTRACT complain KEYFILE    about a trustee whose share does not fit: it is excluded
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
use prover::{Dealt, Secret};
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

/// An argument of the command.
fn blob(bytes: &[u8]) -> String {
    format!("x'{}'", hex::encode(bytes))
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
    /// What it dealt is in the key: it was not excluded for it.
    is_in_key: bool,
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

    fn call(&self, entry: &str, arguments: &[&[u8]]) -> Result<()> {
        let texts: Vec<String> = arguments.iter().map(|bytes| blob(bytes)).collect();
        let texts = texts.iter().map(String::as_str);
        self.run(&[entry].into_iter().chain(texts).collect::<Vec<_>>())
    }

    /// Calls an entry point with arguments as the command takes them.
    fn run(&self, words: &[&str]) -> Result<()> {
        dadbs(&[&["contract", "call", &self.name], words].concat()).map(drop)
    }

    fn select(&self, sql: &str) -> Result<Vec<Json>> {
        let found = dadbs(&["sql", "query", &self.name, sql])?;
        Ok(found["rows"].as_array().cloned().unwrap_or_default())
    }

    fn trustees(&self) -> Result<Vec<Trustee>> {
        let sql = "SELECT address, key, commitments, shares, fault FROM trustees ORDER BY number";
        let rows = self.select(sql)?.into_iter();
        rows.map(|row| {
            Ok(Trustee {
                address: text(&row[0])?.into(),
                key: row[1].clone(),
                commitments: row[2].clone(),
                shares: row[3].clone(),
                is_in_key: row[4] != "share",
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

    /// The number of this account's trustee, and all that was dealt and is in the key.
    fn dealt(&self) -> Result<(u32, Vec<Dealt>)> {
        let (mut own, mut all) = (None, Vec::new());
        for (number, trustee) in (1..).zip(self.trustees()?) {
            if trustee.address == self.account {
                own = Some(number);
            }
            if trustee.is_in_key {
                let commitments = proofs::points(&bytes(&trustee.commitments)?);
                let commitments = commitments.context("the chain holds what is no point")?;
                all.push(Dealt { number, commitments, shares: bytes(&trustee.shares)? });
            }
        }
        Ok((own.context("this account is no trustee")?, all))
    }

    /// The account's share of the key, if all that was dealt fits.
    fn share(&self, secret: &Secret) -> Result<dadbs_ballot::proofs::Scalar> {
        let (own, all) = self.dealt()?;
        let share = secret.share(&self.address, own, &all);
        share.map_err(|number| anyhow!("what trustee {number} dealt does not fit: complain"))
    }

    /// The account's part of the decryption: of which sum, the part, and its proof.
    fn part(&self, secret: &Secret) -> Result<[Vec<u8>; 3]> {
        let (share, (_, commitments, sum)) = (self.share(secret)?, self.state()?);
        let public = proofs::share_key(&commitments, self.dealt()?.0);
        if Point::GENERATOR * share != public {
            bail!("the share does not fit the key: a wrong part would exclude this trustee");
        }
        let (part, proof) = secret.decrypt(self.whose(), share, &sum);
        Ok([sum.encode(), proofs::encode(&part).to_vec(), proof])
    }

    /// Complains about the first trustee whose share does not fit.
    fn complain(&self, secret: &Secret) -> Result<()> {
        let (own, all) = self.dealt()?;
        let Err(number) = secret.share(&self.address, own, &all) else {
            bail!("all shares fit: confirm");
        };
        let dealt = all.iter().find(|dealt| dealt.number == number).context("no such trustee")?;
        let (common, proof) = secret.complaint(self.whose(), dealt).context("no point")?;
        self.run(&[
            "complain",
            &number.to_string(),
            &blob(&proofs::encode(&common)),
            &blob(&proof),
        ])?;
        println!("trustee {number} is excluded");
        Ok(())
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
        ["join", file] => ballot.call("join", &[&proofs::encode(&made(file)?.key())])?,
        ["deal", file, cheat @ ..] => {
            let keys: Result<Vec<Point>> =
                ballot.trustees()?.iter().map(|trustee| point(&trustee.key)).collect();
            let keys = keys.context("not all trustees have joined")?;
            let mut deal = secret(file)?.deal(ballot.whose(), ballot.state()?.0, &keys);
            if let ["cheat", number] = cheat {
                // The last byte of a share: it stays a number.
                let at = proofs::POINT + number.parse::<usize>()? * proofs::SCALAR - 1;
                *deal.shares.get_mut(at).context("no such trustee")? ^= 1;
            }
            ballot.call("deal", &[&deal.commitments, &deal.proof, &deal.shares])?;
        }
        ["confirm", file] => {
            ballot.share(&secret(file)?)?;
            ballot.call("confirm", &[])?;
        }
        ["complain", file] => ballot.complain(&secret(file)?)?,
        ["vote", answer @ ("yes" | "no")] => {
            let key = ballot.state()?.1[0];
            let (vote, proof) = fresh()?.vote(ballot.whose(), &key, *answer == "yes");
            ballot.call("vote", &[&vote.encode(), &proof])?;
        }
        ["decrypt", file] => {
            let [sum, part, proof] = ballot.part(&secret(file)?)?;
            ballot.call("decrypt", &[&sum, &part, &proof])?;
        }
        ["verify"] => return verify(&ballot),
        _ => bail!("the commands are join, deal, confirm, complain, vote, decrypt, verify"),
    }
    println!("done");
    Ok(())
}
