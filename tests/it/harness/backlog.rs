//! Publishes more than a connection can buffer, to test peers that do not read.

use portcullis::config::Settings;
use serde_json::json;

use super::{Session, Socket};

/// The channel of the large publications.
pub(crate) const BULK_CHANNEL: &str = "ephemeral:noise";
/// More bytes than fit into the kernel's buffers between two sockets of one machine (`net.ipv4.tcp_wmem` allows 4 MiB).
pub(crate) const MORE_THAN_FITS: usize = 8 << 20;

/// Sets the rate limits so high that one connection may publish without a delay.
pub(crate) fn allow_bulk_publishing(settings: &mut Settings) {
    settings.limits.frame_connection.burst = 100_000;
    settings.limits.publication_user.burst = 100_000;
}

/// As [`allow_bulk_publishing`], and with a queue limit so high that no connection reaches it.
pub(crate) fn allow_large_backlog(settings: &mut Settings) {
    allow_bulk_publishing(settings);
    settings.socket.outbox_bytes = 4 * MORE_THAN_FITS;
}

/// A socket that is subscribed to [`BULK_CHANNEL`]. Its client does not read after the reply to the subscription.
pub(crate) async fn unread_socket(session: &Session) -> Socket {
    let path = format!("/api/v1/ws/chat?token={}", session.access);
    let handshake = session.app.handshake(&path).receive_buffer(4096);
    let mut socket = handshake.open().await.expect("the handshake is accepted");
    socket.subscribe(BULK_CHANNEL).await;
    socket
}

impl Socket {
    /// Publishes one large publication, and returns its size.
    pub(crate) async fn publish_bulk(&mut self) -> usize {
        let lump = "x".repeat(48 * 1024);
        self.publish(BULK_CHANNEL, json!(lump)).await;
        // The publisher also receives its own publications. It must read them, so that its buffers do not fill.
        while self.try_pushed().await {}
        lump.len()
    }

    /// Publishes until the kernel's buffers for a subscriber that does not read are full.
    pub(crate) async fn publish_until_full(&mut self) {
        let mut sent = 0;
        while sent < MORE_THAN_FITS {
            sent += self.publish_bulk().await;
        }
    }
}
