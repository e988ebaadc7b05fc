//! Transactions that are wrong in one place.
//!
//! 1. A [`Craft`] starts as a good transaction; what a test changes is signed as it stands.
//! 2. [`Field`]s are the wire form itself, for encodings that no encoder makes.

use crate::{CHAIN_ID, key};
use dadbs_client::tx::any;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::crypto::secp256k1::PubKey;
use dadbs_proto::cosmos::tx::v1beta1::{
    AuthInfo, Fee, ModeInfo, SignDoc, SignerInfo, TxBody, TxRaw, mode_info,
};
use prost::Message;
use prost_types::Any;

/// A transaction before it is signed, every part open (rule 1).
#[derive(Clone, Debug)]
pub struct Craft {
    /// The body.
    pub body: TxBody,
    /// Signer and fee.
    pub auth: AuthInfo,
    /// The chain that is signed for.
    pub chain_id: String,
    /// The account number that is signed.
    pub account_number: u64,
    /// The [`key`] that signs.
    pub signing_key: u8,
}

impl Craft {
    /// A good transaction of the account with this key, number and sequence, at the least fee.
    pub fn new(index: u8, sequence: u64, messages: Vec<Any>, gas_limit: u64) -> Craft {
        let single = mode_info::Single { mode: 1 };
        let public_key = key(index).public_key().to_vec();
        Craft {
            body: TxBody { messages, ..TxBody::default() },
            auth: AuthInfo {
                signer_infos: vec![SignerInfo {
                    public_key: Some(any(&PubKey { key: public_key })),
                    mode_info: Some(ModeInfo { sum: Some(mode_info::Sum::Single(single)) }),
                    sequence,
                }],
                fee: Some(Fee {
                    amount: vec![Coin {
                        denom: "udadb".into(),
                        amount: crate::least_fee(gas_limit).to_string(),
                    }],
                    gas_limit,
                    ..Fee::default()
                }),
            },
            chain_id: CHAIN_ID.into(),
            account_number: u64::from(index),
            signing_key: index,
        }
    }

    /// The fee.
    ///
    /// # Panics
    /// If the fee was taken out.
    pub fn fee(&mut self) -> &mut Fee {
        self.auth.fee.as_mut().expect("the fee is there")
    }

    /// The envelope, signed.
    pub fn raw(&self) -> TxRaw {
        let (body, auth) = (self.body.encode_to_vec(), self.auth.encode_to_vec());
        self.raw_of(body, auth)
    }

    /// The envelope around other body and auth bytes, signed.
    pub fn raw_of(&self, body_bytes: Vec<u8>, auth_info_bytes: Vec<u8>) -> TxRaw {
        let doc = SignDoc {
            body_bytes: body_bytes.clone(),
            auth_info_bytes: auth_info_bytes.clone(),
            chain_id: self.chain_id.clone(),
            account_number: self.account_number,
        };
        let signature = key(self.signing_key).sign(&doc.encode_to_vec()).to_vec();
        TxRaw { body_bytes, auth_info_bytes, signatures: vec![signature] }
    }

    /// The signed bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.raw().encode_to_vec()
    }
}

/// One field of the wire form (rule 2).
#[derive(Clone, Debug)]
pub enum Field {
    /// A number.
    Number(u64, u64),
    /// Bytes or text.
    Bytes(u64, Vec<u8>),
    /// A message inside.
    Inside(u64, Vec<Field>),
}

/// What is wrong with an encoding; places count from 0 in the order of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Nothing.
    Canonical,
    /// An unknown field at the end of this message.
    Unknown(usize),
    /// The fields of this message in the opposite order.
    Reversed(usize),
    /// The number or length of this field in one byte more than needed.
    Overlong(usize),
    /// The tag of this field in one byte more than needed.
    OverlongTag(usize),
    /// This field twice, in a message that has it once.
    Twice(usize),
}

/// Encodes messages and counts messages and fields, to know which one to spoil.
#[derive(Clone, Copy, Debug)]
pub struct Encoder {
    mutation: Mutation,
    /// Messages so far.
    pub messages: usize,
    /// Fields so far.
    pub fields: usize,
}

impl Encoder {
    /// An encoder that makes one mistake.
    pub fn new(mutation: Mutation) -> Encoder {
        Encoder { mutation, messages: 0, fields: 0 }
    }

    /// The bytes of a message.
    pub fn encode(&mut self, fields: &[Field]) -> Vec<u8> {
        let message = self.messages;
        self.messages += 1;
        let mut parts: Vec<Vec<u8>> = fields.iter().map(|field| self.field(field)).collect();
        if self.mutation == Mutation::Reversed(message) {
            parts.reverse();
        }
        let mut bytes = parts.concat();
        if self.mutation == Mutation::Unknown(message) {
            // Field 1000, a number, 1.
            bytes.extend([0xc0, 0x3e, 1]);
        }
        bytes
    }

    fn field(&mut self, field: &Field) -> Vec<u8> {
        let at = self.fields;
        self.fields += 1;
        let overlong = self.mutation == Mutation::Overlong(at);
        let overlong_tag = self.mutation == Mutation::OverlongTag(at);
        let tag = |number: u64, kind: u64| varint(number * 8 + kind, overlong_tag);
        let (tag, number, content) = match field {
            Field::Number(number, value) => (tag(*number, 0), *value, Vec::new()),
            Field::Bytes(number, bytes) => (tag(*number, 2), bytes.len() as u64, bytes.clone()),
            Field::Inside(number, fields) => {
                let content = self.encode(fields);
                (tag(*number, 2), content.len() as u64, content)
            }
        };
        let once = [tag, varint(number, overlong), content].concat();
        if self.mutation == Mutation::Twice(at) { once.repeat(2) } else { once }
    }
}

fn varint(mut value: u64, overlong: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    if overlong {
        *bytes.last_mut().expect("a number has a byte") |= 0x80;
        bytes.push(0);
    }
    bytes
}
