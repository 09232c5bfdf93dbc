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
        page::{Page, PageRequest},
        request_meta::RequestMeta,
    },
};

/// Lists, creates and revokes keys of the server API.
pub struct OperatorApiKeys {
    keys: Arc<ApiKeys>,
    authority: Authority,
}

impl OperatorApiKeys {
    pub(crate) fn new(keys: Arc<ApiKeys>, authority: Authority) -> Self {
        Self { keys, authority }
    }

    /// A page of keys, newest first, also those that are revoked or have expired.
    ///
    /// # Errors
    /// The errors of `Authority::read`; `BadRequest` for an invalid cursor; `Unavailable`.
    pub async fn list(
        &self,
        caller: &Caller,
        page: &PageRequest,
        meta: &RequestMeta,
    ) -> Result<Page<ApiKey>, Failure> {
        let event = self.authority.event(caller, "api_keys.listed", meta);
        self.authority.read(caller, Right::Read, event).await?;
        let keys = self.keys.page(page.after(read_cursor)?, page.one_more()).await?;
        Ok(page.page(keys, |last| cursor_after(last.created_at, last.id)))
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
