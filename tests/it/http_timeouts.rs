//! Plain connections: how long the server waits for requests and for a peer that does not read its answers, and how many bytes
//! it reads meanwhile.

use std::time::{Duration, Instant};

use portcullis::{config::Settings, socket::HttpTimeouts};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::harness::{App, Ask, EmulatedConnection, MORE_THAN_FITS, PATIENCE, within};

/// A request for a path that does not exist.
const ASK: &[u8] = b"GET /nope HTTP/1.1\r\nhost: localhost\r\n\r\n";
const CHUNKED: &str = "host: localhost\r\ntransfer-encoding: chunked\r\n\r\n";

/// A server with very short timeouts.
fn hurried() -> App {
    App::with_tls(hurry)
}

fn hurry(settings: &mut Settings) {
    settings.socket.http_timeouts = HttpTimeouts {
        request: Duration::from_secs(1),
        keep_alive: Duration::from_secs(1),
        surplus: 256 * 1024,
        taking: Duration::from_secs(1),
        answer: Duration::from_secs(2),
    };
}

/// A connection with a small receive buffer.
async fn connect(app: &App) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a buffer of this size");
    socket.connect(app.address()).await.expect("a connection")
}

/// Reads until the connection ends, with or without an error.
async fn read_to_the_end(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let _ = within("the end of the connection", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends requests without reading the answers, until a write fails or stalls. Returns the number of bytes sent, and
/// whether the connection ended.
async fn ask_on(stream: &mut (impl AsyncWrite + Unpin), stalled: Duration) -> (usize, bool) {
    let (many, mut sent) = (ASK.repeat(100), 0);
    loop {
        match timeout(stalled, stream.write_all(&many)).await {
            Ok(Ok(())) => sent += many.len(),
            Ok(Err(_)) => return (sent, true),
            Err(_) => return (sent, false),
        }
    }
}

#[tokio::test]
async fn a_connection_closes_if_the_body_of_an_answered_request_never_ends() {
    let app = hurried();
    for request in ["POST /nope", "GET /health", "GET /connection/sse?cf_connect=x"] {
        for behind in ["", "5\r\n{"] {
            let mut stream = connect(&app).await;
            let request = format!("{request} HTTP/1.1\r\n{CHUNKED}{behind}");
            stream.write_all(request.as_bytes()).await.expect("the request is written");
            assert!(read_to_the_end(&mut stream).await.starts_with("HTTP/1.1 "), "{request}");
        }
    }
    let mut stream = app.connect_tls().await;
    let request = format!("POST /nope HTTP/1.1\r\n{CHUNKED}5\r\n{{");
    stream.write_all(request.as_bytes()).await.expect("the request is written");
    assert!(read_to_the_end(&mut stream).await.starts_with("HTTP/1.1 404 "), "over TLS");
}

#[tokio::test]
async fn a_connection_closes_if_its_next_request_is_never_complete() {
    let app = hurried();
    let mut stream = connect(&app).await;
    stream.write_all(&[ASK, b"GET /no"].concat()).await.expect("the requests are written");
    assert!(read_to_the_end(&mut stream).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_connection_closes_if_too_many_bytes_follow_an_answer() {
    // The timeouts are longer than the test waits. So only the limit on bytes can end the connection.
    let (hour, surplus) = (Duration::from_secs(3600), 1024 * 1024);
    let app = App::with(|settings| {
        let limits = &mut settings.socket.http_timeouts;
        (limits.request, limits.keep_alive, limits.surplus) = (hour, hour, surplus as u64);
    });
    let mut stream = connect(&app).await;
    stream
        .write_all(format!("POST /nope HTTP/1.1\r\n{CHUNKED}").as_bytes())
        .await
        .expect("a head is written");
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    let mut sent = 0;
    let cut = async {
        while stream.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
    };
    within("the end of the connection", cut).await;
    // The kernel's buffers hold some bytes that the server has not read. The last chunk is not counted, but a part of it may
    // have been read.
    let expected = surplus - chunk.len()..surplus + MORE_THAN_FITS;
    assert!(expected.contains(&sent), "{sent} bytes were accepted");
}

#[tokio::test]
async fn a_peer_that_never_reads_its_answers_is_cut_off() {
    let app = hurried();
    let began = Instant::now();
    let (mut plain, mut encrypted) = (connect(&app).await, app.connect_tls().await);
    let ends = async { tokio::join!(ask_on(&mut plain, PATIENCE), ask_on(&mut encrypted, PATIENCE)) };
    let ((_, plain), (_, encrypted)) = within("the end of both connections", ends).await;
    assert!(plain && encrypted, "the connections are still open after {:?}", began.elapsed());
    app.get("/nope").ask().await.expect(404);
}

#[tokio::test]
async fn requests_behind_unread_answers_are_not_read() {
    let app = App::start();
    let mut stream = connect(&app).await;
    let (sent, ended) = ask_on(&mut stream, Duration::from_secs(2)).await;
    assert!(!ended && sent < 2 * MORE_THAN_FITS, "{sent} bytes of requests were accepted");
}

#[tokio::test]
async fn many_requests_in_one_write_are_all_answered_if_the_peer_reads() {
    const MANY: usize = 2_000;
    let app = hurried();
    let mut stream = connect(&app).await;
    let (mut from, mut to) = stream.split();
    let requests =
        [ASK.repeat(MANY), b"GET /nope HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_vec()]
            .concat();
    let (sent, answers) = tokio::join!(to.write_all(&requests), read_to_the_end(&mut from));
    sent.expect("the requests are written");
    assert_eq!(answers.matches("HTTP/1.1 404 ").count(), MANY + 1);
}

#[tokio::test]
async fn a_connection_that_is_used_again_stays_open() {
    let app = hurried();
    let mut stream = connect(&app).await;
    for _ in 0..4 {
        stream.write_all(ASK).await.expect("the request is written");
        let mut answer = [0; 4096];
        let length = within("an answer", stream.read(&mut answer)).await.expect("an answer");
        assert!(answer[..length].starts_with(b"HTTP/1.1 404 "));
        sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn a_body_may_take_longer_than_the_timeout_for_the_head_of_a_request() {
    let app = hurried();
    for framing in ["content-length: 2\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"] {
        let mut stream = connect(&app).await;
        let begun = format!("POST /emulation HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{framing}");
        stream.write_all(begun.as_bytes()).await.expect("the beginning is written");
        sleep(Duration::from_millis(2_500)).await;
        let rest: &[u8] = if framing.starts_with('c') { b"}" } else { b"1\r\n}\r\n0\r\n\r\n" };
        stream.write_all(rest).await.expect("the rest is written");
        assert!(read_to_the_end(&mut stream).await.starts_with("HTTP/1.1 400 "), "{framing}");
    }
}

#[tokio::test]
async fn an_emulated_stream_outlasts_the_timeouts_of_plain_connections() {
    let app = hurried();
    let mut stream = EmulatedConnection::of(&app.register().await.sign_in().await).await;
    sleep(Duration::from_millis(3_500)).await;
    stream.ask(json!({"subscribe": {"channel": "ephemeral:a"}})).await;
    stream.ask(json!({"publish": {"channel": "ephemeral:a", "data": 1}})).await;
    assert_eq!(stream.pushed().await["pub"]["data"], 1);
}
