//! An entry of the log: an event in its place, with its personal fields sealed. Its canonical encoding is the leaf of the tree.
//!
//! The encoding is one line of JSON: the members in alphabetical order, without white space, strings escaped as in RFC 8785,
//! and no member for an empty field. So every program that reads JSON lines and computes SHA-256 can verify an export. The
//! number of the entry is part of the leaf. So an entry in a wrong place is recognised without its neighbours.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use time::{OffsetDateTime, UtcDateTime};
use uuid::Uuid;

use super::hash::{Hash, leaf_hash};

/// Personal fields of an event, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedFields {
    /// The id of the key that opens the fields.
    pub key: Uuid,
    /// The nonce, the ciphertext and its tag.
    pub bytes: Vec<u8>,
}

/// An event in its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of the entry, from 0.
    pub index: u64,
    /// The id of the event.
    pub id: Uuid,
    /// The time of the event, in microseconds.
    pub at: OffsetDateTime,
    /// The name of the event.
    pub event: String,
    /// How the act ended: `success`, `failure` or `denied`.
    pub outcome: String,
    /// The number of the account that performed the act.
    pub actor: Option<i64>,
    /// The number of the account that the act concerns.
    pub user: Option<i64>,
    /// The session that the act concerns.
    pub session: Option<Uuid>,
    /// The device that the act concerns.
    pub device: Option<Uuid>,
    /// The connection that the act concerns.
    pub connection: Option<Uuid>,
    /// The API key of the request.
    pub api_key: Option<Uuid>,
    /// The id of the request.
    pub request: Option<String>,
    /// The facts that are not personal: one JSON object, as it was encoded first.
    pub detail: String,
    /// The client's address, sealed.
    pub address: Option<SealedFields>,
    /// The subject and the personal facts, sealed.
    pub facts: Option<SealedFields>,
}

impl Entry {
    /// The canonical encoding, without a newline.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        let mut line = Line(Vec::with_capacity(512));
        line.number("actor", self.actor);
        line.sealed("address", self.address.as_ref());
        line.id("api_key", self.api_key);
        line.text("at", &moment(self.at));
        line.id("connection", self.connection);
        line.id("device", self.device);
        line.raw("detail", self.detail.as_bytes());
        line.text("event", &self.event);
        line.sealed("facts", self.facts.as_ref());
        line.id("id", Some(self.id));
        line.raw("index", self.index.to_string().as_bytes());
        line.text("outcome", &self.outcome);
        if let Some(request) = &self.request {
            line.text("request", request);
        }
        line.id("session", self.session);
        line.number("user", self.user);
        line.0.push(b'}');
        line.0
    }

    /// The hash of the leaf.
    #[must_use]
    pub fn hash(&self) -> Hash {
        leaf_hash(&self.encoded())
    }
}

/// A JSON object while it is being written.
struct Line(Vec<u8>);

impl Line {
    fn raw(&mut self, name: &str, value: &[u8]) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        self.0.extend_from_slice(value);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.raw(name, json_string(value).as_bytes());
    }

    fn number(&mut self, name: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.raw(name, value.to_string().as_bytes());
        }
    }

    fn id(&mut self, name: &str, value: Option<Uuid>) {
        if let Some(value) = value {
            let mut text = [b'"'; 38];
            value.hyphenated().encode_lower(&mut text[1..37]);
            self.raw(name, &text);
        }
    }

    fn sealed(&mut self, name: &str, value: Option<&SealedFields>) {
        if let Some(SealedFields { key, bytes }) = value {
            let value = format!("{{\"bytes\":\"{}\",\"key\":\"{key}\"}}", STANDARD.encode(bytes));
            self.raw(name, value.as_bytes());
        }
    }
}

fn json_string(text: &str) -> String {
    Value::from(text).to_string()
}

/// A moment in UTC with six digits of the second.
#[must_use]
pub fn moment(at: OffsetDateTime) -> String {
    let at = UtcDateTime::from(at);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, micros) = at.as_hms_micro();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// A JSON object in canonical form: the members of every object in alphabetical order, without white space.
#[must_use]
pub fn canonical_object(fields: &Map<String, Value>) -> String {
    let mut text = String::from("{");
    let mut names: Vec<_> = fields.keys().collect();
    names.sort_unstable();
    for name in names {
        let comma = if text.len() > 1 { "," } else { "" };
        text = format!("{text}{comma}{}:{}", json_string(name), canonical(&fields[name]));
    }
    text + "}"
}

fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => canonical_object(fields),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    fn entry() -> Entry {
        Entry {
            index: 7,
            id: Uuid::from_u128(1),
            at: datetime!(2030-01-31 12:00:00.000123 UTC),
            event: "session.opened".to_owned(),
            outcome: "success".to_owned(),
            actor: Some(3),
            user: None,
            session: Some(Uuid::from_u128(2)),
            device: None,
            connection: None,
            api_key: None,
            request: Some("a\"b".to_owned()),
            detail: r#"{"code":1}"#.to_owned(),
            address: Some(SealedFields { key: Uuid::from_u128(3), bytes: vec![1, 2, 3] }),
            facts: None,
        }
    }

    #[test]
    fn the_encoding_is_one_line_of_json_in_alphabetical_order() {
        let line = String::from_utf8(entry().encoded()).unwrap();
        assert_eq!(
            line,
            r#"{"actor":3,"address":{"bytes":"AQID","key":"00000000-0000-0000-0000-000000000003"},"at":"2030-01-31T12:00:00.000123Z","detail":{"code":1},"event":"session.opened","id":"00000000-0000-0000-0000-000000000001","index":7,"outcome":"success","request":"a\"b","session":"00000000-0000-0000-0000-000000000002"}"#
        );
        let parsed: Map<String, Value> = serde_json::from_str(&line).unwrap();
        assert_eq!(canonical_object(&parsed), line);
    }

    #[test]
    fn an_object_is_written_in_one_way() {
        let fields = serde_json::json!({"b": [{"d": 1, "c": "\u{1f}é"}], "a": null});
        assert_eq!(
            canonical_object(fields.as_object().unwrap()),
            r#"{"a":null,"b":[{"c":"\u001fé","d":1}]}"#
        );
    }

    proptest! {
        #[test]
        fn every_field_is_part_of_the_leaf(field in 0_usize..15) {
            let mut other = entry();
            match field {
                0 => other.index += 1,
                1 => other.id = Uuid::from_u128(9),
                2 => other.at += time::Duration::microseconds(1),
                3 => other.event.push('x'),
                4 => other.outcome = "denied".to_owned(),
                5 => other.actor = None,
                6 => other.user = Some(3),
                7 => other.session = None,
                8 => other.device = Some(Uuid::from_u128(2)),
                9 => other.connection = Some(Uuid::from_u128(2)),
                10 => other.api_key = Some(Uuid::from_u128(2)),
                11 => other.request = None,
                12 => other.detail = "{}".to_owned(),
                13 => other.address.as_mut().unwrap().bytes[0] = 0,
                _ => other.facts = other.address.clone(),
            }
            prop_assert_ne!(other.hash(), entry().hash());
        }
    }
}
