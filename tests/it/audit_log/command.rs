//! `portcullis audit`, and the verification at the end of a restore.

use std::process::Output;

use store::DatabaseSettings;

use super::{against, anchored, log_events, tamper};
use crate::harness::{App, empty_database, portcullis_on, scratch_dir};

fn run(database: &DatabaseSettings, arguments: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } = portcullis_on(database, arguments, &[]);
    (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

async fn key(app: &App) -> String {
    app.get("/api/v1/audit/key")
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a key")
        .trim()
        .to_owned()
}

#[tokio::test]
async fn the_command_verifies_with_the_published_key_and_names_the_first_wrong_entry() {
    let directory = scratch_dir();
    let file = directory.path().join("anchor");
    let (anchor, app) = (file.to_str().expect("a path").to_owned(), anchored(&file));
    log_events(&app, 300).await;
    let (app, key) = (&app, key(&app).await);
    let verify = || run(app.database(), &["audit", "verify", "--anchor", &anchor, "--key", &key]);
    let (whole, text) = verify();
    assert!(whole && text.contains("The audit log is whole."), "{text}");
    assert!(text.contains("entries that the anchor covers: 300"), "{text}");
    tamper(app, "UPDATE audit_log SET event = 'nothing' WHERE leaf_index = 7").await;
    let (whole, text) = verify();
    assert!(!whole && text.contains("entry 7 (event "), "{text}");
}

#[tokio::test]
async fn an_export_has_the_leaves_of_the_tree() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use domain::transparency_log::{frontier::Frontier, hash::leaf_hash};
    let directory = scratch_dir();
    let app = anchored(&directory.path().join("anchor"));
    log_events(&app, 300).await;
    let (done, text) = run(app.database(), &["audit", "export"]);
    assert!(done);
    let mut tree = Frontier::default();
    text.lines().for_each(|line| tree.push(leaf_hash(line.as_bytes()), |_, _| ()));
    let (_, checkpoint) = run(app.database(), &["audit", "checkpoint"]);
    let lines: Vec<_> = checkpoint.lines().collect();
    assert_eq!((lines[1], lines[2]), ("300", STANDARD.encode(tree.root()).as_str()));
    let (done, proof) = run(app.database(), &["audit", "prove", "7"]);
    assert!(done && proof.contains("\nindex 7\nsize 300\n"), "{proof}");
    let (done, proof) = run(app.database(), &["audit", "consistency", "100"]);
    assert!(done && proof.starts_with("from 100 "), "{proof}");
}

#[tokio::test]
async fn a_database_that_was_rolled_back_to_a_backup_is_found_and_a_restore_counts_what_is_lost() {
    let directory = scratch_dir();
    let (file, dump) = (directory.path().join("anchor"), directory.path().join("dump"));
    let (anchor, dump) =
        (file.to_str().expect("a path").to_owned(), dump.to_str().expect("a path").to_owned());
    let app = anchored(&file);
    log_events(&app, 300).await;
    assert!(run(app.database(), &["backup", &dump]).0);
    log_events(&app, 40).await;
    let key = key(&app).await;
    app.stop();

    let database = empty_database();
    let environment = [
        ("AUDIT_ANCHOR", &anchor[..]),
        ("DATA_ENCRYPTION_KEY", &data_key()[..]),
        ("ENVIRONMENT", "development"),
    ];
    let restored = portcullis_on(&database, &["restore", &dump], &environment);
    let text = String::from_utf8_lossy(&[restored.stdout, restored.stderr].concat()).into_owned();
    assert!(restored.status.success(), "{text}");
    assert!(
        text.contains("LOST: 40 entries between the backup and the anchor (entries 300 to 339)"),
        "{text}"
    );

    let verify = |more: &[&str]| {
        run(&database, &[&["audit", "verify", "--anchor", &anchor, "--key", &key], more].concat())
    };
    let (whole, text) = verify(&[]);
    assert!(
        !whole && text.contains("entry 300 is missing") && text.contains("40 entries are lost"),
        "{text}"
    );
    let accept = ["--accept-restored", "300-339"];
    let (whole, text) = verify(&accept);
    assert!(whole, "{text}");
    for other in ["300-338", "299-339", "0-339"] {
        let (whole, text) = verify(&["--accept-restored", other]);
        assert!(!whole && text.contains("40 entries are lost"), "{other}: {text}");
    }

    // The log goes on in the restored database, and the anchor takes its checkpoints.
    let again = App::over(database.clone(), |settings| {
        settings.audit_log.sequencing = true;
        settings.audit_log.anchor = against(&file).anchor;
    });
    log_events(&again, 5).await;
    let (whole, text) = verify(&accept);
    assert!(whole && text.contains("LOST: 40 entries"), "{text}");

    // Without the command, the database is only rolled back. Then nothing is accepted.
    tamper(&again, "UPDATE audit_log_head SET generation = 1; DELETE FROM audit_log_restores").await;
    let (whole, text) = verify(&accept);
    assert!(!whole, "{text}");
}

/// Restores a dump into a database of its own, and returns the origin of the checkpoints that follow.
async fn origin_after_restore(dump: &str) -> String {
    let database = empty_database();
    let environment = [("DATA_ENCRYPTION_KEY", &data_key()[..]), ("ENVIRONMENT", "development")];
    let restored = portcullis_on(&database, &["restore", dump], &environment);
    let text = String::from_utf8_lossy(&[restored.stdout, restored.stderr].concat()).into_owned();
    assert!(restored.status.success(), "{text}");
    let app = App::over(database, |settings| settings.audit_log.sequencing = true);
    log_events(&app, 5).await;
    let checkpoint = app.get("/api/v1/audit/checkpoint").send().await.expect("an answer");
    checkpoint.text().await.expect("a checkpoint").lines().next().expect("an origin").to_owned()
}

#[tokio::test]
async fn two_restores_of_one_backup_are_different_logs() {
    let directory = scratch_dir();
    let dump = directory.path().join("dump").to_str().expect("a path").to_owned();
    let app = anchored(&directory.path().join("anchor"));
    log_events(&app, 30).await;
    assert!(run(app.database(), &["backup", &dump]).0);
    app.stop();
    assert_ne!(origin_after_restore(&dump).await, origin_after_restore(&dump).await);
}

fn data_key() -> String {
    use secrecy::ExposeSecret as _;
    crate::harness::secrets().data_encryption.current.expose_secret().to_owned()
}
