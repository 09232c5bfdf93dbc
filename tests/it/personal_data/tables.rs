//! The list of tables agrees with the migrated schema and with the manual.

use std::{collections::BTreeSet, fmt::Write as _};

use store::{Effect, PERSONAL_TABLES, PersonalTable};

use crate::harness::App;

const MANUAL: &str = include_str!("../../../docs/privacy.md");

/// The tables of the schema, without partitions.
const TABLES: &str = "SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition";

async fn names(app: &App, sql: &str) -> BTreeSet<String> {
    let rows = app.rows().await.query(sql, &[]).await.expect("names");
    rows.iter().map(|row| row.get::<_, String>(0)).collect()
}

#[tokio::test]
async fn every_table_of_the_schema_is_in_the_list() {
    let schema = names(&App::start(), TABLES).await;
    let listed: BTreeSet<_> = PERSONAL_TABLES.iter().map(|table| table.name.to_owned()).collect();
    assert_eq!(schema.difference(&listed).collect::<Vec<_>>(), Vec::<&String>::new(), "add them to the list");
    assert_eq!(listed.difference(&schema).collect::<Vec<_>>(), Vec::<&String>::new(), "they do not exist");
    assert_eq!(listed.len(), PERSONAL_TABLES.len(), "a table is in the list twice");
}

#[tokio::test]
async fn every_column_of_the_schema_is_exported_or_withheld_for_a_reason() {
    let app = App::start();
    for table in PERSONAL_TABLES {
        let sql = format!(
            "SELECT column_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = '{}'",
            table.name
        );
        let (schema, listed): (_, Vec<_>) =
            (names(&app, &sql).await, table.columns().map(str::to_owned).collect());
        assert_eq!(schema, listed.iter().cloned().collect(), "the columns of {}", table.name);
        assert_eq!(schema.len(), listed.len(), "a column of {} is in the list twice", table.name);
    }
}

fn erased(table: &PersonalTable) -> String {
    match table.effect {
        Effect::Deleted => "deleted".to_owned(),
        Effect::DeletedLast => "emptied at the beginning, deleted at the end".to_owned(),
        Effect::Emptied(what) => format!("emptied: {what}"),
        Effect::AsSet => "as `ERASURE_MESSAGES` says".to_owned(),
        Effect::Sealed => {
            "sealed: the key of the person is destroyed; the entry stays until its retention ends".to_owned()
        }
        Effect::Kept(why) => format!("kept: {why}"),
    }
}

/// The table of the manual.
fn manual() -> String {
    let mut text = "| table | holds | export | erasure |\n|---|---|---|---|\n".to_owned();
    for table in PERSONAL_TABLES {
        let exported = match table.member {
            Some(member) => format!("`{member}`"),
            None => format!("no: {}", table.withheld.first().map_or("", |withheld| withheld.why)),
        };
        let PersonalTable { name, holds, .. } = table;
        writeln!(text, "| `{name}` | {holds} | {exported} | {} |", erased(table)).expect("a string");
    }
    text
}

#[test]
fn the_manual_has_the_list() {
    assert!(MANUAL.contains(&manual()), "docs/privacy.md must have this table:\n{}", manual());
}
