//! Emulated streams: connections over HTTP requests, with the same behaviour as WebSockets.

mod stalled;

use std::time::{Duration, Instant};

use domain::account::role::Role;
use prost::Message as _;
use protocol::protobuf::{
    requests::{Command, ConnectRequest, EmulationRequest, SubscribeRequest},
    results::Reply,
};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::harness::{
    App, Ask, BULK_CHANNEL, EmulatedConnection, MORE_THAN_FITS, Session, allow_bulk_publishing,
    allow_large_backlog, eventually, server_side_state, server_side_unsent, within,
};

async fn session(app: &App) -> Session {
    app.register().await.sign_in().await
}

#[tokio::test]
async fn an_http_stream_carries_commands_and_pushes() {
    let app = App::start();
    let (person, other) = (session(&app).await, session(&app).await);
    let mut stream = EmulatedConnection::of(&person).await;
    assert_eq!(stream.connected["connect"]["ping"], 25);
    let mut socket = other.connect().await;
    socket.subscribe("ephemeral:a").await;
    assert!(stream.ask(json!({"subscribe": {"channel": "ephemeral:a"}})).await["subscribe"].is_object());
    stream.ask(json!({"publish": {"channel": "ephemeral:a", "data": {"by": "stream"}}})).await;
    assert_eq!(socket.pushed().await["pub"]["data"]["by"], "stream");
    assert_eq!(stream.pushed().await["pub"]["data"]["by"], "stream");
    socket.publish("ephemeral:a", json!("by socket")).await;
    assert_eq!(stream.pushed().await["pub"]["data"], "by socket");
    assert_eq!(app.open_sockets(), 2);
}

#[tokio::test]
async fn a_stream_of_server_sent_events_carries_commands_and_pushes() {
    let app = App::start();
    let person = session(&app).await;
    let connect = json!({"token": person.access});
    let mut stream =
        EmulatedConnection::over(&app, EmulatedConnection::events(&app, &connect)).await.expect("a stream");
    stream.ask(json!({"subscribe": {"channel": "ephemeral:a"}})).await;
    stream.ask(json!({"publish": {"channel": "ephemeral:a", "data": "line\nbreak"}})).await;
    assert_eq!(stream.pushed().await["pub"]["data"], "line\nbreak");
}

async fn read_reply(response: &mut Response, unread: &mut Vec<u8>) -> Reply {
    loop {
        let mut rest = &unread[..];
        if let Ok(reply) = Reply::decode_length_delimited(&mut rest) {
            *unread = rest.to_vec();
            return reply;
        }
        let chunk = within("a message", response.chunk()).await.expect("a stream").expect("a message");
        unread.extend_from_slice(&chunk);
    }
}

#[tokio::test]
async fn an_http_stream_may_use_protobuf() {
    const MEDIA: (&str, &str) = ("content-type", "application/octet-stream");
    let app = App::start();
    let person = session(&app).await;
    let connect = ConnectRequest { token: person.access.clone(), ..ConnectRequest::default() };
    let first = Command { id: 1, connect: Some(connect), ..Command::default() };
    let request = app.post("/connection/http_stream").header(MEDIA.0, MEDIA.1);
    let opened = request.body(first.encode_length_delimited_to_vec()).send().await;
    let (mut response, mut unread) = (opened.expect("an answer"), Vec::new());
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    let connected = read_reply(&mut response, &mut unread).await.connect.expect("an answer to connect");

    let subscribe = SubscribeRequest { channel: "ephemeral:a".to_owned(), ..SubscribeRequest::default() };
    let command = Command { id: 2, subscribe: Some(subscribe.into()), ..Command::default() };
    let emulated = EmulationRequest {
        node: connected.node.clone(),
        session: connected.session.clone(),
        data: command.encode_length_delimited_to_vec().into(),
    };
    let sent = app.post("/emulation").header(MEDIA.0, MEDIA.1).body(emulated.encode_to_vec()).send().await;
    assert_eq!(sent.expect("an answer").status(), 204);
    let reply = read_reply(&mut response, &mut unread).await;
    assert_eq!((reply.id, reply.subscribe.is_some()), (2, true));
}

#[tokio::test]
async fn commands_are_carried_out_in_the_order_of_their_requests() {
    let app = App::start();
    let person = session(&app).await;
    let mut stream = EmulatedConnection::of(&person).await;
    stream.ask(json!({"subscribe": {"channel": "ephemeral:a"}})).await;
    for number in 0..20 {
        let one = |id: u32, data: u32| {
            json!({"id": id, "publish": {"channel": "ephemeral:a", "data": data}}).to_string()
        };
        let both = format!("{}\n{}", one(100 + number, 2 * number), one(200 + number, 2 * number + 1));
        assert_eq!(stream.send(&both).await, 204);
    }
    for number in 0..40 {
        assert_eq!(stream.pushed().await["pub"]["data"], number);
    }
}

#[tokio::test]
async fn a_request_with_a_wrong_secret_or_node_finds_no_stream() {
    let app = App::start();
    let stream = EmulatedConnection::of(&session(&app).await).await;
    let known = &stream.connected["connect"];
    for (session, node) in [(&json!("x"), &known["node"]), (&known["session"], &json!("x"))] {
        let body = json!({"session": session, "node": node, "data": "{}"});
        app.post("/emulation").json(&body).ask().await.refused(404, "unknown_stream");
    }
    app.post("/emulation").body("[]").ask().await.refused(400, "malformed_request");
    app.get("/emulation").ask().await.refused(405, "method_not_allowed");
    let secret = known["session"].as_str().expect("a secret");
    assert_eq!(secret.len(), 43, "256 bits");
}

/// A `connect` command of `size` bytes.
fn large_connect(token: &str, size: usize) -> String {
    let command = json!({"id": 1, "connect": {"token": token}}).to_string();
    [command.as_str(), &" ".repeat(size - command.len())].concat()
}

#[tokio::test]
async fn before_sign_in_the_first_command_of_a_stream_has_at_most_4_kib() {
    let app = App::start();
    let token = session(&app).await.access;
    let (fits, more) = (large_connect(&token, 4096), large_connect(&token, 4097));
    let stream = |body: String| app.post("/connection/http_stream").body(body);
    EmulatedConnection::over(&app, stream(fits.clone())).await.expect("a stream");
    stream(more.clone()).ask().await.refused(413, "body_too_large");
    let events =
        |command: String| app.request(Method::GET, "/connection/sse").query(&[("cf_connect", command)]);
    EmulatedConnection::over(&app, events(fits)).await.expect("a stream");
    events(more).ask().await.refused(413, "body_too_large");
}

#[tokio::test]
async fn a_large_body_is_accepted_only_if_it_begins_with_the_secret_of_an_open_stream() {
    let app = App::start();
    let mut stream = EmulatedConnection::of(&session(&app).await).await;
    let commands = [json!({"id": 2, "rpc": {}}).to_string(), " ".repeat(60_000)].concat();
    assert_eq!(stream.send(&commands).await, 204);
    assert_eq!(stream.message().await.expect("a reply")["id"], 2);
    let known = stream.connected["connect"].clone();
    let of = |session: &Value| {
        let (node, data) = (&known["node"], json!(commands));
        let body = format!(r#"{{"session":{session},"node":{node},"data":{data}}}"#);
        app.post("/emulation").body(body)
    };
    of(&json!("guessed")).ask().await.refused(404, "unknown_stream");
    let late = format!(r#"{{"data":{},"session":{}}}"#, json!(commands), known["session"]);
    app.post("/emulation").body(late).ask().await.refused(413, "body_too_large");
    assert_eq!(stream.send(&"x".repeat(70_000)).await, 413);
}

/// If the answer were 413, the Rust client library would report an error of one command, and keep the ended stream. After a 404
/// it connects again.
#[tokio::test]
async fn commands_of_any_size_for_a_stream_that_has_ended_are_refused_as_unknown() {
    let app = App::start();
    let stream = EmulatedConnection::of(&session(&app).await).await;
    let known = stream.connected["connect"].clone();
    let of = |size: usize| {
        let (session, node) = (&known["session"], &known["node"]);
        let body = format!(r#"{{"session":{session},"node":{node},"data":"{}"}}"#, " ".repeat(size));
        app.post("/emulation").body(body)
    };
    drop(stream);
    eventually("the stream is closed", async || of(0).ask().await.status == 404).await;
    for size in [1, 4_096, 60_000] {
        of(size).ask().await.refused(404, "unknown_stream");
    }
}

#[tokio::test]
async fn a_stream_ends_within_two_seconds_when_its_peer_closes() {
    let app = App::start();
    let (person, other) = (session(&app).await, session(&app).await);
    let mut stream = EmulatedConnection::of(&person).await;
    let mut socket = other.connect().await;
    socket.subscribe("chat:a").await;
    stream.ask(json!({"subscribe": {"channel": "chat:a"}})).await;
    assert!(socket.pushed().await.get("join").is_some());
    let began = Instant::now();
    drop(stream);
    loop {
        if socket.pushed().await.get("leave").is_some() {
            break;
        }
    }
    eventually("the permit of the stream is released", async || app.open_sockets() == 1).await;
    assert!(began.elapsed() < Duration::from_secs(2), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn a_revocation_ends_a_stream_with_the_reason() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = session(&app).await;
    let mut stream = EmulatedConnection::of(&person).await;
    let answer = operator.revoke(json!({"session": person.id})).await.expect(200);
    assert_eq!((&answer.body["sockets_closed"], &answer.body["pending"]), (&json!(1), &json!(0)));
    assert_eq!(stream.ended().await, (4500, "session revoked".to_owned()));
    assert_eq!(stream.send("{}").await, 404);
    let again = EmulatedConnection::request(&app, &json!({"token": person.access}));
    let mut refused =
        EmulatedConnection::over(&app, again).await.expect("a stream with the reason of the refusal");
    assert_eq!(refused.connected["push"]["disconnect"]["code"], 4500);
    assert_eq!(refused.message().await, None);
}

/// A stream with a client that does not read after the answer to its subscription.
pub(crate) async fn unread_stream(session: &Session) -> TcpStream {
    let commands = format!(
        "{}\n{}",
        json!({"id": 1, "connect": {"token": session.access}}),
        json!({"id": 2, "subscribe": {"channel": BULK_CHANNEL}})
    );
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a buffer of this size");
    let mut stream = socket.connect(session.app.address()).await.expect("a connection");
    let head = format!(
        "POST /connection/http_stream HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{commands}",
        commands.len()
    );
    stream.write_all(head.as_bytes()).await.expect("the request is written");
    let mut answers = Vec::new();
    while !answers.windows(11).any(|window| window == b"\"subscribe\"") {
        assert!(stream.read_buf(&mut answers).await.expect("an answer") > 0);
    }
    stream
}

#[tokio::test]
async fn a_stream_whose_peer_does_not_read_is_cut_within_a_second_of_its_revocation() {
    // The queue of the connection does not overflow with this setting, so the revocation ends the connection.
    let app = App::with(allow_large_backlog);
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (reader, author) = (session(&app).await, session(&app).await);
    let (stream, mut publisher) = (unread_stream(&reader).await, author.connect().await);
    publisher.subscribe(BULK_CHANNEL).await;
    publisher.publish_until_full().await;
    let local = stream.local_addr().expect("an address");
    let state = || server_side_state(app.address(), local);
    assert_eq!(state(), Some("ESTABLISHED"));
    assert!(server_side_unsent(app.address(), local) > 0, "bytes wait in the kernel's buffers");

    let began = Instant::now();
    let answer = operator.revoke(json!({"session": reader.id})).await.expect(200);
    assert_eq!((&answer.body["sockets_closed"], &answer.body["pending"]), (&json!(1), &json!(0)));
    eventually("the connection is gone", async || state().is_none()).await;
    assert!(began.elapsed() < Duration::from_secs(1), "it took {:?}", began.elapsed());
    eventually("the permit of the stream is released", async || app.open_sockets() == 1).await;
    assert!(publisher.is_undisturbed().await);
}

#[tokio::test]
async fn a_stream_whose_peer_does_not_read_ends_when_its_queue_overflows() {
    let app = App::with(allow_bulk_publishing);
    let (reader, author) = (session(&app).await, session(&app).await);
    let (_stream, mut publisher) = (unread_stream(&reader).await, author.connect().await);
    publisher.subscribe(BULK_CHANNEL).await;
    let mut sent = 0;
    while app.delivers_to(reader.id).await {
        assert!(sent < 16 * MORE_THAN_FITS, "the queue never overflows");
        sent += publisher.publish_bulk().await;
    }
    assert!(publisher.is_undisturbed().await);
}

#[tokio::test]
async fn streams_are_admitted_by_the_rules_of_handshakes() {
    let app = App::start();
    let person = session(&app).await;
    let connect = json!({"token": person.access});
    let evil = EmulatedConnection::request(&app, &connect).header("origin", "https://evil.example");
    evil.ask().await.refused(403, "origin_not_allowed");
    let cookie_alone = EmulatedConnection::request(&app, &json!({})).header("cookie", person.cookies());
    cookie_alone.ask().await.refused(403, "origin_not_allowed");
    let by_cookie = EmulatedConnection::request(&app, &json!({}))
        .header("cookie", person.cookies())
        .header("origin", "https://localhost");
    assert!(EmulatedConnection::over(&app, by_cookie).await.is_ok());
    let by_header = EmulatedConnection::request(&app, &json!({})).bearer_auth(&person.access);
    assert!(EmulatedConnection::over(&app, by_header).await.is_ok());
    EmulatedConnection::request(&app, &json!({})).bearer_auth("x").ask().await.refused(401, "invalid_token");
    let anonymous = EmulatedConnection::over(&app, EmulatedConnection::request(&app, &json!({})))
        .await
        .expect("a stream");
    assert_eq!(anonymous.connected["push"]["disconnect"]["code"], 3501);
}

#[tokio::test]
async fn pages_of_allowed_origins_may_use_streams() {
    let app = App::start();
    for (method, path) in
        [("POST", "/connection/http_stream"), ("GET", "/connection/sse"), ("POST", "/emulation")]
    {
        let preflight = app
            .request(Method::OPTIONS, path)
            .header("origin", "https://localhost")
            .header("access-control-request-method", method);
        let answer = preflight.ask().await.expect(204);
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://localhost"), "{path}");
    }
    let person = session(&app).await;
    let request = EmulatedConnection::request(&app, &json!({"token": person.access}));
    let opened = request.header("origin", "https://localhost").send().await.expect("an answer");
    assert_eq!(opened.headers()["access-control-allow-origin"], "https://localhost");
}

#[tokio::test]
async fn a_stop_ends_streams_with_3001() {
    let app = App::start();
    let mut stream = EmulatedConnection::of(&session(&app).await).await;
    app.stop();
    assert_eq!(stream.ended().await, (3001, "shutdown".to_owned()));
}

#[tokio::test]
async fn streams_count_towards_the_limit_of_connections_per_user() {
    let app = App::with(|settings| settings.socket.limits.per_user = 2);
    let person = session(&app).await;
    let (_one, _two) = (EmulatedConnection::of(&person).await, person.connect().await);
    let third =
        EmulatedConnection::over(&app, EmulatedConnection::request(&app, &json!({"token": person.access})))
            .await;
    let third: Value = third.expect("a stream with the reason of the refusal").connected;
    assert_eq!((&third["error"]["code"], &third["error"]["temporary"]), (&json!(111), &json!(true)));
}

#[tokio::test]
async fn over_tls_a_stream_ends_at_a_revocation_and_when_its_peer_closes() {
    let app = App::with_tls(|_| {});
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (one, two) = (session(&app).await, session(&app).await);
    let open = async |session: &Session| {
        let url = format!("https://localhost:{}/connection/http_stream", app.tls_address().port());
        let connect = json!({"id": 1, "connect": {"token": session.access}}).to_string();
        let request = app.tls_client().post(url).body(connect);
        EmulatedConnection::over(&app, request).await.expect("a stream")
    };
    let (mut revoked, dropped) = (open(&one).await, open(&two).await);
    assert_eq!(app.open_sockets(), 2);
    operator.revoke(json!({"session": one.id})).await.expect(200);
    assert_eq!(revoked.ended().await, (4500, "session revoked".to_owned()));
    drop(dropped);
    eventually("both permits are released", async || app.open_sockets() == 0).await;
}
