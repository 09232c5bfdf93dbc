//! The transaction of a revocation: session rows, revocation row, the change that requires the revocation, audit event,
//! notification.
//!
//! Called by `service::revocation`, and by `sessions::open` for sessions that a new sign-in evicts. After the commit, an ended
//! session can no longer be refreshed, touched or verified. The caller must close the open sockets of such a session.

use std::collections::BTreeMap;

use deadpool_postgres::{Client, Transaction};
use domain::events::session_signals::{ENDED_SESSIONS, NAMED_SESSIONS};
use protocol::{
    audit::AuditEvent,
    id::{DeviceId, RevocationId, SessionId, UserId},
};
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::{
    changes, everyone,
    order::{Change, CommittedRevocation, Ended, EndedSession, Left, RevocationRequest, Target},
    row,
    wide::{self, Candidates},
};
use crate::{
    accounts::administrators,
    error::StoreError,
    mail::links::{self, LINK_SPENT},
    pool::Store,
    revocation::acting_session::{self, REVOKE_ALL_LOCK},
    row_mapping::uuids,
    sessions::{external::NOT_REVOKED_WITH_ALL, session::NOT_REVOKED},
};

impl Store {
    /// Carries out a revocation in one transaction.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make the change. `Unavailable` if the database cannot be reached; the
    /// outcome may then be unknown. If the transaction has committed nevertheless, the revocation feed delivers the revocation.
    pub async fn commit(&self, order: RevocationRequest) -> Result<CommittedRevocation, StoreError> {
        if order.target.is_wide() {
            return self.run_slow(move |client| Box::pin(carry_out(client, order))).await;
        }
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
        left: Left::default(),
        renewed: None,
    };
    let candidates = wide::candidates(transaction, order).await?;
    let locked = lock(transaction, order, &candidates).await?;
    if let Some(acting_session) = &order.acting_session {
        acting_session::check(transaction, acting_session, order.now).await?;
    }
    if order.target == Target::All {
        return everyone::write(transaction, order).await;
    }
    if let Some(link) = order.link
        && !links::spend(transaction, link, order.now).await?
    {
        return Err(StoreError::Conflict(LINK_SPENT.to_owned()));
    }
    let users = raise(transaction, order, &locked).await?;
    if order.keep_an_admin {
        administrators::require_another(transaction, &users).await?;
    }
    if matches!(order.change, Some(Change::Password { .. } | Change::Factor(_))) {
        // A change of credentials also changes the row of the session that is not ended. So the rows of all sessions of these
        // users are locked here, in the order of their ids.
        let sql =
            "SELECT FROM sessions WHERE user_id = ANY ($1) AND revoked_at IS NULL ORDER BY id FOR UPDATE";
        transaction.execute(sql, &[&users]).await?;
    }
    let left = wide::left(transaction, order, candidates.more).await?;
    let nothing = CommittedRevocation { left, ..nothing };
    let mut ended = covered_sessions(transaction, order, &candidates).await?;
    ended.extend(covered_external_sessions(transaction, order).await?);
    let reached = match order.target {
        Target::Session(_) | Target::Network(_) | Target::OpenedSince(_) | Target::Subject(_) => {
            !ended.is_empty()
        }
        Target::Device(_) | Target::User(_) | Target::Users(_) | Target::All => !users.is_empty(),
    };
    if !reached || order.has_no_effect(ended.len()) {
        return Ok(nothing);
    }
    let id = row::insert(transaction, order, Some(ended.len()), None, left).await?;
    if order.cause.ends_session() {
        end(transaction, order, id, &ended).await?;
    }
    let renewed = match &order.change {
        Some(change) => changes::apply(transaction, order, change, &users).await?,
        None => None,
    };
    row::announce(transaction, id, &events(order, id, &ended, &users, left)).await?;
    Ok(CommittedRevocation {
        id: Some(id),
        ended: Ended::These(ended),
        renewed: renewed.map(Box::new),
        ..nothing
    })
}

/// Takes the locks in the order that `acting_session` describes. Returns the users with locked rows: the users concerned and
/// the acting user. A revocation of all sessions takes the first lock exclusively.
async fn lock(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
    candidates: &Candidates,
) -> Result<Vec<i64>, StoreError> {
    if order.target == Target::All {
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&REVOKE_ALL_LOCK]).await?;
    } else if order.acting_session.is_some() {
        acting_session::hold_off_revoking_all(transaction).await?;
    }
    let listed;
    let (concerned, key): (&str, &(dyn ToSql + Sync)) = match &order.target {
        Target::Users(users) => {
            listed = ids(users);
            ("SELECT unnest($1::bigint[])", &listed)
        }
        Target::Network(_) | Target::OpenedSince(_) => ("SELECT unnest($1::bigint[])", &candidates.users),
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

/// Raises the revocation epoch of the users concerned that have `locked` rows, and returns these users. So a concurrent sign-in
/// has two outcomes: it has committed before, and its session is ended here, or it is refused, because the epoch has changed.
/// If the target is one session, a network, a moment, a subject or all sessions, no epoch is raised. After the largest epoch
/// comes 0, because epochs are only compared for equality.
async fn raise(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
    locked: &[i64],
) -> Result<Vec<i64>, StoreError> {
    let listed;
    let (place, key): (&str, &(dyn ToSql + Sync)) = match &order.target {
        Target::Session(_)
        | Target::Network(_)
        | Target::OpenedSince(_)
        | Target::Subject(_)
        | Target::All => return Ok(Vec::new()),
        Target::User(user) => ("u.id = $1", &user.0),
        Target::Users(users) => {
            listed = ids(users);
            ("u.id = ANY ($1::bigint[])", &listed)
        }
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

/// Locks and returns the covered sessions that are not revoked yet.
async fn covered_sessions(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
    candidates: &Candidates,
) -> Result<Vec<EndedSession>, StoreError> {
    let listed;
    // Each kind of target has its own SQL text, so that its plan uses the right index.
    let (place, key): (&str, &(dyn ToSql + Sync)) = match &order.target {
        Target::Session(session) => ("s.id = $1", &session.0),
        Target::Device(device) => ("s.device_id = $1", &device.0),
        Target::User(user) => ("s.user_id = $1", &user.0),
        Target::Users(users) => {
            listed = ids(users);
            ("s.user_id = ANY ($1::bigint[])", &listed)
        }
        Target::Network(_) | Target::OpenedSince(_) => ("s.id = ANY ($1::uuid[])", &candidates.sessions),
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

/// Locks and returns the external sessions that the request covers. External sessions belong to no account, have no role and do
/// not become idle. So a request covers no external session if it is limited to the sessions of one account or to idle
/// sessions, or if it changes a role.
async fn covered_external_sessions(
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
        Target::Device(_)
        | Target::User(_)
        | Target::Users(_)
        | Target::Network(_)
        | Target::OpenedSince(_)
        | Target::All => return Ok(Vec::new()),
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

fn ids(users: &[UserId]) -> Vec<i64> {
    users.iter().map(|user| user.0).collect()
}

/// The audit events of the request. A revocation of several users has an event for each user, so that each user's trail shows it,
/// and other systems learn of it user by user.
fn events(
    order: &RevocationRequest,
    id: RevocationId,
    ended: &[EndedSession],
    users: &[i64],
    left: Left,
) -> Vec<AuditEvent> {
    let whole = event(order, id, ended);
    let whole = if left.excluded > 0 { whole.with("excluded", left.excluded) } else { whole };
    let whole = match &order.target {
        Target::Network(network) => whole.with("network", network.to_string()),
        Target::OpenedSince(moment) => whole.with("opened_since", moment.unix_timestamp()),
        Target::Users(_) => whole,
        Target::Session(_) | Target::Device(_) | Target::User(_) | Target::Subject(_) | Target::All => {
            return vec![whole];
        }
    };
    // Users of a list have an event even if they had no session.
    let mut of_users: BTreeMap<i64, Vec<EndedSession>> =
        users.iter().map(|user| (*user, Vec::new())).collect();
    for one in ended {
        if let Some(user) = one.user {
            of_users.entry(user.0).or_default().push(*one);
        }
    }
    of_users.into_iter().map(|(user, ended)| of_user(order, &whole, UserId(user), &ended)).collect()
}

/// The event of one of several users with sessions that the request ended.
fn of_user(
    order: &RevocationRequest,
    whole: &AuditEvent,
    user: UserId,
    ended: &[EndedSession],
) -> AuditEvent {
    let mut event =
        AuditEvent { id: Uuid::new_v4(), user: Some(user), session: None, device: None, ..whole.clone() };
    // These are the sessions of all users.
    event.detail.remove(ENDED_SESSIONS);
    let event = event.with("sessions", ended.len());
    match named_sessions(order, ended) {
        Some(named) => event.with(ENDED_SESSIONS, named),
        None => event,
    }
}

/// The audit event of the request, completed with what the revocation ended.
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
    event.subject = event.subject.or_else(|| Some(order.target.subject()?.as_str().to_owned()));
    let event = row::described(event, order, id).with("sessions", ended.len());
    match named_sessions(order, ended) {
        Some(named) => event.with(ENDED_SESSIONS, named),
        None => event,
    }
}

/// The sessions that ended, if the revocation did not end all sessions of its target. Other systems must then learn which
/// sessions have ended. `None` also if there are too many.
fn named_sessions(order: &RevocationRequest, ended: &[EndedSession]) -> Option<Vec<String>> {
    let partial = order.except.is_some()
        || order.only_idle_since.is_some()
        || order.only_opened_before.is_some()
        || order.target.is_wide();
    let of_session = matches!(order.target, Target::Session(_));
    let named = partial && !of_session && order.cause.ends_session() && ended.len() <= NAMED_SESSIONS;
    named.then(|| ended.iter().map(|ended| ended.session.to_string()).collect())
}
