//! Stalled streams: the peer does not read the queued messages, and no new messages follow.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use super::session;
use crate::harness::{App, Ask as _, Session, allow_bulk_publishing, eventually, within};

/// A stream with a client that reads only the answer to `connect`. Returns the stream and that answer.
async fn stalled_stream(session: &Session) -> (TcpStream, Value) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a buffer of this size");
    let mut stream = socket.connect(session.app.address()).await.expect("a connection");
    let connect = json!({"id": 1, "connect": {"token": session.access}}).to_string();
    let head = "POST /connection/http_stream HTTP/1.1\r\nhost: localhost\r\ncontent-length";
    let request = format!("{head}: {}\r\n\r\n{connect}", connect.len());
    stream.write_all(request.as_bytes()).await.expect("the request is written");
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read);
        let answer = text.lines().find(|line| line.starts_with('{'));
        if let Some(answer) = answer.and_then(|line| serde_json::from_str::<Value>(line).ok()) {
            return (stream, answer["connect"].clone());
        }
        assert!(within("an answer", stream.read_buf(&mut read)).await.expect("an answer") > 0);
    }
}

#[tokio::test]
async fn a_stream_whose_peer_stops_reading_ends_after_ten_seconds_even_if_no_new_messages_follow() {
    let app = App::with(allow_bulk_publishing);
    let (reader, author) = (session(&app).await, session(&app).await);
    let mut writer = author.connect().await;
    writer.subscribe("chat:large").await;
    for _ in 0..8 {
        writer.publish("chat:large", json!("x".repeat(48 * 1024))).await;
    }
    let (_stream, connected) = stalled_stream(&reader).await;
    let history = |id: u32| json!({"id": id, "history": {"channel": "chat:large", "limit": -1}}).to_string();
    let commands = [
        json!({"id": 2, "subscribe": {"channel": "chat:large"}}).to_string(),
        history(3),
        history(4),
        history(5),
    ];
    let body =
        json!({"session": connected["session"], "node": connected["node"], "data": commands.join("\n")});
    assert_eq!(app.open_sockets(), 2);
    let began = Instant::now();
    app.post("/emulation").json(&body).ask().await.expect(204);
    eventually("the stream is ended", async || app.open_sockets() == 1).await;
    let took = began.elapsed();
    assert!(took > Duration::from_secs(9) && took < Duration::from_secs(14), "it took {took:?}");
}
