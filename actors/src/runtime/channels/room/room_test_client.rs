//! A client that behaves like an SDK: it remembers its position and applies deltas. It does not read the state of the room.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use logic::delta::apply;
use protocol::{
    ClientInfo, Encoding,
    id::{ConnectionId, Subject},
};
use serde_json::Value;

use crate::runtime::{Outbox, OutboxReader, connection::outbox::outbox};

/// A connection, and the state of its client.
pub(crate) struct Client {
    pub(crate) info: Arc<ClientInfo>,
    pub(crate) outbox: Outbox,
    pub(crate) reader: OutboxReader,
    pub(crate) delta: bool,
    /// Whether the client is subscribed.
    pub(crate) inside: bool,
    /// The client's position; `None` until it receives one.
    pub(crate) position: Option<(u64, String)>,
    /// The data of the last publication, for the next delta.
    last: String,
    /// The members that the client knows: from presence at its join, and from the joins and leaves since then.
    pub(crate) known_members: BTreeSet<String>,
}

/// The data of a publication as an SDK decodes it.
fn decode(publication: &Value, delta: bool, last: &str) -> String {
    match publication["data"].as_str().filter(|_| delta) {
        Some(difference) if publication["delta"] == true => {
            let whole =
                apply(last.as_bytes(), difference.as_bytes()).expect("a delta from the client's last data");
            String::from_utf8(whole).unwrap()
        }
        Some(whole) => whole.to_owned(),
        None => {
            assert!(!delta, "with deltas every publication is a string: {publication}");
            publication["data"].to_string()
        }
    }
}

impl Client {
    pub(crate) fn new(number: usize) -> Self {
        let (outbox, reader) = outbox(1024 * 1024, Encoding::Json);
        let user = Subject::new(&number.to_string());
        let info = ClientInfo { user, client: ConnectionId::random(), conn_info: None, chan_info: None };
        Self {
            info: Arc::new(info),
            outbox,
            reader,
            delta: number.is_multiple_of(2),
            inside: false,
            position: None,
            last: String::new(),
            known_members: BTreeSet::new(),
        }
    }

    /// Reads the frames that have arrived.
    pub(crate) fn read(&mut self, truth: &BTreeMap<(String, u64), String>) {
        let mut frames = Vec::new();
        self.reader.take(usize::MAX, &mut frames);
        while self.reader.next_request().is_some() {}
        for frame in frames {
            let object: Value = serde_json::from_slice(&frame).unwrap();
            let push = &object["push"];
            if let Some(result) = object.get("subscribe") {
                self.subscribed(result, truth);
            } else if let Some(publication) = push.get("pub") {
                assert!(self.inside, "a publication before the reply, or after the end");
                self.publication(publication, truth);
            } else if let Some(join) = push.get("join") {
                assert!(self.known_members.insert(join["info"]["client"].to_string()), "joined twice");
            } else if let Some(leave) = push.get("leave") {
                assert!(
                    self.known_members.remove(&leave["info"]["client"].to_string()),
                    "left without a join"
                );
            } else if push.get("unsubscribe").is_some() || object.get("unsubscribe").is_some() {
                self.inside = false;
            }
        }
    }

    fn subscribed(&mut self, result: &Value, truth: &BTreeMap<(String, u64), String>) {
        self.inside = true;
        let start = (result["offset"].as_u64().unwrap_or(0), result["epoch"].as_str().unwrap().to_owned());
        if result["recovered"] == true {
            // The history continues from the client's position, in the same epoch.
            assert_eq!(self.position.as_ref(), Some(&start));
        } else {
            assert!(result.get("publications").is_none());
        }
        self.position = Some(start);
        for publication in result["publications"].as_array().into_iter().flatten() {
            self.publication(publication, truth);
        }
    }

    fn publication(&mut self, publication: &Value, truth: &BTreeMap<(String, u64), String>) {
        let data = decode(publication, self.delta, &self.last);
        if let Some(offset) = publication["offset"].as_u64() {
            let (at, epoch) = self.position.as_mut().expect("a position");
            assert_eq!(offset, *at + 1, "a gap, or a duplicate");
            *at = offset;
            assert_eq!(truth.get(&(epoch.clone(), offset)), Some(&data), "this is not the published data");
        }
        self.last = data;
    }
}
