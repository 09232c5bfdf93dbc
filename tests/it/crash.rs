//! The server is killed (`kill -9`) under traffic: after the restart, acknowledged changes exist and revoked sessions
//! stay revoked.

use std::sync::{Arc, Mutex};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::harness::{PASSWORD, Server, client, eventually, within};

/// The changes that the server has acknowledged.
#[derive(Default)]
struct Acknowledged {
    registered: Vec<String>,
    /// The session of every sign-in, with its tokens.
    signed_in: Vec<(String, Tokens)>,
    /// Sessions that have ended, by an acknowledged request.
    revoked: Vec<String>,
    /// Sessions with a request to end them. The server may have ended them or not.
    requested: Vec<String>,
}

#[derive(Clone)]
struct Tokens {
    access: String,
    refresh: String,
}

/// Sends requests to the server, which may be killed at any moment.
#[derive(Clone)]
struct Rest {
    client: Client,
    base: String,
}

impl Rest {
    fn to(server: &Server) -> Self {
        let client = client().build().expect("a client");
        Self { client, base: format!("http://{}", server.address()) }
    }

    /// The status and the body. `None` if there was no complete answer.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Option<(u16, Value)> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        Some((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    async fn sign_in(&self, email: &str) -> Option<(String, Tokens)> {
        let body = json!({"username": email, "password": PASSWORD});
        let (status, granted) = self.ask(Method::POST, "/api/v1/auth/jwt/login", None, Some(body)).await?;
        if status != 200 {
            return None;
        }
        let text = |field: &str| granted[field].as_str().map(str::to_owned);
        let tokens = Tokens { access: text("access_token")?, refresh: text("refresh_token")? };
        Some((text("session_id")?, tokens))
    }
}

/// Registers a user, signs in twice, and ends the first session. Repeats this with new users until the server is killed.
async fn traffic(rest: Rest, worker: usize, log: Arc<Mutex<Acknowledged>>) {
    for round in 0.. {
        let email = format!("worker{worker}-{round}@example.com");
        let body = json!({"email": email, "password": PASSWORD});
        match rest.ask(Method::POST, "/api/v1/auth/register", None, Some(body)).await {
            Some((201, _)) => log.lock().unwrap().registered.push(email.clone()),
            _ => return,
        }
        let Some(first) = rest.sign_in(&email).await else {
            return;
        };
        log.lock().unwrap().signed_in.push(first.clone());
        let Some(second) = rest.sign_in(&email).await else {
            return;
        };
        log.lock().unwrap().signed_in.push(second.clone());
        log.lock().unwrap().requested.push(first.0.clone());
        let end = rest.ask(Method::POST, "/api/v1/auth/logout", Some(&first.1.access), None);
        match end.await {
            Some((200, _)) => log.lock().unwrap().revoked.push(first.0),
            _ => return,
        }
    }
}

/// Checks one acknowledged sign-in against the restarted server.
async fn check(rest: &Rest, session: &str, tokens: &Tokens, log: &Acknowledged) {
    let (status, _) =
        rest.ask(Method::GET, "/api/v1/profile", Some(&tokens.access), None).await.expect("an answer");
    let refresh = json!({"refresh_token": tokens.refresh});
    let refreshed =
        rest.ask(Method::POST, "/api/v1/auth/refresh", None, Some(refresh)).await.expect("an answer").0;
    let is = |list: &[String]| list.iter().any(|id| id == session);
    if is(&log.revoked) {
        assert_eq!((status, refreshed), (401, 401), "a revoked session works");
    } else if is(&log.requested) {
        assert_eq!(status, refreshed, "only one of the two tokens is refused");
        assert!(matches!(status, 200 | 401));
    } else {
        assert_eq!((status, refreshed), (200, 200), "an acknowledged sign-in is gone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_changes_survive_a_kill_and_revoked_sessions_stay_revoked() {
    let mut server = Server::start();
    let log = Arc::new(Mutex::new(Acknowledged::default()));
    for kill in 0..3 {
        let rest = Rest::to(&server);
        let workers: Vec<_> = (0..4)
            .map(|worker| tokio::spawn(traffic(rest.clone(), 10 * kill + worker, Arc::clone(&log))))
            .collect();
        // The server is killed during traffic, when enough further changes have been acknowledged.
        eventually("traffic", async || log.lock().unwrap().revoked.len() >= 5 * (kill + 1)).await;
        server = tokio::task::block_in_place(|| server.kill_and_restart());
        for worker in workers {
            within("the traffic's end", worker).await.expect("a worker");
        }
    }
    let rest = Rest::to(&server);
    let log = std::mem::take(&mut *log.lock().unwrap());
    for (session, tokens) in &log.signed_in {
        check(&rest, session, tokens, &log).await;
    }
    let data = server.data_dir().to_str().expect("a path in UTF-8");
    let list = crate::harness::portcullis(&["user", "list", "--limit", "10000"], &[("DATA_DIR", data)]);
    let list = String::from_utf8_lossy(&list.stdout);
    for email in &log.registered {
        assert!(list.split_whitespace().any(|word| word == email), "{email} is gone");
    }
    assert!(log.registered.len() >= 15 && log.signed_in.len() >= 30);
}
