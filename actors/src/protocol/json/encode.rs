//! From answers and pushes to JSON objects, written straight into the bytes that will be sent.
//!
//! Zero values are left out, as the protocol wants, except where SDKs index without asking: the result key itself,
//! `ClientInfo.user` and `.client`, and `ttl` beside `expires`.

use std::io::Write as _;

use bytes::Bytes;

use crate::protocol::{Answer, ClientInfo, ConnectResult, Lifetime, Publication, Push};

/// The server's ping.
pub const PING: Bytes = Bytes::from_static(b"{}");

/// One answer as a JSON object without a line feed.
#[must_use]
pub fn encode_reply(id: u32, answer: &Answer) -> Bytes {
    let mut json = Json::with_capacity(64);
    json.raw("{\"id\":").display(id).raw(",");
    match answer {
        Answer::Connect(result) => json.connect(result),
        Answer::Subscribe => json.raw("\"subscribe\":{}"),
        Answer::Unsubscribe => json.raw("\"unsubscribe\":{}"),
        Answer::Publish => json.raw("\"publish\":{}"),
        Answer::Refresh(lifetime) => json.raw("\"refresh\":{").lifetime(*lifetime).raw("}"),
        Answer::Error(error) => {
            json.raw("\"error\":{\"code\":").display(error.code());
            json.raw(",\"message\":\"").raw(error.message()).raw("\"");
            if error.temporary() {
                json.raw(",\"temporary\":true");
            }
            json.raw("}")
        }
    };
    json.raw("}").finish()
}

/// One push as a JSON object without a line feed.
#[must_use]
pub fn encode_push(push: &Push<'_>) -> Bytes {
    let mut json = Json::with_capacity(match push {
        Push::Publication { channel, publication } => 192 + channel.len() + publication.data.as_bytes().len(),
        _ => 128,
    });
    json.raw("{\"push\":{");
    match push {
        Push::Publication { channel, publication } => {
            json.channel(channel).raw("\"pub\":").publication(publication)
        }
        Push::Join { channel, info } => json.channel(channel).raw("\"join\":{\"info\":").info(info).raw("}"),
        Push::Leave { channel, info } => {
            json.channel(channel).raw("\"leave\":{\"info\":").info(info).raw("}")
        }
        Push::Unsubscribe { channel, code } => {
            json.channel(channel).raw("\"unsubscribe\":{\"code\":").display(code.code());
            json.raw(",\"reason\":\"").raw(code.text()).raw("\"}")
        }
        Push::Message { data } => json.raw("\"message\":{\"data\":").bytes(data.as_bytes()).raw("}"),
        Push::Disconnect(reason) => {
            json.raw("\"disconnect\":{\"code\":").display(reason.code());
            json.raw(",\"reason\":\"").raw(reason.text()).raw("\"");
            if reason.reconnects() {
                json.raw(",\"reconnect\":true");
            }
            json.raw("}")
        }
        Push::Refresh(lifetime) => json.raw("\"refresh\":{").lifetime(*lifetime).raw("}"),
    };
    json.raw("}}").finish()
}

/// JSON in the making. The callers see to it that it is well-formed; strings of unknown content go through
/// [`Json::string`].
struct Json(Vec<u8>);

impl Json {
    fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    fn raw(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A number or an id: nothing that needs escaping.
    fn display(&mut self, value: impl std::fmt::Display) -> &mut Self {
        write!(self.0, "{value}").expect("writing to memory cannot fail");
        self
    }

    fn string(&mut self, text: &str) -> &mut Self {
        serde_json::to_writer(&mut self.0, text).expect("a string always serializes");
        self
    }

    fn channel(&mut self, name: &str) -> &mut Self {
        self.raw("\"channel\":").string(name).raw(",")
    }

    fn lifetime(&mut self, lifetime: Lifetime) -> &mut Self {
        self.raw("\"expires\":true,\"ttl\":").display(lifetime.ttl)
    }

    fn connect(&mut self, result: &ConnectResult) -> &mut Self {
        self.raw("\"connect\":{\"client\":\"").display(result.client);
        self.raw("\",\"version\":").string(&result.version);
        self.raw(",").lifetime(result.lifetime);
        self.raw(",\"ping\":").display(result.ping).raw(",\"pong\":true}")
    }

    fn info(&mut self, info: &ClientInfo) -> &mut Self {
        self.raw("{\"user\":\"").display(info.user);
        self.raw("\",\"client\":\"").display(info.client).raw("\"}")
    }

    fn publication(&mut self, publication: &Publication) -> &mut Self {
        self.raw("{\"data\":").bytes(publication.data.as_bytes());
        if let Some(info) = &publication.info {
            self.raw(",\"info\":").info(info);
        }
        if publication.offset > 0 {
            self.raw(",\"offset\":").display(publication.offset);
        }
        self.raw("}")
    }

    fn finish(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.0))
    }
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
