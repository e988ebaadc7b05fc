//! Who pays fees for whom.
//!
//! State: `chain.fee_allowances(granter, grantee, spend_limit, expires_ms, period_ms, period_limit, period_left,
//! period_reset_ms, messages, contracts)`; no limit, expiry or period is NULL, and so are lists that allow all.
//!
//! Messages: `cosmos.feegrant.v1beta1.{MsgGrantAllowance, MsgRevokeAllowance}`,
//! `dadbs.fees.v1.{MsgSponsorCalls, MsgEndSponsorship}`.
//!
//! Events: `set_feegrant(granter, grantee)`, `use_feegrant(granter, grantee)`, `revoke_feegrant(granter, grantee)`.
//!
//! 1. There is one allowance from a granter to a grantee at most. Nobody grants himself one. It makes the
//!    grantee's account.
//! 2. An allowance pays a fee if it has not expired, has as much left in all and in its period, and allows every
//!    message of the transaction. What it pays is taken off both.
//! 3. An allowance that has nothing left in all ends.
//! 4. A period begins full at the grant. When it is over, it is full again, at most what is left in all; the next one
//!    ends one period later, or one period from now where that is past.
//! 5. A list of messages allows these types only. A list of contracts allows transactions whose every message calls
//!    one of them.
//! 6. A contract sponsors calls by an allowance of its own, for one account or for everyone; only calls to
//!    itself. An account's own allowance comes before the one for everyone.
//! 7. Expired allowances are removed at the end of blocks, at most [`PRUNED_MAX`] in one.

mod keeper;
#[cfg(test)]
mod tests;

pub use keeper::{
    allowance, by_grantee, by_granter, for_payment, grant, init, prune, revoke, save_paid,
};

use dadbs_types::{AccountAddress, Code, Rejection};

/// Expired allowances that one block removes.
pub const PRUNED_MAX: i64 = 100;
/// Entries of a list of messages or contracts.
pub const ALLOWED_MAX: usize = 32;
/// Bytes of one entry of a list of messages.
pub const ALLOWED_BYTES_MAX: usize = 128;
/// The longest period, in milliseconds: a hundred years.
pub const PERIOD_MS_MAX: u64 = 3_155_760_000_000;

/// The module's table; the grantee of an allowance for everyone is empty.
pub const SCHEMA: &str = "CREATE TABLE chain_fee_allowances (
    granter TEXT NOT NULL,
    grantee TEXT NOT NULL,
    spend_limit INTEGER CHECK (spend_limit > 0),
    expires_ms INTEGER,
    period_ms INTEGER,
    period_limit INTEGER,
    period_left INTEGER,
    period_reset_ms INTEGER,
    messages TEXT,
    contracts TEXT,
    PRIMARY KEY (granter, grantee),
    UNIQUE (grantee, granter),
    UNIQUE (expires_ms, granter, grantee)
) STRICT, WITHOUT ROWID";

/// A limit that comes back (rule 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its length, in milliseconds.
    pub ms: u64,
    /// What a full period allows, in udadb.
    pub limit: u64,
    /// What this one has left, in udadb.
    pub left: u64,
    /// When it ends, milliseconds since 1970.
    pub reset_ms: u64,
}

/// What a granter pays for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Who pays.
    pub granter: AccountAddress,
    /// For whom; `None` for everyone (rule 6).
    pub grantee: Option<AccountAddress>,
    /// What is left in all, in udadb; `None` for no limit.
    pub limit: Option<u64>,
    /// The last moment, milliseconds since 1970; `None` for ever.
    pub expires_ms: Option<u64>,
    /// The limit that comes back.
    pub period: Option<Period>,
    /// The types of messages that it pays for; none for all (rule 5).
    pub messages: Vec<String>,
    /// The contracts whose calls it pays for; none for any message (rule 5).
    pub contracts: Vec<String>,
}

/// A message as an allowance sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose<'a> {
    /// Its type, with a leading slash.
    pub type_url: String,
    /// The contract that it calls.
    pub contract: Option<&'a str>,
}

impl Allowance {
    /// Takes a fee off (rules 2 and 4).
    ///
    /// # Errors
    /// A rejection if it does not pay this fee.
    pub fn pay(
        &mut self,
        fee: u64,
        now_ms: u64,
        purposes: &[Purpose<'_>],
    ) -> Result<(), Rejection> {
        if self.expires_ms.is_some_and(|last| now_ms > last) {
            let message = format!("the allowance of {} has expired: ask for another", self.granter);
            return Err(Rejection::new(Code::FeeAllowanceExpired, message));
        }
        if let Some(refused) = purposes.iter().find(|purpose| !self.allows(purpose)) {
            let message =
                format!("the allowance of {} does not pay for {}", self.granter, refused.type_url);
            return Err(Rejection::new(Code::FeeNotAllowed, message));
        }
        let spent = |left: u64| {
            let message =
                format!("the allowance of {} has {left}udadb left, not {fee}", self.granter);
            Rejection::new(Code::FeeAllowanceSpent, message)
        };
        let limit = match self.limit {
            Some(limit) => Some(limit.checked_sub(fee).ok_or_else(|| spent(limit))?),
            None => None,
        };
        if let Some(period) = &mut self.period {
            let mut after = *period;
            after.renew(now_ms, self.limit);
            after.left = after.left.checked_sub(fee).ok_or_else(|| spent(after.left))?;
            *period = after;
        }
        self.limit = limit;
        Ok(())
    }

    /// Rule 5.
    fn allows(&self, purpose: &Purpose<'_>) -> bool {
        let calls = |name: &str| self.contracts.iter().any(|allowed| allowed == name);
        (self.messages.is_empty() || self.messages.contains(&purpose.type_url))
            && (self.contracts.is_empty() || purpose.contract.is_some_and(calls))
    }

    /// Rule 3.
    pub fn is_spent(&self) -> bool {
        self.limit == Some(0)
    }
}

impl Period {
    /// Rule 4.
    fn renew(&mut self, now_ms: u64, limit: Option<u64>) {
        if now_ms < self.reset_ms {
            return;
        }
        self.left = self.limit.min(limit.unwrap_or(u64::MAX));
        self.reset_ms = self.reset_ms.saturating_add(self.ms);
        if now_ms >= self.reset_ms {
            self.reset_ms = now_ms.saturating_add(self.ms);
        }
    }
}
