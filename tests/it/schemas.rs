//! Databases of every released schema, with rows in every table: they are migrated to the newest schema, nothing is lost, and
//! their users sign in.
//!
//! `tests/schemas/V<n>.sql` is a dump of a database after the migration `V<n>`. `scripts/schemas.sh` makes the dumps: it applies
//! the migrations one by one, and after each of them the rows of `tests/schemas/data/`. A released dump is never made again.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use domain::crypto::{
    lasting_keys::{LastingKeySealer, LastingKeys, LastingPurpose},
    secret_ring::SecretRing,
};
use domain::factors::{
    backup_code::{BackupCode, BackupCodeKeys},
    totp::{TotpSealer, TotpSecret},
};
use portcullis::postgres::ClientProgram;
use secrecy::ExposeSecret as _;
use serde_json::json;
use service::{Clock, KeptAfterRestore, Restoration};
use store::{DatabaseSettings, Store};
use tokio_postgres::{Client, NoTls};

use crate::harness::{
    App, Ask as _, AuthenticatorApp, PASSWORD, Pending, Person, empty_database, fresh_database, secrets,
};

/// The newest schema with a dump.
const NEWEST: u32 = 17;
/// The user of the dumps that has second factors.
const GRACE: i64 = 2;
/// Tables with rows that a restore may delete: open challenges, tickets, and apps that were being set up.
const EMPTIED: [&str; 3] = ["two_factor_challenges", "ws_tickets", "user_two_factor"];

fn totp_secret() -> TotpSecret {
    TotpSecret::new(*b"the secret of a dump")
}

fn backup_code() -> BackupCode {
    BackupCode::new(b"abcdefghijkl")
}

async fn connect(database: &DatabaseSettings) -> Client {
    let (client, link) = database.config.connect(NoTls).await.expect("a connection");
    tokio::spawn(link);
    client
}

fn dump(version: u32) -> String {
    format!("tests/schemas/V{version}.sql")
}

/// The number of rows of each table.
async fn rows(client: &Client) -> BTreeMap<String, i64> {
    let sql = "SELECT relname::text FROM pg_class
               WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition";
    let mut counts = BTreeMap::new();
    for table in client.query(sql, &[]).await.expect("the tables") {
        let table: String = table.get(0);
        let counted = client.query_one(&format!("SELECT count(*) FROM public.{table}"), &[]).await;
        counts.insert(table, counted.expect("a number").get(0));
    }
    counts
}

/// The database of this dump.
async fn loaded(version: u32) -> DatabaseSettings {
    let database = empty_database();
    let sql = fs::read_to_string(dump(version)).expect("a dump");
    connect(&database).await.batch_execute(&sql).await.expect("the dump is loaded");
    database
}

/// Migrates the database and finishes its restore, and checks that no row is lost.
async fn migrate(version: u32, database: &DatabaseSettings) {
    let client = connect(database).await;
    let before = rows(&client).await;
    let empty: Vec<_> = before.iter().filter(|(_, count)| **count == 0).collect();
    assert!(empty.is_empty(), "V{version}: tables without rows: {empty:?}");
    let store = Store::connect(database).expect("a store");
    let migrated = store.migrate().await.expect("the migrations");
    let missing = usize::try_from(NEWEST - version).expect("a number of migrations");
    assert!(migrated.applied.len() >= missing && migrated.without_key.is_empty(), "V{version}: {migrated:?}");
    let kept =
        KeptAfterRestore { backup_codes: true, api_keys: true, event_receivers: true, outside_tokens: true };
    let restoration = Restoration::new(store, Clock::default(), Duration::from_secs(86_400));
    restoration.finish(kept).await.expect("the restore is finished");
    let after = rows(&client).await;
    for (table, count) in before.iter().filter(|(table, _)| !EMPTIED.contains(&table.as_str())) {
        assert!(after[table] >= *count, "V{version}: {table} had {count} rows, and has {}", after[table]);
    }
}

async fn sign_in_users(version: u32, app: &App) {
    let sign_in = async |email: &str| {
        let body = json!({"username": email, "password": PASSWORD});
        app.post("/api/v1/auth/jwt/login").json(&body).ask().await
    };
    for (email, role) in [("ADA@example.com", "user"), ("j\u{fc}rgen@EXAMPLE.com", "admin")] {
        let answer = sign_in(email).await.expect(200);
        assert_eq!(answer.body["user"]["role"], role, "V{version}: {}", answer.text);
    }
    sign_in("tim@example.com").await.refused(401, "invalid_credentials");
    let grace = Person { email: "grace@example.com".to_owned(), ..app.person(GRACE) };
    if version < 4 {
        grace.sign_in().await;
        return;
    }
    app.advance(Duration::from_secs(90));
    let totp = AuthenticatorApp::new(app, totp_secret().base32().expose_secret());
    let session = grace.begin_sign_in().await.finish(&totp.code()).await;
    assert_eq!(session.get("/api/v1/2fa").await.expect(200).body["backup_codes"], 1);
    let pending = Pending::of(&grace, &grace.try_password(PASSWORD).await.expect(200));
    pending.answer(json!({"backup_code": backup_code().text().expose_secret()})).await.expect(200);
}

#[tokio::test]
async fn every_released_schema_is_migrated_without_loss_and_its_users_sign_in() {
    for version in 1..=NEWEST {
        let database = loaded(version).await;
        migrate(version, &database).await;
        sign_in_users(version, &App::over(database, |_| {})).await;
    }
}

#[tokio::test]
async fn no_server_starts_on_the_dump_of_a_database_that_was_in_service() {
    let database = loaded(NEWEST).await;
    let refused = App::try_over(database, |_| {}).err().expect("the server must not start");
    assert!(refused.contains("restore --finish"), "{refused}");
}

/// Makes the dumps that do not exist yet.
#[tokio::test]
#[ignore = "it writes files; scripts/schemas.sh runs it"]
async fn the_dumps_of_released_schemas_are_made() {
    for version in (1..=NEWEST).filter(|version| !Path::new(&dump(*version)).exists()) {
        fs::write(dump(version), made(version).await).expect("the dump is written");
    }
}

#[tokio::test]
async fn the_row_files_give_the_rows_of_the_newest_dump() {
    let rows = |dump: &str| -> Vec<String> {
        dump.lines().filter(|line| line.starts_with("INSERT")).map(str::to_owned).collect()
    };
    let kept = fs::read_to_string(dump(NEWEST)).expect("a dump");
    assert_eq!(rows(&made(NEWEST).await), rows(&kept));
}

/// The dump of this schema, made of the migrations and of the row file of each of them.
async fn made(version: u32) -> String {
    let database = empty_database();
    let client = connect(&database).await;
    for step in 1..=version {
        client.batch_execute(&migration(step)).await.expect("a migration");
        let file = format!("tests/schemas/data/V{step}.sql");
        let rows = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        client.batch_execute(&filled(&rows)).await.unwrap_or_else(|error| panic!("{file}: {error:?}"));
    }
    copy_history(version, &client).await;
    dumped(&database)
}

fn migration(version: u32) -> String {
    let prefix = format!("V{version}__");
    let files = fs::read_dir("migrations").expect("the migrations").map(|file| file.expect("a file").path());
    let is_named =
        |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix));
    let file = files.into_iter().find(|path| is_named(path)).expect("the migration");
    fs::read_to_string(file).expect("a migration")
}

/// Replaces the names in braces by values that the keys of the test server understand. They are the same each time.
fn filled(rows: &str) -> String {
    let (key, salt) = (secrets().data_encryption.current, b"salt of the dump");
    let mut hash = [0; 32];
    let params = Params::new(19 * 1024, 2, 1, None).expect("parameters");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(PASSWORD.as_bytes(), salt, &mut hash).expect("a hash");
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    // Servers of these releases derived every key from the secret.
    let (ring, lasting) = (SecretRing::of(key.clone()), LastingKeys::derived(&key));
    let sealed = TotpSealer::new(&ring).seal(GRACE, &totp_secret(), [7; 24]);
    let code = BackupCodeKeys::new(&lasting, &ring).hash(GRACE, &backup_code());
    let mut rows = rows.to_owned();
    for (nonce, purpose) in (1..).zip(LastingPurpose::ALL) {
        let sealed = LastingKeySealer::new(&ring).seal(&lasting, purpose, [nonce; 24]);
        rows = rows
            .replace(&format!("{{LASTING_{}}}", purpose.as_str()), &hex(&sealed.bytes))
            .replace("{LASTING_KEY}", &sealed.key_id);
    }
    rows.replace("{PASSWORD_HASH}", &format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${hash}"))
        .replace("{TOTP_SECRET}", &hex(&sealed.bytes))
        .replace("{TOTP_KEY}", &sealed.key_id)
        .replace("{CODE_HASH}", &hex(&code))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the table in which the applied migrations are noted, up to this version.
async fn copy_history(version: u32, client: &Client) {
    let migrated = connect(&fresh_database()).await;
    let sql = "SELECT version, name, checksum FROM refinery_schema_history ORDER BY version";
    client
        .batch_execute(
            "CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255),
                                                   checksum VARCHAR(255))",
        )
        .await
        .expect("the table");
    for row in migrated.query(sql, &[]).await.expect("the migrations") {
        let (number, name, checksum): (i32, String, String) = (row.get(0), row.get(1), row.get(2));
        if number.unsigned_abs() <= version {
            let sql = "INSERT INTO refinery_schema_history VALUES ($1, $2, '2026-01-01T00:00:00Z', $3)";
            client.execute(sql, &[&number, &name, &checksum]).await.expect("a row");
        }
    }
}

/// The dump of a database, without what differs from one run to the next.
fn dumped(database: &DatabaseSettings) -> String {
    let program = ClientProgram::find("pg_dump", 15).expect("pg_dump");
    let arguments = ["--column-inserts", "--no-owner", "--no-privileges"].map(AsRef::as_ref);
    let dump = program.run(&arguments, database.libpq_environment(program.major())).expect("a dump");
    let dump = String::from_utf8(dump).expect("a dump in UTF-8");
    let kept = dump.lines().filter(|line| {
        // Comments name the version of the program, and a command with a backslash has a random word.
        !line.is_empty()
            && !line.starts_with("--")
            && !line.starts_with('\\')
            && !line.contains("transaction_timeout")
    });
    kept.map(|line| format!("{line}\n")).collect()
}
