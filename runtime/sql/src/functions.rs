//! The functions that a statement may call: deterministic builtins, by name.
//!
//! 1. A name that is not here is refused before SQLite sees it.
//! 2. The clock of date functions and of `CURRENT_TIMESTAMP` is the block's, and `random` is seeded from
//!    the transaction; that is the engine's work, so both are offered here.
//! 3. What shows state of the connection (`changes`, `last_insert_rowid`) or of the build
//!    (`sqlite_version`) is not here.

/// The offered functions: a heading and its names, sorted.
pub(crate) const FUNCTIONS: &[(&str, &[&str])] = &[
    (
        "Scalar",
        &[
            "abs",
            "char",
            "coalesce",
            "concat",
            "concat_ws",
            "format",
            "glob",
            "hex",
            "if",
            "ifnull",
            "iif",
            "instr",
            "length",
            "like",
            "likelihood",
            "likely",
            "lower",
            "ltrim",
            "max",
            "min",
            "nullif",
            "octet_length",
            "printf",
            "quote",
            "random",
            "randomblob",
            "replace",
            "round",
            "rtrim",
            "sign",
            "substr",
            "substring",
            "trim",
            "typeof",
            "unhex",
            "unicode",
            "unistr",
            "unistr_quote",
            "unlikely",
            "upper",
            "zeroblob",
        ],
    ),
    ("Aggregate", &["avg", "count", "group_concat", "max", "min", "string_agg", "sum", "total"]),
    (
        "Window",
        &[
            "cume_dist",
            "dense_rank",
            "first_value",
            "lag",
            "last_value",
            "lead",
            "nth_value",
            "ntile",
            "percent_rank",
            "rank",
            "row_number",
        ],
    ),
    (
        "Date and time",
        &["date", "datetime", "julianday", "strftime", "time", "timediff", "unixepoch"],
    ),
    (
        "JSON",
        &[
            "json",
            "json_array",
            "json_array_length",
            "json_error_position",
            "json_extract",
            "json_group_array",
            "json_group_object",
            "json_insert",
            "json_object",
            "json_patch",
            "json_pretty",
            "json_quote",
            "json_remove",
            "json_replace",
            "json_set",
            "json_type",
            "json_valid",
            "jsonb",
            "jsonb_array",
            "jsonb_extract",
            "jsonb_group_array",
            "jsonb_group_object",
            "jsonb_insert",
            "jsonb_object",
            "jsonb_patch",
            "jsonb_remove",
            "jsonb_replace",
            "jsonb_set",
        ],
    ),
];

/// The function's name as it is printed, if it is offered; case does not matter.
pub(crate) fn offered(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    FUNCTIONS
        .iter()
        .find_map(|(_, names)| names.binary_search(&lower.as_str()).ok().map(|at| names[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_the_names_are_sorted_and_found() {
        for (heading, names) in FUNCTIONS {
            assert!(names.is_sorted(), "{heading}");
            assert!(names.iter().all(|name| offered(name) == Some(name)));
        }
        assert_eq!(offered("COUNT"), Some("count"));
        assert_eq!(offered("load_extension"), None);
        assert_eq!(offered("last_insert_rowid"), None);
    }
}
