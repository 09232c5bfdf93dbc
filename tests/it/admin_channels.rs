//! Channels, for operators: their lists, subscribers and history, and the erasure of messages, after which clients recover as
//! before.

use domain::account::role::Role;
use serde_json::{Value, json};

use crate::{
    harness::{App, Person, Session, eventually},
    history,
};

const CHANNELS: &str = "/api/v1/admin/channels";

/// The messages of a channel, as an operator sees them: newest first, as offsets and data.
async fn messages(operator: &Session, channel: &str) -> Vec<(u64, Value)> {
    let body = operator.get(&format!("{CHANNELS}/history?channel={channel}")).await.expect(200).body;
    let list = body["messages"].as_array().expect("a list").clone();
    list.iter()
        .map(|message| (message["offset"].as_u64().expect("an offset"), message["data"].clone()))
        .collect()
}

async fn recovered(session: &Session, channel: &str, since: u64, epoch: &str) -> Value {
    let mut socket = session.connect_by_command().await;
    let request = json!({"channel": channel, "recover": true, "offset": since, "epoch": epoch});
    socket.ask(json!({"subscribe": request})).await.expect("a reply")["subscribe"].clone()
}

#[tokio::test]
async fn an_operator_lists_channels_and_their_subscribers() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await.sign_in().await;
    let (mut one, mut two) = (person.connect_by_command().await, person.connect_by_command().await);
    for channel in ["chat:a", "chat:b", "chat:c"] {
        one.subscribe(channel).await;
    }
    two.subscribe("chat:b").await;
    one.publish("chat:b", json!(1)).await;
    let list = async |query: &str| operator.get(&format!("{CHANNELS}?{query}")).await.expect(200).body;
    let names = |body: &Value| {
        let list = body["channels"].as_array().expect("a list").clone();
        list.iter().map(|row| row["channel"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(&format!("limit=2{cursor}")).await;
        seen.extend(names(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let chats: Vec<_> = seen.iter().filter(|name| name.starts_with("chat:")).cloned().collect();
    assert_eq!(chats, ["chat:a", "chat:b", "chat:c"]);
    let durable = list("kind=durable").await;
    let row = durable["channels"].as_array().expect("a list").iter().find(|row| row["channel"] == "chat:b");
    assert_eq!(row.expect("the channel")["offset"], 1);
    let subscribers = async |query: &str| {
        operator.get(&format!("{CHANNELS}/subscribers?channel=chat:b&{query}")).await.expect(200).body
    };
    let first = subscribers("limit=1").await;
    assert_eq!(
        (&first["total"], &first["subscribers"][0]["user"]),
        (&json!(2), &json!(person.person.id.to_string()))
    );
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = subscribers(&format!("limit=1&cursor={cursor}")).await;
    assert!(second["next_cursor"].is_null());
    assert_ne!(first["subscribers"][0]["client"], second["subscribers"][0]["client"]);
    person.get(CHANNELS).await.refused(403, "operator_required");
}

#[tokio::test]
async fn a_removed_message_leaves_its_offset_so_that_clients_recover() {
    let app = history::app(|_| {});
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await.sign_in().await;
    for channel in ["memory:room", "chat:room"] {
        let mut socket = person.connect_by_command().await;
        socket.subscribe(channel).await;
        for number in 1..=4 {
            socket.publish(channel, json!({"secret": number})).await;
        }
        let body = json!({"channel": channel, "offset": 2, "reason": "personal data"});
        let removed = operator.post(&format!("{CHANNELS}/messages/remove"), &body).await.expect(200).body;
        let stored = u64::from(channel == "chat:room");
        assert_eq!((&removed["stored"], &removed["in_memory"]), (&json!(stored), &json!(1)), "{channel}");
        let expected = vec![
            (4, json!({"secret": 4})),
            (3, json!({"secret": 3})),
            (2, Value::Null),
            (1, json!({"secret": 1})),
        ];
        assert_eq!(messages(&operator, channel).await, expected, "{channel}");
        let page =
            operator.get(&format!("{CHANNELS}/history?channel={channel}&limit=3")).await.expect(200).body;
        let cursor = page["next_cursor"].as_str().expect("a cursor");
        let rest = format!("{CHANNELS}/history?channel={channel}&limit=3&cursor={cursor}");
        assert_eq!(operator.get(&rest).await.expect(200).body["messages"][0]["offset"], 1);
        let epoch = page["epoch"].as_str().expect("an epoch");
        let answer = recovered(&person, channel, 1, epoch).await;
        assert_eq!(answer["recovered"], true, "{channel}: {answer}");
        let publications = answer["publications"].as_array().expect("publications");
        let offsets: Vec<_> = publications.iter().map(|publication| publication["offset"].clone()).collect();
        assert_eq!(offsets, [2, 3, 4], "{channel}");
        assert_eq!(
            (&publications[0]["data"], &publications[0]["tags"]["removed"]),
            (&Value::Null, &json!("true"))
        );
        assert!(publications[0]["info"].is_null() && publications[1]["info"].is_object());
        let unknown = json!({"channel": channel, "offset": 99, "reason": "x"});
        operator.post(&format!("{CHANNELS}/messages/remove"), &unknown).await.refused(404, "not_found");
    }
    let kept = "SELECT count(*) FROM channel_messages WHERE convert_from(data, 'UTF8') LIKE '%\"secret\":2%'";
    assert_eq!(app.count(kept).await, 0);
    let recorded = "SELECT count(*) FROM audit_events WHERE event = 'message.removed' AND outcome = 'success' AND detail->>'reason' <> ''";
    assert_eq!(app.count(recorded).await, 2);
}

#[tokio::test]
async fn the_messages_of_a_person_are_erased_in_all_channels() {
    let app = history::app(|_| {});
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (one, two) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    for channel in ["memory:room", "chat:room", "chat:other"] {
        for (session, text) in [(&one, "mine"), (&two, "theirs")] {
            let mut socket = session.connect_by_command().await;
            socket.subscribe(channel).await;
            socket.publish(channel, json!(text)).await;
        }
    }
    let body = json!({"user": one.person.id.to_string(), "reason": "asked for it"});
    let path = format!("{CHANNELS}/messages/erase");
    operator.post(&path, &body).await.refused(403, "admin_required");
    let erased = admin.post(&path, &body).await.expect(200).body;
    assert_eq!(
        (&erased["stored"], &erased["in_memory"], &erased["more"]),
        (&json!(2), &json!(3), &json!(false))
    );
    for channel in ["memory:room", "chat:room", "chat:other"] {
        let expected = vec![(2, json!("theirs")), (1, Value::Null)];
        assert_eq!(messages(&operator, channel).await, expected, "{channel}");
    }
    let left = format!("SELECT count(*) FROM channel_messages WHERE subject = '{}'", one.person.id);
    assert_eq!(app.count(&left).await, 0);
    let again = admin.post(&path, &body).await.expect(200).body;
    assert_eq!((&again["stored"], &again["in_memory"]), (&json!(0), &json!(0)));
    let mut socket = one.connect_by_command().await;
    socket.subscribe("chat:room").await;
    socket.publish("chat:room", json!("new")).await;
    assert_eq!(messages(&operator, "chat:room").await[0], (3, json!("new")));
}

#[tokio::test]
async fn an_operator_cannot_remove_a_message_of_an_admin() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let mut socket = admin.connect_by_command().await;
    socket.subscribe("chat:room").await;
    socket.publish("chat:room", json!("an announcement")).await;
    let body = json!({"channel": "chat:room", "offset": 1, "reason": "x"});
    operator.post(&format!("{CHANNELS}/messages/remove"), &body).await.refused(403, "not_permitted");
    assert_eq!(messages(&operator, "chat:room").await, [(1, json!("an announcement"))]);
    admin.post(&format!("{CHANNELS}/messages/remove"), &body).await.expect(200);
}

#[tokio::test]
async fn channels_without_history_and_unknown_channels_have_clear_errors() {
    let app = history::app(|options| options.history_size = 0);
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let read = async |query: &str| operator.get(&format!("{CHANNELS}/history?{query}")).await;
    read("channel=memory:room").await.refused(409, "no_history");
    read("channel=nonsense:room").await.refused(404, "not_found");
    read("channel=chat:room&cursor=nonsense").await.refused(422, "invalid_cursor");
    read("channel=").await.refused(422, "invalid_channel");
    read("limit=2").await.refused(422, "invalid_query");
}

#[tokio::test]
async fn an_erasure_on_one_node_reaches_the_durable_channels_in_the_memory_of_another() {
    let app = App::start();
    let other = App::over(app.database().clone(), |_| {});
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    // The accounts are made on one node, because each node of the tests counts its new addresses from one.
    let (reader, person) = (app.appoint(Role::Operator).await, app.register().await);
    let reader = Person { app: other.clone(), ..reader }.sign_in().await;
    let person = Person { app: other.clone(), ..person }.sign_in().await;
    let mut socket = person.connect_by_command().await;
    for channel in ["chat:one", "chat:two", "chat:three"] {
        socket.subscribe(channel).await;
        for number in 1..=3 {
            socket.publish(channel, json!(number)).await;
        }
        assert_eq!(messages(&reader, channel).await.len(), 3);
    }
    let remove = json!({"channel": "chat:one", "offset": 2, "reason": "personal data"});
    admin.post(&format!("{CHANNELS}/messages/remove"), &remove).await.expect(200);
    let removed = [(3, json!(3)), (2, Value::Null), (1, json!(1))];
    eventually("the message is gone", async || messages(&reader, "chat:one").await == removed).await;
    let erase = json!({"user": person.person.id.to_string(), "reason": "asked for it"});
    admin.post(&format!("{CHANNELS}/messages/erase"), &erase).await.expect(200);
    let erased = [(3, Value::Null), (2, Value::Null), (1, Value::Null)];
    for channel in ["chat:one", "chat:two", "chat:three"] {
        eventually("the messages are gone", async || messages(&reader, channel).await == erased).await;
        socket.publish(channel, json!("new")).await;
        assert_eq!(messages(&reader, channel).await[0], (4, json!("new")));
    }
}

/// As after a crash or a lost answer between the commit and the memory of the node.
#[tokio::test]
async fn an_erasure_that_has_reached_only_the_database_reaches_the_memory() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await.sign_in().await;
    let mut socket = person.connect_by_command().await;
    socket.subscribe("chat:room").await;
    socket.subscribe("chat:other").await;
    socket.publish("chat:room", json!("secret")).await;
    assert_eq!(messages(&operator, "chat:room").await, [(1, json!("secret"))]);
    let committed = "BEGIN; UPDATE channel_messages SET data = 'null' WHERE channel = 'chat:room';
                     UPDATE channels SET erased_in = pg_current_xact_id() WHERE name = 'chat:room'";
    let rows = app.rows().await;
    rows.batch_execute(committed).await.expect("the change");
    // Later transactions commit before it, so looks for changes happen while it is under way.
    for number in 2..=3 {
        socket.publish("chat:other", json!(number)).await;
    }
    rows.batch_execute("COMMIT").await.expect("the commit");
    let erased = [(1, Value::Null)];
    eventually("the message is gone", async || messages(&operator, "chat:room").await == erased).await;
}
