//! The schema on an empty database, and the values that its constraints refuse.

use domain::account::email::Email;
use store::{NewUser, StoreError, UserFilter};

use super::{Db, event, now, with_db};

#[test]
fn migrating_again_changes_nothing() {
    with_db(|db| async move {
        assert_eq!(db.store.migrate().await.unwrap(), Vec::<String>::new());
        db.store.ping().await.unwrap();
    });
}

#[test]
fn many_may_migrate_an_empty_database_at_once() {
    with_db(|db| async move {
        db.raw().await.batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
        let runs = (0..6).map(|_| {
            let store = db.store.clone();
            tokio::spawn(async move { store.migrate().await.unwrap().len() })
        });
        let applied: Vec<_> =
            futures_util::future::join_all(runs).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(applied.iter().filter(|count| **count > 0).count(), 1, "{applied:?}");
    });
}

#[test]
fn an_address_has_one_account_whatever_its_case() {
    with_db(|db| async move {
        db.user("ada").await;
        let again = NewUser {
            email: Email::parse("ADA@Example.com").unwrap(),
            display_name: None,
            password_hash: "x".to_owned().into(),
            role: domain::account::role::Role::User,
            status: domain::account::role::Status::Active,
            device: None,
            now: now(),
        };
        let answer = db.store.insert_user(again, event("user.registered")).await;
        assert!(matches!(answer, Err(StoreError::Conflict(constraint)) if constraint == "users_email_key"));
        let email = Email::parse("aDa@EXAMPLE.com").unwrap();
        assert!(db.store.user_by_email(email, None).await.unwrap().is_some());
        assert_eq!(db.count("SELECT count(*) FROM users").await, 1);
    });
}

#[test]
fn a_rehash_never_overwrites_a_new_password() {
    with_db(|db: Db| async move {
        let user = db.user("ada").await;
        let hash = |text: &str| text.to_owned().into();
        assert!(!db.store.rehash_password(user.id, hash("other"), hash("new")).await.unwrap());
        assert!(db.store.rehash_password(user.id, user.password_hash, hash("new")).await.unwrap());
    });
}

#[test]
fn accounts_are_found_by_a_part_of_their_address() {
    with_db(|db| async move {
        for name in ["ada", "grace", "adam"] {
            db.user(name).await;
        }
        let filter = UserFilter { text: Some("ADA".to_owned()), limit: 10, ..UserFilter::default() };
        let found = db.store.list_users(filter.clone()).await.unwrap();
        assert_eq!(
            found.iter().map(|user| user.email.as_str()).collect::<Vec<_>>(),
            ["ada@example.com", "adam@example.com"]
        );
        let rest = UserFilter { after: Some(found[0].id), ..filter };
        assert_eq!(db.store.list_users(rest).await.unwrap().len(), 1);
    });
}
