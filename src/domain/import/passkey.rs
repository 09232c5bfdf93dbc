//! The row of a passkey: from the columns of the older system to the JSON of the WebAuthn library.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    columns::{
        AAGUID, BACKED_UP, COUNTER, CREATED_AT, CREDENTIAL_ID, DEVICE_TYPE, ELIGIBLE, ENABLED, LABEL,
        PUBLIC_KEY, SUSPENDED_AT, TRANSPORTS, USED_AT, USER_HANDLE,
    },
    cose::{KeyError, library_key},
    finding::{Finding, Reason},
    keys::ImportKeys,
    source_row::SourceRow,
};
use crate::{factors::aaguid::authenticator, shown_name::shown_name};

/// The longest credential id in bytes (WebAuthn, 4).
const LONGEST_ID: usize = 1023;
/// The longest user handle in bytes (WebAuthn, 5.4.3).
const LONGEST_HANDLE: usize = 64;
/// The transports that the library knows. Other words are left out, because the library could not read a passkey with them.
const KNOWN_TRANSPORTS: [&str; 5] = ["usb", "nfc", "ble", "internal", "hybrid"];

/// A passkey to be written.
#[derive(Clone)]
pub struct ImportedPasskey {
    /// This server's id of the passkey.
    pub id: Uuid,
    /// The credential id that the authenticator made.
    pub credential_id: Vec<u8>,
    /// The passkey in the form of the WebAuthn library.
    pub passkey: Value,
    /// The signature counter.
    pub counter: i64,
    /// The model of the authenticator.
    pub aaguid: Option<Uuid>,
    /// The name that the user gave the passkey.
    pub name: String,
    /// The user handle that the authenticator keeps.
    pub user_handle: Vec<u8>,
    /// `true` if the older system did not store whether the passkey may be copied to other devices.
    pub backup_unknown: bool,
    /// Time of registration.
    pub created_at: OffsetDateTime,
    /// Time of the last use.
    pub last_used_at: Option<OffsetDateTime>,
    /// Time of the suspension.
    pub suspended_at: Option<OffsetDateTime>,
}

/// Whether the row says that the passkey was in use.
pub(super) fn in_use(row: &SourceRow) -> bool {
    row.flag(ENABLED) != Some(false)
}

/// Reads the row of a passkey of `account`.
pub(super) fn passkey(
    row: &SourceRow,
    account: &SourceRow,
    keys: &ImportKeys,
    findings: &mut Vec<Finding>,
) -> Result<ImportedPasskey, Finding> {
    let unreadable = |detail: &str| row.refused(Reason::UnreadablePasskey, detail);
    let credential_id = row.bytes(CREDENTIAL_ID).filter(|id| (1..=LONGEST_ID).contains(&id.len()));
    let credential_id =
        credential_id.ok_or_else(|| unreadable("the passkey has no readable credential id"))?;
    let key = row.bytes(PUBLIC_KEY).ok_or_else(|| unreadable("the passkey has no readable public key"))?;
    let key = library_key(&key).map_err(|error| match error {
        KeyError::Malformed => unreadable("the public key is not a valid COSE key"),
        KeyError::Unsupported => row.refused(
            Reason::Unsupported,
            "the passkey has another algorithm than ES256, ES384, EdDSA and RS256",
        ),
    })?;
    let counter = row.number(COUNTER).unwrap_or_default();
    let counter = u32::try_from(counter).map_err(|_| unreadable("the signature counter is out of range"))?;
    let aaguid = row.uuid(AAGUID).filter(|id| !id.is_nil());
    let name = row.text(LABEL).and_then(|name| {
        let shown = shown_name(&name);
        if shown.is_none() {
            let detail =
                "the name of the passkey is replaced: it has more than 100 characters, or invisible ones";
            findings.push(row.changed(Reason::InvalidName, detail));
        }
        shown
    });
    let backup = Backup::of(row);
    let passkey = library_form(&credential_id, &key, counter, &transports(row), &backup);
    let created_at = row.time(CREATED_AT).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    Ok(ImportedPasskey {
        id: keys.row("passkeys", &BASE64URL_NOPAD.encode(&credential_id)),
        credential_id,
        passkey,
        counter: i64::from(counter),
        aaguid,
        name: name.unwrap_or_else(|| aaguid.and_then(authenticator).unwrap_or("Passkey").to_owned()),
        user_handle: user_handle(row, account),
        backup_unknown: !backup.known,
        created_at,
        last_used_at: row.time(USED_AT),
        suspended_at: row.time(SUSPENDED_AT),
    })
}

/// What the older system knows about copies of a passkey.
struct Backup {
    known: bool,
    eligible: bool,
    state: bool,
}

impl Backup {
    fn of(row: &SourceRow) -> Self {
        let by_type = row.word(DEVICE_TYPE).and_then(|word| match word.replace('_', "").as_str() {
            "multidevice" => Some(true),
            "singledevice" => Some(false),
            _ => None,
        });
        let state = row.flag(BACKED_UP).unwrap_or_default();
        // A passkey that is backed up is also eligible for backups (WebAuthn, 6.1.3).
        let eligible = row.flag(ELIGIBLE).or(by_type).or(state.then_some(true));
        let known = eligible.is_some();
        let eligible = eligible.unwrap_or_default();
        Self { known, eligible, state: state && eligible }
    }
}

fn transports(row: &SourceRow) -> Vec<String> {
    let words = row.words(TRANSPORTS).into_iter().map(|word| word.to_lowercase());
    words.filter(|word| KNOWN_TRANSPORTS.contains(&word.as_str())).collect()
}

/// The user handle: from a column of the passkey or of the account, as bytes or as text. Without such a column, it is the
/// account's id as text, because the older system gave this text to authenticators.
fn user_handle(row: &SourceRow, account: &SourceRow) -> Vec<u8> {
    let stored = |row: &SourceRow| match row.uuid(USER_HANDLE) {
        Some(id) => Some(id.as_bytes().to_vec()),
        None => row.bytes(USER_HANDLE).or_else(|| row.text(USER_HANDLE).map(String::into_bytes)),
    };
    let handle = stored(row).or_else(|| stored(account));
    handle
        .filter(|handle| (1..=LONGEST_HANDLE).contains(&handle.len()))
        .unwrap_or_else(|| account.key().into_bytes())
}

/// The JSON that the library writes for a passkey without attestation.
fn library_form(id: &[u8], key: &Value, counter: u32, transports: &[String], backup: &Backup) -> Value {
    json!({"cred": {
        "cred_id": BASE64URL_NOPAD.encode(id),
        "cred": key,
        "counter": counter,
        "transports": if transports.is_empty() { Value::Null } else { transports.into() },
        "user_verified": true,
        "backup_eligible": backup.eligible,
        "backup_state": backup.state,
        "registration_policy": "required",
        "extensions": {"cred_protect": "NotRequested", "hmac_create_secret": "NotRequested"},
        "attestation": {"data": "None", "metadata": "None"},
        "attestation_format": "none",
    }})
}
