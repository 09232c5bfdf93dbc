//! The functions with the rights of the owner, called by the server with arguments that do not fit.

use store::SERVER_ROLE;
use tokio_postgres::{Client, error::SqlState};

use super::{as_server, refused_changes::digests};
use crate::{audit_log::add_events, harness::App};

/// A log with a month of entries and, in the next month, more entries; one event waits in the inbox.
async fn filled() -> App {
    let app = App::start();
    add_events(&app, 300).await;
    app.sequence_alone().await;
    let now = app.now();
    let next = now.date().replace_day(1).expect("a day") + time::Duration::days(32);
    let next = next.replace_day(1).expect("a day").midnight().assume_utc();
    app.advance((next - now).unsigned_abs() + std::time::Duration::from_secs(60));
    add_events(&app, 20).await;
    app.sequence_alone().await;
    add_events(&app, 1).await;
    app
}

/// Each call must fail by the check of the function, or return this text.
async fn is_refused(server: &Client, call: &str, answer: Option<&str>) {
    match server.query_one(&format!("SELECT ({call})::text"), &[]).await {
        Ok(row) => assert_eq!(row.get::<_, Option<&str>>(0), Some(answer.unwrap_or("a refusal")), "{call}"),
        Err(error) => {
            let code = error.code().unwrap_or_else(|| panic!("{call}: {error}"));
            let refused = [SqlState::RAISE_EXCEPTION, SqlState::UNDEFINED_TABLE];
            assert!(answer.is_none() && refused.contains(code), "{call}: {error:?}");
        }
    }
}

#[tokio::test]
async fn the_functions_of_the_log_check_their_arguments() {
    let app = filled().await;
    let (server, before) = (as_server(app.database()).await, digests(&app).await);
    let month = "(SELECT month FROM audit_log_head)";
    let first = "(SELECT min(month) FROM audit_log)";
    let (frontier, waiting) = ("(SELECT frontier FROM audit_log_head)", "ARRAY(SELECT id FROM audit_events)");
    let calls = [
        // The log does not shrink, does not grow without entries, keeps its hashes, and keeps an event that did not enter it.
        format!("audit_log_advance(0, '', {month}, '{{}}')"),
        format!("audit_log_advance(NULL, '', {month}, '{{}}')"),
        format!("audit_log_advance(321, {frontier}, {month}, '{{}}')"),
        format!("audit_log_advance(10000, decode(repeat('00', 32 * 5), 'hex'), {month}, '{{}}')"),
        format!("audit_log_advance(320, decode(repeat('00', 32 * 2), 'hex'), {month}, '{{}}')"),
        format!("audit_log_advance(320, '', {month}, '{{}}')"),
        format!("audit_log_advance(320, {frontier}, {month}, {waiting})"),
        format!("audit_log_advance(320, {frontier}, {month}, NULL)"),
        format!("audit_log_advance(320, {frontier}, {first}, '{{}}')"),
        format!("audit_log_advance(320, {frontier}, NULL, '{{}}')"),
        format!("audit_log_advance(320, {frontier}, {month} + 3, '{{}}')"),
        // The newest checkpoint covers all entries, so only the missing entry keeps the month from moving on.
        format!("audit_log_advance(320, {frontier}, ({month} + interval '1 month')::date, '{{}}')"),
        format!("audit_log_advance(320, {frontier}, ({month} + interval '10 years')::date, '{{}}')"),
        // Months of the past, of the far future, and days that begin no month.
        "audit_log_make_month('2020-01-01')".to_owned(),
        "audit_log_make_month('3000-01-01')".to_owned(),
        format!("audit_log_make_month({month} + 1)"),
        "audit_log_make_month(NULL)".to_owned(),
        // Only the oldest month is dropped, whole, with its hashes, and never the newest.
        format!("audit_log_drop_month({month}, 320, decode(repeat('00', 32 * 2), 'hex'), now())"),
        format!("audit_log_drop_month({first}, 299, decode(repeat('00', 32 * 5), 'hex'), now())"),
        format!("audit_log_drop_month({first}, 320, decode(repeat('00', 32 * 2), 'hex'), now())"),
        format!("audit_log_drop_month({first}, 300, '', now())"),
        "audit_log_drop_month(NULL, 300, decode(repeat('00', 32 * 4), 'hex'), now())".to_owned(),
        "audit_log_drop_month('2020-01-01', 0, '', now())".to_owned(),
        // No account is being erased.
        "audit_log_destroy_key(1, now())".to_owned(),
        "audit_log_destroy_key(NULL, now())".to_owned(),
        "audit_inbox_empty_about(1, '{}', 1000, 0)".to_owned(),
        "audit_inbox_empty_by(1, 1000, 0)".to_owned(),
        "attempts_drop_month('2020-01-01')".to_owned(),
        "attempts_make_month('2020-01-02')".to_owned(),
    ];
    for call in &calls {
        is_refused(&server, call, None).await;
    }
    // The noted time has not passed, whatever the server says; the hashes have the right length.
    let ready = format!(
        "audit_log_drop_month({first}, 300, decode(repeat('00', 32 * 4), 'hex'), now() + interval '90 years')"
    );
    is_refused(&server, &ready, Some("false")).await;
    is_refused(&server, "audit_log_thin_checkpoints(now() + interval '90 years')", Some("0")).await;
    is_refused(&server, "audit_keys_reseal('personal', '\\x00', '\\x01', 'k')", Some("false")).await;
    assert_eq!(digests(&app).await, before);
}

#[tokio::test]
async fn a_month_without_a_checkpoint_over_it_is_kept() {
    let app = filled().await;
    let rows = app.rows().await;
    let old = "UPDATE audit_log_head SET kept_days = -10000; DELETE FROM audit_checkpoints WHERE size >= 300";
    rows.batch_execute(old).await.expect("an old month");
    let server = as_server(app.database()).await;
    let drop = "audit_log_drop_month((SELECT min(month) FROM audit_log), 300, decode(repeat('00', 32 * 4), 'hex'), now() + interval '1 year')";
    is_refused(&server, drop, None).await;
    assert_eq!(app.count("SELECT count(*) FROM audit_log WHERE leaf_index < 300").await, 300);
}

#[tokio::test]
async fn an_event_does_not_leave_the_inbox_for_an_entry_that_says_something_else() {
    let app = App::start();
    add_events(&app, 5).await;
    app.sequence_alone().await;
    let known = "INSERT INTO audit_events (id, at, event, outcome, user_id) SELECT id, at, $1, outcome, user_id FROM audit_log LIMIT 1";
    app.rows().await.execute(known, &[&"user.erased"]).await.expect("an event");
    let server = as_server(app.database()).await;
    let call = "audit_log_advance((SELECT size FROM audit_log_head), (SELECT frontier FROM audit_log_head),
                                  (SELECT month FROM audit_log_head), ARRAY(SELECT id FROM audit_events))";
    is_refused(&server, call, None).await;
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'user.erased'").await, 1);
}

/// A checkpoint of this generation, size and time, with a note of this size.
fn checkpoint(generation: &str, size: &str, at: &str, noted: &str) -> String {
    format!(
        "INSERT INTO audit_checkpoints (generation, size, at, note)
         SELECT {generation}, {size}, {at}, E'origin\n' || ({noted}) || E'\nhash\n' FROM audit_log_head h"
    )
}

#[tokio::test]
async fn the_server_adds_no_checkpoint_with_a_false_time_or_size() {
    let app = filled().await;
    let server = as_server(app.database()).await;
    let checkpoints = "SELECT count(*) FROM audit_checkpoints";
    let (before, largest) = (app.count(checkpoints).await, "(SELECT max(size) FROM audit_checkpoints)");
    assert_eq!((before, app.count("SELECT max(size) FROM audit_checkpoints").await), (2, 320));
    for (generation, size, noted) in [
        ("h.generation", "h.size + 1", "h.size + 1"),
        ("h.generation + 1", "h.size", "h.size"),
        ("h.generation", "310", "310"),
        ("h.generation", largest, "h.size + 1"),
    ] {
        let sql = checkpoint(generation, size, "now()", noted);
        let error = server.batch_execute(&sql).await.expect_err(&sql);
        assert_eq!(error.code(), Some(&SqlState::RAISE_EXCEPTION), "{sql}: {error:?}");
    }
    assert_eq!(app.count(checkpoints).await, before);
    // A checkpoint that fits has the time of the database, whatever the server says.
    app.rows()
        .await
        .batch_execute("DELETE FROM audit_checkpoints WHERE size = 320")
        .await
        .expect("no checkpoint");
    let old = checkpoint("h.generation", "h.size", "now() - interval '1 year'", "h.size");
    server.batch_execute(&old).await.expect("a checkpoint");
    let timed = "SELECT count(*) FROM audit_checkpoints WHERE size = 320 AND at > now() - interval '1 minute' AND at <= clock_timestamp()";
    assert_eq!(app.count(timed).await, 1);
}

#[tokio::test]
async fn another_role_may_not_call_the_functions() {
    let app = App::start();
    let rows = app.rows().await;
    let other = format!("other_{}", app.database().config.get_dbname().expect("a name"));
    rows.batch_execute(&format!("CREATE ROLE {other} LOGIN")).await.expect("a role");
    let (client, link) = app
        .database()
        .clone()
        .as_role(&other)
        .config
        .connect(tokio_postgres::NoTls)
        .await
        .expect("a connection");
    tokio::spawn(link);
    let error = client.batch_execute("SELECT audit_log_lock(false)").await.expect_err("no right");
    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{error:?}");
    as_server(app.database()).await.batch_execute("SELECT audit_log_lock(false)").await.expect(SERVER_ROLE);
}
