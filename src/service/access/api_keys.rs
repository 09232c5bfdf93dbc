//! Keys of the server API: creating, listing, revoking and authenticating them.
//!
//! A key is looked up with every request, so a key that was revoked or has expired stops working at once, on every node.

use std::{collections::HashMap, time::Duration};

use domain::{
    shown_name::shown_name,
    tokens::api_key::{ApiScopes, PresentedKey, new_key, same},
};
use parking_lot::Mutex;
use protocol::audit::AuditEvent;
use secrecy::SecretString;
use store::{ActingSession, ApiKey, KEY_NAME_TAKEN, NewApiKey, Store, StoreError};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::core::{
    audit::AuditTrail, clock::Clock, failure::Failure, random::random_bytes, request_meta::RequestMeta,
    throttle::Throttle,
};

/// The shortest time between two writes of a key's last use to the database.
const TOUCH_EVERY: time::Duration = time::Duration::minutes(1);

/// An authenticated request to the server API.
#[derive(Clone, Debug)]
pub struct ApiCaller {
    /// The id of the key. `None` for the key in the settings (`API_KEY`).
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
    /// The key in the settings, if there is one.
    configured: Option<SecretString>,
    recorded_uses: RecordedUses,
}

/// When the use of each key was last written to the database.
#[derive(Default)]
struct RecordedUses(Mutex<HashMap<Uuid, OffsetDateTime>>);

impl RecordedUses {
    /// Whether a use at `now` must be written. If so, notes `now` as the time of the last write.
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
    /// `configured` is a key in addition to the keys in the database. It permits everything.
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        audit: AuditTrail,
        throttle: Throttle,
        configured: Option<SecretString>,
    ) -> Self {
        Self { store, clock, audit, throttle, configured, recorded_uses: RecordedUses::default() }
    }

    /// Creates a key. Only this answer contains the text of the key.
    ///
    /// # Errors
    /// `BadRequest` for an invalid name, an invalid lifetime or empty scopes. `Conflict` if another key with this name is not
    /// revoked. `Unavailable`.
    pub async fn create(
        &self,
        name: &str,
        scopes: ApiScopes,
        lifetime: Option<Duration>,
    ) -> Result<(SecretString, ApiKey), Failure> {
        let now = self.clock.now();
        let expires_at = lifetime.and_then(|lifetime| now.checked_add(lifetime.try_into().ok()?));
        if lifetime.is_some() && expires_at.is_none() {
            return Err(invalid_lifetime());
        }
        let event = self.audit.local_event("api_key.created");
        self.create_until(name, scopes, expires_at, None, event).await
    }

    /// Creates a key that is valid until this time, on behalf of an operator or of the command line. Only this answer contains the
    /// text of the key. The event has no details of the key yet.
    ///
    /// # Errors
    /// The errors of [`Self::create`], and those of a lapsed acting session.
    pub(crate) async fn create_until(
        &self,
        name: &str,
        scopes: ApiScopes,
        expires_at: Option<OffsetDateTime>,
        acting_session: Option<ActingSession>,
        event: AuditEvent,
    ) -> Result<(SecretString, ApiKey), Failure> {
        let name = checked_name(name)?;
        if scopes.words().is_empty() {
            return Err(Failure::bad_request("invalid_scopes", "A key has at least one scope."));
        }
        let (now, id) = (self.clock.now(), Uuid::new_v4());
        if expires_at.is_some_and(|end| end <= now) {
            return Err(invalid_lifetime());
        }
        let (text, hash) = new_key(id, &random_bytes::<32>()?);
        let mut event = event.with("key", id.to_string());
        event = event.with("name", name.as_str()).with("scopes", scopes.to_string());
        if let Some(end) = expires_at {
            event = event.with("until", end.unix_timestamp());
        }
        let new = NewApiKey { id, name, hash, scopes, now, expires_at };
        match self.store.insert_api_key(new, acting_session, event).await {
            Err(StoreError::Conflict(constraint)) if constraint == KEY_NAME_TAKEN => {
                return Err(Failure::conflict("name_taken", "Another key has this name."));
            }
            inserted => inserted?,
        }
        let created = self.store.api_key(id).await?.ok_or(Failure::Internal)?;
        Ok((text, created))
    }

    /// The newest 10,000 keys, newest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn list(&self) -> Result<Vec<ApiKey>, Failure> {
        Ok(self.store.api_keys().await?)
    }

    /// Revokes the key with this id or name. `None` if there is no such key, or if the key was revoked before.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn revoke(&self, key: &str) -> Result<Option<Uuid>, Failure> {
        let event = self.audit.local_event("api_key.revoked");
        Ok(self.store.revoke_api_key(key.trim().to_owned(), None, self.clock.now(), event).await?)
    }

    /// A page of keys, newest first. With `before`, the list continues after the key with this time and id.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn page(
        &self,
        before: Option<(OffsetDateTime, Uuid)>,
        limit: u32,
    ) -> Result<Vec<ApiKey>, Failure> {
        Ok(self.store.page_of_api_keys(before, limit).await?)
    }

    /// Revokes the key with this id on behalf of an operator. `None` if there is no such key, or if the key was revoked before.
    ///
    /// # Errors
    /// The errors of a lapsed acting session, `Unavailable`.
    pub(crate) async fn revoke_by_id(
        &self,
        key: Uuid,
        acting_session: ActingSession,
        event: AuditEvent,
    ) -> Result<Option<Uuid>, StoreError> {
        self.store.revoke_api_key(key.to_string(), Some(acting_session), self.clock.now(), event).await
    }

    /// Authenticates a request by its key, and counts the request towards the rate limit of the key.
    ///
    /// # Errors
    /// `Invalid` if the key is unknown, revoked or expired. `TooMany` if the key was used too often, or if too many unknown
    /// keys came from the address. `Unavailable`.
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
            // The write shows operators which keys are in use. The request does not wait for it.
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
        let detail = "A key's name has 1 to 100 characters, and no invisible characters.";
        Failure::bad_request("invalid_name", detail)
    })
}

fn invalid_lifetime() -> Failure {
    Failure::bad_request("invalid_lifetime", "A key must expire in the future, or never.")
}

/// The answer to every refused key. It is the same for every reason.
fn invalid_key() -> Failure {
    Failure::invalid("invalid_api_key", "The API key is not valid.")
}
