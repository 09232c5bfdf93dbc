//! Sessions of connections with a token of an external issuer or without a token. Each session belongs to one connection.
//!
//! The sockets' admission begins a session before it registers the connection, so that the connection can be listed and ended
//! like any other. While the connection is open, heartbeats in the database show that its session is in use. When the
//! connection ends, the guard of its session is dropped. A job of `upkeep` writes the ends in batches, because many connections
//! may end at once.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use actors::Realtime;
use domain::issuer::OutsideConnection;
use parking_lot::Mutex;
use protocol::{
    close::CloseReason,
    id::{ConnectionId, RevocationId, SessionId},
};
use store::{ExternalSession, Store, StoreError, TOUCHED_AT_ONCE};
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    access::refusal::{Refusal, not_judged},
    core::{clock::Clock, failure::Failure},
};

/// The most ends that wait to be written. Further ends are dropped. The expiry job ends those sessions when they have had no
/// heartbeat for [`DEAD_AFTER`].
const MAX_WAITING_ENDS: usize = 200_000;
/// An external session that has had no heartbeat for this period is ended. Heartbeats are written every half minute.
const DEAD_AFTER: Duration = Duration::from_secs(90);
/// If the last heartbeat is more recent than this, no other node has ended the session as an orphan. This holds even for a node
/// with a clock that is half a minute ahead.
const ALIVE: Duration = Duration::from_secs(60);

/// Sessions without a connection, until their ends are written.
#[derive(Default)]
struct EndedSessions {
    sessions: Mutex<Vec<SessionId>>,
    added: Arc<Notify>,
}

impl EndedSessions {
    fn take(&self) -> Vec<SessionId> {
        std::mem::take(&mut *self.sessions.lock())
    }

    fn add(&self, more: impl IntoIterator<Item = SessionId>) {
        let mut sessions = self.sessions.lock();
        let free = MAX_WAITING_ENDS.saturating_sub(sessions.len());
        sessions.extend(more.into_iter().take(free));
        drop(sessions);
        self.added.notify_one();
    }
}

/// Keeps an external session open. The session's connection holds the guard. Dropping the guard ends the session.
pub struct ExternalSessionGuard {
    ended: Arc<EndedSessions>,
    session: SessionId,
}

impl Drop for ExternalSessionGuard {
    fn drop(&mut self) {
        self.ended.add([self.session]);
    }
}

/// Begins, prolongs and ends external sessions. Clones are cheap and share the same sessions.
#[derive(Clone)]
pub struct ExternalSessions {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    /// The id of this process. It is written into the rows of its sessions.
    node: Uuid,
    ended: Arc<EndedSessions>,
    /// When this node last wrote heartbeats.
    last_heartbeat: Arc<Mutex<Option<Instant>>>,
}

impl ExternalSessions {
    /// `node` is the id of this process.
    pub(crate) fn new(store: Store, realtime: Realtime, clock: Clock, node: Uuid) -> Self {
        Self { store, realtime, clock, node, ended: Arc::default(), last_heartbeat: Arc::default() }
    }

    /// Begins a session. The connection must be registered after this, not before. If the request is dropped, the session ends
    /// as soon as its row is written. Also returns the id of the last revocation of all sessions before the beginning of this
    /// session.
    ///
    /// # Errors
    /// `Unavailable` if the row cannot be written: such a connection could not be listed and ended, so it is not accepted.
    pub async fn begin(
        &self,
        session: SessionId,
        granted: &OutsideConnection,
        connection: ConnectionId,
        address: IpAddr,
    ) -> Result<(ExternalSessionGuard, RevocationId), Refusal> {
        let now = self.clock.now();
        let written = ExternalSession {
            id: session,
            issuer: granted.issuer.to_string(),
            subject: granted.subject.clone(),
            token_id: granted.token_id.clone(),
            connection,
            node: self.node,
            address: Some(address),
            created_at: now,
            last_seen_at: now,
            expires_at: granted.expires_at.and_then(from_unix),
            ended_at: None,
            revoked_at: None,
        };
        let store = self.store.clone();
        let guard = ExternalSessionGuard { ended: Arc::clone(&self.ended), session };
        // The task that writes the row holds the guard. If the guard were dropped earlier, there would be no row to end.
        let begun =
            async move { store.insert_external(written).await.map(|revoked_all| (guard, revoked_all)) };
        match self.store.runtime().spawn(begun).await {
            Ok(begun) => begun.map_err(not_judged),
            Err(_) => Err(Refusal::Unavailable),
        }
    }

    /// Records that the client has shown a newer token. `false` if the session has ended meanwhile.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn prolong(&self, session: SessionId, granted: &OutsideConnection) -> Result<bool, Refusal> {
        let end = granted.expires_at.and_then(from_unix);
        let lives = self.store.prolong_external(session, granted.token_id.clone(), end, self.clock.now());
        lives.await.map_err(not_judged)
    }

    /// Writes heartbeats of the external sessions in `open`, and ends orphans. `settled` says that the database was reachable
    /// for some time, so that every node has written its heartbeats.
    pub(crate) async fn expire(
        &self,
        open: Vec<SessionId>,
        settled: bool,
        now: OffsetDateTime,
    ) -> Result<(), Failure> {
        self.write_heartbeats(open).await?;
        // After a full batch there may be more.
        while settled && self.store.end_orphans(now - DEAD_AFTER, now).await? == TOUCHED_AT_ONCE as u64 {}
        Ok(())
    }

    /// Writes heartbeats after a gap of the revocation feed, before the feed counts as current again. During the gap, another
    /// node may have ended sessions of this node as orphans. Revocations after that did not include these sessions. So the
    /// connections of these sessions on this node are closed here.
    pub(crate) async fn write_heartbeats_after_gap(&self) -> Result<(), StoreError> {
        let last = *self.last_heartbeat.lock();
        if last.is_some_and(|last| self.clock.moment().saturating_duration_since(last) < ALIVE) {
            return Ok(());
        }
        self.write_heartbeats(open_sessions(&self.realtime)).await
    }

    /// A notification for each end that begins to wait. It wakes the job that writes ends.
    pub(crate) fn end_added(&self) -> Arc<Notify> {
        Arc::clone(&self.ended.added)
    }

    /// Writes the ends that are waiting. If the database does not accept them, they wait again.
    ///
    /// # Errors
    /// `Unavailable` if the database does not accept them.
    pub(crate) async fn write_ends(&self) -> Result<(), Failure> {
        let ended = self.ended.take();
        if ended.is_empty() {
            return Ok(());
        }
        for (written, some) in ended.chunks(TOUCHED_AT_ONCE).enumerate() {
            if let Err(error) = self.store.end_external(some.to_vec(), self.clock.now()).await {
                tracing::debug!(%error, "could not write ends of external sessions; will retry");
                self.ended.add(ended.iter().skip(written * TOUCHED_AT_ONCE).copied());
                return Err(Failure::unavailable());
            }
        }
        Ok(())
    }

    /// Writes heartbeats of the external sessions in `open`. If this node cannot write for a while, another node may end a
    /// session as an orphan. The connection of this session can then be neither listed nor revoked. So this function closes the
    /// connection, and the client opens another one.
    async fn write_heartbeats(&self, open: Vec<SessionId>) -> Result<(), StoreError> {
        let moment = self.clock.moment();
        for some in open.chunks(TOUCHED_AT_ONCE) {
            let began = Instant::now();
            let orphaned = self.store.touch_external(some.to_vec(), self.clock.now()).await?;
            if !orphaned.is_empty() {
                self.realtime.cut(&orphaned, CloseReason::InsufficientState).await;
            }
            // A revocation waits for the rows that are being written, so there is a pause after each batch.
            tokio::time::sleep(began.elapsed()).await;
        }
        *self.last_heartbeat.lock() = Some(moment);
        Ok(())
    }
}

/// Sessions with open sockets on this node. A session is left out if its last socket is closing.
pub(crate) fn open_sessions(realtime: &Realtime) -> Vec<SessionId> {
    let named = realtime.sessions_with_sockets();
    named.into_iter().filter(|session| realtime.open_connections(*session) > 0).collect()
}

fn from_unix(seconds: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}
