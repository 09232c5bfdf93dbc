//! Tickets: credentials that are valid once, for 30 s. A client that cannot set headers uses a ticket for its WebSocket
//! handshake.
//!
//! The database has only the hash of a ticket. `Verifier::verify_ticket` redeems tickets.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use store::Store;
use time::OffsetDateTime;

use crate::core::{caller::Caller, clock::Clock, failure::Failure, random::random_bytes};

const LIFETIME: Duration = Duration::from_secs(30);

/// A ticket, for the client that requested it.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The ticket itself.
    pub ticket: SecretString,
    /// When the ticket expires.
    pub expires_at: OffsetDateTime,
}

/// Issues tickets.
pub struct Tickets {
    store: Store,
    clock: Clock,
}

impl Tickets {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Issues a ticket for the caller's session. The ticket permits no more than the caller's token.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn issue(&self, caller: &Caller) -> Result<Ticket, Failure> {
        let ticket = URL_SAFE_NO_PAD.encode(random_bytes::<32>()?);
        let expires_at = self.clock.now() + LIFETIME;
        let (session, scopes, token) = (caller.session, caller.scopes, caller.token.clone());
        let row = store::Ticket { session, scopes, token };
        self.store.insert_ticket(Sha256::digest(&ticket).into(), row, expires_at).await?;
        Ok(Ticket { ticket: ticket.into(), expires_at })
    }
}
