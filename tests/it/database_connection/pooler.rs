//! A server behind PgBouncer.

use service::Target;
use store::Store;

use crate::harness::{App, PgBouncer, PoolMode, eventually, fresh_database};

#[tokio::test]
async fn a_server_behind_pgbouncer_in_transaction_mode_does_not_start_and_says_why() {
    let Some(pooler) = PgBouncer::start(&fresh_database(), PoolMode::Transaction) else { return };
    let refused = App::try_over(pooler.database(), |_| {}).err().expect("a refusal");
    for part in ["connection pooler in transaction mode", "LISTEN", "pool_mode = session"] {
        assert!(refused.contains(part), "{refused}");
    }
    // The tools ask, too.
    let store = Store::connect(&pooler.database()).unwrap();
    for refused in [store.schema_is_current().await.err(), store.migrate().await.err()] {
        let text = refused.expect("a refusal").to_string();
        assert!(text.contains("connection pooler in transaction mode"), "{text}");
    }
}

#[tokio::test]
async fn a_server_works_behind_pgbouncer_in_session_mode() {
    let database = fresh_database();
    let Some(pooler) = PgBouncer::start(&database, PoolMode::Session) else { return };
    let (behind, beside) = (App::over(pooler.database(), |_| {}), App::over(database, |_| {}));
    let session = behind.register().await.sign_in().await;
    let mut socket = session.connect().await;
    eventually("the node reads revocations", async || behind.is_current()).await;
    // The other node revokes; the node behind PgBouncer hears of it.
    beside.revoke(Target::Session(session.id)).await;
    assert_eq!(socket.closed().await.code, 4500);
    assert!(!session.works().await);
}
