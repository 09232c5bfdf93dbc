//! The tables and columns of the older system that the import understands. The lists contain every name that a release of the
//! older system used. Most of the first names are also names in this server.
//!
//! The rules read a value by its [`Names`]: the first of these columns that is not null has the value. The import checks each
//! column of the source with [`Kind::understands`], and reports the columns that are not understood.

/// The names that a column has in the releases of the older system, the usual one first.
pub type Names = &'static [&'static str];

/// The kinds of rows that are imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Accounts.
    User,
    /// Devices.
    Device,
    /// Authenticator apps.
    Totp,
    /// Backup codes.
    BackupCode,
    /// Passkeys.
    Passkey,
    /// Sign-in attempts.
    Attempt,
}

pub(super) const ID: Names = &["id"];
pub(super) const USER_ID: Names = &["user_id"];
pub(super) const CREATED_AT: Names = &["created_at", "first_seen_at", "registered_at", "date_joined"];
pub(super) const UPDATED_AT: Names = &["updated_at"];
pub(super) const USED_AT: Names = &["last_used_at", "last_used"];
pub(super) const ADDRESS: Names = &["address", "ip_address", "last_ip", "ip"];
pub(super) const USER_AGENT: Names = &["user_agent"];
pub(super) const FINGERPRINT: Names = &["fingerprint", "device_fingerprint"];
/// Whether a row is active. A row without such a column counts as active.
pub(super) const ENABLED: Names = &["is_active", "is_enabled", "enabled"];

pub(super) const EMAIL: Names = &["email"];
pub(super) const DISPLAY_NAME: Names = &["display_name", "full_name", "name"];
pub(super) const PASSWORD: Names = &["password_hash", "hashed_password", "password"];
pub(super) const ROLE: Names = &["role"];
pub(super) const SUPERUSER: Names = &["is_superuser"];
pub(super) const STATUS: Names = &["status"];
/// An account is barred if at least one of these columns says so.
pub(super) const BARRED: Names = &[
    "is_banned",
    "banned",
    "is_blocked",
    "blocked",
    "is_locked",
    "locked",
    "is_suspended",
    "suspended",
    "is_disabled",
    "disabled",
    "is_deleted",
    "deleted",
];
pub(super) const DELETED_AT: Names = &["deleted_at"];
pub(super) const LAST_LOGIN_AT: Names = &["last_login_at", "last_login"];
pub(super) const PASSWORD_CHANGED_AT: Names = &["password_changed_at"];
/// The secret of an authenticator app, in the row of an account.
pub(super) const OWN_SECRET: Names = &["totp_secret", "two_factor_secret"];
/// Whether the secret in the row of an account is in use.
pub(super) const OWN_SECRET_ON: Names = &["two_factor_enabled", "is_2fa_enabled", "totp_enabled"];

pub(super) const SEEN_AT: Names = &["last_seen_at", "last_seen", "last_used_at", "updated_at"];
pub(super) const LABEL: Names = &["label", "device_name", "name", "nickname", "friendly_name"];
pub(super) const FORGOTTEN_AT: Names = &["forgotten_at"];

pub(super) const SECRET: Names = &["secret", "totp_secret", "secret_key"];
pub(super) const METHOD: Names = &["method", "type", "factor_type"];
pub(super) const CONFIRMED: Names = &["is_confirmed", "confirmed", "is_verified", "verified"];
pub(super) const CONFIRMED_AT: Names = &["confirmed_at", "verified_at", "enabled_at"];
pub(super) const CODES: Names = &["backup_codes", "recovery_codes"];
pub(super) const ALGORITHM: Names = &["algorithm"];
pub(super) const DIGITS: Names = &["digits"];
pub(super) const PERIOD: Names = &["period"];
pub(super) const LAST_STEP: Names = &["last_step"];

pub(super) const CODE: Names = &["code"];
pub(super) const CODE_HASH: Names = &["hash", "code_hash", "hashed_code"];
pub(super) const CODE_USED: Names = &["used_at", "is_used", "used"];

pub(super) const CREDENTIAL_ID: Names = &["credential_id"];
pub(super) const PUBLIC_KEY: Names = &["public_key", "credential_public_key"];
pub(super) const COUNTER: Names = &["sign_count", "counter", "signature_count"];
pub(super) const TRANSPORTS: Names = &["transports"];
pub(super) const AAGUID: Names = &["aaguid"];
pub(super) const ELIGIBLE: Names = &["backup_eligible", "is_backup_eligible"];
pub(super) const DEVICE_TYPE: Names = &["credential_device_type", "device_type"];
pub(super) const BACKED_UP: Names = &["backup_state", "backed_up", "is_backed_up", "credential_backed_up"];
pub(super) const USER_HANDLE: Names = &["user_handle", "webauthn_user_handle"];
pub(super) const SUSPENDED_AT: Names = &["suspended_at"];

pub(super) const AT: Names = &["at", "attempted_at", "attempt_time", "timestamp", "created_at"];
pub(super) const SUCCESS: Names = &["success", "successful", "is_successful"];
pub(super) const OUTCOME: Names = &["outcome", "status", "result"];
pub(super) const REASON: Names = &["failure_reason", "reason"];
pub(super) const SIGN_IN_METHOD: Names = &["method", "login_method", "auth_method"];
pub(super) const DEVICE_ID: Names = &["device_id"];
pub(super) const COUNTRY: Names = &["country", "country_code"];
pub(super) const CITY: Names = &["city"];
pub(super) const LATITUDE: Names = &["latitude"];
pub(super) const LONGITUDE: Names = &["longitude"];

// The columns that are read of each kind of row.
const OF_USER: &[Names] = &[
    ID,
    EMAIL,
    DISPLAY_NAME,
    PASSWORD,
    ROLE,
    SUPERUSER,
    STATUS,
    BARRED,
    ENABLED,
    DELETED_AT,
    CREATED_AT,
    UPDATED_AT,
    LAST_LOGIN_AT,
    PASSWORD_CHANGED_AT,
    OWN_SECRET,
    OWN_SECRET_ON,
    USER_HANDLE,
];
const OF_DEVICE: &[Names] = &[
    ID,
    USER_ID,
    DEVICE_ID,
    CREATED_AT,
    SEEN_AT,
    LABEL,
    USER_AGENT,
    ADDRESS,
    FINGERPRINT,
    ENABLED,
    FORGOTTEN_AT,
    COUNTRY,
    CITY,
];
const OF_TOTP: &[Names] = &[
    ID,
    USER_ID,
    SECRET,
    METHOD,
    ENABLED,
    CONFIRMED,
    CONFIRMED_AT,
    CODES,
    ALGORITHM,
    DIGITS,
    PERIOD,
    LAST_STEP,
    CREATED_AT,
    UPDATED_AT,
    USED_AT,
];
const OF_BACKUP_CODE: &[Names] = &[ID, USER_ID, CODE, CODE_HASH, CODE_USED, CREATED_AT];
const OF_PASSKEY: &[Names] = &[
    ID,
    USER_ID,
    CREDENTIAL_ID,
    PUBLIC_KEY,
    COUNTER,
    TRANSPORTS,
    AAGUID,
    LABEL,
    ELIGIBLE,
    DEVICE_TYPE,
    BACKED_UP,
    USER_HANDLE,
    ENABLED,
    SUSPENDED_AT,
    CREATED_AT,
    UPDATED_AT,
    USED_AT,
];
const OF_ATTEMPT: &[Names] = &[
    ID,
    AT,
    USER_ID,
    SUCCESS,
    OUTCOME,
    REASON,
    SIGN_IN_METHOD,
    DEVICE_ID,
    ADDRESS,
    USER_AGENT,
    FINGERPRINT,
    COUNTRY,
    CITY,
    LATITUDE,
    LONGITUDE,
];

impl Kind {
    /// Every kind. The rows of the first kind own the rows of the others.
    pub const ALL: [Self; 6] =
        [Self::User, Self::Device, Self::Totp, Self::BackupCode, Self::Passkey, Self::Attempt];

    /// The kinds of rows that belong to an account and are written with it.
    pub const OWNED: [Self; 4] = [Self::Device, Self::Totp, Self::BackupCode, Self::Passkey];

    /// The names that the table may have, the usual one first.
    #[must_use]
    pub fn tables(self) -> Names {
        match self {
            Self::User => &["users", "user"],
            Self::Device => &["registered_devices", "user_devices", "devices"],
            Self::Totp => &["user_two_factor", "two_factor", "user_totp", "totp_devices"],
            Self::BackupCode => &["backup_codes", "two_factor_backup_codes", "recovery_codes"],
            Self::Passkey => &["passkey_credentials", "webauthn_credentials", "user_passkeys", "passkeys"],
            Self::Attempt => &["device_login_attempts", "login_attempts"],
        }
    }

    /// The table must have at least one column of each of these groups.
    #[must_use]
    pub fn required(self) -> &'static [Names] {
        match self {
            Self::User => &[ID, EMAIL, PASSWORD],
            Self::Device => &[USER_ID],
            Self::Totp => &[USER_ID, SECRET],
            Self::BackupCode => &[USER_ID],
            Self::Passkey => &[USER_ID, CREDENTIAL_ID, PUBLIC_KEY],
            Self::Attempt => &[USER_ID, AT],
        }
    }

    /// Whether the import knows what this column means.
    #[must_use]
    pub fn understands(self, column: &str) -> bool {
        self.groups().iter().chain(self.left_out()).any(|names| names.contains(&column))
    }

    /// The columns that are read.
    fn groups(self) -> &'static [Names] {
        match self {
            Self::User => OF_USER,
            Self::Device => OF_DEVICE,
            Self::Totp => OF_TOTP,
            Self::BackupCode => OF_BACKUP_CODE,
            Self::Passkey => OF_PASSKEY,
            Self::Attempt => OF_ATTEMPT,
        }
    }

    /// The columns that are understood and left out. Trust in a device is left out, because browsers do not have the device's
    /// new cookie, and the session of an attempt, because sessions are not imported. So are values that this server sets
    /// itself.
    fn left_out(self) -> &'static [Names] {
        match self {
            Self::Device => {
                &[&["trust", "trust_level", "is_trusted", "trusted_until", "fingerprint_version"]]
            }
            Self::Attempt => &[&["risk_score", "risk_reasons", "session_id", "identifier"]],
            _ => &[],
        }
    }
}

/// Why a table of the older system is left out on purpose; `None` for any other table.
#[must_use]
pub fn left_out(table: &str) -> Option<&'static str> {
    match table {
        "sessions" | "user_sessions" | "refresh_tokens" | "access_tokens" | "blacklisted_tokens" => {
            Some("sessions and their tokens: every user signs in once")
        }
        "two_factor_challenges" | "webauthn_challenges" | "csrf_tokens" => {
            Some("short-lived: the user begins again")
        }
        "alembic_version" => Some("the version of the older system's schema"),
        _ => None,
    }
}
