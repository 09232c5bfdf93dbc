//! The hold on deliveries: while this node cannot read revocations, no delivery leaves, because it could reach a revoked
//! connection.
//!
//! While the node is not current, the verifier asks the database about every credential, and the sockets refuse commands. This
//! task holds deliveries back. When the last look of the revocation feed is too old, it closes the gate of the outboxes. It
//! opens the gate after the next look that counts, when everything missed has been carried out. If the deliveries of a
//! connection wait longer than [`HELD_MAX`], the connection is closed, and its client connects again. The deliveries of all
//! connections are held, even of connections with a token of an external issuer or without a token: such connections can be
//! revoked or denied, too.
//!
//! This task is not a [`Job`](super::jobs::Job), because a job has one trigger. This task has two, and takes the earlier one:
//! the next look of the feed, and the end of a period. With `ON_STALE=deliver`, the gate stays open.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actors::Realtime;
use tokio::{sync::watch, time::sleep};

use super::jobs::JobHealth;
use crate::{access::feed_state::FeedState, core::clock::Clock, core::failure::Failure, settings::OnStale};

/// The longest time that deliveries of one connection wait.
const HELD_MAX: Duration = Duration::from_secs(30);
/// The interval between two searches for connections with deliveries that have waited too long.
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

/// A period without current knowledge of revocations on this node.
struct Staleness {
    since: Instant,
    /// The metric has counted the period until this time.
    counted: Instant,
    /// The number of connections closed because their deliveries waited too long.
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

    /// Opens the gate while the node is current, and otherwise closes it unless `ON_STALE=deliver`. Then waits for the next
    /// look, but not longer than until the node becomes stale. On a stale node, it waits at most [`TICK`].
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

    /// Begins or continues a stale period. Holds deliveries back unless `ON_STALE=deliver`.
    async fn hold(&self, staleness: &mut Option<Staleness>) {
        let now = self.clock.moment();
        let staleness = staleness.get_or_insert_with(|| {
            tracing::warn!(
                on_stale = self.on_stale.as_str(),
                "this node cannot read revocations; {}",
                match self.on_stale {
                    OnStale::Hold => "deliveries are held back until it can read them",
                    OnStale::Deliver => "deliveries continue, even to sockets of revoked sessions",
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
        // Without a stale period, the gate had closed by itself, because a pause of the process delayed its renewal.
        let Some(mut ended) = staleness else { return };
        let now = self.clock.moment();
        ended.count_rest(now);
        tracing::info!(
            seconds = now.saturating_duration_since(ended.since).as_secs_f64(),
            released,
            ended = ended.ended,
            "this node reads revocations again, and has carried out those that it had missed"
        );
    }
}

impl Staleness {
    /// Counts the whole seconds that have passed. The rest is counted later.
    fn count(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.counted).as_secs();
        metrics::counter!("stale_seconds_total").increment(seconds);
        self.counted += Duration::from_secs(seconds);
    }

    /// Counts the rest of the period, rounded up: a short period must not be invisible.
    fn count_rest(&mut self, now: Instant) {
        self.count(now + Duration::from_millis(999));
    }
}
