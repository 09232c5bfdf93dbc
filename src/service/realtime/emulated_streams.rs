//! The secrets of the emulated streams that are open here, and whose connections they are.
//!
//! The doors enter and remove them; the server API finds one connection by what only its client knows. What is kept is a
//! digest of each, so that looking one up tells nothing of others.

use dashmap::DashMap;
use protocol::id::ConnectionId;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// What is kept of a secret.
pub type StreamDigest = [u8; 32];

/// See the module.
#[derive(Default)]
pub struct StreamSecrets(DashMap<StreamDigest, ConnectionId>);

impl StreamSecrets {
    /// What is kept of this secret.
    #[must_use]
    pub fn digest(secret: &SecretString) -> StreamDigest {
        Sha256::digest(secret.expose_secret().as_bytes()).into()
    }

    /// A stream begins.
    pub fn enter(&self, digest: StreamDigest, connection: ConnectionId) {
        self.0.insert(digest, connection);
    }

    /// It is over.
    pub fn remove(&self, digest: &StreamDigest) {
        self.0.remove(digest);
    }

    /// Whose secret it is, while the stream is open.
    #[must_use]
    pub fn find(&self, secret: &SecretString) -> Option<ConnectionId> {
        self.0.get(&Self::digest(secret)).map(|entry| *entry)
    }
}
