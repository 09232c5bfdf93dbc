//! The bounds that the server chooses for the actor system: limits, intervals and file paths, with their units and defaults.

use std::{path::PathBuf, sync::Arc, time::Duration};

use logic::namespace::Namespaces;

/// Bounds, intervals and file paths. The values of `Default` apply unless a setting of the server replaces them.
#[derive(Clone, Debug)]
pub struct RealtimeSettings {
    /// The largest number of connections of one session on this node at the start; see `LiveSettings`.
    pub connections_per_session: usize,
    /// How long a tombstone is remembered: longer than any access token lives.
    pub tombstone_ttl: Duration,
    /// How long a revocation waits until its sockets are severed. Sockets that are not severed by then are reported as pending.
    pub revoke_wait: Duration,
    /// How long an orderly disconnect waits until its sockets are severed. Sockets that are not severed by then are reported
    /// as pending. Each socket sends its queue before it closes.
    pub close_wait: Duration,
    /// The number of actors among which the channel names are divided. These actors share `channel_arbiters` threads.
    pub channel_shards: usize,
    /// The number of threads for channel shards.
    pub channel_arbiters: usize,
    /// The largest number of messages in the mailbox of one supervised actor: a channel shard, a limiter, a device tracker, or
    /// the audit actor. A further message is rejected, unless its kind has another bound.
    pub shard_mailbox: usize,
    /// The namespaces of channels at the start; see `LiveSettings`.
    pub namespaces: Arc<Namespaces>,
    /// The largest number of resting channels: channels that have no subscribers, but are kept in memory. Above this number,
    /// the least recently used are evicted. A client that then subscribes to an evicted channel again cannot recover missed
    /// publications, except in a durable channel.
    pub resting_channels: usize,
    /// The largest size of all histories in memory, in bytes. Above this size, first the channels without subscribers are
    /// evicted, then the older halves of the largest histories are dropped.
    pub history_bytes: usize,
    /// The largest number of keys in all limiters together. Above this number, the keys that would have all permits available
    /// soonest are evicted.
    pub limiter_keys: usize,
    /// The interval between two writes of last-seen values.
    pub touch_interval: Duration,
    /// The file that queues audit events until the database has stored them.
    pub spill_file: PathBuf,
    /// The largest number of audit events in one statement.
    pub audit_batch: usize,
    /// How long an audit event waits for more events of the same batch before it is written.
    pub audit_interval: Duration,
}

impl Default for RealtimeSettings {
    fn default() -> Self {
        Self {
            connections_per_session: 16,
            tombstone_ttl: Duration::from_secs(65 * 60),
            revoke_wait: Duration::from_secs(1),
            close_wait: Duration::from_secs(3),
            channel_shards: 4,
            channel_arbiters: 1,
            shard_mailbox: 16_384,
            namespaces: Arc::new(Namespaces::default()),
            resting_channels: 100_000,
            history_bytes: 512 * 1024 * 1024,
            limiter_keys: 100_000,
            touch_interval: Duration::from_secs(5),
            spill_file: PathBuf::from("data/audit.spill"),
            audit_batch: 512,
            audit_interval: Duration::from_millis(100),
        }
    }
}
