//! Durable channels, tested through the whole server: publications are acknowledged after the commit, and recovered from the
//! database without a gap.

mod large;
mod outage;

use actors::runtime::ServerPublication;
use protocol::{HistoryRequest, Payload, channel_name::ChannelName};
use serde_json::{Value, json};

use crate::harness::{App, Session, Socket, fresh_database};

const CHANNEL: &str = "chat:lobby";

fn channel() -> ChannelName {
    ChannelName::parse(CHANNEL).unwrap()
}

/// Subscribes as an SDK does, and returns the result. With `since`, requests the publications after this position.
async fn subscribe(socket: &mut Socket, since: Option<(u64, &str)>) -> Value {
    let mut request = json!({"channel": CHANNEL});
    if let Some((offset, epoch)) = since {
        request["recover"] = true.into();
        request["offset"] = offset.into();
        request["epoch"] = epoch.into();
    }
    let reply = socket.ask(json!({"subscribe": request})).await.expect("a reply");
    assert!(reply["subscribe"].is_object(), "{reply}");
    reply["subscribe"].clone()
}

/// The next publication. Joins and leaves are skipped.
async fn published(socket: &mut Socket) -> (u64, Value) {
    loop {
        let push = socket.pushed().await;
        if let Some(publication) = push.get("pub") {
            return (publication["offset"].as_u64().expect("an offset"), publication["data"].clone());
        }
        assert!(push.get("join").is_some() || push.get("leave").is_some(), "{push}");
    }
}

/// The next push that is no join or leave.
async fn pushed(socket: &mut Socket) -> Value {
    loop {
        let push = socket.pushed().await;
        if push.get("join").is_none() && push.get("leave").is_none() {
            return push;
        }
    }
}

async fn publish(socket: &mut Socket, data: Value) -> Value {
    socket.ask(json!({"publish": {"channel": CHANNEL, "data": data}})).await.expect("a reply")
}

fn data(publications: &Value) -> Vec<(u64, Value)> {
    let publications = publications.as_array().expect("publications").iter();
    publications.map(|each| (each["offset"].as_u64().expect("an offset"), each["data"].clone())).collect()
}

async fn member(app: &App) -> (Session, Socket) {
    let session = app.register().await.open_session().await;
    let socket = session.connect_by_command().await;
    (session, socket)
}

fn server_publication(text: &str, key: Option<&str>) -> ServerPublication {
    ServerPublication {
        data: Payload::parse(&format!("\"{text}\"")).unwrap(),
        tags: vec![("kind".to_owned(), "test".to_owned())],
        skip_history: false,
        idempotency_key: key.map(str::to_owned),
        version: None,
    }
}

#[tokio::test]
async fn subscribe_unsubscribe_and_subscribe_in_one_frame_are_all_answered() {
    let app = App::start();
    let mut socket = app.register().await.sign_in().await.connect_by_command().await;
    for number in 0..5_u32 {
        // A channel that is not in memory yet.
        let channel = format!("chat:fresh-{number}");
        let commands = [
            json!({"id": 1_001, "subscribe": {"channel": channel}}),
            json!({"id": 1_002, "unsubscribe": {"channel": channel}}),
            json!({"id": 1_003, "subscribe": {"channel": channel}}),
        ];
        socket.send_text(&commands.map(|command| command.to_string()).join("\n")).await;
        assert!(socket.reply(1_001).await.unwrap()["subscribe"].is_object());
        assert!(socket.reply(1_002).await.unwrap()["unsubscribe"].is_object());
        assert!(socket.reply(1_003).await.unwrap()["subscribe"].is_object());
    }
}

#[tokio::test]
async fn acknowledged_and_delivered_publications_are_in_the_database() {
    let app = App::start();
    let (_session, mut socket) = member(&app).await;
    let began = subscribe(&mut socket, None).await;
    assert_eq!((&began["recoverable"], began["epoch"].as_str().map(str::len)), (&json!(true), Some(8)));
    for number in 1..=5 {
        assert!(publish(&mut socket, json!(number)).await["publish"].is_object());
        assert_eq!(published(&mut socket).await, (number, json!(number)));
        assert_eq!(app.count("SELECT max(seq) FROM channel_messages").await, i64::try_from(number).unwrap());
    }
}

#[tokio::test]
async fn publications_missed_during_a_restart_are_recovered() {
    let database = fresh_database();
    let app = App::over(database.clone(), |_| {});
    let (session, mut socket) = member(&app).await;
    let epoch = subscribe(&mut socket, None).await["epoch"].as_str().expect("an epoch").to_owned();
    for number in 1..=4 {
        publish(&mut socket, json!(number)).await;
    }
    app.stop();
    assert_eq!(socket.closed().await.code, 3001);
    let app = App::over(database, |_| {});
    let mut socket = Session { app: app.clone(), ..session }.connect_by_command().await;
    let back = subscribe(&mut socket, Some((2, &epoch))).await;
    assert_eq!((&back["recovered"], &back["was_recovering"]), (&json!(true), &json!(true)));
    assert_eq!(back["epoch"], epoch.as_str());
    assert_eq!(data(&back["publications"]), [(3, json!(3)), (4, json!(4))]);
    publish(&mut socket, json!(5)).await;
    assert_eq!(published(&mut socket).await, (5, json!(5)));
}

#[tokio::test]
async fn a_position_of_another_epoch_or_beyond_the_top_is_not_recovered() {
    let app = App::start();
    let (_session, mut socket) = member(&app).await;
    for since in [(0, "wrongone"), (7, "")] {
        let back = subscribe(&mut socket, Some(since)).await;
        assert!(back.get("recovered").is_none() && back["was_recovering"] == true, "{back}");
        socket.ask(json!({"unsubscribe": {"channel": CHANNEL}})).await.expect("a reply");
    }
}

#[tokio::test]
async fn publications_of_another_process_are_read_and_delivered_first() {
    let app = App::start();
    let (_session, mut socket) = member(&app).await;
    subscribe(&mut socket, None).await;
    publish(&mut socket, json!(1)).await;
    assert_eq!(published(&mut socket).await, (1, json!(1)));
    app.rows()
        .await
        .batch_execute(
            "UPDATE channels SET top = 3;
             INSERT INTO channel_messages (channel, seq, data, created_at)
             VALUES ('chat:lobby', 2, '2', now()), ('chat:lobby', 3, '3', now())",
        )
        .await
        .expect("rows of another process");
    publish(&mut socket, json!(4)).await;
    for number in 2..=4 {
        assert_eq!(published(&mut socket).await, (number, json!(number)));
    }
}

#[tokio::test]
async fn subscribers_are_unsubscribed_if_missing_publications_cannot_be_read() {
    let app = App::start();
    let (_session, mut socket) = member(&app).await;
    let epoch = subscribe(&mut socket, None).await["epoch"].as_str().expect("an epoch").to_owned();
    publish(&mut socket, json!(1)).await;
    assert_eq!(published(&mut socket).await, (1, json!(1)));
    app.rows().await.batch_execute("UPDATE channels SET top = 3, gone = 3").await.expect("a gap");
    let reply = publish(&mut socket, json!(4)).await;
    assert!(reply["publish"].is_object(), "{reply}");
    assert_eq!(pushed(&mut socket).await["unsubscribe"]["code"], 2500);
    let back = subscribe(&mut socket, Some((1, &epoch))).await;
    assert!(back.get("recovered").is_none(), "{back}");
    assert_eq!(back["offset"], 4);
    publish(&mut socket, json!(5)).await;
    assert_eq!(published(&mut socket).await, (5, json!(5)));
}

#[tokio::test]
async fn a_history_is_paged_in_both_directions_from_memory_and_from_the_database() {
    let app = App::start();
    let (_session, mut socket) = member(&app).await;
    let epoch = subscribe(&mut socket, None).await["epoch"].as_str().expect("an epoch").to_owned();
    app.rows()
        .await
        .batch_execute(
            "INSERT INTO channels (name, top, created_at, updated_at) VALUES ('chat:lobby', 700, now(), now());
             INSERT INTO channel_messages (channel, seq, data, created_at)
             SELECT 'chat:lobby', n, convert_to(n::text, 'UTF8'), now() FROM generate_series(1, 700) n",
        )
        .await
        .expect("rows");
    // When the node writes this publication, it notices the rows that it did not know.
    assert!(publish(&mut socket, json!(701)).await["publish"].is_object());
    let mut seen = Vec::new();
    for reverse in [false, true] {
        let mut since: Option<u64> = None;
        let mut pages = Vec::new();
        loop {
            let mut request = json!({"channel": CHANNEL, "limit": 100, "reverse": reverse});
            if let Some(offset) = since {
                request["since"] = json!({"offset": offset, "epoch": epoch});
            }
            let reply = socket.ask(json!({"history": request})).await.expect("a reply");
            assert_eq!(reply["history"]["offset"], 701, "{reply}");
            let page = data(&reply["history"]["publications"]);
            let Some((offset, _)) = page.last() else { break };
            since = Some(*offset);
            pages.extend(page.into_iter().map(|(offset, data)| {
                assert_eq!(data, json!(offset));
                offset
            }));
            if since == Some(1) {
                break;
            }
        }
        seen.push(pages);
    }
    assert_eq!(seen[0], (1..=701).collect::<Vec<_>>());
    assert_eq!(seen[1], (1..=701).rev().collect::<Vec<_>>());
    let foreign = json!({"channel": CHANNEL, "limit": 1, "since": {"offset": 1, "epoch": "wrongone"}});
    assert_eq!(socket.ask(json!({"history": foreign})).await.expect("a reply")["error"]["code"], 112);
}

#[tokio::test]
async fn publications_with_one_idempotency_key_are_published_once_and_a_removed_history_is_deleted() {
    let app = App::start();
    let (_session, mut socket) = member(&app).await;
    subscribe(&mut socket, None).await;
    let realtime = app.realtime();
    let first = realtime.publish_as_server(channel(), server_publication("a", Some("k"))).await.unwrap();
    let again = realtime.publish_as_server(channel(), server_publication("b", Some("k"))).await.unwrap();
    let next = realtime.publish_as_server(channel(), server_publication("c", None)).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(next.as_ref().map(|position| position.offset), Some(2));
    assert_eq!(published(&mut socket).await, (1, json!("a")));
    assert_eq!(published(&mut socket).await, (2, json!("c")));
    let unkept = ServerPublication { skip_history: true, ..server_publication("d", None) };
    assert_eq!(realtime.publish_as_server(channel(), unkept).await.unwrap(), None);
    assert_eq!(pushed(&mut socket).await["pub"]["data"], "d");
    let all = || HistoryRequest { limit: -1, ..HistoryRequest::default() };
    let history = realtime.history_of(channel(), all()).await.unwrap();
    assert_eq!(history.publications[0].tags, [("kind".to_owned(), "test".to_owned())]);
    assert_eq!(history.publications.len(), 2);
    realtime.remove_history(channel()).await.unwrap();
    let history = realtime.history_of(channel(), all()).await.unwrap();
    assert_eq!((history.publications.len(), history.position.offset), (0, 2));
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM channel_messages").await, 0);
    let next = realtime.publish_as_server(channel(), server_publication("e", None)).await.unwrap();
    assert_eq!(next.map(|position| position.offset), Some(3));
}
