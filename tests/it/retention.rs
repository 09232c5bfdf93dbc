//! Retention of durable channels: expired publications are deleted.

use serde_json::json;

use crate::harness::App;

/// A channel with this many publications, all logically deleted.
async fn a_channel_that_is_gone(app: &App, rows: i64) {
    let sql = format!(
        "INSERT INTO channels (name, top, gone, created_at, updated_at)
         VALUES ('chat:lobby', {rows}, {rows}, now(), now());
         INSERT INTO channel_messages (channel, seq, data, created_at)
         SELECT 'chat:lobby', n, convert_to(n::text, 'UTF8'), now() FROM generate_series(1, {rows}) n"
    );
    app.rows().await.batch_execute(&sql).await.expect("rows");
}

#[tokio::test]
async fn one_sweep_clears_away_all_that_is_not_kept_however_much_it_is() {
    let app = App::start();
    a_channel_that_is_gone(&app, 90_000).await;
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM channel_messages").await, 0);
}

#[tokio::test]
async fn a_sweep_looks_at_every_channel_that_is_due_and_at_no_other() {
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
async fn a_channel_that_nobody_used_for_a_month_is_forgotten_and_an_old_position_is_not_recovered() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    let mut socket = session.connect_by_command().await;
    let subscribe = json!({"subscribe": {"channel": "chat:lobby"}});
    let epoch = socket.ask(subscribe).await.expect("a reply")["subscribe"]["epoch"].clone();
    let publish = json!({"publish": {"channel": "chat:lobby", "data": 1}});
    assert!(socket.ask(publish.clone()).await.expect("a reply")["publish"].is_object());
    let long_ago = "UPDATE channel_messages SET created_at = now() - interval '40 days';
                    UPDATE channels SET due_at = now(), updated_at = now() - interval '29 days'";
    app.rows().await.batch_execute(long_ago).await.expect("rows");
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM channels").await, 1);
    let longer = "UPDATE channels SET due_at = now(), updated_at = now() - interval '31 days'";
    app.rows().await.batch_execute(longer).await.expect("rows");
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM channels").await, 0);
    // The node still has the position of the deleted row. This publication makes it end its subscriptions, and the
    // subscribers cannot recover when they return.
    assert!(socket.ask(publish).await.expect("a reply")["publish"].is_object());
    assert_eq!(app.count("SELECT min(seq) FROM channel_messages").await, 65_537);
    let back = json!({"subscribe": {"channel": "chat:lobby", "recover": true, "offset": 1, "epoch": epoch}});
    let mut another = session.connect_by_command().await;
    let back = another.ask(back).await.expect("a reply");
    assert!(back["subscribe"].get("recovered").is_none(), "{back}");
    assert_eq!(back["subscribe"]["offset"], 65_537);
}

#[tokio::test]
async fn channels_are_cleared_even_if_none_can_be_forgotten() {
    let app = App::start();
    a_channel_that_is_gone(&app, 10).await;
    let rows = "INSERT INTO channels (name, top, gone, created_at, updated_at)
                VALUES ('chat:unused', 5, 5, now() - interval '1 year', now() - interval '1 year');
                ALTER TABLE channel_epoch ADD CHECK (floor < 1)";
    app.rows().await.batch_execute(rows).await.expect("rows");
    assert!(app.try_sweep().await.is_err(), "the failure is reported");
    assert_eq!(app.count("SELECT count(*) FROM channel_messages").await, 0);
    assert_eq!(
        app.count("SELECT count(*) FROM channels WHERE due_at <= now()").await,
        0,
        "all are scheduled"
    );
}
