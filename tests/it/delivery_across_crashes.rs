//! Subscribers disconnect and return at random, and in one test the server is killed repeatedly. Every subscriber receives each
//! acknowledged publication exactly once and in order, and receives only what was published.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use logic::namespace::{Namespaces, Options};
use protocol::channel_name::ChannelName;
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet};

use crate::harness::{
    App, Ask as _, PASSWORD, Publisher, ReconnectingSubscriber, Server, client, eventually, within,
};

const PUBLISHERS: usize = 8;
const FOLLOWERS: usize = 50;

/// The texts of the publications.
#[derive(Default)]
struct Log {
    attempted: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
}

/// A pseudo-random generator with a fixed seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn pause(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.below(most))
    }
}

/// What the subscribers and publishers of one test share.
struct Scene {
    channel: &'static str,
    /// The address of the server, which may change at a restart.
    place: watch::Receiver<SocketAddr>,
    /// The access tokens of the users.
    tokens: Vec<String>,
    log: Arc<Mutex<Log>>,
    /// How many subscribers have subscribed for the first time.
    ready: Arc<AtomicUsize>,
    /// How often each subscriber has reconnected.
    returns: Arc<Vec<AtomicUsize>>,
    stop: Arc<AtomicBool>,
}

impl Scene {
    fn new(channel: &'static str, place: watch::Receiver<SocketAddr>, tokens: Vec<String>) -> Self {
        let (log, ready, stop) = Default::default();
        let returns = Arc::new((0..FOLLOWERS).map(|_| AtomicUsize::new(0)).collect());
        Self { channel, place, tokens, log, ready, returns, stop }
    }

    fn token(&self, number: usize) -> &str {
        &self.tokens[number % self.tokens.len()]
    }

    /// Waits until this many publications have been acknowledged.
    async fn traffic(&self, acknowledged: usize) {
        eventually("traffic", async || self.log.lock().unwrap().acknowledged.len() >= acknowledged).await;
    }

    /// Starts the subscribers. When all are subscribed, starts the publishers. Returns their tasks, and the sender of the last
    /// text: a subscriber ends when it has received this text.
    async fn begin(&self) -> (JoinSet<ReconnectingSubscriber>, JoinSet<()>, watch::Sender<Option<String>>) {
        let (end, _) = watch::channel(None);
        let (mut followers, mut publishers) = (JoinSet::new(), JoinSet::new());
        for number in 0..FOLLOWERS {
            let follower = ReconnectingSubscriber::new(self.place.clone(), self.token(number), self.channel);
            let (ready, returns) = (Arc::clone(&self.ready), Arc::clone(&self.returns));
            followers.spawn(drop_and_return(follower, number, ready, returns, end.subscribe()));
        }
        eventually("all subscribers follow", async || self.ready.load(Ordering::SeqCst) == FOLLOWERS).await;
        for number in 0..PUBLISHERS {
            let publisher = Publisher::new(self.place.clone(), self.token(number), self.channel);
            publishers.spawn(publish(publisher, number, Arc::clone(&self.log), Arc::clone(&self.stop)));
        }
        (followers, publishers, end)
    }

    /// Stops the publishers, publishes one last text, waits until every subscriber has received it, and checks the result.
    async fn finish(
        &self,
        followers: JoinSet<ReconnectingSubscriber>,
        publishers: JoinSet<()>,
        end: watch::Sender<Option<String>>,
    ) {
        self.stop.store(true, Ordering::SeqCst);
        within("the publishers' end", publishers.join_all()).await;
        let mut last = Publisher::new(self.place.clone(), self.token(0), self.channel);
        let text = within("the last publication", async {
            for attempt in 0.. {
                let text = format!("end-{attempt}");
                self.log.lock().unwrap().attempted.insert(text.clone());
                if last.publish(&json!(text)).await {
                    return text;
                }
            }
            unreachable!()
        })
        .await;
        self.log.lock().unwrap().acknowledged.insert(text.clone());
        end.send_replace(Some(text.clone()));
        let followers = within("the followers' end", followers.join_all()).await;
        check(&followers, &self.log.lock().unwrap(), &text);
    }
}

/// Repeats this: the subscriber follows the channel for a random time, and is disconnected for a random time. Ends when the
/// subscriber has received the last publication.
async fn drop_and_return(
    mut follower: ReconnectingSubscriber,
    number: usize,
    ready: Arc<AtomicUsize>,
    returns: Arc<Vec<AtomicUsize>>,
    end: watch::Receiver<Option<String>>,
) -> ReconnectingSubscriber {
    while follower.position.is_none() {
        follower.follow(tokio::time::sleep(Duration::from_millis(300))).await;
    }
    ready.fetch_add(1, Ordering::SeqCst);
    let mut dice = Dice(number as u64 + 1);
    loop {
        follower.follow(tokio::time::sleep(dice.pause(1_500))).await;
        returns[number].store(follower.returns, Ordering::SeqCst);
        let last = end.borrow().clone();
        if last.is_some_and(|last| follower.got.iter().any(|(_, data)| *data == last.as_str())) {
            return follower;
        }
        tokio::time::sleep(dice.pause(500)).await;
    }
}

/// Publishes one text after another, each only once, whether it is acknowledged or not.
async fn publish(mut publisher: Publisher, number: usize, log: Arc<Mutex<Log>>, stop: Arc<AtomicBool>) {
    let mut dice = Dice(number as u64 + 1_000);
    for round in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let text = format!("{number}-{round}");
        log.lock().unwrap().attempted.insert(text.clone());
        if publisher.publish(&json!(text)).await {
            log.lock().unwrap().acknowledged.insert(text);
        }
        tokio::time::sleep(Duration::from_millis(40) + dice.pause(60)).await;
    }
}

fn check(followers: &[ReconnectingSubscriber], log: &Log, last: &str) {
    let first: &Vec<(u64, Value)> = &followers[0].got;
    for follower in followers {
        assert_eq!(follower.lost, 0, "missed publications were not recovered");
        let offsets: Vec<u64> = follower.got.iter().map(|(offset, _)| *offset).collect();
        let expected: Vec<u64> = (1..=offsets.len() as u64).collect();
        assert_eq!(offsets, expected, "an offset is missing or occurs twice");
        let common = first.len().min(follower.got.len());
        assert_eq!(
            first[..common],
            follower.got[..common],
            "two subscribers received different publications"
        );
        let got: Vec<&str> = follower.got.iter().map(|(_, data)| data.as_str().expect("a text")).collect();
        let texts: BTreeSet<String> = got.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(texts.len(), got.len(), "a publication was delivered twice");
        assert!(got.contains(&last));
        let missing: Vec<_> = log.acknowledged.difference(&texts).collect();
        assert!(missing.is_empty(), "acknowledged, but never delivered: {missing:?}");
        let invented: Vec<_> = texts.difference(&log.attempted).collect();
        assert!(invented.is_empty(), "delivered, but never published: {invented:?}");
    }
    let returns: usize = followers.iter().map(|follower| follower.returns).sum();
    assert!(returns > FOLLOWERS, "the subscribers returned only {returns} times");
    println!(
        "{} publications, {} acknowledged; {} returns of {FOLLOWERS} subscribers",
        log.attempted.len(),
        log.acknowledged.len(),
        returns
    );
}

/// Access tokens of new users of the server process.
async fn tokens(server: &Server, count: usize) -> Vec<String> {
    let rest = client().build().expect("a client");
    let mut tokens = Vec::new();
    for number in 0..count {
        let email = format!("member{number}@example.com");
        let post =
            |path: &str, body: &Value| rest.post(format!("http://{}{path}", server.address())).json(body);
        let body = json!({"email": email, "password": PASSWORD});
        post("/api/v1/auth/register", &body).ask().await.expect(201);
        let body = json!({"username": email, "password": PASSWORD});
        tokens.push(post("/api/v1/auth/jwt/login", &body).ask().await.expect(200).text_of("access_token"));
    }
    tokens
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_publications_arrive_once_and_in_order_across_five_kills_of_the_server() {
    let mut server = tokio::task::block_in_place(Server::start);
    let (place, at) = watch::channel(server.address());
    let scene = Scene::new("chat:crash", at, tokens(&server, PUBLISHERS).await);
    let (followers, publishers, end) = scene.begin().await;
    for kill in 1..=5 {
        scene.traffic(60 * kill).await;
        server = tokio::task::block_in_place(|| server.kill_and_restart());
        place.send_replace(server.address());
    }
    scene.traffic(360).await;
    scene.finish(followers, publishers, end).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publications_of_a_namespace_in_memory_arrive_once_and_in_order() {
    let name = ChannelName::parse("chat:x").unwrap();
    let chat = Namespaces::default().options(&name).unwrap().as_ref().clone();
    let app = App::with(|settings| {
        let namespaces = Namespaces::default().with("memory", Options { durable: false, ..chat });
        settings.realtime.namespaces = Arc::new(namespaces);
    });
    let mut tokens = Vec::new();
    for _ in 0..PUBLISHERS {
        tokens.push(app.register().await.open_session().await.access);
    }
    let (_place, at) = watch::channel(app.address());
    let scene = Scene::new("memory:drop", at, tokens);
    let (followers, publishers, end) = scene.begin().await;
    scene.traffic(300).await;
    let returns = || scene.returns.iter().map(|returns| returns.load(Ordering::SeqCst));
    eventually("every subscriber has disconnected and returned", async || {
        returns().all(|returns| returns > 0) && returns().sum::<usize>() > FOLLOWERS
    })
    .await;
    scene.finish(followers, publishers, end).await;
}
