//! More publications than a connection can hold, for peers that do not read.

use portcullis::config::Settings;
use serde_json::json;

use super::Socket;

/// The channel for them.
pub(crate) const BULK_CHANNEL: &str = "ephemeral:noise";
/// More than the kernel takes between two ends on one machine (`net.ipv4.tcp_wmem` allows 4 MiB).
pub(crate) const MORE_THAN_FITS: usize = 8 << 20;

/// Lets one connection publish as much as it likes.
pub(crate) fn allow_bulk_publishing(settings: &mut Settings) {
    settings.limits.frame_connection.burst = 100_000;
    settings.limits.publication_user.burst = 100_000;
}

/// The same, and queues so wide that they never end a connection.
pub(crate) fn allow_large_backlog(settings: &mut Settings) {
    allow_bulk_publishing(settings);
    settings.socket.outbox_bytes = 4 * MORE_THAN_FITS;
}

impl Socket {
    /// Publishes one large publication; answers its size.
    pub(crate) async fn publish_bulk(&mut self) -> usize {
        let lump = "x".repeat(48 * 1024);
        self.publish(BULK_CHANNEL, json!(lump)).await;
        // The copies that come back to the publisher would fill its own buffers.
        while self.try_pushed().await {}
        lump.len()
    }

    /// Publishes until the kernel takes no more for a subscriber that does not read.
    pub(crate) async fn publish_until_full(&mut self) {
        let mut sent = 0;
        while sent < MORE_THAN_FITS {
            sent += self.publish_bulk().await;
        }
    }
}
