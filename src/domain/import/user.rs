//! The row of an account.

use protocol::id::UserId;
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    columns::{
        BARRED, CREATED_AT, DELETED_AT, DISPLAY_NAME, EMAIL, ENABLED, ID, LAST_LOGIN_AT, Names, PASSWORD,
        PASSWORD_CHANGED_AT, ROLE, STATUS, SUPERUSER, UPDATED_AT,
    },
    finding::{Finding, Reason},
    keys::ImportKeys,
    source_row::SourceRow,
};
use crate::{
    account::{
        email::Email,
        imported_hash::stored_form,
        password::{HashError, NO_PASSWORD, check_stored},
        role::{Role, Status},
    },
    shown_name::shown_name,
};

/// The highest id: the largest number that every reader of JSON understands.
const LARGEST_ID: i64 = (1 << 53) - 1;

/// An account to be written.
#[derive(Clone)]
pub struct ImportedUser {
    /// Its id, which stays the same.
    pub id: UserId,
    /// Its address.
    pub email: Email,
    /// Its display name.
    pub display_name: Option<String>,
    /// Its password hash, in the stored form.
    pub password_hash: SecretString,
    /// Its role.
    pub role: Role,
    /// Its status.
    pub status: Status,
    /// Time of registration.
    pub created_at: OffsetDateTime,
    /// Time of the last change.
    pub updated_at: OffsetDateTime,
    /// Time of the last sign-in.
    pub last_login_at: Option<OffsetDateTime>,
    /// Time of the last change of the password.
    pub password_changed_at: OffsetDateTime,
    /// Its user handle.
    pub handle: Uuid,
}

/// The id of an account.
///
/// # Errors
/// The finding that the row is not taken.
pub fn user_id(row: &SourceRow) -> Result<i64, Finding> {
    row.number(ID)
        .filter(|id| (1..=LARGEST_ID).contains(id))
        .ok_or_else(|| row.refused(Reason::InvalidId, "the id is not a number from 1 to 2^53 - 1"))
}

/// Reads the row of an account. Adds a finding for each value that is not taken as it is.
pub(super) fn user(
    row: &SourceRow,
    keys: &ImportKeys,
    findings: &mut Vec<Finding>,
) -> Result<ImportedUser, Finding> {
    let id = user_id(row)?;
    let email = row.text(EMAIL).unwrap_or_default();
    let email =
        Email::parse(&email).map_err(|error| row.refused(Reason::InvalidAddress, error.to_string()))?;
    let password_hash = password_hash(row)?;
    let (role, status) = (role(row)?, status(row)?);
    let display_name = row.text(DISPLAY_NAME).and_then(|name| {
        let shown = shown_name(&name);
        if shown.is_none() {
            let detail = "the display name is left out: it has more than 100 characters, or invisible ones";
            findings.push(row.changed(Reason::InvalidName, detail));
        }
        shown
    });
    let (updated, last_login_at) = (row.time(UPDATED_AT), row.time(LAST_LOGIN_AT));
    // An account without times gets the beginning of the epoch. This time shows that the age of the account is unknown, and a
    // repeated import gives the same time.
    let created_at = row.time(CREATED_AT).or(updated).or(last_login_at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    Ok(ImportedUser {
        id: UserId(id),
        email,
        display_name,
        password_hash,
        role,
        status,
        created_at,
        updated_at: updated.unwrap_or(created_at),
        last_login_at,
        password_changed_at: row.time(PASSWORD_CHANGED_AT).unwrap_or(created_at),
        handle: keys.user_handle(id),
    })
}

/// The password hash. An account without one, or with a text that the older system wrote to forbid passwords (`!…`), has no
/// password.
fn password_hash(row: &SourceRow) -> Result<SecretString, Finding> {
    let Some(text) = row.text(PASSWORD).filter(|text| !text.starts_with('!')) else {
        return Ok(NO_PASSWORD.into());
    };
    let stored = stored_form(&text);
    match check_stored(stored) {
        Ok(()) => Ok(stored.into()),
        Err(HashError::Parameters) => Err(row.refused(
            Reason::CostlyHash,
            "verifying the password hash would take too long: its cost is above the limits in docs/import.md",
        )),
        Err(HashError::Malformed | HashError::Failed) => Err(row.refused(
            Reason::UnknownHash,
            "the password hash is neither bcrypt nor argon2 nor PBKDF2 in a form that this server reads",
        )),
    }
}

/// The role. If the row has no role, a superuser of the older system becomes an admin, and any other user a `User`.
fn role(row: &SourceRow) -> Result<Role, Finding> {
    let superuser = row.decision(SUPERUSER)? == Some(true);
    if row.value(ROLE).is_none() {
        return Ok(if superuser { Role::Admin } else { Role::User });
    }
    // A value that is no word, such as an empty text, is no role either. The older system had no auditors, so the word had
    // another meaning there.
    row.word(ROLE)
        .unwrap_or_default()
        .parse()
        .ok()
        .filter(|role| !matches!(role, Role::Auditor | Role::Canary))
        .ok_or_else(|| row.refused(Reason::UnknownRole, "the role is none of user, operator and admin"))
}

/// The status. A deleted account is deactivated. If the column of the status is missing or null, as in older releases, the
/// status is active. An active account is suspended if another column bars it or makes it inactive. A pending account is
/// suspended if another column bars it.
fn status(row: &SourceRow) -> Result<Status, Finding> {
    if row.value(DELETED_AT).is_some() {
        return Ok(Status::Deactivated);
    }
    let status = match row.value(STATUS).map(|_| row.word(STATUS).unwrap_or_default()).as_deref() {
        None => Status::Active,
        Some("inactive" | "disabled" | "deleted") => Status::Deactivated,
        Some("banned" | "blocked" | "locked") => Status::Suspended,
        Some(word) => word.parse().map_err(|_| {
            row.refused(
                Reason::UnknownStatus,
                "the status is none of pending, active, suspended and deactivated",
            )
        })?,
    };
    let says = |names: Names, answer: bool| -> Result<bool, Finding> {
        let each = names.iter().map(|name| row.decision(std::slice::from_ref(name)));
        Ok(each.collect::<Result<Vec<_>, _>>()?.contains(&Some(answer)))
    };
    let (inactive, barred) = (says(ENABLED, false)?, says(BARRED, true)?);
    Ok(match status {
        // An account that waits for its verification is not active yet in the older system.
        Status::Active if inactive || barred => Status::Suspended,
        Status::Pending if barred => Status::Suspended,
        status => status,
    })
}
