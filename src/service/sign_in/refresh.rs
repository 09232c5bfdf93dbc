//! Refreshing: exchanges a refresh token, once, for the next pair of tokens.
//!
//! `domain::tokens::refresh_token` decides what a genuine token means: for example, the next exchange, a retry after a lost
//! answer, or a stolen token. The database makes sure that each exchange and each late retry happens once. A refresh does not
//! affect open sockets.

use std::time::Duration;

use actors::Realtime;
use domain::tokens::refresh_token::{ChainState, Decision, RefreshToken, decide};
use logic::tally::Series;
use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
};
use store::{RevocationRequest, Session, SessionWithUser, Store, Target};
use time::OffsetDateTime;

use crate::{
    access::{
        issue_tokens::{SessionTokens, TokenIssuer},
        refusal::Refusal,
        verifier::Verifier,
    },
    core::{
        audit::AuditTrail,
        clock::{Clock, after},
        failure::Failure,
        keys::LiveKeys,
        request_meta::RequestMeta,
        throttle::Throttle,
    },
    revocation::revoke::Revoker,
};

/// If other requests change the session's refresh counter at the same time, an exchange is tried this many times.
const MAX_ATTEMPTS: usize = 4;

/// The most sessions that are compared if one request has several refresh tokens.
const MAX_CANDIDATES: usize = 4;

/// Exchanges refresh tokens.
pub struct Refresh(Parts);

/// The parts of [`Refresh`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) verifier: Verifier,
    pub(crate) keys: LiveKeys,
    pub(crate) tokens: TokenIssuer,
    pub(crate) revoker: Revoker,
    /// How long a refresh token lives.
    pub(crate) lifetime: Duration,
}

impl Refresh {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// `Invalid` for a token that is forged, superseded or reused, and for a token of an ended session. If the token was
    /// reused, its session has ended when this error is returned. `Forbidden` for a blocked user, `TooMany`, `Unavailable`.
    pub async fn exchange(&self, token: &str, meta: &RequestMeta) -> Result<SessionTokens, Failure> {
        let throttle = &self.0.throttle;
        throttle.spend_for_address(throttle.limits().refresh_address, meta.address).await?;
        self.exchange_admitted(token, meta).await
    }

    /// Exchanges a token. Call this only after the ban and the rate limit of the address were checked.
    async fn exchange_admitted(&self, token: &str, meta: &RequestMeta) -> Result<SessionTokens, Failure> {
        let Parts { store, throttle, clock, keys, tokens, .. } = &self.0;
        // A forged token says nothing about any session, so it changes nothing.
        let token = keys.live().refresh.decode(token).map_err(|_| invalid_token())?;
        throttle.spend(throttle.limits().refresh_session, &token.session.to_string()).await?;
        for _ in 0..MAX_ATTEMPTS {
            let live = self.working_session(&token).await?;
            let now = clock.now();
            let decision = decide(token.counter, &self.chain(&live.session), now);
            let session = match decision {
                Decision::Rotate => self.rotate(&live, now, meta).await?,
                Decision::Repeat => Some(live.session),
                Decision::RepeatLate => {
                    let event = self.event(&live, "refresh.repeated_late", Outcome::Success, meta);
                    store.spend_late_retry(token.session, live.session.refresh_counter, now, event).await?
                }
                Decision::Superseded => return Err(self.refuse_superseded(&live, meta).await),
                Decision::Reuse => return Err(self.end_reused(&live, token.counter, meta).await),
                Decision::Forged => return Err(invalid_token()),
            };
            // `None`: another request was faster. Start again with the new state of the session.
            if let Some(session) = session {
                self.count(decision);
                return Ok(tokens.session_tokens(live.user, session));
            }
        }
        Err(Failure::unavailable())
    }

    /// Exchanges the newest of the refresh tokens that a browser sent. Of several tokens of one session, this is the token with
    /// the highest counter. Of several sessions, it is the token of the working session that began last. An older token must
    /// not be exchanged beside a newer one, because the older token would look stolen. If no token is genuine, the last one is
    /// refused.
    ///
    /// # Errors
    /// The errors of [`exchange`](Self::exchange). `Unavailable` also if the sessions cannot be compared.
    pub async fn exchange_newest(
        &self,
        sent: &[String],
        meta: &RequestMeta,
    ) -> Result<SessionTokens, Failure> {
        let throttle = &self.0.throttle;
        throttle.spend_for_address(throttle.limits().refresh_address, meta.address).await?;
        let newest = match &*self.candidates(sent) {
            [] => sent.last().map_or("", String::as_str),
            [(_, only)] => *only,
            several => self.newest(several).await?,
        };
        self.exchange_admitted(newest, meta).await
    }

    /// The genuine tokens among `sent`: for each session, the token with the highest counter. If there are more than
    /// [`MAX_CANDIDATES`] sessions, only those of the last tokens in the request are kept. Browsers send cookies with equally
    /// long paths in the order of their creation.
    fn candidates<'s>(&self, sent: &'s [String]) -> Vec<(RefreshToken, &'s str)> {
        let mut found: Vec<(RefreshToken, &str)> = Vec::new();
        for text in sent.iter().rev() {
            let Ok(token) = self.0.keys.live().refresh.decode(text) else { continue };
            let text = text.as_str();
            match found.iter().position(|(known, _)| known.session == token.session) {
                Some(at) if found[at].0.counter < token.counter => found[at] = (token, text),
                None if found.len() < MAX_CANDIDATES => found.push((token, text)),
                Some(_) | None => {}
            }
        }
        found
    }

    /// The token of the working session that began last. If no session works, the token of the session that began last.
    async fn newest<'s>(&self, several: &[(RefreshToken, &'s str)]) -> Result<&'s str, Failure> {
        let mut newest = None;
        for (token, text) in several {
            let Some(live) = self.0.store.session_with_user(token.session).await? else { continue };
            let works = match self.judge(&live).await {
                Ok(()) => true,
                Err(Failure::Unavailable { retry_after }) => {
                    return Err(Failure::Unavailable { retry_after });
                }
                Err(_) => false,
            };
            let rank = (works, live.session.created_at);
            if newest.is_none_or(|(best, _)| best < rank) {
                newest = Some((rank, *text));
            }
        }
        Ok(newest.map_or(several[0].1, |(_, text)| text))
    }

    async fn rotate(
        &self,
        live: &SessionWithUser,
        now: OffsetDateTime,
        meta: &RequestMeta,
    ) -> Result<Option<Session>, Failure> {
        let expires_at = after(now, self.0.lifetime);
        let counter = live.session.refresh_counter;
        let event = self.event(live, "session.refreshed", Outcome::Success, meta);
        let event = event.with("counter", counter + 1);
        Ok(self.0.store.rotate_refresh(live.session.id, counter, now, expires_at, event).await?)
    }

    /// The token's session, if the verifier says that it works and the refresh token has not expired.
    async fn working_session(&self, token: &RefreshToken) -> Result<SessionWithUser, Failure> {
        let Parts { store, verifier, .. } = &self.0;
        verifier.check_tombstone(token.session).map_err(refused)?;
        let live = store.session_with_user(token.session).await?.ok_or_else(invalid_token)?;
        self.judge(&live).await?;
        Ok(live)
    }

    async fn judge(&self, live: &SessionWithUser) -> Result<(), Failure> {
        let now = self.0.clock.now();
        if live.session.refresh_expires_at <= now {
            return Err(Failure::session_ended());
        }
        self.0.verifier.judge(live, now).await.map_err(refused)
    }

    fn chain(&self, session: &Session) -> ChainState {
        ChainState {
            counter: session.refresh_counter,
            rotated_at: session.refresh_rotated_at,
            used_counter: session.used_counter.max(self.0.verifier.used_counter(session.id)),
            retried_counter: session.retried_counter,
            renewed_counter: session.renewed_counter,
        }
    }

    fn count(&self, decision: Decision) {
        let outcome = outcome(decision);
        metrics::counter!("refreshes_total", "outcome" => outcome).increment(1);
        self.0.realtime.tally().count(Series::Refreshes, outcome, 1);
    }

    /// Records the use of a token that a step-up or a change of credentials has replaced. The session does not end.
    async fn refuse_superseded(&self, live: &SessionWithUser, meta: &RequestMeta) -> Failure {
        self.count(Decision::Superseded);
        let event = self.event(live, "refresh.superseded", Outcome::Denied, meta);
        match self.0.audit.record(event).await {
            Ok(()) => Failure::superseded_token(),
            Err(failure) => failure,
        }
    }

    /// Ends the session of a token that was replaced and is shown again, because the token counts as copied. The answer is 401
    /// only if the end was committed.
    async fn end_reused(&self, live: &SessionWithUser, presented: u64, meta: &RequestMeta) -> Failure {
        self.count(Decision::Reuse);
        let event = self.event(live, "refresh.reused", Outcome::Denied, meta);
        let order = RevocationRequest {
            reason: "a refresh token was used again".to_owned(),
            audit: event.with("presented", presented).with("current", live.session.refresh_counter),
            ..RevocationRequest::new(
                Target::Session(live.session.id),
                Cause::RefreshReused,
                self.0.clock.now(),
            )
        };
        match self.0.revoker.revoke(order).await {
            Ok(_) => {
                Failure::invalid("refresh_reused", "The session has ended because its token was used twice.")
            }
            Err(failure) => failure,
        }
    }

    fn event(&self, live: &SessionWithUser, name: &str, outcome: Outcome, meta: &RequestMeta) -> AuditEvent {
        AuditEvent {
            user: Some(live.user.id),
            session: Some(live.session.id),
            device: Some(live.session.device),
            ..self.0.audit.event(name, outcome, meta)
        }
    }
}

/// The word for a decision in metrics.
fn outcome(decision: Decision) -> &'static str {
    match decision {
        Decision::Rotate => "rotated",
        Decision::Repeat => "repeated",
        Decision::RepeatLate => "repeated_late",
        Decision::Superseded => "superseded",
        Decision::Reuse => "reused",
        Decision::Forged => "forged",
    }
}

/// The failure for a session that the verifier refuses. A disabled account has no sessions, so its answer is "ended", too.
fn refused(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Ended(_) | Refusal::Forbidden(_) => Failure::session_ended(),
        Refusal::Denied(_) => Failure::forbidden("user_blocked", "This user is blocked."),
        Refusal::Unavailable => Failure::unavailable(),
        Refusal::Invalid(_) | Refusal::Expired => invalid_token(),
    }
}

fn invalid_token() -> Failure {
    Failure::invalid("invalid_refresh_token", "The refresh token is not valid. Sign in again.")
}
