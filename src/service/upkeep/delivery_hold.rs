//! The hold on deliveries: while this node cannot read revocations, no delivery leaves, because it could reach a revoked
//! connection.
//!
//! As soon as the node is not current, the verifier refuses requests, and the sockets refuse commands. This task does the rest. It
//! closes the gate of the outboxes when the last look of the revocation feed is too old. It opens the gate after the next look that
//! counts, when everything missed has been carried out. A connection whose deliveries wait longer than [`HELD_MAX`] is closed, and
//! its client connects again. All connections are held, even those with a token of an external issuer or without a token: they can
//! be revoked or denied, too.
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
/// How often this task looks for connections whose deliveries have waited too long.
const TICK: Duration = Duration::from_millis(250);
/// The name of this task among the jobs.
const NAME: &str = "delivery_hold";

/// Holds deliveries back while this node is not current.
pub(crate) struct DeliveryHold {
    pub(crate) feed: Arc<FeedState>,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) on_stale: OnStale,
}

/// A period in which this node is not current.
struct Staleness {
    since: Instant,
    /// The time up to which the metric has counted the period.
    counted: Instant,
    /// How many connections were closed because their deliveries waited too long.
    ended: usize,
}

impl DeliveryHold {
    /// Runs until `stop` is true, or until its sender is dropped.
    pub(crate) async fn run(self, health: Arc<JobHealth>, mut stop: watch::Receiver<bool>) {
        let mut staleness = None;
        loop {
            // After a panic, the next step continues with the same `staleness`.
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = health.observe(NAME, self.step(&mut staleness)) => {}
            }
        }
    }

    /// Closes or opens the gate, and waits for the next look or tick.
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
        // Without a stale period, only shards have held deliveries back for a moment, after a pause of the process.
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
