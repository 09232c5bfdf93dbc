//! `Realtime`: the one handle of the rest of the server to the actors. This file starts, drains and stops them; the operations
//! are in the `mod.rs` of each module, and in `channels/server_subscribe.rs`.
//!
//! Callers see async methods and plain values; no actor address leaves this crate. The handle is cheap to clone and usable
//! from any thread. The composition root makes it once, inside an actix system.
//!
//! Threads (an arbiter is a thread that runs actors): the sessions share one arbiter. The limiters and device trackers share
//! another. The audit actor has an arbiter of its own, because it writes files. The channel shards have further arbiters,
//! because they deliver to many connections.

use std::{
    hash::RandomState,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_rt::Arbiter;
use logic::{bans::Bans, tally::Tally};
use protocol::{close::CloseReason, id::SessionId};
use tokio::time::Instant;

use super::{
    byte_budget::Waiting,
    channels::clock::now,
    channels::events::ChannelEvents,
    channels::shard::{ChannelShard, PAYLOAD_BYTES_MAX, Shard, ShardSettings},
    connection::{
        close_waiter::{CloseCounts, CloseWaiter},
        delivery_gate::DeliveryGate,
        queued_bytes::QueuedBytes,
    },
    lag::LagMessage,
    live::{Live, LiveSettings},
    ports::{AuditSink, Journal, Ports},
    services::{
        audit::Audit, audit_lane::AuditLane, device_tracker::DeviceTracker, rate_limiter::RateLimiter,
        spill::Spill, unwritten_events::UnwrittenEvents,
    },
    sessions::{directory::Directory, session::Manner, types::DisconnectRule},
    settings::RealtimeSettings,
    supervision::{Budget, Lane, supervise},
    traffic::Traffic,
    wall_clock::WallClock,
};

/// The number of actors that share the keys of rate limits.
pub(crate) const LIMITER_SHARDS: usize = 4;
/// The number of actors that share the users, for last-seen values and scores.
pub(crate) const TRACKER_SHARDS: usize = 2;
/// The largest number of batches of a drain; each batch closes some of the connections. A batch has at least one connection.
const DRAIN_STEPS: u32 = 200;

/// The handle.
#[derive(Clone)]
pub struct Realtime(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: RealtimeSettings,
    pub(crate) live: Live,
    pub(crate) directory: Arc<Directory>,
    pub(crate) gate: Arc<DeliveryGate>,
    /// The bytes in the queues of all connections.
    pub(crate) queued: Arc<QueuedBytes>,
    /// The hash function that divides channel names and limiter keys among the shards. It has a random seed, so clients cannot
    /// predict the division.
    pub(crate) hashes: RandomState,
    pub(crate) channels: Vec<Shard>,
    pub(crate) channel_events: ChannelEvents,
    /// The bans. They are kept outside the limiters, so that they survive a restart of a limiter.
    pub(crate) bans: parking_lot::RwLock<Bans>,
    /// Counts of events for the statistics. They survive a restart of every actor.
    pub(crate) tally: Tally,
    /// How much this node does.
    pub(crate) traffic: Traffic,
    pub(crate) limiters: Vec<Arc<Lane<RateLimiter>>>,
    pub(crate) trackers: Vec<Arc<Lane<DeviceTracker>>>,
    pub(crate) audit: AuditLane,
    pub(crate) draining: AtomicBool,
    pub(crate) arbiters: Vec<Arbiter>,
}

impl Realtime {
    /// Starts the arbiters, and all actors except the sessions: the directory starts each session later. Must be called inside
    /// an actix system.
    ///
    /// # Errors
    /// When the audit spill file cannot be opened.
    pub fn start(settings: RealtimeSettings, ports: Ports) -> io::Result<Self> {
        let budget = Budget::new(ports.escalate);
        let (sessions, services, audits) = (Arbiter::new(), Arbiter::new(), Arbiter::new());
        let fan_out: Vec<Arbiter> = (0..settings.channel_arbiters.max(1)).map(|_| Arbiter::new()).collect();
        let mailbox = settings.shard_mailbox;

        let live = Live::new(LiveSettings::from(&settings));
        let directory = Directory::new(sessions.handle(), live.clone(), settings.tombstone_ttl);
        let gate = Arc::new(DeliveryGate::new(now()));
        let (channel_events, traffic) = (ChannelEvents::default(), Traffic::default());
        let shared = (ports.wall_clock, channel_events.clone(), traffic.clone());
        let channels = start_channels(&settings, &live, ports.journal, shared, &gate, &fan_out, &budget);
        let max_keys = settings.limiter_keys / LIMITER_SHARDS;
        let limiters = (0..LIMITER_SHARDS)
            .map(|_| {
                supervise(&services.handle(), "rate_limiter", mailbox, Arc::clone(&budget), move || {
                    RateLimiter::new(max_keys)
                })
            })
            .collect();
        let trackers = (0..TRACKER_SHARDS)
            .map(|_| {
                let (store, interval) = (Arc::clone(&ports.devices), settings.touch_interval);
                supervise(&services.handle(), "device_tracker", mailbox, Arc::clone(&budget), move || {
                    DeviceTracker::new(Arc::clone(&store), interval)
                })
            })
            .collect();
        let audit = start_audit(&settings, ports.audit, &audits, budget)?;

        let mut arbiters = vec![sessions, services, audits];
        arbiters.extend(fan_out);
        Ok(Self(Arc::new(Inner {
            settings,
            live,
            directory,
            gate,
            queued: Arc::default(),
            hashes: RandomState::new(),
            channels,
            channel_events,
            bans: parking_lot::RwLock::default(),
            tally: Tally::default(),
            traffic,
            limiters,
            trackers,
            audit,
            draining: AtomicBool::new(false),
            arbiters,
        })))
    }

    /// How much this node does.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }

    /// The settings that a reload replaces.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.0.live
    }

    /// What the channels of this node report to other systems.
    #[must_use]
    pub fn channel_events(&self) -> &ChannelEvents {
        &self.0.channel_events
    }

    /// Whether the process is about to stop: new connections are refused.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Refuses new connections, and closes each open connection with 3001 after its queued frames have left. The connections
    /// are closed in random order, spread over `window` at most, so that not all clients reconnect to another node at the same
    /// moment.
    pub async fn drain(&self, window: Duration) -> CloseCounts {
        self.0.draining.store(true, Ordering::Release);
        let (began, closing) = (Instant::now(), CloseWaiter::default());
        // The list has each session once per connection.
        let mut sessions = self.sessions_with_sockets();
        let each = |session: SessionId| std::iter::repeat_n(session, self.open_connections(session));
        sessions = sessions.into_iter().flat_map(each).collect();
        shuffle(&mut sessions);
        let step = sessions.len().div_ceil(DRAIN_STEPS as usize).max(1);
        for (number, batch) in (0_u32..).zip(sessions.chunks(step)) {
            for session in batch {
                self.0.directory.disconnect_one(*session, CloseReason::Shutdown, &closing);
            }
            // The next batch is closed at a random moment within this step of the window.
            let next = window.mul_f64((f64::from(number) + jitter()) / f64::from(DRAIN_STEPS));
            tokio::time::sleep_until(began + next).await;
        }
        // The last disconnect also closes the connections that registered while the flag was being set.
        let rest: DisconnectRule = Arc::new(|_, _| Some(CloseReason::Shutdown.into()));
        self.0.directory.begin_disconnect(&self.sessions_with_sockets(), &rest, Manner::Flush, &closing);
        closing.wait(self.0.settings.close_wait).await
    }

    /// Sends a message over each lane and to each thread of the actors. The messages record the time that they waited, as the
    /// metrics `lane_wait_seconds` and `event_loop_lag_seconds`.
    pub fn measure_lag(&self) {
        let inner = &self.0;
        inner.channels.iter().for_each(|shard| LagMessage::send(&shard.lane, "channel_shard"));
        inner.limiters.iter().for_each(|lane| LagMessage::send(lane, "rate_limiter"));
        inner.trackers.iter().for_each(|lane| LagMessage::send(lane, "device_tracker"));
        inner.audit.measure_lag();
        for (index, arbiter) in inner.arbiters.iter().enumerate() {
            let thread = ["sessions", "services", "audit"].get(index).copied().unwrap_or("channels");
            let sent = std::time::Instant::now();
            // The queue of an arbiter has no bound, but each thread gets only one message in a few seconds.
            arbiter.spawn_fn(move || {
                metrics::histogram!("event_loop_lag_seconds", "thread" => thread).record(sent.elapsed());
            });
        }
    }

    /// Stops the threads of the actors. No operation works afterwards.
    pub fn stop(&self) {
        for arbiter in &self.0.arbiters {
            arbiter.stop();
        }
    }
}

fn start_channels(
    settings: &RealtimeSettings,
    live: &Live,
    journal: Arc<dyn Journal>,
    (clock, events, traffic): (WallClock, ChannelEvents, Traffic),
    gate: &Arc<DeliveryGate>,
    arbiters: &[Arbiter],
    budget: &Arc<Budget>,
) -> Vec<Shard> {
    let shards = settings.channel_shards.max(1);
    let shared = Arc::new(ShardSettings {
        live: live.clone(),
        journal,
        clock,
        events,
        traffic,
        gate: Arc::clone(gate),
        resting: settings.resting_channels / shards,
        history_bytes: settings.history_bytes / shards,
    });
    let start = |shard: usize| {
        let (shared, budget) = (Arc::clone(&shared), Arc::clone(budget));
        let arbiter = arbiters[shard % arbiters.len()].handle();
        let make = move || ChannelShard::new(Arc::clone(&shared));
        let lane = supervise(&arbiter, "channel_shard", settings.shard_mailbox, budget, make);
        Shard { lane, waiting: Waiting::new(PAYLOAD_BYTES_MAX) }
    };
    (0..shards).map(start).collect()
}

fn start_audit(
    settings: &RealtimeSettings,
    sink: Arc<dyn AuditSink>,
    arbiter: &Arbiter,
    budget: Arc<Budget>,
) -> io::Result<AuditLane> {
    let (path, batch, interval) =
        (settings.spill_file.clone(), settings.audit_batch, settings.audit_interval);
    let spill = Spill::open(&path)?;
    let first = parking_lot::Mutex::new(Some(spill));
    let unwritten = UnwrittenEvents::default();
    let shared = unwritten.clone();
    let lane = supervise(&arbiter.handle(), "audit", settings.shard_mailbox, budget, move || {
        let spill = first.lock().take().map_or_else(|| Spill::open(&path), Ok);
        // If a new actor cannot open the file, it panics here. Its successors do the same, until the restart budget is used up
        // and the process stops.
        let spill = spill.expect("the audit spill file can be opened again");
        Audit::new(spill, shared.clone(), Arc::clone(&sink), batch, interval)
    });
    Ok(AuditLane::new(lane, unwritten))
}

/// A random number from 0 to 1.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX)
}

/// Puts `items` into a random order.
fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, uuid::Uuid::new_v4().as_u128() as usize % (last + 1));
    }
}
