//! A durable channel with publications that do not fit into one read or one answer.

use serde_json::{Value, json};

use super::{CHANNEL, data, member, subscribe};
use crate::harness::{App, Socket};

/// Inserts sixty publications of sixty kilobytes. One read returns about seventeen of them, and one answer contains
/// at most seven. Returns the epoch.
async fn fill(app: &App) -> String {
    app.rows()
        .await
        .batch_execute(
            "INSERT INTO channels (name, top, created_at, updated_at) VALUES ('chat:lobby', 60, now(), now());
             INSERT INTO channel_messages (channel, seq, data, created_at)
             SELECT 'chat:lobby', n, convert_to('\"' || repeat(chr(97 + n % 26), 60000) || '\"', 'UTF8'), now()
             FROM generate_series(1, 60) n",
        )
        .await
        .expect("rows");
    app.rows().await.query_one("SELECT epoch FROM channel_epoch", &[]).await.expect("an epoch").get(0)
}

fn is_whole((offset, data): &(u64, Value)) -> bool {
    let letter = char::from(b'a' + u8::try_from(offset % 26).expect("a letter"));
    data.as_str() == Some(letter.to_string().repeat(60_000).as_str())
}

async fn page(socket: &mut Socket, since: Option<u64>, epoch: &str, reverse: bool) -> Vec<u64> {
    let since = since.map(|offset| json!({"offset": offset, "epoch": epoch}));
    let request = json!({"channel": CHANNEL, "limit": 100, "since": since, "reverse": reverse});
    let reply = socket.ask(json!({"history": request})).await.expect("a reply");
    assert_eq!(reply["history"]["offset"], 60, "{}", reply["error"]);
    let found = data(&reply["history"]["publications"]);
    assert!(found.len() <= 7 && found.iter().all(is_whole));
    found.into_iter().map(|(offset, _)| offset).collect()
}

#[tokio::test]
async fn large_publications_are_read_in_pages_in_both_directions() {
    let app = App::start();
    let (_session, mut socket) = member(&app).await;
    let epoch = fill(&app).await;
    subscribe(&mut socket, None).await;
    let (mut back, mut since) = (Vec::new(), None);
    while since != Some(1) {
        back.extend(page(&mut socket, since, &epoch, true).await);
        assert_ne!(back.last().copied(), since, "the pages end before the first publication: {back:?}");
        since = back.last().copied();
    }
    assert_eq!(back, (1..=60).rev().collect::<Vec<_>>());
    let (mut forth, mut since) = (Vec::new(), None);
    while since != Some(60) {
        forth.extend(page(&mut socket, since, &epoch, false).await);
        assert_ne!(forth.last().copied(), since, "the pages end before the last publication: {forth:?}");
        since = forth.last().copied();
    }
    assert_eq!(forth, (1..=60).collect::<Vec<_>>());
}

#[tokio::test]
async fn missed_large_publications_are_recovered_only_if_they_fit_into_one_answer() {
    let app = App::start();
    let (session, _socket) = member(&app).await;
    let epoch = fill(&app).await;
    for (missed, recovered) in [(0, true), (7, true), (8, false), (30, false)] {
        let mut socket = session.connect_by_command().await;
        let back = subscribe(&mut socket, Some((60 - missed, &epoch))).await;
        assert_eq!(back["recovered"] == true, recovered, "{missed} missed");
        if recovered && missed > 0 {
            let found = data(&back["publications"]);
            assert!(found.iter().all(is_whole));
            assert!(found.iter().map(|(offset, _)| *offset).eq(61 - missed..=60));
        } else {
            assert!(back.get("publications").is_none());
        }
    }
}
