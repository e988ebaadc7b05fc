//! Exit codes: the one table.

macro_rules! exits {
    ($($name:ident = $number:literal, $meaning:literal;)*) => {
        /// Why the process ends; the numbers are part of the interface.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Exit { $(#[doc = $meaning] $name = $number,)* }

        /// The table of `--help`: number and meaning.
        pub const TABLE: &[(u8, &str)] = &[$(($number, $meaning),)*];
    };
}

exits! {
    Success = 0, "done";
    Other = 1, "another failure; the message says which";
    Usage = 2, "wrong arguments";
    Rejected = 3, "the transaction was rejected before a block; nothing was paid";
    Failed = 4, "the transaction failed in a block; the fee is paid";
    NotFound = 5, "what was asked for does not exist";
    Unreachable = 6, "the node cannot be reached, or its port is taken";
    Proof = 7, "a proof is invalid";
    Import = 8, "the import refuses objects that were not accepted";
    Upgrade = 9, "the chain goes on with another version of this software: see upgrade-info.json in the home";
}
