//! When servers were in service: the time in which none was does not count as idle time of sessions.
//!
//! Called by the revocation feed, on its own connection.

use std::time::Duration;

use domain::session::Outage;
use time::OffsetDateTime;
use tokio_postgres::{Client, error::SqlState};

use crate::error::StoreError;

/// The longest time between two notes that is no outage. Servers write a note every 10 s.
const LONGEST_GAP: Duration = Duration::from_secs(30);
/// How often a note is tried while other servers write theirs.
const MAX_ATTEMPTS: usize = 5;

/// What the database says about the time of service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceTime {
    /// The last outage of all servers.
    pub outage: Option<Outage>,
    /// The database was restored from a dump since a server was in service.
    pub restored: bool,
}

/// Notes that a server is in service. `resumed`: it was not a moment ago, so the time since the last note of any server may be an
/// outage. Outages that are fewer than `idle` apart count as one.
pub(crate) async fn note(
    client: &Client,
    now: OffsetDateTime,
    resumed: bool,
    idle: Duration,
) -> Result<ServiceTime, StoreError> {
    for _ in 0..MAX_ATTEMPTS {
        let sql = "SELECT seen_at, outage_from, outage_until,
                          coalesce(xmin <> written_by::xid, false) AS restored
                   FROM service_time";
        let Some(row) = client.query_opt(sql, &[]).await? else { break };
        let seen: Option<OffsetDateTime> = row.try_get("seen_at")?;
        let restored: bool = row.try_get("restored")?;
        let bounds = (row.try_get("outage_from")?, row.try_get("outage_until")?);
        let known = match bounds {
            (Some(from), Some(until)) if !restored => Some(Outage { from, until }),
            _ => None,
        };
        let gap = seen.filter(|seen| resumed && !restored && now - *seen > LONGEST_GAP);
        let outage = match (gap.map(|from| Outage { from, until: now }), known) {
            (Some(gap), Some(known)) => Some(gap.joined(known, idle)),
            (gap, known) => gap.or(known),
        };
        // Only if no other server has written a note meanwhile: it has seen the same gap.
        let sql =
            "UPDATE service_time SET seen_at = greatest(seen_at, $1), outage_from = $2, outage_until = $3,
                    written_by = pg_current_xact_id()
             WHERE seen_at IS NOT DISTINCT FROM $4";
        let (from, until) = (outage.map(|outage| outage.from), outage.map(|outage| outage.until));
        match client.execute(sql, &[&now, &from, &until, &seen]).await {
            Ok(0) => {}
            // A database that is read-only for a while still answers since when no use was recorded.
            Err(error) if error.code() != Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
                return Err(error.into());
            }
            Ok(_) | Err(_) => return Ok(ServiceTime { outage, restored }),
        }
    }
    Ok(ServiceTime::default())
}
