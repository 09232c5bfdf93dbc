//! The audit log as a Merkle log: events enter it once, what was changed is found and named, and erased persons leave it whole.

mod admin;
mod command;
mod entering;
mod erasure;
mod months;
mod object_store;
mod speed;
mod tampering;

use std::path::Path;

use service::{AnchorPlace, VerifyOptions};

use crate::harness::App;

/// A server that moves events into the log and anchors its checkpoints in this file.
pub(crate) fn anchored(file: &Path) -> App {
    let file = file.to_owned();
    App::with(move |settings| {
        settings.audit_log.sequencing = true;
        settings.audit_log.anchor = Some(AnchorPlace::File(file));
    })
}

/// A server that moves events into the log.
pub(crate) fn logging() -> App {
    App::with(|settings| settings.audit_log.sequencing = true)
}

/// Verification against this anchor.
pub(crate) fn against(file: &Path) -> VerifyOptions {
    VerifyOptions { anchor: Some(AnchorPlace::File(file.to_owned())), ..VerifyOptions::default() }
}

/// Writes so many events into the inbox, of users 1 to 5.
pub(crate) async fn add_events(app: &App, number: u32) {
    let sql = format!(
        "INSERT INTO audit_events (id, at, event, outcome, user_id, address, detail)
         SELECT gen_random_uuid(), now(), 'session.opened', 'success', n % 5 + 1, '203.0.113.9',
                '{{\"method\": \"password\", \"name\": \"Ada\"}}'
         FROM generate_series(1, {number}) n"
    );
    app.rows().await.batch_execute(&sql).await.expect("events");
}

/// Writes events, and waits until they are in the log with a checkpoint over all of them.
pub(crate) async fn log_events(app: &App, number: u32) {
    add_events(app, number).await;
    app.sequence().await;
    // The next entry after a minute gets a checkpoint at once.
    app.advance(std::time::Duration::from_secs(61));
    app.sequence().await;
}

/// Changes rows of the log, as a superuser can.
pub(crate) async fn tamper(app: &App, sql: &str) {
    app.rows().await.batch_execute(sql).await.expect("rows");
}
