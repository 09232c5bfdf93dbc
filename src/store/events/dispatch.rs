//! Delivering events: the next events, the lease of an attempt, the result of an attempt, and the bounds of the outbox.
//!
//! Several nodes may deliver to the same receiver. Only the first waiting event of a subject is attempted, so the events of a
//! subject stay in order, even if different nodes deliver them. An attempt holds its event until the end of the lease. If its
//! node is killed, another attempt begins after that.

use domain::events::outgoing::Content;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::outbox;
use crate::{error::StoreError, pool::Store, row_mapping::clipped};

/// The longest text of a failure, in bytes.
const FAILURE_BYTES: usize = 500;

/// The first waiting events of some subjects of a receiver.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    /// The numbers of those that are due.
    pub due: Vec<i64>,
    /// The last subject that was looked at; `None` if there is no further subject.
    pub last_subject: Option<String>,
}

/// An event that an attempt holds.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The number of the row.
    pub seq: i64,
    /// The id of the event.
    pub event_id: Uuid,
    /// The type.
    pub kind: String,
    /// The subject, which orders events.
    pub subject: String,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// The attempts, this one included.
    pub attempts: u32,
    /// Since when the event waits.
    pub waiting_from: OffsetDateTime,
    /// The content.
    pub content: Content,
}

/// An attempt that claims events.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Its id.
    pub id: Uuid,
    /// The time now.
    pub now: OffsetDateTime,
    /// Until when the attempt holds its events.
    pub until: OffsetDateTime,
}

/// The result of an attempt.
#[derive(Clone, Debug)]
pub enum Settlement {
    /// The receiver has the event.
    Delivered,
    /// The event waits for the next attempt.
    Again(OffsetDateTime),
    /// The event is a dead letter.
    Dead,
}

/// The bounds of the outbox.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryBounds {
    /// The time now.
    pub now: OffsetDateTime,
    /// Events that wait since before this time become dead letters.
    pub oldest: OffsetDateTime,
    /// The most events that wait for a receiver.
    pub waiting: u32,
}

/// Walks over the subjects that have waiting events, with one look into the index per subject.
const HEADS: &str = "
    WITH RECURSIVE heads AS (
        (SELECT seq, subject, due_at, leased_until, 1 AS place FROM event_deliveries
         WHERE receiver_id = $1 AND state = 'pending' AND subject > $2 ORDER BY subject, seq LIMIT 1)
        UNION ALL
        SELECT next.*, heads.place + 1 FROM heads CROSS JOIN LATERAL (
            SELECT seq, subject, due_at, leased_until FROM event_deliveries
            WHERE receiver_id = $1 AND state = 'pending' AND subject > heads.subject ORDER BY subject, seq LIMIT 1
        ) next WHERE heads.place < $3
    )
    SELECT seq, subject, due_at <= $4 AND (leased_until IS NULL OR leased_until <= $4) AS due FROM heads ORDER BY place";

/// The oldest waiting events among which a poll looks for the first of each subject.
const POLLED: i64 = 1_000;

/// The first waiting event of each subject among the oldest waiting events.
const TO_POLL: &str = "
    WITH oldest AS MATERIALIZED (
        SELECT seq, subject FROM event_deliveries WHERE receiver_id = $1 AND state = 'pending' ORDER BY seq LIMIT $3
    ), heads AS (
        SELECT min(seq) AS seq FROM oldest GROUP BY subject ORDER BY min(seq) LIMIT $2
    )
    SELECT d.seq, d.event_id, d.type, d.subject, d.payload, d.occurred_at, d.attempts, d.waiting_from,
           (SELECT count(*) FROM oldest) AS waiting
    FROM heads JOIN event_deliveries d ON d.seq = heads.seq ORDER BY d.seq";

impl Store {
    /// The first waiting events of at most `limit` subjects after the subject `after`.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn delivery_heads(
        &self,
        receiver: Uuid,
        after: String,
        limit: u32,
        now: OffsetDateTime,
    ) -> Result<Heads, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(HEADS).await?;
                let limit = i32::try_from(limit).unwrap_or(i32::MAX);
                let rows = client.query(&statement, &[&receiver, &after, &limit, &now]).await?;
                let full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
                let mut heads = Heads::default();
                for row in &rows {
                    if row.try_get("due")? {
                        heads.due.push(row.try_get("seq")?);
                    }
                }
                if let Some(last) = rows.last().filter(|_| full) {
                    heads.last_subject = Some(last.try_get("subject")?);
                }
                Ok(heads)
            })
        })
        .await
    }

    /// Claims the events among these that are still due and without another attempt.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn claim_deliveries(
        &self,
        seqs: Vec<i64>,
        attempt: Attempt,
    ) -> Result<Vec<Claimed>, StoreError> {
        let sql = "UPDATE event_deliveries SET attempt_id = $2, leased_until = $4, attempts = attempts + 1
                   WHERE seq IN (SELECT seq FROM event_deliveries
                                 WHERE seq = ANY ($1) AND state = 'pending' AND due_at <= $3
                                   AND (leased_until IS NULL OR leased_until <= $3)
                                 FOR UPDATE SKIP LOCKED)
                   RETURNING seq, event_id, type, subject, payload, occurred_at, attempts, waiting_from";
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let Attempt { id, now, until } = attempt;
                let rows = client.query(&statement, &[&seqs, &id, &now, &until]).await?;
                rows.iter().map(claimed).collect()
            })
        })
        .await
    }

    /// Writes the result of an attempt. `false` if another attempt holds the event meanwhile, or if it is settled.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn settle_delivery(
        &self,
        seq: i64,
        attempt: Uuid,
        now: OffsetDateTime,
        settlement: Settlement,
        failure: Option<(String, Option<u16>)>,
    ) -> Result<bool, StoreError> {
        let (state, due_at) = match settlement {
            Settlement::Delivered => ("delivered", None),
            Settlement::Again(at) => ("pending", Some(at)),
            Settlement::Dead => ("dead", None),
        };
        let settled_at = due_at.is_none().then_some(now);
        let (failure, status) = failure.unzip();
        let failure = failure.map(|failure| clipped(&failure, FAILURE_BYTES));
        let status = status.flatten().map(i32::from);
        let sql = "UPDATE event_deliveries SET state = $3, due_at = coalesce($4, due_at), settled_at = $5, failure = $6,
                          http_status = $7, attempt_id = NULL, leased_until = NULL
                   WHERE seq = $1 AND attempt_id = $2 AND state = 'pending'";
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let arguments: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
                    [&seq, &attempt, &state, &due_at, &settled_at, &failure, &status];
                Ok(client.execute(&statement, &arguments).await? == 1)
            })
        })
        .await
    }

    /// The first waiting events of the subjects of a polling receiver, the oldest first, and whether more events wait. A
    /// receiver may take the events of an answer in any order, so an answer has one event of each subject.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn waiting_deliveries(
        &self,
        receiver: Uuid,
        limit: u32,
    ) -> Result<(Vec<Claimed>, bool), StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(TO_POLL).await?;
                // At least one event is looked at, because otherwise it is not known whether more events wait.
                let rows = client.query(&statement, &[&receiver, &i64::from(limit.max(1)), &POLLED]).await?;
                let waiting: i64 = rows.first().map_or(Ok(0), |row| row.try_get("waiting"))?;
                let mut events = rows.iter().map(claimed).collect::<Result<Vec<_>, _>>()?;
                events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                let more = waiting > i64::try_from(events.len()).unwrap_or(i64::MAX);
                Ok((events, more))
            })
        })
        .await
    }

    /// Settles events by their ids, as the receiver says in its poll: the `delivered` ones, and the refused ones. Returns how
    /// many events were delivered and refused.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn settle_polled(
        &self,
        receiver: Uuid,
        delivered: Vec<Uuid>,
        refused: Vec<(Uuid, String)>,
        now: OffsetDateTime,
    ) -> Result<(u64, u64), StoreError> {
        let sql = "UPDATE event_deliveries d SET state = $3, settled_at = $4, failure = e.failure, attempts = attempts + 1,
                          attempt_id = NULL, leased_until = NULL
                   FROM unnest($2::uuid[], $5::text[]) AS e (id, failure)
                   WHERE d.receiver_id = $1 AND d.event_id = e.id AND d.state = 'pending'";
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let statement = transaction.prepare_cached(sql).await?;
                let no_failure: Vec<Option<String>> = vec![None; delivered.len()];
                let delivered = transaction
                    .execute(&statement, &[&receiver, &delivered, &"delivered", &now, &no_failure])
                    .await?;
                let (ids, failures): (Vec<_>, Vec<_>) = refused
                    .into_iter()
                    .map(|(id, failure)| (id, Some(clipped(&failure, FAILURE_BYTES))))
                    .unzip();
                let refused =
                    transaction.execute(&statement, &[&receiver, &ids, &"dead", &now, &failures]).await?;
                transaction.commit().await?;
                Ok((delivered, refused))
            })
        })
        .await
    }

    /// Turns events into dead letters: those that waited too long, and the oldest ones if too many wait. Also notes whether too
    /// many wait. Returns the number of new dead letters. One call changes at most `limit` events of each kind.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn bound_deliveries(
        &self,
        receiver: Uuid,
        bounds: DeliveryBounds,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let (limit, waiting) = (i64::from(limit), i64::from(bounds.waiting));
                let statement = client.prepare_cached(TOO_OLD).await?;
                let old =
                    client.execute(&statement, &[&receiver, &bounds.oldest, &bounds.now, &limit]).await?;
                let statement = client.prepare_cached(OVERFLOW).await?;
                let overflow =
                    client.execute(&statement, &[&receiver, &waiting, &bounds.now, &limit]).await?;
                let statement = client.prepare_cached(NOTE_BACKLOG).await?;
                client.execute(&statement, &[&receiver, &(waiting / 2), &waiting]).await?;
                Ok(old + overflow)
            })
        })
        .await
    }
}

const TOO_OLD: &str = "
    UPDATE event_deliveries SET state = 'dead', settled_at = $3, failure = coalesce(failure, 'waited for too long')
    WHERE seq IN (SELECT seq FROM event_deliveries
                  WHERE receiver_id = $1 AND state = 'pending' AND waiting_from < $2
                    AND (leased_until IS NULL OR leased_until <= $3)
                  ORDER BY waiting_from, seq LIMIT $4 FOR UPDATE SKIP LOCKED)";

/// The oldest events above the bound: those that are not among the newest.
const OVERFLOW: &str = "
    UPDATE event_deliveries SET state = 'dead', settled_at = $3, failure = 'too many events wait for this receiver'
    WHERE seq IN (SELECT seq FROM event_deliveries
                  WHERE receiver_id = $1 AND state = 'pending' AND (leased_until IS NULL OR leased_until <= $3)
                  ORDER BY waiting_from, seq
                  LIMIT least($4::bigint, greatest(0, (SELECT count(*) FROM (
                      SELECT FROM event_deliveries WHERE receiver_id = $1 AND state = 'pending' LIMIT $2::bigint + $4::bigint
                  ) waiting) - $2)) FOR UPDATE SKIP LOCKED)";

/// Events that may be dropped are dropped above the bound, until half of it is free.
const NOTE_BACKLOG: &str = "
    UPDATE event_receivers r SET backlog_full = full_now FROM (
        SELECT CASE WHEN waiting >= $3 THEN true WHEN waiting <= $2 THEN false END AS full_now FROM (
            SELECT count(*) AS waiting FROM (
                SELECT FROM event_deliveries WHERE receiver_id = $1 AND state = 'pending' LIMIT $3
            ) waiting_rows
        ) counted
    ) found
    WHERE r.id = $1 AND full_now IS NOT NULL AND r.backlog_full <> full_now";

fn claimed(row: &Row) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        seq: row.try_get("seq")?,
        event_id: row.try_get("event_id")?,
        kind: row.try_get("type")?,
        subject: row.try_get("subject")?,
        occurred_at: row.try_get("occurred_at")?,
        attempts: u32::try_from(row.try_get::<_, i32>("attempts")?).unwrap_or(0),
        waiting_from: row.try_get("waiting_from")?,
        content: outbox::content(row.try_get("payload")?)?,
    })
}
