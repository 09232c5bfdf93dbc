//! The one verifier: every door asks here whether a credential is good, and gets the same answer.
//!
//! Signature first, then the tombstone, then what is known of the session: from the cache while this node has heard of
//! every revocation, from the database when it may not have, and if that cannot be asked either, the answer is
//! `Unavailable`. What a caller may do comes from the live role; a token can only narrow it.

use std::sync::Arc;

use actors::{Realtime, runtime::Seen};
use logic::denials::Denials;
use logic::denials::TokenMark;
use protocol::id::{SessionId, Subject};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::{
    access::{
        cached_session::{Caller, Known},
        session_cache::Cache,
    },
    core::{
        clock::{Clock, millis},
        failure::{Refusal, refused},
    },
    upkeep::revocation_feed::Feed,
};
use domain::{
    session::{SessionLimits, ended},
    tokens::access_token::{AccessKeys, TokenError, access_ttl},
};
use store::Store;

/// Sessions remembered at most; some 500 bytes each.
const CAPACITY: usize = 200_000;
/// What is remembered is read anew after this long, so that what no revocation announces (a step-up on another node, which
/// takes the privilege from earlier tokens) arrives, too.
const FRESH_MS: i64 = 60_000;

/// Where the verifier gets its answers from.
pub(crate) struct Sources {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) keys: Arc<AccessKeys>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) clock: Clock,
    pub(crate) limits: SessionLimits,
}

/// The verifier.
pub struct Verifier {
    sources: Sources,
    cache: Cache<Arc<Known>>,
}

impl Verifier {
    pub(crate) fn new(sources: Sources) -> Self {
        Self { sources, cache: Cache::new(CAPACITY) }
    }

    /// Judges an access token.
    ///
    /// # Errors
    /// Why it does not open the door.
    pub async fn verify(&self, token: &str) -> Result<Caller, Refusal> {
        let now = self.sources.clock.now();
        let claims = self.sources.keys.verify(token, now.unix_timestamp()).map_err(refusal)?;
        let known = self.session(claims.sid, claims.privilege_epoch, now).await?;
        if known.session.user.0 != claims.id {
            return Err(Refusal::Invalid("invalid_token"));
        }
        self.admit(&known.session.user.into(), &known.mark(&claims), None, now).await?;
        self.note_use(&known, claims.refresh_counter, now);
        Ok(known.caller(&claims, now))
    }

    /// Judges a ticket, and uses it up.
    ///
    /// # Errors
    /// Why it does not open the door.
    pub async fn verify_ticket(&self, ticket: &str) -> Result<Caller, Refusal> {
        let now = self.sources.clock.now();
        let consumed = self.sources.store.consume_ticket(Sha256::digest(ticket).into(), now).await;
        let ticket = consumed.map_err(refused)?.ok_or(Refusal::Invalid("invalid_ticket"))?;
        let known = self.session(ticket.session, 0, now).await?;
        self.admit(&known.session.user.into(), &ticket.token, None, now).await?;
        self.note_use(&known, known.used_counter(), now);
        let expires_at = now + access_ttl(now, known.session.expires_at);
        Ok(known.ticket_holder(ticket, expires_at))
    }

    /// Whether the bearer of a token, which is otherwise good, may come in: neither is denied. A token of a subscription
    /// names its channel.
    ///
    /// # Errors
    /// `Denied`; `Unavailable` if it cannot be told.
    pub async fn admit(
        &self,
        subject: &Subject,
        token: &TokenMark,
        channel: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let Sources { store, realtime, feed, .. } = &self.sources;
        if !feed.has_begun().await {
            return Err(Refusal::Unavailable);
        }
        let now_ms = millis(now);
        let denied = if feed.is_current() {
            realtime.denied(subject, token, channel, now_ms)
        } else {
            let id = token.id.as_deref().map(str::to_owned);
            let rulings = store.denials_about(subject.clone(), id, now).await.map_err(refused)?;
            let mut denials = Denials::default();
            rulings.iter().for_each(|ruling| denials.apply(ruling, now_ms));
            denials.judge(subject, token, channel, now_ms)
        };
        denied.map_or(Ok(()), |denied| Err(Refusal::Denied(denied)))
    }

    /// Forgets a session, and voids what is being read about it. Called when it was revoked or changed, after its
    /// tombstone was put up.
    pub(crate) fn invalidate(&self, session: SessionId) {
        self.cache.invalidate(session);
    }

    /// The highest refresh counter whose access token was used here, which the database may not know yet.
    pub(crate) fn used_counter(&self, session: SessionId) -> u64 {
        self.cache.get(session).map_or(0, |known| known.used_counter())
    }

    /// The last use of a session that this node knows of.
    pub(crate) fn last_seen(&self, session: SessionId) -> Option<OffsetDateTime> {
        self.cache.get(session).map(|known| known.last_seen())
    }

    /// Drops what would be read anew anyway.
    pub(crate) fn purge(&self) {
        let oldest = self.sources.clock.now_ms() - FRESH_MS;
        self.cache.retain(|known| known.read_at_ms > oldest);
    }

    /// What is known of a session that works at `now`, and whose privilege epoch has come to `epoch`.
    async fn session(&self, id: SessionId, epoch: u32, now: OffsetDateTime) -> Result<Arc<Known>, Refusal> {
        let Sources { realtime, feed, .. } = &self.sources;
        if let Some(cause) = realtime.tombstone(id) {
            return Err(Refusal::Ended(cause));
        }
        if !feed.has_begun().await {
            return Err(Refusal::Unavailable);
        }
        if feed.is_current()
            && let Some(known) = self.remembered(id, epoch, now)
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
    /// may have seen the session later. A token of a later epoch proves that presence was proven since.
    fn remembered(&self, id: SessionId, epoch: u32, now: OffsetDateTime) -> Option<Arc<Known>> {
        let known = self.cache.get(id)?;
        let fresh = millis(now) - known.read_at_ms < FRESH_MS && known.session.privilege_epoch >= epoch;
        (fresh && self.judge(&known, now).is_ok()).then_some(known)
    }

    async fn read(&self, id: SessionId, now: OffsetDateTime) -> Result<Arc<Known>, Refusal> {
        let Sources { store, realtime, feed, .. } = &self.sources;
        // Only what was read while revocations were being heard of may be remembered: one that came before the feed's
        // first look would never be announced.
        let fence = feed.is_current().then(|| self.cache.fence());
        let earlier = self.cache.get(id);
        let live = store.session_with_user(id).await.map_err(refused)?;
        let live = live.ok_or(Refusal::Invalid("session_unknown"))?;
        let known = Arc::new(Known::new(live, millis(now)));
        if let Some(earlier) = &earlier {
            known.inherit(earlier);
        }
        self.judge(&known, now)?;
        if let Some(fence) = fence {
            self.cache.drop_if(id, |found| found.read_at_ms < known.read_at_ms);
            self.cache.fill(fence, id, Arc::clone(&known), || realtime.tombstone(id).is_some());
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

    fn note_use(&self, known: &Known, refresh_counter: u64, now: OffsetDateTime) {
        let at_ms = millis(now);
        if known.note_use(refresh_counter, at_ms) {
            self.sources.realtime.seen(Seen {
                user: known.session.user,
                session: known.session.id,
                device: known.session.device,
                address: None,
                at_ms,
                generation: known.used_counter(),
            });
        }
    }
}

fn refusal(error: TokenError) -> Refusal {
    if error.is_expired() { Refusal::Expired } else { Refusal::Invalid("invalid_token") }
}
