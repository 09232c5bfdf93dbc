//! Personal fields of events: sealed under a key per person before the event enters the log. Without the key, the fields are
//! unreadable. The log contains the sealed bytes, so it still verifies after the key is destroyed.
//!
//! The key of the acting person seals the address, the client certificate, and a request id that the client has chosen. The key
//! of the person concerned seals the subject and the other facts. An event without a person has a key of its own. The keys are
//! wrapped with a key that the database keeps sealed. All random bytes of a batch are expanded from one seed. The caller makes
//! the seed and forgets it.

use std::collections::HashMap;

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use protocol::{audit::AuditEvent, id::UserId};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::entry::{Entry, SealedFields, canonical_object};
use crate::crypto::key::{Key, hex};

const NONCE: usize = 24;

/// Facts that are texts, but never personal. Other texts in a detail are sealed, because they may contain names or addresses.
const CLEAR_TEXTS: [&str; 16] = [
    "by",
    "cause",
    "code",
    "factor",
    "filters",
    "for",
    "method",
    "reach",
    "reasons",
    "receipts_root",
    "refusal",
    "role",
    "scope",
    "scopes",
    "status",
    "trust",
];

/// The fact about the acting person, and not about the person concerned.
const CERTIFICATE: &str = "client_certificate";

/// The person that fields belong to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Person {
    /// An account of this server.
    User(UserId),
    /// A user of an external issuer.
    Subject(String),
}

/// The key of a person, opened.
struct PersonKey {
    id: Uuid,
    key: Key,
}

/// What the database knows of a person's keys.
#[derive(Default)]
pub struct KnownKeys {
    live: Option<PersonKey>,
    /// Fields of events until this time have no key any more.
    destroyed_until: Option<OffsetDateTime>,
}

/// A key that the batch has made. It must be stored with the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The id of the key.
    pub id: Uuid,
    /// The name of its person (see [`PersonalSealer::name`]); `None` for the key of one event.
    pub person: Option<String>,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// Wraps and opens the keys of persons.
pub struct PersonalSealer(Key);

/// The fields of an event as they were before they were sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenedFields {
    /// The client's address.
    pub address: Option<String>,
    /// The request id, if the client has chosen it. An id of the server is in the entry.
    pub request: Option<String>,
    /// The subject, if the user has no account.
    pub subject: Option<String>,
    /// All facts.
    pub detail: Map<String, Value>,
    /// Whether a key is destroyed, so that fields are missing.
    pub erased: bool,
}

impl PersonalSealer {
    /// The sealer with this wrapping key.
    #[must_use]
    pub fn new(wrapping: &[u8; 32]) -> Self {
        Self(Key::from_bytes(wrapping).expect("32 bytes"))
    }

    /// The name of a person in the table of keys. It does not reveal the subject.
    #[must_use]
    pub fn name(&self, person: &Person) -> String {
        match person {
            Person::User(UserId(id)) => format!("user:{id}"),
            Person::Subject(subject) => {
                format!("subject:{}", hex(&self.0.mac(&[b"portcullis audit subject v1", subject.as_bytes()])))
            }
        }
    }

    /// Starts to seal a batch. `seed` must be fresh random bytes.
    #[must_use]
    pub fn batch(&self, seed: &[u8; 32]) -> SealingBatch<'_> {
        let random = Random { key: Key::from_bytes(seed).expect("32 bytes"), drawn: 0 };
        SealingBatch { sealer: self, random, known: HashMap::new(), new: Vec::new() }
    }

    /// The fields of an entry; `wrapped` are the stored keys by their id.
    #[must_use]
    pub fn open(&self, entry: &Entry, wrapped: &HashMap<Uuid, Vec<u8>>) -> OpenedFields {
        let mut opened = OpenedFields {
            detail: serde_json::from_str(&entry.detail).unwrap_or_default(),
            ..OpenedFields::default()
        };
        let mut open = |sealed: &Option<SealedFields>, part| {
            let sealed = sealed.as_ref()?;
            let found = wrapped.get(&sealed.key).and_then(|bytes| self.unwrap(sealed.key, bytes));
            let text = found.and_then(|key| decrypt(&key, &place(entry.id, part), &sealed.bytes));
            opened.erased |= text.is_none();
            serde_json::from_slice::<Map<String, Value>>(&text?).ok()
        };
        let (address, facts) = (open(&entry.address, ADDRESS), open(&entry.facts, FACTS));
        let text =
            |fields: &Map<String, Value>, name| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        if let Some(origin) = address {
            opened.address = text(&origin, "address");
            opened.request = text(&origin, "request_id");
            opened
                .detail
                .extend(origin.get_key_value(CERTIFICATE).map(|(name, value)| (name.clone(), value.clone())));
        }
        if let Some(facts) = facts {
            opened.subject = text(&facts, "subject");
            if let Some(Value::Object(detail)) = facts.get("detail") {
                opened.detail.extend(detail.clone());
            }
        }
        opened
    }

    fn wrap(&self, id: Uuid, key: &Key, nonce: [u8; NONCE]) -> Vec<u8> {
        encrypt(&self.0, id.as_bytes(), key.bytes(), nonce)
    }

    fn unwrap(&self, id: Uuid, wrapped: &[u8]) -> Option<Key> {
        Key::from_bytes(&decrypt(&self.0, id.as_bytes(), wrapped)?)
    }
}

const ADDRESS: &str = "address";
const FACTS: &str = "facts";

/// Turns the events of a batch into entries.
pub struct SealingBatch<'a> {
    sealer: &'a PersonalSealer,
    random: Random,
    known: HashMap<String, KnownKeys>,
    new: Vec<NewKey>,
}

impl SealingBatch<'_> {
    /// The names of the persons of an event.
    #[must_use]
    pub fn persons(&self, event: &AuditEvent) -> Vec<String> {
        [acting(event), concerned(event)]
            .into_iter()
            .flatten()
            .map(|person| self.sealer.name(&person))
            .collect()
    }

    /// Adds a stored key of a person. A destroyed key has no bytes, but the time of its destruction.
    pub fn know(
        &mut self,
        person: String,
        id: Uuid,
        wrapped: Option<&[u8]>,
        destroyed: Option<OffsetDateTime>,
    ) {
        let opened = wrapped.and_then(|wrapped| self.sealer.unwrap(id, wrapped));
        let known = self.known.entry(person).or_default();
        known.live = opened.map(|key| PersonKey { id, key }).or(known.live.take());
        known.destroyed_until = known.destroyed_until.max(destroyed);
    }

    /// The event as entry `index`.
    pub fn entry(&mut self, index: u64, event: &AuditEvent, at: OffsetDateTime) -> Entry {
        let (detail, facts) = split(event);
        let origin = origin(event);
        let mut sealed = |person, part, text: Option<String>| {
            text.map(|text| self.seal(person, at, &place(event.id, part), text.as_bytes()))
        };
        Entry {
            index,
            id: event.id,
            at,
            event: event.event.clone(),
            outcome: event.outcome.as_str().to_owned(),
            actor: event.actor.map(|id| id.0),
            user: event.user.map(|id| id.0),
            session: event.session.map(|id| id.0),
            device: event.device.map(|id| id.0),
            connection: event.connection.map(|id| id.0),
            api_key: event.api_key,
            request: event.request_id.clone().filter(|id| is_random(id)),
            detail,
            address: sealed(acting(event), ADDRESS, origin),
            facts: sealed(concerned(event), FACTS, facts),
        }
    }

    /// The keys that the batch has made.
    #[must_use]
    pub fn new_keys(self) -> Vec<NewKey> {
        self.new
    }

    fn seal(
        &mut self,
        person: Option<Person>,
        at: OffsetDateTime,
        place: &[u8],
        text: &[u8],
    ) -> SealedFields {
        let nonce = self.random.draw();
        let name = person.map(|person| self.sealer.name(&person));
        let known = name.as_ref().and_then(|name| self.known.get(name));
        if let Some(live) = known.and_then(|known| known.live.as_ref()) {
            return SealedFields { key: live.id, bytes: encrypt(&live.key, place, text, nonce) };
        }
        let erased = known.and_then(|known| known.destroyed_until).is_some_and(|until| at <= until);
        let made = self.made();
        let sealed = SealedFields { key: made.id, bytes: encrypt(&made.key, place, text, nonce) };
        // The key of an erased person is not stored, so the fields are unreadable at once.
        if !erased {
            let wrapped = self.sealer.wrap(made.id, &made.key, self.random.draw());
            self.new.push(NewKey { id: made.id, person: name.clone(), wrapped });
            if let Some(name) = name {
                self.known.entry(name).or_default().live = Some(made);
            }
        }
        sealed
    }

    fn made(&mut self) -> PersonKey {
        let id = uuid::Builder::from_random_bytes(self.random.draw()).into_uuid();
        PersonKey { id, key: Key::from_bytes(&self.random.draw::<32>()).expect("32 bytes") }
    }
}

/// Random bytes that are expanded from a seed: HMAC-SHA256 of a counter.
struct Random {
    key: Key,
    drawn: u64,
}

impl Random {
    fn draw<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= 32) };
        self.drawn += 1;
        let block = Zeroizing::new(self.key.mac(&[&self.drawn.to_be_bytes()]));
        std::array::from_fn(|at| block[at])
    }
}

/// Where an event comes from: the fields about the acting person.
fn origin(event: &AuditEvent) -> Option<String> {
    let chosen = event.request_id.as_ref().filter(|id| !is_random(id));
    let fields = [
        ("address", event.address.map(|address| Value::from(address.to_string()))),
        ("request_id", chosen.map(|id| Value::from(id.as_str()))),
        (CERTIFICATE, event.detail.get(CERTIFICATE).cloned()),
    ];
    let known = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let known: Map<_, _> = known.collect();
    (!known.is_empty()).then(|| canonical_object(&known))
}

/// Whether an id is one of the random ids that servers make.
fn is_random(id: &str) -> bool {
    Uuid::try_parse(id).is_ok()
}

/// The person that the address of an event belongs to.
fn acting(event: &AuditEvent) -> Option<Person> {
    event.actor.map(Person::User).or_else(|| concerned(event))
}

/// The person that an event concerns.
fn concerned(event: &AuditEvent) -> Option<Person> {
    let subject = event.subject.as_ref().filter(|subject| !subject.is_empty());
    event
        .user
        .map(Person::User)
        .or_else(|| subject.cloned().map(Person::Subject))
        .or(event.actor.map(Person::User))
}

/// The facts that are not personal, and the subject with the other facts.
fn split(event: &AuditEvent) -> (String, Option<String>) {
    let is_clear = |name: &str, value: &Value| CLEAR_TEXTS.contains(&name) || is_impersonal(value);
    let (clear, personal): (Map<_, _>, Map<_, _>) = event
        .detail
        .iter()
        .filter(|(name, _)| *name != CERTIFICATE)
        .map(|(name, value)| (name.clone(), value.clone()))
        .partition(|(name, value)| is_clear(name, value));
    let mut sealed = Map::new();
    if !personal.is_empty() {
        sealed.insert("detail".to_owned(), Value::Object(personal));
    }
    if let Some(subject) = &event.subject {
        sealed.insert("subject".to_owned(), Value::from(subject.as_str()));
    }
    (canonical_object(&clear), (!sealed.is_empty()).then(|| canonical_object(&sealed)))
}

/// Numbers, truth values and random ids say nothing about a person.
fn is_impersonal(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => is_random(text),
        Value::Array(items) => items.iter().all(is_impersonal),
        Value::Object(_) => false,
    }
}

/// The data that is authenticated together with sealed fields. So a field that was moved to another event, or to another place in
/// it, cannot be opened.
fn place(event: Uuid, part: &str) -> Vec<u8> {
    [event.as_bytes(), part.as_bytes()].concat()
}

fn encrypt(key: &Key, place: &[u8], text: &[u8], nonce: [u8; NONCE]) -> Vec<u8> {
    let sealed = cipher(key).encrypt(&XNonce::from(nonce), Payload { msg: text, aad: place });
    [&nonce[..], &sealed.expect("the cipher accepts any text that fits into memory")].concat()
}

fn decrypt(key: &Key, place: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
    cipher(key).decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: place }).ok().map(Zeroizing::new)
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new_from_slice(key.bytes()).expect("a key has the cipher's 256 bits")
}

#[cfg(test)]
mod tests {
    use protocol::audit::Outcome;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn event() -> AuditEvent {
        AuditEvent {
            user: Some(UserId(7)),
            address: Some("203.0.113.9".parse().unwrap()),
            ..AuditEvent::new("session.opened", Outcome::Success, 0)
        }
        .with("method", "password")
        .with("score", 3)
        .with("name", "Ada Lovelace")
    }

    fn sealed(event: &AuditEvent, seed: u8) -> (Entry, HashMap<Uuid, Vec<u8>>, Vec<NewKey>) {
        let sealer = PersonalSealer::new(&[1; 32]);
        let mut batch = sealer.batch(&[seed; 32]);
        let entry = batch.entry(0, event, NOW);
        let new = batch.new_keys();
        (entry, new.iter().map(|key| (key.id, key.wrapped.clone())).collect(), new)
    }

    #[test]
    fn personal_fields_are_sealed_and_opened_with_the_key_of_the_person() {
        let (entry, keys, new) = sealed(&event(), 2);
        let line = String::from_utf8(entry.encoded()).unwrap();
        assert!(!line.contains("Ada") && !line.contains("203.0.113.9"), "{line}");
        assert_eq!(entry.detail, r#"{"method":"password","score":3}"#);
        assert_eq!(new.iter().map(|key| key.person.as_deref()).collect::<Vec<_>>(), [Some("user:7")]);
        let opened = PersonalSealer::new(&[1; 32]).open(&entry, &keys);
        assert_eq!(opened.address.as_deref(), Some("203.0.113.9"));
        assert_eq!((opened.detail, opened.erased), (event().detail, false));
    }

    #[test]
    fn without_the_key_the_fields_are_missing_and_the_leaf_is_the_same() {
        let (entry, _, _) = sealed(&event(), 2);
        let hash = entry.hash();
        let opened = PersonalSealer::new(&[1; 32]).open(&entry, &HashMap::new());
        assert_eq!((opened.address, opened.erased), (None, true));
        assert_eq!(opened.detail.len(), 2);
        assert_eq!(entry.hash(), hash);
    }

    #[test]
    fn an_event_of_two_persons_has_two_keys_and_an_event_of_none_has_its_own() {
        let of_two = AuditEvent { actor: Some(UserId(1)), ..event() };
        let persons: Vec<_> = sealed(&of_two, 2).2.into_iter().map(|key| key.person.unwrap()).collect();
        assert_eq!(persons, ["user:1", "user:7"]);
        let of_none = AuditEvent { user: None, ..event() };
        assert!(sealed(&of_none, 2).2.iter().all(|key| key.person.is_none()));
        let outside = AuditEvent { user: None, subject: Some("ada@example.com".to_owned()), ..event() };
        let (entry, keys, new) = sealed(&outside, 2);
        assert!(new.iter().all(|key| !key.person.as_ref().unwrap().contains("ada")));
        let opened = PersonalSealer::new(&[1; 32]).open(&entry, &keys);
        assert_eq!(opened.subject.as_deref(), Some("ada@example.com"));
    }

    #[test]
    fn what_tells_about_the_actor_is_readable_only_with_the_key_of_the_actor() {
        let mut of_two =
            AuditEvent { actor: Some(UserId(1)), ..event() }.with("client_certificate", "CN=Grace");
        of_two.request_id = Some("grace@example.com".to_owned());
        let (entry, _, new) = sealed(&of_two, 2);
        let line = String::from_utf8(entry.encoded()).unwrap();
        assert!(!line.contains("Grace") && !line.contains("grace"), "{line}");
        let with = |person: &str| {
            let keys = new.iter().filter(|key| key.person.as_deref() == Some(person));
            let keys = keys.map(|key| (key.id, key.wrapped.clone())).collect();
            PersonalSealer::new(&[1; 32]).open(&entry, &keys)
        };
        let (actor, concerned) = (with("user:1"), with("user:7"));
        assert_eq!(actor.detail["client_certificate"], "CN=Grace");
        assert_eq!(actor.request.as_deref(), Some("grace@example.com"));
        assert!(!actor.detail.contains_key("name"));
        assert_eq!((concerned.detail.get("client_certificate"), concerned.request), (None, None));
        assert_eq!(concerned.detail["name"], "Ada Lovelace");
    }

    #[test]
    fn a_request_id_of_the_server_is_in_the_clear() {
        let id = Uuid::from_u128(5).to_string();
        let of_server = AuditEvent { request_id: Some(id.clone()), ..event() };
        assert_eq!(sealed(&of_server, 2).0.request, Some(id));
    }

    #[test]
    fn a_person_keeps_the_key_and_a_destroyed_key_is_not_made_again_for_older_events() {
        let sealer = PersonalSealer::new(&[1; 32]);
        let (_, _, new) = sealed(&event(), 2);
        let mut batch = sealer.batch(&[3; 32]);
        batch.know("user:7".to_owned(), new[0].id, Some(&new[0].wrapped), None);
        assert_eq!(batch.entry(1, &event(), NOW).address.unwrap().key, new[0].id);
        assert!(batch.new_keys().is_empty());

        let mut batch = sealer.batch(&[4; 32]);
        batch.know("user:7".to_owned(), new[0].id, None, Some(NOW));
        let entry = batch.entry(1, &event(), NOW);
        assert_ne!(entry.address.unwrap().key, new[0].id);
        let later = batch.entry(2, &event(), NOW + time::Duration::SECOND);
        let new = batch.new_keys();
        assert_eq!(new.len(), 1, "only the later event has a key");
        assert_eq!(later.address.unwrap().key, new[0].id);
    }

    #[test]
    fn a_field_that_was_moved_to_another_event_does_not_open() {
        let (entry, keys, _) = sealed(&event(), 2);
        let moved = Entry { id: Uuid::from_u128(5), ..entry };
        assert!(PersonalSealer::new(&[1; 32]).open(&moved, &keys).erased);
    }

    #[test]
    fn two_seeds_give_other_bytes() {
        let one = event();
        assert_ne!(sealed(&one, 2).0, sealed(&one, 3).0);
    }
}
