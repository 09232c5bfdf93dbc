//! Frames of clients: an invalid frame ends only its own connection, with a reason. Fragments of a message are put together.
//! Too much data and too many commands are refused.

use serde_json::json;

use crate::harness::{App, Closed, Event, Opcode, Session, frame};

async fn signed_in() -> Session {
    App::start().register().await.sign_in().await
}

fn bad_request() -> Closed {
    Closed { code: 3501, reason: "bad request".to_owned() }
}

/// Frames that end their connection with 3501.
fn bad_frames() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| frame(Opcode::Text, true, text.as_bytes());
    let fragments =
        [frame(Opcode::Text, false, b"{\"id\":9,"), frame(Opcode::Text, true, b"\"rpc\":{}}")].concat();
    vec![
        ("truncated JSON", text(r#"{"id":9,"rpc":"#)),
        ("no JSON", text("hello")),
        ("an empty frame", text("")),
        ("an array", text("[1]")),
        ("an unknown command", text(r#"{"id":9,"dance":{}}"#)),
        ("a command without its id", text(r#"{"rpc":{}}"#)),
        ("a second connect", text(r#"{"id":9,"connect":{}}"#)),
        ("an unrequested pong", text("{}")),
        ("a binary frame", frame(Opcode::Binary, true, b"{}")),
        ("broken UTF-8", frame(Opcode::Text, true, b"{\"id\":9,\"rpc\":{\"method\":\"\xff\"}}")),
        ("a frame over 64 KiB", text(&"x".repeat(65 * 1024))),
        ("a message begun within another", fragments),
        ("a continuation of nothing", frame(Opcode::Continuation, true, b"{}")),
        ("a reserved opcode", vec![0x83, 0x80, 0, 0, 0, 0]),
        ("an unmasked frame", vec![0x81, 0x02, b'{', b'}']),
    ]
}

#[tokio::test]
async fn every_bad_frame_ends_only_its_own_connection() {
    let session = signed_in().await;
    let mut bystander = session.connect_by_command().await;
    for (name, bytes) in bad_frames() {
        let mut socket = session.connect_by_command().await;
        socket.send(&bytes).await;
        assert_eq!(socket.closed().await, bad_request(), "{name}");
    }
    assert!(bystander.is_undisturbed().await && session.works().await);
}

#[tokio::test]
async fn too_large_data_gets_an_error_reply_if_its_frame_is_not_too_large() {
    const LARGEST: usize = 61_440;
    const FRAME: usize = 65_536;
    let session = signed_in().await;
    let mut socket = session.connect_by_command().await;
    for channel in ["ephemeral:a".to_owned(), format!("ephemeral:{}", "x".repeat(245))] {
        socket.subscribe(&channel).await;
        let publish = |id: u32, length: usize| {
            json!({"id": id, "publish": {"channel": channel, "data": "x".repeat(length)}}).to_string()
        };
        let around = publish(1_000, 0).len();
        // The two quotation marks around the data are part of its size.
        let said = [(1_000, LARGEST - 2, 0), (1_001, LARGEST - 1, 107), (1_002, FRAME - around, 107)];
        for (id, length, error) in said {
            socket.send_text(&publish(id, length)).await;
            let reply = socket.reply(id).await.expect("a reply");
            assert_eq!(reply["error"]["code"].as_u64().unwrap_or_default(), error, "{length} bytes: {reply}");
        }
    }
    socket.send_text(&" ".repeat(FRAME + 1)).await;
    assert_eq!(socket.closed().await, bad_request());
}

#[tokio::test]
async fn a_message_in_fragments_is_put_together() {
    let session = signed_in().await;
    let mut socket = session.connect().await;
    let parts = [
        frame(Opcode::Text, false, br#"{"id":1,"subs"#),
        frame(Opcode::Ping, true, b"between"),
        frame(Opcode::Continuation, false, br#"cribe":{"channel":"#),
        frame(Opcode::Continuation, true, br#""chat:lobby"}}"#),
    ];
    for part in parts {
        socket.send(&part).await;
    }
    assert!(socket.reply(1).await.unwrap()["subscribe"].is_object());
}

#[tokio::test]
async fn fragments_that_are_too_large_together_are_refused() {
    let session = signed_in().await;
    let mut socket = session.connect().await;
    socket.send(&frame(Opcode::Text, false, &vec![b' '; 40 * 1024])).await;
    socket.send(&frame(Opcode::Continuation, true, &vec![b' '; 40 * 1024])).await;
    assert_eq!(socket.closed().await, bad_request());
}

#[tokio::test]
async fn ten_thousand_commands_in_a_frame_do_not_disturb_other_connections() {
    let session = signed_in().await;
    let (mut flood, mut bystander) = (session.connect_by_command().await, session.connect_by_command().await);
    let lines: Vec<String> = (2..10_002).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    flood.send_text(&lines.join("\n")).await;
    assert!(matches!(flood.closed().await.code, 3501 | 3013));
    assert!(bystander.is_undisturbed().await);
}

#[tokio::test]
async fn a_flood_of_commands_gets_errors_and_then_a_close() {
    let session = signed_in().await;
    let mut socket = session.connect_by_command().await;
    let (mut refused, mut id) = (0, 1000);
    let closed: Closed = 'flood: loop {
        for _ in 0..50 {
            id += 1;
            socket.send_text(&json!({"id": id, "rpc": {}}).to_string()).await;
        }
        for _ in 0..50 {
            match socket.event().await {
                Event::Object(reply) => refused += usize::from(reply["error"]["code"] == 111),
                Event::Closed(closed) => break 'flood closed,
                other => panic!("{other:?}"),
            }
        }
    };
    assert!(refused > 0, "errors come before the close");
    assert_eq!((closed.code, closed.reason.as_str()), (3013, "too many requests"));
}
