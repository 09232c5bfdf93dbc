//! A revocation of all sessions: it takes effect at once and changes no row of a session. Later, a job marks the rows as ended.

use std::time::Duration;

use protocol::{close::Cause, id::RevocationId};
use store::{Lapse, OpenSession, Privilege, SessionFilter, StoreError, Target};

use super::{Db, event, now, with_db};

/// Opens a session after the newest revocation of all sessions.
async fn open_now(db: &Db, name: &str) -> store::Session {
    let key = domain::account::account_key::AccountKey::of(&format!("{name}@example.com"));
    let found = db.store.user_by_key(key, None).await.unwrap().unwrap();
    db.open(OpenSession { revoked_all: found.revoked_all, ..Db::sign_in(&found.user) }).await
}

#[test]
fn a_revocation_of_all_sessions_waits_for_no_row_and_takes_effect_at_once() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        let mut raw = db.raw().await;
        let holding = raw.transaction().await.unwrap();
        holding.execute("SELECT FROM sessions FOR UPDATE", &[]).await.unwrap();
        let committed = db.revoke(Target::All, Cause::Revoked).await;
        assert_eq!(committed.ended.count(), Some(1));
        let found = db.store.session_with_user(session.id).await.unwrap().unwrap();
        assert_eq!(found.session.revoked.map(|revoked| revoked.cause), Some(Cause::Revoked));
        assert!(db.store.sessions_of(user.id, None, 100).await.unwrap().is_empty());
        let active = SessionFilter { active_at: Some(now()), limit: 9, ..SessionFilter::default() };
        assert!(db.store.search_sessions(active).await.unwrap().is_empty());
        holding.commit().await.unwrap();
        let end = now() + Duration::from_secs(60);
        let refreshed = db.store.rotate_refresh(session.id, 0, now(), end, event("session.refreshed")).await;
        assert_eq!(refreshed.unwrap(), None);
        let retried = db.store.spend_late_retry(session.id, 0, now(), event("refresh.repeated_late")).await;
        assert_eq!(retried.unwrap(), None);
        let privilege = Privilege {
            session: session.id,
            user: user.id,
            revocation_epoch: user.revocation_epoch,
            until: end,
            proof: None,
            now: now(),
        };
        let granted = db.store.grant_privilege(privilege, event("step_up")).await;
        assert!(matches!(granted, Err(StoreError::Lapsed(Lapse::Session))), "{granted:?}");
        assert_eq!(db.revoke(Target::Session(session.id), Cause::SignedOut).await.id, None, "it has ended");
    });
}

#[test]
fn a_session_that_is_opened_after_a_revocation_of_all_sessions_is_valid() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let old = db.open(Db::sign_in(&user)).await;
        let id = db.revoke(Target::All, Cause::Revoked).await.id.unwrap();
        let new = open_now(&db, "ada").await;
        assert_eq!((old.revoked_all, new.revoked_all), (RevocationId(0), id));
        assert_eq!(new.revoked, None);
        while db.store.end_covered(10).await.unwrap() > 0 {}
        let live = db.store.sessions_of(user.id, None, 100).await.unwrap();
        assert_eq!(live.iter().map(|session| session.id).collect::<Vec<_>>(), [new.id]);
    });
}

#[test]
fn rows_are_ended_in_batches_with_the_first_revocation_that_covers_them() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        for _ in 0..5 {
            db.open(Db::sign_in(&user)).await;
        }
        let first = db.revoke(Target::All, Cause::Revoked).await.id.unwrap();
        let between = open_now(&db, "ada").await;
        let second = db.revoke(Target::All, Cause::Revoked).await.id.unwrap();
        let mut batches = Vec::new();
        loop {
            match db.store.end_covered(2).await.unwrap() {
                0 => break,
                ended => batches.push(ended),
            }
        }
        assert_eq!(batches, [2, 2, 2]);
        let ended_by = |id: RevocationId| format!("SELECT count(*) FROM sessions WHERE revocation_id = {id}");
        assert_eq!((db.count(&ended_by(first)).await, db.count(&ended_by(second)).await), (5, 1));
        let found = db.store.session_with_user(between.id).await.unwrap().unwrap();
        assert_eq!(found.session.revoked.and_then(|revoked| revoked.id), Some(second));
        let counted = format!("SELECT sessions::bigint FROM revocations WHERE id = {first}");
        assert_eq!(db.count(&counted).await, 5);
    });
}

#[test]
fn a_locked_row_is_ended_later() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let (held, _free) = (db.open(Db::sign_in(&user)).await, db.open(Db::sign_in(&user)).await);
        db.revoke(Target::All, Cause::Revoked).await;
        let mut raw = db.raw().await;
        let holding = raw.transaction().await.unwrap();
        holding.execute("SELECT FROM sessions WHERE id = $1 FOR UPDATE", &[&held.id.0]).await.unwrap();
        assert_eq!(db.store.end_covered(10).await.unwrap(), 1);
        holding.commit().await.unwrap();
        assert_eq!(db.store.end_covered(10).await.unwrap(), 1);
    });
}

#[test]
fn no_refresh_succeeds_after_a_revocation_of_all_sessions() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        for round in 0..12_u64 {
            let session = open_now(&db, "ada").await;
            let end = now() + Duration::from_secs(60);
            let refresh = db.store.rotate_refresh(session.id, 0, now(), end, event("session.refreshed"));
            let revoke = db.revoke(Target::All, Cause::Revoked);
            let (refreshed, _) = tokio::join!(refresh, revoke);
            let after = db.store.rotate_refresh(session.id, 1, now(), end, event("session.refreshed")).await;
            assert_eq!(
                after.unwrap(),
                None,
                "round {round}: {:?}",
                refreshed.unwrap().map(|session| session.id)
            );
        }
        assert!(db.store.sessions_of(user.id, None, 100).await.unwrap().is_empty());
    });
}
