//! `reconnect`: everybody is cut at once and comes back over some seconds; how long until all of them have what was published
//! meanwhile, each publication once and in order.

mod member;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args as ClapArgs;
use futures_util::{StreamExt as _, TryStreamExt as _, future::join_all, stream};
use tokio::{sync::watch, time::timeout};

use crate::{
    Failure,
    accounts::Session,
    connections::{check_descriptors, spread},
    pushed::{Data, fresh, publication},
    report::{Latencies, Report, progress},
    rest::Rest,
    setup::SetupArgs,
    target::Target,
};
use member::{Back, Member, Position};

/// How long everything may take, beside the time over which they come back.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// Users.
    #[arg(long, default_value_t = 50)]
    users: usize,
    /// The namespace of the channel; its subscriptions can be recovered.
    #[arg(long, default_value = "chat")]
    namespace: String,
    /// Connections that are cut and come back.
    #[arg(long = "connections", default_value_t = 500)]
    count: usize,
    /// Publications while they are away or coming back.
    #[arg(long, default_value_t = 50)]
    publications: usize,
    /// Seconds over which they come back.
    #[arg(long, default_value_t = 2.0)]
    jitter: f64,
    /// Let the server cut them: `disconnect` of its API, with this key. Otherwise they close by themselves.
    #[arg(long, env = "LOADTEST_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let setup = args.setup.begin(args.users).await?;
    let (target, sessions) = (&setup.target, &setup.sessions);
    let channel = fresh(&args.namespace);
    check_descriptors(args.count)?;

    // Somebody else publishes; the first session has room for one connection more than its share.
    let (mut author, _) = Member::open(target, &sessions[0], &channel, None).await?;
    let placed: Vec<&Session> =
        spread(sessions.len(), 0, Some(args.count)).into_iter().map(|session| &sessions[session]).collect();
    let (cut, positions) = open_all(&args, target, &placed, &channel).await?;

    let before = setup.cpu()?;
    let cut_at = Instant::now();
    cut_all(&args, target, &placed, &cut).await?;
    let positions = positions.await;
    // The last half comes back to all of it, the first to some of it and hears the rest live.
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
    let (published, backs) = tokio::join!(published, timeout(PATIENCE + secs(args.jitter), returns));
    published?;
    let backs = backs.map_err(|_| "not everybody came back in time")?;
    let after = setup.cpu()?;

    let mut report = conclude(&args, &backs, cut_at);
    if let (Some(before), Some(after)) = (before, after) {
        let cpu = after.saturating_sub(before).as_secs_f64();
        report.figure("server_cpu_per_return_us", cpu * 1e6 / backs.len().max(1) as f64);
    }
    Ok(report)
}

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.max(0.0))
}

/// Opens everybody; each stays until it is cut, and then tells where it stood.
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
                let (member, position) = Member::open(target, session, channel, None).await?;
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

/// Ends every connection: by the server's word, or by hanging up.
async fn cut_all(
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

/// Everybody comes back at a moment of their own and stays until they have everything.
async fn return_all(
    args: &Args,
    target: &Arc<Target>,
    placed: &[&Session],
    channel: &str,
    positions: Vec<Option<Position>>,
) -> Vec<Result<Back, Failure>> {
    let bar = progress("coming back", placed.len());
    let share = args.jitter / placed.len().max(1) as f64;
    let all = placed.iter().zip(positions).enumerate().map(|(number, (session, position))| {
        let bar = &bar;
        async move {
            // As good as random, and the same in every run: a step that is prime to most numbers.
            let turn = number * 7919 % placed.len();
            tokio::time::sleep(secs(share * turn as f64)).await;
            let position = position.ok_or("a connection was lost before it was cut")?;
            let back = Member::come_back(target, session, channel, position, args.publications).await?;
            bar.inc(1);
            Ok::<_, Failure>(back)
        }
    });
    let backs = join_all(all).await;
    bar.finish();
    backs
}

fn conclude(args: &Args, backs: &[Result<Back, Failure>], cut_at: Instant) -> Report {
    let mut report = Report::default();
    let (mut returned, mut complete) = (Latencies::new(), Latencies::new());
    let (mut last, mut recovered) = (cut_at, 0);
    for back in backs {
        match back {
            Ok(back) => {
                returned.record(back.took);
                complete.record(back.complete_at.saturating_duration_since(cut_at));
                last = last.max(back.complete_at);
                recovered += back.recovered;
                report.check(back.wrong.is_none(), || back.wrong.clone().unwrap_or_default());
            }
            Err(failure) => report.check(false, || failure.to_string()),
        }
    }
    report.count("connections", backs.len());
    report.count("publications_missed_by_each", args.publications);
    report.count("publications_recovered", recovered);
    report.latencies("return", &returned);
    report.latencies("cut_to_complete", &complete);
    report.figure("all_complete_in_s", last.saturating_duration_since(cut_at).as_secs_f64());
    report
}
