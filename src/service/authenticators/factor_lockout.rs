//! The lockout of second factors. Each attempt is counted before it is judged. A source is a device that the account knows, all
//! other devices together, or (for step-ups) a session. Too many wrong attempts from the same source begin a delay, during
//! which every attempt from this source is refused. The beginning of a delay is an audit event.
//!
//! Sign-in and step-up use this file.

use domain::factors::lockout::{FREE_FAILURES, FactorSource};
use protocol::{audit::Outcome, id::UserId};
use store::{FactorAttempt, Store};
use time::{Duration, OffsetDateTime};

use crate::core::{audit::AuditTrail, clock::Clock, failure::Failure, request_meta::RequestMeta};

/// An attempt that was counted and may now be judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CountedAttempt {
    user: UserId,
    source: FactorSource,
    failures: u32,
    locked_until: Option<OffsetDateTime>,
}

/// Counts attempts at second factors. Clones are cheap.
#[derive(Clone)]
pub(crate) struct FactorLockout {
    store: Store,
    clock: Clock,
    audit: AuditTrail,
}

impl FactorLockout {
    pub(crate) fn new(store: Store, clock: Clock, audit: AuditTrail) -> Self {
        Self { store, clock, audit }
    }

    /// Refuses an attempt until `locked_until`.
    ///
    /// # Errors
    /// `TooMany`.
    pub(crate) fn check(&self, locked_until: Option<OffsetDateTime>) -> Result<(), Failure> {
        let now = self.clock.now();
        locked_until.filter(|until| *until > now).map_or(Ok(()), |until| Err(locked(until, now)))
    }

    /// Counts an attempt, before it is judged.
    ///
    /// # Errors
    /// `TooMany` during a delay, `Unavailable`.
    pub(crate) async fn count(&self, user: UserId, source: FactorSource) -> Result<CountedAttempt, Failure> {
        let now = self.clock.now();
        match self.store.count_factor_attempt(user, source, now).await? {
            FactorAttempt::Counted { failures, locked_until } => {
                Ok(CountedAttempt { user, source, failures, locked_until })
            }
            FactorAttempt::Locked { until } => Err(locked(until, now)),
        }
    }

    /// Resets the count of failures after a correct attempt. An error is only logged, because the request has succeeded
    /// already.
    pub(crate) async fn was_right(&self, attempt: &CountedAttempt) {
        if let Err(error) = self.store.clear_factor_failures(attempt.user, attempt.source).await {
            tracing::warn!(%error, "could not reset the count of wrong second factors after a correct one");
        }
    }

    /// Records the delay that this wrong attempt has begun, if it has begun one.
    ///
    /// # Errors
    /// `Unavailable` if the delay cannot be recorded.
    pub(crate) async fn was_wrong(
        &self,
        attempt: &CountedAttempt,
        meta: &RequestMeta,
    ) -> Result<(), Failure> {
        let Some(until) = attempt.locked_until else { return Ok(()) };
        metrics::counter!("second_factors_locked_total").increment(1);
        let mut event = self.audit.event("second_factor.locked", Outcome::Denied, meta);
        event.user = Some(attempt.user);
        let event = event.with("failures", attempt.failures).with("until", until.unix_timestamp());
        self.audit.record(event).await
    }
}

fn locked(until: OffsetDateTime, now: OffsetDateTime) -> Failure {
    let retry_after = (until - now).max(Duration::SECOND).unsigned_abs();
    Failure::too_many(retry_after, "second_factor_lock", FREE_FAILURES + 1)
}
