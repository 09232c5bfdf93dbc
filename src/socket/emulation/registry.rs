//! The emulated streams of this process, by the secrets of their clients.
//!
//! Held by the door. What is kept is a digest of each secret, so that looking one up tells nothing of others.

use std::sync::Arc;

use actix_web::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dashmap::DashMap;
use protocol::{id::ConnectionId, protobuf::Emulated};
use secrecy::SecretString;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::socket::admission::refusal::Refusal;
use crate::socket::emulation::command_queue::Inbox;
use service::{EmulatedStreams, StreamDigest};

/// See the module.
pub(in crate::socket) struct Streams {
    node: String,
    open: Arc<DashMap<StreamDigest, Inbox>>,
    /// The same streams, for those who look for connections.
    secrets: Arc<EmulatedStreams>,
}

impl Streams {
    /// No streams yet. `secrets` is where others find their connections.
    pub(in crate::socket) fn new(secrets: Arc<EmulatedStreams>) -> Self {
        Self { node: Uuid::new_v4().to_string(), open: Arc::default(), secrets }
    }

    /// By which clients know this process; another one after a restart.
    pub(in crate::socket) fn node(&self) -> &str {
        &self.node
    }

    /// Takes the stream of a connection in, under a fresh secret.
    pub(in crate::socket) fn enter(&self, connection: ConnectionId, inbox: Inbox) -> Result<Entry, Refusal> {
        let mut random = Zeroizing::new([0; 32]);
        getrandom::fill(random.as_mut_slice()).map_err(|_| Refusal::unavailable())?;
        let secret = SecretString::from(URL_SAFE_NO_PAD.encode(random.as_slice()));
        let key = EmulatedStreams::digest(&secret);
        self.open.insert(key, inbox);
        self.secrets.add(key, connection);
        Ok(Entry { secret, key, open: Arc::clone(&self.open), secrets: Arc::clone(&self.secrets) })
    }

    /// Passes commands on to their stream.
    pub(in crate::socket) fn pass(&self, emulated: &Emulated) -> Result<(), Refusal> {
        let unknown =
            || Refusal::new(StatusCode::NOT_FOUND, "unknown_stream", "There is no such stream here.");
        if emulated.node != self.node {
            return Err(unknown());
        }
        let inbox = self.open.get(&EmulatedStreams::digest(&emulated.session)).ok_or_else(unknown)?.clone();
        inbox.push(emulated.data.clone()).map_err(|_| {
            let detail = "The stream has more commands to do than may wait.";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_commands", detail)
        })
    }
}

/// A stream's place; dropping it gives it up.
pub(in crate::socket) struct Entry {
    secret: SecretString,
    key: StreamDigest,
    open: Arc<DashMap<StreamDigest, Inbox>>,
    secrets: Arc<EmulatedStreams>,
}

impl Entry {
    /// What the client proves itself with.
    pub(in crate::socket) fn secret(&self) -> SecretString {
        self.secret.clone()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.open.remove(&self.key);
        self.secrets.remove(&self.key);
    }
}
