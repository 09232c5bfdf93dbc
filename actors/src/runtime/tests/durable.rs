//! Tests of durable channels: which requests wait for the journal, and how waiting requests are answered.

use protocol::{ErrorCode, HistoryRequest, Position, UnsubscribeCode};

use super::*;

/// A round trip through the shard. Afterwards the shard has started all earlier requests.
async fn round_trip(f: &Fixture, room: &ChannelName) -> u32 {
    f.realtime.presence_stats_of(room.clone()).await.unwrap().clients
}

#[actix_rt::test]
async fn a_publication_is_delivered_and_acknowledged_only_after_the_journal_has_it() {
    let f = start(|_| {});
    let (a, room) = (socket(), channel("chat:a"));
    f.memory.journal.hold();
    a.join(&f, &room, 1).unwrap();
    round_trip(&f, &room).await;
    assert_eq!(a.received(), [""; 0]);
    f.memory.journal.let_through(1);
    assert!(a.receive().await[0].starts_with(r#"{"id":1,"subscribe":{"#));
    a.publish(&f, &room, 7, "1", 2);
    round_trip(&f, &room).await;
    assert_eq!(a.received(), [""; 0]);
    f.memory.journal.let_through(1);
    eventually(|| a.outbox.queued_bytes() > 100).await;
    let received = a.received();
    assert!(
        received[0].contains(r#""pub":{"data":1"#) && received[0].contains(r#""offset":1"#),
        "{received:?}"
    );
    assert_eq!(received[1], r#"{"id":2,"publish":{}}"#);
    f.realtime.stop();
}

#[actix_rt::test]
async fn publications_during_a_batch_form_the_next_batch() {
    let f = start(|_| {});
    let (a, room) = (socket(), channel("chat:a"));
    f.memory.journal.hold();
    for id in 1..=5 {
        a.publish(&f, &room, 7, &id.to_string(), id);
    }
    round_trip(&f, &room).await;
    f.memory.journal.let_through(2);
    eventually(|| a.outbox.queued_bytes() >= 5 * r#"{"id":1,"publish":{}}"#.len()).await;
    let replies: Vec<_> = (1..=5).map(|id| format!(r#"{{"id":{id},"publish":{{}}}}"#)).collect();
    assert_eq!(a.received(), replies);
    assert_eq!(*f.memory.journal.batches.lock(), [1, 4]);
    f.realtime.stop();
}

#[actix_rt::test]
async fn waiting_publications_of_a_cut_connection_are_not_written() {
    let f = start(|_| {});
    let (a, revoked, room) = (socket(), socket(), channel("chat:a"));
    f.memory.journal.hold();
    a.publish(&f, &room, 7, "1", 1);
    revoked.publish(&f, &room, 8, "2", 1);
    a.publish(&f, &room, 7, "3", 2);
    round_trip(&f, &room).await;
    revoked.outbox.cut(CloseReason::SessionRevoked, None);
    f.memory.journal.let_through(10);
    eventually(|| a.outbox.queued_bytes() >= 2 * r#"{"id":1,"publish":{}}"#.len()).await;
    assert_eq!(*f.memory.journal.batches.lock(), [1, 1]);
    let all = HistoryRequest { limit: -1, ..HistoryRequest::default() };
    let kept = f.realtime.history_of(room, all).await.unwrap().publications;
    let kept: Vec<_> = kept.iter().map(|publication| publication.data.as_bytes()).collect();
    assert_eq!(kept, [b"1", b"3"]);
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_recovery_from_an_offset_above_the_newest_one_causes_no_call_to_the_journal() {
    let f = start(|_| {});
    let (a, b, room) = (socket(), socket(), channel("chat:a"));
    a.join(&f, &room, 1).unwrap();
    a.receive().await;
    f.memory.journal.hold();
    let recover = Some(Position { offset: 99, epoch: String::new() });
    let terms = Terms { recover, positioned: true, recoverable: true, ..Terms::default() };
    f.realtime.join(ChannelJoin { terms, ..b.join_request(&room, JoinReply::Command(1)) }).unwrap();
    let received = b.receive().await;
    assert!(
        received[0].contains(r#""was_recovering":true"#) && !received[0].contains(r#""recovered""#),
        "{received:?}"
    );
    f.realtime.stop();
}

#[actix_rt::test]
async fn the_unknown_outcome_of_a_removal_is_read_from_the_journal_before_the_next_batch() {
    let f = start(|_| {});
    let (a, room) = (socket(), channel("chat:a"));
    a.join(&f, &room, 1).unwrap();
    a.receive().await;
    f.memory.journal.hold();
    let (realtime, removed) = (f.realtime.clone(), room.clone());
    let removing = actix_rt::spawn(async move { realtime.remove_history(removed).await });
    // The channel is read; then the database connection breaks.
    f.memory.journal.let_through(1);
    eventually(|| f.memory.journal.is_spent()).await;
    f.memory.journal.down.store(true, Ordering::SeqCst);
    f.memory.journal.let_through(1);
    assert_eq!(removing.await.unwrap(), Err(ErrorCode::Internal));
    f.memory.journal.down.store(false, Ordering::SeqCst);
    f.memory.journal.let_through(1);
    a.publish(&f, &room, 7, "1", 2);
    eventually(|| f.memory.journal.is_spent()).await;
    round_trip(&f, &room).await;
    assert_eq!(*f.memory.journal.batches.lock(), [0; 0]);
    f.memory.journal.let_through(5);
    eventually(|| *f.memory.journal.batches.lock() == [1]).await;
    f.realtime.stop();
}

#[actix_rt::test]
async fn channels_do_not_wait_for_each_other() {
    // Both channels belong to the same shard.
    let f = start(|settings| settings.channel_shards = 1);
    let (a, held, other) = (socket(), channel("chat:held"), channel("chat:other"));
    f.memory.journal.never_answer(&held);
    a.publish(&f, &held, 7, "1", 1);
    a.publish(&f, &other, 7, "2", 2);
    assert_eq!(a.receive().await, [r#"{"id":2,"publish":{}}"#]);
    assert_eq!(*f.memory.journal.batches.lock(), [1]);
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_leave_waits_for_the_join_before_it() {
    let f = start(|_| {});
    let (a, b, room) = (socket(), socket(), channel("chat:a"));
    f.memory.journal.hold();
    a.join(&f, &room, 1).unwrap();
    b.join(&f, &room, 1).unwrap();
    f.realtime.leave(room.clone(), a.connection, LeaveReply::Answer(a.outbox.clone(), 2));
    f.memory.journal.let_through(1);
    assert!(b.receive().await[0].starts_with(r#"{"id":1,"subscribe":{"#));
    assert_eq!(f.realtime.channels().await, [(room.clone(), 1)]);
    assert_eq!(replies(&a.received()), [r#"{"id":1,"subscribe":{"#, r#"{"id":2,"unsubscribe""#]);
    f.realtime.stop();
}

#[actix_rt::test]
async fn joins_and_leaves_of_one_connection_are_answered_in_their_order() {
    let f = start(|_| {});
    let (a, room) = (socket(), channel("chat:a"));
    f.memory.journal.hold();
    for id in [1, 3, 5] {
        a.join(&f, &room, id).unwrap();
        if id < 5 {
            f.realtime.leave(room.clone(), a.connection, LeaveReply::Answer(a.outbox.clone(), id + 1));
        }
    }
    f.memory.journal.let_through(9);
    eventually(|| a.outbox.queued_bytes() > 0).await;
    assert_eq!(f.realtime.channels().await, [(room.clone(), 1)]);
    let expected = [
        r#"{"id":1,"subscribe":{"#,
        r#"{"id":2,"unsubscribe""#,
        r#"{"id":3,"subscribe":{"#,
        r#"{"id":4,"unsubscribe""#,
        r#"{"id":5,"subscribe":{"#,
    ];
    assert_eq!(replies(&a.received()), expected);
    f.realtime.stop();
}

#[actix_rt::test]
async fn an_unsubscribe_by_the_server_refuses_the_waiting_join_and_the_join_behind_it() {
    let f = start(|_| {});
    let (a, room) = (socket(), channel("chat:a"));
    f.memory.journal.hold();
    a.join(&f, &room, 1).unwrap();
    f.realtime.leave(room.clone(), a.connection, LeaveReply::Answer(a.outbox.clone(), 2));
    a.join(&f, &room, 3).unwrap();
    let code = UnsubscribeCode::Server;
    f.realtime.leave(room.clone(), a.connection, LeaveReply::Push(a.outbox.clone(), code));
    round_trip(&f, &room).await;
    let received = a.received();
    assert_eq!(
        replies(&received),
        [r#"{"id":1,"error":{"cod"#, r#"{"id":2,"unsubscribe""#, r#"{"id":3,"error":{"cod"#]
    );
    assert!(
        received.iter().all(|message| !message.contains(r#""error""#) || message.contains(r#""code":100"#)),
        "{received:?}"
    );
    assert!(received[3].contains(r#""unsubscribe":{"code":2000"#), "{received:?}");
    f.memory.journal.let_through(9);
    a.join(&f, &room, 4).unwrap();
    assert_eq!(replies(&a.receive().await), [r#"{"id":4,"subscribe":{"#]);
    assert_eq!(f.realtime.channels().await, [(room, 1)]);
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_denied_subscription_whose_join_waits_receives_no_publication() {
    let f = start(|_| {});
    let (a, b, room) = (socket(), socket(), channel("chat:a"));
    f.memory.journal.write(&room, "1");
    f.memory.journal.hold();
    recover(&f, &a, &room);
    let code = UnsubscribeCode::StateInvalidated;
    f.realtime.leave(room.clone(), a.connection, LeaveReply::Push(a.outbox.clone(), code));
    f.memory.journal.let_through(9);
    b.publish(&f, &room, 8, "2", 1);
    b.receive().await;
    let received = a.received();
    assert!(received[0].starts_with(r#"{"id":1,"error":{"code":100"#), "{received:?}");
    assert!(received[1].contains(r#""unsubscribe":{"code":2502"#), "{received:?}");
    assert_eq!(received.len(), 2, "{received:?}");
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_subscription_that_the_client_ends_while_it_waits_receives_no_publication() {
    let f = start(|_| {});
    let (a, room) = (socket(), channel("chat:a"));
    f.memory.journal.write(&room, "1");
    f.memory.journal.hold();
    recover(&f, &a, &room);
    f.realtime.leave(room.clone(), a.connection, LeaveReply::Answer(a.outbox.clone(), 2));
    f.memory.journal.let_through(9);
    eventually(|| a.outbox.queued_bytes() > 0).await;
    let received = a.received();
    assert_eq!(replies(&received), [r#"{"id":1,"subscribe":{"#, r#"{"id":2,"unsubscribe""#]);
    assert!(!received[0].contains("publications"), "{received:?}");
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_connection_that_ends_while_its_join_waits_does_not_become_a_member() {
    let f = start(|_| {});
    let (a, b, room) = (socket(), socket(), channel("chat:a"));
    f.memory.journal.hold();
    a.join(&f, &room, 1).unwrap();
    f.realtime.leave(room.clone(), a.connection, LeaveReply::Answer(a.outbox.clone(), 2));
    a.join(&f, &room, 3).unwrap();
    b.join(&f, &room, 1).unwrap();
    a.outbox.cut(CloseReason::ForceDisconnect, None);
    f.realtime.leave(room.clone(), a.connection, LeaveReply::Silent);
    f.memory.journal.let_through(9);
    assert!(b.receive().await[0].starts_with(r#"{"id":1,"subscribe":{"#));
    assert_eq!(f.realtime.channels().await, [(room.clone(), 1)]);
    f.realtime.stop();
}

/// Joins with command 1, and recovers everything that the journal has.
fn recover(f: &Fixture, socket: &Socket, room: &ChannelName) {
    let recover = Some(Position { offset: 0, epoch: "abcdefgh".to_owned() });
    let terms = Terms { recover, positioned: true, recoverable: true, ..Terms::default() };
    f.realtime.join(ChannelJoin { terms, ..socket.join_request(room, JoinReply::Command(1)) }).unwrap();
}

/// The beginnings of the replies, without pushes.
fn replies(received: &[String]) -> Vec<&str> {
    let replies = received.iter().filter(|message| message.starts_with(r#"{"id":"#));
    replies.map(|reply| &reply[..21]).collect()
}

#[actix_rt::test]
async fn requests_get_a_temporary_error_while_the_journal_is_down_and_members_stay() {
    let f = start(|_| {});
    let (member, late, room) = (socket(), socket(), channel("chat:a"));
    member.join(&f, &room, 1).unwrap();
    member.receive().await;
    f.memory.journal.down.store(true, Ordering::SeqCst);
    member.publish(&f, &room, 7, "1", 2);
    let received = member.receive().await;
    assert!(
        received[0].starts_with(r#"{"id":2,"error":{"code":100"#) && received[0].contains("temporary"),
        "{received:?}"
    );
    late.join(&f, &channel("chat:b"), 1).unwrap();
    assert!(late.receive().await[0].starts_with(r#"{"id":1,"error":{"code":100"#));
    assert!(matches!(late.reader.next_request(), Some(ConnectionRequest::SubscriptionLost { .. })));
    assert_eq!(f.realtime.remove_history(room.clone()).await, Err(ErrorCode::Internal));
    f.memory.journal.down.store(false, Ordering::SeqCst);
    member.publish(&f, &room, 7, "2", 3);
    assert!(member.receive().await[0].contains(r#""pub":{"data":2"#));
    f.realtime.stop();
}

#[actix_rt::test]
async fn requests_that_wait_for_the_journal_are_answered_when_the_shard_dies() {
    // Both channels must belong to the shard that dies.
    let f = start(|settings| settings.channel_shards = 1);
    let (a, room) = (socket(), channel("chat:a"));
    f.memory.journal.hold();
    a.publish(&f, &room, 7, "1", 1);
    let realtime = f.realtime.clone();
    let other = channel("chat:b");
    let history = actix_rt::spawn(async move { realtime.history_of(other, HistoryRequest::default()).await });
    round_trip(&f, &room).await;
    f.realtime.shard(&room).lane.control(Panic);
    assert!(a.receive().await[0].starts_with(r#"{"id":1,"error":{"code":100"#));
    assert_eq!(history.await.unwrap(), Err(ErrorCode::Internal));
    // The publication in progress is still written, and the new shard finds it in the history.
    f.memory.journal.let_through(10);
    eventually(|| f.memory.journal.batches.lock().len() == 1).await;
    let all = HistoryRequest { limit: -1, ..HistoryRequest::default() };
    assert_eq!(f.realtime.history_of(room, all).await.unwrap().publications.len(), 1);
    f.realtime.stop();
}

fn keyed(key: &str, skip_history: bool) -> ServerPublication {
    let data = Payload::parse("1").unwrap();
    let idempotency_key = Some(key.to_owned());
    ServerPublication { data, tags: Vec::new(), skip_history, idempotency_key, version: None }
}

#[actix_rt::test]
async fn a_publication_whose_key_is_in_progress_gets_the_answer_of_the_first_publication() {
    let f = start(|_| {});
    let room = channel("chat:a");
    f.memory.journal.hold();
    let publish = |key, skip_history| f.realtime.publish_as_server(room.clone(), keyed(key, skip_history));
    let later = async {
        round_trip(&f, &room).await;
        f.memory.journal.let_through(10);
    };
    let (kept, unkept, ()) = tokio::join!(publish("k", false), publish("k", true), later);
    let position = kept.clone().unwrap().expect("a position");
    assert_eq!((position.offset, unkept), (1, kept));
    assert_eq!(publish("k", true).await, Ok(Some(position)));
    assert_eq!(publish("l", true).await, Ok(None));
    assert_eq!(
        publish("l", false).await,
        Ok(None),
        "the first publication was made, although it was not kept"
    );
    assert_eq!(*f.memory.journal.batches.lock(), [1]);
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_key_whose_publication_failed_may_be_used_again() {
    let f = start(|_| {});
    let room = channel("chat:a");
    f.memory.journal.hold();
    f.memory.journal.down.store(true, std::sync::atomic::Ordering::SeqCst);
    let publish = |skip_history| f.realtime.publish_as_server(room.clone(), keyed("k", skip_history));
    let later = async {
        round_trip(&f, &room).await;
        f.memory.journal.let_through(10);
    };
    let (kept, unkept, ()) = tokio::join!(publish(false), publish(true), later);
    assert_eq!((kept, unkept), (Err(ErrorCode::Internal), Err(ErrorCode::Internal)));
    assert_eq!(publish(true).await, Ok(None));
    f.realtime.stop();
}
