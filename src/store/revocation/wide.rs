//! Revocations of a network, and of the sessions since a moment: which sessions they cover, and how many sessions a role excludes.
//!
//! Called by `commit`, within its transaction. The users of the covered sessions are known only after the sessions are read. So
//! the sessions are read without locks, then the users are locked, and then the sessions that are still open.

use std::net::IpAddr;

use deadpool_postgres::Transaction;
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::order::{Left, RevocationRequest, SESSIONS_AT_ONCE, Target};
use crate::{error::StoreError, sessions::session::NOT_REVOKED};

/// The sessions that a wide target covers, and their users.
#[derive(Default)]
pub(super) struct Candidates {
    pub(super) sessions: Vec<Uuid>,
    pub(super) users: Vec<i64>,
    /// Whether the target covers more sessions than these.
    pub(super) more: bool,
}

/// The part of a target that selects sessions, as SQL with the parameters `$1` and `$2`.
struct Place {
    sql: &'static str,
    first: Box<dyn ToSql + Sync + Send>,
    second: Box<dyn ToSql + Sync + Send>,
}

/// The condition of a target with sessions of users of any role.
fn place(target: &Target) -> Option<Place> {
    match target {
        Target::Network(network) => Some(Place {
            sql: "s.address BETWEEN $1::inet AND $2::inet",
            first: Box::new(network.network()),
            second: Box::new(last_address(network)),
        }),
        Target::OpenedSince(moment) => Some(Place {
            sql: "s.created_at >= $1 AND ($2::timestamptz IS NULL OR true)",
            first: Box::new(*moment),
            second: Box::new(None::<OffsetDateTime>),
        }),
        Target::Users(users) => Some(Place {
            sql: "s.user_id = ANY ($1::bigint[]) AND ($2::bigint IS NULL OR true)",
            first: Box::new(users.iter().map(|user| user.0).collect::<Vec<_>>()),
            second: Box::new(None::<i64>),
        }),
        Target::Session(_) | Target::Device(_) | Target::User(_) | Target::Subject(_) | Target::All => None,
    }
}

/// The last address of a network; for IPv6, `broadcast` is that address, too.
fn last_address(network: &ipnet::IpNet) -> IpAddr {
    network.broadcast()
}

/// Reads which sessions a revocation of a network, or of the sessions since a moment, covers. Nothing is locked.
pub(super) async fn candidates(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
) -> Result<Candidates, StoreError> {
    if !order.target.is_wide() {
        return Ok(Candidates::default());
    }
    let Some(place) = place(&order.target) else { return Ok(Candidates::default()) };
    let sql = format!(
        "SELECT s.id, s.user_id FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE {} AND {NOT_REVOKED} AND ($3::text[] IS NULL OR u.role = ANY ($3)) LIMIT $4",
        place.sql
    );
    let most = i64::from(SESSIONS_AT_ONCE);
    let rows = transaction.query(&sql, &[&*place.first, &*place.second, &order.roles(), &(most + 1)]).await?;
    let more = rows.len() > SESSIONS_AT_ONCE as usize;
    let mut found = Candidates { more, ..Candidates::default() };
    for row in rows.iter().take(SESSIONS_AT_ONCE as usize) {
        found.sessions.push(row.try_get("id")?);
        found.users.push(row.try_get("user_id")?);
    }
    found.users.sort_unstable();
    found.users.dedup();
    Ok(found)
}

/// What the revocation leaves. `more` says that the target covers more sessions than the candidates.
pub(super) async fn left(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
    more: bool,
) -> Result<Left, StoreError> {
    let (Some(place), Some(roles)) = (place(&order.target), order.roles()) else {
        return Ok(Left { excluded: 0, more });
    };
    let sql = format!(
        "SELECT count(*) FROM (
             SELECT FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE {} AND {NOT_REVOKED} AND u.role <> ALL ($3::text[]) LIMIT $4) excluded",
        place.sql
    );
    let most = i64::from(SESSIONS_AT_ONCE);
    let row = transaction.query_one(&sql, &[&*place.first, &*place.second, &roles, &most]).await?;
    let excluded = u32::try_from(row.try_get::<_, i64>(0)?).unwrap_or(u32::MAX);
    Ok(Left { excluded, more })
}
