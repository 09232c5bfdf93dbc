//! `Realtime`: the one handle through which the rest of the server reaches the actors.
//!
//! Callers see async methods and plain values; no actor address leaves this crate. Cheap to clone, usable from any
//! thread. Made once by the composition root, inside an actix system.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_rt::Arbiter;
use tokio::time::Instant;

use super::settings::RealtimeSettings;
use crate::runtime::{
    channels::shard::Shard,
    connection::close_waiter::{Closed, Closing},
    services::{audit::Audit, device_tracker::DeviceTracker, rate_limiter::RateLimiter},
    sessions::{
        directory::{AttachError, AttachRequest, Attachment, Directory},
        session::ConnectionInfo,
    },
    supervision::Lane,
};
use logic::bans::Bans;
use protocol::{
    close::{Cause, CloseReason},
    id::SessionId,
};

const DRAIN_STEPS: u32 = 20;

/// At random from 0 to 1.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX)
}

/// The handle.
#[derive(Clone)]
pub struct Realtime(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: RealtimeSettings,
    pub(crate) directory: Arc<Directory>,
    pub(crate) channels: Vec<Shard>,
    /// Beside the limiters, not in them: it outlives their deaths.
    pub(crate) bans: parking_lot::RwLock<Bans>,
    pub(crate) limiters: Vec<Arc<Lane<RateLimiter>>>,
    pub(crate) trackers: Vec<Arc<Lane<DeviceTracker>>>,
    pub(crate) audit: Arc<Lane<Audit>>,
    pub(crate) draining: AtomicBool,
    pub(crate) arbiters: Vec<Arbiter>,
}

impl Realtime {
    // ---- sessions and revocation ----

    /// Why this session ended, if this node has heard that it did.
    #[must_use]
    pub fn tombstone(&self, session: SessionId) -> Option<Cause> {
        self.0.directory.tombstone(session)
    }

    /// Remembers the end of a session: from here on nothing of it verifies or registers.
    pub fn bury(&self, session: SessionId, cause: Cause) {
        self.0.directory.bury(session, cause);
    }

    /// Buries the sessions, cuts their connections and waits, bounded, until those are severed. Call it only after the
    /// revocation has been committed.
    pub async fn revoke(&self, sessions: &[SessionId], cause: Cause) -> Closed {
        for session in sessions {
            self.bury(*session, cause);
        }
        let closed = self.cut(sessions, cause.close_reason()).await;
        metrics::counter!("sockets_revoked_total", "cause" => cause.as_str())
            .increment(closed.sockets_closed as u64);
        closed
    }

    /// Cuts the connections of these sessions, which may come back, and waits, bounded, until those are severed.
    pub async fn cut(&self, sessions: &[SessionId], reason: CloseReason) -> Closed {
        let closing = Closing::default();
        for session in sessions {
            self.0.directory.cut(*session, reason, &closing);
        }
        closing.wait(self.0.settings.revoke_wait).await
    }

    /// Registers a connection with its session, then looks for a tombstone. Delivery may begin when this returns.
    ///
    /// # Errors
    /// See [`AttachError`]; on any error the connection is not registered.
    pub async fn attach(&self, attach: &AttachRequest) -> Result<Attachment, AttachError> {
        if self.is_draining() {
            return Err(AttachError::Closed(CloseReason::Shutdown));
        }
        self.0.directory.attach(attach).await
    }

    /// Whether the process is about to stop: nothing new is accepted.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// How many connections the session holds on this node.
    #[must_use]
    pub fn open_connections(&self, session: SessionId) -> usize {
        self.0.directory.open_connections(session)
    }

    /// Every session with connections on this node.
    #[must_use]
    pub fn sessions_with_sockets(&self) -> Vec<SessionId> {
        self.0.directory.all_sessions()
    }

    /// The connections of one session on this node.
    pub async fn describe(&self, session: SessionId) -> Vec<ConnectionInfo> {
        self.0.directory.describe(session).await
    }

    /// Forgets tombstones that have outlived every token they bar, and denials that are over at `now_ms`, in milliseconds
    /// since the epoch. Called now and then.
    pub fn purge(&self, now_ms: i64) {
        self.0.directory.purge(self.0.settings.tombstone_ttl, now_ms);
    }

    // ---- the end ----

    /// Accepts no connection any more and closes every one with 3001, spread over `window` in batches at moments with a
    /// jitter, so that clients do not all come back to the next node at once, nor in step.
    pub async fn drain(&self, window: Duration) -> Closed {
        self.0.draining.store(true, Ordering::Release);
        let began = Instant::now();
        let sessions = self.sessions_with_sockets();
        let closing = Closing::default();
        let step = sessions.len().div_ceil(DRAIN_STEPS as usize).max(1);
        for (number, batch) in (0_u32..).zip(sessions.chunks(step)) {
            for session in batch {
                self.0.directory.cut(*session, CloseReason::Shutdown, &closing);
            }
            // Some time within the next step of the window.
            let next = window.mul_f64((f64::from(number) + jitter()) / f64::from(DRAIN_STEPS));
            tokio::time::sleep_until(began + next).await;
        }
        // Who registered while the flag was being set.
        for session in self.sessions_with_sockets() {
            self.0.directory.cut(session, CloseReason::Shutdown, &closing);
        }
        closing.wait(self.0.settings.revoke_wait).await
    }

    /// Stops the actors' threads. Nothing works afterwards.
    pub fn stop(&self) {
        for arbiter in &self.0.arbiters {
            arbiter.stop();
        }
    }
}
