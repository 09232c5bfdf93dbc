//! A restored backup does not bring an erased person back: the records of erasures outside of the database are carried out again.

use std::{path::Path, time::Duration};

use super::{HOUR, events, rows};
use crate::harness::{App, scratch_dir};

fn app(database: Option<&App>, records: &Path) -> App {
    let change = |settings: &mut portcullis::config::Settings| {
        settings.erasure.grace = Duration::ZERO;
        settings.erasure.records = Some(records.to_owned());
    };
    match database {
        Some(app) => App::over(app.database().clone(), change),
        None => App::with(change),
    }
}

#[tokio::test]
async fn an_account_that_comes_back_with_a_backup_is_erased_again_and_another_account_with_its_number_is_not()
{
    let directory = scratch_dir();
    let records = directory.path().join("erasures");
    let before = app(None, &records);
    let (one, two) = (before.register().await.sign_in().await, before.register().await.sign_in().await);
    let backup = "CREATE TABLE backup AS SELECT * FROM users";
    before.rows().await.batch_execute(backup).await.expect("a copy of the accounts");
    for session in [&one, &two] {
        session.delete("/api/v1/profile").await.expect(202);
    }
    before.advance(HOUR);
    before.sweep().await;
    assert_eq!(rows(&before, "users", "true").await, 0);
    let text = std::fs::read_to_string(&records).expect("the records");
    assert_eq!(text.lines().count(), 2);
    assert!(!text.contains('@'), "no personal data: {text}");

    // The backup knows both accounts and no erasure. The number of the second one now belongs to another account, created later.
    let restore = format!(
        "DELETE FROM erasures;
         INSERT INTO users (id, email, account_key, password_hash, status, created_at, webauthn_user_handle)
         SELECT id, email, account_key, password_hash, 'active',
                CASE WHEN id = {} THEN now() + interval '1 day' ELSE created_at END, webauthn_user_handle FROM backup;
         DROP TABLE backup",
        two.person.id
    );
    before.rows().await.batch_execute(&restore).await.expect("the accounts");
    let after = app(Some(&before), &records);
    after.sweep().await;
    let id = one.person.id.0;
    assert_eq!(rows(&after, "users", &format!("id = {id} AND status = 'deactivated'")).await, 1);
    assert_eq!(rows(&after, "erasures", &format!("user_id = {id} AND requested_by = 'restore'")).await, 1);
    after.advance(HOUR);
    after.sweep().await;
    assert_eq!(rows(&after, "users", "true").await, 1);
    assert_eq!(rows(&after, "users", &format!("id = {} AND status = 'active'", two.person.id)).await, 1);
    assert_eq!(events(&after, "erasure.carried_out", id).await, 2);
}

#[tokio::test]
async fn no_erasure_ends_while_it_cannot_be_recorded() {
    let directory = scratch_dir();
    let records = directory.path().join("missing").join("erasures");
    let app = app(None, &records);
    let session = app.register().await.sign_in().await;
    session.delete("/api/v1/profile").await.expect(202);
    app.advance(HOUR);
    assert!(app.try_sweep().await.is_err(), "the failure is reported");
    let id = session.person.id.0;
    assert_eq!(rows(&app, "erasures", &format!("user_id = {id} AND state = 'erasing'")).await, 1);
    assert_eq!(rows(&app, "users", &format!("id = {id} AND email LIKE 'erased-%'")).await, 1);
    std::fs::create_dir(records.parent().expect("a directory")).expect("the directory");
    app.sweep().await;
    assert_eq!(rows(&app, "users", &format!("id = {id}")).await, 0);
}
