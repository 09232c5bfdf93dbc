//! Retention of durable channels: expired publications are deleted, and unused channels are forgotten.

use serde_json::json;

use crate::harness::{App, Barrier, eventually};

/// Writes a channel with this many publications. All of them have been removed, but their rows still exist.
async fn channel_with_removed_history(app: &App, rows: i64) {
    let sql = format!(
        "INSERT INTO channels (name, top, gone, created_at, updated_at)
         VALUES ('chat:lobby', {rows}, {rows}, now(), now());
         INSERT INTO channel_messages (channel, seq, data, created_at)
         SELECT 'chat:lobby', n, convert_to(n::text, 'UTF8'), now() FROM generate_series(1, {rows}) n"
    );
    app.rows().await.batch_execute(&sql).await.expect("rows");
}

#[tokio::test]
async fn one_sweep_deletes_all_removed_publications_even_if_there_are_many() {
    let app = App::start();
    channel_with_removed_history(&app, 90_000).await;
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM channel_messages").await, 0);
}

#[tokio::test]
async fn a_sweep_checks_every_channel_that_is_due_and_no_other() {
    let app = App::start();
    let rows = "INSERT INTO channels (name, top, gone, created_at, updated_at)
                SELECT 'chat:' || n, 1, 0, now(), now() FROM generate_series(1, 2500) n;
                INSERT INTO channel_messages (channel, seq, data, created_at)
                SELECT name, 1, '1', now() - interval '1 year' FROM channels";
    app.rows().await.batch_execute(rows).await.expect("rows");
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM channel_messages").await, 0);
    // No channel is due now, so none is checked.
    app.rows().await.batch_execute("UPDATE channels SET gone = 0").await.expect("rows");
    app.sweep().await;
    assert_eq!(app.count("SELECT max(gone) FROM channels").await, 0);
}

#[tokio::test]
async fn a_channel_unused_for_a_month_is_forgotten_and_old_positions_are_not_recovered() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    let mut socket = session.connect_by_command().await;
    let subscribe = json!({"subscribe": {"channel": "chat:lobby"}});
    let epoch = socket.ask(subscribe).await.expect("a reply")["subscribe"]["epoch"].clone();
    let publish = json!({"publish": {"channel": "chat:lobby", "data": 1}});
    let reply = socket.ask(publish.clone()).await.expect("a reply");
    assert!(reply["publish"].is_object(), "{reply}");
    let long_ago = "UPDATE channel_messages SET created_at = now() - interval '40 days';
                    UPDATE channels SET due_at = now(), updated_at = now() - interval '29 days'";
    app.rows().await.batch_execute(long_ago).await.expect("rows");
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM channels").await, 1);
    let longer = "UPDATE channels SET due_at = now(), updated_at = now() - interval '31 days'";
    // A pass forgets nothing if it cannot lock the table soon, for example because of a vacuum. Then a later pass does.
    let is_forgotten = async || {
        app.rows().await.batch_execute(longer).await.expect("rows");
        app.sweep().await;
        app.count("SELECT count(*) FROM channels").await == 0
    };
    eventually("the channel is forgotten", is_forgotten).await;
    // The node still has the position of the deleted row. When it writes this publication, it notices the deletion: it ends the
    // subscriptions of the channel, and the subscribers cannot recover when they return.
    let reply = socket.ask(publish).await.expect("a reply");
    assert!(reply["publish"].is_object(), "{reply}");
    assert_eq!(app.count("SELECT min(seq) FROM channel_messages").await, 65_537);
    let back = json!({"subscribe": {"channel": "chat:lobby", "recover": true, "offset": 1, "epoch": epoch}});
    let mut another = session.connect_by_command().await;
    let back = another.ask(back).await.expect("a reply");
    assert!(back["subscribe"].get("recovered").is_none(), "{back}");
    assert_eq!(back["subscribe"]["offset"], 65_537);
}

#[tokio::test]
async fn the_first_look_for_erased_channels_ends_no_subscription_of_a_forgotten_channel() {
    let app = App::start();
    // While a pass of all jobs waits for this table, no other pass begins. The look for erased channels is the last of them.
    let barrier = Barrier::at(app.database(), "LOCK TABLE drill_requests IN SHARE MODE").await;
    let pass = tokio::spawn({
        let app = app.clone();
        async move { app.try_sweep().await }
    });
    barrier.wait_for(1).await;
    let mut socket = app.register().await.open_session().await.connect_by_command().await;
    socket.ask(json!({"subscribe": {"channel": "chat:lobby"}})).await.expect("a reply");
    let publish = json!({"publish": {"channel": "chat:lobby", "data": 1}});
    let reply = socket.ask(publish.clone()).await.expect("a reply");
    assert!(reply["publish"].is_object(), "{reply}");
    let forget = "DELETE FROM channel_messages; DELETE FROM channels; UPDATE channel_epoch SET floor = 65536";
    app.rows().await.batch_execute(forget).await.expect("a forgotten channel");
    barrier.release().await;
    // On a busy machine the wait for the table may take too long. The other steps have run in any case.
    let _ = pass.await.expect("the pass");
    let reply = socket.ask(publish).await.expect("a reply");
    assert!(reply["publish"].is_object(), "{reply}");
}

#[tokio::test]
async fn removed_publications_are_deleted_even_if_no_channel_can_be_forgotten() {
    let app = App::start();
    channel_with_removed_history(&app, 10).await;
    let rows = "INSERT INTO channels (name, top, gone, created_at, updated_at)
                VALUES ('chat:unused', 5, 5, now() - interval '1 year', now() - interval '1 year');
                ALTER TABLE channel_epoch ADD CHECK (floor < 1)";
    app.rows().await.batch_execute(rows).await.expect("rows");
    assert!(app.try_sweep().await.is_err(), "the failure is reported");
    assert_eq!(app.count("SELECT count(*) FROM channel_messages").await, 0);
    assert_eq!(
        app.count("SELECT count(*) FROM channels WHERE due_at <= now()").await,
        0,
        "no channel is due any more"
    );
}
