//! External sessions are listed and revoked like any other. They are ended when their node writes no heartbeat any more.

use std::time::Duration;

use protocol::{
    close::Cause,
    id::{ConnectionId, SessionId, Subject},
};
use store::{ExternalFilter, ExternalSession, RevocationRequest, Target};
use uuid::Uuid;

use super::{Db, address, now, with_db};

pub(super) async fn begin(db: &Db, subject: &str) -> ExternalSession {
    let session = ExternalSession {
        id: SessionId::random(),
        issuer: "corp".to_owned(),
        subject: Subject::new(subject),
        token_id: Some("jti".to_owned()),
        connection: ConnectionId::random(),
        node: Uuid::new_v4(),
        address: Some(address()),
        created_at: now(),
        last_seen_at: now(),
        expires_at: None,
        ended_at: None,
        revoked_at: None,
    };
    db.store.insert_external(session.clone()).await.unwrap();
    session
}

async fn live(db: &Db) -> Vec<SessionId> {
    let filter = ExternalFilter { live: true, limit: 10, ..ExternalFilter::default() };
    db.store.search_external(filter).await.unwrap().into_iter().map(|session| session.id).collect()
}

#[test]
fn a_session_is_listed_as_it_was_written() {
    with_db(|db| async move {
        let ann = begin(&db, "corp:ann").await;
        begin(&db, "corp:bob").await;
        let of_ann = ExternalFilter {
            subject: Some(Subject::new("corp:ann")),
            limit: 10,
            ..ExternalFilter::default()
        };
        assert_eq!(db.store.search_external(of_ann).await.unwrap(), [ann]);
        assert_eq!(live(&db).await.len(), 2);
    });
}

#[test]
fn a_revocation_ends_one_session_or_those_of_a_subject_or_all_sessions() {
    with_db(|db| async move {
        let [first, second, third] =
            [begin(&db, "corp:ann").await, begin(&db, "corp:ann").await, begin(&db, "corp:bob").await];
        let one = db.revoke(Target::Session(first.id), Cause::Revoked).await;
        assert_eq!(one.ended.named().iter().map(|ended| ended.session).collect::<Vec<_>>(), [first.id]);
        assert_eq!(db.revoke(Target::Session(first.id), Cause::Revoked).await.id, None);
        let ann = db.revoke(Target::Subject(Subject::new("corp:ann")), Cause::Revoked).await;
        assert_eq!(ann.ended.named().iter().map(|ended| ended.session).collect::<Vec<_>>(), [second.id]);
        let user = db.user("ada").await;
        db.open(Db::sign_in(&user)).await;
        assert_eq!(live(&db).await, [third.id]);
        let all = db.revoke(Target::All, Cause::Revoked).await;
        assert_eq!(all.ended.count(), Some(2));
        assert!(live(&db).await.is_empty());
        let late = begin(&db, "corp:bob").await;
        assert_eq!(live(&db).await, [late.id]);
    });
}

#[test]
fn a_revocation_of_the_sessions_of_an_account_does_not_end_external_sessions() {
    with_db(|db| async move {
        let external = begin(&db, "1").await;
        let user = db.user("ada").await;
        db.open(Db::sign_in(&user)).await;
        db.revoke(Target::User(user.id), Cause::PasswordChanged).await;
        let request = RevocationRequest {
            only_user: Some(user.id),
            ..RevocationRequest::new(Target::Session(external.id), Cause::SignedOut, now())
        };
        assert_eq!(db.store.commit(request).await.unwrap().id, None);
        assert_eq!(live(&db).await, [external.id]);
    });
}

#[test]
fn the_feed_of_another_node_reads_which_external_sessions_ended() {
    with_db(|db| async move {
        let session = begin(&db, "corp:ann").await;
        let listener = db.store.listen().await.unwrap();
        let place = listener.watermark().await.unwrap();
        db.revoke(Target::Subject(Subject::new("corp:ann")), Cause::Revoked).await;
        let (read, _) = super::watermark::read_since(&listener, &place).await;
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].committed.ended.named()[0].session, session.id);
        assert_eq!(read[0].committed.ended.named()[0].user, None);
    });
}

#[test]
fn a_session_without_heartbeats_is_ended_and_a_session_with_heartbeats_is_not() {
    with_db(|db| async move {
        let session = begin(&db, "corp:ann").await;
        let later = now() + Duration::from_secs(100);
        assert_eq!(db.store.end_orphans(now(), later).await.unwrap(), 0);
        assert!(db.store.touch_external(vec![session.id], later).await.unwrap().is_empty());
        assert_eq!(db.store.end_orphans(later, later).await.unwrap(), 0);
        assert_eq!(db.store.end_orphans(later + Duration::from_secs(1), later).await.unwrap(), 1);
        assert!(live(&db).await.is_empty());
    });
}

#[test]
fn a_session_that_was_ended_as_an_orphan_is_reported_and_cannot_be_prolonged() {
    with_db(|db| async move {
        let session = begin(&db, "corp:ann").await;
        let other = begin(&db, "corp:bob").await;
        let later = now() + Duration::from_secs(100);
        db.store.touch_external(vec![other.id], later).await.unwrap();
        assert_eq!(db.store.end_orphans(later, later).await.unwrap(), 1);
        // A revocation no longer finds the ended session.
        assert_eq!(db.revoke(Target::Subject(Subject::new("corp:ann")), Cause::Revoked).await.id, None);
        let both = vec![session.id, other.id];
        assert_eq!(db.store.touch_external(both, later).await.unwrap(), [session.id]);
        assert!(!db.store.prolong_external(session.id, None, None, later).await.unwrap());
        assert_eq!(live(&db).await, [other.id]);
    });
}

#[test]
fn a_revoked_session_is_not_prolonged_or_revived() {
    with_db(|db| async move {
        let session = begin(&db, "corp:ann").await;
        assert!(db.store.prolong_external(session.id, None, Some(now()), now()).await.unwrap());
        db.revoke(Target::Session(session.id), Cause::Revoked).await;
        assert!(!db.store.prolong_external(session.id, None, None, now()).await.unwrap());
        db.store.touch_external(vec![session.id], now()).await.unwrap();
        assert!(live(&db).await.is_empty());
    });
}

#[test]
fn a_session_ends_with_its_connection_and_its_row_is_deleted_later() {
    with_db(|db| async move {
        let session = begin(&db, "").await;
        db.store.end_external(vec![session.id], now()).await.unwrap();
        assert!(live(&db).await.is_empty());
        assert_eq!(db.store.delete_aged(store::Aged::ExternalSessions, now(), 10).await.unwrap(), 0);
        assert_eq!(
            db.store
                .delete_aged(store::Aged::ExternalSessions, now() + Duration::from_secs(1), 10)
                .await
                .unwrap(),
            1
        );
    });
}
