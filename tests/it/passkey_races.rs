//! Requests about passkeys at the same moment: several requests finish one ceremony, use a passkey and its copy, use a
//! passkey while it is removed, or remove two passkeys.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Answer, App, CookieClient, PasskeyAuthenticator, Session, eventually};

const ROUNDS: usize = 50;
const AT_ONCE: usize = 16;

/// A server that allows many ceremonies from one address, and many sessions of one user.
fn patient() -> App {
    App::with(|settings| {
        settings.address_limit_factor = 1_000;
        settings.sessions.per_user = 1_000;
    })
}

fn granted(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| matches!(answer.status, 200 | 201)).count()
}

#[tokio::test]
async fn one_ceremony_that_is_finished_sixteen_times_at_once_opens_one_session() {
    let app = patient();
    let mut authenticator = PasskeyAuthenticator::of(&app);
    app.register().await.open_session().await.add_passkey(&mut authenticator).await;
    let before = app.count("SELECT count(*) FROM sessions").await;
    for round in 0..ROUNDS {
        let client = CookieClient::of(&app);
        let ceremony = client.begin(&json!({})).await;
        let credential = authenticator.assert(&ceremony.options);
        let answers = join_all((0..AT_ONCE).map(|_| client.finish(&ceremony, &credential))).await;
        assert_eq!(granted(&answers), 1, "round {round}: {:?}", statuses(&answers));
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 401)), "round {round}");
    }
    let after = app.count("SELECT count(*) FROM sessions").await;
    assert_eq!(after - before, i64::try_from(ROUNDS).unwrap());
    assert_eq!(app.count(SUSPENDED).await, 0);
}

const SUSPENDED: &str = "SELECT count(*) FROM passkey_credentials WHERE suspended_at IS NOT NULL";

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

#[tokio::test]
async fn one_registration_that_is_finished_sixteen_times_at_once_creates_one_passkey() {
    let app = App::start();
    for round in 0..10 {
        let session = app.register().await.open_session().await;
        let ceremony = session.begin_registration().await;
        let credential = PasskeyAuthenticator::of(&app).register(&ceremony.options);
        let answers =
            join_all((0..AT_ONCE).map(|_| session.finish_registration(&ceremony, &credential))).await;
        assert_eq!(granted(&answers), 1, "round {round}: {:?}", statuses(&answers));
        assert!(answers.iter().all(|answer| answer.status < 500), "round {round}");
        assert_eq!(session.passkeys().await.len(), 1);
    }
}

#[tokio::test]
async fn one_step_up_that_is_finished_sixteen_times_at_once_succeeds_once() {
    let app = App::start();
    let mut authenticator = PasskeyAuthenticator::of(&app);
    let mut session = app.register().await.open_session().await;
    session.add_passkey(&mut authenticator).await;
    let ceremony = session.begin_step_up().await;
    let credential = authenticator.assert(&ceremony.options);
    let answers = join_all((0..AT_ONCE).map(|_| session.finish_step_up(&ceremony, &credential))).await;
    assert_eq!(granted(&answers), 1, "{:?}", statuses(&answers));
}

/// Two browsers use a passkey and its copy with the same counter, in two ceremonies.
#[tokio::test]
async fn a_passkey_and_its_copy_used_at_once_open_one_session_and_the_passkey_is_suspended() {
    let app = patient();
    for round in 0..10 {
        let mut authenticator = PasskeyAuthenticator::of(&app);
        let person = app.register().await;
        person.open_session().await.add_passkey(&mut authenticator).await;
        let (one, two) = (CookieClient::of(&app), CookieClient::of(&app));
        let (first, second) = (one.begin(&json!({})).await, two.begin(&json!({})).await);
        let original = authenticator.assert(&first.options);
        authenticator.keys[0].counter -= 1;
        let copy = authenticator.assert(&second.options);
        let (first, second) = tokio::join!(one.finish(&first, &original), two.finish(&second, &copy));
        let answers = [first, second];
        assert_eq!(granted(&answers), 1, "round {round}: {:?}", statuses(&answers));
        // The refused answer shows that a copy exists, even if both answers arrive at the same moment.
        assert_eq!(app.count(SUSPENDED).await, round + 1, "round {round}: {:?}", statuses(&answers));
    }
}

#[tokio::test]
async fn a_sign_in_during_the_removal_of_its_passkey_leaves_no_session() {
    let app = patient();
    for removal_first in [true, false] {
        let mut authenticator = PasskeyAuthenticator::of(&app);
        let person = app.register().await;
        let mut own = person.open_session().await;
        let id = own.add_passkey(&mut authenticator).await;
        let client = CookieClient::of(&app);
        let ceremony = client.begin(&json!({})).await;
        let credential = authenticator.assert(&ceremony.options);
        let path = format!("/api/v1/webauthn/credentials/{id}");
        let barrier = app.barrier_at_user(person.id).await;
        let (sign_in, removal) = (client.finish(&ceremony, &credential), own.delete(&path));
        let (answer, removed) = if removal_first {
            let (removed, answer) = barrier.in_order(removal, sign_in).await;
            (answer, removed)
        } else {
            barrier.in_order(sign_in, removal).await
        };
        removed.expect(200);
        if removal_first {
            answer.expect(401).problem();
        } else {
            let session = Session::granted(&person, &answer.expect(200));
            eventually("the session has ended", async || !session.works().await).await;
        }
        let live =
            format!("SELECT count(*) FROM sessions WHERE user_id = {} AND revoked_at IS NULL", person.id.0);
        assert_eq!(app.count(&live).await, 1, "the removal comes first: {removal_first}");
    }
}

#[tokio::test]
async fn removing_the_last_two_passkeys_at_once_leaves_one() {
    let app = App::start();
    let mut session = app.register().await.open_session().await;
    let one = session.add_passkey(&mut PasskeyAuthenticator::of(&app)).await;
    let two = session.add_passkey(&mut PasskeyAuthenticator::of(&app)).await;
    app.rows().await.batch_execute("UPDATE users SET password_hash = '!'").await.unwrap();
    let [one, two] = [one, two].map(|id| format!("/api/v1/webauthn/credentials/{id}"));
    let barrier = app.barrier_at_user(session.person.id).await;
    let (first, second) = barrier.in_order(session.delete(&one), session.delete(&two)).await;
    first.expect(200);
    assert_ne!(second.status, 200, "{}", second.text);
    let left: Vec<Value> = session.passkeys().await;
    assert_eq!(left.len(), 1);
}
