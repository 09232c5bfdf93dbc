//! Revocations: which sessions they end, which they spare, and that they are one transaction.

use std::time::Duration;

use domain::account::role::Role;
use protocol::{
    close::Cause,
    id::{SessionId, UserId},
};
use store::{Change, OpenSession, RevocationRequest, SessionFilter, Target};

use super::{Db, now, with_db};
use crate::harness::Barrier;

#[test]
fn a_session_ends_once() {
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
fn a_user_reaches_only_their_own_sessions() {
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
fn an_order_for_roles_spares_the_others() {
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
fn the_excepted_session_stays() {
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
fn a_forgotten_device_starts_over() {
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
fn revoking_nobody_writes_nothing() {
    with_db(|db| async move {
        let before = db.count("SELECT count(*) FROM audit_events").await;
        for target in [Target::User(UserId(404)), Target::Session(SessionId::random())] {
            assert_eq!(db.revoke(target, Cause::Revoked).await.id, None);
        }
        assert_eq!(db.count("SELECT count(*) FROM audit_events").await, before);
    });
}

#[test]
fn the_event_says_how_many_and_why() {
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

/// Both lock rows in the order of their ids. This test holds a row in the middle; in any other order each of the two
/// would lock rows that the other needs, and they would deadlock after the release.
#[test]
fn a_revocation_and_touches_do_not_wait_for_each_other() {
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
fn time_alone_ends_a_session_unless_a_socket_is_open() {
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

/// The batch of a pass is bounded, so those that have waited for longest come first.
#[test]
fn the_sessions_that_ended_first_are_found_first() {
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
fn a_session_used_since_it_was_found_idle_is_spared() {
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
