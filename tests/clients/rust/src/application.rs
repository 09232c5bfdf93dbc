//! The application behind the clients: it issues their tokens, uses the server API, and has users that sign in.

use std::{process, sync::atomic::{AtomicUsize, Ordering}, time::{SystemTime, UNIX_EPOCH}};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{server::{facts, post}, talk::Failure};

const SECRET: &[u8] = b"what only the scenarios know";
const API_KEY: &str = "a-key-that-only-the-scenarios-know";
const PASSWORD: &str = "correct-zebra-lantern-42";

/// A unique name, such as `room:rs-17-3`.
pub(crate) fn fresh(kind: &str) -> String {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    format!("{kind}rs-{}-{}", process::id(), MADE.fetch_add(1, Ordering::Relaxed))
}

/// The name that the server gives a user of this issuer.
pub(crate) fn name_of(user: &str) -> String {
    format!("s:{user}")
}

/// The time `seconds` from now, in seconds since the epoch.
pub(crate) fn soon(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(now.as_secs()).expect("the time fits into an i64") + seconds
}

/// A token with these claims.
pub(crate) fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256"})), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("HMAC accepts keys of any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Calls a method of the server API and returns its result.
pub(crate) async fn api(method: &str, params: &Value) -> Result<Value, Failure> {
    let (_, answer) = post(&format!("/api/{method}"), Some(format!("x-api-key: {API_KEY}")), params).await?;
    match answer.get("result") {
        Some(result) => Ok(result.clone()),
        None => Err(format!("{method}: {answer}")),
    }
}

/// Publishes the numbers from `first` to `last` over the server API.
pub(crate) async fn publish_from_server(channel: &str, first: u32, last: u32) -> Result<(), Failure> {
    for n in first..=last {
        api("publish", &json!({"channel": channel, "data": {"n": n}})).await?;
    }
    Ok(())
}

/// A user that is signed in.
pub(crate) struct Person {
    pub(crate) access: String,
    pub(crate) session: String,
}

impl Person {
    pub(crate) async fn register() -> Result<Self, Failure> {
        let email = format!("{}@example.com", fresh(""));
        accepted(post("/api/v1/auth/register", None, &json!({"email": email, "password": PASSWORD})).await?)?;
        Self::sign_in(&email, PASSWORD).await
    }

    pub(crate) async fn admin() -> Result<Self, Failure> {
        let facts = facts();
        let users = facts["users"].as_array().ok_or("no users")?;
        let admin = users.iter().find(|user| user["role"] == "admin").ok_or("no admin")?;
        Self::sign_in(text(&admin["email"]), text(&admin["password"])).await
    }

    async fn sign_in(email: &str, password: &str) -> Result<Self, Failure> {
        let body = json!({"username": email, "password": password});
        let granted = accepted(post("/api/v1/auth/jwt/login", None, &body).await?)?;
        let part = |name: &str| text(&granted[name]).to_owned();
        Ok(Self { access: part("access_token"), session: part("session_id") })
    }

    /// A POST with the access token of this person.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        accepted(post(path, Some(format!("authorization: Bearer {}", self.access)), body).await?)
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn accepted((status, body): (u16, Value)) -> Result<Value, Failure> {
    if (200..300).contains(&status) { Ok(body) } else { Err(format!("{status}: {body}")) }
}
