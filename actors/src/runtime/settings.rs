//! The bounds of the actor system: every queue and limit, with its unit, default and overflow.

use std::{path::PathBuf, sync::Arc, time::Duration};

use logic::namespace::Namespaces;

/// Bounds, intervals and file paths. `Default` gives the documented defaults.
#[derive(Clone, Debug)]
pub struct RealtimeSettings {
    /// Connections of one session on this node. A further connection is refused with a temporary error, so its client tries again.
    pub connections_per_session: usize,
    /// How long a tombstone is remembered: longer than any access token lives.
    pub tombstone_ttl: Duration,
    /// How long a revocation waits for its sockets before it reports them as pending.
    pub revoke_wait: Duration,
    /// How long an orderly disconnect waits for its sockets before it reports them as pending. Their queues leave first.
    pub close_wait: Duration,
    /// Shards of channel names, each an actor; they share `channel_arbiters` threads.
    pub channel_shards: usize,
    /// Threads for channel shards.
    pub channel_arbiters: usize,
    /// Messages in the mailbox of one shard. A further message is rejected with a temporary error, so the client tries again.
    pub shard_mailbox: usize,
    /// The namespaces of channels, with their options.
    pub namespaces: Arc<Namespaces>,
    /// Channels without subscribers whose histories are kept. Above this number the least recently used are evicted,
    /// and clients that resubscribe to them cannot recover missed publications.
    pub resting_channels: usize,
    /// Bytes of all histories in memory. Above this size, histories of channels without subscribers are evicted
    /// first, then the older half of the history that is growing.
    pub history_bytes: usize,
    /// Keys in all limiter shards together. Above this number the least recently used are evicted.
    pub limiter_keys: usize,
    /// The interval between two writes of last-seen values.
    pub touch_interval: Duration,
    /// The file that queues audit events until the database has stored them.
    pub spill_file: PathBuf,
    /// Audit events written in one statement.
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
