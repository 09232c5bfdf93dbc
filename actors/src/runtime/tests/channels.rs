//! Tests of channel shards, and of the effects of a failed shard.

use logic::namespace::{Namespaces, Options};
use protocol::{ClientInfo, ErrorCode, HistoryRequest, SubscribeResult, UnsubscribeCode};

use super::*;

impl Socket {
    fn info(&self, user: i64) -> Arc<ClientInfo> {
        let user = UserId(user).into();
        Arc::new(ClientInfo { user, client: self.connection, conn_info: None, chan_info: None })
    }

    /// Joins with default terms.
    pub(crate) fn join(&self, f: &Fixture, channel: &ChannelName, id: u32) -> Result<(), LaneError> {
        f.realtime.join(self.join_request(channel, JoinReply::Command(id)))
    }

    pub(crate) fn join_request(&self, channel: &ChannelName, reply: JoinReply) -> ChannelJoin {
        ChannelJoin {
            channel: channel.clone(),
            number: 1,
            outbox: self.outbox.clone(),
            info: self.info(1),
            terms: Terms::default(),
            lifetime: None,
            data: None,
            reply,
        }
    }

    pub(crate) fn publish(&self, f: &Fixture, channel: &ChannelName, user: i64, data: &str, id: u32) {
        let data = Payload::parse(data).unwrap();
        let (channel, outbox) = (channel.clone(), self.outbox.clone());
        f.realtime.publish(channel, data, self.info(user), outbox, id).unwrap();
    }
}

#[actix_rt::test]
async fn the_subscribe_reply_precedes_the_channels_first_push() {
    let f = start(|_| {});
    let (a, lobby) = (socket(), channel("ephemeral:lobby"));
    a.join(&f, &lobby, 1).unwrap();
    a.publish(&f, &lobby, 7, r#"{"text":"hi"}"#, 2);
    eventually(|| a.outbox.queued_bytes() > 120).await;
    let received = a.received();
    assert_eq!(received[0], r#"{"id":1,"subscribe":{}}"#);
    assert!(received[1].starts_with(r#"{"push":{"channel":"ephemeral:lobby","pub":{"data":{"text":"hi"}"#));
    assert_eq!(received[2], r#"{"id":2,"publish":{}}"#);
    f.realtime.stop();
}

#[actix_rt::test]
async fn no_publication_of_a_cut_connection_is_delivered() {
    let f = start(|_| {});
    let (revoked, listener, lobby) = (socket(), socket(), channel("ephemeral:lobby"));
    listener.join(&f, &lobby, 1).unwrap();
    listener.receive().await;
    revoked.outbox.cut(CloseReason::SessionRevoked, None);
    revoked.publish(&f, &lobby, 1, "1", 1);
    listener.publish(&f, &lobby, 2, "1", 2);
    eventually(|| listener.outbox.queued_bytes() > 60).await;
    let received = listener.received().join("\n");
    assert!(received.contains(r#""user":"2""#) && !received.contains(r#""user":"1""#), "{received}");
    f.realtime.stop();
}

#[actix_rt::test]
async fn subscribers_of_a_shard_that_dies_must_subscribe_again() {
    let f = start(|_| {});
    let (a, lobby) = (socket(), channel("ephemeral:lobby"));
    a.join(&f, &lobby, 1).unwrap();
    a.receive().await;
    f.realtime.shard(&lobby).lane.control(Panic);
    let received = a.receive().await;
    assert!(received[0].contains(r#""unsubscribe":{"code":2500"#), "{received:?}");
    eventually(|| a.join(&f, &lobby, 2).is_ok()).await;
    assert!(matches!(a.reader.next_request(), Some(ConnectionRequest::SubscriptionMade { .. })));
    assert!(matches!(a.reader.next_request(), Some(ConnectionRequest::SubscriptionLost { .. })));
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

/// Collects the results of the subscriptions at `connect`.
#[derive(Default)]
struct Gathered(Mutex<Vec<(String, Result<SubscribeResult, ErrorCode>)>>);

impl JoinCollector for Gathered {
    fn takes(&self, _: usize) -> bool {
        true
    }

    fn joined(&self, channel: &ChannelName, result: Result<SubscribeResult, ErrorCode>) {
        self.0.lock().push((channel.to_string(), result));
    }
}

/// The default namespaces, and `memory` with channels that keep ten publications in memory.
fn memory() -> Arc<Namespaces> {
    let options = Options {
        presence_enabled: true,
        history_size: 10,
        history_ttl: Duration::from_secs(60),
        ..Options::default()
    };
    Arc::new(Namespaces::default().with("memory", options))
}

fn publication(data: &str) -> ServerPublication {
    let data = Payload::parse(data).unwrap();
    ServerPublication { data, tags: Vec::new(), skip_history: false, idempotency_key: None, version: None }
}

#[actix_rt::test]
async fn the_server_api_publishes_and_reads_and_removes_history() {
    let f = start(|settings| settings.namespaces = memory());
    let (a, room) = (socket(), channel("memory:room"));
    let terms = Terms { presence: true, ..Terms::default() };
    f.realtime.join(ChannelJoin { terms, ..a.join_request(&room, JoinReply::Command(1)) }).unwrap();
    let keyed = ServerPublication { idempotency_key: Some("k".to_owned()), ..publication("1") };
    let first = f.realtime.publish_as_server(room.clone(), keyed.clone()).await.unwrap().unwrap();
    assert_eq!(f.realtime.publish_as_server(room.clone(), keyed).await, Ok(Some(first.clone())));
    let unkept = ServerPublication { skip_history: true, ..publication("2") };
    assert_eq!(f.realtime.publish_as_server(room.clone(), unkept).await, Ok(None));
    let all = HistoryRequest { limit: -1, ..HistoryRequest::default() };
    let found = f.realtime.history_of(room.clone(), all.clone()).await.unwrap();
    assert_eq!((found.publications.len(), &found.position), (1, &first));
    assert_eq!(f.realtime.presence_of(room.clone()).await.unwrap(), [a.info(1)]);
    let stats = f.realtime.presence_stats_of(room.clone()).await.unwrap();
    assert_eq!((stats.clients, stats.users), (1, 1));
    assert_eq!(f.realtime.channels().await, [(room.clone(), 1)]);
    f.realtime.remove_history(room.clone()).await.unwrap();
    let found = f.realtime.history_of(room.clone(), all).await.unwrap();
    assert_eq!((found.publications.len(), found.position), (0, first));
    assert_eq!(
        f.realtime.history_of(channel("ephemeral:a"), HistoryRequest::default()).await,
        Err(ErrorCode::NotAvailable)
    );
    assert_eq!(f.realtime.presence_of(channel("nowhere:a")).await, Err(ErrorCode::UnknownChannel));
    // Presence omits a cut connection, even while it is still a member.
    a.outbox.cut(CloseReason::SessionRevoked, None);
    assert_eq!(f.realtime.presence_of(room).await.unwrap(), []);
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_collector_receives_one_result_per_channel() {
    let f = start(|settings| settings.namespaces = memory());
    let (a, gathered) = (socket(), Arc::new(Gathered::default()));
    for name in ["memory:a", "ephemeral:b", "nowhere:c"] {
        let gather = Arc::clone(&gathered) as Arc<dyn JoinCollector>;
        f.realtime.join(a.join_request(&channel(name), JoinReply::Collect(gather))).unwrap();
    }
    eventually(|| gathered.0.lock().len() == 3).await;
    for (name, result) in gathered.0.lock().iter() {
        assert_eq!(result.is_ok(), name != "nowhere:c", "{name}");
    }
    assert_eq!(a.outbox.queued_bytes(), 0, "only the collector receives the results");
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_client_is_informed_when_the_server_makes_and_ends_a_subscription() {
    let f = start(|settings| settings.namespaces = memory());
    let (a, room) = (socket(), channel("memory:room"));
    let since = f.realtime.publish_as_server(room.clone(), publication("1")).await.unwrap().unwrap();
    f.realtime.publish_as_server(room.clone(), publication("2")).await.unwrap();
    let terms = Terms { recover: Some(since), recoverable: true, ..Terms::default() };
    f.realtime.join(ChannelJoin { terms, ..a.join_request(&room, JoinReply::Push(None)) }).unwrap();
    f.realtime.publish_as_server(room.clone(), publication("3")).await.unwrap();
    let received = a.received();
    assert!(
        received[0].starts_with(r#"{"push":{"channel":"memory:room","subscribe":{"recoverable":true"#),
        "{received:?}"
    );
    assert!(received[1].contains(r#""data":2"#) && received[2].contains(r#""data":3"#), "{received:?}");
    let left = LeaveReply::Push(a.outbox.clone(), UnsubscribeCode::Server);
    f.realtime.leave(room.clone(), a.connection, left);
    assert!(a.receive().await[0].contains(r#""unsubscribe":{"code":2000"#));
    assert_eq!(f.realtime.channels().await, []);
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_connection_that_the_server_subscribed_ends_when_the_shard_dies() {
    let f = start(|settings| settings.namespaces = memory());
    let (a, room) = (socket(), channel("memory:room"));
    f.realtime.join(a.join_request(&room, JoinReply::Push(None))).unwrap();
    a.receive().await;
    f.realtime.shard(&room).lane.control(Panic);
    eventually(|| !a.outbox.is_open()).await;
    assert_eq!(a.outbox.end(), Some(ConnectionEnd::Flush(CloseReason::InsufficientState.into())));
    f.realtime.stop();
}

#[actix_rt::test]
async fn requests_that_wait_for_a_shard_that_dies_are_answered() {
    let f = start(|settings| settings.namespaces = memory());
    let (a, room) = (socket(), channel("memory:room"));
    // The shard is blocked, so that both requests wait in the mailbox behind the panic.
    let (release, released) = std::sync::mpsc::channel();
    f.realtime.shard(&room).lane.control(Hold(released));
    f.realtime.shard(&room).lane.control(Panic);
    let space = a.outbox.reserve(ANSWER_BYTES).unwrap();
    a.join(&f, &room, 1).unwrap();
    f.realtime.presence(room.clone(), a.outbox.clone(), 2, space).unwrap();
    drop(release);
    let mut received = Vec::new();
    eventually(|| {
        received.extend(a.received());
        received.len() >= 2
    })
    .await;
    for id in [1, 2] {
        let prefix = format!("{{\"id\":{id},");
        assert_eq!(received.iter().filter(|reply| reply.starts_with(&prefix)).count(), 1, "{received:?}");
    }
    f.realtime.stop();
}

#[actix_rt::test]
async fn the_least_recently_used_histories_are_evicted_first() {
    let f = start(|settings| {
        settings.namespaces = memory();
        settings.channel_shards = 1;
        settings.resting_channels = 2;
    });
    let names = ["memory:a", "memory:b", "memory:c"].map(channel);
    let mut epochs = Vec::new();
    for name in &names {
        let position = f.realtime.publish_as_server(name.clone(), publication("1")).await.unwrap();
        epochs.push(position.unwrap().epoch);
    }
    // An evicted channel begins again with a new epoch. From the epoch, a client notices that the earlier history is gone.
    for (name, epoch, kept) in [(&names[1], &epochs[1], true), (&names[0], &epochs[0], false)] {
        let found = f.realtime.history_of(name.clone(), HistoryRequest::default()).await.unwrap();
        assert_eq!((found.position.epoch == *epoch, found.position.offset), (kept, u64::from(kept)));
    }
    f.realtime.stop();
}

#[actix_rt::test]
async fn histories_without_subscribers_are_evicted_before_other_histories_are_halved() {
    let f = start(|settings| {
        settings.namespaces = memory();
        settings.channel_shards = 1;
        settings.history_bytes = 50_000;
    });
    let (a, used, unused) = (socket(), channel("memory:used"), channel("memory:unused"));
    f.realtime.join(a.join_request(&used, JoinReply::Command(1))).unwrap();
    let heavy = publication(&format!("\"{}\"", "x".repeat(10_000)));
    for name in [&unused, &used, &used] {
        f.realtime.publish_as_server(name.clone(), heavy.clone()).await.unwrap();
    }
    let kept = async |name: &ChannelName| {
        let all = HistoryRequest { limit: -1, ..HistoryRequest::default() };
        f.realtime.history_of(name.clone(), all).await.unwrap().publications.len()
    };
    assert_eq!((kept(&unused).await, kept(&used).await), (1, 2));
    for _ in 0..2 {
        f.realtime.publish_as_server(used.clone(), heavy.clone()).await.unwrap();
    }
    assert_eq!(kept(&used).await, 4);
    assert_eq!(kept(&unused).await, 0);
    for _ in 0..20 {
        f.realtime.publish_as_server(used.clone(), heavy.clone()).await.unwrap();
        assert!((1..=4).contains(&kept(&used).await));
    }
    f.realtime.stop();
}

#[actix_rt::test]
async fn the_largest_history_is_halved_first_even_while_a_smaller_one_grows() {
    let f = start(|settings| {
        settings.namespaces = memory();
        settings.channel_shards = 1;
        settings.history_bytes = 50_000;
    });
    let (a, large, small) = (socket(), channel("memory:large"), channel("memory:small"));
    for name in [&large, &small] {
        f.realtime.join(a.join_request(name, JoinReply::Command(1))).unwrap();
    }
    let publish = async |name: &ChannelName, bytes: usize| {
        let data = publication(&format!("\"{}\"", "x".repeat(bytes)));
        f.realtime.publish_as_server(name.clone(), data).await.unwrap();
    };
    let kept = async |name: &ChannelName| {
        let all = HistoryRequest { limit: -1, ..HistoryRequest::default() };
        f.realtime.history_of(name.clone(), all).await.unwrap().publications.len()
    };
    for _ in 0..4 {
        publish(&large, 10_000).await;
    }
    for _ in 0..10 {
        publish(&small, 2_000).await;
    }
    assert_eq!((kept(&small).await, kept(&large).await), (10, 2));
    f.realtime.stop();
}

#[actix_rt::test]
async fn idempotency_keys_count_towards_the_memory_of_histories() {
    let f = start(|settings| {
        settings.namespaces = memory();
        settings.channel_shards = 1;
        settings.history_bytes = 50_000;
    });
    let mut epochs = std::collections::BTreeSet::new();
    // The history keeps only the newest ten of these publications, so the keys use almost all of the memory.
    for number in 0..200 {
        let keyed = ServerPublication { idempotency_key: Some(format!("{number:0255}")), ..publication("1") };
        let position = f.realtime.publish_as_server(channel("memory:keys"), keyed).await.unwrap();
        epochs.insert(position.unwrap().epoch);
    }
    assert_eq!(epochs.len(), 2, "the room without members was evicted once");
    f.realtime.stop();
}
