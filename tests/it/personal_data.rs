//! Everything that the server holds about a person: the export, the erasure, and the list of tables that both follow.

mod everything;
mod messages;
mod requests;
mod restores;
mod sealed;
mod tables;

use std::time::Duration;

use crate::harness::App;

/// A little longer than the shortest time between a request and the erasure.
const HOUR: Duration = Duration::from_secs(61 * 60);

/// A server that erases an account an hour after the request.
fn app() -> App {
    App::with(|settings| settings.erasure.grace = Duration::ZERO)
}

/// The number of rows of this table that meet the condition.
async fn rows(app: &App, table: &str, condition: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM {table} WHERE {condition}")).await
}

/// The number of successful events with this name about a user.
async fn events(app: &App, name: &str, user: i64) -> i64 {
    rows(app, "audit_events", &format!("event = '{name}' AND user_id = {user} AND outcome = 'success'")).await
}
