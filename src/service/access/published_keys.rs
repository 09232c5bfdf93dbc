//! The keys that an external issuer publishes. They are fetched when they are needed, and kept for a while. If a token names a
//! key that is not among them, they are fetched again.
//!
//! The keys are fetched from the address in the settings, so the senders of tokens cannot choose the address. It may be an
//! address of an inner network, because many identity providers are there. TLS proves that the server at the address is the
//! configured one. If the settings ask for it, only public addresses are used.
//!
//! The senders can cause only a limited rate of fetches: one fetch runs at a time, and there is a pause between two fetches. The
//! pause grows while fetches fail. If the keys cannot be fetched again, the old keys are trusted until an hour after they were
//! fetched. After that, no token of the issuer can be judged.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::issuer::{Authorities, KeySet};
use parking_lot::Mutex;
use reqwest::{Certificate, Client, StatusCode, Url, redirect};
use tokio::{runtime::Handle, sync::Mutex as FetchLock};

use crate::core::{clock::Clock, public_addresses::PublicAddresses, request_error::request_error};

/// How long keys are used without checking that they are still published.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// If keys cannot be fetched again, they are used until they have this age.
const TRUSTED: Duration = Duration::from_secs(60 * 60);
/// The pause after a successful fetch.
const PAUSE: Duration = Duration::from_secs(10);
/// The longest pause after repeated failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long a fetch may take. The client that has sent the token waits for the fetch.
const FETCH_WITHIN: Duration = Duration::from_secs(3);
/// The largest key set, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// The keys of an issuer are not available now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoKeys;

/// The keys published at one address.
pub(crate) struct PublishedKeys {
    source: Arc<Source>,
    runtime: Handle,
}

struct Source {
    url: String,
    authorities: Option<Authorities>,
    /// Whether only addresses of the public internet are asked.
    public_only: bool,
    clock: Clock,
    state: Mutex<State>,
    /// Locked during a fetch. Other requests wait for the lock and then find the result.
    fetching: FetchLock<Option<Client>>,
}

#[derive(Default)]
struct State {
    keys: Option<(Arc<KeySet>, Instant)>,
    failures: u32,
    tried_at: Option<Instant>,
}

/// What is known about the keys before a fetch.
enum Known {
    /// These keys can be used without a fetch.
    Good(Arc<KeySet>),
    /// The issuer may have replaced these keys. If the fetch fails, they are still used if the wanted key is among them.
    Old(Arc<KeySet>),
    /// There are no keys, or they are too old to be trusted.
    Nothing,
    /// The last fetch is too recent for another one, and the keys in memory do not suffice.
    NotAgainYet,
}

impl PublishedKeys {
    /// The keys at this address. With `public_only`, the name in the URL must lead to an address of the public internet.
    pub(crate) fn new(
        url: String,
        authorities: Option<Authorities>,
        public_only: bool,
        clock: Clock,
        runtime: Handle,
    ) -> Self {
        let (state, fetching) = (Mutex::default(), FetchLock::new(None));
        let source = Source { url, authorities, public_only, clock, state, fetching };
        Self { source: Arc::new(source), runtime }
    }

    /// The keys of the issuer. The keys in memory are fetched again if they are older than [`FRESH`], or if the key with the id
    /// `kid` is not among them. They are not fetched while the last fetch is too recent.
    pub(crate) async fn keys(&self, kid: Option<&str>) -> Result<Arc<KeySet>, NoKeys> {
        if let Known::Good(keys) = self.source.known(kid) {
            return Ok(keys);
        }
        let (source, kid) = (Arc::clone(&self.source), kid.map(str::to_owned));
        // If the client disconnects, the fetch still finishes, and its result is kept.
        let fetching = self.runtime.spawn(async move { source.refreshed(kid.as_deref()).await });
        fetching.await.unwrap_or(Err(NoKeys))
    }
}

impl Source {
    async fn refreshed(&self, kid: Option<&str>) -> Result<Arc<KeySet>, NoKeys> {
        let mut client = self.fetching.lock().await;
        let old = match self.known(kid) {
            Known::Good(keys) => return Ok(keys),
            Known::NotAgainYet => return Err(NoKeys),
            Known::Old(keys) => Some(keys),
            Known::Nothing => None,
        };
        let fetched = self.fetch(&mut client).await;
        let mut state = self.state.lock();
        state.tried_at = Some(self.clock.moment());
        match fetched {
            Ok(keys) => {
                let keys = Arc::new(keys);
                state.failures = 0;
                state.keys = Some((Arc::clone(&keys), self.clock.moment()));
                Ok(keys)
            }
            Err(error) => {
                state.failures = state.failures.saturating_add(1);
                tracing::warn!(url = self.url, %error, "could not fetch the keys of an external issuer");
                old.filter(|keys| keys.knows(kid)).ok_or(NoKeys)
            }
        }
    }

    fn known(&self, kid: Option<&str>) -> Known {
        let state = self.state.lock();
        let now = self.clock.moment();
        let since_try = state.tried_at.map(|at| now.saturating_duration_since(at));
        let pausing = since_try.is_some_and(|since| since < state.pause());
        match &state.keys {
            Some((keys, at)) => {
                let age = now.saturating_duration_since(*at);
                let known = keys.knows(kid);
                // If the last fetch succeeded, `keys` has every key of the issuer. If the fetch failed, the issuer may have
                // published another key meanwhile.
                let settled = known || state.failures == 0;
                match (age < FRESH && known, pausing) {
                    (true, _) => Known::Good(Arc::clone(keys)),
                    (false, true) if settled && age < TRUSTED => Known::Good(Arc::clone(keys)),
                    (false, true) => Known::NotAgainYet,
                    (false, false) if age < TRUSTED => Known::Old(Arc::clone(keys)),
                    (false, false) => Known::Nothing,
                }
            }
            None if pausing => Known::NotAgainYet,
            None => Known::Nothing,
        }
    }

    async fn fetch(&self, client: &mut Option<Client>) -> Result<KeySet, String> {
        let client = match client {
            Some(client) => client,
            none => none.insert(self.new_client()?),
        };
        let asked = client.get(&self.url).header("accept", "application/json").send().await;
        let mut answer = asked.map_err(request_error)?;
        // Every status other than 200 is an error. A redirect is not followed: the keys must come from the configured address.
        if answer.status() != StatusCode::OK {
            return Err(format!("answered with {}", answer.status()));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(request_error)? {
            body.extend_from_slice(&part);
            if body.len() > MAX_BYTES {
                return Err(format!("more than {MAX_BYTES} bytes"));
            }
        }
        let text = String::from_utf8(body).map_err(|_| "not UTF-8".to_owned())?;
        KeySet::published(&text).map_err(|error| error.to_string())
    }

    fn is_loopback(&self) -> bool {
        let url = Url::parse(&self.url).ok();
        url.is_some_and(|url| matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")))
    }

    /// The HTTP client for fetches. It follows no redirects: only the settings decide where keys come from.
    fn new_client(&self) -> Result<Client, String> {
        // An error means that a provider is already installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(FETCH_WITHIN)
            .user_agent("portcullis");
        if let Some(authorities) = &self.authorities {
            let certificates = authorities.der().map(Certificate::from_der).collect::<Result<Vec<_>, _>>();
            client = client.tls_certs_only(certificates.map_err(request_error)?);
        }
        if self.public_only {
            // A proxy would resolve the name itself.
            client = client.no_proxy().dns_resolver(Arc::new(PublicAddresses));
        }
        // A proxy on another machine cannot reach the loopback addresses of this machine, so no proxy is used for them.
        let client = if self.is_loopback() { client.no_proxy() } else { client };
        client.build().map_err(request_error)
    }
}

impl State {
    fn pause(&self) -> Duration {
        match self.failures {
            0 => PAUSE,
            failures => Duration::from_secs(1 << failures.min(6)).min(LONGEST_PAUSE),
        }
    }
}
