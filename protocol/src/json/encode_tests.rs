//! Tests of the JSON encoding of answers and pushes.

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    ErrorCode, Payload, UnsubscribeCode,
    close::CloseReason,
    id::{ConnectionId, UserId},
};

fn value(bytes: &[u8]) -> Value {
    assert!(!bytes.contains(&b'\n'));
    serde_json::from_slice(bytes).unwrap()
}

fn client_info(user: i64) -> ClientInfo {
    ClientInfo { user: UserId(user).into(), client: client(), conn_info: None, chan_info: None }
}

fn client() -> ConnectionId {
    ConnectionId(Uuid::from_u128(0xabc))
}

#[test]
fn results_of_connect_and_refresh_have_every_field_that_sdks_read() {
    let connect = Answer::Connect(Box::new(ConnectResult {
        client: client(),
        version: "portcullis 1\"2".to_owned(),
        lifetime: Some(Lifetime { ttl: 3600 }),
        ping: Some(25),
        subs: Vec::new(),
        emulation: None,
    }));
    assert_eq!(
        value(&encode_reply(1, &connect)),
        json!({"id": 1, "connect": {"client": client().to_string(), "version": "portcullis 1\"2", "expires": true,
            "ttl": 3600, "ping": 25, "pong": true}})
    );
    assert_eq!(
        value(&encode_reply(2, &Answer::Refresh(Some(Lifetime { ttl: 0 })))),
        json!({"id": 2, "refresh": {"expires": true, "ttl": 0}})
    );
}

#[test]
fn an_empty_result_is_an_empty_object() {
    assert_eq!(encode_reply(3, &Answer::Subscribe(Box::default())), "{\"id\":3,\"subscribe\":{}}");
    assert_eq!(encode_reply(4, &Answer::Unsubscribe), "{\"id\":4,\"unsubscribe\":{}}");
    assert_eq!(encode_reply(5, &Answer::Publish), "{\"id\":5,\"publish\":{}}");
}

#[test]
fn every_error_has_a_code_and_a_message_and_is_marked_if_it_is_temporary() {
    for (error, code) in ErrorCode::ALL.iter().zip((100..=112).chain([440])) {
        let mut expected = json!({"code": code, "message": error.message()});
        if matches!(code, 100 | 111) {
            expected["temporary"] = json!(true);
        }
        assert_eq!(value(&encode_reply(7, &Answer::Error(*error))), json!({"id": 7, "error": expected}));
    }
    assert_eq!(ErrorCode::ALL.len(), 14);
}

#[test]
fn a_publication_has_its_publisher_and_its_offset_if_known() {
    let mut publication = Publication {
        data: Payload::parse("{\"text\": 1.0}").unwrap(),
        info: Some(Arc::new(client_info(42))),
        offset: 0,
        tags: Vec::new(),
        time_ms: 0,
    };
    let push = |publication: &Publication| {
        encode_push(&Push::Publication { channel: "chat:\"a", publication, form: DataForm::Plain })
    };
    let info = format!("\"info\":{{\"user\":\"42\",\"client\":\"{}\"}}", client());
    assert_eq!(
        push(&publication),
        format!("{{\"push\":{{\"channel\":\"chat:\\\"a\",\"pub\":{{\"data\":{{\"text\": 1.0}},{info}}}}}}}")
    );
    publication.info = None;
    publication.offset = 9;
    assert_eq!(
        value(&push(&publication)),
        json!({"push": {"channel": "chat:\"a", "pub": {"data": {"text": 1.0}, "offset": 9}}})
    );
}

#[test]
fn other_pushes_have_the_form_that_the_protocol_states() {
    let info = client_info(1);
    let encoded_info = json!({"info": {"user": "1", "client": client().to_string()}});
    let data = Payload::parse("[1]").unwrap();
    for (push, body) in [
        (Push::Join { channel: "c", info: &info }, json!({"channel": "c", "join": encoded_info})),
        (Push::Leave { channel: "c", info: &info }, json!({"channel": "c", "leave": encoded_info})),
        (
            Push::Unsubscribe { channel: "c", code: UnsubscribeCode::InsufficientState },
            json!({"channel": "c", "unsubscribe": {"code": 2500, "reason": "insufficient state"}}),
        ),
        (Push::Message { data: &data }, json!({"message": {"data": [1]}})),
        (
            Push::Disconnect(&CloseReason::SessionRevoked.into()),
            json!({"disconnect": {"code": 4500, "reason": "session revoked"}}),
        ),
        (
            Push::Disconnect(&CloseReason::Shutdown.into()),
            json!({"disconnect": {"code": 3001, "reason": "shutdown", "reconnect": true}}),
        ),
        (Push::Refresh(Some(Lifetime { ttl: 5 })), json!({"refresh": {"expires": true, "ttl": 5}})),
    ] {
        assert_eq!(value(&encode_push(&push)), json!({"push": body}));
    }
}

#[test]
fn a_subscribe_push_has_the_fields_of_a_subscription_and_no_result_of_a_recovery() {
    let mut result = SubscribeResult {
        lifetime: Some(Lifetime { ttl: 9 }),
        position: Some(Position { offset: 3, epoch: "e\"f".to_owned() }),
        recoverable: true,
        positioned: true,
        was_recovering: true,
        recovered: true,
        delta: true,
        data: Some(Payload::parse("[1]").unwrap()),
        publications: Vec::new(),
    };
    let push = |result: &SubscribeResult| {
        value(&encode_push(&Push::Subscribe { channel: "chat:\"a", result }))["push"].clone()
    };
    let fields = json!({"recoverable": true, "positioned": true, "epoch": "e\"f", "offset": 3, "data": [1]});
    assert_eq!(push(&result), json!({"channel": "chat:\"a", "subscribe": fields}));
    (result.position, result.data) = (None, None);
    (result.recoverable, result.positioned) = (false, false);
    assert_eq!(push(&result), json!({"channel": "chat:\"a", "subscribe": {}}));
}

#[test]
fn fixed_texts_need_no_escaping() {
    let texts = ErrorCode::ALL.iter().map(|code| code.message());
    for text in texts.chain(UnsubscribeCode::ALL.iter().map(|code| code.text())) {
        assert_eq!(serde_json::to_string(text).unwrap(), format!("\"{text}\""));
    }
}

proptest! {
    #[test]
    fn any_channel_name_survives_encoding(channel in "\\PC{0,40}") {
        let push = Push::Unsubscribe { channel: &channel, code: UnsubscribeCode::Server };
        let encoded = value(&encode_push(&push));
        prop_assert_eq!(encoded["push"]["channel"].as_str(), Some(channel.as_str()));
    }
}
