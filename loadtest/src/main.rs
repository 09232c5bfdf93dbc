//! `loadtest`: drives a running Portcullis server from outside, measures it, and checks what the server promises.
//!
//! - `prepare`: signs users in for later runs
//! - `revoke`: the time until the sockets of a revoked user are closed, and whether the old credentials are rejected everywhere;
//!   with `--all` also whether answer, receipt, metrics and sockets agree
//! - `cut-off`: how a server catches up after it could not read revocations for a while
//! - `idle`: the cost of an open connection
//! - `fanout`: the cost of a delivery, also while one subscriber does not read
//! - `publish-durable`: the cost of a durable publication, and whether none is lost
//! - `reconnect`: the time until all clients have reconnected and received what they missed
//! - `presence`: the cost of joins, leaves and presence queries
//! - `sign-in`: the cost of many sign-ins at once, for the server and for other clients
//! - `sign-in-rate`: how many sign-ins a server completes, and what each costs
//! - `timing`: whether the time of a rejected sign-in reveals the reason
//! - `hostile`: whether hostile accounts behind one proxy address can keep other clients out
//! - `unauthenticated`: the memory that peers without a credential can make the server hold
//!
//! The scenarios use the server through REST and the realtime protocol. `timing` also runs the `portcullis` command, and
//! `cut-off` runs the command of a flag. The exit status is a failure if a check fails.

mod accounts;
mod connections;
mod emulated;
mod failure;
mod frame;
mod link;
mod messages;
mod metrics;
mod prepared;
mod process;
mod receipt;
mod report;
mod rest;
mod scenario;
mod session;
mod setup;
mod socket;
mod stream;
mod target;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use failure::Failure;

/// Load scenarios for a running Portcullis server.
#[derive(Parser)]
#[command(name = "loadtest", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
    /// Print one JSON object instead of a table: scenario, ok, checks, broken, broken_in_all, notes, figures.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Scenario {
    /// Signs users in and saves their sessions in a file, for scenarios with `--prepared`.
    Prepare(scenario::prepare::Args),
    /// Revokes users one after another, or all at once, and measures the time until their sockets are closed.
    Revoke(scenario::revoke::Args),
    /// Lets a command cut the server off from its database and end sessions, and measures how the server catches up.
    CutOff(scenario::cut_off::Args),
    /// Opens many connections, holds them, and measures what each connection costs the server.
    Idle(scenario::idle::Args),
    /// Publishes to many subscribers of one channel and measures deliveries, also while one subscriber does not read.
    Fanout(scenario::fanout::Args),
    /// Publishes to durable channels and measures acknowledgements; no publication may be lost, doubled or out of order.
    PublishDurable(scenario::publish_durable::Args),
    /// Disconnects many subscribers at once and measures the time until all have reconnected and received what they missed.
    Reconnect(scenario::reconnect::Args),
    /// Lets members join and leave, and measures presence queries.
    Presence(scenario::presence::Args),
    /// Signs many users in at once, and measures memory and the latency on the sockets of other users.
    SignIn(scenario::sign_in::Args),
    /// Signs many users in again and again, and measures the rate and the CPU time of the server and its database.
    SignInRate(scenario::sign_in_rate::Args),
    /// Compares the times of sign-ins that are rejected for different reasons.
    Timing(scenario::timing::Args),
    /// Lets hostile accounts behind one proxy address attack, while owners sign in and an operator works.
    Hostile(scenario::hostile::Args),
    /// Lets connections without a credential send as much as they may, and measures the server's memory.
    Unauthenticated(scenario::unauthenticated::Args),
}

impl Scenario {
    fn name(&self) -> &'static str {
        match self {
            Self::Prepare(_) => "prepare",
            Self::Revoke(_) => "revoke",
            Self::CutOff(_) => "cut-off",
            Self::Idle(_) => "idle",
            Self::Fanout(_) => "fanout",
            Self::PublishDurable(_) => "publish-durable",
            Self::Reconnect(_) => "reconnect",
            Self::Presence(_) => "presence",
            Self::SignIn(_) => "sign-in",
            Self::SignInRate(_) => "sign-in-rate",
            Self::Timing(_) => "timing",
            Self::Hostile(_) => "hostile",
            Self::Unauthenticated(_) => "unauthenticated",
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let name = cli.scenario.name();
    // This fails only if a provider is already installed, which is no problem.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // One thread: the server often runs on this machine too, and needs the other cores.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            match cli.scenario {
                Scenario::Prepare(args) => scenario::prepare::run(args).await,
                Scenario::PublishDurable(args) => scenario::publish_durable::run(args).await,
                Scenario::Reconnect(args) => scenario::reconnect::run(args).await,
                Scenario::Presence(args) => scenario::presence::run(args).await,
                Scenario::Revoke(args) => scenario::revoke::run(args).await,
                Scenario::CutOff(args) => scenario::cut_off::run(args).await,
                Scenario::Idle(args) => scenario::idle::run(args).await,
                Scenario::Fanout(args) => scenario::fanout::run(args).await,
                Scenario::SignIn(args) => scenario::sign_in::run(args).await,
                Scenario::SignInRate(args) => scenario::sign_in_rate::run(args).await,
                Scenario::Timing(args) => scenario::timing::run(args).await,
                Scenario::Hostile(args) => scenario::hostile::run(args).await,
                Scenario::Unauthenticated(args) => scenario::unauthenticated::run(args).await,
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
