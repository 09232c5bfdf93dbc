//! `loadtest`: drives a running Portcullis from outside and measures what it promises.
//!
//! The scenarios: `revoke` (how long until the sockets of a revoked user are closed, and whether every door is shut),
//! `idle` (what an open connection costs), `fanout` (what a delivery costs, also beside one who does not read),
//! `publish-durable` (what a kept publication costs, and that none is lost), `reconnect` (how long until everybody is back
//! with what they missed), `presence` (what coming, going and asking cost), `sign-in` (what many sign-ins at once cost
//! the server and everybody else) and `timing` (whether time tells why a sign-in is refused). `prepare` signs in for a
//! later run. It knows the server only by its REST interface and the realtime protocol, and ends with a failure when a
//! promise is broken.

mod accounts;
mod connections;
mod emulated;
mod frame;
mod link;
mod prepared;
mod process;
mod pushed;
mod report;
mod rest;
mod scenario;
mod setup;
mod socket;
mod stream;
mod target;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Load scenarios for a running Portcullis server.
#[derive(Parser)]
#[command(name = "loadtest", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
    /// Print one JSON object instead of a table: scenario, ok, checks, broken, notes, figures.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Scenario {
    /// Signs users in and keeps their sessions in a file, for scenarios with `--prepared`.
    Prepare(scenario::prepare::Args),
    /// Revokes users one after another, or all at once, and measures until their sockets are closed.
    Revoke(scenario::revoke::Args),
    /// Opens many connections, holds them, and measures what each costs the server.
    Idle(scenario::idle::Args),
    /// Publishes to many subscribers of one channel and measures deliveries, also beside one who does not read.
    Fanout(scenario::fanout::Args),
    /// Publishes to channels that are kept, and measures acknowledgements; no publication may be lost, doubled or out of order.
    PublishDurable(scenario::publish_durable::Args),
    /// Cuts many subscribers at once and measures until all are back with what they missed.
    Reconnect(scenario::reconnect::Args),
    /// Lets members come and go and asks who is there.
    Presence(scenario::presence::Args),
    /// Signs many users in at once, and measures memory and the answers on the sockets of others.
    SignIn(scenario::sign_in::Args),
    /// Compares the times of sign-ins that are refused for different reasons.
    Timing(scenario::timing::Args),
}

impl Scenario {
    fn name(&self) -> &'static str {
        match self {
            Self::Prepare(_) => "prepare",
            Self::Revoke(_) => "revoke",
            Self::Idle(_) => "idle",
            Self::Fanout(_) => "fanout",
            Self::PublishDurable(_) => "publish-durable",
            Self::Reconnect(_) => "reconnect",
            Self::Presence(_) => "presence",
            Self::SignIn(_) => "sign-in",
            Self::Timing(_) => "timing",
        }
    }
}

/// What ended a scenario before it was done.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let name = cli.scenario.name();
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // One thread: the machine under test is often this one, and the server should have the rest of it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            match cli.scenario {
                Scenario::Prepare(args) => scenario::prepare::run(args).await,
                Scenario::PublishDurable(args) => scenario::publish_durable::run(args).await,
                Scenario::Reconnect(args) => scenario::reconnect::run(args).await,
                Scenario::Presence(args) => scenario::presence::run(args).await,
                Scenario::Revoke(args) => scenario::revoke::run(args).await,
                Scenario::Idle(args) => scenario::idle::run(args).await,
                Scenario::Fanout(args) => scenario::fanout::run(args).await,
                Scenario::SignIn(args) => scenario::sign_in::run(args).await,
                Scenario::Timing(args) => scenario::timing::run(args).await,
            }
        })
    });
    match outcome {
        Ok(report) => report.conclude(name, cli.json),
        Err(failure) => {
            eprintln!("loadtest: {failure}");
            ExitCode::FAILURE
        }
    }
}
