//! Keys of the server API: creating, listing, revoking and authenticating them.
//!
//! A key is looked up with every request, so a key that was revoked or has expired stops working at once, on every node.

use std::{collections::HashMap, time::Duration};

use domain::{
    shown_name::shown_name,
    tokens::api_key::{ApiScopes, PresentedKey, new_key, same},
};
use parking_lot::Mutex;
use secrecy::SecretString;
use store::{ApiKey, KEY_NAME_TAKEN, NewApiKey, Store, StoreError};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::core::{
    audit::AuditTrail, clock::Clock, failure::Failure, random::random_bytes, request_meta::RequestMeta,
    throttle::Throttle,
};

/// How often a key's use is written to the database.
const TOUCH_EVERY: time::Duration = time::Duration::minutes(1);

/// An authenticated request to the server API.
#[derive(Clone, Debug)]
pub struct ApiCaller {
    /// The key. `None` for the key of the settings.
    pub key: Option<Uuid>,
    /// The key's name.
    pub name: String,
    /// What the key permits.
    pub scopes: ApiScopes,
    /// What is known of the request.
    pub meta: RequestMeta,
}

/// Creates, revokes and authenticates keys of the server API.
pub struct ApiKeys {
    store: Store,
    clock: Clock,
    audit: AuditTrail,
    throttle: Throttle,
    /// The key of the settings.
    configured: Option<SecretString>,
    recorded_uses: RecordedUses,
}

/// When the use of each key was last written to the database.
#[derive(Default)]
struct RecordedUses(Mutex<HashMap<Uuid, OffsetDateTime>>);

impl RecordedUses {
    /// Whether this use must be written.
    fn note(&self, key: Uuid, now: OffsetDateTime) -> bool {
        let mut uses = self.0.lock();
        let due = uses.get(&key).is_none_or(|last| now - *last >= TOUCH_EVERY);
        if due {
            uses.insert(key, now);
        }
        due
    }
}

impl ApiKeys {
    /// `configured` is a key in addition to those in the database. It permits everything.
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        audit: AuditTrail,
        throttle: Throttle,
        configured: Option<SecretString>,
    ) -> Self {
        Self { store, clock, audit, throttle, configured, recorded_uses: RecordedUses::default() }
    }

    /// Creates a key. Its text is returned once, here.
    ///
    /// # Errors
    /// `BadRequest` for an invalid name, lifetime or empty scopes, `Conflict` if another key has the name, `Unavailable`.
    pub async fn create(
        &self,
        name: &str,
        scopes: ApiScopes,
        lifetime: Option<Duration>,
    ) -> Result<(SecretString, ApiKey), Failure> {
        let name = checked_name(name)?;
        if scopes.words().is_empty() {
            return Err(Failure::bad_request("invalid_scopes", "A key has at least one scope."));
        }
        let (now, id) = (self.clock.now(), Uuid::new_v4());
        let expires_at = lifetime.and_then(|lifetime| now.checked_add(lifetime.try_into().ok()?));
        if lifetime.is_some() && expires_at.is_none_or(|end| end <= now) {
            return Err(Failure::bad_request("invalid_lifetime", "A key ends in the future, or never."));
        }
        let (text, hash) = new_key(id, &random_bytes::<32>()?);
        let mut event = self.audit.local_event("api_key.created").with("key", id.to_string());
        event = event.with("name", name.as_str()).with("scopes", scopes.to_string());
        if let Some(end) = expires_at {
            event = event.with("until", end.unix_timestamp());
        }
        let new = NewApiKey { id, name, hash, scopes, now, expires_at };
        match self.store.insert_api_key(new, event).await {
            Err(StoreError::Conflict(constraint)) if constraint == KEY_NAME_TAKEN => {
                return Err(Failure::conflict("name_taken", "There is a key of that name."));
            }
            inserted => inserted?,
        }
        let created = self.store.api_key(id).await?.ok_or(Failure::Internal)?;
        Ok((text, created))
    }

    /// Every key, the newest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn list(&self) -> Result<Vec<ApiKey>, Failure> {
        Ok(self.store.api_keys().await?)
    }

    /// Revokes the key with this id or name. `None` if there is none.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn revoke(&self, key: &str) -> Result<Option<Uuid>, Failure> {
        let event = self.audit.local_event("api_key.revoked");
        Ok(self.store.revoke_api_key(key.trim().to_owned(), self.clock.now(), event).await?)
    }

    /// Authenticates a request by its key, and spends one of the key's permits.
    ///
    /// # Errors
    /// `Invalid` if the key is unknown, revoked or expired; `TooMany` if the key was used too often, or if too many unknown keys
    /// came from the address; `Unavailable`.
    pub async fn authenticate(&self, key: &str, meta: RequestMeta) -> Result<ApiCaller, Failure> {
        let limits = self.throttle.limits();
        // Each guess costs a query, so an address that has guessed too often is refused before the query.
        self.throttle.peek_for_address(limits.api_key_address, meta.address).await?;
        if let Some(configured) = &self.configured
            && same(key, configured)
        {
            self.throttle.spend(limits.api_key, "settings").await?;
            let (name, scopes) = ("API_KEY".to_owned(), ApiScopes::everything());
            return Ok(ApiCaller { key: None, name, scopes, meta });
        }
        let Some(found) = self.stored(key).await? else {
            self.throttle.charge_address(limits.api_key_address, meta.address).await;
            return Err(invalid_key());
        };
        self.throttle.spend(limits.api_key, &found.id.to_string()).await?;
        let now = self.clock.now();
        // An expired or revoked key is not a guess, so the address is not charged.
        if !found.works(now) {
            return Err(invalid_key());
        }
        if self.recorded_uses.note(found.id, now) {
            let (store, id) = (self.store.clone(), found.id);
            // This shows operators which keys are in use. The request does not wait for the write.
            self.store.runtime().spawn(async move { store.touch_api_key(id, now).await });
        }
        Ok(ApiCaller { key: Some(found.id), name: found.name, scopes: found.scopes, meta })
    }

    /// The key in the database that has this text, even if the key is revoked or expired.
    async fn stored(&self, key: &str) -> Result<Option<ApiKey>, Failure> {
        let Some(presented) = PresentedKey::parse(key) else { return Ok(None) };
        Ok(self.store.api_key(presented.id).await?.filter(|found| presented.is(&found.hash)))
    }
}

fn checked_name(name: &str) -> Result<String, Failure> {
    shown_name(name).ok_or_else(|| {
        let detail = "A key's name has 1 to 100 characters and none that cannot be seen.";
        Failure::bad_request("invalid_name", detail)
    })
}

/// The answer to every refused key. It is the same for every reason.
fn invalid_key() -> Failure {
    Failure::invalid("invalid_api_key", "The API key is not valid.")
}
