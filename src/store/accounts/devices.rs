//! The devices of a user.
//!
//! Called by services, and by the transactions of registration and sign-in. Devices are recognised by the random id in their
//! cookie. Between sign-ins, `last_seen` writes the time of their last use. A device is forgotten by the transaction of a
//! revocation (`revocation::changes`).

use std::net::IpAddr;

use deadpool_postgres::GenericClient;
use domain::{client::device::Trust, risk::Place};
use protocol::{
    audit::AuditEvent,
    id::{DeviceId, UserId},
};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::{
    audit,
    error::StoreError,
    pool::Store,
    revocation::{acting_session, order::ActingSession},
    row_mapping::{self, clipped},
};

/// A device of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// The label that the user gave it.
    pub label: Option<String>,
    /// The fingerprint of its headers, and the version of the fingerprint's algorithm.
    pub fingerprint: Option<(String, i16)>,
    /// Its `User-Agent` header.
    pub user_agent: Option<String>,
    /// The last known address.
    pub address: Option<IpAddr>,
    /// The country of the last sign-in.
    pub country: Option<String>,
    /// The city of the last sign-in.
    pub city: Option<String>,
    /// The trust that was granted. It is valid until `trusted_until`.
    pub trust: Trust,
    /// The end of the trust.
    pub trusted_until: Option<OffsetDateTime>,
    /// First seen.
    pub created_at: OffsetDateTime,
    /// Last seen.
    pub last_seen_at: OffsetDateTime,
}

/// Changes that a user makes to a device.
#[derive(Clone, Debug, Default)]
pub struct DeviceChange {
    /// The new label; `Some(None)` removes it.
    pub label: Option<Option<String>>,
    /// The new trust, and its end.
    pub trust: Option<(Trust, Option<OffsetDateTime>)>,
}

/// A device as a request describes it.
#[derive(Clone, Debug)]
pub struct DeviceSeen {
    /// Its id.
    pub id: DeviceId,
    /// The fingerprint of its headers, 32 hex characters.
    pub fingerprint: String,
    /// The version of the fingerprint's algorithm.
    pub fingerprint_version: i16,
    /// Its `User-Agent` header.
    pub user_agent: Option<String>,
    /// Its address.
    pub address: IpAddr,
    /// The location of the address.
    pub place: Place,
}

pub(super) const COLUMNS: &str = "d.id, d.label, d.fingerprint, d.fingerprint_version, d.user_agent, d.address, d.country, d.city, \
     d.trust, d.trusted_until, d.created_at, d.last_seen_at";

impl Store {
    /// At most `limit` devices of the user, the most recently seen first. With `after`, the list continues after the device
    /// with this last use and id. Forgotten devices are left out.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn devices_of(
        &self,
        user: UserId,
        after: Option<(OffsetDateTime, DeviceId)>,
        limit: u32,
    ) -> Result<Vec<Device>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM registered_devices d WHERE d.user_id = $1 AND d.forgotten_at IS NULL
               AND ($2::timestamptz IS NULL OR d.last_seen_at < $2 OR (d.last_seen_at = $2 AND d.id > $3))
             ORDER BY d.last_seen_at DESC, d.id LIMIT $4"
        );
        let (seen, id) = after.map(|(seen, id)| (seen, id.0)).unzip();
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let rows = client.query(&statement, &[&user.0, &seen, &id, &i64::from(limit)]).await?;
                rows.iter().map(device).collect()
            })
        })
        .await
    }

    /// One device of the user.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn device_of(&self, user: UserId, id: DeviceId) -> Result<Option<Device>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM registered_devices d
             WHERE d.user_id = $1 AND d.id = $2 AND d.forgotten_at IS NULL"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                client.query_opt(&statement, &[&user.0, &id.0]).await?.as_ref().map(device).transpose()
            })
        })
        .await
    }

    /// Changes a device of the acting session's user. `None` if the user has no such device, or has forgotten it.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make this change, `Unavailable` if the database cannot be reached.
    pub async fn change_device(
        &self,
        acting_session: ActingSession,
        id: DeviceId,
        change: DeviceChange,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<Option<Device>, StoreError> {
        let sql = format!(
            "UPDATE registered_devices d
             SET label = CASE WHEN $3 THEN $4 ELSE d.label END,
                 trust = CASE WHEN $5 THEN $6 ELSE d.trust END,
                 trusted_until = CASE WHEN $5 THEN $7 ELSE d.trusted_until END
             WHERE d.user_id = $1 AND d.id = $2 AND d.forgotten_at IS NULL RETURNING {COLUMNS}"
        );
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                acting_session::require(&transaction, &acting_session, now).await?;
                let statement = transaction.prepare_cached(&sql).await?;
                let label = change.label.clone().flatten();
                let (trust, until) = change.trust.unwrap_or((Trust::New, None));
                let row = transaction
                    .query_opt(
                        &statement,
                        &[
                            &acting_session.user.0,
                            &id.0,
                            &change.label.is_some(),
                            &label,
                            &change.trust.is_some(),
                            &trust.as_str(),
                            &until,
                        ],
                    )
                    .await?;
                let Some(row) = row else {
                    return Ok(None);
                };
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                device(&row).map(Some)
            })
        })
        .await
    }
}

pub(super) fn device(row: &Row) -> Result<Device, StoreError> {
    let fingerprint: Option<String> = row.try_get("fingerprint")?;
    let version: i16 = row.try_get("fingerprint_version")?;
    Ok(Device {
        id: DeviceId(row.try_get("id")?),
        label: row.try_get("label")?,
        fingerprint: fingerprint.map(|text| (text, version)),
        user_agent: row.try_get("user_agent")?,
        address: row.try_get("address")?,
        country: row.try_get("country")?,
        city: row.try_get("city")?,
        trust: row_mapping::word(row, "trust")?,
        trusted_until: row.try_get("trusted_until")?,
        created_at: row.try_get("created_at")?,
        last_seen_at: row.try_get("last_seen_at")?,
    })
}

/// The largest number of devices that one sign-in removes.
const REMOVED_AT_ONCE: i64 = 100;

/// Removes the devices of a user above `limit`, at most [`REMOVED_AT_ONCE`]: first the forgotten devices, then the devices that
/// were not seen for the longest time. Some devices are never removed: the device that signs in, devices with trust, and
/// devices with a session row that is not ended. Rows that another transaction has locked are skipped.
pub(crate) async fn remove_surplus(
    client: &impl GenericClient,
    user: UserId,
    signing_in: DeviceId,
    limit: u32,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "DELETE FROM registered_devices WHERE user_id = $1 AND id IN (
                 SELECT d.id FROM registered_devices d
                 WHERE d.user_id = $1 AND d.id <> $2 AND (d.trust = 'new' OR d.trusted_until <= $4)
                   AND NOT EXISTS (SELECT FROM sessions s
                                   WHERE s.user_id = $1 AND s.device_id = d.id AND s.revoked_at IS NULL)
                 ORDER BY d.forgotten_at IS NULL, d.last_seen_at
                 LIMIT least($5, greatest(0, (SELECT count(*) FROM registered_devices WHERE user_id = $1) - $3::bigint))
                 FOR UPDATE OF d SKIP LOCKED)",
        )
        .await?;
    client.execute(&statement, &[&user.0, &signing_in.0, &i64::from(limit), &now, &REMOVED_AT_ONCE]).await?;
    Ok(())
}

/// Creates or updates a device of a user. A forgotten device becomes a new device.
pub(crate) async fn upsert(
    client: &impl GenericClient,
    user: UserId,
    device: &DeviceSeen,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO registered_devices AS d (user_id, id, fingerprint, fingerprint_version, user_agent, address,
                                                  created_at, last_seen_at, country, city)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)
             ON CONFLICT (user_id, id) DO UPDATE SET
                 fingerprint = excluded.fingerprint, fingerprint_version = excluded.fingerprint_version,
                 user_agent = excluded.user_agent, address = excluded.address,
                 country = excluded.country, city = excluded.city,
                 created_at = CASE WHEN d.forgotten_at IS NULL THEN d.created_at ELSE excluded.created_at END,
                 last_seen_at = greatest(d.last_seen_at, excluded.last_seen_at),
                 forgotten_at = NULL",
        )
        .await?;
    let user_agent = device.user_agent.as_deref().map(|text| clipped(text, 1024));
    client
        .execute(
            &statement,
            &[
                &user.0,
                &device.id.0,
                &device.fingerprint,
                &device.fingerprint_version,
                &user_agent,
                &device.address,
                &now,
                &device.place.country,
                &device.place.city,
            ],
        )
        .await?;
    Ok(())
}

/// Grants trust to a device of a user. If the device is trusted already, the higher level and the later end count.
pub(crate) async fn trust(
    client: &impl GenericClient,
    user: UserId,
    device: DeviceId,
    trust: Trust,
    until: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "UPDATE registered_devices d
             SET trust = CASE WHEN d.trust = 'verified' AND d.trusted_until > $5 THEN 'verified' ELSE $3 END,
                 trusted_until = greatest(d.trusted_until, $4)
             WHERE d.user_id = $1 AND d.id = $2",
        )
        .await?;
    client.execute(&statement, &[&user.0, &device.0, &trust.as_str(), &until, &now]).await?;
    Ok(())
}
