//! Events for other systems: webhooks, streams of Security Event Tokens, and what happens when receivers or servers fail.

mod causes;
mod kills;
mod streams;
mod webhooks;

use aws_lc_rs::{
    hmac,
    signature::{ED25519, UnparsedPublicKey},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::account::role::Role;
use serde_json::{Value, json};

use crate::harness::{App, Session, Taken, secret_watch};

const WEBHOOKS: &str = "/api/v1/admin/webhooks";

async fn admin(app: &App) -> Session {
    app.appoint(Role::Admin).await.sign_in().await
}

/// Makes a webhook for these events. Returns its id and its secret.
async fn webhook(admin: &Session, url: &str, events: &[&str]) -> (String, String) {
    let body = json!({"name": "a hook", "url": url, "events": events, "reason": "a test"});
    let answer = admin.post(WEBHOOKS, &body).await.expect(201);
    let secret = answer.text_of("secret");
    secret_watch::note("secret of a webhook", &secret);
    (answer.body["webhook"]["id"].as_str().expect("an id").to_owned(), secret)
}

/// Whether one of the signatures of a webhook was made with this secret. This is code of the receiver's side: it shares nothing
/// with the server.
fn is_signed(taken: &Taken, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let (id, at) = (taken.header("webhook-id"), taken.header("webhook-timestamp"));
    let signed = format!("{id}.{at}.{}", taken.body);
    taken.header("webhook-signature").split(' ').any(|signature| {
        let signature = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        signature.is_some_and(|tag| hmac::verify(&key, signed.as_bytes(), &tag).is_ok())
    })
}

/// The claims of a Security Event Token, if a key of the published key set has signed it.
fn verified(token: &str, key_set: &Value) -> Value {
    let mut parts = token.rsplitn(2, '.');
    let (signature, message) = (parts.next().expect("a signature"), parts.next().expect("a message"));
    let part = |text: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
    };
    let (header, claims) = message.split_once('.').expect("two parts");
    let header = part(header);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("secevent+jwt"), &json!("EdDSA")));
    let keys = key_set["keys"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).expect("a published key");
    let key = URL_SAFE_NO_PAD.decode(key["x"].as_str().expect("x")).expect("base64url");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    UnparsedPublicKey::new(&ED25519, key).verify(message.as_bytes(), &signature).expect("a genuine token");
    part(claims)
}
