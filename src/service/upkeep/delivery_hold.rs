//! The hold on deliveries: while this node cannot hear of revocations, its connections are sent nothing that a revoked one must
//! not get.
//!
//! The verifier and the sockets refuse requests and commands as soon as the node is not current; this task does the rest. It
//! closes the gate of the outboxes when the last look of the revocation feed is too old, and opens it after the first look that
//! counts again, which is after everything missed has been carried out. What waits for longer than [`HELD_MAX`] ends its
//! connection, and the client comes back. All connections are held, also those with tokens of outside issuers and those without
//! a token: each has a session that can be revoked, and a user that can be denied, without this node hearing of it.
//!
//! Not a [`Job`](super::jobs::Job), because it follows the feed and not an interval. `ON_STALE=deliver` leaves the gate open.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actors::Realtime;
use tokio::{sync::watch, time::sleep};

use super::jobs::JobHealth;
use crate::{access::feed_state::FeedState, core::clock::Clock, core::failure::Failure, settings::OnStale};

/// How long deliveries of one connection wait.
const HELD_MAX: Duration = Duration::from_secs(30);
/// How often connections that have waited for too long are looked for.
const TICK: Duration = Duration::from_millis(250);
/// Its name among the jobs.
const NAME: &str = "delivery_hold";

/// Holds deliveries back while this node is not current.
pub(crate) struct DeliveryHold {
    pub(crate) feed: Arc<FeedState>,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) on_stale: OnStale,
}

/// A time in which this node is not current.
struct Staleness {
    since: Instant,
    /// Up to when it is counted.
    counted: Instant,
    /// How many connections have ended, because their deliveries waited for too long.
    ended: usize,
}

impl DeliveryHold {
    /// Runs until told to stop, or until the sender of `stop` is dropped.
    pub(crate) async fn run(self, health: Arc<JobHealth>, mut stop: watch::Receiver<bool>) {
        let mut staleness = None;
        loop {
            // After a panic it goes on where it was.
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = health.observe(NAME, self.step(&mut staleness)) => {}
            }
        }
    }

    /// Waits for the next change or tick, and does what follows from it.
    async fn step(&self, staleness: &mut Option<Staleness>) -> Result<(), Failure> {
        let remaining = self.feed.remaining();
        if remaining.is_zero() {
            self.hold(staleness).await;
            tokio::select! {
                () = self.feed.next_look() => {}
                () = sleep(TICK) => {}
            }
        } else {
            if self.on_stale == OnStale::Hold {
                self.realtime.renew_deliveries(Instant::now() + remaining);
            }
            self.release(staleness).await;
            tokio::select! {
                () = self.feed.next_look() => {}
                () = sleep(remaining) => {}
            }
        }
        Ok(())
    }

    /// Begins or continues to hold deliveries back.
    async fn hold(&self, staleness: &mut Option<Staleness>) {
        let now = self.clock.moment();
        let staleness = staleness.get_or_insert_with(|| {
            tracing::warn!(
                on_stale = self.on_stale.as_str(),
                "this node cannot hear of revocations; {}",
                match self.on_stale {
                    OnStale::Hold => "deliveries are held back until it can",
                    OnStale::Deliver => "deliveries go on, also to sockets that may have been revoked",
                }
            );
            Staleness { since: now, counted: now, ended: 0 }
        });
        staleness.count(now);
        if self.on_stale == OnStale::Hold {
            self.realtime.hold_deliveries(now);
            staleness.ended += self.realtime.end_held_connections(HELD_MAX).await;
            metrics::gauge!("connections_held").set(self.realtime.held_connections() as f64);
        }
    }

    /// Lets deliveries leave again, if they were held back.
    async fn release(&self, staleness: &mut Option<Staleness>) {
        let staleness = staleness.take();
        if staleness.is_none() && !self.realtime.holds_deliveries() {
            return;
        }
        let released = self.realtime.release_deliveries().await;
        metrics::gauge!("connections_held").set(0.0);
        // Without one the shards have held deliveries back for a moment, after a pause of the process.
        let Some(mut ended) = staleness else { return };
        let now = self.clock.moment();
        ended.count(now);
        tracing::info!(
            seconds = now.saturating_duration_since(ended.since).as_secs_f64(),
            released,
            ended = ended.ended,
            "this node hears of revocations again, and has carried out those that it had missed"
        );
    }
}

impl Staleness {
    fn count(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted).as_millis();
        metrics::counter!("stale_milliseconds_total").increment(u64::try_from(passed).unwrap_or(u64::MAX));
        self.counted = now;
    }
}
