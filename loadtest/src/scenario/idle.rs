//! `idle`: what an open connection costs the server while nothing happens on it.

use std::{sync::Arc, time::Duration};

use clap::Args as ClapArgs;

use crate::{
    Failure,
    accounts::AccountArgs,
    connections::{ConnectionArgs, What, spread},
    process::{Process, Usage},
    report::Checks,
    target::TargetArgs,
};

/// Let the server finish what it does after a handshake before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    accounts: AccountArgs,
    #[command(flatten)]
    connections: ConnectionArgs,
    /// Connections in all, spread evenly over the sessions.
    #[arg(long = "connections", default_value_t = 9000)]
    count: usize,
    /// Users; with four sessions each, a session holds fifteen of 9,000 connections and a user sixty.
    #[arg(long, default_value_t = 150)]
    users: usize,
    /// Channels that the connections are spread over; each subscribes to one.
    #[arg(long, default_value_t = 1)]
    channels: usize,
    /// Seconds to hold the connections.
    #[arg(long, default_value_t = 30)]
    hold: u64,
}

pub(crate) async fn run(args: Args) -> Result<Checks, Failure> {
    let target = Arc::new(args.target.resolve().await?);
    let process = target.pid.map(Process::new).transpose()?;
    let usage = || process.as_ref().map(Process::usage).transpose();
    let sessions = args.accounts.sign_in(&target, args.users, 4).await?;
    let plan: Vec<(usize, String)> = spread(sessions.len(), 0, Some(args.count))
        .into_iter()
        .enumerate()
        .map(|(number, session)| {
            (
                session,
                format!("ephemeral:idle-{}", number % args.channels.max(1)),
            )
        })
        .collect();

    tokio::time::sleep(SETTLE).await;
    let before = usage()?;
    let mut connections = args.connections.open(&target, &sessions, &plan).await?;
    let opened = usage()?;
    println!(
        "{} connections in {:.2} s: {:.0} per second",
        connections.len(),
        connections.took.as_secs_f64(),
        connections.len() as f64 / connections.took.as_secs_f64()
    );
    tokio::time::sleep(SETTLE).await;
    let settled = usage()?;
    tokio::time::sleep(Duration::from_secs(args.hold)).await;
    let held = usage()?;
    if let (Some(before), Some(opened), Some(settled), Some(held)) = (before, opened, settled, held) {
        print_cost(connections.len(), args.hold, [before, opened, settled, held]);
    }

    let mut checks = Checks::default();
    checks.check(connections.len() == args.count, || {
        "not every connection was opened".to_owned()
    });
    while let Ok(happening) = connections.happenings.try_recv() {
        checks.check(matches!(happening.what, What::Text(_)), || {
            format!(
                "connection {} saw {} while it was idle",
                happening.connection, happening.what
            )
        });
    }
    Ok(checks)
}

fn print_cost(connections: usize, hold: u64, [before, opened, settled, held]: [Usage; 4]) {
    let each = connections.max(1) as f64;
    println!(
        "server memory: {} KiB before, {} KiB with the connections: {:.2} KiB each",
        before.resident_kib,
        settled.resident_kib,
        (settled.resident_kib as f64 - before.resident_kib as f64) / each
    );
    let connecting = opened.cpu.saturating_sub(before.cpu);
    println!(
        "server CPU: {:.3} ms per connect",
        connecting.as_secs_f64() * 1e3 / each
    );
    if hold > 0 {
        let holding = held.cpu.saturating_sub(settled.cpu).as_secs_f64();
        println!(
            "server CPU while idle: {:.2} % of one core",
            holding * 100.0 / hold as f64
        );
    }
}
