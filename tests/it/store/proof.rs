//! Tickets, which can be used only once, and the privilege of a recent proof of presence.

use std::time::Duration;

use domain::account::role::{Scope, Scopes};
use futures_util::future::join_all;
use logic::denials::TokenMark;
use protocol::close::Cause;
use store::{
    Change, Lapse, Privilege, PrivilegeOutcome, RevocationRequest, Session, StoreError, Target, Ticket,
};

use super::{Db, event, now, with_db};

const CONSUMERS: usize = 16;

fn privilege(session: &Session, revocation_epoch: i32) -> Privilege {
    Privilege {
        session: session.id,
        user: session.user,
        revocation_epoch,
        until: now(),
        proof: None,
        now: now(),
    }
}

#[test]
fn only_one_of_sixteen_uses_of_a_ticket_succeeds() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        let ticket = Ticket {
            session: session.id,
            scopes: Scopes::of(&[Scope::Read]),
            token: TokenMark { id: Some("a".into()), issued_at_ms: Some(1) },
        };
        db.store.insert_ticket([7; 32], ticket.clone(), now() + Duration::from_secs(30)).await.unwrap();
        let using = (0..CONSUMERS).map(|_| db.store.consume_ticket([7; 32], now()));
        let won: Vec<_> = join_all(using).await.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(won, [ticket]);
    });
}

#[test]
fn an_expired_ticket_cannot_be_used_and_is_deleted() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        let ticket = Ticket { session: session.id, scopes: Scopes::NONE, token: TokenMark::default() };
        db.store.insert_ticket([1; 32], ticket.clone(), now()).await.unwrap();
        assert_eq!(db.store.consume_ticket([1; 32], now()).await.unwrap(), None);
        db.store.insert_ticket([2; 32], ticket, now()).await.unwrap();
        assert_eq!(db.store.delete_aged(store::Aged::Tickets, now(), 10).await.unwrap(), 1);
    });
}

#[test]
fn each_proof_of_presence_raises_the_privilege_epoch() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        assert_eq!(session.privilege_epoch, 0);
        for epoch in 1..3 {
            let privilege = privilege(&session, user.revocation_epoch);
            let PrivilegeOutcome::Session(granted) =
                db.store.grant_privilege(privilege, event("session.stepped_up")).await.unwrap()
            else {
                panic!("not granted")
            };
            assert_eq!((granted.privilege_epoch, granted.privileged_until), (epoch, Some(now())));
        }
    });
}

#[test]
fn a_new_password_ends_the_privilege_of_the_session() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let (session, other) = (db.open(Db::sign_in(&user)).await, db.open(Db::sign_in(&user)).await);
        let order = RevocationRequest {
            except: Some(session.id),
            change: Some(Change::Password { hash: "new".to_owned().into() }),
            ..RevocationRequest::new(Target::User(user.id), Cause::PasswordChanged, now())
        };
        let committed = db.store.commit(order).await.unwrap();
        assert_eq!(committed.ended.named().iter().map(|ended| ended.session).collect::<Vec<_>>(), [other.id]);
        let kept = db.store.session_with_user(session.id).await.unwrap().unwrap();
        assert_eq!((kept.session.privilege_epoch, kept.session.privileged_until), (1, None));
        assert_eq!((kept.session.revoked, kept.user.revocation_epoch), (None, user.revocation_epoch + 1));
    });
}

#[test]
fn a_proof_from_before_a_new_password_gives_no_privilege() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        let order = RevocationRequest {
            except: Some(session.id),
            ..RevocationRequest::new(Target::User(user.id), Cause::PasswordChanged, now())
        };
        db.store.commit(order).await.unwrap();
        let late = privilege(&session, user.revocation_epoch);
        let answer = db.store.grant_privilege(late, event("session.stepped_up")).await.unwrap();
        assert!(matches!(answer, PrivilegeOutcome::Lapsed), "{answer:?}");
    });
}

#[test]
fn a_blocked_user_gets_no_privilege() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        let sql =
            format!("INSERT INTO denials (kind, subject, created_at) VALUES ('user', '{}', now())", user.id);
        db.raw().await.batch_execute(&sql).await.unwrap();
        let asked = privilege(&session, user.revocation_epoch);
        let answer = db.store.grant_privilege(asked, event("session.stepped_up")).await;
        assert!(matches!(answer, Err(StoreError::Lapsed(Lapse::Account))), "{answer:?}");
    });
}
