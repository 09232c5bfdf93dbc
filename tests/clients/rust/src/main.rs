//! The unmodified `centrifuge-client`, the official Rust SDK, against a running server: over WebSockets and over streams of HTTP
//! responses, in JSON and in Protobuf. Prints one line per scenario and transport. `run.sh` starts it.

mod application;
mod line;
mod scenarios;
mod server;
mod talk;

use std::process::ExitCode;

use talk::{Outcome, Talk, WAYS, Way};

/// Says how a scenario went.
fn scored(name: &str, outcome: Outcome) -> bool {
    match &outcome {
        Ok(()) => println!("ok - {name}"),
        Err(why) => println!("not ok - {name}: {why}"),
    }
    outcome.is_ok()
}

/// Every scenario, one after the other; how many passed and failed.
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
    // Much of it is waiting for tokens to expire. Two ways at once stay below the limit of handshakes from one address.
    for [one, other] in &WAYS {
        let (one, other) = tokio::join!(run(one), run(other));
        passed += one.0 + other.0;
        failed += one.1 + other.1;
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
