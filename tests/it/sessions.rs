//! The sessions of a user: listing them, ending them, and their expiry.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::harness::{App, Ask, Closed, Forgery, Session, eventually};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

fn signed_out() -> Closed {
    Closed { code: 4501, reason: "signed out".to_owned() }
}

#[tokio::test]
async fn the_list_shows_the_sessions_of_the_user_and_their_open_connections() {
    let app = App::start();
    let person = app.register().await;
    let (one, two) = (person.sign_in().await, person.sign_in().await);
    app.register().await.sign_in().await;
    let _sockets = (two.connect().await, two.connect().await);
    let answer = one.get("/api/v1/sessions").await.expect(200);
    let sessions = answer.body["sessions"].as_array().expect("a list");
    let of = |id: &Session| {
        sessions.iter().find(|session| session["id"] == id.id.to_string()).expect("the session")
    };
    assert_eq!(sessions.len(), 2);
    assert_eq!((&of(&one)["current"], &of(&one)["open_connections"]), (&json!(true), &json!(0)));
    assert_eq!((&of(&two)["current"], &of(&two)["open_connections"]), (&json!(false), &json!(2)));
}

#[tokio::test]
async fn a_session_can_end_another_session_of_its_user() {
    let app = App::start();
    let person = app.register().await;
    let (one, two) = (person.sign_in().await, person.sign_in().await);
    let mut socket = two.connect().await;
    one.delete(&format!("/api/v1/sessions/{}", two.id)).await.expect(200);
    assert!(socket.closed().await.code >= 4500);
    assert!(one.works().await && !two.works().await);
}

#[tokio::test]
async fn a_session_of_another_user_is_not_found() {
    let app = App::start();
    let (mine, theirs) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    let mut socket = theirs.connect().await;
    mine.delete(&format!("/api/v1/sessions/{}", theirs.id)).await.expect(404).problem();
    mine.delete("/api/v1/sessions/nonsense").await.refused(404, "not_found");
    assert!(theirs.works().await && socket.is_undisturbed().await);
}

#[tokio::test]
async fn one_request_ends_all_other_sessions_of_the_user() {
    let app = App::start();
    let person = app.register().await;
    let (own, one, two) = (person.sign_in().await, person.sign_in().await, person.sign_in().await);
    let stranger = app.register().await.sign_in().await;
    let answer = own.delete("/api/v1/sessions").await.expect(200);
    assert_eq!(answer.body["sessions"], 2);
    assert!(own.works().await && stranger.works().await && !one.works().await && !two.works().await);
}

#[tokio::test]
async fn signing_out_ends_this_session_only() {
    let app = App::start();
    let person = app.register().await;
    let (own, other) = (person.sign_in().await, person.sign_in().await);
    let (mut socket, mut kept) = (own.connect().await, other.connect().await);
    let answer = own.sign_out("local").await.expect(200);
    assert_eq!((&answer.body["sessions"], &answer.body["sockets_closed"]), (&json!(1), &json!(1)));
    assert_eq!(socket.closed().await, signed_out());
    assert!(kept.is_undisturbed().await && other.works().await && !own.works().await);
    own.try_refresh().await.expect(401).problem();
}

#[tokio::test]
async fn signing_out_the_other_sessions_keeps_this_session() {
    let app = App::start();
    let person = app.register().await;
    let (own, other) = (person.sign_in().await, person.sign_in().await);
    let (mut kept, mut socket) = (own.connect().await, other.connect().await);
    own.sign_out("others").await.expect(200);
    assert_eq!(socket.closed().await, signed_out());
    assert!(kept.is_undisturbed().await && own.works().await && !other.works().await);
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_of_the_user() {
    let app = App::start();
    let person = app.register().await;
    let (own, other) = (person.sign_in().await, person.sign_in().await);
    let stranger = app.register().await.sign_in().await;
    let (mut one, mut two) = (own.connect().await, other.connect().await);
    own.sign_out("global").await.expect(200);
    assert_eq!((one.closed().await, two.closed().await), (signed_out(), signed_out()));
    assert!(!own.works().await && !other.works().await && stranger.works().await);
}

#[tokio::test]
async fn signing_out_works_with_an_expired_token_with_both_methods_and_twice() {
    let app = App::start();
    let person = app.register().await;
    for method in [Method::POST, Method::DELETE] {
        let session = person.sign_in().await;
        let expired = Session { access: session.forged(Forgery::Expired), ..session.clone() };
        expired.get("/api/v1/profile").await.expect(401);
        expired.request(method.clone(), "/api/v1/auth/logout").ask().await.expect(200);
        assert!(!session.works().await);
        expired.request(method, "/api/v1/auth/logout").ask().await.expect(204);
    }
}

#[tokio::test]
async fn signing_out_removes_each_cookie_at_its_path() {
    let session = App::start().register().await.sign_in().await;
    let answer = session.by_cookie(Method::POST, "/api/v1/auth/logout").ask().await.expect(200);
    for (cookie, path) in
        [("access_token", "Path=/"), ("refresh_token", "Path=/api/v1/auth"), ("csrf_token", "Path=/")]
    {
        let line = answer.set_cookie(cookie).expect("a removal");
        assert!(line.split("; ").any(|part| part == path) && line.contains("Max-Age=0"), "{line}");
    }
}

#[tokio::test]
async fn a_sign_in_over_the_limit_ends_the_oldest_session() {
    let app = App::with(|settings| settings.sessions.per_user = 2);
    let person = app.register().await;
    let oldest = person.sign_in().await;
    let mut socket = oldest.connect().await;
    app.advance(Duration::from_secs(1));
    let second = person.sign_in().await;
    app.advance(Duration::from_secs(1));
    let third = person.sign_in().await;
    assert_eq!(socket.closed().await.code, 4500);
    assert!(!oldest.works().await && second.works().await && third.works().await);
}

#[tokio::test]
async fn an_idle_session_has_ended_and_its_tokens_are_refused() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    app.advance(29 * MINUTE);
    assert!(session.works().await);
    app.advance(29 * MINUTE);
    assert!(session.works().await, "a request counts as activity");
    app.advance(31 * MINUTE);
    assert!(!session.works().await);
    session.try_refresh().await.expect(401).problem();
    session.try_connect().await.err().expect("a refusal").expect(401).problem();
}

#[tokio::test]
async fn an_open_socket_keeps_its_session_from_being_idle() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect().await;
    app.advance(31 * MINUTE);
    assert!(session.works().await && socket.is_undisturbed().await);
}

#[tokio::test]
async fn no_socket_outlives_the_absolute_end_of_its_session() {
    let app = App::with(|settings| settings.sessions.idle = 60 * DAY);
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect().await;
    app.advance(30 * DAY + MINUTE);
    app.sweep().await;
    assert_eq!(socket.closed().await.code, 4500);
    assert!(!session.works().await);
}

#[tokio::test]
async fn the_sweep_records_the_end_of_expired_sessions() {
    let app = App::start();
    app.register().await.sign_in().await;
    app.advance(31 * MINUTE);
    let kept = app.register().await.sign_in().await;
    app.sweep().await;
    let expired = "SELECT count(*) FROM revocations WHERE cause = 'session_expired'";
    assert_eq!(app.count(expired).await, 1);
    assert!(kept.works().await);
}

#[tokio::test]
async fn a_closed_socket_is_no_longer_counted() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let socket = session.connect().await;
    assert_eq!(app.open_sockets(), 1);
    drop(socket);
    eventually("the socket is no longer counted", async || app.open_sockets() == 0).await;
    let answer = session.get("/api/v1/sessions").await.expect(200);
    assert_eq!(answer.body["sessions"][0]["open_connections"], 0);
}
