//! The verifier decides whether an access token or a ticket is valid. Every entrance asks it, and no other code decides this.
//!
//! The verifier checks the signature of an access token, then the tombstone, then the session, then the denials. The session
//! comes from the cache if this node is current and the entry is recent enough, otherwise from the database. If the database is
//! needed and cannot be reached, the answer is `Unavailable`. The caller's rights come from the user's role as it is now; a
//! token can only narrow them.

use std::sync::Arc;

use actors::{Realtime, runtime::SessionActivity};
use domain::{
    account::role::Role,
    session::{Lifetime, ended},
    tokens::{
        access_token::{TokenError, access_ttl},
        credential::Credential,
    },
};
use logic::denials::{Denials, Denied, TokenMark};
use protocol::{
    close::Cause,
    id::{SessionId, Subject, UserId},
};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use store::{SessionWithUser, Store};
use time::OffsetDateTime;

use super::{
    cached_session::CachedSession,
    feed_state::FeedState,
    outages::Outages,
    refusal::{Refusal, not_judged},
    session_cache::SessionCache,
    session_changes::{SessionChanges, SessionWatch},
};
use crate::core::{
    caller::Caller,
    clock::{Clock, millis},
    failure::Failure,
    keys::LiveKeys,
};

/// The most sessions in the cache. Each needs about 500 bytes.
const CAPACITY: usize = 200_000;
/// If a request has several genuine tokens in cookies, at most this many of them are verified.
const MAX_CANDIDATES: usize = 4;
/// A cached session is read again after this time, because some changes come without a revocation. An example is a step-up on
/// another node, which takes the privilege from earlier tokens.
const FRESH_MS: i64 = 60_000;

/// Judges credentials. Clones are cheap and share the cache.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    store: Store,
    realtime: Realtime,
    keys: LiveKeys,
    feed: Arc<FeedState>,
    outages: Arc<Outages>,
    clock: Clock,
    cache: SessionCache<Arc<CachedSession>>,
    changes: SessionChanges,
}

impl Verifier {
    pub(crate) fn new(
        store: Store,
        realtime: Realtime,
        keys: LiveKeys,
        feed: Arc<FeedState>,
        outages: Arc<Outages>,
        clock: Clock,
    ) -> Self {
        let cache = SessionCache::new(CAPACITY);
        let changes = SessionChanges::default();
        Self(Arc::new(Inner { store, realtime, keys, feed, outages, clock, cache, changes }))
    }

    /// Verifies an access token.
    ///
    /// # Errors
    /// Why the token is refused.
    pub async fn verify(&self, token: &str) -> Result<Caller, Refusal> {
        counted("access_token", self.caller_of_token(token).await)
    }

    async fn caller_of_token(&self, token: &str) -> Result<Caller, Refusal> {
        let now = self.0.clock.now();
        let claims = self.0.keys.live().access.verify(token, now.unix_timestamp()).map_err(token_refusal)?;
        let known = self.session(claims.sid, claims.privilege_epoch, now).await?;
        if known.session.user.0 != claims.id {
            return Err(Refusal::Invalid("invalid_token"));
        }
        self.check_denials(&known.session.user.into(), &known.mark(&claims), None, now).await?;
        self.note_use(&known, claims.refresh_counter, now).await?;
        Ok(known.caller(&claims, now))
    }

    /// Reduces a credential to one token. A browser may send several cookies of one name. The newest token that verifies, or
    /// that cannot be judged now, is chosen; at most `MAX_CANDIDATES` genuine tokens are tried. If all tried tokens are
    /// refused, the newest genuine token is chosen. If no token is genuine, the last cookie of the request is chosen.
    pub async fn choose(&self, credential: Credential) -> Credential {
        if credential.others.is_empty() {
            return credential;
        }
        let genuine = self.0.keys.live().access.newest_first(credential.candidates());
        let mut chosen = genuine.first().map(|(token, _)| *token);
        for (token, _) in genuine.iter().take(MAX_CANDIDATES) {
            // A token that cannot be judged now may be the right one, so no older token is chosen instead.
            if matches!(self.verify(token.expose_secret()).await, Ok(_) | Err(Refusal::Unavailable)) {
                chosen = Some(token);
                break;
            }
        }
        let token = chosen.unwrap_or(&credential.token).clone();
        Credential { token, others: Vec::new(), source: credential.source }
    }

    /// Verifies a ticket and consumes it.
    ///
    /// # Errors
    /// Why the ticket is refused.
    pub async fn verify_ticket(&self, ticket: &str) -> Result<Caller, Refusal> {
        counted("ticket", self.caller_of_ticket(ticket).await)
    }

    async fn caller_of_ticket(&self, ticket: &str) -> Result<Caller, Refusal> {
        let now = self.0.clock.now();
        let consumed = self.0.store.consume_ticket(Sha256::digest(ticket).into(), now).await;
        let ticket = consumed.map_err(not_judged)?.ok_or(Refusal::Invalid("invalid_ticket"))?;
        let known = self.session(ticket.session, 0, now).await?;
        self.check_denials(&known.session.user.into(), &ticket.token, None, now).await?;
        self.note_use(&known, known.used_counter(), now).await?;
        let expires_at = now + access_ttl(now, known.session.expires_at);
        Ok(known.ticket_holder(ticket, expires_at))
    }

    /// Checks that neither the user nor the token is denied. `channel` is the channel of a subscription token.
    ///
    /// # Errors
    /// `Denied`; `Unavailable` if the denials cannot be read.
    pub async fn check_denials(
        &self,
        subject: &Subject,
        token: &TokenMark,
        channel: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let Inner { store, realtime, feed, .. } = &*self.0;
        if !feed.has_begun().await {
            return Err(Refusal::Unavailable);
        }
        let now_ms = millis(now);
        let denied = if feed.is_current() {
            realtime.denied(subject, token, channel, now_ms)
        } else {
            let id = token.id.as_deref().map(str::to_owned);
            let rulings = store.denials_about(subject.clone(), id, now).await.map_err(not_judged)?;
            let mut denials = Denials::default();
            rulings.iter().for_each(|ruling| denials.apply(ruling, now_ms));
            denials.judge(subject, token, channel, now_ms)
        };
        denied.map_or(Ok(()), |denied| Err(Refusal::Denied(denied)))
    }

    /// Whether the user is blocked. Sign-ins ask this, because they have no token yet.
    ///
    /// # Errors
    /// `Unavailable` if the denials cannot be read.
    pub(crate) async fn is_blocked(&self, user: UserId) -> Result<bool, Failure> {
        match self.check_user(user, self.0.clock.now()).await {
            Ok(()) => Ok(false),
            Err(Refusal::Denied(Denied::Blocked)) => Ok(true),
            Err(_) => Err(Failure::unavailable()),
        }
    }

    /// Judges a caller of an earlier moment again: the session, the user and the token. Returns the user's role as it is in the
    /// database now. The cache does not suffice. A role may also be changed by a statement of a database administrator, and
    /// then no node gets a notice. The expiry of the token is not judged, because a request may last longer than its token.
    ///
    /// # Errors
    /// Why the caller is refused.
    pub(crate) async fn judge_again(&self, caller: &Caller) -> Result<Role, Refusal> {
        let now = self.0.clock.now();
        self.check_tombstone(caller.session)?;
        if !self.0.feed.has_begun().await {
            return Err(Refusal::Unavailable);
        }
        let known = self.stored_session(caller.session, now).await?;
        self.check_denials(&caller.user.into(), &caller.token, None, now).await?;
        Ok(known.role)
    }

    /// Refuses a session that has a tombstone, without asking the database.
    ///
    /// # Errors
    /// `Ended`.
    pub(crate) fn check_tombstone(&self, session: SessionId) -> Result<(), Refusal> {
        self.0.realtime.tombstone(session).map_or(Ok(()), |cause| Err(Refusal::Ended(cause)))
    }

    /// Judges a session that was just read from the database, for credentials other than access tokens. The session must not be
    /// revoked or expired, its account must be active, and its user must not be blocked.
    ///
    /// # Errors
    /// `Ended`, `Forbidden`, `Denied`; `Unavailable` if the denials cannot be read.
    pub(crate) async fn judge(&self, live: &SessionWithUser, now: OffsetDateTime) -> Result<(), Refusal> {
        let id = live.session.id;
        self.check_tombstone(id)?;
        let known = CachedSession::new(live.clone(), millis(now));
        // This node may have seen uses that the database does not know yet.
        if let Some(cached) = self.0.cache.get(id) {
            known.inherit(&cached);
        }
        self.judge_session(&known, now)?;
        self.check_user(live.user.id, now).await
    }

    /// Removes a session from the cache. The results of reads that are under way are not cached, either. Call this after the
    /// session was revoked or changed. If it was revoked, set its tombstone first.
    pub(crate) fn invalidate(&self, session: SessionId) {
        self.0.cache.invalidate(session);
        self.0.changes.note(Some(session));
    }

    /// Watches a session: this node removes it from the cache when it learns of a change.
    pub(crate) fn watch(&self, session: SessionId) -> SessionWatch {
        self.0.changes.watch(session)
    }

    /// The highest refresh counter of the session's access tokens with a use that this node knows of. 0 if the session is not
    /// in the cache. The counter in the database may differ.
    pub(crate) fn used_counter(&self, session: SessionId) -> u64 {
        self.0.cache.get(session).map_or(0, |known| known.used_counter())
    }

    /// The last use of a session that this node knows of. `None` if the session is not in the cache.
    pub(crate) fn last_seen(&self, session: SessionId) -> Option<OffsetDateTime> {
        self.0.cache.get(session).map(|known| known.last_seen())
    }

    /// Removes every session from the cache. The results of reads that are under way are not cached, either.
    pub(crate) fn invalidate_all(&self) {
        self.0.cache.invalidate_all();
        self.0.changes.note(None);
    }

    /// Removes cached sessions that are too old to be used.
    pub(crate) fn purge(&self) {
        let oldest = self.0.clock.now_ms() - FRESH_MS;
        self.0.cache.retain(|known| known.read_at_ms > oldest);
    }

    /// The session, if it works at `now`. An entry of the cache is used only if its privilege epoch is `epoch` or later.
    async fn session(
        &self,
        id: SessionId,
        epoch: u32,
        now: OffsetDateTime,
    ) -> Result<Arc<CachedSession>, Refusal> {
        self.check_tombstone(id)?;
        if !self.0.feed.has_begun().await {
            return Err(Refusal::Unavailable);
        }
        if self.0.feed.is_current()
            && let Some(known) = self.cached(id, epoch, now)
        {
            return Ok(known);
        }
        self.stored_session(id, now).await
    }

    /// The session as it is in the database, if it works at `now`.
    async fn stored_session(
        &self,
        id: SessionId,
        now: OffsetDateTime,
    ) -> Result<Arc<CachedSession>, Refusal> {
        let known = self.read(id, now).await?;
        // The session may have been revoked during the read.
        self.check_tombstone(id)?;
        self.judge_session(&known, now)?;
        Ok(known)
    }

    /// The session from the cache, if the entry is fresh and the session works. A refusal never comes from the cache, because
    /// another node may have seen a later use of the session. If the token has a later privilege epoch than the entry, the
    /// entry is older than a step-up or a change of credentials, so it is not used.
    fn cached(&self, id: SessionId, epoch: u32, now: OffsetDateTime) -> Option<Arc<CachedSession>> {
        let known = self.0.cache.get(id)?;
        let fresh = millis(now) - known.read_at_ms < FRESH_MS && known.session.privilege_epoch >= epoch;
        (fresh && self.judge_session(&known, now).is_ok()).then_some(known)
    }

    async fn read(&self, id: SessionId, now: OffsetDateTime) -> Result<Arc<CachedSession>, Refusal> {
        let Inner { store, realtime, feed, cache, .. } = &*self.0;
        // Only what was read while the feed was current may be cached. Then the feed reports every revocation that commits
        // after the read.
        let fence = feed.is_current().then(|| cache.fence());
        let earlier = cache.get(id);
        let live = store.session_with_user(id).await.map_err(not_judged)?;
        let live = live.ok_or(Refusal::Invalid("session_unknown"))?;
        let known = Arc::new(CachedSession::new(live, millis(now)));
        if let Some(earlier) = &earlier {
            known.inherit(earlier);
        }
        self.judge_session(&known, now)?;
        if let Some(fence) = fence {
            cache.drop_if(id, |found| found.read_at_ms < known.read_at_ms);
            cache.fill(fence, id, Arc::clone(&known), || realtime.tombstone(id).is_some());
        }
        Ok(known)
    }

    /// Refuses a session that does not work at `now`: it has ended, or its account is not active.
    fn judge_session(&self, known: &CachedSession, now: OffsetDateTime) -> Result<(), Refusal> {
        if self.0.realtime.is_revoked_with_all(known.session.revoked_all) {
            return Err(Refusal::Ended(Cause::Revoked));
        }
        let Inner { outages, .. } = &*self.0;
        let lifetime = |open_sockets| {
            let lifetime = known.lifetime(open_sockets);
            Lifetime { last_seen_at: outages.last_use(lifetime.last_seen_at), ..lifetime }
        };
        let mut over = ended(&lifetime(0), outages.idle(), now);
        if over.is_some() && known.session.revoked.is_none() {
            // Counting open sockets costs more, so it is done only for a session that seems to be idle.
            let open = self.0.realtime.open_connections(known.session.id);
            over = ended(&lifetime(open), outages.idle(), now);
        }
        match over {
            Some(cause) => Err(Refusal::Ended(cause)),
            None if !known.active => Err(Refusal::Forbidden("account_inactive")),
            None => Ok(()),
        }
    }

    /// Checks that the user is not blocked.
    async fn check_user(&self, user: UserId, now: OffsetDateTime) -> Result<(), Refusal> {
        // This token has no id and the latest possible time of issue, so no denial of tokens applies to it. Only its user can
        // be denied.
        let token = TokenMark { id: None, issued_at_ms: Some(i64::MAX) };
        self.check_denials(&user.into(), &token, None, now).await
    }

    /// Notes a use. Two kinds of uses are written before the request continues:
    /// - The first use of a refresh counter. It decides whether the previous refresh token is still accepted. So it must be
    ///   known on other nodes, and after a crash of this node.
    /// - A use after a pause of at least half of the idle timeout. If it were not written, another node could treat the session
    ///   as idle.
    ///
    /// Other uses are written later, in batches.
    async fn note_use(
        &self,
        known: &CachedSession,
        refresh_counter: u64,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let silent = now - known.last_seen() >= self.0.outages.idle() / 2;
        if silent || known.used_counter() < refresh_counter {
            let id = known.session.id;
            if !self.0.store.write_use(id, refresh_counter, now).await.map_err(not_judged)? {
                // The session was revoked after this read, and this node does not know that revocation yet.
                self.invalidate(id);
                self.read(id, now).await?;
                return Err(Refusal::Unavailable);
            }
        }
        let at_ms = millis(now);
        if known.note_use(refresh_counter, at_ms) {
            self.0.realtime.seen(SessionActivity {
                user: known.session.user,
                session: known.session.id,
                device: known.session.device,
                address: None,
                at_ms,
                generation: known.used_counter(),
            });
        }
        Ok(())
    }
}

/// Counts a check of a credential of this kind.
fn counted(credential: &'static str, checked: Result<Caller, Refusal>) -> Result<Caller, Refusal> {
    let result = checked.as_ref().map_or_else(|refusal| refusal.code(), |_| "valid");
    metrics::counter!("token_checks_total", "credential" => credential, "result" => result).increment(1);
    checked
}

fn token_refusal(error: TokenError) -> Refusal {
    if error.is_expired() { Refusal::Expired } else { Refusal::Invalid("invalid_token") }
}
