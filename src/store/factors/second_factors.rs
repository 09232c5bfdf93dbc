//! Second factors and passkeys: reading the factors of a user, spending a proof, and writing a change.
//!
//! A change of factors ends trust, so the transaction of a revocation writes it (`revocation::changes` calls [`apply`]). A
//! proof is spent by the transaction of the act that it permits ([`spend`]). Spending is one conditional statement, so only one
//! of several concurrent callers spends a proof. A change is refused if its condition is not met any more.

use deadpool_postgres::{GenericClient, Transaction};
use domain::{account::password::NO_PASSWORD, factors::passkey::PASSKEYS_PER_USER};
use protocol::id::UserId;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{error::StoreError, pool::Store};

/// The factors that a user has besides a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    /// A confirmed authenticator app.
    pub totp: bool,
    /// Passkeys that are not suspended.
    pub passkeys: u32,
    /// Suspended passkeys: they are not accepted, but still registered.
    pub suspended_passkeys: u32,
    /// Unused backup codes.
    pub backup_codes: u32,
}

impl Factors {
    /// Whether there is a second factor. Backup codes alone do not count. A suspended passkey still counts. Otherwise
    /// a suspected attack, which suspends the passkey, would leave the account with only its password.
    #[must_use]
    pub fn any(self) -> bool {
        self.totp || self.passkeys > 0 || self.suspended_passkeys > 0
    }
}

/// The columns of `users AS u` that [`from_row`] reads.
pub(crate) const FACTOR_COLUMNS: &str = "
    EXISTS (SELECT 1 FROM user_two_factor t WHERE t.user_id = u.id AND t.confirmed_at IS NOT NULL) AS totp,
    (SELECT count(*) FROM passkey_credentials p WHERE p.user_id = u.id AND p.suspended_at IS NULL) AS passkeys,
    (SELECT count(*) FROM passkey_credentials p WHERE p.user_id = u.id AND p.suspended_at IS NOT NULL)
        AS suspended_passkeys,
    (SELECT count(*) FROM backup_codes b WHERE b.user_id = u.id AND b.used_at IS NULL) AS backup_codes";

pub(crate) fn from_row(row: &Row) -> Result<Factors, StoreError> {
    let count =
        |column| Ok::<_, StoreError>(u32::try_from(row.try_get::<_, i64>(column)?).unwrap_or(u32::MAX));
    Ok(Factors {
        totp: row.try_get("totp")?,
        passkeys: count("passkeys")?,
        suspended_passkeys: count("suspended_passkeys")?,
        backup_codes: count("backup_codes")?,
    })
}

/// A proof that was verified and is not spent yet. It can be spent once.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A code of the authenticator app for this time step.
    Totp {
        /// The step: seconds since the epoch divided by 30.
        step: i64,
    },
    /// A backup code.
    BackupCode {
        /// The keyed hash of the code.
        hash: [u8; 32],
    },
    /// An assertion of a passkey.
    Passkey {
        /// The id of the passkey.
        id: Uuid,
        /// The new state of the passkey.
        passkey: Value,
        /// The new counter of the passkey.
        counter: i64,
    },
}

/// A passkey to be added.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// This server's id of the passkey.
    pub id: Uuid,
    /// The credential id that the authenticator made.
    pub credential_id: Vec<u8>,
    /// The passkey in the form of the WebAuthn library.
    pub passkey: Value,
    /// The counter of the passkey.
    pub counter: i64,
    /// The model of the authenticator.
    pub aaguid: Option<Uuid>,
    /// The name that the user gave the passkey.
    pub name: String,
}

/// A change of a user's factors.
#[derive(Clone, Debug)]
pub enum FactorChange {
    /// Confirms the authenticator app that is being set up. The step of the confirming code is spent.
    ConfirmTotp {
        /// The step of the confirming code.
        step: i64,
        /// The sealed secret that the code belongs to. If the secret was replaced in the meantime, nothing is confirmed.
        secret: Vec<u8>,
    },
    /// Removes the authenticator app.
    RemoveTotp,
    /// Replaces all backup codes. These are the hashes of the new codes.
    BackupCodes(Vec<[u8; 32]>),
    /// Adds a passkey.
    AddPasskey(Box<NewPasskey>),
    /// Removes a passkey, unless the passkey is the only way to sign in.
    RemovePasskey(Uuid),
    /// Suspends a passkey that may have been copied.
    SuspendPasskey(Uuid),
    /// Removes all factors except the password, for a user that cannot use them any more.
    Reset,
}

/// The condition of a change is not met. The factor does not exist or is in another state, the user has too many passkeys, or
/// there is no second factor for the backup codes.
pub const FACTOR_GONE: &str = "factor_gone";
/// The change would leave no way to sign in.
pub const LAST_FACTOR: &str = "last_factor";
/// The unique constraint on credential ids: the passkey is registered already, for this user or another.
pub const PASSKEY_KNOWN: &str = "passkey_credentials_credential_id_key";

impl Store {
    /// The factors of a user.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn factors_of(&self, user: UserId) -> Result<Factors, StoreError> {
        let sql = format!("SELECT {FACTOR_COLUMNS} FROM users u WHERE u.id = $1");
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let row = client.query_opt(&statement, &[&user.0]).await?;
                row.map_or(Ok(Factors::default()), |row| from_row(&row))
            })
        })
        .await
    }
}

/// Spends a proof within the transaction of the act that it permits. `false` if the proof was spent before, or something newer
/// was: a later code of the app, or an answer of the passkey with the same or a higher counter. Also `false` if, meanwhile, the
/// factor was removed or suspended, or the backup codes were replaced.
pub(crate) async fn spend(
    transaction: &Transaction<'_>,
    user: UserId,
    proof: &Proof,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let changed = match proof {
        Proof::Totp { step } => {
            let sql = "UPDATE user_two_factor SET last_step = $2, last_used_at = $3
                       WHERE user_id = $1 AND confirmed_at IS NOT NULL AND last_step < $2";
            transaction.execute(sql, &[&user.0, step, &now]).await?
        }
        Proof::BackupCode { hash } => {
            let sql =
                "UPDATE backup_codes SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at IS NULL";
            transaction.execute(sql, &[&user.0, &&hash[..], &now]).await?
        }
        Proof::Passkey { id, passkey, counter } => {
            // Only an authenticator without a counter reports the same value (0) again (WebAuthn, 7.2, step 22).
            let sql = "UPDATE passkey_credentials SET passkey = $3, counter = $4, last_used_at = $5, backup_unknown = false
                       WHERE id = $2 AND user_id = $1 AND suspended_at IS NULL
                         AND (counter < $4 OR (counter = 0 AND $4 = 0))";
            transaction.execute(sql, &[&user.0, id, passkey, counter, &now]).await?
        }
    };
    Ok(changed == 1)
}

/// Writes a change within the transaction of the revocation, which has locked the user's row.
pub(crate) async fn apply(
    transaction: &Transaction<'_>,
    user: i64,
    change: &FactorChange,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let changed = match change {
        FactorChange::ConfirmTotp { step, secret } => {
            let sql = "UPDATE user_two_factor SET confirmed_at = $3, last_step = $2
                       WHERE user_id = $1 AND confirmed_at IS NULL AND last_step < $2 AND secret = $4";
            transaction.execute(sql, &[&user, step, &now, secret]).await?
        }
        FactorChange::RemoveTotp => {
            let sql = "DELETE FROM user_two_factor WHERE user_id = $1 AND confirmed_at IS NOT NULL";
            transaction.execute(sql, &[&user]).await?
        }
        FactorChange::BackupCodes(hashes) => replace_backup_codes(transaction, user, hashes, now).await?,
        FactorChange::AddPasskey(new) => add_passkey(transaction, user, new, now).await?,
        FactorChange::RemovePasskey(id) => {
            let sql = "DELETE FROM passkey_credentials WHERE user_id = $1 AND id = $2";
            transaction.execute(sql, &[&user, id]).await?
        }
        FactorChange::SuspendPasskey(id) => {
            let sql = "UPDATE passkey_credentials SET suspended_at = $3
                       WHERE user_id = $1 AND id = $2 AND suspended_at IS NULL";
            transaction.execute(sql, &[&user, id, &now]).await?
        }
        FactorChange::Reset => {
            let sql = "WITH apps AS (DELETE FROM user_two_factor WHERE user_id = $1 RETURNING 1),
                            passkeys AS (DELETE FROM passkey_credentials WHERE user_id = $1 RETURNING 1)
                       SELECT 1 FROM apps UNION ALL SELECT 1 FROM passkeys";
            transaction.execute(sql, &[&user]).await?
        }
    };
    if changed == 0 {
        return Err(StoreError::Conflict(FACTOR_GONE.to_owned()));
    }
    if matches!(change, FactorChange::RemoveTotp | FactorChange::RemovePasskey(_) | FactorChange::Reset) {
        finish_removal(transaction, user).await?;
    }
    Ok(())
}

/// Completes a removal. Refuses the change if it leaves no way to sign in, and deletes the backup codes if no second factor
/// remains.
async fn finish_removal(transaction: &Transaction<'_>, user: i64) -> Result<(), StoreError> {
    let sql = format!("SELECT u.password_hash, {FACTOR_COLUMNS} FROM users u WHERE u.id = $1");
    let row = transaction.query_one(&sql, &[&user]).await?;
    let left = from_row(&row)?;
    if left.passkeys == 0 && row.try_get::<_, &str>("password_hash")? == NO_PASSWORD {
        return Err(StoreError::Conflict(LAST_FACTOR.to_owned()));
    }
    if !left.any() {
        transaction.execute("DELETE FROM backup_codes WHERE user_id = $1", &[&user]).await?;
    }
    Ok(())
}

async fn replace_backup_codes(
    transaction: &Transaction<'_>,
    user: i64,
    hashes: &[[u8; 32]],
    now: OffsetDateTime,
) -> Result<u64, StoreError> {
    let sql = format!("SELECT {FACTOR_COLUMNS} FROM users u WHERE u.id = $1");
    if !from_row(&transaction.query_one(&sql, &[&user]).await?)?.any() {
        return Ok(0);
    }
    transaction.execute("DELETE FROM backup_codes WHERE user_id = $1", &[&user]).await?;
    let hashes: Vec<&[u8]> = hashes.iter().map(|hash| &hash[..]).collect();
    let sql =
        "INSERT INTO backup_codes (user_id, hash, created_at) SELECT $1, h, $3 FROM unnest($2::bytea[]) AS h";
    Ok(transaction.execute(sql, &[&user, &hashes, &now]).await?)
}

async fn add_passkey(
    client: &impl GenericClient,
    user: i64,
    new: &NewPasskey,
    now: OffsetDateTime,
) -> Result<u64, StoreError> {
    let sql = "INSERT INTO passkey_credentials (id, user_id, credential_id, passkey, counter, aaguid, name, created_at)
               SELECT $2, $1, $3, $4, $5, $6, $7, $8
               WHERE (SELECT count(*) FROM passkey_credentials WHERE user_id = $1) < $9";
    let most = i64::from(PASSKEYS_PER_USER);
    let NewPasskey { id, credential_id, passkey, counter, aaguid, name } = new;
    Ok(client.execute(sql, &[&user, id, credential_id, passkey, counter, aaguid, name, &now, &most]).await?)
}
