//! Expiry: revokes expired and idle sessions, ends orphans, and writes the last uses of sessions with open sockets. It also
//! removes from memory what is no longer needed, and creates and drops the partitions of attempts to sign in.
//!
//! This is a job. Requests do not depend on it: an expired session is refused even if the job has not run yet. The job closes
//! the session's sockets and records its end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actors::Realtime;
use domain::session::SessionLimits;
use protocol::{close::Cause, id::SessionId};
use store::{EXPIRED_BATCH, RevocationRequest, Store, TOUCHED_AT_ONCE, Target};
use time::OffsetDateTime;

use super::step_log::logged;
use crate::{
    access::{feed_state::FeedState, outages::Outages, verifier::Verifier},
    core::{
        audit::AuditTrail,
        clock::{Clock, before},
        failure::Failure,
    },
    realtime::external_sessions::{ExternalSessions, open_sessions},
    revocation::revoke::Revoker,
};

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_secs(30);
/// Uses are written late. So an idle session is ended this much later than its timeout.
const GRACE: Duration = Duration::from_secs(15);
/// How long one pass may end sessions. After that, the pass leaves the remaining sessions to the next one, so that uses are
/// soon written again.
const ENDS_FOR: Duration = Duration::from_secs(20);
/// How long the database must have been reachable before idle sessions are ended. During this time, nodes write the uses that
/// they have seen, and clients reconnect.
const SETTLED: Duration = Duration::from_secs(2 * EVERY.as_secs());

/// Expires sessions.
pub(crate) struct Expiry {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) verifier: Verifier,
    pub(crate) revoker: Revoker,
    pub(crate) external_sessions: ExternalSessions,
    pub(crate) feed: Arc<FeedState>,
    pub(crate) outages: Arc<Outages>,
    pub(crate) sessions: SessionLimits,
    /// How long attempts to sign in are kept.
    pub(crate) attempts_kept: Duration,
}

impl Expiry {
    /// One pass.
    ///
    /// # Errors
    /// The first failure. It has been logged. [`Self::run_as`] says which other steps have run.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        self.run_as(self.feed.current_for() >= SETTLED).await
    }

    /// One pass. `settled` says that the database has been reachable for a while, so idle sessions may be ended. Steps that
    /// only free memory come first. If a step fails, the others still run, with one exception: idle sessions are ended only if
    /// the last uses could be written.
    pub(crate) async fn run_as(&self, settled: bool) -> Result<(), Failure> {
        self.realtime.purge(self.clock.now_ms());
        self.verifier.purge();
        let now = self.clock.now();
        let open = open_sessions(&self.realtime);
        let touched = logged("last uses of sessions with sockets", self.touch_open(&open, now).await);
        let outside = logged("external sessions", self.external_sessions.expire(open, settled, now).await);
        let until = Instant::now() + ENDS_FOR;
        let over = logged("expired sessions", self.end_expired(now, until).await);
        // If the uses were not written, sessions with sockets may seem to be idle.
        let settled = settled && touched.is_ok();
        let idle = if settled { logged("idle sessions", self.end_idle(now, until).await) } else { Ok(()) };
        let months = self.keep_attempt_months().await;
        touched.and(outside).and(over).and(idle).and(months)
    }

    /// Writes that these sessions are in use. Pauses after each batch, because a revocation waits for the rows of a batch.
    async fn touch_open(&self, open: &[SessionId], now: OffsetDateTime) -> Result<(), Failure> {
        for some in open.chunks(TOUCHED_AT_ONCE) {
            let began = Instant::now();
            self.store.touch_open(some.to_vec(), now).await?;
            tokio::time::sleep(began.elapsed()).await;
        }
        Ok(())
    }

    /// Creates the partitions of this month and the next for attempts to sign in, and drops the partitions that are too old.
    /// The partitions are also made before the server accepts sign-ins: if a partition is created during a sign-in, the sign-in
    /// may fail.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. The error has been logged; the next pass tries again.
    pub(crate) async fn keep_attempt_months(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        let months = self.store.keep_attempt_months(now, before(now, self.attempts_kept)).await;
        logged("partitions of attempts", months.map_err(Failure::from))
    }

    async fn end_expired(&self, now: OffsetDateTime, until: Instant) -> Result<(), Failure> {
        loop {
            let expired = self.store.expired_sessions(now).await?;
            let last = expired.len() < EXPIRED_BATCH;
            self.end_all(expired.into_iter().map(|session| self.expiry(session, now)).collect()).await?;
            if last || Instant::now() >= until {
                return Ok(());
            }
        }
    }

    /// Ends idle sessions. A session may be used after the query, on any node. So the statement that ends the session checks
    /// its last use again.
    async fn end_idle(&self, now: OffsetDateTime, until: Instant) -> Result<(), Failure> {
        let since = before(now, self.sessions.idle.saturating_add(GRACE));
        if self.outages.last_end().is_some_and(|end| end > since) {
            // There was an outage. Sessions that were not idle when it began count as used at its end.
            return Ok(());
        }
        loop {
            let mut idle = self.store.idle_sessions(since).await?;
            let full = idle.len() == EXPIRED_BATCH;
            idle.retain(|session| {
                let seen_here = self.verifier.last_seen(*session).is_some_and(|seen| seen > since);
                !seen_here && self.realtime.open_connections(*session) == 0
            });
            let none = idle.is_empty();
            let order =
                |session| RevocationRequest { only_idle_since: Some(since), ..self.expiry(session, now) };
            self.end_all(idle.into_iter().map(order).collect()).await?;
            if none || !full || Instant::now() >= until {
                return Ok(());
            }
        }
    }

    /// Carries out the orders one by one. Stops if the database is unavailable. Returns the first failure.
    async fn end_all(&self, orders: Vec<RevocationRequest>) -> Result<(), Failure> {
        let mut first = Ok(());
        for order in orders {
            match self.revoker.revoke(order).await {
                Ok(_) => {}
                Err(unavailable @ Failure::Unavailable { .. }) => return first.and(Err(unavailable)),
                Err(failure) => first = first.and(Err(failure)),
            }
        }
        first
    }

    fn expiry(&self, session: SessionId, now: OffsetDateTime) -> RevocationRequest {
        RevocationRequest {
            reason: "expired".to_owned(),
            audit: self.audit.local_event("session.expired"),
            ..RevocationRequest::new(Target::Session(session), Cause::SessionExpired, now)
        }
    }
}
