//! Sockets over TLS, which a revocation closes like other sockets, and cookies over TLS.

use std::time::{Duration, Instant};

use domain::account::role::Role;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, protocol::frame::coding::CloseCode},
};

use crate::harness::{
    App, BULK_CHANNEL, Session, TlsStream, allow_large_backlog, eventually, server_side_state,
    server_side_unsent, within,
};

async fn connect(session: &Session) -> WebSocketStream<TlsStream> {
    let stream = session.app.connect_tls().await;
    let port = session.app.tls_address().port();
    let url = format!("wss://localhost:{port}/api/v1/ws/chat?token={}", session.access);
    let (mut socket, _) =
        Box::pin(within("a handshake", client_async(url, stream))).await.expect("the upgrade");
    let subscribe = json!({"id": 1, "subscribe": {"channel": BULK_CHANNEL}});
    socket.send(Message::text(subscribe.to_string())).await.expect("an open socket");
    let reply = within("a reply", socket.next()).await.expect("an open socket").expect("a message");
    assert!(reply.to_text().expect("text").contains(r#""subscribe""#), "{reply}");
    socket
}

#[tokio::test]
async fn a_revocation_closes_a_socket_over_tls_with_the_reason() {
    let app = App::with_tls(|_| {});
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let session = app.register().await.sign_in().await;
    let mut socket = connect(&session).await;
    let answer = operator.revoke(json!({"session": session.id})).await.expect(200);
    assert_eq!(answer.body["sockets_closed"], 1);
    let message = within("the close", socket.next()).await.expect("a close frame").expect("a message");
    let Message::Close(Some(frame)) = message else { panic!("{message}") };
    assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::from(4500), "session revoked"));
}

#[tokio::test]
async fn a_peer_over_tls_that_does_not_read_is_cut_within_a_second_of_its_revocation() {
    let app = App::with_tls(allow_large_backlog);
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (reader, author) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    let (unread, mut publisher) = (connect(&reader).await, author.connect().await);
    let local = unread.get_ref().get_ref().0.local_addr().expect("an address");
    publisher.subscribe(BULK_CHANNEL).await;
    publisher.publish_until_full().await;
    let state = || server_side_state(app.tls_address(), local);
    assert_eq!(state(), Some("ESTABLISHED"));
    assert!(server_side_unsent(app.tls_address(), local) > 0, "bytes wait in the kernel's buffers");
    let began = Instant::now();
    let answer = operator.revoke(json!({"session": reader.id})).await.expect(200);
    assert_eq!((&answer.body["sockets_closed"], &answer.body["pending"]), (&json!(1), &json!(0)));
    eventually("the connection is gone", async || state().is_none()).await;
    assert!(began.elapsed() < Duration::from_secs(1), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn cookies_over_tls_are_secure_and_the_pre_session_is_bound_to_the_host() {
    use crate::harness::{Ask as _, PASSWORD};
    let app = App::with_tls(|_| {});
    let person = app.register().await;
    let client = app.tls_client();
    let base = format!("https://localhost:{}", app.tls_address().port());
    let issued = client.get(format!("{base}/api/v1/auth/csrf-token")).ask().await.expect(200);
    assert!(issued.set_cookie("__Host-psid").is_some_and(|line| line.contains("; Secure")));
    let body = json!({"username": person.email, "password": PASSWORD});
    let answer = client.post(format!("{base}/api/v1/auth/jwt/login")).json(&body).ask().await.expect(200);
    for cookie in ["access_token", "refresh_token", "csrf_token", "__Host-device_id"] {
        assert!(answer.set_cookie(cookie).is_some_and(|line| line.contains("; Secure")), "{cookie}");
    }
}
