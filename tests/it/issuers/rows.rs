//! Rows of external sessions: a connection ends while its row is being written.

use serde_json::json;

use super::ROUTE;
use crate::harness::{
    App, eventually,
    issuer::{self, signed},
};

#[actix_web::test]
async fn a_connection_that_closes_while_its_row_is_written_leaves_an_ended_session() {
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
        () = eventually("the write of the row waits", || async { app.count(waiting).await == 1 }) => {}
    }
    drop(ann);
    eventually("the server has noticed that the socket is closed", || async { app.open_sockets() == 0 })
        .await;
    lock.commit().await.expect("the release of the lock");
    let written = "SELECT count(*) FROM external_sessions";
    let ended = "SELECT count(*) FROM external_sessions WHERE ended_at IS NOT NULL";
    eventually("the end of the session is recorded", || async { app.count(ended).await == 1 }).await;
    assert_eq!(app.count(written).await, 1);
}
