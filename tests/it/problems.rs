//! Bad requests to the REST API: each is answered with a problem document that contains the request id, and damages nothing.

use reqwest::{
    Method,
    header::{HeaderName, HeaderValue},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{App, Ask, Session, eventually, within};

const LOGIN: &str = "/api/v1/auth/jwt/login";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const REGISTER: &str = "/api/v1/auth/register";

struct Bad {
    name: &'static str,
    method: Method,
    path: &'static str,
    media: &'static str,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
}

fn bad(
    name: &'static str,
    path: &'static str,
    media: &'static str,
    body: impl Into<Vec<u8>>,
    status: u16,
    code: &'static str,
) -> Bad {
    Bad { name, method: Method::POST, path, media, body: body.into(), status, code }
}

fn table() -> Vec<Bad> {
    let megabyte = format!(r#"{{"username":"ann@example.com","password":"{}"}}"#, "x".repeat(1 << 20));
    let with_unknown = br#"{"username":"ann@example.com","password":"x","remember":true}"#;
    let broken_utf8 = b"{\"username\":\"ann\xff@example.com\",\"password\":\"x\"}";
    let deep = "[".repeat(10_000);
    vec![
        bad("truncated JSON", LOGIN, JSON, r#"{"username":"ann"#, 400, "malformed_json"),
        bad("an empty body", LOGIN, JSON, "", 400, "malformed_json"),
        bad("deep nesting", LOGIN, JSON, deep, 422, "invalid_body"),
        bad("broken UTF-8", LOGIN, JSON, broken_utf8, 400, "malformed_json"),
        bad("broken UTF-8 in a form", LOGIN, FORM, b"username=\xff&password=x", 400, "malformed_form"),
        bad("a password of a megabyte", LOGIN, JSON, megabyte, 413, "body_too_large"),
        bad("an unknown field", LOGIN, JSON, with_unknown, 422, "invalid_body"),
        bad("a missing field", LOGIN, JSON, r#"{"username":"ann@example.com"}"#, 422, "invalid_body"),
        bad("a field of another type", LOGIN, JSON, r#"{"username":7,"password":"x"}"#, 422, "invalid_body"),
        bad("an array", LOGIN, JSON, "[1]", 422, "invalid_body"),
        bad(
            "text instead of JSON",
            LOGIN,
            "text/plain",
            "username=ann&password=x",
            415,
            "unsupported_media_type",
        ),
        bad(
            "another charset",
            LOGIN,
            "application/json; charset=latin1",
            "{}",
            415,
            "unsupported_media_type",
        ),
        bad("a form instead of JSON", REGISTER, FORM, "email=a&password=b", 415, "unsupported_media_type"),
        bad("an unknown path of the API", "/api/v1/auth/nothing", JSON, "{}", 404, "not_found"),
        bad("a path outside of the API", "/wp-login.php", JSON, "{}", 404, "not_found"),
        Bad { method: Method::PUT, ..bad("another method", LOGIN, JSON, "{}", 405, "method_not_allowed") },
        Bad {
            method: Method::DELETE,
            ..bad("another method without a body", "/api/v1/auth/status", JSON, "", 405, "method_not_allowed")
        },
        bad(
            "an invalid e-mail address",
            REGISTER,
            JSON,
            r#"{"email":"nobody","password":"correct-zebra-lantern-42"}"#,
            422,
            "",
        ),
    ]
}

#[tokio::test]
async fn every_bad_request_gets_its_problem_document() {
    let app = App::start();
    for bad in table() {
        let request = app.request(bad.method, bad.path).header("content-type", bad.media).body(bad.body);
        let answer = request.ask().await;
        assert_eq!(answer.status, bad.status, "{}: {}", bad.name, answer.text);
        let answer = answer.problem();
        assert!(bad.code.is_empty() || answer.code() == bad.code, "{}: {}", bad.name, answer.text);
        let detail = answer.text_of("detail");
        assert!(
            !detail.contains("serde") && !detail.contains("line 1 column"),
            "the text of a library: {detail}"
        );
    }
    // Right after its start, a server may not be current yet.
    eventually("readiness", async || app.get("/health/ready").ask().await.status == 200).await;
}

#[tokio::test]
async fn a_405_names_the_permitted_methods() {
    let app = App::start();
    let answer = app.request(Method::PUT, LOGIN).ask().await.refused(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("POST"));
}

#[tokio::test]
async fn a_clients_own_request_id_is_kept_if_it_is_harmless() {
    let app = App::start();
    let ask = |id: &str| app.get("/api/v1/profile").header("x-request-id", id).ask();
    assert_eq!(ask("trace-42").await.refused(401, "not_authenticated").text_of("request_id"), "trace-42");
    for odd in ["has space", &"x".repeat(65)] {
        assert_ne!(ask(odd).await.problem().text_of("request_id"), odd);
    }
}

#[tokio::test]
async fn a_token_in_the_query_is_refused_by_rest() {
    let session = App::start().register().await.sign_in().await;
    for path in ["/api/v1/profile", "/api/v1/sessions", "/api/v1/auth/status", "/health"] {
        let path = format!("{path}?token={}", session.access);
        session.app.get(&path).ask().await.refused(400, "token_in_query");
        session.get(&path).await.refused(400, "token_in_query");
    }
}

#[tokio::test]
async fn a_broken_authorization_header_is_a_bad_request() {
    let session = App::start().register().await.sign_in().await;
    let app = &session.app;
    let ask = |value: &str| app.get("/api/v1/profile").header("authorization", value).ask();
    ask("Bearer").await.refused(400, "malformed_authorization");
    ask("Bearer two words").await.refused(400, "malformed_authorization");
    let twice = app.get("/api/v1/profile").bearer_auth(&session.access).bearer_auth("another");
    twice.ask().await.refused(400, "repeated_credential");
    let name = HeaderName::from_static("authorization");
    let value = HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap();
    app.get("/api/v1/profile").header(name, value).ask().await.refused(400, "malformed_authorization");
}

#[tokio::test]
async fn answers_have_the_security_headers_even_if_the_path_does_not_exist() {
    let app = App::start();
    for answer in [app.get("/health").ask().await, app.get("/nothing").ask().await] {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(
            answer
                .header("content-security-policy")
                .is_some_and(|policy| policy.contains("frame-ancestors 'none'"))
        );
        assert!(answer.header("x-request-id").is_some());
    }
}

/// Sends `request` unchanged, and returns the status and the whole answer.
async fn raw(app: &App, request: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(app.address()).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("the request is written");
    let mut answer = Vec::new();
    within("the whole answer", stream.read_to_end(&mut answer)).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer)
}

#[tokio::test]
async fn a_get_that_offers_h2c_gets_its_ordinary_answer() {
    let app = App::start();
    let request = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade, HTTP2-Settings, close\r\n\
                   upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQBAAAAAAIAAAAA\r\n\r\n";
    let (status, answer) = raw(&app, request).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains(r#""status":"ok""#), "{answer}");
}

#[tokio::test]
async fn a_post_that_offers_h2c_is_served_with_its_body() {
    let app = App::start();
    let person = app.register().await;
    let body = format!(r#"{{"username":"{}","password":"{}"}}"#, person.email, crate::harness::PASSWORD);
    let request = format!(
        "POST {LOGIN} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade, HTTP2-Settings, close\r\nupgrade: h2c\r\n\
         http2-settings: AAMAAABkAAQBAAAAAAIAAAAA\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (status, answer) = raw(&app, &request).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("access_token"), "{answer}");
}

#[tokio::test]
async fn the_answer_to_an_offer_of_another_protocol_says_that_the_connection_closes() {
    let app = App::start();
    let offers = [
        "upgrade, http2-settings\r\nupgrade: h2c",
        "Upgrade",
        "keep-alive, upgrade\r\nupgrade: other/2, h2c",
    ];
    for offer in offers {
        for ask in [
            ("GET", "/health", 200),
            ("POST", LOGIN, 415),
            ("GET", "/api/v1/ws/chat", 426),
            ("GET", "/x", 404),
        ] {
            let (method, path, expected) = ask;
            let request =
                format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: {offer}\r\n\r\n");
            let (status, answer) = raw(&app, &request).await;
            assert_eq!(status, expected, "{answer}");
            let (head, _) = answer.split_once("\r\n\r\n").expect("a head and a body");
            let connection =
                head.lines().filter_map(|line| line.strip_prefix("connection: ")).collect::<Vec<_>>();
            assert!(matches!(connection[..], ["close" | "close, upgrade"]), "{request}{head}");
        }
    }
}

#[tokio::test]
async fn a_socket_path_without_an_upgrade_is_answered_with_426() {
    let session = App::start().register().await.sign_in().await;
    session.get("/api/v1/ws/chat").await.refused(426, "upgrade_required");
}

#[tokio::test]
async fn health_needs_no_credential_and_metrics_contain_no_secret() {
    let app = App::start();
    let session: Session = app.register().await.sign_in().await;
    let _socket = session.connect().await;
    for path in ["/health", "/health/live"] {
        app.get(path).ask().await.expect(200);
    }
    let metrics = app.metrics();
    for secret in [&session.access, &session.refresh, &session.person.email] {
        assert!(!metrics.contains(secret.as_str()));
    }
}

#[tokio::test]
async fn a_head_has_at_most_32_kib() {
    let app = App::start();
    let filler = |length: usize| app.get("/health/live").header("x-filler", "x".repeat(length)).ask();
    filler(31 * 1024).await.expect(200);
    filler(33 * 1024).await.refused(431, "head_too_large");
    let path = format!("/health/live?{}", "x".repeat(33 * 1024));
    app.get(&path).ask().await.refused(431, "head_too_large");
    let handshake = app.handshake("/connection/websocket").header("x-filler", &"x".repeat(33 * 1024));
    handshake.open().await.err().expect("a refusal").refused(431, "head_too_large");
}

#[tokio::test]
async fn an_incomplete_head_of_128_kib_is_refused() {
    const MOST: usize = 128 * 1024;
    let app = App::start();
    for first in ["", "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"] {
        let mut stream = tokio::net::TcpStream::connect(app.address()).await.expect("a connection");
        let head = format!("GET /health/live HTTP/1.1\r\nx-filler: {}", "x".repeat(MOST));
        stream.write_all(format!("{first}{head}").as_bytes()).await.expect("the head is written");
        let mut answer = Vec::new();
        let _ = within("the end of the connection", stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        assert!(answer.contains("http/1.1 431 "), "{answer}");
    }
}
