//! `top`: the live view, and the look without a terminal.

use std::time::Duration;

use domain::account::role::Role;
use serde_json::{Value, json};

use crate::harness::{App, OperatorCli, eventually};

#[tokio::test]
async fn the_figures_of_a_node_count_its_sockets_and_deliveries() {
    let app = App::start();
    let auditor = app.appoint(Role::Auditor).await.sign_in().await;
    let person = app.register().await.open_session().await;
    let figures = async || auditor.get("/api/v1/admin/node").await.expect(200).body;
    let before = figures().await;
    assert_eq!(before["connections"], json!({"http_stream": 0, "sse": 0, "websocket": 0}));
    let mut socket = person.connect_by_command().await;
    socket.subscribe("ephemeral:here").await;
    app.publish("ephemeral:here", json!(1)).await;
    assert_eq!(socket.pushed().await["pub"]["data"], json!(1));
    let after = figures().await;
    assert_eq!(after["connections"], json!({"http_stream": 0, "sse": 0, "websocket": 1}));
    let more = |name: &str| after[name].as_u64().unwrap() - before[name].as_u64().unwrap();
    assert_eq!(
        (more("deliveries"), more("publications"), more("users"), more("subscriptions")),
        (1, 1, 1, 1)
    );
    assert_eq!(after["id"], before["id"]);
    drop(socket);
    eventually("the socket is not counted", async || figures().await["connections"]["websocket"] == 0).await;
}

#[tokio::test]
async fn without_a_terminal_top_prints_one_look() {
    let app = App::start();
    let auditor = app.appoint(Role::Auditor).await;
    let cli = OperatorCli::of(&auditor);
    app.write_statistics().await;
    let shown = cli.ok(&["top"]);
    let node: Value = cli.json(&["node"]);
    let id = &node["id"].as_str().expect("an id")[..8];
    for wanted in [id, "websocket", "sign-ins", "success", "revocations", "sessions 1"] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

#[tokio::test]
async fn top_shows_new_sockets_and_leaves_the_terminal_as_it_was() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Operator).await);
    for (end, code) in [("q", 0), ("\u{3}", 0)] {
        let mut terminal = cli.terminal(&["top", "--every", "1"]);
        terminal.expect("\u{1b}[?1049h");
        terminal.expect("websocket");
        assert!(!terminal.is_ordinary(), "what is typed is not shown");
        terminal.press("x");
        // A second look.
        terminal.expect("\u{1b}[H");
        terminal.expect("sign-ins");
        terminal.press(end);
        let (ended, shown) = terminal.end();
        assert_eq!(ended, Some(code), "{shown}");
        assert!(shown.trim_end().ends_with("\u{1b}[?25h\u{1b}[?1049l"), "{shown:?}");
    }
}

#[tokio::test]
async fn top_can_be_ended_while_another_command_holds_the_lock_of_the_profile() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Operator).await);
    let mut terminal = cli.terminal(&["top", "--every", "1"]);
    terminal.expect("sign-ins");
    let (lock, path) = cli.hold_lock();
    // The token is no longer good, so the next look must renew it.
    app.advance(Duration::from_secs(3_600));
    eventually("the view waits for the lock", async || terminal.has_open(&path)).await;
    terminal.press("q");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    drop(lock);
}

#[tokio::test]
async fn top_ends_with_a_clear_error_when_its_session_ends() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await;
    let cli = OperatorCli::of(&operator);
    let mut terminal = cli.terminal(&["top", "--every", "1"]);
    terminal.expect("sign-ins");
    app.revoke(service::Target::User(operator.id)).await;
    let (code, shown) = terminal.end();
    assert!(code == Some(3) && shown.contains("sign in again"), "{shown}");
    assert!(shown.contains("\u{1b}[?1049l"), "{shown:?}");
}
