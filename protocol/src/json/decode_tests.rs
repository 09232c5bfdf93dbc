//! Tests of the decoding of text frames: which frames are accepted, and which commands they contain.

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;

fn only(text: &str) -> (u32, CommandBody) {
    let mut commands = decode_frame(text).unwrap();
    assert_eq!(commands.len(), 1);
    let command = commands.remove(0);
    (command.id, command.body)
}

fn refused(text: &str) -> bool {
    decode_frame(text).is_err()
}

#[test]
fn the_first_frame_of_centrifuge_js_is_two_commands_in_order() {
    let commands = decode_frame(
        "{\"id\":1,\"connect\":{\"token\":\"t\",\"name\":\"js\"}}\n{\"id\":2,\"subscribe\":{\"channel\":\"chat:a\",\"flag\":1}}",
    )
    .unwrap();
    let [first, second] = commands.as_slice() else { panic!("expected two commands") };
    let CommandBody::Connect(connect) = &first.body else { panic!("expected connect") };
    assert_eq!(connect.token.as_ref().unwrap().expose_secret(), "t");
    let CommandBody::Subscribe(subscribe) = &second.body else { panic!("expected subscribe") };
    assert_eq!((first.id, second.id, subscribe.channel.as_str()), (1, 2, "chat:a"));
    assert!(!subscribe.tags_filter && subscribe.recover.is_none() && subscribe.kind == 0);
}

#[test]
fn the_empty_object_is_a_pong() {
    assert!(matches!(only("{}"), (0, CommandBody::Pong)));
    assert!(matches!(only("{}\n"), (0, CommandBody::Pong)));
    assert!(matches!(only(" {\"id\":0} "), (0, CommandBody::Pong)));
}

#[test]
fn a_frame_may_end_with_a_line_feed_but_has_no_blank_lines() {
    assert_eq!(decode_frame("{}\n{}\n").unwrap().len(), 2);
    for frame in ["", "\n", " ", "{}\n\n", "\n{}", "{}\n\n{}", "{}\n\r\n{}"] {
        assert!(refused(frame), "{frame:?}");
    }
}

#[test]
fn frames_that_violate_the_protocol_are_refused() {
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
fn send_does_not_require_an_id() {
    assert!(matches!(only("{\"send\":{\"data\":1}}"), (0, CommandBody::Send)));
}

#[test]
fn the_first_method_in_the_order_of_the_decoder_counts_and_null_is_skipped() {
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
fn an_empty_token_is_absent() {
    for frame in ["{\"id\":1,\"connect\":{\"token\":\"\"}}", "{\"id\":1,\"connect\":{\"token\":null}}"] {
        let (_, CommandBody::Connect(connect)) = only(frame) else { panic!("expected connect") };
        assert!(connect.token.is_none());
    }
}

#[test]
fn a_token_does_not_print() {
    let printed = format!("{:?}", decode_frame("{\"id\":1,\"refresh\":{\"token\":\"hunter2\"}}").unwrap());
    assert!(!printed.contains("hunter2"));
}

#[test]
fn data_is_kept_unchanged_and_null_is_data() {
    for data in ["{\"b\": 1.0, \"a\":12345678901234567890123}", "null", "\"\\u00e9\\n\"", "[ ]", "-0"] {
        let frame = format!("{{\"id\":9,\"publish\":{{\"channel\":\"c\",\"data\":{data}}}}}");
        let (9, CommandBody::Publish(publish)) = only(&frame) else { panic!("expected publish") };
        assert_eq!(publish.data.unwrap().as_bytes(), data.as_bytes());
    }
    let (_, CommandBody::Publish(publish)) = only("{\"id\":9,\"publish\":{\"channel\":\"c\"}}") else {
        panic!("expected publish")
    };
    assert!(publish.data.is_none());
}

#[test]
fn the_options_of_a_subscribe_request_are_decoded() {
    let (_, CommandBody::Subscribe(request)) = only(
        "{\"id\":1,\"subscribe\":{\"channel\":\"c\",\"tf\":{\"key\":\"k\"},\"type\":4,\"recover\":true,\"flag\":3}}",
    ) else {
        panic!("expected subscribe")
    };
    assert!(request.tags_filter && request.must_recover && request.recover == Some(Position::default()));
    assert_eq!(request.kind, 4);
}

#[test]
fn a_frame_has_a_bounded_number_of_commands() {
    let frame = |commands: usize| vec!["{}"; commands].join("\n");
    assert!(decode_frame(&frame(MAX_COMMANDS_PER_FRAME)).is_ok());
    assert!(matches!(decode_frame(&frame(MAX_COMMANDS_PER_FRAME + 1)), Err(DecodeError::TooMany)));
}

proptest! {
    #[test]
    fn no_text_makes_the_decoder_panic(text in "\\PC*|[{}\\[\\]\":,0-9a-z\\n ]{0,200}") {
        if let Ok(commands) = decode_frame(&text) {
            prop_assert!(!commands.is_empty() && commands.len() <= MAX_COMMANDS_PER_FRAME);
        }
    }
}
