//! A session as users and operators see it in lists: the row, the last use that this node knows, and the open sockets.

use actors::Realtime;
use store::Session;

use super::verifier::Verifier;

/// A session with what this node knows about it.
#[derive(Clone, Debug)]
pub struct ListedSession {
    /// The session. Its last use may be later than the one in the database.
    pub session: Session,
    /// The number of open sockets of the session on this node.
    pub open_connections: usize,
}

/// Adds this node's knowledge to sessions read from the database. Clones are cheap.
#[derive(Clone)]
pub(crate) struct SessionListing {
    verifier: Verifier,
    realtime: Realtime,
}

impl SessionListing {
    pub(crate) fn new(verifier: Verifier, realtime: Realtime) -> Self {
        Self { verifier, realtime }
    }

    pub(crate) fn of(&self, mut session: Session) -> ListedSession {
        if let Some(seen) = self.verifier.last_seen(session.id) {
            session.last_seen_at = session.last_seen_at.max(seen);
        }
        let open_connections = self.realtime.open_connections(session.id);
        ListedSession { session, open_connections }
    }
}
