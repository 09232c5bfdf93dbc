//! The age of the connections in the pool.

use std::time::Duration;

use store::Store;

use super::with_db;

const OPEN: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'aged'";

#[test]
fn a_connection_that_is_unused_for_the_idle_time_is_closed() {
    with_db(|db| async move {
        let mut settings = db.settings.clone();
        settings.config.application_name("aged");
        settings.idle_timeout = Some(Duration::from_millis(500));
        let store = Store::connect(&settings).unwrap();
        store.ping().await.unwrap();
        let raw = db.raw().await;
        crate::harness::eventually("the connection is closed", async || {
            raw.query_one(OPEN, &[]).await.unwrap().get::<_, i64>(0) == 0
        })
        .await;
        store.ping().await.unwrap();
    });
}

#[test]
fn a_connection_that_has_reached_its_lifetime_is_replaced() {
    with_db(|db| async move {
        let mut settings = db.settings.clone();
        settings.config.application_name("aged");
        settings.lifetime = Some(Duration::from_millis(300));
        let store = Store::connect(&settings).unwrap();
        store.ping().await.unwrap();
        let raw = db.raw().await;
        let began = "SELECT max(backend_start)::text FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'aged'";
        let first: Option<String> = raw.query_one(began, &[]).await.unwrap().get(0);
        crate::harness::eventually("another connection is used", async || {
            store.ping().await.unwrap();
            let now: Option<String> = raw.query_one(began, &[]).await.unwrap().get(0);
            now.is_some() && now != first
        })
        .await;
    });
}
