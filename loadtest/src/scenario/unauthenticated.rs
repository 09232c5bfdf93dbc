//! `unauthenticated`: the memory that peers without a credential can occupy in the server, and the disturbance of other
//! clients.
//!
//! Each task opens a connection and sends as much as the server accepts, as fast as possible. When the server ends the
//! connection, the task opens a new one. Each kind of traffic could make a server buffer bytes: frames with a huge length,
//! fragments, and frames, bodies and heads that never end.

use std::{
    cell::Cell,
    net::IpAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args as ClapArgs;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::LocalSet,
    time::{sleep, timeout_at},
};

use crate::{
    connections::check_descriptors,
    failure::Failure,
    process::Process,
    report::{Latencies, Report},
    rest::Rest,
    stream::Stream,
    target::{Target, TargetArgs},
};

/// Number of connections of one address. This is below the limit of the server, so that the server does not refuse them.
const PER_ADDRESS: usize = 50;
/// Time between two connections of one task.
const PAUSE: Duration = Duration::from_millis(20);
/// Time between two requests of the other client.
const PROBE_EVERY: Duration = Duration::from_millis(100);
/// The approximate number of bytes of one write.
const CHUNK: usize = 16 * 1024;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// The number of connections at the same time.
    #[arg(long = "connections", default_value_t = 1000)]
    count: usize,
    /// The length of the run, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Fail if the server's memory grows by more than this many MiB.
    #[arg(long)]
    at_most: Option<f64>,
}

/// What a connection sends.
#[derive(Clone, Copy, Debug)]
enum Traffic {
    /// A WebSocket frame with a header that announces 2^40 bytes.
    EndlessFrame,
    /// A WebSocket frame of 64 KiB without its last byte.
    UnfinishedFrame,
    /// WebSocket fragments that never end a message.
    Fragments,
    /// An HTTP request with an endless body in chunks.
    EndlessBody,
    /// An HTTP request with an endless head.
    EndlessHead,
}

const TRAFFIC: [Traffic; 5] = [
    Traffic::EndlessFrame,
    Traffic::UnfinishedFrame,
    Traffic::Fragments,
    Traffic::EndlessBody,
    Traffic::EndlessHead,
];

#[derive(Default)]
struct Totals {
    connections: Cell<usize>,
    bytes: Cell<u64>,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let target = Arc::new(args.target.resolve().await?);
    let process = Process::new(target.pid.ok_or("the process id of the server is not known: give --pid")?)?;
    check_descriptors(args.count)?;
    let before = process.forget_peak()?;
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let totals = Rc::new(Totals::default());
    let local = LocalSet::new();
    for number in 0..args.count {
        let (target, totals) = (Arc::clone(&target), Rc::clone(&totals));
        let traffic = TRAFFIC[number % TRAFFIC.len()];
        local.spawn_local(async move {
            let source = target.source(number / PER_ADDRESS);
            while Instant::now() < end {
                // A new connection follows, no matter how this one ended.
                let _ = timeout_at(end.into(), send(&target, source, traffic, &totals)).await;
                sleep(PAUSE).await;
            }
        });
    }
    let (times, failed) = local.run_until(probe(&target, args.count, end)).await?;
    local.await;

    let grown = (process.peak()?.saturating_sub(before)) as f64 / 1024.0;
    let mut report = Report::default();
    report.count("connections_at_once", args.count);
    report.count("connections_in_all", totals.connections.get());
    report.figure("sent_mib", totals.bytes.get() as f64 / (1024.0 * 1024.0));
    report.figure("server_memory_grew_by_mib", grown);
    report.latencies("health_of_another_client", &times);
    report.count("health_failed", failed);
    report.check(failed == 0, || format!("{failed} requests of another client failed"));
    if let Some(limit) = args.at_most {
        report.check(grown <= limit, || format!("memory grew by {grown:.1} MiB, above {limit} MiB"));
    }
    Ok(report)
}

/// Sends requests as another client until `end`. Returns their times, and how many of them failed.
async fn probe(target: &Target, count: usize, end: Instant) -> Result<(Latencies, usize), Failure> {
    let rest = Rest::new(target, target.source(count / PER_ADDRESS + 1))?;
    let (mut times, mut failed) = (Latencies::new(), 0);
    while Instant::now() < end {
        let start = Instant::now();
        match rest.live().await {
            Ok(()) => times.record(start.elapsed()),
            Err(_) => failed += 1,
        }
        sleep(PROBE_EVERY).await;
    }
    Ok((times, failed))
}

/// Runs one connection until the server ends it.
async fn send(
    target: &Target,
    source: Option<IpAddr>,
    traffic: Traffic,
    totals: &Totals,
) -> Result<(), Failure> {
    let mut stream = Stream::connect(target, source).await?;
    totals.connections.set(totals.connections.get() + 1);
    stream.write_all(traffic.opening(&target.authority).as_bytes()).await?;
    stream.flush().await?;
    if traffic.is_websocket() {
        let mut answer = [0; 512];
        if stream.read(&mut answer).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(&traffic.header()).await?;
    let chunk = traffic.chunk();
    let mut left = traffic.length();
    while left > 0 {
        let size = left.min(chunk.len());
        stream.write_all(&chunk[..size]).await?;
        stream.flush().await?;
        totals.bytes.set(totals.bytes.get() + size as u64);
        left -= size;
    }
    // Everything is sent. The connection stays open until the server ends it.
    let mut rest = [0; 512];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

impl Traffic {
    fn is_websocket(self) -> bool {
        matches!(self, Self::EndlessFrame | Self::UnfinishedFrame | Self::Fragments)
    }

    fn opening(self, authority: &str) -> String {
        match self {
            Self::EndlessFrame | Self::UnfinishedFrame | Self::Fragments => format!(
                "GET /connection/websocket HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            ),
            Self::EndlessBody => format!(
                "POST /api/v1/auth/jwt/login HTTP/1.1\r\nHost: {authority}\r\n\
                 Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            ),
            Self::EndlessHead => format!("GET /health/live HTTP/1.1\r\nHost: {authority}\r\nX-Padding: "),
        }
    }

    /// The bytes that are sent once, before the chunks. Frames are masked with zeros.
    fn header(self) -> Vec<u8> {
        match self {
            Self::EndlessFrame => [&[0x82, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat(),
            Self::UnfinishedFrame => [&[0x82, 0xff][..], &65_536_u64.to_be_bytes(), &[0; 4]].concat(),
            // A first fragment of one byte.
            Self::Fragments => vec![0x02, 0x81, 0, 0, 0, 0, b'x'],
            Self::EndlessBody | Self::EndlessHead => Vec::new(),
        }
    }

    /// The bytes that are sent again and again after the header.
    fn chunk(self) -> Vec<u8> {
        match self {
            Self::Fragments => [0x00, 0x81, 0, 0, 0, 0, b'x'].repeat(CHUNK / 7),
            Self::EndlessBody => {
                [format!("{CHUNK:x}\r\n").into_bytes(), vec![b' '; CHUNK], b"\r\n".to_vec()].concat()
            }
            Self::EndlessFrame | Self::UnfinishedFrame | Self::EndlessHead => vec![b' '; CHUNK],
        }
    }

    /// How many bytes of chunks are sent.
    fn length(self) -> usize {
        match self {
            Self::UnfinishedFrame => 65_535,
            _ => usize::MAX,
        }
    }
}
