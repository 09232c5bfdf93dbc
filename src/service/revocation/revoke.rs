//! Revoking: the one function that ends sessions. It has two halves, which set the tombstones and close the sockets. The revocation
//! feed uses the halves for revocations of other nodes.
//!
//! The steps have a fixed order: the row, the commit, the tombstone, the cache, the sockets. A request that was judged before
//! the tombstone was set counts as earlier than the revocation. Every later request finds the tombstone, whatever the caches hold.

use std::{collections::HashMap, sync::Arc};

use actors::Realtime;
use protocol::{
    close::Cause,
    id::{RevocationId, SessionId},
};
use store::{CommittedRevocation, Ended, RevocationRequest, Session, Store};
use tokio::task::JoinHandle;

use super::in_flight_revocations::InFlightRevocations;
use crate::{
    access::verifier::Verifier,
    core::{failure::Failure, privilege::PrivilegeCheck},
};

/// What a revocation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationResult {
    /// The number of the revocation. `None` if there was nothing to end.
    pub id: Option<RevocationId>,
    /// The number of sessions that ended, if it is known.
    pub sessions: Option<usize>,
    /// Sockets of this node that are closed.
    pub sockets_closed: usize,
    /// Sockets of this node that were told to close and did not close in time.
    pub pending: usize,
}

impl Default for RevocationResult {
    fn default() -> Self {
        Self { id: None, sessions: Some(0), sockets_closed: 0, pending: 0 }
    }
}

impl RevocationResult {
    /// The sum of both results. The number is that of the first one that ended something.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            id: self.id.or(other.id),
            sessions: self.sessions.zip(other.sessions).map(|(one, two)| one + two),
            sockets_closed: self.sockets_closed + other.sockets_closed,
            pending: self.pending + other.pending,
        }
    }
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

    /// Ends the sessions that the order names, and waits for a limited time until their sockets on this node are closed.
    ///
    /// The work is finished even if the caller is dropped.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. If the order was committed anyway, the revocation feed carries it out.
    pub async fn revoke(&self, order: RevocationRequest) -> Result<RevocationResult, Failure> {
        Ok(self.revoke_and_renew(order).await?.0)
    }

    /// The same as `revoke`, for a change of credentials. Also returns the session that remains, with its renewed tokens; `None` if
    /// the answer of the database was lost after the commit.
    ///
    /// # Errors
    /// The errors of [`Self::revoke`].
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
            // The feed was faster. It has set the tombstones.
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

    /// Makes this node refuse what a committed revocation ended. Tombstones are set before the cache is invalidated, so that a
    /// cache fill in between finds the tombstone.
    pub(crate) fn set_tombstones(&self, committed: &CommittedRevocation) {
        if let (Ended::Everyone { .. }, Some(id)) = (&committed.ended, committed.id) {
            // Each use of a cached session compares the session with this number.
            self.realtime.record_end_of_all(id);
        }
        let ended = committed.ended.named();
        for ended in ended {
            self.realtime.record_session_end(ended.session, committed.cause);
        }
        for session in ended.iter().map(|ended| ended.session).chain(committed.except) {
            self.verifier.invalidate(session);
        }
    }

    /// Closes the sockets of the ended sessions on this node, waits for a limited time until they are closed, and counts them.
    pub(crate) async fn close_sockets(&self, committed: &CommittedRevocation) -> RevocationResult {
        let Some(id) = committed.id else {
            return RevocationResult::default();
        };
        let closed = match &committed.ended {
            Ended::Everyone { .. } => self.realtime.revoke_all(id, committed.cause).await,
            Ended::These(ended) => {
                let sessions: Vec<_> = ended.iter().map(|ended| ended.session).collect();
                self.realtime.revoke(&sessions, committed.cause).await
            }
        };
        let sessions = committed.ended.count();
        metrics::counter!("sessions_revoked_total", "cause" => committed.cause.as_str())
            .increment(sessions.unwrap_or(0) as u64);
        RevocationResult {
            id: Some(id),
            sessions,
            sockets_closed: closed.sockets_closed,
            pending: closed.pending,
        }
    }

    /// Calls `close_sockets` in the background, for a revocation that no request of this node waits for. The task ends when the
    /// sockets are closed, or when the time for waiting is over.
    pub(crate) fn close_sockets_in_background(&self, committed: CommittedRevocation) -> JoinHandle<()> {
        let revoker = self.clone();
        self.store.runtime().spawn(async move {
            revoker.close_sockets(&committed).await;
        })
    }

    /// Makes this node refuse sessions that have ended, and closes their sockets in the background. Returns the tasks.
    pub(crate) fn carry_out_ended(&self, ended: Vec<(SessionId, Cause)>) -> Vec<JoinHandle<()>> {
        let mut by_cause: HashMap<Cause, Vec<SessionId>> = HashMap::new();
        for (session, cause) in ended {
            self.realtime.record_session_end(session, cause);
            self.verifier.invalidate(session);
            by_cause.entry(cause).or_default().push(session);
        }
        let close = |(cause, sessions): (Cause, Vec<SessionId>)| {
            let realtime = self.realtime.clone();
            self.store.runtime().spawn(async move {
                realtime.revoke(&sessions, cause).await;
            })
        };
        by_cause.into_iter().map(close).collect()
    }

    /// Carries out evictions that were committed together with a new session. The feed does not repeat them.
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
