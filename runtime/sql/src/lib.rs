//! The SQL front door: parse, allow-list, rename, describe
