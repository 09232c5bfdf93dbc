//! Listing, requesting and disconnecting the connections of a user.

use protocol::{
    close::CloseMessage,
    subscription::{Overrides, ServerSubscription},
};

use super::*;

/// Waits for the next request to a connection.
async fn asked(socket: &Socket) -> ConnectionRequest {
    let mut next = None;
    eventually(|| {
        next = socket.reader.next_request();
        next.is_some()
    })
    .await;
    next.unwrap()
}

/// Answers the next request to a connection, as its own task would. The answer to a `refresh` is `done`.
async fn answer(socket: &Socket, done: bool) {
    match asked(socket).await {
        ConnectionRequest::Describe(reply) => {
            let _ = reply
                .send(ConnectionDescription { name: "js".to_owned(), ..ConnectionDescription::default() });
        }
        ConnectionRequest::Refresh { expires_at: Some(7), reply, .. } => drop(reply.send(done)),
        other => panic!("{other:?}"),
    }
}

#[actix_rt::test]
async fn a_users_connections_are_found_in_all_of_their_sessions_and_no_others() {
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
        let place = socket.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap();
        held.push((socket, place));
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
    assert_eq!(f.realtime.open_connections(session), 2, "a cut connection stays until it has left");
    f.realtime.stop();
}

#[actix_rt::test]
async fn disconnecting_one_connection_leaves_the_users_others() {
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
    let nobody = ConnectionSelection::of(Subject::new("nobody"));
    let closed = f.realtime.disconnect(&nobody, &CloseReason::ForceDisconnect.into()).await;
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
    let telling = f.realtime.request(&subject, refresh);
    let (done, (), ()) = tokio::join!(telling, answer(&quick, true), answer(&idle, false));
    assert_eq!(done, RequestCounts { done: 1, pending: 1 });
    assert!(matches!(busy.reader.next_request(), Some(ConnectionRequest::Refresh { .. })));
    assert!(gone.reader.next_request().is_none());
    f.realtime.stop();
}

#[actix_rt::test]
async fn connections_that_end_during_a_request_are_not_counted() {
    let f = start(|settings| settings.revoke_wait = Duration::from_secs(60));
    let (leaving, closed, cut, severed) = (socket(), socket(), socket(), socket());
    // All four are in one session, so they all have the request as soon as one of them has it.
    let session = SessionId::random();
    let mut held = Vec::new();
    for socket in [&leaving, &closed, &cut, &severed] {
        held.push(socket.attach_as(&f.realtime, session, identity("ada")).await.unwrap());
    }
    let subject = ConnectionSelection::of(Subject::new("ada"));
    let refresh = |reply| ConnectionRequest::Refresh { expires_at: Some(7), conn_info: None, reply };
    let ending = async {
        let taken = asked(&leaving).await;
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
        let taken = asked(&socket).await;
        socket.reader.sever();
        drop(taken);
    };
    let (found, ()) = tokio::join!(f.realtime.connections_of(&subject), ending);
    assert!(found.is_empty());
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_subscription_fails_with_its_channel_but_not_with_its_connection() {
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
    for (ends, made) in [(false, failed), (true, SubscribeCounts::default())] {
        let socket = socket();
        let held = socket.attach_as(&f.realtime, SessionId::random(), identity("ada")).await.unwrap();
        let subject = ConnectionSelection::of(Subject::new("ada"));
        let losing = async {
            let taken = asked(&socket).await;
            if ends {
                socket.outbox.close_from_peer();
            }
            drop(taken);
        };
        let (said, ()) = tokio::join!(f.realtime.subscribe(&subject, subscription.clone()), losing);
        assert_eq!(said, made, "ends: {ends}");
        drop(held);
        eventually(|| f.realtime.0.directory.sessions_of(&Subject::new("ada")).is_empty()).await;
    }
    f.realtime.stop();
}
