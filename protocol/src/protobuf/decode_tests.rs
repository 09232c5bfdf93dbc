//! Tests of the decoding of binary frames: which frames are accepted, and which commands they contain. The frames are built by
//! hand from the field numbers of the schema.

use proptest::{collection::vec, prelude::*};
use secrecy::ExposeSecret as _;

use super::*;

/// A field that holds bytes, text or a message: its number and type, its length, its content.
fn field(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    assert!(number < 16 && content.len() < 128);
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

/// A field that holds a number.
fn number(field: u8, value: u8) -> Vec<u8> {
    assert!(field < 16 && value < 128);
    vec![field << 3, value]
}

/// A frame of one command with id 7 and this method.
fn frame(method: u8, request: &[Vec<u8>]) -> Vec<u8> {
    let command = [number(1, 7), field(method, request.concat())].concat();
    [vec![command.len() as u8], command].concat()
}

fn only(method: u8, request: &[Vec<u8>]) -> CommandBody {
    let mut commands = decode_frame(&frame(method, request)).unwrap();
    assert_eq!((commands.len(), commands[0].id), (1, 7));
    commands.remove(0).body
}

#[test]
fn the_token_and_the_positions_in_connect_are_decoded() {
    let known = [number(3, 1), field(6, "abcdefgh"), number(7, 9)].concat();
    let unwanted = [field(6, "abcdefgh"), number(7, 9)].concat();
    let CommandBody::Connect(connect) = only(
        4,
        &[
            field(1, "secret"),
            field(2, "{\"not\":\"read\"}"),
            field(3, [field(1, "user:#1"), field(2, known)].concat()),
            field(3, [field(1, "other"), field(2, unwanted)].concat()),
            field(4, "dart"),
            field(5, "1.2"),
        ],
    ) else {
        panic!("expected connect")
    };
    assert_eq!(connect.token.unwrap().expose_secret(), "secret");
    assert_eq!((connect.name.as_str(), connect.version.as_str()), ("dart", "1.2"));
    let position = Position { offset: 9, epoch: "abcdefgh".to_owned() };
    assert_eq!(connect.subs, [("user:#1".to_owned(), position)]);
}

#[test]
fn every_option_of_subscribe_is_decoded() {
    let CommandBody::Subscribe(request) = only(
        5,
        &[
            field(1, "chat:a"),
            field(2, "token"),
            number(3, 1),
            field(6, "abcdefgh"),
            number(7, 5),
            number(9, 1),
            number(10, 1),
            number(11, 1),
            field(12, "fossil"),
            field(13, field(1, "eq")),
            number(14, 3),
            number(15, 4),
        ],
    ) else {
        panic!("expected subscribe")
    };
    assert_eq!((request.channel.as_str(), request.kind), ("chat:a", 4));
    assert_eq!(request.token.unwrap().expose_secret(), "token");
    assert_eq!(request.recover, Some(Position { offset: 5, epoch: "abcdefgh".to_owned() }));
    assert!(request.must_recover && request.positioned && request.recoverable && request.join_leave);
    assert!(request.delta && request.tags_filter);
}

#[test]
fn a_plain_subscribe_request_has_no_options() {
    let CommandBody::Subscribe(request) = only(5, &[field(1, "chat:a"), number(14, 1)]) else {
        panic!("expected subscribe")
    };
    assert!(request.token.is_none() && request.recover.is_none() && request.kind == 0);
    assert!(!(request.must_recover || request.delta || request.tags_filter || request.join_leave));
}

#[test]
fn each_other_method_has_the_number_of_the_schema() {
    let channel = || vec![field(1, "chat:a")];
    let named = |body: &CommandBody| match body {
        CommandBody::Unsubscribe { channel } => format!("unsubscribe {channel}"),
        CommandBody::Presence { channel } => format!("presence {channel}"),
        CommandBody::PresenceStats { channel } => format!("stats {channel}"),
        other => format!("{other:?}"),
    };
    assert_eq!(named(&only(6, &channel())), "unsubscribe chat:a");
    assert_eq!(named(&only(8, &channel())), "presence chat:a");
    assert_eq!(named(&only(9, &channel())), "stats chat:a");
    assert!(matches!(only(11, &[]), CommandBody::Ping));
    assert!(matches!(only(12, &[field(1, "1")]), CommandBody::Send));
    assert!(matches!(only(13, &[field(1, "1"), field(2, "method")]), CommandBody::Rpc));
    let CommandBody::Refresh(refresh) = only(14, &[field(1, "newer")]) else { panic!("expected refresh") };
    assert_eq!(refresh.token.unwrap().expose_secret(), "newer");
    let CommandBody::SubRefresh(refresh) = only(15, &[field(1, "chat:a"), field(2, "newer")]) else {
        panic!("expected sub_refresh")
    };
    assert_eq!((refresh.channel.as_str(), refresh.token.unwrap().expose_secret()), ("chat:a", "newer"));
}

#[test]
fn the_fields_of_a_history_request_are_decoded() {
    let since = field(8, [number(1, 4), field(2, "abcdefgh")].concat());
    let all = vec![7 << 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let CommandBody::History(request) = only(10, &[field(1, "chat:a"), all, since, number(9, 1)]) else {
        panic!("expected history")
    };
    assert_eq!((request.channel.as_str(), request.limit, request.reverse), ("chat:a", -1, true));
    assert_eq!(request.since, Some(Position { offset: 4, epoch: "abcdefgh".to_owned() }));
}

#[test]
fn data_is_kept_unchanged_and_absent_data_is_empty_data() {
    let data = |fields: &[Vec<u8>]| match only(7, fields) {
        CommandBody::Publish(request) => {
            assert_eq!((request.channel.as_str(), request.kind), ("chat:a", 1));
            request.data.map(|data| data.as_bytes().to_vec())
        }
        other => panic!("{other:?}"),
    };
    for bytes in [&b"{\"n\": 1.50}"[..], b"null", b"", b"{", b"\x00\xff", b"{\n}"] {
        let decoded = data(&[field(1, "chat:a"), field(2, bytes), number(3, 1)]);
        assert_eq!(decoded.as_deref(), Some(bytes));
    }
    assert_eq!(data(&[field(1, "chat:a"), number(3, 1)]).as_deref(), Some(&[][..]));
}

#[test]
fn an_empty_message_is_a_pong_and_send_does_not_require_an_id() {
    let commands = decode_frame(&[0, 2, 12 << 3 | 2, 0]).unwrap();
    assert!(matches!(commands[0].body, CommandBody::Pong));
    assert!(matches!(commands[1].body, CommandBody::Send));
    assert_eq!(commands.len(), 2);
}

#[test]
fn unknown_fields_are_skipped() {
    let unknown = vec![0xf8, 0x07, 0x2a];
    assert!(matches!(only(13, &[unknown]), CommandBody::Rpc));
}

#[test]
fn frames_that_violate_the_protocol_are_refused() {
    for invalid in [
        vec![],
        vec![5, 8, 1],
        vec![0xff; 12],
        vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0],
        // An id without a method; a method without an id; text that is not UTF-8; a message in place of a number.
        vec![2, 8, 1],
        vec![2, 4 << 3 | 2, 0],
        frame(6, &[field(1, b"\xff")]),
        vec![3, 1 << 3 | 2, 1, 0],
        b"{\"id\":1,\"connect\":{}}".to_vec(),
    ] {
        assert!(decode_frame(&invalid).is_err(), "{invalid:?}");
    }
}

#[test]
fn a_frame_has_a_bounded_number_of_commands() {
    assert!(decode_frame(&[0; MAX_COMMANDS_PER_FRAME]).is_ok());
    assert!(matches!(decode_frame(&[0; MAX_COMMANDS_PER_FRAME + 1]), Err(DecodeError::TooMany)));
}

#[test]
fn a_token_does_not_print() {
    let message = requests::Command::decode(&frame(4, &[field(1, "hunter2")])[1..]).unwrap();
    assert!(!format!("{message:?}").contains("hunter2"));
    assert!(!format!("{:?}", decode_frame(&frame(14, &[field(1, "hunter2")]))).contains("hunter2"));
}

#[test]
fn a_request_for_an_emulated_stream_is_decoded() {
    let body = [field(1, "node"), field(2, "session"), field(3, [0])].concat();
    let emulated = decode_emulated(&body).unwrap();
    assert_eq!((emulated.node.as_str(), emulated.session.expose_secret()), ("node", "session"));
    assert_eq!(emulated.data, [0_u8].as_slice());
    assert!(decode_emulated(b"\xff").is_err());
}

/// Frames that are almost valid: parts of commands between arbitrary bytes.
fn almost_valid_frame() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (0_u8..16, vec(any::<u8>(), 0..20)).prop_map(|(number, content)| field(number, content)),
        (4_u8..16, 0_u8..16, vec(any::<u8>(), 0..20))
            .prop_map(|(method, number, content)| frame(method, &[field(number, content)])),
        vec(any::<u8>(), 0..6),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop_oneof![almost_valid_frame(), vec(any::<u8>(), 0..200)]) {
        if let Ok(commands) = decode_frame(&bytes) {
            prop_assert!(!commands.is_empty() && commands.len() <= MAX_COMMANDS_PER_FRAME);
        }
        let _ = decode_emulated(&bytes);
    }
}
