//! `reconnect`: all clients are disconnected at once and return over some seconds. Measures the time until all of them have the
//! publications that they missed, each once and in order.

mod subscriber;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args as ClapArgs;
use futures_util::{StreamExt as _, TryStreamExt as _, future::join_all, stream};
use subscriber::{Position, Return, Subscriber};
use tokio::{sync::watch, time::timeout};

use crate::{
    connections::{check_descriptors, spread},
    failure::Failure,
    messages::{Data, publication, unused_channel},
    report::{Latencies, Report, progress},
    rest::Rest,
    session::Session,
    setup::SetupArgs,
    target::Target,
};

/// The time limit for all returns, in addition to the seconds over which they are spread.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// The number of users.
    #[arg(long, default_value_t = 50)]
    users: usize,
    /// The namespace of the channel. It must allow recovery.
    #[arg(long, default_value = "chat")]
    namespace: String,
    /// The number of connections that are disconnected and return.
    #[arg(long = "connections", default_value_t = 500)]
    count: usize,
    /// The number of publications while the connections are away or returning.
    #[arg(long, default_value_t = 50)]
    publications: usize,
    /// Seconds over which the connections return.
    #[arg(long, default_value_t = 2.0)]
    jitter: f64,
    /// Disconnect the connections through the server API, with this key. Without a key, the clients close them.
    #[arg(long, env = "LOADTEST_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let setup = args.setup.begin(args.users).await?;
    let (target, sessions) = (&setup.target, &setup.sessions);
    let channel = unused_channel(&args.namespace);
    check_descriptors(args.count)?;

    // A separate connection publishes. It belongs to the first session, so the limit of this session must permit one more
    // connection.
    let (mut author, _) = Subscriber::open(target, &sessions[0], &channel, None).await?;
    let placed: Vec<&Session> =
        spread(sessions.len(), 0, Some(args.count)).into_iter().map(|session| &sessions[session]).collect();
    let (cut, positions) = open_all(&args, target, &placed, &channel).await?;

    let before = setup.cpu()?;
    let cut_at = Instant::now();
    disconnect_all(&args, target, &placed, &cut).await?;
    let positions = positions.await;
    // Publishing ends in the middle of the returns. Clients that return after this end recover all publications. Clients that
    // return earlier also receive some publications live.
    let every = secs(args.jitter / 2.0 / args.publications.max(1) as f64);
    let published = async {
        for number in 0..args.publications {
            let command = publication(number + 3, &channel, Data { publisher: 0, number }, 100);
            author.publish(&command).await?;
            author.listen_for(every).await?;
        }
        Ok::<_, Failure>(())
    };
    let returns = return_all(&args, target, &placed, &channel, positions);
    let (published, results) = tokio::join!(published, timeout(PATIENCE + secs(args.jitter), returns));
    published?;
    let results = results.map_err(|_| "not all clients returned in time")?;
    let after = setup.cpu()?;

    let mut report = conclude(&args, &results, cut_at);
    if let (Some(before), Some(after)) = (before, after) {
        let cpu = after.saturating_sub(before).as_secs_f64();
        report.figure("server_cpu_per_return_us", cpu * 1e6 / results.len().max(1) as f64);
    }
    Ok(report)
}

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.max(0.0))
}

/// Opens all connections. Each one listens until it is disconnected, and then reports its position.
async fn open_all(
    args: &Args,
    target: &Arc<Target>,
    placed: &[&Session],
    channel: &str,
) -> Result<(watch::Sender<bool>, impl Future<Output = Vec<Option<Position>>> + use<>), Failure> {
    let bar = progress("connecting", placed.len());
    let (cut, cuts) = watch::channel(false);
    let staying: Vec<_> = stream::iter(placed)
        .map(|session| {
            let (bar, cuts) = (&bar, cuts.clone());
            async move {
                let (member, position) = Subscriber::open(target, session, channel, None).await?;
                bar.inc(1);
                Ok::<_, Failure>(tokio::spawn(member.stay(position.position(), cuts)))
            }
        })
        .buffered(args.setup.connections.handshakes())
        .try_collect()
        .await?;
    bar.finish();
    let positions =
        async { join_all(staying).await.into_iter().map(|stayed| stayed.ok().flatten()).collect() };
    Ok((cut, positions))
}

/// Ends every connection, through the server API or by the client.
async fn disconnect_all(
    args: &Args,
    target: &Target,
    placed: &[&Session],
    cut: &watch::Sender<bool>,
) -> Result<(), Failure> {
    let Some(key) = &args.api_key else {
        cut.send_replace(true);
        return Ok(());
    };
    let rest = Rest::new(target, None)?;
    let mut users: Vec<i64> = placed.iter().map(|session| session.tokens.user_id()).collect();
    users.sort_unstable();
    users.dedup();
    for user in users {
        rest.disconnect(key, user).await?;
    }
    Ok(())
}

/// Lets every client return at a separate moment, and listen until it has all publications.
async fn return_all(
    args: &Args,
    target: &Arc<Target>,
    placed: &[&Session],
    channel: &str,
    positions: Vec<Option<Position>>,
) -> Vec<Result<Return, Failure>> {
    let bar = progress("returning", placed.len());
    let share = args.jitter / placed.len().max(1) as f64;
    let all = placed.iter().zip(positions).enumerate().map(|(number, (session, position))| {
        let bar = &bar;
        async move {
            // A fixed order that looks random. It uses every turn once, unless the number of connections is a
            // multiple of the prime 7919.
            let turn = number * 7919 % placed.len();
            tokio::time::sleep(secs(share * turn as f64)).await;
            let position = position.ok_or("a connection was lost before it was disconnected")?;
            let returned =
                Subscriber::return_from(target, session, channel, position, args.publications).await?;
            bar.inc(1);
            Ok::<_, Failure>(returned)
        }
    });
    let results = join_all(all).await;
    bar.finish();
    results
}

fn conclude(args: &Args, results: &[Result<Return, Failure>], cut_at: Instant) -> Report {
    let mut report = Report::default();
    let (mut return_times, mut complete) = (Latencies::new(), Latencies::new());
    let (mut last, mut recovered) = (cut_at, 0);
    for result in results {
        match result {
            Ok(returned) => {
                return_times.record(returned.took);
                complete.record(returned.complete_at.saturating_duration_since(cut_at));
                last = last.max(returned.complete_at);
                recovered += returned.recovered;
                report.check(returned.wrong.is_none(), || returned.wrong.clone().unwrap_or_default());
            }
            Err(failure) => report.check(false, || failure.to_string()),
        }
    }
    report.count("connections", results.len());
    report.count("publications_missed_by_each", args.publications);
    report.count("publications_recovered", recovered);
    report.latencies("return", &return_times);
    report.latencies("cut_to_complete", &complete);
    report.figure("all_complete_in_s", last.saturating_duration_since(cut_at).as_secs_f64());
    report
}
