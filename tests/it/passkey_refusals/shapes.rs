//! Malformed WebAuthn JSON, which no browser sends: it never causes a server error, and each refusal is a problem document.

use serde_json::{Value, json};

use super::{owner, patient, refused_in_words, still_signs_in};
use crate::harness::{Ceremony, CookieClient, PasskeyAuthenticator};

/// Unusual values in place of a Base64 text: values of other types, texts that are not Base64, and Base64 of unusual bytes.
fn unusual_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(0),
        json!(-1.5),
        json!(true),
        json!([]),
        json!({}),
        json!([1, 2, 3]),
        json!(""),
        json!("AAAA"),
        json!("not base64 at all!"),
        json!("\u{0}\u{ffff}é"),
        json!("gA"),
        json!("oA"),
        json!("v_____8"),
        json!("A".repeat(20_000)),
        // CBOR of deeply nested maps, and of a text with a stated length beyond the memory.
        json!("oaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGh"),
        json!("e____________w"),
    ]
}

/// Copies of the credential with one field missing or with an unusual value, and values that are no credential at all.
fn malformed(credential: &Value, parts: &[&str]) -> Vec<Value> {
    let mut all = Vec::new();
    for field in ["id", "rawId", "type", "response", "clientExtensionResults"] {
        let mut without = credential.clone();
        without.as_object_mut().expect("an object").remove(field);
        all.push(without);
        all.extend(unusual_values().into_iter().map(|odd| {
            let mut with = credential.clone();
            with[field] = odd;
            with
        }));
    }
    for part in parts {
        let mut without = credential.clone();
        without["response"].as_object_mut().expect("an object").remove(*part);
        all.push(without);
        all.extend(unusual_values().into_iter().map(|odd| {
            let mut with = credential.clone();
            with["response"][*part] = odd;
            with
        }));
    }
    all.extend([Value::Null, json!([]), json!("text"), json!(7), json!({})]);
    all
}

/// Checks that the answer is no server error. The server may accept the credential, because it does not read every field; a
/// refusal must be in words that users understand.
#[track_caller]
fn assert_no_server_error(answer: crate::harness::Answer, sent: &Value) {
    assert!(answer.status < 500, "{} {}: {sent}", answer.status, answer.text);
    if answer.status >= 300 {
        refused_in_words(answer);
    }
}

#[tokio::test]
async fn a_malformed_sign_in_causes_no_server_error() {
    let app = patient();
    let (_, _, mut authenticator) = owner(&app).await;
    let sample = authenticator.assert(&json!({"rpId": "localhost", "challenge": "AAAA"}));
    let count = malformed(&sample, &FIELDS_OF_AN_ASSERTION).len();
    for index in 0..count {
        let client = CookieClient::of(&app);
        let ceremony = client.begin(&json!({})).await;
        let credential = authenticator.assert(&ceremony.options);
        let odd = malformed(&credential, &FIELDS_OF_AN_ASSERTION).swap_remove(index);
        assert_no_server_error(client.finish(&ceremony, &odd).await, &odd);
    }
    still_signs_in(&app, &mut authenticator).await;
}

const FIELDS_OF_AN_ASSERTION: [&str; 4] = ["clientDataJSON", "authenticatorData", "signature", "userHandle"];
const FIELDS_OF_A_REGISTRATION: [&str; 3] = ["clientDataJSON", "attestationObject", "transports"];

#[tokio::test]
async fn a_malformed_registration_causes_no_server_error() {
    let app = patient();
    let person = app.register().await;
    let sample = PasskeyAuthenticator::of(&app).register(&json!({
        "rp": {"id": "localhost"}, "user": {"id": "AAAA"}, "challenge": "AAAA"
    }));
    let mut session = person.open_session().await;
    for index in 0..malformed(&sample, &FIELDS_OF_A_REGISTRATION).len() {
        if index % 8 == 7 {
            session = person.open_session().await;
        }
        let ceremony = session.begin_registration().await;
        let credential = PasskeyAuthenticator::of(&app).register(&ceremony.options);
        let odd = malformed(&credential, &FIELDS_OF_A_REGISTRATION).swap_remove(index);
        let answer = session.finish_registration(&ceremony, &odd).await;
        if answer.status == 201 {
            session.adopt(&answer);
        }
        assert_no_server_error(answer, &odd);
        app.rows().await.batch_execute("DELETE FROM passkey_credentials").await.unwrap();
    }
    session.add_passkey(&mut PasskeyAuthenticator::of(&app)).await;
}

#[tokio::test]
async fn a_malformed_request_causes_no_server_error() {
    let app = patient();
    let session = app.register().await.open_session().await;
    for path in ["login/begin", "login/finish", "register/begin", "register/finish"] {
        for body in unusual_bodies() {
            let path = format!("/api/v1/webauthn/{path}");
            assert_no_server_error(CookieClient::of(&app).post(&path, &body).await, &body);
            assert_no_server_error(session.post(&path, &body).await, &body);
        }
    }
    assert!(session.works().await);
}

fn unusual_bodies() -> Vec<Value> {
    let id = uuid::Uuid::nil();
    let mut bodies = vec![
        Value::Null,
        json!([]),
        json!("text"),
        json!({"username": 7}),
        json!({"username": ""}),
        json!({"username": "\u{0}"}),
        json!({"username": "x".repeat(10_000)}),
        json!({"username": "a@example.com", "step_up": true}),
        json!({"challenge_id": "nonsense"}),
        json!({"challenge_id": id}),
        json!({"challenge_id": id, "username": "a@example.com"}),
        json!({"step_up": false}),
        json!({"step_up": "yes"}),
        json!({"surprise": 1}),
        json!({"ceremony_id": id}),
        json!({"ceremony_id": id, "credential": {}}),
        json!({"ceremony_id": 1, "credential": null}),
        json!({"ceremony_id": id, "credential": {}, "name": "\n"}),
    ];
    bodies.extend(unusual_values());
    bodies
}

#[tokio::test]
async fn a_malformed_credential_has_its_own_problem_code() {
    let app = patient();
    let session = app.register().await.open_session().await;
    let client = CookieClient::of(&app);
    let sign_in: Ceremony = client.begin(&json!({})).await;
    client.finish(&sign_in, &json!({"id": 1})).await.refused(422, "malformed_credential");
    let registration = session.begin_registration().await;
    let answer = session.finish_registration(&registration, &json!({"id": 1})).await;
    answer.refused(422, "malformed_credential");
}
