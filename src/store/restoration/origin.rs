//! Where this database is in service: the cluster, the database in it, and the timeline of its log. A database that is
//! somewhere else was restored from a backup or copied. It lacks the revocations after the backup, so no server may use it
//! until the restore is finished.
//!
//! Called by `start`, by the checks of new connections (`in_service`), and by `finish`. A dump is recognised by the transaction
//! that wrote the row. A copy is recognised by the identity of the cluster and of the database, and a recovery to a point in
//! time by the timeline. A snapshot of the disks cannot be recognised: every value in it is as before.

use time::OffsetDateTime;
use tokio_postgres::{Client, GenericClient, error::SqlState};

use crate::error::StoreError;

/// Why a server may not use this database yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfinished {
    /// The database was restored from a dump, or it is a copy.
    #[error(
        "the database was restored from a backup, or copied, and the restore is not finished: what was revoked after the \
         backup would be valid again. Run `portcullis restore --finish`; if nothing is missing in the database, run \
         `portcullis restore --nothing-lost`"
    )]
    Copied,
    /// The cluster has begun another timeline while no server was in service.
    #[error(
        "the database was recovered from an archive, or a standby took over while no server was in service: the last \
         revocations may be missing. Run `portcullis restore --finish`; if nothing is missing in the database, run \
         `portcullis restore --nothing-lost`"
    )]
    OtherTimeline,
}

/// The identity of a database's place. A part is `None` if the cluster does not tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) cluster: Option<i64>,
    pub(super) database: Option<i64>,
    pub(super) timeline: Option<i64>,
}

/// What the database says about its origin.
#[derive(Clone, Copy, Debug)]
struct Known {
    place: Place,
    /// Whether a server has taken the database into service.
    in_service: bool,
    /// Whether the row, or the note of the servers about their time in service, was loaded from a dump.
    loaded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// No server was in service here.
    New,
    /// The database is where it was.
    Same,
    Unfinished(Unfinished),
}

fn judge(known: &Known, here: &Place) -> Standing {
    let differs = |known: Option<i64>, here: Option<i64>| known.is_some() && here.is_some() && known != here;
    if known.loaded {
        return Standing::Unfinished(Unfinished::Copied);
    }
    if !known.in_service {
        return Standing::New;
    }
    if differs(known.place.cluster, here.cluster) || differs(known.place.database, here.database) {
        return Standing::Unfinished(Unfinished::Copied);
    }
    if differs(known.place.timeline, here.timeline) {
        return Standing::Unfinished(Unfinished::OtherTimeline);
    }
    Standing::Same
}

/// The present identity of this database's place. Must not be called inside of a transaction, which a refused function would
/// end.
pub(super) async fn here(client: &Client) -> Result<Place, StoreError> {
    let database = "SELECT oid::bigint FROM pg_database WHERE datname = current_database()";
    // The name of the log file begins with the timeline. The control file would tell it only after the next checkpoint.
    let timeline =
        "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint";
    Ok(Place {
        cluster: told(client, "SELECT system_identifier FROM pg_control_system()").await?,
        database: told(client, database).await?,
        timeline: told(client, timeline).await?,
    })
}

/// The answer of a function that some services of PostgreSQL do not offer, or do not permit.
async fn told(client: &Client, sql: &str) -> Result<Option<i64>, StoreError> {
    const NOT_TOLD: [SqlState; 4] = [
        SqlState::INSUFFICIENT_PRIVILEGE,
        SqlState::FEATURE_NOT_SUPPORTED,
        SqlState::UNDEFINED_FUNCTION,
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
    ];
    match client.query_one(sql, &[]).await {
        Ok(row) => Ok(row.try_get(0)?),
        Err(error) if error.code().is_some_and(|code| NOT_TOLD.contains(code)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn standing(client: &Client) -> Result<(Standing, Place), StoreError> {
    let sql = "SELECT o.cluster, o.database, o.timeline, o.in_service_since IS NOT NULL AS in_service,
                      o.xmin <> o.written_by::xid
                          AND o.in_service_since IS NOT NULL
                      OR o.in_service_since IS NULL
                          AND coalesce((SELECT s.xmin <> s.written_by::xid FROM service_time s), false) AS loaded
               FROM database_origin o";
    let row = client.query_one(sql, &[]).await?;
    let place = Place {
        cluster: row.try_get("cluster")?,
        database: row.try_get("database")?,
        timeline: row.try_get("timeline")?,
    };
    let known = Known { place, in_service: row.try_get("in_service")?, loaded: row.try_get("loaded")? };
    let here = here(client).await?;
    Ok((judge(&known, &here), here))
}

/// Writes that the database is in service in this place. With `only_if_new`, only if no server was in service before.
pub(super) async fn write(
    client: &impl GenericClient,
    place: &Place,
    now: OffsetDateTime,
    only_if_new: bool,
) -> Result<(), StoreError> {
    let sql = "UPDATE database_origin SET in_service_since = $1, cluster = $2, database = $3, timeline = $4,
                      written_by = pg_current_xact_id()
               WHERE NOT $5 OR in_service_since IS NULL";
    client.execute(sql, &[&now, &place.cluster, &place.database, &place.timeline, &only_if_new]).await?;
    Ok(())
}

/// Where the database of a connection of a running server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connected {
    /// In the place where the server has used it.
    Here,
    /// The cluster has begun another timeline: a standby has taken over, or the cluster was recovered from an archive.
    OtherTimeline,
    /// The database is a restored one or a copy, or a server has found that rows are missing.
    Elsewhere,
}

/// The noted timeline of a database with lost rows. No cluster has this timeline.
const LOST: i64 = 0;

pub(crate) async fn connected(client: &Client) -> Result<Connected, StoreError> {
    let lost = "SELECT coalesce(timeline = $1, false) FROM database_origin";
    if client.query_one(lost, &[&LOST]).await?.try_get(0)? {
        return Ok(Connected::Elsewhere);
    }
    Ok(match standing(client).await?.0 {
        Standing::New | Standing::Same => Connected::Here,
        Standing::Unfinished(Unfinished::OtherTimeline) => Connected::OtherTimeline,
        Standing::Unfinished(Unfinished::Copied) => Connected::Elsewhere,
    })
}

/// Notes the timeline of the cluster, because nothing is missing in the database.
pub(crate) async fn note_timeline(client: &Client) -> Result<(), StoreError> {
    write_timeline(client, here(client).await?.timeline).await
}

/// Notes that the database has lost rows. No server uses it until the restore is finished.
pub(crate) async fn note_lost(client: &Client) -> Result<(), StoreError> {
    write_timeline(client, Some(LOST)).await
}

async fn write_timeline(client: &Client, timeline: Option<i64>) -> Result<(), StoreError> {
    let sql = "UPDATE database_origin SET timeline = $1, written_by = pg_current_xact_id()
               WHERE timeline IS DISTINCT FROM $2";
    match client.execute(sql, &[&timeline, &LOST]).await {
        // A database that is read-only for a while is asked again by the next connection.
        Err(error) if error.code() != Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => Err(error.into()),
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place = Place { cluster: Some(7), database: Some(16_384), timeline: Some(1) };

    fn known(place: Place) -> Known {
        Known { place, in_service: true, loaded: false }
    }

    #[test]
    fn a_database_of_another_cluster_or_of_another_name_is_a_copy() {
        let copied = Standing::Unfinished(Unfinished::Copied);
        assert_eq!(judge(&known(Place { cluster: Some(8), ..HERE }), &HERE), copied);
        assert_eq!(judge(&known(Place { database: Some(5), ..HERE }), &HERE), copied);
        assert_eq!(judge(&Known { loaded: true, ..known(HERE) }, &HERE), copied);
    }

    #[test]
    fn another_timeline_means_a_recovery_or_a_standby() {
        let other = Standing::Unfinished(Unfinished::OtherTimeline);
        assert_eq!(judge(&known(Place { timeline: Some(2), ..HERE }), &HERE), other);
    }

    #[test]
    fn a_database_that_is_where_it_was_may_be_used() {
        assert_eq!(judge(&known(HERE), &HERE), Standing::Same);
        // A cluster that does not tell its identity cannot be compared.
        assert_eq!(judge(&known(HERE), &Place::default()), Standing::Same);
        let new = Known { place: Place::default(), in_service: false, loaded: false };
        assert_eq!(judge(&new, &HERE), Standing::New);
    }
}
