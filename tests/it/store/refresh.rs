//! Refresh tokens: of several simultaneous rotations or late retries, only one succeeds. Also the recorded uses of a session.

use std::time::Duration;

use futures_util::future::join_all;
use protocol::close::Cause;
use store::{LastSeen, Target};

use super::{Db, address, event, now, with_db};

const AT_ONCE: usize = 16;

#[test]
fn only_one_of_sixteen_rotations_of_one_counter_succeeds() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        let until = now() + Duration::from_secs(60);
        for counter in 0..5 {
            let rotating = (0..AT_ONCE).map(|_| {
                db.store.rotate_refresh(session.id, counter, now(), until, event("session.refreshed"))
            });
            let rotated: Vec<_> = join_all(rotating).await.into_iter().filter_map(Result::unwrap).collect();
            assert_eq!(rotated.len(), 1);
            assert_eq!(
                (rotated[0].refresh_counter, rotated[0].refresh_rotated_at),
                (counter + 1, Some(now()))
            );
        }
        let events = "SELECT count(*) FROM audit_events WHERE event = 'session.refreshed'";
        assert_eq!(db.count(events).await, 5, "each rotation writes one event");
    });
}

#[test]
fn an_expired_refresh_token_or_one_of_an_ended_session_is_not_rotated() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let rotate = |session, now| {
            db.store.rotate_refresh(
                session,
                0,
                now,
                now + Duration::from_secs(60),
                event("session.refreshed"),
            )
        };
        let revoked = db.open(Db::sign_in(&user)).await;
        db.revoke(Target::Session(revoked.id), Cause::SignedOut).await;
        assert_eq!(rotate(revoked.id, now()).await.unwrap(), None);
        let live = db.open(Db::sign_in(&user)).await;
        assert_eq!(rotate(live.id, live.refresh_expires_at).await.unwrap(), None);
        assert!(rotate(live.id, now()).await.unwrap().is_some());
        let past = live.expires_at;
        assert_eq!(
            db.store.rotate_refresh(live.id, 1, past, past, event("session.refreshed")).await.unwrap(),
            None
        );
    });
}

#[test]
fn a_refresh_token_expires_at_the_latest_with_its_session() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        let far = session.expires_at + Duration::from_secs(1);
        let rotated = db
            .store
            .rotate_refresh(session.id, 0, now(), far, event("session.refreshed"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(rotated.refresh_expires_at, session.expires_at);
    });
}

#[test]
fn only_one_of_sixteen_late_retries_is_granted() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        db.store
            .rotate_refresh(session.id, 0, now(), session.expires_at, event("session.refreshed"))
            .await
            .unwrap()
            .unwrap();
        let retrying =
            (0..AT_ONCE).map(|_| db.store.spend_late_retry(session.id, 1, now(), event("session.refreshed")));
        let granted =
            join_all(retrying).await.into_iter().filter(|spent| spent.as_ref().unwrap().is_some()).count();
        assert_eq!(granted, 1);
    });
}

#[test]
fn a_late_retry_is_refused_after_the_successor_was_used() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        db.store
            .rotate_refresh(session.id, 0, now(), session.expires_at, event("session.refreshed"))
            .await
            .unwrap()
            .unwrap();
        let touch = LastSeen {
            session: session.id,
            device: session.device,
            user: user.id,
            at: now() + Duration::from_secs(3),
            address: Some(address()),
            used_counter: 1,
        };
        let older = LastSeen { at: now(), used_counter: 0, address: None, ..touch.clone() };
        db.store.touch(vec![touch.clone(), older]).await.unwrap();
        assert_eq!(
            db.store.spend_late_retry(session.id, 1, now(), event("session.refreshed")).await.unwrap(),
            None
        );
        let found = db.store.session_with_user(session.id).await.unwrap().unwrap().session;
        assert_eq!((found.last_seen_at, found.used_counter), (touch.at, 1));
    });
}

#[test]
fn an_older_use_and_a_use_of_a_revoked_session_change_nothing() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        let touch = |seconds: i64| LastSeen {
            session: session.id,
            device: session.device,
            user: user.id,
            at: now() + time::Duration::seconds(seconds),
            address: None,
            used_counter: 7,
        };
        db.store.touch(vec![touch(-50)]).await.unwrap();
        db.revoke(Target::Session(session.id), Cause::SignedOut).await;
        db.store.touch(vec![touch(50)]).await.unwrap();
        let found = db.store.session_with_user(session.id).await.unwrap().unwrap().session;
        assert_eq!((found.last_seen_at, found.used_counter, found.address), (now(), 0, Some(address())));
    });
}
