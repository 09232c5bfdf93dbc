//! An external identity provider: it signs tokens for connections and subscriptions, and can publish its keys.

mod publisher;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::issuer::{Strictness, configuration};
use portcullis::config::Settings;
pub(crate) use publisher::{Publisher, Way};
use serde_json::{Value, json};

use super::secret_watch;

/// The secret that the issuer `corp` shares with a server after [`shared_with`].
pub(crate) const SECRET: &str = "what corp and the tests know";

/// Configures a server to accept tokens of the issuer `corp`, which are signed with a shared secret.
pub(crate) fn shared_with(settings: &mut Settings) {
    configure(settings, &shared());
}

/// The setting of the issuer `corp`.
pub(crate) fn shared() -> Value {
    json!([{"name": "corp", "keys": {"hmac": [SECRET]}, "algorithms": ["HS256"]}])
}

pub(crate) fn configure(settings: &mut Settings, issuers: &Value) {
    let lenient = Strictness { secret_bytes: 1, plain_loopback: true };
    let mut read = |path: &str, _| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let parsed = configuration::parse(&issuers.to_string(), lenient, &mut read);
    settings.issuers = parsed.expect("issuers");
}

/// Seconds since the epoch.
pub(crate) fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

/// A token that is signed with [`SECRET`].
pub(crate) fn signed(claims: &Value) -> String {
    signed_with(SECRET, &json!({"alg": "HS256", "typ": "JWT"}), claims)
}

pub(crate) fn signed_with(secret: &str, header: &Value, claims: &Value) -> String {
    compact(header, claims, |message| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message).as_ref().to_vec()
    })
}

pub(crate) fn compact(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    let token = format!("{signed}.{signature}");
    secret_watch::note("token of another issuer", &token);
    token
}
