//! The ways in which connections end, and whether the client reconnects.

use std::{sync::{Arc, atomic::{AtomicUsize, Ordering}}, time::Duration};

use centrifuge::State;
use serde_json::json;
use tokio::time::sleep;

use crate::{application::{Person, api, fresh, name_of}, talk::{Failure, Outcome, Peer, Talk, same}};
use super::Scenario;

pub(super) const ALL: &[Scenario] = &[
    ("is disconnected by the server API and does not reconnect", |talk| Box::pin(is_disconnected(talk))),
    ("is disconnected with a code of the application and reconnects", |talk| Box::pin(reconnects(talk))),
    ("cannot connect while its user is blocked, but can connect after that", |talk| Box::pin(is_blocked(talk))),
    ("is refused with 3500 when its token is not valid, and does not reconnect", |talk| Box::pin(is_refused(talk))),
    ("ends with 4500 when its session is revoked, and does not reconnect", |talk| {
        Box::pin(is_revoked(talk))
    }),
];

/// Much longer than the pauses of these clients before they reconnect.
const QUIET: Duration = Duration::from_millis(1500);

/// The code and reason of the end. Checks that the client does not try to connect after it.
async fn ended_for_good(peer: &mut Peer) -> Result<(u32, String), Failure> {
    let end = peer.disconnected.next().await?;
    let opened = peer.line.opened();
    sleep(QUIET).await;
    same((peer.client.state(), peer.line.opened()), (State::Disconnected, opened))?;
    Ok((end.code, end.reason))
}

async fn is_disconnected(talk: &mut Talk) -> Outcome {
    let user = fresh("reader-");
    let mut reader = talk.connected(&user).await?;
    let result = api("disconnect", &json!({"user": name_of(&user)})).await?;
    same(result["closed"].as_u64(), Some(1))?;
    same(ended_for_good(&mut reader).await?, (3503, "force disconnect".to_owned()))
}

async fn reconnects(talk: &mut Talk) -> Outcome {
    let (channel, user) = (fresh("room:"), fresh("reader-"));
    let mut reader = talk.connected(&user).await?;
    let mut mine = reader.subscribed(&channel).await?;
    let disconnect = json!({"code": 4200, "reason": "come again"});
    api("disconnect", &json!({"user": name_of(&user), "disconnect": disconnect})).await?;
    reader.connected.next().await?;
    mine.subscribed.next().await?;
    mine.publish_numbers(1, 1).await?;
    same(mine.numbers(1).await?, vec![1])
}

async fn is_blocked(talk: &mut Talk) -> Outcome {
    let user = fresh("reader-");
    let mut reader = talk.connected(&user).await?;
    api("block_user", &json!({"user": name_of(&user)})).await?;
    same(reader.disconnected.next().await?.code, 4503)?;
    reader.client.connect().map_err(|error| error.to_string())?;
    same(reader.disconnected.next().await?.code, 4503)?;
    api("unblock_user", &json!({"user": name_of(&user)})).await?;
    reader.connect().await
}

async fn is_refused(talk: &mut Talk) -> Outcome {
    let mut stranger = talk.peer(|builder| builder.token("not-a-token")).await?;
    stranger.client.connect().map_err(|error| error.to_string())?;
    same(ended_for_good(&mut stranger).await?, (3500, "invalid token".to_owned()))
}

async fn is_revoked(talk: &mut Talk) -> Outcome {
    let (person, admin) = (Person::register().await?, Person::admin().await?);
    let (access, asked) = (person.access.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&asked);
    let mut client = talk
        .connected_with(|builder| {
            builder.token(person.access).get_token(move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
                let access = access.clone();
                async { Ok(Some(access)) }
            })
        })
        .await?;
    let _lobby = client.subscribed("chat:lobby").await?;
    admin
        .post("/api/v1/admin/revocations", &json!({"session": person.session, "reason": "scenario"}))
        .await?;
    same(ended_for_good(&mut client).await?, (4500, "session revoked".to_owned()))?;
    same(asked.load(Ordering::SeqCst), 0)
}
