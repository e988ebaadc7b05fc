//! The rules: one table of names, meanings and advice.

macro_rules! rules {
    ($($name:ident = $text:literal, $finds:literal, $advice:literal;)*) => {
        /// What the lint looks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule { $(#[doc = $finds] $name,)* }

        impl Rule {
            /// All rules, in the order of the documentation.
            pub const ALL: &[Rule] = &[$(Rule::$name,)*];

            /// The name that suppressions use.
            pub fn name(self) -> &'static str {
                match self { $(Rule::$name => $text,)* }
            }

            /// What the rule finds, in one sentence.
            pub fn finds(self) -> &'static str {
                match self { $(Rule::$name => $finds,)* }
            }

            /// What to do about a finding.
            pub fn advice(self) -> &'static str {
                match self { $(Rule::$name => $advice,)* }
            }
        }
    };
}

rules! {
    MissingCallerCheck = "missing-caller-check",
        "a call writes rows of others, or sends coins, before it has compared the caller with anything stored",
        "compare ctx.caller with the stored owner first, or look the row up by ctx.caller";
    StateAfterCall = "state-after-call",
        "a call writes rows after another contract or a transfer has run",
        "write the rows first, then call: what runs in between must find them as they will be";
    UnboundedScan = "unbounded-scan",
        "a statement or a loop whose work grows with the table: no condition on a key or index, no LIMIT",
        "add LIMIT, a condition on a key or an indexed column, or a fixed number of rows per call";
    BuiltSql = "built-sql",
        "the text of a statement is put together at run time, or comes from the caller",
        "write the statement as one literal with ? and pass values as parameters; sql! checks it";
    IgnoredResult = "ignored-result",
        "the failure of a statement, a call, a transfer or a check is dropped",
        "use ?, or handle the error where it happens";
    UnprotectedInit = "unprotected-init",
        "a call sets up the contract for whoever comes (first, or again), or #[migrate] writes without looking at the version",
        "do it in #[init], compare the caller with whom #[init] has stored, or compare the stored version first";
    AmountArithmetic = "amount-arithmetic",
        "arithmetic on amounts that wraps, saturates or cuts off where it should fail, or goes below zero unseen",
        "use + - * (they end the call on overflow), checked_*, or i64::try_from, and compare before you subtract";
    TriggerCycle = "trigger-cycle",
        "rules of tables write tables whose rules lead back to the first",
        "let one direction do the work: a circle ends at the depth limit and rejects the statement";
    FloatMoney = "float-money",
        "an amount of money is kept or computed as a floating-point number",
        "use i64 in the smallest unit; multiply before you divide, in i128 if need be";
}

/// The table of rules as Markdown; the documentation holds exactly this.
pub fn table() -> String {
    let mut text = String::from("| rule | finds | do instead |\n|---|---|---|\n");
    for rule in Rule::ALL {
        for part in ["| `", rule.name(), "` | ", rule.finds(), " | ", rule.advice(), " |\n"] {
            text += part;
        }
    }
    text
}
