//! A WebSocket client over TCP without TLS. It offers the commands of the protocol, and can also send data that a library would
//! refuse to send.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::{Answer, Opcode, frame, frame::parse, secret_watch, within};

/// How often `subscribe` is sent at most, if the reply is a temporary error each time.
const TRIES: usize = 50;
/// The pause before `subscribe` is sent again.
const RETRY: Duration = Duration::from_millis(200);

/// A handshake that is not yet sent.
pub(crate) struct Handshake {
    server: SocketAddr,
    path: String,
    headers: Vec<(String, String)>,
    /// Further header lines, which need not be text.
    lines: Vec<u8>,
    receive_buffer: Option<u32>,
}

/// An open connection.
pub(crate) struct Socket {
    stream: TcpStream,
    pub(crate) headers: HeaderMap,
    /// The local address.
    pub(crate) local: SocketAddr,
    read: Vec<u8>,
    objects: VecDeque<Value>,
    pushes: VecDeque<Value>,
    next_id: u32,
    /// Whether the client answers pings, both those of WebSocket and those of the protocol.
    pub(crate) answers_pings: bool,
}

/// How the server ended a connection. Without a close frame: 1006 and no reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

/// A message or event of the server.
#[derive(Debug)]
pub(crate) enum Event {
    /// A reply, a push, or a ping of the protocol.
    Object(Value),
    /// A binary frame.
    Binary(Vec<u8>),
    Ping,
    Pong(Vec<u8>),
    Closed(Closed),
}

impl Handshake {
    pub(super) fn new(server: SocketAddr, path: &str) -> Self {
        let fixed = [
            ("host", server.to_string().as_str()),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            server,
            path: path.to_owned(),
            headers: fixed.to_vec(),
            lines: Vec::new(),
            receive_buffer: None,
        }
    }

    /// Sets a header, and replaces an earlier one with the same name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds this header line, which need not be text.
    pub(crate) fn line(mut self, line: &[u8]) -> Self {
        self.lines.extend_from_slice(line);
        self.lines.extend_from_slice(b"\r\n");
        self
    }

    /// Sets the size of the receive buffer.
    pub(crate) fn receive_buffer(self, bytes: u32) -> Self {
        Self { receive_buffer: Some(bytes), ..self }
    }

    pub(crate) async fn open(self) -> Result<Socket, Answer> {
        secret_watch::note_path(&self.path);
        self.headers.iter().for_each(|(name, value)| secret_watch::note_header(name, value));
        within("a handshake", async {
            let socket = TcpSocket::new_v4().expect("a socket");
            if let Some(bytes) = self.receive_buffer {
                socket.set_recv_buffer_size(bytes).expect("a buffer of this size");
            }
            let mut stream = socket.connect(self.server).await.expect("a connection");
            let headers: String =
                self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let request = format!("GET {} HTTP/1.1\r\n{headers}", self.path);
            let request = [request.as_bytes(), &self.lines, b"\r\n"].concat();
            stream.write_all(&request).await.expect("the request is written");
            let (status, headers, rest) = read_head(&mut stream).await;
            if status != 101 {
                return Err(read_body(stream, status, headers, rest).await);
            }
            let local = stream.local_addr().expect("an address");
            Ok(Socket {
                stream,
                headers,
                local,
                read: rest,
                objects: VecDeque::new(),
                pushes: VecDeque::new(),
                next_id: 1,
                answers_pings: true,
            })
        })
        .await
    }

    /// The answer to a handshake that must be refused.
    pub(crate) async fn refusal(self) -> Answer {
        match self.open().await {
            Ok(_) => panic!("the handshake was granted"),
            Err(answer) => answer,
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> (u16, HeaderMap, Vec<u8>) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        assert!(stream.read_buf(&mut bytes).await.expect("an answer") > 0, "no answer to the handshake");
    };
    let rest = bytes.split_off(end);
    let head = String::from_utf8(bytes).expect("a head in ASCII");
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| {
        let name: HeaderName = name.parse().expect("a header name");
        (name, HeaderValue::from_str(value.trim()).expect("a header value"))
    });
    (status, headers.collect(), rest)
}

async fn read_body(mut stream: TcpStream, status: u16, headers: HeaderMap, mut bytes: Vec<u8>) -> Answer {
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let length: usize = length.expect("a body of known length");
    while bytes.len() < length {
        assert!(stream.read_buf(&mut bytes).await.expect("the body") > 0, "the body is cut short");
    }
    let text = String::from_utf8(bytes).expect("a body in UTF-8");
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text }
}

impl Socket {
    /// Sends a command and waits for its reply. Pushes that arrive before the reply are kept.
    pub(crate) async fn ask(&mut self, mut command: Value) -> Result<Value, Closed> {
        let id = self.next_id;
        self.next_id += 1;
        command["id"] = id.into();
        secret_watch::note_json(&command);
        self.send_text(&command.to_string()).await;
        self.reply(id).await
    }

    /// The reply to the command with this id.
    pub(crate) async fn reply(&mut self, id: u32) -> Result<Value, Closed> {
        loop {
            match self.event().await {
                Event::Object(object) if object["id"] == id => return Ok(object),
                Event::Object(object) if object.get("push").is_some() => self.pushes.push_back(object),
                Event::Object(object) => panic!("an unexpected object: {object}"),
                Event::Closed(closed) => return Err(closed),
                Event::Binary(_) | Event::Ping | Event::Pong(_) => {}
            }
        }
    }

    /// Subscribes. Repeats the command after a temporary error, as the client libraries do: on a busy machine the node may be
    /// stale for a moment.
    pub(crate) async fn subscribe(&mut self, channel: &str) {
        let mut reply = Value::Null;
        for _ in 0..TRIES {
            reply = self.ask(json!({"subscribe": {"channel": channel}})).await.expect("a reply");
            if reply["error"]["temporary"] != true {
                break;
            }
            tokio::time::sleep(RETRY).await;
        }
        assert!(reply["subscribe"].is_object(), "{reply}");
    }

    pub(crate) async fn publish(&mut self, channel: &str, data: Value) {
        let reply = self.ask(json!({"publish": {"channel": channel, "data": data}})).await.expect("a reply");
        assert!(reply["publish"].is_object(), "{reply}");
    }

    /// The next push.
    pub(crate) async fn pushed(&mut self) -> Value {
        if let Some(push) = self.pushes.pop_front() {
            return push["push"].clone();
        }
        loop {
            match self.event().await {
                Event::Object(object) if object.get("push").is_some() => return object["push"].clone(),
                Event::Object(object) => panic!("an unexpected object: {object}"),
                Event::Closed(closed) => panic!("closed while waiting for a push: {closed:?}"),
                Event::Binary(_) | Event::Ping | Event::Pong(_) => {}
            }
        }
    }

    /// Discards one push that has already arrived; `false` if there is none.
    pub(crate) async fn try_pushed(&mut self) -> bool {
        if self.pushes.pop_front().is_some() {
            return true;
        }
        // After a round trip, everything that the server sent earlier has arrived.
        assert!(matches!(self.round_trip().await, Event::Pong(_)), "closed while looking for a push");
        self.pushes.pop_front().is_some()
    }

    /// Sends a ping and waits for the pong. Pushes that arrive before the pong are kept.
    async fn round_trip(&mut self) -> Event {
        self.send(&frame(Opcode::Ping, true, b"round trip")).await;
        loop {
            match self.event().await {
                Event::Object(object) => self.pushes.push_back(object),
                event => return event,
            }
        }
    }

    /// Whether the connection still works, and the test has read everything that it received: the server answers a ping,
    /// nothing arrives before the answer, and no push was kept.
    pub(crate) async fn is_undisturbed(&mut self) -> bool {
        let sign = b"still there?";
        self.send(&frame(Opcode::Ping, true, sign)).await;
        matches!(self.event().await, Event::Pong(payload) if payload == sign) && self.pushes.is_empty()
    }

    /// Waits until the server ends the connection. Messages before the end are skipped.
    pub(crate) async fn closed(&mut self) -> Closed {
        loop {
            if let Event::Closed(closed) = self.event().await {
                return closed;
            }
        }
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send(&frame(Opcode::Text, true, text.as_bytes())).await;
    }

    /// Sends raw bytes. An error is ignored: the next read shows that the server has closed the connection.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = within("a write", self.stream.write_all(bytes)).await;
    }

    /// The next message or event.
    pub(crate) async fn event(&mut self) -> Event {
        within("an event", self.next()).await
    }

    async fn next(&mut self) -> Event {
        loop {
            if let Some(object) = self.objects.pop_front() {
                if object == json!({}) && self.answers_pings {
                    self.send_text("{}").await;
                    continue;
                }
                return Event::Object(object);
            }
            let Some((opcode, payload, end)) = parse(&self.read) else {
                match self.stream.read_buf(&mut self.read).await {
                    Ok(0) | Err(_) => {
                        return Event::Closed(Closed { code: 1006, reason: String::new() });
                    }
                    Ok(_) => continue,
                }
            };
            let payload = payload.to_vec();
            self.read.drain(..end);
            match opcode {
                Opcode::Text => self.take_text(payload),
                Opcode::Ping if self.answers_pings => self.send(&frame(Opcode::Pong, true, &payload)).await,
                Opcode::Ping => return Event::Ping,
                Opcode::Pong => return Event::Pong(payload),
                Opcode::Close => {
                    self.send(&frame(Opcode::Close, true, &payload)).await;
                    return Event::Closed(closed(&payload));
                }
                Opcode::Binary => return Event::Binary(payload),
                Opcode::Continuation => panic!("the server sent a frame of kind {opcode:?}"),
            }
        }
    }

    fn take_text(&mut self, payload: Vec<u8>) {
        let text = String::from_utf8(payload).expect("text in UTF-8");
        for line in text.strip_suffix('\n').unwrap_or(&text).split('\n') {
            self.objects.push_back(serde_json::from_str(line).expect("one JSON object per line"));
        }
    }
}

fn closed(payload: &[u8]) -> Closed {
    let (code, reason) = payload.split_first_chunk::<2>().expect("a close frame with a code");
    Closed {
        code: u16::from_be_bytes(*code),
        reason: String::from_utf8(reason.to_vec()).expect("a reason in UTF-8"),
    }
}
