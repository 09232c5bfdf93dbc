//! Refreshing: the next pair of tokens for a refresh token, once, with room for lost answers and none for thieves.
//!
//! What a token means is decided by the rule in `domain::tokens::refresh_token`; what happens once is decided by the database. An open
//! socket never notices a refresh.

use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
};
use time::OffsetDateTime;

use crate::{Failure, Meta, Services, SignedIn};
use domain::{
    session::ended,
    tokens::refresh_token::{ChainState, Decision, RefreshToken, decide},
};
use store::{RevocationRequest, Session, SessionWithUser, Target};

/// How often another request may win the race before this one gives up: each time the chain has moved on.
const TRIES: usize = 4;

impl Services {
    /// Redeems a refresh token.
    ///
    /// # Errors
    /// `Invalid` for a token that is forged, spent or of a session that has ended; a reused one has ended its session when
    /// this returns. `TooMany`, `Unavailable`.
    pub async fn refresh(&self, token: &str, meta: &Meta) -> Result<SignedIn, Failure> {
        self.throttle_address(self.limits.refresh_address, meta).await?;
        // A forged token says nothing about any session, so it changes nothing.
        let token = self.refresh_keys.decode(token).map_err(|_| invalid())?;
        self.throttle(self.limits.refresh_session, &token.session.to_string()).await?;
        for _ in 0..TRIES {
            let live = self.working(&token).await?;
            let now = self.clock.now();
            let decision = decide(token.counter, &self.chain(&live.session), now);
            let session = match decision {
                Decision::Rotate => self.rotate(&live, now, meta).await?,
                Decision::Repeat => Some(live.session),
                Decision::RepeatLate => {
                    let event = event(self, &live, "refresh.repeated_late", Outcome::Success, meta);
                    self.store
                        .spend_late_retry(token.session, live.session.refresh_counter, now, event)
                        .await?
                }
                Decision::Reuse => return Err(self.end_reused(&live, token.counter, meta).await),
                Decision::Forged => return Err(invalid()),
            };
            // Without a session, somebody else was first: look again.
            if let Some(session) = session {
                metrics::counter!("refreshes_total", "outcome" => outcome(decision)).increment(1);
                return Ok(self.grant(live.user, session));
            }
        }
        Err(Failure::unavailable())
    }

    async fn rotate(
        &self,
        live: &SessionWithUser,
        now: OffsetDateTime,
        meta: &Meta,
    ) -> Result<Option<Session>, Failure> {
        let expires_at = now + self.settings.sessions.refresh;
        let counter = live.session.refresh_counter;
        let event =
            event(self, live, "session.refreshed", Outcome::Success, meta).with("counter", counter + 1);
        Ok(self.store.rotate_refresh(live.session.id, counter, now, expires_at, event).await?)
    }

    /// The token's session, if it works.
    async fn working(&self, token: &RefreshToken) -> Result<SessionWithUser, Failure> {
        if self.realtime.tombstone(token.session).is_some() {
            return Err(Failure::session_ended());
        }
        let live = self.store.session_with_user(token.session).await?.ok_or_else(invalid)?;
        let now = self.clock.now();
        let mut lifetime = live.session.lifetime(self.realtime.open_connections(token.session));
        // This node may know of a later sign of life than the one that was written.
        if let Some(seen) = self.verifier.last_seen(token.session) {
            lifetime.last_seen_at = lifetime.last_seen_at.max(seen);
        }
        let over = ended(&lifetime, self.settings.sessions.idle, now).is_some();
        if over || !live.user.status.is_active() || live.session.refresh_expires_at <= now {
            return Err(Failure::session_ended());
        }
        if self.is_blocked(live.user.id).await? {
            return Err(Failure::forbidden("user_blocked", "This account may not come in."));
        }
        Ok(live)
    }

    fn chain(&self, session: &Session) -> ChainState {
        ChainState {
            counter: session.refresh_counter,
            rotated_at: session.refresh_rotated_at,
            used_counter: session.used_counter.max(self.verifier.used_counter(session.id)),
            retried_counter: session.retried_counter,
        }
    }

    /// Ends the session whose token was used again. Only when that is committed is the answer 401.
    async fn end_reused(&self, live: &SessionWithUser, presented: u64, meta: &Meta) -> Failure {
        metrics::counter!("refreshes_total", "outcome" => outcome(Decision::Reuse)).increment(1);
        let event = event(self, live, "refresh.reused", Outcome::Denied, meta);
        let order = RevocationRequest {
            reason: "a refresh token was used again".to_owned(),
            audit: event.with("presented", presented).with("current", live.session.refresh_counter),
            ..RevocationRequest::new(Target::Session(live.session.id), Cause::RefreshReused, self.clock.now())
        };
        match self.revoke(order).await {
            Ok(_) => {
                Failure::invalid("refresh_reused", "The session has ended because its token was used twice.")
            }
            Err(failure) => failure,
        }
    }
}

fn outcome(decision: Decision) -> &'static str {
    match decision {
        Decision::Rotate => "rotated",
        Decision::Repeat => "repeated",
        Decision::RepeatLate => "repeated_late",
        Decision::Reuse => "reused",
        Decision::Forged => "forged",
    }
}

fn event(
    services: &Services,
    live: &SessionWithUser,
    name: &str,
    outcome: Outcome,
    meta: &Meta,
) -> AuditEvent {
    AuditEvent {
        user: Some(live.user.id),
        session: Some(live.session.id),
        device: Some(live.session.device),
        ..services.event(name, outcome, meta)
    }
}

fn invalid() -> Failure {
    Failure::invalid("invalid_refresh_token", "The refresh token is not valid. Sign in again.")
}
