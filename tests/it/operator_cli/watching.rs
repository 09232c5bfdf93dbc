//! `--watch` and `--follow`.

use std::{
    io::{BufRead as _, BufReader},
    process::Child,
    time::Duration,
};

use domain::account::role::Role;
use serde_json::{Value, json};

use store::DatabaseSettings;

use crate::harness::{App, OperatorCli, PATIENCE, eventually, fresh_database, lasting_port};

/// The lines of a command that does not end by itself.
struct Lines {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Lines {
    fn of(mut child: Child) -> Self {
        let (sender, lines) = std::sync::mpsc::channel();
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    fn next(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_watched_list_is_printed_again_when_it_changes() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Auditor).await);
    let lines = Lines::of(cli.start(&["ban", "list", "--watch", "1", "--json"]));
    assert_eq!(lines.next()["bans"], json!([]));
    app.ban_address("198.51.100.7", Duration::from_secs(600)).await;
    // The list did not change in between, so this is the next line.
    let bans = lines.next();
    assert!(
        bans["bans"][0]["network"].as_str().is_some_and(|network| network.starts_with("198.51.100.7")),
        "{bans}"
    );
}

#[tokio::test]
async fn a_change_that_the_table_does_not_show_is_printed_as_json() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Auditor).await);
    app.ban_address("198.51.100.7", Duration::from_secs(600)).await;
    // A table shows times to the second.
    let end_at = async |second: &str| {
        let sql =
            format!("UPDATE bans SET expires_at = date_trunc('second', expires_at) + interval '{second}'");
        app.rows().await.batch_execute(&sql).await.expect("a row");
    };
    end_at("0.25 s").await;
    let lines = Lines::of(cli.start(&["ban", "list", "--watch", "1", "--json"]));
    let before = lines.next();
    end_at("0.75 s").await;
    let after = lines.next();
    let until = |document: &Value| document["bans"][0]["until"].as_str().expect("a time").to_owned();
    let (before, after) = (until(&before), until(&after));
    assert!(before != after && before[..19] == after[..19], "{before} {after}");
}

#[tokio::test]
async fn a_watched_list_in_a_terminal_shows_the_newest_look() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Auditor).await);
    let mut terminal = cli.terminal(&["ban", "list", "--watch", "1"]);
    terminal.expect("network");
    app.ban_address("198.51.100.7", Duration::from_secs(600)).await;
    terminal.expect("198.51.100.7");
}

#[tokio::test]
async fn followed_entries_of_the_audit_log_arrive_one_by_one() {
    let app = App::with(|settings| settings.audit_log.sequencing = true);
    let auditor = app.appoint(Role::Auditor).await;
    let cli = OperatorCli::of(&auditor);
    eventually("the log has the sign-in", async || {
        app.sequence().await;
        let found = cli.json(&["audit", "list", "--event", "session.opened"]);
        found["events"].as_array().is_some_and(|events| !events.is_empty())
    })
    .await;
    let follow = ["audit", "tail", "-n", "1", "--follow", "--event", "session.opened", "--json"];
    let lines = Lines::of(cli.start(&follow));
    assert_eq!(lines.next()["user"], json!(auditor.id));
    let person = app.register().await;
    person.sign_in().await;
    app.sequence().await;
    assert_eq!(lines.next()["user"], json!(person.id));
}

/// A server on this port that moves events into the log.
fn logging_on(database: &DatabaseSettings, port: u16) -> App {
    App::over(database.clone(), |settings| {
        settings.audit_log.sequencing = true;
        settings.listen.http = Some(([127, 0, 0, 1], port).into());
    })
}

#[tokio::test]
async fn following_the_audit_log_goes_on_after_a_restart_of_the_server_without_a_gap_or_a_repetition() {
    let (database, port) = (fresh_database(), lasting_port());
    let app = logging_on(&database, port);
    let cli = OperatorCli::of(&app.appoint(Role::Auditor).await);
    // The filter lets nothing pass before the restart, so no entry says where to go on.
    let follow = ["audit", "tail", "--follow", "--event", "test.event", "--json"];
    let lines = Lines::of(cli.start(&follow));
    eventually("the command follows", async || {
        app.sequence().await;
        app.count("SELECT count(*) FROM audit_log WHERE event = 'audit.followed'").await == 1
    })
    .await;
    let event = |number: u32| {
        format!(
            "INSERT INTO audit_events (id, at, event, outcome, detail)
             VALUES (gen_random_uuid(), now(), 'test.event', 'success', '{{\"number\": {number}}}')"
        )
    };
    let mut app = app;
    for number in 0..6 {
        app.rows().await.batch_execute(&event(number)).await.expect("an event");
        app.sequence().await;
        // Every second event comes while the server is away or has just started.
        if number % 2 == 1 {
            assert_eq!(lines.next()["detail"]["number"], json!(number - 1));
            assert_eq!(lines.next()["detail"]["number"], json!(number));
            app.stop();
            eventually("the server is away", async || app.get("/health").send().await.is_err()).await;
            app.rows().await.batch_execute(&event(100 + number)).await.expect("an event");
            app = logging_on(&database, port);
            app.sequence().await;
            assert_eq!(lines.next()["detail"]["number"], json!(100 + number));
        }
    }
}
