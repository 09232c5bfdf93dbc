//! Migrations of empty databases and of databases with rows of earlier releases, the values that constraints refuse, and some
//! statements about accounts.

use domain::account::{account_key::AccountKey, email::Email};
use secrecy::SecretString;
use store::{Migrated, NewUser, StoreError, UserFilter};

use tokio_postgres::error::SqlState;

use super::{Db, event, now, with_db};

#[test]
fn migrating_again_changes_nothing() {
    with_db(|db| async move {
        let again = db.owner().migrate().await.unwrap();
        assert_eq!(Migrated { roles: Vec::new(), ..again }, Migrated::default());
        db.store.ping().await.unwrap();
    });
}

#[test]
fn migrations_that_run_six_times_at_once_are_applied_once() {
    with_db(|db| async move {
        db.raw().await.batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
        let owner = db.owner();
        let runs = (0..6).map(|_| {
            let store = owner.clone();
            tokio::spawn(async move { store.migrate().await.unwrap().applied.len() })
        });
        let applied: Vec<_> =
            futures_util::future::join_all(runs).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(applied.iter().filter(|count| **count > 0).count(), 1, "{applied:?}");
    });
}

#[test]
fn an_address_in_another_case_belongs_to_the_same_account() {
    with_db(|db| async move {
        db.user("ada").await;
        let again = NewUser {
            email: Email::parse("ADA@Example.com").unwrap(),
            display_name: None,
            password_hash: "x".to_owned().into(),
            role: domain::account::role::Role::User,
            status: domain::account::role::Status::Active,
            device: None,
            language: None,
            now: now(),
        };
        let answer = db.store.insert_user(again, event("user.registered")).await;
        assert!(matches!(answer, Err(StoreError::Conflict(_))), "{answer:?}");
        let key = AccountKey::of("aDa@EXAMPLE.com");
        assert!(db.store.user_by_key(key, None).await.unwrap().is_some());
        assert_eq!(db.count("SELECT count(*) FROM users").await, 1);
    });
}

#[test]
fn a_rehash_replaces_only_the_hash_that_was_verified() {
    with_db(|db: Db| async move {
        let user = db.user("ada").await;
        let rehash = async |verified: SecretString, new: &str| {
            db.store.rehash_password(user.id, verified, new.to_owned().into()).await.unwrap()
        };
        let stored = async || -> String {
            db.raw().await.query_one("SELECT password_hash FROM users", &[]).await.unwrap().get(0)
        };
        // A new password is set after the old one was verified.
        db.raw().await.execute("UPDATE users SET password_hash = 'changed'", &[]).await.unwrap();
        assert!(!rehash(user.password_hash.clone(), "rehashed").await);
        assert_eq!(stored().await, "changed");
        assert!(rehash("changed".to_owned().into(), "rehashed").await);
        assert_eq!(stored().await, "rehashed");
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

/// Applies the migrations before `version` to an empty schema.
async fn schema_before(db: &super::Db, version: u32) -> tokio_postgres::Client {
    let raw = db.raw().await;
    raw.batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
    let mut files: Vec<_> =
        std::fs::read_dir("migrations").unwrap().map(|file| file.unwrap().path()).collect();
    let number = |path: &std::path::Path| -> u32 {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        name[1..].split("__").next().unwrap().parse().unwrap()
    };
    files.sort_by_key(|path| number(path));
    for file in files.iter().filter(|path| number(path) < version) {
        raw.batch_execute(&std::fs::read_to_string(file).unwrap()).await.unwrap();
    }
    raw
}

#[test]
fn a_migration_gives_denials_of_tokens_an_end_and_does_not_change_blocks() {
    with_db(|db| async move {
        let raw = schema_before(&db, 10).await;
        let rows = "INSERT INTO denials (kind, token_id, created_at) VALUES ('token', 'old', now() - interval '1 year');
                    INSERT INTO denials (kind, subject, created_at) VALUES ('user', '7', now());
                    INSERT INTO denials (kind, subject, issued_before, created_at) VALUES ('issued_before', '7', now(), now())";
        raw.batch_execute(rows).await.unwrap();
        raw.batch_execute(include_str!("../../../migrations/V10__revoking_all_ends_and_retention.sql"))
            .await
            .unwrap();
        let ends =
            "SELECT count(*) FROM denials WHERE kind <> 'user' AND expires_at > now() + interval '29 days'";
        assert_eq!(db.count(ends).await, 2);
        assert_eq!(db.count("SELECT count(*) FROM denials WHERE expires_at IS NULL").await, 1);
        let endless = "INSERT INTO denials (kind, token_id, created_at) VALUES ('token', 'new', now())";
        assert!(raw.batch_execute(endless).await.is_err());
    });
}

#[test]
fn a_migration_records_when_blocks_were_replaced() {
    with_db(|db| async move {
        let raw = schema_before(&db, 14).await;
        let rows = "INSERT INTO denials (kind, subject, lifted, created_at) VALUES
                        ('user', '7', false, '2026-01-01'), ('user', '7', false, '2026-01-02'),
                        ('user', '8', false, '2026-01-01'), ('user', '8', true, '2026-01-03')";
        raw.batch_execute(rows).await.unwrap();
        raw.batch_execute(include_str!("../../../migrations/V14__replaced_blocks.sql")).await.unwrap();
        let replaced =
            "SELECT string_agg(id || ' ' || to_char(replaced_at, 'DD'), ', ' ORDER BY id) FROM denials";
        let found: String = raw.query_one(replaced, &[]).await.unwrap().get(0);
        assert_eq!(found, "1 02, 3 03, 4 03");
    });
}

#[test]
fn sessions_that_were_opened_after_an_old_revocation_of_all_sessions_stay_open() {
    with_db(|db| async move {
        let raw = schema_before(&db, 10).await;
        let rows = "INSERT INTO users (email, password_hash, status) VALUES ('ada@example.com', '!', 'active');
                    INSERT INTO registered_devices (user_id, id) SELECT id, gen_random_uuid() FROM users;
                    INSERT INTO revocations (scope, cause) VALUES ('all', 'revoked');
                    INSERT INTO sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_expires_at, method)
                    SELECT gen_random_uuid(), user_id, id, now(), now(), now() + interval '1 day', now(), 'password'
                    FROM registered_devices";
        raw.batch_execute(rows).await.unwrap();
        raw.batch_execute(include_str!("../../../migrations/V10__revoking_all_ends_and_retention.sql"))
            .await
            .unwrap();
        let open = "SELECT count(*) FROM sessions WHERE revoked_all = (SELECT max(id) FROM revocations)";
        assert_eq!(db.count(open).await, 1);
        assert_eq!(db.owner().end_covered(10).await.unwrap(), 0);
    });
}

#[test]
fn a_session_that_an_earlier_release_opens_after_a_revocation_of_all_sessions_stays_open() {
    with_db(|db| async move {
        let rows = "INSERT INTO users (email, password_hash, status) VALUES ('ada@example.com', '!', 'active');
                    INSERT INTO registered_devices (user_id, id) SELECT id, gen_random_uuid() FROM users;
                    INSERT INTO revocations (scope, cause) VALUES ('all', 'revoked');
                    INSERT INTO sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_expires_at, method)
                    SELECT gen_random_uuid(), user_id, id, now(), now(), now() + interval '1 day', now(), 'password'
                    FROM registered_devices";
        db.raw().await.batch_execute(rows).await.unwrap();
        assert_eq!(db.store.end_covered(10).await.unwrap(), 0);
        assert_eq!(db.count("SELECT count(*) FROM sessions WHERE revoked_at IS NULL").await, 1);
    });
}

#[test]
fn a_migration_reduces_large_offsets_and_begins_a_new_epoch() {
    with_db(|db| async move {
        let raw = db.raw().await;
        let top = 1_i64 << 60;
        let rows = format!(
            "UPDATE channel_epoch SET floor = {top};
             INSERT INTO channels (name, top, gone, created_at, updated_at)
             VALUES ('chat:grown', {top} + 5, {top} + 2, now(), now()), ('chat:empty', {top} + 9, {top} + 9, now(), now()),
                    ('chat:old', 8, 3, now(), now());
             INSERT INTO channel_messages (channel, seq, data, created_at)
             SELECT 'chat:grown', {top} + n, '1', now() FROM generate_series(2, 5) n;
             INSERT INTO channel_messages (channel, seq, data, created_at) VALUES ('chat:old', 8, '1', now());
             INSERT INTO channel_idempotency (channel, key, seq, expires_at)
             VALUES ('chat:grown', 'gone', {top} + 1, now()), ('chat:grown', 'kept', {top} + 3, now())"
        );
        raw.batch_execute(&rows).await.unwrap();
        let epoch = async || -> String {
            raw.query_one("SELECT epoch FROM channel_epoch", &[]).await.unwrap().get(0)
        };
        let (before, migration) =
            (epoch().await, include_str!("../../../migrations/V11__offsets_stay_small.sql"));
        raw.batch_execute(migration).await.unwrap();
        let after = epoch().await;
        assert_ne!(after, before);
        assert_eq!(db.count("SELECT floor FROM channel_epoch").await, 0);
        let expected =
            "SELECT count(*) FROM (VALUES ('chat:grown', 4, 1), ('chat:empty', 0, 0), ('chat:old', 8, 3))
                        AS e (name, top, gone) JOIN channels c USING (name, top, gone)";
        assert_eq!(db.count(expected).await, 3);
        let messages = "SELECT sum(seq)::bigint FROM channel_messages WHERE channel = 'chat:grown'";
        assert_eq!(db.count(messages).await, 1 + 2 + 3 + 4);
        assert_eq!(db.count("SELECT seq FROM channel_idempotency").await, 2);
        raw.batch_execute(migration).await.unwrap();
        assert_eq!(epoch().await, after, "a second run does not change small offsets");
    });
}

/// Inserts accounts with these addresses and without account keys, like those of an earlier release. Returns their ids.
async fn without_keys(db: &Db, addresses: &[&str]) -> Vec<i64> {
    let raw = db.raw().await;
    let mut ids = Vec::new();
    for address in addresses {
        let sql =
            "INSERT INTO users (email, password_hash, status, account_key) VALUES ($1, 'x', 'active', $1)
                   RETURNING id";
        ids.push(raw.query_one(sql, &[address]).await.unwrap().get(0));
    }
    raw.batch_execute("UPDATE users SET account_key = NULL").await.unwrap();
    ids
}

#[test]
fn existing_accounts_get_their_keys_and_the_oldest_account_gets_a_key_that_several_have_in_common() {
    with_db(|db| async move {
        let addresses = [
            "stra\u{df}e@example.com",
            "Ada@Example.com",
            "strasse@example.com",
            "Old Name",
            "\u{ff33}TRASSE@example.com",
        ];
        let ids = without_keys(&db, &addresses).await;
        for _ in 0..2 {
            let without = db.store.assign_account_keys().await.unwrap();
            let users: Vec<_> = without.iter().map(|account| account.user.0).collect();
            assert_eq!(users, [ids[2], ids[4]]);
            for account in &without {
                let (holder, email) = account.holder.clone().unwrap();
                assert_eq!((holder.0, email.as_str()), (ids[0], addresses[0]));
            }
        }
        let find = async |name: &str| {
            let found = db.store.user_by_key(AccountKey::of(name), None).await.unwrap();
            found.map(|found| found.user.id.0)
        };
        assert_eq!(find("STRASSE@EXAMPLE.COM").await, Some(ids[0]));
        assert_eq!((find("ada@example.com").await, find("old name").await), (Some(ids[1]), Some(ids[3])));
        let sql = format!("DELETE FROM users WHERE id = {}", ids[0]);
        db.raw().await.batch_execute(&sql).await.unwrap();
        assert_eq!(db.store.assign_account_keys().await.unwrap().len(), 1);
        assert_eq!(find("strasse@example.com").await, Some(ids[2]));
    });
}

#[test]
fn existing_accounts_have_their_keys_before_a_registration_can_take_one() {
    with_db(|db| async move {
        let raw = schema_before(&db, 9).await;
        let rows = "INSERT INTO users (email, password_hash) VALUES ('Ada@Example.com', 'x'), ('J\u{fc}rgen@example.com', 'x')";
        raw.batch_execute(rows).await.unwrap();
        raw.batch_execute(include_str!("../../../migrations/V9__account_keys.sql")).await.unwrap();
        for taken in ["ada@example.com", "J\u{fc}rgen@EXAMPLE.com"] {
            let sql = "INSERT INTO users (email, account_key, password_hash) VALUES ($1, $2, 'x')";
            let key = AccountKey::of(taken);
            let error = raw.execute(sql, &[&taken, &key.as_str()]).await.unwrap_err();
            assert_eq!(error.code(), Some(&SqlState::UNIQUE_VIOLATION), "{taken}");
        }
        assert_eq!(db.owner().assign_account_keys().await.unwrap(), []);
        assert_eq!(db.count("SELECT count(*) FROM users WHERE account_key IS NULL").await, 0);
    });
}

#[test]
fn a_migration_assigns_account_keys_and_reports_accounts_whose_key_is_taken() {
    with_db(|db| async move {
        let ids = without_keys(&db, &["J\u{fc}rgen@example.com", "\u{ff2a}\u{fc}rgen@example.com"]).await;
        let migrated = db.owner().migrate().await.unwrap();
        let without: Vec<_> = migrated.without_key.iter().map(|account| account.user.0).collect();
        assert_eq!(without, ids[1..]);
    });
}

#[test]
fn several_runs_at_once_give_every_account_its_key() {
    with_db(|db| async move {
        let sql = "INSERT INTO users (email, password_hash)
                   SELECT 'p' || n || '@example.com', 'x' FROM generate_series(1, 2500) n;
                   UPDATE users SET account_key = NULL";
        db.raw().await.batch_execute(sql).await.unwrap();
        let runs = (0..4).map(|_| {
            let store = db.store.clone();
            tokio::spawn(async move { store.assign_account_keys().await.unwrap() })
        });
        for run in futures_util::future::join_all(runs).await {
            assert_eq!(run.unwrap(), [], "every account has its key");
        }
        let wrong = "SELECT count(*) FROM users WHERE account_key IS DISTINCT FROM email";
        assert_eq!(db.count(wrong).await, 0);
    });
}

#[test]
fn an_account_that_an_earlier_release_inserts_is_found() {
    with_db(|db| async move {
        let insert = async |email: &str| {
            let sql = "INSERT INTO users (email, password_hash) VALUES ($1, 'x')";
            db.raw().await.execute(sql, &[&email]).await
        };
        insert("Ada@Example.com").await.unwrap();
        assert!(db.store.user_by_key(AccountKey::of("ada@example.com"), None).await.unwrap().is_some());
        assert!(insert("ada@example.com").await.is_err(), "the address is the same");
    });
}

#[test]
fn a_database_that_is_not_in_utf8_is_refused() {
    with_db(|db| async move {
        let name = format!("ascii_{}", std::process::id());
        let sql = format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
        );
        db.raw().await.batch_execute(&sql).await.unwrap();
        let mut settings = db.settings.clone();
        settings.config.dbname(&name);
        let store = store::Store::connect(&settings).unwrap();
        for refused in [store.migrate().await.map(|_| ()), store.schema_is_current().await.map(|_| ())] {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("SQL_ASCII") && error.contains("UTF8"), "{error}");
        }
    });
}
