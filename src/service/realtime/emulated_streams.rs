//! Emulated streams that are open on this node: their secrets and their connections.
//!
//! The emulation endpoints add and remove streams. The server API finds a connection by the secret that only its client knows.
//! Only digests of secrets are kept, so that the time of a lookup reveals nothing about other secrets.

use dashmap::DashMap;
use protocol::id::ConnectionId;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The digest of a secret.
pub type StreamDigest = [u8; 32];

/// Emulated streams that are open on this node, by the digests of their secrets.
#[derive(Default)]
pub struct EmulatedStreams(DashMap<StreamDigest, ConnectionId>);

impl EmulatedStreams {
    /// The digest of this secret.
    #[must_use]
    pub fn digest(secret: &SecretString) -> StreamDigest {
        Sha256::digest(secret.expose_secret().as_bytes()).into()
    }

    /// Adds a stream that begins.
    pub fn add(&self, digest: StreamDigest, connection: ConnectionId) {
        self.0.insert(digest, connection);
    }

    /// Removes a stream that has ended.
    pub fn remove(&self, digest: &StreamDigest) {
        self.0.remove(digest);
    }

    /// The connection with this secret, while its stream is open.
    #[must_use]
    pub fn find(&self, secret: &SecretString) -> Option<ConnectionId> {
        self.0.get(&Self::digest(secret)).map(|entry| *entry)
    }
}
