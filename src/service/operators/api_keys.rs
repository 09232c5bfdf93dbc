//! Keys of the server API, for operators: their list, new keys, and their revocation.
//!
//! A key can do to every user what its scopes permit, so only admins create and revoke keys.

use std::sync::Arc;

use domain::tokens::api_key::ApiScopes;
use secrecy::SecretString;
use store::ApiKey;
use time::OffsetDateTime;
use uuid::Uuid;

use super::authority::{Authority, Right};
use crate::{
    access::api_keys::ApiKeys,
    core::{
        caller::Caller,
        cursor::{cursor_after, read_cursor},
        failure::Failure,
        request_meta::RequestMeta,
    },
};

/// A page of keys, newest first.
#[derive(Clone, Debug)]
pub struct ApiKeyPage {
    /// The keys.
    pub keys: Vec<ApiKey>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Lists, creates and revokes keys of the server API.
pub struct OperatorApiKeys {
    keys: Arc<ApiKeys>,
    authority: Authority,
}

impl OperatorApiKeys {
    pub(crate) fn new(keys: Arc<ApiKeys>, authority: Authority) -> Self {
        Self { keys, authority }
    }

    /// A page of keys, also those that are revoked or have expired.
    ///
    /// # Errors
    /// The errors of `Authority::read`; `BadRequest` for an invalid cursor; `Unavailable`.
    pub async fn list(
        &self,
        caller: &Caller,
        limit: u32,
        cursor: Option<&str>,
        meta: &RequestMeta,
    ) -> Result<ApiKeyPage, Failure> {
        let event = self.authority.event(caller, "api_keys.listed", meta);
        self.authority.read(caller, Right::Read, event).await?;
        let before = cursor.map(read_cursor).transpose()?;
        // One more than requested, to see whether there is another page.
        let mut keys = self.keys.page(before, limit.saturating_add(1)).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = keys.len() > limit;
        keys.truncate(limit);
        let next = keys.last().filter(|_| more).map(|last| cursor_after(last.created_at, last.id));
        Ok(ApiKeyPage { keys, next })
    }

    /// Creates a key. Only this answer contains the text of the key.
    ///
    /// # Errors
    /// The errors of `Authority::change` and of `ApiKeys::create`.
    pub async fn create(
        &self,
        caller: &Caller,
        name: &str,
        scopes: ApiScopes,
        until: Option<OffsetDateTime>,
        reason: &str,
        meta: &RequestMeta,
    ) -> Result<(SecretString, ApiKey), Failure> {
        let event = self.authority.event(caller, "api_key.created", meta).with("reason", reason);
        let mandate = self.authority.change(caller, Right::Administer, event).await?;
        let (acting, event) = (Some(mandate.acting_session), mandate.event.clone());
        match self.keys.create_until(name, scopes, until, acting, event).await {
            Ok(created) => Ok(created),
            Err(failure) => mandate.conclude(Err(mandate.settle(failure).await)).await,
        }
    }

    /// Revokes a key: from then on it is refused.
    ///
    /// # Errors
    /// The errors of `Authority::change`; `NotFound` if there is no such key, or if it was revoked before; `Unavailable`.
    pub async fn revoke(
        &self,
        caller: &Caller,
        key: Uuid,
        reason: &str,
        meta: &RequestMeta,
    ) -> Result<(), Failure> {
        let event = self.authority.event(caller, "api_key.revoked", meta).with("reason", reason);
        let mandate = self.authority.change(caller, Right::Administer, event).await?;
        match self.keys.revoke_by_id(key, mandate.acting_session, mandate.event.clone()).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => {
                let failure = Failure::not_found("There is no such key, or it is already revoked.");
                mandate.conclude(Err(failure)).await
            }
            Err(error) => Err(mandate.failure(error).await),
        }
    }
}
