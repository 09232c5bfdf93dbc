//! Writes imported accounts. An account that the target has already is not changed, so an import can be repeated.
//!
//! An account and everything that belongs to it are written in one transaction. So an existing account is complete, and data
//! that its user has removed since the import does not come back.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Transaction;
use domain::{
    account::account_key::AccountKey,
    import::{account::ImportedAccount, attempt::ImportedAttempt, device::FINGERPRINT_VERSION},
};
use protocol::audit::AuditEvent;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{audit, error::StoreError, pool::Store, row_mapping::clipped};

/// The advisory lock of a batch: two imports at the same time write one after the other.
const IMPORT_LOCK: i64 = 0x706f_7274_0004;

/// Ids, account keys and passkeys of a batch that exist in the target already.
#[derive(Clone, Debug, Default)]
pub struct ImportTaken {
    /// The user handles of the accounts with these ids.
    pub handles: HashMap<i64, Uuid>,
    /// The ids of the accounts with these keys.
    pub keys: HashMap<String, i64>,
    /// The owners of the passkeys with these credential ids.
    pub passkeys: HashMap<Vec<u8>, i64>,
}

impl Store {
    /// Returns which of these ids, account keys and passkeys exist in the target already.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn import_taken(
        &self,
        users: Vec<i64>,
        keys: Vec<AccountKey>,
        credentials: Vec<Vec<u8>>,
    ) -> Result<ImportTaken, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let mut taken = ImportTaken::default();
                let sql = "SELECT id, webauthn_user_handle FROM users WHERE id = ANY ($1)";
                for row in client.query(sql, &[&users]).await? {
                    taken.handles.insert(row.try_get(0)?, row.try_get(1)?);
                }
                let keys: Vec<&str> = keys.iter().map(AccountKey::as_str).collect();
                let sql = "SELECT account_key, id FROM users WHERE account_key = ANY ($1)";
                for row in client.query(sql, &[&keys]).await? {
                    taken.keys.insert(row.try_get(0)?, row.try_get(1)?);
                }
                let sql =
                    "SELECT credential_id, user_id FROM passkey_credentials WHERE credential_id = ANY ($1)";
                for row in client.query(sql, &[&credentials]).await? {
                    taken.passkeys.insert(row.try_get(0)?, row.try_get(1)?);
                }
                Ok(taken)
            })
        })
        .await
    }

    /// Ensures that new accounts get ids above `highest`.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn reserve_user_ids(&self, highest: i64) -> Result<(), StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let sql = "SELECT setval('users_id_seq', $1) FROM users_id_seq s
                           WHERE s.last_value < $1 OR (s.last_value = $1 AND NOT s.is_called)";
                client.query(sql, &[&highest]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Writes accounts, each with everything that belongs to it, in one transaction. An account is not written if the target
    /// has an account with the same id, address or user handle. Returns the ids of the accounts that were written.
    ///
    /// # Errors
    /// `Conflict` if the target has one of the passkeys already; then nothing was written. `Unavailable` if the database cannot
    /// be reached. Whether the accounts were written is then unknown; the same batch may be written again.
    pub async fn import_accounts(
        &self,
        accounts: Vec<ImportedAccount>,
        event: AuditEvent,
    ) -> Result<HashSet<i64>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                lock(&transaction).await?;
                let users = accounts.iter().map(user_row).collect::<Result<Vec<_>, _>>()?;
                let written = insert(&transaction, USERS, users).await?;
                let written: HashSet<i64> =
                    written.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
                let accounts: Vec<_> =
                    accounts.iter().filter(|account| written.contains(&account.user.id.0)).collect();
                let (mut devices, mut totp, mut codes, mut passkeys) = (vec![], vec![], vec![], vec![]);
                for account in &accounts {
                    devices.extend(device_rows(account)?);
                    totp.extend(totp_row(account)?);
                    codes.extend(code_rows(account)?);
                    passkeys.extend(passkey_rows(account)?);
                }
                insert(&transaction, DEVICES, devices).await?;
                insert(&transaction, TOTP, totp).await?;
                insert(&transaction, BACKUP_CODES, codes).await?;
                insert(&transaction, PASSKEYS, passkeys).await?;
                if let (Some(first), Some(last)) = (accounts.first(), accounts.last()) {
                    let event = event
                        .with("accounts", accounts.len())
                        .with("first", first.user.id.0)
                        .with("last", last.user.id.0);
                    audit::insert(&transaction, &[event]).await?;
                    transaction.commit().await?;
                }
                Ok(written)
            })
        })
        .await
    }

    /// Writes the attempts that the target does not have, and returns their number.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn import_attempts(&self, attempts: Vec<ImportedAttempt>) -> Result<u64, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                lock(&transaction).await?;
                let rows = attempts.iter().map(attempt_row).collect::<Result<Vec<_>, _>>()?;
                let written = insert(&transaction, ATTEMPTS, rows).await?.len();
                transaction.commit().await?;
                Ok(written as u64)
            })
        })
        .await
    }

    /// How many of these attempts the target has.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn known_attempts(&self, attempts: Vec<(OffsetDateTime, Uuid)>) -> Result<u64, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let (at, ids): (Vec<_>, Vec<_>) = attempts.into_iter().unzip();
                let sql = "SELECT count(*) FROM unnest($1::timestamptz[], $2::uuid[]) AS k (at, id)
                           WHERE EXISTS (SELECT FROM device_login_attempts a WHERE a.at = k.at AND a.id = k.id)";
                let known: i64 = client.query_one(sql, &[&at, &ids]).await?.try_get(0)?;
                Ok(known.unsigned_abs())
            })
        })
        .await
    }
}

async fn lock(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&IMPORT_LOCK]).await?;
    Ok(())
}

const USERS: &str = "
    INSERT INTO users (id, email, account_key, display_name, password_hash, role, status, created_at, updated_at,
                       last_login_at, password_changed_at, webauthn_user_handle)
    SELECT r.* FROM jsonb_to_recordset($1) AS r (
        id bigint, email text, account_key text, display_name text, password_hash text, role text, status text,
        created_at timestamptz, updated_at timestamptz, last_login_at timestamptz, password_changed_at timestamptz,
        handle uuid)
    ON CONFLICT DO NOTHING RETURNING id";

const DEVICES: &str = "
    INSERT INTO registered_devices (user_id, id, label, fingerprint, fingerprint_version, user_agent, address, country, city,
                                    created_at, last_seen_at)
    SELECT r.* FROM jsonb_to_recordset($1) AS r (
        user_id bigint, id uuid, label text, fingerprint text, fingerprint_version smallint, user_agent text,
        address inet, country text, city text, created_at timestamptz, last_seen_at timestamptz)";

const TOTP: &str = "
    INSERT INTO user_two_factor (user_id, secret, key_id, last_step, created_at, confirmed_at, last_used_at)
    SELECT r.user_id, decode(r.secret, 'hex'), r.key_id, r.last_step, r.created_at, r.confirmed_at, r.last_used_at
    FROM jsonb_to_recordset($1) AS r (
        user_id bigint, secret text, key_id text, last_step bigint, created_at timestamptz, confirmed_at timestamptz,
        last_used_at timestamptz)";

const BACKUP_CODES: &str = "
    INSERT INTO backup_codes (user_id, hash, created_at)
    SELECT r.user_id, decode(r.hash, 'hex'), r.created_at
    FROM jsonb_to_recordset($1) AS r (user_id bigint, hash text, created_at timestamptz)";

const PASSKEYS: &str = "
    INSERT INTO passkey_credentials (id, user_id, credential_id, passkey, counter, aaguid, name, created_at, last_used_at,
                                     suspended_at, user_handle, backup_unknown)
    SELECT r.id, r.user_id, decode(r.credential_id, 'hex'), r.passkey, r.counter, r.aaguid, r.name, r.created_at,
           r.last_used_at, r.suspended_at, decode(r.user_handle, 'hex'), r.backup_unknown
    FROM jsonb_to_recordset($1) AS r (
        id uuid, user_id bigint, credential_id text, passkey jsonb, counter bigint, aaguid uuid, name text,
        created_at timestamptz, last_used_at timestamptz, suspended_at timestamptz, user_handle text,
        backup_unknown boolean)";

const ATTEMPTS: &str = "
    INSERT INTO device_login_attempts (id, at, user_id, identifier, method, outcome, device_id, address, user_agent,
                                       fingerprint, country, city, latitude, longitude)
    SELECT r.* FROM jsonb_to_recordset($1) AS r (
        id uuid, at timestamptz, user_id bigint, identifier text, method text, outcome text, device_id uuid,
        address inet, user_agent text, fingerprint text, country text, city text, latitude double precision,
        longitude double precision)
    ON CONFLICT DO NOTHING RETURNING id";

/// Inserts rows, which are passed to the statement as JSON.
async fn insert(
    transaction: &Transaction<'_>,
    sql: &str,
    rows: Vec<Value>,
) -> Result<Vec<tokio_postgres::Row>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let statement = transaction.prepare_cached(sql).await?;
    Ok(transaction.query(&statement, &[&Value::Array(rows)]).await?)
}

fn user_row(account: &ImportedAccount) -> Result<Value, StoreError> {
    let user = &account.user;
    Ok(json!({
        "id": user.id.0,
        "email": user.email.as_str(),
        "account_key": user.email.key().as_str(),
        "display_name": user.display_name,
        "password_hash": user.password_hash.expose_secret(),
        "role": user.role.as_str(),
        "status": user.status.as_str(),
        "created_at": text(user.created_at)?,
        "updated_at": text(user.updated_at)?,
        "last_login_at": user.last_login_at.map(text).transpose()?,
        "password_changed_at": text(user.password_changed_at)?,
        "handle": user.handle,
    }))
}

fn device_rows(account: &ImportedAccount) -> Result<Vec<Value>, StoreError> {
    let rows = account.devices.iter().map(|device| {
        Ok(json!({
            "user_id": account.user.id.0,
            "id": device.id.0,
            "label": device.label,
            "fingerprint": device.fingerprint,
            "fingerprint_version": FINGERPRINT_VERSION,
            "user_agent": device.user_agent.as_deref().map(|text| clipped(text, 1024)),
            "address": device.address,
            "country": device.country,
            "city": device.city,
            "created_at": text(device.created_at)?,
            "last_seen_at": text(device.last_seen_at)?,
        }))
    });
    rows.collect()
}

fn totp_row(account: &ImportedAccount) -> Result<Option<Value>, StoreError> {
    let row = account.totp.as_ref().map(|totp| {
        Ok(json!({
            "user_id": account.user.id.0,
            "secret": hex(&totp.secret.bytes),
            "key_id": totp.secret.key_id,
            "last_step": totp.last_step,
            "created_at": text(totp.created_at)?,
            "confirmed_at": text(totp.confirmed_at)?,
            "last_used_at": totp.last_used_at.map(text).transpose()?,
        }))
    });
    row.transpose()
}

fn code_rows(account: &ImportedAccount) -> Result<Vec<Value>, StoreError> {
    let created_at = text(account.user.created_at)?;
    let rows = account
        .backup_codes
        .iter()
        .map(|hash| json!({"user_id": account.user.id.0, "hash": hex(&hash[..]), "created_at": created_at}));
    Ok(rows.collect())
}

fn passkey_rows(account: &ImportedAccount) -> Result<Vec<Value>, StoreError> {
    let rows = account.passkeys.iter().map(|passkey| {
        Ok(json!({
            "id": passkey.id,
            "user_id": account.user.id.0,
            "credential_id": hex(&passkey.credential_id),
            "passkey": passkey.passkey,
            "counter": passkey.counter,
            "aaguid": passkey.aaguid,
            "name": passkey.name,
            "created_at": text(passkey.created_at)?,
            "last_used_at": passkey.last_used_at.map(text).transpose()?,
            "suspended_at": passkey.suspended_at.map(text).transpose()?,
            "user_handle": hex(&passkey.user_handle),
            "backup_unknown": passkey.backup_unknown,
        }))
    });
    rows.collect()
}

fn attempt_row(attempt: &ImportedAttempt) -> Result<Value, StoreError> {
    let (latitude, longitude) = attempt.position.unzip();
    Ok(json!({
        "id": attempt.id,
        "at": text(attempt.at)?,
        "user_id": attempt.user.0,
        "identifier": attempt.identifier,
        "method": attempt.method.as_str(),
        "outcome": attempt.outcome.as_str(),
        "device_id": attempt.device.map(|id| id.0),
        "address": attempt.address,
        "user_agent": attempt.user_agent.as_deref().map(|text| clipped(text, 1024)),
        "fingerprint": attempt.fingerprint,
        "country": attempt.country,
        "city": attempt.city,
        "latitude": latitude,
        "longitude": longitude,
    }))
}

fn text(time: OffsetDateTime) -> Result<String, StoreError> {
    time.format(&Rfc3339).map_err(StoreError::internal)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
