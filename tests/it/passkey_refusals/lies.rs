//! Authenticators and pages that send false data.

use serde_json::{Value, json};

use super::{owner, patient, refused_in_words, still_signs_in};
use crate::harness::{Answer, App, CookieClient, PasskeyAuthenticator, eventually};

type Lie = (&'static str, fn(&mut PasskeyAuthenticator));

/// False statements that are possible both in a registration and in a sign-in.
const LIES: [Lie; 5] = [
    ("the user is not verified", |liar| liar.verified = false),
    ("the user is not present", |liar| liar.present = false),
    ("the signature is for another relying party", |liar| {
        liar.relying_party = Some("localhost.evil.example".to_owned());
    }),
    ("the page is a frame in another site", |liar| liar.cross_origin = true),
    ("the ceremony is of another kind", |liar| liar.ceremony = Some("payment.get")),
];

/// Origins that differ from the server's origin. Most of them look like it.
fn look_alikes(app: &App) -> Vec<String> {
    let port = app.address().port();
    vec![
        "https://localhost.evil.example".to_owned(),
        format!("http://localhost.evil.example:{port}"),
        format!("http://evillocalhost:{port}"),
        "http://evillocalhost".to_owned(),
        format!("http://sub.localhost:{port}"),
        format!("https://localhost:{port}"),
        format!("http://localhost:{}", port ^ 1),
        "http://localhost:1".to_owned(),
        format!("http://localhost:{port}@evil.example"),
        format!("http://localhost:{port}.evil.example"),
        format!("http://127.0.0.1:{port}"),
        format!("ws://localhost:{port}"),
        "null".to_owned(),
        String::new(),
        "http://".to_owned(),
    ]
}

#[tokio::test]
async fn a_sign_in_with_a_false_statement_is_refused() {
    let app = patient();
    let (_, _, mut authenticator) = owner(&app).await;
    for (what, lie) in LIES {
        let keys = std::mem::take(&mut authenticator.keys);
        authenticator = PasskeyAuthenticator { keys, ..PasskeyAuthenticator::of(&app) };
        lie(&mut authenticator);
        let answer = CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text);
        refused_in_words(answer);
    }
    let noted = "SELECT count(*) FROM audit_events WHERE event = 'passkey.refused' AND outcome = 'failure'";
    let refused = i64::try_from(LIES.len()).unwrap();
    eventually("every refusal is recorded", async || app.count(noted).await == refused).await;
    still_signs_in(&app, &mut authenticator).await;
}

#[tokio::test]
async fn a_registration_with_a_false_statement_is_refused() {
    let app = patient();
    let mut session = app.register().await.open_session().await;
    for (what, lie) in LIES {
        let mut authenticator = PasskeyAuthenticator::of(&app);
        lie(&mut authenticator);
        let ceremony = session.begin_registration().await;
        let credential = authenticator.register(&ceremony.options);
        let answer = session.finish_registration(&ceremony, &credential).await;
        assert_ne!(answer.status, 201, "{what}");
        refused_in_words(answer);
    }
    assert_eq!(session.passkeys().await.len(), 0);
    session.add_passkey(&mut PasskeyAuthenticator::of(&app)).await;
}

#[tokio::test]
async fn a_sign_in_on_a_page_of_a_similar_origin_is_refused() {
    let app = patient();
    let (_, _, mut authenticator) = owner(&app).await;
    for origin in look_alikes(&app) {
        authenticator.origin.clone_from(&origin);
        let answer = CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await;
        assert!(matches!(answer.status, 401 | 403 | 422), "{origin}: {} {}", answer.status, answer.text);
        refused_in_words(answer);
    }
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);
    still_signs_in(&app, &mut authenticator).await;
}

#[tokio::test]
async fn a_registration_on_a_page_of_a_similar_origin_is_refused() {
    let app = patient();
    let person = app.register().await;
    for origin in look_alikes(&app) {
        let session = person.open_session().await;
        let mut authenticator =
            PasskeyAuthenticator { origin: origin.clone(), ..PasskeyAuthenticator::of(&app) };
        let ceremony = session.begin_registration().await;
        let credential = authenticator.register(&ceremony.options);
        let answer = session.finish_registration(&ceremony, &credential).await;
        assert!(matches!(answer.status, 401 | 403 | 422), "{origin}: {} {}", answer.status, answer.text);
        refused_in_words(answer);
    }
    assert_eq!(app.count("SELECT count(*) FROM passkey_credentials").await, 0);
}

#[tokio::test]
async fn the_refusal_of_a_wrong_origin_has_the_code_origin_not_allowed() {
    let app = patient();
    let (_, _, mut authenticator) = owner(&app).await;
    authenticator.origin = "https://localhost.evil.example".to_owned();
    let answer = CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await;
    assert_eq!(answer.code(), "origin_not_allowed", "{}", answer.text);
}

#[tokio::test]
async fn an_altered_answer_is_refused() {
    let app = patient();
    let (_, _, mut authenticator) = owner(&app).await;
    for part in ["clientDataJSON", "authenticatorData", "signature", "userHandle"] {
        let answer = altered(&app, &mut authenticator, part).await;
        assert!(matches!(answer.status, 401 | 422), "{part}: {} {}", answer.status, answer.text);
        refused_in_words(answer);
    }
    assert_eq!(app.count("SELECT count(*) FROM passkey_credentials WHERE suspended_at IS NOT NULL").await, 0);
    still_signs_in(&app, &mut authenticator).await;
}

/// Signs in with an answer in which one character of the field `part` is changed.
async fn altered(app: &App, authenticator: &mut PasskeyAuthenticator, part: &str) -> Answer {
    let client = CookieClient::of(app);
    let ceremony = client.begin(&json!({})).await;
    let mut credential = authenticator.assert(&ceremony.options);
    let field = &mut credential["response"][part];
    let text = field.as_str().expect("a text");
    let middle = text.len() / 2;
    let other = if &text[middle..=middle] == "A" { "B" } else { "A" };
    *field = Value::String(format!("{}{other}{}", &text[..middle], &text[middle + 1..]));
    client.finish(&ceremony, &credential).await
}

#[tokio::test]
async fn a_false_statement_does_not_reveal_whether_a_name_has_a_passkey() {
    let app = patient();
    let (person, _, mut authenticator) = owner(&app).await;
    for (what, lie) in LIES {
        let mut answers = Vec::new();
        for name in [person.email.as_str(), "nobody@example.com"] {
            let keys = std::mem::take(&mut authenticator.keys);
            authenticator = PasskeyAuthenticator { keys, ..PasskeyAuthenticator::of(&app) };
            lie(&mut authenticator);
            let client = CookieClient::of(&app);
            let ceremony = client.begin(&json!({"username": name})).await;
            let mut credential = authenticator.assert_with(0, &ceremony.options);
            // An attacker without the key can send an offered credential id, but no valid signature.
            for field in ["id", "rawId"] {
                credential[field] = ceremony.options["allowCredentials"][0]["id"].clone();
            }
            credential["response"]["signature"] = json!("AAAA");
            credential["response"]["userHandle"] = Value::Null;
            answers.push(client.finish(&ceremony, &credential).await.expect(401).problem());
        }
        assert_eq!(answers[0].code(), answers[1].code(), "{what}");
        assert_eq!(answers[0].body["detail"], answers[1].body["detail"], "{what}");
    }
}
