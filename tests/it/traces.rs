//! A request has the id of its trace in problems and log lines, and its spans are exported to the receiver of the settings.

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use serde_json::{Value, json};

use crate::{
    harness::{App, Ask as _, Server, TraceReceiver, client, eventually},
    serve::production_with,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn exporting(receiver: &TraceReceiver, further: &[(&str, &str)]) -> Server {
    let endpoint = receiver.endpoint();
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    production_with(&[&settings, further].concat())
}

/// Tries to sign in, as a step of the trace.
async fn sign_in(server: &Server) {
    let url = format!("http://{}/api/v1/auth/jwt/login", server.address());
    let body = json!({"username": "nobody@example.com", "password": "a-wrong-password-1"});
    let rest = client().build().expect("a client");
    let asked = rest.post(url).header("traceparent", PARENT).json(&body).ask().await;
    assert_eq!(asked.expect(401).problem().body["trace_id"], TRACE);
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[tokio::test]
async fn a_problem_has_the_trace_of_its_request_or_a_new_one() {
    let app = App::start();
    let given = app.get("/nowhere").header("traceparent", PARENT).ask().await.expect(404).problem();
    assert_eq!(given.body["trace_id"], TRACE);
    let new = app.get("/nowhere").ask().await.expect(404).problem();
    let new = new.body["trace_id"].as_str().expect("a trace").to_owned();
    assert!(new.len() == 32 && new.bytes().all(|byte| byte.is_ascii_hexdigit()) && new != TRACE, "{new}");
}

#[tokio::test]
async fn the_log_lines_of_a_request_have_its_trace() {
    let server = production_with(&[]);
    sign_in(&server).await;
    let has_trace = |line: &Value| line["target"] == "access" && line["span"]["trace_id"] == TRACE;
    eventually("the line", async || {
        let log = server.log();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).any(|line: Value| has_trace(&line))
    })
    .await;
}

#[tokio::test]
async fn the_spans_of_a_request_are_exported_with_the_request_as_their_root() {
    let receiver = TraceReceiver::start();
    let server = exporting(&receiver, &[("OTEL_EXPORTER_OTLP_HEADERS", "x-key=0123456789abcdef")]);
    sign_in(&server).await;
    let root = "POST /api/v1/auth/jwt/login";
    eventually("the spans", async || !named(&receiver.spans_of(TRACE), root).is_empty()).await;
    let spans = receiver.spans_of(TRACE);
    let root = named(&spans, root)[0];
    assert_eq!(root.parent_span_id, 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());
    assert_eq!(root.kind, SpanKind::Server as i32);
    let keys: Vec<&str> = root.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    for key in ["http.request.method", "http.route", "http.response.status_code"] {
        assert!(keys.contains(&key), "{keys:?}");
    }
    for name in ["database", "password_hash"] {
        let found = named(&spans, name);
        assert!(
            !found.is_empty() && found.iter().all(|span| span.parent_span_id == root.span_id),
            "{name}: {found:?}"
        );
    }
    assert!(receiver.has_line("post /v1/traces") && receiver.has_line("x-key: 0123456789abcdef"));
    assert!(!server.log().contains("0123456789abcdef"));
}

#[tokio::test]
async fn a_share_of_0_exports_nothing_and_keeps_the_traces_in_problems() {
    let receiver = TraceReceiver::start();
    let server = exporting(&receiver, &[("OTEL_TRACES_SAMPLER_ARG", "0")]);
    sign_in(&server).await;
    assert!(server.terminate().success());
    assert_eq!(receiver.spans_of(TRACE).len(), 0);
}

#[tokio::test]
async fn a_stop_sends_the_last_spans() {
    let receiver = TraceReceiver::start();
    let server = exporting(&receiver, &[]);
    sign_in(&server).await;
    assert!(server.terminate().success());
    assert!(!receiver.spans_of(TRACE).is_empty());
}

#[tokio::test]
async fn a_receiver_that_is_away_delays_no_request() {
    let server = production_with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")]);
    sign_in(&server).await;
    assert!(server.terminate().success());
}
