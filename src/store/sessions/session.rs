//! A session as the rest of the server sees it, and its mapping from a row.

use std::net::IpAddr;

use domain::{
    risk::Assessment,
    session::{Lifetime, SignInMethod},
};
use protocol::{
    close::Cause,
    id::{DeviceId, RevocationId, SessionId, UserId},
};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::{
    abuse::attempts,
    accounts::user::{self, User},
    error::StoreError,
    row_mapping::word,
};

/// The columns of `sessions AS s` that [`from_row`] reads.
pub(crate) const SESSION_COLUMNS: &str = "s.id, s.user_id, s.device_id, s.created_at, s.last_seen_at, s.expires_at, \
     s.refresh_counter, s.refresh_rotated_at, s.used_counter, s.retried_counter, s.renewed_counter, s.refresh_expires_at, \
     s.privilege_epoch, s.privileged_until, s.method, s.address, s.user_agent, s.revocation_id, s.revoked_all, \
     s.risk_score, s.risk_reasons, \
     coalesce(s.revoked_at, (SELECT w.created_at FROM revocations w WHERE w.scope = 'all' AND w.id > s.revoked_all
                             ORDER BY w.id LIMIT 1)) AS revoked_at, \
     (SELECT r.cause FROM revocations r WHERE r.id = s.revocation_id) AS cause, \
     (SELECT ARRAY[d.label, d.country, d.city] FROM registered_devices d
      WHERE d.user_id = s.user_id AND d.id = s.device_id) AS device_shown";

/// The condition that a session (`sessions AS s`) was revoked neither by itself nor with all sessions.
pub(crate) const NOT_REVOKED: &str = "s.revoked_at IS NULL \
     AND s.revoked_all >= (SELECT coalesce(max(w.id), 0) FROM revocations w WHERE w.scope = 'all')";

/// One sign-in of a user on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `sid` in tokens.
    pub id: SessionId,
    /// The user of the session.
    pub user: UserId,
    /// The device of the session.
    pub device: DeviceId,
    /// Time of the sign-in.
    pub created_at: OffsetDateTime,
    /// The last use that was written; the actors may know a later one.
    pub last_seen_at: OffsetDateTime,
    /// The absolute end.
    pub expires_at: OffsetDateTime,
    /// The counter of the current refresh token.
    pub refresh_counter: u64,
    /// Time of the last rotation, renewal or late retry.
    pub refresh_rotated_at: Option<OffsetDateTime>,
    /// The highest refresh counter among the access tokens that were used.
    pub used_counter: u64,
    /// The refresh counter at the late retry.
    pub retried_counter: Option<u64>,
    /// The refresh counter after the last renewal.
    pub renewed_counter: Option<u64>,
    /// When the current refresh token expires.
    pub refresh_expires_at: OffsetDateTime,
    /// Raised by every step-up and every change of credentials: tokens of an earlier epoch carry no privilege.
    pub privilege_epoch: u32,
    /// The end of the privilege of a fresh proof of presence.
    pub privileged_until: Option<OffsetDateTime>,
    /// The method of the sign-in.
    pub method: SignInMethod,
    /// The last known address.
    pub address: Option<IpAddr>,
    /// The `User-Agent` of the client that opened the session.
    pub user_agent: Option<String>,
    /// The risk of the sign-in.
    pub risk: Option<Assessment>,
    /// What is shown of the device.
    pub shown: DeviceSummary,
    /// Time and cause of the revocation.
    pub revoked: Option<Revoked>,
    /// The id of the newest revocation of all sessions when this session was opened, or 0. A later revocation of all sessions
    /// ends this session.
    pub revoked_all: RevocationId,
}

/// The data of a device that is shown with its sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceSummary {
    /// The label that the user gave the device.
    pub label: Option<String>,
    /// The country of the last sign-in.
    pub country: Option<String>,
    /// The city of the last sign-in.
    pub city: Option<String>,
}

/// The revocation of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Time of the revocation.
    pub at: OffsetDateTime,
    /// The cause of the revocation.
    pub cause: Cause,
    /// The id of the revocation. `None` if the row of the revocation was deleted, or if a job has yet to end this session's row
    /// after a revocation of all sessions.
    pub id: Option<RevocationId>,
}

impl Session {
    /// The input of the rule that decides whether a session has ended.
    #[must_use]
    pub fn lifetime(&self, open_sockets: usize) -> Lifetime {
        Lifetime {
            last_seen_at: self.last_seen_at,
            expires_at: self.expires_at,
            revoked: self.revoked.map(|revoked| revoked.cause),
            open_sockets,
        }
    }
}

/// A session with its user. The session may have ended: check `session.revoked` and the times.
#[derive(Clone, Debug)]
pub struct SessionWithUser {
    /// The session.
    pub session: Session,
    /// The user of the session.
    pub user: User,
}

/// Maps a row of [`SESSION_COLUMNS`].
pub(crate) fn from_row(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId(row.try_get("id")?),
        user: UserId(row.try_get("user_id")?),
        device: DeviceId(row.try_get("device_id")?),
        created_at: row.try_get("created_at")?,
        last_seen_at: row.try_get("last_seen_at")?,
        expires_at: row.try_get("expires_at")?,
        refresh_counter: counter(row.try_get("refresh_counter")?),
        refresh_rotated_at: row.try_get("refresh_rotated_at")?,
        used_counter: counter(row.try_get("used_counter")?),
        retried_counter: row.try_get::<_, Option<i64>>("retried_counter")?.map(counter),
        renewed_counter: row.try_get::<_, Option<i64>>("renewed_counter")?.map(counter),
        refresh_expires_at: row.try_get("refresh_expires_at")?,
        privilege_epoch: u32::try_from(row.try_get::<_, i32>("privilege_epoch")?).unwrap_or(0),
        privileged_until: row.try_get("privileged_until")?,
        method: word(row, "method")?,
        address: row.try_get("address")?,
        user_agent: row.try_get("user_agent")?,
        risk: attempts::risk(row)?,
        shown: shown(row)?,
        revoked: revoked(row)?,
        revoked_all: RevocationId(row.try_get("revoked_all")?),
    })
}

fn shown(row: &Row) -> Result<DeviceSummary, StoreError> {
    let columns: Option<Vec<Option<String>>> = row.try_get("device_shown")?;
    let mut columns = columns.unwrap_or_default().into_iter();
    let mut next = || columns.next().flatten();
    Ok(DeviceSummary { label: next(), country: next(), city: next() })
}

/// Maps a row of [`SESSION_COLUMNS`] and `USER_COLUMNS`.
pub(crate) fn with_user(row: &Row) -> Result<SessionWithUser, StoreError> {
    Ok(SessionWithUser { session: from_row(row)?, user: user::from_row(row)? })
}

fn revoked(row: &Row) -> Result<Option<Revoked>, StoreError> {
    let Some(at) = row.try_get("revoked_at")? else {
        return Ok(None);
    };
    let cause = match row.try_get::<_, Option<&str>>("cause")? {
        Some(_) => word(row, "cause")?,
        // The session was revoked with all sessions, or the row of the revocation was deleted.
        None => Cause::Revoked,
    };
    let id = row.try_get::<_, Option<i64>>("revocation_id")?.map(RevocationId);
    Ok(Some(Revoked { at, cause, id }))
}

fn counter(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
