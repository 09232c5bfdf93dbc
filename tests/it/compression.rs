//! Which answers are compressed.

use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{API_KEY, App, PASSWORD, Person, Session, app_with_key};

/// An answer: its `Content-Encoding`, its `Vary` lines, the length of the body as it was sent, and the decompressed body.
struct Read {
    encoding: Option<String>,
    vary: String,
    length: usize,
    body: Value,
}

/// Sends the request with this `Accept-Encoding`, and reads the answer.
async fn read(request: RequestBuilder, accepts: &str) -> Read {
    let answer = request.header("accept-encoding", accepts).send().await.expect("an answer");
    let of = |name: &str| {
        let lines = answer.headers().get_all(name).iter().map(|line| line.to_str().expect("a text"));
        lines.collect::<Vec<_>>().join(", ").to_lowercase()
    };
    let (encoding, vary) = (of("content-encoding"), of("vary"));
    let bytes = answer.bytes().await.expect("a body");
    let mut plain = Vec::new();
    if encoding == "gzip" {
        GzDecoder::new(&bytes[..]).read_to_end(&mut plain).expect("gzip");
    } else {
        plain = bytes.to_vec();
    }
    Read {
        encoding: (!encoding.is_empty()).then_some(encoding),
        vary,
        length: bytes.len(),
        body: serde_json::from_slice(&plain).unwrap_or_default(),
    }
}

/// A new user, and the newest of the user's ten sessions. The list of ten sessions is long enough to be compressed.
async fn one_of_many(app: &App) -> (Person, Session) {
    let person = app.register().await;
    for _ in 0..9 {
        person.sign_in().await;
    }
    let session = person.sign_in().await;
    (person, session)
}

fn ids(body: &Value) -> Vec<&Value> {
    body["sessions"].as_array().expect("a list").iter().map(|session| &session["id"]).collect()
}

fn sessions(app: &App, session: &Session) -> RequestBuilder {
    app.get("/api/v1/sessions").bearer_auth(&session.access)
}

#[tokio::test]
async fn a_long_list_is_compressed_for_a_client_that_accepts_gzip() {
    let app = App::start();
    let (_, session) = one_of_many(&app).await;
    let plain = read(sessions(&app, &session), "identity").await;
    assert_eq!(plain.encoding, None);
    for accepts in ["gzip", "br, gzip;q=0.5", "gzip, deflate, br, zstd"] {
        let compressed = read(sessions(&app, &session), accepts).await;
        assert_eq!(compressed.encoding.as_deref(), Some("gzip"), "{accepts}");
        assert_eq!(ids(&compressed.body), ids(&plain.body), "{accepts}");
        assert!(compressed.length * 2 < plain.length, "{} of {}", compressed.length, plain.length);
        assert!(compressed.vary.contains("accept-encoding") && compressed.vary.contains("origin"));
    }
}

#[tokio::test]
async fn a_long_list_is_not_compressed_for_a_client_that_does_not_accept_gzip() {
    let app = App::start();
    let (_, session) = one_of_many(&app).await;
    for accepts in ["", "br", "gzip;q=0", "identity, gzip;q=0.5", "nonsense;;"] {
        let answer = read(sessions(&app, &session), accepts).await;
        assert_eq!(answer.encoding, None, "{accepts}");
        assert_eq!(ids(&answer.body).len(), 10, "{accepts}");
        assert!(answer.vary.contains("accept-encoding"), "{}", answer.vary);
    }
}

#[tokio::test]
async fn a_short_list_is_not_compressed() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    assert_eq!(read(sessions(&app, &session), "gzip").await.encoding, None);
}

#[tokio::test]
async fn a_long_result_of_the_server_api_is_compressed() {
    let app = app_with_key();
    let commands: Vec<Value> = (0..100).map(|_| json!({"info": {}})).collect();
    let request = app.api_request("batch").header("x-api-key", API_KEY).json(&json!({"commands": commands}));
    let answer = read(request, "gzip").await;
    assert_eq!(answer.body["replies"].as_array().map(Vec::len), Some(100), "{}", answer.body);
    assert_eq!(answer.encoding.as_deref(), Some("gzip"));
}

/// If an answer contained both a secret and a text that an attacker chose, the length of the compressed answer could reveal the
/// secret.
#[tokio::test]
async fn an_answer_with_a_secret_is_never_compressed() {
    let app = App::start();
    let person = app.register().await;
    let session = person.sign_in().await;
    let sign_in = || app.post("/api/v1/auth/jwt/login");
    let form = [("username", person.email.as_str()), ("password", PASSWORD)];
    let secrets = [
        sign_in().form(&form),
        app.request(Method::GET, "/api/v1/auth/csrf-token"),
        app.post("/api/v1/auth/refresh").json(&json!({"refresh_token": session.refresh})),
    ];
    for request in secrets {
        let answer = read(request, "gzip, br, *").await;
        assert_eq!(answer.encoding, None, "{}", answer.body);
        assert!(answer.body.is_object(), "{}", answer.body);
        // These answers are short. The header shows that a longer one would not be compressed, either.
        assert!(!answer.vary.contains("accept-encoding"), "{}", answer.vary);
    }
}
