//! The one function that ends trust, and its halves (shut the doors, cut the sockets), which the feed uses for what was
//! revoked elsewhere.
//!
//! The order is what keeps the promise: the row, the commit, the tombstone, the cache, the sockets. A reader that comes
//! before the tombstone came before the revocation; one that comes after finds it, whatever the caches say.

use protocol::id::RevocationId;

use crate::{Failure, Services, revocation::in_flight_revocations::Own};
use store::{CommittedRevocation, RevocationRequest};

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
    pub async fn revoke(&self, order: RevocationRequest) -> Result<Revoked, Failure> {
        let services = self.clone();
        let asking = order.acting_session.map(|acting_session| acting_session.user);
        let work = async move {
            let under_way = Own::begin(&services.feed.own, order.origin);
            let answer = tokio::select! {
                biased;
                answer = services.store.commit(order) => Some(answer),
                // The row can be seen, so it is committed, whatever becomes of the answer.
                () = under_way.seen() => None,
            };
            if let Some(Ok(committed)) = &answer {
                services.shut(committed);
            }
            let id = answer.as_ref().and_then(|answer| answer.as_ref().ok()?.id);
            let committed = match (under_way.end(id), answer) {
                // The feed was there first and has shut the doors.
                (Some(committed), _) => committed,
                (None, Some(Ok(committed))) => committed,
                (None, Some(Err(error))) => {
                    return Err(match asking {
                        Some(user) => services.failed(user, error).await,
                        None => error.into(),
                    });
                }
                (None, None) => return Err(Failure::unavailable()),
            };
            Ok(services.cut(&committed).await)
        };
        self.store.runtime().spawn(work).await.map_err(|_| Failure::unavailable())?
    }

    /// Shuts this node's doors to what a committed revocation ended: tombstones first, then the cache, so that a fill that
    /// comes between finds the tombstone.
    pub(crate) fn shut(&self, committed: &CommittedRevocation) {
        for ended in &committed.ended {
            self.realtime.bury(ended.session, committed.cause);
        }
        for session in committed.ended.iter().map(|ended| ended.session).chain(committed.except) {
            self.verifier.invalidate(session);
        }
    }

    /// Cuts the sockets that are behind the doors, waits, bounded, until they are severed, and counts.
    pub(crate) async fn cut(&self, committed: &CommittedRevocation) -> Revoked {
        let Some(id) = committed.id else {
            return Revoked::default();
        };
        let sessions: Vec<_> = committed.ended.iter().map(|ended| ended.session).collect();
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

    /// The same without waiting, for a revocation whose order nobody here waits for.
    pub(crate) fn cut_unasked(&self, committed: CommittedRevocation) {
        let services = self.clone();
        self.store.runtime().spawn(async move { services.cut(&committed).await });
    }
}
