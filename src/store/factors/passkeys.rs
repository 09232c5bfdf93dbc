//! Reading and renaming passkeys. To add, remove or suspend a passkey is a change of factors; to use a passkey is a proof. Both
//! are in `second_factors`.

use protocol::{audit::AuditEvent, id::UserId};
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    audit,
    error::StoreError,
    pool::Store,
    revocation::{acting_session, order::ActingSession},
};

const COLUMNS: &str = "p.id, p.user_id, p.passkey, p.aaguid, p.name, p.created_at, p.last_used_at, p.suspended_at, p.user_handle, \
     p.backup_unknown";

/// A passkey.
#[derive(Clone, Debug)]
pub struct StoredPasskey {
    /// This server's id of the passkey.
    pub id: Uuid,
    /// Its user.
    pub user: UserId,
    /// The passkey in the form of the WebAuthn library.
    pub passkey: Value,
    /// The model of the authenticator, as the authenticator reports it.
    pub aaguid: Option<Uuid>,
    /// The name that the user gave the passkey.
    pub name: String,
    /// Time of registration.
    pub created_at: OffsetDateTime,
    /// Time of the last successful use.
    pub last_used_at: Option<OffsetDateTime>,
    /// Time of the suspension; a suspended passkey is not accepted.
    pub suspended_at: Option<OffsetDateTime>,
    /// The user handle that the authenticator keeps, if another system registered the passkey.
    pub user_handle: Option<Vec<u8>>,
    /// True until the first use of the passkey, if another system registered the passkey without saying whether it may be
    /// copied to other devices.
    pub backup_unknown: bool,
}

/// The owner of a passkey, with the data that authenticators store about the owner.
#[derive(Clone, Debug)]
pub struct PasskeyOwner {
    /// The random user handle that authenticators store.
    pub handle: Uuid,
    /// The account's e-mail address.
    pub email: String,
}

impl Store {
    /// A user's passkeys, oldest first, including suspended ones.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn passkeys_of(&self, user: UserId) -> Result<Vec<StoredPasskey>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM passkey_credentials p WHERE p.user_id = $1 ORDER BY p.created_at, p.id"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let rows = client.query(&statement, &[&user.0]).await?;
                rows.iter().map(passkey).collect()
            })
        })
        .await
    }

    /// The data that authenticators store about this user.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn passkey_owner(&self, user: UserId) -> Result<Option<PasskeyOwner>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql = "SELECT webauthn_user_handle, email FROM users WHERE id = $1";
                let statement = client.prepare_cached(sql).await?;
                let row = client.query_opt(&statement, &[&user.0]).await?;
                row.map(|row| {
                    Ok(PasskeyOwner {
                        handle: row.try_get("webauthn_user_handle")?,
                        email: row.try_get("email")?,
                    })
                })
                .transpose()
            })
        })
        .await
    }

    /// The passkey with this credential id, and its owner.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn passkey_by_credential(
        &self,
        credential_id: Vec<u8>,
    ) -> Result<Option<(StoredPasskey, PasskeyOwner)>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, u.webauthn_user_handle, u.email
             FROM passkey_credentials p JOIN users u ON u.id = p.user_id WHERE p.credential_id = $1"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let Some(row) = client.query_opt(&statement, &[&credential_id]).await? else {
                    return Ok(None);
                };
                let owner = PasskeyOwner {
                    handle: row.try_get("webauthn_user_handle")?,
                    email: row.try_get("email")?,
                };
                Ok(Some((passkey(&row)?, owner)))
            })
        })
        .await
    }

    /// Renames a passkey of the acting session's user.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make this change, `Unavailable` if the database cannot be reached.
    pub async fn rename_passkey(
        &self,
        acting_session: ActingSession,
        id: Uuid,
        name: String,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<Option<StoredPasskey>, StoreError> {
        let sql = format!(
            "UPDATE passkey_credentials p SET name = $3 WHERE p.id = $2 AND p.user_id = $1 RETURNING {COLUMNS}"
        );
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                acting_session::require(&transaction, &acting_session, now).await?;
                let Some(row) = transaction.query_opt(&sql, &[&acting_session.user.0, &id, &name]).await?
                else {
                    return Ok(None);
                };
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                passkey(&row).map(Some)
            })
        })
        .await
    }
}

fn passkey(row: &Row) -> Result<StoredPasskey, StoreError> {
    Ok(StoredPasskey {
        id: row.try_get("id")?,
        user: UserId(row.try_get("user_id")?),
        passkey: row.try_get("passkey")?,
        aaguid: row.try_get("aaguid")?,
        name: row.try_get("name")?,
        created_at: row.try_get("created_at")?,
        last_used_at: row.try_get("last_used_at")?,
        suspended_at: row.try_get("suspended_at")?,
        user_handle: row.try_get("user_handle")?,
        backup_unknown: row.try_get("backup_unknown")?,
    })
}
