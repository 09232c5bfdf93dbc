//! Tells long answers when this node learns that a session has ended or changed, for example by another role of its user.
//!
//! The verifier notes each session that it removes from its cache. A follower of the audit log waits here between two looks. A note is
//! only a reason to look again: the follower then judges its caller anew.
//!
//! Bound: a watch that has not read [`WAITING`] notes misses the oldest ones, and then counts this as a change of its session.

use protocol::id::SessionId;
use tokio::sync::broadcast::{
    self,
    error::RecvError::{Closed, Lagged},
};

/// The most notes that wait for a watch.
const WAITING: usize = 256;

/// Notes changes of sessions. Without a watch, a note costs one short lock.
pub(crate) struct SessionChanges(broadcast::Sender<Option<SessionId>>);

/// Waits for changes of one session.
pub(crate) struct SessionWatch {
    session: SessionId,
    changes: broadcast::Receiver<Option<SessionId>>,
}

impl Default for SessionChanges {
    fn default() -> Self {
        Self(broadcast::Sender::new(WAITING))
    }
}

impl SessionChanges {
    /// Notes a change of this session; of every session if it is `None`.
    pub(crate) fn note(&self, session: Option<SessionId>) {
        // An error means that there is no watch.
        let _ = self.0.send(session);
    }

    /// Watches a session from now on.
    pub(crate) fn watch(&self, session: SessionId) -> SessionWatch {
        SessionWatch { session, changes: self.0.subscribe() }
    }
}

impl SessionWatch {
    /// Waits for the next change of the session. Changes since the last call, or since the beginning of the watch, count.
    pub(crate) async fn changed(&mut self) {
        loop {
            match self.changes.recv().await {
                Ok(Some(other)) if other != self.session => {}
                Ok(_) | Err(Lagged(_)) => return,
                // The verifier has ended with its server.
                Err(Closed) => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_watch_hears_of_its_own_session_and_of_changes_of_all_sessions() {
        let (changes, session) = (SessionChanges::default(), SessionId::random());
        let mut watch = changes.watch(session);
        let mut has_changed = || watch.changed().now_or_never().is_some();
        changes.note(Some(SessionId::random()));
        assert!(!has_changed());
        changes.note(Some(session));
        assert!(has_changed(), "a change between two waits counts");
        assert!(!has_changed(), "once");
        changes.note(None);
        assert!(has_changed());
    }

    #[test]
    fn a_watch_that_has_missed_notes_counts_this_as_a_change() {
        let (changes, session) = (SessionChanges::default(), SessionId::random());
        let mut watch = changes.watch(session);
        for _ in 0..=WAITING {
            changes.note(Some(SessionId::random()));
        }
        assert!(watch.changed().now_or_never().is_some());
        assert!(watch.changed().now_or_never().is_none(), "the other notes are of other sessions");
    }
}
