//! The audit log of the dumps: a few entries as a server writes them, with true hashes and signed checkpoints. `schemas` puts the
//! parts into the row files.
//!
//! December has three entries, which were dropped with their month. A restore cut the log after seven entries, so two of the nine
//! belong to the second generation. The keys and the random bytes are fixed, so the log is the same each time.

use std::fmt::Write as _;

use domain::{
    crypto::{seal::Sealed, secret_ring::SecretRing},
    transparency_log::{
        checkpoint::Checkpoint,
        entry::{Entry, SealedFields, moment},
        frontier::Frontier,
        keys::{AuditKeyPurpose, AuditKeySealer},
        note::NoteSigner,
        personal::{NewKey, PersonalSealer},
    },
};
use protocol::{
    audit::{AuditEvent, Outcome},
    id::{ConnectionId, DeviceId, SessionId, UserId},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::hex;

/// The entries that were dropped with their month.
pub(super) const DROPPED: usize = 3;
/// All entries.
pub(super) const SIZE: usize = 9;
/// The generations and sizes of the checkpoints.
pub(super) const CHECKPOINTS: [(i32, usize); 3] = [(1, DROPPED), (1, 7), (2, SIZE)];

const LOG: Uuid = id(0xc0);
const SECOND_GENERATION: Uuid = id(0xc1);
const SIGNING_KEY: [u8; 32] = [11; 32];
const PERSONAL_KEY: [u8; 32] = [12; 32];
const SEED: [u8; 32] = [13; 32];
/// The beginning of 2026, in milliseconds since the epoch.
const NEW_YEAR: i64 = 1_767_225_600_000;
const HOUR: i64 = 3_600_000;

/// An id in the form of the row files.
const fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x4000_8000_0000_0000_0000 | number)
}

/// Replaces the names of the parts of the log.
pub(super) fn fill(rows: &str, data_encryption: &SecretRing) -> String {
    let (entries, keys) = entries();
    let mut rows =
        rows.replace("{LOG_ID}", &LOG.to_string())
            .replace("{LOG_GENERATION}", &SECOND_GENERATION.to_string())
            .replace("{LOG_ENTRIES}", &tuples(entries[DROPPED..].iter().map(entry_row)))
            .replace(
                "{LOG_NODES_3}",
                &tuples(tree(&entries, DROPPED).subtrees().iter().map(|(subtree, hash)| {
                    format!("{}, {}, '\\x{}'", subtree.level, subtree.index, hex(hash))
                })),
            )
            .replace("{LOG_PERSONAL_KEYS}", &tuples(keys.iter().map(key_row)));
    for (generation, size) in CHECKPOINTS {
        rows = rows
            .replace(&format!("{{LOG_FRONTIER_{size}}}"), &hex(&tree(&entries, size).to_bytes()))
            .replace(
                &format!("{{LOG_CHECKPOINT_{generation}_{size}}}"),
                &checkpoint(&entries, generation, size),
            );
    }
    let sealer = AuditKeySealer::new(data_encryption);
    for (purpose, key, nonce) in
        [(AuditKeyPurpose::Signing, SIGNING_KEY, 21), (AuditKeyPurpose::Personal, PERSONAL_KEY, 22)]
    {
        let Sealed { bytes, key_id } = sealer.seal(purpose, &key, [nonce; 24]);
        rows = rows
            .replace(&format!("{{LOG_KEY_{}}}", purpose.as_str()), &hex(&bytes))
            .replace("{LOG_KEY}", &key_id);
    }
    rows
}

/// The events of the log, in their order.
fn events() -> [AuditEvent; SIZE] {
    let event = |number: u128, hours: i64, name: &str, outcome| AuditEvent {
        id: id(0x100 + number),
        ..AuditEvent::new(name, outcome, NEW_YEAR + hours * HOUR)
    };
    let done = |number, hours, name: &str| event(number, hours, name, Outcome::Success);
    let of_user = |user, event: AuditEvent| AuditEvent {
        actor: Some(UserId(user)),
        user: Some(UserId(user)),
        address: Some([192, 0, 2, 1].into()),
        ..event
    };
    let session = Some(SessionId(id(0x33)));
    [
        of_user(1, done(0, -3, "session.opened")).with("method", "password"),
        of_user(1, done(1, -2, "session.stepped_up")).with("factor", "password"),
        of_user(1, done(2, -1, "session.signed_out")),
        AuditEvent {
            session,
            device: Some(DeviceId(id(0x12))),
            request_id: Some("chosen by the client".to_owned()),
            ..of_user(2, done(3, 1, "session.opened")).with("method", "passkey")
        },
        AuditEvent {
            session,
            connection: Some(ConnectionId(id(0x82))),
            ..of_user(2, event(4, 2, "session.refused", Outcome::Denied))
        },
        AuditEvent {
            subject: Some("corp:eve".to_owned()),
            api_key: Some(id(0x91)),
            request_id: Some(id(0x92).to_string()),
            ..done(5, 3, "user.blocked").with("reason", "a test")
        },
        done(6, 30, "audit.month_dropped").with("month", "2025-12-01").with("until", DROPPED),
        done(7, 48, "database.restored").with("by", "command line").with("api_keys", 0),
        AuditEvent { user: Some(UserId(3)), ..of_user(4, done(8, 48, "user.status_changed")) }
            .with("status", "suspended")
            .with("reason", "the person's wish"),
    ]
}

fn entries() -> (Vec<Entry>, Vec<NewKey>) {
    let sealer = PersonalSealer::new(&PERSONAL_KEY);
    let mut batch = sealer.batch(&SEED);
    let entry = |(index, event): (u64, AuditEvent)| {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(event.at_ms) * 1_000_000);
        batch.entry(index, &event, at.expect("a time"))
    };
    let entries = (0..).zip(events()).map(entry).collect();
    (entries, batch.new_keys())
}

/// The tree over the first entries.
fn tree(entries: &[Entry], size: usize) -> Frontier {
    let mut tree = Frontier::default();
    entries[..size].iter().for_each(|entry| tree.push(entry.hash(), |_, _| ()));
    tree
}

fn checkpoint(entries: &[Entry], generation: i32, size: usize) -> String {
    let name = format!("portcullis/audit/{}", LOG.simple());
    let origin = match generation {
        1 => name.clone(),
        _ => format!("{name}/{}", SECOND_GENERATION.simple()),
    };
    let signer = NoteSigner::new(&name, &SIGNING_KEY).expect("a signer");
    Checkpoint { origin, size: size as u64, root: tree(entries, size).root() }.signed(&signer)
}

/// The values of an entry, in the order of the row file.
fn entry_row(entry: &Entry) -> String {
    let sealed = |fields: &Option<SealedFields>| {
        let fields = fields.as_ref();
        let bytes = fields.map(|fields| format!("\\x{}", hex(&fields.bytes)));
        format!("{}, {}", value(fields.map(|fields| fields.key)), value(bytes))
    };
    let mut row = format!("{}, '2026-01-01', '{}', '{}'", entry.index, entry.id, moment(entry.at));
    for part in [
        value(Some(&entry.event)),
        value(Some(&entry.outcome)),
        value(entry.actor),
        value(entry.user),
        value(entry.session),
        value(entry.device),
        value(entry.connection),
        value(entry.api_key),
        value(entry.request.as_ref()),
        value(Some(&entry.detail)),
        sealed(&entry.address),
        sealed(&entry.facts),
        value(Some(format!("\\x{}", hex(&entry.hash())))),
    ] {
        write!(row, ", {part}").expect("a text grows");
    }
    row
}

fn key_row(key: &NewKey) -> String {
    format!("'{}', {}, '\\x{}'", key.id, value(key.person.as_ref()), hex(&key.wrapped))
}

/// A value of SQL, which PostgreSQL converts to the type of the column.
fn value(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |value| format!("'{}'", value.to_string().replace('\'', "''")))
}

fn tuples(rows: impl Iterator<Item = String>) -> String {
    rows.map(|row| format!("({row})")).collect::<Vec<_>>().join(",\n    ")
}
