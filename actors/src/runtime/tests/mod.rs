//! Tests of all actors together, behind `Realtime`, with ports that write to memory and can be switched off.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use domain::risk::{History, sign_in_history::Attempted};
use logic::{
    denials::{Denial, DenialRecord, TokenMark},
    namespace::Terms,
    subscription::ConnectionDescription,
};
use parking_lot::Mutex;
use protocol::{
    Payload,
    audit::{AuditEvent, Outcome},
    channel_name::ChannelName,
    close::{Cause, CloseReason},
    id::{ConnectionId, DeviceId, RevocationId, SessionId, Subject, UserId},
};

use super::*;
use crate::runtime::channels::shard::{Hold, Panic};

mod channels;
mod deliveries;
mod denials;
mod durable;
mod ledger;
mod presence;
mod roster;
mod scores;
mod sessions;
mod upkeep;

/// The numbers of channel shards and of their threads. A test of an exact bound needs a single shard, because the bounds are
/// divided among the shards.
const SHARDS: usize = 3;
const ARBITERS: usize = 2;

#[derive(Default)]
struct Memory {
    events: Mutex<Vec<AuditEvent>>,
    seen: Mutex<Vec<SessionActivity>>,
    /// While a test holds this lock, no write of last-seen values ends.
    touch: tokio::sync::Mutex<()>,
    /// How many writes of last-seen values have begun.
    touches: AtomicUsize,
    histories: AtomicUsize,
    down: AtomicBool,
    refused: AtomicUsize,
    escalated: AtomicBool,
    journal: ledger::Ledger,
}

impl Memory {
    fn accept(&self) -> Result<(), WriteError> {
        if self.down.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(WriteError::Unavailable("switched off".to_owned()));
        }
        Ok(())
    }
}

struct Sink(Arc<Memory>);

impl AuditSink for Sink {
    fn write(&self, events: Vec<AuditEvent>) -> PortFuture<Result<(), WriteError>> {
        let memory = Arc::clone(&self.0);
        Box::pin(async move {
            memory.accept()?;
            if events.iter().any(|event| event.event == "poisonous") {
                return Err(WriteError::Refused("never".to_owned()));
            }
            memory.events.lock().extend(events);
            Ok(())
        })
    }
}

impl DeviceStore for Sink {
    fn touch(&self, seen: Vec<SessionActivity>) -> PortFuture<Result<(), WriteError>> {
        let memory = Arc::clone(&self.0);
        Box::pin(async move {
            memory.touches.fetch_add(1, Ordering::SeqCst);
            let _turn = memory.touch.lock().await;
            memory.accept()?;
            memory.seen.lock().extend(seen);
            Ok(())
        })
    }

    fn history(&self, _: UserId, _: IpAddr, at_ms: i64) -> PortFuture<Result<History, ReadError>> {
        let memory = Arc::clone(&self.0);
        Box::pin(async move {
            memory.accept().map_err(|error| ReadError(error.to_string()))?;
            memory.histories.fetch_add(1, Ordering::SeqCst);
            Ok(History { failures: vec![at_ms; 4], ..History::default() })
        })
    }
}

struct Fixture {
    realtime: Realtime,
    memory: Arc<Memory>,
    dir: tempfile::TempDir,
}

fn start(adjust: impl FnOnce(&mut RealtimeSettings)) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    let mut settings = RealtimeSettings {
        spill_file: dir.path().join("audit.spill"),
        channel_shards: SHARDS,
        channel_arbiters: ARBITERS,
        ..RealtimeSettings::default()
    };
    adjust(&mut settings);
    let escalated = Arc::clone(&memory);
    let ports = Ports {
        audit: Arc::new(Sink(Arc::clone(&memory))),
        devices: Arc::new(Sink(Arc::clone(&memory))),
        journal: Arc::new(memory.journal.clone()),
        wall_clock: WallClock::default(),
        escalate: Box::new(move || escalated.escalated.store(true, Ordering::SeqCst)),
    };
    Fixture { realtime: Realtime::start(settings, ports).unwrap(), memory, dir }
}

struct Socket {
    connection: ConnectionId,
    outbox: Outbox,
    reader: OutboxReader,
}

fn socket() -> Socket {
    let (outbox, reader) = outbox(1024 * 1024, protocol::Encoding::Json);
    Socket { connection: ConnectionId::random(), outbox, reader }
}

impl Socket {
    async fn attach(&self, realtime: &Realtime, session: SessionId) -> Result<Attachment, AttachError> {
        self.attach_as(realtime, session, identity("7")).await
    }

    async fn attach_as(
        &self,
        realtime: &Realtime,
        session: SessionId,
        identity: ConnectionIdentity,
    ) -> Result<Attachment, AttachError> {
        realtime
            .attach(&AttachRequest {
                session,
                revoked_all: RevocationId(0),
                connection: self.connection,
                identity,
                transport: Transport::WebSocket,
                outbox: self.outbox.clone(),
                address: None,
                now_ms: 0,
                verified_at: Instant::now(),
            })
            .await
    }

    fn received(&self) -> Vec<String> {
        let mut frames: Vec<Bytes> = Vec::new();
        self.reader.take(usize::MAX, &mut frames);
        frames.iter().map(|frame| String::from_utf8_lossy(frame).into_owned()).collect()
    }

    /// Waits until a frame has arrived, and returns the frames.
    async fn receive(&self) -> Vec<String> {
        eventually(|| self.outbox.queued_bytes() > 0).await;
        self.received()
    }
}

fn identity(subject: &str) -> ConnectionIdentity {
    ConnectionIdentity {
        subject: Subject::new(subject),
        account: None,
        issuer: "".into(),
        token: TokenMark { id: Some(format!("of {subject}").into()), issued_at_ms: Some(1_000) },
    }
}

async fn eventually(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition did not become true in time");
        actix_rt::time::sleep(Duration::from_millis(1)).await;
    }
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}
