//! Requests that create something, with a key that the client chooses (`Idempotency-Key`). Such a request is carried out at most
//! once, and its repetition gets the same answer.
//!
//! The key belongs to its caller, and is kept for a day. Only callers with the operator scope can keep keys. After a request
//! that failed without an effect, its key is free again. If the outcome is unknown (the database or the server failed in
//! between), the key stays, and no further request with the key is carried out.

use std::{future::Future, time::Duration};

use domain::account::role::Scope;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use store::{KeyClaim, KeyedRequest, Store};

use super::authority::Authority;
use crate::core::{
    audit::AuditTrail, caller::Caller, clock::Clock, failure::Failure, request_meta::RequestMeta,
};

/// How long a key and its answer are kept.
const KEPT: time::Duration = time::Duration::DAY;
/// How long a request may be without an answer before its outcome counts as unknown.
const RUNS_FOR: Duration = Duration::from_secs(60);

/// The key of a request, and a hash of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    key: String,
    hash: [u8; 32],
}

impl RequestKey {
    /// The key `key` of the request with this method, path and body. The body must contain no secrets, because its hash is
    /// stored.
    #[must_use]
    pub fn new(key: String, method: &str, path: &str, body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for part in [method.as_bytes(), path.as_bytes(), body] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self { key, hash: hash.finalize().into() }
    }
}

/// The answer to a request that was carried out.
#[derive(Clone, Debug)]
pub struct Created {
    /// The status, 200 to 299.
    pub status: u16,
    /// The answer, an object.
    pub body: Value,
    /// The members of `body` that are secrets. They are in the first answer only; a repetition has `null` there.
    pub secrets: &'static [&'static str],
}

/// An answer, and whether it is the repetition of an earlier one.
#[derive(Clone, Debug)]
pub struct CreatedOnce {
    /// The status.
    pub status: u16,
    /// The answer.
    pub body: Value,
    /// Whether the request was carried out earlier.
    pub replayed: bool,
}

/// Carries requests out once per key.
pub struct Idempotency {
    store: Store,
    clock: Clock,
    audit: AuditTrail,
    authority: Authority,
}

impl Idempotency {
    pub(crate) fn new(store: Store, clock: Clock, audit: AuditTrail, authority: Authority) -> Self {
        Self { store, clock, audit, authority }
    }

    /// Carries out `work`, if the key was not used before. With a key, the work is finished even if the client disconnects.
    ///
    /// # Errors
    /// The failures of `work`. `BadRequest` if the key belongs to another request. `Conflict` while the same request is carried
    /// out, or if its outcome is unknown. `Unavailable`.
    pub async fn once<F>(
        &self,
        caller: &Caller,
        key: Option<RequestKey>,
        meta: &RequestMeta,
        work: F,
    ) -> Result<CreatedOnce, Failure>
    where
        F: Future<Output = Result<Created, Failure>> + Send + 'static,
    {
        // The work refuses callers without this scope, so such callers need no key and cannot fill the table.
        let key = key.filter(|_| caller.scopes.contains(Scope::Operate));
        let Some(RequestKey { key, hash }) = key else {
            return work.await.map(first);
        };
        let request = KeyedRequest { user: caller.user, key, hash };
        let now = self.clock.now();
        match self.store.claim_key(request.clone(), now, now + KEPT).await? {
            KeyClaim::Claimed => {
                let store = self.store.clone();
                let work = async move { carry_out(&store, request, work).await };
                self.store.runtime().spawn(work).await.map_err(|_| Failure::unavailable())?
            }
            KeyClaim::Answered { status, answer } => {
                self.audit.record(self.authority.event(caller, "request.replayed", meta)).await?;
                let body = serde_json::from_str(&answer).map_err(|_| Failure::Internal)?;
                Ok(CreatedOnce { status, body, replayed: true })
            }
            KeyClaim::OtherRequest => Err(Failure::bad_request(
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request. Use a new key.",
            )),
            KeyClaim::Unanswered { since } if now - since < RUNS_FOR => Err(Failure::conflict(
                "request_in_progress",
                "The request with this Idempotency-Key is being carried out. Repeat it in a moment.",
            )),
            KeyClaim::Unanswered { .. } => Err(Failure::conflict(
                "outcome_unknown",
                "It is not known whether the request with this Idempotency-Key was carried out. Look, and use a new key.",
            )),
        }
    }
}

/// Carries out the work under its key. If the work had no effect, its key is free again. This also holds if the server was too
/// busy to begin. If the failure may have come after a commit, the key is kept.
async fn carry_out(
    store: &Store,
    request: KeyedRequest,
    work: impl Future<Output = Result<Created, Failure>>,
) -> Result<CreatedOnce, Failure> {
    match work.await {
        Ok(created) => {
            if let Err(error) = store.keep_answer(request, created.status, stored(&created)).await {
                tracing::warn!(%error, "the answer to a request with an Idempotency-Key was not stored");
            }
            Ok(first(created))
        }
        Err(failure @ (Failure::Unavailable { .. } | Failure::Internal)) => Err(failure),
        Err(failure) => {
            if let Err(error) = store.release_key(request).await {
                tracing::warn!(%error, "an Idempotency-Key was not given back");
            }
            Err(failure)
        }
    }
}

fn first(created: Created) -> CreatedOnce {
    CreatedOnce { status: created.status, body: created.body, replayed: false }
}

/// The answer as it is stored: without its secrets.
fn stored(created: &Created) -> String {
    let mut body = created.body.clone();
    for secret in created.secrets {
        if let Some(member) = body.get_mut(*secret) {
            *member = Value::Null;
        }
    }
    body.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stored_answer_has_no_secrets() {
        let body = json!({"id": 7, "password": "hunter2"});
        let created = Created { status: 201, body, secrets: &["password"] };
        assert_eq!(stored(&created), r#"{"id":7,"password":null}"#);
    }

    #[test]
    fn the_hash_depends_on_method_path_and_body() {
        let key = |method: &str, path: &str, body: &str| {
            RequestKey::new("k".to_owned(), method, path, body.as_bytes())
        };
        let one = key("POST", "/a", "{}");
        assert_eq!(one, key("POST", "/a", "{}"));
        for other in [key("PUT", "/a", "{}"), key("POST", "/b", "{}"), key("POST", "/a{", "}")] {
            assert_ne!(one, other);
        }
    }
}
