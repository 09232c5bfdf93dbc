//! The Protobuf encoding over a real socket, alone and together with JSON clients in the same channels.

use std::{sync::Arc, time::Duration};

use protocol::protobuf::{
    requests::{ChannelRequest, Command, ConnectRequest, Empty, PublishRequest, SubscribeRequest},
    results::Reply,
};
use serde_json::json;

use crate::harness::{App, Closed, Opcode, ProtobufSocket, Received, Session, frame};

const PATH: &str = "/connection/websocket";

async fn signed_in() -> Session {
    App::start().register().await.sign_in().await
}

async fn connected(session: &Session) -> ProtobufSocket {
    let mut socket = ProtobufSocket::open(session.app.handshake(PATH)).await;
    let reply = socket.ask(connect(session)).await;
    assert!(reply.connect.is_some(), "{reply:?}");
    socket
}

fn connect(session: &Session) -> Command {
    let request =
        ConnectRequest { token: session.access.clone(), name: "dart".to_owned(), ..Default::default() };
    Command { connect: Some(request), ..Default::default() }
}

fn subscribe(channel: &str) -> Command {
    let request = SubscribeRequest { channel: channel.to_owned(), ..Default::default() };
    Command { subscribe: Some(Box::new(request)), ..Default::default() }
}

fn publish(channel: &str, data: &[u8]) -> Command {
    let request = PublishRequest { channel: channel.to_owned(), data: data.to_vec().into(), r#type: 0 };
    Command { publish: Some(request), ..Default::default() }
}

fn bad_request() -> Closed {
    Closed { code: 3501, reason: "bad request".to_owned() }
}

#[tokio::test]
async fn the_answer_to_connect_contains_all_that_an_sdk_needs() {
    let session = signed_in().await;
    let mut socket = ProtobufSocket::open(session.app.handshake(PATH)).await;
    assert_eq!(socket.socket.headers["sec-websocket-protocol"], "centrifuge-protobuf");
    let result = socket.ask(connect(&session)).await.connect.expect("a result");
    assert_eq!((result.client.len(), result.expires, result.ping, result.pong), (36, true, 25, true));
    assert!((3500..=3600).contains(&result.ttl) && result.version.starts_with("portcullis"));
}

#[tokio::test]
async fn the_encoding_is_the_first_known_one_that_the_client_names() {
    let session = signed_in().await;
    for (offer, named) in [
        ("centrifuge-protobuf, centrifuge-json", Some("centrifuge-protobuf")),
        ("centrifuge-json, centrifuge-protobuf", Some("centrifuge-json")),
        ("something-else, centrifuge-protobuf", Some("centrifuge-protobuf")),
        ("something-else", None),
    ] {
        let socket = session.app.handshake(PATH).header("sec-websocket-protocol", offer).open().await;
        let headers = socket.expect("the handshake is granted").headers;
        assert_eq!(
            headers.get("sec-websocket-protocol").map(|name| name.to_str().unwrap()),
            named,
            "{offer}"
        );
    }
    for query in ["format=protobuf", "cf_protocol=protobuf"] {
        let socket = session.app.handshake(&format!("{PATH}?{query}")).open().await.expect("granted");
        assert!(!socket.headers.contains_key("sec-websocket-protocol"));
        let reply = ProtobufSocket::over(socket).ask(connect(&session)).await;
        assert!(reply.connect.is_some(), "{reply:?}");
    }
}

#[tokio::test]
async fn a_text_frame_ends_a_binary_connection_and_a_binary_frame_ends_a_text_connection() {
    let session = signed_in().await;
    let mut binary = connected(&session).await;
    binary.socket.send_text("{}").await;
    assert_eq!(binary.closed().await, bad_request());
    let mut text = session.connect_by_command().await;
    text.send(&frame(Opcode::Binary, true, &[0])).await;
    assert_eq!(text.closed().await, bad_request());
}

#[tokio::test]
async fn invalid_messages_end_only_their_own_connection() {
    let session = signed_in().await;
    let mut bystander = connected(&session).await;
    for wrong in [&[][..], &[5, 8, 1], &[0xff; 12], &[0xff, 0xff, 0xff, 0xff, 0x0f], b"{}", &[0], &[2, 8, 9]]
    {
        let mut socket = connected(&session).await;
        socket.send(wrong).await;
        assert_eq!(socket.closed().await, bad_request(), "{wrong:?}");
    }
    let rpc = Command { rpc: Some(Empty {}), ..Default::default() };
    assert_eq!(bystander.ask(rpc).await.error.expect("an error").code, 108);
}

#[tokio::test]
async fn a_message_in_fragments_is_put_together() {
    let session = signed_in().await;
    let mut socket = connected(&session).await;
    let whole = [9, 8, 7, 50, 5, 10, 3, b'a', b':', b'b'];
    socket.socket.send(&frame(Opcode::Binary, false, &whole[..4])).await;
    socket.socket.send(&frame(Opcode::Continuation, true, &whole[4..])).await;
    let Received::Reply(reply) = socket.received().await else { panic!("closed") };
    assert_eq!(*reply, Reply { id: 7, unsubscribe: Some(Empty {}), ..Default::default() });
}

#[tokio::test]
async fn commands_of_one_frame_are_answered_in_order() {
    use prost::Message as _;
    let session = signed_in().await;
    let mut socket = ProtobufSocket::open(session.app.handshake(PATH)).await;
    let commands = [connect(&session), subscribe("chat:lobby"), publish("chat:lobby", b"1")];
    let frames = (1..)
        .zip(commands)
        .flat_map(|(id, command)| Command { id, ..command }.encode_length_delimited_to_vec());
    socket.send(&frames.collect::<Vec<u8>>()).await;
    let mut answered = Vec::new();
    while answered.len() < 3 {
        let Received::Reply(reply) = socket.received().await else { panic!("closed") };
        if reply.push.is_none() {
            assert!(reply.error.is_none(), "{reply:?}");
            answered.push(reply.id);
        }
    }
    assert_eq!(answered, [1, 2, 3]);
}

#[tokio::test]
async fn clients_of_both_encodings_share_a_channel() {
    let session = signed_in().await;
    let (mut binary, mut text) = (connected(&session).await, session.connect().await);
    assert!(binary.ask(subscribe("ephemeral:both")).await.subscribe.is_some());
    text.subscribe("ephemeral:both").await;
    let data = b"{\"n\": 1.50}";
    assert!(binary.ask(publish("ephemeral:both", data)).await.publish.is_some());
    text.publish("ephemeral:both", json!({"text": "hi"})).await;
    let me = session.person.id.0.to_string();
    let first = binary.pushed().await;
    let published = first.r#pub.expect("a publication");
    assert_eq!((first.channel.as_str(), published.data.as_ref()), ("ephemeral:both", data.as_slice()));
    assert_eq!(published.info.expect("the publisher").user, me);
    assert_eq!(binary.pushed().await.r#pub.expect("a publication").data.as_ref(), b"{\"text\":\"hi\"}");
    assert_eq!(text.pushed().await["pub"]["data"], json!({"n": 1.50}));
    assert_eq!(text.pushed().await["pub"]["data"], json!({"text": "hi"}));
}

#[tokio::test]
async fn a_publication_that_is_no_json_is_refused_and_not_delivered() {
    let session = signed_in().await;
    let (mut binary, mut text) = (connected(&session).await, session.connect().await);
    binary.ask(subscribe("ephemeral:both")).await;
    text.subscribe("ephemeral:both").await;
    for wrong in [b"".as_slice(), b"{", b"\x00\xff"] {
        let reply = binary.ask(publish("ephemeral:both", wrong)).await;
        assert_eq!(reply.error.expect("an error").code, 107, "{wrong:?}");
    }
    assert!(text.is_undisturbed().await);
    let gone = Command {
        unsubscribe: Some(ChannelRequest { channel: "ephemeral:both".to_owned() }),
        ..Default::default()
    };
    assert!(binary.ask(gone).await.unsubscribe.is_some());
}

#[tokio::test]
async fn a_ping_is_an_empty_message_and_so_is_its_answer() {
    let app = App::with(|settings| {
        let client = Arc::make_mut(&mut settings.socket.client);
        client.ping_interval = Duration::from_secs(1);
        client.pong_timeout = Duration::from_millis(900);
    });
    let session = app.register().await.sign_in().await;
    let mut socket = connected(&session).await;
    for _ in 0..2 {
        let Received::Reply(ping) = socket.received().await else { panic!("closed") };
        assert_eq!(*ping, Reply::default());
        socket.send(&[0]).await;
    }
    let Received::Reply(unanswered) = socket.received().await else { panic!("closed after a pong") };
    assert_eq!(*unanswered, Reply::default());
    assert_eq!(socket.closed().await.code, 3012);
}

#[tokio::test]
async fn a_revocation_closes_a_binary_connection() {
    let session = signed_in().await;
    let mut socket = connected(&session).await;
    session.sign_out("local").await.expect(200);
    assert_eq!(socket.closed().await.code, 4501);
}
