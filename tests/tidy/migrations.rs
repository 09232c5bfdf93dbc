//! Migrations during a rolling upgrade: an older server must be able to read while a migration runs.
//!
//! A change of a table locks readers out until the migration is committed. So such a change comes after everything that takes
//! long, for example after the indexes.

use std::fs;

use super::workspace::root;

/// The first version for which the rule holds. Earlier migrations are released and stay as they are.
const SINCE: u32 = 18;

/// Statements that are not `ALTER TABLE` and come after one.
pub(crate) fn early_locks() -> Vec<String> {
    let folder = fs::read_dir(root().join("migrations")).expect("the migrations");
    let mut wrong = Vec::new();
    for file in folder {
        let path = file.expect("a file").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let version = name.strip_prefix('V').and_then(|rest| rest.split_once("__")?.0.parse::<u32>().ok());
        if version.is_some_and(|version| version >= SINCE) {
            let text = fs::read_to_string(&path).expect("a migration");
            wrong.extend(early(&text).map(|statement| format!("migrations/{name}: {statement}")));
        }
    }
    wrong.sort();
    wrong
}

/// The first statement of this migration that comes after a change of a table and is none.
fn early(text: &str) -> Option<String> {
    let code: Vec<&str> =
        text.lines().map(|line| line.split("--").next().unwrap_or_default().trim()).collect();
    let code = code.join(" ");
    let mut statements = code.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    statements.find(|statement| changes_a_table(statement))?;
    statements.find(|statement| !changes_a_table(statement)).map(|late| late.chars().take(60).collect())
}

fn changes_a_table(statement: &str) -> bool {
    statement.starts_with("ALTER TABLE")
}
