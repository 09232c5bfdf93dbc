//! Starting the actors: which runs on which thread, and what they need from the server.
//!
//! Sessions share one arbiter, limits and last-seen values another; the audit trail has one to itself, because it writes
//! files, and the channel shards have theirs, because they fan out.

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
};

use actix_rt::Arbiter;

use super::{
    realtime::{Inner, Realtime},
    settings::RealtimeSettings,
};
use crate::runtime::{
    channels::{
        byte_budget::Waiting,
        shard::{ChannelShard, Shard, ShardSettings},
    },
    ports::{AuditSink, DeviceStore, Journal},
    services::{
        LIMITER_SHARDS, TRACKER_SHARDS, audit::Audit, device_tracker::DeviceTracker,
        rate_limiter::RateLimiter, spill::Spill,
    },
    sessions::directory::Directory,
    supervision::{Budget, Lane, supervise},
};

/// What the actors need from the server.
pub struct Ports {
    /// Where audit events go.
    pub audit: Arc<dyn AuditSink>,
    /// Where last-seen values go.
    pub devices: Arc<dyn DeviceStore>,
    /// Where publications of durable channels are kept.
    pub journal: Arc<dyn Journal>,
    /// Called when shards die faster than they may: stop the process in good order.
    pub escalate: Box<dyn Fn() + Send + Sync>,
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
        let channels = start_channels(&settings, ports.journal, &fan_out, &budget);
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
            channels,
            bans: parking_lot::RwLock::default(),
            limiters,
            trackers,
            audit,
            draining: AtomicBool::new(false),
            arbiters,
        })))
    }
}

fn start_channels(
    settings: &RealtimeSettings,
    journal: Arc<dyn Journal>,
    arbiters: &[Arbiter],
    budget: &Arc<Budget>,
) -> Vec<Shard> {
    let shards = settings.channel_shards.max(1);
    let told = Arc::new(ShardSettings {
        namespaces: Arc::clone(&settings.namespaces),
        journal,
        resting: settings.resting_channels / shards,
        history_bytes: settings.history_bytes / shards,
    });
    let start = |shard: usize| {
        let (told, budget) = (Arc::clone(&told), Arc::clone(budget));
        let arbiter = arbiters[shard % arbiters.len()].handle();
        let make = move || ChannelShard::new(Arc::clone(&told));
        let lane = supervise(&arbiter, "channel_shard", settings.shard_mailbox, budget, make);
        Shard { lane, waiting: Waiting::default() }
    };
    (0..shards).map(start).collect()
}

fn start_audit(
    settings: &RealtimeSettings,
    sink: Arc<dyn AuditSink>,
    arbiter: &Arbiter,
    budget: Arc<Budget>,
) -> io::Result<Arc<Lane<Audit>>> {
    let (path, batch, interval) =
        (settings.spill_file.clone(), settings.audit_batch, settings.audit_interval);
    let spill = Spill::open(&path)?;
    let first = parking_lot::Mutex::new(Some(spill));
    Ok(supervise(&arbiter.handle(), "audit", settings.shard_mailbox, budget, move || {
        let spill = first.lock().take().map_or_else(|| Spill::open(&path), Ok);
        // A successor that cannot open the file dies at once, which spends the budget and stops the process.
        let spill = spill.expect("the audit spill file was open a moment ago");
        Audit::new(spill, Arc::clone(&sink), batch, interval)
    }))
}
