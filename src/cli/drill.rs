//! `portcullis drill`: asks every running server of the database for a drill, and shows what the drills have shown.
//!
//! The request is a row of the database, so the command needs no credential of a user. Each server answers it with a drill of its own
//! doors, as it does by schedule with `DRILL=on`; the command itself opens no door. On a running server, `remote` asks this server
//! alone, and shows its answer with [`Answers`], too.

use std::time::Duration;

use clap::Args;
use domain::drill::{DrillOutcome, DrillReport, DrilledDoor};
use serde_json::json;
use service::Clock;
use store::{RequestedDrill, Store};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    error::CliError,
    harmless::{harmless, harmless_json},
    tool::{self, DatabaseArgs},
};
use crate::config::Variables;

/// How often the command looks for answers.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long the command waits at least, so that every server has seen the request. Servers look for requests every second.
const AT_LEAST: Duration = Duration::from_secs(3);

/// Drills the revocations of every running server: an account of the server signs in, holds a WebSocket and both streams open, and is
/// revoked; the output says when each door was shut. The exit code is 0 if every server has answered, and every door was shut in
/// time. With `--url` or `--profile`, only the server that answers is drilled.
#[derive(Debug, Args)]
pub(super) struct Drill {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// How many seconds to wait for the servers.
    #[arg(long, value_name = "SECONDS", default_value_t = 25, value_parser = clap::value_parser!(u64).range(4..=300))]
    wait: u64,
}

/// What the servers have answered.
pub(super) struct Answers {
    reports: Vec<DrillReport>,
    /// Servers that run, as far as the database knows, and have not answered.
    missing: Vec<Uuid>,
}

impl Drill {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        let Self { database, json, wait } = self;
        tool::with_store(&database, variables, async |store| {
            if !store.schema_is_current().await? {
                return Err(CliError::NotMigrated);
            }
            let answers = ask(&store, Duration::from_secs(wait)).await?;
            answers.print(json);
            answers.verdict()
        })
    }
}

/// Asks for drills, and waits for the answers.
async fn ask(store: &Store, patience: Duration) -> Result<Answers, CliError> {
    let known = store.active_nodes(Clock::default().now()).await?;
    let (request, began) = (Uuid::new_v4(), Instant::now());
    store.request_drills(request).await?;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let found = store.requested_drills(request).await?;
        let answered = |node: &Uuid| found.iter().any(|drill| drill.node == *node && drill.report.is_some());
        let complete = !found.is_empty() && found.iter().all(|drill| drill.report.is_some());
        let missing: Vec<Uuid> = known.iter().copied().filter(|node| !answered(node)).collect();
        let done = complete && missing.is_empty() && began.elapsed() >= AT_LEAST;
        if done || began.elapsed() >= patience {
            return Ok(Answers::of(found, missing));
        }
    }
}

impl Answers {
    /// The answer of one server, which was asked alone.
    pub(super) fn of_server(report: DrillReport) -> Self {
        Self { reports: vec![report], missing: Vec::new() }
    }

    /// Prints the answers as JSON or as a table.
    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            print_json(self);
        } else {
            print_table(self);
        }
    }

    fn of(found: Vec<RequestedDrill>, mut missing: Vec<Uuid>) -> Self {
        let unfinished = found.iter().filter(|drill| drill.report.is_none()).map(|drill| drill.node);
        missing.extend(unfinished);
        missing.sort_unstable();
        missing.dedup();
        Self { reports: found.into_iter().filter_map(|drill| drill.report).collect(), missing }
    }

    /// # Errors
    /// A server has not answered, or a drill did not pass.
    pub(super) fn verdict(&self) -> Result<(), CliError> {
        if self.reports.is_empty() {
            return Err(CliError::Failure("no server has answered".to_owned()));
        }
        let failed = self.reports.iter().filter(|report| report.outcome != DrillOutcome::Passed).count();
        if failed > 0 || !self.missing.is_empty() {
            let missing = self.missing.len();
            return Err(CliError::Failure(format!(
                "{failed} drills did not pass, {missing} servers did not answer"
            )));
        }
        Ok(())
    }
}

fn print_json(answers: &Answers) {
    let answers = json!({"drills": answers.reports, "missing": answers.missing});
    println!("{}", harmless_json(&answers.to_string()));
}

fn print_table(answers: &Answers) {
    println!(
        "{:36}  {:11}  {:10}  {:>12}  {:>9}  verdict",
        "node", "door", "revoked by", "shut after", "bound"
    );
    for report in &answers.reports {
        for door in &report.doors {
            println!("{}  {}", report.node, row(door));
        }
        if let Some(note) = &report.note {
            println!("{}  {}: {}", report.node, report.outcome.as_str(), harmless(note));
        }
    }
    for node in &answers.missing {
        println!("{node}  no answer");
    }
}

fn row(door: &DrilledDoor) -> String {
    let after = door.after_ms.map_or_else(|| "-".to_owned(), |after| format!("{after:.1} ms"));
    let bound = format!("{} ms", door.bound_ms);
    let by = door.revoked_by.as_str().replace('_', " ");
    let verdict = door.verdict.as_str().replace('_', " ");
    let note = door.note.as_ref().map_or_else(String::new, |note| format!(" ({})", harmless(note)));
    format!("{:11}  {by:10}  {after:>12}  {bound:>9}  {verdict}{note}", door.door.as_str())
}

#[cfg(test)]
mod tests {
    use domain::drill::{Door, RevokedBy, Seen};

    use super::*;

    fn report(seen: Seen) -> DrillReport {
        let doors = vec![DrilledDoor::judge(Door::Websocket, RevokedBy::ThisNode, seen)];
        let outcome = DrillOutcome::of(&doors);
        DrillReport { doors, drill: Uuid::nil(), note: None, node: Uuid::nil(), outcome }
    }

    #[test]
    fn only_complete_answers_without_a_late_door_pass() {
        let in_time = || report(Seen::Shut(Duration::from_millis(3)));
        let passed = |reports, missing| Answers { reports, missing }.verdict().is_ok();
        assert!(passed(vec![in_time()], vec![]));
        assert!(!passed(vec![], vec![]));
        assert!(!passed(vec![in_time()], vec![Uuid::nil()]));
        assert!(!passed(vec![in_time(), report(Seen::Open)], vec![]));
        assert!(!passed(vec![report(Seen::Shut(Duration::from_millis(80)))], vec![]));
    }

    #[test]
    fn a_row_has_the_time_and_the_verdict() {
        let doors = report(Seen::Shut(Duration::from_micros(3_250))).doors;
        assert_eq!(row(&doors[0]), "websocket    this node         3.2 ms      50 ms  in time");
        let doors = report(Seen::Unclear("HTTP 429".to_owned())).doors;
        assert!(row(&doors[0]).ends_with("unclear (HTTP 429)"));
    }
}
