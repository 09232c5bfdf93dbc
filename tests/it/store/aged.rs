//! Rows that are deleted by their age: they are deleted in batches, and rows that are still needed are kept.

use std::time::Duration;

use protocol::close::Cause;
use store::{Aged, OpenSession, Target};

use super::{Db, now, with_db};

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_batch_deletes_no_more_than_its_limit() {
    with_db(|db| async move {
        let sql = "INSERT INTO ws_tickets (hash, session_id, scopes, expires_at)
                   SELECT sha256(n::text::bytea), $1, '{}', $2 FROM generate_series(1, 25) n";
        let session = db.open(Db::sign_in(&db.user("ada").await)).await;
        db.raw().await.execute(sql, &[&session.id.0, &now()]).await.unwrap();
        let mut deleted = Vec::new();
        for _ in 0..4 {
            deleted.push(db.store.delete_aged(Aged::Tickets, now(), 10).await.unwrap());
        }
        assert_eq!(deleted, [10, 10, 5, 0]);
    });
}

#[test]
fn every_kind_of_aged_row_has_a_statement_that_runs() {
    with_db(|db| async move {
        for aged in Aged::ALL {
            assert_eq!(db.store.delete_aged(aged, now(), 10).await.unwrap(), 0, "{aged:?}");
        }
    });
}

#[test]
fn a_session_that_ended_before_the_given_moment_is_deleted_and_an_open_one_is_not() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let (ended, _lives) = (db.open(Db::sign_in(&user)).await, db.open(Db::sign_in(&user)).await);
        db.revoke(Target::Session(ended.id), Cause::SignedOut).await;
        assert_eq!(db.store.delete_aged(Aged::Sessions, now(), 10).await.unwrap(), 0);
        assert_eq!(db.store.delete_aged(Aged::Sessions, now() + DAY, 10).await.unwrap(), 1);
        assert_eq!(db.count("SELECT count(*) FROM sessions WHERE revoked_at IS NULL").await, 1);
    });
}

#[test]
fn a_device_is_deleted_when_it_is_unused_and_no_session_names_it() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        assert_eq!(
            db.store.delete_aged(Aged::Devices, now() + DAY, 10).await.unwrap(),
            0,
            "the device has a session"
        );
        db.revoke(Target::Session(session.id), Cause::SignedOut).await;
        db.store.delete_aged(Aged::Sessions, now() + DAY, 10).await.unwrap();
        assert_eq!(db.store.delete_aged(Aged::Devices, now(), 10).await.unwrap(), 0, "the device was used");
        assert_eq!(db.store.delete_aged(Aged::Devices, now() + DAY, 10).await.unwrap(), 1);
    });
}

#[test]
fn the_newest_revocation_of_all_sessions_is_kept_and_still_ends_sessions() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        db.revoke(Target::All, Cause::Revoked).await;
        let newest = db.revoke(Target::All, Cause::Revoked).await.id.unwrap();
        let later = db.open(OpenSession { revoked_all: newest.0, ..Db::sign_in(&user) }).await;
        db.revoke(Target::Session(later.id), Cause::SignedOut).await;
        assert_eq!(db.store.delete_aged(Aged::Revocations, now() + DAY, 10).await.unwrap(), 2);
        assert!(db.store.session_with_user(session.id).await.unwrap().unwrap().session.revoked.is_some());
        assert_eq!(db.count("SELECT max(id) FROM revocations").await, newest.0);
    });
}

#[test]
fn replaced_rows_of_a_block_are_deleted_and_the_newest_is_kept() {
    with_db(|db| async move {
        let sql = "INSERT INTO denials (kind, subject, lifted, created_at) VALUES ('user', 'ada', false, $1)";
        let raw = db.raw().await;
        for _ in 0..3 {
            raw.execute(sql, &[&now()]).await.unwrap();
        }
        raw.execute(&sql.replace("'ada'", "'bob'"), &[&now()]).await.unwrap();
        assert_eq!(db.store.delete_aged(Aged::ReplacedBlocks, now(), 10).await.unwrap(), 0);
        assert_eq!(db.store.delete_aged(Aged::ReplacedBlocks, now() + DAY, 10).await.unwrap(), 2);
        assert_eq!(db.count("SELECT max(id) FROM denials WHERE subject = 'ada'").await, 3);
        assert_eq!(db.store.endless_denials().await.unwrap(), 2);
    });
}

#[test]
fn the_row_that_lifts_a_block_is_deleted_after_the_row_of_the_block() {
    with_db(|db| async move {
        let raw = db.raw().await;
        let sql = "INSERT INTO denials (kind, subject, lifted, created_at) VALUES ('user', 'ada', $2, $1)";
        raw.execute(sql, &[&now(), &false]).await.unwrap();
        raw.execute(sql, &[&now(), &true]).await.unwrap();
        // Both rows have the same `replaced_at`. After this statement, the row of the block comes after the other row in the
        // table and in the index of `replaced_at`.
        raw.execute("UPDATE denials SET expires_at = '2100-01-01' WHERE NOT lifted", &[]).await.unwrap();
        assert_eq!(db.store.endless_denials().await.unwrap(), 0);
        assert_eq!(db.store.delete_aged(Aged::ReplacedBlocks, now() + DAY, 1).await.unwrap(), 1);
        assert_eq!(
            db.count("SELECT count(*) FROM denials WHERE lifted").await,
            1,
            "the block is deleted first"
        );
        assert_eq!(db.store.delete_aged(Aged::ReplacedBlocks, now() + DAY, 1).await.unwrap(), 1);
        assert_eq!(db.count("SELECT count(*) FROM denials").await, 0);
    });
}
