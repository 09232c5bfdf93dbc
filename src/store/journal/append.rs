//! Appending publications: one transaction per batch. A batch without idempotency keys and versions needs only one statement.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use deadpool_postgres::{Client, GenericClient};
use logic::{
    journal::{Appended, NewMessage, Placement, Retention},
    version::Version,
};
use protocol::{Payload, channel_name::ChannelName};
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use tokio_postgres::{Row, error::Severity};
use uuid::Uuid;

use super::{
    columns::{moment, unsigned},
    share::Purpose,
};
use crate::{error::StoreError, pool::Store};

/// How long the idempotency key of a publication is kept.
const KEYS_KEPT: Duration = Duration::minutes(5);

/// Raises the channel's top offset by the number of messages, and gives the messages the offsets up to and including the new
/// top. Publications up to the offset `gone` count as removed: they are no longer returned, and their rows are deleted later.
/// The statement also raises `gone`, so that the channel keeps no more publications than allowed. A channel without a row
/// begins above the floor.
const APPEND: &str = "
    WITH raised AS (
        INSERT INTO channels AS c (name, top, gone, created_at, updated_at, due_at)
        SELECT $1::text, floor + $2::bigint, greatest(floor + $2::bigint - $3::bigint, floor), $4::timestamptz, $4, $4
        FROM channel_epoch
        ON CONFLICT (name) DO UPDATE SET top = c.top + $2::bigint, updated_at = $4, due_at = least(c.due_at, $4),
            gone = greatest(c.gone, c.top + $2::bigint - $3::bigint)
        RETURNING top
    ), inserted AS (
        INSERT INTO channel_messages (channel, seq, data, subject, connection_id, conn_info, chan_info, tags, created_at)
        SELECT $1, raised.top - $2::bigint + m.place, m.data, m.subject, m.connection_id, m.conn_info, m.chan_info, m.tags,
               m.created_at
        FROM raised, unnest($5::bytea[], $6::text[], $7::uuid[], $8::bytea[], $9::bytea[], $10::json[],
                            $11::timestamptz[])
             WITH ORDINALITY AS m (data, subject, connection_id, conn_info, chan_info, tags, created_at, place)
    )
    SELECT raised.top, e.epoch FROM raised, channel_epoch e";

/// Locks the channel's row, and creates it if it does not exist.
const LOCK: &str = "
    INSERT INTO channels AS c (name, top, gone, created_at, updated_at, due_at)
    SELECT $1::text, floor, floor, $2::timestamptz, $2, $2 FROM channel_epoch
    ON CONFLICT (name) DO UPDATE SET updated_at = $2, due_at = least(c.due_at, $2)
    RETURNING top, (SELECT epoch FROM channel_epoch), version, version_epoch";

/// Why a batch was not appended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// Nothing was written.
    #[error("nothing was appended: {0}")]
    Nothing(StoreError),
    /// The link broke, or the answer came too late. The batch may have been written already, may be written later, or may never
    /// be written.
    #[error("the outcome of the append is unknown: {0}")]
    Unknown(StoreError),
}

impl Store {
    /// Appends the whole batch, or nothing. Messages are left out if their idempotency keys were used before or their versions
    /// are outdated; the answer names these messages.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(
        &self,
        channel: ChannelName,
        batch: Vec<NewMessage>,
        keep: Retention,
    ) -> Result<Appended, AppendError> {
        let _turn = self.journal_turn(Purpose::Write).await.map_err(AppendError::Nothing)?;
        let outcome_unknown = Arc::new(AtomicBool::new(false));
        let unknown = Arc::clone(&outcome_unknown);
        let work = self.run(move |client| {
            Box::pin(async move {
                let has_condition =
                    |message: &NewMessage| message.idempotency_key.is_some() || message.version.is_some();
                let outcome = if batch.iter().any(has_condition) {
                    conditionally(client, &channel, &batch, keep, &unknown).await
                } else {
                    plainly(client, &channel, &batch, keep, &unknown).await
                };
                outcome.map_err(|error| {
                    if is_refusal(&error) {
                        unknown.store(false, Ordering::Release);
                    }
                    error.into()
                })
            })
        });
        work.await.map_err(|error| {
            if outcome_unknown.load(Ordering::Acquire) {
                AppendError::Unknown(error)
            } else {
                AppendError::Nothing(error)
            }
        })
    }
}

/// Whether the database reported the failure and keeps the connection open. Then nothing was written.
fn is_refusal(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|error| error.parsed_severity() == Some(Severity::Error))
}

type Outcome<T> = Result<T, tokio_postgres::Error>;

async fn plainly(
    client: &Client,
    channel: &ChannelName,
    batch: &[NewMessage],
    keep: Retention,
    unknown: &AtomicBool,
) -> Outcome<Appended> {
    client.prepare_cached(APPEND).await?;
    unknown.store(true, Ordering::Release);
    let row = insert(client, channel, &batch.iter().collect::<Vec<_>>(), keep).await?;
    let top = unsigned(row.try_get(0)?);
    let first = top - batch.len() as u64 + 1;
    Ok(Appended {
        placed: (first..=top).map(Placement::New).collect(),
        top,
        epoch: row.try_get::<_, &str>(1)?.into(),
    })
}

/// Appends the messages that idempotency keys and versions permit. This happens under the lock of the channel's row, so
/// that the second of two batches with the same key sees the key of the first.
async fn conditionally(
    client: &mut Client,
    channel: &ChannelName,
    batch: &[NewMessage],
    keep: Retention,
    unknown: &AtomicBool,
) -> Outcome<Appended> {
    let now = latest(batch.iter());
    let transaction = client.transaction().await?;
    let lock = transaction.prepare_cached(LOCK).await?;
    let locked = transaction.query_one(&lock, &[&channel.as_str(), &now]).await?;
    let before = unsigned(locked.try_get(0)?);
    let known = earlier(&transaction, channel, batch, now).await?;
    let Placing { placed, new, keys, version } = Placing::of(batch, before, known, newest(&locked)?.as_ref());
    if !new.is_empty() {
        insert(&transaction, channel, &new, keep).await?;
    }
    remember(&transaction, channel, &keys, now).await?;
    if let Some(version) = version {
        supersede(&transaction, channel, version).await?;
    }
    unknown.store(true, Ordering::Release);
    transaction.commit().await?;
    let top = before + new.len() as u64;
    Ok(Appended { placed, top, epoch: locked.try_get::<_, &str>(1)?.into() })
}

/// The rows to write for the messages of a batch, and the answers to them.
struct Placing<'b> {
    placed: Vec<Placement>,
    new: Vec<&'b NewMessage>,
    /// Keys used for the first time, each with the offset in the answer. This is the offset of the publication or, for an
    /// outdated message, the top offset.
    keys: Vec<(&'b str, i64)>,
    /// The channel's version after the batch, if a message of the batch changes it.
    version: Option<&'b Version>,
}

impl<'b> Placing<'b> {
    /// `before` is the channel's top offset before the batch. `known` has the keys that were used before, with the offsets in
    /// the earlier answers. `newest` is the version that was published last.
    fn of(
        batch: &'b [NewMessage],
        before: u64,
        mut known: HashMap<String, u64>,
        newest: Option<&Version>,
    ) -> Self {
        let mut placing = Self {
            placed: Vec::with_capacity(batch.len()),
            new: Vec::new(),
            keys: Vec::new(),
            version: None,
        };
        for message in batch {
            let top = before + placing.new.len() as u64;
            let key = message.idempotency_key.as_deref();
            if let Some(offset) = key.and_then(|key| known.get(key)) {
                placing.placed.push(Placement::Earlier(*offset));
                continue;
            }
            let newest = placing.version.or(newest);
            let outdated = message.version.as_ref().is_some_and(|version| version.is_outdated(newest));
            let place = if outdated { Placement::Outdated(top) } else { Placement::New(top + 1) };
            if let Some(key) = key {
                known.insert(key.to_owned(), place.offset());
                placing.keys.push((key, place.offset().cast_signed()));
            }
            if !outdated {
                placing.new.push(message);
                placing.version = message.version.as_ref().or(placing.version);
            }
            placing.placed.push(place);
        }
        placing
    }
}

/// The version that was published last, from the locked row.
fn newest(locked: &Row) -> Outcome<Option<Version>> {
    let (number, epoch): (Option<i64>, Option<String>) = (locked.try_get(2)?, locked.try_get(3)?);
    Ok(number.zip(epoch).map(|(number, epoch)| Version { number: unsigned(number), epoch }))
}

async fn supersede(client: &impl GenericClient, channel: &ChannelName, version: &Version) -> Outcome<()> {
    let sql = "UPDATE channels SET version = $2, version_epoch = $3 WHERE name = $1";
    let statement = client.prepare_cached(sql).await?;
    let number = version.number.cast_signed();
    client.execute(&statement, &[&channel.as_str(), &number, &version.epoch]).await?;
    Ok(())
}

/// The keys of the batch that were used before, with the offsets in the earlier answers.
async fn earlier(
    client: &impl GenericClient,
    channel: &ChannelName,
    batch: &[NewMessage],
    now: OffsetDateTime,
) -> Outcome<HashMap<String, u64>> {
    let sql =
        "SELECT key, seq FROM channel_idempotency WHERE channel = $1 AND key = ANY ($2) AND expires_at > $3";
    let statement = client.prepare_cached(sql).await?;
    let keys: Vec<_> = batch.iter().filter_map(|message| message.idempotency_key.as_deref()).collect();
    let rows = client.query(&statement, &[&channel.as_str(), &keys, &now]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, unsigned(row.try_get(1)?)))).collect()
}

async fn remember(
    client: &impl GenericClient,
    channel: &ChannelName,
    keys: &[(&str, i64)],
    now: OffsetDateTime,
) -> Outcome<()> {
    // If the row of an expired key is not deleted yet, it is overwritten.
    let sql = "INSERT INTO channel_idempotency (channel, key, seq, expires_at)
               SELECT $1, k.key, k.seq, $4 FROM unnest($2::text[], $3::bigint[]) AS k (key, seq)
               ON CONFLICT (channel, key) DO UPDATE SET seq = excluded.seq, expires_at = excluded.expires_at";
    let statement = client.prepare_cached(sql).await?;
    let (names, offsets): (Vec<_>, Vec<_>) = keys.iter().copied().unzip();
    client.execute(&statement, &[&channel.as_str(), &names, &offsets, &(now + KEYS_KEPT)]).await?;
    Ok(())
}

/// Inserts all `messages`. Returns a row with the channel's top offset and its epoch.
async fn insert(
    client: &impl GenericClient,
    channel: &ChannelName,
    messages: &[&NewMessage],
    keep: Retention,
) -> Outcome<Row> {
    fn column<'m, T>(messages: &[&'m NewMessage], of: impl Fn(&'m NewMessage) -> T) -> Vec<T> {
        messages.iter().map(|message| of(message)).collect()
    }
    fn bytes(payload: Option<&Payload>) -> Option<&[u8]> {
        payload.map(Payload::as_bytes)
    }
    let statement = client.prepare_cached(APPEND).await?;
    let count = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    client
        .query_one(
            &statement,
            &[
                &channel.as_str(),
                &count,
                &i64::from(keep.size),
                &latest(messages.iter().copied()),
                &column(messages, |message| message.data.as_bytes()),
                &column(messages, |message| message.info.as_ref().map(|info| info.user.as_str())),
                &column(messages, |message| message.info.as_ref().map(|info| info.client.0) as Option<Uuid>),
                &column(messages, |message| bytes(message.info.as_ref()?.conn_info.as_ref())),
                &column(messages, |message| bytes(message.info.as_ref()?.chan_info.as_ref())),
                &column(messages, tags),
                &column(messages, |message| moment(message.time_ms)),
            ],
        )
        .await
}

fn tags(message: &NewMessage) -> Option<Value> {
    let tag = |(name, value): &(String, String)| (name.clone(), Value::String(value.clone()));
    (!message.tags.is_empty()).then(|| Value::Object(message.tags.iter().map(tag).collect()))
}

fn latest<'m>(messages: impl Iterator<Item = &'m NewMessage>) -> OffsetDateTime {
    moment(messages.map(|message| message.time_ms).max().unwrap_or_default())
}
