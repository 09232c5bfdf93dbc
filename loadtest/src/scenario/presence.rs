//! `presence`: what it costs when members come and go, and how long it takes to learn who is there.
//!
//! Every connection is a member; some of them leave and come back in turn, and the first one asks all the while. Who asks
//! is told of everybody who is there and of nobody who is not.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use clap::Args as ClapArgs;
use tokio::time::{sleep_until, timeout};

use crate::{
    Failure,
    connections::{Connections, Happening, What, spread},
    pushed::{Line, fresh, lines},
    report::{Latencies, Report, progress},
    setup::SetupArgs,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first id that is free after the commands that open a connection.
const FIRST_ID: u32 = 3;
const STEP: Duration = Duration::from_millis(10);

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// Users.
    #[arg(long, default_value_t = 50)]
    users: usize,
    /// The namespace of the channel; it has presence.
    #[arg(long, default_value = "chat")]
    namespace: String,
    /// Members of the channel.
    #[arg(long = "connections", default_value_t = 500)]
    count: usize,
    /// Members that leave and come back in turn.
    #[arg(long, default_value_t = 50)]
    churning: usize,
    /// Leavings and comings per second, of all of them together.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// Questions who is there, and how many, per second; each kind.
    #[arg(long, default_value_t = 5.0)]
    queries: f64,
    /// Seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let setup = args.setup.begin(args.users).await?;
    let channel = fresh(&args.namespace);
    let plan: Vec<(usize, String)> = spread(setup.sessions.len(), 0, Some(args.count.max(2)))
        .into_iter()
        .map(|session| (session, channel.clone()))
        .collect();
    let connections = args.setup.open(&setup, &plan).await?;

    let churning = args.churning.min(plan.len() - 1);
    let mut run = Run::new(connections, channel, churning);
    run.ask_when_quiet().await;
    // What was heard of those who came in the beginning.
    run.announced = 0;
    let before = setup.cpu()?;
    run.churn(&args).await;
    let after = setup.cpu()?;
    run.everybody_back().await;
    run.ask_when_quiet().await;

    let Run { mut report, presence, stats, moves, announced, moved, .. } = run;
    report.count("members", plan.len());
    report.count("comings_and_goings", moved);
    report.latencies("subscribe_or_unsubscribe", &moves);
    report.latencies("presence", &presence);
    report.latencies("presence_stats", &stats);
    report.count("joins_and_leaves_delivered", announced);
    if let (Some(before), Some(after)) = (before, after) {
        let cpu = after.saturating_sub(before).as_secs_f64();
        report.figure("server_cpu_percent", cpu * 100.0 / args.seconds.max(1) as f64);
    }
    Ok(report)
}

/// What a command asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Presence,
    Stats,
    Subscribe,
    Unsubscribe,
}

struct Run {
    connections: Connections,
    channel: String,
    /// Whether each connection is a member, as far as it knows; the last `churning` ones come and go.
    member: Vec<bool>,
    churning: usize,
    next_id: u32,
    waiting: HashMap<u32, (Asked, Instant)>,
    presence: Latencies,
    stats: Latencies,
    moves: Latencies,
    announced: usize,
    moved: usize,
    report: Report,
}

impl Run {
    fn new(connections: Connections, channel: String, churning: usize) -> Self {
        Self {
            member: vec![true; connections.len()],
            connections,
            channel,
            churning,
            next_id: FIRST_ID,
            waiting: HashMap::new(),
            presence: Latencies::new(),
            stats: Latencies::new(),
            moves: Latencies::new(),
            announced: 0,
            moved: 0,
            report: Report::default(),
        }
    }

    fn ask(&mut self, connection: usize, asked: Asked) {
        let id = self.next_id;
        self.next_id += 1;
        let method = match asked {
            Asked::Presence => "presence",
            Asked::Stats => "presence_stats",
            Asked::Subscribe => "subscribe",
            Asked::Unsubscribe => "unsubscribe",
        };
        let command = format!("{{\"id\":{id},\"{method}\":{{\"channel\":\"{}\"}}}}", self.channel);
        self.waiting.insert(id, (asked, Instant::now()));
        self.connections.send(connection, command.into());
    }

    /// While nobody moves, the answer is exact.
    async fn ask_when_quiet(&mut self) {
        for asked in [Asked::Presence, Asked::Stats] {
            self.ask(0, asked);
        }
        self.receive_answers().await;
    }

    async fn everybody_back(&mut self) {
        for connection in 0..self.member.len() {
            if !self.member[connection] {
                self.member[connection] = true;
                self.ask(connection, Asked::Subscribe);
            }
        }
        self.receive_answers().await;
    }

    async fn churn(&mut self, args: &Args) {
        let bar = progress("churning", args.seconds as usize);
        let start = Instant::now();
        let (mut moves, mut asks, mut turn) = (0.0, 0.0, 0);
        while start.elapsed() < Duration::from_secs(args.seconds) {
            let elapsed = start.elapsed().as_secs_f64();
            while moves < elapsed * args.rate && self.churning > 0 {
                moves += 1.0;
                self.move_one(self.member.len() - self.churning + turn % self.churning);
                turn += 1;
            }
            while asks < elapsed * args.queries {
                asks += 1.0;
                self.ask(0, Asked::Presence);
                self.ask(0, Asked::Stats);
            }
            self.receive_until(Instant::now() + STEP).await;
            bar.set_position(start.elapsed().as_secs());
        }
        self.receive_answers().await;
        bar.finish();
    }

    fn move_one(&mut self, connection: usize) {
        let asked = if self.member[connection] { Asked::Unsubscribe } else { Asked::Subscribe };
        self.member[connection] = !self.member[connection];
        self.moved += 1;
        self.ask(connection, asked);
    }

    async fn receive_until(&mut self, due: Instant) {
        loop {
            tokio::select! {
                happening = self.connections.happenings.recv() => match happening {
                    Some(happening) => self.take(&happening),
                    None => return,
                },
                () = sleep_until(due.into()) => return,
            }
        }
    }

    async fn receive_answers(&mut self) {
        while !self.waiting.is_empty() {
            match timeout(PATIENCE, self.connections.happenings.recv()).await {
                Ok(Some(happening)) => self.take(&happening),
                Ok(None) | Err(_) => {
                    let missing = self.waiting.drain().count();
                    return self.report.check(false, || format!("{missing} commands were not answered"));
                }
            }
        }
    }

    fn take(&mut self, happening: &Happening) {
        let What::Text(frame) = &happening.what else {
            let what = format!("connection {} saw {}", happening.connection, happening.what);
            return self.report.check(false, || what);
        };
        for line in lines(frame) {
            match line {
                Ok(line) => self.take_line(happening.at, &line),
                Err(error) => self.report.check(false, || format!("a line cannot be read: {error}")),
            }
        }
    }

    fn take_line(&mut self, at: Instant, line: &Line) {
        if let Some(push) = &line.push {
            self.announced += usize::from(push.join.is_some() || push.leave.is_some());
            return;
        }
        let Some((asked, sent)) = line.id.and_then(|id| self.waiting.remove(&id)) else { return };
        if let Some(refused) = &line.error {
            return self
                .report
                .check(false, || format!("refused with {} ({})", refused.code, refused.message));
        }
        let took = at.saturating_duration_since(sent);
        match asked {
            Asked::Presence => self.presence.record(took),
            Asked::Stats => self.stats.record(took),
            Asked::Subscribe | Asked::Unsubscribe => self.moves.record(took),
        }
        let present = line.presence.as_ref().map(|present| present.presence.len());
        if let Some(count) = present.or(line.presence_stats.as_ref().map(|stats| stats.num_clients)) {
            let all = self.member.len();
            let moving =
                self.moved > 0 && !self.member.iter().all(|member| *member) || !self.waiting.is_empty();
            let least = if moving { all - self.churning } else { all };
            self.report.check((least..=all).contains(&count), || {
                format!("{count} members were counted, not {least} to {all}")
            });
        }
    }
}
