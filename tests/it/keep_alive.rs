//! Plain connections: how long they stay open, how an answer announces the close of its connection, and which connection the
//! server closes when a new one would exceed the limit. Two tests are about streams in HTTP/1.0 and 1.1.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{App, Session, within};

const ASK: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";

async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(app.address()).await.expect("a connection")
}

/// The bytes of the next read, in lower case.
async fn read(stream: &mut TcpStream) -> String {
    let mut buffer = [0; 8192];
    let length = within("an answer", stream.read(&mut buffer)).await.expect("an answer");
    String::from_utf8_lossy(&buffer[..length]).to_ascii_lowercase()
}

#[tokio::test]
async fn an_answer_states_how_long_its_connection_stays_open() {
    let app = App::start();
    let mut stream = connect(&app).await;
    stream.write_all(ASK).await.expect("the request is written");
    assert!(read(&mut stream).await.contains("\r\nkeep-alive: timeout=75\r\n"));
}

#[tokio::test]
async fn an_answer_on_a_connection_that_closes_has_no_keep_alive_header() {
    let app = App::start();
    let mut stream = connect(&app).await;
    let request = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.expect("the request is written");
    assert!(!read(&mut stream).await.contains("\r\nkeep-alive:"));
}

#[tokio::test]
async fn an_idle_connection_stays_open_for_the_time_of_the_setting() {
    let app = App::with(|settings| settings.socket.http_timeouts.keep_alive = Duration::from_secs(3));
    let mut stream = connect(&app).await;
    stream.write_all(ASK).await.expect("the request is written");
    assert!(read(&mut stream).await.contains("\r\nkeep-alive: timeout=3\r\n"));
    let answered = Instant::now();
    assert_eq!(read(&mut stream).await, "", "the connection closes without a reset");
    assert!(answered.elapsed() > Duration::from_secs(2), "after {:?}", answered.elapsed());
}

/// Opens an event stream in this version of HTTP, with `connection: keep-alive`. Returns the head and the first part of
/// the body.
async fn stream_in(session: &Session, version: &str) -> (String, String) {
    let connect_command = json!({"id": 1, "connect": {"token": session.access}}).to_string();
    let query: String = connect_command.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let mut stream = connect(&session.app).await;
    let request = format!(
        "GET /connection/sse?cf_connect={query} HTTP/{version}\r\nhost: x\r\nconnection: keep-alive\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("the request is written");
    let mut received = String::new();
    while !received.contains("data: {") {
        received.push_str(&read(&mut stream).await);
    }
    let (head, body) = received.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_stream_in_http_1_0_lasts_until_the_connection_closes() {
    let session = App::start().register().await.sign_in().await;
    let (head, body) = stream_in(&session, "1.0").await;
    assert!(head.starts_with("http/1.0 200"), "{head}");
    // In HTTP/1.0, a connection closes after an answer without `keep-alive`.
    assert!(!head.contains("transfer-encoding") && !head.contains("keep-alive"), "{head}");
    assert!(body.starts_with("\r\ndata: {"), "{body}");
}

#[tokio::test]
async fn a_stream_in_http_1_1_is_chunked() {
    let session = App::start().register().await.sign_in().await;
    let (head, _) = stream_in(&session, "1.1").await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
}

/// Sends a request on an open connection, and reads the answer.
async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(ASK).await.expect("the request is written");
    read(stream).await
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_body_announces_the_close_of_its_connection() {
    let app = App::start();
    for length in [9, 1 << 20] {
        let mut stream = connect(&app).await;
        let request = format!(
            "POST /api/v1/ws/ticket HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{{"
        );
        stream.write_all(request.as_bytes()).await.expect("the request is written");
        let answer = read(&mut stream).await;
        assert!(answer.starts_with("http/1.1 401 "), "{answer}");
        assert!(
            answer.contains("\r\nconnection: close\r\n") && !answer.contains("\r\nkeep-alive:"),
            "{answer}"
        );
        assert_eq!(read(&mut stream).await, "", "the connection closes");
    }
}

#[tokio::test]
async fn a_connection_stays_open_after_a_request_whose_body_was_read() {
    let app = App::start();
    let mut stream = connect(&app).await;
    let request = "POST /api/v1/auth/jwt/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                   content-length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).await.expect("the request is written");
    assert!(read(&mut stream).await.contains("\r\nkeep-alive: timeout=75\r\n"));
    assert!(ask(&mut stream).await.starts_with("http/1.1 200 "));
}

#[tokio::test]
async fn a_server_that_stops_announces_the_close_of_its_connections() {
    let app = App::with(|settings| settings.drain = Duration::from_secs(5));
    let _socket = app.register().await.sign_in().await.connect().await;
    let mut stream = connect(&app).await;
    assert!(ask(&mut stream).await.contains("\r\nkeep-alive:"));
    app.stop();
    let mut answer = ask(&mut stream).await;
    while answer.contains("\r\nkeep-alive:") {
        answer = ask(&mut stream).await;
    }
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

/// A server that permits two plain connections per address.
fn narrow() -> App {
    App::with(|settings| settings.socket.limits.per_address = 2)
}

#[tokio::test]
async fn at_the_limit_the_longest_idle_connection_is_closed_to_admit_a_new_one() {
    let app = narrow();
    let (mut first, mut second) = (connect(&app).await, connect(&app).await);
    for stream in [&mut first, &mut second] {
        assert!(ask(stream).await.starts_with("http/1.1 200 "));
    }
    assert!(ask(&mut first).await.starts_with("http/1.1 200 "));
    let mut third = connect(&app).await;
    assert!(ask(&mut third).await.starts_with("http/1.1 200 "));
    assert_eq!(read(&mut second).await, "", "the connection that waits longest closes without a reset");
    for stream in [&mut first, &mut third] {
        assert!(ask(stream).await.starts_with("http/1.1 200 "), "the others stay");
    }
}

#[tokio::test]
async fn at_the_limit_connections_with_a_request_in_progress_stay_open_and_a_new_one_is_refused() {
    let app = narrow();
    let mut begun = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&app).await;
        assert!(ask(&mut stream).await.starts_with("http/1.1 200 "));
        let head = "POST /api/v1/auth/jwt/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                    content-length: 2\r\nexpect: 100-continue\r\n\r\n";
        stream.write_all(head.as_bytes()).await.expect("a head is written");
        assert!(read(&mut stream).await.starts_with("http/1.1 100 "));
        begun.push(stream);
    }
    let mut third = connect(&app).await;
    let _ = third.write_all(ASK).await;
    let answered = within("the end of the connection", third.read(&mut [0; 8192])).await;
    assert!(matches!(answered, Ok(0) | Err(_)), "{answered:?}");
    for mut stream in begun {
        stream.write_all(b"{}").await.expect("the body is written");
        assert!(read(&mut stream).await.starts_with("http/1.1 422 "));
    }
}
