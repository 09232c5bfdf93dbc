//! The `Directory`: maps a session id to its actor and a user to the user's sessions, and has the tombstones and the denials.
//!
//! All threads share the directory. The order of its steps ensures that a revocation and a registration cannot miss each other.
//! A registration first registers the connection and then looks for a tombstone. A revocation first records the tombstone and
//! then looks for the session. So in every interleaving, the registration finds the tombstone or the revocation finds the
//! session (`directory_order_tests.rs` tries all of them).
//!
//! The directory maps only sessions with connections on this node to actors. The database transaction of a revocation decides
//! which sessions of a user or a device end, so the result is the same on all nodes.

use std::{
    collections::HashSet,
    sync::{
        Arc, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use actix::{Actor, Addr, ArbiterHandle};
use dashmap::{DashMap, mapref::entry::Entry};
use futures_util::future::join_all;
use logic::{
    denials::{Denial, DenialRecord, Denied, TokenMark},
    session_connections::AttachRefused,
    tombstones::Tombstones,
};
use parking_lot::RwLock;
use protocol::{
    close::{Cause, CloseReason},
    id::{ConnectionId, RevocationId, SessionId, Subject},
};

use super::{
    attachment::{AttachError, AttachRequest, Attachment},
    denial_index::DenialIndex,
    roster::{Roster, RosterEntry, RosterRange},
    session::{
        Attach, AttachedConnection, Describe, Disconnect, DisconnectOne, Incarnation, Manner, Renew, Request,
        Revoke, Session, SessionRegistry,
    },
    token_index::{TokenIndex, TokenUse},
    types::{CONNECTIONS_LISTED, ConnectionInfo, DisconnectRule, RequestRule},
};
use crate::runtime::{
    connection::close_waiter::{CloseCounts, CloseWaiter},
    live::Live,
};

/// The largest number of attempts of one registration. A session actor may stop between the lookup and the message to the
/// actor. If so many attempts fail, there must be another cause.
const ATTACH_TRIES: usize = 5;
/// How many sessions are queried at the same time.
const SESSIONS_AT_ONCE: usize = 64;

struct RegisteredSession {
    address: Addr<Session>,
    incarnation: Incarnation,
    /// The newest revocation of all sessions at the time when the session was opened.
    revoked_all: RevocationId,
}

pub(crate) struct Directory {
    sessions: DashMap<SessionId, RegisteredSession>,
    /// The user index of `sessions`. It changes only while the entry of the session is locked, so that the two maps always
    /// agree. To avoid a deadlock, a reader must release its lock on this map before it looks up a session.
    by_subject: DashMap<Subject, HashSet<SessionId>>,
    denials: DenialIndex,
    /// Which sessions use a token.
    tokens: Arc<TokenIndex>,
    /// The connections in the order of their beginning.
    roster: Arc<Roster>,
    tombstones: RwLock<Tombstones>,
    /// The newest revocation of all sessions. It has the effect of a tombstone for each session that was opened before it.
    revoked_all: AtomicI64,
    /// When the state of a session (for example the user's role) last changed. A socket is refused if its credential was
    /// verified before that moment.
    invalidated: DashMap<SessionId, Instant>,
    /// When this node last began to check which sessions have ended, instead of reading each revocation. A socket of any
    /// session is refused if its credential was verified before that moment.
    judged_anew: RwLock<Option<Instant>>,
    arbiter: ArbiterHandle,
    live: Live,
}

impl Directory {
    pub(crate) fn new(arbiter: ArbiterHandle, live: Live, tombstone_ttl: Duration) -> Arc<Self> {
        Arc::new(Self {
            sessions: DashMap::new(),
            by_subject: DashMap::new(),
            denials: DenialIndex::default(),
            tokens: Arc::default(),
            roster: Arc::default(),
            tombstones: RwLock::new(Tombstones::new(tombstone_ttl)),
            revoked_all: AtomicI64::new(0),
            invalidated: DashMap::new(),
            judged_anew: RwLock::default(),
            arbiter,
            live,
        })
    }

    // ---- registration ----

    /// Registers a connection, then checks that it may stay.
    pub(crate) async fn attach(self: &Arc<Self>, attach: &AttachRequest) -> Result<Attachment, AttachError> {
        let attachment = self.register(attach).await?;
        self.admit(attach)?;
        Ok(attachment)
    }

    /// The second step of [`Self::attach`]: cuts a registered connection that may not stay.
    pub(crate) fn admit(&self, attach: &AttachRequest) -> Result<(), AttachError> {
        let Some(reason) = self.refusal(attach) else { return Ok(()) };
        attach.outbox.cut(reason, None);
        Err(AttachError::Closed(reason))
    }

    /// Why a registered connection may not stay.
    fn refusal(&self, attach: &AttachRequest) -> Option<CloseReason> {
        if let Some(cause) = self.tombstone(attach.session) {
            return Some(cause.close_reason());
        }
        if self.is_revoked_with_all(attach.revoked_all) {
            return Some(Cause::Revoked.close_reason());
        }
        let (subject, token) = (&attach.identity.subject, &attach.identity.token);
        if let Some(denied) = self.denied(subject, token, None, attach.now_ms) {
            return Some(denied.close_reason());
        }
        let void = |since: Instant| since >= attach.verified_at;
        let changed = self.invalidated.get(&attach.session).is_some_and(|at| void(*at));
        let judged_anew = self.judged_anew.read().is_some_and(void);
        (changed || judged_anew).then_some(CloseReason::StateInvalidated)
    }

    /// The first step of [`Self::attach`].
    pub(crate) async fn register(
        self: &Arc<Self>,
        attach: &AttachRequest,
    ) -> Result<Attachment, AttachError> {
        for _ in 0..ATTACH_TRIES {
            let address = self.actor_of(attach);
            let attached = AttachedConnection {
                outbox: attach.outbox.clone(),
                identity: attach.identity.clone(),
                token_use: self.tokens.note(attach.session, &attach.identity.token),
                _place: self.roster.note((attach.now_ms, attach.connection), attach.session),
                transport: attach.transport,
                address: attach.address,
                attached_at_ms: attach.now_ms,
                registered: false,
            };
            let connection = attach.connection;
            let answer = address.send(Attach { connection, attached });
            // The attachment is created before the answer arrives. If the caller stops waiting, the attachment is dropped. The
            // drop removes a connection that was registered meanwhile.
            let attachment = Attachment { address, connection };
            match answer.await {
                Ok(Ok(())) => return Ok(attachment),
                Ok(Err(AttachRefused::Limit)) => return Err(AttachError::Limit),
                // The actor stopped between the lookup and the message.
                Err(_) => tokio::task::yield_now().await,
            }
        }
        Err(AttachError::Unavailable)
    }

    fn actor_of(self: &Arc<Self>, attach: &AttachRequest) -> Addr<Session> {
        let (session, subject, revoked_all) = (attach.session, &attach.identity.subject, attach.revoked_all);
        if let Some(address) = self.address_of(session).filter(Addr::connected) {
            return address;
        }
        // The actor is started before the entry is locked: if the start fails, the actor is dropped here, and its drop locks
        // the entry. If another thread registers an actor first, this actor has no connection and stops when its last address
        // is dropped.
        let incarnation = Incarnation::new();
        let registry: Weak<dyn SessionRegistry> = Arc::<Self>::downgrade(self);
        let live = self.live.clone();
        let actor = Session::new(session, subject.clone(), incarnation.clone(), live, registry);
        let address = Session::start_in_arbiter(&self.arbiter, |_| actor);
        match self.sessions.entry(session) {
            Entry::Occupied(entry) if entry.get().address.connected() => entry.get().address.clone(),
            entry => {
                // The entry stays locked until the end of the block.
                let _entry =
                    entry.insert(RegisteredSession { address: address.clone(), incarnation, revoked_all });
                self.by_subject.entry(subject.clone()).or_default().insert(session);
                address
            }
        }
    }

    fn address_of(&self, session: SessionId) -> Option<Addr<Session>> {
        self.sessions.get(&session).map(|registered| registered.address.clone())
    }

    // ---- revocation ----

    /// Records that a session ended or, for a cause that ends no session, a change of its state.
    pub(crate) fn record_session_end(&self, session: SessionId, cause: Cause) {
        if cause.ends_session() {
            self.tombstones.write().insert(session, cause, Instant::now());
        } else {
            self.invalidated.insert(session, Instant::now());
        }
    }

    pub(crate) fn tombstone(&self, session: SessionId) -> Option<Cause> {
        self.tombstones.read().get(session, Instant::now())
    }

    /// Records a revocation of all sessions. From now on, the tokens of earlier sessions are refused.
    pub(crate) fn record_end_of_all(&self, revocation: RevocationId) {
        self.revoked_all.fetch_max(revocation.0, Ordering::SeqCst);
    }

    /// Whether a session was ended by a revocation of all sessions. `revoked_all` is the newest such revocation at the time
    /// when the session was opened.
    pub(crate) fn is_revoked_with_all(&self, revoked_all: RevocationId) -> bool {
        self.revoked_all.load(Ordering::SeqCst) > revoked_all.0
    }

    /// The sessions with connections on this node that were opened before this revocation of all sessions.
    pub(crate) fn sessions_before(&self, revocation: RevocationId) -> Vec<SessionId> {
        let before = self.sessions.iter().filter(|entry| entry.revoked_all < revocation);
        before.map(|entry| *entry.key()).collect()
    }

    /// From now on, refuses to attach a connection with a credential that was verified before now.
    pub(crate) fn refuse_verified_before_now(&self) {
        *self.judged_anew.write() = Some(Instant::now());
    }

    /// Cuts every connection of the session. The message may exceed the mailbox's bound, but there is only one per session and
    /// call.
    pub(crate) fn cut(&self, session: SessionId, reason: CloseReason, closing: &CloseWaiter) {
        if let Some(registered) = self.sessions.get(&session) {
            registered.address.do_send(Revoke { reason, guard: closing.message() });
        }
    }

    /// Ends those connections of these sessions that `rule` selects, and waits, at most `limit`, until they are severed.
    pub(crate) async fn disconnect(
        &self,
        sessions: &[SessionId],
        rule: &DisconnectRule,
        manner: Manner,
        limit: Duration,
    ) -> CloseCounts {
        let closing = CloseWaiter::default();
        self.begin_disconnect(sessions, rule, manner, &closing);
        closing.wait(limit).await
    }

    /// Ends those connections of these sessions that `rule` selects. The messages may exceed the mailbox's bound, but there is
    /// only one per session and call.
    pub(crate) fn begin_disconnect(
        &self,
        sessions: &[SessionId],
        rule: &DisconnectRule,
        manner: Manner,
        closing: &CloseWaiter,
    ) {
        for session in sessions {
            if let Some(registered) = self.sessions.get(session) {
                let disconnect = Disconnect { rule: Arc::clone(rule), manner, guard: closing.message() };
                registered.address.do_send(disconnect);
            }
        }
    }

    /// Ends one open connection of the session after its queued frames have left. The message may exceed the mailbox's bound,
    /// but there is only one per connection, when the server stops.
    pub(crate) fn disconnect_one(&self, session: SessionId, reason: CloseReason, closing: &CloseWaiter) {
        if let Some(registered) = self.sessions.get(&session) {
            registered.address.do_send(DisconnectOne { reason, guard: closing.message() });
        }
    }

    /// Forgets denials that ended before `now_ms`. Also forgets tombstones, and changes of sessions older than `ttl`: every
    /// access token from before them has expired.
    pub(crate) fn purge(&self, ttl: Duration, now_ms: i64) {
        let now = Instant::now();
        self.tombstones.write().purge(now);
        self.invalidated.retain(|_, at| now.duration_since(*at) < ttl);
        self.denials.purge(now_ms);
    }

    // ---- listings and requests ----

    pub(crate) fn open_connections(&self, session: SessionId) -> usize {
        self.sessions.get(&session).map_or(0, |registered| registered.incarnation.connections())
    }

    pub(crate) fn all_sessions(&self) -> Vec<SessionId> {
        self.sessions.iter().map(|entry| *entry.key()).collect()
    }

    pub(crate) fn sessions_of(&self, subject: &Subject) -> Vec<SessionId> {
        self.by_subject.get(subject).map(|sessions| sessions.iter().copied().collect()).unwrap_or_default()
    }

    /// The sessions of a user; `None` if there are more than `limit`.
    pub(crate) fn few_sessions_of(&self, subject: &Subject, limit: usize) -> Option<Vec<SessionId>> {
        let Some(sessions) = self.by_subject.get(subject) else { return Some(Vec::new()) };
        (sessions.len() <= limit).then(|| sessions.iter().copied().collect())
    }

    /// The number of connections on this node, and of their users.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let connections = self.sessions.iter().map(|entry| entry.incarnation.connections()).sum();
        (connections, self.by_subject.len())
    }

    pub(crate) async fn describe(&self, session: SessionId) -> Vec<ConnectionInfo> {
        match self.address_of(session) {
            Some(address) => address.send(Describe).await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// At most `limit` connections of this part of the roster.
    pub(crate) fn roster_part(&self, range: &RosterRange, limit: usize) -> Vec<RosterEntry> {
        self.roster.part(range, limit)
    }

    /// The connections of these sessions.
    pub(crate) async fn describe_all(&self, sessions: &[SessionId]) -> Vec<ConnectionInfo> {
        let mut found = Vec::new();
        for sessions in sessions.chunks(SESSIONS_AT_ONCE) {
            let described = join_all(sessions.iter().map(|session| self.describe(*session))).await;
            found.extend(described.into_iter().flatten());
        }
        found
    }

    /// The connections of a user, at most [`CONNECTIONS_LISTED`].
    pub(crate) async fn describe_subject(&self, subject: &Subject) -> Vec<ConnectionInfo> {
        let mut found = Vec::new();
        for sessions in self.sessions_of(subject).chunks(SESSIONS_AT_ONCE) {
            let described = join_all(sessions.iter().map(|session| self.describe(*session))).await;
            found.extend(described.into_iter().flatten());
            if found.len() >= CONNECTIONS_LISTED {
                found.truncate(CONNECTIONS_LISTED);
                break;
            }
        }
        found
    }

    /// Sends requests to connections of these sessions; returns how many connections received one.
    pub(crate) async fn request(&self, sessions: &[SessionId], rule: &RequestRule) -> usize {
        let mut reached = 0;
        for sessions in sessions.chunks(SESSIONS_AT_ONCE) {
            let each = sessions.iter().map(|session| self.request_session(*session, rule));
            reached += join_all(each).await.into_iter().sum::<usize>();
        }
        reached
    }

    async fn request_session(&self, session: SessionId, rule: &RequestRule) -> usize {
        match self.address_of(session) {
            Some(address) => address.send(Request(Arc::clone(rule))).await.unwrap_or(0),
            None => 0,
        }
    }

    pub(crate) async fn renew(&self, session: SessionId, connection: ConnectionId, token: TokenMark) {
        if let Some(address) = self.address_of(session) {
            // If the actor has ended, the connection was cut with it.
            let token_use = self.tokens.note(session, &token);
            let _ = address.send(Renew { connection, token, token_use }).await;
        }
    }

    pub(crate) fn note_token_use(&self, session: SessionId, token: &TokenMark) -> Option<TokenUse> {
        self.tokens.note(session, token)
    }

    // ---- denials ----

    pub(crate) fn apply(&self, records: &[DenialRecord], now_ms: i64) {
        for record in records {
            self.denials.apply(record, now_ms);
        }
    }

    pub(crate) fn load(&self, records: &[DenialRecord], now_ms: i64) {
        for record in records {
            self.denials.load(record, now_ms);
        }
    }

    pub(crate) fn begin_denial_reload(&self) {
        self.denials.begin_reload();
    }

    pub(crate) fn finish_denial_reload(&self) {
        self.denials.finish_reload();
    }

    pub(crate) fn denied(
        &self,
        subject: &Subject,
        token: &TokenMark,
        channel: Option<&str>,
        now_ms: i64,
    ) -> Option<Denied> {
        self.denials.judge(subject, token, channel, now_ms)
    }

    /// The sessions that may have denied connections or subscriptions.
    pub(crate) fn affected_sessions(&self, records: &[DenialRecord]) -> Vec<SessionId> {
        let mut sessions = Vec::new();
        for record in records {
            match &record.denial {
                Denial::Token { id } => sessions.extend(self.tokens.sessions(id)),
                Denial::User { subject, .. } | Denial::IssuedBefore { subject, .. } => {
                    sessions.extend(self.sessions_of(subject));
                }
                Denial::AllIssuedBefore { .. } => sessions.extend(self.all_sessions()),
            }
        }
        sessions.sort_unstable();
        sessions.dedup();
        sessions
    }
}

impl SessionRegistry for Directory {
    fn remove(&self, session: SessionId, subject: &Subject, incarnation: &Incarnation) {
        let Entry::Occupied(entry) = self.sessions.entry(session) else { return };
        if !entry.get().incarnation.is(incarnation) {
            return;
        }
        if let Entry::Occupied(mut sessions) = self.by_subject.entry(subject.clone()) {
            sessions.get_mut().remove(&session);
            if sessions.get().is_empty() {
                sessions.remove();
            }
        }
        entry.remove();
    }
}

#[cfg(test)]
#[path = "directory_order_tests.rs"]
mod order_tests;
