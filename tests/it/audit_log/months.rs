//! Months of the log: they are partitions, and are dropped as a whole.

use std::time::Duration;

use domain::transparency_log::proof::{proves_consistency, proves_inclusion};
use protocol::audit::{AuditEvent, Outcome};
use service::{EntryName, VerifyOptions};
use store::MonthDrop;

use super::{add_events, against, anchored, log_events, logging};
use crate::harness::{App, eventually, scratch_dir};

const MONTH: Duration = Duration::from_secs(32 * 24 * 60 * 60);

/// Moves the clock to the first day of the next month.
fn begin_next_month(app: &App) {
    let now = app.now();
    let first = now.date().replace_day(1).expect("a day") + time::Duration::days(32);
    let next = first.replace_day(1).expect("a day").midnight().assume_utc();
    app.advance((next - now).unsigned_abs() + Duration::from_secs(60));
}

#[tokio::test]
async fn what_remains_after_a_month_was_dropped_is_verified_and_proved() {
    let directory = scratch_dir();
    let file = directory.path().join("anchor");
    let app = anchored(&file);
    log_events(&app, 700).await;
    begin_next_month(&app);
    log_events(&app, 333).await;
    begin_next_month(&app);
    log_events(&app, 100).await;
    let months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_log'::regclass";
    assert_eq!(app.count(months).await, 3);
    assert!(!app.drop_audit_month(MONTH * 3).await, "it is not old enough");
    assert!(app.drop_audit_month(Duration::from_secs(24 * 60 * 60)).await);
    assert_eq!(app.count(months).await, 2);
    app.sequence().await;

    let verified = app.verify_log(&against(&file)).await.expect("the rest is whole");
    assert_eq!((verified.first, verified.size), (700, 1_134));
    assert_eq!(app.count("SELECT min(size) FROM audit_checkpoints").await, 700);
    let proof = app.audit_log().prove_inclusion(EntryName::Index(701), None).await.expect("a proof");
    let leaf = proof.entry.entry.hash();
    assert!(proves_inclusion(leaf, 701, proof.size, &proof.root, &proof.hashes));
    let proof = app.audit_log().prove_consistency(700, None).await.expect("a proof");
    assert!(proves_consistency(700, &proof.from_root, proof.to, &proof.to_root, &proof.hashes));
    app.audit_log().prove_inclusion(EntryName::Index(3), None).await.expect_err("the entry was dropped");
}

#[tokio::test]
async fn a_month_that_the_database_keeps_longer_than_the_server_is_kept_and_the_noted_time_is_named() {
    let app = logging();
    log_events(&app, 5).await;
    let first = app.now().date().replace_day(1).expect("a day");
    begin_next_month(&app);
    log_events(&app, 5).await;
    app.advance(MONTH * 3);
    let event = AuditEvent::new("audit.month_dropped", Outcome::Success, 0);
    let kept = app.try_drop_audit_month(MONTH, event).await;
    assert_eq!(kept, MonthDrop::KeptByOwner { month: first, noted_days: 365 });
    assert_eq!(app.count("SELECT count(*) FROM audit_log WHERE leaf_index < 5").await, 5);
}

#[tokio::test]
async fn a_month_is_not_dropped_while_it_is_the_newest() {
    let app = logging();
    log_events(&app, 5).await;
    app.advance(MONTH * 5);
    assert!(!app.drop_audit_month(Duration::ZERO).await);
    app.verify_log(&VerifyOptions::default()).await.expect("the log is whole");
}

#[tokio::test]
async fn the_last_checkpoint_of_a_month_covers_all_of_it() {
    let app = logging();
    add_events(&app, 5).await;
    app.sequence().await;
    add_events(&app, 5).await;
    app.sequence().await;
    assert_eq!(app.count("SELECT max(size) FROM audit_checkpoints").await, 5);
    begin_next_month(&app);
    add_events(&app, 1).await;
    app.sequence().await;
    assert_eq!(app.count("SELECT count(*) FROM audit_checkpoints WHERE size = 10").await, 1);
}

#[tokio::test]
async fn events_that_are_in_the_log_already_leave_the_inbox_and_begin_no_month() {
    let app = logging();
    log_events(&app, 5).await;
    let (month, again) = (
        "SELECT extract(year FROM month)::bigint * 12 + extract(month FROM month)::bigint FROM audit_log_head",
        "INSERT INTO audit_events (id, at, event, outcome, actor_id, user_id)
         SELECT id, at, event, outcome, actor_id, user_id FROM audit_log",
    );
    let before = app.count(month).await;
    begin_next_month(&app);
    app.rows().await.batch_execute(again).await.expect("the events, as from a spill file");
    app.sequence().await;
    assert_eq!((app.count(month).await, app.count("SELECT count(*) FROM audit_log").await), (before, 5));
}

#[tokio::test]
async fn the_turn_of_the_month_does_not_wait_for_a_long_reader() {
    let app = logging();
    log_events(&app, 5).await;
    let reader = app.rows().await;
    reader.batch_execute("BEGIN; SELECT count(*) FROM audit_log").await.expect("a reader");
    for size in [6, 7] {
        begin_next_month(&app);
        add_events(&app, 1).await;
        app.sequence().await;
        assert_eq!(app.count("SELECT size FROM audit_log_head").await, size);
    }
}

#[tokio::test]
async fn the_partition_of_the_next_month_is_made_ahead() {
    let app = logging();
    log_events(&app, 5).await;
    let next = "SELECT count(*) FROM pg_class
                WHERE relname = to_char(now() + interval '1 month', '\"audit_log_\"YYYY_MM')";
    eventually("the partition", async || app.count(next).await == 1).await;
}

#[tokio::test]
async fn a_node_whose_clock_is_years_ahead_adds_nothing() {
    let app = logging();
    log_events(&app, 5).await;
    app.advance(Duration::from_secs(73 * 365 * 24 * 60 * 60));
    add_events(&app, 1).await;
    app.try_sequence().await.expect_err("the clock is wrong");
    assert_eq!(app.count("SELECT count(*) FROM audit_log").await, 5);
    let right = App::over(app.database().clone(), |settings| settings.audit_log.sequencing = true);
    right.sequence().await;
    assert_eq!(right.count("SELECT count(*) FROM audit_log").await, 6);
}

#[tokio::test]
async fn an_event_that_has_not_entered_the_log_is_never_deleted_by_its_age() {
    let app = App::start();
    let old = "INSERT INTO audit_events (id, at, event, outcome)
               VALUES (gen_random_uuid(), now() - interval '20 years', 'an old event', 'success')";
    app.rows().await.batch_execute(old).await.expect("an event");
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'an old event'").await, 1);
}
