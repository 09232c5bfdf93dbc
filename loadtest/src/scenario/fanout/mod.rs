//! `fanout`: the cost and the latency of delivering a publication to all subscribers of a channel, and whether a subscriber
//! that does not read affects the others.
//!
//! Every subscriber must receive every publication once and in order (`ledger`). Limits on latency and CPU time are checked
//! only if a flag gives them: they depend on the machine.

mod ledger;
mod stalled;

use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args as ClapArgs;
use tokio::time::{sleep_until, timeout};

use ledger::{Ledger, Violation};
use stalled::Stalled;

use crate::{
    Failure,
    connections::{Connections, EventKind, spread},
    report::{Latencies, Report, progress},
    setup::SetupArgs,
};

const CHANNEL: &str = "ephemeral:fanout";
/// The longest time without a delivery while some are still to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// Precedes the number of a publication within a push.
const MARK: &[u8] = b"\"number\":";

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// Subscribers of the channel, spread evenly over the sessions.
    #[arg(long = "connections", default_value_t = 1000)]
    count: usize,
    /// Users.
    #[arg(long, default_value_t = 100)]
    users: usize,
    /// Publications; the connections take turns in publishing.
    #[arg(long, default_value_t = 100)]
    publications: usize,
    /// Bytes of data in each.
    #[arg(long, default_value_t = 100)]
    size: usize,
    /// Publications per second, whether or not earlier ones have been delivered (an open loop). Latencies then count from the
    /// moment at which a publication was due. 0 sends the next publication when all subscribers have the last one.
    #[arg(long, default_value_t = 0.0, value_parser = rate)]
    rate: f64,
    /// Fail if the 99th percentile from publication to delivery is above this many milliseconds.
    #[arg(long)]
    within: Option<f64>,
    /// Fail if a delivery takes more than this many microseconds of the server's CPU time.
    #[arg(long)]
    cpu_at_most: Option<f64>,
    /// Publish everything twice: first while all subscribers read, then while this many of them (0 or 1) do not.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=1))]
    stalled: u8,
}

/// Reads a rate, which is finite and not negative.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "a number is needed".to_owned())?;
    if rate.is_finite() && rate >= 0.0 { Ok(rate) } else { Err("the rate must be 0 or more".to_owned()) }
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let setup = args.setup.begin(args.users).await?;
    let plan: Vec<(usize, String)> = spread(setup.sessions.len(), 0, Some(args.count.max(2)))
        .into_iter()
        .map(|session| (session, CHANNEL.to_owned()))
        .collect();
    let connections = args.setup.open(&setup, &plan).await?;

    let before = setup.cpu()?;
    let mut fanout = Fanout::new(connections, &args);
    let mut stalled = (args.stalled > 0).then(|| Stalled::new(&fanout.connections));
    fanout.run(&args, stalled.as_mut()).await;
    let after = setup.cpu()?;

    fanout.report_deliveries(&args);
    if let (Some(before), Some(after)) = (before, after) {
        fanout.report_cpu(&args, after.saturating_sub(before));
    }
    fanout.check_complete(args.publications);
    if let Some(stalled) = stalled {
        stalled::run(&mut fanout, stalled, &args, setup.process.as_ref()).await?;
    }
    Ok(fanout.report)
}

struct Fanout {
    connections: Connections,
    ledger: Ledger,
    /// From when the latency of each publication of this round counts: when it was sent, or with a rate, when it was due.
    sent: Vec<Instant>,
    publications: usize,
    /// The number of the first publication of this round.
    first: usize,
    /// Whether the last connection does not read.
    last_is_stalled: bool,
    /// How the connection that does not read ended.
    stalled_end: Option<String>,
    start: Instant,
    last: Instant,
    /// How late the program itself sent a publication, at most.
    latest: Duration,
    latencies: Latencies,
    report: Report,
}

impl Fanout {
    fn new(connections: Connections, args: &Args) -> Self {
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

    /// Publishes everything, and with each publication something for the connection that is stalled.
    async fn run(&mut self, args: &Args, mut stalled: Option<&mut Stalled>) {
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
    fn report_deliveries(&mut self, args: &Args) {
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
    fn report_cpu(&mut self, args: &Args, cpu: Duration) {
        let each = cpu.as_secs_f64() * 1e6 / self.ledger.delivered().max(1) as f64;
        self.report.figure("server_cpu_per_delivery_us", each);
        if let Some(limit) = args.cpu_at_most {
            self.report
                .check(each <= limit, || format!("a delivery takes {each:.2} µs of CPU, above {limit} µs"));
        }
    }

    /// Checks that every subscriber has all `publications` of this round.
    fn check_complete(&mut self, publications: usize) {
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

    /// Takes what arrives until `due`. Returns at once if that is past, so that a late publication is not delayed further.
    async fn receive_until(&mut self, due: Instant) {
        // The connections send in tasks of this thread: let them run, even if this publication is late.
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

    /// The number of connections that read. One that is stalled is the last of the connections.
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
        // The publisher for the stalled connection receives its own large publications too; they do not count.
        let lines = text.split(|byte| *byte == b'\n').filter(|line| line.len() < stalled::FILLER_SIZE);
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
}

fn new_ledger(subscribers: usize, args: &Args) -> Ledger {
    Ledger::new(subscribers, args.publications, subscribers, args.rate <= 0.0)
}

/// A publish command with about `size` bytes of data, which contain the number of the publication.
fn publication(number: usize, size: usize) -> Bytes {
    let head = format!("{{\"number\":{number},\"fill\":\"");
    let fill = "x".repeat(size.saturating_sub(head.len() + 2));
    Bytes::from(format!(
        "{{\"id\":{},\"publish\":{{\"channel\":\"{CHANNEL}\",\"data\":{head}{fill}\"}}}}}}",
        number + 3
    ))
}

/// The number within a push. `None` for a line without a publication of this scenario.
fn number(line: &[u8]) -> Option<usize> {
    let at = line.windows(MARK.len()).position(|bytes| bytes == MARK)? + MARK.len();
    let digits = line[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&line[at..at + digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{CommandBody, json::decode_frame};

    #[test]
    fn a_publication_is_a_command_with_data_of_the_size_asked_for() {
        for size in [0, 40, 100, 1000] {
            let command = publication(7, size);
            let decoded = decode_frame(std::str::from_utf8(&command).unwrap()).unwrap();
            let CommandBody::Publish(request) = &decoded[0].body else { panic!("publish") };
            let data = request.data.clone().unwrap();
            assert_eq!(data.as_bytes().len(), size.max(22));
            assert_eq!(number(data.as_bytes()), Some(7));
        }
    }

    #[test]
    fn a_reply_has_no_number() {
        assert_eq!(number(b"{\"id\":3,\"publish\":{}}"), None);
    }

    #[test]
    fn a_rate_is_finite_and_not_negative() {
        assert_eq!(rate("2.5"), Ok(2.5));
        for wrong in ["-1", "inf", "NaN", "fast"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
