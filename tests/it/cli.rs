//! The command line. Most commands run beside a server, as a second process that shares only the database or the data directory
//! with the server. The others need no server.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_postgres::config::Host;

use crate::harness::{App, Ask, Closed, PASSWORD, Server, eventually, portcullis, portcullis_on};

/// Runs a command of the program on the server's database.
fn run(app: &App, arguments: &[&str]) -> std::process::Output {
    portcullis_on(app.database(), arguments, &[])
}

/// As [`run`], but the command must succeed. Returns its output.
fn tool(app: &App, arguments: &[&str]) -> String {
    let output = run(app, arguments);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    out.into_owned()
}

#[tokio::test]
async fn suspending_an_account_closes_its_sockets_with_4503_within_a_second() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let other = app.register().await.sign_in().await;
    let (mut socket, mut kept) = (session.connect().await, other.connect().await);
    assert!(session.works().await);
    tool(&app, &["user", "set-status", &session.person.email, "suspended"]);
    let began = Instant::now();
    assert_eq!(socket.closed().await, Closed { code: 4503, reason: "account disabled".to_owned() });
    assert!(began.elapsed() < Duration::from_secs(1), "it took {:?}", began.elapsed());
    assert!(!session.works().await && other.works().await && kept.is_undisturbed().await);
    session.person.try_password(PASSWORD).await.expect(401);
    tool(&app, &["user", "set-status", &session.person.email, "active"]);
    session.person.sign_in().await;
}

#[tokio::test]
async fn a_changed_role_closes_sockets_with_3014_and_takes_effect_at_once() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect().await;
    session.get("/api/v1/admin/sessions").await.refused(403, "operator_required");
    tool(&app, &["user", "set-role", &session.person.email, "operator"]);
    assert_eq!(socket.closed().await.code, 3014);
    session.renewed().await.get("/api/v1/admin/sessions").await.expect(200);
}

#[tokio::test]
async fn revoking_a_session_closes_its_socket_and_ends_no_other_session() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let other = session.person.sign_in().await;
    let (mut socket, mut kept) = (session.connect().await, other.connect().await);
    assert!(
        tool(&app, &["session", "list", "--user", &session.person.email]).contains(&session.id.to_string())
    );
    let id = session.id.to_string();
    tool(&app, &["session", "revoke", "--session", &id, "--reason", "a test"]);
    assert_eq!(socket.closed().await, Closed { code: 4500, reason: "session revoked".to_owned() });
    assert!(!session.works().await && other.works().await && kept.is_undisturbed().await);
    assert!(!tool(&app, &["session", "list", "--user", &session.person.email]).contains(&id));
}

#[tokio::test]
async fn a_user_created_on_the_command_line_signs_in_with_the_printed_password() {
    let app = App::start();
    let printed = tool(&app, &["user", "create", "ops@example.com", "--role", "operator"]);
    let password = printed.lines().find_map(|line| line.strip_prefix("password: ")).expect("a password");
    let body = json!({"username": "ops@example.com", "password": password});
    use crate::harness::Ask as _;
    let answer = app.post("/api/v1/auth/jwt/login").json(&body).ask().await.expect(200);
    assert_eq!(answer.body["user"]["role"], "operator");
    let list = tool(&app, &["user", "list"]);
    assert!(list.lines().any(|line| line.contains("ops@example.com") && line.contains("operator")), "{list}");
}

#[tokio::test]
async fn a_second_migration_finds_the_database_up_to_date() {
    let app = App::start();
    assert!(tool(&app, &["migrate"]).contains("up to date"));
}

#[test]
fn a_command_finds_the_running_development_server_by_its_data_directory() {
    let server = Server::start();
    let data = server.data_dir().to_str().expect("a path in UTF-8");
    let output = portcullis(&["user", "list"], &[("DATA_DIR", data)]);
    let list = String::from_utf8_lossy(&output.stdout);
    assert!(list.contains("user@example.com") && list.contains("admin@example.com"), "{list}");
}

#[test]
fn an_unknown_user_status_or_role_is_reported() {
    let server = Server::start();
    let data = server.data_dir().to_str().expect("a path in UTF-8");
    for arguments in [
        ["user", "set-status", "nobody@example.com", "suspended"],
        ["user", "set-status", "user@example.com", "sleeping"],
        ["user", "set-role", "user@example.com", "emperor"],
    ] {
        let output = portcullis(&arguments, &[("DATA_DIR", data)]);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn serve_lists_all_missing_settings_in_one_message() {
    let output = portcullis(&["serve"], &[]);
    assert_eq!(output.status.code(), Some(78));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    for name in ["DATABASE_URL", "JWT_SECRET_KEY", "CSRF_SECRET_KEY", "DATA_ENCRYPTION_KEY", "DOMAIN"] {
        assert!(message.contains(name), "{name}: {message}");
    }
}

#[test]
fn serve_refuses_weak_secrets_and_never_prints_them() {
    let output = portcullis(
        &["serve"],
        &[
            ("DATABASE_URL", "postgresql://app:hunter2@db.example/app?sslmode=require"),
            ("JWT_SECRET_KEY", "tooshort"),
            ("CSRF_SECRET_KEY", "changeme"),
            ("DATA_ENCRYPTION_KEY", "secret"),
            ("DOMAIN", "chat.example.com"),
            ("CORS_ALLOWED_ORIGINS", "http://localhost:3000"),
        ],
    );
    assert_eq!(output.status.code(), Some(78));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("JWT_SECRET_KEY") && message.contains("http://localhost:3000"), "{message}");
    for secret in ["hunter2", "tooshort", "changeme"] {
        assert!(!message.contains(secret), "{message}");
    }
}

#[test]
fn dev_refuses_an_address_other_than_loopback() {
    let output = portcullis(&["dev", "--host", "0.0.0.0", "--port", "0", "--tls-port", "0"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("loopback"));
}

#[test]
fn dev_writes_its_addresses_and_users_into_a_private_file() {
    let server = Server::start();
    let facts = &server.facts;
    assert!(facts["http"].as_str().is_some_and(|url| url.starts_with("http://localhost:")), "{facts}");
    assert!(facts["https"].as_str().is_some_and(|url| url.starts_with("https://localhost:")), "{facts}");
    assert!(facts["database"].is_string());
    let users = facts["users"].as_array().expect("users");
    let user = users.iter().find(|user| user["email"] == "user@example.com").expect("the demonstration user");
    assert_eq!((&user["password"], &user["role"]), (&json!("password"), &json!("user")));
    let admin = users.iter().find(|user| user["role"] == "admin").expect("an admin");
    assert!(admin["password"].as_str().is_some_and(|password| password.len() >= 16));
    use std::os::unix::fs::PermissionsExt as _;
    let file = std::fs::metadata(server.data_dir().join("dev.json")).expect("the file");
    assert_eq!(file.permissions().mode() & 0o077, 0, "the file contains passwords");
}

#[tokio::test]
async fn the_ban_commands_add_list_and_remove_a_ban() {
    let app = App::start();
    tool(&app, &["ban", "add", "::ffff:127.0.0.1", "--minutes", "5", "--reason", "a test"]);
    assert!(tool(&app, &["ban", "list"]).contains("127.0.0.1 "));
    let status = async || app.get("/api/v1/auth/csrf-token").ask().await.status;
    eventually("the ban arrives", async || status().await == 429).await;
    tool(&app, &["ban", "remove", "127.0.0.1"]);
    assert!(!tool(&app, &["ban", "list"]).contains("127.0.0.1 "));
    eventually("the ban is lifted", async || status().await == 200).await;
}

#[test]
fn config_check_reports_every_mistake_in_the_file_of_channels() {
    let directory = crate::harness::scratch_dir();
    let file = directory.path().join("channels.toml");
    std::fs::write(&file, "[namespaces.chat]\nsubscribe = [\"users\"]\nrecovery = \"forced\"\nextra = 1\n")
        .expect("a file");
    let output = portcullis(&["config", "check"], &[("CHANNELS_FILE", file.to_str().expect("a path"))]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    for mistake in
        ["line 2: namespaces.chat.subscribe: `users`", "line 4: namespaces.chat.extra: unknown option"]
    {
        assert!(said.contains(mistake), "{said}");
    }
}

/// The URL of this database, for this user, in the PostgreSQL cluster of the server.
fn url(app: &App, user: &str, database: &str) -> String {
    let config = &app.database().config;
    let Some(Host::Unix(directory)) = config.get_hosts().first() else { panic!("no socket directory") };
    let host = directory.to_str().expect("a path in UTF-8").replace('/', "%2F");
    format!("postgresql://{user}@{host}/{database}")
}

/// The error output of a command, which must fail.
fn failure(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = portcullis(arguments, environment);
    assert!(!output.status.success(), "{arguments:?} must fail");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_command_names_the_cause_when_the_database_cannot_be_used() {
    let app = App::start();
    let refused = failure(&["user", "list"], &[("DATABASE_URL", "postgresql://app:pw@127.0.0.1:1/app")]);
    assert!(refused.contains("connection was refused"), "{refused}");
    let missing = url(&app, "postgres", "no_such_database");
    let missing = failure(&["user", "list"], &[("DATABASE_URL", &missing)]);
    assert!(missing.contains("the database does not exist"), "{missing}");
    let unknown = url(&app, "no_such_user", "postgres");
    let unknown = failure(&["user", "list"], &[("DATABASE_URL", &unknown)]);
    assert!(unknown.contains("the user was rejected"), "{unknown}");
    let empty = url(&app, "postgres", "postgres");
    let empty = failure(&["user", "create", "ops@example.com"], &[("DATABASE_URL", &empty)]);
    assert!(empty.contains("run `portcullis migrate`"), "{empty}");
}

#[test]
fn the_data_directory_is_accepted_before_and_after_a_subcommand() {
    let server = Server::start();
    let data = server.data_dir().to_str().expect("a path in UTF-8");
    for arguments in [["user", "list", "--data-dir", data], ["user", "--data-dir", data, "list"]] {
        let output = portcullis(&arguments, &[]);
        let list = String::from_utf8_lossy(&output.stdout);
        assert!(
            list.contains("user@example.com"),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn config_check_checks_a_file_of_channels_without_other_settings() {
    let directory = crate::harness::scratch_dir();
    let file = directory.path().join("channels.toml");
    let path = file.to_str().expect("a path");
    std::fs::write(&file, "[namespaces.chat]\nsubscribe = [\"user\"]\n").expect("a file");
    let output = portcullis(&["config", "check", "--channels", path], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::write(&file, "[namespaces.chat]\nextra = 1\n").expect("a file");
    let said = failure(&["config", "check", "--channels", path], &[]);
    assert!(said.contains("extra: unknown option") && !said.contains("DOMAIN"), "{said}");
}

#[test]
fn config_check_refuses_a_misspelt_setting_and_suggests_the_right_name() {
    let said = failure(&["config", "check"], &[("LIMIT_LOGIN_ADRESS", "30/60")]);
    assert!(said.contains("did you mean LIMIT_LOGIN_ADDRESS?"), "{said}");
}

/// As [`run`], but the command must fail. Returns its error output.
fn refused_tool(app: &App, arguments: &[&str]) -> String {
    let output = run(app, arguments);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "{arguments:?}: {out}{err}");
    err.into_owned()
}

#[tokio::test]
async fn set_email_replaces_an_address_that_two_accounts_share_and_ends_sessions() {
    let app = App::start();
    let (older, other) = (app.register().await, app.register().await.sign_in().await);
    let sql = format!(
        "DROP INDEX users_email_key; UPDATE users SET email = 'Older@Example.com', account_key = 'older@example.com' WHERE id = {};
         UPDATE users SET email = 'OLDER@example.com', account_key = NULL WHERE id = {}",
        older.id, other.person.id
    );
    app.rows().await.batch_execute(&sql).await.unwrap();
    let mut socket = other.connect().await;
    let (id, mine) = (other.person.id.to_string(), "mine@example.com");
    let refusal = refused_tool(&app, &["user", "set-email", &id, "older@EXAMPLE.com"]);
    assert!(refusal.contains("There is an account with this e-mail address"), "{refusal}");
    assert!(refused_tool(&app, &["user", "set-email", &id, "no address"]).contains("invalid_email"));
    assert!(socket.is_undisturbed().await && other.works().await);
    tool(&app, &["user", "set-email", &id, mine]);
    assert_eq!(socket.closed().await, Closed { code: 4500, reason: "session revoked".to_owned() });
    assert!(!other.works().await);
    let body = json!({"username": mine, "password": PASSWORD});
    let answer = app.post("/api/v1/auth/jwt/login").json(&body).ask().await.expect(200);
    assert_eq!(answer.body["user"]["id"], other.person.id.0);
    let event = format!(
        "SELECT count(*) FROM audit_events WHERE event = 'user.email_changed' AND user_id = {id}
           AND detail ->> 'by' = 'command line' AND detail ->> 'sessions' = '1'"
    );
    assert_eq!(app.count(&event).await, 1);
}

#[tokio::test]
async fn digits_that_name_two_accounts_are_refused_without_a_prefix() {
    let app = App::start();
    // An address has at least three characters, so the ids of the users get more than three digits.
    let numbers = "SELECT setval(pg_get_serial_sequence('users', 'id'), 1000)";
    app.rows().await.batch_execute(numbers).await.unwrap();
    let (numbered, named) = (app.register().await, app.register().await);
    let digits = numbered.id.to_string();
    let sql =
        format!("UPDATE users SET email = '{digits}', account_key = '{digits}' WHERE id = {}", named.id);
    app.rows().await.batch_execute(&sql).await.unwrap();
    let refusal = refused_tool(&app, &["user", "set-status", &digits, "suspended"]);
    assert!(
        refusal.contains(&format!("id:{digits}")) && refusal.contains(&format!("email:{digits}")),
        "{refusal}"
    );
    let suspended = async |id: protocol::id::UserId| {
        app.count(&format!("SELECT count(*) FROM users WHERE id = {id} AND status = 'suspended'")).await == 1
    };
    assert!(!suspended(numbered.id).await && !suspended(named.id).await);
    tool(&app, &["user", "set-status", &format!("email:{digits}"), "suspended"]);
    assert!(!suspended(numbered.id).await && suspended(named.id).await);
    tool(&app, &["user", "set-status", &format!("id:{digits}"), "suspended"]);
    assert!(suspended(numbered.id).await);
    // Digits that name only one account need no prefix.
    tool(&app, &["user", "set-status", &named.id.to_string(), "active"]);
    assert!(!suspended(named.id).await);
}
