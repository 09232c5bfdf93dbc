//! The body and the signature of a webhook, as Standard Webhooks 1.0 defines them.
//!
//! `service::events` sends them. The signature covers the id, the time and the body, so none of them can be exchanged.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// The beginning of the text of a secret.
const PREFIX: &str = "whsec_";
/// The length of a secret, in bytes.
pub const SECRET_BYTES: usize = 32;

/// The text of a secret, as a receiver gets it once.
#[must_use]
pub fn secret_text(bytes: &[u8; SECRET_BYTES]) -> SecretString {
    format!("{PREFIX}{}", STANDARD.encode(bytes)).into()
}

/// The body: the type, the time and the data of the event.
#[must_use]
pub fn body(kind: &str, at: OffsetDateTime, data: &Map<String, Value>) -> String {
    let timestamp = at.format(&Rfc3339).unwrap_or_default();
    json!({"type": kind, "timestamp": timestamp, "data": data}).to_string()
}

/// The value of `webhook-signature`: one signature for each secret, separated by spaces. `timestamp` is the value of
/// `webhook-timestamp`, in seconds since the epoch. A text that is not a secret gives no signature.
#[must_use]
pub fn signatures<'s>(
    secrets: impl IntoIterator<Item = &'s SecretString>,
    id: Uuid,
    timestamp: i64,
    body: &str,
) -> String {
    let signature = |secret: &SecretString| {
        let key = STANDARD.decode(secret.expose_secret().strip_prefix(PREFIX)?).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    secrets.into_iter().filter_map(signature).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_covers_id_time_and_body() {
        let secret = secret_text(&[7; SECRET_BYTES]);
        let sign = |id, at, body| signatures([&secret], Uuid::from_u128(id), at, body);
        let signed = sign(1, 2, "{}");
        assert!(signed.starts_with("v1,"));
        assert!(signed != sign(2, 2, "{}") && signed != sign(1, 3, "{}") && signed != sign(1, 2, "{ }"));
    }

    #[test]
    fn two_secrets_give_two_signatures_and_a_broken_one_gives_none() {
        let (new, old) = (secret_text(&[1; SECRET_BYTES]), secret_text(&[2; SECRET_BYTES]));
        let signed = signatures([&new, &old], Uuid::nil(), 1, "x");
        assert_eq!(signed.split(' ').count(), 2);
        assert_eq!(signatures([&SecretString::from("secret")], Uuid::nil(), 1, "x"), "");
    }

    #[test]
    fn the_signature_is_that_of_the_published_example() {
        // Svix, "Verifying webhooks manually": the example that Standard Webhooks libraries test with.
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(b"00000000-0000-0000-0000-000000000001.1614265330.{\"test\": 2432232314}");
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let body = "{\"test\": 2432232314}";
        assert_eq!(signatures([&secret], Uuid::from_u128(1), 1_614_265_330, body), expected);
    }
}
