//! The measurement, in one round or two. It publishes, receives the deliveries, checks them, and reports them.
//!
//! A round publishes everything once. In the second round the last connection does not read.

use std::time::{Duration, Instant};

use tokio::time::{sleep_until, timeout};

use super::{
    args::Args,
    ledger::{Ledger, Violation},
    publication::{number, publication},
    stalled::{Stalled, is_filler},
};
use crate::{
    connections::{Connections, EventKind},
    report::{Latencies, Report, progress},
};

/// The longest wait for a delivery.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest time until the stalled subscriber has received its close frame.
const STALLED_END_WITHIN: Duration = Duration::from_secs(10);

/// The connections, the publications and deliveries of this round, and the report on all rounds.
pub(super) struct Measurement {
    pub(super) connections: Connections,
    ledger: Ledger,
    /// The time that the latency of each publication of this round counts from: its sending or, with a rate, its due time.
    sent: Vec<Instant>,
    publications: usize,
    /// The number of the first publication of this round.
    first: usize,
    /// Whether the last connection does not read.
    last_is_stalled: bool,
    /// How the connection that does not read ended.
    pub(super) stalled_end: Option<String>,
    start: Instant,
    /// When the newest delivery of this round arrived.
    last: Instant,
    /// The greatest delay of this program itself: the time between the due time of a publication and its sending.
    latest: Duration,
    pub(super) latencies: Latencies,
    pub(super) report: Report,
}

impl Measurement {
    pub(super) fn new(connections: Connections, args: &Args) -> Self {
        let now = Instant::now();
        Self {
            ledger: new_ledger(connections.len(), args),
            connections,
            sent: Vec::with_capacity(args.publications),
            publications: args.publications,
            first: 0,
            last_is_stalled: false,
            stalled_end: None,
            start: now,
            last: now,
            latest: Duration::ZERO,
            latencies: Latencies::new(),
            report: Report::default(),
        }
    }

    /// Publishes everything. With `stalled`, also publishes in the second channel of the last connection.
    pub(super) async fn run(&mut self, args: &Args, mut stalled: Option<&mut Stalled>) {
        let bar = progress("publishing", self.publications);
        self.start = Instant::now();
        while self.sent.len() < self.publications {
            let due = if args.rate > 0.0 {
                let due = self.start + Duration::from_secs_f64(self.sent.len() as f64 / args.rate);
                self.receive_until(due).await;
                self.latest = self.latest.max(due.elapsed());
                due
            } else {
                Instant::now()
            };
            self.publish(args.size, due);
            if let Some(stalled) = &mut stalled {
                stalled.fill(&self.connections, self.sent.len(), self.publications);
            }
            bar.inc(1);
            if args.rate <= 0.0 && !self.receive_everything().await {
                break;
            }
        }
        self.receive_everything().await;
        bar.finish();
    }

    /// Reports the deliveries of this round and checks `--within`.
    pub(super) fn report_deliveries(&mut self, args: &Args) {
        let delivered = self.ledger.delivered();
        let took = self.last.saturating_duration_since(self.start).as_secs_f64().max(1e-6);
        self.report.count("subscribers", self.connections.len());
        self.report.count("deliveries", delivered);
        self.report.figure("deliveries_per_second", delivered as f64 / took);
        self.report.latencies("delivery", &self.latencies);
        if args.rate > 0.0 {
            self.report.figure("publications_per_second", args.rate);
            self.report.figure("latest_publication_after_due_ms", self.latest.as_secs_f64() * 1e3);
        }
        if let Some(limit) = args.within {
            let p99 = self.latencies.quantile(0.99).as_secs_f64() * 1e3;
            self.report
                .check(p99 <= limit, || format!("the 99th percentile is {p99:.2} ms, above {limit} ms"));
        }
    }

    /// Reports the CPU time of the server in this round and checks `--cpu-at-most`.
    pub(super) fn report_cpu(&mut self, args: &Args, cpu: Duration) {
        let each = cpu.as_secs_f64() * 1e6 / self.ledger.delivered().max(1) as f64;
        self.report.figure("server_cpu_per_delivery_us", each);
        if let Some(limit) = args.cpu_at_most {
            self.report
                .check(each <= limit, || format!("a delivery takes {each:.2} µs of CPU, above {limit} µs"));
        }
    }

    /// Checks that every subscriber has all `publications` of this round.
    pub(super) fn check_complete(&mut self, publications: usize) {
        let (delivered, expected) = (self.ledger.delivered(), publications * self.listeners());
        self.report.check(delivered == expected, || format!("{delivered} of {expected} deliveries arrived"));
        for missing in self.ledger.missing(publications) {
            self.report.check(false, || missing);
        }
    }

    /// Sends the next publication. Its latency counts from `since`.
    fn publish(&mut self, size: usize, since: Instant) {
        let number = self.sent.len();
        let command = publication(self.first + number, size);
        self.sent.push(since);
        self.connections.send(number % self.listeners(), command);
    }

    /// Receives messages until `due`. Returns at once if `due` is in the past, so that a late publication is not
    /// delayed further.
    async fn receive_until(&mut self, due: Instant) {
        // The tasks that send for the connections run on this thread. They must get a turn, even if this publication
        // is late.
        tokio::task::yield_now().await;
        loop {
            tokio::select! {
                biased;
                () = sleep_until(due.into()) => return,
                event = self.connections.events.recv() => match event {
                    Some(event) => self.take(event.at, event.connection, &event.kind),
                    None => return,
                },
            }
        }
    }

    /// Waits until all subscribers have all publications so far. False if they do not arrive.
    async fn receive_everything(&mut self) -> bool {
        let expected = self.sent.len() * self.listeners();
        while self.ledger.delivered() < expected {
            match timeout(PATIENCE, self.connections.events.recv()).await {
                Ok(Some(event)) => self.take(event.at, event.connection, &event.kind),
                Ok(None) | Err(_) => return false,
            }
        }
        true
    }

    /// The number of connections that read. Only the last connection can be stalled.
    fn listeners(&self) -> usize {
        self.connections.len() - usize::from(self.last_is_stalled)
    }

    fn take(&mut self, at: Instant, connection: usize, event: &EventKind) {
        if self.last_is_stalled && connection == self.listeners() {
            return self.take_from_stalled(event);
        }
        let EventKind::Text(text) = event else {
            return self.report.check(false, || format!("connection {connection} received {event}"));
        };
        // Connections that are in the second channel also receive the large publications there, which do not count.
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !is_filler(line));
        for line in lines {
            match number(line) {
                Some(number) => self.take_delivery(at, connection, number),
                None => {
                    let rejected = line.windows(7).any(|bytes| bytes == b"\"error\"");
                    self.report.check(!rejected, || {
                        format!("a command was rejected: {}", String::from_utf8_lossy(line))
                    });
                }
            }
        }
    }

    fn take_delivery(&mut self, at: Instant, connection: usize, number: usize) {
        let in_round = number.checked_sub(self.first).filter(|number| *number < self.sent.len());
        let entered = match in_round {
            Some(number) => {
                self.latencies.record(at.saturating_duration_since(self.sent[number]));
                self.last = self.last.max(at);
                self.ledger.enter(connection, number)
            }
            None => Err(Violation::Unknown),
        };
        self.report.check(entered.is_ok(), || {
            let first = self.first;
            let description = match entered {
                Err(Violation::OutOfOrder { expected }) => {
                    format!("where publication {} comes next", first + expected)
                }
                Err(Violation::Duplicate) => "a second time".to_owned(),
                Err(Violation::PublisherOutOfOrder) => {
                    "after a later publication of its publisher".to_owned()
                }
                _ => "which was not sent in this round".to_owned(),
            };
            format!("connection {connection} received publication {number} {description}")
        });
    }

    /// Starts the second round. In this round, the last connection does not read.
    pub(super) fn begin_second_round(&mut self, args: &Args) {
        self.first += self.sent.len();
        self.sent.clear();
        self.last_is_stalled = true;
        self.ledger = new_ledger(self.listeners(), args);
        self.latest = Duration::ZERO;
        self.start = Instant::now();
        self.last = self.start;
    }

    fn take_from_stalled(&mut self, event: &EventKind) {
        if !matches!(event, EventKind::Text(_)) {
            self.stalled_end = Some(event.to_string());
        }
    }

    /// Waits until the connection that does not read has ended, for a limited time.
    pub(super) async fn receive_end_of_stalled(&mut self) {
        while self.stalled_end.is_none() {
            match timeout(STALLED_END_WITHIN, self.connections.events.recv()).await {
                Ok(Some(event)) => self.take(event.at, event.connection, &event.kind),
                Ok(None) | Err(_) => return,
            }
        }
    }
}

fn new_ledger(subscribers: usize, args: &Args) -> Ledger {
    Ledger::new(subscribers, args.publications, subscribers, args.rate <= 0.0)
}
