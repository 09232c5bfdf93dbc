//! The one verifier: every door asks here whether a credential is good, and gets the same answer.
//!
//! Signature first, then the tombstone, then what is known of the session: from the cache while this node has heard of
//! every revocation, from the database when it may not have, and if that cannot be asked either, the answer is
//! `Unavailable`. What a caller may do comes from the live role; a token can only narrow it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use portcullis_actors::{
    Realtime,
    id::{DeviceId, SessionId, UserId},
    runtime::Seen,
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::{
    cache::Cache,
    clock::{Clock, millis},
    feed::Feed,
    outcome::Refusal,
};
use crate::{
    domain::{
        role::{Role, Scopes},
        session::{SessionLimits, ended},
        token::{AccessKeys, Claims, TokenError, access_ttl},
    },
    store::{LiveSession, Session, Store, StoreError},
};

/// Sessions remembered at most; some 500 bytes each.
const CAPACITY: usize = 200_000;
/// What is remembered is read anew after this long, so that what no revocation announces (a step-up on another node)
/// arrives, too.
const FRESH_MS: i64 = 60_000;
/// A session's sign of life is passed on at most this often.
const REPORT_MS: i64 = 10_000;

/// Who is calling, and what they may do.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// Their address.
    pub email: String,
    /// Their live role.
    pub role: Role,
    /// What the live role permits and the token does not withhold.
    pub scopes: Scopes,
    /// The session.
    pub session: SessionId,
    /// Its device.
    pub device: DeviceId,
    /// The refresh counter that the token came with.
    pub generation: u64,
    /// The sign-in.
    pub session_created_at: OffsetDateTime,
    /// The session's absolute end.
    pub session_expires_at: OffsetDateTime,
    /// Until when this token carries the privilege of a fresh proof of presence.
    pub privileged_until: Option<OffsetDateTime>,
    /// When the credential expires.
    pub token_expires_at: OffsetDateTime,
}

/// Where the verifier gets its answers from.
pub(super) struct Sources {
    pub(super) store: Store,
    pub(super) realtime: Realtime,
    pub(super) keys: Arc<AccessKeys>,
    pub(super) feed: Arc<Feed>,
    pub(super) clock: Clock,
    pub(super) limits: SessionLimits,
}

/// The verifier.
pub struct Verifier {
    sources: Sources,
    cache: Cache<Arc<Known>>,
}

/// A session as it was read, with what happened since.
struct Known {
    session: Session,
    email: String,
    role: Role,
    active: bool,
    read_at_ms: i64,
    last_seen_ms: AtomicI64,
    reported_ms: AtomicI64,
    used_counter: AtomicU64,
}

impl Known {
    fn new(live: LiveSession, read_at_ms: i64) -> Self {
        let LiveSession { session, user } = live;
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

    fn lifetime(&self, open_sockets: usize) -> crate::domain::session::Lifetime {
        let mut lifetime = self.session.lifetime(open_sockets);
        let seen = i128::from(self.last_seen_ms.load(Ordering::Relaxed)) * 1_000_000;
        let seen = OffsetDateTime::from_unix_timestamp_nanos(seen).unwrap_or(lifetime.last_seen_at);
        lifetime.last_seen_at = lifetime.last_seen_at.max(seen);
        lifetime
    }
}

impl Verifier {
    pub(super) fn new(sources: Sources) -> Self {
        Self {
            sources,
            cache: Cache::new(CAPACITY),
        }
    }

    /// Judges an access token.
    ///
    /// # Errors
    /// Why it does not open the door.
    pub async fn verify(&self, token: &str) -> Result<Caller, Refusal> {
        let now = self.sources.clock.now();
        let claims = self
            .sources
            .keys
            .verify(token, now.unix_timestamp())
            .map_err(refusal)?;
        let known = self.session(claims.sid, Some(claims.iat), now).await?;
        if known.session.user.0 != claims.id {
            return Err(Refusal::Invalid("invalid_token"));
        }
        self.note_use(&known, claims.generation, now);
        Ok(caller(&known, &claims, now))
    }

    /// Judges a ticket, and uses it up.
    ///
    /// # Errors
    /// Why it does not open the door.
    pub async fn verify_ticket(&self, ticket: &str) -> Result<Caller, Refusal> {
        let now = self.sources.clock.now();
        let consumed = self
            .sources
            .store
            .consume_ticket(Sha256::digest(ticket).into(), now)
            .await;
        let ticket = consumed
            .map_err(unavailable)?
            .ok_or(Refusal::Invalid("invalid_ticket"))?;
        let known = self.session(ticket.session, None, now).await?;
        let generation = known.used_counter.load(Ordering::Relaxed);
        self.note_use(&known, generation, now);
        Ok(Caller {
            scopes: known.role.scopes().intersect(ticket.scopes),
            generation,
            privileged_until: None,
            token_expires_at: now + access_ttl(now, known.session.expires_at),
            ..identity(&known)
        })
    }

    /// Forgets a session, and voids what is being read about it. Called when it was revoked or changed, after its
    /// tombstone was put up.
    pub(super) fn invalidate(&self, session: SessionId) {
        self.cache.invalidate(session);
    }

    /// The highest refresh counter whose access token was used here, which the database may not know yet.
    pub(super) fn used_counter(&self, session: SessionId) -> u64 {
        self.cache
            .get(session)
            .map_or(0, |known| known.used_counter.load(Ordering::Relaxed))
    }

    /// The last use of a session that this node knows of.
    pub(super) fn last_seen(&self, session: SessionId) -> Option<OffsetDateTime> {
        let known = self.cache.get(session)?;
        Some(known.lifetime(0).last_seen_at)
    }

    /// Drops what would be read anew anyway.
    pub(super) fn purge(&self) {
        let oldest = self.sources.clock.now_ms() - FRESH_MS;
        self.cache.retain(|known| known.read_at_ms > oldest);
    }

    /// What is known of a session that works at `now`. `issued` is when the credential was made: what was read before
    /// that may lack what the credential was made for.
    async fn session(
        &self,
        id: SessionId,
        issued: Option<i64>,
        now: OffsetDateTime,
    ) -> Result<Arc<Known>, Refusal> {
        let Sources { realtime, feed, .. } = &self.sources;
        if let Some(cause) = realtime.tombstone(id) {
            return Err(Refusal::Ended(cause));
        }
        if !feed.has_begun().await {
            return Err(Refusal::Unavailable);
        }
        if feed.is_current()
            && let Some(known) = self.remembered(id, issued, now)
        {
            return Ok(known);
        }
        let known = self.read(id, now).await?;
        // It may have been revoked while it was being read.
        match realtime.tombstone(id) {
            Some(cause) => Err(Refusal::Ended(cause)),
            None => Ok(known),
        }
    }

    /// From the cache, if that is fresh and says that the session works. A no is never given from memory: another node
    /// may have seen the session later.
    fn remembered(&self, id: SessionId, issued: Option<i64>, now: OffsetDateTime) -> Option<Arc<Known>> {
        let known = self.cache.get(id)?;
        let stale = millis(now) - known.read_at_ms >= FRESH_MS
            || issued.is_some_and(|issued| issued.saturating_mul(1000) > known.read_at_ms);
        if stale || self.judge(&known, now).is_err() {
            return None;
        }
        Some(known)
    }

    async fn read(&self, id: SessionId, now: OffsetDateTime) -> Result<Arc<Known>, Refusal> {
        let Sources {
            store,
            realtime,
            feed,
            ..
        } = &self.sources;
        // Only what was read while revocations were being heard of may be remembered: one that came before the feed's
        // first look would never be announced.
        let fence = feed.is_current().then(|| self.cache.fence());
        let earlier = self.cache.get(id);
        let live = store.live_session(id).await.map_err(unavailable)?;
        let live = live.ok_or(Refusal::Invalid("session_unknown"))?;
        let known = Arc::new(Known::new(live, millis(now)));
        if let Some(earlier) = &earlier {
            known
                .last_seen_ms
                .fetch_max(earlier.last_seen_ms.load(Ordering::Relaxed), Ordering::Relaxed);
            known
                .used_counter
                .fetch_max(earlier.used_counter.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.judge(&known, now)?;
        if let Some(fence) = fence {
            self.cache
                .drop_if(id, |found| found.read_at_ms < known.read_at_ms);
            if self.cache.is_full() {
                self.purge();
            }
            self.cache
                .fill(fence, id, Arc::clone(&known), || realtime.tombstone(id).is_some());
        }
        Ok(known)
    }

    /// Whether the session works at `now`.
    fn judge(&self, known: &Known, now: OffsetDateTime) -> Result<(), Refusal> {
        let idle = self.sources.limits.idle;
        let mut over = ended(&known.lifetime(0), idle, now);
        if over.is_some() && known.session.revoked.is_none() {
            // Only now is it worth asking for open sockets.
            let open = self.sources.realtime.open_connections(known.session.id);
            over = ended(&known.lifetime(open), idle, now);
        }
        match over {
            Some(cause) => Err(Refusal::Ended(cause)),
            None if !known.active => Err(Refusal::Forbidden("account_inactive")),
            None => Ok(()),
        }
    }

    /// Remembers that the session was used, and passes it on now and then, and at once for a new generation: that
    /// decides whether a late retry of the refresh token before it may still be answered.
    fn note_use(&self, known: &Known, generation: u64, now: OffsetDateTime) {
        let at_ms = millis(now);
        known.last_seen_ms.fetch_max(at_ms, Ordering::Relaxed);
        let first_use = known.used_counter.fetch_max(generation, Ordering::Relaxed) < generation;
        let reported = known.reported_ms.load(Ordering::Relaxed);
        let due = at_ms - reported >= REPORT_MS
            && known
                .reported_ms
                .compare_exchange(reported, at_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if first_use || due {
            self.sources.realtime.seen(Seen {
                user: known.session.user,
                session: known.session.id,
                device: known.session.device,
                address: None,
                at_ms,
                generation: known.used_counter.load(Ordering::Relaxed),
            });
        }
    }
}

fn caller(known: &Known, claims: &Claims, now: OffsetDateTime) -> Caller {
    let session = &known.session;
    // Tokens issued before the last proof of presence do not carry its privilege.
    let carried = session
        .privileged_since
        .is_some_and(|since| claims.iat >= since.unix_timestamp());
    Caller {
        scopes: known.role.scopes().intersect(Scopes::parse(&claims.scopes)),
        generation: claims.generation,
        privileged_until: session.privileged_until.filter(|until| carried && *until > now),
        token_expires_at: OffsetDateTime::from_unix_timestamp(claims.exp).unwrap_or(session.expires_at),
        ..identity(known)
    }
}

/// Who it is, with no rights at all.
fn identity(known: &Known) -> Caller {
    let session = &known.session;
    Caller {
        user: session.user,
        email: known.email.clone(),
        role: known.role,
        scopes: Scopes::NONE,
        session: session.id,
        device: session.device,
        generation: 0,
        session_created_at: session.created_at,
        session_expires_at: session.expires_at,
        privileged_until: None,
        token_expires_at: session.expires_at,
    }
}

fn refusal(error: TokenError) -> Refusal {
    if error.is_expired() {
        Refusal::Expired
    } else {
        Refusal::Invalid("invalid_token")
    }
}

/// Whatever keeps the store from answering, the credential has not been judged.
fn unavailable(error: StoreError) -> Refusal {
    match error {
        StoreError::Unavailable(reason) => tracing::debug!(%reason, "a credential could not be judged"),
        error => tracing::error!(%error, "a credential could not be judged"),
    }
    Refusal::Unavailable
}
