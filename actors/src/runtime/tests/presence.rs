//! Presence of large channels.

use protocol::ClientInfo;

use super::*;
use crate::runtime::channels::ANSWER_BYTES;

/// A member that presence shows, with `info_bytes` bytes of connection info.
fn member(f: &Fixture, channel: &ChannelName, info_bytes: usize) -> Socket {
    let member = socket();
    let mut wish = member.wish(channel, JoinReply::Command(1));
    wish.terms.presence = true;
    let conn_info =
        (info_bytes > 0).then(|| Payload::parse(&format!("\"{}\"", "x".repeat(info_bytes))).unwrap());
    wish.info = Arc::new(ClientInfo { conn_info, ..(*wish.info).clone() });
    f.realtime.join(wish).unwrap();
    member
}

async fn presence(f: &Fixture, asking: &Socket, channel: &ChannelName) -> String {
    asking.receive().await;
    let room = asking.outbox.reserve(ANSWER_BYTES).unwrap();
    f.realtime.presence(channel.clone(), asking.outbox.clone(), 2, room).unwrap();
    asking.receive().await.concat()
}

#[actix_rt::test]
async fn presence_of_too_many_members_is_refused_and_they_are_still_counted() {
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
    let asking = member(&f, &room, 0);
    assert!(presence(&f, &asking, &room).await.contains(r#""code":106"#));
    f.realtime.stop();
}
