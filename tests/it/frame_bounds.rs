//! A frame that is too large is refused as soon as its header has arrived. The memory that a peer can occupy is bounded, most
//! strictly before the peer has signed in.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{App, Closed, Opcode, Server, Session, Socket, frame};

const KIB: usize = 1024;
/// The path of client libraries, where the token may follow with `connect`.
const SDK_PATH: &str = "/connection/websocket";

/// A command, filled up with spaces.
fn padded(command: &str, length: usize) -> String {
    [command, &" ".repeat(length - command.len())].concat()
}

/// The header of a text frame that declares `length` bytes.
fn header(length: u64) -> Vec<u8> {
    [&[0x81, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat()
}

fn bad_request() -> Closed {
    Closed { code: 3501, reason: "bad request".to_owned() }
}

/// A socket on the path of client libraries, before the sign-in of its peer.
async fn stranger(app: &App) -> Socket {
    app.handshake(SDK_PATH).open().await.expect("the handshake is accepted")
}

async fn signed_in() -> Session {
    App::start().register().await.sign_in().await
}

/// Refused frames before and after sign-in. Most of them are refused before their payload arrives.
fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let huge = |length: u64| [header(length), vec![b'a'; 1024 * KIB]].concat();
    vec![
        ("2^40 bytes, 1 MiB of them sent", huge(1 << 40)),
        ("the largest length", huge((1 << 63) - 1)),
        ("a length with the top bit", huge(1 << 63)),
        ("all bits of the length", huge(u64::MAX)),
        ("64 KiB + 1", header(64 * KIB as u64 + 1)),
        ("a ping of 126 bytes", frame(Opcode::Ping, true, &[b'p'; 126])[..4].to_vec()),
        ("a ping of 2^33 bytes", vec![0x89, 0xff, 0, 0, 0, 2]),
        ("a continuation without a start", frame(Opcode::Continuation, true, b"{}")),
        ("an unmasked frame", vec![0x81, 0x02, b'{', b'}']),
    ]
}

#[tokio::test]
async fn a_too_large_or_invalid_frame_closes_the_socket_before_sign_in() {
    let app = App::start();
    for (name, bytes) in refused() {
        let mut socket = stranger(&app).await;
        socket.send(&bytes).await;
        assert_eq!(socket.closed().await, bad_request(), "{name}");
    }
}

#[tokio::test]
async fn a_too_large_or_invalid_frame_closes_the_socket_after_sign_in() {
    let session = signed_in().await;
    for (name, bytes) in refused() {
        let mut socket = session.connect().await;
        socket.send(&bytes).await;
        assert_eq!(socket.closed().await, bad_request(), "{name}");
    }
}

#[tokio::test]
async fn before_sign_in_a_frame_has_at_most_4_kib() {
    let session = signed_in().await;
    let connect = json!({"id": 1, "connect": {"token": session.access}}).to_string();
    let mut largest = stranger(&session.app).await;
    largest.send_text(&padded(&connect, 4096)).await;
    assert!(largest.reply(1).await.unwrap()["connect"].is_object());
    let mut larger = stranger(&session.app).await;
    larger.send(&frame(Opcode::Text, true, padded(&connect, 4097).as_bytes())[..8]).await;
    assert_eq!(larger.closed().await, bad_request());
}

#[tokio::test]
async fn before_sign_in_fragments_have_at_most_4_kib_together() {
    let app = App::start();
    let mut socket = stranger(&app).await;
    socket.send(&frame(Opcode::Text, false, &[b' '; 4000])).await;
    assert!(socket.is_undisturbed().await);
    socket.send(&frame(Opcode::Continuation, false, &[b' '; 96])).await;
    assert!(socket.is_undisturbed().await);
    socket.send(&frame(Opcode::Continuation, false, b" ")).await;
    assert_eq!(socket.closed().await, bad_request());
}

#[tokio::test]
async fn too_many_empty_fragments_close_the_socket() {
    let app = App::start();
    let mut socket = stranger(&app).await;
    let tiny = frame(Opcode::Continuation, false, b"").repeat(1_000);
    socket.send(&[frame(Opcode::Text, false, b"{"), tiny].concat()).await;
    assert_eq!(socket.closed().await.code, 3013);
}

#[tokio::test]
async fn after_connect_a_frame_may_have_64_kib() {
    let session = signed_in().await;
    let mut socket = session.connect_by_command().await;
    let rpc = json!({"id": 1_000, "rpc": {}}).to_string();
    socket.send_text(&padded(&rpc, 64 * KIB)).await;
    assert_eq!(socket.reply(1_000).await.unwrap()["error"]["code"], 108);
}

#[tokio::test]
async fn after_a_handshake_with_a_credential_a_frame_may_have_64_kib() {
    let session = signed_in().await;
    let mut socket = session.connect().await;
    let rpc = json!({"id": 1_000, "rpc": {}}).to_string();
    socket.send_text(&padded(&rpc, 64 * KIB)).await;
    assert!(socket.reply(1_000).await.unwrap()["error"].is_object());
}

#[tokio::test]
async fn commands_directly_behind_connect_are_answered_in_order() {
    let session = signed_in().await;
    let mut socket = stranger(&session.app).await;
    let connect = json!({"id": 1, "connect": {"token": session.access}}).to_string();
    let behind: Vec<u8> = (2..40)
        .map(|id| padded(&json!({"id": id, "rpc": {}}).to_string(), 1_000))
        .flat_map(|command| frame(Opcode::Text, true, command.as_bytes()))
        .collect();
    socket.send(&[frame(Opcode::Text, true, connect.as_bytes()), behind].concat()).await;
    assert!(socket.reply(1).await.unwrap()["connect"].is_object());
    for id in 2..40 {
        assert_eq!(socket.reply(id).await.unwrap()["error"]["code"], 108);
    }
}

#[tokio::test]
async fn sockets_of_peers_that_have_not_signed_in_have_a_separate_limit() {
    let app = App::with(|settings| settings.socket.limits.unauthenticated = 2);
    let session = app.register().await.sign_in().await;
    let (_waiting, signing_in) = (stranger(&app).await, stranger(&app).await);
    app.handshake(SDK_PATH).refusal().await.refused(429, "connection_limit");
    session.connect().await.subscribe("chat:lobby").await;
    let mut signed_in = signing_in;
    signed_in.send_text(&json!({"id": 1, "connect": {"token": session.access}}).to_string()).await;
    assert!(signed_in.reply(1).await.unwrap()["connect"].is_object());
    stranger(&app).await;
}

/// The value of a line of `/proc/<pid>/status`, in KiB.
fn memory(pid: u64, line: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let value = status.lines().find_map(|found| found.strip_prefix(line)).expect("a line of this name");
    value.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

/// What a peer can send before it has signed in: a huge frame, a frame that never ends, fragments, pings.
fn floods() -> [Vec<u8>; 4] {
    let endless = frame(Opcode::Text, true, &[b' '; 4096])[..4000].to_vec();
    let fragments = frame(Opcode::Continuation, false, &[b' '; 31]).repeat(8 * KIB);
    [
        [header(1 << 40), vec![b'a'; 512 * KIB]].concat(),
        endless,
        [frame(Opcode::Text, false, b" "), fragments].concat(),
        frame(Opcode::Ping, true, &[b'p'; 125]).repeat(4 * KIB),
    ]
}

#[tokio::test]
async fn input_of_a_thousand_peers_that_have_not_signed_in_occupies_less_than_8_kib_each() {
    let server = Server::start();
    let pid = server.facts["pid"].as_u64().expect("a process number");
    let (floods, mut sockets) = (floods(), Vec::new());
    for _ in 0..10 {
        let opened = join_all((0..100).map(|_| server.handshake(SDK_PATH).open())).await;
        sockets.extend(opened.into_iter().map(|socket| socket.expect("the handshake is accepted")));
    }
    // Resets the peak (`VmHWM`), so that the memory that was used before does not count.
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("a process of our own");
    let idle = memory(pid, "VmRSS");
    let sent = sockets.iter_mut().enumerate().map(|(number, socket)| {
        tokio::time::timeout(Duration::from_secs(2), socket.send(&floods[number % floods.len()]))
    });
    join_all(sent).await;
    let mut witness = server.handshake(SDK_PATH).open().await.expect("the handshake is accepted");
    assert!(witness.is_undisturbed().await);
    let peak = memory(pid, "VmHWM");
    assert!(peak < idle + 8 * sockets.len(), "{idle} KiB idle, {peak} KiB at most");
}
