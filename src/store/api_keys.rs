//! API keys of the server API. The database holds a hash of the secret, never the key itself.

use domain::tokens::api_key::{ApiScopes, KeyHash};
use protocol::audit::AuditEvent;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    audit,
    error::StoreError,
    events::receiver_stops,
    pool::Store,
    revocation::{acting_session, order::ActingSession},
};

/// The unique index on the names of keys that are not revoked.
pub const KEY_NAME_TAKEN: &str = "api_keys_name";
const COLUMNS: &str = "id, name, hash, scopes, created_at, expires_at, last_used_at, revoked_at";

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The public id that finds the key.
    pub id: Uuid,
    /// The name that the operator gave the key.
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: Vec<u8>,
    /// The methods that the key may call.
    pub scopes: ApiScopes,
    /// Time of creation.
    pub created_at: OffsetDateTime,
    /// End of validity; `None` for no end.
    pub expires_at: Option<OffsetDateTime>,
    /// The last use that was written.
    pub last_used_at: Option<OffsetDateTime>,
    /// Time of the revocation.
    pub revoked_at: Option<OffsetDateTime>,
}

impl ApiKey {
    /// Whether the key is valid at this time.
    #[must_use]
    pub fn works(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }
}

/// An API key to be created.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// The public id that finds the key.
    pub id: Uuid,
    /// The name.
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: KeyHash,
    /// The methods that the key may call.
    pub scopes: ApiScopes,
    /// The time of the creation.
    pub now: OffsetDateTime,
    /// End of validity; `None` for no end.
    pub expires_at: Option<OffsetDateTime>,
}

impl Store {
    /// Writes a key with its audit event.
    ///
    /// # Errors
    /// `Conflict` with [`KEY_NAME_TAKEN`] if a key that is not revoked has this name. `Unavailable` if the database cannot be
    /// reached.
    pub async fn insert_api_key(
        &self,
        new: NewApiKey,
        acting_session: Option<ActingSession>,
        event: AuditEvent,
    ) -> Result<(), StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                if let Some(acting_session) = &acting_session {
                    acting_session::require(&transaction, acting_session, new.now).await?;
                }
                let sql = "INSERT INTO api_keys (id, name, hash, scopes, created_at, expires_at)
                           VALUES ($1, $2, $3, $4, $5, $6)";
                let NewApiKey { id, name, hash, scopes, now, expires_at } = &new;
                transaction.execute(sql, &[id, name, &&hash[..], &scopes.words(), now, expires_at]).await?;
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(())
            })
        })
        .await
    }

    /// The key with this id, valid or not.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn api_key(&self, id: Uuid) -> Result<Option<ApiKey>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE id = $1");
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                client.query_opt(&statement, &[&id]).await?.as_ref().map(read).transpose()
            })
        })
        .await
    }

    /// The newest 10,000 keys, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM api_keys ORDER BY created_at DESC, id LIMIT 10000");
        self.run_slow(move |client| {
            Box::pin(async move { client.query(&sql, &[]).await?.iter().map(read).collect() })
        })
        .await
    }

    /// A page of keys, newest first. With `before`, the list continues after the key with this time and id.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn page_of_api_keys(
        &self,
        before: Option<(OffsetDateTime, Uuid)>,
        limit: u32,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM api_keys
             WHERE ($1::timestamptz IS NULL OR created_at <= $1) AND ($1 IS NULL OR created_at < $1 OR id > $2)
             ORDER BY created_at DESC, id LIMIT $3"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let (at, id) = before.unzip();
                client.query(&sql, &[&at, &id, &i64::from(limit)]).await?.iter().map(read).collect()
            })
        })
        .await
    }

    /// Revokes a key, given by its id (with or without hyphens) or, if no key has this id, by its name. Disables the key's
    /// streams of events. Returns the id; `None` if there is no such key, or if the key was revoked before.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn revoke_api_key(
        &self,
        key: String,
        acting_session: Option<ActingSession>,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<Option<Uuid>, StoreError> {
        let id = Uuid::try_parse(&key).ok();
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                if let Some(acting_session) = &acting_session {
                    acting_session::require(&transaction, acting_session, now).await?;
                }
                let sql = "UPDATE api_keys SET revoked_at = $3
                           WHERE revoked_at IS NULL AND (id = $1 OR lower(name) = lower($2)
                                 AND NOT EXISTS (SELECT FROM api_keys other WHERE other.id = $1))
                           RETURNING id";
                let Some(row) = transaction.query_opt(sql, &[&id, &key, &now]).await? else {
                    return Ok(None);
                };
                let id: Uuid = row.try_get(0)?;
                let event = event.with("key", id.to_string());
                receiver_stops::disable_of_keys(&transaction, &[id], now, &event).await?;
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(Some(id))
            })
        })
        .await
    }

    /// Writes the time of a use.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn touch_api_key(&self, id: Uuid, now: OffsetDateTime) -> Result<(), StoreError> {
        let sql = "UPDATE api_keys SET last_used_at = greatest(last_used_at, $2) WHERE id = $1";
        self.run(move |client| {
            Box::pin(async move { Ok(client.execute(sql, &[&id, &now]).await.map(drop)?) })
        })
        .await
    }
}

fn read(row: &Row) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        hash: row.try_get("hash")?,
        scopes: ApiScopes::stored(&row.try_get::<_, Vec<String>>("scopes")?),
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        last_used_at: row.try_get("last_used_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}
