//! Revoking ends sessions, or, for a changed role, only closes their sockets. After the commit, two functions carry out the
//! revocation on this node: one sets the tombstones, the other closes the sockets. The revocation feed calls the same two
//! functions for revocations of other nodes.
//!
//! The steps have a fixed order: the row, the commit, the tombstone, the cache, the sockets. A request that was judged before
//! the tombstone was set counts as earlier than the revocation. Every later request finds the tombstone first.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use actors::Realtime;
use logic::tally::Series;
use protocol::{
    close::Cause,
    id::{RevocationId, SessionId},
};
use store::{CommittedRevocation, Ended, Left, NodeProgress, RevocationRequest, Session, Store, StoreError};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tracing::Instrument as _;
use uuid::Uuid;

use super::{in_flight_revocations::InFlightRevocations, progress_notes::ProgressNotes};
use crate::{
    access::verifier::Verifier,
    core::{Core, clock::Clock, failure::Failure, privilege::PrivilegeCheck},
};

/// How long after a look the sockets that were not closed in time are looked for again, at first and later.
const REST_EVERY: Duration = Duration::from_secs(1);
const REST_SELDOM: Duration = Duration::from_secs(60);
/// After so many looks, the pauses grow.
const REST_OFTEN: u32 = 60;

/// What a revocation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationResult {
    /// The number of the revocation. `None` if there was nothing to end.
    pub id: Option<RevocationId>,
    /// The number of affected sessions, if it is known.
    pub sessions: Option<usize>,
    /// The number of sockets on this node that were closed.
    pub sockets_closed: usize,
    /// The number of sockets on this node that were cut and were not closed in time.
    pub pending: usize,
    /// The sessions that the target covers and that were not ended.
    pub left: Left,
}

impl Default for RevocationResult {
    fn default() -> Self {
        Self { id: None, sessions: Some(0), sockets_closed: 0, pending: 0, left: Left::default() }
    }
}

impl RevocationResult {
    /// The sum of both results. The `id` is that of the first result that has an id.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            id: self.id.or(other.id),
            sessions: self.sessions.zip(other.sessions).map(|(one, two)| one + two),
            sockets_closed: self.sockets_closed + other.sockets_closed,
            pending: self.pending + other.pending,
            left: Left {
                excluded: self.left.excluded.saturating_add(other.left.excluded),
                more: self.left.more || other.left.more,
            },
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
    clock: Clock,
    notes: ProgressNotes,
    /// The id of this process.
    node: Uuid,
}

impl Revoker {
    /// `node` is the id of this process.
    pub(crate) fn new(
        core: &Core,
        verifier: Verifier,
        in_flight: Arc<InFlightRevocations>,
        notes: ProgressNotes,
        node: Uuid,
    ) -> Self {
        let Core { store, realtime, privilege, clock, .. } = core;
        let (store, realtime, privilege) = (store.clone(), realtime.clone(), privilege.clone());
        Self { store, realtime, verifier, privilege, in_flight, clock: clock.clone(), notes, node }
    }

    /// The id of this process, for orders whose row shows it at once as not done.
    pub(crate) fn node(&self) -> Uuid {
        self.node
    }

    /// Ends the sessions that the order names, and waits for a limited time until their sockets on this node are closed. The
    /// work is finished even if the request is dropped.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. If the order was committed anyway, the revocation feed carries it out.
    /// `Invalid`, `Forbidden` or `StepUpRequired` if the acting session may not make the change; `Conflict` if the change is
    /// not possible, for example because the factor does not exist.
    pub async fn revoke(&self, order: RevocationRequest) -> Result<RevocationResult, Failure> {
        Ok(self.revoke_and_renew(order).await?.0)
    }

    /// The same as `revoke`, for a change of credentials. Also returns the session that remains, if its tokens were renewed;
    /// `None` if the answer of the database was lost after the commit.
    ///
    /// # Errors
    /// The errors of [`Self::revoke`].
    pub(crate) async fn revoke_and_renew(
        &self,
        order: RevocationRequest,
    ) -> Result<(RevocationResult, Option<Box<Session>>), Failure> {
        let revoker = self.clone();
        let work = async move { revoker.commit_and_carry_out(order).await };
        let span = tracing::trace_span!(target: "traces", "revocation");
        self.store.runtime().spawn(work.instrument(span)).await.map_err(|_| Failure::unavailable())?
    }

    async fn commit_and_carry_out(
        &self,
        order: RevocationRequest,
    ) -> Result<(RevocationResult, Option<Box<Session>>), Failure> {
        let (began, asking) = (Instant::now(), order.acting_session.map(|acting| acting.user));
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
        let committed = match known(in_flight.end(id), answer) {
            Ok(committed) => committed,
            Err(Some(error)) => {
                return Err(match asking {
                    Some(user) => self.privilege.failure(user, error).await,
                    None => error.into(),
                });
            }
            Err(None) => return Err(Failure::unavailable()),
        };
        let closing = tracing::trace_span!(target: "traces", "close_sockets");
        let closed = self.close_sockets(&committed).instrument(closing).await;
        let after = began.elapsed();
        self.count(&committed, &closed, after);
        self.note_progress(&committed, closed, Some(after));
        Ok((closed, renewed))
    }

    /// Counts a revocation that a request of this node has carried out, and the time `after` which its sockets were closed.
    fn count(&self, committed: &CommittedRevocation, closed: &RevocationResult, after: Duration) {
        if committed.id.is_none() {
            return;
        }
        let (tally, cause) = (self.realtime.tally(), committed.cause.as_str());
        metrics::histogram!("revocation_seconds", "cause" => cause).record(after.as_secs_f64());
        tally.observe(Series::Revocations, cause, after);
        if committed.cause.ends_session() {
            let sessions = closed.sessions.unwrap_or(0) as u64;
            metrics::counter!("sessions_revoked_total", "cause" => cause).increment(sessions);
            tally.count(Series::SessionsRevoked, cause, sessions);
        }
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
            return RevocationResult { left: committed.left, ..RevocationResult::default() };
        };
        let closed = match &committed.ended {
            Ended::Everyone { .. } => self.realtime.revoke_all(id, committed.cause).await,
            Ended::These(ended) => {
                let sessions: Vec<_> = ended.iter().map(|ended| ended.session).collect();
                self.realtime.revoke(&sessions, committed.cause).await
            }
        };
        let sessions = committed.ended.count();
        RevocationResult {
            id: Some(id),
            sessions,
            sockets_closed: closed.sockets_closed,
            pending: closed.pending,
            left: committed.left,
        }
    }

    /// Notes how far this node has carried the revocation out; a job writes the note. If sockets were not closed in time, a task
    /// waits for them and notes the end.
    fn note_progress(
        &self,
        committed: &CommittedRevocation,
        closed: RevocationResult,
        after: Option<Duration>,
    ) {
        let Some(id) = committed.id else { return };
        self.note(id, &closed, after);
        if closed.pending > 0 {
            let (revoker, committed) = (self.clone(), committed.clone());
            self.store.runtime().spawn(async move { revoker.close_rest(id, committed, closed, after).await });
        }
    }

    fn note(&self, id: RevocationId, closed: &RevocationResult, after: Option<Duration>) {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let progress = NodeProgress {
            node: self.node,
            state: if closed.pending == 0 { "closed" } else { "incomplete" }.to_owned(),
            sockets_closed: count(closed.sockets_closed),
            pending: count(closed.pending),
            after_ms: after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
        };
        self.notes.add(id, progress);
    }

    /// Waits until the sockets that were cut and not closed in time are closed, too, however long that takes: without the note at the
    /// end, the receipt would wait until this process ends. A socket stays in its session until it is closed, so a second cut finds it.
    async fn close_rest(
        &self,
        id: RevocationId,
        committed: CommittedRevocation,
        first: RevocationResult,
        after: Option<Duration>,
    ) {
        let since = Instant::now();
        for round in 0_u32.. {
            tokio::time::sleep(rest_pause(round)).await;
            // After a changed role, clients connect again, and a second cut would end their new sockets.
            let rest =
                if committed.cause.ends_session() { self.close_sockets(&committed).await.pending } else { 0 };
            if rest == 0 {
                let sockets_closed = first.sockets_closed + first.pending;
                let closed = RevocationResult { sockets_closed, pending: 0, ..first };
                return self.note(id, &closed, after.map(|after| after + since.elapsed()));
            }
            if round == REST_OFTEN {
                tracing::error!(revocation = %id, sockets = rest, "sockets of a revocation are still not closed");
            }
        }
    }

    /// Calls `close_sockets` in the background, for a revocation that no request of this node waits for. `at` is the time of the
    /// revocation, if it is known. The task ends when the sockets are closed, or when the time for waiting is over.
    pub(crate) fn close_sockets_in_background(
        &self,
        committed: CommittedRevocation,
        at: Option<OffsetDateTime>,
    ) -> JoinHandle<()> {
        let revoker = self.clone();
        self.store.runtime().spawn(async move {
            let closed = revoker.close_sockets(&committed).await;
            let now = revoker.clock.now();
            // The clocks of nodes differ a little, so the difference may be negative.
            let after = at.map(|at| Duration::try_from(now - at).unwrap_or_default());
            revoker.note_progress(&committed, closed, after);
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

    /// Carries out the revocations of older sessions that were committed together with a new session, because there were too
    /// many sessions. The feed does not repeat these revocations.
    pub(crate) async fn carry_out_evictions(&self, evicted: &[CommittedRevocation]) {
        for committed in evicted {
            self.set_tombstones(committed);
            if let Some(id) = committed.id {
                self.in_flight.claim(id);
            }
            let began = Instant::now();
            let closed = self.close_sockets(committed).await;
            self.note_progress(committed, closed, Some(began.elapsed()));
        }
    }
}

/// The pause before a look for sockets that were not closed in time. `round` counts the looks from 0.
fn rest_pause(round: u32) -> Duration {
    let doublings = round.saturating_sub(REST_OFTEN).min(16);
    (REST_EVERY * (1 << doublings)).min(REST_SELDOM)
}

/// What is known about an order whose commit was asked for: `heard` is what the feed has read, `answer` is what the database has
/// answered. The answer knows more than the row that the feed reads, for example the number of sessions if all sessions ended.
///
/// # Errors
/// If the order was not committed, as far as this node knows: the error of the database, if it has answered.
fn known(
    heard: Option<CommittedRevocation>,
    answer: Option<Result<CommittedRevocation, StoreError>>,
) -> Result<CommittedRevocation, Option<StoreError>> {
    match (heard, answer) {
        (_, Some(Ok(committed))) | (Some(committed), _) => Ok(committed),
        (None, Some(Err(error))) => Err(Some(error)),
        (None, None) => Err(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_that_stay_open_are_looked_for_without_an_end_and_later_once_a_minute() {
        let pauses: Vec<_> = (0..10_000).map(rest_pause).collect();
        assert!(pauses[..=60].iter().all(|pause| *pause == Duration::from_secs(1)));
        assert!(pauses.is_sorted() && pauses[61] == Duration::from_secs(2));
        assert!(
            pauses[66..].iter().chain([&rest_pause(u32::MAX)]).all(|pause| *pause == Duration::from_secs(60))
        );
    }

    #[test]
    fn the_answer_of_the_database_counts_more_than_what_the_feed_has_read() {
        let heard = CommittedRevocation {
            id: Some(RevocationId(7)),
            cause: Cause::Revoked,
            ended: Ended::Everyone { sessions: None },
            except: None,
            left: Left::default(),
            renewed: None,
        };
        let answered = CommittedRevocation {
            ended: Ended::Everyone { sessions: Some(3) },
            left: Left { excluded: 1, more: true },
            ..heard.clone()
        };
        let lost = || Some(Err(StoreError::Unavailable("lost".to_owned())));
        assert_eq!(known(Some(heard.clone()), Some(Ok(answered.clone()))).ok(), Some(answered.clone()));
        assert_eq!(known(None, Some(Ok(answered.clone()))).ok(), Some(answered));
        assert_eq!(known(Some(heard.clone()), None).ok(), Some(heard.clone()));
        assert_eq!(known(Some(heard.clone()), lost()).ok(), Some(heard));
        assert!(matches!(known(None, lost()), Err(Some(StoreError::Unavailable(_)))));
        assert!(matches!(known(None, None), Err(None)));
    }
}
