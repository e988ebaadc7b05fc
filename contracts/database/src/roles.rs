//! Roles and their members: rule 3 of the crate.

use crate::schema::OWN_PREFIX;
use dadbs_sdk::prelude::*;
use dadbs_sdk::address;

/// Roles on the longest way from an address; `schema::HELD` follows no more.
const DEPTH_MAX: i64 = 8;
/// Bytes of a role's name.
const NAME_BYTES_MAX: usize = 63;

/// How many roles deep a role reaches upwards, itself included, and whether ?2 is among them.
const ABOVE: &str = "WITH RECURSIVE held (name, depth) AS (SELECT ?1, 1 \
     UNION SELECT m.role, held.depth + 1 FROM held JOIN _dadbs_members AS m ON m.member = held.name \
     WHERE held.depth < 9) SELECT max(depth), max(name = ?2) FROM held";

/// How many roles deep the members of a role nest, itself included; 0 if ?1 is no role.
const BELOW: &str = "WITH RECURSIVE within (name, depth) AS (\
       SELECT role, 1 FROM _dadbs_roles WHERE role = ?1 \
     UNION SELECT r.role, within.depth + 1 FROM within \
       JOIN _dadbs_members AS m ON m.role = within.name JOIN _dadbs_roles AS r ON r.role = m.member \
     WHERE within.depth < 9) SELECT ifnull(max(depth), 0) FROM within";

/// Makes a role.
pub(crate) fn create(name: &str) -> Result<(), Refusal> {
    check_name(name)?;
    if exists(name)? {
        return Err(Refusal::new(format!("the role {name} exists already")));
    }
    sql::exec("INSERT INTO _dadbs_roles (role) VALUES (?)", params![name])?;
    emit("create_role", &[("role", name)]);
    Ok(())
}

/// Drops a role with everything that names it.
pub(crate) fn drop(name: &str) -> Result<(), Refusal> {
    check_exists(name)?;
    sql::exec("DELETE FROM _dadbs_grants WHERE grantee = ?1", params![name])?;
    sql::exec("DELETE FROM _dadbs_members WHERE role = ?1 OR member = ?1", params![name])?;
    sql::exec("DELETE FROM _dadbs_roles WHERE role = ?1", params![name])?;
    emit("drop_role", &[("role", name)]);
    Ok(())
}

/// Adds a membership.
pub(crate) fn grant(role: &str, member: &str) -> Result<(), Refusal> {
    check_exists(role)?;
    check_member(member, false)?;
    let above = sql::query(ABOVE, params![role, member])?;
    let count = |table: &Table, column| table.value_at(0, column).and_then(ValueRef::integer).unwrap_or(0);
    if count(&above, 1) == 1 {
        return Err(Refusal::new(format!("{role} is a member of {member} already: roles cannot form a circle")));
    }
    let below = sql::query(BELOW, params![member])?;
    if count(&above, 0) + count(&below, 0) > DEPTH_MAX {
        return Err(Refusal::new(format!("roles nest at most {DEPTH_MAX} deep: grant {member} a role nearer to the top")));
    }
    sql::exec(
        "INSERT INTO _dadbs_members (member, role) VALUES (?, ?) ON CONFLICT DO NOTHING",
        params![member, role],
    )?;
    emit("grant_role", &[("role", role), ("member", member)]);
    Ok(())
}

/// Ends a membership.
pub(crate) fn revoke(role: &str, member: &str) -> Result<(), Refusal> {
    let removed =
        sql::exec("DELETE FROM _dadbs_members WHERE member = ?1 AND role = ?2", params![member, role])?;
    if removed == 0 {
        return Err(Refusal::new(format!("{member} is not a member of {role}; the view roles lists members")));
    }
    emit("revoke_role", &[("role", role), ("member", member)]);
    Ok(())
}

/// Refuses what is neither an address, nor a role, nor (if allowed) `public`.
pub(crate) fn check_member(name: &str, public: bool) -> Result<(), Refusal> {
    if name.starts_with("dadbs1") {
        address::check(name)
    } else if public && name == "public" {
        Ok(())
    } else {
        check_exists(name)
    }
}

fn check_exists(name: &str) -> Result<(), Refusal> {
    if exists(name)? {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "there is no role \"{name}\"; make it with create_role, or name an address that begins with dadbs1"
    )))
}

fn exists(name: &str) -> Result<bool, Refusal> {
    let table = sql::query("SELECT 1 FROM _dadbs_roles WHERE role = ?", params![name])?;
    Ok(table.value() == ValueRef::Integer(1))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let mut bytes = name.bytes();
    let spelled = bytes.next().is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let reserved = matches!(name, "public" | "owner")
        || name.starts_with("dadbs1")
        || name.starts_with(OWN_PREFIX);
    if spelled && !reserved && name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "\"{name}\" cannot be a role: use up to {NAME_BYTES_MAX} of a-z, 0-9 and _, not first a digit; \
         public, owner, dadbs1... and {OWN_PREFIX}... are taken"
    )))
}
