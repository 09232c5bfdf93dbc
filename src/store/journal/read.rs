//! Reading: the newest end of a channel, and any part of it.

use std::{pin::pin, sync::Arc};

use deadpool_postgres::{Client, GenericClient};
use futures_util::TryStreamExt as _;
use portcullis_actors::{
    id::{ConnectionId, Subject},
    logic::{
        channel::ChannelName,
        journal::{Opened, Range},
        stream::weight,
    },
    protocol::{ClientInfo, Payload, Publication},
};
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::{moment, signed, unsigned};
use crate::store::{error::StoreError, pool::Store};

/// Makes sure of the channel's row and locks it. Waits until every transaction that writes in the channel, this server's
/// own that it lost sight of among them, has come to its end.
const SETTLE: &str = "
    INSERT INTO channels AS c (name, created_at, updated_at) VALUES ($1, now(), now())
    ON CONFLICT (name) DO UPDATE SET updated_at = c.updated_at
    RETURNING top";

const READ: &str = "
    SELECT m.seq, m.data, m.subject, m.connection_id, m.conn_info, m.chan_info, m.tags, m.created_at
    FROM channel_messages m JOIN channels c ON c.name = m.channel
    WHERE m.channel = $1 AND m.seq > $2 AND m.seq < $3 AND m.seq > c.gone AND m.seq > c.top - $4::bigint AND m.created_at > $5";

impl Store {
    /// The newest end of a channel: what `newest` describes, as of one moment. With `settle`, whatever is still being
    /// written in it is waited for.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn open_channel(
        &self,
        channel: ChannelName,
        newest: Range,
        settle: bool,
    ) -> Result<Opened, StoreError> {
        let _turn = self.journal_turn().await?;
        self.run(move |client| {
            Box::pin(async move {
                if settle {
                    let statement = client.prepare_cached(SETTLE).await?;
                    client.query_one(&statement, &[&channel.as_str()]).await?;
                }
                open(client, &channel, newest).await
            })
        })
        .await
    }

    /// Publications of a channel, of those that are kept.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn read_channel(
        &self,
        channel: ChannelName,
        range: Range,
    ) -> Result<Vec<Arc<Publication>>, StoreError> {
        let _turn = self.journal_turn().await?;
        self.read(move |client| Box::pin(async move { read(client, &channel, range).await })).await
    }
}

/// The top first, and then nothing beyond it: what is committed in between is left out.
async fn open(client: &Client, channel: &ChannelName, newest: Range) -> Result<Opened, StoreError> {
    let sql = "SELECT e.epoch, coalesce(c.top, 0) FROM channel_epoch e LEFT JOIN channels c ON c.name = $1";
    let statement = client.prepare_cached(sql).await?;
    let row = client.query_one(&statement, &[&channel.as_str()]).await?;
    let (epoch, top) = (row.try_get::<_, &str>(0)?.into(), unsigned(row.try_get(1)?));
    let range = Range { before: newest.before.min(top + 1), reverse: true, ..newest };
    let mut newest = read(client, channel, range).await?;
    newest.reverse();
    Ok(Opened { epoch, top, newest })
}

async fn read(
    client: &Client,
    channel: &ChannelName,
    range: Range,
) -> Result<Vec<Arc<Publication>>, StoreError> {
    let order = if range.reverse { "DESC" } else { "ASC" };
    let statement = client.prepare_cached(&format!("{READ} ORDER BY m.seq {order} LIMIT $6")).await?;
    let parameters: [&(dyn ToSql + Sync); 6] = [
        &channel.as_str(),
        &signed(range.after)?,
        // "No end" may be said with any number.
        &i64::try_from(range.before).unwrap_or(i64::MAX),
        &i64::from(range.size),
        &moment(range.younger_than_ms),
        &i64::from(range.limit),
    ];
    let mut rows = pin!(client.query_raw(&statement, parameters).await?);
    let (mut found, mut bytes) = (Vec::new(), 0_usize);
    while let Some(row) = rows.try_next().await? {
        let publication = publication(&row)?;
        bytes = bytes.saturating_add(weight(&publication));
        // Rows that nobody takes are dropped as they come: memory never holds them all.
        if !found.is_empty() && bytes > range.bytes {
            break;
        }
        found.push(Arc::new(publication));
    }
    Ok(found)
}

fn publication(row: &Row) -> Result<Publication, StoreError> {
    let payload = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok().and_then(|text| Payload::parse(text).ok());
        text.ok_or_else(|| StoreError::internal("a stored payload is not JSON"))
    };
    let optional = |column| row.try_get::<_, Option<&[u8]>>(column)?.map(payload).transpose();
    let subject: Option<&str> = row.try_get("subject")?;
    let info = match (subject, row.try_get::<_, Option<Uuid>>("connection_id")?) {
        (Some(user), Some(client)) => Some(Arc::new(ClientInfo {
            user: Subject::new(user),
            client: ConnectionId(client),
            conn_info: optional("conn_info")?,
            chan_info: optional("chan_info")?,
        })),
        _ => None,
    };
    let at: OffsetDateTime = row.try_get("created_at")?;
    Ok(Publication {
        data: payload(row.try_get("data")?)?,
        info,
        offset: unsigned(row.try_get("seq")?),
        tags: row.try_get::<_, Option<Value>>("tags")?.map(tags).unwrap_or_default(),
        time_ms: i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default(),
    })
}

fn tags(stored: Value) -> Vec<(String, String)> {
    let Value::Object(fields) = stored else {
        return Vec::new();
    };
    let text = |(name, value)| match value {
        Value::String(value) => Some((name, value)),
        _ => None,
    };
    fields.into_iter().filter_map(text).collect()
}
