//! Sign-in attempts: writing them, listing them, and reading the history that a new sign-in is compared with.
//!
//! The transaction in `sessions::open` writes an attempt that opens a session; [`Store::insert_attempt`] writes all others.
//! `attempt_months` creates and drops the partitions.

use std::net::{IpAddr, Ipv6Addr};

use deadpool_postgres::GenericClient;
use domain::{
    abuse::attempt::AttemptOutcome,
    risk::{
        Assessment, History, Place, Position, RECENT_MS, Visit,
        sign_in_history::{FAILURES_MAX, VISITS_MAX},
    },
    session::SignInMethod,
};
use futures_util::future::try_join3;
use protocol::id::{DeviceId, SessionId, UserId};
use time::{Duration, OffsetDateTime};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    error::StoreError,
    pool::Store,
    row_mapping::{self, clipped},
};

/// How long a visit (a successful sign-in) is part of the history.
const VISITS_FOR: Duration = Duration::days(90);

/// A sign-in attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The id.
    pub id: Uuid,
    /// Time of the attempt.
    pub at: OffsetDateTime,
    /// The account, if there is one.
    pub user: Option<UserId>,
    /// Keyed hash of the account key, or of the id of the passkey, in the attempt: 32 characters.
    pub identifier: String,
    /// The method.
    pub method: SignInMethod,
    /// The outcome.
    pub outcome: AttemptOutcome,
    /// The device.
    pub device: Option<DeviceId>,
    /// The session that the attempt opened.
    pub session: Option<SessionId>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The fingerprint of the headers.
    pub fingerprint: Option<String>,
    /// The location of the address.
    pub place: Place,
    /// The risk assessment, if there was one.
    pub risk: Option<Assessment>,
}

pub(super) const COLUMNS: &str = "id, at, user_id, identifier, method, outcome, device_id, session_id, address, user_agent, \
     fingerprint, country, city, latitude, longitude, accuracy_km, network, risk_score, risk_reasons";

impl Store {
    /// Writes an attempt that opened no session.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn insert_attempt(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.run(move |client| Box::pin(async move { insert(&*client, &attempt).await })).await
    }

    /// Attempts on the user's account, newest first. With `before`, the list continues after the attempt with this time and id.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn attempts_of(
        &self,
        user: UserId,
        before: Option<(OffsetDateTime, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Attempt>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM device_login_attempts
             WHERE user_id = $1 AND ($2::timestamptz IS NULL OR at < $2 OR (at = $2 AND id > $3))
             ORDER BY at DESC, id LIMIT $4"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let (at, id) = before.unzip();
                let statement = client.prepare_cached(&sql).await?;
                let rows = client.query(&statement, &[&user.0, &at, &id, &i64::from(limit)]).await?;
                rows.iter().map(attempt).collect()
            })
        })
        .await
    }

    /// The history that a sign-in of `user` from `address` at `now` is compared with.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn history(
        &self,
        user: UserId,
        address: IpAddr,
        now: OffsetDateTime,
    ) -> Result<History, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                // The queries are pipelined on one connection.
                let client = &*client;
                let (visits, failures, accounts) = try_join3(
                    visits(client, user, now),
                    failures(client, user, now),
                    accounts(client, address, now),
                )
                .await?;
                Ok(History { visits, failures, accounts })
            })
        })
        .await
    }
}

/// Writes an attempt on the caller's connection or transaction.
pub(crate) async fn insert(client: &impl GenericClient, attempt: &Attempt) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO device_login_attempts ({COLUMNS})
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
    );
    let statement = client.prepare_cached(&sql).await?;
    let Attempt { place, .. } = attempt;
    let (score, reasons) = risk_columns(attempt.risk.as_ref());
    let accuracy = place.position.map(|found| i32::try_from(found.accuracy_km).unwrap_or(i32::MAX));
    client
        .execute(
            &statement,
            &[
                &attempt.id,
                &attempt.at,
                &attempt.user.map(|id| id.0),
                &attempt.identifier,
                &attempt.method.as_str(),
                &attempt.outcome.as_str(),
                &attempt.device.map(|id| id.0),
                &attempt.session.map(|id| id.0),
                &attempt.address,
                &attempt.user_agent.as_deref().map(|text| clipped(text, 1024)),
                &attempt.fingerprint,
                &place.country,
                &place.city,
                &place.position.map(|found| found.latitude),
                &place.position.map(|found| found.longitude),
                &accuracy,
                &place.network.map(i64::from),
                &score,
                &reasons,
            ],
        )
        .await?;
    Ok(())
}

/// The columns `risk_score` and `risk_reasons` of an assessment.
pub(crate) fn risk_columns(risk: Option<&Assessment>) -> (Option<i16>, Vec<&'static str>) {
    let reasons = risk.map(|risk| risk.reasons.iter().map(|reason| reason.as_str()).collect());
    (risk.map(|risk| i16::from(risk.score)), reasons.unwrap_or_default())
}

/// Reads an assessment from the columns `risk_score` and `risk_reasons`.
pub(crate) fn risk(row: &Row) -> Result<Option<Assessment>, StoreError> {
    let Some(score) = row.try_get::<_, Option<i16>>("risk_score")? else {
        return Ok(None);
    };
    let reasons: Vec<&str> = row.try_get("risk_reasons")?;
    Ok(Some(Assessment {
        score: u8::try_from(score).map_err(StoreError::internal)?,
        reasons: reasons
            .into_iter()
            .map(|reason| reason.parse().map_err(StoreError::internal))
            .collect::<Result<_, _>>()?,
    }))
}

pub(super) fn attempt(row: &Row) -> Result<Attempt, StoreError> {
    Ok(Attempt {
        id: row.try_get("id")?,
        at: row.try_get("at")?,
        user: row.try_get::<_, Option<i64>>("user_id")?.map(UserId),
        identifier: row.try_get("identifier")?,
        method: row_mapping::word(row, "method")?,
        outcome: row_mapping::word(row, "outcome")?,
        device: row.try_get::<_, Option<Uuid>>("device_id")?.map(DeviceId),
        session: row.try_get::<_, Option<Uuid>>("session_id")?.map(SessionId),
        address: row.try_get("address")?,
        user_agent: row.try_get("user_agent")?,
        fingerprint: row.try_get("fingerprint")?,
        place: place(row)?,
        risk: risk(row)?,
    })
}

fn place(row: &Row) -> Result<Place, StoreError> {
    let position = match (row.try_get("latitude")?, row.try_get("longitude")?) {
        (Some(latitude), Some(longitude)) => {
            let accuracy: Option<i32> = row.try_get("accuracy_km")?;
            let accuracy_km = accuracy.and_then(|km| u32::try_from(km).ok()).unwrap_or(u32::MAX);
            Some(Position { latitude, longitude, accuracy_km })
        }
        _ => None,
    };
    let network: Option<i64> = row.try_get("network")?;
    Ok(Place {
        country: row.try_get("country")?,
        city: row.try_get("city")?,
        position,
        network: network.and_then(|number| u32::try_from(number).ok()),
    })
}

fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

async fn visits(
    client: &impl GenericClient,
    user: UserId,
    now: OffsetDateTime,
) -> Result<Vec<Visit>, StoreError> {
    let sql = "SELECT at, country, city, latitude, longitude, accuracy_km, network FROM device_login_attempts
               WHERE user_id = $1 AND outcome = 'success' AND at > $2 ORDER BY at DESC LIMIT $3";
    let statement = client.prepare_cached(sql).await?;
    let limit = i64::try_from(VISITS_MAX).unwrap_or(i64::MAX);
    let rows = client.query(&statement, &[&user.0, &(now - VISITS_FOR), &limit]).await?;
    rows.iter().map(|row| Ok(Visit { at_ms: millis(row.try_get("at")?), place: place(row)? })).collect()
}

async fn failures(
    client: &impl GenericClient,
    user: UserId,
    now: OffsetDateTime,
) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT at FROM device_login_attempts
               WHERE user_id = $1 AND outcome = ANY ($2) AND at > $3 ORDER BY at DESC LIMIT $4";
    let statement = client.prepare_cached(sql).await?;
    let limit = i64::try_from(FAILURES_MAX).unwrap_or(i64::MAX);
    let since = now - Duration::milliseconds(RECENT_MS);
    let rows = client.query(&statement, &[&user.0, &AttemptOutcome::failed_proofs(), &since, &limit]).await?;
    rows.iter().map(|row| Ok(millis(row.try_get("at")?))).collect()
}

/// Number of different names in the recent failed sign-ins from this address. A name is an account key or the id of a passkey,
/// whether or not it exists here. IPv6 addresses of one /64 count as one address, because a /64 usually belongs to one
/// customer.
async fn accounts(
    client: &impl GenericClient,
    address: IpAddr,
    now: OffsetDateTime,
) -> Result<u32, StoreError> {
    let sql = "SELECT count(DISTINCT identifier) FROM device_login_attempts
               WHERE address BETWEEN $1 AND $2 AND outcome = ANY ($3) AND at > $4";
    let statement = client.prepare_cached(sql).await?;
    let (first, last) = customer(address);
    let since = now - Duration::milliseconds(RECENT_MS);
    let row =
        client.query_one(&statement, &[&first, &last, &AttemptOutcome::failed_proofs(), &since]).await?;
    Ok(u32::try_from(row.try_get::<_, i64>(0)?).unwrap_or(u32::MAX))
}

/// The first and the last address of the network that is counted as one customer.
fn customer(address: IpAddr) -> (IpAddr, IpAddr) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (v4.into(), v4.into()),
        IpAddr::V6(v6) => {
            let host = u128::from(u64::MAX);
            let bits = v6.to_bits();
            (Ipv6Addr::from_bits(bits & !host).into(), Ipv6Addr::from_bits(bits | host).into())
        }
    }
}
