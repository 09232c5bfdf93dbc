//! What durable channels do not keep any more, cleared away by the whole server.

use crate::harness::App;

/// A channel of that many publications, of which nothing is kept.
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
    app.services().sweep().await.unwrap();
    assert_eq!(app.count("SELECT count(*) FROM channel_messages").await, 0);
}
