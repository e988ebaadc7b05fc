//! A real schema: the coordinate system database of PROJ (Debian package `proj-data`).

mod twin;

use dadbs_sql::user_text;
use dadbs_types::Code;
use rusqlite::{Connection, OpenFlags};
use twin::{Outcome, Twins};

const DATABASE: &str = "/usr/share/proj/proj.db";

fn stored(connection: &Connection, name: &str) -> String {
    connection
        .query_row("SELECT sql FROM main.sqlite_schema WHERE name = ?1", [name], |row| row.get(0))
        .unwrap()
}

#[test]
#[ignore = "slow: needs /usr/share/proj/proj.db of the package proj-data"]
fn every_object_of_proj_is_kept_or_refused_by_name() {
    let source = twin::unmetered(
        Connection::open_with_flags(DATABASE, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap(),
    );
    let objects: Vec<(String, String, String)> = source
        .prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let twins = Twins::new();
    let (mut kept, mut triggers, mut statistics) = (0, 0, 0);
    for (kind, name, text) in &objects {
        match twins.run(text, &[]) {
            Ok((plain, physical)) => {
                assert!(matches!(plain, Outcome::Rows(..)), "{name}: {plain:?}");
                assert_eq!(plain, physical, "{name}");
                kept += 1;
                // The stored text, with the user's names, is the same object again.
                let back =
                    user_text(&stored(&twins.physical, &format!("d3_{name}")), &twins.namespace);
                let first = twins.prepare(text).unwrap();
                let again = twins.prepare(&back).unwrap();
                assert_eq!(first.physical, again.physical, "{name}");
                assert!(!back.contains("d3_"), "{name}: {back}");
            }
            Err(rejection) if kind == "trigger" => {
                assert!(
                    matches!(rejection.code, Code::SqlRefused | Code::SqlTooLarge),
                    "{rejection}"
                );
                triggers += 1;
            }
            Err(rejection) => {
                assert!(name.starts_with("sqlite_"), "{name}: {rejection}");
                statistics += 1;
            }
        }
    }
    assert_eq!(kept + triggers + statistics, objects.len());
    assert!(kept >= 50 && triggers >= 30, "{kept} kept, {triggers} triggers, {statistics} others");
    for (kind, name, _) in &objects {
        if kind == "view" {
            let (plain, physical) = twins.run(&format!("SELECT * FROM {name}"), &[]).unwrap();
            assert_eq!(plain, physical, "{name}");
        }
    }
}
