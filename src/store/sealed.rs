//! The sealed data of the database: the lasting keys, and the keys that sealed each row.
//!
//! Called by services and by the command line. The callers seal and open. `factors::totp` has the secrets of authenticator apps.

use domain::crypto::{lasting_keys::LastingPurpose, seal::Sealed};
use protocol::id::UserId;
use time::OffsetDateTime;

use crate::{error::StoreError, pool::Store};

/// What is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedKind {
    /// The secret of an authenticator app.
    AuthenticatorApp,
    /// A lasting key.
    LastingKey,
    /// A key of the audit log.
    AuditKey,
    /// The secret of a receiver of events.
    EventReceiver,
}

/// The number of rows that one key has sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCount {
    /// What is sealed.
    pub kind: SealedKind,
    /// The public name of the key.
    pub key_id: String,
    /// The number of rows.
    pub rows: u64,
}

impl Store {
    /// The lasting keys that the database has.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached, `Internal` for a purpose that this program does not know.
    pub async fn lasting_keys(&self) -> Result<Vec<(LastingPurpose, Sealed)>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let rows = client.query("SELECT purpose, sealed, key_id FROM lasting_keys", &[]).await?;
                let keys = rows.iter().map(|row| {
                    let purpose: String = row.try_get("purpose")?;
                    let purpose = LastingPurpose::of(&purpose)
                        .ok_or_else(|| StoreError::internal("a lasting key has an unknown purpose"))?;
                    Ok((purpose, Sealed { key_id: row.try_get("key_id")?, bytes: row.try_get("sealed")? }))
                });
                keys.collect()
            })
        })
        .await
    }

    /// Adds lasting keys. A purpose that has a key keeps it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn add_lasting_keys(
        &self,
        keys: Vec<(LastingPurpose, Sealed)>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let sql =
                    "INSERT INTO lasting_keys (purpose, sealed, key_id, created_at) VALUES ($1, $2, $3, $4)
                           ON CONFLICT (purpose) DO NOTHING";
                let transaction = client.transaction().await?;
                for (purpose, sealed) in keys {
                    transaction
                        .execute(sql, &[&purpose.as_str(), &sealed.bytes, &sealed.key_id, &now])
                        .await?;
                }
                transaction.commit().await?;
                Ok(())
            })
        })
        .await
    }

    /// Replaces a sealed lasting key. `false` if the stored key is not `old` any more.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn replace_lasting_key(
        &self,
        purpose: LastingPurpose,
        old: Sealed,
        new: Sealed,
    ) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let sql =
                    "UPDATE lasting_keys SET sealed = $3, key_id = $4 WHERE purpose = $1 AND sealed = $2";
                let changed =
                    client.execute(sql, &[&purpose.as_str(), &old.bytes, &new.bytes, &new.key_id]).await?;
                Ok(changed == 1)
            })
        })
        .await
    }

    /// Authenticator apps with secrets that one of these keys has sealed: at most `limit`, after the user `after`, in the order
    /// of the users.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn totp_sealed_with(
        &self,
        key_ids: Vec<String>,
        after: UserId,
        limit: u32,
    ) -> Result<Vec<(UserId, Sealed)>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql = "SELECT user_id, secret, key_id FROM user_two_factor
                           WHERE key_id = ANY ($1) AND user_id > $2 ORDER BY user_id LIMIT $3";
                let rows = client.query(sql, &[&key_ids, &after.0, &i64::from(limit)]).await?;
                let found = rows.iter().map(|row| {
                    let sealed = Sealed { key_id: row.try_get("key_id")?, bytes: row.try_get("secret")? };
                    Ok((UserId(row.try_get("user_id")?), sealed))
                });
                found.collect()
            })
        })
        .await
    }

    /// How many rows each key has sealed.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn sealed_counts(&self) -> Result<Vec<SealedCount>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let sql = "SELECT 0 AS kind, key_id, count(*) AS rows FROM user_two_factor GROUP BY key_id
                           UNION ALL SELECT 1, key_id, count(*) FROM lasting_keys GROUP BY key_id
                           UNION ALL SELECT 2, key_id, count(*) FROM audit_keys GROUP BY key_id
                           UNION ALL SELECT 3, secret_key_id, count(*) FROM event_receivers
                                     WHERE secret IS NOT NULL GROUP BY secret_key_id
                           UNION ALL SELECT 3, previous_key_id, count(*) FROM event_receivers
                                     WHERE previous_secret IS NOT NULL GROUP BY previous_key_id
                           ORDER BY 1, 2";
                let rows = client.query(sql, &[]).await?;
                let counts = rows.iter().map(|row| {
                    let kind = match row.try_get::<_, i32>("kind")? {
                        0 => SealedKind::AuthenticatorApp,
                        1 => SealedKind::LastingKey,
                        2 => SealedKind::AuditKey,
                        _ => SealedKind::EventReceiver,
                    };
                    Ok(SealedCount {
                        kind,
                        key_id: row.try_get("key_id")?,
                        rows: row.try_get::<_, i64>("rows")?.unsigned_abs(),
                    })
                });
                counts.collect()
            })
        })
        .await
    }
}
