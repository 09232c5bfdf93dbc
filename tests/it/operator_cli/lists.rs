//! Lists of each noun: as tables, as JSON, page by page.

use std::time::Duration;

use domain::{account::role::Role, tokens::api_key::ApiScopes};
use serde_json::{Value, json};

use crate::harness::{App, OperatorCli, database_url, eventually};

/// The commands of lists that need no argument, and the name of their entries in JSON.
const LISTS: [(&[&str], &str); 14] = [
    (&["user", "list"], "users"),
    (&["session", "list"], "sessions"),
    (&["connection", "list"], "connections"),
    (&["revocation", "list"], "revocations"),
    (&["attempt", "list"], "attempts"),
    (&["attempt", "stuffing"], "accounts"),
    (&["ban", "list"], "bans"),
    (&["key", "list"], "api_keys"),
    (&["issuer", "list"], "issuers"),
    (&["channel", "list"], "channels"),
    (&["audit", "list"], "events"),
    (&["settings"], "settings"),
    (&["webhook", "list"], "webhooks"),
    (&["mail", "list"], "mails"),
];

/// Commands, and what each must show.
fn cases<'a, const N: usize>(cases: [(Vec<&'a str>, &'a str); N]) -> [(Vec<&'a str>, &'a str); N] {
    cases
}

#[tokio::test]
async fn each_list_shows_what_the_server_has() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    let person = app.register().await;
    let session = person.sign_in().await;
    let mut socket = session.connect_by_command().await;
    socket.subscribe("ephemeral:here").await;
    let ended = person.open_session().await;
    app.revoke(service::Target::Session(ended.id)).await;
    app.ban_address("198.51.100.7", Duration::from_secs(600)).await;
    app.create_api_key("a-key-name", ApiScopes::everything(), None).await.expect("a key");
    let cli = OperatorCli::of(&admin);
    let id = person.id.to_string();
    for (command, wanted) in cases([
        (vec!["user", "list"], &person.email),
        (vec!["user", "show", &person.email], &person.email),
        (vec!["user", "list", "--role", "admin"], &admin.email),
        (vec!["session", "list", "--user", &person.email], &session.id.to_string()),
        (vec!["session", "list", "--user", &id, "--ended"], &ended.id.to_string()),
        (vec!["connection", "list", "--user", &format!("email:{}", person.email)], &session.id.to_string()),
        (vec!["connection", "list", "--channel", "ephemeral:here"], "ephemeral:here"),
        (vec!["device", "list", &person.email], session.device.split('.').next().expect("an id")),
        (vec!["revocation", "list"], &ended.id.to_string()),
        (vec!["attempt", "list", "--user", &person.email], "success"),
        (vec!["ban", "list"], "198.51.100.7"),
        (vec!["key", "list"], "a-key-name"),
        (vec!["channel", "list"], "ephemeral:here"),
        (vec!["channel", "subscribers", "ephemeral:here"], &id),
        (vec!["settings"], "SESSION_TIMEOUT_MINUTES"),
    ]) {
        let shown = cli.ok(&command);
        assert!(shown.contains(wanted), "{command:?}: {wanted}: {shown}");
    }
    assert!(!cli.ok(&["session", "list", "--user", &id]).contains(&ended.id.to_string()));
    for (command, plural) in LISTS {
        let document = cli.json(command);
        assert!(
            document[plural].is_array() && document.get("next_cursor").is_some(),
            "{command:?}: {document}"
        );
    }
    assert!(cli.json(&["erasure", "list"])["erasures"].is_array());
    assert!(cli.json(&["statistics", "sign_ins,sessions"])["series"].is_array());
}

#[tokio::test]
async fn connections_are_listed_in_each_order() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    let session = app.register().await.sign_in().await;
    let (_one, _two) = (session.connect_by_command().await, session.connect_by_command().await);
    let cli = OperatorCli::of(&admin);
    let ages = |sort: &str| -> Vec<u64> {
        let document = cli.json(&["connection", "list", "--sort", sort]);
        let entries = document["connections"].as_array().expect("a list");
        entries.iter().map(|entry| entry["queued_bytes"].as_u64().expect("a number")).collect()
    };
    for sort in ["connected", "-connected", "-queued", "-ping"] {
        assert_eq!(ages(sort).len(), 2, "{sort}");
    }
    assert!(ages("-queued").is_sorted_by(|one, two| one >= two));
    cli.fails(2, &["connection", "list", "--sort", "queued"]);
}

#[tokio::test]
async fn json_has_escapes_in_place_of_characters_that_a_terminal_would_obey() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Admin).await);
    let text = "a\u{9b}2J\u{202e}b\u{2066}c\u{7f}\u{85}日";
    app.publish("chat:here", json!(text)).await;
    let shown = cli.ok(&["channel", "history", "chat:here", "--json"]);
    assert!(shown.contains("a\\u009b2J\\u202eb\\u2066c\\u007f\\u0085日"), "{shown}");
    let document: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(document["messages"][0]["data"], json!(text));
}

#[tokio::test]
async fn a_document_is_written_as_it_is_into_a_pipe_and_without_control_characters_on_a_terminal() {
    let app = App::with(|settings| settings.audit_log.sequencing = true);
    let cli = OperatorCli::of(&app.appoint(Role::Auditor).await);
    let sql = "INSERT INTO audit_events (id, at, event, outcome, detail)
        VALUES (gen_random_uuid(), now(), 'session.opened', 'success', '{\"name\": \"a\u{9b}2J\u{202e}b\"}')";
    app.rows().await.batch_execute(sql).await.expect("an event");
    app.sequence().await;
    let export = ["audit", "export", "--readable", "--reason", "a test"];
    let written = cli.ok(&export);
    assert!(written.contains("a\u{9b}2J\u{202e}b"), "{written}");
    let mut terminal = cli.terminal(&export);
    terminal.expect("a\\u009b2J\\u202eb");
    assert_eq!(terminal.end().0, Some(0));
}

#[tokio::test]
async fn a_list_is_read_page_by_page_until_its_limit() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    let person = app.register().await;
    for _ in 0..205 {
        person.open_session().await;
    }
    let cli = OperatorCli::of(&admin);
    let user = person.id.to_string();
    let list = |more: &[&str]| cli.json(&[&["session", "list", "--user", &user][..], more].concat());
    let ids = |document: &Value| -> Vec<String> {
        let entries = document["sessions"].as_array().expect("a list");
        entries.iter().filter_map(|entry| entry["id"].as_str().map(str::to_owned)).collect()
    };
    let all = list(&["--all"]);
    let mut found = ids(&all);
    assert_eq!((found.len(), &all["next_cursor"]), (205, &Value::Null));
    let first = list(&["--limit", "201"]);
    assert_eq!(ids(&first), found[..201]);
    let rest = list(&["--all", "--cursor", first["next_cursor"].as_str().expect("a cursor")]);
    assert_eq!(ids(&rest), found[201..]);
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 205);
    let shown = cli.run(&["session", "list", "--user", &user, "--limit", "3"]);
    assert_eq!(String::from_utf8_lossy(&shown.stdout).lines().count(), 4);
    assert!(String::from_utf8_lossy(&shown.stderr).contains("--all"));
}

#[tokio::test]
async fn statistics_are_a_table_of_their_points() {
    let app = App::start();
    let auditor = app.appoint(Role::Auditor).await;
    let cli = OperatorCli::of(&auditor);
    app.write_statistics().await;
    let shown = cli.ok(&["statistics", "sign_ins,sessions"]);
    let row = shown.lines().find(|line| line.starts_with("sign_ins")).unwrap_or_default();
    assert!(row.contains("success") && row.split_whitespace().any(|cell| cell == "1"), "{shown}");
    assert!(shown.contains("mean"), "{shown}");
}

#[tokio::test]
async fn the_audit_log_is_shown_and_proved() {
    let app = App::with(|settings| settings.audit_log.sequencing = true);
    let auditor = app.appoint(Role::Auditor).await;
    let cli = OperatorCli::of(&auditor);
    eventually("the log has entries", async || {
        app.sequence().await;
        let events = cli.json(&["audit", "list", "--limit", "2"]);
        events["events"].as_array().is_some_and(|events| events.len() == 2)
    })
    .await;
    let tail = cli.ok(&["audit", "tail", "-n", "2"]);
    assert_eq!(tail.lines().count(), 2, "{tail}");
    let opened = cli.ok(&["audit", "list", "--event", "session.opened"]);
    assert!(opened.contains("session.opened") && !opened.contains("user.created"), "{opened}");
    let proof = cli.ok(&["audit", "prove", "0"]);
    assert!(proof.contains("index 0\n") && proof.contains("\nroot "), "{proof}");
    let line = cli.ok(&["audit", "export", "--from", "0"]);
    let entry: Value = serde_json::from_str(line.lines().next().expect("a line")).expect("JSON");
    assert_eq!(entry["index"], json!(0));
    assert!(cli.ok(&["audit", "key"]).contains('+'));
    let said = cli.fails(2, &["audit", "export", "--since", "2026-01-01T00:00:00Z"]);
    assert!(said.contains("--since works only on the database"), "{said}");
}

#[tokio::test]
async fn a_table_in_a_terminal_is_not_wider_than_the_terminal() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    let cli = OperatorCli::of(&admin);
    let (code, shown) = cli.terminal(&["session", "list"]).end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.lines().count() >= 2 && shown.lines().all(|line| line.chars().count() <= 120), "{shown}");
    assert!(cli.ok(&["session", "list"]).lines().any(|line| line.chars().count() > 120));
}

#[tokio::test]
async fn each_side_names_what_only_the_other_has() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Admin).await);
    for (arguments, wanted) in [
        (
            vec!["user", "set-email", "a@example.com", "b@example.com", "--profile", "default"],
            "works only on the database",
        ),
        (
            vec!["user", "create", "a@example.com", "--password-stdin"],
            "--password-stdin works only on the database",
        ),
        (vec!["connection", "list", "--database-url", "postgres://x"], "unexpected argument"),
        (vec!["session", "list", "--profile", "default", "--data-dir", "/nowhere"], "give only one"),
    ] {
        let said = cli.fails(2, &arguments);
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
    let database = |arguments: &[&str]| {
        let output = cli.with_input(arguments, "");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for arguments in [
        &["session", "list", "--data-dir", "/nowhere", "--network", "192.0.2.0/24"][..],
        &["user", "show", "--data-dir", "/nowhere", "7"],
        &["user", "list", "--data-dir", "/nowhere", "--watch"],
    ] {
        let (code, said) = database(arguments);
        assert!(code == Some(2) && said.contains("works only on a server"), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn lists_of_the_database_have_the_names_and_columns_of_those_of_a_server() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    app.ban_address("198.51.100.7", Duration::from_secs(600)).await;
    app.create_api_key("a-key-name", ApiScopes::everything(), None).await.expect("a key");
    let cli = OperatorCli::of(&admin);
    let database = ["--database-url", &database_url(app.database())];
    for (noun, plural) in [("user", "users"), ("session", "sessions"), ("ban", "bans"), ("key", "api_keys")] {
        let list = [noun, "list"];
        let (here, there) = (cli.json(&[list, database].concat()), cli.json(&list));
        let fields = |document: &Value| -> Vec<String> {
            document[plural][0].as_object().expect("an entry").keys().cloned().collect()
        };
        let known = fields(&there);
        assert!(fields(&here).iter().all(|field| known.contains(field)), "{noun}: {here} {there}");
        assert_eq!(here[plural][0]["id"], there[plural][0]["id"], "{noun}");
        let table = cli.ok(&[list, database].concat());
        assert_eq!(table.lines().count(), 2, "{noun}: {table}");
    }
}
