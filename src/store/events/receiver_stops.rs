//! How the server stops receivers: a receiver is gone, its key is revoked, or a backup was restored.

use deadpool_postgres::GenericClient;
use protocol::audit::AuditEvent;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{audit, error::StoreError, pool::Store};

impl Store {
    /// Disables a receiver that is gone, with its audit event. `false` if it was not enabled.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn disable_receiver(
        &self,
        id: Uuid,
        reason: String,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let sql =
                    "UPDATE event_receivers SET status = 'disabled', status_reason = $2, updated_at = $3
                           WHERE id = $1 AND status = 'enabled'";
                if transaction.execute(sql, &[&id, &reason, &now]).await? == 0 {
                    return Ok(false);
                }
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(true)
            })
        })
        .await
    }
}

/// Disables the streams of keys of the server API that are revoked in the same transaction, with one audit event each.
pub(crate) async fn disable_of_keys(
    client: &impl GenericClient,
    keys: &[Uuid],
    now: OffsetDateTime,
    cause: &AuditEvent,
) -> Result<(), StoreError> {
    let sql = "UPDATE event_receivers SET status = 'disabled', status_reason = 'the API key was revoked', updated_at = $2
               WHERE api_key_id = ANY ($1) AND status <> 'disabled' RETURNING id";
    let mut events = Vec::new();
    for row in client.query(sql, &[&keys, &now]).await? {
        let event = AuditEvent {
            id: Uuid::new_v4(),
            event: "event_receiver.changed".to_owned(),
            detail: serde_json::Map::new(),
            ..cause.clone()
        };
        let event = event.with("receiver", row.try_get::<_, Uuid>(0)?.to_string());
        events.push(event.with("status", "disabled").with("by", "revocation of the API key"));
    }
    audit::insert(client, &events).await
}

/// Pauses all receivers, because those that were deleted or changed after a backup are in force again. Returns their names.
pub(crate) async fn pause_all(
    client: &impl GenericClient,
    now: OffsetDateTime,
) -> Result<Vec<String>, StoreError> {
    let sql = "UPDATE event_receivers SET status = 'paused', status_reason = 'the database was restored from a backup',
                      updated_at = $1
               WHERE status = 'enabled' RETURNING name";
    let rows = client.query(sql, &[&now]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
