//! Tests of presence in large channels.

use protocol::ClientInfo;

use super::*;
use crate::runtime::channels::ANSWER_BYTES;

/// A member that presence shows, with `info_bytes` bytes of connection info.
fn member(f: &Fixture, channel: &ChannelName, info_bytes: usize) -> Socket {
    let member = socket();
    let mut join = member.join_request(channel, JoinReply::Command(1));
    join.terms.presence = true;
    let conn_info =
        (info_bytes > 0).then(|| Payload::parse(&format!("\"{}\"", "x".repeat(info_bytes))).unwrap());
    join.info = Arc::new(ClientInfo { conn_info, ..(*join.info).clone() });
    f.realtime.join(join).unwrap();
    member
}

async fn presence(f: &Fixture, requester: &Socket, channel: &ChannelName) -> String {
    requester.receive().await;
    let space = requester.outbox.reserve(ANSWER_BYTES).unwrap();
    f.realtime.presence(channel.clone(), requester.outbox.clone(), 2, space).unwrap();
    requester.receive().await.concat()
}

#[actix_rt::test]
async fn presence_of_too_many_members_is_refused_but_presence_stats_count_them() {
    let f = start(|_| {});
    let room = channel("chat:room");
    let members: Vec<_> = (0..2_900).map(|_| member(&f, &room, 0)).collect();
    assert!(presence(&f, &members[0], &room).await.contains(r#""code":106"#));
    let stats = f.realtime.presence_stats_of(room).await.unwrap();
    assert_eq!((stats.clients, stats.users), (2_900, 1));
    f.realtime.stop();
}

#[actix_rt::test]
async fn presence_of_few_members_is_refused_if_their_descriptions_are_too_large() {
    let f = start(|_| {});
    let room = channel("chat:room");
    let members = [member(&f, &room, 200_000), member(&f, &room, 200_000)];
    let shown = presence(&f, &members[0], &room).await;
    assert!(shown.contains(r#""presence""#) && shown.len() > 400_000);
    let _third = member(&f, &room, 200_000);
    f.realtime.presence_stats_of(room.clone()).await.unwrap();
    let requester = member(&f, &room, 0);
    assert!(presence(&f, &requester, &room).await.contains(r#""code":106"#));
    f.realtime.stop();
}
