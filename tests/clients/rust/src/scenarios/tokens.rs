//! Expiring tokens, of connections and of subscriptions to private channels.

use std::{sync::{Arc, atomic::{AtomicI64, Ordering}}, time::Duration};

use centrifuge::{ClientBuilder, State, SubState};
use serde_json::json;
use tokio::time::sleep;

use crate::{application::{fresh, soon, token}, talk::{Outcome, Talk, same}};
use super::Scenario;

pub(super) const ALL: &[Scenario] = &[
    ("refreshes an expiring connection and stays", |talk| Box::pin(refreshes(talk))),
    ("fetches a new token for one that has expired", |talk| Box::pin(fetches(talk))),
    ("refreshes an expiring subscription to a private channel", |talk| {
        Box::pin(refreshes_a_subscription(talk))
    }),
    ("is not subscribed to a private channel without a token", |talk| Box::pin(needs_a_token(talk))),
];

/// Long enough for tokens of two seconds to expire.
const EXPIRY: Duration = Duration::from_millis(3500);

/// The options of a client with a token that expires in `seconds`. The client then requests another token.
fn expiring(seconds: i64, asked: &Arc<AtomicI64>) -> impl FnOnce(ClientBuilder) -> ClientBuilder {
    let (user, asked) = (fresh("ann-"), Arc::clone(asked));
    let first = token(&json!({"sub": user, "exp": soon(seconds)}));
    move |builder| {
        builder.token(first).get_token(move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            let next = token(&json!({"sub": user, "exp": soon(60)}));
            async { Ok(Some(next)) }
        })
    }
}

async fn refreshes(talk: &mut Talk) -> Outcome {
    let asked = Arc::default();
    let ann = talk.connected_with(expiring(2, &asked)).await?;
    sleep(EXPIRY).await;
    let statistics = ann.client.statistics();
    same((asked.load(Ordering::SeqCst), ann.client.state(), statistics.connects), (1, State::Connected, 1))
}

async fn fetches(talk: &mut Talk) -> Outcome {
    let asked = Arc::default();
    let ann = talk.connected_with(expiring(-60, &asked)).await?;
    same((asked.load(Ordering::SeqCst), ann.client.state()), (1, State::Connected))
}

async fn refreshes_a_subscription(talk: &mut Talk) -> Outcome {
    let (channel, user) = (fresh("$room:"), fresh("ann-"));
    let asked: Arc<AtomicI64> = Arc::default();
    let (counted, subject) = (Arc::clone(&asked), user.clone());
    let ann = talk.connected(&user).await?;
    let mut mine = ann
        .subscribed_with(&channel, |builder| {
            builder.get_token(move |context| {
                let life = if counted.fetch_add(1, Ordering::SeqCst) == 0 { 2 } else { 60 };
                let next = token(&json!({"sub": subject, "channel": context.channel, "exp": soon(life)}));
                async { Ok(next) }
            })
        })
        .await?;
    sleep(EXPIRY).await;
    same((asked.load(Ordering::SeqCst), mine.subscription.state()), (2, SubState::Subscribed))?;
    same((mine.subscribed.waiting(), mine.unsubscribed.waiting()), (0, 0))?;
    mine.publish_numbers(1, 1).await?;
    same(mine.numbers(1).await?, vec![1])
}

async fn needs_a_token(talk: &mut Talk) -> Outcome {
    let ann = talk.connected(&fresh("ann-")).await?;
    let mut refused = ann.subscribing(&fresh("$room:"), |builder| builder)?;
    same(refused.unsubscribed.next().await?.code, 103)
}
