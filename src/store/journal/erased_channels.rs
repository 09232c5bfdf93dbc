//! The durable channels with changed publications, so that each node reads them again.
//!
//! Called by a job of each node. A transaction that changes publications writes its id into the rows of their channels. The ids
//! of transactions do not follow the order of commits. So a look begins at the oldest transaction that ran during the previous
//! look, and may find a channel twice.

use protocol::channel_name::ChannelName;

use crate::{error::StoreError, pool::Store};

/// The most channels that one look returns.
pub const ERASED_CHANNELS: usize = 5_000;

/// A part of a statement: notes the change in the rows of the channels that the part `changed` names. The rows are locked in
/// the order of their names, so that two erasures do not wait for each other.
pub(crate) const ANNOUNCED: &str = "announced AS (
    UPDATE channels c SET erased_in = pg_current_xact_id()
    FROM (SELECT name FROM channels WHERE name IN (SELECT channel FROM changed) ORDER BY name FOR UPDATE) n
    WHERE c.name = n.name)";

/// What a look at the channels has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasedChannels {
    /// The channels, each with the transaction that changed it last.
    pub channels: Vec<(ChannelName, String)>,
    /// Where the next look begins.
    pub next: String,
}

impl Store {
    /// The channels with publications changed since the look that returned `since`; without it, none. At most
    /// [`ERASED_CHANNELS`].
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn erased_channels(&self, since: Option<String>) -> Result<ErasedChannels, StoreError> {
        // If the database was copied from another cluster, the ids of its transactions may lie in the future. They are not
        // read.
        let sql = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS next, c.name, c.changed
                   FROM (SELECT) one LEFT JOIN (
                       SELECT name, erased_in::text AS changed FROM channels
                       WHERE erased_in >= $1::text::xid8 AND erased_in < pg_snapshot_xmax(pg_current_snapshot())
                       ORDER BY erased_in LIMIT $2) c ON true";
        let limit = i64::try_from(ERASED_CHANNELS).unwrap_or(i64::MAX);
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let mut found = ErasedChannels::default();
                for row in client.query(&statement, &[&since, &limit]).await? {
                    found.next = row.try_get("next")?;
                    let name: Option<&str> = row.try_get("name")?;
                    if let Some(name) = name.and_then(|name| ChannelName::parse(name).ok()) {
                        found.channels.push((name, row.try_get("changed")?));
                    }
                }
                Ok(found)
            })
        })
        .await
    }
}
