//! `publish-durable`: the cost and the latency of publications that are committed before they are acknowledged. Also whether
//! every acknowledged publication reaches every subscriber once and in order.
//!
//! The default limits of a connection and a user are too low for this scenario: raise `LIMIT_FRAME_CONNECTION` and
//! `LIMIT_PUBLICATION_USER` of the server.

mod ledger;

use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use ledger::Ledger;
use tokio::time::timeout;

use crate::{
    connections::{Connections, Event, EventKind, spread},
    failure::Failure,
    messages::{Data, Line, lines, publication, unused_channel},
    report::{Latencies, Report, progress},
    setup::SetupArgs,
};

/// Time limit for the next event.
const PATIENCE: Duration = Duration::from_secs(30);
/// The id of a publisher's first publication.
const FIRST_ID: usize = 3;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// The number of users.
    #[arg(long, default_value_t = 10)]
    users: usize,
    /// The namespace of the channels. It must be durable.
    #[arg(long, default_value = "chat")]
    namespace: String,
    /// The number of channels.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    channels: u16,
    /// The number of connections that publish. They are spread evenly over the channels.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    publishers: u16,
    /// The number of connections that only subscribe. They are spread in the same way.
    #[arg(long, default_value_t = 50)]
    subscribers: u16,
    /// The number of publications of each publisher.
    #[arg(long, default_value_t = 250)]
    publications: usize,
    /// The number of publications of one publisher that may wait for their acknowledgement at the same time.
    #[arg(long, default_value_t = 8)]
    window: usize,
    /// Bytes of data in each publication.
    #[arg(long, default_value_t = 100)]
    size: usize,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let setup = args.setup.begin(args.users).await?;
    let name = unused_channel(&args.namespace);
    let (publishers, channels) = (usize::from(args.publishers), usize::from(args.channels));
    let total = publishers + usize::from(args.subscribers);
    let plan: Vec<(usize, String)> = spread(setup.sessions.len(), 0, Some(total))
        .into_iter()
        .enumerate()
        .map(|(number, session)| (session, format!("{name}-{}", channel_of(number, publishers, channels))))
        .collect();
    let connections = args.setup.open(&setup, &plan).await?;

    let before = setup.cpu()?;
    let mut run = Run::new(&args, &name, connections);
    run.publish_everything().await;
    let acknowledged_in = run.last_acknowledged.saturating_duration_since(run.start);
    run.wait_for_deliveries().await;
    let after = setup.cpu()?;

    let mut report = run.ledger.conclude();
    let acknowledged = run.acknowledged.max(1) as f64;
    report.count("publications", publishers * args.publications);
    report.count("acknowledged", run.acknowledged);
    report.figure("acknowledged_per_second", acknowledged / acknowledged_in.as_secs_f64().max(1e-6));
    report.latencies("acknowledgement", &run.acknowledgements);
    report.count("deliveries", run.delivered);
    report.latencies("delivery", &run.deliveries);
    if let (Some(before), Some(after)) = (before, after) {
        let cpu = after.saturating_sub(before).as_secs_f64();
        report.figure("server_cpu_per_publication_us", cpu * 1e6 / acknowledged);
    }
    Ok(report)
}

/// The number of the channel of a connection. The first connections are the publishers, and the others are the subscribers.
/// Each group is spread evenly over the channels.
fn channel_of(connection: usize, publishers: usize, channels: usize) -> usize {
    if connection < publishers { connection % channels } else { (connection - publishers) % channels }
}

struct Run<'a> {
    args: &'a Args,
    channel: &'a str,
    connections: Connections,
    /// When each publication of each publisher was sent.
    sent: Vec<Vec<Instant>>,
    ledger: Ledger,
    start: Instant,
    last_acknowledged: Instant,
    acknowledged: usize,
    delivered: usize,
    acknowledgements: Latencies,
    deliveries: Latencies,
}

impl<'a> Run<'a> {
    fn new(args: &'a Args, channel: &'a str, connections: Connections) -> Self {
        let (publishers, channels) = (usize::from(args.publishers), usize::from(args.channels));
        let channel_of = (0..connections.len()).map(|number| channel_of(number, publishers, channels));
        let now = Instant::now();
        Self {
            args,
            channel,
            sent: vec![Vec::with_capacity(args.publications); publishers],
            ledger: Ledger::new(channel_of.collect(), publishers),
            connections,
            start: now,
            last_acknowledged: now,
            acknowledged: 0,
            delivered: 0,
            acknowledgements: Latencies::new(),
            deliveries: Latencies::new(),
        }
    }

    async fn publish_everything(&mut self) {
        let expected = self.sent.len() * self.args.publications;
        let bar = progress("publishing", expected);
        for publisher in 0..self.sent.len() {
            for _ in 0..self.args.window.max(1) {
                self.publish_next(publisher);
            }
        }
        while self.acknowledged < expected && self.ledger.may_continue() {
            let Ok(Some(event)) = timeout(PATIENCE, self.connections.events.recv()).await else {
                self.ledger
                    .fail(format!("{} of {expected} publications were acknowledged", self.acknowledged));
                break;
            };
            self.take(&event);
            bar.set_position(self.acknowledged as u64);
        }
        bar.finish();
    }

    async fn wait_for_deliveries(&mut self) {
        let expected = self.ledger.expected(self.args.publications);
        let bar = progress("delivering", expected);
        while self.delivered < expected && self.ledger.may_continue() {
            let Ok(Some(event)) = timeout(PATIENCE, self.connections.events.recv()).await else {
                self.ledger.fail(format!("{} of {expected} deliveries arrived", self.delivered));
                break;
            };
            self.take(&event);
            bar.set_position(self.delivered as u64);
        }
        bar.finish();
    }

    fn publish_next(&mut self, publisher: usize) {
        let number = self.sent[publisher].len();
        if number == self.args.publications {
            return;
        }
        let channels = usize::from(self.args.channels);
        let channel = format!("{}-{}", self.channel, publisher % channels);
        let command = publication(number + FIRST_ID, &channel, Data { publisher, number }, self.args.size);
        self.sent[publisher].push(Instant::now());
        self.connections.send(publisher, command.into());
    }

    fn take(&mut self, event: &Event) {
        let EventKind::Text(frame) = &event.kind else {
            return self.ledger.fail(format!("connection {} received {}", event.connection, event.kind));
        };
        for line in lines(frame) {
            match line {
                Ok(line) => self.take_line(event.connection, event.at, &line),
                Err(error) => self.ledger.fail(format!("a line is not valid: {error}")),
            }
        }
    }

    fn take_line(&mut self, connection: usize, at: Instant, line: &Line) {
        if let Some(rejected) = &line.error {
            let hint = if rejected.code == 111 {
                ": raise LIMIT_FRAME_CONNECTION and LIMIT_PUBLICATION_USER"
            } else {
                ""
            };
            self.ledger.fail(format!("rejected with {} ({}){hint}", rejected.code, rejected.message));
        }
        if let (Some(id), Some(_)) = (line.id, &line.publish) {
            let number = (id as usize).saturating_sub(FIRST_ID);
            let Some(sent) = self.sent.get(connection).and_then(|sent| sent.get(number)) else {
                return self.ledger.fail(format!(
                    "connection {connection} received an acknowledgement of {id}, which it never sent"
                ));
            };
            self.acknowledgements.record(at.saturating_duration_since(*sent));
            self.acknowledged += 1;
            self.last_acknowledged = self.last_acknowledged.max(at);
            self.publish_next(connection);
        }
        let published = line.push.as_ref().and_then(|push| push.r#pub.as_ref());
        let Some(published) = published else { return };
        let Data { publisher, number } = published.data;
        self.ledger.delivered(connection, published);
        self.delivered += 1;
        if let Some(sent) = self.sent.get(publisher).and_then(|sent| sent.get(number)) {
            self.deliveries.record(at.saturating_duration_since(*sent));
        }
    }
}
