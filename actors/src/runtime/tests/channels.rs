//! Channel shards, and what their death means.

use super::*;
use crate::protocol::ClientInfo;

impl Socket {
    fn info(&self, user: i64) -> Arc<ClientInfo> {
        let user = UserId(user).into();
        Arc::new(ClientInfo { user, client: self.connection, conn_info: None, chan_info: None })
    }

    /// Joins as a client does who asks for nothing in particular.
    fn join(&self, f: &Fixture, channel: &ChannelName, id: u32) -> Result<Membership, LaneError> {
        f.realtime.join(Join {
            channel: channel.clone(),
            outbox: self.outbox.clone(),
            info: self.info(1),
            terms: Terms::default(),
            lifetime: None,
            data: None,
            reply: JoinReply::Command(id),
        })
    }

    fn publish(&self, f: &Fixture, channel: &ChannelName, user: i64, data: &str, id: u32) {
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
async fn nothing_of_a_cut_connection_is_delivered() {
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
async fn subscribers_of_a_shard_that_dies_are_told_to_come_back() {
    let f = start(|_| {});
    let (a, lobby) = (socket(), channel("ephemeral:lobby"));
    let membership = a.join(&f, &lobby, 1).unwrap();
    a.receive().await;
    f.realtime.shard(&lobby).lane.control(Panic);
    let told = a.receive().await;
    assert!(told[0].contains(r#""unsubscribe":{"code":2500"#), "{told:?}");
    eventually(|| a.join(&f, &lobby, 2).is_ok()).await;
    assert!(matches!(a.reader.next_control(), Some(Control::Lost { .. })));
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
