//! Channel shards, and what their death means.

use super::*;

#[actix_rt::test]
async fn the_subscribe_reply_precedes_the_channels_first_push() {
    let f = start(|_| {});
    let (a, lobby) = (socket(), channel("chat:lobby"));
    f.realtime.join(lobby.clone(), a.connection, a.outbox.clone(), 1).unwrap();
    let data = Payload::parse(r#"{"text":"hi"}"#).unwrap();
    f.realtime.publish(lobby, data, UserId(7).into(), a.connection, a.outbox.clone(), 2).unwrap();
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
    f.realtime.join(lobby.clone(), listener.connection, listener.outbox.clone(), 1).unwrap();
    listener.receive().await;
    revoked.outbox.cut(CloseReason::SessionRevoked, None);
    let data = || Payload::parse("1").unwrap();
    let (connection, outbox) = (revoked.connection, revoked.outbox.clone());
    f.realtime.publish(lobby.clone(), data(), UserId(1).into(), connection, outbox, 1).unwrap();
    let (connection, outbox) = (listener.connection, listener.outbox.clone());
    f.realtime.publish(lobby, data(), UserId(2).into(), connection, outbox, 2).unwrap();
    eventually(|| listener.outbox.queued_bytes() > 60).await;
    let received = listener.received().join("\n");
    assert!(received.contains(r#""user":"2""#) && !received.contains(r#""user":"1""#), "{received}");
    f.realtime.stop();
}

#[actix_rt::test]
async fn subscribers_of_a_shard_that_dies_are_told_to_come_back() {
    let f = start(|_| {});
    let (a, lobby) = (socket(), channel("chat:lobby"));
    let membership = f.realtime.join(lobby.clone(), a.connection, a.outbox.clone(), 1).unwrap();
    a.receive().await;
    f.realtime.shard(&lobby).lane.control(Panic);
    let told = a.receive().await;
    assert!(told[0].contains(r#""unsubscribe":{"code":2500"#), "{told:?}");
    eventually(|| f.realtime.join(lobby.clone(), a.connection, a.outbox.clone(), 2).is_ok()).await;
    assert!(!f.realtime.still_member(&lobby, membership));
    assert!(!f.memory.escalated.load(Ordering::SeqCst));
    f.realtime.stop();
}

#[actix_rt::test]
async fn too_many_deaths_in_a_short_time_stop_the_process() {
    let f = start(|_| {});
    let lobby = channel("chat:lobby");
    for generation in 1..=4 {
        eventually(|| f.realtime.shard(&lobby).lane.generation() == generation).await;
        f.realtime.shard(&lobby).lane.control(Panic);
    }
    eventually(|| f.memory.escalated.load(Ordering::SeqCst)).await;
    f.realtime.stop();
}
