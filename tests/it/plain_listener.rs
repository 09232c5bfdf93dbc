//! The plain listener: it can be off, redirect to HTTPS, or be a Unix socket.

use std::{os::unix::fs::PermissionsExt as _, path::PathBuf};

use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};
use tokio_tungstenite::client_async;

use crate::{
    harness::{App, Ask as _, Certificates, client, eventually, portcullis, scratch_dir, within},
    serve::production_with,
};

/// A server with a plain listener that redirects to `chat.example.com`.
fn redirecting() -> App {
    App::with_tls(|settings| {
        settings.listen.redirect = true;
        settings.web.domain = "chat.example.com".to_owned();
    })
}

/// A client that shows redirects instead of following them.
fn rest() -> Client {
    client().redirect(Policy::none()).build().expect("a client")
}

#[tokio::test]
async fn requests_are_redirected_with_their_method_path_and_query() {
    let app = redirecting();
    for (path, target) in [
        ("/", "https://chat.example.com/"),
        ("/api/v1/profile?a=b%20c", "https://chat.example.com/api/v1/profile?a=b%20c"),
        ("/healthy", "https://chat.example.com/healthy"),
        ("//other.example/x", "https://chat.example.com//other.example/x"),
    ] {
        let answer = rest().get(app.url(path)).ask().await.expect(308);
        assert_eq!(answer.header("location"), Some(target), "{path}");
    }
    let answer = rest().post(app.url("/api/v1/auth/jwt/login")).json(&json!({})).ask().await.expect(308);
    assert_eq!(answer.header("location"), Some("https://chat.example.com/api/v1/auth/jwt/login"));
}

#[tokio::test]
async fn health_is_answered_without_a_redirect() {
    let app = redirecting();
    for path in ["/health", "/health/live"] {
        rest().get(app.url(path)).ask().await.expect(200);
    }
    eventually("readiness", async || rest().get(app.url("/health/ready")).ask().await.status == 200).await;
}

#[tokio::test]
async fn a_listener_that_redirects_accepts_no_sockets_and_no_streams() {
    let app = redirecting();
    let refusal = app.handshake("/connection/websocket").refusal().await;
    refusal.refused(403, "tls_required");
    for path in ["/connection/http_stream", "/connection/sse", "/emulation"] {
        rest().post(app.url(path)).body("{}").ask().await.expect(308);
    }
    app.tls_client()
        .get(format!("https://localhost:{}/health", app.tls_address().port()))
        .ask()
        .await
        .expect(200);
}

/// A server that listens on a Unix socket, too, and the path of the socket.
fn with_socket(directory: &tempfile::TempDir) -> (App, PathBuf) {
    let path = directory.path().join("api.sock");
    let app = App::with(|settings| settings.listen.socket = Some((path.clone(), 0o660)));
    (app, path)
}

/// Sends a request over the socket. Returns the status and the body of the answer.
async fn ask(path: &PathBuf, request: &str, headers: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(path).await.expect("a connection");
    let head = format!("{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.expect("the request is written");
    let mut text = String::new();
    within("an answer", stream.read_to_string(&mut text)).await.expect("an answer");
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test]
async fn the_peer_of_a_unix_socket_is_a_trusted_proxy() {
    let directory = scratch_dir();
    let (app, path) = with_socket(&directory);
    let session = app.register().await.sign_in().await;
    let bearer = format!("authorization: Bearer {}\r\nx-forwarded-for: 198.51.100.7\r\n", session.access);
    let (status, body) = ask(&path, "GET /api/v1/profile", &bearer).await;
    assert_eq!((status, &body["email"]), (200, &json!(session.person.email)));
    let (status, _) = ask(&path, "GET /api/v1/profile", "x-forwarded-for: 198.51.100.7\r\n").await;
    assert_eq!(status, 401);
    eventually("readiness", async || ask(&path, "GET /health/ready", "").await.0 == 200).await;
    assert_eq!(ask(&path, "GET /health/ready", "").await.1["details"], json!([]));
    let body = "username=unknown%40example.com&password=a-wrong-password-1";
    let headers = format!(
        "x-forwarded-for: 198.51.100.8\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(ask(&path, "POST /api/v1/auth/jwt/login", headers.trim_end()).await.0, 401);
    let attempts =
        app.count("SELECT count(*) FROM device_login_attempts WHERE address = '198.51.100.8'").await;
    assert_eq!(attempts, 1);
}

#[tokio::test]
async fn a_websocket_over_a_unix_socket_works_and_is_closed_by_a_revocation() {
    let directory = scratch_dir();
    let (app, path) = with_socket(&directory);
    let session = app.register().await.sign_in().await;
    let stream = UnixStream::connect(&path).await.expect("a connection");
    let url = format!("ws://localhost/api/v1/ws/chat?token={}", session.access);
    let (mut socket, _) =
        Box::pin(within("a handshake", client_async(url, stream))).await.expect("the upgrade");
    session.sign_out("local").await;
    let closed = within("the close", futures_util::StreamExt::next(&mut socket)).await;
    let message = closed.expect("a close frame").expect("a message");
    assert!(message.is_close(), "{message}");
}

#[tokio::test]
async fn the_client_certificate_is_needed_over_a_unix_socket_too() {
    let (directory, certificates) = (scratch_dir(), Certificates::new());
    let path = directory.path().join("api.sock");
    let _app = App::with_tls(|settings| {
        settings.listen.socket = Some((path.clone(), 0o660));
        settings.listen.client_ca = Some(certificates.authority_file());
    });
    let (status, body) = ask(&path, "GET /api/v1/admin/sessions", "").await;
    assert_eq!((status, &body["code"]), (403, &json!("client_certificate_required")));
}

/// Waits until `portcullis health` with these settings finds a server that is ready.
async fn until_healthy(environment: &[(&str, &str)]) {
    eventually("readiness", async || portcullis(&["health"], environment).status.success()).await;
}

#[tokio::test]
async fn a_production_server_may_serve_only_a_unix_socket_which_disappears_at_its_stop() {
    let directory = scratch_dir();
    let path = directory.path().join("api.sock");
    let name = path.to_str().expect("a path in UTF-8");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket that no process uses any more"));
    let server = production_with(&[("API_PORT", "off"), ("API_SOCKET", name), ("API_SOCKET_MODE", "0600")]);
    assert_eq!(server.facts["http"], Value::Null);
    let mode = std::fs::metadata(&path).expect("the socket").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    until_healthy(&[("API_PORT", "off"), ("API_SOCKET", name)]).await;
    assert!(server.terminate().success());
    assert!(!path.exists());
}

#[tokio::test]
async fn the_health_command_asks_over_tls_if_nothing_else_is_served() {
    let certificates = Certificates::new();
    let pair = certificates.server("tls", 9);
    let path = |path: PathBuf| path.to_str().expect("a path in UTF-8").to_owned();
    let (certificate, key) = (path(pair.certificate), path(pair.key));
    let server = production_with(&[
        ("API_PORT", "off"),
        ("TLS_PORT", "0"),
        ("TLS_CERT_FILE", &certificate),
        ("TLS_KEY_FILE", &key),
    ]);
    let port = server.facts["https"].as_str().and_then(|url| url.rsplit(':').next()).expect("a port");
    until_healthy(&[("API_PORT", "off"), ("TLS_PORT", port)]).await;
}

/// What `portcullis config check` reports with these settings.
fn config_check(environment: &[(&str, &str)]) -> String {
    let output = portcullis(&["config", "check"], environment);
    assert_eq!(output.status.code(), Some(78));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn invalid_settings_of_the_plain_listener_are_reported() {
    for (environment, expected) in [
        (&[("API_PORT", "off")][..], "API_PORT: off, and there is neither TLS nor API_SOCKET"),
        (&[("API_PORT", "none")], "API_PORT: must be a whole number from 0 to 65535"),
        (&[("API_PORT", "65536")], "API_PORT: must be at most 65535"),
        (&[("API_REDIRECT", "true")], "API_REDIRECT: without TLS there is no target"),
        (
            &[("API_SOCKET", "/run/x.sock"), ("API_SOCKET_MODE", "0999")],
            "API_SOCKET_MODE: `0999` is not an octal number",
        ),
    ] {
        let found = config_check(environment);
        assert!(found.contains(expected), "{expected}: {found}");
    }
}
