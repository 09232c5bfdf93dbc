//! Refusals as RFC 9457 problem details: one form for every part of the server.
//!
//! The REST layer and the WebSocket handshake put a document of this form into their responses. Here, a status is a number and
//! a phrase, without types of an HTTP library.

use std::time::Duration;

use protocol::limit::Limit;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{factors::challenge::ProofMethod, request::RequestIds};

/// The media type of every refusal.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The content of a refusal, field by field.
#[derive(Clone, Copy, Debug)]
pub struct ProblemDetails<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The reason phrase of the status; without one, the title is `Error`.
    pub title: Option<&'a str>,
    /// A stable name in snake case, for programs.
    pub code: &'a str,
    /// A sentence for people.
    pub detail: &'a str,
    /// The names of the request in logs and traces.
    pub ids: &'a RequestIds,
    /// The ways to prove presence, if such a proof is missing; otherwise empty.
    pub methods: &'a [ProofMethod],
}

/// The response body of every refusal (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument<'a> {
    /// A name of the kind of problem: `urn:portcullis:problem:` and the code.
    r#type: String,
    /// The reason phrase of the status.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// A sentence for people.
    detail: &'a str,
    /// A stable name, for programs.
    code: &'a str,
    /// The id of the request in the log.
    request_id: &'a str,
    /// The id of the trace of the request.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    trace_id: &'a str,
    /// The ways to prove presence, if such a proof is missing.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    methods: &'a [ProofMethod],
}

impl ProblemDetails<'_> {
    /// The response body: JSON of [`MEDIA_TYPE`].
    #[must_use]
    pub fn body(&self) -> String {
        let document = ProblemDocument {
            r#type: format!("urn:portcullis:problem:{}", self.code),
            title: self.title.unwrap_or("Error"),
            status: self.status,
            detail: self.detail,
            code: self.code,
            request_id: &self.ids.request_id,
            trace_id: &self.ids.trace_id,
            methods: self.methods,
        };
        serde_json::to_string(&document).expect("texts and a number serialise")
    }
}

/// The value of `Retry-After` (RFC 9110, 10.2.3): whole seconds, rounded up, at least one.
#[must_use]
pub fn retry_after(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The limit that caused a refusal, as response headers state it (draft-ietf-httpapi-ratelimit-headers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The name of the limit.
    pub name: &'static str,
    /// The amount that the limit permits: in each period, or at the same time if the limit is not a rate.
    pub quota: u32,
    /// The period; `None` if the limit is not a rate.
    pub window: Option<Duration>,
}

impl From<Limit> for Policy {
    fn from(limit: Limit) -> Self {
        Self { name: limit.name, quota: limit.burst, window: Some(limit.period) }
    }
}

impl Policy {
    /// A ban: nothing is permitted until the ban ends.
    pub const BAN: Self = Self { name: "ban", quota: 0, window: None };

    /// The value of `RateLimit-Policy`.
    #[must_use]
    pub fn header(&self) -> String {
        let window = self.window.map_or_else(String::new, |window| format!(";w={}", retry_after(window)));
        format!("\"{}\";q={}{window}", self.name, self.quota)
    }

    /// The value of `RateLimit` in a refusal: nothing is permitted for `wait` seconds. `Retry-After` has the same number.
    #[must_use]
    pub fn exhausted(&self, wait: u64) -> String {
        format!("\"{}\";r=0;t={wait}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_refusal_has_every_field() {
        let ids = RequestIds { request_id: "r-1".to_owned(), trace_id: "t-1".to_owned(), parent: None };
        let problem = ProblemDetails {
            status: 403,
            title: Some("Forbidden"),
            code: "step_up_required",
            detail: "Prove it \"again\".",
            ids: &ids,
            methods: &[],
        };
        let body: Value = serde_json::from_str(&problem.body()).unwrap();
        let wanted = json!({
            "type": "urn:portcullis:problem:step_up_required", "title": "Forbidden", "status": 403,
            "detail": "Prove it \"again\".", "code": "step_up_required", "request_id": "r-1",
            "trace_id": "t-1",
        });
        assert_eq!(body, wanted);
        let problem = ProblemDetails { methods: &[ProofMethod::Password, ProofMethod::Totp], ..problem };
        let body: Value = serde_json::from_str(&problem.body()).unwrap();
        assert_eq!(body["methods"], json!(["password", "totp"]));
    }

    #[test]
    fn a_policy_is_written_as_structured_fields() {
        let limit = Limit { name: "login_address", burst: 30, period: Duration::from_secs(60) };
        let policy = Policy::from(limit);
        assert_eq!(policy.header(), r#""login_address";q=30;w=60"#);
        assert_eq!(policy.exhausted(17), r#""login_address";r=0;t=17"#);
        assert_eq!(Policy::BAN.header(), r#""ban";q=0"#);
    }

    #[test]
    fn retry_after_is_rounded_up_and_at_least_one() {
        let waits = [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)];
        for (millis, seconds) in waits {
            assert_eq!(retry_after(Duration::from_millis(millis)), seconds, "{millis} ms");
        }
        assert_eq!(retry_after(Duration::MAX), u64::MAX);
    }
}
