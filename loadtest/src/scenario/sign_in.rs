//! `sign-in`: many sign-ins at once, while other users have open sockets.
//!
//! Hashing a password is expensive on purpose, so a burst of sign-ins could exhaust the memory of a server or delay its answers
//! to other clients. The figures for memory are correct only if the server process has hashed nothing before. So register the
//! users first (`--register`), prepare the sessions of the sockets, and restart the server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::Args as ClapArgs;
use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};

use crate::{
    connections::{Connections, EventKind, spread},
    failure::Failure,
    process::Process,
    report::{Latencies, Report},
    rest::{Rest, SignInAnswer},
    setup::SetupArgs,
    target::{Login, Target},
};

/// The time between two commands on one connection. This rate is far below the rate limit of a connection.
const COMMAND_EVERY: Duration = Duration::from_millis(200);
/// The length of the warm-up, and also of the measurement between the warm-up and the first burst.
const BEFORE: Duration = Duration::from_secs(5);
/// The time between two bursts.
const PAUSE: Duration = Duration::from_secs(2);
/// The memory of one hash, in KiB.
const HASH: u64 = 19 * 1024;
/// The memory that a burst may add apart from hashes, in KiB.
const OTHER: u64 = 50 * 1024;
/// A command that costs the server almost nothing. So a late answer means that the server is busy.
const PROBE: &str = r#""unsubscribe":{"channel":"ephemeral:nowhere"}"#;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// The number of sockets of other users, which send commands all the time.
    #[arg(long = "connections", default_value_t = 100)]
    count: usize,
    /// The number of sign-ins in a burst, each by a different user.
    #[arg(long, default_value_t = 64)]
    at_once: usize,
    /// The number of bursts.
    #[arg(long, default_value_t = 5)]
    bursts: usize,
    /// Only register the users.
    #[arg(long)]
    register: bool,
    /// Fail if the 99th percentile of the time to an answer on a socket rises by more than this many milliseconds during the
    /// bursts.
    #[arg(long)]
    ping_within: Option<u64>,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let target = Arc::new(args.setup.target.resolve().await?);
    if args.register {
        return register(&args, &target).await;
    }
    let process = target.pid.map(Process::new).transpose()?;
    let bursts =
        Bursts::start(Arc::clone(&target), (0..args.at_once).map(|number| login(&args, number)).collect())?;
    let sessions = args.setup.accounts.sessions(&target, args.count.min(50), 1).await?;
    let plan: Vec<_> = spread(sessions.len(), 0, Some(args.count))
        .into_iter()
        .map(|session| (session, "ephemeral:sign-in".to_owned()))
        .collect();
    let connections = args.setup.connections.open(&target, &sessions, &plan).await?;
    let mut probe = Probe::new(connections);
    let mut report = Report::default();

    probe.until(tokio::time::sleep(BEFORE), None, &mut report).await;
    let mut before = Latencies::new();
    probe.until(tokio::time::sleep(BEFORE), Some(&mut before), &mut report).await;
    let idle = process.as_ref().map(Process::forget_peak).transpose()?;
    let (mut during, mut answers, mut took) = (Latencies::new(), Vec::new(), Vec::new());
    for _ in 0..args.bursts {
        let began = Instant::now();
        answers.extend(probe.until(bursts.burst(), Some(&mut during), &mut report).await?);
        took.push(began.elapsed());
        probe.until(tokio::time::sleep(PAUSE), None, &mut report).await;
    }
    report.latencies("socket_answers_before", &before);
    report.latencies("socket_answers_during", &during);
    judge_answers(&args, &answers, &took, &mut report);
    if let (Some(process), Some(idle)) = (process, idle) {
        judge_memory(idle, process.peak()?, &mut report);
    }
    if let Some(within) = args.ping_within.map(Duration::from_millis) {
        let (before, during) = (before.quantile(0.99), during.quantile(0.99));
        report.check(during <= before + within, || {
            format!("the p99 of answers on sockets rose from {before:?} to {during:?}")
        });
    }
    Ok(report)
}

fn login(args: &Args, number: usize) -> Login {
    args.setup.accounts.login(&format!("at-once-{number}"))
}

async fn register(args: &Args, target: &Target) -> Result<Report, Failure> {
    for number in 0..args.at_once {
        let rest = Rest::new(target, target.source(number))?;
        if rest.try_sign_in(&login(args, number)).await?.status == 401 {
            rest.register(&login(args, number)).await?;
        }
    }
    let mut report = Report::default();
    report.count("registered", args.at_once);
    report.note("restart the server, then run `sign-in` without --register");
    Ok(report)
}

/// Signs in on a separate thread, so that the program's own work for sign-ins does not delay the measurements on sockets.
struct Bursts(mpsc::UnboundedSender<oneshot::Sender<Result<Vec<SignInAnswer>, Failure>>>);

impl Bursts {
    fn start(target: Arc<Target>, logins: Vec<Login>) -> Result<Self, Failure> {
        let (requests, mut requested) = mpsc::unbounded_channel::<oneshot::Sender<_>>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let work = async move {
            // The clients are built before the first burst, because it takes milliseconds to build one.
            let clients = (0..logins.len()).map(|number| Rest::new(&target, target.source(number)));
            let clients = clients.collect::<Result<Vec<_>, _>>()?;
            while let Some(answer) = requested.recv().await {
                let all = clients.iter().zip(&logins).map(|(rest, login)| rest.try_sign_in(login));
                // This fails only if the scenario has ended.
                let _ = answer.send(join_all(all).await.into_iter().collect());
            }
            Ok::<_, Failure>(())
        };
        std::thread::Builder::new().name("sign-ins".to_owned()).spawn(move || runtime.block_on(work))?;
        Ok(Self(requests))
    }

    /// Sends all sign-ins at once, without retries.
    async fn burst(&self) -> Result<Vec<SignInAnswer>, Failure> {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).map_err(|_| "the sign-in thread has ended")?;
        answered.await?
    }
}

fn judge_answers(args: &Args, answers: &[SignInAnswer], took: &[Duration], report: &mut Report) {
    let count = |status| answers.iter().filter(|tried| tried.status == status).count();
    let longest = took.iter().max().copied().unwrap_or_default();
    report.count("bursts", took.len());
    report.count("sign_ins_per_burst", args.at_once);
    report.count("answered_200", count(200));
    report.count("answered_503", count(503));
    report.count("answered_otherwise", answers.len() - count(200) - count(503));
    report.figure("longest_burst_s", longest.as_secs_f64());
    report.check(count(200) > 0, || "no sign-in succeeded".to_owned());
    for tried in answers {
        let acceptable = tried.status == 200 || (tried.status == 503 && tried.retry_after.is_some());
        report.check(acceptable, || {
            format!("a sign-in was answered with {}, Retry-After {:?}", tried.status, tried.retry_after)
        });
    }
}

fn judge_memory(idle: u64, peak: u64, report: &mut Report) {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let (added, allowed) = (peak.saturating_sub(idle), cores * HASH + OTHER);
    report.figure("server_resident_idle_mib", idle as f64 / 1024.0);
    report.figure("server_resident_peak_mib", peak as f64 / 1024.0);
    report.figure("added_mib", added as f64 / 1024.0);
    report.figure("allowed_mib", allowed as f64 / 1024.0);
    report.check(added <= allowed, || format!("sign-ins added {added} KiB, above {allowed} KiB"));
}

/// Sockets that send a trivial command all the time.
struct Probe {
    connections: Connections,
    /// When each connection sent its command, if it still waits for the answer.
    asked: Vec<Option<Instant>>,
    next: usize,
}

impl Probe {
    fn new(connections: Connections) -> Self {
        Self { asked: vec![None; connections.len()], connections, next: 0 }
    }

    /// Sends commands on the connections in turn until `work` is done, and records how long each answer takes.
    async fn until<T>(
        &mut self,
        work: impl Future<Output = T>,
        mut latencies: Option<&mut Latencies>,
        report: &mut Report,
    ) -> T {
        let mut turn =
            tokio::time::interval(COMMAND_EVERY / u32::try_from(self.asked.len()).unwrap_or(1).max(1));
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                event = self.connections.events.recv() => {
                    let Some(event) = event else { continue };
                    let asked = self.asked[event.connection].take();
                    report.check(matches!(event.kind, EventKind::Text(_)), || {
                        format!("connection {} received {}", event.connection, event.kind)
                    });
                    if let (Some(asked), Some(latencies)) = (asked, latencies.as_deref_mut()) {
                        latencies.record(event.at - asked);
                    }
                }
                _ = turn.tick() => self.ask(),
                done = &mut work => return done,
            }
        }
    }

    /// Sends a command on the next connection, unless that connection still waits for an answer.
    fn ask(&mut self) {
        let connection = self.next % self.asked.len().max(1);
        self.next += 1;
        if let Some(asked @ None) = self.asked.get_mut(connection) {
            *asked = Some(Instant::now());
            let id = self.next + 10;
            self.connections.send(connection, Bytes::from(format!("{{\"id\":{id},{PROBE}}}")));
        }
    }
}
