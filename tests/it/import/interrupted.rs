//! Imports that are killed, and imports that are repeated.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::older_database::{OlderDatabase, all_rows, connect, environment, public_key, url};
use crate::harness::{App, PATIENCE, fresh_database, started_portcullis};

/// Waits until a statement of another connection waits for a lock of `blocker`.
async fn until_blocked(rows: &Client, blocker: i32, patience: Duration) {
    let sql = "SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND $1::int = ANY (pg_blocking_pids(pid))";
    let began = Instant::now();
    while rows.query_one(sql, &[&blocker]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(began.elapsed() < patience, "the import does not reach the blocked rows");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_import_that_was_killed_four_times_can_be_completed_with_the_result_of_an_uninterrupted_import() {
    kill_and_complete(2_000).await;
}

/// Run it with `cargo test --test it killed_import_of -- --ignored`.
#[tokio::test]
#[ignore = "takes some minutes"]
async fn a_killed_import_of_a_hundred_thousand_accounts_can_be_completed() {
    kill_and_complete(100_000).await;
}

/// Imports accounts once without an interruption, and once with four, and compares all rows.
async fn kill_and_complete(accounts: i64) {
    let app = App::start();
    let older = OlderDatabase::with_accounts(accounts, &public_key(&app)).await;
    let (whole, broken) = (fresh_database(), fresh_database());
    let (expected_output, expected_report) = older.reported(&whole, &[]);
    let expected = all_rows(&connect(&whole).await).await;
    let (rows, blocker) = (connect(&broken).await, connect(&broken).await);
    let (from, target) = (older.url(), url(&broken));
    let pid: i32 = blocker.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let mut finished = 0;
    // An uncommitted account with this id blocks the batch that contains the id.
    let account = |id: i64| {
        format!("INSERT INTO users (id, email, password_hash) VALUES ({id}, 'blocker@example.com', '!')")
    };
    let attempts = "LOCK TABLE device_login_attempts".to_owned();
    // The ids begin above 1,000, and each batch has 500 accounts.
    let (half, all) = (accounts / 1_000, accounts / 500);
    for (block, batches) in [
        (account(1_100), 0),
        (account(1_100 + half * 500), half),
        (account(900 + accounts), all - 1),
        (attempts, all),
    ] {
        blocker.batch_execute(&format!("BEGIN; {block}")).await.unwrap();
        let mut process = started_portcullis(&older.command(&[], &from), &environment(&target));
        until_blocked(&rows, pid, PATIENCE * u32::try_from(1 + accounts / 10_000).expect("a small number"))
            .await;
        process.kill().expect("SIGKILL");
        process.wait().expect("the end of the process");
        blocker.batch_execute("ROLLBACK").await.unwrap();
        finished = rows.query_one("SELECT count(*) FROM users", &[]).await.unwrap().get(0);
        assert_eq!(finished, batches * 500, "whole batches only");
    }
    assert_eq!(finished, accounts);
    let (output, report) = older.reported(&broken, &[]);
    assert_eq!(report, expected_report);
    assert_ne!(output, expected_output, "all accounts exist already");
    let resumed = all_rows(&rows).await;
    assert_eq!(resumed.len(), expected.len());
    let different = resumed.iter().zip(&expected).find(|(resumed, expected)| resumed != expected);
    assert_eq!(different, None);
}

#[tokio::test]
async fn an_import_that_is_repeated_changes_nothing() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(60, &public_key(&app)).await;
    older.imported(app.database(), &[]);
    let rows = app.rows().await;
    // Changes that users make after the first import. The second import must not undo them.
    rows.batch_execute(
        "DELETE FROM user_two_factor WHERE user_id = 1002;
         UPDATE users SET email = 'new@example.com', account_key = 'new@example.com' WHERE id = 1003;
         DELETE FROM registered_devices WHERE user_id = 1004",
    )
    .await
    .unwrap();
    let before = all_rows(&rows).await;
    let printed = older.imported(app.database(), &[]);
    assert_eq!(all_rows(&rows).await, before);
    let users = printed.lines().find(|line| line.starts_with("users ")).expect("a line");
    assert_eq!(users.split_whitespace().collect::<Vec<_>>(), ["users", "0", "60", "0"]);
}

#[tokio::test]
async fn two_simultaneous_imports_write_the_same_rows_as_one() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(1_200, &public_key(&app)).await;
    let (whole, shared) = (fresh_database(), fresh_database());
    older.imported(&whole, &[]);
    let (from, target) = (older.url(), url(&shared));
    let start = || started_portcullis(&older.command(&[], &from), &environment(&target));
    let ended = [start(), start()].map(|mut process| process.wait().expect("an end"));
    assert!(ended.iter().all(std::process::ExitStatus::success), "{ended:?}");
    let written = |rows: Vec<String>| {
        rows.into_iter().filter(|row| !row.starts_with("accounts.imported")).collect::<Vec<_>>()
    };
    let (one, other) = (connect(&shared).await, connect(&whole).await);
    assert_eq!(written(all_rows(&one).await), written(all_rows(&other).await));
}
