//! The settings of issuers: valid settings, and the messages about mistakes.

use super::*;

fn configured(text: &str) -> Result<Vec<IssuerSettings>, Vec<String>> {
    let strict = Strictness { secret_bytes: 8, plain_loopback: false };
    parse(text, strict, &mut |path, _| Err(format!("{path}: no such file")))
}

#[test]
fn an_issuer_needs_only_a_few_fields() {
    let text = r#"[{"name":"corp","keys":{"hmac":["a good secret"]},"algorithms":["HS256"]},
                   {"name":"id","keys":{"jwks_url":"https://id.example/keys"},"algorithms":["RS256","EdDSA"],
                    "issuer":"https://id.example","uses":["connection"],"user_prefix":""}]"#;
    let issuers = configured(text).unwrap();
    assert_eq!(issuers[0].rules.user_prefix, "corp:");
    assert_eq!(issuers[0].rules.uses, [Use::Connection, Use::Subscription]);
    assert_eq!(issuers[1].rules.user_prefix, "");
    assert!(!format!("{issuers:?}").contains("good secret"));
}

#[test]
fn every_mistake_is_reported_without_secrets() {
    let text = r#"[{"name":"a b","keys":{"hmac":["hush"]},"algorithms":["HS256","none"]},
                   {"name":"c","keys":{"jwks_url":"http://id.example"},"algorithms":["HS256"],"user_prefix":"7"},
                   {"name":"d","keys":{"jwks_file":"/nowhere"},"algorithms":[],"uses":["everything"]},
                   {"name":"e","keys":{"jwks_url":"https://u:p@id.example"},"algorithms":["ES512"]},
                   {"name":"f","secret":"hush"}]"#;
    let problems = configured(text).unwrap_err();
    let reported = problems.join("\n");
    for expected in [
        "issuer 1: `name`",
        "issuer 1: `algorithms`",
        "issuer 1: a secret is shorter than 8",
        "issuer 2: `HS256` does not fit",
        "issuer 2: `user_prefix`",
        "issuer 2: `jwks_url`",
        "issuer 3: `algorithms` is empty",
        "issuer 3: `uses`",
        "issuer 3: /nowhere",
        "issuer 4: `jwks_url`",
        "issuer 5: it must have",
    ] {
        assert!(reported.contains(expected), "{expected} in\n{reported}");
    }
    assert!(!reported.contains("hush"));
    assert!(configured("{").unwrap_err()[0].contains("not a JSON array"));
}

#[test]
fn an_unusable_file_of_authorities_is_reported() {
    let reported = |keys: &str, content: &str| {
        let text = format!(r#"[{{"name":"id","keys":{keys},"algorithms":["ES256"],"ca_file":"/ca.pem"}}]"#);
        let strict = Strictness { secret_bytes: 8, plain_loopback: true };
        parse(&text, strict, &mut |_, _| Ok(content.to_owned())).unwrap_err().join(", ")
    };
    let over_tls = r#"{"jwks_url":"https://id.example/keys"}"#;
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(reported(over_tls, ""), "issuer 1: /ca.pem: the file has no certificate in PEM form");
    assert_eq!(
        reported(over_tls, broken),
        "issuer 1: /ca.pem: a certificate cannot be read, or cannot be used as an authority"
    );
    assert!(reported(r#"{"jwks_url":"http://localhost/keys"}"#, "").contains("`ca_file` is allowed only"));
    assert!(reported(r#"{"jwks_file":"/keys"}"#, "").contains("`ca_file` is allowed only"));
}

#[test]
fn a_public_address_is_asked_for_only_with_a_url_that_may_have_one() {
    let issuer = |keys: &str| {
        configured(&format!(
            r#"[{{"name":"id","keys":{keys},"algorithms":["ES256"],"public_address":true}}]"#
        ))
    };
    let with_url = |url: &str| issuer(&format!(r#"{{"jwks_url":"{url}"}}"#));
    for url in ["https://id.example/keys", "https://1.1.1.1/keys", "https://[2606:4700::1111]/keys"] {
        let issuers = with_url(url).unwrap();
        assert!(matches!(issuers[0].keys, KeySource::Url { public_only: true, .. }), "{url}");
    }
    for url in ["https://10.0.0.1/keys", "https://127.1/keys", "https://[::ffff:192.168.0.1]/keys"] {
        assert!(with_url(url).unwrap_err()[0].contains("has an inner address"), "{url}");
    }
    assert!(issuer(r#"{"jwks_file":"/keys"}"#).unwrap_err()[0].contains("only with a `jwks_url`"));
}

#[test]
fn issuers_with_users_that_could_be_confused_are_refused() {
    let issuer = |name: &str, prefix: &str| {
        format!(
            r#"{{"name":"{name}","keys":{{"hmac":["a good secret"]}},"algorithms":["HS256"],"user_prefix":"{prefix}"}}"#
        )
    };
    let two = |a: String, b: String| configured(&format!("[{a},{b}]"));
    assert!(two(issuer("a", "x:"), issuer("b", "x:y:")).is_err());
    assert!(two(issuer("a", "x:"), issuer("a", "z:")).is_err());
    assert!(two(issuer("a", "x:"), issuer("b", "x:")).is_ok());
    let reserved = two(issuer("a", ""), issuer("b", "x:")).unwrap();
    assert_eq!(reserved[0].rules.foreign_prefixes, ["x:"]);
    assert_eq!(reserved[1].rules.foreign_prefixes, [""; 0]);
}
