//! Backups: what was revoked, used or denied after a backup is not valid again in the restored database, however the database
//! was restored.

mod receivers;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use portcullis::config::Settings;
use protocol::id::Subject;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::json;
use service::Target;
use store::DatabaseSettings;

use crate::{
    harness::{
        App, Ask as _, OwnCluster, Person, Session, cloned_database, database_url, empty_database,
        eventually,
        issuer::{self, now, signed},
        owner_url, portcullis, portcullis_on, scratch_dir, secrets,
    },
    issuers::outcome,
};

const WRONG_FACTOR: &str = "invalid_second_factor";

/// Runs a command on this database.
fn run(database: &DatabaseSettings, arguments: &[&str]) -> Output {
    portcullis_on(database, arguments, &[])
}

/// As [`run`], but the command must succeed. Returns its output.
#[track_caller]
fn tool(database: &DatabaseSettings, arguments: &[&str]) -> String {
    let output = run(database, arguments);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    out.into_owned()
}

/// As [`run`], but the command must fail. Returns its message.
#[track_caller]
fn refused(database: &DatabaseSettings, arguments: &[&str]) -> String {
    let output = run(database, arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A backup file in a directory of its own.
struct Backup {
    directory: tempfile::TempDir,
}

impl Backup {
    fn of(app: &App) -> Self {
        let backup = Self { directory: scratch_dir() };
        tool(app.database(), &["backup", backup.file()]);
        backup
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("backup.dump")
    }

    fn file(&self) -> &str {
        // The path lives as long as the directory.
        Box::leak(self.path().to_str().expect("a path in UTF-8").to_owned().into_boxed_str())
    }

    /// The database into which the backup is restored with these options.
    fn restored(&self, options: &[&str]) -> DatabaseSettings {
        let database = empty_database();
        tool(&database, &[&["restore", self.file()], options].concat());
        database
    }

    /// A server over the restored database.
    fn server(&self) -> App {
        App::over(self.restored(&[]), |_| {})
    }
}

/// This user as a client of another server.
fn on(app: &App, person: &Person) -> Person {
    Person { app: app.clone(), ..person.clone() }
}

/// This session as a client of another server.
fn session_on(app: &App, session: &Session) -> Session {
    Session { app: app.clone(), person: on(app, &session.person), ..session.clone() }
}

#[tokio::test]
async fn a_restore_ends_every_session_and_users_sign_in_again() {
    let app = App::start();
    let person = app.register().await;
    let (revoked, open, refreshed) =
        (person.open_session().await, person.open_session().await, person.open_session().await);
    let ticket = open.post("/api/v1/ws/ticket", &json!({})).await.expect(200).text_of("ticket");
    let backup = Backup::of(&app);
    app.revoke(Target::Session(revoked.id)).await;
    let renewed = refreshed.renewed().await;
    let later = person.open_session().await;
    app.stop();

    let restored = backup.server();
    for session in [&revoked, &open, &refreshed, &renewed, &later] {
        let session = session_on(&restored, session);
        assert!(!session.works().await);
        session.try_refresh().await.expect(401).problem();
        session.try_connect().await.err().expect("a refusal").expect(401).problem();
    }
    let handshake = restored.handshake(&format!("/api/v1/ws/chat?ticket={ticket}"));
    handshake.refusal().await.expect(401).problem();
    assert!(on(&restored, &person).sign_in().await.works().await);
    let reasons =
        "SELECT count(*) FROM audit_events WHERE event = 'session.revoked' AND detail ->> 'scope' = 'all'
                   AND detail ->> 'reason' = 'the database was restored from a backup'";
    assert_eq!(restored.count(reasons).await, 1);
    assert_eq!(
        restored.count("SELECT count(*) FROM audit_events WHERE event = 'database.restored'").await,
        1
    );
}

#[tokio::test]
async fn a_code_of_an_authenticator_app_that_was_used_after_the_backup_is_refused_and_a_fresh_code_is_accepted()
 {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let waiting = person.begin_sign_in().await;
    let backup = Backup::of(&app);
    let used = totp.code();
    person.begin_sign_in().await.finish(&used).await;
    app.stop();

    let restored = backup.server();
    let person = on(&restored, &person);
    person.begin_sign_in().await.totp(&used).await.refused(401, WRONG_FACTOR);
    let waiting = crate::harness::Pending { person: person.clone(), ..waiting };
    waiting.totp(&used).await.expect(401).problem();
    restored.advance(Duration::from_secs(90));
    let totp = totp.for_server(&restored);
    person.begin_sign_in().await.finish(&totp.code()).await;
}

#[tokio::test]
async fn backup_codes_are_void_after_a_restore_unless_an_option_keeps_them() {
    let app = App::start();
    let person = app.register().await;
    let mut session = person.open_session().await;
    session.enable_totp().await;
    let codes = session.backup_codes().await;
    let backup = Backup::of(&app);
    person.begin_sign_in().await.answer(json!({"backup_code": codes[0]})).await.expect(200);
    app.stop();

    let strict = backup.server();
    for code in &codes[..2] {
        let pending = on(&strict, &person).begin_sign_in().await;
        pending.answer(json!({"backup_code": code})).await.refused(401, WRONG_FACTOR);
    }
    let lenient = App::over(backup.restored(&["--keep-backup-codes"]), |_| {});
    let pending = on(&lenient, &person).begin_sign_in().await;
    pending.answer(json!({"backup_code": codes[0]})).await.expect(200);
}

#[tokio::test]
async fn a_device_whose_trust_was_withdrawn_after_the_backup_needs_a_second_factor() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let trusting = person.begin_sign_in().await.finish_trusting(&totp.code()).await;
    let backup = Backup::of(&app);
    app.stop();

    let person = on(&backup.server(), &person);
    person.begin_sign_in_on(Some(&trusting.device)).await;
}

#[tokio::test]
async fn tokens_of_other_issuers_from_before_the_restore_are_refused_and_new_ones_are_accepted() {
    let app = App::with(issuer::shared_with);
    let denied = json!({"sub": "ann", "jti": "denied", "iat": now() - 60});
    let other = json!({"sub": "bob", "iat": now() - 60});
    let backup = Backup::of(&app);
    app.revoke_token("denied").await;
    app.stop();

    let anonymous = |settings: &mut Settings| {
        issuer::shared_with(settings);
        settings.allow_anonymous = true;
    };
    let restored = App::over(backup.restored(&[]), anonymous);
    assert_eq!(outcome(&restored, &signed(&denied)).await, "close 4500");
    assert_eq!(outcome(&restored, &signed(&other)).await, "close 4500");
    assert_eq!(
        outcome(&restored, &signed(&json!({"sub": "bob"}))).await,
        "close 4500",
        "issued at an unknown time"
    );
    assert_eq!(outcome(&restored, &signed(&json!({"sub": "ann", "iat": now() + 2}))).await, "connected");
    let mut socket = restored.handshake("/connection/websocket").open().await.expect("a handshake");
    let reply = socket.ask(json!({"connect": {}})).await.expect("a reply");
    assert!(reply["connect"]["client"].is_string(), "a connection without a token is accepted: {reply}");
    let lenient = App::over(backup.restored(&["--keep-outside-tokens"]), issuer::shared_with);
    assert_eq!(outcome(&lenient, &signed(&other)).await, "connected");
}

#[tokio::test]
async fn keys_of_the_server_api_are_revoked_by_a_restore_unless_an_option_keeps_them() {
    let app = App::start();
    let key = app.api_key("backend", &["*"]).await;
    let backup = Backup::of(&app);
    app.revoke_api_key("backend").await.expect("the key");
    app.stop();

    let strict = backup.server();
    strict.api_with(&key, "info", &json!({})).await.expect(401);
    let lenient = App::over(backup.restored(&["--keep-api-keys"]), |_| {});
    lenient.api_with(&key, "info", &json!({})).await.expect(200);
}

#[tokio::test]
async fn blocks_and_bans_of_the_backup_hold_after_a_restore_even_if_they_were_lifted_later() {
    let app = App::start();
    let person = app.register().await;
    let subject = Subject::from(person.id);
    app.block(&subject).await;
    app.ban_address("203.0.113.9", Duration::from_secs(3_600)).await;
    let backup = Backup::of(&app);
    app.unblock(&subject).await;
    app.lift_ban("203.0.113.9").await;
    app.stop();

    let restored = backup.server();
    on(&restored, &person).try_password(crate::harness::PASSWORD).await.expect(401);
    assert_eq!(restored.bans().await.len(), 1);
}

#[tokio::test]
async fn numbers_and_positions_that_were_given_after_the_backup_are_not_given_again() {
    let app = App::start();
    let backup = Backup::of(&app);
    let epoch = async |app: &App| -> String {
        app.rows().await.query_one("SELECT epoch FROM channel_epoch", &[]).await.expect("a row").get(0)
    };
    let (lost, before) = (app.register().await, epoch(&app).await);
    app.stop();
    let restored = backup.server();
    assert!(restored.register().await.id.0 > lost.id.0);
    assert_ne!(epoch(&restored).await, before);
}

#[tokio::test]
async fn what_happened_after_the_backup_is_listed_from_the_lost_database() {
    let app = App::start();
    let person = app.register().await;
    app.block(&Subject::new("before")).await;
    let backup = Backup::of(&app);
    app.block(&Subject::new("after")).await;
    app.set_role(person.id, domain::account::role::Role::Operator).await;
    app.stop();
    let lost = owner_url(app.database());
    let restored = empty_database();
    let printed = tool(&restored, &["restore", backup.file(), "--compare-with", &lost]);
    // The verification of the audit log follows the list.
    let listed = printed.lines().skip_while(|line| !line.starts_with("events of the lost"));
    let listed: Vec<_> = listed.take_while(|line| !line.starts_with("the audit log")).collect();
    assert_eq!(listed.len(), 3, "{printed}");
    assert!(listed[1].contains("user.blocked") && listed[1].contains("after"), "{printed}");
    assert!(listed[2].contains("user.role_changed") && listed[2].contains("operator"), "{printed}");
    assert!(["webhooks", "erasures"].iter().all(|word| printed.contains(word)), "{printed}");
}

#[tokio::test]
async fn nothing_is_restored_if_the_lost_database_that_is_to_be_compared_cannot_be_read() {
    let app = App::start();
    let backup = Backup::of(&app);
    let (empty, unreadable) = (empty_database(), empty_database());
    let lost = owner_url(&unreadable);
    let message = refused(&empty, &["restore", backup.file(), "--compare-with", &lost]);
    assert!(message.contains("--compare-with: the lost database cannot be read"), "{message}");
    // The database is still empty, so the backup can be restored.
    tool(&empty, &["restore", backup.file()]);
}

#[tokio::test]
async fn a_restore_warns_if_no_data_key_of_the_settings_opens_rows_of_the_backup() {
    let backup = Backup::of(&App::start());
    let restored = |key: &str| {
        let variables = [("DATA_ENCRYPTION_KEY", key)];
        let output = portcullis_on(&empty_database(), &["restore", backup.file()], &variables);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let warning = "no data key of the settings opens 4 rows of the backup";
    let printed = restored("another-data-encryption-key-of-sufficient-length-0123456789");
    assert!(printed.contains(warning), "{printed}");
    let printed = restored(secrets().data_encryption.current.expose_secret());
    assert!(!printed.contains("data key of the settings opens"), "{printed}");
    assert!(!printed.contains("It was not checked"), "{printed}");
}

/// The error of a server that must not start on this database.
fn refusal_to_start(database: &DatabaseSettings) -> String {
    App::try_over(database.clone(), |_| {}).err().expect("the server must not start")
}

#[tokio::test]
async fn no_server_starts_on_a_database_that_was_restored_by_other_means_until_the_restore_is_finished() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    let backup = Backup::of(&app);
    app.revoke(Target::Session(session.id)).await;
    app.stop();

    let database = empty_database();
    let host = owner_url(&database);
    let program = portcullis::postgres::ClientProgram::find("pg_restore", 15).expect("pg_restore");
    program.run(&["-d".as_ref(), host.as_ref(), backup.path().as_os_str()], Vec::new()).expect("a restore");
    assert!(refusal_to_start(&database).contains("restore --finish"));
    let printed = tool(&database, &["restore", "--finish"]);
    assert!(printed.contains("sessions ended: 1"), "{printed}");
    let restored = App::over(database, |_| {});
    assert!(!session_on(&restored, &session).works().await);
}

#[tokio::test]
async fn a_copy_of_a_database_is_refused_and_keeps_its_sessions_if_nothing_was_lost() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    let name = app.database().config.get_dbname().expect("a name").to_owned();
    let database = app.database().clone();
    app.stop();
    let person = session.person.clone();
    let (access, id) = (session.access.clone(), session.id);
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1";
    let mut admin = database.config.clone();
    let (client, link) = admin.dbname("postgres").connect(tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(link);
    eventually("the server has no connections", async || {
        let close = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        client.execute(close, &[&name]).await.expect("an answer");
        client.query_one(count, &[&name]).await.expect("a number").get::<_, i64>(0) == 0
    })
    .await;
    let copy = cloned_database(&name);
    assert!(refusal_to_start(&copy).contains("restored from a backup, or copied"));
    let printed = tool(&copy, &["restore", "--nothing-lost"]);
    assert!(printed.contains("Nothing was revoked"), "{printed}");
    let moved = App::over(copy, |_| {});
    let session = Session { access, id, app: moved.clone(), person: on(&moved, &person), ..session };
    assert!(session.works().await);
}

/// Restarts the server of the cluster as a standby, and promotes it. So the cluster begins another timeline, as after a
/// recovery from an archive.
async fn begin_another_timeline(cluster: &OwnCluster) {
    std::fs::write(cluster.running.location().join("standby.signal"), "").expect("the signal");
    let pid = i32::try_from(cluster.running.pid()).expect("a process number");
    // SAFETY: a plain system call on numbers. The process is a child of this process that was not reaped.
    #[expect(unsafe_code, reason = "the standard library sends no signal but SIGKILL")]
    unsafe {
        libc::kill(pid, libc::SIGINT);
    }
    eventually("the standby is promoted", async || {
        let Ok((client, link)) = cluster.database().config.connect(tokio_postgres::NoTls).await else {
            return false;
        };
        tokio::spawn(link);
        // An error means that the server has not been restarted, or has been promoted by an earlier call.
        let _ = client.query_one("SELECT pg_promote()", &[]).await;
        let sql = "SELECT NOT pg_is_in_recovery() AND pg_walfile_name(pg_current_wal_lsn()) LIKE '00000002%'";
        client.query_one(sql, &[]).await.is_ok_and(|row| row.get(0))
    })
    .await;
}

#[tokio::test]
async fn a_recovery_from_an_archive_must_be_finished_unless_a_server_has_seen_that_nothing_is_lost() {
    let cluster = OwnCluster::start();
    let app = App::over(cluster.database(), |_| {});
    eventually("the server has looked once", async || app.is_current()).await;
    begin_another_timeline(&cluster).await;
    let noted = "SELECT count(*) FROM database_origin WHERE timeline = 2";
    eventually("the running server notes the timeline", async || app.count(noted).await == 1).await;
    eventually("the running server goes on", async || app.is_current()).await;
    assert!(App::try_over(cluster.database(), |_| {}).is_ok(), "the running server has noted the timeline");
    app.stop();

    // As after a recovery while no server was running.
    let rows = app.rows().await;
    let other = "UPDATE database_origin SET timeline = timeline + 1, written_by = pg_current_xact_id()";
    rows.batch_execute(other).await.expect("another timeline");
    assert!(refusal_to_start(&cluster.database()).contains("recovered from an archive"));
    tool(&cluster.database(), &["restore", "--finish"]);
    assert!(App::try_over(cluster.database(), |_| {}).is_ok());
}

#[tokio::test]
async fn a_running_server_refuses_credentials_when_its_database_is_replaced_by_a_restored_one() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    assert!(session.works().await);
    let rows = app.rows().await;
    // As in a restored dump, the row names another transaction than the one that wrote it.
    let loaded = "UPDATE database_origin SET one = one;
                  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    rows.batch_execute(loaded).await.expect("a restored database");
    eventually("the server is stale", async || !app.is_current()).await;
    session.request(Method::GET, "/health/ready").ask().await.expect(503);
    for _ in 0..20 {
        session.get("/api/v1/profile").await.expect(503);
        let body = json!({"refresh_token": session.refresh});
        app.post("/api/v1/auth/refresh").json(&body).ask().await.expect(503);
    }
}

#[tokio::test]
async fn a_backup_is_restored_into_an_empty_database_only_and_completely_or_not_at_all() {
    let app = App::start();
    app.register().await;
    let backup = Backup::of(&app);
    assert!(
        refused(app.database(), &["restore", backup.file()])
            .contains("the database is not empty: it has public.")
    );
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);

    let empty = empty_database();
    let broken = backup.directory.path().join("broken.dump");
    let bytes = std::fs::read(backup.path()).expect("the backup");
    std::fs::write(&broken, &bytes[..bytes.len() - bytes.len() / 8]).expect("a broken file");
    assert!(refused(&empty, &["restore", broken.to_str().expect("a path")]).contains("pg_restore failed"));
    assert!(refused(&empty, &["restore", "/etc/hostname"]).contains("pg_restore failed"));
    // Nothing is left of the broken backup, so the whole one can be restored.
    tool(&empty, &["restore", backup.file()]);
}

#[tokio::test]
async fn a_backup_replaces_no_file_and_only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let app = App::start();
    let backup = Backup::of(&app);
    let mode = std::fs::metadata(backup.path()).expect("the backup").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(refused(app.database(), &["backup", backup.file()]).contains("exists already"));
    let files = std::fs::read_dir(backup.directory.path()).expect("the directory").count();
    assert_eq!(files, 1, "no partial file is left");
}

/// A directory with programs of these names that note their arguments, and then run the real programs.
fn noting_programs(directory: &Path, names: &[&'static str]) {
    use std::os::unix::fs::PermissionsExt as _;
    for name in names {
        let real =
            Command::new("pg_config").arg("--bindir").output().ok().filter(|output| output.status.success());
        let real = real.map_or_else(
            || "/usr/lib/postgresql/15/bin".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        );
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" >>{0}/arguments\nexec {real}/{name} \"$@\"\n",
            directory.display()
        );
        let path = directory.join(name);
        std::fs::write(&path, script).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    }
}

#[tokio::test]
async fn the_password_of_the_database_is_in_no_command_line() {
    let app = App::start();
    let directory = scratch_dir();
    noting_programs(directory.path(), &["pg_dump"]);
    let url =
        database_url(app.database()).replace("portcullis_server@", "portcullis_server:not-in-an-argument@");
    let file = directory.path().join("backup.dump");
    let programs = directory.path().to_str().expect("a path");
    let output = portcullis(
        &["backup", file.to_str().expect("a path")],
        &[("DATABASE_URL", &url), ("PG_BINDIR", programs)],
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let arguments = std::fs::read_to_string(directory.path().join("arguments")).expect("the arguments");
    assert!(
        arguments.contains("--format=custom") && !arguments.contains("not-in-an-argument"),
        "{arguments}"
    );
}
