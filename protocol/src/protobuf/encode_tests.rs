//! Tests of the Protobuf encoding of answers and pushes. The results are compared with bytes that are built by hand, and with
//! JSON.

use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::{
    Emulation, Position, PresenceStats, UnsubscribeCode,
    close::CloseReason,
    id::{ConnectionId, Subject},
};

fn client() -> ConnectionId {
    ConnectionId(Uuid::from_u128(0xabc))
}

fn client_info() -> ClientInfo {
    ClientInfo { user: Subject::new("42"), client: client(), conn_info: json("1"), chan_info: json("2") }
}

fn json(text: &str) -> Option<Payload> {
    Payload::parse(text).ok()
}

fn published() -> Publication {
    Publication {
        data: Payload::parse("[7]").unwrap(),
        info: Some(Arc::new(client_info())),
        offset: 3,
        tags: vec![("k".to_owned(), "v".to_owned())],
        time_ms: 5,
    }
}

fn position() -> Position {
    Position { offset: 3, epoch: "abcdefgh".to_owned() }
}

fn subscribed() -> SubscribeResult {
    SubscribeResult {
        lifetime: Some(Lifetime { ttl: 60 }),
        position: Some(position()),
        recoverable: true,
        positioned: true,
        was_recovering: true,
        recovered: true,
        publications: vec![Arc::new(published())],
        delta: true,
        data: json("8"),
    }
}

/// A field that holds bytes, text or a message.
fn field(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut bytes = vec![number << 3 | 2];
    prost::encode_length_delimiter(content.len(), &mut bytes).unwrap();
    [bytes, content.to_vec()].concat()
}

fn number(field: u8, value: u8) -> Vec<u8> {
    vec![field << 3, value]
}

/// A whole message, preceded by its length.
fn message(fields: &[Vec<u8>]) -> Vec<u8> {
    let fields = fields.concat();
    let mut bytes = Vec::new();
    prost::encode_length_delimiter(fields.len(), &mut bytes).unwrap();
    [bytes, fields].concat()
}

fn client_info_by_hand() -> Vec<u8> {
    [field(1, "42"), field(2, client().to_string()), field(3, "1"), field(4, "2")].concat()
}

fn published_by_hand() -> Vec<u8> {
    let tag = [field(1, "k"), field(2, "v")].concat();
    [field(4, "[7]"), field(5, client_info_by_hand()), number(6, 3), field(7, tag), number(9, 5)].concat()
}

fn subscribed_by_hand() -> Vec<u8> {
    [
        number(1, 1),
        number(2, 60),
        number(3, 1),
        field(6, "abcdefgh"),
        field(7, published_by_hand()),
        number(8, 1),
        number(9, 3),
        number(10, 1),
        field(11, "8"),
        number(12, 1),
        number(13, 1),
    ]
    .concat()
}

#[test]
fn every_answer_has_the_field_numbers_of_the_schema() {
    let connect = ConnectResult {
        client: client(),
        version: "v".to_owned(),
        lifetime: Some(Lifetime { ttl: 60 }),
        ping: Some(25),
        subs: vec![("c".to_owned(), subscribed())],
        emulation: Some(Emulation { session: "s".to_owned().into(), node: "n".to_owned() }),
    };
    let subs = [field(1, "c"), field(2, subscribed_by_hand())].concat();
    let connect_by_hand = [
        field(1, client().to_string()),
        field(2, "v"),
        number(3, 1),
        number(4, 60),
        field(6, subs),
        number(7, 25),
        number(8, 1),
        field(9, "s"),
        field(10, "n"),
    ]
    .concat();
    let history = HistoryResult { publications: vec![Arc::new(published())], position: position() };
    let history_by_hand = [field(1, published_by_hand()), field(2, "abcdefgh"), number(3, 3)].concat();
    let member = [field(1, client().to_string()), field(2, client_info_by_hand())].concat();
    let until = Some(Lifetime { ttl: 60 });
    let cases = [
        (Answer::Connect(Box::new(connect)), field(5, connect_by_hand)),
        (Answer::Subscribe(Box::new(subscribed())), field(6, subscribed_by_hand())),
        (Answer::Unsubscribe, field(7, "")),
        (Answer::Publish, field(8, "")),
        (Answer::Presence(vec![Arc::new(client_info())]), field(9, field(1, member))),
        (
            Answer::PresenceStats(PresenceStats { clients: 2, users: 1 }),
            field(10, [number(1, 2), number(2, 1)].concat()),
        ),
        (Answer::History(history), field(11, history_by_hand)),
        (Answer::Refresh(until), field(14, [number(3, 1), number(4, 60)].concat())),
        (Answer::SubRefresh(until), field(15, [number(1, 1), number(2, 60)].concat())),
        (Answer::SubRefresh(None), field(15, "")),
        (
            Answer::Error(ErrorCode::Internal),
            field(2, [number(1, 100), field(2, "internal server error"), number(3, 1)].concat()),
        ),
        (Answer::Error(ErrorCode::BadRequest), field(2, [number(1, 107), field(2, "bad request")].concat())),
    ];
    for (answer, body) in cases {
        assert_eq!(encode_reply(9, &answer), message(&[number(1, 9), body]), "{answer:?}");
    }
}

#[test]
fn every_push_has_the_field_numbers_of_the_schema() {
    let (published, info, subscribed) = (published(), client_info(), subscribed());
    let data = Payload::parse("[1]").unwrap();
    let channel = || field(2, "c");
    let unsubscribe = [vec![2 << 3, 0xc4, 0x13], field(3, "insufficient state")].concat();
    let disconnect = [vec![1 << 3, 0xb9, 0x17], field(2, "shutdown"), number(3, 1)].concat();
    let subscribe = [number(1, 1), field(4, "abcdefgh"), number(5, 3), number(6, 1), field(7, "8")].concat();
    let plain = Push::Publication { channel: "c", publication: &published, form: DataForm::Plain };
    let whole = Push::Publication { channel: "c", publication: &published, form: DataForm::Whole };
    let cases = [
        (plain, [channel(), field(4, published_by_hand())].concat()),
        (whole, [channel(), field(4, published_by_hand())].concat()),
        (
            Push::Join { channel: "c", info: &info },
            [channel(), field(5, field(1, client_info_by_hand()))].concat(),
        ),
        (
            Push::Leave { channel: "c", info: &info },
            [channel(), field(6, field(1, client_info_by_hand()))].concat(),
        ),
        (
            Push::Unsubscribe { channel: "c", code: UnsubscribeCode::InsufficientState },
            [channel(), field(7, unsubscribe)].concat(),
        ),
        (Push::Message { data: &data }, field(8, field(1, "[1]"))),
        (Push::Subscribe { channel: "c", result: &subscribed }, [channel(), field(9, subscribe)].concat()),
        (Push::Disconnect(&CloseReason::Shutdown.into()), field(11, disconnect)),
        (Push::Refresh(Some(Lifetime { ttl: 5 })), field(12, [number(1, 1), number(2, 5)].concat())),
    ];
    for (push, body) in cases {
        assert_eq!(encode_push(&push), message(&[field(4, body)]), "{push:?}");
    }
}

#[test]
fn a_delta_is_marked() {
    let publication = Publication { info: None, tags: Vec::new(), time_ms: 0, ..published() };
    let push = Push::Publication { channel: "c", publication: &publication, form: DataForm::Delta(b"\xff;") };
    let body = [field(4, b"\xff;"), number(6, 3), number(8, 1)].concat();
    assert_eq!(encode_push(&push), message(&[field(4, [field(2, "c"), field(4, body)].concat())]));
}

#[test]
fn a_ping_is_an_empty_message() {
    assert_eq!(PING, message(&[]));
}

#[test]
fn both_encodings_carry_the_same_offset_time_tags_and_user_of_a_publication() {
    let push = Push::Publication { channel: "c", publication: &published(), form: DataForm::Plain };
    let json: Value = serde_json::from_slice(&crate::json::encode_push(&push)).unwrap();
    let reply = results::Reply::decode_length_delimited(encode_push(&push)).unwrap();
    let published = reply.push.unwrap().r#pub.unwrap();
    assert_eq!(json["push"]["pub"]["offset"], published.offset);
    assert_eq!(json["push"]["pub"]["time"], published.time);
    assert_eq!(json["push"]["pub"]["tags"]["k"], published.tags["k"]);
    assert_eq!(json["push"]["pub"]["info"]["user"], published.info.unwrap().user);
}

#[test]
fn a_server_side_subscription_with_only_default_values_is_encoded() {
    let plain = ConnectResult {
        client: client(),
        version: String::new(),
        lifetime: None,
        ping: None,
        subs: vec![("a".to_owned(), SubscribeResult::default())],
        emulation: None,
    };
    let encoded = crate::Encoding::Protobuf.reply(1, &Answer::Connect(Box::new(plain)));
    // The entry: its key, and an empty value.
    let entry = [0x32, 5, 0x0a, 1, b'a', 0x12, 0];
    assert!(encoded.windows(entry.len()).any(|window| window == entry), "{encoded:?}");
}
