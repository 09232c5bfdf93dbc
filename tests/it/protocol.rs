//! The Centrifuge protocol over a real socket: commands, replies, pushes, and what ends a connection.

use std::{sync::Arc, time::Duration};

use portcullis::socket::DialogueConfig;
use serde_json::{Value, json};

use crate::harness::{App, Closed, Event, Forgery, Opcode, Session, Socket, frame};

async fn signed_in() -> Session {
    App::start().register().await.sign_in().await
}

/// A server whose dialogue is configured otherwise.
fn with_dialogue(change: impl FnOnce(&mut DialogueConfig)) -> App {
    App::with(|settings| change(Arc::make_mut(&mut settings.socket.dialogue)))
}

fn bad_request() -> Closed {
    Closed { code: 3501, reason: "bad request".to_owned() }
}

#[tokio::test]
async fn connect_answers_all_that_an_sdk_needs() {
    let session = signed_in().await;
    let mut socket = session.app.handshake("/connection/websocket").open().await.expect("an open door");
    let reply = socket.ask(json!({"connect": {"token": session.access, "name": "js"}})).await.expect("a reply");
    let result = &reply["connect"];
    assert!(result["client"].as_str().is_some_and(|client| client.len() == 36), "{reply}");
    assert!(result["version"].as_str().is_some_and(|version| version.starts_with("portcullis")), "{reply}");
    assert_eq!((&result["expires"], &result["ping"], &result["pong"]), (&json!(true), &json!(25), &json!(true)));
    assert!(result["ttl"].as_u64().is_some_and(|ttl| (3500..=3600).contains(&ttl)), "{reply}");
}

#[tokio::test]
async fn connect_and_its_subscribes_come_in_one_frame() {
    let session = signed_in().await;
    let mut socket = session.app.handshake("/connection/websocket").open().await.expect("an open door");
    let lines = [
        json!({"id": 1, "connect": {"token": session.access}}),
        json!({"id": 2, "subscribe": {"channel": "chat:lobby", "flag": 1}}),
        json!({"id": 3, "subscribe": {"channel": "chat:side"}}),
    ];
    socket.send_text(&lines.map(|line| line.to_string()).join("\n")).await;
    for (id, result) in [(1, "connect"), (2, "subscribe"), (3, "subscribe")] {
        let Event::Object(reply) = socket.event().await else { panic!("no reply") };
        assert_eq!(reply["id"], id, "replies come in order");
        assert!(reply[result].is_object(), "{reply}");
    }
}

#[tokio::test]
async fn a_publication_reaches_every_member_with_its_author_and_nobody_else() {
    let app = App::start();
    let (ann, bob, eve) = (app.register().await, app.register().await, app.register().await);
    let mut one = ann.sign_in().await.connect_by_command().await;
    let mut two = bob.sign_in().await.connect().await;
    let mut outsider = eve.sign_in().await.connect().await;
    one.subscribe("chat:lobby").await;
    two.subscribe("chat:lobby").await;
    outsider.subscribe("chat:side").await;
    one.publish("chat:lobby", json!({"text": "hi", "n": 1.50, "nested": {"a": [1, null]}})).await;
    for member in [&mut one, &mut two] {
        let push = member.pushed().await;
        assert_eq!(push["channel"], "chat:lobby");
        assert_eq!(push["pub"]["data"], json!({"text": "hi", "n": 1.50, "nested": {"a": [1, null]}}));
        assert_eq!(push["pub"]["info"]["user"], ann.id.to_string());
    }
    assert!(outsider.is_undisturbed().await);
}

#[tokio::test]
async fn publications_of_one_author_arrive_in_order() {
    let session = signed_in().await;
    let (mut author, mut reader) = (session.connect().await, session.connect().await);
    author.subscribe("ephemeral:count").await;
    reader.subscribe("ephemeral:count").await;
    for number in 0..100 {
        author.publish("ephemeral:count", json!(number)).await;
    }
    for number in 0..100 {
        assert_eq!(reader.pushed().await["pub"]["data"], number);
    }
}

#[tokio::test]
async fn after_unsubscribing_nothing_more_comes() {
    let session = signed_in().await;
    let (mut author, mut reader) = (session.connect().await, session.connect().await);
    author.subscribe("chat:lobby").await;
    reader.subscribe("chat:lobby").await;
    let unsubscribe = json!({"unsubscribe": {"channel": "chat:lobby"}});
    assert_eq!(reader.ask(unsubscribe.clone()).await.unwrap()["unsubscribe"], json!({}));
    author.publish("chat:lobby", json!("unheard")).await;
    assert!(reader.is_undisturbed().await);
    assert_eq!(reader.ask(unsubscribe).await.unwrap()["unsubscribe"], json!({}), "twice is no error");
}

#[tokio::test]
async fn what_is_not_offered_or_not_allowed_has_its_error_and_closes_nothing() {
    let session = signed_in().await;
    let mut socket = session.connect_by_command().await;
    socket.subscribe("chat:lobby").await;
    let foreign = format!("user:#{}", session.person.id.0 + 1);
    for (command, code) in [
        (json!({"subscribe": {"channel": "chat:lobby"}}), 105),
        (json!({"subscribe": {"channel": "nowhere:lobby"}}), 102),
        (json!({"subscribe": {"channel": foreign}}), 103),
        (json!({"subscribe": {"channel": ""}}), 107),
        (json!({"subscribe": {"channel": "chat:\u{e9}t\u{e9}"}}), 107),
        (json!({"subscribe": {"channel": format!("chat:{}", "x".repeat(255))}}), 107),
        (json!({"subscribe": {"channel": "chat:filtered", "tf": {"op": "eq"}}}), 107),
        (json!({"publish": {"channel": "chat:elsewhere", "data": 1}}), 103),
        (json!({"publish": {"channel": "chat:lobby"}}), 107),
        (json!({"rpc": {"method": "x", "data": {}}}), 108),
        (json!({"presence": {"channel": "chat:lobby"}}), 108),
        (json!({"presence_stats": {"channel": "chat:lobby"}}), 108),
        (json!({"history": {"channel": "chat:lobby"}}), 108),
    ] {
        let reply = socket.ask(command.clone()).await.expect("a reply");
        assert_eq!(reply["error"]["code"], code, "{command}: {reply}");
        assert!(reply["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{reply}");
    }
    assert!(socket.is_undisturbed().await);
}

#[tokio::test]
async fn the_own_personal_channel_can_be_subscribed_to_and_nobody_publishes_there() {
    let session = signed_in().await;
    let mut socket = session.connect().await;
    let own = format!("user:#{}", session.person.id.0);
    socket.subscribe(&own).await;
    let reply = socket.ask(json!({"publish": {"channel": own, "data": 1}})).await.unwrap();
    assert_eq!(reply["error"]["code"], 103);
}

/// Frames that end the connection that sent them with 3501.
fn bad_frames() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| frame(Opcode::Text, true, text.as_bytes());
    let fragments = [frame(Opcode::Text, false, b"{\"id\":9,"), frame(Opcode::Text, true, b"\"rpc\":{}}")].concat();
    vec![
        ("truncated JSON", text(r#"{"id":9,"rpc":"#)),
        ("no JSON", text("hello")),
        ("an empty frame", text("")),
        ("an array", text("[1]")),
        ("an unknown command", text(r#"{"id":9,"dance":{}}"#)),
        ("a command without its id", text(r#"{"rpc":{}}"#)),
        ("a second connect", text(r#"{"id":9,"connect":{}}"#)),
        ("a pong that nobody asked for", text("{}")),
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
async fn every_bad_frame_of_the_table_ends_its_own_connection_and_no_other() {
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
async fn a_message_whose_fragments_are_too_much_together_is_refused() {
    let session = signed_in().await;
    let mut socket = session.connect().await;
    socket.send(&frame(Opcode::Text, false, &vec![b' '; 40 * 1024])).await;
    socket.send(&frame(Opcode::Continuation, true, &vec![b' '; 40 * 1024])).await;
    assert_eq!(socket.closed().await, bad_request());
}

#[tokio::test]
async fn ten_thousand_commands_in_a_frame_hurt_nobody_else() {
    let session = signed_in().await;
    let (mut flood, mut bystander) = (session.connect_by_command().await, session.connect_by_command().await);
    let lines: Vec<String> = (2..10_002).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    flood.send_text(&lines.join("\n")).await;
    assert!(matches!(flood.closed().await.code, 3501 | 3013));
    assert!(bystander.is_undisturbed().await);
}

#[tokio::test]
async fn a_flood_of_commands_is_refused_and_then_ended() {
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
    assert!(refused > 0, "first there are errors");
    assert_eq!((closed.code, closed.reason.as_str()), (3013, "too many requests"));
}

#[tokio::test]
async fn a_channel_too_many_is_refused() {
    let app = with_dialogue(|dialogue| dialogue.max_channels = 2);
    let mut socket = app.register().await.sign_in().await.connect_by_command().await;
    socket.subscribe("chat:one").await;
    socket.subscribe("chat:two").await;
    match socket.ask(json!({"subscribe": {"channel": "chat:three"}})).await {
        Ok(reply) => assert_eq!(reply["error"]["code"], 106, "{reply}"),
        Err(closed) => assert_eq!(closed.code, 3505),
    }
}

#[tokio::test]
async fn send_is_refused_aloud() {
    let mut socket = signed_in().await.connect_by_command().await;
    socket.send_text(r#"{"send":{"data":1}}"#).await;
    assert_eq!(socket.closed().await.code, 3508);
}

/// The reply to a first command with this token.
async fn first_command(session: &Session, token: &str) -> Result<Value, Closed> {
    let mut socket: Socket = session.app.handshake("/connection/websocket").open().await.expect("an open door");
    socket.ask(json!({"connect": {"token": token}})).await
}

#[tokio::test]
async fn an_expired_token_is_an_error_that_asks_for_another() {
    let session = signed_in().await;
    let reply = first_command(&session, &session.forged(Forgery::Expired)).await.expect("a reply");
    assert_eq!(reply["error"]["code"], 109, "{reply}");
}

#[tokio::test]
async fn no_token_and_no_connect_are_bad_requests() {
    let session = signed_in().await;
    let open = || session.app.handshake("/connection/websocket").open();
    let mut socket = open().await.expect("an open door");
    assert_eq!(socket.ask(json!({"connect": {}})).await.unwrap_err(), bad_request());
    let mut socket = open().await.expect("an open door");
    assert_eq!(socket.ask(json!({"subscribe": {"channel": "chat:lobby"}})).await.unwrap_err(), bad_request());
}

#[tokio::test]
async fn a_connection_is_renewed_with_a_fresh_token() {
    let session = signed_in().await;
    let mut socket = session.connect_by_command().await;
    let renewed = session.renewed().await;
    let reply = socket.ask(json!({"refresh": {"token": renewed.access}})).await.unwrap();
    assert_eq!(reply["refresh"]["expires"], true, "{reply}");
    assert!(reply["refresh"]["ttl"].as_u64().is_some_and(|ttl| ttl > 3500), "{reply}");
}

#[tokio::test]
async fn a_connection_is_not_renewed_with_anothers_token() {
    let session = signed_in().await;
    let same_user = session.person.sign_in().await;
    let stranger = session.app.register().await.sign_in().await;
    for token in [same_user.access, stranger.access, session.forged(Forgery::WrongSignature)] {
        let mut socket = session.connect_by_command().await;
        let closed = socket.ask(json!({"refresh": {"token": token}})).await.unwrap_err();
        assert_eq!((closed.code, closed.reason.as_str()), (3500, "invalid token"));
    }
}

#[tokio::test]
async fn a_connection_that_is_not_renewed_expires_after_the_grace() {
    let app = with_dialogue(|dialogue| dialogue.expired_grace = Duration::from_millis(100));
    let session = app.register().await.sign_in().await;
    app.advance(Duration::from_secs(3599));
    let mut socket = session.connect_by_command().await;
    let closed = socket.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (3005, "connection expired"));
}

#[tokio::test]
async fn pings_are_sent_in_the_form_that_the_client_understands() {
    let app = with_dialogue(|dialogue| dialogue.ping_interval = Duration::from_secs(1));
    let session = app.register().await.sign_in().await;
    let (mut sdk, mut plain) = (session.connect_by_command().await, session.connect().await);
    (sdk.answers_pings, plain.answers_pings) = (false, false);
    assert!(matches!(sdk.event().await, Event::Object(ping) if ping == json!({})));
    assert!(matches!(plain.event().await, Event::Ping(_)));
    sdk.send_text("{}").await;
    plain.send(&frame(Opcode::Pong, true, b"")).await;
    assert!(matches!(sdk.event().await, Event::Object(ping) if ping == json!({})), "an answered ping is followed by another");
    assert!(matches!(plain.event().await, Event::Ping(_)));
}

#[tokio::test]
async fn who_does_not_answer_a_ping_is_closed_with_3012() {
    let app = with_dialogue(|dialogue| {
        dialogue.ping_interval = Duration::from_secs(1);
        dialogue.pong_timeout = Duration::from_millis(200);
    });
    let session = app.register().await.sign_in().await;
    let (mut sdk, mut plain) = (session.connect_by_command().await, session.connect().await);
    (sdk.answers_pings, plain.answers_pings) = (false, false);
    for socket in [&mut sdk, &mut plain] {
        let closed = socket.closed().await;
        assert_eq!((closed.code, closed.reason.as_str()), (3012, "no pong"));
    }
}
