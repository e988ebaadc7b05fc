//! `cosmos.tx.v1beta1.Service`: simulate, broadcast and find transactions.

use super::{Api, ApiError};
use crate::convert::{cosmos_events, exec_tx_result, height_i64, time_of_ns, tx_hash};
use crate::engine::dev::mempool::Submitted;
use crate::index::{IndexedTx, PAGE_MAX, parse_query};
use dadbs_proto::cosmos::base::abci::v1beta1::{
    GasInfo, Result as TxOutcome, TxMsgData, TxResponse,
};
use dadbs_proto::cosmos::base::query::v1beta1::PageResponse;
use dadbs_proto::cosmos::tx::v1beta1::{
    BroadcastMode, BroadcastTxRequest, BroadcastTxResponse, GetTxRequest, GetTxResponse,
    GetTxsEventRequest, GetTxsEventResponse, OrderBy, SimulateRequest, SimulateResponse, Tx,
};
use prost::Message;
use tendermint_proto::v0_38::abci::ExecTxResult;

/// Cosmos' number for a transaction that waits already.
const IN_MEMPOOL: u32 = 19;
/// Cosmos' number for a full mempool.
const MEMPOOL_FULL: u32 = 20;

impl Api {
    pub(super) fn simulate(&self, request: &SimulateRequest) -> Result<SimulateResponse, ApiError> {
        let tx = match &request.tx {
            Some(tx) if request.tx_bytes.is_empty() => tx.encode_to_vec(),
            _ => request.tx_bytes.clone(),
        };
        if tx.is_empty() {
            return Err(ApiError::invalid("give the transaction in tx_bytes"));
        }
        let result = exec_tx_result(self.core.simulate(tx)?);
        if result.code != 0 {
            let text = format!("{} [{}/{}]", result.log, result.codespace, result.code);
            return Err(ApiError::invalid(text));
        }
        let msg_responses =
            TxMsgData::decode(&result.data[..]).map(|data| data.msg_responses).unwrap_or_default();
        Ok(SimulateResponse {
            gas_info: Some(GasInfo {
                gas_wanted: result.gas_wanted.unsigned_abs(),
                gas_used: result.gas_used.unsigned_abs(),
            }),
            result: Some(TxOutcome {
                data: result.data.to_vec(),
                log: result.log,
                events: cosmos_events(&result.events),
                msg_responses,
            }),
        })
    }

    pub(super) fn broadcast(
        &self,
        request: BroadcastTxRequest,
    ) -> Result<BroadcastTxResponse, ApiError> {
        if request.mode() == BroadcastMode::Block {
            return Err(ApiError::invalid("BROADCAST_MODE_BLOCK is gone: use SYNC, then GetTx"));
        }
        let txhash = hex::encode_upper(tx_hash(&request.tx_bytes));
        let refused = |code: u32, raw_log: String| TxResponse {
            txhash: txhash.clone(),
            codespace: "sdk".into(),
            code,
            raw_log,
            ..TxResponse::default()
        };
        let response = match self.engine.submit(request.tx_bytes)? {
            Submitted::Known => refused(IN_MEMPOOL, "the transaction waits already".into()),
            Submitted::Full(why) => refused(MEMPOOL_FULL, why),
            Submitted::Checked(result) => tx_response(txhash, &exec_tx_result(result)),
        };
        Ok(BroadcastTxResponse { tx_response: Some(response) })
    }

    pub(super) fn get_tx(&self, request: &GetTxRequest) -> Result<GetTxResponse, ApiError> {
        let hash = hex::decode(&request.hash)
            .ok()
            .filter(|hash| hash.len() == 32)
            .ok_or_else(|| ApiError::invalid("hash must be 64 hexadecimal digits"))?;
        let found = self.index.get(&hash)?.ok_or_else(|| {
            ApiError::not_found(format!("tx not found: {} is in no block", request.hash))
        })?;
        let (tx, tx_response) = committed(&found);
        Ok(GetTxResponse { tx: Some(tx), tx_response: Some(tx_response) })
    }

    pub(super) fn get_txs_event(
        &self,
        request: &GetTxsEventRequest,
    ) -> Result<GetTxsEventResponse, ApiError> {
        let query = if request.query.is_empty() {
            request.events.join(" AND ")
        } else {
            request.query.clone()
        };
        let conditions = parse_query(&query).map_err(ApiError::invalid)?;
        let pagination = request.pagination.clone().unwrap_or_default();
        let asked = if request.limit != 0 { request.limit } else { pagination.limit };
        let limit = if asked == 0 { PAGE_MAX } else { asked.min(PAGE_MAX) };
        let page = if request.page != 0 { request.page } else { pagination.offset / limit + 1 };
        let newest_first = request.order_by() == OrderBy::Desc;
        let (found, total) = self.index.search(&conditions, page, limit, newest_first)?;
        let mut response = GetTxsEventResponse {
            pagination: Some(PageResponse { next_key: Vec::new(), total }),
            total,
            ..GetTxsEventResponse::default()
        };
        for found in &found {
            let (tx, tx_response) = committed(found);
            response.txs.push(tx);
            response.tx_responses.push(tx_response);
        }
        Ok(response)
    }
}

fn tx_response(txhash: String, result: &ExecTxResult) -> TxResponse {
    TxResponse {
        txhash,
        codespace: result.codespace.clone(),
        code: result.code,
        data: hex::encode_upper(&result.data),
        raw_log: result.log.clone(),
        gas_wanted: result.gas_wanted,
        gas_used: result.gas_used,
        events: cosmos_events(&result.events),
        ..TxResponse::default()
    }
}

fn committed(found: &IndexedTx) -> (Tx, TxResponse) {
    let mut response = tx_response(hex::encode_upper(tx_hash(&found.tx)), &found.result);
    response.height = height_i64(found.height);
    response.timestamp = time_of_ns(found.time_ns).to_rfc3339();
    response.tx = Some(prost_types::Any {
        type_url: "/cosmos.tx.v1beta1.Tx".into(),
        value: found.tx.clone(),
    });
    // A block may hold bytes that are no transaction; they failed and show as an empty one.
    let tx = Tx::decode(&found.tx[..]).unwrap_or_default();
    (tx, response)
}
