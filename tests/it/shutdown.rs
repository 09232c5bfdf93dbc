//! Shutdown: sockets close with a code after which clients reconnect, requests are answered, and the next server
//! takes over.

use std::time::Duration;

use crate::harness::{App, Ask as _, Closed, eventually, fresh_database};

#[tokio::test]
async fn a_stop_closes_every_socket_with_3001_and_the_next_server_accepts_the_session() {
    let database = fresh_database();
    let app = App::over(database.clone(), |_| {});
    let session = app.register().await.sign_in().await;
    let (mut one, mut two) = (session.connect().await, session.connect_by_command().await);
    app.stop();
    let shutdown = Closed { code: 3001, reason: "shutdown".to_owned() };
    assert_eq!((one.closed().await, two.closed().await), (shutdown.clone(), shutdown));
    let next = App::over(database, |_| {});
    next.get("/api/v1/profile").bearer_auth(&session.access).ask().await.expect(200);
    let path = format!("/api/v1/ws/chat?token={}", session.access);
    assert!(next.handshake(&path).open().await.expect("the handshake is accepted").is_undisturbed().await);
}

#[tokio::test]
async fn the_closing_of_sockets_at_a_stop_is_in_the_audit_trail() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect().await;
    app.stop();
    socket.closed().await;
    let sql =
        "SELECT count(*) FROM audit_events WHERE event = 'socket.closed' AND detail ->> 'code' = '3001'";
    eventually("the close is recorded", async || app.count(sql).await == 1).await;
}

#[tokio::test]
async fn a_server_is_not_ready_and_still_serves_during_the_drain_delay() {
    let app = App::with(|settings| settings.drain_delay = Duration::from_secs(3));
    let session = app.register().await.sign_in().await;
    let mut early = session.connect().await;
    app.get("/health/ready").ask().await.expect(200);
    app.stop();
    eventually("readiness is off", async || app.get("/health/ready").ask().await.status == 503).await;
    let mut late = session.connect().await;
    assert!(late.is_undisturbed().await && early.is_undisturbed().await);
    let shutdown = Closed { code: 3001, reason: "shutdown".to_owned() };
    assert_eq!((early.closed().await, late.closed().await), (shutdown.clone(), shutdown));
}
