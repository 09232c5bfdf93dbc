//! [`HttpsClient`]: the HTTP client of the ACME library, made from `reqwest`.

use std::{future::Future, path::Path, pin::Pin, time::Duration};

use http_body_util::{BodyExt as _, Collected};
use http1::{Request, Response};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use reqwest::{Certificate, Client, redirect};

use super::error::AcmeError;

/// How long a request may take.
const WITHIN: Duration = Duration::from_secs(30);
/// The longest answer, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

pub(super) struct HttpsClient(Client);

impl HttpsClient {
    /// A client that trusts the authorities in this file, or else those of the operating system.
    pub(super) fn new(authorities: Option<&Path>) -> Result<Self, AcmeError> {
        // An error means that a provider is already installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut client =
            Client::builder().redirect(redirect::Policy::none()).timeout(WITHIN).https_only(true);
        if let Some(path) = authorities {
            let wrong = |reason: String| AcmeError::Client(format!("{}: {reason}", path.display()));
            let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let trusted = Certificate::from_pem_bundle(&text).map_err(|error| wrong(error.to_string()))?;
            if trusted.is_empty() {
                return Err(wrong("it has no CERTIFICATE section".to_owned()));
            }
            client = client.tls_certs_only(trusted);
        }
        client.build().map(Self).map_err(|error| AcmeError::Client(error.to_string()))
    }
}

impl HttpClient for HttpsClient {
    fn request(
        &self,
        request: Request<BodyWrapper<bytes::Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await.map(Collected::to_bytes);
            let request =
                client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
            let mut answer = request.send().await.map_err(|error| in_words(&error))?;
            let mut response = Response::new(());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            let mut bytes = Vec::new();
            while let Some(part) = answer.chunk().await.map_err(|error| in_words(&error))? {
                bytes.extend_from_slice(&part);
                if bytes.len() > MAX_BYTES {
                    return Err(Error::Other(format!("an answer of more than {MAX_BYTES} bytes").into()));
                }
            }
            let body = Box::new(bytes::Bytes::from(bytes));
            Ok(BytesResponse { parts: response.into_parts().0, body })
        })
    }
}

/// The error with its causes. `reqwest` itself names only the URL.
fn in_words(error: &reqwest::Error) -> Error {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    Error::Other(text.into())
}
