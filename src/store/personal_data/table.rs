//! The types of the list of tables.

/// A table of the schema, and what an export and an erasure do with it. The partitions of a table count as the table.
#[derive(Debug)]
pub struct PersonalTable {
    /// The name of the table.
    pub name: &'static str,
    /// What the table holds, for the manual.
    pub holds: &'static str,
    /// The condition of the rows of one person: SQL about the row `t`, with the number of the account as `$1`. Empty if the
    /// table holds nothing about persons.
    pub(super) of_person: &'static str,
    /// The columns that order the rows of a person, with their types. An index begins with the column of `of_person` and these
    /// columns.
    pub(super) order: &'static [(&'static str, &'static str)],
    /// The member of the exported document; `None` if the table is not exported.
    pub member: Option<&'static str>,
    /// The number of rows that an export reads at once.
    pub(super) page: i64,
    /// The columns that are exported.
    pub exported: &'static [Exported],
    /// All other columns, and why they are not exported.
    pub withheld: &'static [Withheld],
    /// What an erasure does.
    pub effect: Effect,
}

/// A column that is exported.
#[derive(Clone, Copy, Debug)]
pub struct Exported {
    /// The column, which is also the name in the document.
    pub column: &'static str,
    /// The exported value, if it is not the column itself: SQL about the row `t`.
    pub(super) value: &'static str,
}

/// Columns that are not exported.
#[derive(Clone, Copy, Debug)]
pub struct Withheld {
    /// The columns.
    pub columns: &'static [&'static str],
    /// Why they are not exported.
    pub why: &'static str,
}

/// What an erasure does with the rows of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The rows are deleted.
    Deleted,
    /// The row of the account is emptied when the erasure begins, and deleted when it ends.
    DeletedLast,
    /// The rows stay, and personal columns are emptied; the text says which.
    Emptied(&'static str),
    /// The setting `ERASURE_MESSAGES` decides.
    AsSet,
    /// The rows stay, and the key of the person that seals their personal columns is destroyed.
    Sealed,
    /// The rows stay; the text says why.
    Kept(&'static str),
}

impl PersonalTable {
    /// Every column that the list mentions.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        let withheld = self.withheld.iter().flat_map(|withheld| withheld.columns.iter().copied());
        self.exported.iter().map(|exported| exported.column).chain(withheld)
    }
}

/// Exports a column as it is.
pub(super) const fn column(column: &'static str) -> Exported {
    Exported { column, value: "" }
}

/// Exports a value in place of a column.
pub(super) const fn value(column: &'static str, value: &'static str) -> Exported {
    Exported { column, value }
}

/// Columns that are not exported.
pub(super) const fn withheld(why: &'static str, columns: &'static [&'static str]) -> Withheld {
    Withheld { columns, why }
}

/// Rows that an export reads at once.
pub(super) const PAGE: i64 = 500;

/// A table without rows about persons.
pub(super) const fn impersonal(
    name: &'static str,
    holds: &'static str,
    columns: &'static [Withheld],
    why: &'static str,
) -> PersonalTable {
    PersonalTable {
        name,
        holds,
        of_person: "",
        order: &[],
        member: None,
        page: PAGE,
        exported: &[],
        withheld: columns,
        effect: Effect::Kept(why),
    }
}
