//! [`AuditLane`]: the lane of the `Audit` actor, bounded in bytes.
//!
//! Beyond the bound, an event that a caller waits for is refused, so that the caller does not carry out its action. No caller
//! waits for events of sockets, so these events are dropped, counted and logged. Without the bound, clients that connect while
//! the disk is stalled would fill the memory.

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
use crate::runtime::{byte_budget::Waiting, lag::LagMessage, supervision::Lane};

/// The largest size of all events in memory: events on their way to the actor, and events that could not be written to its
/// file.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The bounded lane.
pub(crate) struct AuditLane {
    lane: Arc<Lane<Audit>>,
    waiting: Waiting,
    unwritten: UnwrittenEvents,
    /// The number of events dropped since the lane last accepted an event of a socket.
    lost: AtomicU64,
}

impl AuditLane {
    /// `unwritten` has the events that the actor shares with its successors.
    pub(crate) fn new(lane: Arc<Lane<Audit>>, unwritten: UnwrittenEvents) -> Self {
        Self { lane, waiting: Waiting::new(BYTES_MAX), unwritten, lost: AtomicU64::new(0) }
    }

    /// Sends an event. The answer comes when the event is in the spill file.
    ///
    /// # Errors
    /// When too many events are waiting, or the actor is being restarted.
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
        // The bound of the mailbox is not needed, because the bytes are bounded. If the actor is being restarted, the event is
        // kept in `unwritten` for the new actor.
        self.lane.control(Note(self.unwritten.note(event, bytes)));
        if self.lost.load(Ordering::Relaxed) > 0 {
            let lost = self.lost.swap(0, Ordering::Relaxed);
            tracing::warn!(lost, "the audit trail accepts events of sockets again");
        }
    }

    /// Requests an answer, which comes once every earlier event is in the database, or in the file of refused events.
    pub(crate) fn flush(&self, done: oneshot::Sender<()>) {
        // The message may exceed the bound of the mailbox, but there is only one flush, when the process stops.
        self.lane.control(Flush(done));
    }

    /// Measures how long a message waits for the actor.
    pub(crate) fn measure_lag(&self) {
        LagMessage::send(&self.lane, "audit");
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
