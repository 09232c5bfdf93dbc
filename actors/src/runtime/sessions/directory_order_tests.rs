//! Tests of every order of the steps of a connection's registration and of its session's revocation.
//!
//! The registration, the revocation and the end of another connection are divided into steps. Every merge of these three
//! sequences of steps (a schedule) runs against a real `Directory` with real session actors. The test tool `shuttle` cannot run
//! actix's arbiters, so this file makes the schedules itself. Each step runs to its end before the next one starts, and
//! messages of one sender arrive in order.

use std::{future::Future, pin::Pin, task::Poll};

use actix_rt::Arbiter;
use protocol::{Encoding, id::ConnectionId};

use super::*;
use crate::runtime::{
    connection::outbox::{Outbox, OutboxReader, outbox},
    sessions::types::{ConnectionIdentity, Transport},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The session's actor is looked up and receives the message; its answer is not awaited yet.
    SendAttach,
    /// The answer of the session's actor is awaited.
    AwaitAttach,
    /// The tombstone and the denials are looked up.
    Admit,
    /// The tombstone or the denial is written.
    Record,
    /// The session is looked up and its connections are cut.
    Cut,
    /// The only other connection is detached. The session's actor stops if it then has no connection.
    Leave,
}

const REGISTRATION: [Step; 3] = [Step::SendAttach, Step::AwaitAttach, Step::Admit];
const REVOCATION: [Step; 2] = [Step::Record, Step::Cut];

/// Every merge of these sequences that keeps the order within each sequence.
fn schedules(sequences: &[&[Step]]) -> Vec<Vec<Step>> {
    if sequences.iter().all(|sequence| sequence.is_empty()) {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (number, sequence) in sequences.iter().enumerate() {
        let Some((first, rest)) = sequence.split_first() else { continue };
        let mut left = sequences.to_vec();
        left[number] = rest;
        all.extend(schedules(&left).into_iter().map(|tail| [vec![*first], tail].concat()));
    }
    all
}

fn request(session: SessionId) -> (AttachRequest, OutboxReader) {
    let (outbox, reader) = outbox(1024, Encoding::Json);
    let identity = ConnectionIdentity {
        subject: Subject::new("ada"),
        account: None,
        issuer: "".into(),
        token: TokenMark::default(),
    };
    let connection = ConnectionId::random();
    let request = AttachRequest {
        session,
        revoked_all: RevocationId(0),
        connection,
        identity,
        transport: Transport::WebSocket,
        outbox,
        address: None,
        now_ms: 0,
        verified_at: Instant::now(),
    };
    (request, reader)
}

/// What ends the trust in the connections of the session in a schedule.
#[derive(Clone, Copy, Debug)]
enum Way {
    Tombstone,
    Denial,
    AllSessions,
}

fn record(directory: &Directory, session: SessionId, way: Way) {
    match way {
        Way::Tombstone => directory.record_session_end(session, Cause::Revoked),
        Way::AllSessions => directory.record_end_of_all(RevocationId(1)),
        Way::Denial => {
            let denial = Denial::User { subject: Subject::new("ada"), lifted: false };
            directory.apply(&[DenialRecord { id: 1, denial, until_ms: None }], 0);
        }
    }
}

async fn cut(directory: &Arc<Directory>, session: SessionId, way: Way) {
    match way {
        Way::Tombstone => directory.cut(session, CloseReason::SessionRevoked, &CloseWaiter::default()),
        Way::AllSessions => {
            for session in directory.sessions_before(RevocationId(1)) {
                directory.cut(session, CloseReason::SessionRevoked, &CloseWaiter::default());
            }
        }
        Way::Denial => {
            let sessions = directory.sessions_of(&Subject::new("ada"));
            let rule: DisconnectRule = Arc::new(|_, _| Some(CloseReason::AccountDisabled.into()));
            directory.disconnect(&sessions, &rule, Manner::Cut, Duration::ZERO).await;
        }
    }
}

type Registration = Pin<Box<dyn Future<Output = Result<Attachment, AttachError>>>>;

fn registration(directory: &Arc<Directory>, session: SessionId, outbox: &Outbox) -> Registration {
    let (mut attach, _) = request(session);
    attach.outbox = outbox.clone();
    let directory = Arc::clone(directory);
    Box::pin(async move { directory.register(&attach).await })
}

/// Runs one schedule; returns whether the connection is closed when all steps and messages are done.
async fn closes(arbiter: &Arbiter, schedule: &[Step], way: Way) -> bool {
    let directory = Directory::new(arbiter.handle(), Live::default(), Duration::from_secs(60));
    let session = SessionId::random();
    let (other, _other_reader) = request(session);
    let mut other = Some(directory.register(&other).await.ok());
    let (racer, _reader) = request(session);
    let mut pending = Some(registration(&directory, session, &racer.outbox));
    let (mut early, mut attached) = (None, None);
    for step in schedule {
        match step {
            Step::SendAttach => {
                let registering = pending.as_mut().unwrap();
                early = std::future::poll_fn(|cx| {
                    Poll::Ready(match registering.as_mut().poll(cx) {
                        Poll::Ready(result) => Some(result),
                        Poll::Pending => None,
                    })
                })
                .await;
            }
            Step::AwaitAttach => {
                let registering = pending.take().unwrap();
                attached = Some(match early.take() {
                    Some(result) => result,
                    None => registering.await,
                });
            }
            Step::Admit => drop(directory.admit(&racer)),
            Step::Record => record(&directory, session, way),
            Step::Cut => cut(&directory, session, way).await,
            Step::Leave => drop(other.take()),
        }
    }
    // This message is the last in the session's mailbox, so its answer means that all earlier ones were handled.
    directory.describe(session).await;
    drop(attached);
    !racer.outbox.is_open()
}

#[actix_rt::test]
async fn no_order_of_attach_and_revoke_leaves_an_open_connection() {
    let arbiter = Arbiter::new();
    let all = schedules(&[&REGISTRATION, &REVOCATION, &[Step::Leave]]);
    assert_eq!(all.len(), 60);
    for way in [Way::Tombstone, Way::Denial, Way::AllSessions] {
        for schedule in &all {
            assert!(closes(&arbiter, schedule, way).await, "{way:?} {schedule:?} leaves a connection open");
        }
    }
    arbiter.stop();
}

/// Shows that the schedules can reveal a race: here a registration looks for the tombstone before it registers, or a revocation
/// looks for the session before it records the end.
#[actix_rt::test]
async fn the_wrong_order_of_steps_leaves_an_open_connection_in_some_schedule() {
    let arbiter = Arbiter::new();
    let early_check = [Step::Admit, Step::SendAttach, Step::AwaitAttach];
    let early_cut = [Step::Cut, Step::Record];
    for (registration, revocation) in [(early_check, REVOCATION), (REGISTRATION, early_cut)] {
        let mut open = 0;
        for schedule in schedules(&[&registration, &revocation]) {
            open += usize::from(!closes(&arbiter, &schedule, Way::Tombstone).await);
        }
        assert!(open > 0, "{registration:?} {revocation:?}");
    }
    arbiter.stop();
}

/// The registration runs on a thread of its own: if it locked an entry twice, it would never return.
#[actix_rt::test]
async fn a_registration_whose_actor_cannot_be_started_fails_without_a_deadlock() {
    let arbiter = Arbiter::new();
    let directory = Directory::new(arbiter.handle(), Live::default(), Duration::from_secs(60));
    arbiter.stop();
    arbiter.join().unwrap();
    let (ended, outcome) = std::sync::mpsc::channel();
    let session = SessionId::random();
    let registering = Arc::clone(&directory);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (attach, _reader) = request(session);
        let refused = runtime.block_on(registering.register(&attach)).err();
        ended.send((refused, registering.open_connections(session))).unwrap();
    });
    let refused = outcome.recv_timeout(Duration::from_secs(10)).expect("the registration returns");
    assert_eq!(refused, (Some(AttachError::Unavailable), 0));
}
