//! [`AuditLane`]: the way to the `Audit` actor, bounded in bytes.
//!
//! Events that a caller waits for are refused beyond the bound, so that the act is not done. Events of sockets, which no caller
//! waits for, are dropped, counted and logged: without a bound a disk that stalls would fill the memory at the rate at which
//! clients connect.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use protocol::audit::AuditEvent;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{
    audit::{Audit, Flush, Note, Record, RecordError},
    unwritten_events::UnwrittenEvents,
};
use crate::runtime::{byte_budget::Waiting, supervision::Lane};

/// The most bytes of events in memory: those on their way to the actor, and those that the actor cannot write to its file.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The lane.
pub(crate) struct AuditLane {
    lane: Arc<Lane<Audit>>,
    waiting: Waiting,
    unwritten: UnwrittenEvents,
    /// Events that were dropped since the lane last took one.
    lost: AtomicU64,
}

impl AuditLane {
    /// `unwritten` is what the actor shares with its successors.
    pub(crate) fn new(lane: Arc<Lane<Audit>>, unwritten: UnwrittenEvents) -> Self {
        Self { lane, waiting: Waiting::new(BYTES_MAX), unwritten, lost: AtomicU64::new(0) }
    }

    /// Sends an event. The answer comes once it is in the spill file.
    ///
    /// # Errors
    /// When too many events are waiting.
    pub(crate) fn record(
        &self,
        event: AuditEvent,
    ) -> Result<oneshot::Receiver<Result<(), RecordError>>, RecordError> {
        let bytes = self.waiting.take(weight(&event)).ok_or(RecordError)?;
        let (reply, written) = oneshot::channel();
        let record = Record { event, _bytes: bytes, reply };
        self.lane.try_send(record).map_err(|_| RecordError)?;
        Ok(written)
    }

    /// Sends an event, or drops it if too many are waiting.
    pub(crate) fn note(&self, event: AuditEvent) {
        let Some(bytes) = self.waiting.take(weight(&event)) else {
            metrics::counter!("audit_events_lost_total").increment(1);
            if self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::error!("the audit trail is too slow: events of sockets are dropped");
            }
            return;
        };
        // Past the bound of the mailbox, because the bytes are bounded. An actor that is being restarted finds the event later.
        self.lane.control(Note(self.unwritten.note(event, bytes)));
        if self.lost.load(Ordering::Relaxed) > 0 {
            let lost = self.lost.swap(0, Ordering::Relaxed);
            tracing::warn!(lost, "the audit trail takes events of sockets again");
        }
    }

    /// Asks for an answer once everything recorded before is in the database.
    pub(crate) fn flush(&self, done: oneshot::Sender<()>) {
        self.lane.control(Flush(done));
    }

    #[cfg(test)]
    pub(crate) fn lane(&self) -> &Lane<Audit> {
        &self.lane
    }
}

/// About the memory that an event takes.
fn weight(event: &AuditEvent) -> usize {
    let optional = [&event.request_id, &event.subject].into_iter().flatten();
    let texts: usize = optional.map(String::len).sum();
    let value = |value: &Value| {
        value.as_str().map_or(0, str::len) + value.as_array().map_or(0, |items| items.len() * 64)
    };
    let detail: usize = event.detail.iter().map(|(name, it)| 64 + name.len() + value(it)).sum();
    size_of::<AuditEvent>() + event.event.len() + texts + detail
}
