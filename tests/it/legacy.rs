//! The exact requests of old clients: clients of the Python authentication system that Portcullis replaces, and a WebSocket
//! client without a client library.

use std::{path::Path, process::Command};

use domain::account::role::Role;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::harness::{App, scratch_dir, within};

/// A sequence of commands from the manual of the replaced system. It must continue to work. The test replaces the port, and
/// adds options to `curl` that change no request.
const SEQUENCE: &str = r#"
curl -k https://localhost:8443/health
curl -k -X GET https://localhost:8443/api/v1/auth/csrf-token -H "Accept: application/json" -c cookies.txt
CSRF_TOKEN=$(grep csrf_token cookies.txt | cut -f7)
curl -k -X POST https://localhost:8443/api/v1/auth/jwt/login -H "Content-Type: application/x-www-form-urlencoded" \
  -H "X-CSRF-TOKEN: $CSRF_TOKEN" -H "Origin: https://localhost" \
  -d "username=user@example.com&password=password" -b cookies.txt -c auth_cookies.txt
curl -k https://localhost:8443/api/v1/profile -H "Accept: application/json" -b auth_cookies.txt
"#;

async fn tls_app() -> App {
    let app = App::with_tls(|_| {});
    app.seed_user("user@example.com", "password", Role::User).await;
    app
}

/// Runs the sequence in `directory`, and returns the JSON values that it printed.
fn run_sequence(app: &App, directory: &Path) -> Vec<Value> {
    let script = SEQUENCE.replace(":8443", &format!(":{}", app.tls_address().port()));
    let output = Command::new("bash")
        .args(["-e", "-u", "-o", "pipefail", "-c"])
        .arg(script.replace("curl ", "curl --silent --show-error --noproxy '*' --max-time 20 "))
        .current_dir(directory)
        .output()
        .expect("bash and curl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    printed.map(|value| value.expect("answers in JSON")).collect()
}

#[tokio::test]
async fn the_sequence_of_commands_from_the_manual_of_the_replaced_system_works() {
    let (app, directory) = (tls_app().await, scratch_dir());
    let [health, csrf, login, profile] = &run_sequence(&app, directory.path())[..] else {
        panic!("four answers were expected")
    };
    assert_eq!(health["status"], "ok");
    assert_eq!(csrf["expires_in"], 3600);
    assert_eq!((&login["token_type"], &login["expires_in"]), (&json!("bearer"), &json!(3600)));
    assert_eq!(profile["email"], "user@example.com");
}

#[tokio::test]
async fn exactly_one_line_of_each_cookie_file_contains_the_text_csrf_token() {
    let (app, directory) = (tls_app().await, scratch_dir());
    run_sequence(&app, directory.path());
    for file in ["cookies.txt", "auth_cookies.txt"] {
        let lines = std::fs::read_to_string(directory.path().join(file)).unwrap();
        assert_eq!(lines.lines().filter(|line| line.contains("csrf_token")).count(), 1, "{file}: {lines}");
    }
}

/// Subscribes and publishes with a WebSocket library, without `connect`, as `wscat` does.
async fn talk<S>(mut socket: WebSocketStream<S>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    socket.send(Message::text(r#"{"id":1,"subscribe":{"channel":"chat:lobby"}}"#)).await.unwrap();
    socket
        .send(Message::text(r#"{"id":2,"publish":{"channel":"chat:lobby","data":{"text":"hi"}}}"#))
        .await
        .unwrap();
    let (mut subscribed, mut published, mut received) = (false, false, false);
    while !(subscribed && published && received) {
        let message = within("a message", socket.next()).await.expect("an open socket").expect("a message");
        let Message::Text(text) = message else { continue };
        for line in text.lines() {
            let object: Value = serde_json::from_str(line).unwrap();
            subscribed |= object["id"] == 1 && object["subscribe"].is_object();
            published |= object["id"] == 2 && object["publish"].is_object();
            received |= object["push"]["pub"]["data"] == json!({"text": "hi"});
        }
    }
}

#[tokio::test]
async fn without_a_client_library_a_client_with_the_token_in_the_query_subscribes_and_publishes() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let url = format!("ws://{}/api/v1/ws/chat?token={}", app.address(), session.access);
    let stream = TcpStream::connect(app.address()).await.unwrap();
    let (socket, _) = Box::pin(within("a handshake", client_async(url, stream))).await.expect("the upgrade");
    talk(socket).await;
}

#[tokio::test]
async fn without_a_client_library_a_client_subscribes_and_publishes_over_tls() {
    let app = tls_app().await;
    let session = app.register().await.sign_in().await;
    let stream = app.connect_tls().await;
    let url = format!("wss://localhost:{}/api/v1/ws/chat?token={}", app.tls_address().port(), session.access);
    let (socket, _) = Box::pin(within("a handshake", client_async(url, stream))).await.expect("the upgrade");
    talk(socket).await;
}
