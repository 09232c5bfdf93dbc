//! Durable channels while the database cannot be reached: only committed publications are delivered, no committed publication
//! is lost, and publishing works again afterwards.

use std::time::Duration;

use protocol::{ErrorCode, HistoryRequest, channel_name::ChannelName};
use serde_json::{Value, json};

use super::{channel, member, publish, published, server_publication, subscribe};
use crate::harness::{App, DatabaseProxy, eventually, fresh_database, within};

#[tokio::test]
async fn during_an_outage_no_publication_is_acknowledged_and_only_committed_publications_are_delivered() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let app = App::over(proxy.database(), |settings| {
        settings.database.acquire_timeout = Duration::from_millis(300);
    });
    let (_session, mut publisher) = member(&app).await;
    let (_other, mut reader) = member(&app).await;
    subscribe(&mut publisher, None).await;
    subscribe(&mut reader, None).await;
    assert!(publish(&mut publisher, json!("before")).await["publish"].is_object());
    assert_eq!(published(&mut reader).await, (1, json!("before")));
    proxy.cut();
    let reply = publish(&mut publisher, json!("lost")).await;
    assert_eq!(
        (&reply["error"]["code"], &reply["error"]["temporary"]),
        (&json!(100), &json!(true)),
        "{reply}"
    );
    proxy.mend();
    within("publishing works again", async {
        while publish(&mut publisher, json!("after")).await.get("publish").is_none() {}
    })
    .await;
    // The delivered publications are exactly the committed rows, in order.
    let (client, connection) = database.config.connect(tokio_postgres::NoTls).await.expect("the database");
    tokio::spawn(connection);
    let rows = client.query("SELECT seq, data FROM channel_messages WHERE seq > 1 ORDER BY seq", &[]).await;
    for row in rows.expect("rows") {
        let data: Value = serde_json::from_slice(row.get(1)).expect("JSON");
        assert_eq!(published(&mut reader).await, (row.get::<_, i64>(0).unsigned_abs(), data));
    }
}

/// The connection breaks while the batch of publications waits for a lock in the database. So the node does not know whether
/// the batch was committed.
#[tokio::test]
async fn a_batch_that_was_committed_without_an_answer_is_delivered_in_order() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let app = App::over(proxy.database(), |_| {});
    let (_session, mut publisher) = member(&app).await;
    let (_other, mut reader) = member(&app).await;
    subscribe(&mut publisher, None).await;
    subscribe(&mut reader, None).await;
    assert!(publish(&mut publisher, json!("before")).await["publish"].is_object());
    assert_eq!(published(&mut reader).await, (1, json!("before")));
    let (mut raw, connection) = database.config.connect(tokio_postgres::NoTls).await.expect("the database");
    tokio::spawn(connection);
    let (watching, connection) = database.config.connect(tokio_postgres::NoTls).await.expect("the database");
    tokio::spawn(connection);
    let holder = raw.transaction().await.expect("a transaction");
    holder.execute("SELECT 1 FROM channels FOR UPDATE", &[]).await.expect("the row");
    let cut = async {
        eventually("the statement waits", async || {
            let sql = "SELECT count(*) FROM pg_stat_activity
                       WHERE wait_event_type = 'Lock' AND datname = current_database()";
            watching.query_one(sql, &[]).await.expect("a count").get::<_, i64>(0) == 1
        })
        .await;
        proxy.cut();
    };
    let (reply, ()) = tokio::join!(publish(&mut publisher, json!("hung")), cut);
    assert_eq!(
        (&reply["error"]["code"], &reply["error"]["temporary"]),
        (&json!(100), &json!(true)),
        "{reply}"
    );
    drop(holder);
    proxy.mend();
    // The batch is delivered without a further publication.
    assert_eq!(published(&mut reader).await, (2, json!("hung")));
    within("publishing works again", async {
        while publish(&mut publisher, json!("after")).await.get("publish").is_none() {}
    })
    .await;
    assert_eq!(published(&mut reader).await, (3, json!("after")));
}

#[tokio::test]
async fn during_an_outage_reading_and_publishing_fail_but_subscriptions_remain() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let app = App::over(proxy.database(), |settings| {
        settings.database.acquire_timeout = Duration::from_millis(300);
    });
    let (_session, mut socket) = member(&app).await;
    subscribe(&mut socket, None).await;
    publish(&mut socket, json!(1)).await;
    assert_eq!(published(&mut socket).await, (1, json!(1)));
    proxy.cut();
    let found =
        app.realtime().history_of(ChannelName::parse("chat:cold").unwrap(), HistoryRequest::default()).await;
    assert_eq!(found.unwrap_err(), ErrorCode::Internal);
    let refused = app.realtime().publish_as_server(channel(), server_publication("x", None)).await;
    assert_eq!(refused.unwrap_err(), ErrorCode::Internal);
    proxy.mend();
    eventually("publishing works again", async || {
        app.realtime().publish_as_server(channel(), server_publication("y", None)).await.is_ok()
    })
    .await;
    assert_eq!(published(&mut socket).await.1, json!("y"));
}

/// The connection breaks while the removal of the history waits for a lock in the database. Another process commits a
/// publication before the removal is carried out.
#[tokio::test]
async fn a_removal_of_unknown_outcome_does_not_remove_later_publications() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let app = App::over(proxy.database(), |_| {});
    let (_session, mut socket) = member(&app).await;
    subscribe(&mut socket, None).await;
    for number in 1..=2 {
        publish(&mut socket, json!(number)).await;
        assert_eq!(published(&mut socket).await, (number, json!(number)));
    }
    let (mut raw, connection) = database.config.connect(tokio_postgres::NoTls).await.expect("the database");
    tokio::spawn(connection);
    let (watching, connection) = database.config.connect(tokio_postgres::NoTls).await.expect("the database");
    tokio::spawn(connection);
    let holder = raw.transaction().await.expect("a transaction");
    holder.execute("SELECT 1 FROM channels FOR UPDATE", &[]).await.expect("the row");
    let cut = async {
        eventually("the statement waits", async || {
            let sql = "SELECT count(*) FROM pg_stat_activity
                       WHERE wait_event_type = 'Lock' AND datname = current_database()";
            watching.query_one(sql, &[]).await.expect("a count").get::<_, i64>(0) == 1
        })
        .await;
        proxy.cut();
    };
    let realtime = app.realtime();
    let (removed, ()) = tokio::join!(realtime.remove_history(channel()), cut);
    assert_eq!(removed, Err(ErrorCode::Internal));
    let another = "UPDATE channels SET top = 3;
                   INSERT INTO channel_messages (channel, seq, data, created_at) VALUES ('chat:lobby', 3, '3', now())";
    holder.batch_execute(another).await.expect("a publication of another process");
    holder.commit().await.expect("committed");
    proxy.mend();
    assert_eq!(published(&mut socket).await, (3, json!(3)));
    let gone = "SELECT gone FROM channels";
    eventually("the removal is carried out", async || {
        watching.query_one(gone, &[]).await.expect("a row").get::<_, i64>(0) == 2
    })
    .await;
    within("publishing works again", async {
        while publish(&mut socket, json!(4)).await.get("publish").is_none() {}
    })
    .await;
    assert_eq!(published(&mut socket).await, (4, json!(4)));
    assert_eq!(watching.query_one(gone, &[]).await.expect("a row").get::<_, i64>(0), 2);
}
