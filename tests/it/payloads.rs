//! Payloads of any bytes. Clients of the Protobuf protocol receive them bit for bit. Clients of the JSON protocol receive a
//! payload that is not JSON in base64.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use logic::{
    delta::apply,
    namespace::{DataKind, Namespaces, Offer, Options, Right, Rights},
};
use protocol::protobuf::{
    requests::{Command, ConnectRequest, HistoryRequest, PublishRequest, SubscribeRequest},
    results::{Publication, Reply},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use store::DatabaseSettings;

use crate::harness::{API_KEY, App, ProtobufSocket, Session, Socket, fresh_database};

const PATH: &str = "/connection/websocket";

/// Channels of two namespaces that carry any bytes: one in memory, one durable.
const ANY: [&str; 2] = ["any:room", "anydurable:room"];

fn options(data: DataKind) -> Options {
    let users = Rights::of(&[Right::User]);
    Options {
        subscribe: users,
        publish: users,
        history: users,
        history_size: 100,
        history_ttl: std::time::Duration::from_secs(300),
        recovery: Offer::Forced,
        delta: true,
        data,
        ..Options::default()
    }
}

fn app_over(database: DatabaseSettings) -> App {
    let namespaces = Namespaces::empty()
        .with("any", options(DataKind::Any))
        .with("anydurable", Options { durable: true, ..options(DataKind::Any) })
        .with("binary", options(DataKind::Binary))
        .with("json", options(DataKind::Json))
        .with_personal("binary");
    App::over(database, move |settings| {
        settings.realtime.namespaces = Arc::new(namespaces);
        settings.api_key = Some(SecretString::from(API_KEY));
    })
}

fn app() -> App {
    app_over(fresh_database())
}

/// Unusual payloads: an empty one, all 256 values of a byte, JSON, incomplete JSON, other bytes, and 60,000 bytes.
fn payloads() -> Vec<Bytes> {
    let every: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..60_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let others: [&[u8]; 7] =
        [b"", b"{\"a\": [1.50]}", b"{\r\n \"a\": 1\n}", b"{\"a\":", b"\"\xff\"", b"\0", "\u{e9}".as_bytes()];
    [every, large].into_iter().map(Bytes::from).chain(others.map(Bytes::from_static)).collect()
}

async fn protobuf(session: &Session) -> ProtobufSocket {
    let mut socket = ProtobufSocket::open(session.app.handshake(PATH)).await;
    let request = ConnectRequest { token: session.access.clone(), ..Default::default() };
    let reply = socket.ask(Command { connect: Some(request), ..Default::default() }).await;
    assert!(reply.connect.is_some(), "{reply:?}");
    socket
}

async fn subscribe(socket: &mut ProtobufSocket, request: SubscribeRequest) -> Reply {
    socket.ask(Command { subscribe: Some(Box::new(request)), ..Default::default() }).await
}

fn plainly(channel: &str) -> SubscribeRequest {
    SubscribeRequest { channel: channel.to_owned(), ..Default::default() }
}

async fn publish(socket: &mut ProtobufSocket, channel: &str, data: Bytes) -> Reply {
    let request = PublishRequest { channel: channel.to_owned(), data, r#type: 0 };
    socket.ask(Command { publish: Some(request), ..Default::default() }).await
}

async fn publish_all(socket: &mut ProtobufSocket, channel: &str, payloads: &[Bytes]) {
    for data in payloads {
        let reply = publish(socket, channel, data.clone()).await;
        assert!(reply.publish.is_some(), "{} bytes: {:?}", data.len(), reply.error);
    }
}

async fn publication(socket: &mut ProtobufSocket) -> Publication {
    socket.pushed().await.r#pub.expect("a publication")
}

fn data_of(publications: &[Publication]) -> Vec<Bytes> {
    publications.iter().map(|publication| publication.data.clone()).collect()
}

/// The bytes of a publication as a client of the JSON protocol decodes them, from the data and its tag `encoding`.
fn bytes_of(data: &Value, tags: &Value) -> Vec<u8> {
    if tags["encoding"] == "base64" {
        STANDARD.decode(data.as_str().expect("a string")).expect("base64")
    } else {
        data.to_string().into_bytes()
    }
}

/// The bytes of a payload that was sent through the JSON protocol: a JSON value without white space, or the unchanged bytes.
fn as_json_carries(data: &Bytes) -> Vec<u8> {
    match serde_json::from_slice::<Value>(data) {
        Ok(value) => value.to_string().into_bytes(),
        Err(_) => data.to_vec(),
    }
}

async fn json_publication(socket: &mut Socket) -> Value {
    socket.pushed().await["pub"].clone()
}

#[tokio::test]
async fn any_bytes_are_delivered_bit_for_bit_over_protobuf() {
    let app = app();
    let session = app.register().await.sign_in().await;
    let (mut writer, mut reader) = (protobuf(&session).await, protobuf(&session).await);
    for channel in ANY {
        subscribe(&mut reader, plainly(channel)).await;
        publish_all(&mut writer, channel, &payloads()).await;
        for data in payloads() {
            assert_eq!(publication(&mut reader).await.data, data, "{channel}");
        }
    }
}

#[tokio::test]
async fn history_and_recovery_return_any_bytes_bit_for_bit_even_after_a_restart() {
    let database = fresh_database();
    let mut app = app_over(database.clone());
    let session = app.register().await.open_session().await;
    let mut writer = protobuf(&session).await;
    let recover = |channel: &str| SubscribeRequest { recover: true, ..plainly(channel) };
    for channel in ANY {
        publish_all(&mut writer, channel, &payloads()).await;
    }
    for (channel, restarted) in [(ANY[0], false), (ANY[1], false), (ANY[1], true)] {
        if restarted {
            app.stop();
            app = app_over(database.clone());
        }
        let mut reader = protobuf(&Session { app: app.clone(), ..session.clone() }).await;
        let request = HistoryRequest { channel: channel.to_owned(), limit: -1, ..Default::default() };
        let reply = reader.ask(Command { history: Some(request), ..Default::default() }).await;
        assert_eq!(data_of(&reply.history.expect("a history").publications), payloads(), "{channel}");
        let result = subscribe(&mut reader, recover(channel)).await.subscribe.expect("a result");
        assert!(result.recovered, "{channel}");
        assert_eq!(data_of(&result.publications), payloads(), "{channel}");
    }
}

#[tokio::test]
async fn deltas_restore_any_bytes_over_protobuf() {
    let app = app();
    let session = app.register().await.sign_in().await;
    let (mut writer, mut reader) = (protobuf(&session).await, protobuf(&session).await);
    let changed = |number: u8| {
        let mut bytes: Vec<u8> = (0..=255).cycle().take(2_000).collect();
        bytes[usize::from(number)] = 0xff;
        Bytes::from(bytes)
    };
    let sent: Vec<Bytes> = payloads().into_iter().chain((0..3).map(changed)).collect();
    for channel in ANY {
        subscribe(&mut reader, SubscribeRequest { delta: "fossil".to_owned(), ..plainly(channel) }).await;
        publish_all(&mut writer, channel, &sent).await;
        let (mut before, mut deltas) = (Vec::new(), 0);
        for data in &sent {
            let publication = publication(&mut reader).await;
            before = if publication.delta {
                deltas += 1;
                apply(&before, &publication.data).expect("a delta to the previous payload")
            } else {
                publication.data.to_vec()
            };
            assert_eq!(before, *data, "{channel}");
        }
        assert!(deltas >= 2, "{channel}: {deltas} deltas");
    }
}

#[tokio::test]
async fn a_json_client_gets_bytes_that_are_not_json_in_base64_with_a_tag() {
    let app = app();
    let session = app.register().await.sign_in().await;
    let (mut writer, mut reader) = (protobuf(&session).await, session.connect_by_command().await);
    for channel in ANY {
        reader.subscribe(channel).await;
        publish_all(&mut writer, channel, &payloads()).await;
        for data in payloads() {
            let publication = json_publication(&mut reader).await;
            let is_json = serde_json::from_slice::<Value>(&data).is_ok();
            assert_eq!(publication["tags"]["encoding"] == "base64", !is_json, "{publication}");
            assert_eq!(bytes_of(&publication["data"], &publication["tags"]), as_json_carries(&data));
        }
    }
}

#[tokio::test]
async fn a_json_client_recovers_and_reads_bytes_that_are_not_json_in_base64() {
    let app = app();
    let session = app.register().await.sign_in().await;
    let mut writer = protobuf(&session).await;
    let expected: Vec<_> = payloads().iter().map(as_json_carries).collect();
    let read = |publications: &Value| -> Vec<Vec<u8>> {
        let publications = publications.as_array().expect("publications");
        publications.iter().map(|publication| bytes_of(&publication["data"], &publication["tags"])).collect()
    };
    for channel in ANY {
        publish_all(&mut writer, channel, &payloads()).await;
        let mut reader = session.connect_by_command().await;
        let history = reader.ask(json!({"history": {"channel": channel, "limit": -1}})).await.unwrap();
        assert_eq!(read(&history["history"]["publications"]), expected, "{channel}");
        let back = reader.ask(json!({"subscribe": {"channel": channel, "recover": true}})).await.unwrap();
        assert_eq!(read(&back["subscribe"]["publications"]), expected, "{channel}");
    }
}

#[tokio::test]
async fn deltas_for_a_json_client_are_computed_from_the_json_texts() {
    let app = app();
    let session = app.register().await.sign_in().await;
    let mut writer = protobuf(&session).await;
    let (mut reader, mut other) = (session.connect_by_command().await, protobuf(&session).await);
    let request = json!({"subscribe": {"channel": ANY[0], "delta": "fossil"}});
    assert_eq!(reader.ask(request).await.unwrap()["subscribe"]["delta"], true);
    // The subscriber of the Protobuf protocol gets these publications, too. Its deltas are computed from the bytes.
    subscribe(&mut other, SubscribeRequest { delta: "fossil".to_owned(), ..plainly(ANY[0]) }).await;
    let text =
        |number: u8| Bytes::from(format!("{{\"text\":\"{}\",\"n\":{number}}}", "as before ".repeat(30)));
    let bytes = |number: u8| Bytes::from([vec![0xfe; 600], vec![number], vec![7; 600]].concat());
    let sent = [text(1), text(2), bytes(1), bytes(2), bytes(3), text(3), text(4)];
    publish_all(&mut writer, ANY[0], &sent).await;
    let (mut before, mut bytes_before, mut deltas) = (String::new(), Vec::new(), 0);
    for data in &sent {
        let publication = json_publication(&mut reader).await;
        let carried = publication["data"].as_str().expect("a string");
        before = if publication["delta"] == true {
            deltas += 1;
            String::from_utf8(apply(before.as_bytes(), carried.as_bytes()).expect("a delta")).unwrap()
        } else {
            carried.to_owned()
        };
        let value: Value = serde_json::from_str(&before).expect("one JSON value");
        assert_eq!(bytes_of(&value, &publication["tags"]), as_json_carries(data));
        let pushed = self::publication(&mut other).await;
        bytes_before =
            if pushed.delta { apply(&bytes_before, &pushed.data).unwrap() } else { pushed.data.to_vec() };
        assert_eq!(bytes_before, *data);
    }
    assert!(deltas >= 4, "{deltas} deltas");
}

#[tokio::test]
async fn a_tag_with_the_name_encoding_is_overwritten_if_the_server_encodes_the_data_in_base64() {
    let app = app();
    let session = app.register().await.sign_in().await;
    let (mut text, mut binary) = (session.connect_by_command().await, protobuf(&session).await);
    text.subscribe(ANY[0]).await;
    subscribe(&mut binary, plainly(ANY[0])).await;
    let tags = json!({"encoding": "gzip", "kind": "image"});
    app.api_result("publish", json!({"channel": ANY[0], "b64data": "/w==", "tags": tags})).await;
    let publication = json_publication(&mut text).await;
    assert_eq!(publication["tags"], json!({"encoding": "base64", "kind": "image"}));
    assert_eq!(self::publication(&mut binary).await.tags["encoding"], "gzip");
}

#[tokio::test]
async fn the_server_api_accepts_and_returns_any_bytes_in_base64() {
    let app = app();
    for channel in ANY {
        for data in payloads().into_iter().filter(|data| !data.is_empty()) {
            let encoded = STANDARD.encode(&data);
            app.api_result("publish", json!({"channel": channel, "b64data": encoded})).await;
            let history = app.api_result("history", json!({"channel": channel, "limit": 1, "reverse": true}));
            let publication = &history.await["publications"][0];
            let given = bytes_of(&publication["data"], &publication["tags"]);
            assert_eq!(given, as_json_carries(&data), "{channel}");
        }
    }
}

#[tokio::test]
async fn a_namespace_of_json_refuses_bytes_that_are_not_json() {
    let app = app();
    let mut writer = protobuf(&app.register().await.sign_in().await).await;
    for data in payloads() {
        let is_json = serde_json::from_slice::<Value>(&data).is_ok();
        let reply = publish(&mut writer, "json:room", data.clone()).await;
        assert_eq!(reply.error.map(|error| error.code), (!is_json).then_some(107), "{data:?}");
        let encoded = STANDARD.encode(&data);
        let answer = app.api("publish", json!({"channel": "json:room", "b64data": encoded})).await;
        assert_eq!(answer.expect(200).body["error"]["code"] == 107, !is_json, "{data:?}");
    }
}

#[tokio::test]
async fn a_json_client_cannot_subscribe_to_a_channel_of_bytes_and_stays_connected() {
    let app = app();
    let session = app.register().await.sign_in().await;
    let (mut text, mut binary) = (session.connect_by_command().await, protobuf(&session).await);
    let reply = text.ask(json!({"subscribe": {"channel": "binary:room"}})).await.unwrap();
    assert_eq!(reply["error"]["code"], 440, "{reply}");
    text.subscribe(ANY[0]).await;
    assert!(subscribe(&mut binary, plainly("binary:room")).await.subscribe.is_some());
    publish_all(&mut binary, "binary:room", &payloads()).await;
    for data in payloads() {
        assert_eq!(publication(&mut binary).await.data, data);
    }
}

#[tokio::test]
async fn the_server_cannot_subscribe_a_json_client_to_a_channel_of_bytes() {
    let app = app();
    let session = app.register().await.sign_in().await;
    let _text = session.connect_by_command().await;
    let user = session.person.id.to_string();
    assert_eq!(app.api_error("subscribe", json!({"user": user, "channel": "binary:room"})).await, 440);
}

#[tokio::test]
async fn only_a_protobuf_client_is_subscribed_to_a_personal_channel_of_bytes() {
    let app = app();
    let session = app.register().await.sign_in().await;
    let mut text = session.app.handshake(PATH).open().await.expect("the handshake is granted");
    let reply = text.ask(json!({"connect": {"token": session.access}})).await.unwrap();
    assert!(reply["connect"]["client"].is_string() && reply["connect"].get("subs").is_none(), "{reply}");
    let mut binary = ProtobufSocket::open(session.app.handshake(PATH)).await;
    let request = ConnectRequest { token: session.access.clone(), ..Default::default() };
    let reply = binary.ask(Command { connect: Some(request), ..Default::default() }).await;
    assert_eq!(reply.connect.expect("a result").subs.len(), 1);
}

#[tokio::test]
async fn data_that_the_server_does_not_read_may_be_any_bytes() {
    use prost::Message as _;
    let app = app();
    let session = app.register().await.sign_in().await;
    let mut socket = ProtobufSocket::open(session.app.handshake(PATH)).await;
    let command = Command {
        id: 1,
        connect: Some(ConnectRequest { token: session.access.clone(), ..Default::default() }),
        ..Default::default()
    };
    // The command is length-delimited. It has the id and the field `connect`, and `data` is field 2 of `connect`.
    let connect = command.connect.as_ref().expect("connect").encode_to_vec();
    let with_data = [connect.as_slice(), &[0x12, 2, 0xff, 0x00]].concat();
    let mut body = vec![0x08, 1, 0x22];
    prost::encoding::encode_varint(with_data.len() as u64, &mut body);
    body.extend(with_data);
    let mut frame = Vec::new();
    prost::encoding::encode_varint(body.len() as u64, &mut frame);
    frame.extend(body);
    socket.send(&frame).await;
    let crate::harness::Received::Reply(reply) = socket.received().await else { panic!("closed") };
    assert!(reply.connect.is_some(), "{reply:?}");
    // `rpc` with the bytes FF 00 as its data.
    socket.send(&[8, 0x08, 2, 0x6a, 4, 0x0a, 2, 0xff, 0x00]).await;
    let crate::harness::Received::Reply(reply) = socket.received().await else { panic!("closed") };
    assert_eq!(reply.error.expect("an error").code, 108);
}
