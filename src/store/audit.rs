//! Audit events: inserted, never changed.
//!
//! The event of a change in the database is usually written by the transaction of the change, through [`insert`]. The `Audit`
//! actor writes all other events in batches. An event that is written twice has one row. [`insert`] also writes the events for
//! other systems and the mails that an audit event causes, so no use case can forget them.
//!
//! Acts of the canary account in a drill, and acts of the server on it, are left out here: one event `drill.run` stands for all
//! of them. Acts of another user, a key of the server API or the command line on the canary are recorded like all other acts.

use deadpool_postgres::GenericClient;
use futures_util::future;
use protocol::audit::AuditEvent;
use serde_json::Value;
use time::OffsetDateTime;

use super::{error::StoreError, events::outbox, mail, pool::Store};
use crate::row_mapping::{clipped, storable};

/// The longest subject that fits into the column, in bytes.
const SUBJECT_BYTES: usize = 255;

const INSERT: &str = "
    INSERT INTO audit_events (id, at, event, outcome, actor_id, user_id, session_id, device_id, connection_id, address,
                              request_id, detail, subject, api_key_id)
    SELECT e.* FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
                           $7::uuid[], $8::uuid[], $9::uuid[], $10::inet[], $11::text[], $12::jsonb[],
                           $13::text[], $14::uuid[])
         AS e (id, at, event, outcome, actor_id, user_id, session_id, device_id, connection_id, address, request_id,
               detail, subject, api_key_id)
    WHERE NOT EXISTS (SELECT FROM users c WHERE c.role = 'canary' AND c.id = e.user_id
                      AND coalesce(e.actor_id, c.id) = c.id AND e.api_key_id IS NULL
                      AND NOT coalesce(e.detail ?| ARRAY['by', 'key'], false))
    ON CONFLICT (id) DO NOTHING";

impl Store {
    /// Writes events that belong to no other transaction. Events that exist already are skipped.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. Whether the events were written is then unknown; the same batch may be
    /// written again.
    pub async fn insert_audit(&self, batch: Vec<AuditEvent>) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                insert(&transaction, &batch).await?;
                transaction.commit().await?;
                Ok(())
            })
        })
        .await
    }
}

/// Writes events in the caller's transaction, and with them the events for other systems and the mails that they cause. The
/// statements are sent at once, so that the further ones cost no round trip.
pub(super) async fn insert(client: &impl GenericClient, events: &[AuditEvent]) -> Result<(), StoreError> {
    let (audited, caused, mailed) = future::join3(
        insert_events(client, events),
        outbox::enqueue_caused(client, events),
        mail::outbox::enqueue_caused(client, events),
    )
    .await;
    audited.and(caused).and(mailed)
}

async fn insert_events(client: &impl GenericClient, events: &[AuditEvent]) -> Result<(), StoreError> {
    fn column<T>(events: &[AuditEvent], of: impl Fn(&AuditEvent) -> T) -> Vec<T> {
        events.iter().map(of).collect()
    }
    let statement = client.prepare_cached(INSERT).await?;
    client
        .execute(
            &statement,
            &[
                &column(events, |event| event.id),
                &column(events, at),
                &column(events, |event| event.event.replace('\0', "")),
                &column(events, |event| event.outcome.as_str()),
                &column(events, |event| event.actor.map(|id| id.0)),
                &column(events, |event| event.user.map(|id| id.0)),
                &column(events, |event| event.session.map(|id| id.0)),
                &column(events, |event| event.device.map(|id| id.0)),
                &column(events, |event| event.connection.map(|id| id.0)),
                &column(events, |event| event.address),
                &column(events, |event| event.request_id.as_ref().map(|id| id.replace('\0', ""))),
                &column(events, |event| storable(Value::Object(event.detail.clone()))),
                &column(events, |event| {
                    event.subject.as_ref().map(|subject| clipped(subject, SUBJECT_BYTES))
                }),
                &column(events, |event| event.api_key),
            ],
        )
        .await?;
    Ok(())
}

fn at(event: &AuditEvent) -> OffsetDateTime {
    // Only a defect can produce a time outside the range of the type.
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(event.at_ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
