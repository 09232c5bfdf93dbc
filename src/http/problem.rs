//! Errors as RFC 9457 `application/problem+json`: every rejection of REST has this form. Only the methods of the server API
//! have errors of another form.
//!
//! Handlers and extractors return a [`Problem`]; the middleware renders it with the id of the request. The texts are written in
//! this folder or in the services, for people to read. The error text of a library never reaches a client.

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
    request::RequestIds,
    tokens::credential::CredentialError,
};
use service::{Denied, Failure, Refusal};

/// The headers with the exceeded limit, and with the time until the limit permits a request again
/// (draft-ietf-httpapi-ratelimit-headers).
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Why a request is rejected.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable name in snake case. Programs act on it.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: Cow<'static, str>,
    retry_after: Option<u64>,
    policy: Option<Box<Policy>>,
    methods: Vec<ProofMethod>,
    allow: Option<Cow<'static, str>>,
}

impl Problem {
    /// A problem with this status, code and sentence.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self { status, code, detail, retry_after: None, policy: None, methods: Vec::new(), allow: None }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401: the request has no credential.
    pub fn not_authenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_authenticated", "Sign in first.")
    }

    /// 403.
    pub fn forbidden(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 403: the request needs a recent step-up. `methods` are this user's ways to do a step-up.
    pub fn step_up_required(methods: Vec<ProofMethod>) -> Self {
        let problem = Self::forbidden("step_up_required", "Do a step-up first, then repeat this request.");
        Self { methods, ..problem }
    }

    /// 404: the path does not exist.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "This path does not exist.")
    }

    /// 405, with the methods that the path has.
    pub fn method_not_allowed(allow: impl Into<Cow<'static, str>>) -> Self {
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This path does not have this method.",
        );
        Self { allow: Some(allow.into()), ..problem }
    }

    /// 422: the request is readable, but has missing, unknown or unacceptable values.
    pub fn unprocessable(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 429: the request exceeds the limit of this policy. The client may retry after `seconds`.
    pub fn too_many(seconds: u64, policy: Policy) -> Self {
        let detail = "Too many attempts. Try again later.";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
        Self { policy: Some(Box::new(policy)), ..problem.with_retry_after(seconds) }
    }

    /// 503. The client may retry after `seconds`.
    pub fn unavailable(seconds: u64) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The server cannot answer this now. Try again soon.",
        )
        .with_retry_after(seconds)
    }

    /// 500. The log has the cause, under the id of the request.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on the server.")
    }

    /// The same problem with a more exact code and sentence.
    pub(super) fn with_detail(self, code: &'static str, detail: &'static str) -> Self {
        Self { code, detail: detail.into(), ..self }
    }

    /// The problem for an error of actix-web. Only the status of that error is used.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(status, "method_not_allowed", "This path does not have this method.")
            }
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

    /// The same problem with a `Retry-After`.
    fn with_retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The answer, for the request with these ids.
    pub(super) fn render(&self, ids: &RequestIds) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after {
            answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
            if let Some(policy) = &self.policy {
                answer.insert_header((RATE_LIMIT_POLICY, policy.header()));
                answer.insert_header((RATE_LIMIT, policy.exhausted(seconds)));
            }
        }
        if let Some(methods) = &self.allow {
            answer.insert_header((header::ALLOW, methods.as_ref()));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, self.www_authenticate()));
        }
        let details = ProblemDetails {
            status: self.status.as_u16(),
            title: self.status.canonical_reason(),
            code: self.code,
            detail: &self.detail,
            ids,
            methods: &self.methods,
        };
        answer.content_type(MEDIA_TYPE).body(details.body())
    }

    /// The value of `WWW-Authenticate` (RFC 6750, 3). It names the error `invalid_token` only for problems with a token.
    fn www_authenticate(&self) -> &'static str {
        match self.code {
            "invalid_token" | "token_expired" | "token_revoked" | "tokens_invalidated"
            | "session_expired" | "session_revoked" | "session_unknown" => {
                r#"Bearer realm="portcullis", error="invalid_token""#
            }
            _ => r#"Bearer realm="portcullis""#,
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
        self.render(&RequestIds::default())
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
            Failure::Busy { retry_after: wait } | Failure::Unavailable { retry_after: wait } => {
                Self::unavailable(retry_after(wait))
            }
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
                Self::forbidden(code, "This account is not active, or it is blocked.")
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
                "A credential is given more than once, with different values.",
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
