//! The emulated streams of this process, by the secrets of their clients.
//!
//! Held by the door. What is kept is a digest of each secret, so that looking one up tells nothing of others.

use std::sync::Arc;

use actix_web::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dashmap::DashMap;
use portcullis_actors::protocol::protobuf::Emulated;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::inbox::Inbox;
use crate::socket::refusal::Refusal;

type Key = [u8; 32];

/// See the module.
pub(in crate::socket) struct Streams {
    node: String,
    open: Arc<DashMap<Key, Inbox>>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { node: Uuid::new_v4().to_string(), open: Arc::default() }
    }
}

impl Streams {
    /// By which clients know this process; another one after a restart.
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    /// Takes a stream in, under a fresh secret.
    pub(super) fn enter(&self, inbox: Inbox) -> Result<Entry, Refusal> {
        let mut random = Zeroizing::new([0; 32]);
        getrandom::fill(random.as_mut_slice()).map_err(|_| Refusal::unavailable())?;
        let secret = SecretString::from(URL_SAFE_NO_PAD.encode(random.as_slice()));
        let key = key(&secret);
        self.open.insert(key, inbox);
        Ok(Entry { secret, key, open: Arc::clone(&self.open) })
    }

    /// Passes commands on to their stream.
    pub(super) fn pass(&self, emulated: &Emulated) -> Result<(), Refusal> {
        let unknown =
            || Refusal::new(StatusCode::NOT_FOUND, "unknown_stream", "There is no such stream here.");
        if emulated.node != self.node {
            return Err(unknown());
        }
        let inbox = self.open.get(&key(&emulated.session)).ok_or_else(unknown)?.clone();
        inbox.push(emulated.data.clone()).map_err(|_| {
            let detail = "The stream has more commands to do than may wait.";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_commands", detail)
        })
    }
}

/// A stream's place; dropping it gives it up.
pub(super) struct Entry {
    secret: SecretString,
    key: Key,
    open: Arc<DashMap<Key, Inbox>>,
}

impl Entry {
    /// What the client proves itself with.
    pub(super) fn secret(&self) -> SecretString {
        self.secret.clone()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.open.remove(&self.key);
    }
}

fn key(secret: &SecretString) -> Key {
    Sha256::digest(secret.expose_secret().as_bytes()).into()
}
