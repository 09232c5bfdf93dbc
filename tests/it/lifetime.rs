//! The lifetime of a connection: its start, its refresh, its pings, its expiry, and the audit event of its end.

use std::{sync::Arc, time::Duration};

use portcullis::socket::ClientConfig;
use serde_json::{Value, json};

use crate::harness::{
    App, BULK_CHANNEL, Closed, Event, Forgery, Opcode, Session, Socket, allow_large_backlog, eventually,
    frame,
};

async fn signed_in() -> Session {
    App::start().register().await.sign_in().await
}

/// A server for which `change` modifies the settings of the client protocol.
fn with_client_config(change: impl FnOnce(&mut ClientConfig)) -> App {
    App::with(|settings| change(Arc::make_mut(&mut settings.socket.client)))
}

fn bad_request() -> Closed {
    Closed { code: 3501, reason: "bad request".to_owned() }
}

/// The reply to a first command with this token.
async fn first_command(session: &Session, token: &str) -> Result<Value, Closed> {
    let mut socket: Socket =
        session.app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
    socket.ask(json!({"connect": {"token": token}})).await
}

#[tokio::test]
async fn an_expired_token_gets_error_109() {
    let session = signed_in().await;
    let reply = first_command(&session, &session.forged(Forgery::Expired)).await.expect("a reply");
    assert_eq!(reply["error"]["code"], 109, "{reply}");
}

#[tokio::test]
async fn connect_without_a_token_and_another_first_command_are_bad_requests() {
    let session = signed_in().await;
    let open = || session.app.handshake("/connection/websocket").open();
    let mut socket = open().await.expect("the handshake is accepted");
    assert_eq!(socket.ask(json!({"connect": {}})).await.unwrap_err(), bad_request());
    let mut socket = open().await.expect("the handshake is accepted");
    assert_eq!(socket.ask(json!({"subscribe": {"channel": "chat:lobby"}})).await.unwrap_err(), bad_request());
}

#[tokio::test]
async fn a_connection_is_refreshed_with_a_new_token() {
    let session = signed_in().await;
    let mut socket = session.connect_by_command().await;
    let renewed = session.renewed().await;
    let reply = socket.ask(json!({"refresh": {"token": renewed.access}})).await.unwrap();
    assert_eq!(reply["refresh"]["expires"], true, "{reply}");
    assert!(reply["refresh"]["ttl"].as_u64().is_some_and(|ttl| ttl > 3500), "{reply}");
}

#[tokio::test]
async fn a_refresh_with_a_foreign_or_forged_token_closes_the_connection() {
    let session = signed_in().await;
    let same_user = session.person.sign_in().await;
    let stranger = session.app.register().await.sign_in().await;
    for token in [same_user.access, stranger.access, session.forged(Forgery::WrongSignature)] {
        let mut socket = session.connect_by_command().await;
        let closed = socket.ask(json!({"refresh": {"token": token}})).await.unwrap_err();
        assert_eq!((closed.code, closed.reason.as_str()), (3500, "invalid token"));
    }
}

#[tokio::test]
async fn a_connection_that_is_not_refreshed_expires_after_the_grace_period() {
    let app = App::with(|settings| {
        settings.sessions.idle = Duration::from_secs(7200);
        Arc::make_mut(&mut settings.socket.client).expired_grace = Duration::from_millis(100);
    });
    let session = app.register().await.sign_in().await;
    app.advance(Duration::from_secs(3599));
    let mut socket = session.connect_by_command().await;
    let closed = socket.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (3005, "connection expired"));
}

#[tokio::test]
async fn pings_are_sent_in_the_form_that_the_client_understands() {
    let app = with_client_config(|client| client.ping_interval = Duration::from_secs(1));
    let session = app.register().await.sign_in().await;
    let (mut sdk, mut plain) = (session.connect_by_command().await, session.connect().await);
    (sdk.answers_pings, plain.answers_pings) = (false, false);
    assert!(matches!(sdk.event().await, Event::Object(ping) if ping == json!({})));
    assert!(matches!(plain.event().await, Event::Ping));
    sdk.send_text("{}").await;
    plain.send(&frame(Opcode::Pong, true, b"")).await;
    assert!(
        matches!(sdk.event().await, Event::Object(ping) if ping == json!({})),
        "an answered ping is followed by another"
    );
    assert!(matches!(plain.event().await, Event::Ping));
}

#[tokio::test]
async fn a_connection_that_does_not_answer_a_ping_is_closed_with_3012() {
    let app = with_client_config(|client| {
        client.ping_interval = Duration::from_secs(1);
        client.pong_timeout = Duration::from_millis(200);
    });
    let session = app.register().await.sign_in().await;
    let (mut sdk, mut plain) = (session.connect_by_command().await, session.connect().await);
    (sdk.answers_pings, plain.answers_pings) = (false, false);
    for socket in [&mut sdk, &mut plain] {
        let closed = socket.closed().await;
        assert_eq!((closed.code, closed.reason.as_str()), (3012, "no pong"));
    }
}

#[tokio::test]
async fn the_audit_trail_records_close_code_3009_for_peers_that_do_not_read() {
    let app = App::with(allow_large_backlog);
    let (reader, author) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    let path = format!("/api/v1/ws/chat?token={}", reader.access);
    let mut socket =
        app.handshake(&path).receive_buffer(4096).open().await.expect("the handshake is granted");
    socket.subscribe(BULK_CHANNEL).await;
    let (_stream, mut writer) = (crate::emulation::unread_stream(&reader).await, author.connect().await);
    writer.subscribe(BULK_CHANNEL).await;
    writer.publish_until_full().await;
    let failed =
        "SELECT count(*) FROM audit_events WHERE event = 'socket.closed' AND detail ->> 'code' = '3009'";
    eventually("the ends of both connections are recorded", async || app.count(failed).await == 2).await;
    let all = "SELECT count(*) FROM audit_events WHERE event = 'socket.closed'";
    assert_eq!(app.count(all).await, 2);
}
