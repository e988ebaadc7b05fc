//! The stock contract, as it is committed, in the VM: the numbered rules of `dadbs-database`.

use dadbs_abi::section::Row;
use dadbs_contract_tests::{Contract, Outcome};
use dadbs_types::value::encode_rows;
use dadbs_types::{AccountAddress, Code, Error, Value};

const WASM: &[u8] = include_bytes!("../../artifacts/database.wasm");

fn address(n: u8) -> String {
    AccountAddress([n; 20]).to_string()
}

/// Accounts by their part in the tests.
struct Cast {
    owner: String,
    /// Holds grants of its own.
    direct: String,
    /// A member of a role.
    member: String,
    /// A member of a role that is a member of a role.
    nested: String,
    /// Holds nothing but what everyone holds.
    stranger: String,
}

/// A database with the table `t`, as the owner has made it.
fn database() -> (Contract, Cast) {
    let contract = Contract::load(WASM).unwrap();
    let [owner, direct, member, nested, stranger] = [1, 2, 3, 4, 5].map(address);
    contract.call(&owner, "init", &[Value::Null]).unwrap();
    let table =
        "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, note TEXT CHECK (note <> 'bad')) STRICT";
    exec(&contract, &owner, table).unwrap();
    exec(&contract, &owner, "CREATE TABLE u (id INTEGER)").unwrap();
    (contract, Cast { owner, direct, member, nested, stranger })
}

fn exec(contract: &Contract, caller: &str, sql: &str) -> Result<Outcome, String> {
    text(contract.call(caller, "call_exec", &[sql.into(), Value::Null]))
}

fn call(
    contract: &Contract,
    caller: &str,
    entry: &str,
    arguments: &[&str],
) -> Result<Outcome, String> {
    let arguments: Vec<Value> = arguments.iter().map(|text| Value::from(*text)).collect();
    text(contract.call(caller, &format!("call_{entry}"), &arguments))
}

/// The message of a refusal by the contract; everything else fails the test.
fn text(outcome: Result<Outcome, Error>) -> Result<Outcome, String> {
    outcome.map_err(|error| match error {
        // The contract's own refusal, or a statement's that it passes on.
        Error::Rejected(rejection)
            if rejection.code == Code::WasmAbort || rejection.code.codespace() == "sql" =>
        {
            rejection.message
        }
        other => panic!("not a refusal of the contract: {other}"),
    })
}

fn count(contract: &Contract, table: &str) -> Value {
    let sql = format!("SELECT count(*) FROM {table}");
    contract.view("view_query", &[sql.into()]).unwrap().rows[1][0].clone()
}

/// One statement for each verb on `t`, none of which changes what the next one needs.
const STATEMENTS: [(&str, &str); 8] = [
    ("insert", "INSERT INTO t VALUES (NULL, 'x') ON CONFLICT DO NOTHING"),
    ("insert", "INSERT INTO t (id) VALUES (77)"),
    ("select", "SELECT id FROM t"),
    ("update", "UPDATE t SET note = 'y'"),
    ("delete", "DELETE FROM t"),
    ("create", "CREATE TABLE made (a)"),
    ("alter", "ALTER TABLE t RENAME COLUMN note TO n"),
    ("drop", "DROP TABLE t"),
];

/// The verbs that an account may use, each tried for real and undone.
fn allowed(contract: &Contract, caller: &str) -> Vec<&'static str> {
    let mut verbs: Vec<&'static str> = Vec::new();
    for (verb, sql) in STATEMENTS {
        // The second statement always fails, so that nothing stays.
        let batch = [sql.into(), Value::Null, "SELECT".into(), Value::Null];
        let refusal = text(contract.call(caller, "call_batch", &batch)).unwrap_err();
        if refusal.starts_with("statement 2: ") {
            verbs.push(verb);
        } else {
            assert!(refusal.contains(&format!("permission denied: {caller} may not")), "{refusal}");
        }
    }
    verbs.dedup();
    verbs
}

const EVERYTHING: [&str; 7] = ["insert", "select", "update", "delete", "create", "alter", "drop"];

#[test]
fn rule_1_the_owner_may_do_everything_and_a_stranger_nothing() {
    let (contract, cast) = database();
    assert_eq!(allowed(&contract, &cast.owner), EVERYTHING);
    assert_eq!(allowed(&contract, &cast.stranger), [""; 0]);
    let refusal = exec(&contract, &cast.stranger, "INSERT INTO t VALUES (?)").unwrap_err();
    let stranger = &cast.stranger;
    let expected = format!(
        "permission denied: {stranger} may not insert into t; the owner can grant it: \
         grant('{stranger}', 'insert', 't')"
    );
    assert_eq!(refusal, expected);
}

#[test]
fn rule_1_every_verb_and_way_is_a_right_of_its_own() {
    for verb in EVERYTHING {
        let (contract, cast) = database();
        for role in ["inner", "outer"] {
            call(&contract, &cast.owner, "create_role", &[role]).unwrap();
        }
        call(&contract, &cast.owner, "grant_role", &["outer", "inner"]).unwrap();
        call(&contract, &cast.owner, "grant_role", &["outer", &cast.member]).unwrap();
        call(&contract, &cast.owner, "grant_role", &["inner", &cast.nested]).unwrap();
        // `made` is what the statement for create makes.
        let table = if verb == "create" { "made" } else { "T" };
        call(&contract, &cast.owner, "grant", &[&cast.direct, verb, table]).unwrap();
        call(&contract, &cast.owner, "grant", &["outer", verb, table]).unwrap();
        for holder in [&cast.direct, &cast.member, &cast.nested] {
            assert_eq!(allowed(&contract, holder), [verb], "{verb}");
            let can = [holder.as_str().into(), verb.into(), table.into()];
            assert_eq!(contract.view("view_can", &can).unwrap().rows, [[Value::Integer(1)]]);
        }
        assert_eq!(allowed(&contract, &cast.stranger), [""; 0], "{verb}");
        call(&contract, &cast.owner, "grant", &["public", verb, table]).unwrap();
        assert_eq!(allowed(&contract, &cast.stranger), [verb], "{verb}");
        call(&contract, &cast.owner, "revoke", &["public", verb, table]).unwrap();
        call(&contract, &cast.owner, "revoke_role", &["outer", "inner"]).unwrap();
        assert_eq!(allowed(&contract, &cast.nested), [""; 0], "{verb}");
        call(&contract, &cast.owner, "drop_role", &["outer"]).unwrap();
        assert_eq!(allowed(&contract, &cast.member), [""; 0], "{verb}");
    }
}

#[test]
fn rule_2_all_and_star() {
    let (contract, cast) = database();
    call(&contract, &cast.owner, "grant", &[&cast.direct, "ALL", "*"]).unwrap();
    assert_eq!(allowed(&contract, &cast.direct), EVERYTHING);
    call(&contract, &cast.owner, "grant", &[&cast.member, "all", "t"]).unwrap();
    assert!(exec(&contract, &cast.member, "INSERT INTO t (id) SELECT id FROM t").is_ok());
    let refusal = exec(&contract, &cast.member, "INSERT INTO t (id) SELECT id FROM u").unwrap_err();
    assert!(refusal.contains("may not select from u"), "{refusal}");
    let refusal = exec(&contract, &cast.member, "INSERT INTO u VALUES (1)").unwrap_err();
    assert!(refusal.contains("may not insert into u"), "{refusal}");
}

/// A database where `direct` may do everything to `mine`, and with `t` what the list says.
fn with_rights_on_t(verbs: &[&str]) -> (Contract, Cast) {
    let (contract, cast) = database();
    call(&contract, &cast.owner, "grant", &[&cast.direct, "all", "mine"]).unwrap();
    for verb in verbs {
        call(&contract, &cast.owner, "grant", &[&cast.direct, verb, "t"]).unwrap();
    }
    (contract, cast)
}

#[test]
fn rule_2_renaming_needs_every_right_that_the_new_name_could_give() {
    let every = ["alter", "drop", "select", "insert", "update", "delete"];
    for missing in every {
        let verbs: Vec<&str> = every.into_iter().filter(|verb| *verb != missing).collect();
        let (contract, cast) = with_rights_on_t(&verbs);
        // The rows of t, under a name to which all is granted.
        let refusal = exec(&contract, &cast.direct, "ALTER TABLE t RENAME TO mine").unwrap_err();
        assert!(refusal.contains(&format!("'{missing}', 't'")), "{refusal}");
    }
    let (contract, cast) = with_rights_on_t(&every);
    exec(&contract, &cast.direct, "ALTER TABLE t RENAME TO mine").unwrap();
    exec(&contract, &cast.direct, "DELETE FROM mine").unwrap();
}

#[test]
fn rule_2_who_may_only_read_a_table_cannot_keep_its_rows_from_changing() {
    let (contract, cast) = with_rights_on_t(&["select"]);
    let child = "CREATE TABLE mine (id INTEGER REFERENCES t (id) ON DELETE RESTRICT)";
    let refusal = exec(&contract, &cast.direct, child).unwrap_err();
    assert!(refusal.contains("may not alter t"), "{refusal}");
    exec(&contract, &cast.direct, "CREATE TABLE mine (id INTEGER)").unwrap();
    let column = "ALTER TABLE mine ADD COLUMN t_id REFERENCES t (id)";
    assert!(exec(&contract, &cast.direct, column).is_err());
    call(&contract, &cast.owner, "grant", &[&cast.direct, "alter", "t"]).unwrap();
    exec(&contract, &cast.direct, column).unwrap();
}

#[test]
fn rule_2_stored_actions_are_those_of_who_stored_them() {
    let (contract, cast) = database();
    for sql in [
        "CREATE TABLE latest (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, note TEXT)",
        "CREATE TABLE child (id INTEGER REFERENCES latest (id) ON DELETE CASCADE)",
        "INSERT INTO latest (id) VALUES (1)",
        "INSERT INTO child (id) VALUES (1)",
    ] {
        exec(&contract, &cast.owner, sql).unwrap();
    }
    call(&contract, &cast.owner, "grant", &[&cast.stranger, "insert", "latest"]).unwrap();
    // The owner's table says that an insert replaces, and its child that rows go with their parent.
    exec(&contract, &cast.stranger, "INSERT INTO latest VALUES (1, 'new')").unwrap();
    assert_eq!((count(&contract, "latest"), count(&contract, "child")), (1.into(), 0.into()));
    // A statement's own REPLACE is the caller's delete.
    exec(&contract, &cast.stranger, "INSERT OR ABORT INTO latest VALUES (2, 'new')").unwrap();
    for sql in
        ["REPLACE INTO latest VALUES (2, 'x')", "INSERT OR REPLACE INTO latest VALUES (2, 'x')"]
    {
        let refusal = exec(&contract, &cast.stranger, sql).unwrap_err();
        assert!(refusal.contains("may not delete from latest"), "{refusal}");
    }
}

/// What an account with `insert` on `t` alone tries: other verbs, other tables, other spellings.
#[test]
fn rule_1_one_grant_opens_nothing_else() {
    let (contract, cast) = database();
    let long = "x".repeat(100_000);
    call(&contract, &cast.owner, "grant", &[&cast.direct, "insert", "t"]).unwrap();
    for sql in [
        "INSERT INTO t (id) VALUES (1) RETURNING id",
        "INSERT INTO t SELECT id, 'x' FROM u",
        "INSERT INTO t (id) VALUES ((SELECT max(id) FROM u))",
        "INSERT INTO t (id) VALUES (1) ON CONFLICT DO UPDATE SET note = 'x'",
        "INSERT OR REPLACE INTO t (id) VALUES (1)",
        "REPLACE INTO t (id) VALUES (1)",
        "WITH t AS (SELECT 1) INSERT INTO u SELECT * FROM t",
        "WITH u AS (SELECT 1) INSERT INTO u SELECT * FROM u",
        "UPDATE t SET note = 'x'",
        "UPDATE u AS t SET id = 1",
        "UPDATE t SET note = 'x' FROM u",
        "DELETE FROM t",
        "DELETE FROM u AS t",
        "INSERT INTO u AS t VALUES (1)",
        "INSERT INTO u VALUES (1)",
        "INSERT INTO\u{c}u VALUES (1)",
        "INSERT/* t */INTO u VALUES (1)",
        "INSERT INTO [u] VALUES (?)",
        "INSERT INTO \"u\"VALUES(1)",
        "INSERT INTO `u` VALUES (1); INSERT INTO t VALUES (1)",
        "INSERT INTO t VALUES (1, 'a'); DELETE FROM u",
        "INSERT INTO _dadbs_grants VALUES (1, 2, 3, 4)",
        "INSERT INTO _DADBS_grants VALUES (1, 2, 3, 4)",
        "INSERT INTO \"_dadbs_grants\" VALUES (1, 2, 3, 4)",
        "INSERT INTO \"_dadbs\"\"_grants\" VALUES (1)",
        "INSERT INTO _dadbs\u{17f}_grants VALUES (1)",
        "INSERT INTO _dadbs_grants\0 VALUES (1)",
        "INSERT INTO t\0; VALUES (1)",
        "INSERT INTO \u{ff54} VALUES (1)",
        "CREATE TABLE t2 (a)",
        "CREATE VIEW t2 AS SELECT * FROM _dadbs_grants",
        "CREATE INDEX i ON t (id)",
        "CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM u; END",
        "ALTER TABLE t RENAME TO t2",
        "ALTER TABLE u RENAME TO t2",
        "DROP TABLE t",
        "DROP TABLE IF EXISTS nothing",
        "SELECT 1 FROM u",
        "PRAGMA writable_schema = 1",
        "ATTACH 'x' AS y",
        &format!("INSERT INTO {long} VALUES (1)"),
    ] {
        let refusal = exec(&contract, &cast.direct, sql).unwrap_err();
        assert_eq!(count(&contract, "t"), 0.into(), "{sql}: {refusal}");
    }
    exec(&contract, &cast.direct, "INSERT INTO T (id) VALUES (1)").unwrap();
    exec(&contract, &cast.direct, "INSERT INTO [T] (id) VALUES (2)").unwrap();
}

#[test]
fn rule_3_roles_nest_eight_deep_and_never_in_a_circle() {
    let (contract, cast) = database();
    let owner = &cast.owner;
    let roles: Vec<String> = (1..=9).map(|n| format!("role_{n}")).collect();
    for role in &roles {
        call(&contract, owner, "create_role", &[role]).unwrap();
    }
    for pair in roles[..8].windows(2) {
        call(&contract, owner, "grant_role", &[&pair[1], &pair[0]]).unwrap();
    }
    let refusal = call(&contract, owner, "grant_role", &["role_1", "role_8"]).unwrap_err();
    assert!(refusal.contains("cannot form a circle"), "{refusal}");
    let refusal = call(&contract, owner, "grant_role", &["role_1", "role_1"]).unwrap_err();
    assert!(refusal.contains("cannot form a circle"), "{refusal}");
    let refusal = call(&contract, owner, "grant_role", &["role_9", "role_8"]).unwrap_err();
    assert!(refusal.contains("more than 8 deep"), "{refusal}");
    call(&contract, owner, "grant_role", &["role_1", &cast.nested]).unwrap();
    call(&contract, owner, "grant", &["role_8", "insert", "t"]).unwrap();
    assert_eq!(allowed(&contract, &cast.nested), ["insert"]);
    call(&contract, owner, "revoke_role", &["role_5", "role_4"]).unwrap();
    assert_eq!(allowed(&contract, &cast.nested), [""; 0]);
}

#[test]
fn rule_3_names_are_checked() {
    let (contract, cast) = database();
    let owner = &cast.owner;
    for name in
        ["", "public", "owner", "Upper", "1st", "a b", "dadbs1x", "_dadbs_x", &"x".repeat(64)]
    {
        let refusal = call(&contract, owner, "create_role", &[name]).unwrap_err();
        assert!(refusal.contains("cannot be a role"), "{refusal}");
    }
    call(&contract, owner, "create_role", &["staff"]).unwrap();
    let refusal = call(&contract, owner, "create_role", &["staff"]).unwrap_err();
    assert_eq!(refusal, "the role staff exists already");
    let mut misspelt = cast.direct.clone();
    misspelt.pop();
    let refusal = call(&contract, owner, "grant", &[&misspelt, "insert", "t"]).unwrap_err();
    assert!(refusal.contains("is not an address"), "{refusal}");
    let refusal = call(&contract, owner, "grant", &["nobody", "insert", "t"]).unwrap_err();
    assert!(refusal.starts_with("there is no role \"nobody\""), "{refusal}");
    let refusal = call(&contract, owner, "grant", &["staff", "truncate", "t"]).unwrap_err();
    assert!(refusal.starts_with("\"truncate\" is not a verb"), "{refusal}");
    let refusal = call(&contract, owner, "revoke", &["staff", "insert", "t"]).unwrap_err();
    assert!(refusal.contains("holds no grant of insert on t"), "{refusal}");
    let refusal = call(&contract, owner, "grant_role", &["staff", "public"]).unwrap_err();
    assert!(refusal.starts_with("there is no role \"public\""), "{refusal}");
}

#[test]
fn rule_4_only_the_owner_grants() {
    let (contract, cast) = database();
    call(&contract, &cast.owner, "grant", &[&cast.direct, "all", "*"]).unwrap();
    let direct = cast.direct.as_str();
    for (entry, arguments) in [
        ("grant", &[direct, "all", "*"][..]),
        ("revoke", &[direct, "all", "*"]),
        ("create_role", &["staff"]),
        ("drop_role", &["staff"]),
        ("grant_role", &["staff", direct]),
        ("revoke_role", &["staff", direct]),
        ("transfer_ownership", &[direct]),
    ] {
        let refusal = call(&contract, direct, entry, arguments).unwrap_err();
        let expected = format!("permission denied: {direct} may not call {entry}; only the owner");
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
}

#[test]
fn rule_5_the_contracts_own_tables_are_only_read() {
    let (contract, cast) = database();
    call(&contract, &cast.owner, "grant", &[&cast.direct, "all", "*"]).unwrap();
    for caller in [&cast.owner, &cast.direct] {
        for sql in [
            "INSERT INTO _dadbs_grants VALUES (?, 'all', '*', 'me')",
            "INSERT INTO \"_DADBS_roles\" (role) VALUES ('x')",
            "UPDATE [_dadbs_meta] SET value = 'me'",
            "DELETE FROM `_dadbs_members`",
            "WITH a AS (SELECT 1) DELETE FROM _dadbs_grants WHERE 1 IN (SELECT * FROM a)",
            "DROP TABLE _dadbs_grants",
            "CREATE TABLE _dadbs_new (a)",
            "CREATE TABLE child (a REFERENCES _dadbs_roles (role) ON DELETE RESTRICT)",
            "CREATE INDEX i ON _dadbs_grants (verb)",
            "CREATE VIEW v AS SELECT * FROM _dadbs_grants",
            "ALTER TABLE t RENAME TO _Dadbs_grants2",
            "ALTER TABLE _dadbs_grants RENAME COLUMN verb TO v",
        ] {
            let refusal = exec(&contract, caller, sql).unwrap_err();
            assert!(refusal.contains("belong to the database itself"), "{sql}: {refusal}");
        }
        assert!(exec(&contract, caller, "SELECT * FROM _dadbs_grants").is_ok());
        let mention = "INSERT OR REPLACE INTO t VALUES (1, 'see _dadbs_grants')";
        assert!(exec(&contract, caller, mention).is_ok());
    }
    let refusal = call(&contract, &cast.owner, "grant", &["public", "insert", "_DADBS_grants"]);
    assert!(refusal.unwrap_err().contains("only select can be granted"));
    assert_eq!(count(&contract, "_dadbs_grants"), Value::Integer(1));
}

#[test]
fn rule_6_query_answers_names_and_rows_to_everyone() {
    let (contract, cast) = database();
    exec(&contract, &cast.owner, "INSERT INTO t VALUES (1, 'a'), (2, NULL)").unwrap();
    let parameters = dadbs_types::value::encode_row(&[1.into()]);
    let sql = "SELECT id, note FROM t WHERE id >= ? ORDER BY id";
    let outcome = contract.view("view_query", &[sql.into(), Value::Blob(parameters)]).unwrap();
    let expected: Vec<Vec<Value>> = vec![
        vec!["id".into(), "note".into()],
        vec![1.into(), "a".into()],
        vec![2.into(), Value::Null],
    ];
    assert_eq!(outcome.rows, expected);
}

#[test]
fn rule_7_a_batch_is_all_or_nothing() {
    let (contract, cast) = database();
    let insert: Value = "INSERT INTO t VALUES (?, ?)".into();
    let good = Value::Blob(encode_rows(&[[1.into(), "a".into()], [2.into(), "b".into()]]));
    let bad = Value::Blob(encode_rows(&[[3.into(), "c".into()], [4.into(), "bad".into()]]));
    let batch = [insert.clone(), good.clone(), insert.clone(), bad.clone()];
    let refusal = text(contract.call(&cast.owner, "call_batch", &batch)).unwrap_err();
    assert!(refusal.starts_with("statement 2: a NOT NULL, UNIQUE, CHECK"), "{refusal}");
    assert!(refusal.contains("CHECK constraint failed"), "the host adds the details: {refusal}");
    assert_eq!(count(&contract, "t"), Value::Integer(0));
    text(contract.call(&cast.owner, "call_exec", &[insert.clone(), bad])).unwrap_err();
    assert_eq!(count(&contract, "t"), Value::Integer(0));
    let batch = [insert, good, "DELETE FROM t WHERE id = 1".into()];
    let outcome = contract.call(&cast.owner, "call_batch", &batch).unwrap();
    assert_eq!(outcome.rows, [[Value::Integer(2)], [Value::Integer(1)]]);
    assert_eq!(count(&contract, "t"), Value::Integer(1));
}

#[test]
fn rule_8_host_calls_are_few_and_gas_is_golden() {
    let (contract, cast) = database();
    call(&contract, &cast.owner, "grant", &[&cast.direct, "insert", "t"]).unwrap();
    let insert = |caller: &str, id: i64| {
        let row = Value::Blob(encode_rows(&[[id.into(), "a".repeat(80).as_str().into()]]));
        contract.call(caller, "call_exec", &["INSERT INTO t VALUES (?, ?)".into(), row]).unwrap()
    };
    let owner = insert(&cast.owner, 1);
    let grantee = insert(&cast.direct, 2);
    for outcome in [&owner, &grantee] {
        assert_eq!(outcome.rows, [[Value::Integer(1)]]);
        assert_eq!(outcome.host_calls, ["context", "sql_query", "sql_exec"]);
    }
    let other = exec(&contract, &cast.direct, "INSERT INTO t VALUES (3, 'x')").unwrap();
    assert_eq!(other.host_calls, ["context", "sql_query", "sql_inspect", "sql_exec"]);
    // The price of the call without the statement; it changes with the artifact and the schedule only.
    assert_eq!((owner.gas, grantee.gas), (48_345, 57_844));
    assert_eq!(insert(&cast.owner, 4).gas, owner.gas);
}

#[test]
fn exec_answers_changes_and_what_returning_gives() {
    let (contract, cast) = database();
    let rows = Value::Blob(encode_rows(&[[1.into(), "a".into()], [2.into(), "b".into()]]));
    let sql = "INSERT INTO t VALUES (?, ?) RETURNING id, note";
    let outcome = contract.call(&cast.owner, "call_exec", &[sql.into(), rows]).unwrap();
    let expected: Vec<Vec<Value>> = vec![
        vec![2.into()],
        vec!["id".into(), "note".into()],
        vec![1.into(), "a".into()],
        vec![2.into(), "b".into()],
    ];
    assert_eq!(outcome.rows, expected);
    let none = Value::Blob(encode_rows::<[Value; 0]>(&[]));
    let outcome = contract.call(&cast.owner, "call_exec", &["DELETE FROM t".into(), none]).unwrap();
    assert_eq!(outcome.rows, [[Value::Integer(0)]]);
    assert_eq!(count(&contract, "t"), Value::Integer(2));
}

#[test]
fn ownership_moves_and_nothing_is_kept() {
    let (contract, cast) = database();
    let refusal =
        call(&contract, &cast.owner, "transfer_ownership", &["dadbs1nobody"]).unwrap_err();
    assert!(refusal.contains("is not an address"), "{refusal}");
    let outcome = call(&contract, &cast.owner, "transfer_ownership", &[&cast.direct]).unwrap();
    assert_eq!(outcome.events, ["transfer_ownership"]);
    assert_eq!(
        contract.view("view_owner", &[]).unwrap().rows,
        [[Value::from(cast.direct.as_str())]]
    );
    assert_eq!(allowed(&contract, &cast.direct), EVERYTHING);
    assert_eq!(allowed(&contract, &cast.owner), [""; 0]);
}

#[test]
fn grants_and_roles_are_listed() {
    let (contract, cast) = database();
    let owner = cast.owner.as_str();
    for role in ["staff", "empty"] {
        call(&contract, owner, "create_role", &[role]).unwrap();
    }
    call(&contract, owner, "grant_role", &["staff", &cast.member]).unwrap();
    call(&contract, owner, "grant", &["staff", "Select", "Crs"]).unwrap();
    call(&contract, owner, "grant", &["public", "insert", "*"]).unwrap();
    // Granting again changes nothing.
    call(&contract, owner, "grant", &["public", "insert", "*"]).unwrap();
    let texts = |rows: &[&[&str]]| -> Vec<Vec<Value>> {
        rows.iter().map(|row| row.iter().map(|text| Value::from(*text)).collect()).collect()
    };
    let grants = contract.view("view_grants", &[]).unwrap().rows;
    let expected: [&[&str]; 3] = [
        &["grantee", "verb", "table", "granted_by"],
        &["public", "insert", "*", owner],
        &["staff", "select", "crs", owner],
    ];
    assert_eq!(grants, texts(&expected));
    let roles = contract.view("view_roles", &[]).unwrap().rows;
    assert_eq!(roles[0], texts(&[&["role", "member"]])[0]);
    assert_eq!(roles[1], [Value::from("empty"), Value::Null]);
    assert_eq!(roles[2], texts(&[&["staff", &cast.member]])[0]);
    let can = |who: &str| {
        contract.view("view_can", &[who.into(), "select".into(), "CRS".into()]).unwrap().rows
    };
    assert_eq!(can(&cast.member), [[Value::Integer(1)]]);
    assert_eq!(can(&cast.stranger), [[Value::Integer(0)]]);
}

#[test]
fn wrong_arguments_are_named() {
    let (contract, cast) = database();
    let refused = |entry: &str, arguments: &[Value]| {
        text(contract.call(&cast.owner, entry, arguments)).unwrap_err()
    };
    let sql: Value = "DELETE FROM t".into();
    assert_eq!(
        refused("call_exec", &[1.into()]),
        "argument 1 `sql` must be TEXT, not INTEGER; the arguments are (sql TEXT, rows BLOB NULL)"
    );
    assert_eq!(
        refused("call_exec", &[]),
        "argument 1 `sql` is missing, it must be TEXT; the arguments are (sql TEXT, rows BLOB NULL)"
    );
    assert_eq!(
        refused("call_exec", &[sql.clone(), Value::Null, 3.into()]),
        "3 arguments were given, 2 are taken; the arguments are (sql TEXT, rows BLOB NULL)"
    );
    assert_eq!(
        refused("call_grant", &["public".into(), Value::Null, "t".into()]),
        "argument 2 `verb` must be TEXT, not NULL; the arguments are (grantee TEXT, verb TEXT, table TEXT)"
    );
    let refusal = refused("call_batch", &[sql.clone(), Value::Null, Value::Null]);
    assert_eq!(refusal, "statement 2 must be a TEXT and then a BLOB of parameter rows or NULL");
    let rows = Value::Blob(encode_rows(&[[Value::Null]]));
    let refusal = refused("call_exec", &[sql.clone(), rows]);
    assert!(refusal.starts_with("the number of parameters does not fit"), "{refusal}");
    let malformed = contract.call(&cast.owner, "call_exec", &[sql, Value::Blob(vec![1, 2, 3])]);
    assert!(matches!(malformed, Err(Error::Rejected(r)) if r.code == Code::WasmHost));
    let contract = Contract::load(WASM).unwrap();
    let refusal = text(contract.call(&cast.owner, "init", &["me".into()])).unwrap_err();
    assert!(refusal.starts_with("\"me\" is not an address"), "{refusal}");
}

#[test]
fn the_artifact_describes_every_entry_point() {
    let info = dadbs_vm::validate(WASM).unwrap();
    let described: Vec<_> = info.description.iter().filter_map(Row::export).collect();
    for entry in &info.entries {
        assert!(described.contains(&entry.export()), "{entry:?}");
    }
    let exec = info.description.iter().find(|row| row.name == "exec").unwrap();
    assert_eq!(exec.fields, "sql TEXT, rows BLOB NULL");
    assert!(exec.doc.starts_with("Runs one statement"), "{}", exec.doc);
    let batch = info.description.iter().find(|row| row.name == "batch").unwrap();
    assert_eq!(batch.fields, "...");
    assert!(info.description.iter().all(|row| !row.doc.is_empty()));
    assert_eq!(dadbs_abi::MODULE, "dadbs_1", "the SDK's import module");
}
