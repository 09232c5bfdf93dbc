//! Lists of events for operators, dead letters that are sent again, and figures for metrics.

use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use protocol::audit::AuditEvent;
use serde_json::Value;

use crate::{
    audit,
    error::StoreError,
    pool::Store,
    revocation::{acting_session, order::ActingSession},
};

/// Counts of waiting events and dead letters stop at this number.
const COUNTED: i64 = 100_000;

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits.
    Pending,
    /// The receiver has it.
    Delivered,
    /// It is not sent any more.
    Dead,
}

impl DeliveryState {
    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Dead].into_iter().find(|state| state.as_str() == word)
    }
}

/// An event and its delivery.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The number, which orders events.
    pub seq: i64,
    /// The id of the event.
    pub event_id: Uuid,
    /// The type.
    pub kind: String,
    /// The subject, which orders events.
    pub subject: String,
    /// The content, as it is stored.
    pub payload: Value,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// Where it is on its way.
    pub state: DeliveryState,
    /// The attempts to deliver it.
    pub attempts: u32,
    /// The next attempt is not before this time.
    pub due_at: OffsetDateTime,
    /// The last failure, in words.
    pub failure: Option<String>,
    /// The status of the last answer.
    pub http_status: Option<i32>,
    /// When it was delivered or became a dead letter.
    pub settled_at: Option<OffsetDateTime>,
}

/// A filter for deliveries of one receiver.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryFilter {
    /// The receiver.
    pub receiver: Uuid,
    /// Only events in this state.
    pub state: Option<DeliveryState>,
    /// Only events with a smaller number.
    pub before: Option<i64>,
    /// The most events.
    pub limit: u32,
}

/// The state of the queue of a receiver.
#[derive(Clone, Copy, Debug, Default)]
pub struct QueueFigures {
    /// The time since which the oldest waiting event waits.
    pub oldest: Option<OffsetDateTime>,
    /// The dead letters, at most 100,000.
    pub dead: u64,
}

impl Store {
    /// Events of a receiver, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn deliveries(&self, filter: DeliveryFilter) -> Result<Vec<Delivery>, StoreError> {
        // Each filter has its own text, so that its plan uses the right index.
        let state = if filter.state.is_some() { "state = $3" } else { "$3::text IS NULL" };
        let sql = format!(
            "SELECT seq, event_id, type, subject, payload, occurred_at, state, attempts, due_at, failure, http_status,
                    settled_at
             FROM event_deliveries WHERE receiver_id = $1 AND seq < $2 AND {state} ORDER BY seq DESC LIMIT $4"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let DeliveryFilter { receiver, state, before, limit } = filter;
                let before = before.unwrap_or(i64::MAX);
                let statement = client.prepare_cached(&sql).await?;
                let state = state.map(DeliveryState::as_str);
                let rows = client.query(&statement, &[&receiver, &before, &state, &i64::from(limit)]).await?;
                rows.iter().map(delivery).collect()
            })
        })
        .await
    }

    /// Makes the dead letters of a receiver wait again, the oldest first. Writes the audit event with their number. With
    /// `events`, only these. Returns the number.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make the change. `Unavailable` if the database cannot be reached.
    pub async fn replay_deliveries(
        &self,
        receiver: Uuid,
        events: Option<Vec<Uuid>>,
        limit: u32,
        now: OffsetDateTime,
        acting: Option<ActingSession>,
        event: AuditEvent,
    ) -> Result<u64, StoreError> {
        let sql = "UPDATE event_deliveries SET state = 'pending', settled_at = NULL, attempts = 0, due_at = $3,
                          waiting_from = $3, failure = NULL, http_status = NULL
                   WHERE seq IN (SELECT seq FROM event_deliveries
                                 WHERE receiver_id = $1 AND state = 'dead' AND ($2::uuid[] IS NULL OR event_id = ANY ($2))
                                 ORDER BY seq LIMIT $4 FOR UPDATE)";
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                if let Some(acting) = &acting {
                    acting_session::require(&transaction, acting, now).await?;
                }
                let replayed =
                    transaction.execute(sql, &[&receiver, &events, &now, &i64::from(limit)]).await?;
                audit::insert(&transaction, &[event.with("events", replayed)]).await?;
                transaction.commit().await?;
                Ok(replayed)
            })
        })
        .await
    }

    /// The figures of a receiver's queue.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn queue_figures(&self, receiver: Uuid) -> Result<QueueFigures, StoreError> {
        let sql = "SELECT (SELECT waiting_from FROM event_deliveries WHERE receiver_id = $1 AND state = 'pending'
                           ORDER BY waiting_from, seq LIMIT 1) AS oldest,
                          (SELECT count(*) FROM (SELECT FROM event_deliveries
                                                 WHERE receiver_id = $1 AND state = 'dead' LIMIT $2) dead) AS dead";
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let row = client.query_one(&statement, &[&receiver, &COUNTED]).await?;
                Ok(QueueFigures {
                    oldest: row.try_get("oldest")?,
                    dead: row.try_get::<_, i64>("dead")?.unsigned_abs(),
                })
            })
        })
        .await
    }
}

fn delivery(row: &Row) -> Result<Delivery, StoreError> {
    let state = DeliveryState::of(row.try_get("state")?);
    Ok(Delivery {
        seq: row.try_get("seq")?,
        event_id: row.try_get("event_id")?,
        kind: row.try_get("type")?,
        subject: row.try_get("subject")?,
        payload: row.try_get("payload")?,
        occurred_at: row.try_get("occurred_at")?,
        state: state.ok_or_else(|| StoreError::internal("an event has an unknown state"))?,
        attempts: u32::try_from(row.try_get::<_, i32>("attempts")?).unwrap_or(0),
        due_at: row.try_get("due_at")?,
        failure: row.try_get("failure")?,
        http_status: row.try_get("http_status")?,
        settled_at: row.try_get("settled_at")?,
    })
}
