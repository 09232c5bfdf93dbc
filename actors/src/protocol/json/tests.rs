//! What the codec takes and makes, frame by frame.

use proptest::prelude::*;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    close::CloseReason,
    id::{ConnectionId, UserId},
    protocol::{
        Answer, ClientInfo, CommandBody, ConnectResult, ErrorCode, Lifetime, MAX_COMMANDS_PER_FRAME, Payload,
        Publication, Push, UnsubscribeCode,
    },
};

fn only(text: &str) -> (u32, CommandBody) {
    let mut commands = decode_frame(text).unwrap();
    assert_eq!(commands.len(), 1);
    let command = commands.remove(0);
    (command.id, command.body)
}

fn refused(text: &str) -> bool {
    decode_frame(text).is_err()
}

fn value(bytes: &[u8]) -> Value {
    assert!(!bytes.contains(&b'\n'));
    serde_json::from_slice(bytes).unwrap()
}

fn client() -> ConnectionId {
    ConnectionId(Uuid::from_u128(0xabc))
}

#[test]
fn the_opening_frame_of_centrifuge_js_is_two_commands_in_order() {
    let commands = decode_frame(
        "{\"id\":1,\"connect\":{\"token\":\"t\",\"name\":\"js\"}}\n{\"id\":2,\"subscribe\":{\"channel\":\"chat:a\",\"flag\":1}}",
    )
    .unwrap();
    let [first, second] = commands.as_slice() else {
        panic!("two commands")
    };
    let CommandBody::Connect(connect) = &first.body else {
        panic!("connect")
    };
    assert_eq!(connect.token.as_ref().unwrap().expose_secret(), "t");
    let CommandBody::Subscribe(subscribe) = &second.body else {
        panic!("subscribe")
    };
    assert_eq!(
        (first.id, second.id, subscribe.channel.as_str()),
        (1, 2, "chat:a")
    );
    assert!(!subscribe.tags_filter && !subscribe.must_recover && subscribe.kind == 0);
}

#[test]
fn the_empty_object_is_a_pong() {
    assert!(matches!(only("{}"), (0, CommandBody::Pong)));
    assert!(matches!(only("{}\n"), (0, CommandBody::Pong)));
    assert!(matches!(only(" {\"id\":0} "), (0, CommandBody::Pong)));
}

#[test]
fn one_trailing_line_feed_is_allowed_and_blank_lines_are_not() {
    assert_eq!(decode_frame("{}\n{}\n").unwrap().len(), 2);
    for frame in ["", "\n", " ", "{}\n\n", "\n{}", "{}\n\n{}", "{}\n\r\n{}"] {
        assert!(refused(frame), "{frame:?}");
    }
}

#[test]
fn what_is_no_command_is_refused() {
    for frame in [
        "null",
        "[]",
        "[1]",
        "7",
        "\"x\"",
        "{",
        "{}{}",
        "{} {}",
        "{\"id\":1}",
        "{\"id\":1,\"dance\":{}}",
        "{\"id\":1,\"connect\":null}",
        "{\"id\":1,\"connect\":[]}",
        "{\"id\":1,\"connect\":\"x\"}",
        "{\"id\":1,\"presence\":1}",
        "{\"id\":-1,\"ping\":{}}",
        "{\"id\":4294967296,\"ping\":{}}",
        "{\"id\":1.5,\"ping\":{}}",
        "{\"id\":\"1\",\"ping\":{}}",
        "{\"id\":1,\"id\":2,\"ping\":{}}",
        "{\"id\":1,\"subscribe\":{\"channel\":7}}",
        "{\"id\":1,\"subscribe\":{\"channel\":\"\\ud800\"}}",
        "{\"connect\":{}}",
        "{\"id\":0,\"publish\":{\"channel\":\"chat:a\",\"data\":1}}",
    ] {
        assert!(refused(frame), "{frame:?}");
    }
}

#[test]
fn send_alone_needs_no_id() {
    assert!(matches!(only("{\"send\":{\"data\":1}}"), (0, CommandBody::Send)));
}

#[test]
fn the_first_method_that_is_not_null_wins() {
    let (_, body) =
        only("{\"id\":3,\"connect\":null,\"publish\":{\"channel\":\"c\"},\"subscribe\":{\"channel\":\"s\"}}");
    assert!(matches!(body, CommandBody::Subscribe(request) if request.channel == "s"));
}

#[test]
fn unknown_fields_are_ignored() {
    let (_, body) = only("{\"id\":1,\"future\":[1],\"rpc\":{\"method\":\"x\",\"other\":{}}}");
    assert!(matches!(body, CommandBody::Rpc));
}

#[test]
fn an_empty_token_is_no_token() {
    for frame in [
        "{\"id\":1,\"connect\":{\"token\":\"\"}}",
        "{\"id\":1,\"connect\":{\"token\":null}}",
    ] {
        let (_, CommandBody::Connect(connect)) = only(frame) else {
            panic!("connect")
        };
        assert!(connect.token.is_none());
    }
}

#[test]
fn a_token_does_not_print() {
    let printed = format!(
        "{:?}",
        decode_frame("{\"id\":1,\"refresh\":{\"token\":\"hunter2\"}}").unwrap()
    );
    assert!(!printed.contains("hunter2"));
}

#[test]
fn data_passes_through_untouched_and_null_is_data() {
    for data in [
        "{\"b\": 1.0, \"a\":12345678901234567890123}",
        "null",
        "\"\\u00e9\\n\"",
        "[ ]",
        "-0",
    ] {
        let frame = format!("{{\"id\":9,\"publish\":{{\"channel\":\"c\",\"data\":{data}}}}}");
        let (9, CommandBody::Publish(publish)) = only(&frame) else {
            panic!("publish")
        };
        assert_eq!(publish.data.unwrap().as_bytes(), data.as_bytes());
    }
    let (_, CommandBody::Publish(publish)) = only("{\"id\":9,\"publish\":{\"channel\":\"c\"}}") else {
        panic!("publish")
    };
    assert!(publish.data.is_none());
}

#[test]
fn what_a_subscription_asks_for_beyond_a_plain_stream_is_seen() {
    let (_, CommandBody::Subscribe(request)) = only(
        "{\"id\":1,\"subscribe\":{\"channel\":\"c\",\"tf\":{\"key\":\"k\"},\"type\":4,\"recover\":true,\"flag\":3}}",
    ) else {
        panic!("subscribe")
    };
    assert!(request.tags_filter && request.must_recover);
    assert_eq!(request.kind, 4);
}

#[test]
fn a_frame_has_a_bounded_number_of_commands() {
    let frame = |commands: usize| vec!["{}"; commands].join("\n");
    assert!(decode_frame(&frame(MAX_COMMANDS_PER_FRAME)).is_ok());
    assert!(matches!(
        decode_frame(&frame(MAX_COMMANDS_PER_FRAME + 1)),
        Err(DecodeError::TooMany)
    ));
}

#[test]
fn connect_and_refresh_results_have_every_field_that_sdks_index() {
    let connect = Answer::Connect(ConnectResult {
        client: client(),
        version: "portcullis 1\"2".to_owned(),
        lifetime: Lifetime { ttl: 3600 },
        ping: 25,
    });
    assert_eq!(
        value(&encode_reply(1, &connect)),
        json!({"id": 1, "connect": {"client": client().to_string(), "version": "portcullis 1\"2", "expires": true,
            "ttl": 3600, "ping": 25, "pong": true}})
    );
    assert_eq!(
        value(&encode_reply(2, &Answer::Refresh(Lifetime { ttl: 0 }))),
        json!({"id": 2, "refresh": {"expires": true, "ttl": 0}})
    );
}

#[test]
fn empty_results_keep_their_key() {
    assert_eq!(encode_reply(3, &Answer::Subscribe), "{\"id\":3,\"subscribe\":{}}");
    assert_eq!(
        encode_reply(4, &Answer::Unsubscribe),
        "{\"id\":4,\"unsubscribe\":{}}"
    );
    assert_eq!(encode_reply(5, &Answer::Publish), "{\"id\":5,\"publish\":{}}");
}

#[test]
fn every_error_has_code_and_message_and_says_when_it_is_temporary() {
    for (error, code) in ErrorCode::ALL.iter().zip(100..) {
        let mut expected = json!({"code": code, "message": error.message()});
        if matches!(code, 100 | 111) {
            expected["temporary"] = json!(true);
        }
        assert_eq!(
            value(&encode_reply(7, &Answer::Error(*error))),
            json!({"id": 7, "error": expected})
        );
    }
    assert_eq!(ErrorCode::ALL.len(), 13);
}

#[test]
fn a_publication_names_its_publisher_and_its_offset_if_it_has_them() {
    let mut publication = Publication {
        data: Payload::parse("{\"text\": 1.0}").unwrap(),
        info: Some(ClientInfo {
            user: UserId(42),
            client: client(),
        }),
        offset: 0,
    };
    let push = |publication: &Publication| {
        encode_push(&Push::Publication {
            channel: "chat:\"a",
            publication,
        })
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
fn the_other_pushes_have_the_protocols_shapes() {
    let info = ClientInfo {
        user: UserId(1),
        client: client(),
    };
    let who = json!({"info": {"user": "1", "client": client().to_string()}});
    let data = Payload::parse("[1]").unwrap();
    for (push, body) in [
        (
            Push::Join {
                channel: "c",
                info: &info,
            },
            json!({"channel": "c", "join": who}),
        ),
        (
            Push::Leave {
                channel: "c",
                info: &info,
            },
            json!({"channel": "c", "leave": who}),
        ),
        (
            Push::Unsubscribe {
                channel: "c",
                code: UnsubscribeCode::InsufficientState,
            },
            json!({"channel": "c", "unsubscribe": {"code": 2500, "reason": "insufficient state"}}),
        ),
        (Push::Message { data: &data }, json!({"message": {"data": [1]}})),
        (
            Push::Disconnect(CloseReason::SessionRevoked),
            json!({"disconnect": {"code": 4500, "reason": "session revoked"}}),
        ),
        (
            Push::Disconnect(CloseReason::Shutdown),
            json!({"disconnect": {"code": 3001, "reason": "shutdown", "reconnect": true}}),
        ),
        (
            Push::Refresh(Lifetime { ttl: 5 }),
            json!({"refresh": {"expires": true, "ttl": 5}}),
        ),
    ] {
        assert_eq!(value(&encode_push(&push)), json!({"push": body}));
    }
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
    fn no_text_makes_the_decoder_panic(text in "\\PC*|[{}\\[\\]\":,0-9a-z\\n ]{0,200}") {
        if let Ok(commands) = decode_frame(&text) {
            prop_assert!(!commands.is_empty() && commands.len() <= MAX_COMMANDS_PER_FRAME);
        }
    }

    #[test]
    fn any_channel_name_survives_encoding(channel in "\\PC{0,40}") {
        let push = Push::Unsubscribe { channel: &channel, code: UnsubscribeCode::Server };
        let encoded = value(&encode_push(&push));
        prop_assert_eq!(encoded["push"]["channel"].as_str(), Some(channel.as_str()));
    }
}
