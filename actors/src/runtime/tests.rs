//! The actors together, behind `Realtime`, with ports that write to memory and can be switched off.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::Mutex;

use super::{channel_shard::Panic, *};
use crate::{
    audit::{AuditEvent, Outcome},
    close::{Cause, CloseReason},
    id::{ConnectionId, DeviceId, SessionId, UserId},
    protocol::Payload,
};

#[derive(Default)]
struct Memory {
    events: Mutex<Vec<AuditEvent>>,
    seen: Mutex<Vec<Seen>>,
    down: AtomicBool,
    refused: AtomicUsize,
    escalated: AtomicBool,
}

impl Memory {
    fn accept(&self) -> Result<(), NotWritten> {
        if self.down.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(NotWritten("switched off".to_owned()));
        }
        Ok(())
    }
}

struct Sink(Arc<Memory>);

impl AuditSink for Sink {
    fn write(&self, events: Vec<AuditEvent>) -> PortFuture<Result<(), NotWritten>> {
        let memory = Arc::clone(&self.0);
        Box::pin(async move {
            memory.accept()?;
            memory.events.lock().extend(events);
            Ok(())
        })
    }
}

impl DeviceStore for Sink {
    fn touch(&self, seen: Vec<Seen>) -> PortFuture<Result<(), NotWritten>> {
        let memory = Arc::clone(&self.0);
        Box::pin(async move {
            memory.accept()?;
            memory.seen.lock().extend(seen);
            Ok(())
        })
    }
}

struct Fixture {
    realtime: Realtime,
    memory: Arc<Memory>,
    _dir: tempfile::TempDir,
}

fn start(adjust: impl FnOnce(&mut RealtimeSettings)) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    let mut settings = RealtimeSettings {
        spill_file: dir.path().join("audit.spill"),
        channel_shards: 1,
        ..RealtimeSettings::default()
    };
    adjust(&mut settings);
    let escalated = Arc::clone(&memory);
    let ports = Ports {
        audit: Arc::new(Sink(Arc::clone(&memory))),
        devices: Arc::new(Sink(Arc::clone(&memory))),
        escalate: Box::new(move || escalated.escalated.store(true, Ordering::SeqCst)),
    };
    Fixture {
        realtime: Realtime::start(settings, ports).unwrap(),
        memory,
        _dir: dir,
    }
}

struct Socket {
    connection: ConnectionId,
    outbox: Outbox,
    reader: OutboxReader,
}

fn socket() -> Socket {
    let (outbox, reader) = outbox(1024 * 1024);
    Socket {
        connection: ConnectionId::random(),
        outbox,
        reader,
    }
}

impl Socket {
    async fn attach(&self, realtime: &Realtime, session: SessionId) -> Result<Attachment, AttachError> {
        realtime
            .attach(&AttachRequest {
                session,
                connection: self.connection,
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
        frames
            .iter()
            .map(|frame| String::from_utf8_lossy(frame).into_owned())
            .collect()
    }

    /// Waits until something is there; the test's own timeout bounds it.
    async fn receive(&self) -> Vec<String> {
        eventually(|| self.outbox.queued_bytes() > 0).await;
        self.received()
    }
}

async fn eventually(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "what was waited for did not happen");
        actix_rt::time::sleep(Duration::from_millis(1)).await;
    }
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

#[actix_rt::test]
async fn a_revocation_cuts_every_connection_of_the_session_and_counts_them() {
    let f = start(|_| {});
    let (session, other) = (SessionId::random(), SessionId::random());
    let (a, b, c) = (socket(), socket(), socket());
    let _held = [
        a.attach(&f.realtime, session).await.unwrap(),
        b.attach(&f.realtime, session).await.unwrap(),
        c.attach(&f.realtime, other).await.unwrap(),
    ];
    let realtime = f.realtime.clone();
    let revoking = actix_rt::spawn(async move { realtime.revoke(&[session], Cause::Revoked).await });
    eventually(|| !a.outbox.is_open() && !b.outbox.is_open()).await;
    assert_eq!(a.reader.end(), Some(End::Cut(CloseReason::SessionRevoked)));
    drop((a, b));
    assert_eq!(
        revoking.await.unwrap(),
        Closed {
            sockets_closed: 2,
            pending: 0
        }
    );
    assert!(c.outbox.is_open());
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_socket_that_is_not_severed_in_time_is_reported_as_pending() {
    let f = start(|settings| settings.revoke_wait = Duration::from_millis(20));
    let (session, stuck) = (SessionId::random(), socket());
    let _held = stuck.attach(&f.realtime, session).await.unwrap();
    let closed = f.realtime.revoke(&[session], Cause::Revoked).await;
    assert_eq!(
        closed,
        Closed {
            sockets_closed: 0,
            pending: 1
        }
    );
    f.realtime.stop();
}

#[actix_rt::test]
async fn nothing_registers_with_a_session_that_has_ended() {
    let f = start(|_| {});
    let (session, late) = (SessionId::random(), socket());
    f.realtime.revoke(&[session], Cause::SignedOut).await;
    let refused = late.attach(&f.realtime, session).await.err();
    assert_eq!(refused, Some(AttachError::Closed(CloseReason::SignedOut)));
    assert!(!late.outbox.is_open());
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_role_change_closes_sockets_but_lets_the_session_come_back() {
    let f = start(|_| {});
    let (session, before, after) = (SessionId::random(), socket(), socket());
    let verified_at = Instant::now();
    f.realtime.revoke(&[session], Cause::RoleChanged).await;
    let request = AttachRequest {
        session,
        connection: before.connection,
        outbox: before.outbox.clone(),
        address: None,
        now_ms: 0,
        verified_at,
    };
    let refused = f.realtime.attach(&request).await.err();
    assert_eq!(refused, Some(AttachError::Closed(CloseReason::StateInvalidated)));
    assert!(after.attach(&f.realtime, session).await.is_ok());
    f.realtime.stop();
}

/// Registrations racing with the revocation of their session: whatever the interleaving, none stays open.
#[actix_rt::test]
async fn no_interleaving_of_attach_and_revoke_leaves_an_open_connection() {
    let f = start(|_| {});
    for round in 0..300_u32 {
        let session = SessionId::random();
        let racer = socket();
        let attach = async {
            for _ in 0..round % 7 {
                tokio::task::yield_now().await;
            }
            racer.attach(&f.realtime, session).await
        };
        let revoke = async {
            for _ in 0..round % 5 {
                tokio::task::yield_now().await;
            }
            let ended = [session];
            // The pump of a cut connection severs it.
            let cut = f.realtime.revoke(&ended, Cause::Revoked);
            let pump = async {
                eventually(|| !racer.outbox.is_open()).await;
                racer.reader.sever();
            };
            futures_util::future::join(cut, pump).await
        };
        let (_held, _) = futures_util::future::join(attach, revoke).await;
        assert!(!racer.outbox.is_open(), "round {round}");
        eventually(|| f.realtime.open_connections(session) == 0).await;
    }
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_session_without_connections_leaves_the_directory_and_can_return() {
    let f = start(|_| {});
    let session = SessionId::random();
    let held = socket().attach(&f.realtime, session).await.unwrap();
    assert_eq!(f.realtime.open_connections(session), 1);
    drop(held);
    eventually(|| f.realtime.sessions_with_sockets().is_empty()).await;
    let again = socket();
    let _held = again.attach(&f.realtime, session).await.unwrap();
    assert_eq!(f.realtime.describe(session).await.len(), 1);
    f.realtime.stop();
}

#[actix_rt::test]
async fn one_connection_over_the_limit_is_refused_and_the_others_stay() {
    let f = start(|settings| settings.connections_per_session = 1);
    let (session, first, second) = (SessionId::random(), socket(), socket());
    let _held = first.attach(&f.realtime, session).await.unwrap();
    assert_eq!(
        second.attach(&f.realtime, session).await.err(),
        Some(AttachError::Limit)
    );
    assert!(first.outbox.is_open() && second.outbox.is_open());
    f.realtime.stop();
}

#[actix_rt::test]
async fn the_subscribe_reply_precedes_the_channels_first_push() {
    let f = start(|_| {});
    let (a, lobby) = (socket(), channel("chat:lobby"));
    f.realtime
        .join(lobby.clone(), a.connection, a.outbox.clone(), 1)
        .unwrap();
    let data = Payload::parse(r#"{"text":"hi"}"#).unwrap();
    f.realtime
        .publish(lobby, data, UserId(7), a.connection, a.outbox.clone(), 2)
        .unwrap();
    eventually(|| a.outbox.queued_bytes() > 120).await;
    let received = a.received();
    assert_eq!(received[0], r#"{"id":1,"subscribe":{}}"#);
    assert!(received[1].starts_with(r#"{"push":{"channel":"chat:lobby","pub":{"data":{"text":"hi"}"#));
    assert_eq!(received[2], r#"{"id":2,"publish":{}}"#);
    f.realtime.stop();
}

#[actix_rt::test]
async fn nothing_of_a_cut_connection_is_delivered() {
    let f = start(|_| {});
    let (revoked, listener, lobby) = (socket(), socket(), channel("chat:lobby"));
    f.realtime
        .join(lobby.clone(), listener.connection, listener.outbox.clone(), 1)
        .unwrap();
    listener.receive().await;
    revoked.outbox.cut(CloseReason::SessionRevoked, None);
    let data = || Payload::parse("1").unwrap();
    let (connection, outbox) = (revoked.connection, revoked.outbox.clone());
    f.realtime
        .publish(lobby.clone(), data(), UserId(1), connection, outbox, 1)
        .unwrap();
    let (connection, outbox) = (listener.connection, listener.outbox.clone());
    f.realtime
        .publish(lobby, data(), UserId(2), connection, outbox, 2)
        .unwrap();
    eventually(|| listener.outbox.queued_bytes() > 60).await;
    let received = listener.received().join("\n");
    assert!(
        received.contains(r#""user":"2""#) && !received.contains(r#""user":"1""#),
        "{received}"
    );
    f.realtime.stop();
}

#[actix_rt::test]
async fn subscribers_of_a_shard_that_dies_are_told_to_come_back() {
    let f = start(|_| {});
    let (a, lobby) = (socket(), channel("chat:lobby"));
    let membership = f
        .realtime
        .join(lobby.clone(), a.connection, a.outbox.clone(), 1)
        .unwrap();
    a.receive().await;
    f.realtime.shard(&lobby).control(Panic);
    let told = a.receive().await;
    assert!(told[0].contains(r#""unsubscribe":{"code":2500"#), "{told:?}");
    eventually(|| {
        f.realtime
            .join(lobby.clone(), a.connection, a.outbox.clone(), 2)
            .is_ok()
    })
    .await;
    assert!(!f.realtime.still_member(&lobby, membership));
    assert!(!f.memory.escalated.load(Ordering::SeqCst));
    f.realtime.stop();
}

#[actix_rt::test]
async fn too_many_deaths_in_a_short_time_stop_the_process() {
    let f = start(|_| {});
    let lobby = channel("chat:lobby");
    for generation in 1..=4 {
        eventually(|| f.realtime.shard(&lobby).generation() == generation).await;
        f.realtime.shard(&lobby).control(Panic);
    }
    eventually(|| f.memory.escalated.load(Ordering::SeqCst)).await;
    f.realtime.stop();
}

#[actix_rt::test]
async fn audit_events_wait_for_the_database_and_arrive_in_order() {
    let f = start(|settings| settings.audit_interval = Duration::from_millis(1));
    f.memory.down.store(true, Ordering::SeqCst);
    for n in 0..5 {
        f.realtime
            .record(AuditEvent::new(&format!("n.{n}"), Outcome::Success, n))
            .await
            .unwrap();
    }
    eventually(|| f.memory.refused.load(Ordering::SeqCst) > 1).await;
    f.memory.down.store(false, Ordering::SeqCst);
    eventually(|| f.memory.events.lock().len() == 5).await;
    let names: Vec<String> = f
        .memory
        .events
        .lock()
        .iter()
        .map(|event| event.event.clone())
        .collect();
    assert_eq!(names, ["n.0", "n.1", "n.2", "n.3", "n.4"]);
    f.realtime.stop();
}

#[actix_rt::test]
async fn last_seen_values_of_one_session_are_written_once_per_batch() {
    let f = start(|settings| settings.touch_interval = Duration::from_secs(3600));
    let (session, device) = (SessionId::random(), DeviceId::random());
    for (at_ms, generation) in [(5, 1), (9, 0), (7, 2)] {
        f.realtime.seen(Seen {
            user: UserId(1),
            session,
            device,
            address: None,
            at_ms,
            generation,
        });
    }
    assert!(f.realtime.flush(Duration::from_secs(5)).await);
    let seen = f.memory.seen.lock().clone();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].at_ms, seen[0].generation), (9, 2));
    f.realtime.stop();
}

#[actix_rt::test]
async fn draining_closes_every_connection_with_shutdown_and_accepts_none() {
    let f = start(|settings| settings.revoke_wait = Duration::from_millis(50));
    let (session, open) = (SessionId::random(), socket());
    let _held = open.attach(&f.realtime, session).await.unwrap();
    f.realtime.drain(Duration::from_millis(20)).await;
    assert_eq!(open.reader.end(), Some(End::Cut(CloseReason::Shutdown)));
    let refused = socket().attach(&f.realtime, session).await.err();
    assert_eq!(refused, Some(AttachError::Closed(CloseReason::Shutdown)));
    f.realtime.stop();
}
