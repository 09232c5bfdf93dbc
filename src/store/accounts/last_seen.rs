//! Writes when sessions and devices were last seen, usually in batches.
//!
//! Called by the port of the actors, by the expiry job (`touch_open`) and by the verifier (`write_use`). A time never moves
//! backwards, and the row of an ended session is never changed.

use std::{collections::HashMap, net::IpAddr};

use deadpool_postgres::Client;
use protocol::id::{DeviceId, SessionId, UserId};
use time::OffsetDateTime;

use crate::{
    error::StoreError,
    pool::Store,
    row_mapping::{stored, uuids},
    sessions::session::NOT_REVOKED,
};

/// A use of a session, to be written.
#[derive(Clone, Debug)]
pub struct LastSeen {
    /// The session.
    pub session: SessionId,
    /// The device of the session.
    pub device: DeviceId,
    /// The user of the session.
    pub user: UserId,
    /// The time of the use.
    pub at: OffsetDateTime,
    /// The client's address, if known.
    pub address: Option<IpAddr>,
    /// The highest refresh counter among the access tokens that were used.
    pub used_counter: u64,
}

impl Store {
    /// Writes the time of a use of a session, and the refresh counter of the access token that was used. The write does not
    /// wait for a batch. `false` if the session has been revoked meanwhile.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn write_use(
        &self,
        session: SessionId,
        refresh_counter: u64,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let sql = format!(
            "UPDATE sessions s SET last_seen_at = greatest(s.last_seen_at, $3),
                    used_counter = greatest(s.used_counter, least($2, s.refresh_counter))
             WHERE s.id = $1 AND {NOT_REVOKED}"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let written =
                    client.execute(&statement, &[&session.0, &stored(refresh_counter), &now]).await?;
                Ok(written == 1)
            })
        })
        .await
    }

    /// Writes that these sessions (at most `TOUCHED_AT_ONCE`) are used now, because they have open sockets.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn touch_open(&self, open: Vec<SessionId>, now: OffsetDateTime) -> Result<(), StoreError> {
        if open.is_empty() {
            return Ok(());
        }
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client
                    .prepare_cached(
                        "WITH locked AS (SELECT id FROM sessions WHERE id = ANY ($1) AND revoked_at IS NULL
                                         ORDER BY id FOR NO KEY UPDATE)
                         UPDATE sessions s SET last_seen_at = greatest(s.last_seen_at, $2)
                         FROM locked WHERE s.id = locked.id",
                    )
                    .await?;
                client.execute(&statement, &[&uuids(&open), &now]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Writes a batch of uses. It runs two transactions, one for sessions and one for devices.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; the same batch may be written again.
    pub async fn touch(&self, batch: Vec<LastSeen>) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.run_slow(move |client| {
            Box::pin(async move {
                // There are two transactions, so that no lock on one table is held while this waits for a lock on the other
                // table.
                touch_sessions(client, &newest(&batch, |touch| touch.session)).await?;
                touch_devices(client, &newest(&batch, |touch| (touch.user, touch.device))).await
            })
        })
        .await
    }
}

/// Merges the uses with the same key into one, with the newest time and the highest counter. The reason: an UPDATE uses only
/// one source row for each target row.
fn newest<K: std::hash::Hash + Eq>(batch: &[LastSeen], key: impl Fn(&LastSeen) -> K) -> Vec<LastSeen> {
    let mut kept: HashMap<K, LastSeen> = HashMap::with_capacity(batch.len());
    for touch in batch {
        kept.entry(key(touch))
            .and_modify(|known| {
                let used = known.used_counter.max(touch.used_counter);
                let address =
                    if touch.at >= known.at { touch.address.or(known.address) } else { known.address };
                known.at = known.at.max(touch.at);
                known.address = address;
                known.used_counter = used;
            })
            .or_insert_with(|| touch.clone());
    }
    kept.into_values().collect()
}

/// Rows are locked in the order of their ids, as revocations lock them. This prevents deadlocks between this statement and
/// revocations.
async fn touch_sessions(client: &Client, batch: &[LastSeen]) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "WITH seen AS (SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::inet[], $4::bigint[])
                                         AS t (id, at, address, used)),
                  locked AS (SELECT s.id FROM sessions s WHERE s.id = ANY ($1) AND s.revoked_at IS NULL
                             ORDER BY s.id FOR NO KEY UPDATE)
             UPDATE sessions s SET last_seen_at = greatest(s.last_seen_at, seen.at),
                    address = coalesce(seen.address, s.address),
                    used_counter = greatest(s.used_counter, least(seen.used, s.refresh_counter))
             FROM seen JOIN locked USING (id) WHERE s.id = seen.id",
        )
        .await?;
    let ids: Vec<_> = batch.iter().map(|touch| touch.session.0).collect();
    let at: Vec<_> = batch.iter().map(|touch| touch.at).collect();
    let addresses: Vec<_> = batch.iter().map(|touch| touch.address).collect();
    let used: Vec<_> = batch.iter().map(|touch| stored(touch.used_counter)).collect();
    client.execute(&statement, &[&ids, &at, &addresses, &used]).await?;
    Ok(())
}

async fn touch_devices(client: &Client, batch: &[LastSeen]) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "WITH seen AS (SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[], $4::inet[])
                                         AS t (user_id, id, at, address)),
                  locked AS (SELECT d.user_id, d.id FROM registered_devices d JOIN seen USING (user_id, id)
                             WHERE d.forgotten_at IS NULL ORDER BY d.user_id, d.id FOR NO KEY UPDATE OF d)
             UPDATE registered_devices d SET last_seen_at = greatest(d.last_seen_at, seen.at),
                    address = coalesce(seen.address, d.address)
             FROM seen JOIN locked USING (user_id, id) WHERE d.user_id = seen.user_id AND d.id = seen.id",
        )
        .await?;
    let users: Vec<_> = batch.iter().map(|touch| touch.user.0).collect();
    let devices: Vec<_> = batch.iter().map(|touch| touch.device.0).collect();
    let at: Vec<_> = batch.iter().map(|touch| touch.at).collect();
    let addresses: Vec<_> = batch.iter().map(|touch| touch.address).collect();
    client.execute(&statement, &[&users, &devices, &at, &addresses]).await?;
    Ok(())
}
