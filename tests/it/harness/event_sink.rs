//! A receiver of events: an HTTP server of a few lines that takes, refuses or drops what it is sent, and remembers it.
//!
//! It has a thread of its own, so that it works while a test waits for a child process.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
};

use parking_lot::Mutex;
use serde_json::Value;

/// How the receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It takes everything.
    Takes,
    /// It refuses every second request with 500.
    FailsHalfTheTime,
    /// It drops every connection without an answer.
    Down,
    /// It answers with this status.
    Answers(u16),
}

/// A request that the receiver has seen.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// The headers, with names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
    /// Whether it was answered with success.
    pub(crate) accepted: bool,
}

impl Taken {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

struct State {
    mode: Mode,
    requests: Vec<Taken>,
}

/// A receiver of events.
#[derive(Clone)]
pub(crate) struct EventSink {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl EventSink {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State { mode: Mode::Takes, requests: Vec::new() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || while answer(&stream, &shared).is_some() {});
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Answers in this way from now on.
    pub(crate) fn set(&self, mode: Mode) {
        self.state.lock().mode = mode;
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Taken> {
        self.state.lock().requests.clone()
    }

    /// The requests that were answered with success, in their order.
    pub(crate) fn accepted(&self) -> Vec<Taken> {
        self.requests().into_iter().filter(|taken| taken.accepted).collect()
    }

    /// The accepted webhooks of this type.
    pub(crate) fn of_type(&self, kind: &str) -> Vec<Taken> {
        self.accepted().into_iter().filter(|taken| taken.json()["type"] == kind).collect()
    }
}

/// Answers one request. `None` if the connection ends.
fn answer(stream: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = {
        let mut state = state.lock();
        let status = match state.mode {
            Mode::Takes => 202,
            Mode::FailsHalfTheTime if state.requests.len().is_multiple_of(2) => 500,
            Mode::FailsHalfTheTime => 202,
            Mode::Down => return None,
            Mode::Answers(status) => status,
        };
        let body = String::from_utf8(body).ok()?;
        state.requests.push(Taken { headers, body, accepted: status < 300 });
        status
    };
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nlocation: http://127.0.0.1:1/\r\n\r\n").ok()
}
