//! Events that have entered the audit log: an export has them in the clear, and an erasure destroys the key that seals them.

use std::time::Duration;

use serde_json::json;
use service::VerifyOptions;

use super::{HOUR, events, rows};
use crate::harness::{App, Ask};

#[tokio::test]
async fn an_export_has_the_entries_of_the_audit_log_and_an_erasure_leaves_the_log_whole_without_them() {
    let app = App::with(|settings| {
        settings.erasure.grace = Duration::ZERO;
        settings.audit_log.sequencing = true;
    });
    let session = app.register().await.sign_in().await;
    let id = session.person.id.0;
    let renamed = json!({"display_name": "Augusta Ada Byron King"});
    session.request(reqwest::Method::PUT, "/api/v1/profile").json(&renamed).ask().await.expect(200);
    app.sequence().await;
    assert!(rows(&app, "audit_log", &format!("user_id = {id}")).await >= 2);
    let export = session.get("/api/v1/profile/export").await.expect(200);
    let log = export.body["log"].as_array().expect("entries").clone();
    let opened = log.iter().find(|entry| entry["event"] == "session.opened").expect("the sign-in");
    assert_eq!((&opened["address"], &export.body["complete"]), (&json!("127.0.0.1"), &json!(true)));

    session.delete("/api/v1/profile").await.expect(202);
    app.advance(HOUR);
    app.sweep().await;
    app.sequence().await;
    app.advance(Duration::from_secs(61));
    app.sequence().await;
    assert_eq!(rows(&app, "users", &format!("id = {id}")).await, 0);
    assert_eq!(
        rows(&app, "audit_personal_keys", &format!("person = 'user:{id}' AND wrapped IS NOT NULL")).await,
        0
    );
    assert_eq!(
        rows(&app, "audit_log", &format!("user_id = {id} AND event = 'erasure.carried_out'")).await,
        1
    );
    assert_eq!(events(&app, "erasure.carried_out", id).await, 0, "it has left the inbox");
    app.verify_log(&VerifyOptions::default()).await.expect("the log is whole");
}
