//! Revocations as operators see them: the list, and one revocation with its progress.

use protocol::{
    close::Cause,
    id::{DeviceId, RevocationId, SessionId, UserId},
};
use time::OffsetDateTime;
use tokio_postgres::Row;

use super::progress::{self, NodeProgress};
use crate::{error::StoreError, pool::Store, row_mapping::word};

/// Which revocations to list.
#[derive(Clone, Debug, Default)]
pub struct RevocationFilter {
    /// Only revocations with this cause.
    pub cause: Option<Cause>,
    /// Only revocations of this user, or that ended sessions of this user.
    pub user: Option<UserId>,
    /// Only revocations that this user requested.
    pub actor: Option<UserId>,
    /// Only revocations at this time or later.
    pub since: Option<OffsetDateTime>,
    /// Only revocations after this one in the list, given by its time and id. The list begins with the newest.
    pub before: Option<(OffsetDateTime, RevocationId)>,
    /// Maximum number of revocations.
    pub limit: u32,
}

/// A revocation as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRevocation {
    /// The id.
    pub id: RevocationId,
    /// The kind of target: a word of `Target::scope`.
    pub scope: String,
    /// The session, if the target was one session.
    pub session: Option<SessionId>,
    /// The device, if the target was a device.
    pub device: Option<DeviceId>,
    /// The user, if the target was a user, or sessions of one user.
    pub user: Option<UserId>,
    /// The subject, if the target was a subject.
    pub subject: Option<String>,
    /// The network, if the target was a network.
    pub network: Option<String>,
    /// The moment, if the target were the sessions since a moment.
    pub opened_since: Option<OffsetDateTime>,
    /// The number of users that were named, if the target was a list of users.
    pub users: Option<u32>,
    /// The session that was not ended.
    pub except: Option<SessionId>,
    /// The cause.
    pub cause: Cause,
    /// The reason, for people.
    pub reason: String,
    /// The user that requested the revocation.
    pub actor: Option<UserId>,
    /// The number of sessions that ended. After a revocation of all sessions, the number grows until a job has marked their rows.
    pub sessions: u32,
    /// The number of sessions of users with a role that the actor may not act on.
    pub excluded: u32,
    /// Whether the target covered more sessions than one revocation ends.
    pub more: bool,
    /// Whether nodes note how far they have carried the revocation out.
    pub reported: bool,
    /// The time of the revocation.
    pub at: OffsetDateTime,
}

/// A revocation, and how far it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationProgress {
    /// The revocation.
    pub revocation: ListedRevocation,
    /// The nodes that have noted their progress, in the order of their ids.
    pub nodes: Vec<NodeProgress>,
    /// Whether every node has carried it out, so that its receipt is written. `None` if it gets no receipt, because it was made
    /// before servers wrote receipts.
    pub receipt: Option<bool>,
}

pub(super) const COLUMNS: &str = "r.id, r.scope, r.session_id, r.device_id, r.user_id, r.subject, r.network::text AS network, \
     r.opened_since, r.users, r.except_session_id, r.cause, r.reason, r.actor_id, r.sessions, r.excluded, r.more, r.reported, \
     r.created_at";

/// The most nodes of one revocation that are read.
const NODES: i64 = 1_000;

impl Store {
    /// Revocations, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn list_revocations(
        &self,
        filter: RevocationFilter,
    ) -> Result<Vec<ListedRevocation>, StoreError> {
        // The condition `created_at <= $5` alone lets the scan of an index begin at the cursor.
        // The revocations of a user are read by two indexes, each in the order of the list.
        let page = |condition: &str| {
            format!(
                "SELECT {COLUMNS} FROM revocations r
                 WHERE {condition} AND ($1::text IS NULL OR r.cause = $1) AND ($3::bigint IS NULL OR r.actor_id = $3)
                   AND ($4::timestamptz IS NULL OR r.created_at >= $4)
                   AND ($5::timestamptz IS NULL OR r.created_at <= $5)
                   AND ($5 IS NULL OR r.created_at < $5 OR r.id < $6)
                 ORDER BY r.created_at DESC, r.id DESC LIMIT $7"
            )
        };
        let sql = if filter.user.is_none() {
            page("$2::bigint IS NULL")
        } else {
            let ended = "r.user_id IS DISTINCT FROM $2 AND r.id IN (
                SELECT s.revocation_id FROM sessions s WHERE s.user_id = $2 AND s.revocation_id IS NOT NULL)";
            format!(
                "SELECT * FROM (({}) UNION ALL ({})) r ORDER BY r.created_at DESC, r.id DESC LIMIT $7",
                page("r.user_id = $2::bigint"),
                page(ended)
            )
        };
        self.run_quick(move |client| {
            Box::pin(async move {
                let RevocationFilter { cause, user, actor, since, before, limit } = filter;
                let (user, actor) = (user.map(|id| id.0), actor.map(|id| id.0));
                let (at, id) = before.map(|(at, id)| (at, id.0)).unzip();
                let (cause, limit) = (cause.map(Cause::as_str), i64::from(limit));
                // The statement is not cached, because each combination of filters needs its own plan.
                let rows = client.query(&sql, &[&cause, &user, &actor, &since, &at, &id, &limit]).await?;
                rows.iter().map(listed).collect()
            })
        })
        .await
    }

    /// A revocation and its progress; `None` if there is no such revocation, or if it was deleted after its retention.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn revocation(&self, id: RevocationId) -> Result<Option<RevocationProgress>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql = format!(
                    "SELECT {COLUMNS}, EXISTS (SELECT FROM receipts_due d WHERE d.revocation_id = r.id) AS due,
                            EXISTS (SELECT FROM revocation_receipts c WHERE c.revocation_id = r.id) AS receipt
                     FROM revocations r WHERE r.id = $1"
                );
                let statement = client.prepare_cached(&sql).await?;
                let Some(row) = client.query_opt(&statement, &[&id.0]).await? else { return Ok(None) };
                let revocation = listed(&row)?;
                let (written, due): (bool, bool) = (row.try_get("receipt")?, row.try_get("due")?);
                let sql = "SELECT node, state, sockets_closed, pending, after_ms FROM revocation_nodes
                           WHERE revocation_id = $1 ORDER BY node LIMIT $2";
                let statement = client.prepare_cached(sql).await?;
                let rows = client.query(&statement, &[&id.0, &NODES]).await?;
                let nodes = rows.iter().map(progress::from_row).collect::<Result<_, _>>()?;
                Ok(Some(RevocationProgress {
                    revocation,
                    nodes,
                    receipt: (written || due).then_some(written),
                }))
            })
        })
        .await
    }
}

pub(super) fn listed(row: &Row) -> Result<ListedRevocation, StoreError> {
    let count = |column| Ok::<_, StoreError>(row.try_get::<_, i32>(column)?.unsigned_abs());
    let user = |column| Ok::<_, StoreError>(row.try_get::<_, Option<i64>>(column)?.map(UserId));
    Ok(ListedRevocation {
        id: RevocationId(row.try_get("id")?),
        scope: row.try_get("scope")?,
        session: row.try_get::<_, Option<_>>("session_id")?.map(SessionId),
        device: row.try_get::<_, Option<_>>("device_id")?.map(DeviceId),
        user: user("user_id")?,
        subject: row.try_get("subject")?,
        network: row.try_get("network")?,
        opened_since: row.try_get("opened_since")?,
        users: row.try_get::<_, Option<i32>>("users")?.map(i32::unsigned_abs),
        except: row.try_get::<_, Option<_>>("except_session_id")?.map(SessionId),
        cause: word(row, "cause")?,
        reason: row.try_get("reason")?,
        actor: user("actor_id")?,
        sessions: count("sessions")?,
        excluded: count("excluded")?,
        more: row.try_get("more")?,
        reported: row.try_get("reported")?,
        at: row.try_get("created_at")?,
    })
}
