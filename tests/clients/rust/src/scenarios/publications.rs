//! Publications: live, from history, recovered, and as deltas.

use centrifuge::{DeltaType, HistoryOptions, StreamPosition};
use serde_json::json;

use crate::{application::{api, fresh, name_of, publish_from_server}, talk::{ObservedSubscription, Failure, Outcome, Talk, answered, number, data_of, same}};
use super::Scenario;

pub(super) const ALL: &[Scenario] = &[
    ("subscribes and publishes", |talk| Box::pin(publishes(talk))),
    ("reads history page by page in both directions", |talk| Box::pin(reads_history(talk))),
    ("recovers in memory what it missed while its connection was lost", |talk| {
        Box::pin(recovers(talk, "room:"))
    }),
    ("recovers from the database what it missed while its connection was lost", |talk| {
        Box::pin(recovers(talk, "kept:"))
    }),
    ("continues at the position where an earlier client stopped", |talk| Box::pin(continues(talk))),
    ("learns that its position cannot be recovered", |talk| Box::pin(cannot_recover(talk))),
    ("understands deltas, and receives few bytes for them", |talk| Box::pin(understands_deltas(talk))),
];

async fn publishes(talk: &mut Talk) -> Outcome {
    let (channel, user) = (fresh("room:"), fresh("ann-"));
    let (ann, bob) = (talk.connected(&user).await?, talk.connected(&fresh("bob-")).await?);
    let (mut mine, mut theirs) = (ann.subscribed(&channel).await?, bob.subscribed(&channel).await?);
    let text = json!({"n": 1, "text": "grüß dich"});
    mine.publish(&text).await?;
    let (echo, heard) = (mine.publications.next().await?, theirs.publications.next().await?);
    let info = heard.info.as_ref().ok_or("the publication has no publisher")?;
    same((data_of(&echo), data_of(&heard), info.user.clone()), (text.clone(), text, name_of(&user)))
}

async fn reads_history(talk: &mut Talk) -> Outcome {
    let mine = talk.connected(&fresh("ann-")).await?.subscribed(&fresh("room:")).await?;
    mine.publish_numbers(1, 10).await?;
    let top = answered("history", mine.subscription.history(HistoryOptions::new())).await?;
    same((top.offset, top.publications.len()), (10, 0))?;
    same(pages(&mine, false).await?, vec![vec![1, 2, 3, 4], vec![5, 6, 7, 8], vec![9, 10]])?;
    same(pages(&mine, true).await?, vec![vec![10, 9, 8, 7], vec![6, 5, 4, 3], vec![2, 1]])
}

/// All publications in the history, four per page.
async fn pages(observed: &ObservedSubscription, reverse: bool) -> Result<Vec<Vec<u64>>, Failure> {
    let (mut read, mut options) = (Vec::new(), HistoryOptions::new().limit(4).reverse(reverse));
    loop {
        let page = answered("history", observed.subscription.history(options.clone())).await?;
        let Some(last) = page.publications.last() else { return Ok(read) };
        options = options.since(StreamPosition::new(last.offset, page.epoch.clone()));
        read.push(page.publications.iter().map(number).collect());
    }
}

async fn recovers(talk: &mut Talk, namespace: &str) -> Outcome {
    let channel = fresh(namespace);
    let mut ann = talk.connected(&fresh("ann-")).await?;
    let mut mine = ann.subscribed(&channel).await?;
    mine.publish_numbers(1, 2).await?;
    same(mine.numbers(2).await?, vec![1, 2])?;
    ann.cut().await?;
    publish_from_server(&channel, 3, 6).await?;
    ann.line.restore();
    let again = mine.subscribed.next().await?;
    mine.publish_numbers(7, 7).await?;
    same(
        (again.was_recovering, again.recovered, again.recoverable, again.positioned),
        (true, true, true, true),
    )?;
    same(mine.numbers(5).await?, vec![3, 4, 5, 6, 7])?;
    same(mine.publications.waiting(), 0)
}

async fn continues(talk: &mut Talk) -> Outcome {
    let channel = fresh("kept:");
    let early = talk.connected(&fresh("ann-")).await?;
    let mut mine = early.subscribed(&channel).await?;
    mine.publish_numbers(1, 3).await?;
    mine.numbers(1).await?;
    let read = mine.publications.next().await?.offset;
    let top = answered("history", mine.subscription.history(HistoryOptions::new())).await?;
    early.client.close().await;
    let position = StreamPosition::new(read, top.epoch);
    let late = talk.connected(&fresh("ann-")).await?;
    let mut mine = late.subscribing(&channel, |builder| builder.recoverable(true).since(position))?;
    let again = mine.subscribed.next().await?;
    same((again.was_recovering, again.recovered, mine.numbers(1).await?), (true, true, vec![3]))
}

async fn cannot_recover(talk: &mut Talk) -> Outcome {
    let channel = fresh("brief:");
    let mut ann = talk.connected(&fresh("ann-")).await?;
    let mut mine = ann.subscribed(&channel).await?;
    mine.publish_numbers(1, 1).await?;
    mine.numbers(1).await?;
    ann.cut().await?;
    publish_from_server(&channel, 2, 6).await?;
    ann.line.restore();
    let again = mine.subscribed.next().await?;
    mine.publish_numbers(7, 7).await?;
    same((again.was_recovering, again.recovered, mine.numbers(1).await?), (true, false, vec![7]))
}

async fn understands_deltas(talk: &mut Talk) -> Outcome {
    let channel = fresh("room:");
    let ann = talk.connected(&fresh("ann-")).await?;
    let mut mine = ann.subscribed_with(&channel, |builder| builder.delta(DeltaType::Fossil)).await?;
    let long = "The gate is up. ".repeat(400);
    let before = ann.client.statistics().bytes_in;
    for n in 1..=5 {
        let data = json!({"n": n, "long": long});
        api("publish", &json!({"channel": channel, "data": data})).await?;
        let heard = mine.publications.next().await?;
        same(data_of(&heard), data)?;
    }
    let (sent, whole) =
        (ann.client.statistics().bytes_in - before, u64::try_from(long.len()).unwrap_or(u64::MAX));
    if sent < 2 * whole {
        Ok(())
    } else {
        Err(format!("{sent} bytes for five publications that share {whole} bytes"))
    }
}
