//! The export of everything that the tables hold about a person, as one JSON document that is made piece by piece.
//!
//! Called by `account`, `operators` and the command line, which have checked the permission and recorded the export. Only one
//! page of rows is in memory at a time.

use std::{sync::Arc, vec};

use protocol::id::UserId;
use serde_json::{Value, json};
use store::{ExportedTable, LOG_MEMBER, LogFilter, Store, exported_tables};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::stream_permission::StreamPermission;
use crate::{
    audit_log::{log::AuditLog, reading::ReadEntry},
    core::failure::Failure,
};

/// The version of the document: a changed meaning of a member raises it.
const FORMAT: u32 = 1;
/// Entries of the audit log that are read at once.
const LOG_PAGE: u32 = 500;

/// A document that is being made.
pub struct PersonExport {
    store: Store,
    log: Arc<AuditLog>,
    user: UserId,
    tables: vec::IntoIter<ExportedTable>,
    next: Next,
    /// `None` for the command line, which has no session.
    permission: Option<StreamPermission>,
}

/// What the next piece is.
enum Next {
    /// The beginning of the document.
    Head(OffsetDateTime),
    /// A page of a table, after this position. `first` says that the member has no row yet.
    Page { table: ExportedTable, after: Option<Vec<String>>, first: bool },
    /// The next table, or the audit log after the last one.
    Table,
    /// Entries of the audit log from this number on. `first` says that the member has no entry yet.
    Log { from: u64, first: bool },
    /// The end of the document.
    Tail,
    /// Nothing.
    End,
}

impl PersonExport {
    pub(crate) fn new(
        store: Store,
        log: Arc<AuditLog>,
        user: UserId,
        now: OffsetDateTime,
        permission: Option<StreamPermission>,
    ) -> Self {
        let tables = exported_tables().collect::<Vec<_>>().into_iter();
        Self { store, log, user, tables, next: Next::Head(now), permission }
    }

    /// The next piece of the document; `None` after the last. The last piece has the member `complete`: a document without it was
    /// cut off.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; `Invalid` or `Forbidden` if the caller is no longer permitted to read. Then
    /// the document has ended without its last piece.
    pub async fn next(&mut self) -> Result<Option<String>, Failure> {
        match self.permission.clone() {
            Some(permission) => permission.permit(self.piece()).await,
            None => self.piece().await,
        }
    }

    async fn piece(&mut self) -> Result<Option<String>, Failure> {
        match std::mem::replace(&mut self.next, Next::End) {
            Next::Head(now) => {
                self.next = Next::Table;
                let at = now.format(&Rfc3339).unwrap_or_default();
                let head = json!({"format": FORMAT, "exported_at": at, "user": self.user}).to_string();
                Ok(Some(head.trim_end_matches('}').to_owned()))
            }
            Next::Table => match self.tables.next() {
                Some(table) => {
                    self.next = Next::Page { table, after: None, first: true };
                    Ok(Some(format!(",\n\"{}\":[", table.member())))
                }
                None => {
                    self.next = Next::Log { from: 0, first: true };
                    Ok(Some(format!(",\n\"{LOG_MEMBER}\":[")))
                }
            },
            Next::Log { from, first } => self.log_page(from, first).await.map(Some),
            Next::Tail => Ok(Some(",\n\"complete\":true}\n".to_owned())),
            Next::Page { table, after, first } => self.page(table, after, first).await.map(Some),
            Next::End => Ok(None),
        }
    }

    async fn page(
        &mut self,
        table: ExportedTable,
        after: Option<Vec<String>>,
        first: bool,
    ) -> Result<String, Failure> {
        let page = self.store.export_page(table, self.user, after).await?;
        let mut piece = String::new();
        for (number, row) in page.rows.iter().enumerate() {
            piece.push_str(if first && number == 0 { "\n" } else { ",\n" });
            piece.push_str(row);
        }
        self.next = match page.next {
            after @ Some(_) => Next::Page { table, after, first: false },
            None => {
                piece.push(']');
                Next::Table
            }
        };
        Ok(piece)
    }

    async fn log_page(&mut self, from: u64, first: bool) -> Result<String, Failure> {
        let filter = LogFilter { from: Some(from), user: Some(self.user.0), ..LogFilter::default() };
        let entries = self.log.read(filter, false, LOG_PAGE).await?;
        let mut piece = String::new();
        for (number, entry) in entries.iter().enumerate() {
            piece.push_str(if first && number == 0 { "\n" } else { ",\n" });
            piece.push_str(&logged(entry, self.user));
        }
        let full = entries.len() >= LOG_PAGE as usize;
        self.next = match entries.last().filter(|_| full) {
            Some(last) => Next::Log { from: last.entry.index + 1, first: false },
            None => {
                piece.push(']');
                Next::Tail
            }
        };
        Ok(piece)
    }
}

/// An entry of the audit log. The address, and the session that has requested the act, are those of the actor. Those of an operator
/// are data of another person.
fn logged(read: &ReadEntry, user: UserId) -> String {
    let (entry, fields) = (&read.entry, &read.fields);
    let own = entry.actor.is_none_or(|actor| actor == user.0);
    let mut detail = fields.detail.clone();
    if !own {
        detail.remove("by_session");
        detail.remove("client_certificate");
    }
    json!({
        "number": entry.index,
        "at": entry.at.format(&Rfc3339).unwrap_or_default(),
        "event": entry.event,
        "outcome": entry.outcome,
        "session_id": entry.session,
        "address": fields.address.as_deref().filter(|_| own),
        "detail": Value::Object(detail),
    })
    .to_string()
}
