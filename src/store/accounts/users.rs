//! Accounts: creating, finding and changing them.
//!
//! Changes that end trust (a new password, e-mail address, role or status) are made by the transaction of the revocation, in
//! `revocation::changes`.

use deadpool_postgres::GenericClient;
use domain::{
    account::{
        account_key::AccountKey,
        email::Email,
        role::{Role, Status},
    },
    client::device::Trust,
    factors::lockout::FactorSource,
    mail::language::Language,
};
use protocol::{
    audit::AuditEvent,
    id::{DeviceId, UserId},
};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::{
    accounts::{
        devices::{self, DeviceSeen},
        user::{self, USER_COLUMNS, User},
    },
    audit,
    error::StoreError,
    factors::second_factors::{self, FACTOR_COLUMNS, Factors},
    personal_data::cancellation::CANCELLABLE,
    pool::Store,
    revocation::{acting_session, order::ActingSession},
    row_mapping,
};

/// The unique indexes that refuse the address of another account: one on account keys, and one on addresses for earlier
/// releases.
pub const ADDRESS_TAKEN: [&str; 2] = ["users_account_key", "users_email_key"];

/// An account to be created.
#[derive(Debug)]
pub struct NewUser {
    /// Its e-mail address.
    pub email: Email,
    /// Its display name.
    pub display_name: Option<String>,
    /// The password hash, a PHC string.
    pub password_hash: SecretString,
    /// Its role.
    pub role: Role,
    /// Its status.
    pub status: Status,
    /// The device that registers, if there is one.
    pub device: Option<DeviceSeen>,
    /// The language in which the user reads mails, if it is known.
    pub language: Option<Language>,
    /// The time at which the account is created.
    pub now: OffsetDateTime,
}

/// An account, and what a sign-in needs to know about it.
#[derive(Clone, Debug)]
pub struct SignInCandidate {
    /// The account.
    pub user: User,
    /// The id of the last revocation of all sessions. If this id has changed when the session is opened, the sign-in is
    /// refused.
    pub revoked_all: i64,
    /// Whether the account knows the device: the user has registered or signed in on it, and has not forgotten it.
    pub device_known: bool,
    /// The trust in the device, and its end.
    pub device_trust: Option<(Trust, OffsetDateTime)>,
    /// The factors that the user has besides the password.
    pub factors: Factors,
    /// The time until which second factors are refused on the device, if they are. All devices that the account does not know
    /// share one such time.
    pub factors_locked_until: Option<OffsetDateTime>,
    /// Whether the user has requested the erasure of the account, and cancels it with a sign-in.
    pub cancels_erasure: bool,
}

impl SignInCandidate {
    /// Whether the account may open sessions: it is active, or the sign-in cancels its erasure.
    #[must_use]
    pub fn may_sign_in(&self) -> bool {
        self.user.status.is_active() || (self.cancels_erasure && self.user.status == Status::Deactivated)
    }
}

/// Which accounts to list.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Part of the e-mail address or the display name, ignoring case.
    pub text: Option<String>,
    /// Only accounts with this role.
    pub role: Option<Role>,
    /// Only accounts with this status.
    pub status: Option<Status>,
    /// Only accounts with a higher id than this one (the list is ordered by id).
    pub after: Option<UserId>,
    /// Maximum number of accounts.
    pub limit: u32,
}

/// The condition of a list. The parameters are text, role and status.
const FILTER: &str = "($1::text IS NULL OR position(lower($1) IN lower(u.email)) > 0
            OR position(lower($1) IN lower(coalesce(u.display_name, ''))) > 0)
        AND coalesce(u.role = $2, u.role <> 'canary') AND ($3::text IS NULL OR u.status = $3)";

/// The query for a candidate. The parameters are the value that `condition` compares, the id of the device, and the id of the
/// counter of wrong second factors on unknown devices.
fn candidate_sql(condition: &str) -> String {
    format!(
        "SELECT {USER_COLUMNS}, {FACTOR_COLUMNS}, d.id IS NOT NULL AS device_known, d.trust, d.trusted_until,
                (SELECT coalesce(max(r.id), 0) FROM revocations r WHERE r.scope = 'all') AS revoked_all,
                (SELECT f.locked_until FROM second_factor_failures f
                 WHERE f.user_id = u.id AND f.source = coalesce(d.id, $3)) AS factors_locked_until,
                {CANCELLABLE} AS cancels_erasure
         FROM users u LEFT JOIN registered_devices d
           ON d.user_id = u.id AND d.id = $2 AND d.forgotten_at IS NULL
         WHERE {condition}"
    )
}

fn candidate_from_row(row: &Row) -> Result<SignInCandidate, StoreError> {
    Ok(SignInCandidate {
        user: user::from_row(row)?,
        revoked_all: row.try_get("revoked_all")?,
        device_known: row.try_get("device_known")?,
        device_trust: device_trust(row)?,
        factors: second_factors::from_row(row)?,
        factors_locked_until: row.try_get("factors_locked_until")?,
        cancels_erasure: row.try_get("cancels_erasure")?,
    })
}

impl Store {
    /// Creates an account, with its device if there is one.
    ///
    /// # Errors
    /// `Conflict` if another account has this address, `Unavailable` if the database cannot be reached.
    pub async fn insert_user(&self, new: NewUser, event: AuditEvent) -> Result<User, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let user = insert(&transaction, &new).await?;
                if let Some(device) = &new.device {
                    devices::upsert(&transaction, user.id, device, new.now).await?;
                }
                let event = AuditEvent { user: Some(user.id), ..event };
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(user)
            })
        })
        .await
    }

    /// Finds the accounts with these addresses, which must be in lower case. Returns the addresses of the accounts that can
    /// sign in, or can still be confirmed. Works with every earlier schema, and finds nothing in a database without accounts.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn usable_accounts(&self, emails: &[&str]) -> Result<Vec<String>, StoreError> {
        let emails: Vec<String> = emails.iter().map(|email| (*email).to_owned()).collect();
        self.run_quick(move |client| {
            Box::pin(async move {
                let exists = client.query_one("SELECT to_regclass('users') IS NOT NULL", &[]).await?;
                if !exists.try_get::<_, bool>(0)? {
                    return Ok(Vec::new());
                }
                let sql = "SELECT email FROM users WHERE lower(email) = ANY($1) AND status IN ('active', 'pending') ORDER BY id";
                let rows = client.query(sql, &[&emails]).await?;
                rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
            })
        })
        .await
    }

    /// The account with this key, and the data that a sign-in on `device` needs.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn user_by_key(
        &self,
        key: AccountKey,
        device: Option<DeviceId>,
    ) -> Result<Option<SignInCandidate>, StoreError> {
        let sql = candidate_sql("u.account_key = $1");
        let elsewhere = FactorSource::OtherDevices.id();
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let row = client
                    .query_opt(&statement, &[&key.as_str(), &device.map(|id| id.0), &elsewhere])
                    .await?;
                row.map(|row| candidate_from_row(&row)).transpose()
            })
        })
        .await
    }

    /// The account with this id, and the data that a sign-in on `device` needs.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn candidate_by_id(
        &self,
        id: UserId,
        device: Option<DeviceId>,
    ) -> Result<Option<SignInCandidate>, StoreError> {
        let sql = candidate_sql("u.id = $1");
        let elsewhere = FactorSource::OtherDevices.id();
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let row = client.query_opt(&statement, &[&id.0, &device.map(|id| id.0), &elsewhere]).await?;
                row.map(|row| candidate_from_row(&row)).transpose()
            })
        })
        .await
    }

    /// The account with this id.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn user_by_id(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let sql = format!("SELECT {USER_COLUMNS} FROM users u WHERE u.id = $1");
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let row = client.query_opt(&statement, &[&id.0]).await?;
                row.map(|row| user::from_row(&row)).transpose()
            })
        })
        .await
    }

    /// Changes the display name of the acting session's user, and the language if one is given.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make this change, `Unavailable` if the database cannot be reached.
    pub async fn update_profile(
        &self,
        acting_session: ActingSession,
        display_name: Option<String>,
        language: Option<Language>,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<User, StoreError> {
        let sql = format!(
            "UPDATE users u SET display_name = $2, updated_at = $3, language = coalesce($4, u.language)
             WHERE u.id = $1 RETURNING {USER_COLUMNS}"
        );
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                acting_session::require(&transaction, &acting_session, now).await?;
                let language = language.map(|language| language.to_string());
                let row = transaction
                    .query_one(&sql, &[&acting_session.user.0, &display_name, &now, &language])
                    .await?;
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                user::from_row(&row)
            })
        })
        .await
    }

    /// Activates an account. This ends no session, so it is not a revocation; all other changes of status are
    /// revocations.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn activate_user(
        &self,
        id: UserId,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<Option<User>, StoreError> {
        let sql = format!(
            "UPDATE users u SET status = 'active', updated_at = $2 WHERE u.id = $1 RETURNING {USER_COLUMNS}"
        );
        self.run(move |client| Box::pin(async move { change(client, &sql, &[&id.0, &now], event).await }))
            .await
    }

    /// Replaces a password hash by a hash of the same password with the current parameters. `false` if the password has changed
    /// in the meantime.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn rehash_password(
        &self,
        id: UserId,
        old: SecretString,
        new: SecretString,
    ) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let changed = client
                    .execute(
                        "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
                        &[&id.0, &old.expose_secret(), &new.expose_secret()],
                    )
                    .await?;
                Ok(changed == 1)
            })
        })
        .await
    }

    /// Accounts, ordered by id.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn list_users(&self, filter: UserFilter) -> Result<Vec<User>, StoreError> {
        let sql = format!(
            "SELECT {USER_COLUMNS} FROM users u WHERE {FILTER} AND ($4::bigint IS NULL OR u.id > $4)
             ORDER BY u.id LIMIT $5"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let (role, status) = (filter.role.map(Role::as_str), filter.status.map(Status::as_str));
                let after = filter.after.map(|id| id.0);
                let rows = client
                    .query(&sql, &[&filter.text, &role, &status, &after, &i64::from(filter.limit)])
                    .await?;
                rows.iter().map(user::from_row).collect()
            })
        })
        .await
    }
}

fn device_trust(row: &Row) -> Result<Option<(Trust, OffsetDateTime)>, StoreError> {
    let until: Option<OffsetDateTime> = row.try_get("trusted_until")?;
    until.map(|until| Ok((row_mapping::word(row, "trust")?, until))).transpose()
}

pub(super) async fn insert(client: &impl GenericClient, new: &NewUser) -> Result<User, StoreError> {
    let sql = format!(
        "INSERT INTO users AS u (email, account_key, display_name, password_hash, role, status, created_at,
                                 updated_at, password_changed_at, language)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, $8) RETURNING {USER_COLUMNS}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let row = client
        .query_one(
            &statement,
            &[
                &new.email.as_str(),
                &new.email.key().as_str(),
                &new.display_name,
                &new.password_hash.expose_secret(),
                &new.role.as_str(),
                &new.status.as_str(),
                &new.now,
                &new.language.map(|language| language.to_string()),
            ],
        )
        .await?;
    user::from_row(&row)
}

/// Makes one change to one account, with its audit event.
async fn change(
    client: &mut deadpool_postgres::Client,
    sql: &str,
    parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    event: AuditEvent,
) -> Result<Option<User>, StoreError> {
    let transaction = client.transaction().await?;
    let Some(row) = transaction.query_opt(sql, parameters).await? else {
        return Ok(None);
    };
    audit::insert(&transaction, &[event]).await?;
    transaction.commit().await?;
    user::from_row(&row).map(Some)
}
