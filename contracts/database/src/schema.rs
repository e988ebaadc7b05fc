//! The contract's own tables and the statements on them.

use dadbs_sdk::prelude::*;

/// What the names of the contract's own tables begin with.
pub(crate) const OWN_PREFIX: &str = "_dadbs_";
/// The version of the tables below.
const VERSION: &str = "2";

const TABLES: [&str; 5] = [
    "CREATE TABLE _dadbs_meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT",
    "CREATE TABLE _dadbs_roles (role TEXT NOT NULL PRIMARY KEY) STRICT",
    "CREATE TABLE _dadbs_members (member TEXT NOT NULL, role TEXT NOT NULL, PRIMARY KEY (member, role)) STRICT",
    // Every role and the roles whose grants it holds, directly or through others: see `roles`.
    "CREATE TABLE _dadbs_nested (role TEXT NOT NULL, holds TEXT NOT NULL, PRIMARY KEY (role, holds)) STRICT",
    "CREATE TABLE _dadbs_grants (grantee TEXT NOT NULL, verb TEXT NOT NULL, \"table\" TEXT NOT NULL, \
     granted_by TEXT NOT NULL, until_height INTEGER, until_ms INTEGER, \
     PRIMARY KEY (grantee, verb, \"table\")) STRICT",
];

/// The owner, in one row.
pub(crate) const OWNER: &str = "SELECT value AS owner FROM _dadbs_meta WHERE key = 'owner'";

/// Every grant.
pub(crate) const GRANTS: &str = "SELECT grantee, verb, \"table\", granted_by, until_height, until_ms \
     FROM _dadbs_grants \
     ORDER BY grantee, verb, \"table\"";

/// Every role with every member.
pub(crate) const ROLES: &str = "SELECT r.role AS role, m.member AS member FROM _dadbs_roles AS r \
     LEFT JOIN _dadbs_members AS m ON m.role = r.role ORDER BY 1, 2";

/// The owner, and the grants that the address ?1 holds at height ?2 and time ?3, unless it is the owner, whom they tell nothing:
/// a first row ('owner', address), then (verb, table).
pub(crate) const HELD: &str = "SELECT 'owner', value FROM _dadbs_meta WHERE key = 'owner' \
     UNION ALL SELECT verb, \"table\" FROM _dadbs_grants \
       WHERE ?1 <> (SELECT value FROM _dadbs_meta WHERE key = 'owner') \
       AND (until_height IS NULL OR until_height >= ?2) AND (until_ms IS NULL OR until_ms >= ?3) \
       AND grantee IN (\
         SELECT ?1 UNION ALL SELECT 'public' \
         UNION ALL SELECT role FROM _dadbs_members WHERE member = ?1 \
         UNION ALL SELECT n.holds FROM _dadbs_members AS m JOIN _dadbs_nested AS n ON n.role = m.role \
           WHERE m.member = ?1)";

/// Makes the tables of a new database.
pub(crate) fn create(owner: &str) -> Result<(), Refusal> {
    for table in TABLES {
        sql::exec(table, &[])?;
    }
    let mut rows = Rows::new();
    rows.push(params!["owner", owner]);
    rows.push(params!["version", VERSION]);
    sql::exec_rows("INSERT INTO _dadbs_meta (key, value) VALUES (?, ?)", &rows)?;
    Ok(())
}

/// Writes the owner.
pub(crate) fn set_owner(owner: &str) -> Result<(), Refusal> {
    sql::exec("UPDATE _dadbs_meta SET value = ? WHERE key = 'owner'", params![owner])?;
    Ok(())
}

/// What version 1 lacks.
const FROM_1: [&str; 3] = [
    "ALTER TABLE _dadbs_grants ADD COLUMN until_height INTEGER",
    "ALTER TABLE _dadbs_grants ADD COLUMN until_ms INTEGER",
    "UPDATE _dadbs_meta SET value = '2' WHERE key = 'version'",
];

/// Brings the tables of an older version to this one.
pub(crate) fn migrate() -> Result<(), Refusal> {
    let table = sql::query("SELECT value FROM _dadbs_meta WHERE key = 'version'", &[])?;
    match table.value().text() {
        Some(VERSION) => Ok(()),
        Some("1") => {
            for statement in FROM_1 {
                sql::exec(statement, &[])?;
            }
            Ok(())
        }
        found => Err(Refusal::new(format!(
            "this code knows version {VERSION} of the tables, the database has {}; migrate to newer code",
            found.unwrap_or("none")
        ))),
    }
}
