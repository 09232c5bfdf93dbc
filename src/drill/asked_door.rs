//! The doors that must be asked: a REST request with the access token, and the exchange of the refresh token.
//!
//! A door is asked at the times of `domain::drill::ASKED_AFTER_MS` until it refuses, and once more afterwards. The refresh token is the
//! one that was exchanged when the door was opened: a server answers a retry within ten seconds with the same successor, and writes
//! nothing. So asking does not use the session up.

use std::time::{Duration, Instant};

use domain::drill::{ASKED_AFTER_MS, ASKED_AGAIN_AFTER, Seen};
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::entrance::Entrance;

/// How long one request may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// A door that must be asked. Clones ask the same door.
#[derive(Clone)]
pub(super) struct AskedDoor {
    client: Client,
    url: String,
    token: SecretString,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Api,
    Refresh,
}

/// An answer of a door.
enum Answer {
    Accepted,
    Refused,
    /// Neither: the reason, in words.
    Unclear(String),
}

impl AskedDoor {
    /// A request for the own profile with this access token.
    pub(super) fn api(client: &Client, entrance: &Entrance, token: SecretString) -> Self {
        Self { client: client.clone(), url: entrance.url("/api/v1/profile"), token, kind: Kind::Api }
    }

    /// The exchange of this refresh token.
    pub(super) fn refresh(client: &Client, entrance: &Entrance, token: SecretString) -> Self {
        Self { client: client.clone(), url: entrance.url("/api/v1/auth/refresh"), token, kind: Kind::Refresh }
    }

    /// Makes sure that the door is open.
    ///
    /// # Errors
    /// The reason, in words.
    pub(super) async fn check_open(&self) -> Result<(), String> {
        match self.ask().await {
            Answer::Accepted => Ok(()),
            Answer::Refused => Err("HTTP 401".to_owned()),
            Answer::Unclear(reason) => Err(reason),
        }
    }

    /// Asks until the door refuses, and then once more. The revocation was requested at `from`.
    pub(super) async fn seen(self, from: Instant) -> Seen {
        let mut last = Answer::Accepted;
        for (index, offset) in ASKED_AFTER_MS.iter().enumerate() {
            let next = ASKED_AFTER_MS.get(index + 1).map(|offset| Duration::from_millis(*offset));
            if next.is_some_and(|next| from.elapsed() >= next) {
                // The last answer took so long, or the watch began so late, that the next time is here already.
                continue;
            }
            tokio::time::sleep_until((from + Duration::from_millis(*offset)).into()).await;
            last = self.ask().await;
            if matches!(last, Answer::Refused) {
                return self.still_shut(from.elapsed()).await;
            }
        }
        match last {
            Answer::Unclear(reason) => Seen::Unclear(reason),
            Answer::Accepted | Answer::Refused => Seen::Open,
        }
    }

    /// A door that has refused `after` this time must not accept anything later.
    async fn still_shut(&self, after: Duration) -> Seen {
        tokio::time::sleep(ASKED_AGAIN_AFTER).await;
        match self.ask().await {
            Answer::Accepted => Seen::Open,
            Answer::Refused => Seen::Shut(after),
            Answer::Unclear(reason) => Seen::Unclear(reason),
        }
    }

    async fn ask(&self) -> Answer {
        match self.request().timeout(ANSWERED_WITHIN).send().await.map(|answer| answer.status()) {
            Ok(StatusCode::OK) => Answer::Accepted,
            Ok(StatusCode::UNAUTHORIZED) => Answer::Refused,
            Ok(status) => Answer::Unclear(format!("HTTP {}", status.as_u16())),
            Err(error) => Answer::Unclear(error.without_url().to_string()),
        }
    }

    fn request(&self) -> RequestBuilder {
        let token = self.token.expose_secret();
        match self.kind {
            Kind::Api => self.client.get(&self.url).bearer_auth(token),
            Kind::Refresh => self.client.post(&self.url).json(&json!({"refresh_token": token})),
        }
    }
}
