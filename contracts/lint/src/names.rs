//! What names tell: types that are numbers, words for money and for time.

use crate::value::{LENGTH, MONEY, TIME};

/// The last two parts of a path.
pub(crate) fn tail(path: &str) -> String {
    let parts: Vec<&str> = path.split("::").collect();
    parts[parts.len().saturating_sub(2)..].join("::")
}

pub(crate) fn is_number(ty: &str) -> bool {
    matches!(
        ty,
        "i8" | "i16"
            | "i32"
            | "i64"
            | "i128"
            | "u8"
            | "u16"
            | "u32"
            | "u64"
            | "u128"
            | "usize"
            | "f64"
            | "f32"
    )
}

/// `MONEY` if a name says money.
#[allow(clippy::too_many_lines, reason = "a list of words")]
pub(crate) fn money(name: &str) -> u16 {
    const WORDS: &[&str] = &[
        "amount",
        "amounts",
        "balance",
        "balances",
        "price",
        "prices",
        "fee",
        "fees",
        "total",
        "cost",
        "costs",
        "paid",
        "payment",
        "payments",
        "payout",
        "payouts",
        "salary",
        "wage",
        "wages",
        "money",
        "cents",
        "cent",
        "coins",
        "coin",
        "credit",
        "credits",
        "debit",
        "debt",
        "deposit",
        "deposits",
        "stake",
        "staked",
        "stakes",
        "supply",
        "reward",
        "rewards",
        "interest",
        "principal",
        "premium",
        "revenue",
        "budget",
        "invoice",
        "tax",
        "refund",
        "bid",
        "bids",
        "funds",
        "fund",
        "shares",
        "share",
        "dividend",
        "dividends",
        "collateral",
        "loan",
        "loans",
        "tokens",
        "token",
        "tip",
        "rent",
        "bounty",
        "pot",
        "treasury",
        "reserve",
        "reserves",
        "royalty",
        "due",
        "owed",
        "earned",
        "charge",
        "discount",
        "subtotal",
        "sum",
        "commission",
        "fine",
        "withdrawal",
        "allowance",
        "escrow",
        "settlement",
        "liquidity",
        "wallet",
        "purse",
        "spent",
        "cash",
        "donation",
        "donated",
        "pledge",
        "pledged",
        "quote",
        "notional",
        "margin",
        "vat",
        "toll",
        "fare",
        "grant",
        "yield",
        "bonus",
        "eur",
        "usd",
        "dollars",
        "euros",
        "currency",
        "gross",
        "net",
        "payable",
        "income",
        "expense",
        "expenses",
    ];
    let lower = name.to_lowercase();
    if lower.split('_').any(|part| WORDS.contains(&part)) { MONEY } else { 0 }
}

/// `LENGTH` if a name says how many, and of what that is no money.
pub(crate) fn counted(name: &str) -> u16 {
    const WORDS: &[&str] = &[
        "years", "months", "weeks", "days", "hours", "minutes", "seconds", "count", "index",
        "page", "pages", "rounds", "times", "periods", "decimals", "digits",
    ];
    let lower = name.to_lowercase();
    let is = lower.split('_').any(|part| WORDS.contains(&part));
    if is && money(name) == 0 { LENGTH } else { 0 }
}

/// `TIME` if a name says time.
pub(crate) fn clock(name: &str) -> u16 {
    let lower = name.to_lowercase();
    let ends =
        ["_ms", "_at", "_s", "_until", "_height", "_time"].iter().any(|end| lower.ends_with(end));
    let is = ["deadline", "height", "expires", "until", "timestamp", "expiry"]
        .iter()
        .any(|word| lower.contains(word));
    if ends || is { TIME } else { 0 }
}
