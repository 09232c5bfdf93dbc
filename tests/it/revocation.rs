//! The main promise: after a revocation nothing is accepted from or delivered to its sessions, and no other session
//! is affected.

use std::time::{Duration, Instant};

use domain::account::role::{Role, Status};
use futures_util::{StreamExt as _, future::join_all, stream};
use serde_json::json;

use crate::harness::{
    App, BULK_CHANNEL, Closed, MORE_THAN_FITS, Session, Socket, allow_bulk_publishing, allow_large_backlog,
    eventually, server_side_state, server_side_unsent, unread_socket,
};

fn revoked() -> Closed {
    Closed { code: 4500, reason: "session revoked".to_owned() }
}

/// Opens `count` sockets of a session, a few at a time.
async fn open(session: &Session, count: usize) -> Vec<Socket> {
    stream::iter(0..count).map(|_| session.connect()).buffer_unordered(32).collect().await
}

#[tokio::test]
async fn a_revocation_closes_only_the_ten_sockets_of_its_user_among_a_thousand() {
    let app = App::with(|settings| settings.listen.workers = 2);
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (person, other) = (app.register().await, app.register().await);
    let (one, two, bystander) = (person.sign_in().await, person.sign_in().await, other.sign_in().await);
    let mut bystanders = open(&bystander, 990).await;
    let mut targets = open(&one, 4).await;
    targets.extend(open(&two, 6).await);
    assert_eq!(app.open_sockets(), 1000);

    let answer = operator.revoke(json!({"user": person.id})).await.expect(200);
    assert_eq!(
        (&answer.body["sessions"], &answer.body["sockets_closed"], &answer.body["pending"]),
        (&json!(2), &json!(10), &json!(0))
    );
    for socket in &mut targets {
        assert_eq!(socket.closed().await, revoked());
    }
    let undisturbed = join_all(bystanders.iter_mut().map(Socket::is_undisturbed)).await;
    assert_eq!(undisturbed.iter().filter(|it| **it).count(), 990);
    for old in [&one, &two] {
        assert!(!old.works().await);
        old.try_refresh().await.expect(401).problem();
        old.try_connect().await.err().expect("a refusal").expect(401).problem();
    }
    assert!(bystander.works().await);
}

#[tokio::test]
async fn a_revoked_member_receives_nothing_that_is_published_after_the_answer() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (reader, author) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    let (mut subscriber, mut publisher) = (reader.connect().await, author.connect().await);
    subscriber.subscribe("ephemeral:lobby").await;
    publisher.subscribe("ephemeral:lobby").await;
    publisher.publish("ephemeral:lobby", json!("before")).await;
    assert_eq!(subscriber.pushed().await["pub"]["data"], "before");
    operator.revoke(json!({"session": reader.id})).await.expect(200);
    publisher.publish("ephemeral:lobby", json!("after")).await;
    // A frame before the close frame would appear here.
    let closed = match subscriber.event().await {
        crate::harness::Event::Closed(closed) => closed,
        other => panic!("delivered after the revocation: {other:?}"),
    };
    assert_eq!(closed, revoked());
}

#[tokio::test]
async fn a_frame_that_is_sent_after_the_answer_to_a_revocation_is_not_accepted() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (author, reader) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    let (mut publisher, mut subscriber) = (author.connect().await, reader.connect().await);
    publisher.subscribe("ephemeral:lobby").await;
    subscriber.subscribe("ephemeral:lobby").await;
    operator.revoke(json!({"session": author.id})).await.expect(200);
    publisher.send_text(r#"{"id":9,"publish":{"channel":"ephemeral:lobby","data":"too late"}}"#).await;
    assert_eq!(publisher.closed().await, revoked());
    assert!(subscriber.is_undisturbed().await);
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_cut_within_a_second_of_its_revocation() {
    // The queue of the connection does not overflow with this setting, so the revocation ends the connection.
    let app = App::with(allow_large_backlog);
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (reader, author) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    let (socket, mut publisher) = (unread_socket(&reader).await, author.connect().await);
    publisher.subscribe(BULK_CHANNEL).await;
    publisher.publish_until_full().await;
    let state = || server_side_state(app.address(), socket.local);
    assert_eq!(state(), Some("ESTABLISHED"));
    assert!(server_side_unsent(app.address(), socket.local) > 0, "bytes wait in the kernel's buffers");

    let began = Instant::now();
    let answer = operator.revoke(json!({"session": reader.id})).await.expect(200);
    assert_eq!((&answer.body["sockets_closed"], &answer.body["pending"]), (&json!(1), &json!(0)));
    // The kernel has removed the connection, too, and does not try to send the unsent bytes.
    eventually("the connection is gone", async || state().is_none()).await;
    assert!(began.elapsed() < Duration::from_secs(1), "it took {:?}", began.elapsed());
    eventually("the permit of the socket is released", async || app.open_sockets() == 1).await;
    assert!(publisher.is_undisturbed().await);
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_closed_with_3008_when_its_queue_overflows() {
    let app = App::with(allow_bulk_publishing);
    let (reader, author) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    let (_socket, mut publisher) = (unread_socket(&reader).await, author.connect().await);
    publisher.subscribe(BULK_CHANNEL).await;
    let mut sent = 0;
    while app.delivers_to(reader.id).await {
        assert!(sent < 4 * MORE_THAN_FITS, "the queue never overflows");
        sent += publisher.publish_bulk().await;
    }
    let slow =
        "SELECT count(*) FROM audit_events WHERE event = 'socket.closed' AND detail ->> 'code' = '3008'";
    eventually("the reason is recorded", async || app.count(slow).await == 1).await;
    assert!(publisher.is_undisturbed().await);
}

#[tokio::test]
async fn a_suspension_closes_sockets_with_4503_and_its_end_does_not_revive_sessions() {
    let app = App::start();
    let person = app.register().await;
    let session = person.sign_in().await;
    let mut socket = session.connect().await;
    person.set_status(Status::Suspended).await;
    assert_eq!(socket.closed().await, Closed { code: 4503, reason: "account disabled".to_owned() });
    assert!(!session.works().await);
    person.set_status(Status::Active).await;
    assert!(!session.works().await, "an ended session does not come back with the account");
    person.sign_in().await;
}

#[tokio::test]
async fn a_changed_role_closes_sockets_with_3014_and_ends_no_session() {
    let app = App::start();
    let person = app.register().await;
    let session = person.sign_in().await;
    let mut socket = session.connect().await;
    person.set_role(Role::Operator).await;
    assert_eq!(socket.closed().await, Closed { code: 3014, reason: "state invalidated".to_owned() });
    assert!(session.works().await);
    let mut again = session.renewed().await.connect_by_command().await;
    assert!(again.is_undisturbed().await);
}

#[tokio::test]
async fn a_server_that_starts_after_a_revocation_refuses_the_session() {
    let database = crate::harness::fresh_database();
    let app = App::over(database.clone(), |_| {});
    let session = app.register().await.sign_in().await;
    let kept = session.person.sign_in().await;
    session.sign_out("local").await.expect(200);
    let next = App::over(database, |_| {});
    let there = |session: &Session| next.get("/api/v1/profile").bearer_auth(&session.access);
    use crate::harness::Ask as _;
    there(&session).ask().await.expect(401).problem();
    there(&kept).ask().await.expect(200);
}

#[tokio::test]
async fn another_node_closes_the_sockets_of_a_revoked_session_within_a_second() {
    let database = crate::harness::fresh_database();
    let (here, there) = (App::over(database.clone(), |_| {}), App::over(database, |_| {}));
    let session = here.register().await.sign_in().await;
    let mut socket =
        there.handshake(&format!("/api/v1/ws/chat?token={}", session.access)).open().await.expect("open");
    let began = Instant::now();
    session.sign_out("local").await.expect(200);
    assert_eq!(socket.closed().await.code, 4501);
    assert!(began.elapsed() < Duration::from_secs(1), "it took {:?}", began.elapsed());
}
