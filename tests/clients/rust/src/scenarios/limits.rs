//! Clients that send too much.

use centrifuge::{Error, Subscription};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{application::fresh, talk::{Failure, Outcome, Talk, same, within}};
use super::Scenario;

pub(super) const ALL: &[Scenario] = &[
    ("receives error 111 when it sends too much, and stays connected", |talk| Box::pin(is_refused(talk))),
    ("is closed with 3013 when it continues to send too much, and reconnects", |talk| Box::pin(continues_to_send(talk))),
];

/// Publishes `count` times at once. Returns how many publications were accepted and how many were refused with 111;
/// `None` if the connection ended.
async fn at_once(subscription: &Subscription, count: usize) -> Result<Option<(usize, usize)>, Failure> {
    let mut answers = JoinSet::new();
    for n in 0..count {
        let subscription = subscription.clone();
        answers.spawn(async move { subscription.publish(json!({ "n": n }).to_string()).await });
    }
    let (mut taken, mut refused) = (0, 0);
    for answer in within("answers", answers.join_all()).await? {
        match answer {
            Ok(()) => taken += 1,
            Err(Error::Server(error)) if error.code == 111 => refused += 1,
            Err(Error::ClientDisconnected) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(Some((taken, refused)))
}

async fn is_refused(talk: &mut Talk) -> Outcome {
    let ann = talk.connected(&fresh("ann-")).await?;
    let mine = ann.subscribed(&fresh("room:")).await?;
    let mut total = 0;
    // The tenth frame over the limit ends the connection, so fewer than ten are sent at once.
    let refused = loop {
        match at_once(&mine.subscription, 8).await? {
            Some((taken, 0)) if total < 1000 => total += taken,
            Some((_, refused)) => break refused,
            None => return Err(format!("closed after {total}")),
        }
    };
    if refused == 0 { Err(format!("{total} taken")) } else { same(ann.client.statistics().connects, 1) }
}

async fn continues_to_send(talk: &mut Talk) -> Outcome {
    let mut ann = talk.connected(&fresh("ann-")).await?;
    let mine = ann.subscribed(&fresh("room:")).await?;
    for _ in 0..100 {
        if at_once(&mine.subscription, 400).await?.is_none() {
            same(ann.connecting.next().await?.code, centrifuge::codes::connecting::CONNECT_CALLED)?;
            let code = ann.connecting.next().await?.code;
            // A request after the end is answered with "not found". The client may read that before it reads the close
            // code.
            if !(talk.is_streamed() && code == centrifuge::codes::connecting::TRANSPORT_CLOSED) {
                same(code, 3013)?;
            }
            return ann.connected.next().await.map(drop);
        }
    }
    Err("the connection is never closed".to_owned())
}
