//! A receiver fails half the time and is down for a while, and the server is killed twice meanwhile. Every event arrives, with
//! its id, and the events of a subject arrive in their order.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::{Value, json};
use store::DatabaseSettings;
use tokio_postgres::NoTls;

use super::{WEBHOOKS, is_signed};
use crate::{
    harness::{
        Ask as _, EventSink, Mode, PASSWORD, Server, client, eventually, fresh_database, scratch_dir,
        secret_watch,
    },
    serve::production_on,
};

/// How long the receiver is down.
const DOWN: Duration = Duration::from_secs(3);

struct Rest {
    client: Client,
    base: String,
}

impl Rest {
    fn to(server: &Server) -> Self {
        Self { client: client().build().expect("a client"), base: format!("http://{}", server.address()) }
    }

    async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        let mut request = self.client.post(format!("{}{path}", self.base)).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.ask().await;
        (answer.status, answer.body)
    }

    async fn sign_in(&self, email: &str) -> (String, String) {
        let body = json!({"username": email, "password": PASSWORD});
        let (status, granted) = self.post("/api/v1/auth/jwt/login", None, &body).await;
        assert_eq!(status, 200, "{granted}");
        let text = |field: &str| granted[field].as_str().expect("a text").to_owned();
        (text("session_id"), text("access_token"))
    }
}

fn server(database: &DatabaseSettings, data: &str) -> Server {
    let further = [
        ("DATA_DIR", data),
        ("EVENTS_INNER_ADDRESSES", "true"),
        ("EVENTS_TIMEOUT_SECONDS", "1"),
        ("LIMIT_LOGIN_ADDRESS", "1000/60"),
        ("LIMIT_REGISTER_ADDRESS", "1000/60"),
    ];
    production_on(database, &[], &further, &[])
}

/// Signs every user in and out. Returns the acknowledged events: type and session.
async fn traffic(rest: &Rest, users: &[String]) -> Vec<(&'static str, String)> {
    let mut acknowledged = Vec::new();
    for email in users {
        let (session, access) = rest.sign_in(email).await;
        acknowledged.push(("session.opened", session.clone()));
        let (status, _) = rest.post("/api/v1/auth/logout", Some(&access), &json!({})).await;
        assert_eq!(status, 200);
        acknowledged.push(("session.signed_out", session));
    }
    acknowledged
}

async fn rows(database: &DatabaseSettings) -> tokio_postgres::Client {
    let (rows, link) = database.config.connect(NoTls).await.expect("a connection");
    tokio::spawn(link);
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_arrives_in_order_at_a_failing_receiver_although_the_server_is_killed_twice() {
    let (database, data, sink) = (fresh_database(), scratch_dir(), EventSink::start());
    let data = data.path().to_str().expect("a path");
    let mut running = server(&database, data);
    let rest = Rest::to(&running);
    let users: Vec<_> = (0..6).map(|number| format!("user{number}@example.com")).collect();
    for email in users.iter().map(String::as_str).chain(["root@example.com"]) {
        let body = json!({"email": email, "password": PASSWORD});
        assert_eq!(rest.post("/api/v1/auth/register", None, &body).await.0, 201);
    }
    let appoint = "UPDATE users SET role = 'admin' WHERE email = 'root@example.com'";
    rows(&database).await.execute(appoint, &[]).await.expect("a row");
    let (_, admin) = rest.sign_in("root@example.com").await;
    let body = json!({"name": "a", "url": sink.url(), "events": ["security"], "reason": "a test"});
    let (status, made) = rest.post(WEBHOOKS, Some(&admin), &body).await;
    assert_eq!(status, 201, "{made}");
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    secret_watch::note("secret of a webhook", &secret);

    sink.set(Mode::FailsHalfTheTime);
    let mut expected = traffic(&rest, &users).await;
    running.kill();
    sink.set(Mode::Down);
    let down_since = Instant::now();
    running = server(&database, data);
    let rest = Rest::to(&running);
    expected.extend(traffic(&rest, &users).await);
    tokio::time::sleep(DOWN.saturating_sub(down_since.elapsed())).await;
    sink.set(Mode::FailsHalfTheTime);
    eventually("some arrive", async || sink.accepted().len() > 4).await;
    running.kill();
    let running = server(&database, data);
    expected.extend(traffic(&Rest::to(&running), &users).await);

    let arrived = || -> HashSet<(String, String)> {
        let fields = |body: Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&body["type"]), text(&body["data"]["session"]))
        };
        sink.accepted().iter().map(|taken| fields(taken.json())).collect()
    };
    let complete = async || {
        let arrived = arrived();
        expected.iter().all(|(kind, session)| arrived.contains(&((*kind).to_owned(), session.clone())))
    };
    let began = Instant::now();
    while !complete().await {
        assert!(began.elapsed() < Duration::from_secs(60), "{} arrived", arrived().len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(sink.requests().iter().all(|taken| is_signed(taken, &secret)));
    assert_order(&database, &sink).await;
}

/// The first arrival of each event is in the order in which the events of its subject were written, and each id belongs to one
/// event.
async fn assert_order(database: &DatabaseSettings, sink: &EventSink) {
    let sql = "SELECT event_id::text, subject FROM event_deliveries ORDER BY seq";
    let written = rows(database).await.query(sql, &[]).await.expect("rows");
    let mut first = BTreeMap::new();
    let mut bodies = BTreeMap::new();
    for (place, taken) in sink.accepted().iter().enumerate() {
        let id = taken.header("webhook-id").to_owned();
        first.entry(id.clone()).or_insert(place);
        assert_eq!(bodies.entry(id).or_insert_with(|| taken.body.clone()), &taken.body, "one id, one event");
    }
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    for row in written {
        let (id, subject): (String, String) = (row.get(0), row.get(1));
        let Some(place) = first.get(&id) else { continue };
        if let Some(before) = last.insert(subject.clone(), *place) {
            assert!(before < *place, "{subject}: {id} arrived before an earlier event");
        }
    }
}
