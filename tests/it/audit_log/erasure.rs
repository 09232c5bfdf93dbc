//! Personal fields: sealed in the log, and unreadable when the key of the person is destroyed.

use std::time::Duration;

use service::{LogFilter, ReadEntry, VerifyOptions};

use super::{add_events, log_events, logging};
use crate::harness::App;

async fn entries(app: &App, user: i64) -> Vec<ReadEntry> {
    let filter = LogFilter { user: Some(user), ..LogFilter::default() };
    app.audit_log().read(filter, false, 1_000).await.expect("entries")
}

#[tokio::test]
async fn personal_fields_are_sealed_in_the_database_and_readable_with_the_key() {
    let app = logging();
    log_events(&app, 10).await;
    let text = "SELECT count(*) FROM audit_log l WHERE l::text LIKE '%Ada%' OR l::text LIKE '%203.0.113.9%'
                OR encode(facts, 'escape') LIKE '%Ada%'";
    assert_eq!(app.count(text).await, 0);
    let read = entries(&app, 2).await;
    assert_eq!(read.len(), 2);
    for entry in read {
        assert_eq!(entry.fields.address.as_deref(), Some("203.0.113.9"));
        assert_eq!(entry.fields.detail["name"], "Ada");
        assert!(!entry.fields.erased);
    }
}

#[tokio::test]
async fn destroying_the_key_of_a_person_leaves_the_log_whole_and_the_fields_of_others_readable() {
    let app = logging();
    log_events(&app, 20).await;
    assert!(app.destroy_audit_keys(2).await);
    app.verify_log(&VerifyOptions::default()).await.expect("the log is whole");
    for entry in entries(&app, 2).await {
        assert!(entry.fields.erased && entry.fields.address.is_none());
        assert_eq!(entry.fields.detail.keys().collect::<Vec<_>>(), ["method"]);
    }
    assert!(entries(&app, 3).await.iter().all(|entry| !entry.fields.erased));
    assert!(!app.destroy_audit_keys(2).await, "there is no key any more");
}

#[tokio::test]
async fn events_that_still_wait_when_a_person_is_erased_enter_the_log_unreadable_and_later_ones_readable() {
    let app = App::with(|settings| settings.audit_log.sequencing = false);
    add_events(&app, 10).await;
    app.advance(Duration::from_secs(1));
    app.destroy_audit_keys(2).await;
    let app = App::over(app.database().clone(), |settings| settings.audit_log.sequencing = true);
    app.sequence().await;
    assert!(entries(&app, 2).await.iter().all(|entry| entry.fields.erased));
    assert!(entries(&app, 3).await.iter().all(|entry| !entry.fields.erased));
    app.rows()
        .await
        .batch_execute(
            "INSERT INTO audit_events (id, at, event, outcome, user_id, address)
             VALUES (gen_random_uuid(), now() + interval '1 hour', 'later', 'success', 2, '203.0.113.9')",
        )
        .await
        .expect("an event");
    app.sequence().await;
    let later = entries(&app, 2).await;
    assert!(!later.last().expect("an entry").fields.erased);
}

#[tokio::test]
async fn a_rotation_of_the_data_key_leaves_the_log_readable() {
    use domain::crypto::secret_ring::SecretRing;
    let app = logging();
    log_events(&app, 10).await;
    let before = crate::harness::secrets();
    let retired = before.data_encryption.current.clone();
    let ring = SecretRing {
        previous: vec![retired.into()],
        ..SecretRing::of("another data encryption key of 32 bytes".into())
    };
    app.replace_keys(&portcullis::config::Secrets { data_encryption: ring.clone(), ..before }).await;
    app.sweep().await;
    let alone = portcullis::config::Secrets {
        data_encryption: SecretRing::of(ring.current),
        ..crate::harness::secrets()
    };
    let again = App::over(app.database().clone(), move |settings| {
        settings.secrets = alone;
        settings.audit_log.sequencing = true;
    });
    assert_eq!(entries(&again, 2).await[0].fields.address.as_deref(), Some("203.0.113.9"));
    again.verify_log(&VerifyOptions::default()).await.expect("the log is whole");
}
