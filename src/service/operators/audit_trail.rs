//! The audit log for auditors and admins: entries, exports, and proofs. Every read is recorded.

use std::{sync::Arc, time::Duration};

use domain::account::role::Scope;
use protocol::{audit::AuditEvent, id::UserId};
use store::LogFilter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    authority::{Authority, Right},
    read_filters::with_filters,
};
use crate::{
    access::{
        session_changes::SessionWatch,
        stream_permission::{StreamPermission, StreamPermissions},
    },
    audit_log::{
        log::AuditLog,
        proofs::{ConsistencyProof, EntryName, InclusionProof},
        reading::ReadEntry,
    },
    core::{
        audit::AuditTrail,
        caller::Caller,
        cursor::read_id,
        failure::Failure,
        page::{Page, PageRequest},
        request_meta::RequestMeta,
    },
};

/// The entries that a follower or an export gets at once.
const PAGE: u32 = 500;
/// The most exports and followers of a node at once. Each reads the database again and again.
const STREAMS: usize = 16;

/// The form of exported entries.
#[derive(Clone, Debug)]
pub enum ExportForm {
    /// As they are in the log: the leaves of the tree. Personal fields are sealed.
    Leaves,
    /// With the personal fields in the clear.
    Readable {
        /// Why. It is recorded.
        reason: String,
    },
}

/// Reads and proves the audit log.
pub struct AuditReader {
    authority: Authority,
    audit: AuditTrail,
    log: Arc<AuditLog>,
    permissions: StreamPermissions,
    streams: Arc<Semaphore>,
}

/// The permission to read entries one page after the other: an export, or a follower.
pub struct EntryStream {
    log: Arc<AuditLog>,
    filter: LogFilter,
    permission: StreamPermission,
    watch: SessionWatch,
    _place: OwnedSemaphorePermit,
}

impl AuditReader {
    pub(crate) fn new(
        authority: Authority,
        audit: AuditTrail,
        log: Arc<AuditLog>,
        permissions: StreamPermissions,
    ) -> Self {
        Self { authority, audit, log, permissions, streams: Arc::new(Semaphore::new(STREAMS)) }
    }

    /// A page of entries, the newest first.
    ///
    /// # Errors
    /// `Forbidden`, `TooMany`, `BadRequest` for a wrong cursor, `Unavailable`.
    pub async fn entries(
        &self,
        caller: &Caller,
        filter: LogFilter,
        page: &PageRequest,
        meta: &RequestMeta,
    ) -> Result<Page<ReadEntry>, Failure> {
        self.permit(caller, "audit.searched", &filter, meta).await?;
        let before = page.after(read_id)?.or(filter.before);
        let entries = self.log.read(LogFilter { before, ..filter }, true, page.one_more()).await?;
        Ok(page.page(entries, |last| last.entry.index.to_string()))
    }

    /// Permits an export of the entries that fit. An export with readable personal fields gives away the data of many persons
    /// at once. So it needs a recent proof of presence, as a change does.
    ///
    /// # Errors
    /// `Forbidden`, `TooMany`, `Unavailable`, also if this node has too many exports and followers; `StepUpRequired` for a
    /// readable export without privilege.
    pub async fn export(
        &self,
        caller: &Caller,
        filter: LogFilter,
        form: ExportForm,
        meta: &RequestMeta,
    ) -> Result<EntryStream, Failure> {
        // An export ends with the log as it is now. Entries that the export itself causes are not in it.
        let size = self.log.size().await?;
        let event = self.event(caller, "audit.exported", &filter, meta);
        match form {
            ExportForm::Leaves => {
                let event = event.with("readable", false);
                self.authority.read(caller, Right::ReadAudit, event).await?;
            }
            ExportForm::Readable { reason } => {
                let event = event.with("readable", true).with("reason", reason);
                let mandate = self.authority.change(caller, Right::ReadAudit, event).await?;
                self.audit.record(mandate.event).await?;
            }
        }
        let before = Some(filter.before.map_or(size, |before| before.min(size)));
        self.stream(caller, LogFilter { before, ..filter })
    }

    /// Permits to follow the log from the entry `from` on, or from its end.
    ///
    /// # Errors
    /// `Forbidden`, `TooMany`, `Unavailable`.
    pub async fn follow(
        &self,
        caller: &Caller,
        filter: LogFilter,
        meta: &RequestMeta,
    ) -> Result<EntryStream, Failure> {
        self.permit(caller, "audit.followed", &filter, meta).await?;
        let from = match filter.from {
            Some(from) => from,
            None => self.log.size().await?,
        };
        self.stream(caller, LogFilter { from: Some(from), ..filter })
    }

    /// Proves that an entry is in the log.
    ///
    /// # Errors
    /// `Forbidden`, `TooMany`, `NotFound`, `Unavailable`.
    pub async fn inclusion(
        &self,
        caller: &Caller,
        name: EntryName,
        size: Option<u64>,
        meta: &RequestMeta,
    ) -> Result<InclusionProof, Failure> {
        self.permit(caller, "audit.proved", &LogFilter::default(), meta).await?;
        Ok(self.log.prove_inclusion(name, size).await?)
    }

    /// Proves that the tree of `from` entries is the beginning of the tree of `to` entries.
    ///
    /// # Errors
    /// `Forbidden`, `TooMany`, `NotFound`, `Unavailable`.
    pub async fn consistency(
        &self,
        caller: &Caller,
        from: u64,
        to: Option<u64>,
        meta: &RequestMeta,
    ) -> Result<ConsistencyProof, Failure> {
        self.permit(caller, "audit.proved", &LogFilter::default(), meta).await?;
        Ok(self.log.prove_consistency(from, to).await?)
    }

    fn stream(&self, caller: &Caller, filter: LogFilter) -> Result<EntryStream, Failure> {
        let place = Arc::clone(&self.streams).try_acquire_owned().map_err(|_| Failure::unavailable())?;
        let permission = self.permissions.of(caller, Scope::Audit);
        Ok(EntryStream {
            log: Arc::clone(&self.log),
            filter,
            watch: permission.watch(),
            permission,
            _place: place,
        })
    }

    /// Permits a read, and records it.
    async fn permit(
        &self,
        caller: &Caller,
        name: &str,
        filter: &LogFilter,
        meta: &RequestMeta,
    ) -> Result<(), Failure> {
        self.authority.read(caller, Right::ReadAudit, self.event(caller, name, filter, meta)).await
    }

    /// The event of a read, with the names of the filters. Of the values, the event has only the user, so that the person can
    /// see that entries about the person were read.
    fn event(&self, caller: &Caller, name: &str, filter: &LogFilter, meta: &RequestMeta) -> AuditEvent {
        let filters = [
            (filter.event.is_some(), "event"),
            (filter.outcome.is_some(), "outcome"),
            (filter.user.is_some(), "user"),
            (filter.actor.is_some(), "actor"),
            (filter.session.is_some(), "session"),
            (filter.id.is_some(), "id"),
            (filter.since.is_some(), "since"),
            (filter.until.is_some(), "until"),
        ];
        let event = self.authority.event(caller, name, meta);
        let event = AuditEvent { user: filter.user.or(filter.actor).map(UserId), ..event };
        with_filters(event, &filters)
    }
}

impl EntryStream {
    /// The next entries, as they are in the log. None if there are none yet.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; `Invalid` or `Forbidden` if the caller is no longer permitted
    /// to read.
    pub async fn encoded(&mut self) -> Result<Vec<(u64, Vec<u8>)>, Failure> {
        let entries = self.permission.permit(self.log.encoded(self.filter.clone(), PAGE)).await?;
        self.advance(entries.last().map(|(index, _)| *index));
        Ok(entries)
    }

    /// The next entries, with their personal fields.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; `Invalid` or `Forbidden` if the caller is no longer permitted
    /// to read.
    pub async fn read(&mut self) -> Result<Vec<ReadEntry>, Failure> {
        let entries = self.permission.permit(self.log.read(self.filter.clone(), false, PAGE)).await?;
        self.advance(entries.last().map(|last| last.entry.index));
        Ok(entries)
    }

    /// Waits before the next look: until this node learns of a change of the caller's session, or until this time has passed.
    pub async fn pause(&mut self, limit: Duration) {
        // Both ends of the wait are followed by a look, which judges the caller.
        let _ = tokio::time::timeout(limit, self.watch.changed()).await;
    }

    fn advance(&mut self, last: Option<u64>) {
        if let Some(last) = last {
            self.filter.from = Some(last + 1);
        }
    }
}
