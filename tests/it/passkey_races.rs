//! Several requests use one passkey at the same moment: only one of them succeeds.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Answer, App, CookieClient, PasskeyAuthenticator, Session, eventually};

const ROUNDS: usize = 50;
const AT_ONCE: usize = 16;

/// A server that allows many ceremonies from one address.
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
async fn of_sixteen_that_finish_one_ceremony_at_once_one_is_signed_in() {
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
    assert_eq!(app.count(CLONES).await, 0);
}

const CLONES: &str = "SELECT count(*) FROM passkey_credentials WHERE suspended_at IS NOT NULL";

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

#[tokio::test]
async fn of_sixteen_that_finish_one_registration_at_once_one_makes_a_passkey() {
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
async fn of_sixteen_that_finish_one_step_up_at_once_one_is_privileged() {
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
async fn of_a_passkey_and_its_copy_used_at_once_one_is_signed_in_and_both_are_noticed() {
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
        // Even if both arrive at the same moment, the failed one shows that a copy exists.
        assert_eq!(app.count(CLONES).await, round + 1, "round {round}: {:?}", statuses(&answers));
    }
}

#[tokio::test]
async fn a_sign_in_against_the_removal_of_its_passkey_leaves_no_session() {
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
async fn of_two_that_remove_the_last_two_passkeys_at_once_one_does() {
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
