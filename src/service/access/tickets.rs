//! Tickets: a single-use, short-lived credential for one WebSocket handshake, for clients that can set no header.
//!
//! Only the hash is stored. Redeeming one is the verifier's.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::{Caller, Failure, Services};
use store;

const LIFETIME: Duration = Duration::from_secs(30);

/// A ticket, for whoever asked.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The ticket itself.
    pub ticket: SecretString,
    /// Until when it can be used.
    pub expires_at: OffsetDateTime,
}

impl Services {
    /// Issues a ticket for the caller's session; it permits no more than the caller's token.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn issue_ticket(&self, caller: &Caller) -> Result<Ticket, Failure> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| {
            tracing::error!(%error, "the system gives no randomness");
            Failure::unavailable()
        })?;
        let ticket = URL_SAFE_NO_PAD.encode(bytes);
        let expires_at = self.clock.now() + LIFETIME;
        let (session, scopes, token) = (caller.session, caller.scopes, caller.token.clone());
        let stands_for = store::Ticket { session, scopes, token };
        self.store.insert_ticket(Sha256::digest(&ticket).into(), stands_for, expires_at).await?;
        Ok(Ticket { ticket: ticket.into(), expires_at })
    }
}
