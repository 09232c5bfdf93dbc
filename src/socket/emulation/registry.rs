//! [`StreamRegistry`]: the emulated streams of this process, by the secrets of their clients.
//!
//! The composition root makes one registry. The registry keeps digests of the secrets, so that the time of a look-up reveals
//! nothing about the secrets.

use std::sync::Arc;

use actix_web::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dashmap::DashMap;
use protocol::{id::ConnectionId, protobuf::Emulated};
use secrecy::SecretString;
use service::{EmulatedStreams, StreamDigest};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::command_queue::CommandQueue;
use crate::socket::admission::refusal::Refusal;

/// The open streams.
pub struct StreamRegistry {
    node: String,
    open: Arc<DashMap<StreamDigest, CommandQueue>>,
    /// The same streams, for the services that look up connections.
    secrets: Arc<EmulatedStreams>,
}

impl StreamRegistry {
    /// An empty registry. `secrets` lets the services find the connections of streams.
    #[must_use]
    pub fn new(secrets: Arc<EmulatedStreams>) -> Self {
        Self { node: Uuid::new_v4().to_string(), open: Arc::default(), secrets }
    }

    /// The name of this process for clients. It changes with a restart.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// Registers the stream of a connection with a new secret.
    pub(crate) fn register(
        &self,
        connection: ConnectionId,
        commands: CommandQueue,
    ) -> Result<RegisteredStream, Refusal> {
        let mut random = Zeroizing::new([0; 32]);
        getrandom::fill(random.as_mut_slice()).map_err(|_| Refusal::unavailable())?;
        let secret = SecretString::from(URL_SAFE_NO_PAD.encode(random.as_slice()));
        let key = EmulatedStreams::digest(&secret);
        self.open.insert(key, commands);
        self.secrets.add(key, connection);
        Ok(RegisteredStream { secret, key, open: Arc::clone(&self.open), secrets: Arc::clone(&self.secrets) })
    }

    /// Whether this is the secret of an open stream.
    pub(crate) fn knows(&self, secret: &SecretString) -> bool {
        self.open.contains_key(&EmulatedStreams::digest(secret))
    }

    /// The refusal of commands for a stream that is not open, for example because it has ended.
    pub(crate) fn unknown() -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, "unknown_stream", "There is no such stream here.")
    }

    /// Passes commands to their stream.
    pub(crate) fn pass(&self, emulated: &Emulated) -> Result<(), Refusal> {
        if emulated.node != self.node {
            return Err(Self::unknown());
        }
        let commands =
            self.open.get(&EmulatedStreams::digest(&emulated.session)).ok_or_else(Self::unknown)?.clone();
        commands.push(emulated.data.clone()).map_err(|_| {
            let detail = "Too many commands are waiting for the stream.";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_commands", detail)
        })
    }
}

/// A registered stream; dropping it removes the stream from the registry.
pub(crate) struct RegisteredStream {
    secret: SecretString,
    key: StreamDigest,
    open: Arc<DashMap<StreamDigest, CommandQueue>>,
    secrets: Arc<EmulatedStreams>,
}

impl RegisteredStream {
    /// The secret that names the stream.
    pub(crate) fn secret(&self) -> SecretString {
        self.secret.clone()
    }
}

impl Drop for RegisteredStream {
    fn drop(&mut self) {
        self.open.remove(&self.key);
        self.secrets.remove(&self.key);
    }
}
