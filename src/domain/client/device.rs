//! Devices: the signed cookie that identifies a device, and the fingerprint that describes it. This file also has the signed
//! pre-session cookie, which identifies a browser before sign-in.
//!
//! The REST layer and the handshake use these rules. The random id in the cookie is the device's identity. The fingerprint is a
//! signal and proves nothing, because any client can send the same headers.

use std::{fmt, str::FromStr, time::Duration};

use protocol::id::DeviceId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    account::role::UnknownWord,
    crypto::{
        key::{hex, unhex},
        key_ring::KeyRing,
        secret_ring::SecretRing,
    },
};

const DEVICE_LABEL: &str = "portcullis device cookie v1";
const PRESESSION_LABEL: &str = "portcullis pre-session cookie v1";

/// How long the device cookie lives. The trust in a device ends earlier; see [`Trust::at`].
pub const DEVICE_COOKIE_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The version of the rules for the fingerprint (headers, order, encoding). It is stored beside the fingerprint.
pub const FINGERPRINT_VERSION: i16 = 2;

/// The headers of the fingerprint, in order. The client's address is not part of the fingerprint.
pub const FINGERPRINT_HEADERS: [&str; 5] =
    ["user-agent", "accept", "accept-language", "accept-encoding", "dnt"];

/// How long trust in a device lasts.
pub const TRUST_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The level of trust in a device, ordered from low to high. Stored in `registered_devices.trust`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// No trust: the device has only been seen.
    New,
    /// The user asked to trust the device: either at a sign-in with a code as the second factor, or later in a session.
    Trusted,
    /// The user asked to trust the device at a sign-in with a passkey.
    Verified,
}

impl Trust {
    /// Every level, in the order of the database's CHECK constraint.
    pub const ALL: [Self; 3] = [Self::New, Self::Trusted, Self::Verified];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Trusted => "trusted",
            Self::Verified => "verified",
        }
    }

    /// The trust that remains at `now`, if it was granted until `until`.
    #[must_use]
    pub fn at(self, until: Option<OffsetDateTime>, now: OffsetDateTime) -> Self {
        if until.is_some_and(|until| until > now) { self } else { Self::New }
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Trust {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|trust| trust.as_str() == text)
            .ok_or_else(|| UnknownWord { kind: "trust", word: text.to_owned() })
    }
}

/// The keys of the device cookie and those of the pre-session cookie.
pub struct DeviceCookies {
    device: KeyRing,
    presession: KeyRing,
}

impl DeviceCookies {
    /// The keys derived from the configured secrets.
    #[must_use]
    pub fn new(secrets: &SecretRing) -> Self {
        Self {
            device: KeyRing::derive(secrets, DEVICE_LABEL),
            presession: KeyRing::derive(secrets, PRESESSION_LABEL),
        }
    }

    /// The value of the device cookie: `<uuid>.<mac>`.
    #[must_use]
    pub fn seal(&self, device: DeviceId) -> String {
        seal(&self.device, device.0)
    }

    /// The device of a cookie value, if this server signed it.
    #[must_use]
    pub fn open(&self, value: &str) -> Option<DeviceId> {
        open(&self.device, value).map(DeviceId)
    }

    /// The value of the pre-session cookie: `<uuid>.<mac>`.
    #[must_use]
    pub fn seal_presession(&self, id: Uuid) -> String {
        seal(&self.presession, id)
    }

    /// The pre-session of a cookie value, if this server signed it.
    #[must_use]
    pub fn open_presession(&self, value: &str) -> Option<Uuid> {
        open(&self.presession, value)
    }
}

fn seal(key: &KeyRing, id: Uuid) -> String {
    format!("{}.{}", id.hyphenated(), hex(&key.mac(&[id.as_bytes()])[..16]))
}

/// Accepts only the one spelling that [`seal`] produces.
fn open(key: &KeyRing, value: &str) -> Option<Uuid> {
    let (text, tag) = value.split_once('.')?;
    let id = Uuid::try_parse(text).ok()?;
    let tag = unhex(tag).filter(|tag| tag.len() == 16)?;
    (key.verify(&[id.as_bytes()], &tag) && id.hyphenated().to_string() == text).then_some(id)
}

/// The fingerprint of a request: the first half of the SHA-256 of the version of the rules and of the values of
/// [`FINGERPRINT_HEADERS`], as 32 hexadecimal digits.
///
/// `headers` are (lower-case name, value) pairs in any order. Other headers are ignored; missing headers count as
/// empty.
#[must_use]
pub fn fingerprint(headers: &[(&str, &str)]) -> String {
    let mut digest = Sha256::new().chain_update([FINGERPRINT_VERSION as u8]);
    for wanted in FINGERPRINT_HEADERS {
        let value = headers.iter().find(|(name, _)| *name == wanted).map_or("", |(_, value)| value);
        // The length separates a value from the next one.
        digest.update((value.len() as u64).to_be_bytes());
        digest.update(value);
    }
    hex(&digest.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cookies() -> DeviceCookies {
        DeviceCookies::new(&SecretRing::of("cookie secret".into()))
    }

    #[test]
    fn a_device_cookie_is_not_a_pre_session_cookie() {
        let id = Uuid::from_u128(7);
        assert_eq!(cookies().open_presession(&cookies().seal(DeviceId(id))), None);
        assert_eq!(cookies().open(&cookies().seal_presession(id)), None);
        assert_eq!(cookies().open_presession(&cookies().seal_presession(id)), Some(id));
    }

    #[test]
    fn trust_ends_at_its_time() {
        let now = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(Trust::Verified.at(Some(now + TRUST_TTL), now), Trust::Verified);
        assert_eq!(Trust::Verified.at(Some(now), now), Trust::New);
        assert_eq!(Trust::Trusted.at(None, now), Trust::New);
        assert!(Trust::ALL.into_iter().all(|trust| trust.as_str().parse() == Ok(trust)));
    }

    #[test]
    fn a_cookie_of_another_secret_is_refused() {
        let other = DeviceCookies::new(&SecretRing::of("other secret".into()));
        assert_eq!(other.open(&cookies().seal(DeviceId(Uuid::from_u128(7)))), None);
    }

    #[test]
    fn an_id_without_its_genuine_signature_is_refused() {
        let id = Uuid::from_u128(7);
        assert_eq!(cookies().open(&id.to_string()), None);
        assert_eq!(cookies().open(&format!("{id}.")), None);
        assert_eq!(cookies().open(&cookies().seal(DeviceId(Uuid::from_u128(0xabc))).to_uppercase()), None);
    }

    #[test]
    fn a_fingerprint_has_32_digits_and_does_not_depend_on_the_order() {
        let one = fingerprint(&[("user-agent", "curl/8"), ("accept", "*/*")]);
        let two = fingerprint(&[("accept", "*/*"), ("host", "ignored"), ("user-agent", "curl/8")]);
        assert_eq!(one.len(), 32);
        assert_eq!(one, two);
    }

    #[test]
    fn the_boundaries_between_header_values_count() {
        assert_ne!(
            fingerprint(&[("user-agent", "ab"), ("accept", "c")]),
            fingerprint(&[("user-agent", "a"), ("accept", "bc")])
        );
    }

    proptest! {
        #[test]
        fn any_device_round_trips(id: u128) {
            let device = DeviceId(Uuid::from_u128(id));
            prop_assert_eq!(cookies().open(&cookies().seal(device)), Some(device));
        }

        #[test]
        fn any_changed_byte_is_refused(id: u128, at in any::<prop::sample::Index>(), flip in 1u8..128) {
            let mut bytes = cookies().seal(DeviceId(Uuid::from_u128(id))).into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = (bytes[at] ^ flip) & 0x7f;
            prop_assert_eq!(cookies().open(&String::from_utf8(bytes).unwrap()), None);
        }

        #[test]
        fn no_text_makes_the_opening_panic(text in "\\PC{0,80}") {
            prop_assert_eq!(cookies().open(&text), None);
        }
    }
}
