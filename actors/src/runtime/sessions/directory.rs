//! The `Directory`: from a session id to its actor, and the tombstones.
//!
//! Shared by every thread. The order that keeps revocation and registration from missing each other: a connection is
//! registered first and the tombstone looked up second; a revocation buries first and looks for the session second.
//! In every interleaving one of the two sees the other.
//!
//! Which sessions a user or a device has is not kept here: the revoking transaction answers that, one truth for every
//! node.

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix::{Actor, Addr, ArbiterHandle};
use dashmap::{DashMap, mapref::entry::Entry};
use parking_lot::RwLock;

use super::{
    Bearer, Transport,
    session::{Attach, ConnectionInfo, Describe, Detach, Member, Revoke, Session},
};
use crate::runtime::connection::{close_waiter::Closing, outbox::Outbox};
use logic::{denials::Denials, session_connections::AttachRefused, tombstones::Tombstones};
use protocol::{
    close::{Cause, CloseReason},
    id::{ConnectionId, SessionId, Subject},
};

/// A session actor may stop between being found and being asked; more often than this it is something else.
const ATTACH_TRIES: usize = 5;

/// Identity and size of one incarnation of a session actor.
#[derive(Clone)]
pub(crate) struct Instance(Arc<AtomicUsize>);

impl Instance {
    fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(0)))
    }

    pub(crate) fn set_connections(&self, count: usize) {
        self.0.store(count, Ordering::Release);
    }

    pub(crate) fn connections(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

pub(crate) struct Registered {
    pub(crate) address: Addr<Session>,
    pub(crate) instance: Instance,
}

pub(crate) struct Directory {
    pub(crate) sessions: DashMap<SessionId, Registered>,
    /// The sessions in `sessions`, by whom they speak for. Changed only while the session's entry is held, so that both
    /// always agree; whoever reads it lets go of it before looking there.
    pub(crate) by_subject: DashMap<Subject, HashSet<SessionId>>,
    pub(crate) denials: RwLock<Denials>,
    tombstones: RwLock<Tombstones>,
    /// When what a session's sockets were told stopped being true (a changed role): sockets verified before are refused.
    invalidated: DashMap<SessionId, Instant>,
    arbiter: ArbiterHandle,
    connections_per_session: usize,
}

/// A connection that wants to belong to its session.
pub struct AttachRequest {
    /// The session it was verified for.
    pub session: SessionId,
    /// The connection.
    pub connection: ConnectionId,
    /// For whom it speaks. Every connection of a session speaks for the same user.
    pub bearer: Bearer,
    /// How it is carried.
    pub transport: Transport,
    /// Its queue, which is also its switch.
    pub outbox: Outbox,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// Wall time, in milliseconds since the epoch.
    pub now_ms: i64,
    /// When verifying its credential began.
    pub verified_at: Instant,
}

/// Why a connection was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// The session has ended, or what the socket was told about it is no longer true.
    #[error("the session was closed: {}", .0.text())]
    Closed(CloseReason),
    /// The session holds as many connections as it may.
    #[error("too many connections")]
    Limit,
    /// The session's actor could not be reached.
    #[error("the session could not be reached")]
    Unavailable,
}

impl Directory {
    pub(crate) fn new(
        arbiter: ArbiterHandle,
        connections_per_session: usize,
        tombstone_ttl: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            sessions: DashMap::new(),
            by_subject: DashMap::new(),
            denials: RwLock::default(),
            tombstones: RwLock::new(Tombstones::new(tombstone_ttl)),
            invalidated: DashMap::new(),
            arbiter,
            connections_per_session,
        })
    }

    /// Registers a connection, then checks that its session was not revoked meanwhile. `verified_at` is when its
    /// credential was found good.
    pub(crate) async fn attach(self: &Arc<Self>, attach: &AttachRequest) -> Result<Attachment, AttachError> {
        let attachment = self.register(attach).await?;
        if let Some(reason) = self.refusal(attach) {
            attach.outbox.cut(reason, None);
            return Err(AttachError::Closed(reason));
        }
        Ok(attachment)
    }

    /// Why a connection that is registered may not stay.
    fn refusal(&self, attach: &AttachRequest) -> Option<CloseReason> {
        if let Some(cause) = self.tombstone(attach.session) {
            return Some(cause.close_reason());
        }
        let (subject, token) = (&attach.bearer.subject, &attach.bearer.token);
        if let Some(denied) = self.denied(subject, token, None, attach.now_ms) {
            return Some(denied.close_reason());
        }
        let invalidated = self.invalidated.get(&attach.session)?;
        (*invalidated >= attach.verified_at).then_some(CloseReason::StateInvalidated)
    }

    async fn register(self: &Arc<Self>, attach: &AttachRequest) -> Result<Attachment, AttachError> {
        for _ in 0..ATTACH_TRIES {
            let address = self.actor_of(attach.session, &attach.bearer.subject);
            let member = Member {
                outbox: attach.outbox.clone(),
                bearer: attach.bearer.clone(),
                transport: attach.transport,
                address: attach.address,
                attached_at_ms: attach.now_ms,
                registered: false,
            };
            let connection = attach.connection;
            let asked = address.send(Attach { connection, member });
            // Made before the answer: if nobody waits for that any more, dropping it takes back what may have been done.
            let attachment = Attachment { address, connection };
            match asked.await {
                Ok(Ok(())) => return Ok(attachment),
                Ok(Err(AttachRefused::Limit)) => return Err(AttachError::Limit),
                // It stopped, empty, between being found and being asked.
                Err(_) => tokio::task::yield_now().await,
            }
        }
        Err(AttachError::Unavailable)
    }

    fn actor_of(self: &Arc<Self>, session: SessionId, subject: &Subject) -> Addr<Session> {
        match self.sessions.entry(session) {
            Entry::Occupied(entry) if entry.get().address.connected() => entry.get().address.clone(),
            entry => {
                let instance = Instance::new();
                let actor = Session::new(
                    session,
                    subject.clone(),
                    instance.clone(),
                    self.connections_per_session,
                    Arc::downgrade(self),
                );
                let address = Session::start_in_arbiter(&self.arbiter, |_| actor);
                // The entry is held until the end of the block.
                let _entry = entry.insert(Registered { address: address.clone(), instance });
                self.by_subject.entry(subject.clone()).or_default().insert(session);
                address
            }
        }
    }

    /// Removes this incarnation; a successor under the same id stays.
    pub(crate) fn remove(&self, session: SessionId, subject: &Subject, instance: &Instance) {
        let Entry::Occupied(entry) = self.sessions.entry(session) else { return };
        if !Arc::ptr_eq(&entry.get().instance.0, &instance.0) {
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

    /// Remembers that a session ended. From here on nothing of it verifies or registers.
    pub(crate) fn bury(&self, session: SessionId, cause: Cause) {
        if cause.ends_session() {
            self.tombstones.write().bury(session, cause, Instant::now());
        } else {
            self.invalidated.insert(session, Instant::now());
        }
    }

    pub(crate) fn tombstone(&self, session: SessionId) -> Option<Cause> {
        self.tombstones.read().get(session, Instant::now())
    }

    /// Cuts every connection of the session. Unbounded pushes, but one per session and revocation.
    pub(crate) fn cut(&self, session: SessionId, reason: CloseReason, closing: &Closing) {
        if let Some(registered) = self.sessions.get(&session) {
            registered.address.do_send(Revoke { reason, guard: closing.message() });
        }
    }

    pub(crate) fn open_connections(&self, session: SessionId) -> usize {
        self.sessions.get(&session).map_or(0, |registered| registered.instance.connections())
    }

    pub(crate) fn all_sessions(&self) -> Vec<SessionId> {
        self.sessions.iter().map(|entry| *entry.key()).collect()
    }

    pub(crate) async fn describe(&self, session: SessionId) -> Vec<ConnectionInfo> {
        let address = self.sessions.get(&session).map(|registered| registered.address.clone());
        match address {
            Some(address) => address.send(Describe).await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Forgets tombstones that have outlived every token they bar, and denials that are over at `now_ms`.
    pub(crate) fn purge(&self, ttl: Duration, now_ms: i64) {
        let now = Instant::now();
        self.tombstones.write().purge(now);
        self.invalidated.retain(|_, at| now.duration_since(*at) < ttl);
        self.denials.write().purge(now_ms);
    }
}

/// Keeps a connection registered; dropping it takes the connection out of its session.
pub struct Attachment {
    pub(crate) address: Addr<Session>,
    pub(crate) connection: ConnectionId,
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // Unbounded, but once per connection.
        self.address.do_send(Detach(self.connection));
    }
}
