//! Events for one receiver alone: tests and verifications.

use domain::events::outgoing::OutgoingEvent;
use protocol::audit::AuditEvent;
use uuid::Uuid;

use super::outbox;
use crate::{audit, error::StoreError, pool::Store};

/// The result of sending an event to one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentToOne {
    /// It is written.
    Yes,
    /// There is no such receiver, or it is disabled.
    Disabled,
    /// An event of this type waits for the receiver already.
    Waits,
}

impl Store {
    /// Writes an event for one receiver, with the audit event of its cause. `false` if there is no such receiver, or if it is
    /// disabled.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn insert_event_for(
        &self,
        receiver: Uuid,
        event: OutgoingEvent,
        cause: Option<AuditEvent>,
    ) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                if outbox::insert(&transaction, &[event], Some(receiver)).await? == 0 {
                    return Ok(false);
                }
                let cause: Vec<_> = cause.into_iter().collect();
                audit::insert(&transaction, &cause).await?;
                transaction.commit().await?;
                Ok(true)
            })
        })
        .await
    }

    /// Writes an event for one receiver, unless an event of this type and subject already waits for it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn insert_single_event(
        &self,
        receiver: Uuid,
        event: OutgoingEvent,
    ) -> Result<SentToOne, StoreError> {
        let lock = "SELECT FROM event_receivers WHERE id = $1 FOR NO KEY UPDATE";
        let waits = "SELECT EXISTS (SELECT FROM event_deliveries
                                    WHERE receiver_id = $1 AND subject = $2 AND state = 'pending' AND type = $3)";
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                // Of two requests at the same time, the second one sees the event of the first one.
                transaction.execute(lock, &[&receiver]).await?;
                let found = transaction.query_one(waits, &[&receiver, &event.subject, &event.kind]).await?;
                if found.try_get(0)? {
                    return Ok(SentToOne::Waits);
                }
                let written = outbox::insert(&transaction, &[event], Some(receiver)).await?;
                transaction.commit().await?;
                Ok(if written == 0 { SentToOne::Disabled } else { SentToOne::Yes })
            })
        })
        .await
    }
}
