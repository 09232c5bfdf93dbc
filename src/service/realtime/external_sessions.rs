//! Sessions of connections that an outside issuer, or nobody, vouches for: each is one connection's own.
//!
//! The socket's door begins one before it registers the connection, so that it can be listed and ended like any other, and
//! says when the connection is gone. Ends are written in batches, by a task of their own: many connections end at once.

use std::{
    net::IpAddr,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use protocol::{
    close::CloseReason,
    id::{ConnectionId, SessionId},
};
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};

use crate::{Failure, Parts, Refusal, Services, core::failure::refused};
use domain::issuer::OutsideConnection;
use store::{ExternalFilter, ExternalSession, StoreError};

/// How long ends are gathered before they are written.
const GATHER: Duration = Duration::from_millis(100);
/// How long to wait after the database did not take them.
const RETRY: Duration = Duration::from_secs(1);
/// Ends that may wait to be written; more are left to the sweep, which misses their sessions.
const WAITING_MAX: usize = 200_000;
/// Signs of life are written every half minute; who gave none for so long is gone.
const DEAD_AFTER: Duration = Duration::from_secs(90);
/// Who gave one within this time is taken for dead by nobody, not even by a node whose clock is ahead.
const ALIVE: Duration = Duration::from_secs(60);
/// How long ended sessions can be looked up.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Connections that are gone, until that is written down.
#[derive(Default)]
pub(crate) struct Gone {
    sessions: Mutex<Vec<SessionId>>,
    wake: Notify,
}

/// The row of an outside session, for as long as there is, or is about to be, a connection of it. Goes from hand to hand
/// with the connection; whoever drops it, wherever on the way, ends the session.
pub struct OutsideRow {
    services: Services,
    session: SessionId,
}

impl Drop for OutsideRow {
    fn drop(&mut self) {
        self.services.gone.add([self.session]);
    }
}

/// When this node last gave a sign of life.
#[derive(Default)]
pub(crate) struct Signs(Mutex<Option<Instant>>);

impl Gone {
    fn take(&self) -> Vec<SessionId> {
        std::mem::take(&mut *self.sessions.lock())
    }

    fn add(&self, more: impl IntoIterator<Item = SessionId>) {
        let mut sessions = self.sessions.lock();
        let room = WAITING_MAX.saturating_sub(sessions.len());
        sessions.extend(more.into_iter().take(room));
        drop(sessions);
        self.wake.notify_one();
    }
}

impl Services {
    /// Writes down that a session begins. The connection is to be registered with it afterwards, not before. Who stops
    /// waiting for this, too, ends the session, once its row is there.
    ///
    /// # Errors
    /// `Unavailable` if that cannot be done: nobody may talk who cannot be listed and ended.
    pub async fn begin_outside(
        &self,
        session: SessionId,
        granted: &OutsideConnection,
        connection: ConnectionId,
        address: IpAddr,
    ) -> Result<OutsideRow, Refusal> {
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
            expires_at: granted.expires_at.and_then(moment),
            ended_at: None,
            revoked_at: None,
        };
        let (store, row) = (self.store.clone(), OutsideRow { services: self.clone(), session });
        // Goes along with the statement: an end that overtakes its beginning ends nothing.
        let begun = async move { store.insert_external(written).await.map(|()| row) };
        match self.store.runtime().spawn(begun).await {
            Ok(begun) => begun.map_err(refused),
            Err(_) => Err(Refusal::Unavailable),
        }
    }

    /// Writes down that a newer token was shown in a session. `false` if the session has been ended meanwhile.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn prolong_outside(
        &self,
        session: SessionId,
        granted: &OutsideConnection,
    ) -> Result<bool, Refusal> {
        let end = granted.expires_at.and_then(moment);
        let lives = self.store.prolong_external(session, granted.token_id.clone(), end, self.clock.now());
        lives.await.map_err(refused)
    }

    /// Outside sessions, newest first, for operators.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn outside_sessions(&self, filter: ExternalFilter) -> Result<Vec<ExternalSession>, Failure> {
        Ok(self.store.search_external(filter).await?)
    }

    /// What the sweep does for them: those with connections live, those whose process died do not, and those that ended
    /// long ago are forgotten.
    pub(crate) async fn sweep_outside(
        &self,
        open: Vec<SessionId>,
        settled: bool,
        now: OffsetDateTime,
    ) -> Result<(), Failure> {
        self.give_sign(open).await?;
        if settled {
            self.store.end_orphans(now - DEAD_AFTER, now).await?;
        }
        self.store.delete_external(now - KEPT).await?;
        Ok(())
    }

    /// After a gap in which nothing was heard, before anything is trusted again: sessions that were taken for dead meanwhile
    /// were missed by every order since.
    pub(crate) async fn outlived_the_gap(&self) -> Result<(), StoreError> {
        let last = *self.signs.0.lock();
        if last.is_some_and(|last| self.clock.moment().saturating_duration_since(last) < ALIVE) {
            return Ok(());
        }
        self.give_sign(self.open_sessions()).await
    }

    /// Writes down that these live. A connection whose session was taken for dead, because nothing could be written from
    /// here, is sent to begin another: nobody could list or end this one meanwhile.
    async fn give_sign(&self, open: Vec<SessionId>) -> Result<(), StoreError> {
        let moment = self.clock.moment();
        let taken_for_dead = self.store.touch_external(open, self.clock.now()).await?;
        if !taken_for_dead.is_empty() {
            self.realtime.cut(&taken_for_dead, CloseReason::InsufficientState).await;
        }
        *self.signs.0.lock() = Some(moment);
        Ok(())
    }

    async fn write_gone(&self) -> bool {
        let gone = self.gone.take();
        if gone.is_empty() {
            return true;
        }
        match self.store.end_external(gone.clone(), self.clock.now()).await {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, "ends of outside sessions are written later");
                self.gone.add(gone);
                false
            }
        }
    }
}

/// Writes ends down until told to stop, and then once more.
pub(crate) async fn run(parts: Weak<Parts>, gone: Arc<Gone>, mut stop: watch::Receiver<bool>) {
    loop {
        let stopping = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => true,
            () = gone.wake.notified() => false,
        };
        let Some(services) = parts.upgrade().map(Services) else { return };
        if stopping {
            services.write_gone().await;
            return;
        }
        tokio::time::sleep(GATHER).await;
        if !services.write_gone().await {
            tokio::time::sleep(RETRY).await;
        }
    }
}

fn moment(seconds: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}
