//! The WebSocket handshake: which requests become sockets. One test is about the limit of plain connections.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Answer, App, Handshake, Session};

const PATHS: [&str; 2] = ["/api/v1/ws/chat", "/connection/websocket"];

async fn signed_in() -> Session {
    App::start().register().await.sign_in().await
}

async fn ticket(session: &Session) -> String {
    session.post("/api/v1/ws/ticket", &json!({})).await.expect(200).text_of("ticket")
}

#[tokio::test]
async fn a_header_a_cookie_a_token_in_the_query_and_a_ticket_open_sockets_on_both_paths() {
    let session = signed_in().await;
    for path in PATHS {
        let at = |query: String| session.app.handshake(&format!("{path}{query}"));
        let kinds: [Handshake; 4] = [
            at(String::new()).header("authorization", &format!("Bearer {}", session.access)),
            at(String::new()).header("cookie", &session.cookies()).header("origin", "https://localhost"),
            at(format!("?token={}", session.access)),
            at(format!("?ticket={}", ticket(&session).await)),
        ];
        for handshake in kinds {
            let mut socket = handshake.open().await.expect("the handshake is accepted");
            socket.subscribe("chat:lobby").await;
        }
    }
}

#[tokio::test]
async fn a_cookie_without_an_origin_is_refused() {
    let session = signed_in().await;
    let handshake = session.app.handshake("/api/v1/ws/chat").header("cookie", &session.cookies());
    handshake.refusal().await.refused(403, "origin_not_allowed");
}

#[tokio::test]
async fn a_foreign_origin_is_refused_with_and_without_a_credential() {
    let session = signed_in().await;
    for origin in ["https://evil.example", "https://localhost.evil.example", "null", ""] {
        let query = format!("/api/v1/ws/chat?token={}", session.access);
        session
            .app
            .handshake(&query)
            .header("origin", origin)
            .refusal()
            .await
            .refused(403, "origin_not_allowed");
        session
            .app
            .handshake(PATHS[1])
            .header("origin", origin)
            .refusal()
            .await
            .refused(403, "origin_not_allowed");
    }
}

#[tokio::test]
async fn an_upgrade_on_another_path_is_refused() {
    let session = signed_in().await;
    for path in ["/", "/api/v1/profile", "/api/v1/ws", "/api/v1/ws/chat/", "/connection/sockjs"] {
        let handshake =
            session.app.handshake(path).header("authorization", &format!("Bearer {}", session.access));
        handshake.refusal().await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn the_json_subprotocol_is_selected_if_offered_and_an_empty_offer_is_ignored() {
    let session = signed_in().await;
    let open = |offer: &str| session.app.handshake(PATHS[1]).header("sec-websocket-protocol", offer).open();
    let socket = open("centrifuge-json").await.expect("the handshake is accepted");
    assert_eq!(socket.headers["sec-websocket-protocol"], "centrifuge-json");
    let socket = open("").await.expect("the handshake is accepted");
    assert!(!socket.headers.contains_key("sec-websocket-protocol"));
}

#[tokio::test]
async fn a_malformed_handshake_is_refused() {
    let app = App::start();
    let at = || app.handshake(PATHS[0]);
    let refused: [(Handshake, u16, &str); 3] = [
        (at().header("sec-websocket-version", "8"), 426, "unsupported_websocket_version"),
        (at().header("sec-websocket-key", ""), 400, "malformed_handshake"),
        (at().header("connection", "keep-alive"), 400, "malformed_handshake"),
    ];
    for (handshake, status, code) in refused {
        handshake.refusal().await.refused(status, code);
    }
}

#[tokio::test]
async fn the_answer_to_a_handshake_contains_the_hash_of_the_key() {
    let session = signed_in().await;
    let socket = session.connect().await;
    // The example of RFC 6455, section 1.3.
    assert_eq!(socket.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[tokio::test]
async fn a_ticket_opens_one_socket() {
    let session = signed_in().await;
    let path = format!("/api/v1/ws/chat?ticket={}", ticket(&session).await);
    let answers = join_all((0..16).map(|_| session.app.handshake(&path).open())).await;
    let refused: Vec<Answer> = answers.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 15, "one of sixteen uses succeeds");
    for answer in refused {
        answer.expect(401).problem();
    }
}

#[tokio::test]
async fn a_ticket_expires_after_thirty_seconds() {
    let session = signed_in().await;
    let issued = session.post("/api/v1/ws/ticket", &json!({})).await.expect(200);
    assert_eq!(issued.body["expires_in"], 30);
    session.app.advance(Duration::from_secs(31));
    let path = format!("/api/v1/ws/chat?ticket={}", issued.text_of("ticket"));
    session.app.handshake(&path).refusal().await.expect(401).problem();
}

#[tokio::test]
async fn the_token_in_the_query_can_be_turned_off() {
    let app = App::with(|settings| settings.socket.query_token = false);
    let session = app.register().await.sign_in().await;
    session.try_connect().await.err().expect("a refusal").refused(400, "token_in_query");
    session.connect_by_command().await;
}

#[tokio::test]
async fn a_socket_without_a_connect_command_is_closed_as_stale() {
    let app = App::with(|settings| {
        std::sync::Arc::make_mut(&mut settings.socket.client).connect_timeout = Duration::from_millis(200);
    });
    let mut known = app.register().await.sign_in().await.connect().await;
    let mut socket = app.handshake(PATHS[1]).open().await.expect("the handshake is accepted");
    let closed = socket.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (3502, "stale"));
    assert!(known.is_undisturbed().await, "an older socket, authenticated in its handshake, stays open");
}

#[tokio::test]
async fn an_answer_before_a_handshake_on_the_same_connection_is_not_lost() {
    let app = App::start();
    for (handshake, status) in [("/api/v1/ws/chat", "101"), ("/nowhere", "404")] {
        let mut stream = tokio::net::TcpStream::connect(app.address()).await.unwrap();
        let requests = format!(
            "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n\
             GET {handshake} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        tokio::io::AsyncWriteExt::write_all(&mut stream, requests.as_bytes()).await.unwrap();
        let mut received = String::new();
        let both = async {
            let mut buffer = [0; 4096];
            while received.matches("HTTP/1.1 ").count() < 2 {
                let read = tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await.unwrap();
                assert!(read > 0, "the connection ended after {received:?}");
                received.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), both).await.expect("two answers");
        let second = received.rfind("HTTP/1.1 ").unwrap();
        assert!(received.starts_with("HTTP/1.1 200"), "{received}");
        assert!(received[second..].starts_with(&format!("HTTP/1.1 {status}")), "{received}");
    }
}

#[tokio::test]
async fn plain_connections_are_limited_per_address() {
    let app = App::with(|settings| settings.socket.limits.per_address = 2);
    // The body is missing, so the request is still in progress after the server has answered `100 Continue`.
    let unfinished = "POST /api/v1/auth/jwt/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                      Content-Length: 100\r\nExpect: 100-continue\r\n\r\n";
    let ask = async |stream: &mut tokio::net::TcpStream, request: &str| {
        tokio::io::AsyncWriteExt::write_all(stream, request.as_bytes()).await.unwrap();
        let mut buffer = [0; 4096];
        // A reset also counts as a refusal.
        tokio::io::AsyncReadExt::read(stream, &mut buffer).await.unwrap_or(0)
    };
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = tokio::net::TcpStream::connect(app.address()).await.unwrap();
        assert!(ask(&mut stream, unfinished).await > 0, "the first two are answered");
        held.push(stream);
    }
    let mut third = tokio::net::TcpStream::connect(app.address()).await.unwrap();
    let request = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(ask(&mut third, request).await, 0, "the third is closed without an answer");
}
