//! The revocation feed: no revocation is missed, whatever the order of commits.

use std::time::Duration;

use protocol::close::Cause;
use store::{Change, HeardRevocation, RevocationRequest, Target};

use super::{Db, now, with_db};

#[test]
fn a_revocation_whose_transaction_began_first_and_committed_last_is_not_missed() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let (early, late) = (db.open(Db::sign_in(&user)).await, db.open(Db::sign_in(&user)).await);
        let listener = db.store.listen().await.unwrap();
        let start = listener.watermark().await.unwrap();

        // The slow transaction takes its id first and stays open.
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
        let (found, next) = listener.since(&start).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].committed, quick);

        slow.commit().await.unwrap();
        let (found, next) = listener.since(&next).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].committed.ended[0].session, early.id);

        let (found, _) = listener.since(&next).await.unwrap();
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
            let order = RevocationRequest::new(Target::Session(*session), Cause::Revoked, now());
            tokio::spawn(async move { store.commit(order).await.unwrap() })
        });
        let revoking: Vec<_> = revoking.collect();
        let mut heard = Vec::new();
        while heard.len() < sessions.len() {
            let (found, next) = listener.since(&watermark).await.unwrap();
            watermark = next;
            for HeardRevocation { committed, .. } in found {
                heard.extend(committed.ended.iter().map(|ended| ended.session));
            }
        }
        futures_util::future::join_all(revoking).await;
        heard.sort();
        sessions.sort();
        assert_eq!(heard, sessions);
    });
}

/// Earlier revocations must not be delivered again while a long transaction keeps the lowest running transaction id
/// in place.
#[test]
fn a_long_transaction_does_not_bring_revocations_back() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let listener = db.store.listen().await.unwrap();
        let mut place = listener.watermark().await.unwrap();
        let mut raw = db.raw().await;
        let long = raw.transaction().await.unwrap();
        long.execute("SELECT pg_current_xact_id()", &[]).await.unwrap();
        for _ in 0..3 {
            let session = db.open(Db::sign_in(&user)).await;
            let committed = db.revoke(Target::Session(session.id), Cause::SignedOut).await;
            let (found, next) = listener.since(&place).await.unwrap();
            assert_eq!(found.into_iter().map(|heard| heard.committed).collect::<Vec<_>>(), [committed]);
            place = next;
        }
        assert_eq!(listener.since(&place).await.unwrap().0, []);
        long.commit().await.unwrap();
        assert_eq!(listener.since(&place).await.unwrap().0, []);
    });
}

/// A dump contains the transaction ids of its original cluster, which may be far higher than those of this cluster.
#[test]
fn revocations_of_a_restored_database_are_not_new() {
    with_db(|db| async move {
        let (user, raw) = (db.user("ada").await, db.raw().await);
        for ahead in [1_000_000_000, 6, 4] {
            let sql = format!(
                "INSERT INTO revocations (txid, scope, user_id, cause)
                 SELECT ((pg_snapshot_xmax(pg_current_snapshot())::text)::bigint + {ahead})::text::xid8,
                        'user', 404, 'role_changed'"
            );
            raw.batch_execute(&sql).await.unwrap();
        }
        let listener = db.store.listen().await.unwrap();
        let mut place = listener.watermark().await.unwrap();
        for _ in 0..8 {
            let (found, next) = listener.since(&place).await.unwrap();
            assert_eq!(found, []);
            place = next;
            raw.execute("SELECT pg_current_xact_id()", &[]).await.unwrap();
        }
        let session = db.open(Db::sign_in(&user)).await;
        let committed = db.revoke(Target::Session(session.id), Cause::SignedOut).await;
        let (found, _) = listener.since(&place).await.unwrap();
        assert_eq!(found.into_iter().map(|heard| heard.committed).collect::<Vec<_>>(), [committed]);
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
        let order = RevocationRequest {
            change: Some(Change::Role(domain::account::role::Role::Operator)),
            ..RevocationRequest::new(Target::User(user.id), Cause::RoleChanged, now())
        };
        let committed = db.store.commit(order).await.unwrap();
        let (found, _) = listener.since(&start).await.unwrap();
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
                   AND (query LIKE 'LISTEN%' OR query LIKE '%pg_current_snapshot%')",
                &[],
            )
            .await
            .unwrap();
        assert!(listener.next().await.unwrap_err().is_unavailable());
        assert!(listener.since(&start).await.unwrap_err().is_unavailable());
        let missed = db.revoke(Target::All, Cause::Revoked).await;
        let again = db.store.listen().await.unwrap();
        assert_eq!(again.since(&start).await.unwrap().0[0].committed, missed);
    });
}
