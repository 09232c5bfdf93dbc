//! `/.well-known/jwks.json`, and tokens that another service verifies with it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    crypto::secret_ring::DatedSecret,
    tokens::token_key::{TokenAlgorithm, token_kid},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, jwk::JwkSet};
use portcullis::config::Secrets;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Ask, Session, secrets};

async fn published(app: &App) -> Answer {
    app.get("/.well-known/jwks.json").ask().await.expect(200)
}

fn eddsa() -> App {
    App::with(|settings| settings.secrets.algorithm = TokenAlgorithm::EdDsa)
}

#[tokio::test]
async fn the_public_key_is_published_while_tokens_are_signed_with_hs256_and_no_secret_key_is() {
    let answer = published(&App::start()).await;
    let keys = answer.body["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1);
    let key = &keys[0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA")));
    assert_eq!(key["kid"], token_kid(&secrets().jwt.current, TokenAlgorithm::EdDsa));
    assert_eq!(answer.body, published(&eddsa()).await.body);
}

#[tokio::test]
async fn another_service_verifies_a_token_with_the_published_key_alone() {
    let app = eddsa();
    let session = app.register().await.sign_in().await;
    let answer = published(&app).await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    let keys: JwkSet = serde_json::from_value(answer.body).unwrap();
    let header = jsonwebtoken::decode_header(&session.access).unwrap();
    assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::EdDSA, Some("at+jwt")));
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).expect("the key of the token")).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["localhost"]);
    let claims = jsonwebtoken::decode::<Value>(&session.access, &key, &validation).unwrap().claims;
    assert_eq!(claims["sid"], session.id.to_string());
}

#[tokio::test]
async fn the_next_and_the_previous_keys_are_published_and_a_removed_one_is_not() {
    let app = eddsa();
    let mut secrets = Secrets { algorithm: TokenAlgorithm::EdDsa, ..secrets() };
    secrets.jwt.next = Some(DatedSecret::parse("the next key of tokens"));
    secrets.jwt.previous = vec![DatedSecret::parse("the previous key of tokens")];
    app.replace_keys(&secrets).await;
    let kids = |answer: Answer| -> Vec<String> {
        let keys = answer.body["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let expected: Vec<_> =
        secrets.jwt.accepted().map(|secret| token_kid(secret, TokenAlgorithm::EdDsa)).collect();
    assert_eq!(kids(published(&app).await), expected);
    secrets.jwt.previous.clear();
    app.replace_keys(&secrets).await;
    assert_eq!(kids(published(&app).await), expected[..2]);
}

#[tokio::test]
async fn every_way_to_confuse_the_algorithms_gets_the_answer_to_an_unknown_key() {
    let app = eddsa();
    let session = app.register().await.sign_in().await;
    let body = published(&app).await.body;
    let (x, kid) = (body["keys"][0]["x"].as_str().unwrap(), body["keys"][0]["kid"].as_str().unwrap());
    let hmac_kid = token_kid(&secrets().jwt.current, TokenAlgorithm::Hs256);
    let payload = session.access.split('.').nth(1).unwrap();
    let claims: Value = jsonwebtoken::dangerous::insecure_decode(&session.access).unwrap().claims;
    let header = |alg, kid: &str| {
        let mut header = Header::new(alg);
        (header.typ, header.kid) = (Some("at+jwt".to_owned()), Some(kid.to_owned()));
        header
    };
    let public = EncodingKey::from_secret(x.as_bytes());
    let raw = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(x).unwrap());
    let none = |kid: &str| {
        let header = json!({"alg": "none", "typ": "at+jwt", "kid": kid}).to_string();
        format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(header))
    };
    let forged = [
        jsonwebtoken::encode(&header(Algorithm::HS256, kid), &claims, &public).unwrap(),
        jsonwebtoken::encode(&header(Algorithm::HS256, kid), &claims, &raw).unwrap(),
        jsonwebtoken::encode(&header(Algorithm::HS256, &hmac_kid), &claims, &public).unwrap(),
        jsonwebtoken::encode(&header(Algorithm::HS256, "unknown"), &claims, &public).unwrap(),
        none(kid),
        none(&hmac_kid),
    ];
    let unknown = refusal(&session, "a.b.c").await;
    for token in forged {
        assert_eq!(refusal(&session, &token).await, unknown, "{token}");
    }
    assert!(session.works().await);
}

/// What a client learns from the refusal of this token, except the id of the request.
async fn refusal(session: &Session, token: &str) -> Value {
    let forged = Session { access: token.to_owned(), ..session.clone() };
    let mut problem = forged.get("/api/v1/profile").await.refused(401, "invalid_token").body;
    problem["request_id"] = Value::Null;
    problem["trace_id"] = Value::Null;
    problem
}
