//! The acting session of a change: if the session has ended before the change is written, nothing changes.

use domain::account::{
    account_key::AccountKey,
    role::{Role, Status},
};
use futures_util::future::join_all;
use protocol::close::Cause;
use store::{
    ActingSession, Change, CommittedRevocation, Lapse, OpenSession, RevocationRequest, Session, StoreError,
    Target,
};

use super::{Db, event, now, with_db};
use crate::harness::eventually;

fn authority(session: &Session) -> ActingSession {
    ActingSession { session: session.id, user: session.user, role: Role::User, privilege_epoch: None }
}

/// A revocation that this session requests.
fn request(by: &Session, target: Target) -> RevocationRequest {
    RevocationRequest {
        acting_session: Some(authority(by)),
        ..RevocationRequest::new(target, Cause::Revoked, now())
    }
}

/// A password change that this session requests.
fn new_password(by: &Session) -> RevocationRequest {
    RevocationRequest {
        except: Some(by.id),
        change: Some(Change::Password { hash: "new".to_owned().into() }),
        ..request(by, Target::User(by.user))
    }
}

/// What the acting session of a refused change lacks.
fn lapse(answer: Result<CommittedRevocation, StoreError>) -> Lapse {
    match answer {
        Err(StoreError::Lapsed(lapse)) => lapse,
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn a_change_by_a_revoked_or_expired_session_is_refused() {
    with_db(|db| async move {
        let (ada, eve) = (db.user("ada").await, db.user("eve").await);
        let (victim, by) = (db.open(Db::sign_in(&ada)).await, db.open(Db::sign_in(&eve)).await);
        let late = RevocationRequest { now: by.expires_at, ..request(&by, Target::User(ada.id)) };
        assert_eq!(lapse(db.store.commit(late).await), Lapse::Session);
        db.revoke(Target::Session(by.id), Cause::Revoked).await;
        for target in [
            Target::Session(victim.id),
            Target::Device(victim.device),
            Target::User(ada.id),
            Target::User(eve.id),
            Target::All,
        ] {
            assert_eq!(
                lapse(db.store.commit(request(&by, target.clone())).await),
                Lapse::Session,
                "{target:?}"
            );
        }
        assert_eq!(db.store.sessions_of(ada.id, None, 100).await.unwrap().len(), 1);
        assert_eq!(db.count("SELECT count(*) FROM revocations").await, 1, "nothing was written");
        assert_eq!(
            db.store.user_by_id(ada.id).await.unwrap().unwrap().revocation_epoch,
            ada.revocation_epoch
        );
        let renamed = db
            .store
            .update_profile(authority(&by), Some("Eve".to_owned()), None, now(), event("user.renamed"))
            .await;
        assert!(matches!(renamed, Err(StoreError::Lapsed(Lapse::Session))), "{renamed:?}");
    });
}

#[test]
fn a_change_by_the_session_of_another_user_is_refused() {
    with_db(|db| async move {
        let (ada, eve) = (db.user("ada").await, db.user("eve").await);
        let session = db.open(Db::sign_in(&ada)).await;
        let forged = ActingSession { user: eve.id, ..authority(&session) };
        let request =
            RevocationRequest { acting_session: Some(forged), ..request(&session, Target::User(ada.id)) };
        assert_eq!(lapse(db.store.commit(request).await), Lapse::Session);
    });
}

#[test]
fn account_role_and_privilege_are_checked_when_the_change_is_written() {
    with_db(|db| async move {
        let (ada, eve) = (db.user("ada").await, db.user("eve").await);
        let by = db.open(Db::sign_in(&eve)).await;
        let with = |authority| RevocationRequest {
            acting_session: Some(authority),
            ..request(&by, Target::User(ada.id))
        };
        let operator = ActingSession { role: Role::Operator, ..authority(&by) };
        assert_eq!(lapse(db.store.commit(with(operator)).await), Lapse::Role);

        let fresh = ActingSession { privilege_epoch: Some(by.privilege_epoch), ..authority(&by) };
        let another = ActingSession { privilege_epoch: Some(by.privilege_epoch + 1), ..authority(&by) };
        assert_eq!(lapse(db.store.commit(with(another)).await), Lapse::Privilege);
        assert!(db.store.commit(with(fresh)).await.unwrap().id.is_some());
        let password = RevocationRequest {
            except: Some(by.id),
            change: Some(Change::Password { hash: "new".to_owned().into() }),
            ..RevocationRequest::new(Target::User(eve.id), Cause::PasswordChanged, now())
        };
        db.store.commit(password).await.unwrap();
        assert_eq!(lapse(db.store.commit(with(fresh)).await), Lapse::Privilege);

        let sql = format!("UPDATE users SET status = '{}' WHERE id = {}", Status::Suspended, eve.id);
        db.raw().await.execute(&sql, &[]).await.unwrap();
        assert_eq!(lapse(db.store.commit(with(authority(&by))).await), Lapse::Account);
    });
}

#[test]
fn a_change_that_waits_for_the_revocation_of_its_session_is_refused() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let by = db.open(Db::sign_in(&user)).await;
        let (mut raw, watch) = (db.raw().await, db.raw().await);
        let revocation = raw.transaction().await.unwrap();
        revocation.execute("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE", &[&user.id.0]).await.unwrap();
        let (store, request) = (db.store.clone(), new_password(&by));
        let in_flight = tokio::spawn(async move { store.commit(request).await });
        eventually("the request waits", async || {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                                                               AND datname = current_database()";
            watch.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 1
        })
        .await;
        let sql = "UPDATE sessions SET revoked_at = now() WHERE id = $1";
        revocation.execute(sql, &[&by.id.0]).await.unwrap();
        revocation.commit().await.unwrap();
        assert_eq!(lapse(in_flight.await.unwrap()), Lapse::Session);
        let hash = db.count("SELECT count(*) FROM users WHERE password_hash = 'new'").await;
        assert_eq!(hash, 0, "the password is the old one");
    });
}

#[test]
fn only_one_of_two_password_changes_at_once_succeeds() {
    with_db(|db| async move {
        db.user("ada").await;
        for round in 0..12 {
            let (one, two) = (sign_in_again(&db, "ada").await, sign_in_again(&db, "ada").await);
            let requests = [db.store.commit(new_password(&one)), db.store.commit(new_password(&two))];
            let (done, refused): (Vec<_>, Vec<_>) =
                join_all(requests).await.into_iter().partition(|answer| answer.is_ok());
            assert_eq!(done.len(), 1, "round {round}: {done:?} {refused:?}");
            assert_eq!(lapse(refused.into_iter().next().unwrap()), Lapse::Session);
        }
    });
}

/// A new session of this user after earlier revocations.
async fn sign_in_again(db: &Db, name: &str) -> Session {
    let key = AccountKey::of(&format!("{name}@example.com"));
    let found = db.store.user_by_key(key, None).await.unwrap().unwrap();
    db.open(OpenSession { revoked_all: found.revoked_all, ..Db::sign_in(&found.user) }).await
}

/// Two sessions revoke each other at the same moment, with every combination of targets. One succeeds, and there is
/// no deadlock.
#[test]
fn only_one_of_two_sessions_that_revoke_each_other_succeeds() {
    with_db(|db| async move {
        db.user("ada").await;
        db.user("eve").await;
        let targets: [fn(&Session) -> Target; 4] = [
            |at| Target::Session(at.id),
            |at| Target::Device(at.device),
            |at| Target::User(at.user),
            |_| Target::All,
        ];
        for round in 0..48 {
            let (one, two) = (sign_in_again(&db, "ada").await, sign_in_again(&db, "eve").await);
            let (first, second) = (targets[round % 4], targets[round / 4 % 4]);
            let answers = join_all([
                db.store.commit(request(&one, first(&two))),
                db.store.commit(request(&two, second(&one))),
            ])
            .await;
            let done = answers.iter().filter(|answer| answer.is_ok()).count();
            assert_eq!(done, 1, "round {round}: {answers:?}");
            assert!(
                answers.iter().any(|answer| matches!(answer, Err(StoreError::Lapsed(Lapse::Session)))),
                "round {round}: {answers:?}"
            );
        }
    });
}
