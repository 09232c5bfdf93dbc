//! Which tables and columns the source (the database of the older authentication system) has, and which of them the import
//! understands.

use std::collections::{BTreeMap, BTreeSet};

use domain::import::columns::{Kind, Names, left_out};
use store::SourceTable;

use super::error::ImportError;

/// The table with the migrations of this program. The older system has no such table.
const OWN_MIGRATIONS: &str = "refinery_schema_history";

/// The tables of the source.
pub(super) struct Layout {
    /// The tables that are read.
    pub(super) tables: BTreeMap<Kind, ReadTable>,
    /// Columns of these tables that are not understood, as `table.column`.
    pub(super) unknown_columns: Vec<String>,
    /// The names of tables that are not understood.
    pub(super) unknown_tables: Vec<String>,
    /// The names of tables that are left out on purpose, and why.
    pub(super) left_out: Vec<(String, &'static str)>,
}

/// A table that is read.
pub(super) struct ReadTable {
    /// Its name.
    pub(super) name: &'static str,
    /// The column that orders its rows.
    pub(super) order: &'static str,
    pub(super) table: SourceTable,
}

/// The column with the id of an account.
pub(super) const ID: &str = "id";
/// The column with the id of the row's account.
pub(super) const OWNER: &str = "user_id";

impl Layout {
    /// The tables of the source, without the tables and columns that `leave_out` names. A column is named as `table.column`.
    ///
    /// # Errors
    /// `Refused` for any of these: there is no table of accounts, or more than one table of a kind; a needed column is missing;
    /// a name in `leave_out` is neither a table nor a column of the source; the source is a database of this server.
    pub(super) fn of(tables: Vec<SourceTable>, leave_out: &[String]) -> Result<Self, ImportError> {
        if tables.iter().any(|table| table.name == OWN_MIGRATIONS) {
            return Err(ImportError::Refused(
                "the database of --from is one of Portcullis, not of the older system".to_owned(),
            ));
        }
        let mut layout = Self {
            tables: BTreeMap::new(),
            unknown_columns: Vec::new(),
            unknown_tables: Vec::new(),
            left_out: Vec::new(),
        };
        let tables = without(tables, leave_out)?;
        let mut missing = Vec::new();
        for kind in Kind::ALL {
            let found = kind.tables().iter().filter_map(|name| {
                let table = tables.iter().find(|table| table.name == *name)?;
                Some((*name, table.clone()))
            });
            let mut found: Vec<_> = found.collect();
            if found.len() > 1 {
                let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
                return Err(ImportError::Refused(format!(
                    "the database of --from has several tables of one kind: `{}`. Leave out the tables that are not to be imported: --leave-out TABLE",
                    names.join("`, `")
                )));
            }
            let Some((name, table)) = found.pop() else { continue };
            if !table.readable {
                return Err(ImportError::Refused(format!(
                    "the role of --from may not read the table `{name}`: grant SELECT, or name the table with --leave-out"
                )));
            }
            missing.extend(missing_columns(kind, &table));
            let unknown = table.columns.iter().filter(|column| !kind.understands(&column.name));
            layout.unknown_columns.extend(unknown.map(|column| format!("{name}.{}", column.name)));
            layout.tables.insert(kind, ReadTable { name, order: order(&table), table });
        }
        if !layout.tables.contains_key(&Kind::User) {
            missing.push(format!("the table `{}`", Kind::User.tables()[0]));
        }
        if !missing.is_empty() {
            return Err(ImportError::Refused(format!(
                "the database of --from is not one of the older system; it has not {}",
                missing.join(", ")
            )));
        }
        for table in tables {
            if layout.tables.values().any(|read| read.name == table.name) {
                continue;
            }
            match left_out(&table.name) {
                Some(why) if table.readable => layout.left_out.push((table.name, why)),
                Some(_) => {}
                None if table.readable => layout.unknown_tables.push(table.name),
                None => {}
            }
        }
        Ok(layout)
    }

    /// # Errors
    /// `Refused` if there are columns that are not understood: such a column may bar accounts or restrict a factor.
    pub(super) fn check_columns(&self) -> Result<(), ImportError> {
        if self.unknown_columns.is_empty() {
            return Ok(());
        }
        Err(ImportError::Refused(format!(
            "these columns of the database of --from are not understood: {}. If a column does not restrict an account, leave it \
             out with --leave-out TABLE.COLUMN",
            self.unknown_columns.join(", ")
        )))
    }
}

/// The tables and columns that are not left out.
///
/// # Errors
/// `Refused` if a name is neither a table nor a column, or if the import understands the column.
fn without(mut tables: Vec<SourceTable>, leave_out: &[String]) -> Result<Vec<SourceTable>, ImportError> {
    let mut names: BTreeSet<&str> = leave_out.iter().map(String::as_str).collect();
    tables.retain(|table| !names.remove(table.name.as_str()));
    for table in &mut tables {
        let SourceTable { name, columns, .. } = table;
        let kind = Kind::ALL.into_iter().find(|kind| kind.tables().contains(&name.as_str()));
        let read = columns.iter().filter(|column| kind.is_some_and(|kind| kind.understands(&column.name)));
        let mut read = read.map(|column| format!("{name}.{}", column.name));
        if let Some(read) = read.find(|read| names.contains(read.as_str())) {
            return Err(ImportError::Refused(format!(
                "--leave-out {read}: the import understands this column and reads it"
            )));
        }
        columns.retain(|column| !names.remove(format!("{name}.{}", column.name).as_str()));
    }
    match names.first() {
        Some(name) => {
            Err(ImportError::Refused(format!("--leave-out: the database of --from has no `{name}`")))
        }
        None => Ok(tables),
    }
}

fn missing_columns(kind: Kind, table: &SourceTable) -> Vec<String> {
    let lacks = |names: &&Names| names.iter().all(|name| table.column(name).is_none());
    let missing = kind.required().iter().filter(lacks);
    missing.map(|names| format!("the column `{}.{}`", table.name, names.join("` or `"))).collect()
}

/// The column that orders the rows of a table: `id`, or `user_id` if the table has no `id`.
fn order(table: &SourceTable) -> &'static str {
    if table.column("id").is_some() { "id" } else { OWNER }
}

#[cfg(test)]
mod tests {
    use store::SourceColumn;

    use super::*;

    fn table(name: &str, columns: &[&str]) -> SourceTable {
        let column = |name: &&str| SourceColumn { name: (*name).to_owned(), is_number: false };
        SourceTable { name: name.to_owned(), columns: columns.iter().map(column).collect(), readable: true }
    }

    fn refusal(tables: Vec<SourceTable>) -> String {
        match Layout::of(tables, &[]) {
            Err(ImportError::Refused(text)) => text,
            _ => String::new(),
        }
    }

    fn layout_without(tables: Vec<SourceTable>, names: &[&str]) -> Result<Layout, ImportError> {
        Layout::of(tables, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_refusal_of_a_source_says_what_is_wrong_with_it() {
        assert!(refusal(vec![]).contains("the table `users`"));
        let text = refusal(vec![table("users", &["id"]), table("passkeys", &["id", "user_id"])]);
        for part in
            ["`users.email`", "`users.password_hash` or `hashed_password`", "`passkeys.credential_id`"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(refusal(vec![table("refinery_schema_history", &["version"])]).contains("Portcullis"));
    }

    #[test]
    fn columns_and_tables_that_are_not_read_are_named() {
        let users = table("users", &["id", "email", "hashed_password", "shoe_size"]);
        let others = [table("alembic_version", &["version_num"]), table("invoices", &["id"])];
        let Ok(layout) = Layout::of([vec![users], others.to_vec()].concat(), &[]) else { panic!("refused") };
        assert_eq!(layout.unknown_columns, ["users.shoe_size"]);
        assert!(layout.check_columns().is_err());
        assert_eq!(layout.unknown_tables, ["invoices"]);
        assert_eq!(layout.left_out.len(), 1);
    }

    #[test]
    fn two_tables_of_one_kind_are_refused_until_one_is_left_out() {
        let users = table("users", &["id", "email", "password"]);
        let tables =
            || vec![users.clone(), table("devices", &["user_id"]), table("user_devices", &["user_id"])];
        let text = refusal(tables());
        assert!(text.contains("`user_devices`, `devices`"), "{text}");
        let Ok(layout) = layout_without(tables(), &["devices"]) else { panic!("refused") };
        assert_eq!(layout.tables[&Kind::Device].name, "user_devices");
    }

    #[test]
    fn a_column_that_is_left_out_is_not_unknown() {
        let tables = || vec![table("users", &["id", "email", "password", "shoe_size"])];
        let Ok(layout) = layout_without(tables(), &["users.shoe_size"]) else { panic!("refused") };
        assert!(layout.unknown_columns.is_empty() && layout.check_columns().is_ok());
        let Err(ImportError::Refused(text)) = layout_without(tables(), &["users.shoesize"]) else {
            panic!("a wrong name was accepted")
        };
        assert!(text.contains("no `users.shoesize`"), "{text}");
    }

    #[test]
    fn a_column_that_the_import_understands_cannot_be_left_out() {
        let tables = vec![table("users", &["id", "email", "password", "is_superuser"])];
        let Err(ImportError::Refused(text)) = layout_without(tables, &["users.is_superuser"]) else {
            panic!("taken")
        };
        assert!(text.contains("understands this column"), "{text}");
    }

    #[test]
    fn a_table_of_factors_that_may_not_be_read_is_refused() {
        let hidden =
            SourceTable { readable: false, ..table("passkeys", &["user_id", "credential_id", "public_key"]) };
        let text = refusal(vec![table("users", &["id", "email", "password"]), hidden]);
        assert!(text.contains("may not read the table `passkeys`"), "{text}");
    }
}
