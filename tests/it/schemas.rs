//! Databases of every released schema, with rows in every table: they are migrated to the newest schema, nothing is lost, their
//! audit log verifies, their users sign in, and the jobs and lists of a server read their rows.
//!
//! `tests/schemas/V<n>.sql` is a dump of a database after the migration `V<n>`. `scripts/schemas.sh` makes the dumps: it applies
//! the migrations one by one, and after each of them the rows of `tests/schemas/data/`. A released dump is never made again.

mod sample_log;
mod sample_receipt;

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use domain::crypto::{
    lasting_keys::{LastingKeySealer, LastingKeys, LastingPurpose},
    seal::{SealedRow, Sealer},
    secret_ring::SecretRing,
};
use domain::events::{SEALED_RECEIVERS, webhook::secret_text};
use domain::factors::{
    backup_code::{BackupCode, BackupCodeKeys},
    totp::{TotpSealer, TotpSecret},
};
use domain::{receipt::verification, transparency_log::note::NoteVerifier};
use futures_util::{StreamExt as _, stream};
use portcullis::postgres::ClientProgram;
use protocol::id::RevocationId;
use secrecy::ExposeSecret as _;
use serde_json::json;
use service::{
    AuditLog, AuditLogSettings, Clock, FoundReceipt, KeptAfterRestore, Restoration, VerifyOptions,
};
use store::{DatabaseSettings, Store};
use tokio_postgres::{Client, NoTls};

use crate::harness::{
    App, AuthenticatorApp, PASSWORD, Pending, Person, Session, empty_database, fresh_database, secrets,
};

/// The newest schema with a dump.
const NEWEST: u32 = 26;
/// How many dumps are checked at the same time.
const AT_ONCE: usize = 4;
/// The first schemas with factors, the audit log, receivers of events, erasures and receipts.
const FACTORS: u32 = 4;
const AUDIT_LOG: u32 = 20;
const RECEIVERS: u32 = 22;
const ERASURES: u32 = 23;
const RECEIPTS: u32 = 24;
/// The user of the dumps that has second factors.
const GRACE: i64 = 2;
/// The admin of the dumps.
const ADMIN: i64 = 4;
/// The user of the dumps whose erasure has begun.
const ERASING: i64 = 7;
/// What admins read, from the tables of all subjects.
const LISTS: [&str; 13] = [
    "users",
    "sessions",
    "revocations",
    "attempts",
    "attempts/stuffing",
    "bans",
    "api-keys",
    "channels",
    "erasures",
    "webhooks",
    "audit/events",
    "statistics?series=revocations",
    "users/1/devices",
];
/// Tables whose rows a restore may delete: open challenges, tickets, and apps that were being set up.
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

/// Migrates the database and finishes its restore, and checks that no row is lost, and that the audit log is whole.
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
    let restoration = Restoration::new(store.clone(), Clock::default(), Duration::from_secs(86_400));
    restoration.finish(kept).await.expect("the restore is finished");
    let after = rows(&client).await;
    for (table, count) in before.iter().filter(|(table, _)| !EMPTIED.contains(&table.as_str())) {
        assert!(after[table] >= *count, "V{version}: {table} had {count} rows, and has {}", after[table]);
    }
    check_log(version, store).await;
}

/// The audit log of a restored database is whole, the events of the backup enter it, and it proves the receipt.
async fn check_log(version: u32, store: Store) {
    let keys = secrets().data_encryption;
    let settings = AuditLogSettings { signing: None, anchor: None, sequencing: true };
    let log = AuditLog::new(store, Clock::default(), settings, move || keys.clone());
    let verified = async || {
        let verified = log.verify(&VerifyOptions::default(), &|_, _| ()).await;
        verified.unwrap_or_else(|error| panic!("V{version}: {error}"))
    };
    let restored = verified().await;
    let expected = [sample_log::DROPPED, sample_log::SIZE, sample_log::CHECKPOINTS.len()];
    let expected = expected.map(|number| if version >= AUDIT_LOG { number as u64 } else { 0 });
    assert_eq!([restored.first, restored.size, restored.checkpoints as u64], expected, "V{version}");
    log.sequence().await.expect("the events of the backup enter the log");
    let grown = verified().await;
    assert_eq!((grown.size, grown.backlog), (restored.size + restored.backlog, 0), "V{version}");
    if version < RECEIPTS {
        return;
    }
    let found = log.receipt(RevocationId(sample_receipt::REVOCATION), true).await.expect("an answer");
    let FoundReceipt::Signed(receipt) = found else { panic!("V{version}: {found:?}") };
    let key = NoteVerifier::parse(&log.verifier_key().await.expect("a key")).expect("a key");
    let proved = verification::verify(&receipt.encoded(), &[key]);
    let proved = proved.unwrap_or_else(|error| panic!("V{version}: {error}"));
    assert_eq!(proved.reason.as_deref(), Some(sample_receipt::REASON), "V{version}");
}

/// The users sign in. Returns a session of the admin.
async fn sign_in_users(version: u32, app: &App) -> Session {
    let named = |id, email: &str| Person { email: email.to_owned(), ..app.person(id) };
    let sign_in = async |person: &Person, role: &str| {
        let answer = person.try_password(PASSWORD).await.expect(200);
        assert_eq!(answer.body["user"]["role"], role, "V{version}: {}", answer.text);
        Session::granted(person, &answer)
    };
    sign_in(&named(1, "ADA@example.com"), "user").await;
    let admin = sign_in(&named(ADMIN, "j\u{fc}rgen@EXAMPLE.com"), "admin").await;
    named(3, "tim@example.com").try_password(PASSWORD).await.refused(401, "invalid_credentials");
    let grace = named(GRACE, "grace@example.com");
    if version < FACTORS {
        grace.sign_in().await;
        return admin;
    }
    app.advance(Duration::from_secs(90));
    let totp = AuthenticatorApp::new(app, totp_secret().base32().expose_secret());
    let session = grace.begin_sign_in().await.finish(&totp.code()).await;
    assert_eq!(session.get("/api/v1/2fa").await.expect(200).body["backup_codes"], 1);
    let pending = Pending::of(&grace, &grace.try_password(PASSWORD).await.expect(200));
    pending.answer(json!({"backup_code": backup_code().text().expose_secret()})).await.expect(200);
    admin
}

/// The jobs of a server do their work over the rows, and the log goes on.
async fn run_jobs(version: u32, app: &App) {
    app.sweep().await;
    if version >= ERASURES {
        let erased = format!(
            "SELECT count(*) FROM erasures e WHERE user_id = {ERASING} AND state = 'erased'
             AND NOT EXISTS (SELECT FROM users u WHERE u.id = e.user_id)"
        );
        assert_eq!(app.count(&erased).await, 1, "V{version}: the erasure goes on");
    }
    app.sequence_alone().await;
    let log = app.verify_log(&VerifyOptions::default()).await;
    let log = log.unwrap_or_else(|error| panic!("V{version}: {error}"));
    assert!(log.checkpoints > 0, "V{version}: {log:?}");
}

/// An admin reads the rows. Those that the jobs delete because of their age may be missing.
async fn read(version: u32, admin: &Session) {
    for list in LISTS {
        admin.get(&format!("/api/v1/admin/{list}")).await.expect(200);
    }
    if version >= RECEIVERS {
        let webhook = "/api/v1/admin/webhooks/00000000-0000-4000-8000-0000000000d1";
        assert_eq!(admin.get(webhook).await.expect(200).body["webhook"]["name"], "monitoring", "V{version}");
        let deliveries = admin.get(&format!("{webhook}/deliveries")).await.expect(200);
        let is_waiting = deliveries.text.contains("00000000-0000-8000-8000-0000000000e2");
        assert!(is_waiting, "V{version}: {}", deliveries.text);
    }
}

async fn check(version: u32) {
    let database = loaded(version).await;
    migrate(version, &database).await;
    let app = App::over(database, |_| {});
    let admin = sign_in_users(version, &app).await;
    run_jobs(version, &app).await;
    read(version, &admin).await;
}

#[tokio::test]
async fn every_released_schema_is_migrated_without_loss_and_serves_its_users_and_operators() {
    stream::iter(1..=NEWEST).map(check).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
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
        lines(dump).filter(|(part, _)| *part == Part::Row).map(|(_, line)| line.to_owned()).collect()
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
    let rows = sample_receipt::fill(&sample_log::fill(&receivers_filled(&rows, &ring), &ring));
    rows.replace("{PASSWORD_HASH}", &format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${hash}"))
        .replace("{TOTP_SECRET}", &hex(&sealed.bytes))
        .replace("{TOTP_KEY}", &sealed.key_id)
        .replace("{CODE_HASH}", &hex(&code))
}

/// Replaces the names of the secrets of receivers of events.
fn receivers_filled(rows: &str, data_encryption: &SecretRing) -> String {
    let sealer = Sealer::new(data_encryption, SEALED_RECEIVERS);
    // The first half of the ids of the receivers.
    let place = SealedRow { table: "event_receivers", row: 0x4000 };
    let (secret, previous) = (secret_text(&[31; 32]), secret_text(&[32; 32]));
    let mut rows = rows.to_owned();
    for (nonce, name, text) in [
        (31, "SECRET", secret.expose_secret()),
        (32, "PREVIOUS", previous.expose_secret()),
        (33, "AUTHORIZATION", "Bearer a token of the receiver"),
    ] {
        let sealed = sealer.seal(place, text.as_bytes(), [nonce; 24]);
        rows = rows
            .replace(&format!("{{RECEIVER_{name}}}"), &hex(&sealed.bytes))
            .replace("{RECEIVER_KEY}", &sealed.key_id);
    }
    rows
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

/// What a line of a dump belongs to.
#[derive(PartialEq, Eq)]
enum Part {
    /// A row. The texts of a row may have several lines, also empty ones.
    Row,
    /// The schema.
    Schema,
}

/// The lines of a dump.
fn lines(dump: &str) -> impl Iterator<Item = (Part, &str)> {
    let mut within_text = false;
    dump.lines().map(move |line| {
        let part = if within_text || line.starts_with("INSERT") { Part::Row } else { Part::Schema };
        // Quotes come in pairs, except for those around the end of a line.
        within_text ^= part == Part::Row && line.matches('\'').count() % 2 == 1;
        (part, line)
    })
}

/// The dump of a database, without what differs from one run to the next.
fn dumped(database: &DatabaseSettings) -> String {
    let program = ClientProgram::find("pg_dump", 15).expect("pg_dump");
    let arguments = ["--column-inserts", "--no-owner", "--no-privileges"].map(AsRef::as_ref);
    let dump = program.run(&arguments, database.libpq_environment(program.major())).expect("a dump");
    let dump = String::from_utf8(dump).expect("a dump in UTF-8");
    let kept = lines(&dump).filter(|(part, line)| {
        // Comments name the version of the program, and a command with a backslash has a random word.
        *part == Part::Row
            || !line.is_empty()
                && !line.starts_with("--")
                && !line.starts_with('\\')
                && !line.contains("transaction_timeout")
    });
    kept.map(|(_, line)| format!("{line}\n")).collect()
}
