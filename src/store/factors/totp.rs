//! Reads authenticator apps and backup codes for the verification of proofs, and begins to set up an app.
//!
//! Called by services. `second_factors` spends proofs and changes factors. The callers seal and open the secrets.

use domain::crypto::seal::Sealed;
use protocol::{audit::AuditEvent, id::UserId};
use time::OffsetDateTime;

use crate::{
    audit,
    error::StoreError,
    pool::Store,
    revocation::{acting_session, order::ActingSession},
};

/// A user's authenticator app.
#[derive(Clone, Debug)]
pub struct StoredTotp {
    /// The sealed secret.
    pub secret: Sealed,
    /// The last step that was accepted.
    pub last_step: i64,
    /// Time of the confirmation; `None` while the app is being set up.
    pub confirmed_at: Option<OffsetDateTime>,
}

impl Store {
    /// The user's authenticator app, even if it is still being set up.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn totp_of(&self, user: UserId) -> Result<Option<StoredTotp>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql =
                    "SELECT secret, key_id, last_step, confirmed_at FROM user_two_factor WHERE user_id = $1";
                let statement = client.prepare_cached(sql).await?;
                let row = client.query_opt(&statement, &[&user.0]).await?;
                row.map(|row| {
                    Ok(StoredTotp {
                        secret: Sealed { key_id: row.try_get("key_id")?, bytes: row.try_get("secret")? },
                        last_step: row.try_get("last_step")?,
                        confirmed_at: row.try_get("confirmed_at")?,
                    })
                })
                .transpose()
            })
        })
        .await
    }

    /// Begins to set up an authenticator app for the acting session's user, and replaces an app that is still being set up.
    /// `false` if the user has a confirmed app.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make this change, `Unavailable` if the database cannot be reached.
    pub async fn begin_totp(
        &self,
        acting_session: ActingSession,
        secret: Sealed,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                acting_session::require(&transaction, &acting_session, now).await?;
                let sql = "INSERT INTO user_two_factor AS t (user_id, secret, key_id, created_at) VALUES ($1, $2, $3, $4)
                           ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, key_id = excluded.key_id,
                               created_at = excluded.created_at, last_step = 0
                           WHERE t.confirmed_at IS NULL";
                let begun =
                    transaction.execute(sql, &[&acting_session.user.0, &secret.bytes, &secret.key_id, &now]).await?;
                if begun == 0 {
                    return Ok(false);
                }
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(true)
            })
        })
        .await
    }

    /// Replaces a sealed secret by the same secret sealed with another key. `false` if the stored secret is not `old` any more.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn reseal_totp(&self, user: UserId, old: Sealed, new: Sealed) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let sql =
                    "UPDATE user_two_factor SET secret = $3, key_id = $4 WHERE user_id = $1 AND secret = $2";
                let changed = client.execute(sql, &[&user.0, &old.bytes, &new.bytes, &new.key_id]).await?;
                Ok(changed == 1)
            })
        })
        .await
    }

    /// Finds the hash in this list that belongs to an unused backup code of the user.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn unused_backup_code(
        &self,
        user: UserId,
        hashes: Vec<[u8; 32]>,
    ) -> Result<Option<[u8; 32]>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql = "SELECT hash FROM backup_codes WHERE user_id = $1 AND hash = ANY ($2) AND used_at IS NULL LIMIT 1";
                let statement = client.prepare_cached(sql).await?;
                let named: Vec<&[u8]> = hashes.iter().map(|hash| &hash[..]).collect();
                let row = client.query_opt(&statement, &[&user.0, &named]).await?;
                let found = row.map(|row| row.try_get::<_, Vec<u8>>("hash")).transpose()?;
                Ok(hashes.into_iter().find(|hash| found.as_deref() == Some(&hash[..])))
            })
        })
        .await
    }
}
