//! The messages of the server, line by line: replies and pushes, with the fields that the scenarios need. This file also makes
//! publish commands and channel names.

use std::collections::HashMap;

use serde::{Deserialize, de::IgnoredAny};

/// One line: a reply if it has an id, or else a push.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Line {
    pub(crate) id: Option<u32>,
    pub(crate) error: Option<CommandError>,
    pub(crate) publish: Option<IgnoredAny>,
    pub(crate) subscribe: Option<SubscribeReply>,
    pub(crate) unsubscribe: Option<IgnoredAny>,
    pub(crate) presence: Option<PresenceReply>,
    pub(crate) presence_stats: Option<PresenceStatsReply>,
    pub(crate) push: Option<Push>,
}

/// Why a command was rejected.
#[derive(Debug, Deserialize)]
pub(crate) struct CommandError {
    pub(crate) code: u16,
    pub(crate) message: String,
}

/// The reply to `subscribe`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SubscribeReply {
    pub(crate) epoch: String,
    pub(crate) offset: u64,
    pub(crate) recovered: bool,
    pub(crate) publications: Vec<Publication>,
}

/// A publication of a scenario.
#[derive(Debug, Deserialize)]
pub(crate) struct Publication {
    pub(crate) data: Data,
    #[serde(default)]
    pub(crate) offset: u64,
}

/// The fields of a publication's data that the scenarios need. A further field only adds to the size of the data.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Data {
    pub(crate) publisher: usize,
    pub(crate) number: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Push {
    pub(crate) r#pub: Option<Publication>,
    pub(crate) join: Option<IgnoredAny>,
    pub(crate) leave: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PresenceReply {
    pub(crate) presence: HashMap<String, IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PresenceStatsReply {
    pub(crate) num_clients: usize,
}

/// The lines of a frame, without pings.
pub(crate) fn lines(frame: &[u8]) -> impl Iterator<Item = Result<Line, serde_json::Error>> {
    frame.split(|byte| *byte == b'\n').filter(|line| *line != b"{}").map(serde_json::from_slice)
}

/// A publish command with about `size` bytes of data.
pub(crate) fn publication(id: usize, channel: &str, data: Data, size: usize) -> String {
    let Data { publisher, number } = data;
    let head = format!("{{\"publisher\":{publisher},\"number\":{number},\"fill\":\"");
    let fill = "x".repeat(size.saturating_sub(head.len() + 2));
    format!("{{\"id\":{id},\"publish\":{{\"channel\":\"{channel}\",\"data\":{head}{fill}\"}}}}}}")
}

/// A channel name that no earlier run has used.
pub(crate) fn unused_channel(namespace: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{namespace}:load-{:x}", now.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_line_by_line() {
        let frame = b"{\"id\":3,\"publish\":{}}\n{}\n{\"push\":{\"channel\":\"c\",\"pub\":{\"data\":{\"publisher\":1,\
                      \"number\":2,\"fill\":\"x\"},\"offset\":7}}}\n{\"push\":{\"channel\":\"c\",\"join\":{\"info\":{}}}}";
        let lines: Vec<Line> = lines(frame).collect::<Result<_, _>>().unwrap();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].id == Some(3) && lines[0].publish.is_some());
        let published = lines[1].push.as_ref().unwrap().r#pub.as_ref().unwrap();
        assert_eq!((published.offset, published.data), (7, Data { publisher: 1, number: 2 }));
        assert!(lines[2].push.as_ref().unwrap().join.is_some());
    }

    #[test]
    fn a_publication_has_the_requested_size() {
        let data = Data { publisher: 1, number: 2 };
        let command: serde_json::Value = serde_json::from_str(&publication(5, "c:x", data, 100)).unwrap();
        assert_eq!((&command["id"], &command["publish"]["channel"]), (&5.into(), &"c:x".into()));
        assert_eq!(command["publish"]["data"].to_string().len(), 100);
    }

    #[test]
    fn a_command_error_has_its_code() {
        let line = lines(b"{\"id\":1,\"error\":{\"code\":111,\"message\":\"too many requests\"}}").next();
        assert_eq!(line.unwrap().unwrap().error.unwrap().code, 111);
    }
}
