//! A client of the emulated transports: it reads a stream and sends commands in requests.

use std::collections::VecDeque;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{Answer, App, Session, secret_watch, within};

/// An open stream, in JSON.
pub(crate) struct EmulatedConnection {
    app: App,
    response: Response,
    /// Whether the stream consists of server-sent events. Otherwise it consists of lines.
    events: bool,
    unread: Vec<u8>,
    pushes: VecDeque<Value>,
    next_id: u32,
    /// The answer to `connect`.
    pub(crate) connected: Value,
}

impl EmulatedConnection {
    /// Opens a stream with this request. Its first command is `connect`.
    pub(crate) async fn over(app: &App, request: RequestBuilder) -> Result<Self, Answer> {
        secret_watch::note_request(&request);
        let response = within("a stream", request.send()).await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if status != 200 {
            let text = response.text().await.expect("the whole body");
            return Err(Answer {
                status,
                headers,
                body: serde_json::from_str(&text).unwrap_or_default(),
                text,
            });
        }
        let events = headers["content-type"] == "text/event-stream";
        let mut stream = Self {
            app: app.clone(),
            response,
            events,
            unread: Vec::new(),
            pushes: VecDeque::new(),
            next_id: 2,
            connected: Value::Null,
        };
        stream.connected = stream.message().await.expect("an answer to connect");
        Ok(stream)
    }

    /// A request for an `http_stream`. `connect` has the parameters of its first command.
    pub(crate) fn request(app: &App, connect: &Value) -> RequestBuilder {
        app.post("/connection/http_stream").body(json!({"id": 1, "connect": connect}).to_string())
    }

    /// As [`Self::request`], but for server-sent events.
    pub(crate) fn events(app: &App, connect: &Value) -> RequestBuilder {
        let command = json!({"id": 1, "connect": connect}).to_string();
        app.request(Method::GET, "/connection/sse").query(&[("cf_connect", command)])
    }

    /// Opens a stream of this session.
    pub(crate) async fn of(session: &Session) -> Self {
        let request = Self::request(&session.app, &json!({"token": session.access}));
        Self::over(&session.app, request).await.expect("a stream")
    }

    /// The next message; `None` at the end of the stream.
    pub(crate) async fn message(&mut self) -> Option<Value> {
        loop {
            let (end, skip) = if self.events { ("\n\n", "data: ") } else { ("\n", "") };
            if self.unread.starts_with(b"\r\n") {
                self.unread.drain(..2);
            }
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end.as_bytes()) {
                let line: Vec<u8> = self.unread.drain(..at + end.len()).collect();
                let text = std::str::from_utf8(&line[..at]).expect("text").strip_prefix(skip);
                return Some(serde_json::from_str(text.expect("an event")).expect("JSON"));
            }
            let chunk = within("a message", self.response.chunk()).await.ok().flatten()?;
            self.unread.extend_from_slice(&chunk);
        }
    }

    /// The next push. Other messages are skipped.
    pub(crate) async fn pushed(&mut self) -> Value {
        if let Some(push) = self.pushes.pop_front() {
            return push;
        }
        loop {
            let message = self.message().await.expect("a push before the end");
            if let Some(push) = message.get("push") {
                return push.clone();
            }
        }
    }

    /// Waits for the end of the stream, and returns the code and the reason of its last push.
    pub(crate) async fn ended(&mut self) -> (u64, String) {
        loop {
            let push = self.pushed().await;
            if let Some(disconnect) = push.get("disconnect") {
                assert_eq!(self.message().await, None, "nothing follows the disconnect push");
                let reason = disconnect["reason"].as_str().expect("a reason").to_owned();
                return (disconnect["code"].as_u64().expect("a code"), reason);
            }
        }
    }

    /// A request that sends these commands.
    pub(crate) fn sending(&self, data: &str) -> RequestBuilder {
        let (session, node) = (&self.connected["connect"]["session"], &self.connected["connect"]["node"]);
        // The fields are in the same order as in requests of client libraries.
        let body = format!(r#"{{"session":{session},"node":{node},"data":{}}}"#, json!(data));
        self.app.post("/emulation").header("content-type", "application/json").body(body)
    }

    /// Sends these commands, and returns the status.
    pub(crate) async fn send(&self, data: &str) -> u16 {
        self.sending(data).send().await.expect("an answer").status().as_u16()
    }

    /// Sends a command and waits for its reply.
    pub(crate) async fn ask(&mut self, mut command: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        command["id"] = json!(id);
        assert_eq!(self.send(&command.to_string()).await, 204);
        loop {
            let message = self.message().await.expect("a reply before the end");
            match message.get("push") {
                Some(push) => self.pushes.push_back(push.clone()),
                None if message["id"] == id => return message,
                None => {}
            }
        }
    }
}
