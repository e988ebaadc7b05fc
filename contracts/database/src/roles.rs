//! Roles and their members: rule 3 of the crate.
//!
//! Who holds what is asked by every statement, who is a member of what changes rarely: so the table
//! `_dadbs_nested` keeps for every role all roles above it, and is made again when one changes.

use crate::schema::OWN_PREFIX;
use dadbs_sdk::address;
use dadbs_sdk::prelude::*;

/// Roles on the longest way upwards.
const DEPTH_MAX: usize = 8;
/// Bytes of a role's name.
const NAME_BYTES_MAX: usize = 63;

/// The roles that roles are members of.
const NEST_DIRECT: &str = "INSERT INTO _dadbs_nested (role, holds) SELECT m.member, m.role \
     FROM _dadbs_members AS m JOIN _dadbs_roles AS r ON r.role = m.member";
/// One step further: what the roles hold that a role holds.
const NEST_STEP: &str = "INSERT INTO _dadbs_nested (role, holds) SELECT n.role, m.role \
     FROM _dadbs_nested AS n JOIN _dadbs_members AS m ON m.member = n.holds \
     WHERE true ON CONFLICT DO NOTHING";

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
    sql::exec("DELETE FROM _dadbs_members WHERE role = ?1 OR member = ?1", params![name])?; // lint: allow(unbounded-scan): owner only, roles are few
    sql::exec("DELETE FROM _dadbs_roles WHERE role = ?1", params![name])?;
    nest()?;
    emit("drop_role", &[("role", name)]);
    Ok(())
}

/// Adds a membership.
pub(crate) fn grant(role: &str, member: &str) -> Result<(), Refusal> {
    check_exists(role)?;
    check_member(member, false)?;
    sql::exec(
        "INSERT INTO _dadbs_members (member, role) VALUES (?, ?) ON CONFLICT DO NOTHING",
        params![member, role],
    )?;
    if !address::is_address(member) {
        nest()?;
    }
    emit("grant_role", &[("role", role), ("member", member)]);
    Ok(())
}

/// Ends a membership.
pub(crate) fn revoke(role: &str, member: &str) -> Result<(), Refusal> {
    let statement = "DELETE FROM _dadbs_members WHERE member = ?1 AND role = ?2";
    if sql::exec(statement, params![member, role])? == 0 {
        return Err(Refusal::new(format!(
            "{member} is not a member of {role}; the view roles lists members"
        )));
    }
    if !address::is_address(member) {
        nest()?;
    }
    emit("revoke_role", &[("role", role), ("member", member)]);
    Ok(())
}

/// Makes `_dadbs_nested` again; refuses circles and what is too deep.
fn nest() -> Result<(), Refusal> {
    sql::exec("DELETE FROM _dadbs_nested", &[])?; // lint: allow(unbounded-scan): owner only, roles are few
    sql::exec(NEST_DIRECT, &[])?; // lint: allow(unbounded-scan): owner only, roles are few
    let mut steps = 1;
    // lint: allow(unbounded-scan): owner only, roles are few
    while steps < DEPTH_MAX && sql::exec(NEST_STEP, &[])? > 0 {
        steps += 1;
    }
    let circle = sql::query("SELECT role FROM _dadbs_nested WHERE role = holds LIMIT 1", &[])?;
    if let Some(role) = circle.value().text() {
        return Err(Refusal::new(format!("{role} would hold itself: roles cannot form a circle")));
    }
    // The last step that is allowed has still found roles.
    if steps == DEPTH_MAX {
        return Err(Refusal::new(format!(
            "roles would nest more than {DEPTH_MAX} deep; make the member one of a role nearer to the top"
        )));
    }
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
