//! The operators' list of sessions, of accounts and of external ones, with filters.
//!
//! Some filters have an index (session, user, device, one address, subject); the others are compared row by row. So one page examines at
//! most [`EXAMINED`] rows, in the order of the list, and says how far it has come. A page may have fewer sessions than were
//! requested, although the list goes on.

use std::net::IpAddr;

use protocol::id::{DeviceId, SessionId, Subject, UserId};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::ToSql};

use super::{
    external::{self, ExternalSession, NOT_REVOKED_WITH_ALL},
    session::{self, NOT_REVOKED, SESSION_COLUMNS, SessionWithUser},
};
use crate::{accounts::user::USER_COLUMNS, error::StoreError, pool::Store};

/// The most rows that one page examines if it has a filter without an index.
const EXAMINED: u32 = 5_000;

/// A place in a list of sessions: the start and the id of a session.
pub type SessionPlace = (OffsetDateTime, SessionId);

/// Which sessions to list.
#[derive(Clone, Debug, Default)]
pub struct SessionSearch {
    /// Only the session with this id.
    pub session: Option<SessionId>,
    /// Only sessions of this user. No external session.
    pub user: Option<UserId>,
    /// Only sessions on this device. No external session.
    pub device: Option<DeviceId>,
    /// Only external sessions of this subject. No session of an account.
    pub subject: Option<Subject>,
    /// Only sessions that are neither revoked nor at their end at this time.
    pub active_at: Option<OffsetDateTime>,
    /// Only sessions with this address.
    pub address: Option<IpAddr>,
    /// Only sessions with an address in this network, in CIDR notation.
    pub network: Option<String>,
    /// Only sessions on devices with a last sign-in from this country. No external session.
    pub country: Option<String>,
    /// Only sessions with this text in their `User-Agent`, in any case. No external session.
    pub client: Option<String>,
    /// Only sessions that began at this time or later.
    pub from: Option<OffsetDateTime>,
    /// Only sessions that began at this time or earlier.
    pub until: Option<OffsetDateTime>,
    /// Whether the oldest session comes first.
    pub oldest_first: bool,
    /// Only sessions after this place.
    pub after: Option<SessionPlace>,
    /// Maximum number of sessions.
    pub limit: u32,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Examined<T> {
    /// The sessions.
    pub sessions: Vec<T>,
    /// The last examined place, if the list may go on there although fewer than `limit` sessions were found.
    pub to: Option<SessionPlace>,
}

impl SessionSearch {
    /// How many rows are examined.
    fn examined(&self) -> u32 {
        let without_index = self.active_at.is_some()
            || self.network.is_some()
            || self.country.is_some()
            || self.client.is_some()
            || [
                self.session.is_some(),
                self.user.is_some(),
                self.device.is_some(),
                self.subject.is_some(),
                self.address.is_some(),
            ]
            .iter()
            .filter(|is| **is)
            .count()
                > 1;
        if without_index { EXAMINED.max(self.limit) } else { self.limit }
    }

    /// The subquery with the rows to examine in `table`, numbered in the order of the list. `indexed` is the condition that
    /// selects the index. The parameters $1 to $5 are the place before the first row, the limits of the start, and the number
    /// of rows.
    fn rows(&self, table: &str, indexed: &str, matches: &str) -> String {
        let (than, way, id_than, id_way) =
            if self.oldest_first { (">", "ASC", "<", "DESC") } else { ("<", "DESC", ">", "ASC") };
        format!(
            "(SELECT s.*, row_number() OVER (ORDER BY s.created_at {way}, s.id {id_way}) AS place, ({matches}) AS matches
              FROM (SELECT s.* FROM {table} s
                    WHERE {indexed}
                      AND ($1::timestamptz IS NULL OR s.created_at {than} $1 OR (s.created_at = $1 AND s.id {id_than} $2::uuid))
                      AND ($3::timestamptz IS NULL OR s.created_at >= $3)
                      AND ($4::timestamptz IS NULL OR s.created_at <= $4)
                    ORDER BY s.created_at {way}, s.id {id_way} LIMIT $5) s) s"
        )
    }

    fn accounts_sql(&self) -> String {
        let indexed = match self {
            Self { session: Some(_), .. } => "s.id = $14",
            Self { user: Some(_), .. } => "s.user_id = $6",
            Self { device: Some(_), .. } => "s.device_id = $7",
            Self { address: Some(_), .. } => "s.address = $9",
            _ => "true",
        };
        let matches = format!(
            "($14::uuid IS NULL OR s.id = $14) AND ($6::bigint IS NULL OR s.user_id = $6) AND ($7::uuid IS NULL OR s.device_id = $7)
             AND ($8::timestamptz IS NULL OR ({NOT_REVOKED} AND s.expires_at > $8))
             AND ($9::inet IS NULL OR s.address = $9)
             AND ($10::text IS NULL OR coalesce(s.address <<= ($10::text)::inet, false))
             AND ($11::text IS NULL OR EXISTS (SELECT FROM registered_devices d
                  WHERE d.user_id = s.user_id AND d.id = s.device_id AND d.country = $11))
             AND ($12::text IS NULL OR position(lower($12) IN lower(coalesce(s.user_agent, ''))) > 0)"
        );
        format!(
            "SELECT {SESSION_COLUMNS}, {USER_COLUMNS}, s.matches, s.place
             FROM {} JOIN users u ON u.id = s.user_id
             WHERE s.matches OR s.place = $5 ORDER BY s.place LIMIT $13",
            self.rows("sessions", indexed, &matches)
        )
    }

    fn external_sql(&self) -> String {
        let indexed = match self {
            Self { session: Some(_), .. } => "s.id = $11",
            Self { subject: Some(_), .. } => "s.subject = $6",
            Self { address: Some(_), .. } => "s.address = $8",
            _ => "true",
        };
        let matches = format!(
            "($11::uuid IS NULL OR s.id = $11) AND ($6::text IS NULL OR s.subject = $6)
             AND ($7::timestamptz IS NULL OR (s.ended_at IS NULL AND s.revoked_at IS NULL AND s.{NOT_REVOKED_WITH_ALL}))
             AND ($8::inet IS NULL OR s.address = $8)
             AND ($9::text IS NULL OR coalesce(s.address <<= ($9::text)::inet, false))"
        );
        format!(
            "SELECT {}, matches, place FROM {} WHERE matches OR place = $5 ORDER BY place LIMIT $10",
            external::COLUMNS,
            self.rows("external_sessions", indexed, &matches)
        )
    }
}

impl Store {
    /// Sessions of accounts.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn page_of_sessions(
        &self,
        search: SessionSearch,
    ) -> Result<Examined<SessionWithUser>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let (start, id) = search.after.map(|(start, id)| (start, id.0)).unzip();
                let (user, device) = (search.user.map(|id| id.0), search.device.map(|id| id.0));
                let (examined, limit) = (i64::from(search.examined()), i64::from(search.limit));
                let session = search.session.map(|id| id.0);
                let arguments: [&(dyn ToSql + Sync); 14] = [
                    &start,
                    &id,
                    &search.from,
                    &search.until,
                    &examined,
                    &user,
                    &device,
                    &search.active_at,
                    &search.address,
                    &search.network,
                    &search.country,
                    &search.client,
                    &limit,
                    &session,
                ];
                // The statement is not cached, because each combination of filters needs its own plan.
                let rows = client.query(&search.accounts_sql(), &arguments).await?;
                part(&rows, examined, session::with_user)
            })
        })
        .await
    }

    /// External sessions.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn page_of_external(
        &self,
        search: SessionSearch,
    ) -> Result<Examined<ExternalSession>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let (start, id) = search.after.map(|(start, id)| (start, id.0)).unzip();
                let subject = search.subject.as_ref().map(Subject::as_str);
                let (examined, limit) = (i64::from(search.examined()), i64::from(search.limit));
                let session = search.session.map(|id| id.0);
                let arguments: [&(dyn ToSql + Sync); 11] = [
                    &start,
                    &id,
                    &search.from,
                    &search.until,
                    &examined,
                    &subject,
                    &search.active_at,
                    &search.address,
                    &search.network,
                    &limit,
                    &session,
                ];
                let rows = client.query(&search.external_sql(), &arguments).await?;
                part(&rows, examined, external::external)
            })
        })
        .await
    }
}

/// The sessions of the rows that match. The row at the last examined place is included even if it does not match.
fn part<T>(
    rows: &[Row],
    examined: i64,
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Examined<T>, StoreError> {
    let mut found = Examined { sessions: Vec::new(), to: None };
    for row in rows {
        if row.try_get::<_, i64>("place")? == examined {
            found.to = Some((row.try_get("created_at")?, SessionId(row.try_get("id")?)));
        }
        if row.try_get("matches")? {
            found.sessions.push(read(row)?);
        }
    }
    Ok(found)
}
