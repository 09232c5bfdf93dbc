//! Authenticator apps and backup codes. Here, secrets are sealed and codes are hashed with the keys of this server, so no plain
//! secret leaves these rules.

use serde_json::Value;
use time::OffsetDateTime;

use super::{
    columns::{
        ALGORITHM, CODE, CODE_USED, CODES, CONFIRMED, CONFIRMED_AT, CREATED_AT, DIGITS, ENABLED, LAST_STEP,
        METHOD, Names, PERIOD, SECRET, UPDATED_AT, USED_AT,
    },
    finding::{Finding, Reason},
    keys::ImportKeys,
    source_row::SourceRow,
};
use crate::{
    crypto::seal::Sealed,
    factors::{backup_code::BackupCode, totp::TotpSecret},
};

/// An authenticator app to be written. Only apps that were once confirmed are written.
#[derive(Clone)]
pub struct ImportedTotp {
    /// The sealed secret.
    pub secret: Sealed,
    /// The last step that was accepted; 0 if it is not known.
    pub last_step: i64,
    /// Time of the setup.
    pub created_at: OffsetDateTime,
    /// Time of the confirmation.
    pub confirmed_at: OffsetDateTime,
    /// Time of the last use.
    pub last_used_at: Option<OffsetDateTime>,
}

/// Whether the factor of the row was in use. Unless a column says that the factor was not in use, it was in use.
pub(super) fn in_use(row: &SourceRow) -> bool {
    let denied = [ENABLED, CONFIRMED].iter().any(|names| row.flag(names) == Some(false));
    let unconfirmed = row.has(CONFIRMED_AT)
        && row.value(CONFIRMED_AT).is_none()
        && ![ENABLED, CONFIRMED].iter().any(|names| row.flag(names) == Some(true));
    !denied && !unconfirmed
}

/// Reads the secret of an authenticator app from the column `secret`.
pub(super) fn totp(
    row: &SourceRow,
    secret: Names,
    user: i64,
    keys: &ImportKeys,
) -> Result<ImportedTotp, Finding> {
    if let Some(method) =
        row.word(METHOD).filter(|word| !matches!(word.as_str(), "totp" | "app" | "authenticator"))
    {
        let known = ["sms", "email"].contains(&method.as_str());
        let name = if known { method.as_str() } else { "this method" };
        return Err(
            row.refused(Reason::Unsupported, format!("the second factor is no authenticator app: {name}"))
        );
    }
    let unsupported = row.word(ALGORITHM).is_some_and(|word| !matches!(word.as_str(), "sha1" | "sha-1"))
        || row.number(DIGITS).is_some_and(|digits| digits != 6)
        || row.number(PERIOD).is_some_and(|period| period != 30);
    if unsupported {
        let detail = "the authenticator app does not use SHA-1, six digits and steps of 30 seconds";
        return Err(row.refused(Reason::Unsupported, detail));
    }
    let secret = row.text(secret).and_then(|text| TotpSecret::parse(&text)).ok_or_else(|| {
        let detail =
            "the secret is not Base32 of 80 to 512 bits; an encrypted secret must be decrypted first";
        row.refused(Reason::UnreadableSecret, detail)
    })?;
    let used = row.time(USED_AT);
    let confirmed = row.time(CONFIRMED_AT);
    let created_at = row.time(CREATED_AT).or(confirmed).or(used).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    Ok(ImportedTotp {
        secret: keys.seal(user, &secret),
        last_step: row.number(LAST_STEP).unwrap_or_default().max(0),
        created_at,
        confirmed_at: confirmed.or_else(|| row.time(UPDATED_AT)).unwrap_or(created_at),
        last_used_at: used,
    })
}

/// The hashes of the backup codes in the row of an authenticator app.
pub(super) fn codes_of(
    row: &SourceRow,
    user: i64,
    keys: &ImportKeys,
    findings: &mut Vec<Finding>,
) -> Vec<[u8; 32]> {
    let given = match row.value(CODES) {
        None => return Vec::new(),
        Some(Value::Object(_)) => Vec::new(),
        Some(_) => row.words(CODES),
    };
    let parsed: Vec<_> = given.iter().filter_map(|code| BackupCode::parse(code)).collect();
    if parsed.len() < given.len()
        || (given.is_empty() && row.text(CODES).is_some_and(|text| text.trim() != "[]"))
    {
        findings.push(row.changed(Reason::UnreadableCodes, UNREADABLE));
    }
    parsed.iter().map(|code| keys.backup_code(user, code)).collect()
}

const UNREADABLE: &str =
    "backup codes are left out: they are hashed, or not of twelve characters; the user makes new ones";

/// The hash of the backup code in a row of its own. `None` for a used code.
pub(super) fn code(row: &SourceRow, user: i64, keys: &ImportKeys) -> Result<Option<[u8; 32]>, Finding> {
    if row.flag(CODE_USED) == Some(true) {
        return Ok(None);
    }
    let code = row.text(CODE).and_then(|text| BackupCode::parse(&text));
    let code = code.ok_or_else(|| row.refused(Reason::UnreadableCodes, UNREADABLE))?;
    Ok(Some(keys.backup_code(user, &code)))
}

/// The columns of the secret in the row of an authenticator app.
pub(super) const OF_ROW: Names = SECRET;
