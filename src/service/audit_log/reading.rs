//! Entries with their personal fields, for people that may read them.

use domain::transparency_log::{entry::Entry, personal::OpenedFields};
use serde_json::{Map, Value};
use store::{LogFilter, LoggedEntry};

use super::{error::AuditLogError, log::AuditLog};

/// An entry with its personal fields.
#[derive(Clone, Debug)]
pub struct ReadEntry {
    /// The entry as it is in the log.
    pub entry: Entry,
    /// Its fields before they were sealed.
    pub fields: OpenedFields,
}

impl ReadEntry {
    /// The entry with its personal fields in the clear, as one line of JSON.
    #[must_use]
    pub fn readable(&self) -> String {
        Value::Object(self.in_the_clear()).to_string()
    }

    /// The fields of the entry with the personal fields in the clear. `erased` says that a key is destroyed.
    #[must_use]
    pub fn in_the_clear(&self) -> Map<String, Value> {
        let mut line: Map<String, Value> = serde_json::from_slice(&self.entry.encoded()).unwrap_or_default();
        line.remove("facts");
        line.insert("address".to_owned(), self.fields.address.clone().into());
        if let Some(request) = &self.fields.request {
            line.insert("request".to_owned(), request.as_str().into());
        }
        line.insert("subject".to_owned(), self.fields.subject.clone().into());
        line.insert("detail".to_owned(), Value::Object(self.fields.detail.clone()));
        line.insert("erased".to_owned(), self.fields.erased.into());
        line
    }
}

impl AuditLog {
    /// At most `limit` entries with their personal fields. Events that are still in the inbox are not among them.
    ///
    /// # Errors
    /// See [`AuditLogError`].
    pub async fn read(
        &self,
        filter: LogFilter,
        newest_first: bool,
        limit: u32,
    ) -> Result<Vec<ReadEntry>, AuditLogError> {
        self.opened(self.store.audit_entries(filter, newest_first, limit).await?).await
    }

    /// These entries with their personal fields.
    ///
    /// # Errors
    /// See [`AuditLogError`].
    pub async fn opened(&self, entries: Vec<LoggedEntry>) -> Result<Vec<ReadEntry>, AuditLogError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let sealed = |entry: &Entry| [entry.address.clone(), entry.facts.clone()];
        let ids = entries.iter().flat_map(|logged| sealed(&logged.entry)).flatten().map(|fields| fields.key);
        let wrapped = self.store.audit_personal_keys(ids.collect()).await?;
        let personal = std::sync::Arc::clone(&self.keys(false).await?.personal);
        let opened = entries.into_iter().map(|logged| {
            let fields = personal.open(&logged.entry, &wrapped);
            ReadEntry { entry: logged.entry, fields }
        });
        Ok(opened.collect())
    }

    /// At most `limit` entries as they are in the log, from number `from` on: the canonical encodings, one per line of an
    /// export.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn encoded(&self, filter: LogFilter, limit: u32) -> Result<Vec<(u64, Vec<u8>)>, AuditLogError> {
        let entries = self.store.audit_entries(filter, false, limit).await?;
        Ok(entries.into_iter().map(|logged| (logged.entry.index, logged.entry.encoded())).collect())
    }

    /// The number of entries.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn size(&self) -> Result<u64, AuditLogError> {
        Ok(self.store.audit_log_head().await?.size())
    }
}
