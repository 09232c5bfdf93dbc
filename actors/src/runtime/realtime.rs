//! `Realtime`: the one handle through which the rest of the server reaches the actors. This file starts, drains and stops
//! them; the operations are in the `mod.rs` of each room.
//!
//! Callers see async methods and plain values; no actor address leaves this crate. The handle is cheap to clone and usable
//! from any thread. The composition root makes it once, inside an actix system.
//!
//! Threads: sessions share one arbiter; limits and last-seen values share another; the audit trail has one to itself,
//! because it writes files; the channel shards have their own, because they fan out.

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
use logic::bans::Bans;
use protocol::{close::CloseReason, id::SessionId};
use tokio::time::Instant;

use super::{
    byte_budget::Waiting,
    channels::clock::now,
    channels::shard::{ChannelShard, PAYLOAD_BYTES_MAX, Shard, ShardSettings},
    connection::{
        close_waiter::{CloseCounts, CloseWaiter},
        delivery_gate::DeliveryGate,
    },
    ports::{AuditSink, Journal, Ports},
    services::{
        audit::Audit, audit_lane::AuditLane, device_tracker::DeviceTracker, rate_limiter::RateLimiter,
        spill::Spill, unwritten_events::UnwrittenEvents,
    },
    sessions::{directory::Directory, session::Manner, types::DisconnectRule},
    settings::RealtimeSettings,
    supervision::{Budget, Lane, supervise},
};

/// The number of actors that share the keys of rate limits.
pub(crate) const LIMITER_SHARDS: usize = 4;
/// The number of actors that share the users, for last-seen values and scores.
pub(crate) const TRACKER_SHARDS: usize = 2;
/// The number of batches in which a drain closes connections.
const DRAIN_STEPS: u32 = 200;

/// The handle.
#[derive(Clone)]
pub struct Realtime(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: RealtimeSettings,
    pub(crate) directory: Arc<Directory>,
    pub(crate) gate: Arc<DeliveryGate>,
    /// Divides names among actors. Its key is random, so the division cannot be predicted.
    pub(crate) hashes: RandomState,
    pub(crate) channels: Vec<Shard>,
    /// Kept outside the limiter actors, so that bans survive a restart of a limiter.
    pub(crate) bans: parking_lot::RwLock<Bans>,
    pub(crate) limiters: Vec<Arc<Lane<RateLimiter>>>,
    pub(crate) trackers: Vec<Arc<Lane<DeviceTracker>>>,
    pub(crate) audit: AuditLane,
    pub(crate) draining: AtomicBool,
    pub(crate) arbiters: Vec<Arbiter>,
}

impl Realtime {
    /// Starts every actor on arbiters of its own. Must be called inside an actix system.
    ///
    /// # Errors
    /// When the audit spill file cannot be opened.
    pub fn start(settings: RealtimeSettings, ports: Ports) -> io::Result<Self> {
        let budget = Budget::new(ports.escalate);
        let (sessions, services, audits) = (Arbiter::new(), Arbiter::new(), Arbiter::new());
        let fan_out: Vec<Arbiter> = (0..settings.channel_arbiters.max(1)).map(|_| Arbiter::new()).collect();
        let mailbox = settings.shard_mailbox;

        let directory =
            Directory::new(sessions.handle(), settings.connections_per_session, settings.tombstone_ttl);
        let gate = Arc::new(DeliveryGate::new(now()));
        let channels = start_channels(&settings, ports.journal, &gate, &fan_out, &budget);
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
            directory,
            gate,
            hashes: RandomState::new(),
            channels,
            bans: parking_lot::RwLock::default(),
            limiters,
            trackers,
            audit,
            draining: AtomicBool::new(false),
            arbiters,
        })))
    }

    /// Whether the process is about to stop: new connections are refused.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Refuses new connections and closes all others with 3001, after their queued frames have left. The closes are spread over
    /// `window` by connection, in random order, so that clients do not all reconnect to the next node at the same moment.
    pub async fn drain(&self, window: Duration) -> CloseCounts {
        self.0.draining.store(true, Ordering::Release);
        let (began, closing) = (Instant::now(), CloseWaiter::default());
        // Each session occurs once per connection.
        let mut sessions = self.sessions_with_sockets();
        let of = |session: SessionId| std::iter::repeat_n(session, self.open_connections(session));
        sessions = sessions.into_iter().flat_map(of).collect();
        shuffle(&mut sessions);
        let step = sessions.len().div_ceil(DRAIN_STEPS as usize).max(1);
        for (number, batch) in (0_u32..).zip(sessions.chunks(step)) {
            for session in batch {
                self.0.directory.disconnect_one(*session, CloseReason::Shutdown, &closing);
            }
            // A random moment within the next step of the window.
            let next = window.mul_f64((f64::from(number) + jitter()) / f64::from(DRAIN_STEPS));
            tokio::time::sleep_until(began + next).await;
        }
        // Connections that registered while the flag was being set.
        let rest: DisconnectRule = Arc::new(|_, _| Some(CloseReason::Shutdown.into()));
        self.0.directory.begin_disconnect(&self.sessions_with_sockets(), &rest, Manner::Flush, &closing);
        closing.wait(self.0.settings.close_wait).await
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
    journal: Arc<dyn Journal>,
    gate: &Arc<DeliveryGate>,
    arbiters: &[Arbiter],
    budget: &Arc<Budget>,
) -> Vec<Shard> {
    let shards = settings.channel_shards.max(1);
    let shared = Arc::new(ShardSettings {
        namespaces: Arc::clone(&settings.namespaces),
        journal,
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
        // If a restarted actor cannot open the file, it dies at once; that spends the restart budget and stops the process.
        let spill = spill.expect("the audit spill file was open a moment ago");
        Audit::new(spill, shared.clone(), Arc::clone(&sink), batch, interval)
    });
    Ok(AuditLane::new(lane, unwritten))
}

/// A random number from 0 to 1.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX)
}

/// A random order.
fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, uuid::Uuid::new_v4().as_u128() as usize % (last + 1));
    }
}
