//! Second factors and trust: backup codes, trusted devices, sealed secrets, and the sockets that a change of factors closes.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;

use crate::harness::{Answer, App, PASSWORD, Person, Session, fresh_database};

const WRONG: &str = "invalid_second_factor";
const DAY: Duration = Duration::from_secs(86_400);

/// The cookie of a device that becomes trusted at a sign-in with this code.
async fn trusted_device(person: &Person, code: &str) -> String {
    person.begin_sign_in().await.finish_trusting(code).await.device
}

/// Whether the password alone is enough on this device.
async fn is_trusted(person: &Person, device: &str) -> bool {
    asks_nothing(&person.try_password_on(PASSWORD, Some(device)).await.expect(200))
}

/// Whether this answer to a password opens a session without a second factor.
fn asks_nothing(answer: &Answer) -> bool {
    answer.body["access_token"].is_string()
}

#[tokio::test]
async fn each_backup_code_is_accepted_once_in_any_spelling() {
    let app = App::start();
    let mut session = app.register().await.open_session().await;
    session.post("/api/v1/2fa/backup-codes", &json!({})).await.refused(409, "no_second_factor");
    session.enable_totp().await;
    let codes = session.backup_codes().await;
    assert_eq!(codes.len(), 10);
    let typed = codes[0].replace('-', " ").to_uppercase();
    let person = session.person.clone();
    let offered = person.try_password(PASSWORD).await.expect(200);
    assert_eq!(offered.body["methods"], json!(["totp", "backup_code"]));
    person.begin_sign_in().await.answer(json!({"backup_code": typed})).await.expect(200);
    person.begin_sign_in().await.answer(json!({"backup_code": codes[0]})).await.refused(401, WRONG);
    assert_eq!(session.get("/api/v1/2fa").await.expect(200).body["backup_codes"], 9);
    let fresh = session.backup_codes().await;
    person.begin_sign_in().await.answer(json!({"backup_code": codes[1]})).await.refused(401, WRONG);
    person.begin_sign_in().await.answer(json!({"backup_code": fresh[0]})).await.expect(200);
}

#[tokio::test]
async fn a_backup_code_of_another_user_is_refused() {
    let app = App::start();
    let (mut ada, mut bob) =
        (app.register().await.open_session().await, app.register().await.open_session().await);
    ada.enable_totp().await;
    bob.enable_totp().await;
    let code = ada.backup_codes().await.remove(0);
    bob.backup_codes().await;
    bob.person.begin_sign_in().await.answer(json!({"backup_code": code})).await.refused(401, WRONG);
    ada.person.begin_sign_in().await.answer(json!({"backup_code": code})).await.expect(200);
}

#[tokio::test]
async fn removing_the_last_other_factor_deletes_the_backup_codes() {
    let app = App::start();
    let mut session = app.register().await.open_session().await;
    session.enable_totp().await;
    session.backup_codes().await;
    let removed = session.delete("/api/v1/2fa/totp").await.expect(200);
    session.adopt(&removed);
    session.delete("/api/v1/2fa/totp").await.refused(404, "not_found");
    let held = session.get("/api/v1/2fa").await.expect(200).body;
    assert_eq!(held, json!({"totp": null, "backup_codes": 0, "passkeys": 0}));
    assert!(asks_nothing(&session.person.try_password(PASSWORD).await.expect(200)));
}

#[tokio::test]
async fn a_second_factor_makes_only_its_own_device_trusted_for_thirty_days() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let device = trusted_device(&person, &totp.code()).await;
    assert!(is_trusted(&person, &device).await);
    person.begin_sign_in().await;
    let altered = device.replace(|c: char| c.is_ascii_digit(), "0");
    person.begin_sign_in_on(Some(&altered)).await;
    app.advance(31 * DAY);
    person.begin_sign_in_on(Some(&device)).await;
}

#[tokio::test]
async fn a_device_is_trusted_only_on_request() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let device = person.begin_sign_in().await.finish(&totp.code()).await.device;
    person.begin_sign_in_on(Some(&device)).await;
}

#[tokio::test]
async fn trust_in_a_device_does_not_count_for_another_user() {
    let app = App::start();
    let (ada, bob) = (app.register().await, app.register().await);
    let (totp, _) = (ada.enable_totp().await, bob.enable_totp().await);
    let device = trusted_device(&ada, &totp.code()).await;
    bob.begin_sign_in_on(Some(&device)).await;
}

#[tokio::test]
async fn a_change_of_factors_ends_the_trust_in_devices() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let device = trusted_device(&person, &totp.code()).await;
    person.open_session().await.backup_codes().await;
    assert!(!is_trusted(&person, &device).await);
}

#[tokio::test]
async fn a_new_password_ends_the_trust_in_devices() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let device = trusted_device(&person, &totp.code()).await;
    app.reset_password(person.id, PASSWORD).await;
    assert!(!is_trusted(&person, &device).await);
}

/// Checks the effect of a change of factors: the sockets of the user's other sessions close, and those of other users stay
/// open. With `before`, the user has an authenticator app before the change.
async fn closes_the_others(before: bool, change: impl AsyncFn(&mut Session)) {
    let app = App::start();
    let person = app.register().await;
    let mut session = person.open_session().await;
    if before {
        session.enable_totp().await;
    }
    let (other, stranger) = (person.open_session().await, app.register().await.open_session().await);
    let mut theirs = [other.connect().await, other.connect_by_command().await];
    let mut kept = [session.connect().await, stranger.connect().await];
    change(&mut session).await;
    for socket in &mut theirs {
        let closed = socket.closed().await;
        assert_eq!((closed.code, closed.reason.as_str()), (4500, "session revoked"));
    }
    for socket in &mut kept {
        assert!(socket.is_undisturbed().await);
    }
    assert!(!other.works().await && session.works().await && stranger.works().await);
}

#[tokio::test]
async fn adding_an_authenticator_app_closes_the_users_other_sockets() {
    closes_the_others(false, async |session| drop(session.enable_totp().await)).await;
}

#[tokio::test]
async fn removing_an_authenticator_app_closes_the_users_other_sockets() {
    closes_the_others(true, async |session| {
        let removed = session.delete("/api/v1/2fa/totp").await.expect(200);
        assert_eq!((&removed.body["sessions"], &removed.body["sockets_closed"]), (&json!(1), &json!(2)));
    })
    .await;
}

#[tokio::test]
async fn new_backup_codes_close_the_users_other_sockets() {
    closes_the_others(true, async |session| drop(session.backup_codes().await)).await;
}

#[tokio::test]
async fn a_sealed_secret_in_another_users_row_cannot_be_opened() {
    let app = App::start();
    let (ada, bob) = (app.register().await, app.register().await);
    let (totp, _) = (ada.enable_totp().await, bob.enable_totp().await);
    let sql = "UPDATE user_two_factor b SET secret = a.secret, key_id = a.key_id FROM user_two_factor a
               WHERE a.user_id = $1 AND b.user_id = $2";
    assert_eq!(app.rows().await.execute(sql, &[&ada.id.0, &bob.id.0]).await.unwrap(), 1);
    bob.begin_sign_in().await.totp(&totp.code()).await.refused(500, "internal");
    ada.begin_sign_in().await.finish(&totp.code()).await;
}

#[tokio::test]
async fn a_secret_sealed_with_a_previous_key_is_opened_and_sealed_again() {
    let database = fresh_database();
    let old = App::over(database.clone(), |_| {});
    let person = old.register().await;
    let mut session = person.open_session().await;
    let totp = session.enable_totp().await;
    let codes = session.backup_codes().await;
    let key = || SecretString::from("the data key that came after it".to_owned());
    let rotated = App::over(database.clone(), |settings| {
        let ring = &mut settings.secrets.data_encryption;
        let before = std::mem::replace(&mut ring.current, key());
        ring.previous.push(before.into());
    });
    let here = Person { app: rotated.clone(), ..person.clone() };
    here.begin_sign_in().await.answer(json!({"backup_code": codes[0]})).await.expect(200);
    let sealed = "SELECT count(DISTINCT key_id) FROM user_two_factor WHERE key_id = ";
    let name = rotated.rows().await.query_one("SELECT key_id FROM user_two_factor", &[]).await.unwrap();
    let name: String = name.get(0);
    assert_eq!(rotated.count(&format!("{sealed}'{name}'")).await, 1, "no code of the app was used yet");
    here.begin_sign_in().await.finish(&totp.for_server(&rotated).code()).await;
    assert_eq!(rotated.count(&format!("{sealed}'{name}'")).await, 0, "sealed again with the new key");
    let retired = App::over(database, |settings| settings.secrets.data_encryption.current = key());
    let there = Person { app: retired.clone(), ..person.clone() };
    let totp = totp.for_server(&retired);
    there.begin_sign_in().await.finish(&totp.code_at(totp.step() + 1)).await;
}

#[tokio::test]
async fn a_sign_in_without_a_second_factor_on_a_trusted_device_has_no_privilege() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let device = trusted_device(&person, &totp.code()).await;
    let answer = person.try_password_on(PASSWORD, Some(&device)).await.expect(200);
    let session = Session::granted(&person, &answer);
    session.delete("/api/v1/2fa/totp").await.refused(403, "step_up_required");
    let proof = json!({"totp": totp.code_at(totp.step() + 1)});
    let stepped_up = session.renewed_by(&session.step_up_with(proof).await.expect(200));
    stepped_up.delete("/api/v1/2fa/totp").await.expect(200);
}
