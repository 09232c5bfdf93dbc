//! The keys of the log, sealed with the data encryption key.

use domain::{crypto::seal::Sealed, transparency_log::keys::AuditKeyPurpose};
use time::OffsetDateTime;

use crate::{error::StoreError, pool::Store};

impl Store {
    /// The stored keys of the log.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn audit_keys(&self) -> Result<Vec<(AuditKeyPurpose, Sealed)>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let rows = client.query("SELECT purpose, sealed, key_id FROM audit_keys", &[]).await?;
                let keys = rows.iter().map(|row| {
                    let purpose = AuditKeyPurpose::of(row.try_get(0)?).ok_or_else(|| {
                        StoreError::internal("a key of the audit log has an unknown purpose")
                    })?;
                    Ok((purpose, Sealed { bytes: row.try_get(1)?, key_id: row.try_get(2)? }))
                });
                keys.collect()
            })
        })
        .await
    }

    /// Adds keys of the log. A purpose that has a key keeps it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn add_audit_keys(
        &self,
        keys: Vec<(AuditKeyPurpose, Sealed)>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let sql =
                    "INSERT INTO audit_keys (purpose, sealed, key_id, created_at) VALUES ($1, $2, $3, $4)
                           ON CONFLICT (purpose) DO NOTHING";
                for (purpose, sealed) in keys {
                    client.execute(sql, &[&purpose.as_str(), &sealed.bytes, &sealed.key_id, &now]).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Replaces a sealed key of the log by the same key, sealed anew. `false` if the stored key is not `old` any more.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn reseal_audit_key(
        &self,
        purpose: AuditKeyPurpose,
        old: Sealed,
        new: Sealed,
    ) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let sql = "SELECT audit_keys_reseal($1, $2, $3, $4)";
                let row =
                    client.query_one(sql, &[&purpose.as_str(), &old.bytes, &new.bytes, &new.key_id]).await?;
                Ok(row.try_get(0)?)
            })
        })
        .await
    }
}
