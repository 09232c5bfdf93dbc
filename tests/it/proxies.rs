//! Places of connections: each client behind a trusted proxy has its own places, and streams use no places of plain
//! connections. Requests of other sites are refused before they count for a limit.

use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::harness::{Answer, App, Ask, EmulatedConnection, eventually};

const LIMIT: usize = 2;

/// A server behind a proxy on this machine, with few places per address.
fn behind_a_proxy() -> App {
    App::with(|settings| {
        settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.socket.limits.per_address = LIMIT;
    })
}

/// The answer to a client behind the proxy.
async fn ask_from(app: &App, client: &str) -> Answer {
    app.get("/health/live").header("x-forwarded-for", client).ask().await
}

/// Begins a request of a client behind the proxy. Only the first byte of its body is sent.
async fn begin_from(app: &App, client: &str) -> TcpStream {
    let mut stream = TcpStream::connect(app.address()).await.expect("a connection");
    let head = format!(
        "POST /emulation HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: {client}\r\ncontent-length: 9\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.expect("the head is written");
    stream
}

#[tokio::test]
async fn a_trusted_proxy_may_have_more_connections_than_one_client() {
    let app = behind_a_proxy();
    let mut held = Vec::new();
    for number in 0..4 * LIMIT {
        held.push(begin_from(&app, &format!("198.51.100.{number}")).await);
    }
    ask_from(&app, "203.0.113.9").await.expect(200);
}

#[tokio::test]
async fn the_simultaneous_requests_of_a_client_behind_a_proxy_are_limited() {
    let app = behind_a_proxy();
    let held = [begin_from(&app, "198.51.100.1").await, begin_from(&app, "198.51.100.1").await];
    eventually("the limit is reached", async || ask_from(&app, "198.51.100.1").await.status == 429).await;
    let answer = ask_from(&app, "198.51.100.1").await;
    answer.refused(429, "connection_limit");
    ask_from(&app, "198.51.100.2").await.expect(200);
    drop(held);
    eventually("the places are free", async || ask_from(&app, "198.51.100.1").await.status == 200).await;
}

#[tokio::test]
async fn requests_of_the_proxy_itself_are_not_counted() {
    let app = behind_a_proxy();
    let mut held = Vec::new();
    for _ in 0..LIMIT {
        held.push(begin_from(&app, "127.0.0.1").await);
    }
    app.get("/health/live").ask().await.expect(200);
}

#[tokio::test]
async fn streams_use_no_places_of_plain_connections() {
    let app = App::with(|settings| settings.socket.limits.per_address = LIMIT);
    let session = app.register().await.sign_in().await;
    let _streams = [EmulatedConnection::of(&session).await, EmulatedConnection::of(&session).await];
    // If the streams used places of plain connections, all places of the address would be in use now.
    for _ in 0..3 {
        let mut stream = TcpStream::connect(app.address()).await.expect("a connection");
        stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await.expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn streams_use_places_of_sockets() {
    let app = App::with(|settings| settings.socket.limits.per_address = LIMIT);
    let session = app.register().await.sign_in().await;
    let _streams = [EmulatedConnection::of(&session).await, EmulatedConnection::of(&session).await];
    session.try_connect().await.err().expect("a refusal").refused(429, "connection_limit");
}

/// The headers that browsers send with two kinds of requests: for a picture on a page of another site, and others with an
/// answer that the page cannot read.
const OTHER_SITES: [&[(&str, &str)]; 4] = [
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "same-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "cross-site"), ("origin", "null")],
];

#[tokio::test]
async fn requests_of_other_sites_use_up_no_limit() {
    let app = App::with(|settings| {
        settings.address_limit_factor = 1;
        settings.limits.handshake_address.burst = 2;
        settings.limits.csrf_address.burst = 2;
    });
    let session = app.register().await.sign_in().await;
    for headers in OTHER_SITES {
        for path in ["/connection/sse?cf_connect=%7B%7D", "/api/v1/auth/csrf-token"] {
            for _ in 0..3 {
                let request = headers
                    .iter()
                    .fold(app.get(path), |request, (name, value)| request.header(*name, *value));
                request.ask().await.refused(403, "origin_not_allowed");
            }
        }
        let handshake = app.handshake("/connection/websocket");
        let handshake =
            headers.iter().fold(handshake, |handshake, (name, value)| handshake.header(name, value));
        handshake.refusal().await.refused(403, "origin_not_allowed");
    }
    session.connect().await.subscribe("chat:lobby").await;
    app.get("/api/v1/auth/csrf-token").ask().await.expect(200);
}

#[tokio::test]
async fn a_request_of_another_site_is_refused_before_its_body_arrives() {
    let app = App::start();
    for path in ["/connection/http_stream", "/emulation"] {
        let mut stream = TcpStream::connect(app.address()).await.expect("a connection");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nsec-fetch-site: cross-site\r\ncontent-length: 9\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("the head is written");
        let mut answer = [0; 12];
        crate::harness::within("an answer", tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer))
            .await
            .expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 403");
    }
}

#[tokio::test]
async fn an_allowed_origin_may_be_another_site() {
    let app = App::with(|settings| settings.web.allowed_origins.push("https://app.example".to_owned()));
    let session = app.register().await.sign_in().await;
    let handshake = app.handshake("/connection/websocket").header("origin", "https://app.example");
    let mut socket = handshake.header("sec-fetch-site", "cross-site").open().await.expect("a socket");
    socket.send_text(&json!({"id": 1, "connect": {"token": session.access}}).to_string()).await;
    assert!(socket.reply(1).await.unwrap()["connect"].is_object());
}

#[tokio::test]
async fn clients_that_the_proxy_does_not_name_do_not_share_the_places_of_one_client() {
    let app = behind_a_proxy();
    let notices = async || app.get("/health/ready").ask().await.expect(200).body["details"].clone();
    eventually("readiness", async || app.get("/health/ready").ask().await.status == 200).await;
    assert_eq!(notices().await, json!([]), "a health check names no client");
    let session = app.register().await.sign_in().await;
    let mut sockets = Vec::new();
    for _ in 0..4 * LIMIT {
        sockets.push(session.connect().await);
    }
    assert_eq!(notices().await[0]["code"], "unnamed_clients");
    for socket in &mut sockets {
        assert!(socket.is_undisturbed().await);
    }
}
