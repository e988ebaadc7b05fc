//! Transactions: messages, fee, sign bytes.
//!
//! 1. One signer, one signature, `SIGN_MODE_DIRECT`.
//! 2. What is signed is the encoded `SignDoc`; fields at their default are left out, as protobuf does.
//! 3. The fee is ceil(gas limit * gas price); the price is a decimal with at most 18 places.
//! 4. The hash of a transaction is the SHA-256 of its bytes, in upper-case hex.

use crate::key::SecretKey;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::crypto::secp256k1::PubKey;
use dadbs_proto::cosmos::tx::signing::v1beta1::SignMode;
use dadbs_proto::cosmos::tx::v1beta1::{
    self as wire, AuthInfo, ModeInfo, SignDoc, SignerInfo, TxBody, TxRaw, mode_info,
};
use dadbs_types::AccountAddress;
use dadbs_types::coin::DENOM;
use prost::{Message, Name};
use prost_types::Any;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Packs a message for a transaction's body.
pub fn any<M: Message + Name>(message: &M) -> Any {
    Any { type_url: format!("/{}", M::full_name()), value: message.encode_to_vec() }
}

/// The price of one gas in udadb, counted in 10^-18.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasPrice(u128);

/// Text that is not a gas price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a gas price: write a decimal such as 0.001, at most 18 places")]
pub struct GasPriceError(String);

const PRICE_UNIT: u128 = 1_000_000_000_000_000_000;

impl FromStr for GasPrice {
    type Err = GasPriceError;

    fn from_str(text: &str) -> Result<GasPrice, GasPriceError> {
        let error = || GasPriceError(text.into());
        let (whole, places) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(places) || places.len() > 18 {
            return Err(error());
        }
        let whole: u128 = whole.parse().map_err(|_| error())?;
        let places: u128 = format!("{places:0<18}").parse().map_err(|_| error())?;
        let price = whole.checked_mul(PRICE_UNIT).and_then(|p| p.checked_add(places));
        price.map(GasPrice).ok_or_else(error)
    }
}

impl fmt::Display for GasPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = format!("{:018}", self.0 % PRICE_UNIT);
        let places = places.trim_end_matches('0');
        let point = if places.is_empty() { "" } else { "." };
        write!(f, "{}{point}{places}", self.0 / PRICE_UNIT)
    }
}

impl GasPrice {
    /// The least fee in udadb for a gas limit (rule 3); saturates.
    pub fn fee(self, gas_limit: u64) -> u128 {
        self.0.saturating_mul(u128::from(gas_limit)).div_ceil(PRICE_UNIT)
    }
}

/// What a transaction pays: the gas limit and the fee for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fee {
    /// The most gas that execution may use.
    pub gas_limit: u64,
    /// Paid whatever is used, in udadb.
    pub amount: u128,
}

/// The signer's account as the chain knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The account.
    pub address: AccountAddress,
    /// Its number.
    pub account_number: u64,
    /// The sequence of the next transaction.
    pub sequence: u64,
}

/// A transaction before it is signed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnsignedTx {
    /// The messages, all signed by the one signer.
    pub messages: Vec<Any>,
    /// Public text.
    pub memo: String,
    /// The last height it may be included at; 0 for any.
    pub timeout_height: u64,
    /// Who pays the fee by an allowance; `None` for the signer.
    pub granter: Option<AccountAddress>,
}

impl UnsignedTx {
    /// A transaction of these messages without memo and timeout.
    pub fn new(messages: Vec<Any>) -> UnsignedTx {
        UnsignedTx { messages, ..UnsignedTx::default() }
    }

    fn body_bytes(&self) -> Vec<u8> {
        TxBody {
            messages: self.messages.clone(),
            memo: self.memo.clone(),
            timeout_height: self.timeout_height,
            ..TxBody::default()
        }
        .encode_to_vec()
    }

    /// The bytes to sign (rule 2): body, auth info, chain and account.
    pub fn sign_doc(
        &self,
        public_key: &[u8],
        signer: &Signer,
        fee: &Fee,
        chain_id: &str,
    ) -> SignDoc {
        let amount = Coin { denom: DENOM.into(), amount: fee.amount.to_string() };
        self.sign_doc_with_fee(public_key, signer, vec![amount], fee.gas_limit, chain_id)
    }

    fn sign_doc_with_fee(
        &self,
        public_key: &[u8],
        signer: &Signer,
        mut amount: Vec<Coin>,
        gas_limit: u64,
        chain_id: &str,
    ) -> SignDoc {
        // A list of coins never holds zero of anything.
        amount.retain(|coin| coin.amount != "0");
        let single = mode_info::Single { mode: SignMode::Direct.into() };
        let auth_info = AuthInfo {
            signer_infos: vec![SignerInfo {
                public_key: Some(any(&PubKey { key: public_key.to_vec() })),
                mode_info: Some(ModeInfo { sum: Some(mode_info::Sum::Single(single)) }),
                sequence: signer.sequence,
            }],
            fee: Some(wire::Fee {
                amount,
                gas_limit,
                granter: self.granter.map(|granter| granter.to_string()).unwrap_or_default(),
                ..wire::Fee::default()
            }),
        };
        SignDoc {
            body_bytes: self.body_bytes(),
            auth_info_bytes: auth_info.encode_to_vec(),
            chain_id: chain_id.into(),
            account_number: signer.account_number,
        }
    }

    /// The signed transaction's bytes.
    pub fn sign(&self, key: &SecretKey, signer: &Signer, fee: &Fee, chain_id: &str) -> Vec<u8> {
        sign_doc(self.sign_doc(&key.public_key(), signer, fee, chain_id), key)
    }

    /// Bytes for simulation: no fee, an empty signature.
    pub fn unsigned_bytes(&self, public_key: &[u8], signer: &Signer) -> Vec<u8> {
        let doc = self.sign_doc_with_fee(public_key, signer, Vec::new(), 0, "");
        TxRaw {
            body_bytes: doc.body_bytes,
            auth_info_bytes: doc.auth_info_bytes,
            signatures: vec![Vec::new()],
        }
        .encode_to_vec()
    }
}

/// Signs a sign doc and gives the transaction's bytes.
pub fn sign_doc(doc: SignDoc, key: &SecretKey) -> Vec<u8> {
    let signature = key.sign(&doc.encode_to_vec());
    TxRaw {
        body_bytes: doc.body_bytes,
        auth_info_bytes: doc.auth_info_bytes,
        signatures: vec![signature.to_vec()],
    }
    .encode_to_vec()
}

/// The hash of a transaction (rule 4).
pub fn hash(tx_bytes: &[u8]) -> String {
    hex::encode_upper(Sha256::digest(tx_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dadbs_proto::cosmos::bank::v1beta1::MsgSend;

    const FAUCET: &str = "economy stock theory fatal elder harbor betray wasp final emotion task crumble siren \
         bottom lizard educate guess current outdoor pair theory focus wife stone";

    /// The transfer of the test vectors of the Cosmos tools.
    fn vector(sequence: u64) -> (SignDoc, SecretKey) {
        let key = SecretKey::from_mnemonic(FAUCET, 0).unwrap();
        let coin = |amount: &str| Coin { denom: "ucosm".into(), amount: amount.into() };
        let tx = UnsignedTx::new(vec![any(&MsgSend {
            from_address: "cosmos1pkptre7fdkl6gfrzlesjjvhxhlc3r4gmmk8rs6".into(),
            to_address: "cosmos1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5lzv7xu".into(),
            amount: vec![coin("1234567")],
        })]);
        let signer = Signer { address: key.address(), account_number: 1, sequence };
        let fee = vec![coin("2000")];
        let doc = tx.sign_doc_with_fee(&key.public_key(), &signer, fee, 200_000, "simd-testing");
        (doc, key)
    }

    #[test]
    fn rule_2_sign_bytes_are_frozen() {
        let (doc, _) = vector(0);
        assert_eq!(
            hex::encode(doc.encode_to_vec()),
            "0a93010a90010a1c2f636f736d6f732e62616e6b2e763162657461312e4d736753656e6412700a2d636f73\
             6d6f7331706b707472653766646b6c366766727a6c65736a6a766878686c63337234676d6d6b3872733612\
             2d636f736d6f7331717970717870713971637273737a673270767871367273307a716733797963356c7a76\
             3778751a100a0575636f736d12073132333435363712650a4e0a460a1f2f636f736d6f732e63727970746f\
             2e736563703235366b312e5075624b657912230a21034f04181eeba35391b858633a765c4a0c189697b40d\
             216354d50890d350c7029012040a02080112130a0d0a0575636f736d12043230303010c09a0c1a0c73696d\
             642d74657374696e672001"
        );
    }

    #[test]
    fn rule_1_signatures_equal_those_of_cosmos_wallets() {
        let expected = [
            "c9dd20e07464d3a688ff4b710b1fbc027e495e797cfa0b4804da2ed117959227\
             772de059808f765aa29b8f92edf30f4c2c5a438e30d3fe6897daa7141e3ce6f9",
            "525adc7e61565a509c60497b798c549fbf217bb5cd31b24cc9b419d098cc9533\
             0c99ecc4bc72448f85c365a4e3f91299a3d40412fb3751bab82f1940a83a0a4c",
            "f3f2ca73806f2abbf6e0fe85f9b8af66f0e9f7f79051fdb8abe5bb8633b17da1\
             32e82d577b9d5f7a6dae57a144efc9ccc6eef15167b44b3b22a57240109762af",
        ];
        for (sequence, signature) in expected.iter().enumerate() {
            let (doc, key) = vector(sequence as u64);
            let raw = TxRaw::decode(sign_doc(doc, &key).as_slice()).unwrap();
            assert_eq!(hex::encode(&raw.signatures[0]), *signature, "sequence {sequence}");
        }
    }

    #[test]
    fn rule_3_the_fee_is_rounded_up() {
        let price: GasPrice = "0.001".parse().unwrap();
        assert_eq!(price.fee(1_000), 1);
        assert_eq!(price.fee(1_001), 2);
        assert_eq!(price.fee(0), 0);
        assert_eq!(price.to_string(), "0.001");
        assert_eq!("2".parse::<GasPrice>().unwrap().fee(7), 14);
        assert_eq!("0".parse::<GasPrice>().unwrap().fee(u64::MAX), 0);
        for text in ["", ".5", "-1", "1e3", "0.0000000000000000001", "1.2.3"] {
            assert!(text.parse::<GasPrice>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_fee_of_zero_is_no_coin() {
        let key = SecretKey::from_bytes(&[7; 32]).unwrap();
        let signer = Signer { address: key.address(), account_number: 0, sequence: 0 };
        let fee = Fee { gas_limit: 5, amount: 0 };
        let doc = UnsignedTx::default().sign_doc(&key.public_key(), &signer, &fee, "c");
        let auth = AuthInfo::decode(doc.auth_info_bytes.as_slice()).unwrap();
        assert_eq!(auth.fee.unwrap().amount, []);
    }

    #[test]
    fn rule_4_the_hash_is_upper_case_hex() {
        assert_eq!(hash(b""), "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855");
    }
}
