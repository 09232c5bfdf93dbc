//! [`HttpClient`]: one request to a server, with time limits and repetitions. It knows no session.

use std::{path::Path, time::Duration};

use reqwest::{Certificate, Client, Identity, Method, RequestBuilder, Response, header, redirect};
use serde_json::Value;

use super::{
    problem::Problem,
    profile::{Profile, is_loopback},
};
use crate::cli::{error::CliError, harmless::harmless};

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long a request may take. A revocation waits for its sockets.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// How long a stream may be silent. The server sends a comment every 15 seconds.
const SILENT_WITHIN: Duration = Duration::from_secs(60);
/// The longest answer that is read at once, in bytes.
const MAX_BYTES: usize = 64 << 20;
/// How often a request is repeated.
const REPETITIONS: u32 = 3;
/// A longer wait is left to the operator.
const LONGEST_WAIT: u64 = 30;

/// A request to a server.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// The path and the query.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// The `Idempotency-Key`. With a key, a change may be repeated.
    pub(super) key: Option<String>,
    /// Whether the request may be sent again without knowing what became of it.
    pub(super) repeatable: bool,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// The cookies that the answer sets, as `name=value`.
    pub(super) cookies: Vec<String>,
}

/// Sends requests to the server of a profile.
#[derive(Debug)]
pub(super) struct HttpClient {
    client: Client,
    profile: Profile,
}

impl Request {
    pub(super) fn get(path: &str) -> Self {
        Self { method: Method::GET, path: path.to_owned(), body: None, key: None, repeatable: true }
    }

    pub(super) fn post(path: &str, body: Value) -> Self {
        Self { method: Method::POST, path: path.to_owned(), body: Some(body), key: None, repeatable: false }
    }
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn problem(&self) -> Problem {
        Problem::of(self.status, &self.body)
    }

    /// The body as JSON; null if it is empty.
    pub(super) fn json(&self, server: &str) -> Result<Value, CliError> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body)
            .map_err(|_| CliError::Failure(format!("{server} answered with something that is no JSON")))
    }

    /// The cookie whose name ends so, as `name=value`.
    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        let found = self.cookies.iter().find(|cookie| {
            let (set, value) = cookie.split_once('=').unwrap_or_default();
            set.ends_with(name) && !value.is_empty()
        });
        found.map(String::as_str)
    }
}

impl HttpClient {
    pub(super) fn new(profile: Profile) -> Result<Self, CliError> {
        // An error means that a provider is already installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .user_agent(concat!("portcullis-cli/", env!("CARGO_PKG_VERSION")));
        // Plain HTTP to this machine is permitted because it does not leave it. So it must not go to a proxy.
        if is_loopback(&profile.url) {
            client = client.no_proxy();
        }
        if let Some(path) = &profile.ca_file {
            let pem = read(path)?;
            let trusted = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(path, &error))?;
            if trusted.is_empty() {
                return Err(CliError::Failure(format!("{} has no certificate", path.display())));
            }
            client = client.tls_certs_only(trusted);
        }
        if let Some(path) = &profile.client_cert {
            let identity = Identity::from_pem(&read(path)?).map_err(|error| unusable(path, &error))?;
            client = client.identity(identity);
        }
        let client = client.build().map_err(|error| CliError::Failure(in_words(&error)))?;
        Ok(Self { client, profile })
    }

    pub(super) fn profile(&self) -> &Profile {
        &self.profile
    }

    pub(super) fn server(&self) -> String {
        self.profile.server()
    }

    /// Sends the request, and repeats it if that is safe: if the server is busy, or if the answer was lost.
    ///
    /// # Errors
    /// `Unreachable` if there is no answer.
    pub(super) async fn send(
        &self,
        request: &Request,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, CliError> {
        let mut repeated = 0;
        loop {
            let answer = self.once(request, &with).await;
            let may_repeat = repeated < REPETITIONS;
            repeated += 1;
            match answer {
                Err(Lost { connected: true, .. }) if may_repeat && request.repeatable => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(lost) => return Err(self.unreachable(&lost.error)),
                Ok((answer, Some(wait)))
                    if may_repeat && wait <= LONGEST_WAIT && is_busy(answer.status, request) =>
                {
                    eprintln!("portcullis: the server is busy; the next attempt is in {wait} s");
                    tokio::time::sleep(Duration::from_secs(wait.max(1))).await;
                }
                Ok((answer, _)) => return Ok(answer),
            }
        }
    }

    /// Sends the request once, and returns the answer before its body has arrived.
    pub(super) async fn stream(
        &self,
        request: &Request,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Streamed, CliError> {
        let sent = self.build(request, &with).send();
        let response = tokio::time::timeout(ANSWER_WITHIN, sent).await;
        let response =
            response.map_err(|_| CliError::Unreachable(format!("{} does not answer", self.server())))?;
        Ok(Streamed { response: response.map_err(|error| self.unreachable(&error))?, server: self.server() })
    }

    fn build(&self, request: &Request, with: &impl Fn(RequestBuilder) -> RequestBuilder) -> RequestBuilder {
        let Request { method, path, body, key, .. } = request;
        let mut builder = self
            .client
            .request(method.clone(), self.profile.at(path))
            .header(header::ACCEPT, "application/json");
        if let Some(body) = body {
            builder = builder.json(body);
        }
        if let Some(key) = key {
            builder = builder.header("idempotency-key", key);
        }
        with(builder)
    }

    async fn once(
        &self,
        request: &Request,
        with: &impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<(Answer, Option<u64>), Lost> {
        let lost = |error: reqwest::Error| Lost { connected: !error.is_connect(), error };
        let mut response = self.build(request, with).timeout(ANSWER_WITHIN).send().await.map_err(lost)?;
        let status = response.status().as_u16();
        let text =
            |name| response.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        let wait = text(header::RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
        let cookies = response.headers().get_all(header::SET_COOKIE).iter();
        let cookies = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        let cookies = cookies.map(|cookie| cookie.trim().to_owned()).collect();
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(lost)? {
            body.extend_from_slice(&part);
            if body.len() > MAX_BYTES {
                break;
            }
        }
        Ok((Answer { status, body, cookies }, wait))
    }

    fn unreachable(&self, error: &reqwest::Error) -> CliError {
        CliError::Unreachable(format!("{} cannot be reached: {}", self.server(), in_words(error)))
    }
}

/// An answer whose body is read part by part.
pub(super) struct Streamed {
    response: Response,
    server: String,
}

impl Streamed {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The next part of the body; `None` at its end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, CliError> {
        let server = &self.server;
        let part = tokio::time::timeout(SILENT_WITHIN, self.response.chunk()).await;
        let part = part.map_err(|_| CliError::Unreachable(format!("{server} stopped to send")))?;
        let part = part.map_err(|error| {
            CliError::Unreachable(format!("the answer of {server} broke off: {}", in_words(&error)))
        })?;
        Ok(part.map(Vec::from))
    }

    /// The whole answer.
    pub(super) async fn finish(mut self) -> Result<Answer, CliError> {
        let (status, mut body) = (self.status(), Vec::new());
        while let Some(part) = self.next().await? {
            body.extend_from_slice(&part);
            if body.len() > MAX_BYTES {
                break;
            }
        }
        Ok(Answer { status, body, cookies: Vec::new() })
    }
}

/// A request without an answer.
struct Lost {
    /// Whether the server may have got the request.
    connected: bool,
    error: reqwest::Error,
}

/// Whether the answer says that the request had no effect because the server is busy. A change without a key is repeated only
/// after 429, which the server answers before any work.
fn is_busy(status: u16, request: &Request) -> bool {
    status == 429 || (status == 503 && request.repeatable)
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| CliError::Failure(format!("cannot read {}: {error}", path.display())))
}

fn unusable(path: &Path, error: &reqwest::Error) -> CliError {
    CliError::Failure(format!("{} cannot be used: {}", path.display(), in_words(error)))
}

/// The causes of the error. The first one of `reqwest` only repeats the URL.
fn in_words(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        source = cause.source();
    }
    if error.is_timeout() {
        texts.push("it took too long".to_owned());
    }
    if texts.is_empty() { error.to_string() } else { harmless(&texts.join(": ")) }
}
