//! Moves events from the inbox into the log: one transaction gives a batch its numbers and hashes.
//!
//! A job of each node calls this. The lock of the head lets one node work at a time. No request waits for this lock. An event
//! may come into the inbox again from a spill file. It is already in the log and gets no second entry.

use std::{collections::HashSet, sync::Arc};

use deadpool_postgres::Transaction;
use domain::transparency_log::{
    entry::Entry,
    frontier::Frontier,
    hash::Hash,
    personal::{NewKey, PersonalSealer, SealingBatch},
    subtree::Subtree,
};
use protocol::{
    audit::{AuditEvent, Outcome},
    id::{ConnectionId, DeviceId, SessionId, UserId},
};
use time::{Date, OffsetDateTime};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{head, head::LogHead, months, nodes, number::signed};
use crate::{error::StoreError, pool::Store};

/// A batch of events that is to enter the log.
pub struct SequenceOrder {
    /// Seals personal fields.
    pub sealer: Arc<PersonalSealer>,
    /// Fresh random bytes.
    pub seed: [u8; 32],
    /// The time, which decides the month of the entries.
    pub now: OffsetDateTime,
    /// The most events of the batch.
    pub limit: u32,
}

/// What a batch has done.
#[derive(Clone, Debug)]
pub struct Sequenced {
    /// The head after the batch.
    pub head: LogHead,
    /// How many events left the inbox.
    pub events: usize,
    /// Whether a new month begins. Then the newest checkpoint must cover all entries before the batch is tried again.
    pub month_begins: bool,
}

impl Store {
    /// Moves a batch of events into the log. `None` if another node is at work. If the newest entry is of an earlier month and
    /// has no checkpoint yet, nothing is moved.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. Then nothing is moved.
    pub async fn sequence_audit(&self, order: SequenceOrder) -> Result<Option<Sequenced>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let Some(head) = head::try_lock(&transaction).await? else { return Ok(None) };
                let done = sequence(&transaction, order, head).await?;
                transaction.commit().await?;
                Ok(Some(done))
            })
        })
        .await
    }

    /// Whether this event waits in the inbox.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn audit_event_waits(&self, id: Uuid) -> Result<bool, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql = "SELECT EXISTS (SELECT FROM audit_events WHERE id = $1)";
                let statement = client.prepare_cached(sql).await?;
                Ok(client.query_one(&statement, &[&id]).await?.try_get(0)?)
            })
        })
        .await
    }

    /// Up to `limit` events that wait in the inbox, and the time of the oldest.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn audit_backlog(&self, limit: u32) -> Result<(u64, Option<OffsetDateTime>), StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql =
                    "SELECT count(*), min(at) FROM (SELECT at FROM audit_events ORDER BY seq LIMIT $1) e";
                let row = client.query_one(sql, &[&i64::from(limit)]).await?;
                Ok((row.try_get::<_, i64>(0)?.unsigned_abs(), row.try_get(1)?))
            })
        })
        .await
    }
}

async fn sequence(
    transaction: &Transaction<'_>,
    order: SequenceOrder,
    mut head: LogHead,
) -> Result<Sequenced, StoreError> {
    let events = inbox(transaction, order.limit).await?;
    if events.is_empty() {
        return Ok(Sequenced { head, events: 0, month_begins: false });
    }
    let ids: Vec<Uuid> = events.iter().map(|(event, _)| event.id).collect();
    let known = in_log(transaction, &ids).await?;
    // A month begins with an entry.
    let month = match events.iter().all(|(event, _)| known.contains(&event.id)) {
        true => head.month,
        false => months::current(transaction, &head, order.now).await?,
    };
    if month > head.month && head.size() > 0 && !has_checkpoint(transaction, &head).await? {
        return Ok(Sequenced { head, events: 0, month_begins: true });
    }
    let mut batch = order.sealer.batch(&order.seed);
    load_keys(transaction, &mut batch, &events).await?;
    let mut grown = Grown { frontier: head.frontier.clone(), entries: Vec::new(), kept: Vec::new() };
    for (event, at) in events.iter().filter(|(event, _)| !known.contains(&event.id)) {
        let entry = batch.entry(grown.frontier.size(), event, *at);
        grown.push(entry);
    }
    months::make(transaction, month).await?;
    insert_keys(transaction, &batch.new_keys()).await?;
    insert(transaction, &grown, month).await?;
    nodes::insert(transaction, &grown.kept).await?;
    // Moves the head and empties the inbox, after a comparison with the entries.
    let sql = "SELECT audit_log_advance($1, $2, $3, $4)";
    let (size, frontier) = (signed(grown.frontier.size())?, grown.frontier.to_bytes());
    transaction.execute(sql, &[&size, &frontier, &month, &ids]).await?;
    (head.frontier, head.month) = (grown.frontier, month);
    Ok(Sequenced { head, events: ids.len(), month_begins: false })
}

/// The log with the entries of a batch.
struct Grown {
    frontier: Frontier,
    entries: Vec<(Entry, Hash)>,
    kept: Vec<(Subtree, Hash)>,
}

impl Grown {
    fn push(&mut self, entry: Entry) {
        let (hash, kept) = (entry.hash(), &mut self.kept);
        self.frontier.push(hash, |subtree, hash| {
            if nodes::is_kept(subtree) {
                kept.push((subtree, hash));
            }
        });
        self.entries.push((entry, hash));
    }
}

async fn has_checkpoint(transaction: &Transaction<'_>, head: &LogHead) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT FROM audit_checkpoints WHERE generation = $1 AND size = $2)";
    let row = transaction.query_one(sql, &[&head.generation, &signed(head.size())?]).await?;
    Ok(row.try_get(0)?)
}

async fn inbox(
    transaction: &Transaction<'_>,
    limit: u32,
) -> Result<Vec<(AuditEvent, OffsetDateTime)>, StoreError> {
    let sql = "SELECT id, at, event, outcome, actor_id, user_id, session_id, device_id, connection_id, address, request_id,
                      detail, subject, api_key_id
               FROM audit_events ORDER BY seq LIMIT $1";
    let statement = transaction.prepare_cached(sql).await?;
    transaction.query(&statement, &[&i64::from(limit)]).await?.iter().map(event).collect()
}

fn event(row: &Row) -> Result<(AuditEvent, OffsetDateTime), StoreError> {
    let at: OffsetDateTime = row.try_get(1)?;
    let event = AuditEvent {
        id: row.try_get(0)?,
        at_ms: i64::try_from(at.unix_timestamp_nanos() / 1_000_000).map_err(StoreError::internal)?,
        event: row.try_get(2)?,
        outcome: outcome(row.try_get(3)?),
        actor: row.try_get::<_, Option<i64>>(4)?.map(UserId),
        user: row.try_get::<_, Option<i64>>(5)?.map(UserId),
        session: row.try_get::<_, Option<Uuid>>(6)?.map(SessionId),
        device: row.try_get::<_, Option<Uuid>>(7)?.map(DeviceId),
        connection: row.try_get::<_, Option<Uuid>>(8)?.map(ConnectionId),
        address: row.try_get(9)?,
        request_id: row.try_get(10)?,
        detail: match row.try_get(11)? {
            serde_json::Value::Object(detail) => detail,
            _ => serde_json::Map::new(),
        },
        subject: row.try_get(12)?,
        api_key: row.try_get(13)?,
    };
    Ok((event, at))
}

/// The table permits only these words.
fn outcome(word: &str) -> Outcome {
    match word {
        "success" => Outcome::Success,
        "denied" => Outcome::Denied,
        _ => Outcome::Failure,
    }
}

async fn in_log(transaction: &Transaction<'_>, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
    let statement = transaction.prepare_cached("SELECT id FROM audit_log WHERE id = ANY ($1)").await?;
    let rows = transaction.query(&statement, &[&ids]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

async fn load_keys(
    transaction: &Transaction<'_>,
    batch: &mut SealingBatch<'_>,
    events: &[(AuditEvent, OffsetDateTime)],
) -> Result<(), StoreError> {
    let persons: HashSet<String> = events.iter().flat_map(|(event, _)| batch.persons(event)).collect();
    let persons: Vec<_> = persons.into_iter().collect();
    let sql = "SELECT person, id, wrapped, destroyed_at FROM audit_personal_keys WHERE person = ANY ($1)";
    let statement = transaction.prepare_cached(sql).await?;
    for row in transaction.query(&statement, &[&persons]).await? {
        batch.know(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
    }
    Ok(())
}

async fn insert_keys(transaction: &Transaction<'_>, keys: &[NewKey]) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit_personal_keys (id, person, wrapped)
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[])";
    let statement = transaction.prepare_cached(sql).await?;
    let ids: Vec<_> = keys.iter().map(|key| key.id).collect();
    let persons: Vec<_> = keys.iter().map(|key| key.person.as_deref()).collect();
    let wrapped: Vec<_> = keys.iter().map(|key| &key.wrapped[..]).collect();
    transaction.execute(&statement, &[&ids, &persons, &wrapped]).await?;
    Ok(())
}

async fn insert(transaction: &Transaction<'_>, grown: &Grown, month: Date) -> Result<(), StoreError> {
    fn column<'e, T>(entries: &'e [(Entry, Hash)], of: impl Fn(&'e Entry) -> T) -> Vec<T> {
        entries.iter().map(|(entry, _)| of(entry)).collect()
    }
    let sql = "INSERT INTO audit_log (leaf_index, month, id, at, event, outcome, actor_id, user_id, session_id, device_id,
                   connection_id, api_key_id, request_id, detail, address_key, address, facts_key, facts, leaf_hash)
               SELECT i, $2, id, at, e, o, a, u, s, d, c, k, r, j, ak, ab, fk, fb, h
               FROM unnest($1::bigint[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
                   $9::uuid[], $10::uuid[], $11::uuid[], $12::uuid[], $13::text[], $14::text[], $15::uuid[], $16::bytea[],
                   $17::uuid[], $18::bytea[], $19::bytea[])
                   AS t (i, id, at, e, o, a, u, s, d, c, k, r, j, ak, ab, fk, fb, h)";
    let entries = &grown.entries[..];
    let hashes: Vec<&[u8]> = entries.iter().map(|(_, hash)| &hash[..]).collect();
    let statement = transaction.prepare_cached(sql).await?;
    transaction
        .execute(
            &statement,
            &[
                &column(entries, |entry| entry.index.cast_signed()),
                &month,
                &column(entries, |entry| entry.id),
                &column(entries, |entry| entry.at),
                &column(entries, |entry| &entry.event[..]),
                &column(entries, |entry| &entry.outcome[..]),
                &column(entries, |entry| entry.actor),
                &column(entries, |entry| entry.user),
                &column(entries, |entry| entry.session),
                &column(entries, |entry| entry.device),
                &column(entries, |entry| entry.connection),
                &column(entries, |entry| entry.api_key),
                &column(entries, |entry| entry.request.as_deref()),
                &column(entries, |entry| &entry.detail[..]),
                &column(entries, |entry| entry.address.as_ref().map(|sealed| sealed.key)),
                &column(entries, |entry| entry.address.as_ref().map(|sealed| &sealed.bytes[..])),
                &column(entries, |entry| entry.facts.as_ref().map(|sealed| sealed.key)),
                &column(entries, |entry| entry.facts.as_ref().map(|sealed| &sealed.bytes[..])),
                &hashes,
            ],
        )
        .await?;
    Ok(())
}
