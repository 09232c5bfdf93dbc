//! Tests of sessions, their connections, and revocation.

use std::{future::Future, task::Poll};

use futures_util::future::join_all;

use super::*;

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
    assert_eq!(a.reader.end(), Some(ConnectionEnd::Cut(CloseReason::SessionRevoked.into())));
    drop((a, b));
    assert_eq!(revoking.await.unwrap(), CloseCounts { sockets_closed: 2, pending: 0 });
    assert!(c.outbox.is_open());
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_socket_that_is_not_severed_in_time_is_reported_as_pending() {
    let f = start(|settings| settings.revoke_wait = Duration::from_millis(20));
    let (session, stuck) = (SessionId::random(), socket());
    let _held = stuck.attach(&f.realtime, session).await.unwrap();
    let closed = f.realtime.revoke(&[session], Cause::Revoked).await;
    assert_eq!(closed, CloseCounts { sockets_closed: 0, pending: 1 });
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_connection_of_a_session_that_has_ended_is_refused_and_cut() {
    let f = start(|_| {});
    let (session, late) = (SessionId::random(), socket());
    f.realtime.revoke(&[session], Cause::SignedOut).await;
    let refused = late.attach(&f.realtime, session).await.err();
    assert_eq!(refused, Some(AttachError::Closed(CloseReason::SignedOut)));
    assert!(!late.outbox.is_open());
    f.realtime.stop();
}

#[actix_rt::test]
async fn after_a_role_change_a_session_accepts_only_credentials_that_were_verified_later() {
    let f = start(|_| {});
    let (session, before, after) = (SessionId::random(), socket(), socket());
    let verified_at = Instant::now();
    f.realtime.revoke(&[session], Cause::RoleChanged).await;
    let request = AttachRequest {
        session,
        revoked_all: RevocationId(0),
        connection: before.connection,
        identity: identity("7"),
        transport: Transport::WebSocket,
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

#[actix_rt::test]
async fn a_revocation_of_all_sessions_closes_only_sockets_of_sessions_that_were_opened_before() {
    let f = start(|_| {});
    let (old, new, late) = (socket(), socket(), socket());
    let request = |socket: &Socket, revoked_all| AttachRequest {
        session: SessionId::random(),
        revoked_all: RevocationId(revoked_all),
        connection: socket.connection,
        identity: identity("7"),
        transport: Transport::WebSocket,
        outbox: socket.outbox.clone(),
        address: None,
        now_ms: 0,
        verified_at: Instant::now(),
    };
    let _old = f.realtime.attach(&request(&old, 1)).await.unwrap();
    let _new = f.realtime.attach(&request(&new, 2)).await.unwrap();
    f.realtime.revoke_all(RevocationId(2), Cause::Revoked).await;
    assert!(!old.outbox.is_open());
    assert!(new.outbox.is_open());
    let refused = f.realtime.attach(&request(&late, 1)).await.err();
    assert_eq!(refused, Some(AttachError::Closed(CloseReason::SessionRevoked)));
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_credential_that_was_verified_before_a_check_of_all_sessions_is_refused() {
    let f = start(|_| {});
    let (before, after) = (socket(), socket());
    let session = SessionId::random();
    let request = AttachRequest {
        session,
        revoked_all: RevocationId(0),
        connection: before.connection,
        identity: identity("7"),
        transport: Transport::WebSocket,
        outbox: before.outbox.clone(),
        address: None,
        now_ms: 0,
        verified_at: Instant::now(),
    };
    f.realtime.refuse_verified_before_now();
    let refused = f.realtime.attach(&request).await.err();
    assert_eq!(refused, Some(AttachError::Closed(CloseReason::StateInvalidated)));
    assert!(after.attach(&f.realtime, session).await.is_ok());
    f.realtime.stop();
}

/// Registrations race with the revocation of their session. No interleaving may leave a connection open.
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
            // The connection's own task severs a connection that was cut.
            let cut = f.realtime.revoke(&ended, Cause::Revoked);
            let own_task = async {
                eventually(|| !racer.outbox.is_open()).await;
                racer.reader.sever();
            };
            futures_util::future::join(cut, own_task).await
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
    assert_eq!(second.attach(&f.realtime, session).await.err(), Some(AttachError::Limit));
    assert!(first.outbox.is_open() && second.outbox.is_open());
    f.realtime.stop();
}

#[actix_rt::test]
async fn draining_closes_every_connection_with_shutdown_and_refuses_new_ones() {
    let f = start(|settings| settings.close_wait = Duration::from_millis(50));
    let (session, open) = (SessionId::random(), socket());
    let _held = open.attach(&f.realtime, session).await.unwrap();
    open.outbox.push(Bytes::from_static(b"queued")).unwrap();
    f.realtime.drain(Duration::from_millis(20)).await;
    assert_eq!(open.received(), ["queued"], "queued frames leave first");
    assert_eq!(open.reader.end(), Some(ConnectionEnd::Flush(CloseReason::Shutdown.into())));
    let refused = socket().attach(&f.realtime, session).await.err();
    assert_eq!(refused, Some(AttachError::Closed(CloseReason::Shutdown)));
    f.realtime.stop();
}

#[actix_rt::test]
async fn draining_is_spread_over_the_connections_of_one_session() {
    let f = start(|settings| settings.close_wait = Duration::from_millis(50));
    let session = SessionId::random();
    let sockets: Vec<Socket> = (0..8).map(|_| socket()).collect();
    let held = join_all(sockets.iter().map(|socket| socket.attach(&f.realtime, session))).await;
    assert!(held.iter().all(Result::is_ok));
    let closed = || sockets.iter().filter(|socket| !socket.outbox.is_open()).count();
    let drained = f.realtime.drain(Duration::from_secs(2));
    let seen_partly_closed = async { eventually(|| (1..8).contains(&closed())).await };
    tokio::join!(drained, seen_partly_closed);
    assert_eq!(closed(), 8);
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_disconnect_lets_the_queue_leave_and_a_revocation_does_not() {
    let f = start(|settings| {
        settings.close_wait = Duration::from_millis(50);
        settings.revoke_wait = Duration::from_millis(50);
    });
    let (session, kicked, revoked) = (SessionId::random(), socket(), socket());
    let _held = kicked.attach(&f.realtime, session).await.unwrap();
    kicked.outbox.push(Bytes::from_static(b"you have been kicked")).unwrap();
    let selection = ConnectionSelection::of(Subject::new("7"));
    f.realtime.disconnect(&selection, &CloseReason::ForceDisconnect.into()).await;
    assert_eq!(kicked.received(), ["you have been kicked"]);
    let _also_held = revoked.attach(&f.realtime, session).await.unwrap();
    kicked.outbox.push(Bytes::from_static(b"late")).unwrap_err();
    revoked.outbox.push(Bytes::from_static(b"secret")).unwrap();
    f.realtime.revoke(&[session], Cause::Revoked).await;
    assert_eq!(revoked.received(), [""; 0]);
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_dropped_attach_leaves_no_connection_behind() {
    let f = start(|_| {});
    for polls in 0..4 {
        let (session, hasty) = (SessionId::random(), socket());
        let mut attach = Box::pin(hasty.attach(&f.realtime, session));
        // The future is dropped before its first poll, while it waits for the answer, and after the answer has
        // arrived.
        for _ in 0..polls {
            let answered = std::future::poll_fn(|cx| Poll::Ready(attach.as_mut().poll(cx).is_ready())).await;
            if answered {
                break;
            }
            actix_rt::time::sleep(Duration::from_millis(2)).await;
        }
        drop(attach);
        eventually(|| f.realtime.sessions_with_sockets().is_empty()).await;
        assert_eq!(f.realtime.open_connections(session), 0, "dropped after {polls} polls");
    }
    f.realtime.stop();
}
