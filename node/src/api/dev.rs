//! `dadbs.dev.v1.Dev`: the faucet, and blocks and time on demand.

use super::{Api, ApiError};
use crate::engine::dev::mempool::Submitted;
use crate::engine::dev::{ADVANCE_BLOCKS_MAX, ADVANCE_SECONDS_MAX, Tip};
use dadbs_client::tx::any;
use dadbs_client::{Fee, GasPrice, SecretKey, Signer, UnsignedTx};
use dadbs_proto::cosmos::auth::v1beta1::{BaseAccount, QueryAccountRequest, QueryAccountResponse};
use dadbs_proto::cosmos::bank::v1beta1::MsgSend;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::dadbs::dev::v1::{
    AdvanceBlocksRequest, AdvanceResponse, AdvanceTimeRequest, FaucetRequest, FaucetResponse,
};
use dadbs_types::AccountAddress;
use dadbs_types::coin::DENOM;
use prost::Message;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// What the faucet gives if it is not told, udadb.
const FAUCET_DEFAULT: u64 = 10_000_000;
/// The most that it gives at once, udadb.
const FAUCET_MAX: u64 = 1_000_000_000_000;
/// Gas limit of the faucet's transaction.
const FAUCET_GAS: u64 = 500_000;
/// How long a faucet's request waits for its block.
const FAUCET_WAIT: Duration = Duration::from_secs(20);

impl Api {
    pub(super) fn faucet(&self, request: &FaucetRequest) -> Result<FaucetResponse, ApiError> {
        let engine = self.dev()?;
        let Some(key) = &self.faucet else {
            return Err(ApiError::unavailable("this node was started without a faucet"));
        };
        let to: AccountAddress = request
            .address
            .parse()
            .map_err(|error: dadbs_types::address::AddressError| ApiError::invalid(error.0))?;
        let amount = if request.amount == 0 { FAUCET_DEFAULT } else { request.amount };
        if amount > FAUCET_MAX {
            return Err(ApiError::invalid(format!("the faucet gives at most {FAUCET_MAX}{DENOM}")));
        }
        let key = key.lock().unwrap_or_else(PoisonError::into_inner);
        let tx = self.signed_send(&key, to, amount)?;
        let hash = crate::convert::tx_hash(&tx);
        match engine.submit(tx)? {
            Submitted::Checked(result) if result.is_ok() => {}
            Submitted::Checked(result) => return Err(ApiError::unavailable(result.log)),
            Submitted::Known => {
                return Err(ApiError::busy("the faucet's transaction waits already"));
            }
            Submitted::Full(why) => return Err(ApiError::busy(why)),
        }
        let started = Instant::now();
        loop {
            if let Some(found) = self.index.get(&hash)? {
                if found.result.code != 0 {
                    return Err(ApiError::unavailable(found.result.log));
                }
                return Ok(FaucetResponse { txhash: hex::encode_upper(hash) });
            }
            if started.elapsed() > FAUCET_WAIT {
                return Err(ApiError::unavailable("the faucet's transaction is in no block yet"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn signed_send(
        &self,
        key: &SecretKey,
        to: AccountAddress,
        amount: u64,
    ) -> Result<Vec<u8>, ApiError> {
        let address = key.address();
        let request = QueryAccountRequest { address: address.to_string() };
        let (_, answer) =
            self.core.query("/cosmos.auth.v1beta1.Query/Account", &request.encode_to_vec())?;
        let damaged = |_| ApiError::unavailable("the faucet's account cannot be decoded");
        let account = QueryAccountResponse::decode(&answer[..]).map_err(damaged)?.account;
        let account =
            BaseAccount::decode(&account.unwrap_or_default().value[..]).map_err(damaged)?;
        let send = MsgSend {
            from_address: address.to_string(),
            to_address: to.to_string(),
            amount: vec![Coin { denom: DENOM.into(), amount: amount.to_string() }],
        };
        let signer =
            Signer { address, account_number: account.account_number, sequence: account.sequence };
        let params = self.params()?;
        let price = self.base_fee()?.suggested_gas_price.parse::<GasPrice>();
        let price = price.map_err(|error| ApiError::unavailable(error.to_string()))?;
        let fee = Fee { gas_limit: FAUCET_GAS, amount: price.fee(FAUCET_GAS) };
        Ok(UnsignedTx::new(vec![any(&send)]).sign(key, &signer, &fee, &params.chain_id))
    }

    pub(super) fn advance_blocks(
        &self,
        request: AdvanceBlocksRequest,
    ) -> Result<AdvanceResponse, ApiError> {
        if request.blocks == 0 || request.blocks > ADVANCE_BLOCKS_MAX {
            let text = format!("blocks must be 1 to {ADVANCE_BLOCKS_MAX}");
            return Err(ApiError::invalid(text));
        }
        advanced(self.dev()?.advance(request.blocks, Duration::ZERO))
    }

    pub(super) fn advance_time(
        &self,
        request: AdvanceTimeRequest,
    ) -> Result<AdvanceResponse, ApiError> {
        if request.seconds > ADVANCE_SECONDS_MAX {
            let text = format!("seconds must be at most {ADVANCE_SECONDS_MAX}");
            return Err(ApiError::invalid(text));
        }
        advanced(self.dev()?.advance(1, Duration::from_secs(request.seconds)))
    }
}

fn advanced(tip: Option<Tip>) -> Result<AdvanceResponse, ApiError> {
    let tip = tip.ok_or_else(|| ApiError::busy("the engine stops, or too many requests wait"))?;
    Ok(AdvanceResponse { height: tip.height, time_ns: tip.time_ns })
}
