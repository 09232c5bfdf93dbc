//! `presence`: the cost of joins and leaves, and the latency of presence queries.
//!
//! Every connection is a member of the channel. Some connections leave and join again in turn, and the first connection queries
//! presence all the time. While no member joins or leaves, the number of members in an answer must be exact; otherwise it must
//! be in the possible range.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use clap::Args as ClapArgs;
use tokio::time::{sleep_until, timeout};

use crate::{
    connections::{Connections, Event, EventKind, spread},
    failure::Failure,
    messages::{Line, lines, unused_channel},
    report::{Latencies, Report, progress},
    setup::SetupArgs,
};

/// Time limit for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first command id after those of the commands that open a connection.
const FIRST_ID: u32 = 3;
/// The time for receiving answers before further commands are sent.
const STEP: Duration = Duration::from_millis(10);

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// The number of users.
    #[arg(long, default_value_t = 50)]
    users: usize,
    /// The namespace of the channel. It must have presence.
    #[arg(long, default_value = "chat")]
    namespace: String,
    /// The number of members of the channel.
    #[arg(long = "connections", default_value_t = 500)]
    count: usize,
    /// The number of members that leave and join again in turn.
    #[arg(long, default_value_t = 50)]
    churning: usize,
    /// Joins and leaves per second, of all members that leave and join, together.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// Queries per second of each kind, `presence` and `presence_stats`.
    #[arg(long, default_value_t = 5.0)]
    queries: f64,
    /// The length of the measurement, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let setup = args.setup.begin(args.users).await?;
    let channel = unused_channel(&args.namespace);
    let plan: Vec<(usize, String)> = spread(setup.sessions.len(), 0, Some(args.count.max(2)))
        .into_iter()
        .map(|session| (session, channel.clone()))
        .collect();
    let connections = args.setup.open(&setup, &plan).await?;

    let churning = args.churning.min(plan.len() - 1);
    let mut run = Run::new(connections, channel, churning);
    run.ask_when_quiet().await;
    // Forget the joins from the opening of the connections.
    run.announced = 0;
    let before = setup.cpu()?;
    run.churn(&args).await;
    let after = setup.cpu()?;
    run.rejoin_all().await;
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

/// A command of this scenario.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Presence,
    Stats,
    Subscribe,
    Unsubscribe,
}

struct Run {
    connections: Connections,
    channel: String,
    /// Whether each connection is a member after its last command. The last `churning` connections leave and join.
    member: Vec<bool>,
    churning: usize,
    next_id: u32,
    /// The unanswered commands, by id, with the time of sending.
    waiting: HashMap<u32, (Question, Instant)>,
    presence: Latencies,
    stats: Latencies,
    /// The latencies of `subscribe` and `unsubscribe`.
    moves: Latencies,
    /// The number of joins and leaves that connections received.
    announced: usize,
    /// The number of joins and leaves that this scenario has requested.
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

    fn ask(&mut self, connection: usize, asked: Question) {
        let id = self.next_id;
        self.next_id += 1;
        let method = match asked {
            Question::Presence => "presence",
            Question::Stats => "presence_stats",
            Question::Subscribe => "subscribe",
            Question::Unsubscribe => "unsubscribe",
        };
        let command = format!("{{\"id\":{id},\"{method}\":{{\"channel\":\"{}\"}}}}", self.channel);
        self.waiting.insert(id, (asked, Instant::now()));
        self.connections.send(connection, command.into());
    }

    /// Queries presence while no member joins or leaves, so that the answer must be exact.
    async fn ask_when_quiet(&mut self) {
        for asked in [Question::Presence, Question::Stats] {
            self.ask(0, asked);
        }
        self.receive_answers().await;
    }

    async fn rejoin_all(&mut self) {
        for connection in 0..self.member.len() {
            if !self.member[connection] {
                self.member[connection] = true;
                self.ask(connection, Question::Subscribe);
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
                self.ask(0, Question::Presence);
                self.ask(0, Question::Stats);
            }
            self.receive_until(Instant::now() + STEP).await;
            bar.set_position(start.elapsed().as_secs());
        }
        self.receive_answers().await;
        bar.finish();
    }

    fn move_one(&mut self, connection: usize) {
        let asked = if self.member[connection] { Question::Unsubscribe } else { Question::Subscribe };
        self.member[connection] = !self.member[connection];
        self.moved += 1;
        self.ask(connection, asked);
    }

    async fn receive_until(&mut self, due: Instant) {
        loop {
            tokio::select! {
                event = self.connections.events.recv() => match event {
                    Some(event) => self.take(&event),
                    None => return,
                },
                () = sleep_until(due.into()) => return,
            }
        }
    }

    async fn receive_answers(&mut self) {
        while !self.waiting.is_empty() {
            match timeout(PATIENCE, self.connections.events.recv()).await {
                Ok(Some(event)) => self.take(&event),
                Ok(None) | Err(_) => {
                    let missing = self.waiting.drain().count();
                    return self.report.check(false, || format!("{missing} commands were not answered"));
                }
            }
        }
    }

    fn take(&mut self, event: &Event) {
        let EventKind::Text(frame) = &event.kind else {
            let what = format!("connection {} received {}", event.connection, event.kind);
            return self.report.check(false, || what);
        };
        for line in lines(frame) {
            match line {
                Ok(line) => self.take_line(event.at, &line),
                Err(error) => self.report.check(false, || format!("a line is not valid: {error}")),
            }
        }
    }

    fn take_line(&mut self, at: Instant, line: &Line) {
        if let Some(push) = &line.push {
            self.announced += usize::from(push.join.is_some() || push.leave.is_some());
            return;
        }
        let Some((asked, sent)) = line.id.and_then(|id| self.waiting.remove(&id)) else { return };
        if let Some(rejected) = &line.error {
            return self
                .report
                .check(false, || format!("rejected with {} ({})", rejected.code, rejected.message));
        }
        let took = at.saturating_duration_since(sent);
        match asked {
            Question::Presence => self.presence.record(took),
            Question::Stats => self.stats.record(took),
            Question::Subscribe | Question::Unsubscribe => self.moves.record(took),
        }
        let present = line.presence.as_ref().map(|present| present.presence.len());
        if let Some(count) = present.or(line.presence_stats.as_ref().map(|stats| stats.num_clients)) {
            let all = self.member.len();
            let moving =
                self.moved > 0 && !self.member.iter().all(|member| *member) || !self.waiting.is_empty();
            let least = if moving { all - self.churning } else { all };
            self.report.check((least..=all).contains(&count), || {
                format!("the answer has {count} members instead of {least} to {all}")
            });
        }
    }
}
