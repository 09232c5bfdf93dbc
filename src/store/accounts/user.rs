//! An account as the rest of the server sees it, and its mapping from a row.

use std::fmt;

use domain::{
    account::{
        password::NO_PASSWORD,
        role::{Role, Status},
    },
    mail::language::Language,
};
use protocol::id::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::{error::StoreError, row_mapping::word};

/// The columns of `users AS u` that [`from_row`] reads.
pub(crate) const USER_COLUMNS: &str = "u.id AS account_id, u.email, u.display_name, u.password_hash, u.role, u.status, \
     u.generation, u.created_at AS account_created_at, u.last_login_at, u.language";

/// An account.
#[derive(Clone)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The e-mail address as it was registered.
    pub email: String,
    /// The display name.
    pub display_name: Option<String>,
    /// The password hash: a PHC string, a hash that was imported from another system, or [`NO_PASSWORD`].
    pub password_hash: SecretString,
    /// The role.
    pub role: Role,
    /// The status: only an active account may do anything.
    pub status: Status,
    /// A counter (the column `generation`). Every revocation of the user's sessions, or of the sessions on a device of the
    /// user, raises this counter. The revocation of a single session does not.
    pub revocation_epoch: i32,
    /// Time of registration.
    pub created_at: OffsetDateTime,
    /// Time of the last sign-in.
    pub last_login_at: Option<OffsetDateTime>,
    /// The language in which the user reads mails, if the user has one.
    pub language: Option<Language>,
}

impl User {
    /// Whether the account has a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.password_hash.expose_secret() != NO_PASSWORD
    }
}

/// `Debug` prints no personal data.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({}, {}, {})", self.id, self.role, self.status)
    }
}

/// Maps a row of [`USER_COLUMNS`].
pub(crate) fn from_row(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        id: UserId(row.try_get("account_id")?),
        email: row.try_get("email")?,
        display_name: row.try_get("display_name")?,
        password_hash: SecretString::from(row.try_get::<_, String>("password_hash")?),
        role: word(row, "role")?,
        status: word(row, "status")?,
        revocation_epoch: row.try_get("generation")?,
        created_at: row.try_get("account_created_at")?,
        last_login_at: row.try_get("last_login_at")?,
        language: language(row)?,
    })
}

fn language(row: &Row) -> Result<Option<Language>, StoreError> {
    let given: Option<&str> = row.try_get("language")?;
    given.map(|word| word.parse().map_err(StoreError::internal)).transpose()
}
