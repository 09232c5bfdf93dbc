//! How events enter the log: once, in order, from several nodes, with checkpoints.

use std::time::Duration;

use service::VerifyOptions;

use super::{add_events, log_events, logging, tamper};
use crate::harness::{App, eventually};

#[tokio::test]
async fn an_event_that_is_written_again_has_one_entry() {
    let app = logging();
    add_events(&app, 20).await;
    tamper(&app, "CREATE TABLE copies AS SELECT * FROM audit_events").await;
    app.sequence().await;
    let again = "INSERT INTO audit_events (id, at, event, outcome, user_id, address, detail)
                 SELECT id, at, event, outcome, user_id, address, detail FROM copies ON CONFLICT (id) DO NOTHING";
    tamper(&app, again).await;
    add_events(&app, 3).await;
    app.sequence().await;
    assert_eq!(app.count("SELECT count(*) FROM audit_log").await, 23);
    assert_eq!(app.count("SELECT size FROM audit_log_head").await, 23);
    app.verify_log(&VerifyOptions::default()).await.expect("the log is whole");
}

#[tokio::test]
async fn the_events_of_a_sign_in_enter_the_log_by_themselves() {
    let app = logging();
    app.register().await.sign_in().await;
    eventually("the sign-in is in the log", || async {
        app.count("SELECT count(*) FROM audit_log WHERE event = 'session.opened'").await >= 1
    })
    .await;
}

#[tokio::test]
async fn several_nodes_fill_one_log_without_gaps() {
    let app = logging();
    let others: Vec<_> = (0..2)
        .map(|_| App::over(app.database().clone(), |settings| settings.audit_log.sequencing = true))
        .collect();
    for _ in 0..5 {
        add_events(&app, 700).await;
        tokio::join!(app.sequence(), others[0].sequence(), others[1].sequence());
    }
    let verified = app.verify_log(&VerifyOptions::default()).await.expect("the log is whole");
    assert_eq!(verified.size, 3_500);
}

#[tokio::test]
async fn a_checkpoint_is_signed_every_thousand_entries_and_every_minute() {
    let app = logging();
    let checkpoints = "SELECT count(*) FROM audit_checkpoints";
    add_events(&app, 1).await;
    app.sequence().await;
    assert_eq!(app.count(checkpoints).await, 1);
    add_events(&app, 998).await;
    app.sequence().await;
    assert_eq!(app.count(checkpoints).await, 1);
    add_events(&app, 2).await;
    app.sequence().await;
    assert_eq!(app.count(checkpoints).await, 2);
    add_events(&app, 1).await;
    app.sequence().await;
    assert_eq!(app.count(checkpoints).await, 2);
    app.advance(Duration::from_secs(61));
    app.sequence().await;
    assert_eq!(app.count("SELECT max(size) FROM audit_checkpoints").await, 1_002);
}

#[tokio::test]
async fn the_published_checkpoint_is_verified_with_the_published_key() {
    let app = logging();
    log_events(&app, 10).await;
    let text = async |path: &str| {
        let answer = app.get(path).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
        answer.text().await.expect("a text")
    };
    let (note, key) = (text("/api/v1/audit/checkpoint").await, text("/api/v1/audit/key").await);
    let key = domain::transparency_log::note::NoteVerifier::parse(&key).expect("a key");
    let checkpoint =
        domain::transparency_log::checkpoint::Checkpoint::open(&note, &[key]).expect("a checkpoint");
    assert_eq!(checkpoint.size, 10);
}

#[tokio::test]
async fn without_a_checkpoint_there_is_a_404() {
    let app = App::start();
    for path in ["/api/v1/audit/checkpoint", "/api/v1/audit/key"] {
        assert_eq!(app.get(path).send().await.expect("an answer").status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_second_database_can_be_the_anchor() {
    let anchor = crate::harness::empty_database();
    let place = service::AnchorPlace::Database(Box::new(anchor));
    let app = App::with(|settings| {
        settings.audit_log.sequencing = true;
        settings.audit_log.anchor = Some(place.clone());
    });
    log_events(&app, 10).await;
    let options = VerifyOptions { anchor: Some(place), ..VerifyOptions::default() };
    assert_eq!(app.verify_log(&options).await.expect("the log is whole").anchored, Some(10));
    tamper(&app, "DELETE FROM audit_log WHERE leaf_index = 9; DELETE FROM audit_checkpoints").await;
    app.verify_log(&options).await.expect_err("an entry is missing");
}

#[tokio::test]
async fn the_metrics_show_the_backlog_and_the_age_of_the_last_checkpoint() {
    let app = logging();
    log_events(&app, 3).await;
    let metrics = app.metrics();
    for name in ["audit_backlog_events", "audit_backlog_seconds", "audit_checkpoint_age_seconds"] {
        assert!(metrics.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}");
    }
}
