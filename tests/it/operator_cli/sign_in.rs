//! `login`, `logout` and `whoami`, and the tokens between them.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use domain::account::role::Role;
use serde_json::json;

use crate::harness::{App, OperatorCli, PASSWORD};

#[tokio::test]
async fn a_sign_in_with_an_authenticator_app_is_kept_in_private_files() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    let authenticator = admin.enable_totp().await;
    let cli = OperatorCli::new(&app);
    let input = format!("{PASSWORD}\n{}\n", authenticator.code());
    let output = cli.with_input(&["login", "--url", &cli.url(), "--email", &admin.email], &input);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&admin.email) && said.contains("(admin)"), "{said}");
    let who = cli.json(&["whoami"]);
    assert_eq!((&who["user"]["email"], &who["server"]), (&json!(admin.email), &json!(cli.url())));
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    let directory = cli.tokens_file().parent().expect("a directory").to_owned();
    assert_eq!(mode(&directory), 0o700);
    for file in std::fs::read_dir(&directory).expect("the files") {
        let path = file.expect("a file").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn a_backup_code_is_a_second_factor() {
    let app = App::start();
    let person = app.register().await;
    let mut session = person.open_session().await;
    session.enable_totp().await;
    let codes = session.backup_codes().await;
    let cli = OperatorCli::new(&app);
    let input = format!("{PASSWORD}\n{}\n", codes[0]);
    let arguments = ["login", "--url", &cli.url(), "--email", &person.email, "--backup-code"];
    let output = cli.with_input(&arguments, &input);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no role of operators"));
    assert_eq!(cli.json(&["whoami"])["user"]["email"], json!(person.email));
}

#[tokio::test]
async fn a_password_typed_in_a_terminal_is_not_shown() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    let authenticator = admin.enable_totp().await;
    let cli = OperatorCli::new(&app);
    let mut terminal = cli.terminal(&["login", "--url", &cli.url(), "--profile", "default"]);
    terminal.expect("E-mail address at ");
    terminal.enter(&admin.email);
    terminal.expect("Password: ");
    // A wrong key is taken back.
    terminal.enter(&format!("{PASSWORD}x\u{7f}"));
    terminal.expect("Code of the authenticator app: ");
    terminal.enter("000000");
    terminal.expect("Code of the authenticator app: ");
    terminal.enter(&authenticator.code());
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("signed in to") && !shown.contains(PASSWORD), "{shown}");
}

#[tokio::test]
async fn ctrl_c_at_the_question_for_a_password_leaves_the_terminal_as_it_was() {
    let app = App::start();
    let cli = OperatorCli::new(&app);
    let arguments = ["login", "--url", &cli.url(), "--profile", "default", "--email", "ada@example.com"];
    let mut terminal = cli.terminal(&arguments);
    terminal.expect("Password: ");
    terminal.press("\u{3}");
    assert_eq!(terminal.end().0, Some(130));
}

#[tokio::test]
async fn a_logout_ends_the_session_on_the_server_and_removes_the_tokens() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await;
    let cli = OperatorCli::of(&operator);
    let access = cli.token("access");
    let status = async || {
        let request = app.get("/api/v1/profile").bearer_auth(&access);
        crate::harness::Ask::ask(request).await.status
    };
    assert_eq!(status().await, 200);
    assert!(cli.ok(&["logout"]).contains("signed out"));
    assert_eq!(status().await, 401);
    assert!(!cli.tokens_file().exists());
    cli.fails(3, &["whoami"]);
    // The profile remembers the server.
    let output = cli.run_with_input(&["login", "--email", &operator.email], &format!("{PASSWORD}\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_new_login_ends_the_session_that_it_replaces() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await;
    let cli = OperatorCli::of(&operator);
    let former = cli.token("access");
    let output = cli.run_with_input(&["login", "--email", &operator.email], &format!("{PASSWORD}\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let request = app.get("/api/v1/profile").bearer_auth(&former);
    assert_eq!(crate::harness::Ask::ask(request).await.status, 401);
    cli.ok(&["whoami"]);
}

#[tokio::test]
async fn refusals_and_unreachable_servers_have_their_exit_codes() {
    let app = App::start();
    let person = app.register().await;
    let cli = OperatorCli::new(&app);
    let login = |url: &str, password: &str| {
        let output =
            cli.with_input(&["login", "--url", url, "--email", &person.email], &format!("{password}\n"));
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = login(&cli.url(), "a-wrong-password-17");
    assert!(code == Some(3) && said.contains("invalid_credentials"), "{said}");
    let (code, said) = login("http://chat.example.com", PASSWORD);
    assert!(code == Some(2) && said.contains("--insecure-http"), "{said}");
    let (code, said) = login("nonsense", PASSWORD);
    assert_eq!(code, Some(2), "{said}");
    // The port of a listener that is closed again.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a listener")
        .local_addr()
        .expect("an address")
        .port();
    let (code, said) = login(&format!("http://127.0.0.1:{port}"), PASSWORD);
    assert!(code == Some(4) && said.contains("cannot be reached"), "{said}");
    cli.fails(3, &["user", "list"]);
    cli.fails(3, &["whoami"]);
    cli.fails(2, &["user", "nonsense"]);
}

#[tokio::test]
async fn a_user_without_a_role_is_refused_with_the_sentence_of_the_server() {
    let app = App::start();
    let cli = OperatorCli::of(&app.register().await);
    let said = cli.fails(1, &["user", "list"]);
    assert!(said.contains("operator_required"), "{said}");
}

#[tokio::test]
async fn tokens_that_others_may_read_are_refused() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Auditor).await);
    cli.ok(&["user", "list"]);
    std::fs::set_permissions(cli.tokens_file(), std::fs::Permissions::from_mode(0o644)).expect("permissions");
    let said = cli.fails(1, &["user", "list"]);
    assert!(said.contains("chmod 600"), "{said}");
}

#[tokio::test]
async fn tokens_are_not_sent_to_another_server_than_the_one_that_has_given_them() {
    let (app, other) = (App::start(), App::start());
    let cli = OperatorCli::of(&app.appoint(Role::Operator).await);
    cli.move_profile(&other.url(""));
    let said = cli.fails(3, &["user", "list"]);
    assert!(said.contains(&cli.url()) && said.contains(&other.url("")), "{said}");
    cli.move_profile(&cli.url());
    cli.ok(&["user", "list"]);
}

#[tokio::test]
async fn a_profile_that_is_moved_while_a_command_runs_gives_it_no_tokens_of_the_other_server() {
    let (app, other) = (App::start(), App::start());
    let cli = OperatorCli::of(&app.appoint(Role::Operator).await);
    let mut terminal = cli.terminal(&["top", "--every", "1"]);
    terminal.expect("sign-ins");
    cli.move_profile(&other.url(""));
    cli.change_tokens("server", &other.url(""));
    cli.change_tokens("access", "an-access-token-of-the-other-server");
    cli.change_tokens("refresh", "a-refresh-token-of-the-other-server");
    // The token of the command is no longer good, so it looks for another one.
    app.advance(Duration::from_secs(3_600));
    let (code, shown) = terminal.end();
    assert!(code == Some(3) && shown.contains("are not sent to"), "{shown}");
}

#[tokio::test]
async fn a_logout_with_a_damaged_file_removes_it_and_says_that_the_session_lives_on() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await;
    let cli = OperatorCli::of(&operator);
    let access = cli.token("access");
    std::fs::write(cli.tokens_file(), "{\"access\": 17").expect("the file is written");
    let said = cli.fails(1, &["logout"]);
    for wanted in ["no session was ended", &cli.url(), "is damaged", "removed", "session revoke --user"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(!cli.tokens_file().exists());
    let request = app.get("/api/v1/profile").bearer_auth(&access);
    assert_eq!(crate::harness::Ask::ask(request).await.status, 200, "the session lives on");
    // The way that the message names ends it.
    let output = cli.run_with_input(&["login", "--email", &operator.email], &format!("{PASSWORD}\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    cli.ok(&["session", "revoke", "--user", &operator.email, "--reason", "a lost sign-in", "--yes"]);
    let request = app.get("/api/v1/profile").bearer_auth(&access);
    assert_eq!(crate::harness::Ask::ask(request).await.status, 401);
}

#[tokio::test]
async fn a_logout_removes_a_file_that_others_may_read() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Auditor).await);
    std::fs::set_permissions(cli.tokens_file(), std::fs::Permissions::from_mode(0o644)).expect("permissions");
    let said = cli.fails(1, &["logout"]);
    assert!(said.contains("no session was ended") && !cli.tokens_file().exists(), "{said}");
}

#[tokio::test]
async fn commands_at_once_with_an_expired_token_renew_it_once() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await;
    let cli = OperatorCli::of(&operator);
    let before = cli.token("refresh");
    cli.change_tokens("expires_at", "2026-01-01T00:00:00Z");
    let commands: Vec<_> = (0..4).map(|_| cli.start(&["whoami"])).collect();
    for command in commands {
        let output = command.wait_with_output().expect("the command ends");
        assert_eq!(output.status.code(), Some(0));
    }
    assert_ne!(cli.token("refresh"), before);
    cli.ok(&["user", "list"]);
    app.write_statistics().await;
    let sum = |label: &str| {
        format!(
            "SELECT coalesce(sum(value), 0)::bigint FROM statistics WHERE series = 'refreshes' AND label = '{label}' AND step = 60"
        )
    };
    assert_eq!((app.count(&sum("rotated")).await, app.count(&sum("reused")).await), (1, 0));
}

#[tokio::test]
async fn a_token_that_the_server_refuses_is_renewed() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Operator).await);
    cli.change_tokens("access", "a-token-of-another-server");
    cli.ok(&["user", "list"]);
    assert_ne!(cli.token("access"), "a-token-of-another-server");
}

#[tokio::test]
async fn a_session_that_was_revoked_needs_a_new_sign_in() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await;
    let cli = OperatorCli::of(&operator);
    app.revoke(service::Target::User(operator.id)).await;
    let said = cli.fails(3, &["user", "list"]);
    assert!(said.contains("sign in again"), "{said}");
}

#[tokio::test]
async fn a_change_asks_for_a_proof_of_presence_in_a_terminal() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    let person = app.register().await;
    let cli = OperatorCli::of(&admin);
    app.advance(Duration::from_secs(11 * 60));
    let change = ["user", "set-role", &person.email, "auditor", "--reason", "a test", "--yes"];
    let said = cli.fails(3, &change);
    assert!(said.contains("--step-up-stdin"), "{said}");
    let mut terminal = cli.terminal(&change);
    terminal.expect("needs a proof that it is you");
    terminal.expect("Password: ");
    terminal.enter("a-wrong-password-17");
    terminal.expect("Password: ");
    terminal.enter(PASSWORD);
    terminal.expect("is now auditor");
    let (code, shown) = terminal.end();
    assert!(code == Some(0) && !shown.contains(PASSWORD), "{shown}");
    // The proof counts for further commands.
    cli.ok(&["user", "set-status", &person.email, "suspended", "--reason", "a test", "--yes"]);
}

#[tokio::test]
async fn a_script_gives_the_proof_of_presence_on_standard_input() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    let authenticator = admin.enable_totp().await;
    let cli = OperatorCli::new(&app);
    let input = format!("{PASSWORD}\n{}\n", authenticator.code());
    let output = cli.with_input(&["login", "--url", &cli.url(), "--email", &admin.email], &input);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    app.advance(Duration::from_secs(11 * 60));
    app.begin_a_step();
    let change = ["ban", "add", "192.0.2.7", "--reason", "a test", "--step-up-stdin"];
    let output = cli.run_with_input(&change, "000000\n");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(3) && said.contains("was refused"), "{said}");
    let output = cli.run_with_input(&change, &format!("{}\n", authenticator.code()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(cli.ok(&["ban", "list"]).contains("192.0.2.7"));
}
