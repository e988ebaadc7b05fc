//! Writes SQL.md beside the crate's manifest.

fn main() -> std::io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/SQL.md");
    std::fs::write(path, dadbs_sql::document())
}
