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
};

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// The number of users, each of which has one sign-in under way at any moment.
    #[arg(long, default_value_t = 64)]
    at_once: usize,
    /// The length of the measurement, in seconds. A fifth of it, before the measurement, is a warm-up.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Process id of the database's first process, to measure the CPU time of it and its children.
    #[arg(long)]
    database_pid: Option<u32>,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let target = Arc::new(args.setup.target.resolve().await?);
    let server = target.pid.map(Process::new).transpose()?;
    let database = args.database_pid.map(Process::new).transpose()?;
    let mut clients = Vec::with_capacity(args.at_once);
    for number in 0..args.at_once {
        let login = args.setup.accounts.login(&format!("rate-{number}"));
        let rest = Rest::new(&target, target.source(number))?;
        if rest.sign_in(&login).await?.is_none() {
            rest.register(&login).await?;
        }
        clients.push((rest, login));
    }
    let used = || -> Result<_, Failure> {
        let server = server.as_ref().map(Process::cpu).transpose()?;
        let database = database.as_ref().map(Process::cpu_with_children).transpose()?;
        Ok((server, database))
    };
    let length = Duration::from_secs(args.seconds);
    let until = |end: Instant| {
        let clients = &clients;
        async move {
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
            try_join_all(each).await
        }
    };
    until(Instant::now() + length / 5).await?;
    let (began, before) = (Instant::now(), used()?);
    let results = until(began + length).await?;
    let (took, after) = (began.elapsed(), used()?);

    let (mut latencies, mut refused) = (Latencies::new(), 0);
    for (of_client, refused_of_client) in results {
        latencies.add(&of_client);
        refused += refused_of_client;
    }
    let count = latencies.count();
    let mut report = Report::default();
    report.count("sign_ins", count);
    report.figure("sign_ins_per_second", count as f64 / took.as_secs_f64());
    let each = |before: Option<Duration>, after: Option<Duration>| {
        Some(after?.saturating_sub(before?).as_secs_f64() * 1e3 / count.max(1) as f64)
    };
    if let Some(milliseconds) = each(before.0, after.0) {
        report.figure("server_cpu_per_sign_in_ms", milliseconds);
    }
    if let Some(milliseconds) = each(before.1, after.1) {
        report.figure("database_cpu_per_sign_in_ms", milliseconds);
    }
    report.latencies("sign_in", &latencies);
    report.check(refused == 0, || {
        format!("{refused} sign-ins were refused; raise PASSWORD_QUEUE and the limits of sign-ins")
    });
    report.check(count > 0, || "no sign-in succeeded".to_owned());
    Ok(report)
}
