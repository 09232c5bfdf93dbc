//! Rows of external sessions: connections that end while their row is being written.

use serde_json::json;

use super::ROUTE;
use crate::harness::{
    App, eventually,
    issuer::{self, signed},
};

#[actix_web::test]
async fn who_leaves_while_the_row_is_being_written_has_a_session_that_has_ended() {
    let app = App::with(issuer::shared_with);
    let mut holder = app.rows().await;
    // This lock permits reads and blocks writes.
    let lock = holder.transaction().await.expect("a transaction");
    lock.batch_execute("LOCK TABLE external_sessions IN SHARE MODE").await.expect("the lock");
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let mut ann = app.handshake(ROUTE).open().await.expect("a handshake");
    let token = signed(&json!({"sub": "ann"}));
    tokio::select! {
        reply = ann.ask(json!({"connect": {"token": token}})) => panic!("nothing can be written: {reply:?}"),
        () = eventually("the row is being written", || async { app.count(waiting).await == 1 }) => {}
    }
    drop(ann);
    eventually("the server has seen it go", || async { app.open_sockets() == 0 }).await;
    lock.commit().await.expect("the release of the lock");
    let written = "SELECT count(*) FROM external_sessions";
    let ended = "SELECT count(*) FROM external_sessions WHERE ended_at IS NOT NULL";
    eventually("its end is recorded", || async { app.count(ended).await == 1 }).await;
    assert_eq!(app.count(written).await, 1);
}
