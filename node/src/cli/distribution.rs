//! `dadbs tx distribution`, `dadbs query distribution`, `dadbs query fees` and `dadbs query mint`.

use super::context::Globals;
use super::exit::{Failure, Outcome};
use super::output::{self, grouped};
use super::query::address_of;
use dadbs_client::proto::cosmos::base::v1beta1::{Coin, DecCoin};
use dadbs_client::proto::cosmos::distribution::v1beta1::{
    MsgFundCommunityPool, MsgSetWithdrawAddress, MsgWithdrawDelegatorReward,
    MsgWithdrawValidatorCommission, QueryCommunityPoolRequest, QueryDelegationTotalRewardsRequest,
    QueryDelegatorValidatorsRequest, QueryDelegatorWithdrawAddressRequest,
    QueryValidatorCommissionRequest, QueryValidatorOutstandingRewardsRequest,
};
use dadbs_client::proto::cosmos::mint::v1beta1::{
    QueryAnnualProvisionsRequest, QueryInflationRequest,
};
use dadbs_client::proto::dadbs::fees::v1::BaseFeeRequest;
use dadbs_client::tx::{UnsignedTx, any};
use dadbs_types::coin::DENOM;
use dadbs_types::{AccountAddress, Amount, OperatorAddress};
use prost_types::Any;
use serde_json::json;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Tx {
    /// Withdraw the rewards of one validator, or of all
    WithdrawRewards {
        /// Operator address (dadbsvaloper1...) [default: all that the key delegates to]
        validator: Option<String>,
        /// Withdraw the validator's commission, too
        #[arg(long)]
        commission: bool,
    },
    /// Withdraw the commission of the key's own validator
    WithdrawCommission,
    /// Name the account that rewards and commission go to
    SetWithdrawAddress {
        /// Address or key name
        to: String,
    },
    /// Give udadb to the community pool
    FundCommunityPool {
        /// Amount in udadb
        amount: String,
    },
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Query {
    /// What an account has earned by its delegations
    Rewards {
        /// Address or key name [default: the key that signs]
        address: Option<String>,
    },
    /// What a validator has earned and not withdrawn
    Commission {
        /// Operator address (dadbsvaloper1...)
        validator: String,
    },
    /// What governance can spend
    CommunityPool,
    /// Where an account's rewards go
    WithdrawAddress {
        /// Address or key name [default: the key that signs]
        address: Option<String>,
    },
}

/// An operator's address: `dadbsvaloper1...`, or an account or key that runs a validator.
pub(super) fn operator(globals: &Globals, text: &str) -> Outcome<String> {
    if let Ok(OperatorAddress(account)) = text.parse() {
        return Ok(OperatorAddress(account).to_string());
    }
    Ok(OperatorAddress(globals.address(text)?).to_string())
}

fn signer(globals: &Globals) -> Outcome<AccountAddress> {
    let (ring, name) = globals.signing_key()?;
    Ok(ring.info(&name)?.address)
}

pub(crate) async fn run(globals: &Globals, command: &Tx) -> Outcome {
    let session = globals.session().await?;
    let sender = signer(globals)?;
    let delegator_address = sender.to_string();
    let (messages, done): (Vec<Any>, String) = match command {
        Tx::WithdrawRewards { validator, commission } => {
            let validators = if let Some(validator) = validator {
                vec![operator(globals, validator)?]
            } else {
                let request = QueryDelegatorValidatorsRequest { delegator_address };
                session.client.delegator_validators(request).await?.validators
            };
            let mut messages: Vec<Any> = validators
                .into_iter()
                .map(|validator_address| {
                    let delegator_address = sender.to_string();
                    any(&MsgWithdrawDelegatorReward { delegator_address, validator_address })
                })
                .collect();
            if *commission {
                messages.push(withdraw_commission(sender));
            }
            if messages.is_empty() {
                return Err(Failure::other(format!(
                    "{sender} delegates to no validator: `dadbs tx staking delegate` does"
                )));
            }
            (messages, "withdrew the rewards".into())
        }
        Tx::WithdrawCommission => {
            (vec![withdraw_commission(sender)], "withdrew the commission".into())
        }
        Tx::SetWithdrawAddress { to } => {
            let withdraw_address = globals.address(to)?.to_string();
            let done = format!("rewards go to {withdraw_address}");
            (vec![any(&MsgSetWithdrawAddress { delegator_address, withdraw_address })], done)
        }
        Tx::FundCommunityPool { amount } => {
            let coin = udadb(amount)?;
            let done = format!("gave {}{DENOM} to the community pool", coin.amount);
            let fund = MsgFundCommunityPool { amount: vec![coin], depositor: delegator_address };
            (vec![any(&fund)], done)
        }
    };
    if let Some(included) = globals.submit(&session, &UnsignedTx::new(messages), None).await? {
        let paid: Vec<String> = included
            .response
            .events
            .iter()
            .filter(|event| event.r#type.starts_with("withdraw_"))
            .flat_map(|event| &event.attributes)
            .filter(|attribute| attribute.key == "amount")
            .map(|attribute| attribute.value.clone())
            .collect();
        let amounts =
            if paid.is_empty() { String::new() } else { format!(": {}", paid.join(", ")) };
        globals.print_included(&included, json!({ "paid": paid }), &format!("{done}{amounts}"));
    }
    Ok(())
}

fn withdraw_commission(sender: AccountAddress) -> Any {
    any(&MsgWithdrawValidatorCommission { validator_address: OperatorAddress(sender).to_string() })
}

/// An amount of the command line.
pub(super) fn udadb(text: &str) -> Outcome<Coin> {
    let digits = text.strip_suffix(DENOM).unwrap_or(text);
    match Amount::parse(digits).filter(|amount| *amount != Amount::ZERO) {
        Some(amount) => Ok(Coin { denom: DENOM.into(), amount: amount.to_string() }),
        None => {
            Err(Failure::usage(format!("\"{text}\" is not an amount: write a number of udadb")))
        }
    }
}

/// Whole udadb of the wire's decimals.
fn whole(coins: &[DecCoin]) -> u128 {
    coins
        .iter()
        .filter(|coin| coin.denom == DENOM)
        .map(|coin| coin.amount.parse::<u128>().unwrap_or(0) / 1_000_000_000_000_000_000)
        .sum()
}

pub(crate) async fn query(globals: &Globals, query: &Query) -> Outcome {
    match query {
        Query::Rewards { address } => {
            let address = address_of(globals, address.as_deref())?;
            rewards(globals, address).await
        }
        Query::Commission { validator } => {
            let validator_address = operator(globals, validator)?;
            let client = globals.session().await?.client;
            let request =
                QueryValidatorCommissionRequest { validator_address: validator_address.clone() };
            let commission = client.commission(request).await?.commission.unwrap_or_default();
            let request = QueryValidatorOutstandingRewardsRequest {
                validator_address: validator_address.clone(),
            };
            let all = client.outstanding_rewards(request).await?.rewards.unwrap_or_default();
            let (commission, all) = (whole(&commission.commission), whole(&all.rewards));
            let json = json!({
                "validator": validator_address,
                "commission": commission.to_string(),
                "outstanding": all.to_string(),
            });
            globals.print(&json, || {
                format!(
                    "commission {} udadb; with its delegators {} udadb",
                    grouped(commission),
                    grouped(all)
                )
            });
            Ok(())
        }
        Query::CommunityPool => {
            let client = globals.session().await?.client;
            let pool = client.community_pool(QueryCommunityPoolRequest {}).await?.pool;
            let held = whole(&pool);
            globals.print(&json!({ "udadb": held.to_string() }), || {
                format!("{} udadb", grouped(held))
            });
            Ok(())
        }
        Query::WithdrawAddress { address } => {
            let delegator_address = address_of(globals, address.as_deref())?.to_string();
            let client = globals.session().await?.client;
            let request = QueryDelegatorWithdrawAddressRequest { delegator_address };
            let to = client.withdraw_address(request).await?.withdraw_address;
            globals.print(&json!({ "withdraw_address": to }), || to.clone());
            Ok(())
        }
    }
}

async fn rewards(globals: &Globals, address: AccountAddress) -> Outcome {
    let client = globals.session().await?.client;
    let request = QueryDelegationTotalRewardsRequest { delegator_address: address.to_string() };
    let answer = client.rewards(request).await?;
    let rows: Vec<(String, u128)> = answer
        .rewards
        .into_iter()
        .map(|reward| (reward.validator_address, whole(&reward.reward)))
        .collect();
    let total = whole(&answer.total);
    let validators: Vec<_> = rows
        .iter()
        .map(|(validator, udadb)| json!({ "validator": validator, "udadb": udadb.to_string() }))
        .collect();
    let json = json!({ "rewards": validators, "total": total.to_string() });
    globals.print(&json, || {
        let mut table = output::table(["validator", "udadb"]);
        for (validator, udadb) in &rows {
            table.add_row([validator, &grouped(*udadb)]);
        }
        table.add_row(["all", &grouped(total)]);
        table.to_string()
    });
    Ok(())
}

/// `dadbs query fees`.
pub(crate) async fn fees(globals: &Globals) -> Outcome {
    let answer = globals.session().await?.client.base_fee(BaseFeeRequest {}).await?;
    let json = json!({
        "height": answer.height,
        "gas_price": answer.gas_price,
        "least_gas_price": answer.least_gas_price,
        "suggested_gas_price": answer.suggested_gas_price,
    });
    globals.print(&json, || {
        format!(
            "one gas costs {} udadb in block {}, at least {}; make a fee with {}",
            answer.gas_price, answer.height, answer.least_gas_price, answer.suggested_gas_price
        )
    });
    Ok(())
}

/// `dadbs query mint`.
pub(crate) async fn mint(globals: &Globals) -> Outcome {
    let client = globals.session().await?.client;
    let inflation = client.inflation(QueryInflationRequest {}).await?.inflation;
    let provisions = client.annual_provisions(QueryAnnualProvisionsRequest {}).await?;
    let parts = |bytes: Vec<u8>| {
        String::from_utf8(bytes).ok().and_then(|text| text.parse::<u128>().ok()).unwrap_or(0)
    };
    // Decimals of 10^-18; percents with four places.
    let percent = parts(inflation) / 1_000_000_000_000;
    let inflation = format!("{}.{:04}", percent / 10_000, percent % 10_000);
    let year = parts(provisions.annual_provisions) / 1_000_000_000_000_000_000;
    let json = json!({ "inflation_percent": inflation, "annual_provisions": year.to_string() });
    globals.print(&json, || format!("inflation {inflation} % a year: {} udadb", grouped(year)));
    Ok(())
}
