//! Keys of the server API: making, listing and revoking them, and asking whose a request is.
//!
//! A key is looked up with every request, so one that was revoked, or is over, stops at once, on every node.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use protocol::audit::{AuditEvent, Outcome};
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Failure, Meta, Services};
use domain::tokens::api_key::{ApiScopes, PresentedKey, new_key, same};
use store::{ApiKey, KEY_NAME_TAKEN, NewApiKey, StoreError};

/// The longest name, in characters.
const NAME_CHARS: usize = 100;
/// How often a key's use is written down.
const TOUCH_EVERY: time::Duration = time::Duration::minutes(1);

/// Whose a request to the server API is.
#[derive(Clone, Debug)]
pub struct ApiCaller {
    /// The key; `None` for that of the settings.
    pub key: Option<Uuid>,
    /// What it is called.
    pub name: String,
    /// What it may call.
    pub scopes: ApiScopes,
    /// What is known of the request.
    pub meta: Meta,
}

/// When which key was last written down as used.
#[derive(Default)]
pub(crate) struct Uses(Mutex<HashMap<Uuid, OffsetDateTime>>);

impl Uses {
    /// Whether this use is to be written down.
    fn note(&self, key: Uuid, now: OffsetDateTime) -> bool {
        let mut uses = self.0.lock();
        let due = uses.get(&key).is_none_or(|last| now - *last >= TOUCH_EVERY);
        if due {
            uses.insert(key, now);
        }
        due
    }
}

impl Services {
    /// Makes a key; its text is given once, here.
    ///
    /// # Errors
    /// `BadRequest` for a name, scopes or an end that cannot be, `Conflict` if there is a key of that name, `Unavailable`.
    pub async fn create_api_key(
        &self,
        name: &str,
        scopes: ApiScopes,
        lifetime: Option<Duration>,
    ) -> Result<(SecretString, ApiKey), Failure> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARS || name.contains(char::is_control) {
            return Err(Failure::bad_request("invalid_name", "A key's name has 1 to 100 characters."));
        }
        if scopes.words().is_empty() {
            return Err(Failure::bad_request("invalid_scopes", "A key has at least one scope."));
        }
        let (now, id) = (self.clock.now(), Uuid::new_v4());
        let expires_at = lifetime.and_then(|lifetime| now.checked_add(lifetime.try_into().ok()?));
        if lifetime.is_some() && expires_at.is_none_or(|end| end <= now) {
            return Err(Failure::bad_request("invalid_lifetime", "A key ends in the future, or never."));
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| {
            tracing::error!(%error, "the system gives no randomness");
            Failure::unavailable()
        })?;
        let (text, hash) = new_key(id, &secret);
        let mut event = self.key_event("api_key.created").with("key", id.to_string()).with("name", name);
        event = event.with("scopes", scopes.to_string());
        if let Some(end) = expires_at {
            event = event.with("until", end.unix_timestamp());
        }
        let new = NewApiKey { id, name: name.to_owned(), hash, scopes, now, expires_at };
        match self.store.insert_api_key(new, event).await {
            Err(StoreError::Conflict(constraint)) if constraint == KEY_NAME_TAKEN => {
                return Err(Failure::conflict("name_taken", "There is a key of that name."));
            }
            inserted => inserted?,
        }
        let made = self.store.api_key(id).await?.ok_or(Failure::Internal)?;
        Ok((text, made))
    }

    /// Every key, the newest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, Failure> {
        Ok(self.store.api_keys().await?)
    }

    /// Revokes the key of this id or name: from here on it opens nothing. `None` if there is none.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn revoke_api_key(&self, key: &str) -> Result<Option<Uuid>, Failure> {
        let event = self.key_event("api_key.revoked");
        Ok(self.store.revoke_api_key(key.trim().to_owned(), self.clock.now(), event).await?)
    }

    /// Whose request this is, and whether they may make another.
    ///
    /// # Errors
    /// `Invalid` if there is no such key or it no longer works, `TooMany`, also for an address that has brought too many
    /// wrong ones, `Unavailable`.
    pub async fn api_caller(&self, key: &str, meta: Meta) -> Result<ApiCaller, Failure> {
        // Guesses cost the database a look each, so whoever has guessed enough is not looked up.
        self.look_address(self.limits.api_key_address, &meta).await?;
        if let Some(known) = &self.settings.api_key
            && same(key, known)
        {
            self.throttle(self.limits.api_key, "settings").await?;
            let (name, scopes) = ("API_KEY".to_owned(), ApiScopes::everything());
            return Ok(ApiCaller { key: None, name, scopes, meta });
        }
        let Some(found) = self.known_key(key).await? else {
            self.charge_address(self.limits.api_key_address, &meta).await;
            return Err(unknown());
        };
        self.throttle(self.limits.api_key, &found.id.to_string()).await?;
        let now = self.clock.now();
        // Who comes with a key that is over has not guessed it.
        if !found.works(now) {
            return Err(unknown());
        }
        if self.api_key_uses.note(found.id, now) {
            let (store, id) = (self.store.clone(), found.id);
            // Only a help to see which keys are still needed.
            self.store.runtime().spawn(async move { store.touch_api_key(id, now).await });
        }
        Ok(ApiCaller { key: Some(found.id), name: found.name, scopes: found.scopes, meta })
    }

    /// The key of the database that this is, whether or not it works.
    async fn known_key(&self, key: &str) -> Result<Option<ApiKey>, Failure> {
        let Some(presented) = PresentedKey::parse(key) else { return Ok(None) };
        Ok(self.store.api_key(presented.id).await?.filter(|found| presented.is(&found.hash)))
    }

    fn key_event(&self, name: &str) -> AuditEvent {
        AuditEvent::new(name, Outcome::Success, self.clock.now_ms())
    }
}

/// Whatever is wrong with it.
fn unknown() -> Failure {
    Failure::invalid("invalid_api_key", "The API key is not valid.")
}
