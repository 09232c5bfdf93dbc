//! A database that cannot be reached, is read-only, or is too slow: operations fail with `Unavailable`. The store recovers by
//! itself.

use std::time::{Duration, Instant};

use protocol::{close::Cause, id::SessionId};
use store::{DatabaseSettings, RevocationRequest, Store, Target};

use super::{Db, event, now, with_db};

#[test]
fn a_database_server_that_does_not_run_is_unavailable() {
    let nowhere = DatabaseSettings::embedded(std::path::Path::new("/nonexistent"), "none");
    let store = Store::connect(&nowhere).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        assert!(store.ping().await.unwrap_err().is_unavailable());
        assert!(store.session_with_user(SessionId::random()).await.unwrap_err().is_unavailable());
        assert!(store.listen().await.err().unwrap().is_unavailable());
        assert!(store.migrate().await.unwrap_err().is_unavailable());
    });
}

#[test]
fn a_database_that_refuses_connections_is_unavailable_until_it_accepts_them() {
    with_db(|db| async move {
        db.store.ping().await.unwrap();
        let name = db.settings.config.get_dbname().unwrap().to_owned();
        let mut elsewhere = db.settings.clone();
        elsewhere.config.dbname("postgres");
        let (admin, connection) = elsewhere.config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let admit = |yes: bool| format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {yes}");
        admin.batch_execute(&admit(false)).await.unwrap();
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        admin.execute(sql, &[&name]).await.unwrap();
        for _ in 0..3 {
            assert!(db.store.session_with_user(SessionId::random()).await.unwrap_err().is_unavailable());
        }
        admin.batch_execute(&admit(true)).await.unwrap();
        assert!(db.store.session_with_user(SessionId::random()).await.unwrap().is_none());
    });
}

#[test]
fn a_read_only_database_is_unavailable_and_its_connections_are_not_kept() {
    with_db(|db| async move {
        let name = db.settings.config.get_dbname().unwrap().to_owned();
        let raw = db.raw().await;
        let read_only =
            |yes: &str| format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = {yes}");
        raw.batch_execute(&read_only("on")).await.unwrap();
        assert!(db.store.ping().await.unwrap_err().is_unavailable());
        assert!(
            db.store.delete_aged(store::Aged::Tickets, super::now(), 10).await.unwrap_err().is_unavailable()
        );
        let kept = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'portcullis' AND pid <> $1";
        let own: i32 = raw.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        crate::harness::eventually("the connections of the store are closed", async || {
            raw.query_one(kept, &[&own]).await.unwrap().get::<_, i64>(0) == 0
        })
        .await;
        let raw = {
            let mut writable = db.settings.clone();
            writable.config.options("-c default_transaction_read_only=off");
            let (client, connection) = writable.config.connect(tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        };
        raw.batch_execute(&read_only("off")).await.unwrap();
        db.store.ping().await.unwrap();
    });
}

/// Each statement is faster than the statement timeout of the database, but together they exceed the time limit of a write.
#[test]
fn a_write_of_several_slow_statements_fails_at_the_time_limit_of_writes() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let session = db.open(Db::sign_in(&user)).await;
        let raw = db.raw().await;
        raw.batch_execute(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN PERFORM pg_sleep(4); RETURN NEW; END';
             CREATE TRIGGER slow BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION slow();
             CREATE TRIGGER slow BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION slow();",
        )
        .await
        .unwrap();
        let began = Instant::now();
        let request = RevocationRequest::new(Target::Session(session.id), Cause::SignedOut, now());
        let (ended, rotated) = tokio::join!(
            db.store.commit(request),
            db.store.rotate_refresh(session.id, 0, now(), session.expires_at, event("session.refreshed")),
        );
        assert!(ended.unwrap_err().is_unavailable() && rotated.unwrap_err().is_unavailable());
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    });
}

#[test]
fn a_pool_without_a_free_connection_is_unavailable_within_seconds() {
    with_db(|db| async move {
        let mut settings = db.settings.clone();
        settings.pool_size = 1;
        settings.acquire_timeout = Duration::from_millis(200);
        settings.statement_timeout = Duration::from_millis(700);
        let store = Store::connect(&settings).unwrap();
        let mut raw = db.raw().await;
        let holder = raw.transaction().await.unwrap();
        holder.batch_execute("LOCK TABLE ws_tickets").await.unwrap();
        let began = Instant::now();
        let (first, second) = tokio::join!(
            store.delete_aged(store::Aged::Tickets, super::now(), 10),
            store.delete_aged(store::Aged::Tickets, super::now(), 10),
        );
        assert!(first.unwrap_err().is_unavailable());
        assert!(second.unwrap_err().is_unavailable());
        assert!(began.elapsed() < Duration::from_secs(3));
    });
}
