//! The sweep: what time has ended is revoked like everything else, and what nobody needs any more is forgotten.
//!
//! Runs on the database's runtime. Nothing waits for it: an expired session is refused whether it was swept or not; the
//! sweep closes its sockets and writes its end down.

use std::{sync::Weak, time::Duration};

use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
    id::SessionId,
};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::{Failure, Parts, Services};
use store::{RevocationRequest, Target};

/// How often.
const EVERY: Duration = Duration::from_secs(30);
/// Signs of life are written late; an idle session is given this much longer before its end is written down.
const GRACE: Duration = Duration::from_secs(15);
/// How long the database must have been there before anybody is idle: nodes write down what they saw meanwhile, and
/// clients come back.
const SETTLED: Duration = Duration::from_secs(2 * EVERY.as_secs());

/// Sweeps until told to stop, or until the services are gone.
pub(crate) async fn run(parts: Weak<Parts>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let Some(services) = parts.upgrade().map(Services) else {
            return;
        };
        let settled = services.feed.current_for() >= SETTLED;
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            // What failed has been logged, and is tried again next time.
            _ = services.sweep_all(settled) => {}
        }
    }
}

impl Services {
    /// One sweep, as of a database that has been there for a while, and one look at the channels.
    ///
    /// # Errors
    /// The first failure; it has kept no other step from being done.
    pub async fn sweep(&self) -> Result<(), Failure> {
        let swept = self.sweep_all(true).await;
        swept.and(self.keep_channels().await)
    }

    /// What costs nothing and frees memory comes first, and no step keeps another from being done.
    async fn sweep_all(&self, settled: bool) -> Result<(), Failure> {
        self.realtime.purge(self.clock.now_ms());
        self.verifier.purge();
        let now = self.clock.now();
        let tickets = self.store.delete_expired_tickets(now).await.map_err(Failure::from);
        let tickets = noted("expired tickets", tickets.map(drop));
        let challenges = self.store.delete_expired_challenges(now).await.map_err(Failure::from);
        let challenges = noted("expired challenges", challenges.map(drop));
        let bans = self.store.delete_expired_bans(now).await.map_err(Failure::from);
        let bans = noted("bans that are over", bans.map(drop));
        let denials = noted("denials that are over", self.forget_denials(now).await);
        let over = noted("sessions past their end", self.end_expired(now).await);
        let open = self.open_sessions();
        let touched = self.store.touch_open(open.clone(), now).await.map_err(Failure::from);
        let touched = noted("sessions with sockets", touched);
        let outside = noted("outside sessions", self.sweep_outside(open.clone(), settled, now).await);
        let idle = if settled { noted("idle sessions", self.end_idle(now, open).await) } else { Ok(()) };
        let months = self.keep_attempts().await;
        let kept = tickets.and(challenges).and(bans).and(denials).and(months);
        kept.and(over).and(touched).and(outside).and(idle)
    }

    /// Makes the months into which attempts to sign in are written, and drops those that are not kept. To be called before
    /// anybody can sign in, too: a month that is made beside a sign-in can make it fail.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. It has been logged; the next sweep tries again.
    pub async fn keep_attempts(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        let months = self.store.keep_attempt_months(now, now - self.settings.attempts_kept).await;
        noted("months of attempts", months.map_err(Failure::from))
    }

    /// Only those with a connection count as open; the actors may name some that are just closing.
    pub(crate) fn open_sessions(&self) -> Vec<SessionId> {
        let named = self.realtime.sessions_with_sockets();
        named.into_iter().filter(|session| self.realtime.open_connections(*session) > 0).collect()
    }

    async fn end_expired(&self, now: OffsetDateTime) -> Result<(), Failure> {
        let expired = self.store.expired_sessions(now).await?;
        self.end_all(expired.into_iter().map(|session| self.expiry(session, now)).collect()).await
    }

    /// A session may be used between the look and its end, here or elsewhere, so the statement that ends it looks again.
    async fn end_idle(&self, now: OffsetDateTime, open: Vec<SessionId>) -> Result<(), Failure> {
        let since = now - (self.settings.sessions.idle + GRACE);
        let mut idle = self.store.idle_sessions(since, open).await?;
        idle.retain(|session| {
            let seen_here = self.verifier.last_seen(*session).is_some_and(|seen| seen > since);
            !seen_here && self.realtime.open_connections(*session) == 0
        });
        let order = |session| RevocationRequest { only_idle_since: Some(since), ..self.expiry(session, now) };
        self.end_all(idle.into_iter().map(order).collect()).await
    }

    /// Carries out every order, unless the database is gone; returns the first failure.
    async fn end_all(&self, orders: Vec<RevocationRequest>) -> Result<(), Failure> {
        let mut first = Ok(());
        for order in orders {
            match self.revoke(order).await {
                Ok(_) => {}
                Err(gone @ Failure::Unavailable { .. }) => return first.and(Err(gone)),
                Err(failure) => first = first.and(Err(failure)),
            }
        }
        first
    }

    fn expiry(&self, session: SessionId, now: OffsetDateTime) -> RevocationRequest {
        RevocationRequest {
            reason: "expired".to_owned(),
            audit: AuditEvent::new("session.expired", Outcome::Success, self.clock.now_ms()),
            ..RevocationRequest::new(Target::Session(session), Cause::SessionExpired, now)
        }
    }
}

/// That the database is away is said elsewhere; everything else is worth a look.
pub(crate) fn noted(step: &str, done: Result<(), Failure>) -> Result<(), Failure> {
    match &done {
        Ok(()) => {}
        Err(Failure::Unavailable { .. }) => tracing::debug!(step, "a step of the sweep is put off"),
        Err(error) => tracing::warn!(step, %error, "a step of the sweep failed"),
    }
    done
}
