//! The outbox: writes an event for each receiver that wants it.
//!
//! The rows of a security event are written in the transaction of its audit event, so both are committed or neither. Without a
//! receiver that wants an event, no row is written.

use deadpool_postgres::GenericClient;
use domain::events::{audit_mapping::outgoing, outgoing::OutgoingEvent};
use protocol::audit::AuditEvent;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::StoreError,
    pool::Store,
    row_mapping::{clipped, storable},
};

/// The longest subject, in bytes.
const SUBJECT_BYTES: usize = 300;

/// Writes rows for the receivers that want an event. If `$8` names a receiver, only this receiver gets the events, even without
/// having asked for their types. Events that a receiver has already are skipped. A stream gets no event if its key has been
/// revoked or has expired. `$9` is the user of an event that no other user has caused: acts of the canary account are no events
/// for other systems.
const INSERT: &str = "
    INSERT INTO event_deliveries (receiver_id, event_id, type, subject, payload, occurred_at, due_at, waiting_from)
    SELECT r.id, e.id, e.type, e.subject, e.payload, e.at, e.at, e.at
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[], $7::boolean[], $9::bigint[])
         WITH ORDINALITY AS e (id, type, type_group, subject, payload, at, may_be_dropped, own, place)
    JOIN event_receivers r ON r.status <> 'disabled' AND NOT (e.may_be_dropped AND r.backlog_full)
         AND CASE WHEN $8::uuid IS NULL THEN r.events && ARRAY[e.type, e.type_group] ELSE r.id = $8 END
         AND NOT EXISTS (SELECT FROM api_keys k WHERE k.id = r.api_key_id
                         AND (k.revoked_at IS NOT NULL OR k.expires_at <= greatest(e.at, now())))
    WHERE NOT EXISTS (SELECT FROM users c WHERE c.role = 'canary' AND c.id = e.own)
    ORDER BY e.place, r.id
    ON CONFLICT (receiver_id, event_id) DO NOTHING";

/// Writes the events that these audit events cause, on the caller's connection or transaction.
pub(crate) async fn enqueue_caused(
    client: &impl GenericClient,
    events: &[AuditEvent],
) -> Result<(), StoreError> {
    let own = |event: &AuditEvent| {
        let by_others =
            event.api_key.is_some() || ["by", "key"].iter().any(|name| event.detail.contains_key(*name));
        event.user.filter(|user| !by_others && event.actor.is_none_or(|actor| actor == *user))
    };
    let caused =
        events.iter().flat_map(|event| outgoing(event).into_iter().map(move |out| (out, own(event))));
    let (caused, own): (Vec<_>, Vec<_>) = caused.map(|(out, own)| (out, own.map(|user| user.0))).unzip();
    if caused.is_empty() {
        return Ok(());
    }
    write(client, &caused, &own, None).await.map(drop)
}

/// Writes events that no audit event causes. Returns the number of rows.
pub(crate) async fn insert(
    client: &impl GenericClient,
    events: &[OutgoingEvent],
    receiver: Option<Uuid>,
) -> Result<u64, StoreError> {
    write(client, events, &vec![None; events.len()], receiver).await
}

async fn write(
    client: &impl GenericClient,
    events: &[OutgoingEvent],
    own: &[Option<i64>],
    receiver: Option<Uuid>,
) -> Result<u64, StoreError> {
    fn column<T>(events: &[OutgoingEvent], of: impl Fn(&OutgoingEvent) -> T) -> Vec<T> {
        events.iter().map(of).collect()
    }
    let mut payloads = Vec::with_capacity(events.len());
    for event in events {
        let payload = serde_json::to_value(&event.content);
        payloads.push(storable(payload.map_err(|_| StoreError::internal("an event has no JSON"))?));
    }
    let statement = client.prepare_cached(INSERT).await?;
    let written = client
        .execute(
            &statement,
            &[
                &column(events, |event| event.id),
                &column(events, |event| event.kind.clone()),
                &column(events, |event| event.group.as_str()),
                &column(events, |event| clipped(&event.subject, SUBJECT_BYTES)),
                &payloads,
                &column(events, at),
                &column(events, |event| event.group.may_be_dropped()),
                &receiver,
                &own,
            ],
        )
        .await?;
    Ok(written)
}

fn at(event: &OutgoingEvent) -> OffsetDateTime {
    // Only a defect can produce a time outside the range of the type.
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(event.at_ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

impl Store {
    /// Writes events of channels, which belong to no transaction.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn insert_events(&self, events: Vec<OutgoingEvent>) -> Result<u64, StoreError> {
        self.run_slow(move |client| Box::pin(async move { insert(&*client, &events, None).await })).await
    }
}

/// The content of a stored event.
pub(crate) fn content(payload: Value) -> Result<domain::events::outgoing::Content, StoreError> {
    serde_json::from_value(payload).map_err(|_| StoreError::internal("a stored event cannot be read"))
}
