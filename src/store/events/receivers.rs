//! Receivers of events: webhooks, and streams of Security Event Tokens.
//!
//! Their secrets are sealed by the callers.

use domain::crypto::seal::Sealed;
use protocol::audit::AuditEvent;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    audit,
    error::StoreError,
    pool::Store,
    revocation::{acting_session, order::ActingSession},
};

/// The most receivers of a database. Each event is compared with all of them.
pub const MOST_RECEIVERS: i64 = 100;
/// The most streams of Security Event Tokens. The other places are for webhooks, so that keys of the server API cannot take them.
const MOST_STREAMS: i64 = 80;
/// The most streams that one key of the server API makes.
const MOST_OF_KEY: i64 = 5;
/// The lock for counting and adding receivers.
const ADD_LOCK: i64 = 0x6576_656e_7473;

const COLUMNS: &str = "id, kind, name, url, events, status, status_reason, api_key_id, secret, secret_key_id,
    previous_secret, previous_key_id, previous_until, backlog_full, created_at, updated_at,
    (SELECT least(k.revoked_at, k.expires_at) FROM api_keys k WHERE k.id = api_key_id) AS key_ends_at";

/// How events reach a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiverKind {
    /// Signed requests, as Standard Webhooks defines them.
    Webhook,
    /// Security Event Tokens in requests to the receiver (RFC 8935).
    Push,
    /// Security Event Tokens that the receiver fetches (RFC 8936).
    Poll,
}

impl ReceiverKind {
    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Push => "push",
            Self::Poll => "poll",
        }
    }

    /// Whether the receiver is a stream of Security Event Tokens.
    #[must_use]
    pub fn is_stream(self) -> bool {
        self != Self::Webhook
    }

    fn of(word: &str) -> Option<Self> {
        [Self::Webhook, Self::Push, Self::Poll].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Whether a receiver gets events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiverStatus {
    /// Events are written and delivered.
    Enabled,
    /// Events are written and wait.
    Paused,
    /// No event is written, and the events that wait are not delivered.
    Disabled,
}

impl ReceiverStatus {
    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }

    /// The status of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Enabled, Self::Paused, Self::Disabled].into_iter().find(|status| status.as_str() == word)
    }
}

/// A receiver. This type has no `Debug` of its secrets: they are sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventReceiver {
    /// The id.
    pub id: Uuid,
    /// How events reach it.
    pub kind: ReceiverKind,
    /// The name that an operator gave it.
    pub name: String,
    /// Where events are sent to; `None` if the receiver polls.
    pub url: Option<String>,
    /// The types and groups that it wants.
    pub events: Vec<String>,
    /// Whether it gets events.
    pub status: ReceiverStatus,
    /// Why it has this status.
    pub status_reason: Option<String>,
    /// The key of the server API that made the stream.
    pub api_key: Option<Uuid>,
    /// The sealed secret.
    pub secret: Option<Sealed>,
    /// The sealed secret before the last rotation, and until when it signs.
    pub previous: Option<(Sealed, OffsetDateTime)>,
    /// When the key of the server API ended, or will end: by its revocation or its expiry.
    pub key_ends_at: Option<OffsetDateTime>,
    /// Whether too many events wait.
    pub backlog_full: bool,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    pub updated_at: OffsetDateTime,
}

impl EventReceiver {
    /// Whether the receiver gets events that wait. A stream gets none if its key has been revoked or has expired.
    #[must_use]
    pub fn is_served(&self, now: OffsetDateTime) -> bool {
        self.status == ReceiverStatus::Enabled && self.key_ends_at.is_none_or(|end| end > now)
    }
}

/// The result of adding a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddedReceiver {
    /// It is added.
    Yes,
    /// There are too many receivers of its kind already.
    TooMany,
    /// Its key of the server API has too many streams already.
    TooManyOfKey,
}

/// A filter for receivers.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReceiverFilter {
    /// Only streams, or only webhooks.
    pub streams: Option<bool>,
    /// Only receivers that this key of the server API has made.
    pub api_key: Option<Uuid>,
    /// Only receivers before this position, which is the creation and the id of a receiver.
    pub before: Option<(OffsetDateTime, Uuid)>,
    /// The most receivers.
    pub limit: u32,
}

impl Store {
    /// Adds a receiver with its audit event, if there is room: [`MOST_RECEIVERS`], and fewer streams.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make the change. `Unavailable` if the database cannot be reached.
    pub async fn insert_receiver(
        &self,
        new: EventReceiver,
        acting: Option<ActingSession>,
        event: AuditEvent,
    ) -> Result<AddedReceiver, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                if let Some(acting) = &acting {
                    acting_session::require(&transaction, acting, new.created_at).await?;
                }
                let room = room_for(&transaction, &new).await?;
                if room != AddedReceiver::Yes {
                    return Ok(room);
                }
                let sql = "INSERT INTO event_receivers (id, kind, name, url, events, status, status_reason, api_key_id,
                                                        secret, secret_key_id, created_at, updated_at)
                           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)";
                let (secret, key) = parts(new.secret.as_ref());
                transaction
                    .execute(
                        sql,
                        &[
                            &new.id, &new.kind.as_str(), &new.name, &new.url, &new.events, &new.status.as_str(),
                            &new.status_reason, &new.api_key, &secret, &key, &new.created_at,
                        ],
                    )
                    .await?;
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(AddedReceiver::Yes)
            })
        })
        .await
    }

    /// Writes a changed receiver with its audit event, if the receiver is still as it was at `seen`. `false` if it is not.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make the change. `Unavailable` if the database cannot be reached.
    pub async fn update_receiver(
        &self,
        changed: EventReceiver,
        seen: OffsetDateTime,
        acting: Option<ActingSession>,
        event: AuditEvent,
    ) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                if let Some(acting) = &acting {
                    acting_session::require(&transaction, acting, changed.updated_at).await?;
                }
                if write(&transaction, &changed, seen).await? == 0 {
                    return Ok(false);
                }
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(true)
            })
        })
        .await
    }

    /// Deletes a receiver and its events, with the audit event. `false` if there is no such receiver.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make the change. `Unavailable` if the database cannot be reached.
    pub async fn delete_receiver(
        &self,
        id: Uuid,
        now: OffsetDateTime,
        acting: Option<ActingSession>,
        event: AuditEvent,
    ) -> Result<bool, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                if let Some(acting) = &acting {
                    acting_session::require(&transaction, acting, now).await?;
                }
                if transaction.execute("DELETE FROM event_receivers WHERE id = $1", &[&id]).await? == 0 {
                    return Ok(false);
                }
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(true)
            })
        })
        .await
    }

    /// The receiver with this id.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn receiver(&self, id: Uuid) -> Result<Option<EventReceiver>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM event_receivers WHERE id = $1");
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                client.query_opt(&statement, &[&id]).await?.as_ref().map(read).transpose()
            })
        })
        .await
    }

    /// Receivers, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn receivers(&self, filter: ReceiverFilter) -> Result<Vec<EventReceiver>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM event_receivers
             WHERE ($1::boolean IS NULL OR (kind <> 'webhook') = $1) AND ($2::uuid IS NULL OR api_key_id = $2)
               AND ($3::timestamptz IS NULL OR created_at < $3 OR (created_at = $3 AND id > $4))
             ORDER BY created_at DESC, id LIMIT $5"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let ReceiverFilter { streams, api_key, before, limit } = filter;
                let (at, id) = before.map_or((None, None), |(at, id)| (Some(at), Some(id)));
                let statement = client.prepare_cached(&sql).await?;
                let rows =
                    client.query(&statement, &[&streams, &api_key, &at, &id, &i64::from(limit)]).await?;
                rows.iter().map(read).collect()
            })
        })
        .await
    }

    /// Receivers with a secret that one of these keys has sealed.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn receivers_sealed_with(&self, keys: Vec<String>) -> Result<Vec<EventReceiver>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM event_receivers
             WHERE secret_key_id = ANY ($1) OR previous_key_id = ANY ($1) ORDER BY id LIMIT {MOST_RECEIVERS}"
        );
        self.run_quick(move |client| {
            Box::pin(async move { client.query(&sql, &[&keys]).await?.iter().map(read).collect() })
        })
        .await
    }

    /// Replaces the sealed secrets of a receiver, if the receiver is still as it was at `seen`. `false` if it is not.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn reseal_receiver(
        &self,
        changed: EventReceiver,
        seen: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let written = write(&transaction, &changed, seen).await?;
                transaction.commit().await?;
                Ok(written == 1)
            })
        })
        .await
    }
}

/// Whether there is room for a receiver. Until the end of the transaction, no other one is added.
async fn room_for(
    transaction: &deadpool_postgres::Transaction<'_>,
    new: &EventReceiver,
) -> Result<AddedReceiver, StoreError> {
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&ADD_LOCK]).await?;
    let sql =
        "SELECT count(*), count(*) FILTER (WHERE kind <> 'webhook'), count(*) FILTER (WHERE api_key_id = $2)
               FROM (SELECT kind, api_key_id FROM event_receivers LIMIT $1) known";
    let known = transaction.query_one(sql, &[&MOST_RECEIVERS, &new.api_key]).await?;
    let (all, streams, of_key): (i64, i64, i64) = (known.try_get(0)?, known.try_get(1)?, known.try_get(2)?);
    Ok(if new.api_key.is_some() && of_key >= MOST_OF_KEY {
        AddedReceiver::TooManyOfKey
    } else if all >= MOST_RECEIVERS || new.kind.is_stream() && streams >= MOST_STREAMS {
        AddedReceiver::TooMany
    } else {
        AddedReceiver::Yes
    })
}

async fn write(
    transaction: &deadpool_postgres::Transaction<'_>,
    changed: &EventReceiver,
    seen: OffsetDateTime,
) -> Result<u64, StoreError> {
    let sql = "UPDATE event_receivers SET kind = $3, name = $4, url = $5, events = $6, status = $7, status_reason = $8,
                      secret = $9, secret_key_id = $10, previous_secret = $11, previous_key_id = $12,
                      previous_until = $13, updated_at = $14
               WHERE id = $1 AND updated_at = $2";
    let (secret, key) = parts(changed.secret.as_ref());
    let (previous, previous_key) = parts(changed.previous.as_ref().map(|(sealed, _)| sealed));
    let until = changed.previous.as_ref().map(|(_, until)| *until);
    let written = transaction
        .execute(
            sql,
            &[
                &changed.id,
                &seen,
                &changed.kind.as_str(),
                &changed.name,
                &changed.url,
                &changed.events,
                &changed.status.as_str(),
                &changed.status_reason,
                &secret,
                &key,
                &previous,
                &previous_key,
                &until,
                &changed.updated_at,
            ],
        )
        .await?;
    Ok(written)
}

fn parts(sealed: Option<&Sealed>) -> (Option<&[u8]>, Option<&str>) {
    (sealed.map(|sealed| &sealed.bytes[..]), sealed.map(|sealed| sealed.key_id.as_str()))
}

fn read(row: &Row) -> Result<EventReceiver, StoreError> {
    let unknown = || StoreError::internal("a receiver has an unknown kind or status");
    let sealed = |bytes: &str, key: &str| -> Result<Option<Sealed>, StoreError> {
        let (bytes, key_id) =
            (row.try_get::<_, Option<Vec<u8>>>(bytes)?, row.try_get::<_, Option<String>>(key)?);
        Ok(bytes.zip(key_id).map(|(bytes, key_id)| Sealed { key_id, bytes }))
    };
    let previous = sealed("previous_secret", "previous_key_id")?.zip(row.try_get("previous_until")?);
    Ok(EventReceiver {
        id: row.try_get("id")?,
        kind: ReceiverKind::of(row.try_get("kind")?).ok_or_else(unknown)?,
        name: row.try_get("name")?,
        url: row.try_get("url")?,
        events: row.try_get("events")?,
        status: ReceiverStatus::of(row.try_get("status")?).ok_or_else(unknown)?,
        status_reason: row.try_get("status_reason")?,
        api_key: row.try_get("api_key_id")?,
        secret: sealed("secret", "secret_key_id")?,
        previous,
        key_ends_at: row.try_get("key_ends_at")?,
        backlog_full: row.try_get("backlog_full")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
