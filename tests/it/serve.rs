//! `portcullis serve`: the production server as an operator starts and stops it.

use std::path::Path;

use serde_json::{Value, json};
use store::DatabaseSettings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{
    Ask as _, Closed, Opcode, PASSWORD, Server, client, database_url, eventually, frame, fresh_database,
    portcullis, within,
};

const ORIGIN: &str = "https://chat.example.com";

fn production() -> Server {
    production_with(&[])
}

/// A production server with the settings that every production server needs, and with these further ones.
pub(crate) fn production_with(further: &[(&str, &str)]) -> Server {
    production_from(&[], further)
}

/// A production server with the settings in these files, and with these settings.
pub(crate) fn production_from(files: &[&Path], further: &[(&str, &str)]) -> Server {
    production_on(&fresh_database(), files, further, &[])
}

/// A production server on this database, with the settings in these files, and with these settings. The settings of
/// `left_out` are not in its environment, so that a file can give and change them.
pub(crate) fn production_on(
    database: &DatabaseSettings,
    files: &[&Path],
    further: &[(&str, &str)],
    left_out: &[&str],
) -> Server {
    let url = database_url(database).replace("postgresql:", "postgresql+psycopg2:");
    let settings = settings(&url);
    let settings: Vec<_> = settings.into_iter().filter(|(name, _)| !left_out.contains(name)).collect();
    Server::serve_from(files, &[&settings, further].concat())
}

/// The settings that every production server needs, with this database.
pub(crate) fn settings(url: &str) -> [(&'static str, &str); 7] {
    [
        ("DATABASE_URL", url),
        ("DOMAIN", "chat.example.com"),
        ("CORS_ALLOWED_ORIGINS", ORIGIN),
        ("JWT_SECRET_KEY", "Zq8vT2mW5xR1nB7kD4hJ9pL3sF6gY0cA"),
        ("CSRF_SECRET_KEY", "u7Ee1Rr5Tt9Yy3Ii7Oo1Pp5Aa9Ss3Dd6"),
        ("DATA_ENCRYPTION_KEY", "m4Nn8Bb2Vv6Cc0Xx4Zz8Ll2Kk6Jj0Hh5"),
        ("DRAIN_SECONDS", "0"),
    ]
}

/// A request over plain HTTP, as from a proxy that terminates TLS.
fn post(server: &Server, path: &str, body: &Value) -> reqwest::RequestBuilder {
    let rest = client().build().expect("a client");
    rest.post(format!("http://{}{path}", server.address())).json(body)
}

async fn sign_in(server: &Server) -> String {
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    post(server, "/api/v1/auth/register", &body).ask().await.expect(201);
    let body = json!({"username": "ann@example.com", "password": PASSWORD});
    let answer = post(server, "/api/v1/auth/jwt/login", &body).ask().await.expect(200);
    for cookie in ["access_token", "refresh_token", "csrf_token"] {
        assert!(answer.set_cookie(cookie).is_some_and(|line| line.contains("; Secure")), "{cookie}");
    }
    answer.text_of("access_token")
}

#[tokio::test]
async fn production_accepts_only_allowed_origins_and_stops_without_an_error() {
    let server = production();
    let token = sign_in(&server).await;
    let path = format!("/api/v1/ws/chat?token={token}");
    server
        .handshake(&path)
        .header("origin", "https://localhost")
        .refusal()
        .await
        .refused(403, "origin_not_allowed");
    let mut socket =
        server.handshake(&path).header("origin", ORIGIN).open().await.expect("the handshake is accepted");
    socket.subscribe("chat:lobby").await;
    let stopping = tokio::task::spawn_blocking(move || server.terminate());
    assert_eq!(socket.closed().await, Closed { code: 3001, reason: "shutdown".to_owned() });
    assert!(stopping.await.expect("the server's end").success());
}

#[tokio::test]
async fn the_health_command_succeeds_only_while_the_server_runs() {
    let server = production();
    let port = server.address().port().to_string();
    let health = || portcullis(&["health"], &[("API_PORT", &port)]);
    eventually("the server is ready", async || health().status.code() == Some(0)).await;
    assert!(server.terminate().success());
    let after = health();
    assert_eq!(after.status.code(), Some(1));
    let why = String::from_utf8_lossy(&after.stderr).into_owned();
    assert!(why.contains(&format!("no answer from 127.0.0.1:{port}")), "{why}");
}

#[tokio::test]
async fn production_logs_one_json_object_per_line() {
    let server = production();
    sign_in(&server).await;
    let log = server.log();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect();
    let access =
        lines.iter().find(|line| line["path"] == "/api/v1/auth/jwt/login").expect("the request's line");
    assert_eq!((&access["method"], &access["status"]), (&json!("POST"), &json!(200)));
    assert!(access["timestamp"].is_string() && access["level"].is_string());
    assert!(access.to_string().contains("request_id"), "{access}");
}

#[tokio::test]
async fn production_has_no_demonstration_users_and_no_debug_route() {
    let server = production();
    let body = json!({"username": "user@example.com", "password": "password"});
    post(&server, "/api/v1/auth/jwt/login", &body).ask().await.expect(401).problem();
    let token = sign_in(&server).await;
    let url = format!("http://{}/api/v1/profile/debug", server.address());
    let rest = client().build().expect("a client");
    rest.get(url).bearer_auth(token).ask().await.refused(404, "not_found");
}

#[tokio::test]
async fn malformed_input_is_not_logged_as_an_error() {
    let server = production();
    let token = sign_in(&server).await;
    let path = format!("/api/v1/ws/chat?token={token}");
    let mut socket = server.handshake(&path).header("origin", ORIGIN).open().await.expect("open");
    socket.send(&frame(Opcode::Ping, false, b"in parts")).await;
    assert_eq!(socket.closed().await.code, 3501);
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.expect("a connection");
    stream.write_all(b"NO REQUEST\r\n\r\n").await.expect("the bytes are written");
    let _ = within("the end", stream.read_to_end(&mut Vec::new())).await;
    let log = server.log();
    assert!(log.contains("\"INFO\"") && !log.contains("\"ERROR\""), "{log}");
}
