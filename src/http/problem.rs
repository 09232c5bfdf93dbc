//! Errors as RFC 9457 `application/problem+json`: the one shape in which a request is refused.
//!
//! Handlers and extractors return a [`Problem`]; the middleware renders it with the request's id. The texts are written
//! here or in the services for people to read: what a library says about an error never reaches a client.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
};

use domain::{
    factors::challenge::ProofMethod,
    problem::{MEDIA_TYPE, Policy, ProblemDetails, retry_after},
    tokens::credential::CredentialError,
};
use service::{Denied, Failure, Refusal};

/// Under what rule a request was refused as one too many, and how long that lasts.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Why a request is refused.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// Stable, snake case: what programs act on.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: Cow<'static, str>,
    retry_after: Option<u64>,
    policy: Option<Box<Policy>>,
    methods: Vec<ProofMethod>,
    allow: Option<&'static str>,
}

impl Problem {
    /// A refusal with this status, code and sentence.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self { status, code, detail, retry_after: None, policy: None, methods: Vec::new(), allow: None }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401 without any credential.
    pub fn not_authenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_authenticated", "Sign in first.")
    }

    /// 403.
    pub fn forbidden(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 403 for want of a recent proof of presence, with the ways in which this user can give one.
    pub fn step_up_required(methods: Vec<ProofMethod>) -> Self {
        let problem = Self::forbidden("step_up_required", "Prove your presence again, then repeat this.");
        Self { methods, ..problem }
    }

    /// 404 for a path that leads nowhere.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here.")
    }

    /// 405, naming the methods that there are.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This method is not offered here.",
        );
        Self { allow: Some(allow), ..problem }
    }

    /// 422: understood, but not what is asked for here.
    pub fn unprocessable(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 429 by this policy; come back in `seconds`.
    pub fn too_many(seconds: u64, policy: Policy) -> Self {
        let detail = "Too many attempts. Try again later.";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
        Self { policy: Some(Box::new(policy)), ..problem.with_retry_after(seconds) }
    }

    /// 503; come back in `seconds`.
    pub fn unavailable(seconds: u64) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "This cannot be answered right now. Try again soon.",
        )
        .with_retry_after(seconds)
    }

    /// 500; what happened is in the log under the request's id.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on the server.")
    }

    /// The same, said more exactly.
    pub(super) fn because(self, code: &'static str, detail: &'static str) -> Self {
        Self { code, detail: detail.into(), ..self }
    }

    /// The refusal that stands for an error of the framework, of which only the status is kept.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::REQUEST_TIMEOUT => {
                Self::new(status, "request_timeout", "The request took too long to arrive.")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "body_too_large", "The body is too large."),
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable(1),
            status if status.is_client_error() => {
                Self::new(status, "bad_request", "The request cannot be understood.")
            }
            _ => Self::internal(),
        }
    }

    /// The same, with the time after which to try again.
    fn with_retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The answer, for the request with this id.
    pub(super) fn render(&self, request_id: &str) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after {
            answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
            if let Some(policy) = &self.policy {
                answer.insert_header((RATE_LIMIT_POLICY, policy.header()));
                answer.insert_header((RATE_LIMIT, policy.exhausted(seconds)));
            }
        }
        if let Some(methods) = self.allow {
            answer.insert_header((header::ALLOW, methods));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, self.challenge()));
        }
        let details = ProblemDetails {
            status: self.status.as_u16(),
            title: self.status.canonical_reason(),
            code: self.code,
            detail: &self.detail,
            request_id,
            methods: &self.methods,
        };
        answer.content_type(MEDIA_TYPE).body(details.body())
    }

    /// RFC 6750, 3: the error is named only when a token was shown.
    fn challenge(&self) -> &'static str {
        match self.code {
            // What was wrong was a proof, not the token that may have come with it.
            "not_authenticated"
            | "invalid_credentials"
            | "invalid_second_factor"
            | "passkey_refused"
            | "passkey_suspended"
            | "ceremony_expired"
            | "origin_not_allowed"
            | "user_verification_required" => r#"Bearer realm="portcullis""#,
            _ => r#"Bearer realm="portcullis", error="invalid_token""#,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.render("")
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Invalid { code, detail } => Self::new(StatusCode::UNAUTHORIZED, code, detail),
            Failure::Forbidden { code, detail } => Self::forbidden(code, detail),
            Failure::StepUpRequired { methods } => Self::step_up_required(methods),
            Failure::BadRequest { code, detail } => Self::unprocessable(code, detail),
            Failure::NotFound { code, detail } => Self::new(StatusCode::NOT_FOUND, code, detail),
            Failure::Conflict { code, detail } => Self::new(StatusCode::CONFLICT, code, detail),
            Failure::TooMany { retry_after: wait, policy } => Self::too_many(retry_after(wait), policy),
            Failure::Unavailable { retry_after: wait } => Self::unavailable(retry_after(wait)),
            Failure::Internal => Self::internal(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = refusal.code();
        let invalid = |detail| Self::new(StatusCode::UNAUTHORIZED, code, detail);
        match refusal {
            Refusal::Invalid(_) => invalid("The token is not valid. Sign in again."),
            Refusal::Expired => invalid("The token has expired. Refresh it."),
            Refusal::Ended(_) => invalid("The session has ended. Sign in again."),
            Refusal::Forbidden(_) | Refusal::Denied(Denied::Blocked) => {
                Self::forbidden(code, "This account may not come in.")
            }
            Refusal::Denied(_) => invalid("The token has been revoked. Sign in again."),
            Refusal::Unavailable => Self::unavailable(1),
        }
    }
}

impl From<CredentialError> for Problem {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::QueryTokenElsewhere => Self::bad_request(
                "token_in_query",
                "A token in the query is not accepted here. Send it in a header.",
            ),
            CredentialError::Repeated => Self::bad_request(
                "repeated_credential",
                "A credential is given more than once, and they differ.",
            ),
            CredentialError::Malformed => Self::bad_request(
                "malformed_authorization",
                "The Authorization header must be: Bearer, a space, the token.",
            ),
        }
    }
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
