//! Records when servers were in service. A time without any server in service does not count as idle time of sessions.
//!
//! Called by the revocation feed, on the connection of the feed.

use std::time::Duration;

use domain::session::Outage;
use time::OffsetDateTime;
use tokio_postgres::{Client, error::SqlState};

use crate::error::StoreError;

/// A server in service writes a note every 10 s. If the last note is older than this when a server resumes service, the time
/// since that note is an outage.
const LONGEST_GAP: Duration = Duration::from_secs(30);
/// The largest number of attempts to write a note while other servers write their notes.
const MAX_ATTEMPTS: usize = 5;

/// What the database says about the times of service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceTime {
    /// The most recent period without any server in service, if there was one.
    pub outage: Option<Outage>,
    /// Whether the database was restored from a dump after a server had last been in service.
    pub restored: bool,
}

/// Writes a note that a server is in service. `resumed` says that this server was not in service a moment ago, so the time
/// since the last note of any server may be an outage. Two outages with less than `idle` between them count as one.
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
        let Some(row) = client.query_opt(sql, &[]).await? else { return Ok(ServiceTime::default()) };
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
        // The note is written only if no other server has written a note meanwhile. Otherwise the other server has seen the
        // same gap, and its note is read in the next round.
        let sql =
            "UPDATE service_time SET seen_at = greatest(seen_at, $1), outage_from = $2, outage_until = $3,
                    written_by = pg_current_xact_id()
             WHERE seen_at IS NOT DISTINCT FROM $4";
        let (from, until) = (outage.map(|outage| outage.from), outage.map(|outage| outage.until));
        match client.execute(sql, &[&now, &from, &until, &seen]).await {
            Ok(0) => {}
            // A database that is read-only for a while cannot store the note. The outage is known nevertheless.
            Err(error) if error.code() != Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
                return Err(error.into());
            }
            Ok(_) | Err(_) => return Ok(ServiceTime { outage, restored }),
        }
    }
    // This is an error, so that the caller tries again. Without an answer, an outage could stay unknown, and its time would
    // count as idle time of sessions.
    Err(StoreError::Unavailable("other servers write their notes at the same time".to_owned()))
}
