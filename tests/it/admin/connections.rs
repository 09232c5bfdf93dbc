//! The list of open connections, with filters and live figures.

use std::time::Duration;

use domain::account::role::Role;
use serde_json::{Value, json};
use service::geo::{Database, Geo};
use tokio::sync::Mutex;

use crate::harness::{
    App, BULK_CHANNEL, Session, allow_large_backlog, eventually,
    geo_database::{self, LONDON, SYDNEY},
    unread_socket,
};

const CONNECTIONS: &str = "/api/v1/admin/connections";

async fn all(operator: &Session, query: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = operator.get(&format!("{CONNECTIONS}?{query}{cursor}")).await.expect(200);
        found.extend(page.body["connections"].as_array().expect("connections").iter().cloned());
        let Some(next) = page.body["next_cursor"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
}

/// The sessions of these connections.
fn sessions(found: &[Value]) -> Vec<String> {
    found.iter().map(|connection| connection["session"].as_str().expect("a session").to_owned()).collect()
}

#[tokio::test]
async fn each_filter_selects_its_connections_in_pages_and_in_both_orders() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (one, two) = (app.register().await.open_session().await, app.register().await.open_session().await);
    let _first = one.connect().await;
    app.advance(Duration::from_secs(10));
    let mut second = two.connect_by_command().await;
    second.subscribe("ephemeral:x").await;
    app.advance(Duration::from_secs(10));
    let _third = two.connect().await;
    let (a, b) = (one.id.to_string(), two.id.to_string());
    let device = two.device.split('.').next().unwrap_or_default();
    for (query, wanted) in [
        (String::new(), vec![&b, &b, &a]),
        ("sort=connected".to_owned(), vec![&a, &b, &b]),
        (format!("user={}", two.person.id), vec![&b, &b]),
        (format!("session={a}"), vec![&a]),
        (format!("device={device}"), vec![&b, &b]),
        ("channel=ephemeral:x".to_owned(), vec![&b]),
        ("channel=ephemeral:y".to_owned(), vec![]),
        ("address=127.0.0.1".to_owned(), vec![&b, &b, &a]),
        ("network=127.0.0.0/8&transport=websocket&protocol=json".to_owned(), vec![&b, &b, &a]),
        ("network=192.0.2.0/24".to_owned(), vec![]),
        ("protocol=protobuf".to_owned(), vec![]),
        ("transport=sse".to_owned(), vec![]),
        ("older_than=15".to_owned(), vec![&a]),
        ("younger_than=15".to_owned(), vec![&b, &b]),
        ("younger_than=15&older_than=5".to_owned(), vec![&b]),
        ("younger_than=5&older_than=15".to_owned(), vec![]),
    ] {
        for limit in [1, 2, 200] {
            let found = all(&operator, &format!("{query}&limit={limit}")).await;
            assert_eq!(sessions(&found).iter().collect::<Vec<_>>(), wanted, "{query}, {limit}");
        }
    }
    operator.get(&format!("{CONNECTIONS}?cursor=x")).await.refused(422, "invalid_cursor");
    operator.get(&format!("{CONNECTIONS}?network=x")).await.refused(422, "invalid_network");
    operator.get(&format!("{CONNECTIONS}?country=x")).await.refused(422, "invalid_country");
}

#[tokio::test]
async fn a_connection_is_listed_with_its_client_channels_age_and_queue() {
    let app = App::start();
    let auditor = app.appoint(Role::Auditor).await.sign_in().await;
    let session = app.register().await.open_session().await;
    let mut socket = app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
    let connect = json!({"connect": {"token": session.access, "name": "js", "version": "1.2.3"}});
    socket.ask(connect).await.expect("a reply");
    socket.subscribe("ephemeral:x").await;
    app.advance(Duration::from_secs(7));
    let found = all(&auditor, "client=JS%201.2").await;
    let [connection] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&connection["app_name"], &connection["app_version"]), (&json!("js"), &json!("1.2.3")));
    assert_eq!((&connection["transport"], &connection["protocol"]), (&json!("websocket"), &json!("json")));
    assert_eq!((&connection["age_seconds"], &connection["queued_bytes"]), (&json!(7), &json!(0)));
    assert!(connection["state"]["channels"]["ephemeral:x"].is_object(), "{connection}");
    assert!(connection["ping_round_trip_ms"].is_null(), "no ping was answered yet");
    assert!(connection["client"].is_string());
    assert!(connection["country"].is_null(), "there is no GeoIP database");
}

#[tokio::test]
async fn the_longest_queues_come_first_and_a_page_says_how_many_connections_it_has_compared() {
    let app = App::with(allow_large_backlog);
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let session = async || app.register().await.open_session().await;
    let (longest, long, author, idle) = (session().await, session().await, session().await, session().await);
    let (mut publisher, _idle) = (author.connect().await, idle.connect().await);
    publisher.subscribe(BULK_CHANNEL).await;
    let _longest = unread_socket(&longest).await;
    publisher.publish_until_full().await;
    let _long = unread_socket(&long).await;
    publisher.publish_until_full().await;

    let queued = |connection: &Value| connection["queued_bytes"].as_u64().expect("a number");
    eventually(
        "no other connection has a queue, so the counter of the node has the same bytes",
        async || {
            let page = operator.get(&format!("{CONNECTIONS}?sort=-queued&limit=2")).await.expect(200);
            let found = page.body["connections"].as_array().expect("connections");
            assert_eq!(sessions(found), [longest.id.to_string(), long.id.to_string()]);
            assert!(queued(&found[0]) > queued(&found[1]) && queued(&found[1]) > 0, "{found:?}");
            assert!(found.iter().all(|connection| connection["answered"] == json!(true)), "{found:?}");
            assert_eq!((&page.body["examined"], &page.body["next_cursor"]), (&json!(4), &Value::Null));
            app.realtime().queued_bytes() as u64 == queued(&found[0]) + queued(&found[1])
        },
    )
    .await;
    let only = all(&operator, &format!("sort=-queued&session={}", long.id)).await;
    assert_eq!(sessions(&only), [long.id.to_string()]);
}

#[tokio::test]
async fn the_country_of_the_address_is_listed_and_selects() {
    let file = geo_database::database(&[SYDNEY, LONDON]);
    let app = App::with(|settings| {
        settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        settings.geo = Geo::new(vec![Database::of(file).expect("a database")]);
    });
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let session = app.register().await.open_session().await;
    let path = format!("/api/v1/ws/chat?token={}", session.access);
    let from = async |address: &str| {
        let handshake = app.handshake(&path).header("x-forwarded-for", address);
        handshake.open().await.expect("the handshake is accepted")
    };
    let (_sydney, _london, _unknown) =
        (from("203.0.113.7").await, from("198.51.100.7").await, from("192.0.2.7").await);
    for (query, wanted) in [
        ("sort=connected", vec![json!("AU"), json!("GB"), Value::Null]),
        ("country=gb", vec![json!("GB")]),
        ("country=AU&sort=-queued", vec![json!("AU")]),
        ("country=NO", vec![]),
    ] {
        let found = all(&operator, query).await;
        let countries: Vec<_> = found.iter().map(|connection| connection["country"].clone()).collect();
        assert_eq!(countries, wanted, "{query}");
    }
}

#[tokio::test]
async fn the_round_trip_of_an_answered_ping_is_listed_and_comes_before_connections_without_one() {
    let app = App::with(|settings| {
        let client = std::sync::Arc::make_mut(&mut settings.socket.client);
        client.ping_interval = Duration::from_secs(1);
    });
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let session = app.register().await.open_session().await;
    let socket = Mutex::new(session.connect_by_command().await);
    // This client is newer, and answers no ping.
    let _silent = app.register().await.open_session().await.connect().await;
    let (socket, operator, first) = (&socket, &operator, session.id.to_string());
    let first = first.as_str();
    eventually("the ping is answered", || async move {
        // The socket answers the pings that it receives while it waits for a reply.
        let _ = socket.lock().await.ask(json!({"rpc": {"method": "none"}})).await;
        let found = all(operator, "sort=-ping").await;
        let times: Vec<_> =
            found.iter().map(|connection| connection["ping_round_trip_ms"].as_f64()).collect();
        match times.as_slice() {
            [Some(time), None] => *time >= 0.0 && sessions(&found)[0] == first,
            // After two pings without an answer, the silent client is gone.
            [Some(time)] => *time >= 0.0,
            _ => false,
        }
    })
    .await;
}
