//! `idle`: the cost of an open connection while nothing happens on it.
//!
//! The figures for memory are correct only with prepared sessions, and only if the server was restarted after these sessions
//! had signed in. After the server has hashed passwords, its allocator keeps tens of MiB, and connections would use that memory
//! first.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args as ClapArgs;

use crate::{
    connections::{Connections, EventKind, spread},
    failure::Failure,
    link::Transport,
    prepared,
    process::{Memory, Process},
    report::Report,
    setup::SetupArgs,
    target::Target,
};

/// Time for the server to finish its work after the handshakes, before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// The total number of connections, spread evenly over the sessions.
    #[arg(long = "connections", default_value_t = 9000)]
    count: usize,
    /// The number of users. With four sessions for each of 150 users, a session has 15 of 9,000 connections, and a user has 60.
    #[arg(long, default_value_t = 150)]
    users: usize,
    /// The transport of the connections.
    #[arg(long, value_enum, default_value_t = Transport::Websocket)]
    transport: Transport,
    /// The number of channels. Each connection subscribes to one of them.
    #[arg(long, default_value_t = 1)]
    channels: usize,
    /// Seconds to hold the connections.
    #[arg(long, default_value_t = 30)]
    hold: u64,
    /// Fail if a connection adds more than this many KiB of resident memory.
    #[arg(long, requires = "prepared")]
    at_most: Option<f64>,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let target = Arc::new(args.setup.target.resolve().await?);
    let process = target.pid.map(Process::new).transpose()?;
    if let Some(process) = process.as_ref().filter(|_| args.setup.accounts.prepared()) {
        check_restarted(&target, process)?;
    }
    let sessions = args.setup.accounts.sessions(&target, args.users, 4).await?;
    let plan: Vec<(usize, String)> = spread(sessions.len(), 0, Some(args.count))
        .into_iter()
        .enumerate()
        .map(|(number, session)| (session, format!("ephemeral:idle-{}", number % args.channels.max(1))))
        .collect();

    tokio::time::sleep(SETTLE).await;
    let sample = || process.as_ref().map(Sample::take).transpose();
    let before = sample()?;
    let connections = args.setup.connections.open_over(args.transport, &target, &sessions, &plan).await?;
    let opened = sample()?;
    let mut report = Report::default();
    report.kind("transport", args.transport.name());
    note_opened(&connections, sessions.len(), &mut report);
    tokio::time::sleep(SETTLE).await;
    let settled = sample()?;
    tokio::time::sleep(Duration::from_secs(args.hold)).await;
    if let (Some(before), Some(opened), Some(settled), Some(held)) = (before, opened, settled, sample()?) {
        note_cpu(connections.len(), opened.cpu.saturating_sub(before.cpu), &settled, &held, &mut report);
        check_memory(&args, &before.memory, &held.memory, &mut report);
    }
    check_quiet(connections, args.count, &mut report);
    Ok(report)
}

fn note_opened(connections: &Connections, sessions: usize, report: &mut Report) {
    let (count, seconds) = (connections.len(), connections.took.as_secs_f64());
    report.count("connections", count);
    report.count("sessions", sessions.min(count));
    report.figure("opened_in_s", seconds);
    report.figure("opened_per_second", count as f64 / seconds);
}

/// CPU time and memory at one moment.
struct Sample {
    at: Instant,
    cpu: Duration,
    memory: Memory,
}

impl Sample {
    fn take(process: &Process) -> std::io::Result<Self> {
        Ok(Self { at: Instant::now(), cpu: process.cpu()?, memory: process.memory()? })
    }
}

fn check_restarted(target: &Target, process: &Process) -> Result<(), Failure> {
    if prepared::load(target)?.hashed_by(process)? {
        return Err(
            "the server has hashed passwords since it started: restart it; its sessions survive".into()
        );
    }
    Ok(())
}

fn check_quiet(mut connections: Connections, count: usize, report: &mut Report) {
    report.check(connections.len() == count, || "not every connection was opened".to_owned());
    while let Ok(event) = connections.events.try_recv() {
        report.check(matches!(event.kind, EventKind::Text(_)), || {
            format!("connection {} received {} while it was idle", event.connection, event.kind)
        });
    }
}

/// Reports and checks the memory that each connection added, in KiB. Without prepared sessions the figures are too low, and a
/// note says so.
fn check_memory(args: &Args, before: &Memory, with: &Memory, report: &mut Report) {
    if !args.setup.accounts.prepared() {
        report.note(
            "the figures for memory are too low: the server has hashed passwords, and connections reuse that memory. \
             For correct figures run `loadtest prepare`, restart the server, and use `--prepared`",
        );
    }
    let connections = args.count.max(1) as f64;
    let each = |what: fn(&Memory) -> u64| (what(with) as f64 - what(before) as f64) / connections;
    let resident = each(|memory| memory.resident);
    report.figure("server_resident_before_kib", before.resident as f64);
    report.figure("server_resident_with_kib", with.resident as f64);
    report.figure("resident_each_kib", resident);
    report.figure("proportional_each_kib", each(|memory| memory.proportional));
    report.figure("private_each_kib", each(|memory| memory.private));
    report.figure("anonymous_each_kib", each(|memory| memory.anonymous));
    if let Some(limit) = args.at_most {
        report.check(resident <= limit, || format!("a connection adds {resident:.2} KiB, above {limit} KiB"));
    }
}

fn note_cpu(connections: usize, connecting: Duration, settled: &Sample, held: &Sample, report: &mut Report) {
    report.figure("server_cpu_per_connect_us", connecting.as_secs_f64() * 1e6 / connections.max(1) as f64);
    let (time, cpu) = (held.at - settled.at, held.cpu.saturating_sub(settled.cpu));
    if time >= Duration::from_secs(1) {
        report.figure("server_cpu_while_idle_percent", cpu.as_secs_f64() * 100.0 / time.as_secs_f64());
    }
}
