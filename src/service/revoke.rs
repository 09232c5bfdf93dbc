//! The one function that ends trust, and its second half, which the feed uses for what was revoked elsewhere.
//!
//! The order is what keeps the promise: the row, the commit, the tombstone, the cache, the sockets. A reader that comes
//! before the tombstone came before the revocation; one that comes after finds it, whatever the caches say.

use portcullis_actors::id::{RevocationId, SessionId};

use super::{Failure, Services};
use crate::store::{Committed, Order};

/// What a revocation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Its number; `None` if there was nothing to end.
    pub id: Option<RevocationId>,
    /// Sessions ended.
    pub sessions: usize,
    /// Sockets of this node that are severed.
    pub sockets_closed: usize,
    /// Sockets of this node that were cut but not yet seen to be severed.
    pub pending: usize,
}

impl Services {
    /// Ends what the order names, and waits, bounded, until this node's sockets are severed.
    ///
    /// Once begun it is finished, whether or not anybody waits for the answer.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; if it committed all the same, the feed brings it.
    pub async fn revoke(&self, order: Order) -> Result<Revoked, Failure> {
        let services = self.clone();
        let work = async move {
            let origin = order.origin;
            services.feed.begin(origin);
            let committed = services.store.commit(order).await;
            services.feed.end(origin, committed.as_ref().ok().and_then(|committed| committed.id));
            Ok(services.carry_out(&committed?).await)
        };
        self.store.runtime().spawn(work).await.map_err(|_| Failure::unavailable())?
    }

    /// Shuts this node's doors to what a committed revocation ended.
    pub(super) async fn carry_out(&self, committed: &Committed) -> Revoked {
        let Some(id) = committed.id else {
            return Revoked::default();
        };
        let sessions = self.shut(committed);
        let closed = self.realtime.revoke(&sessions, committed.cause).await;
        metrics::counter!("sessions_revoked_total", "cause" => committed.cause.as_str())
            .increment(sessions.len() as u64);
        Revoked {
            id: Some(id),
            sessions: sessions.len(),
            sockets_closed: closed.sockets_closed,
            pending: closed.pending,
        }
    }

    /// The same for a revocation heard of, unless this node carries it out already. The doors are shut when this returns;
    /// the sockets are cut without waiting.
    pub(super) fn carry_out_elsewhere(&self, committed: Committed) {
        if !committed.id.is_some_and(|id| self.feed.claim(id)) {
            return;
        }
        self.shut(&committed);
        let services = self.clone();
        self.store.runtime().spawn(async move { services.carry_out(&committed).await });
    }

    /// Tombstones first, then the cache: a fill that comes between finds the tombstone.
    fn shut(&self, committed: &Committed) -> Vec<SessionId> {
        let sessions: Vec<_> = committed.ended.iter().map(|ended| ended.session).collect();
        for session in &sessions {
            self.realtime.bury(*session, committed.cause);
        }
        for session in sessions.iter().chain(&committed.except) {
            self.verifier.invalidate(*session);
        }
        sessions
    }
}
