//! Rotations of every kind of keys on two nodes, which read the new keys one after the other while clients are at work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{crypto::secret_ring::SecretRing, tokens::token_key::TokenAlgorithm};
use futures_util::{FutureExt as _, future::BoxFuture};
use portcullis::config::Secrets;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use time::OffsetDateTime;
use tokio::task::JoinHandle;

use crate::harness::{
    Answer, App, Ask, AuthenticatorApp, CookieClient, PASSWORD, Person, Session, Socket, eventually,
    fresh_database, secrets, within,
};

/// What a previous key has made can be valid for this long. The tests do not wait: the previous key is removed when everything
/// that it made has been replaced.
const LIFE: Duration = Duration::from_secs(60);

/// Two nodes on one database.
struct Cluster {
    nodes: [App; 2],
    secrets: Secrets,
}

/// A kind of keys.
type Kind = fn(&mut Secrets) -> &mut SecretRing;

const TOKENS: Kind = |secrets| &mut secrets.jwt;
const CSRF: Kind = |secrets| &mut secrets.csrf;
const DATA: Kind = |secrets| &mut secrets.data_encryption;

impl Cluster {
    fn start(algorithm: TokenAlgorithm) -> Self {
        let database = fresh_database();
        let node = || {
            App::over(database.clone(), |settings| {
                settings.secrets.algorithm = algorithm;
                settings.limits.each_mut().for_each(|limit| limit.burst = 1_000_000);
            })
        };
        Self { nodes: [node(), node()], secrets: Secrets { algorithm, ..secrets() } }
    }

    fn node(&self, number: usize) -> &App {
        &self.nodes[number % 2]
    }

    /// Changes the secrets, and lets one node after the other read them. Clients work before, between and after.
    async fn roll(&mut self, clients: &Clients, change: impl FnOnce(&mut Secrets)) {
        change(&mut self.secrets);
        for node in &self.nodes {
            node.replace_keys(&self.secrets).await;
            clients.work_on().await;
        }
    }
}

/// Takes a step of a rotation.
fn rotate(ring: &mut SecretRing, fresh: &str) {
    let fresh = format!("{fresh}, a key that came later").into();
    let rotated = ring.rotated(fresh, OffsetDateTime::UNIX_EPOCH, LIFE, true);
    *ring = rotated.expect("a rotation").0;
}

/// The session at another node.
fn at(node: &App, session: &Session) -> Session {
    let person = Person { app: node.clone(), ..session.person.clone() };
    Session { app: node.clone(), person, ..session.clone() }
}

/// A request that changes data, authenticated by cookie.
fn rename(session: &Session) -> RequestBuilder {
    let request = session.by_cookie(Method::PUT, "/api/v1/profile").json(&json!({"display_name": "Ann"}));
    request.header("x-csrf-token", &session.csrf)
}

/// The answer to a request, which is repeated while the server says that it cannot judge it now (503). A loaded machine may
/// delay the look of a node at the revocations.
async fn judged<F: Future<Output = Answer>>(ask: impl Fn() -> F) -> Answer {
    let answer = async {
        loop {
            let answer = ask().await;
            if answer.status != 503 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("an answer other than 503", answer).await
}

/// The session with the new tokens of a refresh.
async fn renewed(session: &Session) -> Session {
    Session::granted(&session.person, &judged(|| session.try_refresh()).await.expect(200))
}

async fn connected(session: &Session) -> Socket {
    let socket = async {
        loop {
            match session.try_connect().await {
                Ok(socket) => return socket,
                Err(answer) => assert_eq!(answer.status, 503, "{}", answer.text),
            }
        }
    };
    within("a socket", socket).await
}

/// What a client does, with the session that it has afterwards.
type Work = fn(Session) -> BoxFuture<'static, Session>;

/// Clients that work until they are stopped. A refusal ends the test.
struct Clients {
    stop: Arc<AtomicBool>,
    clients: Vec<(JoinHandle<()>, Arc<AtomicU64>)>,
}

impl Clients {
    /// Starts one client of each sort, with these sessions.
    fn start(nodes: &[App; 2], sessions: &[Session; 4]) -> Self {
        let mut clients = Self { stop: Arc::default(), clients: Vec::new() };
        let [reader, writer, refresher, listener] = sessions;
        clients.add(nodes, reader, |session| {
            async move {
                judged(|| session.get("/api/v1/profile")).await.expect(200);
                session
            }
            .boxed()
        });
        clients.add(nodes, writer, |session| {
            async move {
                judged(|| rename(&session).ask()).await.expect(200);
                session
            }
            .boxed()
        });
        clients.add(nodes, refresher, |session| async move { renewed(&session).await }.boxed());
        clients.add(nodes, listener, |session| {
            async move {
                let mut socket = connected(&session).await;
                assert!(socket.is_undisturbed().await, "the socket is open");
                session
            }
            .boxed()
        });
        clients
    }

    /// Adds a client, which repeats `work` at one node after the other.
    fn add(&mut self, nodes: &[App; 2], session: &Session, work: Work) {
        let (nodes, mut session) = (nodes.clone(), session.clone());
        let (stop, done) = (Arc::clone(&self.stop), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&done);
        let client = async move {
            for node in nodes.iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                session = work(at(node, &session)).await;
                counted.fetch_add(1, Ordering::Relaxed);
            }
        };
        self.clients.push((tokio::spawn(client), done));
    }

    /// Waits until each client has begun and finished work at both nodes.
    async fn work_on(&self) {
        for (client, done) in &self.clients {
            let before = done.load(Ordering::Relaxed);
            let worked = || done.load(Ordering::Relaxed) >= before + 3;
            eventually("each client works", async || worked() || client.is_finished()).await;
            assert!(worked(), "a client was refused");
        }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for (client, _) in self.clients {
            client.await.expect("no client was refused");
        }
    }
}

/// Users with second factors that are asked for before a node reads other keys, and answered at the other node afterwards.
struct SecondFactors {
    people: Vec<(Person, AuthenticatorApp)>,
    codes: (Person, Vec<String>),
    trusted: (Person, String),
}

impl SecondFactors {
    async fn enrol(node: &App) -> Self {
        let mut people = Vec::new();
        for _ in 0..4 {
            let person = node.register().await;
            let app = person.enable_totp().await;
            people.push((person, app));
        }
        let (keeper, truster) = (node.register().await, node.register().await);
        let mut session = keeper.open_session().await;
        session.enable_totp().await;
        let codes = (keeper, session.backup_codes().await);
        let app = truster.enable_totp().await;
        let device = truster.ask_for_factor().await.finish_trusting(&app.code()).await.device;
        Self { people, codes, trusted: (truster, device) }
    }

    /// Rolls a change; meanwhile one user signs in with an app and another one with a backup code.
    async fn through(&mut self, cluster: &mut Cluster, clients: &Clients, change: impl FnOnce(&mut Secrets)) {
        let [first, second] = cluster.nodes.clone();
        let (person, app) = self.people.pop().expect("a user that has not signed in");
        let by_app = Person { app: first.clone(), ..person }.ask_for_factor().await;
        let by_code = Person { app: second.clone(), ..self.codes.0.clone() }.ask_for_factor().await;
        cluster.roll(clients, change).await;
        let mut by_app = by_app;
        by_app.person.app = second.clone();
        let code = app.for_server(&second).code();
        judged(|| by_app.totp(&code)).await.expect(200);
        let mut by_code = by_code;
        by_code.person.app = first;
        let code = self.codes.1.pop().expect("a backup code");
        judged(|| by_code.answer(json!({"backup_code": code}))).await.expect(200);
    }

    /// A device that the user trusted before still needs no second factor. Its cookie is renewed.
    async fn trust_holds(&mut self, node: &App) {
        let person = Person { app: node.clone(), ..self.trusted.0.clone() };
        let answer = judged(|| person.try_password_on(PASSWORD, Some(&self.trusted.1))).await.expect(200);
        self.trusted.1 = Session::granted(&person, &answer).device;
    }
}

async fn signed_in(person: &Person) -> Session {
    Session::granted(person, &judged(|| person.try_password(PASSWORD)).await.expect(200))
}

async fn sessions(node: &App) -> [Session; 4] {
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(signed_in(&node.register().await).await);
    }
    sessions.try_into().ok().expect("four sessions")
}

/// Rotates the keys of one kind through all states under load. Returns the cluster after the end of the first key, and a
/// session of which everything was made with this key.
async fn rotated_under_load(kind: Kind, algorithm: TokenAlgorithm) -> (Cluster, Session) {
    let mut cluster = Cluster::start(algorithm);
    let first = cluster.node(0).clone();
    let made = sessions(&first).await;
    let sleeping = signed_in(&first.register().await).await;
    let mut factors = SecondFactors::enrol(&first).await;
    let mut open = connected(&at(cluster.node(1), &made[3])).await;
    let clients = Clients::start(&cluster.nodes, &made);
    clients.work_on().await;

    factors.through(&mut cluster, &clients, |secrets| rotate(kind(secrets), "the second key")).await;
    factors.through(&mut cluster, &clients, |secrets| rotate(kind(secrets), "the third key")).await;
    factors.trust_holds(cluster.node(1)).await;
    // The clients still use what the first key has made.
    clients.work_on().await;
    clients.stop().await;

    // The longest life is over: everything was replaced, also by a client that was away.
    let mut fresh = Vec::new();
    for session in [&made[0], &made[1], &made[3], &sleeping] {
        fresh.push(renewed(&at(cluster.node(1), session)).await);
    }
    cluster.node(0).sweep().await;
    let fresh = fresh.try_into().ok().expect("four sessions");
    let clients = Clients::start(&cluster.nodes, &fresh);
    factors.through(&mut cluster, &clients, |secrets| kind(secrets).previous.clear()).await;
    factors.trust_holds(cluster.node(0)).await;
    factors.through(&mut cluster, &clients, |secrets| rotate(kind(secrets), "the fourth key")).await;
    clients.stop().await;
    assert!(open.is_undisturbed().await, "no rotation closes a socket");
    (cluster, at(&first, &sleeping))
}

#[tokio::test]
async fn the_hs256_key_of_tokens_rotates_under_load_without_a_refusal() {
    let (cluster, old) = rotated_under_load(TOKENS, TokenAlgorithm::Hs256).await;
    tokens_of_the_first_key_are_refused(&cluster, &old).await;
}

#[tokio::test]
async fn the_eddsa_key_of_tokens_rotates_under_load_without_a_refusal() {
    let (cluster, old) = rotated_under_load(TOKENS, TokenAlgorithm::EdDsa).await;
    tokens_of_the_first_key_are_refused(&cluster, &old).await;
}

async fn tokens_of_the_first_key_are_refused(cluster: &Cluster, old: &Session) {
    for node in &cluster.nodes {
        let old = at(node, old);
        old.get("/api/v1/profile").await.refused(401, "invalid_token");
        old.try_connect().await.err().expect("a refusal").refused(401, "invalid_token");
        old.try_refresh().await.refused(401, "invalid_refresh_token");
    }
}

#[tokio::test]
async fn the_csrf_key_rotates_under_load_without_a_refusal() {
    let (cluster, old) = rotated_under_load(CSRF, TokenAlgorithm::Hs256).await;
    for node in &cluster.nodes {
        rename(&at(node, &old)).ask().await.refused(403, "csrf_token_invalid");
    }
}

#[tokio::test]
async fn the_data_key_rotates_under_load_without_a_refusal_and_nothing_stays_sealed_with_the_first_key() {
    let (cluster, _) = rotated_under_load(DATA, TokenAlgorithm::Hs256).await;
    let node = cluster.node(0);
    assert_eq!(node.count("SELECT count(DISTINCT key_id) FROM user_two_factor").await, 1 + 1);
    node.sweep().await;
    assert_eq!(node.count("SELECT count(DISTINCT key_id) FROM user_two_factor").await, 1);
    assert_eq!(node.count("SELECT count(DISTINCT key_id) FROM lasting_keys").await, 1);
}

#[tokio::test]
async fn a_change_of_the_algorithm_under_load_signs_out_no_user() {
    let mut cluster = Cluster::start(TokenAlgorithm::Hs256);
    let made = sessions(cluster.node(0)).await;
    let clients = Clients::start(&cluster.nodes, &made);
    clients.work_on().await;
    let mut latest = made[0].clone();
    for algorithm in [TokenAlgorithm::EdDsa, TokenAlgorithm::Hs256] {
        cluster.roll(&clients, |secrets| secrets.algorithm = algorithm).await;
        latest = renewed(&latest).await;
        for session in [&latest, &made[0]] {
            for node in &cluster.nodes {
                judged(|| async { at(node, session).get("/api/v1/profile").await }).await.expect(200);
            }
        }
    }
    clients.stop().await;
}

#[tokio::test]
async fn a_key_that_was_not_prepared_is_refused_by_the_nodes_that_have_not_read_it() {
    let mut cluster = Cluster::start(TokenAlgorithm::Hs256);
    let person = cluster.node(0).register().await;
    cluster.secrets.jwt.current = "a key that only one node has read".into();
    cluster.node(0).replace_keys(&cluster.secrets).await;
    let session = signed_in(&person).await;
    assert!(session.works().await && !at(cluster.node(1), &session).works().await);
}

#[tokio::test]
async fn the_invented_passkeys_of_a_name_stay_the_same_when_the_data_key_rotates() {
    let mut cluster = Cluster::start(TokenAlgorithm::Hs256);
    let asked = async |node: &App| {
        let ceremony = CookieClient::of(node).begin(&json!({"username": "nobody@example.com"})).await;
        let ids = ceremony.options["allowCredentials"].as_array().expect("a list").clone();
        assert_eq!(ids.len(), 20);
        ids
    };
    let before = asked(cluster.node(0)).await;
    rotate(&mut cluster.secrets.data_encryption, "the second key");
    rotate(&mut cluster.secrets.data_encryption, "the third key");
    for node in &cluster.nodes {
        node.replace_keys(&cluster.secrets).await;
        assert_eq!(asked(node).await, before);
    }
    cluster.node(0).sweep().await;
    cluster.secrets.data_encryption.previous.clear();
    cluster.node(1).replace_keys(&cluster.secrets).await;
    assert_eq!(asked(cluster.node(1)).await, before);
}

#[tokio::test]
async fn a_server_with_another_data_key_reads_the_stored_keys_again_when_it_has_the_right_one() {
    let database = fresh_database();
    let first = App::over(database.clone(), |_| {});
    let person = first.register().await;
    let mut session = person.open_session().await;
    session.enable_totp().await;
    let codes = session.backup_codes().await;
    let sealed = "SELECT count(*) FROM lasting_keys WHERE key_id = (SELECT min(key_id) FROM lasting_keys)";
    assert_eq!(first.count(sealed).await, 4);
    let wrong = App::over(database.clone(), |settings| {
        settings.secrets.data_encryption = SecretRing::of("the data key of another server".into());
    });
    assert_eq!(wrong.count(sealed).await, 4, "the stored keys stay as they were");
    let there = Person { app: wrong.clone(), ..person.clone() };
    let refused = there.ask_for_factor().await.answer(json!({"backup_code": codes[0]})).await;
    refused.refused(401, "invalid_second_factor");
    let again = App::over(database, |_| {});
    let here = Person { app: again.clone(), ..person };
    here.ask_for_factor().await.answer(json!({"backup_code": codes[0]})).await.expect(200);
}
