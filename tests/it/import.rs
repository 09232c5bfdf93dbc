//! `portcullis import` copies accounts from the Python authentication system that Portcullis replaces (the older system). Users
//! then sign in with their earlier passwords, codes and passkeys. The command runs in a separate process.

mod interrupted;
mod older_database;
mod refused;

use std::time::{Duration, Instant};

use older_database::{HASHES, ID_BASE, OlderDatabase, all_rows, connect, public_key};
use serde_json::json;

use crate::harness::{
    App, AuthenticatorApp, CookieClient, PASSWORD, PasskeyAuthenticator, Person, Session, fresh_database,
};

/// After this time, all rate limits permit sign-ins again.
const LATER: Duration = Duration::from_secs(20 * 60);

/// The imported account with this id.
fn account(app: &App, id: i64) -> Person {
    Person { email: format!("older{}@example.com", id - ID_BASE), ..app.person(id) }
}

/// The id of the first imported account that satisfies this condition.
fn first(holds: impl Fn(i64) -> bool) -> i64 {
    (ID_BASE + 1..ID_BASE + 2_000).find(|id| holds(*id)).expect("an account")
}

#[tokio::test]
async fn a_password_with_any_kind_of_older_hash_signs_in_and_is_hashed_again() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(2_000, &public_key(&app)).await;
    let printed = older.imported(app.database(), &[]);
    let line = |table: &str| printed.lines().find(|line| line.starts_with(table)).expect("a line").to_owned();
    for (table, rows) in [
        ("users", 2_000),
        ("registered_devices", 4_000),
        ("user_two_factor", 667),
        ("passkey_credentials", 400),
        ("device_login_attempts", 6_000),
    ] {
        let words: Vec<String> = line(table).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, [table, &rows.to_string(), "0", "0"], "{printed}");
    }
    for text in ["invoices (1 rows)", "sessions (2000 rows), sessions and their tokens"] {
        assert!(printed.contains(text), "{text}: {printed}");
    }
    for (kind, stored) in HASHES.iter().enumerate() {
        let id = first(|id| (id - ID_BASE) % 13 == kind as i64 && id % 3 != 0 && id % 5 != 0);
        let person = account(&app, id);
        app.advance(LATER);
        person.try_password("correct-zebra-lantern-43").await.expect(401);
        let answer = person.try_password(PASSWORD).await.expect(200);
        assert_eq!(answer.body["user"]["id"], id, "{stored}");
        let sql = "SELECT password_hash FROM users WHERE id = $1";
        let renewed: String = app.rows().await.query_one(sql, &[&id]).await.unwrap().get(0);
        assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}: {renewed}");
        person.sign_in().await.works().await.then_some(()).expect("a session");
    }
    let registered = app.register().await;
    assert!(registered.id.0 > ID_BASE + 2_000, "{}", registered.id);
}

#[tokio::test]
async fn older_authenticator_apps_and_backup_codes_are_second_factors() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(60, &public_key(&app)).await;
    older.imported(app.database(), &[]);
    let id = first(|id| id % 3 == 0 && id % 5 != 0);
    let person = account(&app, id);
    let totp = AuthenticatorApp::new(&app, &older.secret(id).await).for_server(&app);
    person.begin_sign_in().await.totp("000000").await.expect(401);
    let session = person.begin_sign_in().await.finish(&totp.code()).await;
    assert!(session.works().await);
    let answer =
        person.begin_sign_in().await.answer(json!({"backup_code": "0123-4567-89AB"})).await.expect(200);
    assert!(Session::granted(&person, &answer).works().await);
    // The secret is not readable in the database.
    let plain = older.secret(id).await;
    let rows = all_rows(&app.rows().await).await;
    assert!(!rows.iter().any(|row| row.contains(&plain)));
}

#[tokio::test]
async fn older_passkeys_sign_in_with_and_without_a_user_name() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(60, &public_key(&app)).await;
    let id = first(|id| id % 3 != 0 && id % 5 != 0);
    let person = account(&app, id);
    let mut authenticator = PasskeyAuthenticator::of(&app);
    older.add_passkey(id, &mut authenticator).await;
    // The older system did not store whether a passkey may be copied to other devices.
    let synced = ID_BASE + 2;
    let mut copies = PasskeyAuthenticator { synced: true, step: 0, ..PasskeyAuthenticator::of(&app) };
    older.add_passkey(synced, &mut copies).await;
    older.imported(app.database(), &[]);
    let answer = CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await.expect(200);
    assert!(Session::granted(&person, &answer).works().await);
    let named = json!({"username": person.email});
    CookieClient::of(&app).sign_in(&mut authenticator, &named).await.expect(200);
    for _ in 0..2 {
        let answer = CookieClient::of(&app).sign_in(&mut copies, &json!({})).await.expect(200);
        assert_eq!(answer.body["user"]["id"], synced);
    }
    // The first answer states whether the passkey may be copied. A later answer that states the opposite is refused.
    copies.synced = false;
    CookieClient::of(&app).sign_in(&mut copies, &json!({})).await.expect(401);
    // An answer with the user handle of another account is refused.
    authenticator.user_handle = Some(synced.to_string().into_bytes());
    CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await.expect(401);
    // The passkey of the account is also a second factor after the password.
    authenticator.user_handle = None;
    let answer = person.try_password(PASSWORD).await.expect(200);
    assert_eq!(answer.body["methods"], json!(["passkey"]));
}

#[tokio::test]
async fn devices_and_attempts_are_imported_and_no_device_is_trusted() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(10, &public_key(&app)).await;
    older.imported(app.database(), &[]);
    let person = account(&app, first(|id| id % 3 != 0 && id % 5 != 0));
    let session = person.sign_in().await;
    let devices = session.get("/api/v1/devices").await.expect(200);
    assert_eq!(devices.body["devices"].as_array().map(Vec::len), Some(3), "{}", devices.text);
    assert!(
        !devices.text.contains("trusted\":true") && devices.text.contains("Device 1"),
        "{}",
        devices.text
    );
    let sql = "SELECT string_agg(outcome, ' ' ORDER BY at, outcome) FROM device_login_attempts WHERE user_id = $1 AND at < '2025-01-01'";
    let outcomes: String = app.rows().await.query_one(sql, &[&person.id.0]).await.unwrap().get(0);
    assert_eq!(outcomes, "success success wrong_password");
    let sql = "SELECT count(*) FROM device_login_attempts a JOIN registered_devices d
               ON d.user_id = a.user_id AND d.id = a.device_id WHERE a.at < '2025-01-01'";
    assert_eq!(app.count(sql).await, 20);
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_has_the_report_of_a_real_import() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(1_200, &public_key(&app)).await;
    older
        .rows
        .batch_execute(
            "INSERT INTO users (id, email, hashed_password) SELECT 5000 + i, 'OLDER' || i || '@example.com', 'x'
             FROM generate_series(1, 3) i;
             UPDATE users SET hashed_password = (SELECT hashed_password FROM users WHERE id = 1001) WHERE id = 5001;
             UPDATE user_two_factor SET secret = 'gAAAAABencrypted' WHERE user_id < 1010",
        )
        .await
        .unwrap();
    let target = fresh_database();
    let rows = connect(&target).await;
    let before = all_rows(&rows).await;
    let (dry, dry_report) = older.reported(&target, &["--dry-run"]);
    assert_eq!(all_rows(&rows).await, before);
    let (real, report) = older.reported(&target, &[]);
    assert_eq!(dry, format!("Dry run: nothing was changed.\n{real}"));
    assert_eq!(dry_report, report);
    assert!(
        report.iter().any(|line| line["reason"] == "address_taken" && line["row"] == "5001"),
        "{report:?}"
    );
    let imported = all_rows(&rows).await;
    assert!(imported.len() > 7_000);
    let (again, dry_again) = older.reported(&target, &["--dry-run"]);
    assert_eq!(dry_again, report);
    assert!(again.lines().any(|line| line.starts_with("users ") && line.contains(" 0 ")), "{again}");
}

#[tokio::test]
async fn a_database_with_only_accounts_and_without_their_status_is_imported() {
    let app = App::start();
    let older = OlderDatabase::empty().await;
    older
        .rows
        .batch_execute(
            "DROP TABLE registered_devices, user_two_factor, passkey_credentials, device_login_attempts, sessions;
             ALTER TABLE users DROP COLUMN status, DROP COLUMN role, DROP COLUMN created_at;
             INSERT INTO users (id, email, is_active, is_superuser) VALUES (1, 'a@example.com', true, true),
                 (2, 'b@example.com', false, false)",
        )
        .await
        .unwrap();
    let sql = "UPDATE users SET hashed_password = $1";
    older.rows.execute(sql, &[&HASHES[0]]).await.unwrap();
    older.imported(app.database(), &[]);
    let sql = "SELECT string_agg(concat_ws(' ', id, role, status), ', ' ORDER BY id) FROM users";
    let found: String = app.rows().await.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(found, "1 admin active, 2 user suspended");
    let admin = Person { email: "a@example.com".to_owned(), ..app.person(1) };
    admin.sign_in().await.get("/api/v1/admin/sessions").await.expect(200);
    let other = Person { email: "b@example.com".to_owned(), ..app.person(2) };
    other.try_password(PASSWORD).await.expect(401);
}

/// Measures the time of an import. Run it with `cargo test --test it import:: -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "takes a minute; it only measures, and has no time limit that could fail"]
async fn a_hundred_thousand_accounts_are_imported() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(100_000, &public_key(&app)).await;
    let target = fresh_database();
    for what in ["dry run", "import", "import again"] {
        let began = Instant::now();
        let options: &[&str] = if what == "dry run" { &["--dry-run"] } else { &[] };
        let printed = older.imported(&target, options);
        println!("{what}: {:.1} s\n{printed}", began.elapsed().as_secs_f64());
    }
    let rows = connect(&target).await;
    let count: i64 = rows.query_one("SELECT count(*) FROM users", &[]).await.unwrap().get(0);
    assert_eq!(count, 100_000);
}
