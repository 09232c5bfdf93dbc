//! Complete answers to REST requests.

use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::Value;

use super::{conformance, secret_watch};

/// An HTTP answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body as JSON; null if it is not JSON.
    pub(crate) body: Value,
    pub(crate) text: String,
}

/// Sends a request and reads the answer.
pub(crate) trait Ask {
    async fn ask(self) -> Answer;
}

impl Ask for RequestBuilder {
    async fn ask(self) -> Answer {
        secret_watch::note_request(&self);
        let request = self.try_clone().and_then(|request| request.build().ok());
        let asked = request.map(|request| (request.method().clone(), request.url().path().to_owned()));
        let answer = self.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.expect("the whole body");
        let body = serde_json::from_str(&text).unwrap_or_default();
        secret_watch::note_headers(&headers);
        secret_watch::note_json(&body);
        let answer = Answer { status, headers, body, text };
        if let Some((method, path)) = asked {
            conformance::check(&method, &path, &answer);
        }
        answer
    }
}

impl Answer {
    /// Checks that the answer has this status, and returns the answer.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Checks that the answer is a complete problem document with this status and code, and returns the answer.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status).problem();
        assert_eq!(answer.code(), code, "{}", answer.text);
        answer
    }

    /// Checks that the answer is a complete problem document (RFC 9457), and returns the answer.
    #[track_caller]
    pub(crate) fn problem(self) -> Self {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text);
        assert_eq!(self.body["status"], u64::from(self.status), "{}", self.text);
        for field in ["type", "title", "detail", "code", "request_id"] {
            assert!(self.body[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {}", self.text);
        }
        assert_eq!(self.header("x-request-id"), self.body["request_id"].as_str(), "{}", self.text);
        self
    }

    /// The problem's code; empty if there is none.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The seconds in `Retry-After`.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.header("retry-after")?.parse().ok()
    }

    /// A text field of the body.
    #[track_caller]
    pub(crate) fn text_of(&self, field: &str) -> String {
        let Some(text) = self.body[field].as_str() else { panic!("no {field}: {}", self.text) };
        text.to_owned()
    }

    /// The `Set-Cookie` line of this cookie.
    pub(crate) fn set_cookie(&self, name: &str) -> Option<&str> {
        let lines = self.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
        lines.into_iter().find(|line| line.split('=').next() == Some(name))
    }

    /// The value that the answer gives this cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let line = self.set_cookie(name)?;
        let pair = line.split(';').next()?;
        Some(pair.split_once('=')?.1.to_owned())
    }
}
