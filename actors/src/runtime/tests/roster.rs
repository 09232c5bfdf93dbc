//! Tests of operations on all connections of a user: listings, requests and disconnects.

use protocol::{
    close::CloseMessage,
    subscription::{Overrides, ServerSubscription},
};

use super::*;

/// Waits for the next request to a connection.
async fn next_request(socket: &Socket) -> ConnectionRequest {
    let mut next = None;
    eventually(|| {
        next = socket.reader.next_request();
        next.is_some()
    })
    .await;
    next.unwrap()
}

/// Answers the next request to a connection, as the connection's own task would. The answer to a `refresh` is `done`.
async fn answer(socket: &Socket, done: bool) {
    match next_request(socket).await {
        ConnectionRequest::Describe(reply) => {
            let _ = reply
                .send(ConnectionDescription { name: "js".to_owned(), ..ConnectionDescription::default() });
        }
        ConnectionRequest::Refresh { expires_at: Some(7), reply, .. } => drop(reply.send(done)),
        other => panic!("{other:?}"),
    }
}

#[actix_rt::test]
async fn a_listing_has_the_connections_of_all_sessions_of_the_user_and_of_no_other_user() {
    let f = start(|settings| settings.revoke_wait = Duration::from_millis(50));
    let (a, b, other) = (socket(), socket(), socket());
    let _held = [
        a.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap(),
        b.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap(),
        other.attach_as(&f.realtime, SessionId::random(), identity("bob")).await.unwrap(),
    ];
    let subject = Subject::new("ada");
    let (found, _) = tokio::join!(f.realtime.connections_of(&subject), answer(&a, true));
    assert_eq!(found.len(), 2);
    for connected in &found {
        let id = connected.info.connection;
        assert!(id == a.connection || id == b.connection);
        assert_eq!(connected.info.identity.token.id.as_deref(), Some("of ada"));
        // The other connection did not answer in time, but it is listed.
        assert_eq!(connected.described.is_some(), id == a.connection);
    }
    f.realtime.stop();
}

#[actix_rt::test]
async fn the_number_of_listed_connections_is_limited() {
    let f = start(|settings| settings.revoke_wait = Duration::from_millis(50));
    let mut held = Vec::new();
    for _ in 0..=crate::runtime::CONNECTIONS_LISTED {
        let socket = socket();
        let attachment = socket.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap();
        held.push((socket, attachment));
    }
    let found = f.realtime.connections_of(&Subject::new("ada")).await;
    assert_eq!(found.len(), crate::runtime::CONNECTIONS_LISTED);
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_user_without_connections_is_not_remembered() {
    let f = start(|_| {});
    let held = socket().attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap();
    let kept = f.realtime.0.directory.sessions_of(&Subject::new("ada"));
    assert_eq!(kept.len(), 1);
    drop(held);
    eventually(|| f.realtime.0.directory.sessions_of(&Subject::new("ada")).is_empty()).await;
    assert!(f.realtime.connections_of(&Subject::new("ada")).await.is_empty());
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_disconnect_flushes_the_selected_connections_with_the_given_message_and_counts_them() {
    let f = start(|_| {});
    let (a, b, c) = (socket(), socket(), socket());
    let session = SessionId::random();
    let _held = [
        a.attach_as(&f.realtime, session, identity("ada")).await.unwrap(),
        b.attach_as(&f.realtime, session, identity("ada")).await.unwrap(),
        c.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap(),
    ];
    let close_message = CloseMessage::custom(4_100, "so long").unwrap();
    let selection = ConnectionSelection {
        session: Some(session),
        except: vec![b.connection],
        ..ConnectionSelection::of(Subject::new("ada"))
    };
    let severing = async {
        eventually(|| !a.outbox.is_open()).await;
        a.reader.sever();
    };
    let (closed, ()) = tokio::join!(f.realtime.disconnect(&selection, &close_message), severing);
    assert_eq!(closed, CloseCounts { sockets_closed: 1, pending: 0 });
    assert_eq!(a.outbox.end(), Some(ConnectionEnd::Flush(close_message)));
    assert!(b.outbox.is_open() && c.outbox.is_open());
    assert_eq!(f.realtime.open_connections(session), 2, "an ended connection stays until it is detached");
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_disconnect_of_one_connection_keeps_the_other_connections_of_its_user() {
    let f = start(|settings| settings.revoke_wait = Duration::from_millis(20));
    let (a, b) = (socket(), socket());
    let _held = [
        a.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap(),
        b.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap(),
    ];
    let selection = ConnectionSelection {
        connection: Some(b.connection),
        ..ConnectionSelection::of(Subject::new("ada"))
    };
    let closed = f.realtime.disconnect(&selection, &CloseReason::ForceDisconnect.into()).await;
    assert_eq!(closed, CloseCounts { sockets_closed: 0, pending: 1 });
    assert!(a.outbox.is_open() && !b.outbox.is_open());
    let again = f.realtime.disconnect(&selection, &CloseReason::ForceDisconnect.into()).await;
    assert_eq!(again, CloseCounts::default(), "the connection is ending already, and is not severed yet");
    let unknown = ConnectionSelection::of(Subject::new("unknown"));
    let closed = f.realtime.disconnect(&unknown, &CloseReason::ForceDisconnect.into()).await;
    assert_eq!(closed, CloseCounts::default());
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_request_waits_for_answers_and_counts_the_connections_that_carried_it_out() {
    let f = start(|settings| settings.revoke_wait = Duration::from_millis(100));
    let (quick, idle, busy, gone) = (socket(), socket(), socket(), socket());
    let _held = [
        idle.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap(),
        quick.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap(),
        busy.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap(),
        gone.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap(),
    ];
    gone.outbox.close(CloseReason::Expired);
    let subject = ConnectionSelection::of(Subject::new("ada"));
    let refresh = |reply| ConnectionRequest::Refresh { expires_at: Some(7), conn_info: None, reply };
    let requesting = f.realtime.request(&subject, refresh);
    let (done, (), ()) = tokio::join!(requesting, answer(&quick, true), answer(&idle, false));
    assert_eq!(done, RequestCounts { done: 1, pending: 1 });
    assert!(matches!(busy.reader.next_request(), Some(ConnectionRequest::Refresh { .. })));
    assert!(gone.reader.next_request().is_none());
    f.realtime.stop();
}

#[actix_rt::test]
async fn connections_that_end_during_a_request_are_not_counted() {
    let f = start(|settings| settings.revoke_wait = Duration::from_secs(60));
    let (leaving, closed, cut, severed) = (socket(), socket(), socket(), socket());
    // All four connections are in one session: when one of them has the request, all have it.
    let session = SessionId::random();
    let mut held = Vec::new();
    for socket in [&leaving, &closed, &cut, &severed] {
        held.push(socket.attach_as(&f.realtime, session, identity("ada")).await.unwrap());
    }
    let subject = ConnectionSelection::of(Subject::new("ada"));
    let refresh = |reply| ConnectionRequest::Refresh { expires_at: Some(7), conn_info: None, reply };
    let ending = async {
        let taken = next_request(&leaving).await;
        leaving.outbox.close(CloseReason::Expired);
        drop(taken);
        closed.outbox.close(CloseReason::Expired);
        cut.outbox.cut(CloseReason::SessionRevoked, None);
        severed.reader.sever();
    };
    let (done, ()) = tokio::join!(f.realtime.request(&subject, refresh), ending);
    assert_eq!(done, RequestCounts::default());
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_connection_that_ends_during_a_listing_is_not_listed() {
    let f = start(|settings| settings.revoke_wait = Duration::from_secs(60));
    let socket = socket();
    let _held = socket.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap();
    let subject = Subject::new("ada");
    let ending = async {
        let taken = next_request(&socket).await;
        socket.reader.sever();
        drop(taken);
    };
    let (found, ()) = tokio::join!(f.realtime.connections_of(&subject), ending);
    assert!(found.is_empty());
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_lost_subscription_counts_as_failed_unless_its_connection_has_ended() {
    let f = start(|_| {});
    let subscription = ServerSubscription {
        channel: channel("chat:a"),
        chan_info: None,
        data: None,
        recover: None,
        expires_at: None,
        overrides: Overrides::default(),
    };
    let internal = Some(protocol::ErrorCode::Internal);
    let failed = SubscribeCounts { failed: 1, error: internal, ..SubscribeCounts::default() };
    for (ends, expected) in [(false, failed), (true, SubscribeCounts::default())] {
        let socket = socket();
        let held = socket.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap();
        let subject = ConnectionSelection::of(Subject::new("ada"));
        let losing = async {
            let taken = next_request(&socket).await;
            if ends {
                socket.outbox.close_from_peer();
            }
            drop(taken);
        };
        let (counts, ()) = tokio::join!(f.realtime.subscribe(&subject, subscription.clone()), losing);
        assert_eq!(counts, expected, "ends: {ends}");
        drop(held);
        eventually(|| f.realtime.0.directory.sessions_of(&Subject::new("ada")).is_empty()).await;
    }
    f.realtime.stop();
}
