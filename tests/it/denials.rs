//! Denials: the server refuses new connections and requests of blocked users, and of revoked or invalidated tokens, and closes
//! their open connections. There is one exception: a user can still sign out.

use std::time::{Duration, Instant};

use protocol::id::Subject;
use serde_json::json;
use service::DisconnectCount;
use store::Store;

use crate::harness::{App, Ask as _, Closed, PASSWORD, Session, eventually};

fn disabled() -> Closed {
    Closed { code: 4503, reason: "account disabled".to_owned() }
}

fn revoked() -> Closed {
    Closed { code: 4500, reason: "session revoked".to_owned() }
}

#[tokio::test]
async fn a_block_closes_and_counts_exactly_the_sockets_of_its_user() {
    let app = App::start();
    let (ada, bob) = (app.register().await, app.register().await);
    let sessions = [ada.open_session().await, ada.open_session().await];
    let (mut first, mut second) = (sessions[0].connect().await, sessions[1].connect().await);
    let mut other = bob.open_session().await.connect().await;
    assert_eq!(app.block(&ada.id.into()).await, DisconnectCount { closed: 2, pending: 0 });
    assert_eq!((first.closed().await, second.closed().await), (disabled(), disabled()));
    assert!(other.is_undisturbed().await);
    sessions[0].get("/api/v1/profile").await.refused(403, "user_blocked");
    sessions[0].try_refresh().await.refused(403, "user_blocked");
    sessions[0].try_connect().await.err().expect("a refusal").refused(403, "user_blocked");
}

#[tokio::test]
async fn a_sign_in_of_a_blocked_user_is_answered_like_a_wrong_password() {
    let app = App::start();
    let person = app.register().await;
    let wrong = person.try_password("another-zebra-lantern-42").await.refused(401, "invalid_credentials");
    app.block(&person.id.into()).await;
    let refused = person.try_password(PASSWORD).await.refused(401, "invalid_credentials");
    assert_eq!(wrong.body["detail"], refused.body["detail"]);
    app.unblock(&person.id.into()).await;
    assert!(person.sign_in().await.works().await);
}

#[tokio::test]
async fn a_session_works_again_after_the_end_of_a_block() {
    let app = App::start();
    let person = app.register().await;
    let session = person.open_session().await;
    app.block(&person.id.into()).await;
    assert!(!session.works().await);
    app.unblock(&person.id.into()).await;
    assert!(session.works().await);
    app.block_for(&person.id.into(), Duration::from_secs(60)).await;
    assert!(!session.works().await);
    app.advance(Duration::from_secs(61));
    assert!(session.works().await);
}

#[tokio::test]
async fn a_revoked_token_is_refused_and_a_newer_token_of_its_session_works() {
    let app = App::start();
    let person = app.register().await;
    let session = person.sign_in().await;
    let mut by_first = session.connect().await;
    let refreshed = Session::granted(&person, &session.try_refresh().await.expect(200));
    let mut by_second = refreshed.connect().await;
    let done = app.revoke_token(&session.token_id()).await;
    assert_eq!(done, DisconnectCount { closed: 1, pending: 0 });
    assert_eq!(by_first.closed().await, revoked());
    session.get("/api/v1/profile").await.refused(401, "token_revoked");
    session.try_connect().await.err().expect("a refusal").refused(401, "token_revoked");
    assert!(refreshed.works().await && by_second.is_undisturbed().await);
}

#[tokio::test]
async fn a_revoked_token_can_sign_out_only_its_own_session() {
    let app = App::start();
    let person = app.register().await;
    let (stolen, other) = (person.open_session().await, person.open_session().await);
    app.revoke_token(&stolen.token_id()).await;
    for scope in ["others", "global"] {
        stolen.sign_out(scope).await.expect(204);
        assert!(other.works().await, "{scope}");
    }
    stolen.sign_out("local").await.expect(200);
    assert!(other.works().await);
}

#[tokio::test]
async fn a_refreshed_socket_is_closed_only_by_a_denial_of_its_newer_token() {
    let app = App::start();
    let person = app.register().await;
    let session = person.sign_in().await;
    let mut socket = session.connect_by_command().await;
    let refreshed = Session::granted(&person, &session.try_refresh().await.expect(200));
    let reply = socket.ask(json!({"refresh": {"token": refreshed.access}})).await.expect("an open socket");
    assert!(reply["error"].is_null(), "{reply}");
    assert_eq!(app.revoke_token(&session.token_id()).await, DisconnectCount::default());
    assert!(socket.is_undisturbed().await);
    assert_eq!(app.revoke_token(&refreshed.token_id()).await, DisconnectCount { closed: 1, pending: 0 });
    assert_eq!(socket.closed().await, revoked());
}

#[tokio::test]
async fn a_revoked_token_makes_its_tickets_invalid() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let ticket = session.post("/api/v1/ws/ticket", &json!({})).await.expect(200).text_of("ticket");
    app.revoke_token(&session.token_id()).await;
    let handshake = app.handshake(&format!("/api/v1/ws/chat?ticket={ticket}"));
    handshake.refusal().await.refused(401, "token_revoked");
}

#[tokio::test]
async fn invalidating_tokens_ends_earlier_sessions_but_no_later_session() {
    let app = App::start();
    let person = app.register().await;
    let before = person.sign_in().await;
    let mut socket = before.connect().await;
    assert_eq!(app.invalidate_tokens(&person.id.into()).await, DisconnectCount { closed: 1, pending: 0 });
    assert_eq!(socket.closed().await, revoked());
    before.get("/api/v1/profile").await.expect(401);
    before.try_refresh().await.expect(401);
    // A later session works even in the same second, although tokens state their time of issue in seconds.
    let after = person.sign_in().await;
    assert!(after.works().await && after.try_connect().await.is_ok());
}

#[tokio::test]
async fn a_denial_of_another_node_closes_sockets_within_a_second() {
    let app = App::start();
    let person = app.register().await;
    let session = person.open_session().await;
    let mut socket = session.connect().await;
    let other_node = App::over(app.database().clone(), |_| {});
    let began = Instant::now();
    other_node.block(&person.id.into()).await;
    assert_eq!(socket.closed().await, disabled());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    session.get("/api/v1/profile").await.refused(403, "user_blocked");
}

#[tokio::test]
async fn a_starting_server_knows_earlier_denials() {
    let app = App::start();
    let person = app.register().await;
    let session = person.open_session().await;
    app.block(&person.id.into()).await;
    let second = App::over(app.database().clone(), |_| {});
    let profile = second.get("/api/v1/profile").bearer_auth(&session.access);
    profile.ask().await.refused(403, "user_blocked");
    second.unblock(&person.id.into()).await;
    eventually("the first node reads the end of the block", async || session.works().await).await;
}

#[tokio::test]
async fn connecting_at_the_same_time_as_a_block_leaves_no_open_socket_in_two_hundred_rounds() {
    let app = App::with(|settings| settings.listen.workers = 2);
    let person = app.register().await;
    let subject = Subject::from(person.id);
    let session = person.open_session().await;
    let mut opened = 0;
    for round in 0..200 {
        let connect = async {
            let mut open = Vec::new();
            for _ in 0..1 + round % 3 {
                open.extend(session.try_connect().await.ok());
            }
            open
        };
        let (sockets, _) = tokio::join!(connect, app.block(&subject));
        opened += sockets.len();
        for mut socket in sockets {
            assert_eq!(socket.closed().await, disabled(), "round {round}");
        }
        assert!(session.try_connect().await.is_err(), "round {round}: connected while blocked");
        app.unblock(&subject).await;
    }
    assert!(opened > 0, "in some rounds a socket opened before the block");
    eventually("every permit is released", async || app.open_sockets() == 0).await;
}

#[tokio::test]
async fn a_sign_in_at_the_same_time_as_a_block_leaves_no_session_that_works() {
    let app = App::start();
    for block_first in [true, false] {
        let person = app.register().await;
        let subject = Subject::from(person.id);
        let barrier = app.barrier_at_user(person.id).await;
        let (sign_in, block) = (person.try_password(PASSWORD), app.block(&subject));
        if block_first {
            let (_, answer) = barrier.in_order(block, sign_in).await;
            answer.refused(401, "invalid_credentials");
        } else {
            let (answer, _) = barrier.in_order(sign_in, block).await;
            assert!(!Session::granted(&person, &answer.expect(200)).works().await);
        }
    }
}

#[tokio::test]
async fn sessions_end_even_if_the_denial_of_their_tokens_fails() {
    let app = App::start();
    let person = app.register().await;
    let session = person.open_session().await;
    app.rows().await.batch_execute("ALTER TABLE denials ADD CHECK (false) NOT VALID").await.unwrap();
    assert!(app.try_invalidate_tokens(&person.id.into(), app.now()).await.is_err());
    session.try_refresh().await.refused(401, "session_ended");
}

#[tokio::test]
async fn blocks_without_an_end_are_counted() {
    let app = App::start();
    let (ann, bob) = (Subject::new("corp:ann"), Subject::new("corp:bob"));
    app.block(&ann).await;
    app.unblock(&ann).await;
    app.block(&bob).await;
    app.block(&bob).await;
    app.revoke_token("one").await;
    app.revoke_token_for("another", Duration::from_secs(60)).await;
    let store = Store::connect(app.database()).unwrap();
    assert_eq!(store.endless_denials().await.unwrap(), 1);
    // All servers of the tests share the metric, and each sweep of a server sets it. No other test has so many blocks.
    let many = "INSERT INTO denials (kind, subject, created_at)
                SELECT 'user', 'corp:' || n, now() FROM generate_series(1, 1233) n";
    app.rows().await.execute(many, &[]).await.unwrap();
    eventually("the metric has the number of this server", async || {
        app.sweep().await;
        app.metrics().lines().any(|line| line == "denials_without_end 1234")
    })
    .await;
}

/// A denial of tokens has no effect after all of these tokens have expired. A later end that a request names is shortened to
/// this time.
#[tokio::test]
async fn a_denial_of_tokens_ends_when_every_token_that_it_denies_has_expired() {
    let app = App::start();
    let person = app.register().await;
    let hour = Duration::from_secs(3600);
    app.revoke_token("without an end").await;
    app.revoke_token_for("for ever", 1000 * hour).await;
    app.invalidate_tokens(&person.id.into()).await;
    let longest = "SELECT extract(epoch FROM max(expires_at) - max(created_at))::bigint / 60 FROM denials";
    assert_eq!(app.count(longest).await, 65);
    app.revoke_token_for("a minute", hour / 60).await;
    assert_eq!(
        app.count("SELECT count(*) FROM denials WHERE expires_at < now() + interval '2 minutes'").await,
        1
    );
    assert_eq!(app.count("SELECT count(*) FROM denials WHERE expires_at IS NULL").await, 0);
    app.advance(26 * hour);
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM denials").await, 0);
}

#[tokio::test]
async fn with_external_issuers_a_denial_lasts_as_long_as_their_tokens_can_be_valid() {
    let app = App::with(|settings| {
        crate::harness::issuer::shared_with(settings);
        settings.issuer_tokens = Duration::from_secs(3 * 86_400);
    });
    app.revoke_token("without an end").await;
    let days = "SELECT extract(epoch FROM max(expires_at) - max(created_at))::bigint / 86400 FROM denials";
    assert_eq!(app.count(days).await, 3);
}
