//! An example contract: records that only the patient and chosen readers can decrypt.
//!
//! 1. A record is ciphertext; its key is wrapped for each reader alone, with the public key that the reader
//!    has announced. The chain never sees a text or a key: `client.mjs` encrypts, wraps and decrypts.
//! 2. Only its patient shares a record, for a time, takes shares back, and erases it.
//! 3. Records and wrapped keys are shown to the patient and, until the share ends, to its readers.
//! 4. Erasing removes every wrapped key: copies of the ciphertext that others have kept stay unreadable for
//!    all who have not unwrapped the key before.
//!
//! Rule 3 keeps honest nodes quiet, rule 1 is what protects: a replica can be read by whoever runs it. A
//! reader who has seen a text, or kept a key, cannot be made to forget.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod health {
    use super::*;

    const DAY_MS: i64 = 86_400_000;
    /// Bytes of a record; larger documents are stored elsewhere, their hash here.
    const CIPHERTEXT_MAX: usize = 16_384;
    /// An X25519 public key of the wrapper, then the encrypted key with its nonce and tag.
    const WRAPPED: usize = 32 + 12 + 32 + 16;

    /// The public key of an account, with which others wrap for it. Everybody reads it.
    #[table(name = "identities")]
    struct Identity {
        #[key]
        account: String,
        #[check("length(public_key) = 32")]
        public_key: Vec<u8>,
    }

    /// What a patient keeps.
    #[table(name = "records")]
    struct Record {
        #[key(auto)]
        id: i64,
        #[index]
        patient: String,
        #[check("length(kind) BETWEEN 1 AND 40")]
        kind: String,
        ciphertext: Vec<u8>,
        at_ms: i64,
    }

    /// The key of a record, for one reader.
    #[table(name = "keys")]
    struct Key {
        #[key]
        #[references("records(id)")]
        record: i64,
        #[key]
        reader: String,
        patient: String,
        wrapped: Vec<u8>,
        /// Block time in seconds at which the share ends.
        until_s: i64,
    }

    /// Rule 3.
    #[can_read(records)]
    const READERS: &str = "patient = caller() OR EXISTS (SELECT 1 FROM keys k
        WHERE k.record = records.id AND k.reader = caller() AND k.until_s > unixepoch())";

    /// Rule 2.
    #[can_write(records)]
    const PATIENT: &str = "patient = caller()";

    /// Rule 3.
    #[can_read(keys)]
    const HOLDERS: &str = "patient = caller() OR (reader = caller() AND until_s > unixepoch())";

    /// Rule 2.
    #[can_write(keys)]
    const SHARER: &str = "patient = caller() AND patient = (SELECT r.patient FROM records r WHERE r.id = keys.record)";

    #[error]
    enum HealthError {
        /// The caller sees no such record.
        NotFound { record: i64 },
        /// The account has announced no public key.
        NoIdentity { account: String },
        /// A wrapped key has another length than the client makes.
        WrongKey { bytes: u32 },
        /// A record is empty or too large.
        WrongSize { bytes: u32 },
        /// A share lasts 1 to 3,650 days.
        WrongDays { days: u32 },
    }

    /// A record was shared; to whom is told by the table, to those who may know.
    #[event]
    struct Shared {
        record: i64,
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    fn length(bytes: &[u8]) -> u32 {
        u32::try_from(bytes.len()).unwrap_or(u32::MAX)
    }

    /// Sets the caller's public key. Keys that were wrapped for the one before stay as they are.
    #[call]
    fn announce(ctx: &Context, public_key: Vec<u8>) -> Result<(), Refusal> {
        let identity = Identity { account: ctx.caller.clone(), public_key };
        if !ctx.db.identities().update(&identity)? {
            ctx.db.identities().insert(&identity)?;
        }
        Ok(())
    }

    /// Keeps a record of the caller, with its key wrapped for the caller; answers its number.
    #[call]
    fn add(
        ctx: &Context,
        kind: String,
        ciphertext: Vec<u8>,
        wrapped: Vec<u8>,
    ) -> Result<i64, Refusal> {
        if ciphertext.is_empty() || ciphertext.len() > CIPHERTEXT_MAX {
            return Err(HealthError::WrongSize { bytes: length(&ciphertext) }.into());
        }
        let (patient, at_ms) = (ctx.caller.clone(), ctx.time_ms);
        let record = Record { id: 0, patient, kind, ciphertext, at_ms };
        let id = ctx.db.records().insert(&record)?;
        give(ctx, id, record.patient, wrapped, i64::MAX)?;
        Ok(id)
    }

    fn give(
        ctx: &Context,
        record: i64,
        reader: String,
        wrapped: Vec<u8>,
        until_s: i64,
    ) -> Result<(), Refusal> {
        if ctx.db.identities().get(&reader)?.is_none() {
            return Err(HealthError::NoIdentity { account: reader }.into());
        }
        if wrapped.len() != WRAPPED {
            return Err(HealthError::WrongKey { bytes: length(&wrapped) }.into());
        }
        let key = Key { record, reader, patient: ctx.caller.clone(), wrapped, until_s };
        if !ctx.db.keys().update(&key)? {
            ctx.db.keys().insert(&key)?;
        }
        Ok(())
    }

    /// Gives a reader the key of a record for some days.
    #[call]
    fn share(
        ctx: &Context,
        record: i64,
        reader: String,
        wrapped: Vec<u8>,
        days: u32,
    ) -> Result<(), Refusal> {
        if !(1..=3_650).contains(&days) {
            return Err(HealthError::WrongDays { days }.into());
        }
        let until_s = (ctx.time_ms + i64::from(days) * DAY_MS) / 1_000;
        give(ctx, record, reader, wrapped, until_s)?;
        Shared { record }.emit();
        Ok(())
    }

    /// Takes a share back; false if there was none.
    #[call]
    fn revoke(ctx: &Context, record: i64, reader: &str) -> Result<bool, Refusal> {
        ctx.db.keys().delete(record, reader)
    }

    /// Removes a record of the caller and every key of it.
    #[call]
    fn erase(ctx: &Context, record: i64) -> Result<(), Refusal> {
        sql!("DELETE FROM keys WHERE record = ?", record)?;
        if ctx.db.records().delete(record)? {
            return Ok(());
        }
        Err(HealthError::NotFound { record }.into())
    }

    /// The public key of an account.
    #[view]
    fn public_key(ctx: &Context, account: &str) -> Result<Vec<Identity>, Refusal> {
        Ok(ctx.db.identities().get(account)?.into_iter().collect())
    }

    /// A record and the caller's wrapped key of it: (ciphertext, wrapped, patient, kind).
    #[view]
    fn open(ctx: &Context, record: i64) -> Result<Table, Refusal> {
        Ok(sql!(
            "SELECT r.ciphertext, k.wrapped, r.patient, r.kind FROM records r
             JOIN keys k ON k.record = r.id AND k.reader = ? WHERE r.id = ?",
            ctx.caller,
            record
        )?)
    }

    /// The records that the caller may open, at most 100, without their ciphertext.
    #[view]
    fn list() -> Result<Table, Refusal> {
        Ok(sql!("SELECT id, patient, kind, at_ms FROM records ORDER BY id DESC LIMIT 100")?)
    }
}
