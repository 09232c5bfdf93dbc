//! Hearing of revocations: nothing is missed, whatever the order of commits.

use std::time::Duration;

use portcullis::store::{Change, Heard, Order, Target};
use portcullis_actors::close::Cause;

use super::{Db, now, with_db};

#[test]
fn a_revocation_whose_transaction_began_first_and_committed_last_is_not_missed() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let (early, late) = (db.open(Db::sign_in(&user)).await, db.open(Db::sign_in(&user)).await);
        let listener = db.store.listen().await.unwrap();
        let start = listener.watermark().await.unwrap();

        // The slow one takes its number first and keeps its transaction open.
        let mut raw = db.raw().await;
        let slow = raw.transaction().await.unwrap();
        let row = slow
            .query_one(
                "INSERT INTO revocations (scope, session_id, cause) VALUES ('session', $1, 'revoked') RETURNING id",
                &[&early.id.0],
            )
            .await
            .unwrap();
        slow.execute(
            "UPDATE sessions SET revoked_at = now(), revocation_id = $2 WHERE id = $1",
            &[&early.id.0, &row.get::<_, i64>(0)],
        )
        .await
        .unwrap();

        let quick = db.revoke(Target::Session(late.id), Cause::SignedOut).await;
        let (found, next) = listener.since(start, &[]).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].committed, quick);

        slow.commit().await.unwrap();
        let (found, next) = listener.since(next, &[quick.id.unwrap()]).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].committed.ended[0].session, early.id);

        let known = [quick.id.unwrap(), found[0].committed.id.unwrap()];
        let (found, _) = listener.since(next, &known).await.unwrap();
        assert_eq!(found, []);
    });
}

#[test]
fn everything_committed_by_many_at_once_arrives() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let mut sessions = Vec::new();
        for _ in 0..15 {
            sessions.push(db.open(Db::sign_in(&user)).await.id);
        }
        let listener = db.store.listen().await.unwrap();
        let mut watermark = listener.watermark().await.unwrap();
        let revoking = sessions.iter().map(|session| {
            let store = db.store.clone();
            let order = Order::new(Target::Session(*session), Cause::Revoked, now());
            tokio::spawn(async move { store.commit(order).await.unwrap() })
        });
        let revoking: Vec<_> = revoking.collect();
        let mut known = Vec::new();
        let mut heard = Vec::new();
        while heard.len() < sessions.len() {
            let (found, next) = listener.since(watermark, &known).await.unwrap();
            watermark = next;
            for Heard { committed, .. } in found {
                known.push(committed.id.unwrap());
                heard.extend(committed.ended.iter().map(|ended| ended.session));
            }
        }
        futures_util::future::join_all(revoking).await;
        heard.sort();
        sessions.sort();
        assert_eq!(heard, sessions);
    });
}

#[test]
fn a_commit_wakes_the_listener() {
    with_db(|db| async move {
        let mut listener = db.store.listen().await.unwrap();
        db.revoke(Target::All, Cause::Revoked).await;
        tokio::time::timeout(Duration::from_secs(5), listener.next()).await.unwrap().unwrap();
    });
}

#[test]
fn a_changed_role_names_the_sessions_that_live() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        let listener = db.store.listen().await.unwrap();
        let start = listener.watermark().await.unwrap();
        let order = Order {
            change: Some(Change::Role(portcullis::domain::role::Role::Operator)),
            ..Order::new(Target::User(user.id), Cause::RoleChanged, now())
        };
        let committed = db.store.commit(order).await.unwrap();
        let (found, _) = listener.since(start, &[]).await.unwrap();
        assert_eq!(found[0].committed, committed);
        assert_eq!(found[0].committed.ended[0].session, session.id);
    });
}

#[test]
fn a_listener_whose_connection_was_cut_says_so() {
    with_db(|db| async move {
        let mut listener = db.store.listen().await.unwrap();
        let start = listener.watermark().await.unwrap();
        db.raw()
            .await
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()
                   AND (query LIKE 'LISTEN%' OR query LIKE '%pg_snapshot_xmin%')",
                &[],
            )
            .await
            .unwrap();
        assert!(listener.next().await.unwrap_err().is_unavailable());
        assert!(listener.since(start, &[]).await.unwrap_err().is_unavailable());
        let missed = db.revoke(Target::All, Cause::Revoked).await;
        let again = db.store.listen().await.unwrap();
        assert_eq!(again.since(start, &[]).await.unwrap().0[0].committed, missed);
    });
}
