//! [`UnwrittenEvents`]: audit events of sockets that are in memory only: no file contains them, and no caller waits for them.
//!
//! These are three kinds of events: those in the mailbox of a dying `Audit` actor, those sent while the actor is being
//! restarted, and those that the actor cannot append to its file. They are kept outside the actor, so that they survive its
//! death. The actor, or its successor, writes them later. The audit lane bounds their bytes. Events that are left when the
//! process stops are counted and logged.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use protocol::audit::AuditEvent;

use crate::runtime::byte_budget::WaitingBytes;

/// An event, and its share of the bytes that may be in memory.
type Unwritten = (AuditEvent, WaitingBytes);

/// The events, the oldest first.
#[derive(Clone, Default)]
pub(crate) struct UnwrittenEvents(Arc<Queue>);

#[derive(Default)]
struct Queue(Mutex<VecDeque<Unwritten>>);

/// An event on its way to the file. If this value is dropped before the event is written, the event is kept in `kept_in`.
pub(crate) struct NotedEvent {
    unwritten: Option<Unwritten>,
    kept_in: UnwrittenEvents,
}

impl UnwrittenEvents {
    /// Wraps an event that is sent to the actor.
    pub(crate) fn note(&self, event: AuditEvent, bytes: WaitingBytes) -> NotedEvent {
        NotedEvent { unwritten: Some((event, bytes)), kept_in: self.clone() }
    }

    /// Passes the kept events to `append`, one by one, and removes them. Stops when `append` returns false; that event is kept.
    pub(crate) fn write(&self, mut append: impl FnMut(&AuditEvent) -> bool) {
        // The lock is not held during the write, so that other threads can add events meanwhile.
        while let Some(unwritten) = self.pop() {
            if !append(&unwritten.0) {
                self.0.0.lock().push_front(unwritten);
                return;
            }
        }
    }

    fn pop(&self) -> Option<Unwritten> {
        self.0.0.lock().pop_front()
    }

    /// Whether no event is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.0.lock().is_empty()
    }
}

impl NotedEvent {
    /// Passes the event to `append`. If `append` returns false, the event was not written and is kept.
    pub(crate) fn write(mut self, append: impl FnOnce(&AuditEvent) -> bool) {
        if self.unwritten.as_ref().is_some_and(|(event, _)| append(event)) {
            self.unwritten = None;
        }
    }
}

impl Drop for NotedEvent {
    fn drop(&mut self) {
        if let Some(unwritten) = self.unwritten.take() {
            self.kept_in.0.0.lock().push_back(unwritten);
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let lost = self.0.get_mut().len();
        if lost > 0 {
            metrics::counter!("audit_events_lost_total").increment(lost as u64);
            tracing::error!(
                lost,
                "events of sockets could not be written to the audit trail before the stop"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::audit::Outcome;

    use super::*;
    use crate::runtime::byte_budget::Waiting;

    fn noted(kept: &UnwrittenEvents, waiting: &Waiting, name: &str) -> NotedEvent {
        kept.note(AuditEvent::new(name, Outcome::Success, 0), waiting.take(1).unwrap())
    }

    fn written(kept: &UnwrittenEvents, most: usize) -> Vec<String> {
        let mut names = Vec::new();
        kept.write(|event| {
            let fits = names.len() < most;
            if fits {
                names.push(event.event.clone());
            }
            fits
        });
        names
    }

    #[test]
    fn an_event_that_is_not_written_is_kept_and_written_later_in_order() {
        let (kept, waiting) = (UnwrittenEvents::default(), Waiting::new(2));
        drop(noted(&kept, &waiting, "a"));
        noted(&kept, &waiting, "b").write(|_| false);
        assert!(waiting.take(1).is_none(), "events count as long as they are kept");
        assert_eq!(written(&kept, 1), ["a"]);
        assert_eq!(written(&kept, 9), ["b"]);
        assert!(kept.is_empty() && waiting.take(2).is_some());
    }

    #[test]
    fn an_event_that_is_written_is_not_kept() {
        let (kept, waiting) = (UnwrittenEvents::default(), Waiting::new(1));
        noted(&kept, &waiting, "a").write(|_| true);
        assert!(kept.is_empty() && waiting.take(1).is_some());
    }
}
