//! [`ObjectStore`]: a bucket of an object store that speaks the protocol of Amazon S3. It creates, lists and reads objects, and never
//! replaces or deletes one. Only `object_anchor` uses it; what an object means is decided there.
//!
//! Requests are signed in their query (Signature Version 4) by `rusty_s3`, which makes no request itself. Errors name the request, the
//! status and the code of the store, and never a signed URL or a secret.

use std::{path::Path, time::Duration};

use reqwest::{Certificate, Client, Method, StatusCode, Url, redirect};
use rusty_s3::{
    Bucket, Credentials, S3Action as _, UrlStyle,
    actions::{GetObject, ListObjectsV2, PutObject},
};
use secrecy::ExposeSecret as _;

use super::object_store_settings::ObjectStoreSettings;
use crate::core::request_error::request_error;

/// How long a request may take.
const WITHIN: Duration = Duration::from_secs(30);
/// How long a signature is good for. A repeated request is signed anew.
const SIGNED_FOR: Duration = Duration::from_secs(300);
/// The longest answer, in bytes. A page of a list has at most 1,000 names of at most 1,024 bytes, and each with some further fields.
const MAX_BYTES: usize = 16 << 20;
/// How often a request is repeated when the store is busy or does not answer.
const REPETITIONS: u32 = 4;
/// How long the first repetition waits. Each further one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The bucket. Clones are cheap.
#[derive(Clone)]
pub(super) struct ObjectStore {
    bucket: Bucket,
    credentials: Credentials,
    client: Client,
}

/// What became of an object that was to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Created {
    /// It was created.
    Now,
    /// There was one with this name, which is as it was.
    Before,
}

/// A page of a list of names.
pub(super) struct Names {
    /// The names, in the order of their bytes.
    pub(super) names: Vec<String>,
    /// Where the next page begins, if there is one.
    pub(super) next: Option<String>,
}

/// An answer that was read to its end.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl ObjectStore {
    /// The bucket of these settings. Nothing is sent.
    ///
    /// # Errors
    /// The settings do not fit together, or the file of the authorities cannot be used.
    pub(super) fn open(settings: &ObjectStoreSettings) -> Result<Self, String> {
        if settings.endpoint.scheme() != "https" && !is_loopback(&settings.endpoint) {
            // Without TLS, anything between could hide checkpoints from the verification.
            return Err(format!(
                "{}: the endpoint must be an https URL, except on this machine",
                settings.endpoint
            ));
        }
        let style = if settings.virtual_host { UrlStyle::VirtualHost } else { UrlStyle::Path };
        let (endpoint, name) = (settings.endpoint.clone(), settings.bucket.clone());
        let bucket = Bucket::new(endpoint, style, name, settings.region.clone()).map_err(|_| {
            format!(
                "the bucket `{}` and the endpoint {} make no URL: the style virtual-host needs a name of a host, and a bucket whose name can be a part of it",
                settings.bucket, settings.endpoint
            )
        })?;
        let client = new_client(bucket.base_url(), settings.authorities.as_deref())?;
        let credentials = Credentials::new(&settings.key_id, settings.secret.expose_secret());
        Ok(Self { bucket, credentials, client })
    }

    /// The name of the bucket.
    pub(super) fn bucket(&self) -> &str {
        self.bucket.name()
    }

    /// Creates an object. An object with this name is not replaced: the store refuses, whatever comes between two requests.
    ///
    /// # Errors
    /// The store refuses, or cannot be reached.
    pub(super) async fn create(&self, name: &str, body: &str) -> Result<Created, String> {
        let sign = || {
            let mut action = PutObject::new(&self.bucket, Some(&self.credentials), name);
            action.headers_mut().insert("if-none-match", "*");
            action.sign(SIGNED_FOR)
        };
        let answer = self.send(&Method::PUT, sign, Some(body)).await;
        let answer = answer.map_err(|error| self.named("PUT", name, &error))?;
        match answer.status {
            StatusCode::PRECONDITION_FAILED => Ok(Created::Before),
            status if status.is_success() => Ok(Created::Now),
            _ => Err(self.named("PUT", name, &answer.refusal())),
        }
    }

    /// A page of the names that begin so, with at most so many.
    ///
    /// # Errors
    /// The store refuses, or cannot be reached, or its answer is no list.
    pub(super) async fn names(&self, prefix: &str, from: Option<&str>, most: usize) -> Result<Names, String> {
        let sign = || {
            let mut action = ListObjectsV2::new(&self.bucket, Some(&self.credentials));
            action.with_prefix(prefix);
            action.with_max_keys(most);
            if let Some(from) = from {
                action.with_continuation_token(from);
            }
            action.sign(SIGNED_FOR)
        };
        let body = self.read("the list of", prefix, sign).await?;
        let list = ListObjectsV2::parse_response(&body);
        let list = list.map_err(|_| self.named("the list of", prefix, "the answer is no list of objects"))?;
        let names = list.contents.into_iter().map(|object| object.key).collect();
        Ok(Names { names, next: list.next_continuation_token })
    }

    /// The content of an object.
    ///
    /// # Errors
    /// The store refuses, or cannot be reached, or the content is no text.
    pub(super) async fn get(&self, name: &str) -> Result<String, String> {
        let sign = || GetObject::new(&self.bucket, Some(&self.credentials), name).sign(SIGNED_FOR);
        self.read("GET", name, sign).await
    }

    /// The text of a successful answer.
    async fn read(&self, act: &str, name: &str, sign: impl Fn() -> Url) -> Result<String, String> {
        let answer = self.send(&Method::GET, sign, None).await;
        let answer = answer.map_err(|error| self.named(act, name, &error))?;
        if !answer.status.is_success() {
            return Err(self.named(act, name, &answer.refusal()));
        }
        String::from_utf8(answer.body).map_err(|_| self.named(act, name, "the content is no text"))
    }

    /// Sends the request, and sends it again while the store is busy or does not answer.
    async fn send(
        &self,
        method: &Method,
        sign: impl Fn() -> Url,
        body: Option<&str>,
    ) -> Result<Answer, String> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..REPETITIONS {
            match self.once(method, sign(), body).await {
                Ok(answer) if !answer.is_busy() => return Ok(answer),
                _ => tokio::time::sleep(pause).await,
            }
            pause *= 2;
        }
        self.once(method, sign(), body).await
    }

    async fn once(&self, method: &Method, url: Url, body: Option<&str>) -> Result<Answer, String> {
        let mut request = self.client.request(method.clone(), url);
        if let Some(body) = body {
            // The header is part of the signature.
            request = request.header("if-none-match", "*").body(body.to_owned());
        }
        let mut response = request.send().await.map_err(request_error)?;
        let (status, mut body) = (response.status(), Vec::new());
        while let Some(part) = response.chunk().await.map_err(request_error)? {
            body.extend_from_slice(&part);
            if body.len() > MAX_BYTES {
                return Err(format!("an answer of more than {MAX_BYTES} bytes"));
            }
        }
        Ok(Answer { status, body })
    }

    fn named(&self, act: &str, name: &str, reason: &str) -> String {
        format!("{act} s3://{}/{name}: {reason}", self.bucket())
    }
}

impl Answer {
    /// Whether the same request can succeed a moment later. 409 means that two requests created the object at the same time.
    fn is_busy(&self) -> bool {
        self.status.is_server_error() && self.status != StatusCode::NOT_IMPLEMENTED
            || matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT)
    }

    /// The status and the code of the store. The rest of its document can repeat the request, with the signature.
    fn refusal(&self) -> String {
        let status = self.status.as_u16();
        match code(&String::from_utf8_lossy(&self.body)) {
            Some(code) => format!("the store refused with {status} ({code})"),
            None if self.status.is_redirection() => {
                format!("the store refused with {status}: another endpoint or region has the bucket")
            }
            None => format!("the store refused with {status}"),
        }
    }
}

/// The code in an error document of the store.
fn code(document: &str) -> Option<&str> {
    let (_, rest) = document.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_word =
        !code.is_empty() && code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then_some(code)
}

fn new_client(url: &Url, authorities: Option<&Path>) -> Result<Client, String> {
    // An error means that a provider is already installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut client =
        Client::builder().redirect(redirect::Policy::none()).timeout(WITHIN).user_agent("portcullis");
    if let Some(path) = authorities {
        let wrong = |reason: String| format!("{}: {reason}", path.display());
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let trusted = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?;
        if trusted.is_empty() {
            return Err(wrong("it has no CERTIFICATE section".to_owned()));
        }
        client = client.tls_certs_only(trusted);
    }
    let host = url.host_str().unwrap_or_default();
    if is_loopback(url) {
        // A proxy on another machine cannot reach this one.
        client = client.no_proxy();
    }
    if host.ends_with(".localhost") {
        // Every name below `localhost` is this machine (RFC 6761, section 6.3), which not every resolver knows.
        client = client.resolve(host, (std::net::Ipv4Addr::LOCALHOST, 0).into());
    }
    client.build().map_err(request_error)
}

/// Whether the URL is one of this machine.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    address.map_or(host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_status_and_the_code_and_repeats_nothing_else() {
        let refusal = |status: u16, body: &str| {
            let answer = Answer { status: StatusCode::from_u16(status).unwrap(), body: body.into() };
            answer.refusal()
        };
        let document =
            "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>AWS4 secret</StringToSign></Error>";
        assert_eq!(refusal(403, document), "the store refused with 403 (SignatureDoesNotMatch)");
        assert_eq!(refusal(403, "<Code>\u{1b}[2J</Code>"), "the store refused with 403");
        assert_eq!(refusal(404, ""), "the store refused with 404");
        assert!(refusal(301, "").contains("another endpoint or region"));
    }

    #[test]
    fn only_what_may_pass_by_itself_is_asked_for_again() {
        let busy = |status: u16| {
            Answer { status: StatusCode::from_u16(status).unwrap(), body: Vec::new() }.is_busy()
        };
        assert!([500, 503, 429, 409].into_iter().all(busy));
        assert!(![200, 301, 400, 403, 404, 412, 501].into_iter().any(busy));
    }

    #[test]
    fn loopback_is_known_by_address_and_by_name() {
        let loopback = |url: &str| is_loopback(&Url::parse(url).unwrap());
        for url in ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost", "http://b.localhost"] {
            assert!(loopback(url), "{url}");
        }
        for url in ["http://10.0.0.1", "http://localhost.example.com", "https://s3.amazonaws.com"] {
            assert!(!loopback(url), "{url}");
        }
    }
}
