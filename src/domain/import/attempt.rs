//! The row of a sign-in attempt. Later sign-ins are compared with these attempts.

use std::net::IpAddr;

use protocol::id::{DeviceId, UserId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    columns::{
        ADDRESS, AT, DEVICE_ID, ID, LATITUDE, LONGITUDE, OUTCOME, REASON, SIGN_IN_METHOD, SUCCESS, USER_AGENT,
    },
    device,
    finding::{Finding, Reason},
    keys::ImportKeys,
    source_row::SourceRow,
};
use crate::{abuse::attempt::AttemptOutcome, session::SignInMethod};

/// An attempt to be written.
#[derive(Clone)]
pub struct ImportedAttempt {
    /// Its id.
    pub id: Uuid,
    /// Its time.
    pub at: OffsetDateTime,
    /// Its account.
    pub user: UserId,
    /// The keyed hash of the name of the account.
    pub identifier: String,
    /// Its method.
    pub method: SignInMethod,
    /// Its outcome.
    pub outcome: AttemptOutcome,
    /// Its device.
    pub device: Option<DeviceId>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The fingerprint of the headers, by the older system's rules.
    pub fingerprint: Option<String>,
    /// The country of the address.
    pub country: Option<String>,
    /// The city of the address.
    pub city: Option<String>,
    /// The position of the address: latitude and longitude.
    pub position: Option<(f64, f64)>,
}

/// Reads the row of an attempt. `identifier` returns the keyed hash of an account's name, or `None` if the account was not
/// taken.
///
/// # Errors
/// The finding that the row is not taken.
pub fn attempt(
    row: &SourceRow,
    keys: &ImportKeys,
    identifier: impl FnOnce(i64) -> Option<String>,
) -> Result<ImportedAttempt, Finding> {
    let at =
        row.time(AT).ok_or_else(|| row.refused(Reason::InvalidValue, "the attempt has no readable time"))?;
    let user = row.owner().ok_or_else(|| row.refused(Reason::NoUser, "the attempt belongs to no account"))?;
    let identifier = identifier(user)
        .ok_or_else(|| row.refused(Reason::UserRefused, "the account of the attempt was not taken"))?;
    let key = row.text(ID).unwrap_or_else(|| format!("{user} {}", at.unix_timestamp_nanos()));
    let position = row.real(LATITUDE).zip(row.real(LONGITUDE));
    Ok(ImportedAttempt {
        id: Uuid::try_parse(&key).unwrap_or_else(|_| keys.row("attempts", &key)),
        at,
        user: UserId(user),
        identifier,
        method: method(row),
        outcome: outcome(row),
        device: row.text(DEVICE_ID).map(|id| keys.device(&id)),
        address: row.address(ADDRESS),
        user_agent: row.text(USER_AGENT),
        fingerprint: device::fingerprint(row),
        country: device::country(row),
        city: device::city(row),
        position: position.filter(|(lat, long)| lat.abs() <= 90.0 && long.abs() <= 180.0),
    })
}

fn method(row: &SourceRow) -> SignInMethod {
    match row.word(SIGN_IN_METHOD).as_deref() {
        Some("passkey" | "webauthn") => SignInMethod::Passkey,
        Some("second_factor" | "totp" | "2fa") => SignInMethod::SecondFactor,
        _ => SignInMethod::Password,
    }
}

/// The outcome. The row may have a word of this server for it, or say that the attempt succeeded or why it failed. A
/// failure without a known reason counts as a wrong password.
fn outcome(row: &SourceRow) -> AttemptOutcome {
    let own = [OUTCOME, REASON].iter().find_map(|names| row.word(names)?.parse().ok());
    own.unwrap_or_else(|| {
        let word = row.word(OUTCOME).unwrap_or_default();
        let succeeded =
            row.flag(SUCCESS).unwrap_or(matches!(word.as_str(), "success" | "successful" | "ok" | "allowed"));
        let reason = row.word(REASON).unwrap_or_default();
        match reason {
            _ if succeeded => AttemptOutcome::Success,
            reason
                if ["inactive", "disabled", "suspended", "locked"]
                    .iter()
                    .any(|word| reason.contains(word)) =>
            {
                AttemptOutcome::InactiveAccount
            }
            reason if ["2fa", "totp", "factor"].iter().any(|word| reason.contains(word)) => {
                AttemptOutcome::WrongFactor
            }
            _ => AttemptOutcome::WrongPassword,
        }
    })
}
