//! Receivers of events after a restore.

use domain::account::role::Role;
use serde_json::json;

use super::Backup;
use crate::harness::{App, Ask as _, secret_watch};

#[tokio::test]
async fn receivers_of_events_are_paused_by_a_restore_unless_an_option_keeps_them() {
    let app = App::start();
    let key = app.api_key("receiver", &["events"]).await;
    app.post("/api/v1/ssf/streams").bearer_auth(&key).json(&json!({})).ask().await.expect(201);
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let hook =
        json!({"name": "a hook", "url": "http://127.0.0.1:9/", "events": ["security"], "reason": "a test"});
    let made = admin.post("/api/v1/admin/webhooks", &hook).await.expect(201);
    secret_watch::note("secret of a webhook", &made.text_of("secret"));
    let backup = Backup::of(&app);
    app.stop();

    let states = "SELECT string_agg(kind || ' ' || status, ', ' ORDER BY kind) FROM event_receivers";
    let states =
        async |app: &App| -> String { app.rows().await.query_one(states, &[]).await.expect("a row").get(0) };
    let strict = backup.server();
    assert_eq!(states(&strict).await, "poll disabled, webhook paused");
    let why =
        "SELECT count(*) FROM event_receivers WHERE status = 'paused' AND status_reason LIKE '%restored%'";
    assert_eq!(strict.count(why).await, 1);
    let lenient = App::over(backup.restored(&["--keep-event-receivers", "--keep-api-keys"]), |_| {});
    assert_eq!(states(&lenient).await, "poll enabled, webhook enabled");
}
