//! A signature counter that does not rise shows that there may be a copy of the passkey.

use serde_json::{Value, json};

use super::{owner, refused_in_words};
use crate::harness::{App, Closed, CookieClient, PasskeyAuthenticator, Session};

fn revoked() -> Closed {
    Closed { code: 4500, reason: "session revoked".to_owned() }
}

async fn events(app: &App, event: &str) -> Vec<(Option<i64>, String)> {
    let sql = "SELECT user_id, outcome FROM audit_events WHERE event = $1 ORDER BY seq";
    let rows = app.rows().await.query(sql, &[&event]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Uses the passkey twice, and then a copy from before these uses.
async fn use_a_copy(app: &App, authenticator: &mut PasskeyAuthenticator) -> crate::harness::Answer {
    for _ in 0..2 {
        CookieClient::of(app).sign_in(authenticator, &json!({})).await.expect(200);
    }
    authenticator.keys[0].counter = 1;
    CookieClient::of(app).sign_in(authenticator, &json!({})).await
}

#[tokio::test]
async fn a_copied_passkey_ends_all_sessions_of_its_user_only() {
    let app = App::start();
    let (person, session, mut authenticator) = owner(&app).await;
    let (_, stranger, mut theirs) = owner(&app).await;
    let other = person.open_session().await;
    let (mut one, mut two, mut kept) =
        (session.connect().await, other.connect().await, stranger.connect().await);
    refused_in_words(use_a_copy(&app, &mut authenticator).await.expect(401));
    assert_eq!((one.closed().await, two.closed().await), (revoked(), revoked()));
    assert!(!session.works().await && !other.works().await);
    assert!(kept.is_undisturbed().await && stranger.works().await);
    assert_eq!(events(&app, "credential.clone_suspected").await.len(), 1);
    assert_eq!(events(&app, "credential.clone_suspected").await[0].0, Some(person.id.0));
    let live =
        format!("SELECT count(*) FROM sessions WHERE user_id = {} AND revoked_at IS NULL", person.id.0);
    assert_eq!(app.count(&live).await, 0);
    CookieClient::of(&app).sign_in(&mut theirs, &json!({})).await.expect(200);
}

#[tokio::test]
async fn a_copied_passkey_is_refused_from_then_on() {
    let app = App::start();
    let (person, _, mut authenticator) = owner(&app).await;
    let refusal = refused_in_words(use_a_copy(&app, &mut authenticator).await.expect(401));
    assert!(refusal.text_of("detail").contains("copied"), "{}", refusal.text);
    authenticator.keys[0].counter = 1_000;
    for how in [json!({}), json!({"username": person.email})] {
        let client = CookieClient::of(&app);
        let ceremony = client.begin(&how).await;
        let credential = authenticator.assert_with(0, &ceremony.options);
        refused_in_words(client.finish(&ceremony, &credential).await.expect(401));
    }
}

#[tokio::test]
async fn an_account_with_a_suspended_passkey_still_requires_a_second_factor() {
    let app = App::start();
    let (person, mut session, mut authenticator) = owner(&app).await;
    let code = session.backup_codes().await.remove(0);
    refused_in_words(use_a_copy(&app, &mut authenticator).await.expect(401));
    let client = CookieClient::of(&app);
    let asked = client.try_password(&person).await.expect(200);
    assert_eq!(
        (&asked.body["status"], &asked.body["methods"]),
        (&json!("2fa_required"), &json!(["backup_code"]))
    );
    // The user can sign in with a backup code, and remove the passkey.
    let answer = json!({"challenge_id": asked.body["challenge_id"], "backup_code": code});
    let session =
        Session::granted(&person, &client.post("/api/v1/auth/2fa/verify", &answer).await.expect(200));
    let listed = session.passkeys().await;
    assert_eq!((listed.len(), &listed[0]["suspended"]), (1, &json!(true)));
    let path = format!("/api/v1/webauthn/credentials/{}", text(&listed[0]["id"]));
    session.delete(&path).await.expect(200);
    CookieClient::of(&app).try_password(&person).await.expect(200).text_of("access_token");
}

#[tokio::test]
async fn a_reset_of_factors_lets_a_user_without_usable_factors_sign_in() {
    let app = App::start();
    let (person, session, mut authenticator) = owner(&app).await;
    refused_in_words(use_a_copy(&app, &mut authenticator).await.expect(401));
    let asked = CookieClient::of(&app).try_password(&person).await.expect(200);
    assert_eq!((&asked.body["status"], &asked.body["methods"]), (&json!("2fa_required"), &json!([])));
    app.reset_factors(person.id).await;
    CookieClient::of(&app).try_password(&person).await.expect(200).text_of("access_token");
    assert!(!session.works().await);
    assert_eq!(app.count("SELECT count(*) FROM passkey_credentials").await, 0);
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[tokio::test]
async fn a_copy_in_a_step_up_ends_the_session_that_used_it() {
    let app = App::start();
    let (_, session, mut authenticator) = owner(&app).await;
    let mut socket = session.connect().await;
    CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await.expect(200);
    authenticator.keys[0].counter = 0;
    let ceremony = session.begin_step_up().await;
    let credential = authenticator.assert(&ceremony.options);
    refused_in_words(session.finish_step_up(&ceremony, &credential).await.expect(401));
    assert_eq!(socket.closed().await, revoked());
    assert!(!session.works().await);
    assert_eq!(events(&app, "credential.clone_suspected").await.len(), 1);
}

#[tokio::test]
async fn answers_of_one_authenticator_that_arrive_in_another_order_are_not_taken_for_a_copy() {
    let app = App::start();
    let (person, session, mut authenticator) = owner(&app).await;
    let (first, second) = (CookieClient::of(&app), CookieClient::of(&app));
    let (one, two) = (first.begin(&json!({})).await, second.begin(&json!({"username": person.email})).await);
    let signed_first = authenticator.assert(&one.options);
    let signed_second = authenticator.assert(&two.options);
    second.finish(&two, &signed_second).await.expect(200);
    first.finish(&one, &signed_first).await.refused(401, "passkey_refused");
    assert!(session.works().await);
    assert_eq!(events(&app, "credential.clone_suspected").await.len(), 0);
    CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await.expect(200);
}

#[tokio::test]
async fn a_copy_that_answers_an_older_ceremony_is_refused_and_detected_at_its_next_use() {
    let app = App::start();
    let (_, session, mut authenticator) = owner(&app).await;
    CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await.expect(200);
    let client = CookieClient::of(&app);
    let older = client.begin(&json!({})).await;
    let counter = authenticator.keys[0].counter;
    for _ in 0..2 {
        CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await.expect(200);
    }
    authenticator.keys[0].counter = counter;
    client.finish(&older, &authenticator.assert(&older.options)).await.refused(401, "passkey_refused");
    assert!(session.works().await);
    let answer = CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await;
    answer.refused(401, "passkey_suspended");
    assert!(!session.works().await);
}

#[tokio::test]
async fn a_forged_signature_with_an_old_counter_does_not_suspend_the_passkey() {
    let app = App::start();
    let (_, mut session, mut authenticator) = owner(&app).await;
    CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await.expect(200);
    let client = CookieClient::of(&app);
    let ceremony = client.begin(&json!({})).await;
    authenticator.keys[0].counter = 0;
    let mut credential = authenticator.assert(&ceremony.options);
    let mut other = PasskeyAuthenticator::of(&app);
    session.add_passkey(&mut other).await;
    credential["response"]["signature"] = other.assert(&ceremony.options)["response"]["signature"].clone();
    refused_in_words(client.finish(&ceremony, &credential).await.expect(401));
    assert!(session.works().await);
    assert_eq!(events(&app, "credential.clone_suspected").await.len(), 0);
}

/// A passkey and its copy with the same counter answer two step-ups at the same moment. Both answers are judged before
/// one of them is spent.
#[tokio::test]
async fn a_copy_that_steps_up_at_the_same_moment_is_detected() {
    let app = App::start();
    let (person, session, mut authenticator) = owner(&app).await;
    let other = person.open_session().await;
    let (first, second) = (session.begin_step_up().await, other.begin_step_up().await);
    let original = authenticator.assert(&first.options);
    authenticator.keys[0].counter -= 1;
    let copy = authenticator.assert(&second.options);
    let barrier = app.barrier_at_user(person.id).await;
    let (one, two) = barrier
        .in_order(session.finish_step_up(&first, &original), other.finish_step_up(&second, &copy))
        .await;
    one.expect(200);
    two.refused(401, "passkey_suspended");
    assert!(!session.works().await && !other.works().await);
    assert_eq!(events(&app, "credential.clone_suspected").await.len(), 1);
}
