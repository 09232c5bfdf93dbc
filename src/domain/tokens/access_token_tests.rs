//! Tests of access tokens, including the known ways to deceive a JWT verifier.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::token_key::{LABEL, token_kid},
    *,
};
use crate::crypto::key::Key;

const NOW: i64 = 1_800_000_000;

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn keys() -> AccessKeys {
    keys_of(&ring(), TokenAlgorithm::Hs256)
}

fn ring() -> SecretRing {
    SecretRing { previous: vec![secret("older secret").into()], ..SecretRing::of(secret("current secret")) }
}

fn keys_of(secrets: &SecretRing, algorithm: TokenAlgorithm) -> AccessKeys {
    AccessKeys::new(secrets, algorithm, "https://id.example", "portcullis")
}

fn kid(secret: &SecretString) -> String {
    token_kid(secret, TokenAlgorithm::Hs256)
}

fn claims() -> Claims {
    Claims {
        sub: "42".to_owned(),
        id: 42,
        email: "ada@example.com".to_owned(),
        role: Role::Operator,
        scopes: vec!["read".to_owned(), "write".to_owned()],
        sid: SessionId(Uuid::from_u128(1)),
        jti: Uuid::from_u128(2),
        refresh_counter: 7,
        privilege_epoch: 3,
        iss: "https://id.example".to_owned(),
        aud: "portcullis".to_owned(),
        iat: NOW,
        nbf: NOW,
        exp: NOW + 3600,
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with any header and payload, signed with the current key as HS256.
fn signed(header: &Value, payload: &Value) -> String {
    let message = format!("{}.{}", part(header), part(payload));
    let tag = Key::derive(&secret("current secret"), LABEL).mac(&[message.as_bytes()]);
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn header() -> Value {
    json!({"alg": "HS256", "typ": TYPE, "kid": kid(&secret("current secret"))})
}

fn payload() -> Value {
    serde_json::to_value(claims()).unwrap()
}

#[test]
fn a_token_round_trips() {
    let token = keys().issue(&claims());
    assert_eq!(keys().verify(token.expose_secret(), NOW), Ok(claims()));
    assert_eq!(keys().verify(&signed(&header(), &payload()), NOW), Ok(claims()));
}

#[test]
fn the_refresh_counter_is_the_claim_gen_and_the_privilege_epoch_is_pep() {
    assert_eq!((&payload()["gen"], &payload()["pep"]), (&json!(7), &json!(3)));
    assert!(payload().get("generation").is_none());
}

#[test]
fn a_token_of_a_previous_key_verifies_until_that_key_is_retired() {
    for algorithm in TokenAlgorithm::ALL {
        let token = keys_of(&SecretRing::of(secret("older secret")), algorithm).issue(&claims());
        assert_eq!(keys().verify(token.expose_secret(), NOW), Ok(claims()));
        let retired = keys_of(&SecretRing::of(secret("current secret")), algorithm);
        assert_eq!(retired.verify(token.expose_secret(), NOW), Err(TokenError::UnknownKey));
    }
}

#[test]
fn a_token_of_the_next_key_verifies_before_that_key_is_used() {
    for algorithm in TokenAlgorithm::ALL {
        let ahead = keys_of(&SecretRing::of(secret("next secret")), algorithm).issue(&claims());
        let behind = SecretRing { next: Some(secret("next secret").into()), ..ring() };
        let verified = keys_of(&behind, algorithm).verify(ahead.expose_secret(), NOW);
        assert_eq!(verified, Ok(claims()));
    }
}

#[test]
fn tokens_of_both_algorithms_verify_whatever_algorithm_new_tokens_have() {
    let [hmac, signed] = TokenAlgorithm::ALL.map(|algorithm| keys_of(&ring(), algorithm));
    for (issuing, verifying) in [(&hmac, &signed), (&signed, &hmac), (&signed, &signed)] {
        let token = issuing.issue(&claims());
        assert_eq!(verifying.verify(token.expose_secret(), NOW), Ok(claims()));
    }
}

#[test]
fn the_same_public_keys_are_published_with_both_algorithms_and_the_current_key_comes_first() {
    let secrets = SecretRing { next: Some(secret("next secret").into()), ..ring() };
    let expected = ["current secret", "next secret", "older secret"]
        .map(|text| token_kid(&secret(text), TokenAlgorithm::EdDsa));
    for algorithm in TokenAlgorithm::ALL {
        let keys = keys_of(&secrets, algorithm);
        let kids: Vec<_> = keys.published().map(|key| key.kid.clone()).collect();
        assert_eq!(kids, expected, "{}", algorithm.as_str());
    }
}

#[test]
fn a_public_key_cannot_be_used_as_the_secret_of_a_mac() {
    let keys = keys_of(&ring(), TokenAlgorithm::EdDsa);
    let public = keys.published().next().unwrap().clone();
    for secret in [public.x.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(&public.x).unwrap()] {
        for (alg, kid) in
            [("HS256", &public.kid), ("HS256", &kid(&secret_of(&ring()))), ("EdDSA", &public.kid)]
        {
            let message =
                format!("{}.{}", part(&json!({"alg": alg, "typ": TYPE, "kid": kid})), part(&payload()));
            let mut mac = <hmac::Hmac<sha2::Sha256> as hmac::KeyInit>::new_from_slice(&secret).unwrap();
            hmac::Mac::update(&mut mac, message.as_bytes());
            let tag = hmac::Mac::finalize(mac).into_bytes();
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
            assert!(keys.verify(&token, NOW).is_err(), "{alg} {kid}");
        }
    }
}

#[test]
fn a_signature_is_not_accepted_under_the_name_or_algorithm_of_another_key() {
    let signing = keys_of(&ring(), TokenAlgorithm::EdDsa);
    let token = signing.issue(&claims());
    let (message, signature) = token.expose_secret().rsplit_once('.').unwrap();
    let (_, payload) = message.split_once('.').unwrap();
    let eddsa = signing.published().next().unwrap().kid.clone();
    for (alg, kid) in [("EdDSA", kid(&secret_of(&ring()))), ("HS256", eddsa.clone()), ("none", eddsa)] {
        let forged = format!("{}.{payload}.{signature}", part(&json!({"alg": alg, "typ": TYPE, "kid": kid})));
        assert_eq!(signing.verify(&forged, NOW), Err(TokenError::Malformed), "{alg}");
    }
}

fn secret_of(ring: &SecretRing) -> SecretString {
    ring.current.clone()
}

#[test]
fn only_the_algorithm_of_the_key_is_accepted() {
    for alg in ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "", "hs256"] {
        let mut forged = header();
        forged["alg"] = json!(alg);
        assert_eq!(keys().verify(&signed(&forged, &payload()), NOW), Err(TokenError::Malformed), "{alg}");
    }
}

#[test]
fn an_unsigned_token_is_refused() {
    let none = json!({"alg": "none", "typ": TYPE, "kid": kid(&secret("current secret"))});
    for token in
        [format!("{}.{}.", part(&none), part(&payload())), format!("{}.{}", part(&none), part(&payload()))]
    {
        assert_eq!(keys().verify(&token, NOW), Err(TokenError::Malformed));
    }
    let unsigned = format!("{}.{}.", part(&header()), part(&payload()));
    assert_eq!(keys().verify(&unsigned, NOW), Err(TokenError::BadSignature));
}

#[test]
fn a_key_inside_the_token_is_not_used() {
    let mut forged = header();
    forged["jwk"] = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode("attacker"), "alg": "HS256"});
    forged["jku"] = json!("https://attacker.example/keys");
    let message = format!("{}.{}", part(&forged), part(&payload()));
    let tag = Key::derive(&secret("attacker"), LABEL).mac(&[message.as_bytes()]);
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
    assert_eq!(keys().verify(&token, NOW), Err(TokenError::BadSignature));
}

#[test]
fn a_missing_or_unknown_kid_is_refused() {
    let mut missing = header();
    missing.as_object_mut().unwrap().remove("kid");
    assert_eq!(keys().verify(&signed(&missing, &payload()), NOW), Err(TokenError::UnknownKey));
    let mut unknown = header();
    unknown["kid"] = json!("0011223344556677");
    assert_eq!(keys().verify(&signed(&unknown, &payload()), NOW), Err(TokenError::UnknownKey));
}

#[test]
fn another_type_of_token_is_refused() {
    for typ in [json!("JWT"), json!("jwt"), json!("AT+JWT"), json!("application/at+jwt"), Value::Null] {
        let mut other = header();
        other["typ"] = typ;
        assert_eq!(keys().verify(&signed(&other, &payload()), NOW), Err(TokenError::Malformed));
    }
    let mut missing = header();
    missing.as_object_mut().unwrap().remove("typ");
    assert_eq!(keys().verify(&signed(&missing, &payload()), NOW), Err(TokenError::Malformed));
}

#[test]
fn a_critical_extension_is_refused() {
    let mut critical = header();
    critical["crit"] = json!(["exp"]);
    assert_eq!(keys().verify(&signed(&critical, &payload()), NOW), Err(TokenError::Malformed));
}

#[test]
fn each_claim_is_required() {
    for claim in payload().as_object().unwrap().keys() {
        let mut short = payload();
        short.as_object_mut().unwrap().remove(claim);
        assert_eq!(keys().verify(&signed(&header(), &short), NOW), Err(TokenError::WrongClaims), "{claim}");
        let mut null = payload();
        null[claim] = Value::Null;
        assert_eq!(keys().verify(&signed(&header(), &null), NOW), Err(TokenError::WrongClaims), "{claim}");
    }
}

#[test]
fn wrong_or_contradictory_claims_are_refused() {
    for (claim, value) in [
        ("iss", json!("https://other.example")),
        ("aud", json!("other")),
        ("aud", json!(["portcullis", "other"])),
        ("sub", json!("43")),
        ("sub", json!("042")),
        ("id", json!("42")),
        ("role", json!("root")),
        ("exp", json!("never")),
        ("exp", json!(1e300)),
        ("scopes", json!("read write")),
    ] {
        let mut wrong = payload();
        wrong[claim] = value;
        assert_eq!(keys().verify(&signed(&header(), &wrong), NOW), Err(TokenError::WrongClaims), "{claim}");
    }
}

#[test]
fn the_end_has_five_seconds_of_leeway() {
    let token = keys().issue(&claims());
    let end = claims().exp;
    assert!(keys().verify(token.expose_secret(), end + 5).is_ok());
    let late = keys().verify(token.expose_secret(), end + 6);
    assert_eq!(late, Err(TokenError::Expired));
    assert!(late.unwrap_err().is_expired());
    assert_eq!(keys().verify_signature_only(token.expose_secret()), Ok(claims()));
}

#[test]
fn the_beginning_has_a_minute_of_leeway() {
    for claim in ["nbf", "iat"] {
        let mut early = payload();
        early[claim] = json!(NOW + 60);
        assert!(keys().verify(&signed(&header(), &early), NOW).is_ok());
        early[claim] = json!(NOW + 61);
        assert_eq!(keys().verify(&signed(&header(), &early), NOW), Err(TokenError::NotYetValid), "{claim}");
    }
}

#[test]
fn a_text_that_is_not_a_token_is_malformed() {
    for text in ["", ".", "..", "...", "a.b.c", "eyJ9.e30.", "päckchen.ü.ö", &"a".repeat(MAX_BYTES + 1)] {
        assert_eq!(keys().verify(text, NOW), Err(TokenError::Malformed), "{text}");
    }
}

#[test]
fn a_token_never_outlives_its_session() {
    let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
    let minutes = |minutes: i64| now + time::Duration::minutes(minutes);
    assert_eq!(access_ttl(now, minutes(60 * 24)), Duration::from_secs(3600));
    assert_eq!(access_ttl(now, minutes(10)), Duration::from_secs(600));
    assert_eq!(access_ttl(now, minutes(-10)), Duration::ZERO);
}

proptest! {
    #[test]
    fn any_changed_byte_is_refused(at in any::<prop::sample::Index>(), flip in 1u8..128) {
        let token = keys().issue(&claims());
        let mut bytes = token.expose_secret().as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = (bytes[at] ^ flip) & 0x7f;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assume!(changed != token.expose_secret());
        prop_assert!(keys().verify(&changed, NOW).is_err());
    }

    #[test]
    fn any_claims_round_trip(id: i64, refresh_counter: u64, email in "\\PC{0,60}", scopes in prop::collection::vec("[a-z]{1,9}", 0..5)) {
        let claims = Claims { sub: id.to_string(), id, refresh_counter, email, scopes, ..claims() };
        let token = keys().issue(&claims);
        prop_assert_eq!(keys().verify(token.expose_secret(), NOW), Ok(claims));
    }

    #[test]
    fn no_text_makes_the_verifier_panic(text in "\\PC{0,80}(\\.\\PC{0,80}){0,3}") {
        prop_assert!(keys().verify(&text, NOW).is_err());
    }
}
