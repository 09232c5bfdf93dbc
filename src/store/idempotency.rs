//! Keys of requests that create something (`Idempotency-Key`): which request a key belongs to, and its answer.
//!
//! Called by the operators' use cases. One conditional statement writes the row of a key before the request is carried out. So
//! of two requests with the same key, only one is carried out. The retention job deletes expired rows.

use protocol::id::UserId;
use time::OffsetDateTime;

use crate::{error::StoreError, pool::Store};

/// A key that a caller has sent with a request.
#[derive(Clone, Debug)]
pub struct KeyedRequest {
    /// The caller.
    pub user: UserId,
    /// The key.
    pub key: String,
    /// SHA-256 of the request.
    pub hash: [u8; 32],
}

/// What a key says about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyClaim {
    /// The key is new. The caller carries the request out, and then calls [`Store::keep_answer`] or [`Store::release_key`].
    Claimed,
    /// The same request was answered before.
    Answered {
        /// The status of the answer.
        status: u16,
        /// The answer, a JSON text.
        answer: String,
    },
    /// The same request began at this time, and has no answer yet.
    Unanswered {
        /// When it began.
        since: OffsetDateTime,
    },
    /// The key belongs to another request.
    OtherRequest,
}

impl Store {
    /// Claims a key until `expires_at`, unless it belongs to a request that has not expired.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn claim_key(
        &self,
        request: KeyedRequest,
        now: OffsetDateTime,
        expires_at: OffsetDateTime,
    ) -> Result<KeyClaim, StoreError> {
        let claim = "INSERT INTO idempotency_keys AS k (user_id, key, request_hash, created_at, expires_at)
                     VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (user_id, key) DO UPDATE
                     SET request_hash = EXCLUDED.request_hash, status = NULL, answer = NULL,
                         created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at
                     WHERE k.expires_at <= EXCLUDED.created_at";
        let read = "SELECT request_hash = $3 AS same, status, answer, created_at FROM idempotency_keys
                    WHERE user_id = $1 AND key = $2";
        self.run(move |client| {
            Box::pin(async move {
                let KeyedRequest { user, key, hash } = request;
                let hash = hash.as_slice();
                if client.execute(claim, &[&user.0, &key, &hash, &now, &expires_at]).await? == 1 {
                    return Ok(KeyClaim::Claimed);
                }
                let Some(row) = client.query_opt(read, &[&user.0, &key, &hash]).await? else {
                    return Err(StoreError::Unavailable("the key was released in this moment".to_owned()));
                };
                if !row.try_get::<_, bool>("same")? {
                    return Ok(KeyClaim::OtherRequest);
                }
                let status: Option<i16> = row.try_get("status")?;
                Ok(match (status, row.try_get("answer")?) {
                    (Some(status), Some(answer)) => {
                        KeyClaim::Answered { status: status.unsigned_abs(), answer }
                    }
                    _ => KeyClaim::Unanswered { since: row.try_get("created_at")? },
                })
            })
        })
        .await
    }

    /// Keeps the answer to a request that has claimed its key.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn keep_answer(
        &self,
        request: KeyedRequest,
        status: u16,
        answer: String,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE idempotency_keys SET status = $4, answer = $5
                   WHERE user_id = $1 AND key = $2 AND request_hash = $3 AND status IS NULL";
        self.run(move |client| {
            Box::pin(async move {
                let KeyedRequest { user, key, hash } = request;
                let status = i16::try_from(status).map_err(StoreError::internal)?;
                client.execute(sql, &[&user.0, &key, &hash.as_slice(), &status, &answer]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Gives back the key of a request without effect, so that the request can be sent again.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn release_key(&self, request: KeyedRequest) -> Result<(), StoreError> {
        let sql = "DELETE FROM idempotency_keys
                   WHERE user_id = $1 AND key = $2 AND request_hash = $3 AND status IS NULL";
        self.run(move |client| {
            Box::pin(async move {
                let KeyedRequest { user, key, hash } = request;
                client.execute(sql, &[&user.0, &key, &hash.as_slice()]).await?;
                Ok(())
            })
        })
        .await
    }
}
