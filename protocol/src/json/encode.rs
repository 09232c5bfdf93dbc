//! Encodes answers and pushes as JSON objects, directly into the bytes that will be sent.
//!
//! Most zero and empty values are left out, as the protocol permits. Fields that SDKs read without a check are always written:
//! for example the result of the method, `ClientInfo.user` and `.client`, and `ttl` beside `expires`.

use std::{io::Write as _, sync::Arc};

use bytes::Bytes;
use secrecy::ExposeSecret as _;

use crate::{
    Answer, ClientInfo, ConnectResult, DataForm, HistoryResult, Lifetime, Payload, Position, Publication,
    Push, SubscribeResult,
};

/// A ping of the server.
pub const PING: Bytes = Bytes::from_static(b"{}");

/// Encodes one answer as a JSON object without a line feed.
#[must_use]
pub fn encode_reply(id: u32, answer: &Answer) -> Bytes {
    let mut json = Json::with_capacity(64);
    json.raw("{\"id\":").display(id).raw(",");
    match answer {
        Answer::Connect(result) => json.connect(result),
        Answer::Subscribe(result) => json.raw("\"subscribe\":").subscribe(result),
        Answer::Unsubscribe => json.raw("\"unsubscribe\":{}"),
        Answer::Publish => json.raw("\"publish\":{}"),
        Answer::Presence(members) => json.presence(members),
        Answer::PresenceStats(stats) => {
            json.raw("\"presence_stats\":{\"num_clients\":").display(stats.clients);
            json.raw(",\"num_users\":").display(stats.users).raw("}")
        }
        Answer::History(result) => json.history(result),
        Answer::Refresh(lifetime) => json.raw("\"refresh\":").object(|o| o.lifetime(*lifetime)),
        Answer::SubRefresh(lifetime) => json.raw("\"sub_refresh\":").object(|o| o.lifetime(*lifetime)),
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

/// Encodes one push as a JSON object without a line feed.
#[must_use]
pub fn encode_push(push: &Push<'_>) -> Bytes {
    let mut json = Json::with_capacity(match push {
        Push::Publication { channel, publication, .. } => {
            192 + channel.len() + publication.data.as_bytes().len()
        }
        _ => 128,
    });
    json.raw("{\"push\":{");
    match push {
        Push::Publication { channel, publication, form } => {
            json.channel(channel).raw("\"pub\":").publication(publication, *form)
        }
        Push::Join { channel, info } => json.channel(channel).raw("\"join\":{\"info\":").info(info).raw("}"),
        Push::Leave { channel, info } => {
            json.channel(channel).raw("\"leave\":{\"info\":").info(info).raw("}")
        }
        Push::Unsubscribe { channel, code } => {
            json.channel(channel).raw("\"unsubscribe\":{\"code\":").display(code.code());
            json.raw(",\"reason\":\"").raw(code.text()).raw("\"}")
        }
        Push::Subscribe { channel, result } => json.channel(channel).raw("\"subscribe\":").object(|o| {
            o.common_fields(result);
        }),
        Push::Message { data } => json.raw("\"message\":{\"data\":").payload(data).raw("}"),
        Push::Disconnect(close_message) => {
            json.raw("\"disconnect\":{\"code\":").display(close_message.code());
            json.raw(",\"reason\":").string(close_message.text());
            if close_message.reconnects() {
                json.raw(",\"reconnect\":true");
            }
            json.raw("}")
        }
        Push::Refresh(lifetime) => json.raw("\"refresh\":").object(|o| o.lifetime(*lifetime)),
    };
    json.raw("}}").finish()
}

/// A buffer for JSON text. Its callers keep the text well-formed, and write every string of unknown content with
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

    /// Writes a value that needs no escaping, such as a number or an id.
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

    /// Writes an object. `fields` writes the fields.
    fn object(&mut self, fields: impl FnOnce(&mut Self)) -> &mut Self {
        self.raw("{");
        fields(self);
        self.raw("}")
    }

    /// Writes the name of a field, and before it a comma if the field is not the first.
    fn field(&mut self, name: &str) -> &mut Self {
        if self.0.last() != Some(&b'{') {
            self.raw(",");
        }
        self.raw("\"").raw(name).raw("\":")
    }

    fn flag(&mut self, name: &str, set: bool) {
        if set {
            self.field(name).raw("true");
        }
    }

    fn lifetime(&mut self, lifetime: Option<Lifetime>) {
        if let Some(lifetime) = lifetime {
            self.flag("expires", true);
            self.field("ttl").display(lifetime.ttl);
        }
    }

    fn position(&mut self, position: &Position) {
        self.field("epoch").string(&position.epoch);
        self.field("offset").display(position.offset);
    }

    fn connect(&mut self, result: &ConnectResult) -> &mut Self {
        self.raw("\"connect\":").object(|o| {
            o.field("client").raw("\"").display(result.client).raw("\"");
            o.field("version").string(&result.version);
            o.lifetime(result.lifetime);
            if let Some(ping) = result.ping {
                o.field("ping").display(ping);
                o.flag("pong", true);
            }
            if let Some(emulation) = &result.emulation {
                o.field("session").string(emulation.session.expose_secret());
                o.field("node").string(&emulation.node);
            }
            if !result.subs.is_empty() {
                o.field("subs").object(|subs| {
                    for (channel, result) in &result.subs {
                        if subs.0.last() != Some(&b'{') {
                            subs.raw(",");
                        }
                        subs.string(channel).raw(":").subscribe(result);
                    }
                });
            }
        })
    }

    fn subscribe(&mut self, result: &SubscribeResult) -> &mut Self {
        self.object(|o| {
            o.lifetime(result.lifetime);
            o.common_fields(result);
            o.flag("was_recovering", result.was_recovering);
            o.flag("recovered", result.recovered);
            o.flag("delta", result.delta);
            if !result.publications.is_empty() {
                let form = if result.delta { DataForm::Whole } else { DataForm::Plain };
                o.field("publications").publications(&result.publications, form);
            }
        })
    }

    /// Writes the fields of a subscription's result that the reply and the push have in common.
    fn common_fields(&mut self, result: &SubscribeResult) {
        self.flag("recoverable", result.recoverable);
        self.flag("positioned", result.positioned);
        if let Some(position) = &result.position {
            self.position(position);
        }
        if let Some(data) = &result.data {
            self.field("data").payload(data);
        }
    }

    fn presence(&mut self, members: &[Arc<ClientInfo>]) -> &mut Self {
        self.raw("\"presence\":{\"presence\":").object(|o| {
            for info in members {
                o.field(&info.client.to_string()).info(info);
            }
        });
        self.raw("}")
    }

    fn history(&mut self, result: &HistoryResult) -> &mut Self {
        self.raw("\"history\":").object(|o| {
            o.field("publications").publications(&result.publications, DataForm::Plain);
            o.position(&result.position);
        })
    }

    fn publications(&mut self, publications: &[Arc<Publication>], form: DataForm<'_>) -> &mut Self {
        self.raw("[");
        for (index, publication) in publications.iter().enumerate() {
            if index > 0 {
                self.raw(",");
            }
            self.publication(publication, form);
        }
        self.raw("]")
    }

    fn info(&mut self, info: &ClientInfo) -> &mut Self {
        self.object(|o| {
            o.field("user").string(info.user.as_str());
            o.field("client").raw("\"").display(info.client).raw("\"");
            for (name, payload) in [("conn_info", &info.conn_info), ("chan_info", &info.chan_info)] {
                if let Some(payload) = payload {
                    o.field(name).payload(payload);
                }
            }
        })
    }

    fn publication(&mut self, publication: &Publication, form: DataForm<'_>) -> &mut Self {
        self.object(|o| {
            o.field("data").data(&publication.data, form);
            if let Some(info) = &publication.info {
                o.field("info").info(info);
            }
            if publication.offset > 0 {
                o.field("offset").display(publication.offset);
            }
            let mut tags = publication.json_tags().peekable();
            if tags.peek().is_some() {
                o.field("tags").object(|o| {
                    for (index, (name, value)) in tags.enumerate() {
                        if index > 0 {
                            o.raw(",");
                        }
                        o.string(name).raw(":").string(value);
                    }
                });
            }
            if publication.time_ms > 0 {
                o.field("time").display(publication.time_ms);
            }
            o.flag("delta", matches!(form, DataForm::Delta(_)));
        })
    }

    fn payload(&mut self, payload: &Payload) -> &mut Self {
        self.bytes(&payload.json_text())
    }

    /// Writes the data of a publication. A delta must be UTF-8; every delta between two JSON texts is UTF-8.
    fn data(&mut self, payload: &Payload, form: DataForm<'_>) -> &mut Self {
        match form {
            DataForm::Plain => self.payload(payload),
            DataForm::Whole => self.string(&String::from_utf8_lossy(&payload.json_text())),
            DataForm::Delta(delta) => self.string(&String::from_utf8_lossy(delta)),
        }
    }

    fn finish(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.0))
    }
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
