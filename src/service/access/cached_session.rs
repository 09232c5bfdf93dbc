//! A session in the verifier's cache: the session and its user as they were read, and the uses that this node has seen since
//! then.
//!
//! The verifier makes a `Caller` from the cached session and the credential. This file does no I/O and reads no clock.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use domain::{
    account::role::{Role, Scopes},
    session::Lifetime,
    tokens::access_token::Claims,
};
use logic::denials::TokenMark;
use store::{Session, SessionWithUser, Ticket};
use time::OffsetDateTime;

use crate::core::{caller::Caller, clock::millis};

/// The shortest time between two reports of uses of a session to the database. The first use of a new refresh counter is
/// reported at once.
const REPORT_MS: i64 = 10_000;

/// A session as it was read, and the uses that this node has seen since then.
pub(crate) struct CachedSession {
    pub(crate) session: Session,
    pub(crate) role: Role,
    pub(crate) active: bool,
    pub(crate) read_at_ms: i64,
    email: String,
    last_seen_ms: AtomicI64,
    reported_ms: AtomicI64,
    used_counter: AtomicU64,
}

impl CachedSession {
    pub(crate) fn new(live: SessionWithUser, read_at_ms: i64) -> Self {
        let SessionWithUser { session, user } = live;
        let last_seen_ms = millis(session.last_seen_at);
        Self {
            email: user.email,
            role: user.role,
            active: user.status.is_active(),
            read_at_ms,
            last_seen_ms: AtomicI64::new(last_seen_ms),
            reported_ms: AtomicI64::new(last_seen_ms),
            used_counter: AtomicU64::new(session.used_counter),
            session,
        }
    }

    /// Takes over the uses that were noted in an earlier cache entry of the same session.
    pub(crate) fn inherit(&self, earlier: &Self) {
        let seen = earlier.last_seen_ms.load(Ordering::Relaxed);
        self.last_seen_ms.fetch_max(seen, Ordering::Relaxed);
        self.used_counter.fetch_max(earlier.used_counter(), Ordering::Relaxed);
    }

    /// The highest refresh counter among the session's access tokens that have been used.
    pub(crate) fn used_counter(&self) -> u64 {
        self.used_counter.load(Ordering::Relaxed)
    }

    /// The last use of the session that this node knows.
    pub(crate) fn last_seen(&self) -> OffsetDateTime {
        let nanos = i128::from(self.last_seen_ms.load(Ordering::Relaxed)) * 1_000_000;
        let seen = OffsetDateTime::from_unix_timestamp_nanos(nanos);
        seen.map_or(self.session.last_seen_at, |seen| seen.max(self.session.last_seen_at))
    }

    pub(crate) fn lifetime(&self, open_sockets: usize) -> Lifetime {
        Lifetime { last_seen_at: self.last_seen(), ..self.session.lifetime(open_sockets) }
    }

    /// Notes a use. `true` if the use must be reported: the last report is at least ten seconds old, or this is the first use
    /// of a refresh counter. The first use cannot wait, because it decides whether a late retry with the previous refresh token
    /// may still be answered.
    pub(crate) fn note_use(&self, refresh_counter: u64, at_ms: i64) -> bool {
        self.last_seen_ms.fetch_max(at_ms, Ordering::Relaxed);
        let first = self.used_counter.fetch_max(refresh_counter, Ordering::Relaxed) < refresh_counter;
        let reported = self.reported_ms.load(Ordering::Relaxed);
        if !first && at_ms - reported < REPORT_MS {
            return false;
        }
        // Of several simultaneous uses, only one is reported. The first use of a refresh counter is always reported.
        let exchanged =
            self.reported_ms.compare_exchange(reported, at_ms, Ordering::Relaxed, Ordering::Relaxed);
        first || exchanged.is_ok()
    }

    /// The caller of an access token with these claims.
    pub(crate) fn caller(&self, claims: &Claims, now: OffsetDateTime) -> Caller {
        let session = &self.session;
        // Tokens from before the last step-up or change of credentials do not carry the privilege.
        let carried = claims.privilege_epoch >= session.privilege_epoch;
        Caller {
            scopes: self.role.scopes().intersect(Scopes::parse(&claims.scopes)),
            refresh_counter: claims.refresh_counter,
            privileged_until: session.privileged_until.filter(|until| carried && *until > now),
            privilege_epoch: claims.privilege_epoch,
            token_expires_at: OffsetDateTime::from_unix_timestamp(claims.exp).unwrap_or(session.expires_at),
            token: self.mark(claims),
            ..self.without_rights()
        }
    }

    /// The properties that denials of a token with these claims look at. The claim `iat` is in whole seconds, but the start of
    /// the session is known to the millisecond. The token is not older than its session, so the time of issue in the result is
    /// not earlier than that start.
    pub(crate) fn mark(&self, claims: &Claims) -> TokenMark {
        let issued_at_ms = claims.iat.saturating_mul(1_000).max(millis(self.session.created_at));
        TokenMark { id: Some(claims.jti.hyphenated().to_string().into()), issued_at_ms: Some(issued_at_ms) }
    }

    /// The caller of this ticket. The credential of the connection that the ticket opens expires at `expires_at`.
    pub(crate) fn ticket_holder(&self, ticket: Ticket, expires_at: OffsetDateTime) -> Caller {
        Caller {
            scopes: self.role.scopes().intersect(ticket.scopes),
            refresh_counter: self.used_counter(),
            token_expires_at: expires_at,
            token: ticket.token,
            ..self.without_rights()
        }
    }

    /// The user of this session as a caller without rights. The methods above add the rights of the credential.
    fn without_rights(&self) -> Caller {
        let session = &self.session;
        Caller {
            user: session.user,
            email: self.email.clone(),
            role: self.role,
            scopes: Scopes::NONE,
            session: session.id,
            revoked_all: session.revoked_all,
            device: session.device,
            refresh_counter: 0,
            session_created_at: session.created_at,
            session_expires_at: session.expires_at,
            privileged_until: None,
            privilege_epoch: 0,
            token_expires_at: session.expires_at,
            token: TokenMark::default(),
        }
    }
}

#[cfg(test)]
#[path = "cached_session_tests.rs"]
mod tests;
