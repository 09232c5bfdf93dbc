//! The transaction of a revocation: session rows, revocation row, the change that caused it, audit event,
//! notification.
//!
//! Called by `service::revocation` and, for sessions that are evicted by a new sign-in, by `sessions::open`. After
//! the commit an ended session can no longer be refreshed, touched or verified. Closing its open sockets is the
//! caller's task.

use deadpool_postgres::{Client, Transaction};
use protocol::{
    audit::AuditEvent,
    id::{DeviceId, RevocationId, SessionId, UserId},
};
use tokio_postgres::{Row, types::ToSql};

use super::{
    changes, everyone,
    order::{Change, CommittedRevocation, Ended, EndedSession, RevocationRequest, Target},
    row,
};
use crate::{
    error::StoreError,
    pool::Store,
    revocation::acting_session::{self, REVOKE_ALL_LOCK},
    row_mapping::uuids,
    sessions::{external::NOT_REVOKED_WITH_ALL, session::NOT_REVOKED},
};

impl Store {
    /// Carries out a revocation in one transaction.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer do this. `Unavailable` if the database cannot be reached; the
    /// outcome may then be unknown. If it did commit, the revocation feed delivers it.
    pub async fn commit(&self, order: RevocationRequest) -> Result<CommittedRevocation, StoreError> {
        self.run(move |client| Box::pin(carry_out(client, order))).await
    }
}

async fn carry_out(client: &mut Client, order: RevocationRequest) -> Result<CommittedRevocation, StoreError> {
    let transaction = client.transaction().await?;
    let committed = write(&transaction, &order).await?;
    transaction.commit().await?;
    Ok(committed)
}

/// Writes a revocation within the caller's transaction.
pub(crate) async fn write(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
) -> Result<CommittedRevocation, StoreError> {
    let nothing = CommittedRevocation {
        id: None,
        cause: order.cause,
        ended: Ended::These(Vec::new()),
        except: order.except,
        renewed: None,
    };
    let locked = lock(transaction, order).await?;
    if let Some(acting_session) = &order.acting_session {
        acting_session::check(transaction, acting_session, order.now).await?;
    }
    if order.target == Target::All {
        return everyone::write(transaction, order).await;
    }
    let users = raise(transaction, order, &locked).await?;
    if matches!(order.change, Some(Change::Password { .. } | Change::Factor(_))) {
        // A change of credentials renews the tokens of the remaining session, so its row is locked, too, in the order of ids.
        let sql =
            "SELECT FROM sessions WHERE user_id = ANY ($1) AND revoked_at IS NULL ORDER BY id FOR UPDATE";
        transaction.execute(sql, &[&users]).await?;
    }
    let mut ended = doomed(transaction, order).await?;
    ended.extend(doomed_outside(transaction, order).await?);
    let reached = match order.target {
        Target::Session(_) | Target::Subject(_) => !ended.is_empty(),
        Target::Device(_) | Target::User(_) | Target::All => !users.is_empty(),
    };
    if !reached || order.is_idle(ended.len()) {
        return Ok(nothing);
    }
    let id = row::insert(transaction, order, Some(ended.len())).await?;
    if order.cause.ends_session() {
        end(transaction, order, id, &ended).await?;
    }
    let renewed = match &order.change {
        Some(change) => changes::apply(transaction, order, change, &users).await?,
        None => None,
    };
    row::announce(transaction, id, event(order, id, &ended)).await?;
    Ok(CommittedRevocation {
        id: Some(id),
        ended: Ended::These(ended),
        renewed: renewed.map(Box::new),
        ..nothing
    })
}

/// Takes the locks in the order that `acting_session` describes. Returns the users with locked rows: those
/// concerned, and the acting user. A revocation of all sessions takes its own lock exclusively instead.
async fn lock(transaction: &Transaction<'_>, order: &RevocationRequest) -> Result<Vec<i64>, StoreError> {
    if order.target == Target::All {
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&REVOKE_ALL_LOCK]).await?;
    } else if order.acting_session.is_some() {
        acting_session::hold_off_revoking_all(transaction).await?;
    }
    let (concerned, key): (&str, &(dyn ToSql + Sync)) = match &order.target {
        Target::Session(session) => ("SELECT s.user_id FROM sessions s WHERE s.id = $1", &session.0),
        Target::Device(device) => ("SELECT d.user_id FROM registered_devices d WHERE d.id = $1", &device.0),
        Target::User(user) => ("SELECT $1::bigint", &user.0),
        Target::Subject(_) | Target::All => ("SELECT 0::bigint WHERE NOT $1::boolean", &true),
    };
    let sql = format!(
        "SELECT u.id FROM users u
         WHERE u.id = ANY (ARRAY({concerned}) || $2::bigint) AND ($3::bigint IS NULL OR u.id IN ($2, $3))
         ORDER BY u.id FOR NO KEY UPDATE"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let actor = order.acting_session.map(|acting_session| acting_session.user.0);
    let only = order.only_user.map(|id| id.0);
    let rows = transaction.query(&statement, &[key, &actor, &only]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Raises the revocation epoch of the concerned users among the `locked` ones. So a concurrent sign-in has either
/// committed earlier, and its session is ended, or commits later, and is refused. Returns these users; none for a
/// session and for all sessions. After the largest number comes 0, because numbers are only compared for equality.
async fn raise(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
    locked: &[i64],
) -> Result<Vec<i64>, StoreError> {
    let (place, key): (&str, &(dyn ToSql + Sync)) = match &order.target {
        Target::Session(_) | Target::Subject(_) | Target::All => return Ok(Vec::new()),
        Target::User(user) => ("u.id = $1", &user.0),
        Target::Device(device) => {
            ("u.id IN (SELECT d.user_id FROM registered_devices d WHERE d.id = $1)", &device.0)
        }
    };
    let sql = format!(
        "UPDATE users u SET generation = CASE u.generation WHEN 2147483647 THEN 0 ELSE u.generation + 1 END, updated_at = $4
         WHERE u.id = ANY ($5) AND {place} AND ($2::bigint IS NULL OR u.id = $2)
           AND ($3::text[] IS NULL OR u.role = ANY ($3))
         RETURNING u.id"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let only = order.only_user.map(|id| id.0);
    let rows = transaction.query(&statement, &[key, &only, &order.roles(), &order.now, &locked]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The sessions that the request covers and that are not revoked yet, locked.
async fn doomed(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
) -> Result<Vec<EndedSession>, StoreError> {
    // Each kind of target has its own SQL text, so that its plan uses the right index.
    let (place, key): (&str, &(dyn ToSql + Sync)) = match &order.target {
        Target::Session(session) => ("s.id = $1", &session.0),
        Target::Device(device) => ("s.device_id = $1", &device.0),
        Target::User(user) => ("s.user_id = $1", &user.0),
        Target::Subject(_) | Target::All => return Ok(Vec::new()),
    };
    let sql = format!(
        "SELECT s.id, s.user_id, s.device_id FROM sessions s
         WHERE {place} AND {NOT_REVOKED} AND s.id IS DISTINCT FROM $2::uuid
           AND ($3::bigint IS NULL OR s.user_id = $3)
           AND ($4::text[] IS NULL OR EXISTS (SELECT 1 FROM users u WHERE u.id = s.user_id AND u.role = ANY ($4)))
           AND ($5::timestamptz IS NULL OR s.last_seen_at <= $5)
           AND ($6::timestamptz IS NULL OR s.created_at < $6)
         ORDER BY s.id FOR UPDATE OF s"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let except = order.except.map(|id| id.0);
    let only = order.only_user.map(|id| id.0);
    let (roles, idle, opened) = (order.roles(), &order.only_idle_since, &order.only_opened_before);
    let arguments: [&(dyn ToSql + Sync); 6] = [key, &except, &only, &roles, idle, opened];
    let rows = transaction.query(&statement, &arguments).await?;
    rows.iter().map(ended).collect()
}

/// The external sessions that the request covers, locked. They belong to no account, so a request for one
/// account's sessions, or for idle ones, does not cover them.
async fn doomed_outside(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
) -> Result<Vec<EndedSession>, StoreError> {
    if order.only_user.is_some() || order.only_idle_since.is_some() || !order.cause.ends_session() {
        return Ok(Vec::new());
    }
    let name;
    let (place, key): (&str, &(dyn ToSql + Sync)) = match &order.target {
        Target::Session(session) => ("x.id = $1", &session.0),
        Target::Subject(subject) => {
            name = subject.as_str();
            ("x.subject = $1", &name)
        }
        Target::Device(_) | Target::User(_) | Target::All => return Ok(Vec::new()),
    };
    let sql = format!(
        "SELECT x.id, NULL::bigint AS user_id, NULL::uuid AS device_id FROM external_sessions x
         WHERE {place} AND x.ended_at IS NULL AND x.revoked_at IS NULL AND x.{NOT_REVOKED_WITH_ALL}
           AND x.id IS DISTINCT FROM $2::uuid
         ORDER BY x.id FOR UPDATE OF x"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let rows = transaction.query(&statement, &[key, &order.except.map(|id| id.0)]).await?;
    rows.iter().map(ended).collect()
}

pub(crate) fn ended(row: &Row) -> Result<EndedSession, StoreError> {
    Ok(EndedSession {
        session: SessionId(row.try_get("id")?),
        user: row.try_get::<_, Option<_>>("user_id")?.map(UserId),
        device: row.try_get::<_, Option<_>>("device_id")?.map(DeviceId),
    })
}

async fn end(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
    id: RevocationId,
    ended: &[EndedSession],
) -> Result<(), StoreError> {
    let ids: Vec<_> = ended.iter().map(|ended| ended.session).collect();
    for table in ["sessions", "external_sessions"] {
        let sql = format!("UPDATE {table} SET revoked_at = $2, revocation_id = $3 WHERE id = ANY ($1)");
        let statement = transaction.prepare_cached(&sql).await?;
        transaction.execute(&statement, &[&uuids(&ids), &order.now, &id.0]).await?;
    }
    Ok(())
}

/// The audit event of the request, with its outcome.
fn event(order: &RevocationRequest, id: RevocationId, ended: &[EndedSession]) -> AuditEvent {
    let only = match ended {
        [one] => Some(*one),
        _ => None,
    };
    let mut event = order.audit.clone();
    event.actor = event.actor.or(order.actor);
    event.user = event.user.or(match order.target {
        Target::User(user) => Some(user),
        _ => only.and_then(|ended| ended.user).or(order.only_user),
    });
    event.session = event.session.or(match order.target {
        Target::Session(session) => Some(session),
        _ => None,
    });
    event.device = event.device.or(match order.target {
        Target::Device(device) => Some(device),
        _ => only.and_then(|ended| ended.device),
    });
    row::described(event, order, id).with("sessions", ended.len())
}
