//! What must be true for every frame that can be decoded, in either encoding. Used by the targets `json` and `protobuf`.

use prost::Message as _;
use protocol::{
    CommandBody, DataForm, Encoding, MAX_COMMANDS_PER_FRAME, Publication, Push, protobuf::results::Reply,
};
use serde_json::value::RawValue;

/// Decodes a frame, and encodes its publications as pushes in both encodings.
pub(crate) fn check(encoding: Encoding, frame: &[u8]) {
    let Ok(commands) = encoding.decode(frame) else { return };
    assert!((1..=MAX_COMMANDS_PER_FRAME).contains(&commands.len()));
    for command in commands {
        let alone = matches!(command.body, CommandBody::Pong | CommandBody::Send);
        assert!(command.id > 0 || alone);
        let CommandBody::Publish(request) = command.body else { continue };
        let Some(data) = request.data else { continue };
        // Binary frames may carry any bytes. In JSON, a line break in the data would split the frame for a subscriber.
        let breaks = data.as_bytes().iter().any(|byte| matches!(byte, b'\n' | b'\r'));
        assert!(encoding == Encoding::Protobuf || (data.is_json() && !breaks));
        let publication = Publication { data, info: None, offset: 1, tags: Vec::new(), time_ms: 0 };
        for form in [DataForm::Plain, DataForm::Whole] {
            let push = Push::Publication { channel: &request.channel, publication: &publication, form };
            let text = Encoding::Json.push(&push);
            assert!(!text.contains(&b'\n') && serde_json::from_slice::<&RawValue>(&text).is_ok());
            let binary = Encoding::Protobuf.push(&push);
            let reply = Reply::decode_length_delimited(binary).expect("a push that was encoded above");
            let decoded = reply.push.and_then(|push| push.r#pub).expect("a publication");
            assert_eq!(decoded.data, publication.data.as_bytes());
        }
    }
}
