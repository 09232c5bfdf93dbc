//! `--watch` and `--follow`.

use std::{
    io::{BufRead as _, BufReader},
    process::Child,
    time::Duration,
};

use domain::account::role::Role;
use serde_json::{Value, json};

use crate::harness::{App, OperatorCli, PATIENCE, eventually};

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
