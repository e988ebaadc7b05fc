//! `dadbs tx feegrant` and `dadbs query feegrant`.

use super::context::Globals;
use super::distribution::udadb;
use super::exit::{Failure, Outcome};
use super::output;
use dadbs_client::proto::cosmos::feegrant::v1beta1::{
    AllowedMsgAllowance, BasicAllowance, Grant, MsgGrantAllowance, MsgRevokeAllowance,
    PeriodicAllowance, QueryAllowancesByGranterRequest, QueryAllowancesRequest,
};
use dadbs_client::proto::dadbs::fees::v1::{
    AllowedContractAllowance, MsgEndSponsorship, MsgSponsorCalls,
};
use dadbs_client::tx::{UnsignedTx, any};
use dadbs_types::AccountAddress;
use prost::Message;
use prost_types::{Any, Duration, Timestamp};
use serde_json::{Value as Json, json};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Tx {
    /// Pay the fees of an account
    Grant {
        /// Address or key name that is paid for
        grantee: String,
        #[command(flatten)]
        limits: Limits,
        /// Only messages of this type, such as /cosmos.bank.v1beta1.MsgSend; may be repeated
        #[arg(long = "message", value_name = "TYPE")]
        messages: Vec<String>,
        /// Only calls of this contract; may be repeated
        #[arg(long = "contract", value_name = "NAME")]
        contracts: Vec<String>,
    },
    /// End an allowance
    Revoke {
        /// Address or key name that was paid for
        grantee: String,
    },
    /// Let a contract pay the fees of calls to it; who calls adds --fee-granter with its address
    Sponsor {
        /// The contract's name; its admin signs
        contract: String,
        /// Address or key name that is paid for [default: everyone]
        grantee: Option<String>,
        #[command(flatten)]
        limits: Limits,
    },
    /// End what `sponsor` began
    EndSponsorship {
        /// The contract's name; its admin signs
        contract: String,
        /// Address or key name that was paid for [default: everyone]
        grantee: Option<String>,
    },
}

/// What an allowance pays at most.
#[derive(Debug, clap::Args)]
pub(crate) struct Limits {
    /// Limit in all, in udadb [default: none]
    #[arg(long, value_name = "UDADB")]
    limit: Option<String>,
    /// The last moment, in seconds since 1970 [default: never]
    #[arg(long, value_name = "SECONDS")]
    expires: Option<i64>,
    /// Length of a period in seconds
    #[arg(long, value_name = "SECONDS", requires = "period_limit")]
    period: Option<i64>,
    /// Limit of each period, in udadb
    #[arg(long, value_name = "UDADB", requires = "period")]
    period_limit: Option<String>,
}

impl Limits {
    fn allowance(&self) -> Outcome<Any> {
        let coins = |text: &Option<String>| text.iter().map(|text| udadb(text)).collect();
        let spend_limit: Outcome<Vec<_>> = coins(&self.limit);
        let expiration = self.expires.map(|seconds| Timestamp { seconds, nanos: 0 });
        let basic = BasicAllowance { spend_limit: spend_limit?, expiration };
        let Some(seconds) = self.period else { return Ok(any(&basic)) };
        let limit: Outcome<Vec<_>> = coins(&self.period_limit);
        Ok(any(&PeriodicAllowance {
            basic: Some(basic),
            period: Some(Duration { seconds, nanos: 0 }),
            period_spend_limit: limit?,
            ..PeriodicAllowance::default()
        }))
    }
}

pub(crate) async fn run(globals: &Globals, command: &Tx) -> Outcome {
    let session = globals.session().await?;
    let (ring, name) = globals.signing_key()?;
    let sender = ring.info(&name)?.address.to_string();
    let address = |text: &Option<String>| match text {
        Some(text) => globals.address(text).map(|address| address.to_string()),
        None => Ok(String::new()),
    };
    let (message, done) = match command {
        Tx::Grant { grantee, limits, messages, contracts } => {
            let grantee = globals.address(grantee)?.to_string();
            let mut allowance = limits.allowance()?;
            if !contracts.is_empty() {
                let contracts = contracts.clone();
                let inner = Some(allowance);
                allowance = any(&AllowedContractAllowance { allowance: inner, contracts });
            }
            if !messages.is_empty() {
                let allowed_messages = messages.clone();
                let inner = Some(allowance);
                allowance = any(&AllowedMsgAllowance { allowance: inner, allowed_messages });
            }
            let allowance = Some(allowance);
            let message =
                MsgGrantAllowance { granter: sender, grantee: grantee.clone(), allowance };
            (any(&message), format!("pays fees of {grantee}"))
        }
        Tx::Revoke { grantee } => {
            let grantee = globals.address(grantee)?.to_string();
            let message = MsgRevokeAllowance { granter: sender, grantee: grantee.clone() };
            (any(&message), format!("pays no fees of {grantee} any more"))
        }
        Tx::Sponsor { contract, grantee, limits } => {
            let (grantee, allowance) = (address(grantee)?, Some(limits.allowance()?));
            let message =
                MsgSponsorCalls { sender, contract: contract.clone(), grantee, allowance };
            let info = session.client.contract(contract).await?;
            let info = info.ok_or_else(|| Failure::other(format!("no contract {contract}")))?;
            let done = format!("{contract} pays: call it with --fee-granter {}", info.address);
            (any(&message), done)
        }
        Tx::EndSponsorship { contract, grantee } => {
            let grantee = address(grantee)?;
            let message = MsgEndSponsorship { sender, contract: contract.clone(), grantee };
            (any(&message), format!("{contract} does not pay any more"))
        }
    };
    let tx = UnsignedTx::new(vec![message]);
    if let Some(included) = globals.submit(&session, &tx, None).await? {
        globals.print_included(&included, json!({}), &done);
    }
    Ok(())
}

/// The allowances that an account has or gives.
pub(crate) async fn query(globals: &Globals, address: AccountAddress) -> Outcome {
    let client = globals.session().await?.client;
    let grantee = QueryAllowancesRequest { grantee: address.to_string(), pagination: None };
    let mut grants = client.allowances(grantee).await?.allowances;
    let granter =
        QueryAllowancesByGranterRequest { granter: address.to_string(), pagination: None };
    grants.extend(client.allowances_by_granter(granter).await?.allowances);
    let rows: Vec<[String; 3]> = grants.iter().map(row).collect();
    let json: Vec<Json> = rows
        .iter()
        .map(|[granter, grantee, pays]| json!({ "granter": granter, "grantee": grantee, "pays": pays }))
        .collect();
    globals.print(&json!(json), || {
        let mut table = output::table(["granter", "grantee", "pays"]);
        for row in &rows {
            table.add_row(row);
        }
        table.to_string()
    });
    Ok(())
}

fn row(grant: &Grant) -> [String; 3] {
    let grantee = if grant.grantee.is_empty() { "everyone" } else { &grant.grantee };
    let mut pays = Vec::new();
    let mut inner = grant.allowance.clone();
    while let Some(allowance) = inner.take() {
        inner = described(&allowance, &mut pays);
    }
    [grant.granter.clone(), grantee.into(), pays.join("; ")]
}

/// Describes one layer of an allowance; gives the next.
fn described(layer: &Any, pays: &mut Vec<String>) -> Option<Any> {
    let bytes = layer.value.as_slice();
    match layer.type_url.rsplit('.').next().unwrap_or_default() {
        "AllowedMsgAllowance" => {
            let list = AllowedMsgAllowance::decode(bytes).ok()?;
            pays.push(format!("messages {}", list.allowed_messages.join(" ")));
            list.allowance
        }
        "AllowedContractAllowance" => {
            let list = AllowedContractAllowance::decode(bytes).ok()?;
            pays.push(format!("calls of {}", list.contracts.join(" ")));
            list.allowance
        }
        "PeriodicAllowance" => {
            let periodic = PeriodicAllowance::decode(bytes).ok()?;
            let amount = |coins: &[dadbs_client::proto::cosmos::base::v1beta1::Coin]| {
                coins.first().map_or_else(|| "0".into(), |coin| coin.amount.clone())
            };
            pays.push(format!(
                "{} udadb every {} s, {} left",
                amount(&periodic.period_spend_limit),
                periodic.period.unwrap_or_default().seconds,
                amount(&periodic.period_can_spend)
            ));
            periodic.basic.as_ref().map(any)
        }
        _ => {
            let basic = BasicAllowance::decode(bytes).ok()?;
            let limit = basic.spend_limit.first().map(|coin| coin.amount.clone());
            pays.push(limit.map_or("any amount".into(), |limit| format!("{limit} udadb in all")));
            if let Some(expiration) = basic.expiration {
                pays.push(format!("until {} s since 1970", expiration.seconds));
            }
            None
        }
    }
}
