//! Reading publications: the newest part of a channel, or any range. The database itself omits rows that exceed the limits.

use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use deadpool_postgres::{Client, GenericClient};
use futures_util::TryStreamExt as _;
use logic::{
    history::WEIGHT_OF_ITSELF,
    journal::{Opened, Range},
};
use protocol::{
    ClientInfo, Payload, Publication,
    channel_name::ChannelName,
    id::{ConnectionId, Subject},
};
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::{
    columns::{moment, signed, unsigned},
    share::Purpose,
};
use crate::{error::StoreError, pool::Store};

/// Creates the channel's row if needed, and locks it. This waits for every transaction that writes in the channel, even if this
/// server does not know the transaction's outcome.
const SETTLE: &str = "
    INSERT INTO channels AS c (name, top, gone, created_at, updated_at)
    SELECT $1::text, floor, floor, now(), now() FROM channel_epoch
    ON CONFLICT (name) DO UPDATE SET updated_at = c.updated_at
    RETURNING top";

/// Reads rows in the order of the index up to the limit of publications, and one row more to learn whether there are further
/// rows. Returns as many of these rows as the limit of bytes allows, but at least one row. A publication has the weight of
/// `logic::history::weight`, with two exceptions. Tags are counted in their stored form, which is a little more. Bytes that are
/// not JSON are counted without the growth by base64, because the database cannot tell them from JSON. The channel's room
/// bounds each answer once more, by the exact weights. PostgreSQL knows the length of a value that is stored outside of its row
/// without reading the value. So for an omitted publication it reads only the row and the tags.
fn statement(order: &str) -> String {
    format!(
        "SELECT seq, data, subject, connection_id, conn_info, chan_info, tags, created_at, more
         FROM (
             SELECT w.*, row_number() OVER so_far AS place, sum(weight) OVER so_far AS total,
                    lead(seq) OVER so_far IS NOT NULL AS more
             FROM (
                 SELECT m.*, octet_length(m.data) + coalesce(octet_length(m.conn_info), 0)
                             + coalesce(octet_length(m.chan_info), 0) + coalesce(octet_length(m.tags::text), 0)
                             + {WEIGHT_OF_ITSELF} AS weight
                 FROM channel_messages m
                 WHERE m.channel = $1 AND m.seq < $3 AND m.created_at > $5
                   AND m.seq > (SELECT greatest($2, c.gone, c.top - $4::bigint) FROM channels c WHERE c.name = $1)
                 ORDER BY m.seq {order} LIMIT $6::bigint + 1
             ) w
             WINDOW so_far AS (ORDER BY seq {order} ROWS UNBOUNDED PRECEDING)
         ) r
         WHERE place <= $6 AND (place = 1 OR total <= $7)
         ORDER BY seq {order}"
    )
}

/// The result of reading a range.
struct Part {
    found: Vec<Arc<Publication>>,
    /// Whether the range has further publications.
    more: bool,
}

impl Store {
    /// The newest part of a channel, limited by `newest`. The publications end at the top offset that is returned. With
    /// `settle`, this first waits for writes that are in progress.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn open_channel(
        &self,
        channel: ChannelName,
        newest: Range,
        settle: bool,
    ) -> Result<Opened, StoreError> {
        // Publications in the channel wait until the channel is settled, so settling counts as a write.
        let purpose = if settle { Purpose::Write } else { Purpose::Read };
        let _turn = self.journal_turn(purpose).await?;
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

    /// The publications in a range of a channel that are still kept.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn read_channel(
        &self,
        channel: ChannelName,
        range: Range,
    ) -> Result<Vec<Arc<Publication>>, StoreError> {
        let _turn = self.journal_turn(Purpose::Read).await?;
        self.run_quick(move |client| Box::pin(async move { Ok(read(client, &channel, range).await?.found) }))
            .await
    }
}

/// The top offset is read first. Publications above it are not returned, because they were committed after that read.
async fn open(client: &Client, channel: &ChannelName, newest: Range) -> Result<Opened, StoreError> {
    let sql =
        "SELECT e.epoch, coalesce(c.top, e.floor) FROM channel_epoch e LEFT JOIN channels c ON c.name = $1";
    let statement = client.prepare_cached(sql).await?;
    let row = client.query_one(&statement, &[&channel.as_str()]).await?;
    let (epoch, top) = (row.try_get::<_, &str>(0)?.into(), unsigned(row.try_get(1)?));
    let range = Range { before: newest.before.min(top + 1), reverse: true, ..newest };
    let Part { found: mut newest, more } = read(client, channel, range).await?;
    newest.reverse();
    Ok(Opened { epoch, top, newest, whole: !more })
}

async fn read(client: &Client, channel: &ChannelName, range: Range) -> Result<Part, StoreError> {
    let order = if range.reverse { "DESC" } else { "ASC" };
    let statement = client.prepare_cached(&statement(order)).await?;
    let parameters: [&(dyn ToSql + Sync); 7] = [
        &channel.as_str(),
        &signed(range.after)?,
        // A number above the range of the column means "no end".
        &i64::try_from(range.before).unwrap_or(i64::MAX),
        &i64::from(range.size),
        &moment(range.younger_than_ms),
        &i64::from(range.limit),
        &i64::try_from(range.bytes).unwrap_or(i64::MAX),
    ];
    let mut rows = pin!(client.query_raw(&statement, parameters).await?);
    let mut part = Part { found: Vec::new(), more: false };
    while let Some(row) = rows.try_next().await? {
        // After the loop, this is the value of the last row.
        part.more = row.try_get("more")?;
        part.found.push(Arc::new(publication(&row)?));
    }
    Ok(part)
}

fn publication(row: &Row) -> Result<Publication, StoreError> {
    let payload = |bytes: &[u8]| Payload::from_bytes(Bytes::copy_from_slice(bytes));
    let optional = |column| Ok::<_, StoreError>(row.try_get::<_, Option<&[u8]>>(column)?.map(payload));
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
        data: payload(row.try_get("data")?),
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
