//! `revoke`: checks the main promise of the server from outside. After a revocation, all sockets of the user are closed, the
//! sockets of other users are not affected, and no old credential is accepted anywhere. If everyone is revoked, all witnesses of the
//! revocation must count the same sockets.

mod agreement;
mod socket_watch;
mod traffic;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use agreement::{Counts, compare};
use clap::Args as ClapArgs;
use socket_watch::SocketWatch;
use tokio::{sync::oneshot, time::sleep};

use super::old_credentials::try_old_credentials;
use crate::{
    connections::spread,
    failure::Failure,
    metrics::Metrics,
    report::{Latencies, Report, progress},
    rest::{Rest, RevocationAnswer, RevocationTarget, Tokens},
    session::Session,
    setup::SetupArgs,
    target::Target,
};

/// Time to wait for closes that must not happen.
const AFTERMATH: Duration = Duration::from_secs(1);

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// The number of users. Users that do not exist are registered.
    #[arg(long, default_value_t = 1000)]
    users: usize,
    /// The number of sockets of each session.
    #[arg(long, default_value_t = 1)]
    sockets_per_session: usize,
    /// The total number of sockets, spread evenly over the sessions, instead of a number for each session.
    #[arg(long = "connections")]
    count: Option<usize>,
    /// Revoke only this many users, from the first. The sockets of the other users must stay open.
    #[arg(long)]
    revoke: Option<usize>,
    /// Revoke all users with one request. Then the answer, the receipt, the metrics of the server and the sockets of this program
    /// must count the same sockets. The server must have no other sockets.
    #[arg(long, conflicts_with = "revoke")]
    all: bool,
    /// Milliseconds between two revocations.
    #[arg(long, default_value_t = 0)]
    pause: u64,
    /// REST requests per second during the revocations. They use the sessions that are not revoked, in turn. Each request makes
    /// the server record when its session was last seen. All must be answered with 200.
    #[arg(long, default_value_t = 0, conflicts_with = "all")]
    traffic: u32,
    /// Fail if the 99th percentile from request to close frame is above this many milliseconds.
    #[arg(long)]
    within: Option<u64>,
    /// Fail if the answer to a revocation takes more than this many milliseconds.
    #[arg(long)]
    answer_within: Option<u64>,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let target = Arc::new(args.setup.target.resolve().await?);
    let sessions = args.setup.accounts.sessions(&target, args.users, 1).await?;
    let plan: Vec<(usize, String)> = spread(sessions.len(), args.sockets_per_session, args.count)
        .into_iter()
        .map(|session| (session, format!("ephemeral:user-{}", sessions[session].user)))
        .collect();
    let owners: Vec<usize> = plan.iter().map(|(session, _)| sessions[*session].user).collect();
    let connections = args.setup.connections.open(&target, &sessions, &plan).await?;
    let mut report = Report::default();
    report.count("connections", connections.len());
    report.count("users", args.users);
    report.figure("opened_in_s", connections.took.as_secs_f64());

    let rest = Rest::new(&target, None)?;
    let operator = rest.sign_in(&target.admin).await?.ok_or("the administrator cannot sign in")?;
    let mut scenario = Scenario {
        rest,
        operator,
        password: &target.admin.password,
        watch: SocketWatch::new(connections.events, owners),
        answers: Latencies::new(),
        report,
    };
    let revoked = if args.all {
        scenario.revoke_all(&target).await?;
        args.users
    } else {
        let first = args.revoke.unwrap_or(args.users).min(args.users);
        let others: Vec<&Session> = sessions.iter().filter(|session| session.user >= first).collect();
        let (stop, stopped) = oneshot::channel();
        let revoking = async {
            let done = scenario.revoke_each(&sessions, first, Duration::from_millis(args.pause)).await;
            drop(stop);
            done
        };
        let (done, traffic) = tokio::join!(revoking, traffic::run(&target, &others, args.traffic, stopped));
        done?;
        if args.traffic > 0 {
            traffic?.conclude(&mut scenario.report);
        }
        first
    };
    let mut report = scenario.conclude(args.within, args.answer_within).await;
    try_old_credentials(&target, &sessions, revoked, &mut report).await?;
    Ok(report)
}

struct Scenario<'a> {
    rest: Rest<'a>,
    operator: Tokens,
    password: &'a str,
    watch: SocketWatch,
    /// The times from request to answer.
    answers: Latencies,
    report: Report,
}

impl Scenario<'_> {
    async fn revoke_each(
        &mut self,
        sessions: &[Session],
        users: usize,
        pause: Duration,
    ) -> Result<(), Failure> {
        let ids: HashMap<usize, i64> =
            sessions.iter().map(|session| (session.user, session.tokens.user_id())).collect();
        let bar = progress("revoking", users);
        for user in 0..users {
            let Some(id) = ids.get(&user) else { continue };
            let revoked = self.revoke(RevocationTarget::User(*id)).await?;
            let expected = self.watch.expect_user(user);
            let signed_in = sessions.iter().filter(|session| session.user == user).count();
            self.report.check(revoked.sockets_closed == expected && revoked.pending == 0, || {
                format!("user {user} had {expected} sockets, the answer was {revoked:?}")
            });
            // Sessions of earlier runs may still exist.
            self.report.check(revoked.sessions.is_none_or(|sessions| sessions >= signed_in), || {
                format!("user {user} had {signed_in} sessions, the answer was {revoked:?}")
            });
            self.watch.wait(&mut self.report).await;
            bar.inc(1);
            sleep(pause).await;
        }
        bar.finish();
        Ok(())
    }

    async fn revoke_all(&mut self, target: &Target) -> Result<(), Failure> {
        let before = Counts::of(&Metrics::read(target).await?);
        let revoked = self.revoke(RevocationTarget::All).await?;
        let expected = self.watch.expect_all();
        self.report.check(revoked.sockets_closed >= expected && revoked.pending == 0, || {
            format!("there were {expected} sockets, the answer was {revoked:?}")
        });
        self.watch.wait(&mut self.report).await;
        let after = Counts::of(&Metrics::read(target).await?);
        // The revocation has also ended the session of the operator.
        self.operator = self.rest.sign_in(&target.admin).await?.ok_or("the administrator cannot sign in")?;
        let id = revoked.revocation_id.ok_or("the revocation has no id")?;
        let receipt = agreement::receipt(&self.rest, &self.operator, id).await?;
        compare(&mut self.report, &revoked, &receipt, self.watch.closed(), (before, after));
        Ok(())
    }

    /// Revokes, after a step-up if that is needed. The times are measured from the request that succeeded.
    async fn revoke(&mut self, target: RevocationTarget) -> Result<RevocationAnswer, Failure> {
        for _ in 0..2 {
            let start = Instant::now();
            self.watch.begin(start);
            if let Some(revoked) = self.rest.revoke(&self.operator, target).await? {
                self.answers.record(start.elapsed());
                return Ok(revoked);
            }
            self.operator.access_token = self.rest.step_up(&self.operator, self.password).await?;
        }
        Err("another step-up is required immediately after a step-up".into())
    }

    async fn conclude(mut self, within: Option<u64>, answer_within: Option<u64>) -> Report {
        sleep(AFTERMATH).await;
        self.watch.drain(&mut self.report);
        self.report.latencies("request_to_answer", &self.answers);
        self.report.latencies("request_to_close_frame", self.watch.closes());
        if let Some(limit) = within {
            let p99 = self.watch.closes().quantile(0.99);
            self.report.check(p99 <= Duration::from_millis(limit), || {
                format!("the 99th percentile is {:.2} ms, above {limit} ms", p99.as_secs_f64() * 1e3)
            });
        }
        if let Some(limit) = answer_within {
            let slowest = self.answers.quantile(1.0);
            self.report.check(slowest <= Duration::from_millis(limit), || {
                format!("an answer took {:.0} ms, above {limit} ms", slowest.as_secs_f64() * 1e3)
            });
        }
        self.report
    }
}
