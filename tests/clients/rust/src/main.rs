//! Runs the unmodified `centrifuge-client`, the official Rust SDK, against a running server: over WebSockets and over HTTP
//! streaming, in JSON and in Protobuf. Prints one line per scenario and transport. `run.sh` starts it.

mod application;
mod line;
mod scenarios;
mod server;
mod talk;

use std::process::ExitCode;

use talk::{Outcome, Talk, WAYS, Way};

/// Prints the result of a scenario. Returns whether the scenario passed.
fn scored(name: &str, outcome: Outcome) -> bool {
    match &outcome {
        Ok(()) => println!("ok - {name}"),
        Err(why) => println!("not ok - {name}: {why}"),
    }
    outcome.is_ok()
}

/// Runs every scenario, one after the other. Returns how many passed and how many failed.
async fn run(way: &'static Way) -> (usize, usize) {
    let (mut passed, mut failed) = (0, 0);
    for (name, scenario) in scenarios::all() {
        let mut talk = Talk::new(way);
        let outcome = scenario(&mut talk).await;
        talk.end().await;
        match scored(&format!("{}: {name}", way.name), outcome) {
            true => passed += 1,
            false => failed += 1,
        }
    }
    (passed, failed)
}

#[tokio::main]
async fn main() -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    // Most of the time the scenarios wait for tokens to expire, so two transports run at once. With more transports at once,
    // the clients would exceed the limit of handshakes from one address.
    for [one, other] in &WAYS {
        let (one, other) = tokio::join!(run(one), run(other));
        passed += one.0 + other.0;
        failed += one.1 + other.1;
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
