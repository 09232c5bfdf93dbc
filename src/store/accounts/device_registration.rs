//! Devices of users: browsers and apps, known by the random id in their cookie.
//!
//! Written by the transactions of registration and sign-in; what they last did is written by `sessions`, and forgetting
//! them is a revocation.

use std::net::IpAddr;

use deadpool_postgres::GenericClient;
use protocol::id::{DeviceId, UserId};
use time::OffsetDateTime;

use crate::{error::StoreError, row_mapping::clipped};
use domain::{device::Trust, risk::Place};

/// A device as a request shows it.
#[derive(Clone, Debug)]
pub struct DeviceSeen {
    /// Its identity.
    pub id: DeviceId,
    /// The fingerprint of its headers, 32 hex characters.
    pub fingerprint: String,
    /// The version of the fingerprint's recipe.
    pub fingerprint_version: i16,
    /// Its own words.
    pub user_agent: Option<String>,
    /// Its address.
    pub address: IpAddr,
    /// Where that is.
    pub place: Place,
}

/// Remembers a device of a user; a forgotten one starts over.
pub(super) async fn upsert(
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

/// Grants trust to a device of a user; what it has already is not lowered.
pub(super) async fn trust(
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
