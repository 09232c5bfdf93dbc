//! Revoking: the one function that ends sessions, and its two halves, which the revocation feed uses for revocations of other
//! nodes: set the tombstones, then close the sockets.
//!
//! The order keeps the promise: the row, the commit, the tombstone, the cache, the sockets. A request that was judged before
//! the tombstone came before the revocation. A request after it finds the tombstone, whatever the caches say.

use std::sync::Arc;

use actors::Realtime;
use protocol::id::RevocationId;
use store::{CommittedRevocation, RevocationRequest, Session, Store};
use tokio::task::JoinHandle;

use super::in_flight_revocations::InFlightRevocations;
use crate::{
    access::verifier::Verifier,
    core::{failure::Failure, privilege::PrivilegeCheck},
};

/// What a revocation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RevocationResult {
    /// Its number. `None` if there was nothing to end.
    pub id: Option<RevocationId>,
    /// The number of sessions that ended.
    pub sessions: usize,
    /// Sockets of this node that are closed.
    pub sockets_closed: usize,
    /// Sockets of this node that were told to close and had not closed in time.
    pub pending: usize,
}

/// Revokes sessions. Clones are cheap.
#[derive(Clone)]
pub struct Revoker {
    store: Store,
    realtime: Realtime,
    verifier: Verifier,
    privilege: PrivilegeCheck,
    in_flight: Arc<InFlightRevocations>,
}

impl Revoker {
    pub(crate) fn new(
        store: Store,
        realtime: Realtime,
        verifier: Verifier,
        privilege: PrivilegeCheck,
        in_flight: Arc<InFlightRevocations>,
    ) -> Self {
        Self { store, realtime, verifier, privilege, in_flight }
    }

    /// Ends the sessions that the order names, and waits, bounded, until their sockets on this node are closed.
    ///
    /// Once begun it is finished, even if the caller no longer waits for the answer.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. If it committed nevertheless, the revocation feed carries it out.
    pub async fn revoke(&self, order: RevocationRequest) -> Result<RevocationResult, Failure> {
        Ok(self.revoke_and_renew(order).await?.0)
    }

    /// The same for a change of credentials. Returns the remaining session with its renewed tokens, too; `None` if the answer of
    /// the database was lost after the commit.
    ///
    /// # Errors
    /// Those of [`Self::revoke`].
    pub(crate) async fn revoke_and_renew(
        &self,
        order: RevocationRequest,
    ) -> Result<(RevocationResult, Option<Box<Session>>), Failure> {
        let revoker = self.clone();
        let work = async move { revoker.commit_and_carry_out(order).await };
        self.store.runtime().spawn(work).await.map_err(|_| Failure::unavailable())?
    }

    async fn commit_and_carry_out(
        &self,
        order: RevocationRequest,
    ) -> Result<(RevocationResult, Option<Box<Session>>), Failure> {
        let asking = order.acting_session.map(|acting| acting.user);
        let in_flight = InFlightRevocations::begin(&self.in_flight, order.origin);
        let answer = tokio::select! {
            biased;
            answer = self.store.commit(order) => Some(answer),
            // The feed has seen the row, so the order is committed, whether or not the answer arrives.
            () = in_flight.seen() => None,
        };
        if let Some(Ok(committed)) = &answer {
            self.set_tombstones(committed);
        }
        let id = answer.as_ref().and_then(|answer| answer.as_ref().ok()?.id);
        let renewed = answer.as_ref().and_then(|answer| answer.as_ref().ok()?.renewed.clone());
        let committed = match (in_flight.end(id), answer) {
            // The feed was faster and has set the tombstones.
            (Some(committed), _) => committed,
            (None, Some(Ok(committed))) => committed,
            (None, Some(Err(error))) => {
                return Err(match asking {
                    Some(user) => self.privilege.failure(user, error).await,
                    None => error.into(),
                });
            }
            (None, None) => return Err(Failure::unavailable()),
        };
        Ok((self.close_sockets(&committed).await, renewed))
    }

    /// Makes this node refuse what a committed revocation ended. Tombstones come before the cache, so that a cache fill in
    /// between finds the tombstone.
    pub(crate) fn set_tombstones(&self, committed: &CommittedRevocation) {
        for ended in &committed.ended {
            self.realtime.record_session_end(ended.session, committed.cause);
        }
        for session in committed.ended.iter().map(|ended| ended.session).chain(committed.except) {
            self.verifier.invalidate(session);
        }
    }

    /// Closes the sockets of the ended sessions on this node, waits, bounded, until they are closed, and counts them.
    pub(crate) async fn close_sockets(&self, committed: &CommittedRevocation) -> RevocationResult {
        let Some(id) = committed.id else {
            return RevocationResult::default();
        };
        let sessions: Vec<_> = committed.ended.iter().map(|ended| ended.session).collect();
        let closed = self.realtime.revoke(&sessions, committed.cause).await;
        metrics::counter!("sessions_revoked_total", "cause" => committed.cause.as_str())
            .increment(sessions.len() as u64);
        RevocationResult {
            id: Some(id),
            sessions: sessions.len(),
            sockets_closed: closed.sockets_closed,
            pending: closed.pending,
        }
    }

    /// The same in the background, for a revocation that no request of this node waits for. The task ends when the sockets are
    /// closed, or when the bounded wait is over.
    pub(crate) fn close_sockets_in_background(&self, committed: CommittedRevocation) -> JoinHandle<()> {
        let revoker = self.clone();
        self.store.runtime().spawn(async move {
            revoker.close_sockets(&committed).await;
        })
    }

    /// Carries out the evictions that opening a session committed, and keeps the feed from repeating them.
    pub(crate) async fn carry_out_evictions(&self, evicted: &[CommittedRevocation]) {
        for committed in evicted {
            self.set_tombstones(committed);
            if let Some(id) = committed.id {
                self.in_flight.claim(id);
            }
            self.close_sockets(committed).await;
        }
    }
}
