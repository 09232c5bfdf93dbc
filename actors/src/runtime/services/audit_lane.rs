//! [`AuditLane`]: the way to the `Audit` actor, bounded in bytes.
//!
//! Beyond the bound, events that a caller waits for are refused, so that the caller does not act. No caller waits for events of
//! sockets, so they are dropped, counted and logged: without a bound, a stalled disk would fill the memory at the rate at which
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

/// The most bytes of events in memory: on their way to the actor, or in the actor because it cannot write them to its file.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The bounded way to the actor.
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

    /// Sends an event. The answer comes when the event is in the spill file.
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

    /// Sends an event, or drops it if too many events are waiting.
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
            tracing::warn!(lost, "the audit trail accepts events of sockets again");
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

/// The approximate memory that an event needs.
fn weight(event: &AuditEvent) -> usize {
    let optional = [&event.request_id, &event.subject].into_iter().flatten();
    let texts: usize = optional.map(String::len).sum();
    let value = |value: &Value| {
        value.as_str().map_or(0, str::len) + value.as_array().map_or(0, |items| items.len() * 64)
    };
    let detail: usize = event.detail.iter().map(|(name, it)| 64 + name.len() + value(it)).sum();
    size_of::<AuditEvent>() + event.event.len() + texts + detail
}
