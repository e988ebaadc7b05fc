//! Transactions: the Cosmos envelope, decoded strictly.
//!
//! 1. The wire form is `cosmos.tx.v1beta1.TxRaw`; body and auth info are signed as the bytes received.
//! 2. An encoding is canonical: what it decodes to encodes to the same bytes. Unknown fields, fields out
//!    of order and overlong numbers are refused by this one rule.
//! 3. Exactly one signer, with `SIGN_MODE_DIRECT` and a compressed secp256k1 key; the signature is 64
//!    bytes r and s, with s in the lower half.
//! 4. Every message is one that this chain knows, and its signer is the transaction's.
//! 5. The fee is at most one coin, in the base denomination; the payer is empty. A granter is another account.
//! 6. Extension options are refused.
//! 7. The hash of a transaction is SHA-256 of its bytes.

use crate::messages::address;
use crate::messages::distribution::DistributionMsg;
use crate::messages::faults::FaultMsg;
use crate::messages::feegrant::FeeGrantMsg;
use crate::messages::gov::GovMsg;
use crate::messages::staking::StakingMsg;
use crate::messages::storage::StorageMsg;
use dadbs_proto::cosmos::tx::v1beta1::mode_info::{Single, Sum};
use dadbs_proto::cosmos::tx::v1beta1::{AuthInfo, Fee, ModeInfo, SignDoc, TxBody, TxRaw};
use dadbs_proto::cosmos::{bank, crypto};
use dadbs_proto::dadbs::{contract, rewards, sql};
use dadbs_types::coin::DENOM;
use dadbs_types::limits::{MEMO_BYTES_MAX, TX_BYTES_MAX, TX_GAS_MAX, TX_MESSAGES_MAX};
use dadbs_types::{AccountAddress, Amount, Code, Hash, Rejection};
use prost::{Message, Name};
use ripemd::Ripemd160;
use sha2::{Digest, Sha256};

/// `SIGN_MODE_DIRECT`.
const SIGN_MODE_DIRECT: i32 = 1;

/// A message of this chain.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// Moves coins.
    Send(bank::v1beta1::MsgSend),
    /// Stores a contract's code.
    StoreCode(contract::v1::MsgStoreCode),
    /// Makes a contract.
    Instantiate(contract::v1::MsgInstantiate),
    /// Calls a contract.
    Execute(contract::v1::MsgExecute),
    /// Moves a contract to other code.
    Migrate(contract::v1::MsgMigrate),
    /// Runs SQL through a contract.
    SqlExec(sql::v1::MsgExec),
    /// Validators and stake.
    Staking(StakingMsg),
    /// Faults that wait before they cost stake.
    Fault(FaultMsg),
    /// Rewards and the community pool.
    Distribution(DistributionMsg),
    /// Who pays fees for whom.
    FeeGrant(FeeGrantMsg),
    /// Answers a storage challenge.
    StorageProof(rewards::v1::MsgSubmitStorageProof),
    /// Prepays storage rent, or takes it back.
    Storage(StorageMsg),
    /// Proposals, votes, and what governance does.
    Gov(GovMsg),
}

impl Msg {
    /// Decodes a message of this chain (rules 2 and 4).
    pub(crate) fn decode(type_url: &str, bytes: &[u8]) -> Result<Msg, Rejection> {
        if let Some(msg) = GovMsg::decode(type_url, bytes) {
            return msg.map(Msg::Gov);
        }
        if let Some(msg) = DistributionMsg::decode(type_url, bytes) {
            return msg.map(Msg::Distribution);
        }
        if let Some(msg) = StakingMsg::decode(type_url, bytes) {
            return msg.map(Msg::Staking);
        }
        if let Some(msg) = FaultMsg::decode(type_url, bytes) {
            return msg.map(Msg::Fault);
        }
        if let Some(msg) = FeeGrantMsg::decode(type_url, bytes) {
            return msg.map(Msg::FeeGrant);
        }
        if let Some(msg) = StorageMsg::decode(type_url, bytes) {
            return msg.map(Msg::Storage);
        }
        Ok(match type_url.strip_prefix('/').unwrap_or_default() {
            "cosmos.bank.v1beta1.MsgSend" => Msg::Send(strict(bytes)?),
            "dadbs.contract.v1.MsgStoreCode" => Msg::StoreCode(strict(bytes)?),
            "dadbs.contract.v1.MsgInstantiate" => Msg::Instantiate(strict(bytes)?),
            "dadbs.contract.v1.MsgExecute" => Msg::Execute(strict(bytes)?),
            "dadbs.contract.v1.MsgMigrate" => Msg::Migrate(strict(bytes)?),
            "dadbs.sql.v1.MsgExec" => Msg::SqlExec(strict(bytes)?),
            "dadbs.rewards.v1.MsgSubmitStorageProof" => Msg::StorageProof(strict(bytes)?),
            _ => {
                return Err(Rejection::new(
                    Code::UnknownRequest,
                    format!("\"{type_url}\" is no message of this chain"),
                ));
            }
        })
    }

    /// The account that must sign (rule 4).
    pub fn signer(&self) -> &str {
        match self {
            Msg::Send(msg) => &msg.from_address,
            Msg::StoreCode(msg) => &msg.sender,
            Msg::Instantiate(msg) => &msg.sender,
            Msg::Execute(msg) => &msg.sender,
            Msg::Migrate(msg) => &msg.sender,
            Msg::SqlExec(msg) => &msg.sender,
            Msg::StorageProof(msg) => &msg.submitter,
            Msg::Gov(msg) => msg.signer(),
            Msg::Staking(msg) => msg.signer(),
            Msg::Fault(msg) => msg.signer(),
            Msg::Distribution(msg) => msg.signer(),
            Msg::FeeGrant(msg) => msg.signer(),
            Msg::Storage(msg) => msg.signer(),
        }
    }

    /// True if it is this account that must sign (rule 4).
    fn is_signer(&self, account: AccountAddress) -> bool {
        match self {
            Msg::Staking(msg) => msg.is_signer(account),
            Msg::Distribution(msg) => msg.is_signer(account),
            _ => self.signer() == account.to_string(),
        }
    }

    /// The name that `message.action` events carry.
    pub fn type_url(&self) -> String {
        match self {
            Msg::Send(_) => bank::v1beta1::MsgSend::type_url(),
            Msg::StoreCode(_) => contract::v1::MsgStoreCode::type_url(),
            Msg::Instantiate(_) => contract::v1::MsgInstantiate::type_url(),
            Msg::Execute(_) => contract::v1::MsgExecute::type_url(),
            Msg::Migrate(_) => contract::v1::MsgMigrate::type_url(),
            Msg::SqlExec(_) => sql::v1::MsgExec::type_url(),
            Msg::StorageProof(_) => rewards::v1::MsgSubmitStorageProof::type_url(),
            Msg::Gov(msg) => msg.type_url(),
            Msg::Staking(msg) => msg.type_url(),
            Msg::Fault(msg) => msg.type_url(),
            Msg::Distribution(msg) => msg.type_url(),
            Msg::FeeGrant(msg) => msg.type_url(),
            Msg::Storage(msg) => msg.type_url(),
        }
    }
}

/// A decoded transaction; nothing about the state was checked yet.
#[derive(Clone, Debug)]
pub struct Tx {
    /// SHA-256 of the bytes (rule 7).
    pub hash: Hash,
    /// Length of the bytes.
    pub len: usize,
    /// The signer: the address of the key.
    pub sender: AccountAddress,
    /// The signer's compressed key.
    pub public_key: Vec<u8>,
    /// The same key, as the point that it names.
    point: secp256k1::PublicKey,
    /// The sequence that was signed.
    pub sequence: u64,
    /// The last height at which it may run; 0 for no limit.
    pub timeout_height: u64,
    /// The fee in the base denomination.
    pub fee: Amount,
    /// Who pays the fee by an allowance, instead of the signer.
    pub granter: Option<AccountAddress>,
    /// The gas limit.
    pub gas_limit: u64,
    /// The messages, in order.
    pub msgs: Vec<Msg>,
    sign_mode: i32,
    signature: Vec<u8>,
    body_bytes: Vec<u8>,
    auth_info_bytes: Vec<u8>,
}

/// Rule 2 for one protobuf message.
pub(crate) fn strict<M: Message + Name + Default>(bytes: &[u8]) -> Result<M, Rejection> {
    let refuse = |why: String| {
        Rejection::new(Code::TxDecode, format!("cannot decode {}: {why}", M::full_name()))
    };
    let message = M::decode(bytes).map_err(|error| refuse(error.to_string()))?;
    if message.encode_to_vec() != bytes {
        return Err(refuse(
            "the encoding is not canonical (an unknown field, or fields out of order)".into(),
        ));
    }
    Ok(message)
}

impl Tx {
    /// Decodes and checks everything that needs no state.
    pub fn decode(bytes: &[u8]) -> Result<Tx, Rejection> {
        if bytes.len() > TX_BYTES_MAX {
            return Err(Rejection::new(
                Code::TxTooLarge,
                format!("the transaction has {} bytes, the limit is {TX_BYTES_MAX}", bytes.len()),
            ));
        }
        let raw: TxRaw = strict(bytes)?;
        let body: TxBody = strict(&raw.body_bytes)?;
        let auth_info: AuthInfo = strict(&raw.auth_info_bytes)?;
        if body.memo.len() > MEMO_BYTES_MAX {
            let message =
                format!("the memo has {} bytes, the limit is {MEMO_BYTES_MAX}", body.memo.len());
            return Err(Rejection::new(Code::MemoTooLarge, message));
        }
        if !body.extension_options.is_empty() || !body.non_critical_extension_options.is_empty() {
            return Err(Rejection::new(Code::UnknownRequest, "extension options are not offered"));
        }
        let signer = Signer::of(&raw, &auth_info)?;
        let (fee, gas_limit) = check_fee(auth_info.fee.as_ref())?;
        let granter = auth_info.fee.as_ref().map_or("", |fee| &fee.granter);
        Ok(Tx {
            hash: Sha256::digest(bytes).into(),
            len: bytes.len(),
            sender: signer.address,
            public_key: signer.public_key,
            point: signer.point,
            sequence: signer.sequence,
            timeout_height: body.timeout_height,
            fee,
            granter: granter_of(granter, signer.address)?,
            gas_limit,
            msgs: decode_msgs(&body, signer.address)?,
            sign_mode: signer.mode,
            signature: signer.signature,
            body_bytes: raw.body_bytes,
            auth_info_bytes: raw.auth_info_bytes,
        })
    }

    /// What the signature covers: SHA-256 of the `SignDoc`.
    pub fn sign_hash(&self, chain_id: &str, account_number: u64) -> Hash {
        let document = SignDoc {
            body_bytes: self.body_bytes.clone(),
            auth_info_bytes: self.auth_info_bytes.clone(),
            chain_id: chain_id.into(),
            account_number,
        };
        Sha256::digest(document.encode_to_vec()).into()
    }

    /// Who pays the fee.
    pub fn payer(&self) -> AccountAddress {
        self.granter.unwrap_or(self.sender)
    }

    /// The signature's bytes.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Verifies the signature over `sign_hash` (rule 3).
    pub fn verify_signature(&self, sign_hash: Hash) -> Result<(), Rejection> {
        let refuse = || {
            Rejection::new(
                Code::Unauthorized,
                "the signature does not verify: check chain id, account number and sequence",
            )
        };
        if self.sign_mode != SIGN_MODE_DIRECT {
            return Err(Rejection::new(Code::Unauthorized, "sign with SIGN_MODE_DIRECT"));
        }
        let signature = secp256k1::ecdsa::Signature::from_compact(&self.signature)
            .map_err(|_| Rejection::new(Code::Unauthorized, "a signature is 64 bytes r and s"))?;
        let digest = secp256k1::Message::from_digest(sign_hash);
        secp256k1::ecdsa::verify(&signature, digest, &self.point).map_err(|_| refuse())
    }
}

struct Signer {
    address: AccountAddress,
    public_key: Vec<u8>,
    point: secp256k1::PublicKey,
    sequence: u64,
    mode: i32,
    signature: Vec<u8>,
}

impl Signer {
    fn of(raw: &TxRaw, auth_info: &AuthInfo) -> Result<Signer, Rejection> {
        let ([info], [signature]) = (&auth_info.signer_infos[..], &raw.signatures[..]) else {
            return Err(Rejection::new(
                Code::Unauthorized,
                format!(
                    "exactly one signer is offered; there are {} signer infos and {} signatures",
                    auth_info.signer_infos.len(),
                    raw.signatures.len()
                ),
            ));
        };
        let Some(ModeInfo { sum: Some(Sum::Single(Single { mode })) }) = &info.mode_info else {
            return Err(Rejection::new(Code::Unauthorized, "the signer names no sign mode"));
        };
        let any = info.public_key.as_ref().ok_or_else(|| {
            Rejection::new(
                Code::InvalidPubKey,
                "the signer's public key is missing: every transaction carries it",
            )
        })?;
        if any.type_url != crypto::secp256k1::PubKey::type_url() {
            let message =
                format!("\"{}\" is no key type of this chain: use secp256k1", any.type_url);
            return Err(Rejection::new(Code::InvalidPubKey, message));
        }
        let key: crypto::secp256k1::PubKey = strict(&any.value)?;
        let compressed = <&[u8; 33]>::try_from(&key.key[..]).ok();
        let point = compressed.and_then(|bytes| secp256k1::PublicKey::from_slice(bytes).ok());
        let point = point.ok_or_else(|| {
            let message = "the public key is not a compressed secp256k1 key of 33 bytes";
            Rejection::new(Code::InvalidPubKey, message)
        })?;
        Ok(Signer {
            address: address_of_key(&key.key),
            public_key: key.key,
            point,
            sequence: info.sequence,
            mode: *mode,
            signature: signature.clone(),
        })
    }
}

/// The address of a compressed key: RIPEMD-160 of SHA-256.
pub fn address_of_key(public_key: &[u8]) -> AccountAddress {
    AccountAddress(Ripemd160::digest(Sha256::digest(public_key)).into())
}

/// Rule 5.
fn check_fee(fee: Option<&Fee>) -> Result<(Amount, u64), Rejection> {
    let fee = fee.ok_or_else(|| Rejection::new(Code::InsufficientFee, "the fee is missing"))?;
    if !fee.payer.is_empty() {
        let message = "the signer pays, or a granter: leave the fee's payer empty";
        return Err(Rejection::new(Code::InvalidRequest, message));
    }
    if fee.gas_limit > TX_GAS_MAX {
        let message = format!("the gas limit {} is over {TX_GAS_MAX}", fee.gas_limit);
        return Err(Rejection::new(Code::InvalidRequest, message));
    }
    let amount = match &fee.amount[..] {
        [] => Amount::ZERO,
        [coin] if coin.denom == DENOM => Amount::parse(&coin.amount).ok_or_else(|| {
            Rejection::new(Code::InvalidCoins, format!("\"{}\" is not an amount", coin.amount))
        })?,
        _ => {
            let message = format!("a fee is one coin of {DENOM}");
            return Err(Rejection::new(Code::InvalidCoins, message));
        }
    };
    Ok((amount, fee.gas_limit))
}

/// Rule 5: who names himself pays as if he named nobody.
fn granter_of(text: &str, sender: AccountAddress) -> Result<Option<AccountAddress>, Rejection> {
    if text.is_empty() {
        return Ok(None);
    }
    let granter = address(text)?;
    Ok((granter != sender).then_some(granter))
}

fn decode_msgs(body: &TxBody, sender: AccountAddress) -> Result<Vec<Msg>, Rejection> {
    if body.messages.is_empty() {
        return Err(Rejection::new(Code::InvalidRequest, "the transaction has no message"));
    }
    if body.messages.len() > TX_MESSAGES_MAX {
        let message =
            format!("{} messages are over the limit of {TX_MESSAGES_MAX}", body.messages.len());
        return Err(Rejection::new(Code::InvalidRequest, message));
    }
    let mut msgs = Vec::with_capacity(body.messages.len());
    for any in &body.messages {
        let msg = Msg::decode(&any.type_url, &any.value)?;
        if !msg.is_signer(sender) {
            let message = format!(
                "{} must be signed by \"{}\", the transaction is signed by {sender}",
                msg.type_url(),
                msg.signer()
            );
            return Err(Rejection::new(Code::Unauthorized, message));
        }
        msgs.push(msg);
    }
    Ok(msgs)
}
