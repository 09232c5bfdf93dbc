//! Revocations: which sessions they end, which sessions they do not end, and what they write.

use std::time::Duration;

use domain::{
    account::role::{Role, Status},
    events::session_signals::{Signal, SignalKind, signals},
};
use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
    id::{DeviceId, SessionId, UserId},
};
use store::{
    Change, ExternalSession, Left, OpenSession, RevocationRequest, SessionFilter, StoreError, Target,
};

use super::{Db, address, external::begin, now, watermark::read_since, with_db};
use crate::harness::Barrier;

#[test]
fn only_one_of_eight_simultaneous_revocations_ends_the_session() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        let order = || RevocationRequest::new(Target::Session(session.id), Cause::SignedOut, now());
        let racing = (0..8).map(|_| db.store.commit(order()));
        let committed: Vec<_> =
            futures_util::future::join_all(racing).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(committed.iter().filter(|committed| committed.id.is_some()).count(), 1);
        assert_eq!(db.count("SELECT count(*) FROM revocations").await, 1);
        assert_eq!(db.count("SELECT count(*) FROM audit_events WHERE event = 'session.revoked'").await, 1);
    });
}

#[test]
fn a_revocation_limited_to_one_user_ends_no_session_of_another() {
    with_db(|db| async move {
        let (ada, eve) = (db.user("ada").await, db.user("eve").await);
        let session = db.open(Db::sign_in(&ada)).await;
        for target in [Target::Session(session.id), Target::Device(session.device)] {
            let order = RevocationRequest {
                only_user: Some(eve.id),
                ..RevocationRequest::new(target, Cause::SignedOut, now())
            };
            assert_eq!(db.store.commit(order).await.unwrap().id, None);
        }
        assert_eq!(db.store.sessions_of(ada.id, None, 100).await.unwrap().len(), 1);
    });
}

#[test]
fn a_revocation_limited_to_some_roles_ends_no_session_of_other_roles() {
    with_db(|db| async move {
        let (ada, boss) = (db.user("ada").await, db.user("boss").await);
        let order = RevocationRequest {
            change: Some(Change::Role(Role::Admin)),
            ..RevocationRequest::new(Target::User(boss.id), Cause::RoleChanged, now())
        };
        db.store.commit(order).await.unwrap();
        let boss = db.store.user_by_id(boss.id).await.unwrap().unwrap();
        let session = db.open(Db::sign_in(&ada)).await;
        let spared = db.open(Db::sign_in(&boss)).await;
        let operator = |target| RevocationRequest {
            only_roles: Some(vec![Role::User, Role::Operator]),
            ..RevocationRequest::new(target, Cause::Revoked, now())
        };
        for target in [Target::Session(spared.id), Target::User(boss.id), Target::Device(spared.device)] {
            assert_eq!(db.store.commit(operator(target)).await.unwrap().id, None);
        }
        let ended = db.store.commit(operator(Target::Session(session.id))).await.unwrap().ended;
        assert_eq!(ended.named().iter().map(|ended| ended.session).collect::<Vec<_>>(), [session.id]);
    });
}

#[test]
fn a_change_that_keeps_an_admin_does_not_take_the_last_active_one() {
    with_db(|db| async move {
        let (one, two) = (db.user("ada").await, db.user("eve").await);
        let to = |user: &store::User, change| RevocationRequest {
            change: Some(change),
            keep_an_admin: true,
            ..RevocationRequest::new(Target::User(user.id), Cause::RoleChanged, now())
        };
        for user in [&one, &two] {
            db.store.commit(to(user, Change::Role(Role::Admin))).await.unwrap();
        }
        db.store.commit(to(&one, Change::Role(Role::User))).await.unwrap();
        for change in [Change::Role(Role::Operator), Change::Status(Status::Suspended)] {
            let refused = db.store.commit(to(&two, change)).await;
            assert!(matches!(refused, Err(StoreError::Conflict(name)) if name == store::LAST_ADMIN));
        }
        let last = db.store.user_by_id(two.id).await.unwrap().unwrap();
        assert_eq!((last.role, last.status), (Role::Admin, Status::Active));
        db.store.commit(to(&one, Change::Status(Status::Suspended))).await.unwrap();
    });
}

#[test]
fn an_excepted_session_is_not_ended() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let kept = db.open(Db::sign_in(&user)).await;
        for _ in 0..3 {
            db.open(Db::sign_in(&user)).await;
        }
        let order = RevocationRequest {
            except: Some(kept.id),
            ..RevocationRequest::new(Target::User(user.id), Cause::SignedOut, now())
        };
        assert_eq!(db.store.commit(order).await.unwrap().ended.named().len(), 3);
        let live = db.store.sessions_of(user.id, None, 100).await.unwrap();
        assert_eq!(live.iter().map(|session| session.id).collect::<Vec<_>>(), [kept.id]);
    });
}

#[test]
fn a_forgotten_device_is_unknown_until_the_next_sign_in_on_it() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let open = Db::sign_in(&user);
        let session = db.open(open.clone()).await;
        let order = RevocationRequest {
            change: Some(Change::ForgetDevice),
            only_user: Some(user.id),
            ..RevocationRequest::new(Target::Device(open.device.id), Cause::DeviceRemoved, now())
        };
        assert_eq!(db.store.commit(order).await.unwrap().ended.named()[0].session, session.id);
        let find = || {
            db.store.user_by_key(
                domain::account::account_key::AccountKey::of("ada@example.com"),
                Some(open.device.id),
            )
        };
        let candidate = find().await.unwrap().unwrap();
        assert!(!candidate.device_known);
        db.open(OpenSession { device: open.device.clone(), ..Db::sign_in(&candidate.user) }).await;
        assert!(find().await.unwrap().unwrap().device_known);
    });
}

#[test]
fn a_revocation_that_ends_no_session_writes_nothing() {
    with_db(|db| async move {
        let before = db.count("SELECT count(*) FROM audit_events").await;
        for target in [Target::User(UserId(404)), Target::Session(SessionId::random())] {
            assert_eq!(db.revoke(target, Cause::Revoked).await.id, None);
        }
        assert_eq!(db.count("SELECT count(*) FROM audit_events").await, before);
    });
}

#[test]
fn the_audit_event_names_the_number_of_sessions_the_cause_and_the_actor() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        db.open(Db::sign_in(&user)).await;
        db.open(Db::sign_in(&user)).await;
        let order = RevocationRequest {
            reason: "a\0 lost \u{202e}phone ".repeat(200),
            actor: Some(UserId(9)),
            ..RevocationRequest::new(Target::User(user.id), Cause::Revoked, now())
        };
        db.store.commit(order).await.unwrap();
        let sql = "SELECT count(*) FROM audit_events e JOIN revocations r ON (e.detail->>'revocation')::bigint = r.id
                   WHERE e.detail->>'sessions' = '2' AND e.detail->>'cause' = 'revoked' AND e.actor_id = 9
                     AND r.sessions = 2 AND r.actor_id = 9 AND r.reason <> ''";
        assert_eq!(db.count(sql).await, 1);
    });
}

/// A revocation and a `touch` both lock rows in the order of their ids. This test holds a row in the middle. In any other
/// order, each of the two would lock rows that the other needs, and they would deadlock after the release.
#[test]
fn a_revocation_and_touches_do_not_deadlock() {
    with_db(|db| async move {
        for revocation_first in [true, false] {
            let user = db.user(if revocation_first { "ada" } else { "bob" }).await;
            let mut touches = Vec::new();
            for _ in 0..12 {
                let session = db.open(Db::sign_in(&user)).await;
                touches.push(store::LastSeen {
                    session: session.id,
                    device: session.device,
                    user: user.id,
                    at: now(),
                    address: None,
                    used_counter: 0,
                });
            }
            let mut in_order: Vec<_> = touches.iter().map(|touch| touch.session).collect();
            in_order.sort_by_key(|session| session.0);
            let middle = format!("SELECT FROM sessions WHERE id = '{}' FOR UPDATE", in_order[6]);
            let barrier = Barrier::at(&db.settings, &middle).await;
            touches.rotate_left(5);
            let touch = db.store.touch(touches);
            let revoke = db.revoke(Target::User(user.id), Cause::Revoked);
            let (touched, revoked) = if revocation_first {
                let (revoked, touched) = Box::pin(barrier.in_order(revoke, touch)).await;
                (touched, revoked)
            } else {
                Box::pin(barrier.in_order(touch, revoke)).await
            };
            touched.unwrap();
            assert_eq!(revoked.ended.named().len(), 12);
        }
    });
}

#[test]
fn an_unused_session_becomes_idle_unless_a_socket_is_open() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let idle = Duration::from_secs(1800);
        let quiet = db.open(Db::sign_in(&user)).await;
        let open = db.open(Db::sign_in(&user)).await;
        db.store.touch_open(vec![open.id], now() + Duration::from_secs(30)).await.unwrap();
        let at = |seconds| now() + time::Duration::seconds(seconds);
        let unseen = |seconds| db.store.idle_sessions(at(seconds) - idle);
        assert_eq!(unseen(1799).await.unwrap(), []);
        assert_eq!(unseen(1800).await.unwrap(), [quiet.id]);
        assert_eq!(db.store.expired_sessions(at(1800)).await.unwrap(), []);
        assert_eq!(db.store.expired_sessions(at(30 * 86_400)).await.unwrap().len(), 2);
    });
}

/// One run of the job ends a bounded number of sessions. It must begin with the sessions that expired first.
#[test]
fn the_sessions_that_expired_first_are_found_first() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let mut sessions = Vec::new();
        for hours in [3, 1, 2] {
            let end = now() + Duration::from_secs(3600 * hours);
            let session = db.open(OpenSession { expires_at: end, ..Db::sign_in(&user) }).await;
            db.store.touch_open(vec![session.id], end).await.unwrap();
            sessions.push(session.id);
        }
        let later = now() + Duration::from_secs(86_400);
        let expected = [sessions[1], sessions[2], sessions[0]];
        assert_eq!(db.store.expired_sessions(later).await.unwrap(), expected);
        assert_eq!(db.store.idle_sessions(later).await.unwrap(), expected);
    });
}

#[test]
fn a_session_used_since_it_was_found_idle_is_not_ended() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let (quiet, used) = (db.open(Db::sign_in(&user)).await, db.open(Db::sign_in(&user)).await);
        db.store.touch_open(vec![used.id], now() + Duration::from_secs(1)).await.unwrap();
        for (session, ended) in [(&quiet, 1), (&used, 0)] {
            let order = RevocationRequest {
                only_idle_since: Some(now()),
                ..RevocationRequest::new(Target::Session(session.id), Cause::SessionExpired, now())
            };
            assert_eq!(db.store.commit(order).await.unwrap().ended.named().len(), ended);
        }
        let live = db.store.sessions_of(user.id, None, 100).await.unwrap();
        assert_eq!(live.iter().map(|session| session.id).collect::<Vec<_>>(), [used.id]);
    });
}

#[test]
fn sessions_are_found_page_by_page() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        for _ in 0..5 {
            db.open(Db::sign_in(&user)).await;
        }
        let mut filter = SessionFilter {
            user: Some(user.id),
            active_at: Some(now()),
            limit: 2,
            ..SessionFilter::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = db.store.search_sessions(filter.clone()).await.unwrap();
            let Some(last) = page.last() else { break };
            filter.before = Some((last.session.created_at, last.session.id));
            seen.extend(page.iter().map(|found| found.session.id));
        }
        seen.dedup();
        assert_eq!(seen.len(), 5);
    });
}

#[test]
fn the_feed_reads_what_a_revocation_left() {
    with_db(|db| async move {
        let (ada, boss) = (db.user("ada").await, db.user("boss").await);
        for user in [&ada, &boss] {
            db.open(Db::sign_in(user)).await;
        }
        let promote = format!("UPDATE users SET role = 'admin' WHERE id = {}", boss.id.0);
        db.raw().await.batch_execute(&promote).await.unwrap();
        let listener = db.store.listen().await.unwrap();
        let start = listener.watermark().await.unwrap();
        let order = RevocationRequest {
            only_roles: Some(vec![Role::User]),
            ..RevocationRequest::new(Target::Users(vec![ada.id, boss.id]), Cause::Revoked, now())
        };
        let committed = db.store.commit(order).await.unwrap();
        assert_eq!(committed.left, Left { excluded: 1, more: false });
        let (heard, _) = read_since(&listener, &start).await;
        assert_eq!(heard[0].committed, committed);
        db.raw().await.batch_execute("UPDATE revocations SET more = true").await.unwrap();
        let (heard, _) = read_since(&listener, &start).await;
        assert_eq!(heard[0].committed.left, Left { excluded: 1, more: true });
    });
}

/// The sessions of a test in which every kind of target covers something: two of ada, one of bob, and an external session.
struct Covered {
    ada: [store::Session; 2],
    bob: store::Session,
    external: ExternalSession,
}

impl Covered {
    async fn begin(db: &Db, name: &str) -> Self {
        let (ada, bob) = (db.user(&format!("ada-{name}")).await, db.user(&format!("bob-{name}")).await);
        Self {
            ada: [db.open(Db::sign_in(&ada)).await, db.open(Db::sign_in(&ada)).await],
            bob: db.open(Db::sign_in(&bob)).await,
            external: begin(db, "corp:ann").await,
        }
    }

    /// The target after this one. So a new kind of target does not compile here until it is in the list.
    fn next(&self, target: Option<&Target>) -> Option<Target> {
        let (ada, bob) = (self.ada[0].user, self.bob.user);
        match target {
            None => Some(Target::Session(self.ada[0].id)),
            Some(Target::Session(_)) => Some(Target::Device(self.ada[0].device)),
            Some(Target::Device(_)) => Some(Target::User(ada)),
            Some(Target::User(_)) => Some(Target::Users(vec![ada, bob])),
            Some(Target::Users(_)) => Some(Target::Network("192.0.2.0/24".parse().unwrap())),
            Some(Target::Network(_)) => Some(Target::OpenedSince(now())),
            Some(Target::OpenedSince(_)) => Some(Target::Subject(self.external.subject.clone())),
            Some(Target::Subject(_)) => Some(Target::All),
            Some(Target::All) => None,
        }
    }
}

/// The audit events of the newest revocation.
async fn events_of_newest(db: &Db) -> Vec<AuditEvent> {
    let sql = "SELECT event, user_id, session_id, device_id, subject, detail FROM audit_events
               WHERE (detail->>'revocation')::bigint = (SELECT max(id) FROM revocations)";
    let rows = db.raw().await.query(sql, &[]).await.unwrap();
    let event = |row: &tokio_postgres::Row| AuditEvent {
        user: row.get::<_, Option<_>>("user_id").map(UserId),
        session: row.get::<_, Option<_>>("session_id").map(SessionId),
        device: row.get::<_, Option<_>>("device_id").map(DeviceId),
        subject: row.get("subject"),
        detail: row.get::<_, serde_json::Value>("detail").as_object().unwrap().clone(),
        ..AuditEvent::new(row.get("event"), Outcome::Success, 0)
    };
    rows.iter().map(event).collect()
}

/// What the events say has ended.
fn said(events: &[AuditEvent]) -> Vec<Signal> {
    let signals = events.iter().flat_map(signals);
    signals.filter(|signal| signal.kind == SignalKind::SessionRevoked).collect()
}

#[test]
fn a_revocation_of_every_kind_of_target_is_told_to_other_systems() {
    with_db(|db| async move {
        let (mut target, mut number) = (None, 0);
        // After the revocation of everyone, sign-ins that began before are refused.
        while target != Some(Target::All) {
            number += 1;
            let covered = Covered::begin(&db, &number.to_string()).await;
            let next = covered.next(target.as_ref()).expect("another kind of target");
            db.revoke(next.clone(), Cause::Revoked).await.id.expect("a revocation");
            let events = events_of_newest(&db).await;
            let told = events.iter().all(|event| !said(std::slice::from_ref(event)).is_empty());
            assert!(told && !events.is_empty(), "{next:?}: {events:?}");
            target = Some(next);
        }
    });
}

#[test]
fn a_revocation_of_a_network_is_in_the_trail_of_each_user_and_names_the_sessions() {
    with_db(|db| async move {
        let covered = Covered::begin(&db, "x").await;
        let network = ipnet::IpNet::from(address());
        for (target, key) in
            [(Target::Network(network), "network"), (Target::OpenedSince(now()), "opened_since")]
        {
            let again = Covered::begin(&db, key).await;
            let (sessions, users) = match target {
                Target::Network(_) => (6, 4),
                _ => (3, 2),
            };
            db.revoke(target, Cause::Revoked).await;
            let events = events_of_newest(&db).await;
            assert_eq!(events.len(), users);
            assert!(events.iter().all(|event| event.user.is_some() && event.detail.contains_key(key)));
            let said = said(&events);
            assert_eq!(said.len(), sessions);
            for session in [&again.ada[0], &again.ada[1], &again.bob] {
                let about = domain::events::outgoing::SignalSubject::Session(Some(session.user), session.id);
                assert!(said.iter().any(|signal| signal.about == about), "{about:?}: {said:?}");
            }
            let of_ada = events.iter().find(|event| event.user == Some(again.ada[0].user)).expect("an event");
            assert_eq!(of_ada.detail["sessions"], 2);
        }
        assert_ne!(covered.bob.user, covered.ada[0].user);
    });
}
