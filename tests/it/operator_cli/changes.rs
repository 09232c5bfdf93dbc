//! Commands that change something: confirmations, reasons, secrets that are shown once.

use domain::account::role::Role;
use serde_json::{Value, json};

use crate::harness::{App, Ask as _, Closed, OperatorCli};

#[tokio::test]
async fn a_revocation_closes_the_socket_of_the_user() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await;
    let session = app.register().await.sign_in().await;
    let other = app.register().await.sign_in().await;
    let (mut socket, mut kept) = (session.connect().await, other.connect().await);
    let cli = OperatorCli::of(&operator);
    let said = cli.ok(&["session", "revoke", "--user", &session.person.email, "--reason", "a test", "--yes"]);
    assert!(said.contains("sessions ended: 1") && said.contains("sockets closed: 1"), "{said}");
    assert_eq!(socket.closed().await, Closed { code: 4500, reason: "session revoked".to_owned() });
    assert!(!session.works().await && other.works().await && kept.is_undisturbed().await);
    let id = said.split(['n', ':']).find_map(|part| part.trim().parse::<i64>().ok()).expect("a number");
    let shown = cli.ok(&["revocation", "show", &id.to_string()]);
    assert!(shown.contains("a test"), "{shown}");
}

#[tokio::test]
async fn a_revocation_of_several_users_is_one_revocation() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    let (one, two) = (app.register().await.open_session().await, app.register().await.open_session().await);
    let cli = OperatorCli::of(&admin);
    let users = format!("{},{}", one.person.email, two.person.id);
    let made = cli.json(&[
        "revocation",
        "make",
        "--users",
        &users,
        "--lock-password",
        "--reason",
        "a wave",
        "--yes",
    ]);
    assert_eq!(made["sessions"], json!(2), "{made}");
    assert!(!one.works().await && !two.works().await);
    cli.fails(1, &["revocation", "make", "--reason", "no target", "--yes"]);
}

#[tokio::test]
async fn a_destructive_command_asks_and_without_a_terminal_needs_a_flag() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    let session = app.register().await.open_session().await;
    let cli = OperatorCli::of(&admin);
    let number = session.person.id.to_string();
    let revoke = ["session", "revoke", "--user", &number, "--reason", "a test"];
    let said = cli.fails(2, &revoke);
    assert!(said.contains("--yes") && said.contains(&format!("--user {number}")), "{said}");
    let mut terminal = cli.terminal(&revoke);
    terminal.expect("[y/N]");
    terminal.enter("n");
    assert_eq!(terminal.end().0, Some(1));
    assert!(session.works().await);
    let mut terminal = cli.terminal(&revoke[..4]);
    terminal.expect("[y/N]");
    terminal.enter("y");
    terminal.expect("Reason, for the audit log: ");
    terminal.enter("a reason that was typed");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!session.works().await);
    assert!(cli.ok(&["revocation", "list", "--user", &number]).contains("a reason that was typed"));
}

#[tokio::test]
async fn a_change_without_a_reason_is_refused_before_anything_is_sent() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Admin).await);
    let said = cli.fails(2, &["ban", "add", "192.0.2.1"]);
    assert!(said.contains("--reason"), "{said}");
    assert_eq!(cli.json(&["ban", "list"])["bans"], json!([]));
}

#[tokio::test]
async fn a_created_user_signs_in_with_the_printed_password() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Admin).await);
    let said = cli.ok(&["user", "create", "new@example.com", "--role", "operator", "--reason", "a test"]);
    let password = said.lines().find_map(|line| line.strip_prefix("password: ")).expect("a password");
    let body = json!({"username": "new@example.com", "password": password});
    let answer = app.post("/api/v1/auth/jwt/login").json(&body).ask().await.expect(200);
    assert_eq!(answer.body["user"]["role"], "operator");
    let said = cli.fails(1, &["user", "create", "new@example.com", "--reason", "a test"]);
    assert!(said.contains("email_taken"), "{said}");
    let said = cli.ok(&["user", "set-role", "NEW@example.com", "auditor", "--reason", "a test", "--yes"]);
    assert!(said.contains("(new@example.com) is now auditor"), "{said}");
    let said = cli.ok(&["user", "reset-password", "new@example.com", "--reason", "a test", "--yes"]);
    let password = said.lines().find_map(|line| line.strip_prefix("password: ")).expect("a password");
    let body = json!({"username": "new@example.com", "password": password});
    app.post("/api/v1/auth/jwt/login").json(&body).ask().await.expect(200);
}

#[tokio::test]
async fn a_created_key_is_the_only_line_of_standard_output_and_can_be_revoked_by_its_name() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Admin).await);
    let key =
        cli.ok(&["key", "create", "bridge", "--scope", "channels", "--days", "7", "--reason", "a test"]);
    assert_eq!(key.lines().count(), 1, "{key}");
    let info =
        async || app.post("/api/info").header("x-api-key", key.trim()).json(&json!({})).ask().await.status;
    assert_eq!(info().await, 200);
    assert!(cli.ok(&["key", "list"]).contains("bridge"));
    cli.ok(&["key", "revoke", "bridge", "--reason", "a test", "--yes"]);
    assert_eq!(info().await, 401);
    let said = cli.fails(1, &["key", "revoke", "another", "--reason", "a test", "--yes"]);
    assert!(said.contains("no entry with the name `another`"), "{said}");
}

#[tokio::test]
async fn an_export_is_written_into_a_private_file_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let app = App::start();
    let person = app.register().await;
    let cli = OperatorCli::of(&app.appoint(Role::Admin).await);
    let file = cli.tokens_file().with_file_name("export");
    let path = file.to_str().expect("a path in UTF-8");
    let export = ["user", "export", &person.email, "--output", path, "--reason", "a request"];
    cli.ok(&export);
    let document: Value = serde_json::from_slice(&std::fs::read(&file).expect("the file")).expect("JSON");
    assert!(document.to_string().contains(&person.email));
    assert_eq!(std::fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
    cli.fails(1, &export);
    std::fs::remove_file(&file).expect("the file");
    let said = cli.fails(1, &["user", "export", "999999", "--output", path, "--reason", "a request"]);
    assert!(!file.exists(), "{said}");
}

#[tokio::test]
async fn an_erasure_is_requested_and_cancelled() {
    let app = App::start();
    let person = app.register().await;
    let cli = OperatorCli::of(&app.appoint(Role::Admin).await);
    let said = cli.ok(&["user", "erase", &person.email, "--reason", "a request", "--yes"]);
    assert!(said.contains("will be erased after"), "{said}");
    assert!(cli.ok(&["erasure", "list", "--state", "pending"]).contains("a request"));
    cli.ok(&["user", "cancel-erasure", &person.email, "--reason", "a mistake"]);
    assert_eq!(cli.json(&["erasure", "list", "--state", "pending"])["erasures"], json!([]));
}

#[tokio::test]
async fn a_ban_of_a_network_is_made_and_lifted() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Operator).await);
    let said = cli.ok(&["ban", "add", "203.0.113.0/24", "--minutes", "5", "--reason", "a test"]);
    assert!(said.contains("203.0.113.0/24 is banned until"), "{said}");
    assert!(cli.ok(&["ban", "list", "--address", "203.0.113.9"]).contains("203.0.113.0/24"));
    cli.ok(&["ban", "remove", "203.0.113.0/24", "--reason", "a test"]);
    assert_eq!(cli.json(&["ban", "list"])["bans"], json!([]));
}

#[tokio::test]
async fn a_message_of_a_channel_is_removed() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Admin).await);
    app.publish("chat:here", json!("a\u{1b}[2Jmessage")).await;
    let shown = cli.ok(&["channel", "history", "chat:here"]);
    assert!(shown.contains("message") && !shown.contains('\u{1b}'), "{shown}");
    let said = cli.ok(&["channel", "remove-message", "chat:here", "1", "--reason", "a test", "--yes"]);
    assert!(said.contains("messages removed: 1"), "{said}");
    assert_eq!(cli.json(&["channel", "history", "chat:here"])["messages"][0]["data"], Value::Null);
}
