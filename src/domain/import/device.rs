//! The row of a device. An imported device is in its user's list of devices. Trust is not imported, because browsers lack this
//! server's cookie for the device. So the first sign-in with such a browser is a sign-in on a new device.

use std::net::IpAddr;

use protocol::id::DeviceId;
use time::OffsetDateTime;

use super::{
    columns::{
        ADDRESS, CITY, COUNTRY, CREATED_AT, DEVICE_ID, ENABLED, FINGERPRINT, FORGOTTEN_AT, ID, LABEL,
        SEEN_AT, USER_AGENT,
    },
    finding::{Finding, Reason},
    keys::ImportKeys,
    source_row::SourceRow,
};
use crate::shown_name::shown_name;

/// The version of fingerprints that the older system made.
pub const FINGERPRINT_VERSION: i16 = 1;

/// A device to be written.
#[derive(Clone)]
pub struct ImportedDevice {
    /// Its id.
    pub id: DeviceId,
    /// Its label.
    pub label: Option<String>,
    /// Its fingerprint, by the older system's rules.
    pub fingerprint: Option<String>,
    /// Its `User-Agent` header.
    pub user_agent: Option<String>,
    /// Its last address.
    pub address: Option<IpAddr>,
    /// The country of the address.
    pub country: Option<String>,
    /// The city of the address.
    pub city: Option<String>,
    /// First seen.
    pub created_at: OffsetDateTime,
    /// Last seen.
    pub last_seen_at: OffsetDateTime,
}

/// Reads the row of a device.
pub(super) fn device(
    row: &SourceRow,
    keys: &ImportKeys,
    findings: &mut Vec<Finding>,
) -> Result<ImportedDevice, Finding> {
    let id = row.text(ID).or_else(|| row.text(DEVICE_ID));
    let id = id.ok_or_else(|| row.refused(Reason::InvalidValue, "the device has no id"))?;
    if row.flag(ENABLED) == Some(false) || row.value(FORGOTTEN_AT).is_some() {
        return Err(row.refused(Reason::Inactive, "the device was removed in the older system"));
    }
    let label = row.text(LABEL).and_then(|name| {
        let shown = shown_name(&name);
        if shown.is_none() {
            let detail = "the label is left out: it has more than 100 characters, or invisible ones";
            findings.push(row.changed(Reason::InvalidName, detail));
        }
        shown
    });
    let seen = row.time(SEEN_AT);
    let created_at = row.time(CREATED_AT).or(seen).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    Ok(ImportedDevice {
        id: keys.device(&id),
        label,
        fingerprint: fingerprint(row),
        user_agent: row.text(USER_AGENT),
        address: row.address(ADDRESS),
        country: country(row),
        city: city(row),
        created_at,
        last_seen_at: seen.unwrap_or(created_at),
    })
}

/// The fingerprint, if it has the length of this server's fingerprints.
pub(super) fn fingerprint(row: &SourceRow) -> Option<String> {
    row.text(FINGERPRINT).filter(|text| text.chars().count() == 32)
}

pub(super) fn country(row: &SourceRow) -> Option<String> {
    let code = row.text(COUNTRY)?.trim().to_ascii_uppercase();
    (code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(code)
}

pub(super) fn city(row: &SourceRow) -> Option<String> {
    row.text(CITY).map(|city| city.trim().chars().take(100).collect())
}
