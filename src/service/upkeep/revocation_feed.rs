//! The revocation feed: carries out on this node what other nodes and the command line revoked or denied, in its tombstones,
//! denials, cache and sockets.
//!
//! It looks at the database when it is notified and at least every [`POLL`]. Only while its last look is fresh may requests be
//! answered from memory. After a gap it continues where it was, so everything revoked meanwhile is carried out, its sockets
//! included, before memory is trusted again and before deliveries that were held back leave.
//!
//! Not a [`Job`](super::jobs::Job), because it has no passes at an interval: it holds one connection that waits for
//! notifications, and it must retry at once. It reports to the same [`JobHealth`], so its panics count like those of jobs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actors::Realtime;
use store::{HeardRevocation, RevocationListener, Store, StoreError, Watermark};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::jobs::JobHealth;
use crate::{
    access::feed_state::FeedState,
    core::clock::Clock,
    realtime::external_sessions::ExternalSessions,
    revocation::{
        denials::Denials,
        in_flight_revocations::{InFlightRevocations, RemainingWork},
        revoke::Revoker,
    },
};

/// How often to look without a notification.
const POLL: Duration = Duration::from_millis(300);
/// How long to wait after the database could not be reached.
const RETRY: Duration = Duration::from_millis(200);
/// Its name among the jobs.
const NAME: &str = "revocation_feed";

/// Carries out the revocations of other nodes.
pub(crate) struct RevocationFeed {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) state: Arc<FeedState>,
    pub(crate) in_flight: Arc<InFlightRevocations>,
    pub(crate) revoker: Revoker,
    pub(crate) denials: Denials,
    pub(crate) external_sessions: ExternalSessions,
}

/// What the feed remembers from one connection to the next.
#[derive(Default)]
struct Progress {
    /// How far it has carried out everything. `None` before the first look.
    place: Option<Watermark>,
    /// Whether the last connection failed.
    lost: bool,
}

impl RevocationFeed {
    /// Follows the database until told to stop, or until the sender of `stop` is dropped.
    pub(crate) async fn run(self, health: Arc<JobHealth>, mut stop: watch::Receiver<bool>) {
        let mut progress = Progress::default();
        loop {
            // After a panic the watermark is still that of the last complete look. What is carried out again does no harm.
            let ended = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                ended = health.observe(NAME, self.follow(&mut progress, &health)) => ended,
            };
            if !std::mem::replace(&mut progress.lost, true) {
                let error = ended.and_then(Result::err);
                let error = error.map_or_else(|| "it panicked".to_owned(), |error| error.to_string());
                tracing::warn!(error, "revocation feed lost; session cache disabled until it recovers");
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    /// Follows on one connection, until it fails.
    async fn follow(&self, progress: &mut Progress, health: &JobHealth) -> Result<(), StoreError> {
        let mut listener = self.store.listen().await?;
        loop {
            self.look(&listener, &mut progress.place).await?;
            health.succeeded(NAME);
            if std::mem::replace(&mut progress.lost, false) {
                tracing::info!("revocation feed recovered");
            }
            if let Ok(heard) = timeout(POLL, listener.next()).await {
                heard?;
            }
        }
    }

    /// Carries out everything since the last look. Only then does the look count.
    async fn look(
        &self,
        listener: &RevocationListener,
        place: &mut Option<Watermark>,
    ) -> Result<(), StoreError> {
        let began = Instant::now();
        let number = self.in_flight.begin_look();
        let mut closings = Vec::new();
        let next = match place {
            None => {
                let first = listener.watermark().await?;
                // Denials that commit from here on are seen by the next look.
                let denials = listener.denials(self.clock.now()).await?;
                self.realtime.fill_denials(&denials, self.clock.now_ms());
                first
            }
            Some(place) => {
                let (found, next) = listener.since(place).await?;
                closings.extend(found.into_iter().filter_map(|heard| self.carry_out(heard)));
                closings.extend(self.denials.carry_out_heard(listener.denials_between(place, &next).await?));
                if !self.state.is_current() {
                    self.external_sessions.write_heartbeats_after_gap().await?;
                }
                next
            }
        };
        *place = Some(next);
        let orphans = self.in_flight.seen_all(number);
        closings.extend(orphans.into_iter().map(|orphan| self.revoker.close_sockets_in_background(orphan)));
        if !self.state.is_current() {
            // After a gap the missed revocations come first: before commands are accepted, and before deliveries that were held
            // back leave. If this takes too long, the look is too old to count, and the next one finds less to do.
            for closing in closings {
                let _ = closing.await;
            }
        }
        self.state.looked(began);
        Ok(())
    }

    /// Carries out a revocation. What can be seen is committed, so the tombstones are set before anything else is answered from
    /// memory, even if the request that ordered it still waits for an answer that may never come.
    ///
    /// Returns the task that closes the sockets, if the request does not.
    fn carry_out(&self, heard: HeardRevocation) -> Option<JoinHandle<()>> {
        let work = self.in_flight.remaining_work(&heard);
        if work == RemainingWork::Nothing {
            return None;
        }
        self.revoker.set_tombstones(&heard.committed);
        let left = work == RemainingWork::Everything || !self.in_flight.hand_over(&heard);
        left.then(|| self.revoker.close_sockets_in_background(heard.committed))
    }
}
