//! The port of the client that uses the doors of this node from outside. `src/drill` implements it.

use std::{future::Future, pin::Pin, time::Instant};

use domain::drill::{Door, Seen};
use secrecy::SecretString;

/// A future of the client.
pub type DoorFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The tokens of a session of the canary.
#[derive(Clone, Debug)]
pub struct CanaryTokens {
    /// The access token.
    pub access: SecretString,
    /// The refresh token.
    pub refresh: SecretString,
}

/// A door could not be opened. The text names the door and the reason, and has no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DoorClosed(pub String);

/// The doors of this node.
pub trait NodeDoors: Send + Sync {
    /// Opens every door with these tokens, and makes sure that each is open.
    fn open(&self, tokens: CanaryTokens) -> DoorFuture<Result<Box<dyn HeldDoors>, DoorClosed>>;
}

/// Doors that are open. Dropping them closes the connections.
pub trait HeldDoors: Send {
    /// The number of connections that stay open.
    fn connections(&self) -> usize;

    /// Watches every door until it is shut, or until `domain::drill::OPEN_AFTER` is over. The revocation was requested at `from`.
    fn watch(self: Box<Self>, from: Instant) -> DoorFuture<Vec<(Door, Seen)>>;
}
