//! The revocation feed: whatever the order of commits, no revocation is missed or read twice. Revocations and denials are read
//! in pages.

use std::time::Duration;

use protocol::close::Cause;
use store::{Change, HeardRevocation, RevocationListener, RevocationRequest, Target, Watermark};

use super::{Db, now, with_db};
use crate::harness::eventually;

/// Every revocation since a watermark, and the next watermark.
pub(super) async fn read_since(
    listener: &RevocationListener,
    place: &Watermark,
) -> (Vec<HeardRevocation>, Watermark) {
    let backlog = listener.since(place).await.unwrap();
    let (end, mut left, mut heard) = (backlog.end().clone(), Some(backlog), Vec::new());
    while let Some(backlog) = left {
        let (page, rest) = listener.revocations(&backlog).await.unwrap();
        heard.extend(page);
        left = rest;
    }
    (heard, end)
}

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
        let (found, next) = read_since(&listener, &start).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].committed, quick);

        slow.commit().await.unwrap();
        let (found, next) = read_since(&listener, &next).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].committed.ended.named()[0].session, early.id);

        let (found, _) = read_since(&listener, &next).await;
        assert_eq!(found, []);
    });
}

#[test]
fn all_revocations_that_are_committed_at_the_same_time_are_read() {
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
            let (found, next) = read_since(&listener, &watermark).await;
            watermark = next;
            for HeardRevocation { committed, .. } in found {
                heard.extend(committed.ended.named().iter().map(|ended| ended.session));
            }
        }
        futures_util::future::join_all(revoking).await;
        heard.sort();
        sessions.sort();
        assert_eq!(heard, sessions);
    });
}

/// While a long transaction runs, the lowest running transaction id does not rise. Nevertheless, earlier revocations must not
/// be read again.
#[test]
fn a_long_transaction_does_not_cause_revocations_to_be_read_again() {
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
            let (found, next) = read_since(&listener, &place).await;
            assert_eq!(found.into_iter().map(|heard| heard.committed).collect::<Vec<_>>(), [committed]);
            place = next;
        }
        assert_eq!(read_since(&listener, &place).await.0, []);
        long.commit().await.unwrap();
        assert_eq!(read_since(&listener, &place).await.0, []);
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
            let (found, next) = read_since(&listener, &place).await;
            assert_eq!(found, []);
            place = next;
            raw.execute("SELECT pg_current_xact_id()", &[]).await.unwrap();
        }
        let session = db.open(Db::sign_in(&user)).await;
        let committed = db.revoke(Target::Session(session.id), Cause::SignedOut).await;
        let (found, _) = read_since(&listener, &place).await;
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
fn a_changed_role_names_the_open_sessions_of_its_user() {
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
        let (found, _) = read_since(&listener, &start).await;
        assert_eq!(found[0].committed, committed);
        assert_eq!(found[0].committed.ended.named()[0].session, session.id);
    });
}

#[test]
fn a_listener_reports_that_its_connection_has_ended() {
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
        assert_eq!(read_since(&again, &start).await.0[0].committed.id, missed.id);
    });
}

/// Writes this many revocations of made-up sessions in one transaction.
async fn many(db: &Db, count: i64) {
    let sql = "INSERT INTO revocations (scope, session_id, cause)
               SELECT 'session', gen_random_uuid(), 'session_expired' FROM generate_series(1, $1::bigint)";
    db.raw().await.execute(sql, &[&count]).await.unwrap();
}

#[test]
fn a_long_backlog_is_read_in_pages_and_each_revocation_only_once() {
    with_db(|db| async move {
        let listener = db.store.listen().await.unwrap();
        let start = listener.watermark().await.unwrap();
        for count in [1, 1_000, 999, 600] {
            many(&db, count).await;
        }
        let (first, _) = listener.revocations(&listener.since(&start).await.unwrap()).await.unwrap();
        assert_eq!(first.len(), store::FEED_PAGE);
        let (heard, end) = read_since(&listener, &start).await;
        let ids: std::collections::HashSet<_> = heard.iter().map(|heard| heard.committed.id).collect();
        assert_eq!((heard.len(), ids.len()), (2_600, 2_600));
        assert_eq!(read_since(&listener, &end).await.0, []);
    });
}

#[test]
fn the_rest_of_a_backlog_can_be_read_over_another_connection() {
    with_db(|db| async move {
        let listener = db.store.listen().await.unwrap();
        let start = listener.watermark().await.unwrap();
        many(&db, 1_500).await;
        let (_, rest) = listener.revocations(&listener.since(&start).await.unwrap()).await.unwrap();
        drop(listener);
        many(&db, 7).await;
        let again = db.store.listen().await.unwrap();
        let (found, none) = again.revocations(&rest.unwrap()).await.unwrap();
        assert_eq!((found.len(), none), (500, None), "later revocations are part of the next look");
    });
}

/// The number of ended sessions that one page covers is bounded, too.
#[test]
fn revocations_of_many_sessions_make_short_pages() {
    with_db(|db| async move {
        let listener = db.store.listen().await.unwrap();
        let start = listener.watermark().await.unwrap();
        let sql =
            "INSERT INTO revocations (scope, user_id, cause, sessions) SELECT 'user', n, 'revoked', 15000
                   FROM generate_series(1, 3) n";
        db.raw().await.execute(sql, &[]).await.unwrap();
        let (first, rest) = listener.revocations(&listener.since(&start).await.unwrap()).await.unwrap();
        assert_eq!(first.len(), 1);
        assert!(rest.is_some());
        assert_eq!(read_since(&listener, &start).await.0.len(), 3);
    });
}

#[test]
fn denials_are_read_in_pages_and_each_only_once() {
    with_db(|db| async move {
        let insert = |first: i64, last: i64| {
            format!(
                "INSERT INTO denials (kind, token_id, expires_at, created_at)
                 SELECT 'token', 't' || n, '2100-01-01', now() FROM generate_series({first}, {last}) n"
            )
        };
        let raw = db.raw().await;
        raw.batch_execute(&insert(1, 1_500)).await.unwrap();
        let listener = db.store.listen().await.unwrap();
        let start = listener.watermark().await.unwrap();
        let (page, rest) = listener.denials(0, 1_000, now()).await.unwrap();
        assert_eq!((page.len(), rest), (1_000, page.last().map(|last| last.id)));
        let (page, rest) = listener.denials(rest.unwrap(), 1_000, now()).await.unwrap();
        assert_eq!((page.len(), rest), (500, None));
        raw.batch_execute(&insert(2_001, 3_100)).await.unwrap();
        let (mut left, mut heard) = (Some(listener.since(&start).await.unwrap()), 0);
        while let Some(backlog) = left {
            let (page, rest) = listener.backlog_denials(&backlog).await.unwrap();
            heard += page.len();
            left = rest;
        }
        assert_eq!(heard, 1_100);
    });
}

/// A page bounds the rows that it reads, not only the denials that it finds. Otherwise a search for the denials in force among
/// millions of ended ones would run out of time, and the node would never start.
#[test]
fn a_page_of_denials_reads_no_more_rows_than_its_limit() {
    with_db(|db| async move {
        let sql = "INSERT INTO denials (kind, token_id, expires_at, created_at)
                   SELECT 'token', 't' || n, CASE WHEN n > 1500 THEN timestamptz '2100-01-01' ELSE '2001-01-01' END, now()
                   FROM generate_series(1, 1600) n";
        db.raw().await.batch_execute(sql).await.unwrap();
        let listener = db.store.listen().await.unwrap();
        let (page, rest) = listener.denials(0, 1_000, now()).await.unwrap();
        assert_eq!((page.len(), rest), (0, Some(1_000)));
        let (page, rest) = listener.denials(1_000, 1_000, now()).await.unwrap();
        assert_eq!((page.len(), rest), (100, None));
    });
}

/// A block with an end may replace a block without an end. The newer row counts even after its end.
#[test]
fn the_newest_row_about_a_user_is_loaded_even_after_its_end() {
    with_db(|db| async move {
        let sql = "INSERT INTO denials (kind, subject, expires_at, created_at)
                   VALUES ('user', '7', NULL, now()), ('user', '7', '2001-01-01', now())";
        db.raw().await.batch_execute(sql).await.unwrap();
        let listener = db.store.listen().await.unwrap();
        let mut copy = logic::denials::Denials::default();
        for ruling in listener.denials(0, 1_000, now()).await.unwrap().0 {
            copy.apply(&ruling, now().unix_timestamp() * 1000);
        }
        let token = logic::denials::TokenMark::default();
        let judged =
            copy.judge(&protocol::id::Subject::new("7"), &token, None, now().unix_timestamp() * 1000);
        assert_eq!(judged, None);
    });
}

/// How many blocks of the index `denials_txid` have been read so far. PostgreSQL counts the reads of a connection when that
/// connection ends; this function makes it count the reads of the connection `raw` at once.
async fn blocks_read(raw: &tokio_postgres::Client) -> i64 {
    raw.execute("SELECT pg_stat_force_next_flush()", &[]).await.unwrap();
    let sql =
        "SELECT idx_blks_hit + idx_blks_read FROM pg_statio_user_indexes WHERE indexrelname = 'denials_txid'";
    raw.query_one(sql, &[]).await.unwrap().get(0)
}

/// 30,000 rows fill more than a hundred blocks of the index. The feed looks several times a second, so each look must enter the
/// index where the last look stopped.
#[test]
fn a_look_costs_the_same_in_a_long_table_and_after_a_long_transaction() {
    with_db(|db| async move {
        let insert = "INSERT INTO denials (kind, token_id, expires_at, created_at)
                      SELECT 'token', gen_random_uuid(), '2100-01-01', now() FROM generate_series(1, 30000)";
        let (mut writer, raw) = (db.raw().await, db.raw().await);
        // A vacuum would read the whole index, too. The plan must not depend on the analysis of the table, either.
        raw.execute("ALTER TABLE denials SET (autovacuum_enabled = false)", &[]).await.unwrap();
        writer.execute(insert, &[]).await.unwrap();
        let long = writer.transaction().await.unwrap();
        long.execute(insert, &[]).await.unwrap();
        let listener = db.store.listen().await.unwrap();
        let start = listener.watermark().await.unwrap();
        long.commit().await.unwrap();
        blocks_read(&writer).await;
        raw.execute(
            "INSERT INTO denials (kind, subject, created_at) SELECT 'user', n, now() FROM generate_series(1, 5) n",
            &[],
        )
        .await
        .unwrap();
        let before = blocks_read(&raw).await;

        let (page, rest) = listener.backlog_denials(&listener.since(&start).await.unwrap()).await.unwrap();
        assert_eq!(page.len(), store::FEED_PAGE, "rows of the transaction that ran at the last look");
        let (page, rest) = listener.backlog_denials(&rest.unwrap()).await.unwrap();
        assert_eq!((page.len(), rest.is_some()), (store::FEED_PAGE, true));
        let end = listener.since(&start).await.unwrap().end().clone();
        raw.execute("INSERT INTO denials (kind, subject, created_at) VALUES ('user', 'last', now())", &[])
            .await
            .unwrap();
        let inserted = blocks_read(&raw).await - before;
        let (page, rest) = listener.backlog_denials(&listener.since(&end).await.unwrap()).await.unwrap();
        assert_eq!((page.len(), rest), (1, None));
        // PostgreSQL counts the reads of the listener when its connection ends.
        drop(listener);
        eventually("the reads are counted", async || blocks_read(&raw).await > before + inserted).await;
        let read = blocks_read(&raw).await - before - inserted;
        assert!(read < 60, "three pages took {read} blocks");
    });
}

#[test]
fn the_feed_can_tell_which_of_some_sessions_have_ended_and_why() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let (lives, ended) = (db.open(Db::sign_in(&user)).await, db.open(Db::sign_in(&user)).await);
        let promoted = db.open(Db::sign_in(&db.user("eve").await)).await;
        let gone = protocol::id::SessionId::random();
        let listener = db.store.listen().await.unwrap();
        let start = listener.watermark().await.unwrap();
        db.revoke(Target::Session(ended.id), Cause::PasswordChanged).await;
        let order = RevocationRequest {
            change: Some(Change::Role(domain::account::role::Role::Operator)),
            ..RevocationRequest::new(Target::User(promoted.user), Cause::RoleChanged, now())
        };
        db.store.commit(order).await.unwrap();
        let asked = [lives.id, ended.id, promoted.id, gone];
        let mut found = listener.ended_among(&asked, &start).await.unwrap();
        let mut expected = vec![
            (ended.id, Cause::PasswordChanged),
            (promoted.id, Cause::RoleChanged),
            (gone, Cause::Revoked),
        ];
        found.sort_by_key(|(id, _)| *id);
        expected.sort_by_key(|(id, _)| *id);
        assert_eq!(found, expected);
        let later = read_since(&listener, &start).await.1;
        assert!(
            !listener.ended_among(&asked, &later).await.unwrap().iter().any(|(id, _)| *id == promoted.id)
        );
        db.revoke(Target::All, Cause::Revoked).await;
        assert_eq!(listener.ended_among(&[lives.id], &later).await.unwrap(), [(lives.id, Cause::Revoked)]);
    });
}
