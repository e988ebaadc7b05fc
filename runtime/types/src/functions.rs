//! The SQL functions that statements may call, by name: the one home of the list.
//!
//! 1. Every function is a function of its arguments, of the block's time and of the transaction's seed.
//! 2. What shows state of the connection (`changes`, `last_insert_rowid`) or of the build
//!    (`sqlite_version`) is not here.
//! 3. [`ADDED`] names those that are ours; all others are SQLite's own.

/// A heading and its names, sorted. Names are in lower case.
pub const FUNCTIONS: &[(&str, &[&str])] = &[
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
        &[
            "date",
            "date_add",
            "date_diff",
            "date_trunc",
            "datetime",
            "julianday",
            "strftime",
            "time",
            "timediff",
            "unixepoch",
        ],
    ),
    (
        "Decimal",
        &[
            "decimal",
            "decimal_add",
            "decimal_avg",
            "decimal_cmp",
            "decimal_div",
            "decimal_key",
            "decimal_mul",
            "decimal_round",
            "decimal_sub",
            "decimal_sum",
            "decimal_valid",
        ],
    ),
    ("UUID", &["uuid", "uuid7", "uuid_blob", "uuid_str"]),
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

/// Functions that SQLite does not have, sorted.
pub const ADDED: &[&str] = &[
    "date_add",
    "date_diff",
    "date_trunc",
    "decimal",
    "decimal_add",
    "decimal_avg",
    "decimal_cmp",
    "decimal_div",
    "decimal_key",
    "decimal_mul",
    "decimal_round",
    "decimal_sub",
    "decimal_sum",
    "decimal_valid",
    "uuid",
    "uuid7",
    "uuid_blob",
    "uuid_str",
];

/// Functions that are tables in FROM, sorted.
pub const TABLE_FUNCTIONS: &[&str] = &["json_each", "json_tree"];

/// The function's name as it is printed, if it is offered; case does not matter.
pub fn offered(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    FUNCTIONS
        .iter()
        .find_map(|(_, names)| names.binary_search(&lower.as_str()).ok().map(|at| names[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted_and_found() {
        for (heading, names) in FUNCTIONS {
            assert!(names.is_sorted(), "{heading}");
            assert!(names.iter().all(|name| offered(name) == Some(name)));
        }
        assert_eq!(offered("COUNT"), Some("count"));
        assert!(ADDED.is_sorted() && ADDED.iter().all(|name| offered(name).is_some()));
    }

    #[test]
    fn rule_2_state_of_the_node_is_not_here() {
        for name in ["load_extension", "last_insert_rowid", "changes", "sqlite_version"] {
            assert_eq!(offered(name), None, "{name}");
        }
    }
}
