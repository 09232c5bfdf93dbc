//! Passkeys: the relying party, the pages that may use its passkeys, the models of authenticators, and decoys.
//!
//! The settings use these rules to reject a domain and origins that do not fit together. The use cases of passkeys use the
//! rules, too. A library does the cryptography.

use ciborium::Value;
use uuid::Uuid;

use crate::crypto::{
    key::Key,
    lasting_keys::{LastingKeys, LastingPurpose},
};

/// The usual lengths, in bytes, of the credential ids that password managers, phones, operating systems and security keys make.
const DECOY_LENGTHS: [usize; 4] = [16, 20, 32, 64];
/// The longest credential id in bytes (WebAuthn, 4).
const LONGEST_ID: usize = 1023;
/// Maximum number of passkeys of one user.
pub const PASSKEYS_PER_USER: u32 = 20;

/// The relying party (WebAuthn, 5.4.2), and the pages that may use its passkeys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelyingPartyNames {
    /// `WEBAUTHN_RP_ID`: a domain, without scheme or port. Default: `DOMAIN`.
    pub id: String,
    /// `WEBAUTHN_RP_NAME`: for people to read.
    pub name: String,
    /// `WEBAUTHN_ORIGINS`: compared letter by letter.
    pub origins: Vec<String>,
}

/// Whether pages of `origin` may use passkeys of `rp_id`. The scheme is https, or http for localhost. The host is `rp_id` or a
/// subdomain of it (WebAuthn, 5.1.3, "registrable domain suffix"). A host that only looks similar does not fit. An Android app
/// fits every domain. The `url` crate is not used: its normalisation would accept settings that never equal the origin of a
/// browser.
#[must_use]
pub fn origin_fits(origin: &str, rp_id: &str) -> bool {
    if is_android_app(origin) {
        return true;
    }
    let Some((scheme, rest)) = origin.split_once("://") else {
        return false;
    };
    let host = rest.rsplit_once(':').map_or(rest, |(host, _port)| host);
    let below = host.strip_suffix(rp_id).is_some_and(|front| front.ends_with('.'));
    let local = rp_id == "localhost" || rp_id.ends_with(".localhost");
    (host == rp_id || below) && (scheme == "https" || (scheme == "http" && local))
}

/// Whether an origin names an Android app, by the SHA-256 of its signing certificate in base64url without padding (43
/// characters). Android itself checks, with the domain's `assetlinks.json`, which apps belong to the domain.
#[must_use]
pub fn is_android_app(origin: &str) -> bool {
    let Some(hash) = origin.strip_prefix("android:apk-key-hash:") else { return false };
    let last = |byte: u8| b"AEIMQUYcgkosw048".contains(&byte);
    hash.len() == 43
        && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && hash.bytes().last().is_some_and(last)
}

/// What is wrong with these settings, one sentence per problem.
#[must_use]
pub fn problems(names: &RelyingPartyNames) -> Vec<String> {
    let RelyingPartyNames { id, origins, .. } = names;
    let labels = |text: &str| {
        text.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    let numeric = id.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    let mut found = Vec::new();
    if !labels(id) || numeric || id.bytes().any(|byte| byte.is_ascii_uppercase()) {
        found.push(format!("WEBAUTHN_RP_ID: `{id}` is not a domain name in lower case"));
    }
    if origins.is_empty() {
        found.push(format!("WEBAUTHN_ORIGINS: there is no page that may ask for passkeys of `{id}`"));
    }
    for origin in origins.iter().filter(|origin| !origin_fits(origin, id)) {
        found.push(format!(
            "WEBAUTHN_ORIGINS: `{origin}` is not an https page of `{id}` or below it, so browsers would refuse it"
        ));
    }
    found
}

/// The authenticator's model from an attestation object (WebAuthn, 6.5). The model is not verified; it only chooses the name in
/// a list. `None` if the object cannot be read, or if the authenticator does not report its model (then all bytes are zero).
#[must_use]
pub fn aaguid(attestation_object: &[u8]) -> Option<Uuid> {
    let Value::Map(fields) = ciborium::from_reader(attestation_object).ok()? else {
        return None;
    };
    let data = fields.iter().find(|(key, _)| key.as_text() == Some("authData"))?.1.as_bytes()?;
    // The parts and their lengths in bytes: the hash of the relying party's id (32), flags (1), counter (4), model (16).
    let id = Uuid::from_slice(data.get(37..53)?).ok()?;
    (!id.is_nil()).then_some(id)
}

/// Makes decoys: invented credential ids. With them, a response reveals neither whether an account exists nor how many passkeys
/// it has.
pub struct Decoys(Key);

impl Decoys {
    /// The maker with the lasting key of decoys.
    #[must_use]
    pub fn new(keys: &LastingKeys) -> Self {
        Self(keys.key(LastingPurpose::Decoys).clone())
    }

    /// The credential ids for a ceremony of this account: the ids of the account's passkeys (`held`), and decoys up to
    /// [`PASSKEYS_PER_USER`] ids in all. The decoys of an account are always the same. The ids are sorted, so their order
    /// reveals nothing.
    #[must_use]
    pub fn pad(&self, mut held: Vec<Vec<u8>>, account_key: &str) -> Vec<Vec<u8>> {
        let first = u32::try_from(held.len()).unwrap_or(PASSKEYS_PER_USER);
        held.extend((first..PASSKEYS_PER_USER).map(|place| self.credential_id(account_key, place)));
        held.sort();
        held
    }

    /// A decoy. Most decoys have one of the usual lengths. Some authenticators make ids of other lengths, so some decoys have
    /// other lengths, too. Otherwise an unusual length would prove that an id is real.
    fn credential_id(&self, account_key: &str, place: u32) -> Vec<u8> {
        let part = |part: u8| self.0.mac(&[&[part], &place.to_be_bytes(), account_key.as_bytes()]);
        let draw = part(0);
        let any = usize::from(u16::from_be_bytes([draw[2], draw[3]]));
        let length = match draw[1] {
            0..8 => 48,
            8..20 => 17 + any % 239,
            20..22 => 256 + any % (LONGEST_ID - 255),
            _ => DECOY_LENGTHS[usize::from(draw[0]) % DECOY_LENGTHS.len()],
        };
        let mut id: Vec<u8> = Vec::with_capacity(length + 32);
        let mut next = 1;
        while id.len() < length {
            id.extend_from_slice(&part(next));
            next += 1;
        }
        id.truncate(length);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(id: &str, origins: &[&str]) -> RelyingPartyNames {
        let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        RelyingPartyNames { id: id.to_owned(), name: "Portcullis".to_owned(), origins }
    }

    #[test]
    fn an_android_app_is_named_by_the_hash_of_its_certificate() {
        let hash = format!("{}E", "Q".repeat(42));
        assert!(origin_fits(&format!("android:apk-key-hash:{hash}"), "example.com"));
        for wrong in [
            "",
            &hash[1..],
            &format!("{hash}A"),
            &format!("{}=", &hash[1..]),
            &format!("{}B", "Q".repeat(42)),
            &format!("{}/E", "Q".repeat(41)),
        ] {
            assert!(!origin_fits(&format!("android:apk-key-hash:{wrong}"), "example.com"), "{wrong}");
        }
        assert!(!origin_fits(&format!("ANDROID:apk-key-hash:{hash}"), "example.com"));
        assert!(!origin_fits(&format!("ios:bundle-id:{hash}"), "example.com"));
    }

    #[test]
    fn a_domain_and_its_subdomains_fit() {
        for origin in ["https://example.com", "https://chat.example.com", "https://chat.example.com:8443"] {
            assert!(origin_fits(origin, "example.com"), "{origin}");
        }
        assert!(origin_fits("http://localhost:8000", "localhost"));
    }

    #[test]
    fn a_similar_host_does_not_fit() {
        for origin in [
            "https://evilexample.com",
            "https://example.com.evil.example",
            "http://example.com",
            "https://example.co",
            "https://com",
            "ftp://example.com",
            "example.com",
            "https://",
        ] {
            assert!(!origin_fits(origin, "example.com"), "{origin}");
        }
    }

    #[test]
    fn every_wrong_id_and_every_wrong_origin_is_reported() {
        assert_eq!(problems(&names("example.com", &["https://example.com"])), Vec::<String>::new());
        let found = problems(&names("example.com", &["https://other.example", "http://example.com"]));
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("https://other.example") && found[0].contains("example.com"));
        for id in ["", "192.0.2.1", "Example.com", "https://example.com", "example.com:8443", "a..b", "[::1]"]
        {
            let found = problems(&names(id, &[]));
            assert!(found.iter().any(|problem| problem.starts_with("WEBAUTHN_RP_ID")), "{id}: {found:?}");
        }
    }

    #[test]
    fn no_bytes_make_the_reading_of_a_model_panic() {
        for bytes in [&b""[..], b"\xff", b"\xa1\x68authData\x41\x00", b"\xa1\x01\x02", &[0xbf; 64]] {
            assert_eq!(aaguid(bytes), None);
        }
    }

    #[test]
    fn a_ceremony_asks_for_the_same_number_of_credentials_for_every_account() {
        let decoys = Decoys::new(&LastingKeys::derived(&"secret".into()));
        let none = decoys.pad(Vec::new(), "ada@example.com");
        assert_eq!(none, decoys.pad(Vec::new(), "ada@example.com"));
        assert_ne!(none, decoys.pad(Vec::new(), "bob@example.com"));
        for count in 0..=PASSKEYS_PER_USER {
            let held: Vec<_> = (0..count).map(|id| id.to_be_bytes().repeat(8)).collect();
            let asked = decoys.pad(held.clone(), "ada@example.com");
            assert_eq!(asked.len(), PASSKEYS_PER_USER as usize);
            assert!(held.iter().all(|id| asked.contains(id)) && asked.is_sorted());
        }
    }

    #[test]
    fn decoys_have_the_lengths_of_real_credential_ids() {
        let decoys = Decoys::new(&LastingKeys::derived(&"secret".into()));
        let lists: Vec<_> =
            (0..100).map(|n| decoys.pad(Vec::new(), &format!("person{n}@example.com"))).collect();
        let lengths: Vec<_> = lists.iter().flatten().map(Vec::len).collect();
        for usual in DECOY_LENGTHS {
            assert!(lengths.iter().filter(|length| **length == usual).count() > lengths.len() / 6);
        }
        assert!(lengths.iter().all(|length| (16..=LONGEST_ID).contains(length)));
        let unusual = |id: &Vec<u8>| !DECOY_LENGTHS.contains(&id.len());
        let with_unusual = lists.iter().filter(|list| list.iter().any(unusual)).count();
        assert!((50..100).contains(&with_unusual), "an unusual length reveals little: {with_unusual} of 100");
        assert!(lengths.iter().any(|length| *length > 255), "some decoys are very long");
        let ids: std::collections::BTreeSet<_> = lists.iter().flatten().collect();
        assert_eq!(ids.len(), lengths.len());
    }
}
