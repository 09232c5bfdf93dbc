//! The rules for tokens of external issuers, with tokens that the tests sign themselves.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::id::{Subject, UserId};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{token::claimed_issuer, *};

pub(super) const NOW: i64 = 1_800_000_000;
/// The longest permitted life of a token, in seconds.
pub(super) const LONGEST: i64 = 30 * 86_400;
pub(super) const SECRET: &str = "a secret that two parties share";

pub(super) fn rules(algorithms: &[Algorithm]) -> Rules {
    Rules {
        name: "corp".into(),
        algorithms: algorithms.to_vec(),
        issuer: None,
        audience: None,
        uses: vec![Use::Connection, Use::Subscription],
        user_prefix: "corp:".to_owned(),
        foreign_prefixes: Vec::new(),
    }
}

pub(super) fn compact(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

pub(super) fn shared(secret: &str, header: &Value, claims: &Value) -> String {
    compact(header, claims, |message| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message).as_ref().to_vec()
    })
}

fn hs256(claims: &Value) -> String {
    shared(SECRET, &json!({"alg": "HS256", "typ": "JWT"}), claims)
}

fn secret() -> KeySet {
    KeySet::shared(&[SecretString::from(SECRET)])
}

/// The result of checking the token with these keys and rules.
pub(super) fn judged(keys: &KeySet, rules: &Rules, token: &str) -> Result<OutsideConnection, TokenRefusal> {
    let token = Unverified::parse(token)?;
    if !rules.may_have_signed(&token, Use::Connection) || !keys.signed(&token) {
        return Err(TokenRefusal::Unsigned);
    }
    rules.connection(&token, NOW, LONGEST)
}

fn connection(claims: &Value) -> Result<OutsideConnection, TokenRefusal> {
    judged(&secret(), &rules(&[Algorithm::HS256]), &hs256(claims))
}

fn subscription(claims: &Value) -> Result<OutsideSubscription, TokenRefusal> {
    let token = hs256(claims);
    let token = Unverified::parse(&token)?;
    assert!(secret().signed(&token));
    rules(&[Algorithm::HS256]).subscription(&token, NOW, LONGEST)
}

#[test]
fn a_token_names_a_user_that_is_never_a_user_of_this_server() {
    let granted = connection(&json!({"sub": "42", "exp": NOW + 60, "iat": NOW, "jti": "t1"})).unwrap();
    assert_eq!(granted.subject, Subject::new("corp:42"));
    assert_ne!(granted.subject, Subject::from(UserId(42)));
    assert_eq!((granted.expires_at, granted.issued_at), (Some(NOW + 60), Some(NOW)));
    assert_eq!(granted.token_id.as_deref(), Some("t1"));
}

#[test]
fn an_issuer_without_a_prefix_names_users_unchanged() {
    let rules = Rules { user_prefix: String::new(), ..rules(&[Algorithm::HS256]) };
    let granted = judged(&secret(), &rules, &hs256(&json!({"sub": "42"}))).unwrap();
    assert_eq!((granted.subject, granted.expires_at), (Subject::new("42"), None));
}

#[test]
fn an_issuer_without_a_prefix_names_no_user_of_another_issuer() {
    let rules = Rules {
        user_prefix: String::new(),
        foreign_prefixes: vec!["id:".to_owned(), "corp:".to_owned()],
        ..rules(&[Algorithm::HS256])
    };
    let judged = |sub: &str| judged(&secret(), &rules, &hs256(&json!({"sub": sub})));
    assert_eq!(judged("corp:42").unwrap_err(), TokenRefusal::WrongClaims);
    assert_eq!(judged("corp").unwrap().subject, Subject::new("corp"));
}

#[test]
fn an_anonymous_user_stays_anonymous() {
    assert_eq!(connection(&json!({})).unwrap().subject, Subject::anonymous());
    assert_eq!(connection(&json!({"sub": ""})).unwrap().subject, Subject::anonymous());
}

#[test]
fn another_secret_is_refused() {
    let token = shared("another secret", &json!({"alg": "HS256"}), &json!({"sub": "1"}));
    assert_eq!(judged(&secret(), &rules(&[Algorithm::HS256]), &token), Err(TokenRefusal::Unsigned));
}

#[test]
fn an_older_secret_is_still_accepted() {
    let keys = KeySet::shared(&[SecretString::from("the newest one"), SecretString::from(SECRET)]);
    assert!(judged(&keys, &rules(&[Algorithm::HS256]), &hs256(&json!({"sub": "1"}))).is_ok());
}

#[test]
fn an_algorithm_that_is_not_configured_is_refused() {
    let token = hs256(&json!({"sub": "1"}));
    assert_eq!(judged(&secret(), &rules(&[Algorithm::HS384]), &token), Err(TokenRefusal::Unsigned));
}

#[test]
fn a_token_without_a_signature_is_refused() {
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let token = compact(&json!({"alg": alg}), &json!({"sub": "1"}), |_| Vec::new());
        assert_eq!(judged(&secret(), &rules(&[Algorithm::HS256]), &token), Err(TokenRefusal::Malformed));
    }
    let unsigned = compact(&json!({"alg": "HS256"}), &json!({"sub": "1"}), |_| Vec::new());
    assert_eq!(judged(&secret(), &rules(&[Algorithm::HS256]), &unsigned), Err(TokenRefusal::Malformed));
}

#[test]
fn the_time_is_checked_last() {
    assert!(connection(&json!({"sub": "1", "exp": NOW + 1})).is_ok());
    assert_eq!(connection(&json!({"sub": "1", "exp": NOW})), Err(TokenRefusal::Expired));
    assert_eq!(connection(&json!({"sub": "1", "nbf": NOW + 61})), Err(TokenRefusal::NotYetValid));
    assert_eq!(connection(&json!({"sub": "1", "iat": NOW + 61})), Err(TokenRefusal::NotYetValid));
    assert!(connection(&json!({"sub": "1", "nbf": NOW + 60, "iat": NOW + 60})).is_ok());
    // The claims of this token are wrong, and the token is expired, too.
    assert_eq!(connection(&json!({"sub": 1, "exp": NOW - 9})), Err(TokenRefusal::WrongClaims));
}

#[test]
fn a_connection_may_expire_at_another_time_than_its_token() {
    let claims = |expire_at: i64| json!({"sub": "1", "exp": NOW + 60, "expire_at": expire_at});
    assert_eq!(connection(&claims(0)).unwrap().expires_at, None);
    assert_eq!(connection(&claims(NOW + 900)).unwrap().expires_at, Some(NOW + 900));
    assert_eq!(connection(&claims(NOW - 1)), Err(TokenRefusal::Expired));
}

#[test]
fn a_token_for_one_use_is_refused_for_the_other() {
    let both = json!({"sub": "1", "channel": "chat:a"});
    assert_eq!(connection(&both), Err(TokenRefusal::WrongUse));
    assert_eq!(connection(&json!({"sub": "1", "channel": ""})), Err(TokenRefusal::WrongUse));
    assert!(subscription(&both).is_ok());
    assert_eq!(subscription(&json!({"sub": "1"})), Err(TokenRefusal::WrongUse));
    let only_connections = Rules { uses: vec![Use::Connection], ..rules(&[Algorithm::HS256]) };
    let token = hs256(&both);
    let token = Unverified::parse(&token).unwrap();
    assert_eq!(only_connections.subscription(&token, NOW, LONGEST), Err(TokenRefusal::Unsigned));
}

#[test]
fn a_token_of_another_issuer_or_for_another_audience_is_refused() {
    let rules = Rules {
        issuer: Some("https://id.corp".to_owned()),
        audience: Some("portcullis".to_owned()),
        ..rules(&[Algorithm::HS256])
    };
    let judged = |iss: Value, aud: Value| {
        judged(&secret(), &rules, &hs256(&json!({"sub": "1", "iss": iss, "aud": aud})))
    };
    assert!(judged(json!("https://id.corp"), json!("portcullis")).is_ok());
    assert!(judged(json!("https://id.corp"), json!(["other", "portcullis"])).is_ok());
    assert_eq!(judged(json!("https://id.corp"), json!("other")), Err(TokenRefusal::WrongClaims));
    assert_eq!(judged(json!("https://id.corp"), Value::Null), Err(TokenRefusal::WrongClaims));
    assert_eq!(judged(json!("https://evil"), json!("portcullis")), Err(TokenRefusal::Unsigned));
    assert_eq!(judged(Value::Null, json!("portcullis")), Err(TokenRefusal::Unsigned));
}

#[test]
fn extensions_that_must_be_understood_are_refused() {
    let token = shared(SECRET, &json!({"alg": "HS256", "crit": ["b64"], "b64": false}), &json!({"sub": "1"}));
    assert_eq!(judged(&secret(), &rules(&[Algorithm::HS256]), &token), Err(TokenRefusal::Malformed));
}

#[test]
fn a_token_that_is_too_long_is_refused_before_it_is_parsed() {
    let token = hs256(&json!({"sub": "1", "info": "x".repeat(token::MAX_BYTES)}));
    assert_eq!(Unverified::parse(&token).unwrap_err(), TokenRefusal::Malformed);
    assert_eq!(claimed_issuer(&token), None);
}

#[test]
fn names_that_cannot_be_stored_are_refused() {
    for sub in ["a\u{0}b".to_owned(), "line\nbreak".to_owned(), "x".repeat(251)] {
        assert_eq!(connection(&json!({ "sub": sub })), Err(TokenRefusal::WrongClaims));
    }
    assert!(connection(&json!({"sub": "x".repeat(250)})).is_ok());
    assert_eq!(connection(&json!({"sub": "1", "jti": "x".repeat(256)})), Err(TokenRefusal::WrongClaims));
}

#[test]
fn info_is_passed_on_unchanged() {
    let info = |claims: &Value| connection(claims).map(|granted| granted.info);
    let signed = info(&json!({"sub": "1", "info": {"name": "Ann", "n": 1}})).unwrap().unwrap();
    assert_eq!(signed.as_bytes(), br#"{"n":1,"name":"Ann"}"#);
    let encoded = info(&json!({"sub": "1", "b64info": "eyJhIjoxfQ=="})).unwrap().unwrap();
    assert_eq!(encoded.as_bytes(), br#"{"a":1}"#);
    assert_eq!(info(&json!({"sub": "1", "b64info": "?"})), Err(TokenRefusal::WrongClaims));
    assert_eq!(info(&json!({"sub": "1", "info": null})), Ok(None));
}

#[test]
fn meta_is_passed_on_unchanged_and_is_bounded() {
    let meta = |claims: &Value| connection(claims).map(|granted| granted.meta);
    let signed = meta(&json!({"sub": "1", "meta": {"plan": "gold"}})).unwrap().unwrap();
    assert_eq!(signed.as_bytes(), br#"{"plan":"gold"}"#);
    assert_eq!(meta(&json!({"sub": "1"})), Ok(None));
    // The two quotation marks count, too.
    assert!(meta(&json!({"sub": "1", "meta": "x".repeat(4094)})).is_ok());
    assert_eq!(meta(&json!({"sub": "1", "meta": "x".repeat(4095)})), Err(TokenRefusal::WrongClaims));
}

#[test]
fn a_token_lists_its_subscriptions() {
    let granted = connection(&json!({
        "sub": "1", "channels": ["news:a", "news:b"],
        "subs": {"news:b": {"data": {"x": 1}, "override": {"presence": {"value": true}, "join_leave": {}}}},
    }))
    .unwrap();
    let names: Vec<_> = granted.subscriptions.iter().map(|made| made.channel.as_str()).collect();
    assert_eq!(names, ["news:b", "news:a"]);
    let overrides = granted.subscriptions[0].overrides;
    assert_eq!(
        (overrides.presence, overrides.join_leave, overrides.force_recovery),
        (Some(true), Some(false), None)
    );
    let many: Vec<_> = (0..129).map(|n| format!("news:{n}")).collect();
    assert_eq!(connection(&json!({"sub": "1", "channels": many})), Err(TokenRefusal::WrongClaims));
    assert_eq!(connection(&json!({"sub": "1", "channels": ["\u{e9}"]})), Err(TokenRefusal::WrongClaims));
}

#[test]
fn a_null_claim_counts_as_absent() {
    let bare = connection(&json!({"sub": "1", "channels": ["news:a"]})).unwrap();
    for claim in
        ["iss", "aud", "exp", "nbf", "iat", "jti", "expire_at", "info", "b64info", "meta", "channel", "subs"]
    {
        let token = json!({"sub": "1", "channels": ["news:a"], claim: null});
        assert_eq!(connection(&token).as_ref(), Ok(&bare), "{claim}");
    }
    assert_eq!(connection(&json!({"sub": "1", "subs": {"news:a": null}})).as_ref(), Ok(&bare));
    assert_eq!(connection(&json!({"sub": "1", "subs": {"news:a": {"override": null}}})).as_ref(), Ok(&bare));
    assert_eq!(connection(&json!({"sub": "1", "channels": null})), connection(&json!({"sub": "1"})));
    assert_eq!(connection(&json!({"sub": null})), connection(&json!({})));
    let one = subscription(&json!({"sub": "1", "channel": "news:a"}));
    for claim in ["client", "override", "channels", "subs"] {
        assert_eq!(subscription(&json!({"sub": "1", "channel": "news:a", claim: null})), one, "{claim}");
    }
}

#[test]
fn a_subscription_is_for_one_user_in_one_channel() {
    let granted =
        subscription(&json!({"sub": "42", "channel": "$chat:a", "client": "c", "exp": NOW + 5})).unwrap();
    assert_eq!(granted.subject, Subject::new("corp:42"));
    assert_eq!((granted.channel.as_str(), granted.client.as_deref()), ("$chat:a", Some("c")));
    assert_eq!(subscription(&json!({"sub": "1", "channel": "a", "exp": NOW})), Err(TokenRefusal::Expired));
}

#[test]
fn the_parser_reads_the_token_of_rfc_7515() {
    // RFC 7515, appendix A.1: a token that was not made by these tests.
    let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                 eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                 dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let unverified = Unverified::parse(token).unwrap();
    assert_eq!(unverified.issuer(), Some("joe"));
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &URL_SAFE_NO_PAD.decode(key).unwrap());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    hmac::verify(&secret, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    assert_eq!(rules(&[Algorithm::HS256]).connection(&unverified, NOW, LONGEST), Err(TokenRefusal::Expired));
}

#[test]
fn a_token_that_may_outlive_its_denial_is_refused() {
    let with = |name: &str, value: i64| json!({"sub": "1", name: value});
    for name in ["exp", "expire_at"] {
        assert!(connection(&with(name, NOW + LONGEST)).is_ok(), "{name}");
        assert_eq!(connection(&with(name, NOW + LONGEST + 1)), Err(TokenRefusal::LivesTooLong), "{name}");
        // Milliseconds instead of seconds are beyond the year 9999.
        assert_eq!(connection(&with(name, NOW * 1000)), Err(TokenRefusal::WrongClaims), "{name}");
    }
    let never_ending = json!({"sub": "1", "exp": NOW + LONGEST + 1, "expire_at": 0});
    assert_eq!(connection(&never_ending), Err(TokenRefusal::LivesTooLong));
    let sooner = json!({"sub": "1", "exp": NOW + LONGEST + 1, "expire_at": NOW + 60});
    assert_eq!(connection(&sooner), Err(TokenRefusal::LivesTooLong));
    assert!(connection(&with("iat", NOW - LONGEST)).is_ok());
    assert_eq!(connection(&with("iat", NOW - LONGEST - 1)), Err(TokenRefusal::Expired));
    assert_eq!(connection(&with("iat", 0)), Err(TokenRefusal::Expired));
    let of_a_subscription = json!({"sub": "1", "channel": "a", "exp": NOW + LONGEST + 1});
    assert_eq!(subscription(&of_a_subscription), Err(TokenRefusal::LivesTooLong));
}

#[test]
fn only_the_name_of_the_wrong_claim_is_reported() {
    let rules = Rules { audience: Some("portcullis".to_owned()), ..rules(&[Algorithm::HS256]) };
    let suspect = |claims: Value, wanted: Use| {
        let token = hs256(&claims);
        let unverified = Unverified::parse(&token).unwrap();
        let refused = match wanted {
            Use::Connection => rules.connection(&unverified, NOW, LONGEST).err(),
            Use::Subscription => rules.subscription(&unverified, NOW, LONGEST).err(),
        };
        rules.suspect(&unverified, refused.expect("a refusal"), wanted, NOW, LONGEST)
    };
    let with = |name: &str, value: Value| {
        let mut claims = json!({"sub": "ann", "aud": "portcullis"});
        claims[name] = value;
        claims
    };
    for (claims, name) in [
        (with("sub", json!(42)), "sub"),
        (with("sub", json!("x".repeat(256))), "sub"),
        (with("aud", json!("other")), "aud"),
        (with("exp", json!("soon")), "exp"),
        (with("exp", json!(NOW - 1)), "exp"),
        (with("exp", json!(NOW + LONGEST + 1)), "exp"),
        (with("expire_at", json!(NOW - 1)), "expire_at"),
        (with("expire_at", json!(NOW + LONGEST + 1)), "expire_at"),
        (with("iat", json!(NOW - LONGEST - 1)), "iat"),
        (with("nbf", json!(NOW + 3600)), "nbf"),
        (with("iat", json!(NOW + 3600)), "iat"),
        (with("jti", json!(7)), "jti"),
        (with("b64info", json!("?")), "info"),
        (with("channels", json!(["\u{e9}"])), "channels"),
        (with("channel", json!("news")), "channel"),
    ] {
        assert_eq!(suspect(claims.clone(), Use::Connection), Some(name), "{claims}");
    }
    assert_eq!(suspect(with("client", json!("c")), Use::Subscription), Some("channel"));
}
