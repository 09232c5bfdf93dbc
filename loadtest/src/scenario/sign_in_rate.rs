//! `sign-in-rate`: how many sign-ins a server completes, and what each costs the server and its database.
//!
//! Each of many users signs in again as soon as the last answer has arrived. `scripts/audit-cost.sh` compares two runs, with and
//! without a part of the server. The server needs limits and a queue of hashes that never refuse these sign-ins.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args as ClapArgs;
use futures_util::future::try_join_all;

use crate::{
    failure::Failure,
    process::Process,
    report::{Latencies, Report},
    rest::Rest,
    setup::SetupArgs,
    target::{Login, Target},
};

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// The number of users; at any moment, each of them has one sign-in under way.
    #[arg(long, default_value_t = 64)]
    at_once: usize,
    /// The length of the measurement, in seconds. A fifth of it, before the measurement, is a warm-up.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Process id of the database's first process, to measure the CPU time of it and its children.
    #[arg(long)]
    database_pid: Option<u32>,
}

/// A user that signs in again and again.
type Client<'a> = (Rest<'a>, Login);

/// CPU time so far of the server and of the database, if their processes are known.
type Used = (Option<Duration>, Option<Duration>);

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let target = Arc::new(args.setup.target.resolve().await?);
    let server = target.pid.map(Process::new).transpose()?;
    let database = args.database_pid.map(Process::new).transpose()?;
    let used = || -> Result<Used, Failure> {
        let server = server.as_ref().map(Process::cpu).transpose()?;
        Ok((server, database.as_ref().map(Process::cpu_with_children).transpose()?))
    };
    let clients = clients(&args, &target).await?;
    let length = Duration::from_secs(args.seconds);
    sign_in_until(&clients, Instant::now() + length / 5).await?;
    let (began, before) = (Instant::now(), used()?);
    let (latencies, refused) = sign_in_until(&clients, began + length).await?;
    let (took, after) = (began.elapsed(), used()?);

    let mut report = Report::default();
    report.count("sign_ins", latencies.count());
    report.figure("sign_ins_per_second", latencies.count() as f64 / took.as_secs_f64());
    report_cpu(before, after, latencies.count(), &mut report);
    report.latencies("sign_in", &latencies);
    report.check(refused == 0, || {
        format!("{refused} sign-ins were refused; raise PASSWORD_QUEUE and the limits of sign-ins")
    });
    report.check(latencies.count() > 0, || "no sign-in succeeded".to_owned());
    Ok(report)
}

/// Registers the users that have no account yet.
async fn clients<'a>(args: &Args, target: &'a Target) -> Result<Vec<Client<'a>>, Failure> {
    let mut clients = Vec::with_capacity(args.at_once);
    for number in 0..args.at_once {
        let login = args.setup.accounts.login(&format!("rate-{number}"));
        let rest = Rest::new(target, target.source(number))?;
        if rest.sign_in(&login).await?.is_none() {
            rest.register(&login).await?;
        }
        clients.push((rest, login));
    }
    Ok(clients)
}

/// Signs each user in again and again. Returns the times of the successful sign-ins, and the number of the others.
async fn sign_in_until(clients: &[Client<'_>], end: Instant) -> Result<(Latencies, usize), Failure> {
    let each = clients.iter().map(|(rest, login)| async move {
        let (mut latencies, mut refused) = (Latencies::new(), 0_usize);
        while Instant::now() < end {
            let began = Instant::now();
            match rest.try_sign_in(login).await?.status {
                200 => latencies.record(began.elapsed()),
                _ => refused += 1,
            }
        }
        Ok::<_, Failure>((latencies, refused))
    });
    let (mut latencies, mut refused) = (Latencies::new(), 0);
    for (of_client, refused_of_client) in try_join_all(each).await? {
        latencies.add(&of_client);
        refused += refused_of_client;
    }
    Ok((latencies, refused))
}

fn report_cpu(before: Used, after: Used, count: usize, report: &mut Report) {
    let each = |before: Option<Duration>, after: Option<Duration>| {
        Some(after?.saturating_sub(before?).as_secs_f64() * 1e3 / count.max(1) as f64)
    };
    if let Some(milliseconds) = each(before.0, after.0) {
        report.figure("server_cpu_per_sign_in_ms", milliseconds);
    }
    if let Some(milliseconds) = each(before.1, after.1) {
        report.figure("database_cpu_per_sign_in_ms", milliseconds);
    }
}
