//! Opening sessions: alone, after or during a revocation, and when the user has too many sessions.

use domain::account::{
    account_key::AccountKey,
    role::{Role, Status},
};
use protocol::close::Cause;
use store::{Change, OpenOutcome, OpenSession, RevocationRequest, Target};

use super::{Db, event, now, with_db};

#[test]
fn an_opened_session_is_read_unchanged() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let open = Db::sign_in(&user);
        let session = db.open(open.clone()).await;
        let found = db.store.session_with_user(session.id).await.unwrap().unwrap();
        assert_eq!(found.session, session);
        assert_eq!(found.user.last_login_at, Some(now()));
        assert_eq!((session.refresh_counter, session.revoked), (0, None));
        assert_eq!(session.privileged_until, Some(open.privileged_until));
        assert!(
            db.store
                .user_by_key(AccountKey::of("ada@example.com"), Some(open.device.id))
                .await
                .unwrap()
                .unwrap()
                .device_known
        );
    });
}

#[test]
fn a_sign_in_opens_no_session_after_a_revocation_of_its_user() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        db.revoke(Target::User(user.id), Cause::Revoked).await;
        assert_superseded(&db, Db::sign_in(&user)).await;
    });
}

#[test]
fn a_sign_in_opens_no_session_after_a_revocation_of_all_sessions() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        db.revoke(Target::All, Cause::Revoked).await;
        assert_superseded(&db, Db::sign_in(&user)).await;
    });
}

#[test]
fn a_sign_in_opens_no_session_after_a_revocation_of_its_device() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let first = Db::sign_in(&user);
        db.open(first.clone()).await;
        db.revoke(Target::Device(first.device.id), Cause::DeviceRemoved).await;
        let second = OpenSession { device: first.device, ..Db::sign_in(&user) };
        assert_superseded(&db, second).await;
    });
}

#[test]
fn a_sign_in_of_a_suspended_user_opens_no_session() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let order = RevocationRequest {
            change: Some(Change::Status(Status::Suspended)),
            ..RevocationRequest::new(Target::User(user.id), Cause::AccountDisabled, now())
        };
        db.store.commit(order).await.unwrap();
        let suspended = db.store.user_by_id(user.id).await.unwrap().unwrap();
        assert_superseded(&db, Db::sign_in(&suspended)).await;
    });
}

/// In each round a sign-in and a revocation run at the same time. Whichever of them commits first, no session stays open.
#[test]
fn a_simultaneous_sign_in_and_revocation_leave_no_open_session() {
    with_db(|db| async move {
        for round in 0..40 {
            let user = db.user(&format!("ada{round}")).await;
            let revoked_all =
                db.count("SELECT coalesce(max(id), 0) FROM revocations WHERE scope = 'all'").await;
            let open = OpenSession { revoked_all, ..Db::sign_in(&user) };
            let target = if round % 2 == 0 { Target::User(user.id) } else { Target::All };
            let (opened, committed) = tokio::join!(
                db.store.open_session(open, event("session.opened")),
                db.store.commit(RevocationRequest::new(target, Cause::Revoked, now())),
            );
            let committed = committed.unwrap();
            if let OpenOutcome::Session(session, _) = opened.unwrap() {
                let named = committed.ended.named().iter().map(|ended| ended.session);
                assert_eq!(named.collect::<Vec<_>>(), if round % 2 == 0 { vec![session.id] } else { vec![] });
                assert_eq!(committed.ended.count(), Some(1));
            }
            assert!(db.store.sessions_of(user.id, None, 100).await.unwrap().is_empty());
        }
    });
}

#[test]
fn a_session_over_the_limit_evicts_the_oldest() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let mut sessions = Vec::new();
        for second in 0..3 {
            let now = now() + time::Duration::seconds(second);
            sessions.push(db.open(OpenSession { now, per_user_limit: 3, ..Db::sign_in(&user) }).await);
        }
        let open =
            OpenSession { per_user_limit: 3, now: now() + time::Duration::seconds(9), ..Db::sign_in(&user) };
        let OpenOutcome::Session(newest, evicted) =
            db.store.open_session(open, event("session.opened")).await.unwrap()
        else {
            panic!("superseded");
        };
        assert_eq!(evicted.len(), 1);
        assert_eq!(evicted[0].ended.named()[0].session, sessions[0].id);
        assert_eq!(evicted[0].cause, Cause::SessionLimit);
        let live: Vec<_> = db
            .store
            .sessions_of(user.id, None, 100)
            .await
            .unwrap()
            .iter()
            .map(|session| session.id)
            .collect();
        assert_eq!(live, [newest.id, sessions[2].id, sessions[1].id]);
        let ended = db.store.session_with_user(sessions[0].id).await.unwrap().unwrap();
        assert_eq!(ended.session.revoked.unwrap().cause, Cause::SessionLimit);
    });
}

#[test]
fn parallel_sign_ins_do_not_exceed_the_limit_of_sessions() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let opening = (0..12).map(|_| {
            let open = OpenSession { per_user_limit: 4, ..Db::sign_in(&user) };
            db.store.open_session(open, event("session.opened"))
        });
        for opened in futures_util::future::join_all(opening).await {
            assert!(matches!(opened.unwrap(), OpenOutcome::Session(..)));
        }
        assert_eq!(db.store.sessions_of(user.id, None, 100).await.unwrap().len(), 4);
    });
}

#[test]
fn a_changed_role_ends_no_session() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        let order = RevocationRequest {
            change: Some(Change::Role(Role::Operator)),
            ..RevocationRequest::new(Target::User(user.id), Cause::RoleChanged, now())
        };
        let committed = db.store.commit(order).await.unwrap();
        assert_eq!(committed.ended.named().len(), 1);
        let found = db.store.session_with_user(session.id).await.unwrap().unwrap();
        assert_eq!((found.session.revoked, found.user.role), (None, Role::Operator));
    });
}

async fn assert_superseded(db: &Db, open: OpenSession) {
    let user = open.user;
    let opened = db.store.open_session(open, event("session.opened")).await.unwrap();
    assert!(matches!(opened, OpenOutcome::Superseded));
    assert!(db.store.sessions_of(user, None, 100).await.unwrap().is_empty());
    let written = db.count("SELECT count(*) FROM audit_events WHERE event = 'session.opened'").await;
    assert_eq!(written, db.count("SELECT count(*) FROM sessions").await);
}
