//! Presence: the members of a channel.

use serde_json::json;

use crate::{application::{api, fresh, name_of, publish_from_server, token}, talk::{Outcome, Talk, answered, number, same}};
use super::Scenario;

pub(super) const ALL: &[Scenario] = &[
    ("sees the presence of two clients", |talk| Box::pin(sees_presence(talk))),
    ("receives joins and leaves", |talk| Box::pin(receives_joins_and_leaves(talk))),
    ("is subscribed by its token and by the server API", |talk| Box::pin(is_subscribed_by_others(talk))),
    ("is unsubscribed by the server API", |talk| Box::pin(is_unsubscribed(talk))),
];

async fn sees_presence(talk: &mut Talk) -> Outcome {
    let (channel, users) = (fresh("room:"), [fresh("ann-"), fresh("bob-")]);
    let (ann, bob) = (talk.connected(&users[0]).await?, talk.connected(&users[1]).await?);
    let (mine, _theirs) = (ann.subscribed(&channel).await?, bob.subscribed(&channel).await?);
    let presence = answered("presence", mine.subscription.presence()).await?;
    let mut seen: Vec<_> = presence.clients.into_values().map(|info| info.user).collect();
    seen.sort();
    same(seen, users.map(|user| name_of(&user)).to_vec())?;
    let counts = answered("counts", mine.subscription.presence_stats()).await?;
    same((counts.num_clients, counts.num_users), (2, 2))
}

async fn receives_joins_and_leaves(talk: &mut Talk) -> Outcome {
    let (channel, user) = (fresh("room:"), fresh("bob-"));
    let ann = talk.connected(&fresh("ann-")).await?;
    let mut mine = ann.subscribed(&channel).await?;
    let bob = talk.connected(&user).await?;
    let _theirs = bob.subscribed(&channel).await?;
    // The client may receive its own join first.
    while mine.joins.next().await?.user != name_of(&user) {}
    bob.line.cut();
    bob.client.disconnect();
    same(mine.leaves.next().await?.user.clone(), name_of(&user))
}

async fn is_subscribed_by_others(talk: &mut Talk) -> Outcome {
    let (first, second, user) = (fresh("news:"), fresh("news:"), fresh("reader-"));
    let claims = json!({"sub": user, "channels": [first]});
    let mut reader = talk.connected_with(|builder| builder.token(token(&claims))).await?;
    same(reader.server_subscribed.next().await?.channel, first.clone())?;
    let order = json!({"user": name_of(&user), "channel": second});
    api("subscribe", &order).await?;
    same(reader.server_subscribed.next().await?.channel, second.clone())?;
    for (channel, n) in [(&first, 1), (&second, 2)] {
        publish_from_server(channel, n, n).await?;
        let heard = reader.server_publications.next().await?;
        same((&heard.channel, number(&heard)), (channel, u64::from(n)))?;
    }
    api("unsubscribe", &order).await?;
    same(reader.server_unsubscribed.next().await?.channel, second)
}

async fn is_unsubscribed(talk: &mut Talk) -> Outcome {
    let (channel, user) = (fresh("room:"), fresh("reader-"));
    let mut mine = talk.connected(&user).await?.subscribed(&channel).await?;
    api("unsubscribe", &json!({"user": name_of(&user), "channel": channel})).await?;
    let code = mine.unsubscribed.next().await?.code;
    same((code, mine.subscription.state()), (2000, centrifuge::SubState::Unsubscribed))
}
