//! Rows and databases that an import refuses, and rows that it changes.

use serde_json::Value;

use super::older_database::{HASHES, OlderDatabase, all_rows, connect, environment, public_key, url};
use crate::harness::{App, PASSWORD, Person, fresh_database, portcullis};

/// The lines of the report as `table row effect reason`, sorted.
fn short(report: &[Value]) -> Vec<String> {
    let text = |line: &Value, key: &str| line[key].as_str().expect("a text").to_owned();
    let lines =
        report.iter().map(|line| ["table", "row", "effect", "reason"].map(|key| text(line, key)).join(" "));
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

/// What the import of [`BAD_ROWS`] reports.
const FINDINGS: [&str; 28] = [
    "device_login_attempts 1 refused user_refused",
    "device_login_attempts 2 refused no_user",
    "device_login_attempts 3 refused invalid_value",
    "passkey_credentials 2 refused passkey_taken",
    "passkey_credentials 3 refused unreadable_passkey",
    "passkey_credentials 4 refused unreadable_passkey",
    "passkey_credentials 5 refused unreadable_passkey",
    "registered_devices 1 refused user_refused",
    "registered_devices 2 refused inactive",
    "registered_devices 3 changed invalid_name",
    "registered_devices 4 refused no_user",
    "user_two_factor 1 refused user_refused",
    "user_two_factor 2 refused unreadable_secret",
    "user_two_factor 3 refused inactive",
    "user_two_factor 4 changed unreadable_codes",
    "user_two_factor 5 refused too_many",
    "user_two_factor 6 refused no_user",
    "users -1 refused invalid_id",
    "users 11 changed suspended",
    "users 12 refused invalid_address",
    "users 2 refused address_taken",
    "users 3 refused invalid_address",
    "users 4 refused unknown_hash",
    "users 5 refused costly_hash",
    "users 6 refused unknown_role",
    "users 7 refused unknown_status",
    "users 8 changed invalid_name",
    "users 9 changed suspended",
];

/// Rows with one mistake each, and the rows of accounts without a mistake.
const BAD_ROWS: &str = "INSERT INTO users (id, email, hashed_password, role, status, display_name) VALUES
        (1, 'a@example.com', 'GOOD', 'user', 'active', 'A'),
        (2, 'A@EXAMPLE.com', 'GOOD', 'user', 'active', 'B'),
        (3, 'nonsense', 'GOOD', 'user', 'active', 'C'),
        (4, 'd@example.com', 'plain text', 'user', 'active', 'D'),
        (5, 'e@example.com', 'COSTLY', 'user', 'active', 'E'),
        (6, 'f@example.com', 'GOOD', 'emperor', 'active', 'F'),
        (7, 'g@example.com', 'GOOD', 'user', 'sleeping', 'G'),
        (8, 'h@example.com', 'GOOD', 'user', 'active', E'H\\u202e'),
        (9, 'i@example.com', 'GOOD', 'user', 'active', 'I'),
        (10, 'j@example.com', 'GOOD', 'user', 'active', 'J'),
        (11, 'k@example.com', 'GOOD', 'user', 'active', 'K'),
        (12, NULL, 'GOOD', 'user', 'active', 'L'),
        (-1, 'm@example.com', 'GOOD', 'user', 'active', 'M'),
        (14, 'n@example.com', NULL, 'user', 'SUSPENDED', 'N');
     INSERT INTO user_two_factor (id, user_id, secret, is_enabled, backup_codes) VALUES
        (1, 2, 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', true, NULL),
        (2, 9, 'gAAAAABencrypted', true, NULL),
        (3, 1, 'short', false, NULL),
        (4, 10, 'JBSWY3DPEHPK3PXP', true, '[\"a1b2c3d4\"]'),
        (5, 10, 'JBSWY3DPEHPK3PXP', true, NULL),
        (6, 99, 'JBSWY3DPEHPK3PXP', true, NULL);
     INSERT INTO registered_devices (id, user_id, device_name, is_active) VALUES
        (1, 4, 'D', true), (2, 1, 'A', false), (3, 1, E'A\\u202e', true), (4, 98, 'X', true);
     INSERT INTO device_login_attempts (id, user_id, success, attempted_at) VALUES
        (1, 4, true, '2024-03-01'), (2, NULL, false, '2024-03-01'), (3, 1, true, NULL), (4, 1, true, '2024-03-01')";

#[tokio::test]
async fn each_refused_or_changed_row_is_reported_with_its_reason() {
    let app = App::start();
    let older = OlderDatabase::empty().await;
    let good = HASHES[0];
    let costly = "$2b$20$yso0NA1aXUDZG3a/ooBM0e7a920kJAXBXgGEGt6yWg.RpwuNu39cq";
    let users = BAD_ROWS.replace("GOOD", good).replace("COSTLY", costly);
    older.rows.batch_execute(&users).await.unwrap();
    let key = public_key(&app);
    let sql = "INSERT INTO passkey_credentials (id, user_id, credential_id, public_key) VALUES
                  (1, 1, '\\x01', $1), (2, 10, '\\x01', $1), (3, 10, '\\x02', '\\x00'), (4, 11, '\\x03', '\\xa1'), (5, 1, NULL, $1)";
    older.rows.execute(sql, &[&key]).await.unwrap();
    let (printed, report) = older.reported(app.database(), &[]);
    assert_eq!(short(&report), FINDINGS);
    assert!(printed.contains("refused address_taken: 1 in users"), "{printed}");
    let text = serde_json::to_string(&report).unwrap();
    for secret in ["example.com", "JBSWY3DP", "a1b2c3d4", "$2b$"] {
        assert!(!text.contains(secret) && !printed.contains(secret), "{secret}");
    }
    let sql = "SELECT string_agg(concat_ws(' ', id, status), ', ' ORDER BY id) FROM users";
    let taken: String = app.rows().await.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(taken, "1 active, 8 active, 9 suspended, 10 active, 11 suspended, 14 suspended");
    let lost = Person { email: "i@example.com".to_owned(), ..app.person(9) };
    lost.try_password(PASSWORD).await.expect(401);
}

#[tokio::test]
async fn an_import_writes_nothing_if_other_accounts_of_the_server_have_the_same_ids() {
    let app = App::start();
    let person = app.register().await;
    let older = OlderDatabase::with_accounts(20, &public_key(&app)).await;
    older.rows.execute("UPDATE users SET id = $1::bigint WHERE id = 1001", &[&person.id.0]).await.unwrap();
    let rows = app.rows().await;
    let before = all_rows(&rows).await;
    for options in [&[][..], &["--dry-run"]] {
        let output = older.import(app.database(), options);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(
            message.contains(&format!(
                "1 accounts of the server have ids of other accounts of the older system ({})",
                person.id
            )),
            "{message}"
        );
    }
    assert_eq!(all_rows(&rows).await, before);
    // Without this row, the import succeeds, and the account of the server continues to exist.
    older.rows.execute("DELETE FROM users WHERE id = $1::bigint", &[&person.id.0]).await.unwrap();
    older.imported(app.database(), &[]);
    assert_eq!(app.count("SELECT count(*) FROM users").await, 20);
    person.sign_in().await;
}

#[tokio::test]
async fn an_address_of_an_account_of_the_server_stays_with_that_account() {
    let app = App::start();
    let person = app.register().await;
    let older = OlderDatabase::with_accounts(3, &public_key(&app)).await;
    older.rows.execute("UPDATE users SET email = upper($1) WHERE id = 1002", &[&person.email]).await.unwrap();
    let (_, report) = older.reported(app.database(), &[]);
    assert!(short(&report).contains(&"users 1002 refused address_taken".to_owned()), "{report:?}");
    assert_eq!(app.count("SELECT count(*) FROM users").await, 3);
    person.sign_in().await;
}

#[tokio::test]
async fn an_import_with_another_data_encryption_key_is_refused() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(3, &public_key(&app)).await;
    let (from, target) = (older.url(), url(app.database()));
    let mut environment = environment(&target);
    environment[1].1 = "another data key of a server";
    let rows = app.rows().await;
    let before = all_rows(&rows).await;
    for options in [&[][..], &["--dry-run"]] {
        let output = portcullis(&older.command(options, &from), &environment);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("DATA_ENCRYPTION_KEY does not open the lasting keys ("), "{message}");
    }
    assert_eq!(all_rows(&rows).await, before);
}

#[tokio::test]
async fn an_import_that_is_repeated_after_a_rotation_of_the_data_key_adds_nothing() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(3, &public_key(&app)).await;
    older.imported(app.database(), &[]);
    let count = "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM device_login_attempts)
                      + (SELECT count(*) FROM registered_devices) + (SELECT count(*) FROM backup_codes)";
    let before = app.count(count).await;
    let (from, target) = (older.url(), url(app.database()));
    let [database, (_, data_key), kind] = environment(&target);
    let rotated = [
        database,
        ("DATA_ENCRYPTION_KEY", "the data key that came later"),
        ("DATA_ENCRYPTION_PREVIOUS_KEYS", data_key),
        kind,
    ];
    let output = portcullis(&older.command(&[], &from), &rotated);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(app.count(count).await, before);
}

#[tokio::test]
async fn an_import_of_an_unsuitable_database_fails_with_the_reason() {
    let older = OlderDatabase::empty().await;
    let target = fresh_database();
    let target_url = url(&target);
    let refusal = |from: &str| {
        let output = portcullis(&["import", "--from", from], &environment(&target_url));
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refusal(&target_url).contains("one of Portcullis"));
    let nowhere = refusal("postgresql://me:hunter22@127.0.0.1:1/older");
    assert!(nowhere.contains("--from cannot be read") && !nowhere.contains("hunter22"), "{nowhere}");
    assert!(refusal("mysql://127.0.0.1/older").contains("--from"));
    older.rows.batch_execute("ALTER TABLE users DROP COLUMN email").await.unwrap();
    assert!(refusal(&older.url()).contains("`users.email`"));
    older.rows.batch_execute("DROP TABLE users").await.unwrap();
    assert!(refusal(&older.url()).contains("the table `users`"));
    let output = portcullis(&["import", "--from", &older.url()], &[("DATABASE_URL", &target_url)]);
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("DATA_ENCRYPTION_KEY: missing"));
    let rows = connect(&target).await;
    assert_eq!(rows.query_one("SELECT count(*) FROM users", &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn an_import_stops_at_a_column_that_is_neither_understood_nor_left_out() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(3, &public_key(&app)).await;
    let (from, target) = (older.url(), url(app.database()));
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), format!("{from}\n")).expect("written");
    let path = file.path().to_str().expect("a path in UTF-8");
    let run = |options: &[&str]| {
        portcullis(&[&["import", "--from-file", path], options].concat(), &environment(&target))
    };
    let output = run(&[]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("not understood: users.shoe_size"), "{message}");
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
    let output = run(&["--dry-run"]);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("not understood: users.shoe_size"), "{printed}");
    let output = run(&["--leave-out", "users.shoesize"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && message.contains("no `users.shoesize`"), "{message}");
    assert!(run(&["--leave-out", "users.shoe_size"]).status.success());
    assert_eq!(app.count("SELECT count(*) FROM users").await, 3);
}

#[tokio::test]
async fn an_import_is_refused_if_the_user_id_of_a_factor_has_a_leading_zero() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(9, &public_key(&app)).await;
    let text = "ALTER TABLE user_two_factor ALTER COLUMN user_id TYPE text";
    older.rows.batch_execute(text).await.unwrap();
    older.rows.batch_execute("UPDATE user_two_factor SET user_id = '0' || user_id").await.unwrap();
    let output = older.import(app.database(), &[]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && message.contains("values of `user_two_factor.user_id`"), "{message}");
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
    older.rows.batch_execute("UPDATE user_two_factor SET user_id = substr(user_id, 2)").await.unwrap();
    let printed = older.imported(app.database(), &[]);
    assert!(printed.contains("user_two_factor                   3"), "{printed}");
}

/// In the statements of an import, `t` is also the name of a table.
#[tokio::test]
async fn a_table_with_a_column_named_t_is_imported() {
    let app = App::start();
    let older = OlderDatabase::with_accounts(3, &public_key(&app)).await;
    older.rows.batch_execute("ALTER TABLE users ADD COLUMN t jsonb DEFAULT '{}'").await.unwrap();
    older.imported(app.database(), &["--leave-out", "users.t"]);
    assert_eq!(app.count("SELECT count(*) FROM users").await, 3);
}
