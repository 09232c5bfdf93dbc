//! A receiver of traces: it accepts exported spans (OTLP over HTTP), and keeps them.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use parking_lot::Mutex;
use prost::Message as _;

/// The receiver. Its threads end with the process.
pub(crate) struct TraceReceiver {
    address: SocketAddr,
    received: Arc<Mutex<Received>>,
}

#[derive(Default)]
struct Received {
    spans: Vec<Span>,
    /// The request lines and headers, in lower case.
    heads: Vec<String>,
}

impl TraceReceiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::<Mutex<Received>>::default();
        let shared = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let received = Arc::clone(&shared);
                thread::spawn(move || while receive(&stream, &received).is_some() {});
            }
        });
        Self { address, received }
    }

    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans of this trace.
    pub(crate) fn spans_of(&self, trace: &str) -> Vec<Span> {
        let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        self.received.lock().spans.iter().filter(|span| hex(&span.trace_id) == trace).cloned().collect()
    }

    /// Whether a request line or header has this text, in lower case.
    pub(crate) fn has_line(&self, text: &str) -> bool {
        self.received.lock().heads.iter().any(|line| line.contains(text))
    }
}

/// Receives and answers one request. `None` when the connection ends.
fn receive(stream: &TcpStream, received: &Mutex<Received>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut heads = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            line => heads.push(line.to_ascii_lowercase()),
        }
    }
    let length = heads.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let request = ExportTraceServiceRequest::decode(&*body).expect("spans");
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    let mut received = received.lock();
    received.spans.extend(scopes.flat_map(|scope| scope.spans));
    received.heads.extend(heads);
    let mut stream = stream;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
        .ok()
}
