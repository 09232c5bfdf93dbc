//! `fanout`: what it costs to deliver a publication to everybody in a channel, how long it takes, and whether one who does
//! not read changes that for the others.

mod stalled;

use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args as ClapArgs;
use tokio::time::{sleep_until, timeout};

use stalled::Stalled;

use crate::{
    Failure,
    connections::{Connections, What, spread},
    report::{Latencies, Report, progress},
    setup::SetupArgs,
};

const CHANNEL: &str = "ephemeral:fanout";
/// How long the last deliveries may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What marks a publication's number within a push.
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
    /// Publications per second; 0 sends the next when the last has reached everybody.
    #[arg(long, default_value_t = 0.0)]
    rate: f64,
    /// Publish everything twice: first while all read, then while so many (0 or 1) of the subscribers do not.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=1))]
    stalled: u8,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let setup = args.setup.begin(args.users).await?;
    let plan: Vec<(usize, String)> = spread(setup.sessions.len(), 0, Some(args.count.max(2)))
        .into_iter()
        .map(|session| (session, CHANNEL.to_owned()))
        .collect();
    let connections = args.setup.open(&setup, &plan).await?;

    let before = setup.cpu()?;
    let mut fanout = Fanout::new(connections, args.publications);
    let mut stalled = (args.stalled > 0).then(|| Stalled::new(&fanout.connections));
    fanout.run(&args, stalled.as_mut()).await;
    let after = setup.cpu()?;

    fanout.report.count("subscribers", plan.len());
    fanout.report.count("deliveries", fanout.delivered);
    let took = fanout.took().as_secs_f64().max(1e-6);
    fanout.report.figure("deliveries_per_second", fanout.delivered as f64 / took);
    fanout.report.latencies("delivery", &fanout.latencies);
    if let (Some(before), Some(after)) = (before, after) {
        let cpu = after.saturating_sub(before).as_secs_f64();
        fanout.report.figure("server_cpu_per_delivery_us", cpu * 1e6 / fanout.delivered.max(1) as f64);
    }
    fanout.check_complete(plan.len() * args.publications);
    if let Some(stalled) = stalled {
        stalled::run(&mut fanout, stalled, &args, setup.process.as_ref()).await?;
    }
    Ok(fanout.report)
}

struct Fanout {
    connections: Connections,
    /// When each publication was sent.
    sent: Vec<Instant>,
    publications: usize,
    /// The number of the first publication of this round.
    first: usize,
    /// The last connection does not read.
    deaf: bool,
    /// How it ended.
    deaf_ended: Option<String>,
    delivered: usize,
    start: Instant,
    last: Instant,
    latencies: Latencies,
    report: Report,
}

impl Fanout {
    fn new(connections: Connections, publications: usize) -> Self {
        let now = Instant::now();
        Self {
            connections,
            sent: Vec::with_capacity(publications),
            publications,
            first: 0,
            deaf: false,
            deaf_ended: None,
            delivered: 0,
            start: now,
            last: now,
            latencies: Latencies::new(),
            report: Report::default(),
        }
    }

    /// Publishes everything; beside each publication something for who is stalled.
    async fn run(&mut self, args: &Args, mut stalled: Option<&mut Stalled>) {
        let bar = progress("publishing", self.publications);
        while self.sent.len() < self.publications {
            self.publish(args.size);
            if let Some(stalled) = &mut stalled {
                stalled.fill(&self.connections, self.sent.len(), self.publications);
            }
            bar.inc(1);
            if args.rate > 0.0 {
                let due = self.start + Duration::from_secs_f64(self.sent.len() as f64 / args.rate);
                self.receive_until(due).await;
            } else if !self.receive_everything().await {
                break;
            }
        }
        self.receive_everything().await;
        bar.finish();
    }

    fn check_complete(&mut self, expected: usize) {
        let delivered = self.delivered;
        self.report.check(delivered == expected, || format!("{delivered} of {expected} deliveries arrived"));
    }

    fn took(&self) -> Duration {
        self.last.saturating_duration_since(self.start)
    }

    fn publish(&mut self, size: usize) {
        let number = self.sent.len();
        let command = publication(self.first + number, size);
        self.sent.push(Instant::now());
        self.connections.send(number % self.listeners(), command);
    }

    async fn receive_until(&mut self, due: Instant) {
        loop {
            tokio::select! {
                happening = self.connections.happenings.recv() => match happening {
                    Some(happening) => self.take(happening.at, happening.connection, &happening.what),
                    None => return,
                },
                () = sleep_until(due.into()) => return,
            }
        }
    }

    /// Waits until what was sent has arrived everywhere; false when it does not.
    async fn receive_everything(&mut self) -> bool {
        let expected = self.sent.len() * self.listeners();
        while self.delivered < expected {
            match timeout(PATIENCE, self.connections.happenings.recv()).await {
                Ok(Some(happening)) => self.take(happening.at, happening.connection, &happening.what),
                Ok(None) | Err(_) => return false,
            }
        }
        true
    }

    /// Who listens; one who is stalled is the last of the connections.
    fn listeners(&self) -> usize {
        self.connections.len() - usize::from(self.deaf)
    }

    fn take(&mut self, at: Instant, connection: usize, what: &What) {
        if self.deaf && connection == self.listeners() {
            return self.take_of_stalled(what);
        }
        let What::Text(text) = what else {
            return self.report.check(false, || format!("connection {connection} saw {what}"));
        };
        // What only the stalled one should read comes back to who published it.
        let lines = text.split(|byte| *byte == b'\n').filter(|line| line.len() < stalled::LUMP);
        for line in lines {
            if let Some(sent) = number(line).and_then(|number| self.sent.get(number.checked_sub(self.first)?))
            {
                self.latencies.record(at.saturating_duration_since(*sent));
                self.delivered += 1;
                self.last = self.last.max(at);
            } else {
                let refused = line.windows(7).any(|bytes| bytes == b"\"error\"");
                self.report.check(!refused, || format!("refused: {}", String::from_utf8_lossy(line)));
            }
        }
    }
}

/// A publish command whose data has about `size` bytes and the publication's number.
fn publication(number: usize, size: usize) -> Bytes {
    let head = format!("{{\"number\":{number},\"fill\":\"");
    let fill = "x".repeat(size.saturating_sub(head.len() + 2));
    Bytes::from(format!(
        "{{\"id\":{},\"publish\":{{\"channel\":\"{CHANNEL}\",\"data\":{head}{fill}\"}}}}}}",
        number + 3
    ))
}

/// The number within a push; `None` when it is no publication of ours.
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
}
