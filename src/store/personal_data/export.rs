//! The export of a person: pages of rows as JSON, table by table.
//!
//! Called by `service::access::person_export`. A page has a limited number of rows. So neither this server nor the database
//! holds all rows of a person at once, and the connection is free between two pages.

use protocol::id::UserId;
use tokio_postgres::types::ToSql;

use super::{
    table::{Exported, PersonalTable},
    tables::TABLES,
};
use crate::{error::StoreError, pool::Store};

/// A table of the export.
#[derive(Clone, Copy, Debug)]
pub struct ExportedTable(&'static PersonalTable);

impl ExportedTable {
    /// The member of the document.
    #[must_use]
    pub fn member(&self) -> &'static str {
        self.0.member.unwrap_or_default()
    }
}

/// The tables of the export, in their order. The audit log is not among them, because the service reads it itself.
pub fn exported_tables() -> impl Iterator<Item = ExportedTable> {
    TABLES.iter().filter(|table| table.member.is_some() && !table.order.is_empty()).map(ExportedTable)
}

/// Some rows of a table.
#[derive(Clone, Debug, Default)]
pub struct ExportPage {
    /// The rows, each a JSON object.
    pub rows: Vec<String>,
    /// The position of the next page; `None` after the last page.
    pub next: Option<Vec<String>>,
}

impl Store {
    /// The rows of a person after this position, which an earlier page has returned.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn export_page(
        &self,
        table: ExportedTable,
        user: UserId,
        after: Option<Vec<String>>,
    ) -> Result<ExportPage, StoreError> {
        let (sql, page) = (statement(table.0, after.is_some()), table.0.page);
        self.run(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&user.0, &page];
                let after = after.unwrap_or_default();
                parameters.extend(after.iter().map(|text| text as &(dyn ToSql + Sync)));
                let rows = client.query(&statement, &parameters).await?;
                let full = i64::try_from(rows.len()).is_ok_and(|count| count >= page);
                let next = match rows.last() {
                    Some(last) if full => Some(last.try_get(1)?),
                    _ => None,
                };
                let rows = rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<_, StoreError>>()?;
                Ok(ExportPage { rows, next })
            })
        })
        .await
    }
}

/// The statement of a page. `$1` is the account and `$2` the number of rows. `$3` and the following parameters are the position
/// before the page, as text.
fn statement(table: &PersonalTable, later: bool) -> String {
    let exported: Vec<_> = table.exported.iter().map(exported).collect();
    let order: Vec<_> = table.order.iter().map(|(column, _)| format!("t.{column}")).collect();
    let position: Vec<_> = order.iter().map(|column| format!("{column}::text")).collect();
    let after: Vec<_> =
        table.order.iter().zip(3..).map(|((_, kind), number)| format!("${number}::text::{kind}")).collect();
    let order = order.join(", ");
    let after = if later { format!(" AND ({order}) > ({})", after.join(", ")) } else { String::new() };
    format!(
        "SELECT (SELECT row_to_json(exported)::text FROM (SELECT {}) exported), ARRAY[{}]
         FROM {} t WHERE {}{after} ORDER BY {order} LIMIT $2",
        exported.join(", "),
        position.join(", "),
        table.name,
        table.of_person
    )
}

fn exported(exported: &Exported) -> String {
    let Exported { column, value } = exported;
    if value.is_empty() { format!("t.{column}") } else { format!("{value} AS {column}") }
}
