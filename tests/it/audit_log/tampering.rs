//! What a superuser of the database can change, and what the verification says about it.

use domain::transparency_log::log_check::Finding;
use service::{LogFilter, VerifyError, VerifyOptions};

use super::{against, anchored, log_events, logging, tamper};
use crate::harness::{App, scratch_dir};

async fn finding(app: &App, options: &VerifyOptions) -> Finding {
    match app.verify_log(options).await {
        Err(VerifyError::Wrong(finding)) => finding,
        other => panic!("no finding: {other:?}"),
    }
}

async fn plain_finding(sql: &str) -> Finding {
    let app = logging();
    log_events(&app, 700).await;
    app.verify_log(&VerifyOptions::default()).await.expect("the log is whole");
    tamper(&app, sql).await;
    finding(&app, &VerifyOptions::default()).await
}

#[tokio::test]
async fn an_untouched_log_is_verified() {
    let directory = scratch_dir();
    let file = directory.path().join("anchor");
    let app = anchored(&file);
    log_events(&app, 700).await;
    let verified = app.verify_log(&against(&file)).await.expect("the log is whole");
    assert_eq!((verified.size, verified.first, verified.anchored), (700, 0, Some(700)));
    assert!(verified.checkpoints >= 2);
}

#[tokio::test]
async fn an_altered_entry_is_named() {
    for (column, value) in [
        ("user_id", "77"),
        ("at", "at + interval '1 microsecond'"),
        ("outcome", "'denied'"),
        ("detail", "'{}'"),
        ("facts", "facts || '\\x00'"),
        ("leaf_hash", "sha256('x')"),
    ] {
        let sql = format!("UPDATE audit_log SET {column} = {value} WHERE leaf_index = 321");
        let found = plain_finding(&sql).await;
        assert!(matches!(found, Finding::Altered { index: 321, .. }), "{column}: {found}");
    }
}

#[tokio::test]
async fn a_deleted_entry_is_named() {
    let found = plain_finding("DELETE FROM audit_log WHERE leaf_index = 321").await;
    assert_eq!(found, Finding::Missing { index: 321, next: 322 });
}

#[tokio::test]
async fn the_first_of_two_swapped_entries_is_named() {
    let swap = "UPDATE audit_log SET leaf_index = -1 + 1000000 WHERE leaf_index = 321;
                UPDATE audit_log SET leaf_index = 321 WHERE leaf_index = 500;
                UPDATE audit_log SET leaf_index = 500 WHERE leaf_index = 999999";
    assert!(matches!(plain_finding(swap).await, Finding::Altered { index: 321, .. }));
}

#[tokio::test]
async fn an_inserted_entry_is_named() {
    let columns = "month, id, at, event, outcome, detail, leaf_hash";
    let behind = format!(
        "INSERT INTO audit_log (leaf_index, {columns})
         SELECT 700, month, gen_random_uuid(), at, event, outcome, detail, leaf_hash FROM audit_log WHERE leaf_index = 3"
    );
    assert!(matches!(plain_finding(&behind).await, Finding::Inserted { index: 700, .. }));
    // Between two entries there is no number, so the later ones are moved.
    let between = format!(
        "UPDATE audit_log SET leaf_index = leaf_index + 1000001 WHERE leaf_index >= 321;
         UPDATE audit_log SET leaf_index = leaf_index - 1000000 WHERE leaf_index > 1000000;
         INSERT INTO audit_log (leaf_index, {columns})
         SELECT 321, month, gen_random_uuid(), at, event, outcome, detail, leaf_hash FROM audit_log WHERE leaf_index = 3"
    );
    assert!(matches!(plain_finding(&between).await, Finding::Altered { index: 321, .. }));
    let twice = "CREATE TABLE extra PARTITION OF audit_log FOR VALUES FROM ('1999-01-01') TO ('1999-02-01');
         INSERT INTO audit_log SELECT leaf_index, '1999-01-01', id, at, event, outcome, actor_id, user_id, session_id, device_id,
             connection_id, api_key_id, request_id, detail, address_key, address, facts_key, facts, leaf_hash
         FROM audit_log WHERE leaf_index = 321";
    let found = plain_finding(twice).await;
    assert!(matches!(found, Finding::Inserted { index: 321, .. }), "{found}");
}

/// The hash of a leaf can be computed by everyone, so it is changed together with the entry.
#[tokio::test]
async fn an_entry_that_was_changed_with_its_hash_lies_in_the_named_range() {
    let app = logging();
    log_events(&app, 700).await;
    let filter = LogFilter { from: Some(321), ..LogFilter::default() };
    let mut entry = app.audit_log().read(filter, false, 1).await.expect("an entry").remove(0).entry;
    entry.user = Some(77);
    let hash = entry.hash().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let sql = format!("UPDATE audit_log SET user_id = 77, leaf_hash = '\\x{hash}' WHERE leaf_index = 321");
    tamper(&app, &sql).await;
    match finding(&app, &VerifyOptions::default()).await {
        Finding::Changed { first, end, .. } => assert!(first <= 321 && 321 < end && end - first <= 256),
        other => panic!("{other}"),
    }
    // With the stored subtrees changed, too, the checkpoints still know.
    tamper(&app, "DELETE FROM audit_log_nodes").await;
    assert!(matches!(finding(&app, &VerifyOptions::default()).await, Finding::Changed { .. }));
}

#[tokio::test]
async fn a_log_that_was_cut_off_at_its_end_is_found_with_the_anchor() {
    for cut in [1, 10, 50] {
        let directory = scratch_dir();
        let file = directory.path().join("anchor");
        let app = anchored(&file);
        let kept = 50 - cut;
        if kept > 0 {
            log_events(&app, kept).await;
        }
        tamper(&app, "CREATE TABLE saved AS SELECT * FROM audit_log_head").await;
        log_events(&app, cut).await;
        app.verify_log(&against(&file)).await.expect("the log is whole");
        // Everything in the database is as it was before: rows, hashes, checkpoints and the head.
        let sql = format!(
            "DELETE FROM audit_log WHERE leaf_index >= {kept};
             DELETE FROM audit_checkpoints WHERE size > {kept};
             UPDATE audit_log_head h SET size = s.size, frontier = s.frontier, month = s.month FROM saved s"
        );
        tamper(&app, &sql).await;
        let known =
            Finding::CutOff { index: kept.into(), size: kept.into(), known: 50, witness: "the anchor" };
        assert_eq!(finding(&app, &against(&file)).await, known);
        app.verify_log(&VerifyOptions::default()).await.expect("without the anchor, nothing is wrong");
    }
}

#[tokio::test]
async fn a_log_that_was_cut_off_is_found_without_an_anchor_if_its_checkpoints_are_left() {
    let found = plain_finding("DELETE FROM audit_log WHERE leaf_index >= 690").await;
    assert!(matches!(found, Finding::CutOff { index: 690, size: 690, known: 700, .. }), "{found}");
}

#[tokio::test]
async fn a_log_without_its_beginning_is_found_unless_an_event_says_that_it_was_dropped() {
    let app = logging();
    log_events(&app, 256).await;
    tamper(&app, "CREATE TABLE saved AS SELECT * FROM audit_log_head").await;
    log_events(&app, 10).await;
    let cut = "DELETE FROM audit_log WHERE leaf_index < 256;
               UPDATE audit_log_head h SET first_index = 256, dropped_frontier = s.frontier FROM saved s";
    tamper(&app, cut).await;
    assert_eq!(finding(&app, &VerifyOptions::default()).await, Finding::Beginning { first: 256 });
}

#[tokio::test]
async fn a_checkpoint_of_another_key_is_refused() {
    let app = logging();
    log_events(&app, 5).await;
    tamper(&app, "UPDATE audit_checkpoints SET note = replace(note, E'\\n5\\n', E'\\n4\\n')").await;
    assert!(matches!(finding(&app, &VerifyOptions::default()).await, Finding::Checkpoint { size: 4, .. }));
}

#[tokio::test]
async fn a_server_signs_no_checkpoint_of_a_history_that_was_rewritten() {
    let app = logging();
    log_events(&app, 300).await;
    let newest = "SELECT max(size) FROM audit_checkpoints";
    assert_eq!(app.count(newest).await, 300);
    tamper(&app, "UPDATE audit_log SET leaf_hash = sha256('x') WHERE leaf_index = 299; UPDATE audit_log_head SET size = 299,
                  frontier = substr(frontier, 1, 128)")
        .await;
    super::add_events(&app, 10).await;
    app.advance(std::time::Duration::from_secs(61));
    app.try_sequence().await.expect_err("the log does not continue its checkpoint");
    assert_eq!(app.count(newest).await, 300);
}

/// A log of which the last entry and the head were rewritten, and whose newest checkpoint is this note.
async fn rewritten(note: &str) -> App {
    let app = logging();
    log_events(&app, 300).await;
    let checkpoint = app.get("/api/v1/audit/checkpoint").send().await.unwrap().text().await.unwrap();
    let note = note.replace("ORIGIN", checkpoint.lines().next().expect("an origin"));
    let sql = format!(
        "UPDATE audit_log SET leaf_hash = sha256('x') WHERE leaf_index = 299;
         UPDATE audit_log_head SET frontier = substr(frontier, 1, 96) || sha256('x');
         UPDATE audit_checkpoints SET note = {note} WHERE size = 300"
    );
    tamper(&app, &sql).await;
    super::add_events(&app, 10).await;
    app
}

/// What the newest checkpoint can be replaced by: nonsense, a forged note, and a note of another key.
const NOTES: [&str; 3] = [
    "'nonsense'",
    "replace(note, E'\\n300\\n', E'\\n301\\n')",
    "E'ORIGIN\\n300\\n' || encode(sha256('x'), 'base64') || E'\\n\\n\u{2014} another ' || encode('12345678', 'base64') || E'\\n'",
];

#[tokio::test]
async fn a_server_that_has_signed_a_checkpoint_remembers_it_whatever_the_database_says() {
    for note in NOTES {
        let app = rewritten(note).await;
        app.advance(std::time::Duration::from_secs(61));
        app.try_sequence().await.expect_err("the log does not continue its checkpoint");
        assert_eq!(app.count("SELECT max(size) FROM audit_checkpoints").await, 300, "{note}");
    }
}

#[tokio::test]
async fn another_server_signs_nothing_after_a_checkpoint_that_it_cannot_open() {
    for note in NOTES {
        let app = rewritten(note).await;
        app.stop();
        let other = App::over(app.database().clone(), |settings| settings.audit_log.sequencing = true);
        other.advance(std::time::Duration::from_secs(122));
        other.try_sequence().await.expect_err("the log does not continue its checkpoint");
        assert_eq!(other.count("SELECT max(size) FROM audit_checkpoints").await, 300, "{note}");
    }
}

#[tokio::test]
async fn after_a_change_of_the_signing_key_the_log_goes_on() {
    let directory = scratch_dir();
    let file = directory.path().join("anchor");
    let app = anchored(&file);
    log_events(&app, 30).await;
    app.stop();
    let other = with_another_key(&app, &file);
    super::add_events(&other, 10).await;
    other.advance(std::time::Duration::from_secs(122));
    other.sequence().await;
    assert_eq!(other.count("SELECT max(size) FROM audit_checkpoints").await, 40);
}

fn anchored_over(app: &App, anchor: &std::path::Path) -> App {
    let place = against(anchor).anchor;
    App::over(app.database().clone(), move |settings| {
        settings.audit_log.sequencing = true;
        settings.audit_log.anchor = place;
    })
}

fn with_another_key(app: &App, anchor: &std::path::Path) -> App {
    let place = against(anchor).anchor;
    App::over(app.database().clone(), move |settings| {
        settings.audit_log.sequencing = true;
        settings.audit_log.anchor = place;
        settings.audit_log.signing = Some("another signing key of more than 32 bytes".into());
    })
}

#[tokio::test]
async fn a_log_that_was_replaced_by_a_longer_one_is_not_anchored() {
    for with_key in [false, true] {
        let directory = scratch_dir();
        let file = directory.path().join("anchor");
        let app = anchored(&file);
        log_events(&app, 50).await;
        app.stop();
        let replace = "DELETE FROM audit_log; DELETE FROM audit_checkpoints;
                       UPDATE audit_log_head SET size = 0, frontier = ''";
        tamper(&app, replace).await;
        let before = std::fs::read_to_string(&file).expect("the anchor");
        let other = if with_key { with_another_key(&app, &file) } else { anchored_over(&app, &file) };
        super::add_events(&other, 60).await;
        other.try_sequence().await.expect_err("the log does not continue the anchor");
        assert_eq!(std::fs::read_to_string(&file).expect("the anchor"), before);
    }
}

#[tokio::test]
async fn a_log_that_was_replaced_under_a_generation_that_was_never_begun_is_found() {
    let directory = scratch_dir();
    let file = directory.path().join("anchor");
    let app = anchored(&file);
    log_events(&app, 50).await;
    app.stop();
    let replace = "DELETE FROM audit_log; DELETE FROM audit_checkpoints;
                   UPDATE audit_log_head SET size = 0, frontier = '', generation = 2, generation_id = gen_random_uuid()";
    tamper(&app, replace).await;
    let other = anchored_over(&app, &file);
    log_events(&other, 60).await;
    finding(&other, &against(&file)).await;
}
