//! Tests of deliveries behind the gate of a node. Either the gate was not renewed in time (for example because the process was
//! paused), or connections wait too long.

use super::*;

/// A connection behind the gate of the node.
fn gated(f: &Fixture) -> Socket {
    let (outbox, reader) = f.realtime.outbox(1024 * 1024, protocol::Encoding::Json);
    Socket { connection: ConnectionId::random(), outbox, reader }
}

#[actix_rt::test]
async fn deliveries_after_a_missed_renewal_wait_until_they_are_released() {
    let f = start(|_| {});
    let (subscriber, speaker, lobby) = (gated(&f), socket(), channel("ephemeral:lobby"));
    subscriber.join(&f, &lobby, 1).unwrap();
    subscriber.receive().await;
    f.realtime.renew_deliveries(Instant::now() + Duration::from_secs(60));
    speaker.publish(&f, &lobby, 7, "1", 1);
    assert!(subscriber.receive().await.concat().contains(r#""data":1"#));
    f.realtime.renew_deliveries(Instant::now());
    speaker.publish(&f, &lobby, 7, "2", 2);
    eventually(|| subscriber.outbox.queued_bytes() > 0).await;
    assert!(f.realtime.holds_deliveries() && subscriber.received().is_empty());
    assert_eq!(f.realtime.held_connections(), 1);
    f.realtime.renew_deliveries(Instant::now() + Duration::from_secs(60));
    assert_eq!(f.realtime.release_deliveries().await, 1);
    assert!(subscriber.received().concat().contains(r#""data":2"#));
    f.realtime.stop();
}

#[actix_rt::test]
async fn held_connections_end_after_the_limit_and_the_others_are_released() {
    let f = start(|_| {});
    let (long, short, idle, lobby) = (gated(&f), gated(&f), gated(&f), channel("ephemeral:lobby"));
    let (began, limit) = (Instant::now(), Duration::from_secs(30));
    for (at, socket) in [(0, &long), (20, &short)] {
        f.realtime.hold_deliveries(began + Duration::from_secs(at));
        socket.join(&f, &lobby, 1).unwrap();
        eventually(|| socket.outbox.queued_bytes() > 0).await;
        assert!(socket.received().is_empty());
    }
    assert_eq!(f.realtime.end_held_connections(limit).await, 0);
    f.realtime.hold_deliveries(began + limit);
    assert_eq!((f.realtime.end_held_connections(limit).await, f.realtime.held_connections()), (1, 1));
    assert!(!long.outbox.is_open() && short.outbox.is_open() && idle.outbox.is_open());
    assert_eq!(f.realtime.release_deliveries().await, 1);
    assert_eq!(short.received().len(), 1);
    f.realtime.stop();
}
